using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Xml;

namespace EmailRouter.Crm.Organization.Claims;

/// <summary>
/// Writes the headers of a message that a token logs in: WS-Addressing, and WS-Security with a timestamp, the token, and a signature over the timestamp with
/// the token's key (an endorsing supporting token over TLS, WS-SecurityPolicy 1.2).
/// </summary>
/// <remarks>
/// Timestamp and SignedInfo have one form each, so they are written as Exclusive XML Canonicalization makes them: no declaration but of the prefixes in use, no
/// empty-element tags, no white space. What is signed is what is sent.
/// </remarks>
internal static class SecurityHeader
{
    private const string TimestampId = "_0";

    /// <summary>How long a message is good for.</summary>
    private static readonly TimeSpan life = TimeSpan.FromMinutes(5);

    /// <summary>Writes the headers.</summary>
    /// <param name="xml">Where to, within the header of an envelope of SOAP 1.2.</param>
    /// <param name="token">The token; its <see cref="Soap.SoapLogin.Address"/> is where the message goes.</param>
    /// <param name="action">The message's action.</param>
    /// <param name="now">The time.</param>
    public static void Write(XmlWriter xml, IssuedToken token, string action, DateTimeOffset now)
    {
        WriteAddressing(xml, action, token.Address!);
        WriteStart(xml);
        string timestamp = Timestamp(now);
        xml.WriteRaw(timestamp);
        xml.WriteRaw(token.Token);
        xml.WriteRaw(Signature(timestamp, token));
        xml.WriteEndElement();
    }

    /// <summary>Writes the headers of WS-Addressing.</summary>
    /// <param name="xml">Where to.</param>
    /// <param name="action">The message's action.</param>
    /// <param name="to">Where it goes.</param>
    public static void WriteAddressing(XmlWriter xml, string action, Uri to)
    {
        WriteMust(xml, "Action", action);
        xml.WriteElementString("MessageID", ClaimsNames.Addressing, $"urn:uuid:{Guid.NewGuid():D}");
        xml.WriteStartElement("ReplyTo", ClaimsNames.Addressing);
        xml.WriteElementString("Address", ClaimsNames.Addressing, ClaimsNames.Anonymous);
        xml.WriteEndElement();
        WriteMust(xml, "To", to.AbsoluteUri);
    }

    /// <summary>Begins the header of WS-Security.</summary>
    /// <param name="xml">Where to.</param>
    public static void WriteStart(XmlWriter xml)
    {
        xml.WriteStartElement("o", "Security", ClaimsNames.Security);
        xml.WriteAttributeString("mustUnderstand", ClaimsNames.Envelope, "1");
    }

    /// <summary>Makes a timestamp in its canonical form.</summary>
    /// <param name="now">The time.</param>
    /// <returns>The element.</returns>
    public static string Timestamp(DateTimeOffset now) =>
        $"<u:Timestamp xmlns:u=\"{ClaimsNames.Utility}\" u:Id=\"{TimestampId}\">" +
        $"<u:Created>{Time(now)}</u:Created><u:Expires>{Time(now + life)}</u:Expires></u:Timestamp>";

    [SuppressMessage("Security", "CA5350:Do Not Use Weak Cryptographic Algorithms",
        Justification = "The service's algorithm suite (Basic256) is HMAC-SHA1 with SHA-1.")]
    private static string Signature(string timestamp, IssuedToken token)
    {
        string digest = Convert.ToBase64String(SHA1.HashData(Encoding.UTF8.GetBytes(timestamp)));
        string info =
            $"<SignedInfo xmlns=\"{ClaimsNames.Signature}\">" +
            $"<CanonicalizationMethod Algorithm=\"{ClaimsNames.ExclusiveC14n}\"></CanonicalizationMethod>" +
            $"<SignatureMethod Algorithm=\"{ClaimsNames.Signature}hmac-sha1\"></SignatureMethod>" +
            $"<Reference URI=\"#{TimestampId}\">" +
            $"<Transforms><Transform Algorithm=\"{ClaimsNames.ExclusiveC14n}\"></Transform></Transforms>" +
            $"<DigestMethod Algorithm=\"{ClaimsNames.Signature}sha1\"></DigestMethod><DigestValue>{digest}</DigestValue>" +
            "</Reference></SignedInfo>";
        string value = Convert.ToBase64String(HMACSHA1.HashData(token.Key, Encoding.UTF8.GetBytes(info)));
        return $"<Signature xmlns=\"{ClaimsNames.Signature}\">{info}<SignatureValue>{value}</SignatureValue><KeyInfo>{token.Reference}</KeyInfo></Signature>";
    }

    private static void WriteMust(XmlWriter xml, string name, string value)
    {
        xml.WriteStartElement(name, ClaimsNames.Addressing);
        xml.WriteAttributeString("mustUnderstand", ClaimsNames.Envelope, "1");
        xml.WriteString(value);
        xml.WriteEndElement();
    }

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}

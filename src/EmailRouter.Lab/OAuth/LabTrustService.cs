using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Xml;
using System.Xml.Linq;
using EmailRouter.Lab.Http;

namespace EmailRouter.Lab.OAuth;

/// <summary>
/// AD FS's endpoint for user names with passwords (WS-Trust 1.3 over TLS, <c>adfs/services/trust/13/usernamemixed</c>). Its tokens stand for encrypted
/// assertions: only the lab's services know what they mean, as only the CRM has the key of real ones.
/// </summary>
internal sealed class LabTrustService
{
    private const string KeyIdentifier = "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.0#SAMLAssertionID";

    private static readonly XNamespace soap = "http://www.w3.org/2003/05/soap-envelope";
    private static readonly XNamespace addressing = "http://www.w3.org/2005/08/addressing";
    private static readonly XNamespace trust = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
    private static readonly XNamespace policy = "http://schemas.xmlsoap.org/ws/2004/09/policy";
    private static readonly XNamespace security = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
    private static readonly XNamespace security11 = "http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd";
    private static readonly XNamespace utility = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
    private static readonly XNamespace encryption = "http://www.w3.org/2001/04/xmlenc#";

    private readonly ConcurrentDictionary<string, LabIssuedToken> tokens = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> parties = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Adds a service for which tokens are given: all addresses that begin so.</summary>
    public void AddParty(Uri address) => parties[address.AbsoluteUri] = true;

    /// <summary>Finds a token.</summary>
    /// <param name="cipherText">What stands in it.</param>
    /// <returns>The token; null when it is not of this lab.</returns>
    public LabIssuedToken? Find(string cipherText) => tokens.GetValueOrDefault(cipherText);

    /// <summary>Answers a request for a token.</summary>
    /// <param name="request">The request.</param>
    /// <param name="logIn">Logs a user in by password; gives null when it is wrong.</param>
    /// <param name="now">The time.</param>
    public LabHttpAnswer Answer(LabHttpRequest request, Func<string, string, LabAccessToken?> logIn, DateTimeOffset now)
    {
        XElement envelope;
        try
        {
            envelope = XElement.Parse(request.Text, LoadOptions.PreserveWhitespace);
        }
        catch (XmlException)
        {
            return LabHttpAnswer.OfText(400, string.Empty);
        }

        XElement? header = envelope.Element(soap + "Header"), guard = header?.Element(security + "Security");
        XElement? asked = envelope.Element(soap + "Body")?.Element(trust + "RequestSecurityToken");
        if (request.MediaType != "application/soap+xml" || guard is null || asked is null ||
            header!.Element(addressing + "Action")?.Value != trust.NamespaceName + "/RST/Issue" ||
            header.Element(addressing + "To")?.Value != request.BaseUrl + request.Path)
            return Fault("InvalidRequest", "The request was invalid or malformed.");
        if (!Spans(guard.Element(utility + "Timestamp"), now))
            return Fault("InvalidSecurity", "An error occurred when verifying security for the message.");
        XElement? name = guard.Element(security + "UsernameToken");
        if (logIn(name?.Element(security + "Username")?.Value ?? string.Empty, name?.Element(security + "Password")?.Value ?? string.Empty) is not { } user)
            return Fault("FailedAuthentication", "ID3242: The security token could not be authenticated or authorized.");
        string party = asked.Element(policy + "AppliesTo")?.Element(addressing + "EndpointReference")?.Element(addressing + "Address")?.Value ?? string.Empty;
        return parties.Keys.Any(p => party.StartsWith(p, StringComparison.OrdinalIgnoreCase))
            ? Give(user with { Audience = party, IssuedOn = now, ExpiresOn = now + (user.ExpiresOn - user.IssuedOn) }, Entropy(asked))
            : Fault("InvalidScope", "ID3082: The request scope is not valid or is unsupported.");
    }

    /// <summary>Says whether a timestamp spans the time, give or take five minutes.</summary>
    public static bool Spans(XElement? timestamp, DateTimeOffset now) =>
        Time(timestamp?.Element(utility + "Created")) is { } created && Time(timestamp?.Element(utility + "Expires")) is { } expires &&
        created < expires && created <= now.AddMinutes(5) && expires >= now.AddMinutes(-5);

    /// <summary>Makes a fault of SOAP 1.2.</summary>
    public static LabHttpAnswer Fault(string code, string words) => Enclose(500, new XElement(
        soap + "Fault",
        new XElement(
            soap + "Code",
            new XElement(soap + "Value", "s:Sender"),
            new XElement(
                soap + "Subcode",
                new XElement(soap + "Value", new XAttribute(XNamespace.Xmlns + "a", code == "InvalidScope" ? trust : security), "a:" + code))),
        new XElement(soap + "Reason", new XElement(soap + "Text", new XAttribute(XNamespace.Xml + "lang", "en-US"), words))));

    /// <summary>Makes an answer of SOAP 1.2.</summary>
    public static LabHttpAnswer Enclose(int status, XElement body) => LabHttpAnswer.OfText(
        status,
        new XElement(soap + "Envelope", new XAttribute(XNamespace.Xmlns + "s", soap.NamespaceName), new XElement(soap + "Body", body))
            .ToString(SaveOptions.DisableFormatting),
        "application/soap+xml; charset=utf-8");

    private LabHttpAnswer Give(LabAccessToken content, byte[]? entropy)
    {
        string id = $"_{Guid.NewGuid():D}", cipherText = Convert.ToBase64String(RandomNumberGenerator.GetBytes(96));
        byte[] own = RandomNumberGenerator.GetBytes(32);
        tokens[cipherText] = new LabIssuedToken(id, entropy is null ? own : Combine(entropy, own), content);
        XElement secret = new(trust + "BinarySecret", Convert.ToBase64String(own));
        XElement reference = new(
            security + "SecurityTokenReference",
            new XAttribute(XNamespace.Xmlns + "o", security.NamespaceName),
            new XAttribute(XNamespace.Xmlns + "k", security11.NamespaceName),
            new XAttribute(security11 + "TokenType", "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV1.1"),
            new XElement(security + "KeyIdentifier", new XAttribute("ValueType", KeyIdentifier), id));
        return Enclose(200, new XElement(
            trust + "RequestSecurityTokenResponseCollection",
            new XAttribute(XNamespace.Xmlns + "trust", trust.NamespaceName),
            new XElement(
                trust + "RequestSecurityTokenResponse",
                new XElement(trust + "Lifetime", Stamp("Created", content.IssuedOn), Stamp("Expires", content.ExpiresOn)),
                new XElement(
                    trust + "RequestedSecurityToken",
                    new XElement(
                        encryption + "EncryptedData",
                        new XAttribute(XNamespace.Xmlns + "xenc", encryption.NamespaceName),
                        new XElement(encryption + "CipherData", new XElement(encryption + "CipherValue", cipherText)))),
                entropy is null
                    ? new XElement(trust + "RequestedProofToken", secret)
                    : new XElement(trust + "RequestedProofToken", new XElement(trust + "ComputedKey", trust.NamespaceName + "/CK/PSHA1")),
                entropy is null ? null : new XElement(trust + "Entropy", secret),
                new XElement(trust + "RequestedAttachedReference", reference),
                new XElement(trust + "RequestedUnattachedReference", reference))));
    }

    private static XElement Stamp(string name, DateTimeOffset time) =>
        new(utility + name, time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));

    private static byte[]? Entropy(XElement asked) =>
        asked.Element(trust + "Entropy")?.Element(trust + "BinarySecret") is { } secret ? Convert.FromBase64String(secret.Value) : null;

    private static DateTimeOffset? Time(XElement? element) =>
        DateTimeOffset.TryParse(element?.Value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time) ? time : null;

    /// <summary>32 bytes of P_SHA-1 (RFC 2246 section 5) are two steps of it.</summary>
    [SuppressMessage("Security", "CA5350:Do Not Use Weak Cryptographic Algorithms", Justification = "WS-Trust 1.3 defines computed keys so.")]
    private static byte[] Combine(byte[] theirs, byte[] own)
    {
        byte[] Mac(byte[] text) => HMACSHA1.HashData(theirs, (ReadOnlySpan<byte>)text);
        byte[] first = Mac(own), second = Mac(first);
        return [.. Mac([.. first, .. own]), .. Mac([.. second, .. own]).AsSpan(0, 12)];
    }
}

/// <summary>A token that <see cref="LabTrustService"/> gave.</summary>
/// <param name="Id">The assertion's id.</param>
/// <param name="Key">The key that proves whose it is.</param>
/// <param name="Content">What it says.</param>
internal sealed record LabIssuedToken(string Id, byte[] Key, LabAccessToken Content);

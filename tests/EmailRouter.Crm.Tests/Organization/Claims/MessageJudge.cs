using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.Xml;
using System.Xml;

namespace EmailRouter.Crm.Tests.Organization.Claims;

/// <summary>Judges the security header of a message as the CRM does; the platform's XML Signature verifies it.</summary>
internal static class MessageJudge
{
    private const string Soap = "http://www.w3.org/2003/05/soap-envelope";
    private const string Security = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
    private const string Utility = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

    /// <summary>Makes a token that only the CRM could read; a prefix is used in a value alone, and white space counts.</summary>
    public static string TokenOf(string id) =>
        $"<xenc:EncryptedData Type=\"x:Element\" xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\"><xenc:CipherData>\n <xenc:CipherValue>{id}==</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>";

    /// <summary>Judges a message.</summary>
    /// <param name="text">The envelope.</param>
    /// <param name="tokens">The tokens by id, with their keys.</param>
    [SuppressMessage("Security", "CA5350:Do Not Use Weak Cryptographic Algorithms", Justification = "The algorithm suite of the service is Basic256.")]
    public static void Judge(string text, IReadOnlyDictionary<string, byte[]> tokens)
    {
        var document = new XmlDocument { PreserveWhitespace = true, XmlResolver = null };
        document.LoadXml(text);
        var names = new XmlNamespaceManager(document.NameTable);
        names.AddNamespace("s", Soap);
        names.AddNamespace("o", Security);
        names.AddNamespace("u", Utility);
        names.AddNamespace("w", "http://www.w3.org/2005/08/addressing");
        names.AddNamespace("d", SignedXml.XmlDsigNamespaceUrl);
        var header = (XmlElement)document.SelectSingleNode("/s:Envelope/s:Header/o:Security", names)!;
        XmlElement[] parts = [.. header.ChildNodes.OfType<XmlElement>()];
        Assert.Equal(["Timestamp", "EncryptedData", "Signature"], parts.Select(p => p.LocalName));
        Assert.Equal("1", header.GetAttribute("mustUnderstand", Soap));

        // The timestamp spans the time and is what is signed, whole.
        DateTimeOffset created = Time(parts[0], "Created"), expires = Time(parts[0], "Expires");
        Assert.Equal(TimeSpan.FromMinutes(5), expires - created);
        var signature = new IdentifiedXml(document);
        signature.LoadXml(parts[2]);
        var reference = Assert.IsType<Reference>(Assert.Single(signature.SignedInfo!.References.Cast<object>()));
        Assert.Equal("#" + parts[0].GetAttribute("Id", Utility), reference.Uri);
        Assert.Equal(SignedXml.XmlDsigExcC14NTransformUrl, signature.SignedInfo.CanonicalizationMethod);
        Assert.IsType<XmlDsigExcC14NTransform>(Assert.Single(Enumerable.Range(0, reference.TransformChain.Count).Select(i => reference.TransformChain[i])));

        // The key is that of the token which is referred to and which has come as it was given.
        string id = parts[2].SelectSingleNode("d:KeyInfo/o:SecurityTokenReference/o:KeyIdentifier", names)!.InnerText;
        Assert.Contains(TokenOf(id)[TokenOf(id).IndexOf("<xenc:CipherData", StringComparison.Ordinal)..], text, StringComparison.Ordinal);
        Assert.Equal("urn:of-values", parts[1].GetNamespaceOfPrefix("x"));
        using var mac = new HMACSHA1(tokens[id]);
        Assert.True(signature.CheckSignature(mac), "The signature is not good.");

        Assert.Equal(ScriptedFederation.Service, document.SelectSingleNode("/s:Envelope/s:Header/w:To", names)!.InnerText);
        Assert.EndsWith("/IOrganizationService/Execute", document.SelectSingleNode("/s:Envelope/s:Header/w:Action", names)!.InnerText, StringComparison.Ordinal);
    }

    private static DateTimeOffset Time(XmlElement timestamp, string name) =>
        DateTimeOffset.Parse(timestamp[name, Utility]!.InnerText, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    /// <summary>Finds what is signed by the ids of WS-Security.</summary>
    private sealed class IdentifiedXml(XmlDocument document) : SignedXml(document)
    {
        public override XmlElement? GetIdElement(XmlDocument? document, string idValue) =>
            Assert.Single(document!.GetElementsByTagName("*").OfType<XmlElement>(), e => e.GetAttribute("Id", Utility) == idValue);
    }
}

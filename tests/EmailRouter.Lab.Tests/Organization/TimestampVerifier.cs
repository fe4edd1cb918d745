using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Security.Cryptography.Xml;
using System.Xml;

namespace EmailRouter.Lab.Tests.Organization;

/// <summary>Verifies by the platform's XML Signature that a message's timestamp is signed, whole and alone.</summary>
internal static class TimestampVerifier
{
    private const string Utility = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

    [SuppressMessage("Security", "CA5350:Do Not Use Weak Cryptographic Algorithms", Justification = "The service's algorithm suite (Basic256) is HMAC-SHA1.")]
    public static bool Verify(string message, byte[] key)
    {
        var document = new XmlDocument { PreserveWhitespace = true, XmlResolver = null };
        document.LoadXml(message);
        if (document.GetElementsByTagName("Timestamp", Utility) is not { Count: 1 } stamps ||
            document.GetElementsByTagName("Signature", SignedXml.XmlDsigNamespaceUrl) is not { Count: 1 } signatures)
            return false;
        var signed = new IdentifiedXml(document);
        signed.LoadXml((XmlElement)signatures[0]!);
        using var mac = new HMACSHA1(key);
        return signed.SignedInfo!.References.Count == 1 &&
            ((Reference)signed.SignedInfo.References[0]!).Uri == "#" + ((XmlElement)stamps[0]!).GetAttribute("Id", Utility) && signed.CheckSignature(mac);
    }

    /// <summary>Finds what is signed by the ids of WS-Security.</summary>
    private sealed class IdentifiedXml(XmlDocument document) : SignedXml(document)
    {
        public override XmlElement? GetIdElement(XmlDocument? document, string idValue) =>
            document!.GetElementsByTagName("*").OfType<XmlElement>().Where(e => e.GetAttribute("Id", Utility) == idValue).ToArray() is [var only] ? only : null;
    }
}

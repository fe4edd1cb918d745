using System.Text;
using System.Xml;
using System.Xml.Linq;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.OAuth;
using static EmailRouter.Lab.Organization.OrganizationXml;

namespace EmailRouter.Lab.Organization;

/// <summary>
/// The endpoint Organization.svc itself of a claims-based deployment: SOAP 1.2 with WS-Addressing, and a token that endorses the timestamp
/// (WS-Security 1.1). XML Signature is no part of .NET 8, so whoever asks for such a deployment brings what verifies.
/// </summary>
internal static class ClaimsEndpoint
{
    private const string Soap = "http://www.w3.org/2003/05/soap-envelope";
    private const string Verifying = "An error occurred when verifying security for the message.";

    private static readonly XNamespace soap = Soap;
    private static readonly XNamespace security = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
    private static readonly XNamespace utility = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
    private static readonly XNamespace signature = "http://www.w3.org/2000/09/xmldsig#";
    private static readonly XNamespace encryption = "http://www.w3.org/2001/04/xmlenc#";
    private static readonly XNamespace addressing = "http://www.w3.org/2005/08/addressing";
    private static readonly XNamespace policy = "http://schemas.xmlsoap.org/ws/2004/09/policy";
    private static readonly XNamespace rules = "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702";

    /// <summary>Says in the form of the service's description which log-in is wanted.</summary>
    /// <param name="metadata">Where the token service describes itself.</param>
    public static XElement Policy(Uri metadata) => new(
        policy + "Policy",
        new XElement(
            policy + "ExactlyOne",
            new XElement(
                policy + "All",
                new XElement(
                    Services + "AuthenticationPolicy",
                    new XElement(Services + "Authentication", "Federation"),
                    new XElement(
                        Services + "SecureTokenService",
                        new XElement(Services + "Identifier", $"http://{metadata.Authority}/adfs/services/trust"))),
                new XElement(
                    rules + "EndorsingSupportingTokens",
                    new XElement(
                        policy + "Policy",
                        new XElement(
                            rules + "IssuedToken",
                            new XElement(
                                rules + "Issuer",
                                new XElement(addressing + "Address", addressing.NamespaceName + "/anonymous"),
                                new XElement(addressing + "Metadata", new XElement(addressing + "Address", metadata.AbsoluteUri)))))))));

    /// <summary>Opens a message: verifies who sends it, and makes of it one as the endpoint <c>/web</c> takes it.</summary>
    /// <param name="request">The request.</param>
    /// <param name="find">Finds a token by what stands in it.</param>
    /// <param name="verify">Says whether a message's timestamp is signed with a key.</param>
    /// <param name="now">The time.</param>
    /// <param name="token">Who sends it; null when it is refused.</param>
    /// <param name="refusal">The answer where it is refused.</param>
    /// <returns>The message; null when it is refused.</returns>
    public static LabHttpRequest? Open(
        LabHttpRequest request, Func<string, LabIssuedToken?> find, Func<string, byte[], bool> verify, DateTimeOffset now,
        out LabAccessToken? token, out LabHttpAnswer? refusal)
    {
        token = null;
        refusal = LabTrustService.Fault("InvalidSecurity", Verifying);
        XElement envelope;
        try
        {
            envelope = XElement.Parse(request.Text, LoadOptions.PreserveWhitespace);
        }
        catch (XmlException)
        {
            refusal = LabHttpAnswer.OfText(400, string.Empty);
            return null;
        }

        string action = envelope.Element(soap + "Header")?.Element(addressing + "Action")?.Value ?? string.Empty;
        if (request.MediaType != "application/soap+xml" || envelope.Name != soap + "Envelope" ||
            envelope.Element(soap + "Header")?.Element(addressing + "To")?.Value != request.BaseUrl + request.Path)
        {
            refusal = LabHttpAnswer.OfText(415, "The message is none of SOAP 1.2 to this address.");
            return null;
        }

        if (Verify(request.Text, envelope, find, verify, now) is not { } issued)
            return null;
        if (issued.Content.ExpiresOn <= now || issued.Content.Audience != request.BaseUrl + request.Path)
        {
            refusal = LabTrustService.Fault("InvalidSecurityToken", "The security token is expired, or for somebody else.");
            return null;
        }

        (token, refusal) = (issued.Content, null);
        envelope.Element(soap + "Header")!.Elements().Where(e => e.Name.Namespace == addressing || e.Name.Namespace == security).Remove();
        var headers = new Dictionary<string, string>(request.Headers, StringComparer.OrdinalIgnoreCase)
        {
            ["Content-Type"] = "text/xml",
            ["SOAPAction"] = action,
        };
        string text = envelope.ToString(SaveOptions.DisableFormatting).Replace($"\"{Soap}\"", $"\"{Envelope.NamespaceName}\"", StringComparison.Ordinal);
        return request.Part(request.Method, request.Path + "/web", headers, Encoding.UTF8.GetBytes(text));
    }

    /// <summary>Makes of the endpoint <c>/web</c>'s answer one of SOAP 1.2.</summary>
    public static LabHttpAnswer Wrap(LabHttpAnswer answer)
    {
        if (answer.Body.Length == 0 || !answer.Headers.Any(h => h.Key == "Content-Type" && h.Value.StartsWith("text/xml", StringComparison.Ordinal)))
            return answer;
        using var stream = new MemoryStream(answer.Body.ToArray(), writable: false);
        using var reader = XmlReader.Create(stream, new XmlReaderSettings { CheckCharacters = false });
        XElement body = XElement.Load(reader).Element(Envelope + "Body")!.Elements().First();
        if (body.Name != Envelope + "Fault")
            return LabTrustService.Enclose(answer.Status, body);
        return LabTrustService.Enclose(answer.Status, new XElement(
            soap + "Fault",
            new XElement(soap + "Code", new XElement(soap + "Value", "s:Sender")),
            new XElement(soap + "Reason", new XElement(soap + "Text", new XAttribute(XNamespace.Xml + "lang", "en-US"), body.Element("faultstring")!.Value)),
            body.Element("detail") is { } detail ? new XElement(soap + "Detail", detail.Elements()) : null));
    }

    /// <summary>Finds the token that comes with a message, if the message's timestamp spans the time and is signed with the token's key.</summary>
    private static LabIssuedToken? Verify(
        string text, XElement envelope, Func<string, LabIssuedToken?> find, Func<string, byte[], bool> verify, DateTimeOffset now)
    {
        XElement? header = envelope.Element(soap + "Header")?.Element(security + "Security");
        XElement? data = header?.Element(encryption + "EncryptedData")?.Element(encryption + "CipherData");
        return find(data?.Element(encryption + "CipherValue")?.Value ?? string.Empty) is { } issued && LabTrustService.Spans(header?.Element(utility + "Timestamp"), now) &&
            header?.Element(signature + "Signature")?.Element(signature + "KeyInfo")?.Element(security + "SecurityTokenReference")?.Value == issued.Id &&
            verify(text, issued.Key) ? issued : null;
    }
}

using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using EmailRouter.Crm.Tests.Dataverse;

namespace EmailRouter.Crm.Tests.Organization.Claims;

/// <summary>
/// A claims-based CRM with its token service, which answer in the form of real ones: the description, AD FS's <c>usernamemixed</c>, and an Organization.svc
/// that takes what <see cref="MessageJudge"/> finds good.
/// </summary>
internal sealed class ScriptedFederation
{
    public const string Service = "https://contoso.crm.example.test/XRMServices/2011/Organization.svc";
    public const string TokenService = "https://sts.example.test/adfs/services/trust/13/usernamemixed";
    public const string Password = "p4ss <&> \"word\"";

    private static readonly XNamespace trust = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
    private static readonly XNamespace security = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";

    private readonly Func<Asked, HttpResponseMessage> answerMessage;

    public ScriptedFederation()
    {
        answerMessage = Organization.Http.Answer;
        Organization.Http.Answer = Respond;
    }

    public ScriptedOrganizationService Organization { get; } = new();

    public ScriptedServer Http => Organization.Http;

    public CrmEndpoint Endpoint { get; init; } = ScriptedServer.Endpoint with { Credentials = [new CrmPassword(@"CONTOSO\router", Password)] };

    /// <summary>Gets or sets what the description says of log-ins; null for no description.</summary>
    public string? Authentication { get; set; } = "Federation";

    /// <summary>Gets or sets the address of the token service's metadata; null for none.</summary>
    public string? Metadata { get; set; } = "https://sts.example.test/adfs/services/trust/mex";

    /// <summary>Gets or sets a value indicating whether the token service contributes to the key. Otherwise it makes it.</summary>
    public bool Contributes { get; set; } = true;

    /// <summary>Gets or sets what the token service answers otherwise; it may throw.</summary>
    public Func<Asked, HttpResponseMessage?> Issue { get; set; } = _ => null;

    /// <summary>Gets or sets what the CRM answers otherwise to a message that has come with a good signature.</summary>
    public Func<Asked, HttpResponseMessage?> Take { get; set; } = _ => null;

    /// <summary>Gets the tokens that were given: their ids with their keys.</summary>
    public Dictionary<string, byte[]> Tokens { get; } = [];

    public IEnumerable<Asked> TokenRequests => Http.All.Where(a => a.Address.AbsoluteUri == TokenService);

    public IEnumerable<Asked> Messages => Http.All.Where(a => a.Method == "POST" && a.Address.AbsoluteUri == Service);

    public static HttpResponseMessage Fault(string reason, params string[] codes) => Soap(
        $"<s:Fault><s:Code><s:Value>s:Sender</s:Value>{string.Concat(codes.Select(c => $"<s:Subcode><s:Value xmlns:a=\"urn:any\">a:{c}</s:Value></s:Subcode>"))}</s:Code>" +
        $"<s:Reason><s:Text xml:lang=\"en-US\">{WebUtility.HtmlEncode(reason)}</s:Text></s:Reason></s:Fault>", HttpStatusCode.InternalServerError);

    public static HttpResponseMessage Soap(string body, HttpStatusCode status = HttpStatusCode.OK) => new(status)
    {
        Content = new StringContent(
            $"<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body>{body}</s:Body></s:Envelope>", Encoding.UTF8, "application/soap+xml"),
    };

    private HttpResponseMessage Respond(Asked asked)
    {
        if (asked.Address.AbsoluteUri == TokenService)
            return Issue(asked) ?? Give(XElement.Parse(asked.Text));
        if (asked.Method == "GET")
            return Describe(asked);
        if (asked.Address.AbsoluteUri != Service)
            return answerMessage(asked);
        MessageJudge.Judge(asked.Text, Tokens);
        return Take(asked) ?? ToSoap12(answerMessage(asked with { Address = new Uri(ScriptedOrganizationService.Address) }));
    }

    private static HttpResponseMessage ToSoap12(HttpResponseMessage answer)
    {
        using var reader = new StreamReader(answer.Content.ReadAsStream());
        string text = reader.ReadToEnd().Replace("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope", StringComparison.Ordinal);
        return new HttpResponseMessage(answer.StatusCode) { Content = new StringContent(text, Encoding.UTF8, "application/soap+xml") };
    }

    private HttpResponseMessage Describe(Asked asked)
    {
        if (Authentication is null || !asked.Address.AbsoluteUri.StartsWith(Service + "?wsdl", StringComparison.Ordinal))
            return new HttpResponseMessage(HttpStatusCode.NotFound) { Content = new StringContent("<html/>", Encoding.UTF8, "text/html") };
        if (asked.Query == "?wsdl")
        {
            // The farm's own name for itself, as it stands in many of them.
            return ScriptedOrganizationService.Xml("""
                <wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"><wsdl:import namespace="http://schemas.microsoft.com/xrm/2011/Contracts"
                location="http://node-7.inner.test/XRMServices/2011/Organization.svc?wsdl=wsdl0"/><wsdl:types/></wsdl:definitions>
                """);
        }

        string issuer = Metadata is null ? string.Empty : $"""
            <sp:EndorsingSupportingTokens xmlns:sp="http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702"><wsp:Policy><sp:IssuedToken>
            <Issuer xmlns="http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702"><Address xmlns="http://www.w3.org/2005/08/addressing">http://www.w3.org/2005/08/addressing/anonymous</Address>
            <Metadata xmlns="http://www.w3.org/2005/08/addressing"><Metadata xmlns="http://schemas.xmlsoap.org/ws/2004/09/mex"><wsx:MetadataSection xmlns:wsx="http://schemas.xmlsoap.org/ws/2004/09/mex" xmlns="">
            <wsx:MetadataReference><Address xmlns="http://www.w3.org/2005/08/addressing">{Metadata}</Address></wsx:MetadataReference></wsx:MetadataSection></Metadata></Metadata></Issuer>
            </sp:IssuedToken></wsp:Policy></sp:EndorsingSupportingTokens>
            """;
        return ScriptedOrganizationService.Xml($"""
            <wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:wsp="http://schemas.xmlsoap.org/ws/2004/09/policy"><wsp:Policy><wsp:ExactlyOne><wsp:All>
            <ms-xrm:AuthenticationPolicy xmlns:ms-xrm="http://schemas.microsoft.com/xrm/2011/Contracts/Services"><ms-xrm:Authentication>{Authentication}</ms-xrm:Authentication>
            <ms-xrm:SecureTokenService><ms-xrm:Identifier>http://sts.example.test/adfs/services/trust</ms-xrm:Identifier></ms-xrm:SecureTokenService></ms-xrm:AuthenticationPolicy>
            {issuer}</wsp:All></wsp:ExactlyOne></wsp:Policy></wsdl:definitions>
            """);
    }

    private HttpResponseMessage Give(XElement request)
    {
        string password = request.Descendants(security + "Password").Single().Value;
        if (password != Password)
            return Fault("ID3242: The security token could not be authenticated or authorized.", "FailedAuthentication");
        byte[] entropy = Convert.FromBase64String(request.Descendants(trust + "BinarySecret").Single().Value);
        string id = $"_token-{Tokens.Count + 1}";
        byte[] own = SHA256.HashData(Encoding.UTF8.GetBytes(id));
        byte[] key = Contributes ? PSha1(entropy, own, 32) : own;
        Tokens[id] = key;
        DateTimeOffset now = Http.Clock.GetUtcNow();
        string proof = Contributes
            ? $"<t:RequestedProofToken><t:ComputedKey>{trust.NamespaceName}/CK/PSHA1</t:ComputedKey></t:RequestedProofToken><t:Entropy><t:BinarySecret>{Convert.ToBase64String(own)}</t:BinarySecret></t:Entropy><t:KeySize>256</t:KeySize>"
            : $"<t:RequestedProofToken><t:BinarySecret>{Convert.ToBase64String(own)}</t:BinarySecret></t:RequestedProofToken>";
        return Soap($"""
            <t:RequestSecurityTokenResponseCollection xmlns:t="{trust.NamespaceName}" xmlns:x="urn:of-values"><t:RequestSecurityTokenResponse>
            <t:Lifetime><u:Created xmlns:u="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd">{now:yyyy-MM-ddTHH:mm:ss.fffZ}</u:Created>
            <u:Expires xmlns:u="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd">{now.AddHours(1):yyyy-MM-ddTHH:mm:ss.fffZ}</u:Expires></t:Lifetime>
            <t:RequestedSecurityToken>{MessageJudge.TokenOf(id)}</t:RequestedSecurityToken>{proof}
            <t:RequestedAttachedReference><o:SecurityTokenReference k:TokenType="http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV1.1"
            xmlns:o="{security.NamespaceName}" xmlns:k="http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd"><o:KeyIdentifier
            ValueType="http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.0#SAMLAssertionID">{id}</o:KeyIdentifier></o:SecurityTokenReference></t:RequestedAttachedReference>
            </t:RequestSecurityTokenResponse></t:RequestSecurityTokenResponseCollection>
            """);
    }

    /// <summary>P_SHA-1 of RFC 2246 section 5, written from its formula: HMAC(secret, A(1) + seed) + HMAC(secret, A(2) + seed) + ...</summary>
    [SuppressMessage("Security", "CA5350:Do Not Use Weak Cryptographic Algorithms", Justification = "WS-Trust 1.3 defines computed keys so.")]
    private static byte[] PSha1(byte[] secret, byte[] seed, int length)
    {
        IEnumerable<byte> output = [];
        byte[] a = seed;
        for (int i = 0; i * 20 < length; i++)
        {
            using var mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA1, secret);
            mac.AppendData(a);
            a = mac.GetHashAndReset();
            mac.AppendData(a);
            mac.AppendData(seed);
            output = output.Concat(mac.GetHashAndReset());
        }

        return [.. output.Take(length)];
    }
}

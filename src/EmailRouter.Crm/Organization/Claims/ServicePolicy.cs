using System.Xml.Linq;
using EmailRouter.Crm.Organization.Soap;

namespace EmailRouter.Crm.Organization.Claims;

/// <summary>What the description (WSDL) of an Organization.svc says about its log-in ("AuthenticationPolicy", SDK of Dynamics CRM 2011).</summary>
/// <param name="Kind">The log-in: <c>ActiveDirectory</c>, <c>Federation</c>, <c>OnlineFederation</c> or <c>LiveId</c>.</param>
/// <param name="TokenService">Where the token service takes user names with passwords; null when the policy names none.</param>
internal sealed record ServicePolicy(string Kind, Uri? TokenService)
{
    /// <summary>The log-in by tokens of the organization's own token service.</summary>
    public const string Federation = "Federation";

    // AD FS has its endpoints at fixed paths beside the trust's own.
    private const string Endpoint = "/13/usernamemixed";
    private const string Metadata = "/mex";

    /// <summary>Gets a value indicating whether it is a log-in of the former CRM Online.</summary>
    public bool IsOnline => Kind is "OnlineFederation" or "LiveId";

    /// <summary>Finds the policy in a document of the description.</summary>
    /// <param name="document">The document.</param>
    /// <returns>The policy; null when the document has none.</returns>
    public static ServicePolicy? Find(XElement document)
    {
        XElement? policy = document.Descendants().FirstOrDefault(
            e => e.Name.LocalName == "AuthenticationPolicy" && e.Name.NamespaceName == SoapNames.Services && e.Child("Authentication") is not null);
        if (policy is null)
            return null;

        // The address of the metadata is one that is reached; the identifier is a name, which mostly begins with http though only https is served.
        string? address = document.Descendants().FirstOrDefault(e => e.Name.LocalName == "Issuer")?.Descendants()
            .Where(e => e.Name.LocalName == "Address").Select(e => e.Value.Trim())
            .FirstOrDefault(a => a.EndsWith(Metadata, StringComparison.OrdinalIgnoreCase));
        Uri? service = Address(address is null ? null : address[..^Metadata.Length]);
        if (service is null && Address(policy.Child("SecureTokenService")?.Child("Identifier")?.Value.Trim()) is { } named)
            service = new UriBuilder(named) { Scheme = Uri.UriSchemeHttps, Port = named.IsDefaultPort ? -1 : named.Port }.Uri;
        string kind = policy.Child("Authentication")!.Value.Trim();
        return new ServicePolicy(
            kind,
            service is null ? null
                : new UriBuilder(service) { Path = service.AbsolutePath.TrimEnd('/') + Endpoint, Query = string.Empty, Fragment = string.Empty }.Uri);
    }

    private static Uri? Address(string? text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? address) && (address.Scheme == Uri.UriSchemeHttps || address.Scheme == Uri.UriSchemeHttp)
            ? address : null;
}

using System.Text.Json;
using System.Text.RegularExpressions;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse.WebApi;

/// <summary>
/// Finds an organization's Web API from what an administrator entered: the organization's address, that of any of its pages, or that of a server with several
/// organizations; and finds the newest version of it that the server offers.
/// </summary>
/// <param name="endpoint">What was entered.</param>
/// <param name="ask">Gets an address; answers whatever its status, throws where nothing answers or the log-in is refused.</param>
/// <param name="askDiscovery">Asks Discovery.svc for the organizations; otherwise like <paramref name="ask"/>.</param>
internal sealed partial class WebApiLocator(
    CrmEndpoint endpoint,
    Func<Uri, string, CancellationToken, ValueTask<CrmAnswer>> ask,
    Func<Uri, string, CancellationToken, ValueTask<CrmAnswer>> askDiscovery)
{
    private static readonly string[] versions = ["9.2", "9.1", "9.0", "8.2", "8.1", "8.0"];

    /// <summary>Finds the Web API.</summary>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <returns>Where it is.</returns>
    /// <exception cref="CrmException"><c>CrmNotFound</c>, <c>CrmOrganizationUnknown</c>, <c>CrmVersionUnsupported</c>, <c>CrmWebPage</c>, and those of
    /// asking.</exception>
    public async ValueTask<WebApiSite> FindAsync(CancellationToken cancellationToken)
    {
        (Uri url, string? version) = Strip(endpoint.Url);
        if (IsDiscovery(url))
        {
            url = await DiscoverAsync(new Uri(url, "/api/discovery/v2.0/Instances"), cancellationToken).ConfigureAwait(false) ?? throw Unknown([]);
            version = null;
        }

        CrmAnswer? last = null;
        foreach (Uri candidate in Candidates(url))
        {
            (WebApiSite? site, last) = await ProbeAsync(candidate, version is null ? versions : [version], cancellationToken).ConfigureAwait(false);
            if (site is not null)
                return site;
        }

        return await OfSeveralAsync(url, last, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Looks for the newest Web API at an address.</summary>
    private async ValueTask<(WebApiSite? Site, CrmAnswer? Last)> ProbeAsync(Uri candidate, IEnumerable<string> tries, CancellationToken cancellationToken)
    {
        const string what = "the server's version";
        CrmAnswer? last = null;
        foreach (string tried in tries)
        {
            var root = new Uri(candidate, $"api/data/v{tried}/");
            last = await ask(new Uri(root, "RetrieveVersion()"), what, cancellationToken).ConfigureAwait(false);
            if (last.IsSuccess && !last.IsWebPage)
            {
                string server = last.Json(what).Text("Version") ??
                    throw AnswerErrors.Unreadable(what, "it names none; the address may be that of another service");
                return (new WebApiSite(root, Version.Parse(tried), server), last);
            }

            // An error in the Web API's own words, other than "no such version", is about us and not about the address.
            if (last.Status is 400 or 403 && last.Error.Code.Length > 0)
                throw AnswerErrors.Explain(last, what, root.Authority);
            if (last.IsWebPage && last.Status is >= 200 and < 300)
                break;
        }

        return (null, last);
    }

    /// <summary>Lists the organizations that a server's discovery knows.</summary>
    /// <param name="discovery">The address of the list.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>Unique names and addresses; null when the server offers no such list.</returns>
    private async ValueTask<List<(string Name, Uri Url)>?> ListAsync(Uri discovery, CancellationToken cancellationToken)
    {
        CrmAnswer answer = await ask(discovery, "the list of organizations", cancellationToken).ConfigureAwait(false);
        if (!answer.IsSuccess || answer.IsWebPage)
            return null;
        var found = new List<(string Name, Uri Url)>();
        foreach (JsonElement row in answer.Rows("the list of organizations"))
        {
            string? name = row.Text("UniqueName") ?? row.Text("UrlName");
            if (name is not null && Uri.TryCreate(row.Text("ApiUrl") ?? row.Text("Url"), UriKind.Absolute, out Uri? url))
            {
                found.Add((name, url));
                if (row.Text("UrlName") is { } urlName && urlName != name)
                    found.Add((urlName, url));
            }
        }

        return found;
    }

    private async ValueTask<Uri?> DiscoverAsync(Uri discovery, CancellationToken cancellationToken) =>
        await ListAsync(discovery, cancellationToken).ConfigureAwait(false) is { } found ? Choose(found) : null;

    /// <summary>Chooses the organization that is meant: the one with the name, or the only one.</summary>
    private Uri Choose(List<(string Name, Uri Url)> found)
    {
        if (endpoint.Organization is null && found.Select(f => f.Url).Distinct().Count() == 1)
            return Slashed(found[0].Url, found[0].Url.AbsolutePath);
        Uri? url = found.Find(f => IsOrganization(f.Name)).Url;
        return url is null ? throw Unknown(found.Select(f => f.Name)) : Slashed(url, url.AbsolutePath);
    }

    /// <summary>No candidate is a Web API: the address may be that of a deployment, or of an older server.</summary>
    private async ValueTask<WebApiSite> OfSeveralAsync(Uri url, CrmAnswer? last, CancellationToken cancellationToken)
    {
        foreach (string version in versions)
        {
            var discovery = new Uri(url, $"/api/discovery/v{version}/Instances");
            if (await DiscoverAsync(discovery, cancellationToken).ConfigureAwait(false) is not { } found || found == url)
                continue;
            if ((await ProbeAsync(found, [version], cancellationToken).ConfigureAwait(false)).Site is { } site)
                return site;
        }

        // Servers on premises have the older discovery too, and some have that alone.
        const string what = "the list of organizations";
        var old = new List<Uri>(Candidates(url));
        CrmAnswer organizations = await askDiscovery(DiscoveryService.At(url), what, cancellationToken).ConfigureAwait(false);
        if (DiscoveryService.Read(organizations, what) is { } listed && Choose(listed) is { } named && !old.Contains(named))
        {
            if ((await ProbeAsync(named, versions, cancellationToken).ConfigureAwait(false)).Site is { } site)
                return site;
            old.Insert(0, named);
        }

        foreach (Uri candidate in old)
        {
            var service = new Uri(candidate, "XRMServices/2011/Organization.svc?wsdl");
            CrmAnswer soap = await ask(service, "the older service", cancellationToken).ConfigureAwait(false);
            if (soap.IsSuccess && !soap.IsWebPage)
            {
                throw new CrmException(
                    "CrmVersionUnsupported",
                    $"{candidate} is a server without the Web API: CRM 2011, 2013 or 2015.",
                    "Set the deployment's system to Organization, which talks to Organization.svc.");
            }
        }

        if (last is { IsWebPage: true, IsSuccess: true })
            throw AnswerErrors.Page(last, $"the Web API at {url}");
        throw new CrmException(
            "CrmNotFound",
            $"There is no Web API below {url} (last answer: HTTP {last?.Status}).",
            endpoint.Organization is { } organization
                ? $"Check the deployment's address and that the organization's unique name is '{organization}'."
                : "Check the deployment's address: that of the organization (https://contoso.crm4.dynamics.com, https://server/Contoso), " +
                    "or of the server with the organization's name.");
    }

    private IEnumerable<Uri> Candidates(Uri url)
    {
        if (endpoint.Organization is not { Length: > 0 } organization ||
            url.Segments.Any(s => IsOrganization(s.Trim('/'))) || IsOrganization(url.Host.Split('.')[0]))
        {
            yield return url;
            yield break;
        }

        yield return new Uri(url, Uri.EscapeDataString(organization) + "/");
        bool canPrefix = url.HostNameType == UriHostNameType.Dns && url.Host.Contains('.', StringComparison.Ordinal);
        if (canPrefix && Uri.CheckHostName(organization) == UriHostNameType.Dns)
            yield return new UriBuilder(url) { Host = $"{organization}.{url.Host}" }.Uri;
    }

    private bool IsOrganization(string name) => string.Equals(name, endpoint.Organization, StringComparison.OrdinalIgnoreCase);

    private CrmException Unknown(IEnumerable<string> names)
    {
        string list = string.Join(", ", names.Distinct(StringComparer.OrdinalIgnoreCase).Order(StringComparer.OrdinalIgnoreCase).Take(50));
        return new CrmException(
            "CrmOrganizationUnknown",
            $"{endpoint.Url.Authority} has no organization '{endpoint.Organization}' for this log-in; it has {(list.Length == 0 ? "none" : list)}.",
            "Set the deployment's organization to the unique name of one of them.");
    }

    private static bool IsDiscovery(Uri url) =>
        url.Host.StartsWith("globaldisco.", StringComparison.OrdinalIgnoreCase) || url.Host.StartsWith("disco.", StringComparison.OrdinalIgnoreCase);

    /// <summary>Takes away what administrators copy along: the page, the service, the Web API with its version.</summary>
    private static (Uri Url, string? Version) Strip(Uri url)
    {
        string path = url.AbsolutePath;
        Match api = ApiPath().Match(path);
        if (api.Success)
            return (Slashed(url, path[..api.Index]), api.Groups[1].Success ? api.Groups[1].Value : null);
        Match page = PagePath().Match(path);
        return (Slashed(url, page.Success ? path[..page.Index] : path), null);
    }

    private static Uri Slashed(Uri url, string path) =>
        new UriBuilder(url) { Path = path.EndsWith('/') ? path : path + "/", Query = string.Empty, Fragment = string.Empty }.Uri;

    [GeneratedRegex(@"/api/(?:data(?:/v(\d+\.\d+))?|discovery.*)/?.*$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, 250)]
    private static partial Regex ApiPath();

    [GeneratedRegex(@"/(?:main\.aspx|default\.aspx|apps|XRMServices|MSCRMServices)(?:/.*)?$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, 250)]
    private static partial Regex PagePath();
}

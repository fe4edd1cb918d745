namespace EmailRouter.Mail.Graph;

/// <summary>Where Microsoft Graph is: one service for the world and one for each national cloud ("National cloud deployments").</summary>
internal static class GraphService
{
    /// <summary>The service for everybody who is not in a national cloud.</summary>
    public static readonly Uri Default = new("https://graph.microsoft.com/v1.0/");

    private static readonly HashSet<string> NationalClouds = new(StringComparer.OrdinalIgnoreCase)
    {
        "graph.microsoft.us", "dod-graph.microsoft.us", "microsoftgraph.chinacloudapi.cn", "graph.microsoft.de",
    };

    /// <summary>Finds the address all requests start with.</summary>
    /// <param name="endpoint">The endpoint; without an address it is <see cref="Default"/>.</param>
    /// <returns>The address, with the version and a slash at its end.</returns>
    public static Uri BaseOf(MailEndpoint endpoint)
    {
        if (endpoint.Url is not { IsAbsoluteUri: true } url)
            return Default;
        string path = url.AbsolutePath.TrimEnd('/');
        return new Uri(url.GetLeftPart(UriPartial.Authority) + (path.Length == 0 ? "/v1.0" : path) + "/");
    }

    /// <summary>Finds the scope of access tokens. Only Microsoft's own hosts have one of their own.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <returns>The scope.</returns>
    public static string ScopeOf(MailEndpoint endpoint)
    {
        Uri service = BaseOf(endpoint);
        return $"https://{(NationalClouds.Contains(service.Host) ? service.Host : Default.Host)}/.default";
    }
}

namespace EmailRouter.Routing.Configuration;

/// <summary>The files with cached tokens that belong to a configuration. They go when nothing in it uses them any longer: what renews a person's tokens is as good as a password.</summary>
internal static class TokenCaches
{
    /// <summary>Deletes the caches of profiles, deployments and applications that a change took away, or that get their tokens otherwise from now on.</summary>
    /// <param name="folder">The folder of the configuration.</param>
    /// <param name="before">The configuration as it was.</param>
    /// <param name="after">The configuration as it is.</param>
    /// <exception cref="RouterException"><c>RouterTokensNotRemoved</c>: a file cannot be deleted.</exception>
    public static void RemoveUnused(string folder, RouterConfiguration before, RouterConfiguration after)
    {
        foreach ((string file, _) in CachesOf(before).Except(CachesOf(after)))
        {
            string path = Path.Combine(folder, file);
            try
            {
                File.Delete(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw ConfigurationErrors.TokensNotRemoved(path, e);
            }
        }
    }

    /// <summary>A file that held a person's tokens does not serve an application, so both tell caches apart.</summary>
    private static IEnumerable<(string File, bool IsPersons)> CachesOf(RouterConfiguration configuration) =>
        configuration.Profiles.Select(profile => CacheOf("profile", profile.Name, profile.OAuth))
            .Concat(configuration.Deployments.SelectMany(deployment => deployment.FurtherApplications.Prepend(deployment.OAuth)
                .Select(application => CacheOf("deployment", deployment.Name, application))))
            .OfType<(string, bool)>();

    private static (string File, bool IsPersons)? CacheOf(string kind, string name, OAuthConfiguration? oauth) => oauth?.Flow switch
    {
        OAuthFlow.ClientCredentials or OAuthFlow.Certificate => (TokenSubject.CacheFileOf(kind, name, oauth.ClientId), false),
        OAuthFlow.DeviceCode or OAuthFlow.Interactive => (TokenSubject.CacheFileOf(kind, name, oauth.ClientId), true),
        _ => null,
    };
}

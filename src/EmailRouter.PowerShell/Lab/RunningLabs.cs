using System.Collections.Concurrent;
using EmailRouter.Loader;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Lab;

/// <summary>The labs that run in this process. They end with the module.</summary>
internal static class RunningLabs
{
    private static readonly ConcurrentDictionary<string, IAsyncDisposable> Sessions = new(StringComparer.Ordinal);

    static RunningLabs() => ModuleLifetime.Removed += () => _ = Task.WhenAll(Sessions.Keys.Select(StopAsync)).Wait(TimeSpan.FromSeconds(2));

    /// <summary>Gets the configuration files of the labs.</summary>
    public static ICollection<string> Configurations => Sessions.Keys;

    /// <summary>Remembers a lab.</summary>
    /// <param name="configurationPath">Its configuration file.</param>
    /// <param name="session">The lab.</param>
    public static void Add(string configurationPath, IAsyncDisposable session) => Sessions[configurationPath] = session;

    /// <summary>Stops a lab.</summary>
    /// <param name="configurationPath">Its configuration file.</param>
    /// <returns>False when there is no such lab.</returns>
    public static async Task<bool> StopAsync(string configurationPath)
    {
        if (!Sessions.TryRemove(configurationPath, out IAsyncDisposable? session))
        {
            return false;
        }

        if (Environment.GetEnvironmentVariable(ConfigurationLocation.Variable) == configurationPath)
        {
            Environment.SetEnvironmentVariable(ConfigurationLocation.Variable, null);
        }

        await session.DisposeAsync().ConfigureAwait(false);
        return true;
    }
}

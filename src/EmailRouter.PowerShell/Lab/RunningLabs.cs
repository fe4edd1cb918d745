using EmailRouter.Loader;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Lab;

/// <summary>
/// The labs that run in this process. The newest is the configuration of the session, by the environment variable that every cmdlet asks; when it ends the
/// one before it is, and when all have ended whatever was there before. They end with the module.
/// </summary>
internal static class RunningLabs
{
    private static readonly object Gate = new();
    private static readonly List<(string ConfigurationPath, IAsyncDisposable Session)> Labs = [];
    private static string? before;

    static RunningLabs() => ModuleLifetime.Removed += () => _ = Task.WhenAll(Configurations.Select(StopAsync)).Wait(TimeSpan.FromSeconds(2));

    /// <summary>Gets the configuration files of the labs.</summary>
    public static IReadOnlyList<string> Configurations
    {
        get
        {
            lock (Gate)
            {
                return [.. Labs.Select(lab => lab.ConfigurationPath)];
            }
        }
    }

    private static string? Variable
    {
        get => Environment.GetEnvironmentVariable(ConfigurationLocation.Variable);
        set => Environment.SetEnvironmentVariable(ConfigurationLocation.Variable, value);
    }

    /// <summary>Makes a lab the configuration of the session.</summary>
    /// <param name="configurationPath">Its configuration file.</param>
    /// <param name="session">The lab.</param>
    public static void Add(string configurationPath, IAsyncDisposable session)
    {
        lock (Gate)
        {
            if (Labs.Count == 0)
            {
                before = Variable;
            }

            Labs.Add((configurationPath, session));
            Variable = configurationPath;
        }
    }

    /// <summary>Stops a lab.</summary>
    /// <param name="configurationPath">Its configuration file.</param>
    /// <returns>False when there is no such lab.</returns>
    public static async Task<bool> StopAsync(string configurationPath)
    {
        IAsyncDisposable session;
        lock (Gate)
        {
            int index = Labs.FindIndex(lab => lab.ConfigurationPath == configurationPath);
            if (index < 0)
            {
                return false;
            }

            session = Labs[index].Session;
            Labs.RemoveAt(index);

            // Set to something else by the user meanwhile, it stays.
            if (Variable == configurationPath)
            {
                Variable = Labs.Count > 0 ? Labs[^1].ConfigurationPath : before;
            }
        }

        await session.DisposeAsync().ConfigureAwait(false);
        return true;
    }
}

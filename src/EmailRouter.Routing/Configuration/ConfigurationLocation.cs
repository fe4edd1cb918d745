namespace EmailRouter.Routing.Configuration;

/// <summary>Where the configuration lies when nobody says otherwise.</summary>
public static class ConfigurationLocation
{
    /// <summary>The environment variable that names another file.</summary>
    public const string Variable = "EMAILROUTER_CONFIGURATION";

    /// <summary>The file's usual name.</summary>
    public const string FileName = "emailrouter.json";

    /// <summary>
    /// Finds the file: what <see cref="Variable"/> says; otherwise <c>%ProgramData%\EmailRouter</c> on Windows, elsewhere <c>/etc/emailrouter</c> for root and
    /// <c>emailrouter</c> in <c>$XDG_CONFIG_HOME</c> or <c>~/.config</c> for everybody else.
    /// </summary>
    /// <returns>The full path; the file need not exist.</returns>
    public static string Find() => Find(
        Environment.GetEnvironmentVariable(Variable),
        OperatingSystem.IsWindows(),
        Environment.IsPrivilegedProcess,
        folder => Environment.GetFolderPath(folder, Environment.SpecialFolderOption.DoNotVerify));

    /// <summary>Finds the file on any machine.</summary>
    internal static string Find(string? variable, bool isWindows, bool isPrivileged, Func<Environment.SpecialFolder, string> folders)
    {
        if (!string.IsNullOrWhiteSpace(variable))
            return Path.GetFullPath(variable);
        string folder = isWindows
            ? Path.Combine(folders(Environment.SpecialFolder.CommonApplicationData), "EmailRouter")
            : isPrivileged ? "/etc/emailrouter" : Path.Combine(folders(Environment.SpecialFolder.ApplicationData), "emailrouter");
        return Path.Combine(folder, FileName);
    }
}

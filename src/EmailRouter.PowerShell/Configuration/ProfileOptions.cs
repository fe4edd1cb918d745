using System.Collections;
using System.Globalization;

namespace EmailRouter.PowerShell.Configuration;

/// <summary>Turns a hashtable of PowerShell into the settings of a mail system.</summary>
internal static class ProfileOptions
{
    private const string FoldersOption = "folders";
    private const string AccessOption = "access";

    /// <summary>Turns a hashtable, and the settings that have parameters of their own, into settings.</summary>
    /// <param name="options">The hashtable.</param>
    /// <param name="folders">The folders to read; null when they are not named.</param>
    /// <param name="access">How mailboxes are opened; null when it is not named.</param>
    /// <returns>The settings.</returns>
    public static IReadOnlyDictionary<string, string> From(Hashtable options, string[]? folders, string? access) =>
        With(From(options), folders, access);

    /// <summary>Adds the settings that have parameters of their own.</summary>
    /// <param name="options">The settings there are.</param>
    /// <param name="folders">The folders to read; null when they are not named.</param>
    /// <param name="access">How mailboxes are opened; null when it is not named.</param>
    /// <returns>The settings.</returns>
    public static IReadOnlyDictionary<string, string> With(IReadOnlyDictionary<string, string> options, string[]? folders, string? access)
    {
        Dictionary<string, string> all = new(options, StringComparer.OrdinalIgnoreCase);
        if (folders is not null)
            all[FoldersOption] = string.Join(", ", folders);
        if (access is not null)
            all[AccessOption] = access;
        return all;
    }

    /// <summary>Turns a hashtable into settings.</summary>
    /// <param name="options">The hashtable.</param>
    /// <returns>The settings.</returns>
    public static IReadOnlyDictionary<string, string> From(Hashtable options) => options.Cast<DictionaryEntry>().ToDictionary(
        entry => Convert.ToString(entry.Key, CultureInfo.InvariantCulture)!,
        entry => Convert.ToString(entry.Value, CultureInfo.InvariantCulture) ?? string.Empty,
        StringComparer.OrdinalIgnoreCase);
}

using System.Collections;
using System.Globalization;

namespace EmailRouter.PowerShell.Configuration;

/// <summary>Turns a hashtable of PowerShell into the settings of a mail system.</summary>
internal static class ProfileOptions
{
    /// <summary>Turns a hashtable into settings.</summary>
    /// <param name="options">The hashtable.</param>
    /// <returns>The settings.</returns>
    public static IReadOnlyDictionary<string, string> From(Hashtable options) => options.Cast<DictionaryEntry>().ToDictionary(
        entry => Convert.ToString(entry.Key, CultureInfo.InvariantCulture)!,
        entry => Convert.ToString(entry.Value, CultureInfo.InvariantCulture) ?? string.Empty,
        StringComparer.OrdinalIgnoreCase);
}

using System.Text.RegularExpressions;

namespace EmailRouter.Crm.Server;

/// <summary>
/// A pattern for subjects with the wildcards * and ?. Servers have others, so they are asked for parts of it, and what they find is looked at again.
/// </summary>
/// <param name="pattern">The pattern.</param>
internal sealed class SubjectPattern(string pattern)
{
    private const int MaxParts = 5;

    private readonly Regex regex = new(
        $"^{Regex.Escape(pattern).Replace(@"\*", ".*", StringComparison.Ordinal).Replace(@"\?", ".", StringComparison.Ordinal)}$",
        RegexOptions.IgnoreCase | RegexOptions.Singleline | RegexOptions.CultureInvariant,
        TimeSpan.FromSeconds(1));

    /// <summary>Gets texts that every subject that fits contains, without what is a wildcard to some server.</summary>
    public IEnumerable<string> Parts => pattern.Split(['*', '?', '[', ']', '%', '_'], StringSplitOptions.RemoveEmptyEntries).Take(MaxParts);

    /// <summary>Says whether a subject fits.</summary>
    /// <param name="subject">The subject; null for none.</param>
    /// <returns>True when it does.</returns>
    public bool Fits(string? subject) => regex.IsMatch(subject ?? string.Empty);
}

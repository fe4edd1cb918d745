using System.Globalization;
using System.Text.RegularExpressions;

namespace EmailRouter.Lab.OData;

/// <summary>What a client prefers (the Prefer header, RFC 7240; OData 4.0 Part 1, 8.2.8).</summary>
internal sealed partial record Preferences
{
    public bool ReturnRepresentation { get; init; }

    public int? MaxPageSize { get; init; }

    public bool ContinueOnError { get; init; }

    /// <summary>Gets the patterns of annotations to include; empty for none.</summary>
    public IReadOnlyList<string> Annotations { get; init; } = [];

    /// <summary>Gets what was honoured, for the Preference-Applied header; null for nothing.</summary>
    public string? Applied { get; init; }

    /// <summary>Reads the header.</summary>
    /// <param name="header">Its value; null when missing.</param>
    /// <returns>The preferences; unknown ones are ignored, as the RFC says.</returns>
    public static Preferences Parse(string? header)
    {
        var preferences = new Preferences();
        var applied = new List<string>();
        foreach (Match match in Preference().Matches(header ?? string.Empty))
        {
            string name = match.Groups[1].Value.ToLowerInvariant();
            string value = (match.Groups[2].Success ? match.Groups[2].Value : match.Groups[3].Value).Trim();
            Preferences before = preferences;
            preferences = name switch
            {
                "return" => preferences with { ReturnRepresentation = value == "representation" },
                "odata.maxpagesize" or "maxpagesize" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int size) && size > 0 =>
                    preferences with { MaxPageSize = size },
                "odata.continue-on-error" or "continue-on-error" => preferences with { ContinueOnError = value != "false" },
                "odata.include-annotations" or "include-annotations" => preferences with { Annotations = value.Split(',', StringSplitOptions.TrimEntries) },
                _ => preferences,
            };
            if (!ReferenceEquals(before, preferences))
                applied.Add(match.Value.Trim());
        }

        return preferences with { Applied = applied.Count == 0 ? null : string.Join(", ", applied) };
    }

    /// <summary>Says whether an annotation is asked for.</summary>
    /// <param name="name">The annotation's name.</param>
    /// <returns>True when a pattern fits and none excludes it.</returns>
    public bool Wants(string name) => Annotations.Any(p => Fits(p, name)) && !Annotations.Any(p => p.StartsWith('-') && Fits(p[1..], name));

    private static bool Fits(string pattern, string name) => pattern == "*" || string.Equals(pattern, name, StringComparison.OrdinalIgnoreCase) ||
        (pattern.EndsWith(".*", StringComparison.Ordinal) && name.StartsWith(pattern[..^1], StringComparison.OrdinalIgnoreCase));

    [GeneratedRegex("""([A-Za-z0-9.\-_]+)\s*(?:=\s*(?:"([^"]*)"|([^,;]*)))?""")]
    private static partial Regex Preference();
}

using System.Text.RegularExpressions;

namespace EmailRouter.Lab.Graph;

/// <summary>
/// A path of the service in one form: keys in parentheses become segments, functions lose theirs, names of namespaces go, child folders and messages are named
/// without the folders above them.
/// </summary>
internal sealed partial class GraphPath
{
    private static readonly HashSet<string> Collections = new(StringComparer.OrdinalIgnoreCase)
    {
        "users", "mailFolders", "childFolders", "messages", "attachments", "messageRules",
    };

    private static readonly HashSet<string> Functions = new(StringComparer.OrdinalIgnoreCase) { "delta", "$count", "createUploadSession" };

    private GraphPath(string? user, IReadOnlyList<string> segments)
    {
        User = user;
        Segments = segments;
    }

    /// <summary>Gets the user's id or name; <c>me</c> for the one who signed in, null where the path has none.</summary>
    public string? User { get; }

    /// <summary>Gets the segments after the user, decoded, names as the service writes them.</summary>
    public IReadOnlyList<string> Segments { get; }

    /// <summary>Gets the segments with <c>{id}</c> in place of every key.</summary>
    public string Template
    {
        get
        {
            var names = new List<string>();
            for (int i = 0; i < Segments.Count; i++)
                names.Add(i > 0 && Collections.Contains(Segments[i - 1]) && !Functions.Contains(Segments[i]) && names[i - 1] != "{id}" ? "{id}" : Segments[i]);
            return names.Count == 0 ? "user" : string.Join('/', names);
        }
    }

    /// <summary>Reads a path below the version, e.g. <c>/users/a%40b/mailFolders('inbox')/messages</c>.</summary>
    public static GraphPath Parse(string path)
    {
        var parts = new List<string>();
        foreach (string raw in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            string segment = Uri.UnescapeDataString(raw);
            if (segment.StartsWith("microsoft.graph.", StringComparison.OrdinalIgnoreCase))
                segment = segment["microsoft.graph.".Length..];
            if (segment.EndsWith("()", StringComparison.Ordinal))
                segment = segment[..^2];
            if (KeyInParentheses().Match(segment) is { Success: true } match)
            {
                parts.Add(match.Groups[1].Value);
                parts.Add(match.Groups[2].Value.Replace("''", "'", StringComparison.Ordinal));
            }
            else
            {
                parts.Add(segment);
            }
        }

        if (parts is ["me", ..])
            return new GraphPath("me", Simplify(parts[1..]));
        return parts is [var users, var user, ..] && users.Equals("users", StringComparison.OrdinalIgnoreCase)
            ? new GraphPath(user, Simplify(parts[2..]))
            : new GraphPath(null, parts);
    }

    private static List<string> Simplify(List<string> parts)
    {
        for (int i = 0; i < parts.Count; i++)
        {
            // Names are compared without regard to case, keys are not.
            if (i == 0 || !Collections.Contains(parts[i - 1]))
                parts[i] = Collections.FirstOrDefault(c => c.Equals(parts[i], StringComparison.OrdinalIgnoreCase)) ?? parts[i];
        }

        while (parts is ["mailFolders", _, "childFolders", not "delta" and not "$count", ..])
            parts.RemoveRange(1, 2);
        return parts;
    }

    [GeneratedRegex(@"^([A-Za-z]+)\('?(.*?)'?\)$", RegexOptions.None, 250)]
    private static partial Regex KeyInParentheses();
}

using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking;

/// <summary>Compares subjects without what replying and forwarding do to them (<c>email.correlatedsubjectchanged</c>).</summary>
internal static class SubjectComparison
{
    // What mail programs in various languages put before the subject of a reply, forward or automatic answer.
    private static readonly HashSet<string> prefixes = new(
        [
            "re", "r", "aw", "antw", "antwort", "sv", "vs", "ref", "rif", "ynt", "odp", "res", "bls", "回复", "答复", "回覆",
            "fw", "fwd", "wg", "tr", "vb", "vl", "i", "pd", "ilt", "enc", "rv", "doorst", "转发", "轉寄",
            "automatic reply", "auto reply", "autoreply", "out of office", "automatische antwort", "réponse automatique",
        ],
        StringComparer.OrdinalIgnoreCase);

    public static bool IsChanged(string subject, string earlier, OrganizationSettings settings) =>
        !string.Equals(Normalise(subject, settings), Normalise(earlier, settings), StringComparison.OrdinalIgnoreCase);

    public static string Normalise(string subject, OrganizationSettings settings)
    {
        string rest = subject;
        foreach (string token in TrackingToken.Find(subject, settings))
            rest = rest.Replace(token, " ", StringComparison.OrdinalIgnoreCase);
        rest = string.Join(' ', rest.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        while (WithoutPrefix(rest) is { } shorter)
            rest = shorter;
        return rest;
    }

    // "RE: x", "RE[2]: x", "AW (3): x" and "回复:x" all reply to x.
    private static string? WithoutPrefix(string subject)
    {
        int colon = subject.AsSpan().IndexOfAny(':', '\uFF1A');
        if (colon <= 0)
            return null;
        string prefix = subject[..colon];
        int bracket = prefix.AsSpan().IndexOfAny('[', '(');
        if (bracket > 0 && prefix[^1] is ']' or ')' && prefix.AsSpan(bracket + 1, prefix.Length - bracket - 2).IndexOfAnyExceptInRange('0', '9') < 0)
            prefix = prefix[..bracket];
        return prefixes.Contains(prefix.Trim()) ? subject[(colon + 1)..].TrimStart() : null;
    }
}

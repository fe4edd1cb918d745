namespace EmailRouter.Lab.OData;

/// <summary>The path of a URL below the service root, segment by segment.</summary>
/// <param name="Segments">The segments.</param>
internal sealed record ResourcePath(IReadOnlyList<PathSegment> Segments)
{
    private const int MaxSegments = 20;

    /// <summary>Reads a path.</summary>
    /// <param name="path">The path below the root, encoded.</param>
    /// <returns>The path.</returns>
    public static ResourcePath Parse(string path)
    {
        string[] parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return parts.Length > MaxSegments ? throw ODataException.Syntax($"The path has more than {MaxSegments} segments.") : new ResourcePath([.. parts.Select(ReadSegment)]);
    }

    private static PathSegment ReadSegment(string part)
    {
        string text = Uri.UnescapeDataString(part);
        int bracket = text.IndexOf('(', StringComparison.Ordinal);
        if (bracket < 0)
            return new PathSegment(text, null);
        if (!text.EndsWith(')'))
            throw ODataException.Syntax($"Bad Request - Error in query syntax: '{text}'.");
        string inner = text[(bracket + 1)..^1];
        return new PathSegment(text[..bracket], inner.Trim().Length == 0 ? [] : QueryOptions.Split(inner, ','));
    }
}

/// <summary>One segment.</summary>
/// <param name="Name">The name before the brackets.</param>
/// <param name="Arguments">What stands in brackets: a key, or named arguments; null where there are none.</param>
internal sealed record PathSegment(string Name, IReadOnlyList<string>? Arguments)
{
    /// <summary>Gets the arguments that have names, as they were written.</summary>
    public IReadOnlyDictionary<string, string> Named => field ??= (Arguments ?? [])
        .Select(a => (Text: a, Sign: a.IndexOf('=', StringComparison.Ordinal)))
        .Where(a => a.Sign > 0 && a.Text[0] != '\'')
        .GroupBy(a => a.Text[..a.Sign].Trim())
        .ToDictionary(g => g.Key, g => g.First().Text[(g.First().Sign + 1)..].Trim());
}

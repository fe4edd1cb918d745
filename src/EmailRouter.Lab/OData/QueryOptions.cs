using System.Globalization;

namespace EmailRouter.Lab.OData;

/// <summary>The query options of a URL, or of an expanded navigation property.</summary>
internal sealed record QueryOptions
{
    private const int MaxOptions = 200;
    private const int MaxExpandDepth = 5;

    /// <summary>Gets the properties asked for; null for all.</summary>
    public IReadOnlyList<string>? Select { get; init; }

    public FilterNode? Filter { get; init; }

    public IReadOnlyList<(IReadOnlyList<string> Path, bool Descending)> OrderBy { get; init; } = [];

    public int? Top { get; init; }

    public bool Count { get; init; }

    public IReadOnlyList<ExpandItem> Expand { get; init; } = [];

    public string? SkipToken { get; init; }

    public string? FetchXml { get; init; }

    public string? Apply { get; init; }

    /// <summary>Gets the parameters with an <c>@</c>, as they were written.</summary>
    public IReadOnlyDictionary<string, string> Aliases { get; init; } = new Dictionary<string, string>();

    /// <summary>Reads the query of a URL.</summary>
    /// <param name="query">The query, encoded, without the question mark.</param>
    /// <returns>The options.</returns>
    public static QueryOptions Parse(string query)
    {
        var pairs = new List<(string Name, string Value)>();
        foreach (string part in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0)
                throw ODataException.Syntax($"The query option '{Decode(part)}' has no value.");
            pairs.Add((Decode(part[..equals]).Trim(), Decode(part[(equals + 1)..])));
        }

        if (pairs.Count > MaxOptions)
            throw ODataException.Syntax($"There are more than {MaxOptions} query options.");
        return Read(pairs, pairs.Where(p => p.Name.StartsWith('@')).GroupBy(p => p.Name).ToDictionary(g => g.Key, g => g.First().Value), 0);
    }

    /// <summary>Decodes a part of a URL.</summary>
    /// <param name="text">The part.</param>
    /// <returns>The text; a plus is a space, as web forms and the documentation's own samples write it.</returns>
    public static string Decode(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));

    /// <summary>Splits at a separator outside quotes and brackets.</summary>
    /// <param name="text">The list.</param>
    /// <param name="separator">The separator.</param>
    /// <returns>The parts, without the spaces around them.</returns>
    public static List<string> Split(string text, char separator)
    {
        var parts = new List<string>();
        int depth = 0;
        int start = 0;
        bool isQuoted = false;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == '\'')
                isQuoted = !isQuoted;
            else if (isQuoted)
                continue;
            else if (c is '(' or '[')
                depth++;
            else if (c is ')' or ']')
                depth--;
            else if (c == separator && depth == 0)
            {
                parts.Add(text[start..i].Trim());
                start = i + 1;
            }

            if (depth < 0)
                throw ODataException.Syntax($"There is a bracket too many at position {i} in '{text}'.");
        }

        if (depth != 0 || isQuoted)
            throw ODataException.Syntax($"A bracket or quote in '{text}' has no end.");
        parts.Add(text[start..].Trim());
        return parts;
    }

    private static QueryOptions Read(IEnumerable<(string Name, string Value)> pairs, IReadOnlyDictionary<string, string> aliases, int depth)
    {
        if (depth > MaxExpandDepth)
            throw ODataException.Syntax($"$expand is nested deeper than {MaxExpandDepth} levels.");
        var options = new QueryOptions { Aliases = aliases };
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach ((string name, string value) in pairs)
        {
            if (name.StartsWith('$') && !seen.Add(name))
                throw ODataException.Syntax($"Query option '{name}' was specified more than once, but it must be specified at most once.");
            options = name switch
            {
                "$select" => options with { Select = [.. Split(value, ',').Where(s => s.Length > 0)] },
                "$filter" => options with { Filter = FilterParser.Parse(value, aliases) },
                "$orderby" => options with { OrderBy = [.. Split(value, ',').Select(ReadOrder)] },
                "$top" => options with { Top = ReadTop(value) },
                "$count" => options with { Count = ReadFlag(value) },
                "$expand" => options with { Expand = [.. Split(value, ',').Where(e => e.Length > 0).Select(e => ReadExpand(e, aliases, depth))] },
                "$skiptoken" => options with { SkipToken = value },
                "$apply" => options with { Apply = value },
                "fetchXml" => options with { FetchXml = value },
                "$format" when value is "json" or "application/json" => options,
                "savedQuery" or "userQuery" or "$skip" or "$search" or "$compute" or "$format" or "$levels" => throw new ODataException(System.Net.HttpStatusCode.BadRequest, "0x80060888",
                    $"Query option {name} is not supported."),
                _ when name.StartsWith('$') => throw ODataException.Syntax($"The query parameter '{name}' is not supported."),
                _ => options,
            };
        }

        return options;
    }

    private static (IReadOnlyList<string> Path, bool Descending) ReadOrder(string item)
    {
        string[] words = item.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words switch
        {
            [var path] => (path.Split('/'), false),
            [var path, "asc"] => (path.Split('/'), false),
            [var path, "desc"] => (path.Split('/'), true),
            _ => throw ODataException.Syntax($"'{item}' is no item of $orderby."),
        };
    }

    private static bool ReadFlag(string value) => value switch
    {
        "true" => true,
        "false" => false,
        _ => throw ODataException.Syntax($"Invalid value '{value}' for $count query option found. Valid values are '[true, false]'."),
    };

    private static int ReadTop(string value) => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int top)
        ? top
        : throw ODataException.Syntax($"Invalid value '{value}' for $top query option found. The $top query option requires a non-negative integer value.");

    private static ExpandItem ReadExpand(string item, IReadOnlyDictionary<string, string> aliases, int depth)
    {
        int bracket = item.IndexOf('(', StringComparison.Ordinal);
        if (bracket < 0)
            return new ExpandItem(item.EndsWith("/$ref", StringComparison.Ordinal) ? item[..^5] : item, new QueryOptions(), item.EndsWith("/$ref", StringComparison.Ordinal));
        if (!item.EndsWith(')'))
            throw ODataException.Syntax($"'{item}' is no item of $expand.");
        IEnumerable<(string, string)> pairs = Split(item[(bracket + 1)..^1], ';').Where(p => p.Length > 0).Select(p =>
        {
            int equals = p.IndexOf('=', StringComparison.Ordinal);
            return equals > 0 ? (p[..equals].Trim(), p[(equals + 1)..].Trim()) : throw ODataException.Syntax($"'{p}' is no option of $expand.");
        });
        return new ExpandItem(item[..bracket].Trim(), Read(pairs, aliases, depth + 1), IsReference: false);
    }
}

/// <summary>A navigation property to follow, with its own options.</summary>
/// <param name="Name">The navigation property.</param>
/// <param name="Options">What to read of it.</param>
/// <param name="IsReference">Whether only links are asked for (<c>/$ref</c>).</param>
internal sealed record ExpandItem(string Name, QueryOptions Options, bool IsReference);

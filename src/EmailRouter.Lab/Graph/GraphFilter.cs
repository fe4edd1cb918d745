using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace EmailRouter.Lab.Graph;

/// <summary>An expression of <c>$filter</c> (OData 4.01 URL conventions 5.1.1) over the JSON of an item. Texts are compared without regard to case, as Exchange does.</summary>
internal sealed partial class GraphFilter
{
    private readonly List<string> tokens;
    private readonly List<string> paths = [];
    private int at;
    private Func<Func<string, JsonNode?>, bool> test = static _ => true;

    private GraphFilter(List<string> tokens) => this.tokens = tokens;

    /// <summary>Gets the properties it names, in order.</summary>
    public IReadOnlyList<string> Paths => paths;

    /// <summary>Reads an expression.</summary>
    /// <exception cref="GraphError">It is none.</exception>
    public static GraphFilter Parse(string text)
    {
        List<string> tokens = [];
        int end = 0;
        foreach (Match match in Token().Matches(text))
        {
            if (match.Index != end)
                throw Syntax(text[end..match.Index]);
            end = match.Index + match.Length;
            if (!string.IsNullOrWhiteSpace(match.Value))
                tokens.Add(match.Value);
        }

        if (end != text.Length)
            throw Syntax(text[end..]);
        var filter = new GraphFilter(tokens);
        filter.test = filter.Or(string.Empty);
        return filter.at == tokens.Count ? filter : throw Syntax(tokens[filter.at]);
    }

    /// <summary>Says whether it holds.</summary>
    /// <param name="resolve">Finds the value of a property by its path.</param>
    public bool Holds(Func<string, JsonNode?> resolve) => test(resolve);

    private Func<Func<string, JsonNode?>, bool> Or(string variable)
    {
        Func<Func<string, JsonNode?>, bool> left = And(variable);
        while (Accept("or"))
        {
            (Func<Func<string, JsonNode?>, bool> one, Func<Func<string, JsonNode?>, bool> other) = (left, And(variable));
            left = resolve => one(resolve) || other(resolve);
        }

        return left;
    }

    private Func<Func<string, JsonNode?>, bool> And(string variable)
    {
        Func<Func<string, JsonNode?>, bool> left = Not(variable);
        while (Accept("and"))
        {
            (Func<Func<string, JsonNode?>, bool> one, Func<Func<string, JsonNode?>, bool> other) = (left, Not(variable));
            left = resolve => one(resolve) && other(resolve);
        }

        return left;
    }

    private Func<Func<string, JsonNode?>, bool> Not(string variable)
    {
        if (!Accept("not"))
            return Primary(variable);
        Func<Func<string, JsonNode?>, bool> inner = Not(variable);
        return resolve => !inner(resolve);
    }

    private Func<Func<string, JsonNode?>, bool> Primary(string variable)
    {
        if (Accept("("))
        {
            Func<Func<string, JsonNode?>, bool> inner = Or(variable);
            Expect(")");
            return inner;
        }

        string name = Next();
        if (name.ToLowerInvariant() is "startswith" or "endswith" or "contains" && Accept("("))
            return Function(name.ToLowerInvariant(), variable);
        if (name.EndsWith("/any", StringComparison.OrdinalIgnoreCase) && Accept("("))
            return Any(name[..^4]);
        string path = Path(name, variable);
        string op = Next().ToLowerInvariant();
        object? literal = GraphValue.Literal(Next());
        return op switch
        {
            "eq" => resolve => GraphValue.Compare(resolve(path), literal) == 0,
            "ne" => resolve => GraphValue.Compare(resolve(path), literal) != 0,
            "gt" => resolve => GraphValue.Compare(resolve(path), literal) > 0,
            "ge" => resolve => GraphValue.Compare(resolve(path), literal) >= 0,
            "lt" => resolve => GraphValue.Compare(resolve(path), literal) < 0,
            "le" => resolve => GraphValue.Compare(resolve(path), literal) <= 0,
            _ => throw Syntax(op),
        };
    }

    private Func<Func<string, JsonNode?>, bool> Function(string name, string variable)
    {
        string path = Path(Next(), variable);
        Expect(",");
        string text = GraphValue.Literal(Next()) as string ?? throw Syntax(name);
        Expect(")");
        return resolve => GraphValue.Comparable(resolve(path)) is string value && name switch
        {
            "startswith" => value.StartsWith(text, StringComparison.OrdinalIgnoreCase),
            "endswith" => value.EndsWith(text, StringComparison.OrdinalIgnoreCase),
            _ => value.Contains(text, StringComparison.OrdinalIgnoreCase),
        };
    }

    /// <summary><c>categories/any(c:c eq 'x')</c>. Extended properties are asked for by the ids that stand in the expression.</summary>
    private Func<Func<string, JsonNode?>, bool> Any(string path)
    {
        paths.Add(path);
        string variable = Next();
        Expect(":");
        int from = at;
        int known = paths.Count;
        Func<Func<string, JsonNode?>, bool> inner = Or(variable);
        paths.RemoveRange(known, paths.Count - known);
        IEnumerable<string> literals = tokens[from..at].Where(t => t.StartsWith('\''));
        string asked = path.Equals("singleValueExtendedProperties", StringComparison.OrdinalIgnoreCase) ? $"{path}({string.Join(' ', literals)})" : path;
        Expect(")");
        return resolve => resolve(asked) is JsonArray items && items.Any(item => inner(below => below.Length == 0 ? item : GraphValue.Find(item, below)));
    }

    private string Path(string name, string variable)
    {
        if (!Name().IsMatch(name))
            throw Syntax(name);
        if (variable.Length > 0)
        {
            if (name == variable)
                return string.Empty;
            return name.StartsWith(variable + "/", StringComparison.Ordinal) ? name[(variable.Length + 1)..] : throw Syntax(name);
        }

        paths.Add(name);
        return name;
    }

    private string Next() => at < tokens.Count ? tokens[at++] : throw Syntax("the end");

    private bool Accept(string token)
    {
        if (at >= tokens.Count || !tokens[at].Equals(token, StringComparison.OrdinalIgnoreCase))
            return false;
        at++;
        return true;
    }

    private void Expect(string token)
    {
        if (!Accept(token))
            throw Syntax(at < tokens.Count ? tokens[at] : "the end");
    }

    private static GraphError Syntax(string where) => GraphError.BadRequest($"Invalid filter clause: syntax error at '{where}'.");

    [GeneratedRegex(@"\s+|'(?:[^']|'')*'|[(),]|:(?!\d)|[A-Za-z_$@][A-Za-z0-9_/.$@]*|-?\d[0-9A-Za-z:.+-]*", RegexOptions.None, 1000)]
    private static partial Regex Token();

    [GeneratedRegex("^[A-Za-z_][A-Za-z0-9_/.]*$", RegexOptions.None, 250)]
    private static partial Regex Name();
}

/// <summary>Compares JSON values with each other and with literals of OData.</summary>
internal static class GraphValue
{
    /// <summary>Gets the order of <see cref="Comparable"/> values: nothing first.</summary>
    public static IComparer<object?> Order { get; } = Comparer<object?>.Create((a, b) => CompareKnown(a, b) ?? 0);

    /// <summary>Reads a literal: text, true, false, null, a number or a date.</summary>
    public static object? Literal(string token) => token switch
    {
        ['\'', .. var text, '\''] => text.Replace("''", "'", StringComparison.Ordinal),
        "true" => true,
        "false" => false,
        "null" => null,
        _ when double.TryParse(token, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) => number,
        _ when DateTimeOffset.TryParse(token, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset date) => date,
        _ => throw GraphError.BadRequest($"Invalid filter clause: '{token}' is not a literal."),
    };

    /// <summary>Gets the value in a form that can be compared.</summary>
    public static object? Comparable(JsonNode? node) => node is not JsonValue value ? null : value.GetValueKind() switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture),
        JsonValueKind.String => value.GetValue<string>(),
        _ => null,
    };

    /// <summary>Compares; null when the two have nothing in common, so that only <c>ne</c> holds.</summary>
    public static int? Compare(JsonNode? node, object? literal)
    {
        object? value = Comparable(node);
        if (literal is DateTimeOffset && value is string text)
            value = DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset date) ? date : text;
        return value is null && literal is null ? 0 : value is null || literal is null ? null : CompareKnown(value, literal);
    }

    /// <summary>Finds a value by its path.</summary>
    public static JsonNode? Find(JsonNode? node, string path)
    {
        foreach (string name in path.Split('/'))
            node = (node as JsonObject)?.FirstOrDefault(p => p.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;
        return node;
    }

    private static int? CompareKnown(object? a, object? b) => (a, b) switch
    {
        (null, null) => 0,
        (null, _) => -1,
        (_, null) => 1,
        (string one, string other) => string.Compare(one, other, StringComparison.OrdinalIgnoreCase),
        (bool one, bool other) => one.CompareTo(other),
        (double one, double other) => one.CompareTo(other),
        (DateTimeOffset one, DateTimeOffset other) => one.CompareTo(other),
        _ => null,
    };
}

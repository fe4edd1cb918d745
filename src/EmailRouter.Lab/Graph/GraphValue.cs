using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EmailRouter.Lab.Graph;

/// <summary>Compares JSON values with each other and with literals of OData.</summary>
internal static class GraphValue
{
    /// <summary>Gets the order of <see cref="Comparable"/> values: nothing first.</summary>
    public static IComparer<object?> Order { get; } = Comparer<object?>.Create((a, b) => CompareKnown(a, b) ?? 0);

    /// <summary>Gets the value in a form that can be compared.</summary>
    public static object? Comparable(JsonNode? node) => node is not JsonValue value ? null : value.GetValueKind() switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => decimal.Parse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture),
        JsonValueKind.String => value.GetValue<string>(),
        _ => null,
    };

    /// <summary>Compares; null when the two have nothing in common, so that only <c>ne</c> holds.</summary>
    public static int? Compare(JsonNode? node, object? literal)
    {
        object? value = Comparable(node);
        if (literal is DateTimeOffset && value is string text)
            value = DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset date) ? date : text;
        if (literal is long number)
            literal = (decimal)number;
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
        (decimal one, decimal other) => one.CompareTo(other),
        (DateTimeOffset one, DateTimeOffset other) => one.CompareTo(other),
        _ => null,
    };
}

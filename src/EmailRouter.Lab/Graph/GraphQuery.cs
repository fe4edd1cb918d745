using System.Globalization;
using System.Text.Json.Nodes;

namespace EmailRouter.Lab.Graph;

/// <summary>The query options of OData that the service knows for mail.</summary>
internal sealed class GraphQuery
{
    private static readonly string[] Known = ["$select", "$filter", "$orderby", "$top", "$skip", "$count", "$expand", "$skiptoken", "$deltatoken"];

    public GraphQuery(IReadOnlyDictionary<string, string> values)
    {
        Values = values;
        if (values.Keys.FirstOrDefault(k => k.StartsWith('$') && !Known.Contains(k, StringComparer.OrdinalIgnoreCase)) is { } unknown)
            throw GraphError.BadRequest($"The query parameter '{unknown}' is not supported here.");
        Select = Names("$select");
        Filter = values.TryGetValue("$filter", out string? filter) ? GraphFilter.Parse(filter) : null;
        OrderBy = values.TryGetValue("$orderby", out string? order) ? [.. order.Split(',').Select(Order)] : [];
        Top = Number("$top");
        Skip = Number("$skip") ?? 0;
        Count = values.GetValueOrDefault("$count") is "true";
        Expand = values.GetValueOrDefault("$expand", string.Empty);
        if (Top is < 1 or > 1000)
            throw GraphError.BadRequest("Invalid value for '$top' query option; it must be between 1 and 1000.");
    }

    public IReadOnlyDictionary<string, string> Values { get; }

    /// <summary>Gets the properties asked for; null for the usual ones.</summary>
    public IReadOnlyList<string>? Select { get; }

    public GraphFilter? Filter { get; }

    public IReadOnlyList<(string Path, bool Descending)> OrderBy { get; }

    public int? Top { get; }

    public int Skip { get; }

    public bool Count { get; }

    public string Expand { get; }

    /// <summary>Filters, sorts and cuts a collection, and says how to go on.</summary>
    /// <param name="items">What there is, in the usual order.</param>
    /// <param name="resolve">Finds the value of a property of one.</param>
    /// <param name="show">Makes the JSON of one.</param>
    /// <param name="call">The request.</param>
    /// <param name="context">What the answer is about.</param>
    public JsonObject Apply<T>(IEnumerable<T> items, Func<T, string, JsonNode?> resolve, Func<T, JsonNode> show, GraphCall call, string context)
    {
        if (Filter is not null && OrderBy.Count > 0 && !OrderBy.Select(o => o.Path).SequenceEqual(Filter.Paths.Take(OrderBy.Count), StringComparer.OrdinalIgnoreCase))
            throw new GraphError(400, "InefficientFilter", "The restriction or sort order is too complex for this operation.");
        if (Filter is not null)
            items = items.Where(i => Filter.Holds(path => resolve(i, path)));
        IOrderedEnumerable<T>? ordered = null;
        foreach ((string path, bool descending) in OrderBy)
        {
            object? Key(T item) => GraphValue.Comparable(resolve(item, path));
            ordered = (ordered, descending) switch
            {
                (null, false) => items.OrderBy(Key, GraphValue.Order),
                (null, true) => items.OrderByDescending(Key, GraphValue.Order),
                (_, false) => ordered.ThenBy(Key, GraphValue.Order),
                _ => ordered.ThenByDescending(Key, GraphValue.Order),
            };
        }

        List<T> found = [.. ordered ?? items];
        int size = Top ?? call.PageSize ?? 10;
        var answer = new JsonObject { ["@odata.context"] = call.Context(context) };
        if (Count)
            answer["@odata.count"] = found.Count;
        answer["value"] = new JsonArray([.. found.Skip(Skip).Take(size).Select(show)]);
        if (Skip + size < found.Count)
            answer["@odata.nextLink"] = call.Link(With("$skip", (Skip + size).ToString(CultureInfo.InvariantCulture)));
        return answer;
    }

    /// <summary>Writes the options again with one changed.</summary>
    public string With(string name, string value) => string.Join('&', Values.Where(v => !v.Key.Equals(name, StringComparison.OrdinalIgnoreCase))
        .Append(KeyValuePair.Create(name, value)).Select(v => $"{Uri.EscapeDataString(v.Key).Replace("%24", "$", StringComparison.Ordinal)}={Uri.EscapeDataString(v.Value)}"));

    private static (string Path, bool Descending) Order(string text)
    {
        string[] parts = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return parts switch
        {
            [var path] => (path, false),
            [var path, "asc"] => (path, false),
            [var path, "desc"] => (path, true),
            _ => throw GraphError.BadRequest($"The $orderby expression '{text}' is not valid."),
        };
    }

    private List<string>? Names(string option) => Values.TryGetValue(option, out string? names) && names.Length > 0
        ? [.. names.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)]
        : null;

    private int? Number(string option)
    {
        if (!Values.TryGetValue(option, out string? text))
            return null;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw GraphError.BadRequest($"Invalid value '{text}' for '{option}' query option found. The '{option}' query option requires a non-negative integer value.");
    }
}

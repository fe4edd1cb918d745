using System.Net;
using System.Text.Json.Nodes;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse.Model;
using EmailRouter.Lab.OData;

namespace EmailRouter.Lab.Dataverse.Rows;

/// <summary>Carries <c>$apply</c> out: groups rows and computes over the groups.</summary>
/// <param name="rows">The transaction.</param>
/// <param name="writer">Writes the values that groups have in common.</param>
/// <param name="type">The rows' type.</param>
internal sealed class ApplyReader(RowReader rows, RowWriter writer, EntityType type)
{
    // "Aggregate data using OData": the aggregate functions are limited to so many rows.
    private const int MaxRows = 50_000;

    /// <summary>Reads the groups.</summary>
    /// <param name="query">The query.</param>
    /// <param name="options">Filter, order and number.</param>
    /// <param name="within">The rows to choose from; null for all of the set.</param>
    /// <returns>A row for each group.</returns>
    /// <exception cref="ODataException">The query names what is not there, or Dataverse does not do it.</exception>
    public IReadOnlyList<JsonObject> Read(ApplyQuery query, QueryOptions options, IEnumerable<CrmRecord>? within)
    {
        if (options.Select is not null || options.Expand.Count > 0)
            throw NotSupported("$apply together with $select or $expand is not supported.");
        foreach (IReadOnlyList<string> path in query.Groups.Concat(query.Aggregates.Select(a => a.Path).Where(p => p.Count > 0)))
            FilterEvaluator.Check(new FilterNode.Path(path), type);
        if (query.Groups.FirstOrDefault(g => Target(g).Kind == EdmKind.DateTimeOffset) is { } time)
            throw NotSupported($"Grouping by the time '{string.Join('/', time)}' is not supported.");
        foreach ((IReadOnlyList<string> path, _) in options.OrderBy)
        {
            if (!query.Groups.Any(g => g.SequenceEqual(path)))
                throw NotSupported("The query node SingleValueOpenPropertyAccess is not supported.");
        }

        // $filter sees the groups: of their properties, filtering before and after comes to the same.
        if (options.Filter is { } after && FilterEvaluator.PropertiesOf(after).FirstOrDefault(n => !query.Groups.Any(g => g[0] == n)) is { } unknown)
            throw NotSupported($"$filter after $apply sees the properties of groupby alone, not '{unknown}'; use filter() within $apply.");
        FilterNode[] filters = [.. query.Filters, .. new[] { options.Filter }.OfType<FilterNode>()];
        FilterNode? filter = filters.Length == 0 ? null : filters.Aggregate((left, right) => new FilterNode.Logical(IsAnd: true, left, right));
        List<CrmRecord> found = rows.Query(type, new QueryOptions { Filter = filter }, within);
        if (found.Count > MaxRows)
            throw new ODataException(HttpStatusCode.BadRequest, "0x8004e023", "The maximum record limit is exceeded. Reduce the number of records.");
        IEnumerable<List<CrmRecord>> groups = query.Groups.Count == 0 ? [found]
            : Order(query, options, found.GroupBy(r => string.Join('\0', query.Groups.Select(g => Key(ValueOf(g, r))))).Select(g => g.ToList()));
        if (options.Top is { } top)
            groups = groups.Take(top);
        return [.. groups.Select(g => Write(query, g))];
    }

    private IEnumerable<List<CrmRecord>> Order(ApplyQuery query, QueryOptions options, IEnumerable<List<CrmRecord>> groups)
    {
        var comparer = Comparer<object?>.Create(FilterEvaluator.Compare);
        IOrderedEnumerable<List<CrmRecord>> ordered = groups.OrderBy(_ => 0);
        foreach ((IReadOnlyList<string> path, bool descending) in options.OrderBy)
            ordered = descending ? ordered.ThenByDescending(g => ValueOf(path, g[0]), comparer) : ordered.ThenBy(g => ValueOf(path, g[0]), comparer);

        // The order is total in any case.
        return query.Groups.Aggregate(ordered, (some, path) => some.ThenBy(g => ValueOf(path, g[0]), comparer));
    }

    private JsonObject Write(ApplyQuery query, List<CrmRecord> group)
    {
        var json = new JsonObject();
        foreach (IReadOnlyList<string> path in query.Groups)
        {
            // Properties of other rows stand within objects, as where such rows are expanded.
            (JsonObject at, EntityType current, CrmRecord? row) = (json, type, group[0]);
            foreach (string step in path.SkipLast(1))
            {
                Navigation navigation = current.FindNavigation(step)!;
                row = row is null ? null : rows.Related(navigation, row).FirstOrDefault();
                current = navigation.Target;
                if (row is null)
                {
                    at[step] = null;
                    break;
                }

                if (at[step] is not JsonObject)
                    at[step] = new JsonObject();
                at = (JsonObject)at[step]!;
            }

            if (row is not null)
                writer.Add(at, current, current.Property(path[^1]), row);
        }

        foreach (Aggregate aggregate in query.Aggregates)
            json[aggregate.Alias] = Compute(aggregate, group);
        return json;
    }

    private JsonNode? Compute(Aggregate aggregate, List<CrmRecord> group)
    {
        if (aggregate.Method == "count")
            return group.Count;
        object[] values = [.. group.Select(r => ValueOf(aggregate.Path, r)).OfType<object>()];
        var comparer = Comparer<object?>.Create(FilterEvaluator.Compare);
        switch (aggregate.Method)
        {
            case "countdistinct":
                return values.Select(Key).Distinct().Count();
            case "min" or "max" when Target(aggregate.Path).Kind is EdmKind.Int32 or EdmKind.Int64 or EdmKind.DateTimeOffset:
                IEnumerable<object> ordered = aggregate.Method == "min" ? values.Order(comparer) : values.OrderDescending(comparer);
                return RowWriter.ToJson(ordered.FirstOrDefault());
            case "sum" or "average" when Target(aggregate.Path).Kind is EdmKind.Int32 or EdmKind.Int64:
                decimal sum = values.Sum(v => Convert.ToDecimal(v, System.Globalization.CultureInfo.InvariantCulture));
                return values.Length == 0 ? null : aggregate.Method == "sum" ? sum : sum / values.Length;
            default:
                throw NotSupported($"The aggregation method '{aggregate.Method}' is not supported for '{string.Join('/', aggregate.Path)}'.");
        }
    }

    private EntityProperty Target(IReadOnlyList<string> path) =>
        path.SkipLast(1).Aggregate(type, (current, step) => current.FindNavigation(step)!.Target).Property(path[^1]);

    private object? ValueOf(IReadOnlyList<string> path, CrmRecord row)
    {
        (EntityType current, CrmRecord at) = (type, row);
        foreach (string step in path.SkipLast(1))
        {
            Navigation navigation = current.FindNavigation(step)!;
            if (rows.Related(navigation, at).FirstOrDefault() is not { } next)
                return null;
            (current, at) = (navigation.Target, next);
        }

        return current.Property(path[^1]).ValueOf(at);
    }

    // The CRM's database groups text without regard to case.
    private static string Key(object? value) => value is null ? "-" : "+" + RowWriter.ToJson(value)?.ToString().ToUpperInvariant();

    private static ODataException NotSupported(string message) => new(HttpStatusCode.BadRequest, "0x80060888", message);
}

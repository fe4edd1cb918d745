using System.Net;

namespace EmailRouter.Lab.OData;

/// <summary>What <c>$apply</c> asks for (OData Extension for Data Aggregation 4.0), as far as Dataverse has it: filters, then groups with sums and
/// counts.</summary>
/// <param name="Filters">The filters, all of which have to hold.</param>
/// <param name="Groups">The properties whose values make a group, as paths; none for one group of all rows.</param>
/// <param name="Aggregates">What is computed over each group.</param>
internal sealed record ApplyQuery(IReadOnlyList<FilterNode> Filters, IReadOnlyList<IReadOnlyList<string>> Groups, IReadOnlyList<Aggregate> Aggregates)
{
    private static readonly string[] methods = ["sum", "average", "min", "max", "countdistinct"];

    /// <summary>Reads it.</summary>
    /// <param name="text">The text, decoded.</param>
    /// <param name="aliases">The values of parameter aliases (<c>@p</c>).</param>
    /// <returns>The query.</returns>
    /// <exception cref="ODataException">It is malformed, or Dataverse has it not.</exception>
    public static ApplyQuery Parse(string text, IReadOnlyDictionary<string, string> aliases)
    {
        var filters = new List<FilterNode>();
        ApplyQuery? query = null;
        foreach (string step in QueryOptions.Split(text, '/'))
        {
            int bracket = step.IndexOf('(', StringComparison.Ordinal);
            if (bracket < 0 || !step.EndsWith(')'))
                throw ODataException.Syntax($"'{step}' is no transformation of $apply.");
            string inner = step[(bracket + 1)..^1];
            if (query is not null)
                throw NotSupported("$apply with transformations after groupby or aggregate is not supported.");
            switch (step[..bracket].Trim())
            {
                case "filter":
                    filters.Add(FilterParser.Parse(inner, aliases));
                    break;
                case "aggregate":
                    query = new ApplyQuery(filters, [], ReadAggregates(inner));
                    break;
                case "groupby":
                    query = ReadGroups(inner, filters);
                    break;
                case var other:
                    throw NotSupported($"The transformation '{other}' of $apply is not supported.");
            }
        }

        return query ?? throw NotSupported("$apply with filters alone is not supported; use $filter.");
    }

    private static ApplyQuery ReadGroups(string inner, List<FilterNode> filters)
    {
        List<string> parts = QueryOptions.Split(inner, ',');
        if (parts.Count > 2 || parts[0] is not ['(', .., ')'])
            throw ODataException.Syntax($"'groupby({inner})' is no groupby: it takes properties in brackets, and then perhaps aggregate.");
        List<string> paths = QueryOptions.Split(parts[0][1..^1], ',');
        if (paths.Contains(string.Empty))
            throw ODataException.Syntax("A property of groupby has no name.");
        IReadOnlyList<IReadOnlyList<string>> groups = [.. paths.Select(p => p.Split('/'))];
        if (parts.Count == 1)
            return new ApplyQuery(filters, groups, []);
        return parts[1].StartsWith("aggregate(", StringComparison.Ordinal) && parts[1].EndsWith(')')
            ? new ApplyQuery(filters, groups, ReadAggregates(parts[1]["aggregate(".Length..^1]))
            : throw NotSupported($"'{parts[1]}' within groupby is not supported.");
    }

    private static List<Aggregate> ReadAggregates(string inner)
    {
        List<Aggregate> aggregates = QueryOptions.Split(inner, ',').ConvertAll(ReadAggregate);
        return aggregates.Select(a => a.Alias).Distinct(StringComparer.Ordinal).Count() == aggregates.Count
            ? aggregates
            : throw ODataException.Syntax("Two aggregates have the same alias.");
    }

    private static Aggregate ReadAggregate(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries) switch
    {
        ["$count", "as", var alias] => new Aggregate([], "count", alias),
        [var path, "with", var method, "as", var alias] when methods.Contains(method) => new Aggregate(path.Split('/'), method, alias),
        [_, "with", var method, "as", _] => throw NotSupported($"The aggregation method '{method}' is not supported."),
        _ => throw ODataException.Syntax($"'{text}' is no aggregate: write 'property with method as alias' or '$count as alias'."),
    };

    private static ODataException NotSupported(string message) => new(HttpStatusCode.BadRequest, "0x80060888", message);
}

/// <summary>What is computed over the rows of a group.</summary>
/// <param name="Path">The property; empty for the number of rows.</param>
/// <param name="Method"><c>count</c>, <c>sum</c>, <c>average</c>, <c>min</c>, <c>max</c> or <c>countdistinct</c>.</param>
/// <param name="Alias">The name of the result.</param>
internal sealed record Aggregate(IReadOnlyList<string> Path, string Method, string Alias);

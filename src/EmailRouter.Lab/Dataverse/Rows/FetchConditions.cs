using System.Globalization;
using System.Net;
using System.Xml.Linq;
using EmailRouter.Lab.Dataverse.Model;
using EmailRouter.Lab.OData;

namespace EmailRouter.Lab.Dataverse.Rows;

/// <summary>Reads the filters of FetchXML into those of the Web API, so that one evaluator decides both.</summary>
/// <param name="type">The type of the rows.</param>
/// <param name="now">The time, for operators that speak of today.</param>
internal sealed class FetchConditions(EntityType type, DateTimeOffset now)
{
    /// <summary>Reads the filters of a table or a link.</summary>
    /// <param name="parent">The <c>entity</c> or <c>link-entity</c>.</param>
    /// <returns>The filter; null for none.</returns>
    /// <exception cref="ODataException">It names what is not there, or an operator that the lab has not.</exception>
    public FilterNode? Read(XElement parent) => Together(isAnd: true, parent.Elements("filter").Select(One));

    private FilterNode? One(XElement filter) => Together(
        (string?)filter.Attribute("type") != "or",
        filter.Elements().Select(e => e.Name.LocalName switch
        {
            "condition" => Condition(e),
            "filter" => One(e),
            var other => throw FetchReader.Invalid($"A filter has no {other}."),
        }));

    private static FilterNode? Together(bool isAnd, IEnumerable<FilterNode?> nodes)
    {
        FilterNode[] some = [.. nodes.OfType<FilterNode>()];
        return some.Length == 0 ? null : some.Aggregate((left, right) => new FilterNode.Logical(isAnd, left, right));
    }

    private FilterNode Condition(XElement condition)
    {
        if (condition.Attribute("entityname") is not null)
            throw NotThere("The lab takes conditions on a joined table within its link-entity alone.");
        EntityProperty property = type.Column(FetchReader.Required(condition, "attribute"));
        var path = new FilterNode.Path([property.Name]);
        string[] values = condition.Attribute("value") is { } one ? [one.Value] : [.. condition.Elements("value").Select(v => v.Value)];
        string name = FetchReader.Required(condition, "operator");
        string Single() => values.Length == 1 ? values[0] : throw FetchReader.Invalid($"The operator '{name}' takes one value.");
        FilterNode Compared(string by) => new FilterNode.Comparison(by, path, new FilterNode.Literal(Constant(property, Single())));
        FilterNode Function(string function) => new FilterNode.CrmFunction(function, new Dictionary<string, object?>
        {
            ["PropertyName"] = property.Name,
            ["PropertyValues"] = values.Select(v => (object?)Constant(property, v)).ToList(),
        });
        FilterNode Match(string function) => new FilterNode.TextMatch(function, path, new FilterNode.Literal(Single()));
        FilterNode From(DateTimeOffset time) => new FilterNode.Comparison("ge", path, new FilterNode.Literal(time));
        FilterNode Before(DateTimeOffset time) => new FilterNode.Comparison("lt", path, new FilterNode.Literal(time));
        FilterNode Within(DateTimeOffset from, DateTimeOffset to) => new FilterNode.Logical(IsAnd: true, From(from), Before(to));
        DateTimeOffset Day() => (DateTimeOffset)Constant(property, Single()) is var time ? new DateTimeOffset(time.Date, time.Offset) : default;
        int Count() => int.TryParse(Single(), NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0
            ? number : throw FetchReader.Invalid($"The operator '{name}' takes a whole number.");
        DateTimeOffset today = new(now.UtcDateTime.Date, TimeSpan.Zero);
        return name switch
        {
            "eq" or "ne" or "gt" or "ge" or "lt" or "le" => Compared(name),
            "neq" => Compared("ne"),
            "null" => new FilterNode.Comparison("eq", path, new FilterNode.Literal(null)),
            "not-null" => new FilterNode.Comparison("ne", path, new FilterNode.Literal(null)),
            "in" => Function("In"),
            "not-in" => Function("NotIn"),
            "between" => Function("Between"),
            "not-between" => new FilterNode.Not(Function("Between")),
            "eq-userid" => Function("EqualUserId"),
            "ne-userid" => Function("NotEqualUserId"),
            "like" => Like(path, Single()),
            "not-like" => new FilterNode.Not(Like(path, Single())),
            "begins-with" => Match("startswith"),
            "not-begin-with" => new FilterNode.Not(Match("startswith")),
            "ends-with" => Match("endswith"),
            "not-end-with" => new FilterNode.Not(Match("endswith")),
            "on" => Within(Day(), Day().AddDays(1)),
            "not-on" => new FilterNode.Not(Within(Day(), Day().AddDays(1))),
            "on-or-after" => From(Day()),
            "on-or-before" => Before(Day().AddDays(1)),
            "today" => Within(today, today.AddDays(1)),
            "yesterday" => Within(today.AddDays(-1), today),
            "tomorrow" => Within(today.AddDays(1), today.AddDays(2)),
            "last-x-hours" => Within(now.AddHours(-Count()), now),
            "last-x-days" => Within(today.AddDays(-Count()), now),
            "next-x-hours" => Within(now, now.AddHours(Count())),
            "next-x-days" => Within(now, today.AddDays(Count() + 1)),
            "olderthan-x-minutes" => Before(now.AddMinutes(-Count())),
            "olderthan-x-hours" => Before(now.AddHours(-Count())),
            "olderthan-x-days" => Before(now.AddDays(-Count())),
            "olderthan-x-months" => Before(now.AddMonths(-Count())),
            _ => throw NotThere($"The lab does not know the operator '{name}'."),
        };
    }

    private static object Constant(EntityProperty property, string text) => property.Kind switch
    {
        EdmKind.Int32 or EdmKind.Int64 =>
            long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) ? number : throw NoValue(property, text),
        EdmKind.Boolean => text is "1" or "true" ? true : text is "0" or "false" ? false : throw NoValue(property, text),
        EdmKind.Guid => Guid.TryParse(text, out Guid id) ? id : throw NoValue(property, text),
        EdmKind.DateTimeOffset =>
            DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
                out DateTimeOffset time)
            ? time : throw NoValue(property, text),
        _ => text,
    };

    private static FilterNode Like(FilterNode path, string pattern)
    {
        string part = pattern.Trim('%');
        return part.Contains('%', StringComparison.Ordinal)
            ? throw NotThere("The lab takes '%' at the ends of a pattern alone.")
            : (pattern.StartsWith('%'), pattern.EndsWith('%')) switch
            {
                (true, true) => new FilterNode.TextMatch("contains", path, new FilterNode.Literal(part)),
                (true, false) => new FilterNode.TextMatch("endswith", path, new FilterNode.Literal(part)),
                (false, true) => new FilterNode.TextMatch("startswith", path, new FilterNode.Literal(part)),
                _ => new FilterNode.Comparison("eq", path, new FilterNode.Literal(part)),
            };
    }

    private static ODataException NotThere(string message) => new(HttpStatusCode.NotImplemented, "0x80041135", message);

    private static ODataException NoValue(EntityProperty property, string text) => FetchReader.Invalid($"'{text}' is no value of '{property.ColumnName}'.");
}

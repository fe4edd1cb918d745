using System.Text;
using System.Xml.Linq;
using EmailRouter.Lab.Dataverse.Rows;

namespace EmailRouter.Lab.Organization;

/// <summary>Reads the queries of Organization.svc, whatever their class, as FetchXML: one reader answers all of them.</summary>
internal static class QueryXml
{
    // Names that are no operator of FetchXML with dashes between its words.
    private static readonly Dictionary<string, string> operators = new(StringComparer.Ordinal)
    {
        ["Equal"] = "eq",
        ["NotEqual"] = "ne",
        ["GreaterThan"] = "gt",
        ["LessThan"] = "lt",
        ["GreaterEqual"] = "ge",
        ["LessEqual"] = "le",
        ["EqualUserId"] = "eq-userid",
        ["NotEqualUserId"] = "ne-userid",
        ["DoesNotBeginWith"] = "not-begin-with",
        ["DoesNotEndWith"] = "not-end-with",
        ["OlderThanXMinutes"] = "olderthan-x-minutes",
        ["OlderThanXHours"] = "olderthan-x-hours",
        ["OlderThanXDays"] = "olderthan-x-days",
        ["OlderThanXMonths"] = "olderthan-x-months",
    };

    /// <summary>Reads a query.</summary>
    /// <param name="query">A <c>FetchExpression</c>, <c>QueryExpression</c> or <c>QueryByAttribute</c>.</param>
    /// <returns>The <c>fetch</c>.</returns>
    /// <exception cref="EmailRouter.Lab.OData.ODataException">It is none of these, or malformed.</exception>
    public static XElement ToFetch(XElement query) => query.TypeName() switch
    {
        "FetchExpression" => FetchReader.Parse(query.Child("Query")?.Value ?? string.Empty),
        "QueryExpression" => OfExpression(query),
        "QueryByAttribute" => ByAttribute(query),
        var other => throw FetchReader.Invalid($"The lab has no queries of the type '{other}'."),
    };

    private static XElement OfExpression(XElement query)
    {
        XElement fetch = Frame(query, out XElement entity);
        if (IsTrue(query, "Distinct"))
            fetch.SetAttributeValue("distinct", "true");
        entity.Add(query.Child("Criteria") is { } criteria && !criteria.IsNil() ? Filter(criteria) : null, Parts(query, "LinkEntities").Select(Link));
        return fetch;
    }

    private static XElement ByAttribute(XElement query)
    {
        XElement fetch = Frame(query, out XElement entity);
        XElement[] columns = [.. Parts(query, "Attributes")];
        XElement[] values = [.. Parts(query, "Values")];
        if (columns.Length != values.Length)
            throw FetchReader.Invalid("The query has not as many values as attributes.");
        entity.Add(new XElement("filter", columns.Zip(values, (c, v) => v.IsNil()
            ? new XElement("condition", new XAttribute("attribute", c.Value), new XAttribute("operator", "null"))
            : new XElement("condition", new XAttribute("attribute", c.Value), new XAttribute("operator", "eq"), new XAttribute("value", TextOf(v))))));
        return fetch;
    }

    /// <summary>Makes what both classes of queries have alike: table, columns, order, page.</summary>
    private static XElement Frame(XElement query, out XElement entity)
    {
        string table = query.Child("EntityName")?.Value ?? string.Empty;
        entity = new XElement("entity", new XAttribute("name", table), Columns(query.Child("ColumnSet")), Orders(query));
        var fetch = new XElement("fetch", entity);
        if (query.Child("TopCount") is { } top && !top.IsNil())
            fetch.SetAttributeValue("top", top.Value);
        if (query.Child("PageInfo") is { } page && !page.IsNil())
        {
            void Take(string name, string attribute)
            {
                if (page.Child(name) is { } value && !value.IsNil() && value.Value is not ("" or "0"))
                    fetch.SetAttributeValue(attribute, value.Value);
            }

            Take("PageNumber", "page");
            Take("Count", "count");
            Take("PagingCookie", "paging-cookie");
            if (IsTrue(page, "ReturnTotalRecordCount"))
                fetch.SetAttributeValue("returntotalrecordcount", "true");
        }

        return fetch;
    }

    private static XElement Link(XElement link) => new(
        "link-entity",
        new XAttribute("name", link.Child("LinkToEntityName")?.Value ?? string.Empty),
        new XAttribute("from", link.Child("LinkToAttributeName")?.Value ?? string.Empty),
        new XAttribute("to", link.Child("LinkFromAttributeName")?.Value ?? string.Empty),
        new XAttribute("link-type", link.Child("JoinOperator")?.Value == "LeftOuter" ? "outer" : "inner"),
        link.Child("EntityAlias") is { } alias && !alias.IsNil() ? new XAttribute("alias", alias.Value) : null,
        Columns(link.Child("Columns")),
        link.Child("LinkCriteria") is { } criteria && !criteria.IsNil() ? Filter(criteria) : null,
        Parts(link, "LinkEntities").Select(Link));

    private static XElement Filter(XElement filter) => new(
        "filter",
        new XAttribute("type", filter.Child("FilterOperator")?.Value == "Or" ? "or" : "and"),
        Parts(filter, "Conditions").Select(Condition),
        Parts(filter, "Filters").Select(Filter));

    private static XElement Condition(XElement condition)
    {
        string name = condition.Child("Operator")?.Value ?? "Equal";
        string[] values = [.. Parts(condition, "Values").Select(TextOf)];
        var made = new XElement(
            "condition",
            condition.Child("EntityName") is { } entity && !entity.IsNil() ? new XAttribute("entityname", entity.Value) : null,
            new XAttribute("attribute", condition.Child("AttributeName")?.Value ?? string.Empty),
            new XAttribute("operator", operators.GetValueOrDefault(name) ?? Dashed(name)));
        if (values.Length == 1 && name is not ("In" or "NotIn"))
            made.Add(new XAttribute("value", values[0]));
        else
            made.Add(values.Select(v => new XElement("value", v)));
        return made;
    }

    private static IEnumerable<XElement> Columns(XElement? set) => set is null || set.IsNil() ? []
        : IsTrue(set, "AllColumns") ? [new XElement("all-attributes")]
        : Parts(set, "Columns").Select(c => new XElement("attribute", new XAttribute("name", c.Value)));

    private static IEnumerable<XElement> Orders(XElement query) => Parts(query, "Orders").Select(o => new XElement(
        "order",
        new XAttribute("attribute", o.Child("AttributeName")?.Value ?? string.Empty),
        new XAttribute("descending", o.Child("OrderType")?.Value == "Descending" ? "true" : "false")));

    private static IEnumerable<XElement> Parts(XElement element, string name) => element.Child(name)?.Elements() ?? [];

    private static string TextOf(XElement value) => value.Child("Value")?.Value ?? value.Value;

    private static bool IsTrue(XElement element, string name) => element.Child(name)?.Value.Trim() is "true" or "1";

    private static string Dashed(string name)
    {
        var text = new StringBuilder();
        foreach (char c in name)
        {
            if (char.IsUpper(c) && text.Length > 0)
                text.Append('-');
            text.Append(char.ToLowerInvariant(c));
        }

        return text.ToString();
    }
}

using System.Globalization;
using System.Xml.Linq;

namespace EmailRouter.Crm.Organization.Soap;

/// <summary>A query in FetchXML ("Build queries with FetchXML").</summary>
internal sealed class FetchQuery
{
    private readonly XElement fetch;
    private readonly XElement entity;
    private readonly XElement filter = new("filter", new XAttribute("type", "and"));

    /// <summary>Initializes a query.</summary>
    /// <param name="table">The table.</param>
    /// <param name="columns">The columns; none for all.</param>
    public FetchQuery(string table, params string[] columns)
    {
        entity = new XElement(
            "entity", new XAttribute("name", table), columns.Length == 0 ? new XElement("all-attributes") : columns.Select(Attribute), filter);
        fetch = new XElement("fetch", new XAttribute("version", "1.0"), new XAttribute("mapping", "logical"), entity);
    }

    /// <summary>Adds a condition.</summary>
    /// <param name="column">The column.</param>
    /// <param name="operation">The operator, e.g. <c>eq</c>, <c>not-null</c>, <c>on-or-before</c>.</param>
    /// <param name="value">The value; null for operators without one.</param>
    /// <returns>This query.</returns>
    public FetchQuery Where(string column, string operation, string? value = null)
    {
        filter.Add(Condition(column, operation, value));
        return this;
    }

    /// <summary>Adds the condition that one of several columns has one of several values.</summary>
    /// <param name="columns">The columns.</param>
    /// <param name="values">The values.</param>
    /// <returns>This query.</returns>
    public FetchQuery WhereAny(IReadOnlyList<string> columns, IEnumerable<string> values)
    {
        string[] known = [.. values];
        filter.Add(new XElement("filter", new XAttribute("type", "or"), columns.Select(c => In(c, "in", known))));
        return this;
    }

    /// <summary>Adds the condition that a column has none of several values.</summary>
    /// <param name="column">The column.</param>
    /// <param name="values">The values.</param>
    /// <returns>This query.</returns>
    public FetchQuery WhereNone(string column, IEnumerable<string> values)
    {
        filter.Add(In(column, "not-in", values));
        return this;
    }

    /// <summary>Adds alternatives.</summary>
    /// <param name="alternatives">The conditions of each alternative; all of one have to hold.</param>
    /// <returns>This query.</returns>
    public FetchQuery WhereEither(params (string Column, string Operation, string? Value)[][] alternatives)
    {
        filter.Add(new XElement("filter", new XAttribute("type", "or"), alternatives.Select(some =>
            new XElement("filter", new XAttribute("type", "and"), some.Select(c => Condition(c.Column, c.Operation, c.Value))))));
        return this;
    }

    /// <summary>Adds rows of another table.</summary>
    /// <param name="table">The other table.</param>
    /// <param name="column">Its column that refers to this table's.</param>
    /// <param name="to">This table's column.</param>
    /// <param name="alias">What its columns are called before a dot; null for rows that only filter.</param>
    /// <param name="columns">The columns to read.</param>
    /// <param name="conditions">What has to hold of it; none for rows that need not be there.</param>
    /// <returns>This query.</returns>
    public FetchQuery Join(
        string table, string column, string to, string? alias, IReadOnlyList<string> columns,
        params (string Column, string Operation, IReadOnlyList<string> Values)[] conditions)
    {
        entity.Add(new XElement(
            "link-entity",
            new XAttribute("name", table),
            new XAttribute("from", column),
            new XAttribute("to", to),
            new XAttribute("link-type", conditions.Length == 0 ? "outer" : "inner"),
            alias is null ? null : new XAttribute("alias", alias),
            columns.Select(Attribute),
            conditions.Length == 0 ? null
                : new XElement("filter", new XAttribute("type", "and"), conditions.Select(c => In(c.Column, c.Operation, c.Values)))));
        return this;
    }

    /// <summary>Sorts.</summary>
    /// <param name="column">The column.</param>
    /// <param name="isDescending">Whether the greatest comes first.</param>
    /// <returns>This query.</returns>
    public FetchQuery By(string column, bool isDescending = false)
    {
        entity.Add(new XElement("order", new XAttribute("attribute", column), new XAttribute("descending", isDescending ? "true" : "false")));
        return this;
    }

    /// <summary>Limits the rows.</summary>
    /// <param name="count">How many at most.</param>
    /// <returns>This query.</returns>
    public FetchQuery Top(int count)
    {
        fetch.SetAttributeValue("count", count.ToString(CultureInfo.InvariantCulture));
        fetch.SetAttributeValue("page", "1");
        return this;
    }

    /// <summary>Makes the query for a page.</summary>
    /// <param name="page">Its number, from 1.</param>
    /// <param name="size">How many rows it has.</param>
    /// <param name="cookie">What came with the page before; null for the first.</param>
    /// <returns>This query.</returns>
    public FetchQuery Page(int page, int size, string? cookie)
    {
        fetch.SetAttributeValue("count", size.ToString(CultureInfo.InvariantCulture));
        fetch.SetAttributeValue("page", page.ToString(CultureInfo.InvariantCulture));
        fetch.SetAttributeValue("paging-cookie", string.IsNullOrEmpty(cookie) ? null : cookie);
        return this;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        // A filter without conditions is none.
        var copy = new XElement(fetch);
        copy.Descendants("filter").Where(f => !f.HasElements).Remove();
        return copy.ToString(SaveOptions.DisableFormatting);
    }

    private static XElement Attribute(string column) => new("attribute", new XAttribute("name", column));

    private static XElement Condition(string column, string operation, string? value) =>
        new("condition", new XAttribute("attribute", column), new XAttribute("operator", operation), value is null ? null : new XAttribute("value", value));

    private static XElement In(string column, string operation, IEnumerable<string> values) =>
        new("condition", new XAttribute("attribute", column), new XAttribute("operator", operation), values.Select(v => new XElement("value", v)));
}

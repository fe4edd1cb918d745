using System.Globalization;
using System.Xml;
using System.Xml.Linq;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse;
using EmailRouter.Lab.Dataverse.Model;
using EmailRouter.Lab.Dataverse.Rows;
using EmailRouter.Lab.OData;
using static EmailRouter.Lab.Organization.OrganizationXml;

namespace EmailRouter.Lab.Organization;

/// <summary>
/// A query in FetchXML: its filters become the filters of the Web API, its links are joins, one level deep, with a row for every match as SQL gives them.
/// </summary>
internal sealed class FetchExpression(RowReader rows, CallerAccess access)
{
    private const int MaxPageSize = 5000;

    /// <summary>Answers the query with the content of an <c>EntityCollection</c>.</summary>
    /// <exception cref="ODataException">The query is malformed, or asks for something the lab has not.</exception>
    public object[] Read(string query)
    {
        XElement fetch;
        try
        {
            using var reader = XmlReader.Create(new StringReader(query), new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
            fetch = XElement.Load(reader);
        }
        catch (XmlException e)
        {
            throw new ODataException(System.Net.HttpStatusCode.BadRequest, "0x80040201", $"Invalid XML. {e.Message}");
        }

        XElement entity = fetch.Element("entity") ?? throw EntityXml.Invalid("The fetch has no entity.");
        EntityType type = EntityXml.TypeOf(rows.Model, (string?)entity.Attribute("name") ?? string.Empty);
        access.Check(PrivilegeKind.Read, type);
        IReadOnlyCollection<string>? columns = entity.Element("all-attributes") is null ? Columns(entity) : null;
        var options = new QueryOptions
        {
            Filter = Filter(entity, type),
            OrderBy = [.. entity.Elements("order").Select(o => ((IReadOnlyList<string>)[EntityXml.PropertyOf(type, Required(o, "attribute")).Name], (string?)o.Attribute("descending") == "true"))],
        };
        IEnumerable<(CrmRecord Row, List<XElement> Aliased)> found = rows.Query(type, options).Select(r => (r, new List<XElement>()));
        foreach (XElement link in entity.Elements("link-entity"))
            found = Join(found, type, link);
        (CrmRecord Row, List<XElement> Aliased)[] all = [.. found];
        int page = Math.Max(1, Number(fetch, "page") ?? 1);
        int size = Math.Clamp(Number(fetch, "top") ?? Number(fetch, "count") ?? MaxPageSize, 1, MaxPageSize);
        (CrmRecord Row, List<XElement> Aliased)[] part = [.. all.Skip((page - 1) * size).Take(size)];
        bool hasMore = page * (long)size < all.Length && fetch.Attribute("top") is null;
        return Collection(
            type.LogicalName,
            part.Select(p => EntityXml.Write(Contracts + "Entity", rows, type, p.Row, columns, p.Aliased)),
            hasMore ? new XElement("cookie", new XAttribute("page", page), new XElement(type.Key, new XAttribute("last", $"{{{part[^1].Row.Id:D}}}"), new XAttribute("first", $"{{{part[0].Row.Id:D}}}"))).ToString(SaveOptions.DisableFormatting) : null);
    }

    /// <summary>Makes the content of an <c>EntityCollection</c>.</summary>
    public static object[] Collection(string table, IEnumerable<XElement> entities, string? cookie = null) =>
    [
        new XElement(Contracts + "Entities", entities),
        new XElement(Contracts + "EntityName", table),
        Nil(Contracts + "MinActiveRowVersion"),
        new XElement(Contracts + "MoreRecords", cookie is null ? "false" : "true"),
        cookie is null ? Nil(Contracts + "PagingCookie") : new XElement(Contracts + "PagingCookie", cookie),
        new XElement(Contracts + "TotalRecordCount", "-1"),
        new XElement(Contracts + "TotalRecordCountLimitExceeded", "false"),
    ];

    /// <summary>Makes the constant that a column is compared with.</summary>
    public static object Constant(EntityProperty property, string text) => property.Kind switch
    {
        EdmKind.Int32 or EdmKind.Int64 => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) ? number : throw NoValue(property, text),
        EdmKind.Boolean => text is "1" or "true" ? true : text is "0" or "false" ? false : throw NoValue(property, text),
        EdmKind.Guid => Guid.TryParse(text, out Guid id) ? id : throw NoValue(property, text),
        EdmKind.DateTimeOffset => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTimeOffset time)
            ? time : throw NoValue(property, text),
        _ => text,
    };

    private IEnumerable<(CrmRecord Row, List<XElement> Aliased)> Join(IEnumerable<(CrmRecord Row, List<XElement> Aliased)> left, EntityType type, XElement link)
    {
        if (link.Element("link-entity") is not null)
            throw new ODataException(System.Net.HttpStatusCode.NotImplemented, "0x80041135", "The lab joins no more than one level of link-entity.");
        EntityType target = EntityXml.TypeOf(rows.Model, Required(link, "name"));
        access.Check(PrivilegeKind.Read, target);
        EntityProperty from = EntityXml.PropertyOf(target, Required(link, "from"));
        EntityProperty to = EntityXml.PropertyOf(type, Required(link, "to"));
        bool isOuter = (string?)link.Attribute("link-type") == "outer";
        string alias = (string?)link.Attribute("alias") ?? target.LogicalName + "1";
        string[] columns = Columns(link);
        FilterNode? filter = Filter(link, target);
        var evaluator = new FilterEvaluator(rows);
        foreach ((CrmRecord row, List<XElement> aliased) in left)
        {
            CrmRecord[] matches = to.ValueOf(row) is not Guid id ? [] :
                [.. rows.Crm.Select(new RecordSelection(target.LogicalName) { Conditions = [new RecordCondition(EntityXml.ColumnOf(from), [id])] })
                    .Where(r => filter is null || evaluator.Fits(filter, target, r))];
            foreach (CrmRecord match in matches)
                yield return (row, [.. aliased, .. columns.Select(c => Aliased(alias, target, match, c)).OfType<XElement>()]);
            if (matches.Length == 0 && isOuter)
                yield return (row, aliased);
        }
    }

    private XElement? Aliased(string alias, EntityType type, CrmRecord row, string column)
    {
        if (EntityXml.ValueOf(rows, type, row, column) is not { } value)
            return null;
        return Pair($"{alias}.{column}", Value(
            Contracts,
            "AliasedValue",
            new XElement(Contracts + "AttributeLogicalName", column),
            new XElement(Contracts + "EntityLogicalName", type.LogicalName),
            new XElement(Contracts + "Value", value.Attributes(), value.Nodes())));
    }

    private static FilterNode? Filter(XElement parent, EntityType type) =>
        Together(isAnd: true, parent.Elements("filter").Select(f => One(f, type)));

    private static FilterNode? One(XElement filter, EntityType type) => Together(
        (string?)filter.Attribute("type") != "or",
        filter.Elements().Select(e => e.Name.LocalName switch
        {
            "condition" => Condition(e, type),
            "filter" => One(e, type),
            var other => throw EntityXml.Invalid($"A filter has no {other}."),
        }));

    private static FilterNode? Together(bool isAnd, IEnumerable<FilterNode?> nodes)
    {
        FilterNode[] some = [.. nodes.OfType<FilterNode>()];
        return some.Length == 0 ? null : some.Aggregate((left, right) => new FilterNode.Logical(isAnd, left, right));
    }

    private static FilterNode Condition(XElement condition, EntityType type)
    {
        EntityProperty property = EntityXml.PropertyOf(type, Required(condition, "attribute"));
        var path = new FilterNode.Path([property.Name]);
        string[] values = condition.Attribute("value") is { } one ? [one.Value] : [.. condition.Elements("value").Select(v => v.Value)];
        string name = Required(condition, "operator");
        FilterNode Compared(string by) => new FilterNode.Comparison(
            by, path, new FilterNode.Literal(values.Length == 1 ? Constant(property, values[0]) : throw EntityXml.Invalid($"The operator '{name}' takes one value.")));
        FilterNode Among(string function) => new FilterNode.CrmFunction(function, new Dictionary<string, object?>
        {
            ["PropertyName"] = property.Name,
            ["PropertyValues"] = values.Select(v => (object?)Constant(property, v)).ToList(),
        });
        return name switch
        {
            "eq" or "ne" or "gt" or "ge" or "lt" or "le" => Compared(name),
            "neq" => Compared("ne"),
            "null" => new FilterNode.Comparison("eq", path, new FilterNode.Literal(null)),
            "not-null" => new FilterNode.Comparison("ne", path, new FilterNode.Literal(null)),
            "in" => Among("In"),
            "not-in" => Among("NotIn"),
            "eq-userid" => Among("EqualUserId"),
            "like" when values is [var pattern] => Like(path, pattern),
            "not-like" when values is [var pattern] => new FilterNode.Not(Like(path, pattern)),
            _ => throw new ODataException(System.Net.HttpStatusCode.NotImplemented, "0x80041135", $"The lab does not know the operator '{name}'."),
        };
    }

    private static FilterNode Like(FilterNode path, string pattern)
    {
        string part = pattern.Trim('%');
        return part.Contains('%', StringComparison.Ordinal)
            ? throw new ODataException(System.Net.HttpStatusCode.NotImplemented, "0x80041135", "The lab takes '%' at the ends of a pattern alone.")
            : (pattern.StartsWith('%'), pattern.EndsWith('%')) switch
            {
                (true, true) => new FilterNode.TextMatch("contains", path, new FilterNode.Literal(part)),
                (true, false) => new FilterNode.TextMatch("endswith", path, new FilterNode.Literal(part)),
                (false, true) => new FilterNode.TextMatch("startswith", path, new FilterNode.Literal(part)),
                _ => new FilterNode.Comparison("eq", path, new FilterNode.Literal(part)),
            };
    }

    private static string[] Columns(XElement parent) => [.. parent.Elements("attribute").Select(a => Required(a, "name"))];

    private static string Required(XElement element, string name) =>
        (string?)element.Attribute(name) ?? throw EntityXml.Invalid($"The {element.Name.LocalName} has no {name}.");

    private static int? Number(XElement element, string name) => int.TryParse((string?)element.Attribute(name), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;

    private static ODataException NoValue(EntityProperty property, string text) => EntityXml.Invalid($"'{text}' is no value of '{EntityXml.ColumnOf(property)}'.");
}

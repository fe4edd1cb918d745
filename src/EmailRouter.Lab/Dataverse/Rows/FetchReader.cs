using System.Globalization;
using System.Net;
using System.Xml;
using System.Xml.Linq;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse.Model;
using EmailRouter.Lab.OData;

namespace EmailRouter.Lab.Dataverse.Rows;

/// <summary>
/// Reads rows by a query in FetchXML, in whatever language they are answered: filters, joins (a row for every match, as SQL gives them), groups, order, pages.
/// </summary>
/// <param name="rows">The transaction.</param>
/// <param name="access">What the caller may.</param>
internal sealed class FetchReader(RowReader rows, CallerAccess access)
{
    private const int MaxLinks = 10;

    private readonly HashSet<string> aliases = new(StringComparer.Ordinal);

    /// <summary>Reads the text of a query.</summary>
    /// <param name="query">The text.</param>
    /// <returns>The query.</returns>
    /// <exception cref="ODataException">It is no XML.</exception>
    public static XElement Parse(string query)
    {
        try
        {
            using var reader = XmlReader.Create(new StringReader(query), new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
            return XElement.Load(reader);
        }
        catch (XmlException e)
        {
            throw new ODataException(HttpStatusCode.BadRequest, "0x80040201", $"Invalid XML. {e.Message}");
        }
    }

    /// <summary>Reads a page.</summary>
    /// <param name="fetch">The query.</param>
    /// <returns>The page.</returns>
    /// <exception cref="ODataException">The query names what is not there, or asks for something the lab has not.</exception>
    public FetchPage Read(XElement fetch)
    {
        XElement entity = fetch.Name.LocalName == "fetch" ? fetch.Element("entity") ?? throw Invalid("The fetch has no entity.")
            : throw Invalid("The query is no fetch.");
        EntityType type = TypeOf(entity);
        bool isGrouped = IsTrue(fetch, "aggregate");
        var options = new QueryOptions
        {
            Filter = new FetchConditions(type, rows.Now).Read(entity),
            OrderBy = isGrouped ? []
                : [.. entity.Elements("order").Select(o => ((IReadOnlyList<string>)[type.Column(Required(o, "attribute")).Name], IsTrue(o, "descending")))],
        };
        IEnumerable<Joined> found = rows.Query(type, options).Select(r => new Joined(r, [r], []));
        foreach (XElement link in entity.Elements("link-entity"))
            found = Join(found, type, 0, link, isGrouped);
        XElement[] aliased = [.. entity.Elements("attribute").Where(a => a.Attribute("alias") is not null)];
        FetchRow[] all = isGrouped
            ? [.. Group(entity, type, [.. found])]
            : [.. found.Select(j =>
                new FetchRow(j.Root, [.. j.Values, .. aliased.Select(a => new FetchValue(Required(a, "alias"), type, Required(a, "name"), j.Root))]))];
        if (IsTrue(fetch, "distinct"))
            all = [.. all.DistinctBy(r => (r.Row?.Id, string.Join('|', r.Aliased.Select(v => $"{v.Name}={v.Row?.Id}"))))];
        return Cut(fetch, type, isGrouped ? [] : ColumnsOf(entity, type), all);
    }

    /// <summary>Explains a query that is malformed.</summary>
    public static ODataException Invalid(string message) => new(HttpStatusCode.BadRequest, "0x80040203", message);

    /// <summary>Gets an attribute that must be there.</summary>
    public static string Required(XElement element, string name) =>
        (string?)element.Attribute(name) ?? throw Invalid($"The {element.Name.LocalName} has no {name}.");

    private static bool IsTrue(XElement element, string name) => (string?)element.Attribute(name) is "true" or "1";

    private static int? Number(XElement element, string name) => element.Attribute(name) is not { } attribute ? null
        : int.TryParse(attribute.Value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0 ? number
        : throw Invalid($"The {name} is no number above 0.");

    private static List<string>? ColumnsOf(XElement parent, EntityType type)
    {
        if (parent.Element("all-attributes") is not null)
            return null;
        List<string> columns = [.. parent.Elements("attribute").Where(a => a.Attribute("alias") is null).Select(a => Required(a, "name"))];
        foreach (string column in columns)
            type.CheckColumn(column);
        return columns;
    }

    private EntityType TypeOf(XElement element)
    {
        string name = Required(element, "name");
        EntityType type = rows.Model.Find(name) ??
            throw new ODataException(HttpStatusCode.BadRequest, "0x80041102", $"The entity with a name = '{name}' was not found in the MetadataCache.");
        access.Check(PrivilegeKind.Read, type);
        return type;
    }

    private IEnumerable<Joined> Join(IEnumerable<Joined> left, EntityType type, int at, XElement link, bool isGrouped)
    {
        EntityType target = TypeOf(link);
        EntityProperty from = target.Column(Required(link, "from"));
        EntityProperty to = type.Column(Required(link, "to"));
        bool isOuter = (string?)link.Attribute("link-type") switch
        {
            null or "inner" => false,
            "outer" => true,
            var other => throw new ODataException(HttpStatusCode.NotImplemented, "0x80041135", $"The lab does not join by '{other}'."),
        };
        string alias = (string?)link.Attribute("alias") ?? $"{target.LogicalName}{aliases.Count + 1}";
        if (!aliases.Add(alias) || aliases.Count > MaxLinks)
            throw Invalid(aliases.Count > MaxLinks ? $"There are more than {MaxLinks} joins." : $"Two joins have the alias '{alias}'.");
        (string Name, string Column)[] columns = isGrouped ? []
            : [.. (ColumnsOf(link, target) ??
                [.. target.Properties.Where(p => p.Kind != EdmKind.Binary).Select(p => p.ColumnName)]).Select(c => ($"{alias}.{c}", c)),
                .. link.Elements("attribute").Where(a => a.Attribute("alias") is not null).Select(a => (Required(a, "alias"), Required(a, "name")))];
        FilterNode? filter = new FetchConditions(target, rows.Now).Read(link);
        if (filter is not null)
            FilterEvaluator.Check(filter, target);
        var evaluator = new FilterEvaluator(rows);
        int position = 0;
        var joined = new List<Joined>();
        foreach (Joined row in left)
        {
            position = row.Chain.Count;
            CrmRecord[] matches = row.Chain[at] is not { } own || to.ValueOf(own) is not { } value ? []
                : [.. rows.Select(target, [new RecordCondition(from.ColumnName, [value])]).Where(r => filter is null || evaluator.Fits(filter, target, r))];
            joined.AddRange(matches.Select(m =>
                new Joined(row.Root, [.. row.Chain, m], [.. row.Values, .. columns.Select(c => new FetchValue(c.Name, target, c.Column, m))])));
            if (matches.Length == 0 && isOuter)
                joined.Add(row with { Chain = [.. row.Chain, null] });
        }

        IEnumerable<Joined> found = joined;
        foreach (XElement further in link.Elements("link-entity"))
            found = Join(found, target, position, further, isGrouped);
        return found;
    }

    /// <summary>Groups rows of one table, and counts or adds up (<c>aggregate="true"</c>).</summary>
    private static IEnumerable<FetchRow> Group(XElement entity, EntityType type, List<Joined> found)
    {
        if (entity.Element("link-entity") is { } link && link.Elements("attribute").Any())
            throw new ODataException(HttpStatusCode.NotImplemented, "0x80041135", "The lab groups by columns of the table itself alone.");
        XElement[] attributes = [.. entity.Elements("attribute")];
        XElement[] keys = [.. attributes.Where(a => IsTrue(a, "groupby"))];
        if (keys.Any(k => k.Attribute("dategrouping") is not null))
            throw new ODataException(HttpStatusCode.NotImplemented, "0x80041135", "The lab does not group by parts of dates.");
        var groups = found.GroupBy(j => string.Join('\0', keys.Select(k => type.Column(Required(k, "name")).ValueOf(j.Root)))).ToList();
        IEnumerable<(string Key, IReadOnlyList<Joined> Rows)> all = groups.Count == 0 && keys.Length == 0
            ? [(string.Empty, [])] : groups.Select(g => (g.Key, (IReadOnlyList<Joined>)[.. g]));
        foreach ((_, IReadOnlyList<Joined> rows) in all.OrderBy(g => g.Key, StringComparer.OrdinalIgnoreCase))
        {
            yield return new FetchRow(null, [.. attributes.Select(a =>
            {
                string column = Required(a, "name");
                EntityProperty property = type.Column(column);
                string alias = (string?)a.Attribute("alias") ?? throw Invalid($"The attribute '{column}' of an aggregate query has no alias.");
                return IsTrue(a, "groupby") ? new FetchValue(alias, type, column, rows[0].Root)
                    : new FetchValue(alias, type, column, null, Aggregate(a, property, rows));
            })]);
        }
    }

    private static object? Aggregate(XElement attribute, EntityProperty property, IReadOnlyList<Joined> rows)
    {
        object[] values = [.. rows.Select(r => property.ValueOf(r.Root)).OfType<object>()];
        return Required(attribute, "aggregate") switch
        {
            "count" => rows.Count,
            "countcolumn" => IsTrue(attribute, "distinct") ? values.Distinct().Count() : values.Length,
            "sum" => values.OfType<int>().Sum(),
            "avg" => values.Length == 0 ? null : (int)values.OfType<int>().DefaultIfEmpty().Average(),
            "min" => values.Order(Comparer<object?>.Create(FilterEvaluator.Compare)).FirstOrDefault(),
            "max" => values.OrderDescending(Comparer<object?>.Create(FilterEvaluator.Compare)).FirstOrDefault(),
            var other => throw Invalid($"There is no aggregate '{other}'."),
        };
    }

    private static FetchPage Cut(XElement fetch, EntityType type, IReadOnlyCollection<string>? columns, FetchRow[] all)
    {
        int? top = Number(fetch, "top");
        int? count = Number(fetch, "count");
        int? page = Number(fetch, "page");
        if (top is not null && (page ?? count) is not null)
            throw Invalid("The top attribute can't be specified with paging attribute page or count.");
        int size = Math.Min(top ?? count ?? RowReader.MaxPageSize, RowReader.MaxPageSize);
        int number = page ?? 1;

        // By the cookie rows that vanished between pages neither repeat nor skip others; where a row comes several times, it does not tell where it got to.
        bool isUnique = all.Select(r => r.Row?.Id).Distinct().Count() == all.Length;
        int last = isUnique && LastOf((string?)fetch.Attribute("paging-cookie")) is { } id ? Array.FindIndex(all, r => r.Row?.Id == id) : -1;
        long first = last >= 0 ? last + 1 : (number - 1) * (long)size;
        FetchRow[] part = [.. all.Skip((int)Math.Min(first, all.Length)).Take(size)];
        bool hasMore = top is null && first + part.Length < all.Length;
        return new FetchPage(type, columns, part)
        {
            Cookie = hasMore ? CookieOf(type, number, part) : null,
            Total = IsTrue(fetch, "returntotalrecordcount") ? Math.Min(all.Length, RowReader.MaxPageSize) : null,
            IsTotalCut = all.Length > RowReader.MaxPageSize,
        };
    }

    private static string CookieOf(EntityType type, int page, FetchRow[] part)
    {
        var cookie = new XElement("cookie", new XAttribute("page", page));
        if (part is [{ Row: { } first }, ..] && part[^1].Row is { } last)
            cookie.Add(new XElement(type.Key, new XAttribute("last", $"{{{last.Id:D}}}".ToUpperInvariant()),
                new XAttribute("first", $"{{{first.Id:D}}}".ToUpperInvariant())));
        return cookie.ToString(SaveOptions.DisableFormatting);
    }

    private static Guid? LastOf(string? cookie)
    {
        if (string.IsNullOrEmpty(cookie))
            return null;
        try
        {
            using var reader = XmlReader.Create(new StringReader(cookie), new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
            return Guid.TryParse((string?)XElement.Load(reader).Elements().FirstOrDefault()?.Attribute("last"), out Guid id) ? id : null;
        }
        catch (XmlException)
        {
            throw new ODataException(HttpStatusCode.BadRequest, "0x80040201", "Malformed XML in the Paging Cookie");
        }
    }

    /// <summary>A row with those joined to it.</summary>
    /// <param name="Root">The row of the table.</param>
    /// <param name="Chain">The row and those joined, in the order of the joins; null where there is none.</param>
    /// <param name="Values">The values asked for of those joined.</param>
    private sealed record Joined(CrmRecord Root, IReadOnlyList<CrmRecord?> Chain, IReadOnlyList<FetchValue> Values);
}

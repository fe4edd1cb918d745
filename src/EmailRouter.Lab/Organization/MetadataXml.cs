using System.Xml.Linq;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse.Metadata;
using EmailRouter.Lab.Dataverse.Model;
using EmailRouter.Lab.Dataverse.Rows;
using EmailRouter.Lab.OData;
using static EmailRouter.Lab.Organization.OrganizationXml;

namespace EmailRouter.Lab.Organization;

/// <summary>Writes definitions of tables and columns: whole, or what a query asks for.</summary>
internal static class MetadataXml
{
    private static readonly XNamespace metadata2013 = "http://schemas.microsoft.com/xrm/2013/Metadata";

    // The order is that of the contract; those of the base class come first.
    private static readonly string[] entityProperties =
    [
        "Attributes", "IsActivity", "IsActivityParty", "IsCustomEntity", "LogicalName", "OwnershipType", "PrimaryIdAttribute", "PrimaryNameAttribute",
        "SchemaName",
    ];

    private static readonly string[] attributeProperties =
    [
        "AttributeType", "EntityLogicalName", "IsCustomAttribute", "IsPrimaryId", "IsPrimaryName", "IsValidForCreate",
        "IsValidForRead", "IsValidForUpdate", "LogicalName", "SchemaName",
    ];

    /// <summary>Writes the content of a table's definition.</summary>
    /// <param name="type">The table.</param>
    /// <param name="filters">What of it (<c>EntityFilters</c>), e.g. <c>Entity Attributes</c>.</param>
    public static IEnumerable<XElement> Describe(EntityType type, string filters) =>
        Table(MetadataRequests.Row(type), filters.Contains("Attributes", StringComparison.Ordinal) ? Columns(type) : null, _ => true, _ => true);

    /// <summary>Answers a query for definitions.</summary>
    /// <param name="model">All tables.</param>
    /// <param name="query">The <c>EntityQueryExpression</c>.</param>
    /// <returns>The <c>EntityMetadata</c> of the tables that fit.</returns>
    /// <exception cref="ODataException">The query names a property that the lab has not.</exception>
    public static IEnumerable<XElement> Find(DataverseModel model, XElement query)
    {
        Func<string, bool> shows = Properties(query);
        XElement? attributes = query.Child("AttributeQuery") is { } asked && !asked.IsNil() ? asked : null;
        Func<string, bool> showsOfColumns = attributes is null ? _ => true : Properties(attributes);
        foreach (EntityType type in model.Types)
        {
            CrmRecord row = MetadataRequests.Row(type);
            if (!Fits(query.Child("Criteria"), row))
                continue;
            IEnumerable<CrmRecord> columns = shows("Attributes") ? Columns(type).Where(c => attributes is null || Fits(attributes.Child("Criteria"), c)) : [];
            yield return new XElement(Metadata + "EntityMetadata", Table(row, columns, shows, showsOfColumns));
        }
    }

    private static IEnumerable<XElement> Table(CrmRecord row, IEnumerable<CrmRecord>? columns, Func<string, bool> shows, Func<string, bool> showsOfColumns)
    {
        yield return new XElement(Metadata + "MetadataId", row.Id);
        foreach (string name in entityProperties)
        {
            // What is not asked for is null; the name always comes.
            if (name == "Attributes")
                yield return columns is null || !shows(name) ? Nil(Metadata + name)
                    : new XElement(Metadata + name, columns.Select(c => Column(c, showsOfColumns)));
            else
                yield return Property(name, shows(name) || name == "LogicalName" ? row[name] : null);
        }
    }

    private static XElement Column(CrmRecord column, Func<string, bool> shows)
    {
        string? format = column["Format"] as string;
        string kind = column["AttributeType"] switch
        {
            "String" => "StringAttributeMetadata",
            "Lookup" or "Owner" => "LookupAttributeMetadata",
            _ => "AttributeMetadata",
        };
        var made = new XElement(
            Metadata + "AttributeMetadata",
            new XAttribute(XNamespace.Xmlns + "t", Metadata.NamespaceName),
            new XAttribute(Instance + "type", "t:" + kind),
            new XElement(Metadata + "MetadataId", column.Id),
            attributeProperties.Select(p => Property(p, shows(p) || p == "LogicalName" ? column[p] : null)));
        if (kind == "StringAttributeMetadata")
        {
            made.Add(
                Property("Format", shows("Format") ? format : null),
                Property("MaxLength", shows("MaxLength") ? column["MaxLength"] : null),
                shows("FormatName") && format is not null ? new XElement(Metadata + "FormatName", new XElement(metadata2013 + "Value", format))
                    : Nil(Metadata + "FormatName"));
        }

        return made;
    }

    private static IEnumerable<CrmRecord> Columns(EntityType type)
    {
        IEnumerable<CrmRecord> columns = MetadataRequests.Columns(type);
        return !type.IsActivity ? columns
            : columns.Concat(EntityType.PartyLists.Select(l => new CrmRecord("AttributeMetadata", Guid.Empty, new Dictionary<string, object?>
        {
            ["LogicalName"] = l,
            ["SchemaName"] = char.ToUpperInvariant(l[0]) + l[1..],
            ["EntityLogicalName"] = type.LogicalName,
            ["AttributeType"] = "PartyList",
            ["IsPrimaryId"] = false,
            ["IsPrimaryName"] = false,
            ["IsValidForCreate"] = true,
            ["IsValidForRead"] = true,
            ["IsValidForUpdate"] = true,
            ["IsCustomAttribute"] = false,
        })));
    }

    private static XElement Property(string name, object? value) => value is null ? Nil(Metadata + name) : new XElement(Metadata + name, value);

    private static Func<string, bool> Properties(XElement query)
    {
        XElement? properties = query.Child("Properties");
        if (properties is null || properties.IsNil())
            return static _ => false;
        if (properties.Child("AllProperties")?.Value.Trim() is "true" or "1")
            return static _ => true;
        HashSet<string> names = [.. (properties.Child("PropertyNames")?.Elements() ?? []).Select(e => e.Value)];
        return names.Contains;
    }

    private static bool Fits(XElement? filter, CrmRecord row)
    {
        if (filter is null || filter.IsNil())
            return true;
        bool[] judged =
        [
            .. (filter.Child("Conditions")?.Elements() ?? []).Select(c => Holds(c, row)),
            .. (filter.Child("Filters")?.Elements() ?? []).Select(f => Fits(f, row)),
        ];
        return judged.Length == 0 || (filter.Child("FilterOperator")?.Value == "Or" ? judged.Any(j => j) : judged.All(j => j));
    }

    private static bool Holds(XElement condition, CrmRecord row)
    {
        string name = condition.Child("PropertyName")?.Value ?? string.Empty;
        if (!row.Attributes.ContainsKey(name) && name is not "Format")
            throw FetchReader.Invalid($"The lab's definitions have no property '{name}'.");
        string own = row[name] switch { bool flag => flag ? "true" : "false", null => string.Empty, var known => known.ToString()! };
        XElement? value = condition.Child("Value");
        bool IsEqual(XElement? given) => string.Equals(own, given?.Value.Trim() ?? string.Empty, StringComparison.OrdinalIgnoreCase);
        return condition.Child("ConditionOperator")?.Value switch
        {
            "Equals" => IsEqual(value),
            "NotEquals" => !IsEqual(value),
            "In" => value?.Elements().Any(IsEqual) == true,
            "NotIn" => value?.Elements().Any(IsEqual) != true,
            var other => throw new ODataException(
                System.Net.HttpStatusCode.NotImplemented, "0x80040203", $"The lab does not know the operator '{other}' for definitions."),
        };
    }
}

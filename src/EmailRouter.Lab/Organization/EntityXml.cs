using System.Text.Json.Nodes;
using System.Xml.Linq;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse.Model;
using EmailRouter.Lab.Dataverse.Rows;
using EmailRouter.Lab.OData;
using static EmailRouter.Lab.Organization.OrganizationXml;

namespace EmailRouter.Lab.Organization;

/// <summary>Rows as <c>Entity</c> with typed attributes: written of what the CRM has, and read into the payload that the Web API takes.</summary>
internal static class EntityXml
{
    /// <summary>Writes a row into an element.</summary>
    /// <param name="name">The element's name.</param>
    /// <param name="rows">Where rows are read.</param>
    /// <param name="type">The row's type.</param>
    /// <param name="row">The row.</param>
    /// <param name="columns">The columns; null for all. Those without a value are left out, as the server does.</param>
    public static XElement Write(XName name, RowReader rows, EntityType type, CrmRecord row, IReadOnlyCollection<string>? columns)
    {
        IEnumerable<string> asked = columns is null
            ? [.. type.Properties.Where(p => p.Kind != EdmKind.Binary).Select(p => p.ColumnName), .. type.IsActivity ? EntityType.PartyLists : []]
            : columns.Append(type.Key).Distinct();
        var attributes = new XElement(Contracts + "Attributes");
        var labels = new XElement(Contracts + "FormattedValues");
        foreach (string column in asked)
        {
            if (ValueOf(rows, type, row, column) is not { } value)
                continue;
            attributes.Add(Pair(column, value));
            if (LabelOf(rows, type, row, column) is { } label)
                labels.Add(Label(column, label));
        }

        return Entity(name, type, row.Id, attributes, labels);
    }

    /// <summary>Writes a page of a query as the content of an <c>EntityCollection</c>.</summary>
    public static object[] Collection(RowReader rows, FetchPage page) => Collection(
        page.Type.LogicalName, page.Rows.Select(r => Write(rows, page, r)), page.Cookie, page.Total, page.IsTotalCut);

    /// <summary>Makes the content of an <c>EntityCollection</c>.</summary>
    public static object[] Collection(string table, IEnumerable<XElement> entities, string? cookie = null, int? total = null, bool isTotalCut = false) =>
    [
        new XElement(Contracts + "Entities", entities),
        new XElement(Contracts + "EntityName", table),
        Nil(Contracts + "MinActiveRowVersion"),
        new XElement(Contracts + "MoreRecords", cookie is null ? "false" : "true"),
        cookie is null ? Nil(Contracts + "PagingCookie") : new XElement(Contracts + "PagingCookie", cookie),
        new XElement(Contracts + "TotalRecordCount", total ?? -1),
        new XElement(Contracts + "TotalRecordCountLimitExceeded", total is not null && isTotalCut ? "true" : "false"),
    ];

    /// <summary>Writes the typed value of a column; null when the row has none.</summary>
    public static XElement? ValueOf(RowReader rows, EntityType type, CrmRecord row, string column)
    {
        if (type.IsActivity && EntityType.PartyLists.Contains(column))
            return Parties(rows, type, row, column);
        EntityProperty property = type.Column(column);
        if (property.Kind == EdmKind.Binary)
            return rows.Crm.ReadAttachment(row.Id) is { } content ? Simple(Convert.ToBase64String(content)) : null;
        object? value = property.IsKey ? row.Id : row[property.Column!.Name];
        return value switch
        {
            null => null,
            RecordReference reference => Reference(rows, reference),
            Guid id when property.IsLookup => Reference(rows, new RecordReference(property.Column!.Targets[0], id)),
            int number when property.Kind == EdmKind.Int64 => Simple((long)number),
            int number when property.Column!.Options is not null || column is "statecode" or "statuscode" or "participationtypemask" =>
                Value(Contracts, "OptionSetValue", new XElement(Contracts + "Value", number)),
            _ => Simple(value),
        };
    }

    /// <summary>Reads an <c>Entity</c> into what the Web API takes for creating or changing the row.</summary>
    /// <exception cref="ODataException">The table or a column is unknown, or a value does not fit.</exception>
    public static (EntityType Type, Guid Id, JsonObject Payload) Read(XElement entity, DataverseModel model)
    {
        string name = entity.Child("LogicalName")?.Value ?? string.Empty;
        EntityType type = TypeOf(model, name);
        _ = Guid.TryParse(entity.Child("Id")?.Value, out Guid id);
        var payload = new JsonObject();
        var parties = new JsonArray();
        foreach (XElement pair in entity.Child("Attributes")?.Elements() ?? [])
        {
            string column = pair.Child("key")?.Value ?? string.Empty;
            XElement value = pair.Child("value") ?? throw FetchReader.Invalid($"The attribute '{column}' of '{name}' has no value.");
            if (type.IsActivity && EntityType.PartyLists.Contains(column))
            {
                foreach (XElement party in value.Child("Entities")?.Elements() ?? [])
                {
                    JsonObject read = Read(party, model).Payload;
                    read["participationtypemask"] = RoleOf(column);
                    parties.Add(read);
                }

                continue;
            }

            // The objectid says by itself of which table it is.
            if (column != "objecttypecode" || type.FindProperty(column) is not null)
                Add(payload, type, column, value, model);
        }

        if (parties.Count > 0)
            payload["email_activity_parties"] = parties;
        return (type, id, payload);
    }

    /// <summary>Finds a table's type.</summary>
    /// <exception cref="ODataException">There is no such table.</exception>
    public static EntityType TypeOf(DataverseModel model, string name) => model.Find(name) ??
        throw new ODataException(System.Net.HttpStatusCode.BadRequest, "0x80041102", $"The entity with a name = '{name}' was not found in the MetadataCache.");

    /// <summary>Reads a row, or a reference to one, into JSON that names its type.</summary>
    /// <exception cref="ODataException">The table or a column is unknown, or a value does not fit.</exception>
    public static JsonNode ToJson(XElement value, DataverseModel model)
    {
        (EntityType type, Guid id, JsonObject row) = Read(value, model);
        row["@odata.type"] = "#" + type.FullName;
        if (id != Guid.Empty)
            row[type.Key] = id.ToString("D");
        return row;
    }

    private static void Add(JsonObject payload, EntityType type, string column, XElement value, DataverseModel model)
    {
        EntityProperty property = type.Column(column);
        if (value.IsNil())
        {
            string name = property.IsLookup ? $"{type.NavigationOf(column, property.Column!.Targets[0])?.Name}@odata.bind" : column;
            payload[name] = null;
        }
        else if (value.TypeName() == "EntityReference")
        {
            string target = value.Child("LogicalName")?.Value ?? string.Empty;
            Navigation navigation = type.NavigationOf(column, target) ??
                throw FetchReader.Invalid($"The attribute '{column}' of '{type.LogicalName}' takes no rows of '{target}'.");
            payload[navigation.Name + "@odata.bind"] = $"/{TypeOf(model, target).SetName}({value.Child("Id")?.Value})";
        }
        else if (property.IsLookup)
        {
            throw FetchReader.Invalid($"Incorrect attribute value type {value.TypeName()} for '{column}' of '{type.LogicalName}'.");
        }
        else
        {
            string text = value.Child("Value")?.Value ?? value.Value;
            payload[column] = property.Kind switch
            {
                EdmKind.Int32 or EdmKind.Int64 when value.TypeName() is "int" or "long" or "OptionSetValue" && long.TryParse(text, out long number) => number,
                EdmKind.Boolean when value.TypeName() == "boolean" => text.Trim() is "true" or "1",
                EdmKind.Int32 or EdmKind.Int64 or EdmKind.Boolean =>
                    throw FetchReader.Invalid($"Incorrect attribute value type {value.TypeName()} for '{column}' of '{type.LogicalName}'."),
                _ => text,
            };
        }
    }

    private static XElement Write(RowReader rows, FetchPage page, FetchRow row)
    {
        XElement entity = row.Row is { } own
            ? Write(Contracts + "Entity", rows, page.Type, own, page.Columns)
            : Entity(Contracts + "Entity", page.Type, Guid.Empty, new XElement(Contracts + "Attributes"), new XElement(Contracts + "FormattedValues"));
        foreach (FetchValue value in row.Aliased)
        {
            XElement? inner = value.Row is { } joined ? ValueOf(rows, value.Type, joined, value.Column)
                : value.Computed is { } computed ? Simple(computed) : null;
            if (inner is null)
                continue;
            entity.Element(Contracts + "Attributes")!.Add(Pair(value.Name, Value(
                Contracts,
                "AliasedValue",
                new XElement(Contracts + "AttributeLogicalName", value.Column),
                new XElement(Contracts + "EntityLogicalName", value.Type.LogicalName),
                Within(inner))));
            if (value.Row is { } labelled && LabelOf(rows, value.Type, labelled, value.Column) is { } label)
                entity.Element(Contracts + "FormattedValues")!.Add(Label(value.Name, label));
        }

        return entity;
    }

    /// <summary>Makes the value in an aliased one; the prefix of its type differs from that of the outer one, which names this element too.</summary>
    private static XElement Within(XElement value) => new(
        Contracts + "Value",
        new XAttribute(XNamespace.Xmlns + "v", value.GetNamespaceOfPrefix("t")!.NamespaceName),
        new XAttribute(Instance + "type", "v:" + value.TypeName()),
        value.Nodes());

    private static XElement Entity(XName name, EntityType type, Guid id, XElement attributes, XElement labels) => new(
        name,
        attributes,
        Nil(Contracts + "EntityState"),
        labels,
        new XElement(Contracts + "Id", id.ToString("D")),
        new XElement(Contracts + "LogicalName", type.LogicalName),
        new XElement(Contracts + "RelatedEntities"));

    private static XElement Label(string column, string label) =>
        new(Contracts + "KeyValuePairOfstringstring", new XElement(Collections + "key", column), new XElement(Collections + "value", label));

    private static string? LabelOf(RowReader rows, EntityType type, CrmRecord row, string column) =>
        EntityType.PartyLists.Contains(column) && type.IsActivity ? null : rows.Format(type.Column(column), row);

    private static int RoleOf(string partyList) => EntityType.PartyLists.ToList().IndexOf(partyList) + 1;

    private static XElement Reference(RowReader rows, RecordReference reference)
    {
        string? name = reference.Name ?? rows.Find(reference.LogicalName, reference.Id)?.Name;
        return Value(
            Contracts,
            "EntityReference",
            new XElement(Contracts + "Id", reference.Id.ToString("D")),
            new XElement(Contracts + "LogicalName", reference.LogicalName),
            name is null ? Nil(Contracts + "Name") : new XElement(Contracts + "Name", name));
    }

    private static XElement? Parties(RowReader rows, EntityType type, CrmRecord row, string column)
    {
        Navigation navigation = type.FindNavigation("email_activity_parties")!;
        int role = RoleOf(column);
        CrmRecord[] parties = [.. rows.Related(navigation, row).Where(p => p["participationtypemask"] is int mask && mask == role)];
        return parties.Length == 0 ? null : Value(
            Contracts,
            "EntityCollection",
            new XElement(Contracts + "Entities", parties.Select(p => Write(Contracts + "Entity", rows, navigation.Target, p, null))),
            new XElement(Contracts + "EntityName", navigation.Target.LogicalName),
            new XElement(Contracts + "MoreRecords", "false"));
    }
}

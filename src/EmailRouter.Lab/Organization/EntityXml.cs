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
    /// <summary>The columns of an email that are lists of parties; each one's number less one is its place.</summary>
    public static IReadOnlyList<string> PartyLists { get; } = ["from", "to", "cc", "bcc"];

    /// <summary>Finds the property of a column; a lookup's has another name in the Web API.</summary>
    /// <exception cref="ODataException">The table has no such column.</exception>
    public static EntityProperty PropertyOf(EntityType type, string column) =>
        type.FindProperty(column) ?? type.FindProperty($"_{column}_value") ?? throw NoAttribute(type.LogicalName, column);

    /// <summary>Writes a row into an element.</summary>
    /// <param name="name">The element's name.</param>
    /// <param name="rows">Where rows are read.</param>
    /// <param name="type">The row's type.</param>
    /// <param name="row">The row.</param>
    /// <param name="columns">The columns; null for all. Those without a value are left out, as the server does.</param>
    /// <param name="aliased">Attributes of joined rows.</param>
    public static XElement Write(XName name, RowReader rows, EntityType type, CrmRecord row, IReadOnlyCollection<string>? columns, IEnumerable<XElement>? aliased = null)
    {
        IEnumerable<string> asked = columns is null
            ? [.. type.Properties.Where(p => p.Kind != EdmKind.Binary).Select(ColumnOf), .. type.IsActivity ? PartyLists : []]
            : columns.Append(type.Key).Distinct();
        var attributes = new XElement(Contracts + "Attributes");
        foreach (string column in asked)
        {
            if (ValueOf(rows, type, row, column) is { } value)
                attributes.Add(Pair(column, value));
        }

        attributes.Add(aliased);
        return new XElement(
            name,
            attributes,
            Nil(Contracts + "EntityState"),
            new XElement(Contracts + "FormattedValues"),
            new XElement(Contracts + "Id", row.Id.ToString("D")),
            new XElement(Contracts + "LogicalName", type.LogicalName),
            new XElement(Contracts + "RelatedEntities"));
    }

    /// <summary>Writes the typed value of a column; null when the row has none.</summary>
    public static XElement? ValueOf(RowReader rows, EntityType type, CrmRecord row, string column)
    {
        if (type.IsActivity && PartyLists.Contains(column))
            return Parties(rows, type, row, column);
        EntityProperty property = PropertyOf(type, column);
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

    /// <summary>Gets the name of a property's column.</summary>
    public static string ColumnOf(EntityProperty property) => property.Column?.Name ?? property.Name;

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
            XElement value = pair.Child("value") ?? throw Invalid($"The attribute '{column}' of '{name}' has no value.");
            if (type.IsActivity && PartyLists.Contains(column))
            {
                foreach (XElement party in value.Child("Entities")?.Elements() ?? [])
                {
                    JsonObject read = Read(party, model).Payload;
                    read["participationtypemask"] = PartyLists.ToList().IndexOf(column) + 1;
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

    /// <summary>Explains a request that is malformed.</summary>
    public static ODataException Invalid(string message) => new(System.Net.HttpStatusCode.BadRequest, "0x80040203", message);

    private static void Add(JsonObject payload, EntityType type, string column, XElement value, DataverseModel model)
    {
        EntityProperty property = PropertyOf(type, column);
        if (value.IsNil())
        {
            string name = property.IsLookup ? $"{type.NavigationOf(column, property.Column!.Targets[0])?.Name}@odata.bind" : column;
            payload[name] = null;
        }
        else if (value.TypeName() == "EntityReference")
        {
            string target = value.Child("LogicalName")?.Value ?? string.Empty;
            Navigation navigation = type.NavigationOf(column, target) ?? throw Invalid($"The attribute '{column}' of '{type.LogicalName}' takes no rows of '{target}'.");
            payload[navigation.Name + "@odata.bind"] = $"/{TypeOf(model, target).SetName}({value.Child("Id")?.Value})";
        }
        else if (property.IsLookup)
        {
            throw Invalid($"Incorrect attribute value type {value.TypeName()} for '{column}' of '{type.LogicalName}'.");
        }
        else
        {
            string text = value.Child("Value")?.Value ?? value.Value;
            payload[column] = property.Kind switch
            {
                EdmKind.Int32 or EdmKind.Int64 when value.TypeName() is "int" or "long" or "OptionSetValue" && long.TryParse(text, out long number) => number,
                EdmKind.Boolean when value.TypeName() == "boolean" => text.Trim() is "true" or "1",
                EdmKind.Int32 or EdmKind.Int64 or EdmKind.Boolean => throw Invalid($"Incorrect attribute value type {value.TypeName()} for '{column}' of '{type.LogicalName}'."),
                _ => text,
            };
        }
    }

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
        int role = PartyLists.ToList().IndexOf(column) + 1;
        CrmRecord[] parties = [.. rows.Related(navigation, row).Where(p => p["participationtypemask"] is int mask && mask == role)];
        return parties.Length == 0 ? null : Value(
            Contracts,
            "EntityCollection",
            new XElement(Contracts + "Entities", parties.Select(p => Write(Contracts + "Entity", rows, navigation.Target, p, null))),
            new XElement(Contracts + "EntityName", navigation.Target.LogicalName),
            new XElement(Contracts + "MoreRecords", "false"));
    }

    private static ODataException NoAttribute(string table, string column) =>
        new(System.Net.HttpStatusCode.BadRequest, "0x80041103", $"'{table}' entity doesn't contain attribute with Name = '{column}'.");
}

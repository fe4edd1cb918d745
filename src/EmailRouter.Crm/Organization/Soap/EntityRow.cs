using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace EmailRouter.Crm.Organization.Soap;

/// <summary>
/// Makes rows of entities: in the shape in which the Web API writes them, so that what reads those reads both. A column without a value is missing in an
/// entity; here it is null where the reader needs to know that it was asked for.
/// </summary>
internal static class EntityRow
{
    private static readonly string[] partyLists = ["from", "to", "cc", "bcc"];

    /// <summary>Makes a row.</summary>
    /// <param name="entity">The entity.</param>
    /// <param name="asked">Columns that are null rather than missing.</param>
    /// <returns>The row.</returns>
    public static JsonObject Read(XElement entity, params string[] asked)
    {
        var row = new JsonObject();
        foreach (string column in asked)
            row[column] = null;
        JsonArray? parties = null;
        foreach (XElement pair in entity.Child("Attributes")?.Elements() ?? [])
        {
            if (pair.Child("key")?.Value is not { Length: > 0 } key || pair.Child("value") is not { } value || value.IsNil())
                continue;
            if (value.TypeName() == "AliasedValue")
                value = value.Child("Value") ?? value;
            switch (value.TypeName())
            {
                case "EntityReference" or "CrmReference":
                    if (Reference(value) is not { } reference)
                        continue;
                    row[$"_{key}_value"] = reference.Id.ToString("D");
                    row[$"_{key}_value@Microsoft.Dynamics.CRM.lookuplogicalname"] = reference.LogicalName;
                    row[$"_{key}_value@OData.Community.Display.V1.FormattedValue"] = reference.Name;
                    break;
                case "EntityCollection":
                    parties ??= [];
                    foreach (XElement party in value.Child("Entities")?.Elements() ?? [])
                    {
                        JsonObject read = Read(party);
                        if (!read.ContainsKey("participationtypemask") && Array.IndexOf(partyLists, key) is var role and >= 0)
                            read["participationtypemask"] = role + 1;
                        parties.Add(read);
                    }

                    break;
                case "OptionSetValue" or "Money":
                    row[key] = Number(value.Child("Value")?.Value);
                    break;
                case "int" or "long" or "decimal" or "double" or "short":
                    row[key] = Number(value.Value);
                    break;
                case "boolean":
                    row[key] = value.Value.Trim() is "true" or "1";
                    break;
                default:
                    row[key] = value.Value;
                    break;
            }
        }

        if (parties is not null)
            row["email_activity_parties"] = parties;
        if (row["versionnumber"] is { } version)
            row["@odata.etag"] = version.ToJsonString();
        return row;
    }

    /// <summary>Makes an element of a row, for those who read rows.</summary>
    /// <param name="row">The row.</param>
    /// <returns>The element.</returns>
    public static JsonElement ToElement(this JsonObject row) => JsonSerializer.SerializeToElement(row);

    private static RecordReference? Reference(XElement value) =>
        Guid.TryParse(value.Child("Id")?.Value, out Guid id) && id != Guid.Empty && value.Child("LogicalName")?.Value is { Length: > 0 } table
            ? new RecordReference(table, id, value.Child("Name") is { } name && !name.IsNil() ? name.Value : null)
            : null;

    private static JsonNode? Number(string? text) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole) ? whole
        : decimal.TryParse(text, NumberStyles.Number, CultureInfo.InvariantCulture, out decimal number) ? number : null;
}

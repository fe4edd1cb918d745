using System.Globalization;
using System.Text.Json.Nodes;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse.Model;
using EmailRouter.Lab.OData;

namespace EmailRouter.Lab.Dataverse.Rows;

/// <summary>Writes rows as JSON (OData JSON Format 4.0) with the annotations that the client prefers.</summary>
/// <param name="rows">Where expanded rows are read.</param>
/// <param name="root">The service root with a slash at the end.</param>
/// <param name="preferences">What the client prefers.</param>
internal sealed class RowWriter(RowReader rows, string root, Preferences preferences)
{
    private const string FormattedValue = "OData.Community.Display.V1.FormattedValue";
    private const string LookupName = "Microsoft.Dynamics.CRM.lookuplogicalname";
    private const string NavigationName = "Microsoft.Dynamics.CRM.associatednavigationproperty";

    /// <summary>Gives the ETag of a row; null for rows without versions.</summary>
    public static string? ETagOf(CrmRecord row) => row["versionnumber"] is int version ? string.Create(CultureInfo.InvariantCulture, $"W/\"{version}\"") : null;

    /// <summary>Writes a row.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="row">The row.</param>
    /// <param name="options">What of it.</param>
    /// <param name="linksLists">Whether the lists it expands come as links.</param>
    /// <returns>The row.</returns>
    public JsonObject Write(EntityType type, CrmRecord row, QueryOptions options, bool linksLists = false)
    {
        var json = new JsonObject();
        if (ETagOf(row) is { } etag)
            json["@odata.etag"] = etag;
        foreach (EntityProperty property in Selected(type, options))
            Add(json, type, property, row);
        foreach (ExpandItem item in options.Expand)
            Expand(json, type, row, item, linksLists);
        return json;
    }

    /// <summary>Gives what follows <c>$metadata#</c> for a set of rows.</summary>
    public static string ContextOf(EntityType type, QueryOptions options) => type.SetName + Projection(options);

    private static string Projection(QueryOptions options)
    {
        IEnumerable<string> selected = options.Select is { } select && !select.Contains("*") ? select : [];
        string[] parts = [.. selected, .. options.Expand.Select(e => $"{e.Name}{(Projection(e.Options) is { Length: > 0 } inner ? inner : "()")}")];
        return parts.Length == 0 ? string.Empty : $"({string.Join(',', parts)})";
    }

    private static IEnumerable<EntityProperty> Selected(EntityType type, QueryOptions options)
    {
        if (options.Select is not { } select || select.Contains("*"))
            return type.Properties;

        // A navigation property in $select asks for its link alone, which answers with minimal metadata do not carry.
        EntityProperty[] asked = [.. select.Where(s => type.FindProperty(s) is not null || type.FindNavigation(s) is null).Select(type.Property)];
        EntityProperty key = type.Property(type.Key);
        return asked.Contains(key) ? asked.Distinct() : [.. asked.Distinct(), key];
    }

    /// <summary>Writes one property of a row, with its annotations.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="type">The row's type.</param>
    /// <param name="property">The property.</param>
    /// <param name="row">The row.</param>
    /// <param name="alias">The name to write it under; null for its own.</param>
    public void Add(JsonObject json, EntityType type, EntityProperty property, CrmRecord row, string? alias = null)
    {
        string name = alias ?? property.Name;
        if (property.Kind == EdmKind.Binary)
        {
            json[name] = rows.Crm.ReadAttachment(row.Id) is { } content ? Convert.ToBase64String(content) : null;
            return;
        }

        object? value = property.ValueOf(row);
        if (property.IsLookup && value is not null)
        {
            string target = row[property.Column!.Name] is RecordReference reference ? reference.LogicalName : property.Column.Targets[0];
            if (preferences.Wants(NavigationName) && type.NavigationOf(property.Column.Name, target) is { } navigation)
                json[$"{name}@{NavigationName}"] = navigation.Name;
            if (preferences.Wants(LookupName))
                json[$"{name}@{LookupName}"] = target;
        }

        if (value is not null && preferences.Wants(FormattedValue) && rows.Format(property, row) is { } label)
            json[$"{name}@{FormattedValue}"] = label;
        json[name] = ToJson(value);
    }

    /// <summary>Writes a value.</summary>
    public static JsonNode? ToJson(object? value) => value switch
    {
        null => null,
        string text => text,
        bool flag => flag,
        int number => number,
        long number => number,
        Guid id => id.ToString("D"),
        DateTimeOffset time => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        Enum option => Convert.ToInt32(option, CultureInfo.InvariantCulture),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture),
    };

    private void Expand(JsonObject json, EntityType type, CrmRecord row, ExpandItem item, bool linksLists)
    {
        Navigation navigation = type.FindNavigation(item.Name) ?? throw ODataException.Syntax(
            $"Could not find a property named '{item.Name}' on type '{type.FullName}'.");
        if (linksLists && navigation.IsCollection && item.Options.Filter is null)
        {
            string query = item.Options.Select is { } select ? $"?$select={string.Join(',', select)}" : string.Empty;
            json[item.Name] = new JsonArray();
            json[$"{item.Name}@odata.nextLink"] = $"{root}{type.SetName}({row.Id})/{item.Name}{query}";
            return;
        }

        List<CrmRecord> related = navigation.IsCollection
            ? rows.Query(navigation.Target, item.Options, rows.Related(navigation, row))
            : [.. rows.Related(navigation, row)];
        JsonObject One(CrmRecord r) => item.IsReference
            ? new JsonObject { ["@odata.id"] = $"{root}{navigation.Target.SetName}({r.Id})" }
            : Write(navigation.Target, r, item.Options);
        if (!navigation.IsCollection)
        {
            json[item.Name] = related.Count == 0 ? null : One(related[0]);
            return;
        }

        if (item.Options.Count)
            json[$"{item.Name}@odata.count"] = related.Count;
        json[item.Name] = new JsonArray([.. related.Take(item.Options.Top ?? RowReader.MaxPageSize).Select(One)]);
    }
}

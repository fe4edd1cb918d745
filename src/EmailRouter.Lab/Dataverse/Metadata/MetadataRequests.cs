using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse.Model;
using EmailRouter.Lab.OData;
using EmailRouter.Lab.Dataverse.Rows;
using EmailRouter.Lab.Http;

namespace EmailRouter.Lab.Dataverse.Metadata;

/// <summary>Answers what describes the service: the service document, the metadata document, tables and columns (<c>EntityDefinitions</c>).</summary>
/// <param name="request">The request.</param>
/// <param name="rows">The model, and what filters are decided with.</param>
internal sealed class MetadataRequests(ODataRequest request, RowReader rows)
{
    /// <summary>Gets the properties of tables.</summary>
    public static IReadOnlyList<(string Name, string Type)> EntityProperties { get; } =
    [
        ("MetadataId", "Edm.Guid"), ("LogicalName", "Edm.String"), ("SchemaName", "Edm.String"), ("EntitySetName", "Edm.String"), ("LogicalCollectionName", "Edm.String"),
        ("CollectionSchemaName", "Edm.String"), ("PrimaryIdAttribute", "Edm.String"), ("PrimaryNameAttribute", "Edm.String"), ("IsActivity", "Edm.Boolean"),
        ("IsActivityParty", "Edm.Boolean"), ("HasEmailAddresses", "Edm.Boolean"), ("IsCustomEntity", "Edm.Boolean"), ("OwnershipType", "Edm.String"),
    ];

    /// <summary>Gets the properties of columns.</summary>
    public static IReadOnlyList<(string Name, string Type)> AttributeProperties { get; } =
    [
        ("MetadataId", "Edm.Guid"), ("LogicalName", "Edm.String"), ("SchemaName", "Edm.String"), ("EntityLogicalName", "Edm.String"), ("AttributeType", "Edm.String"),
        ("Format", "Edm.String"), ("FormatName", "mscrm.StringFormatName"), ("MaxLength", "Edm.Int32"), ("IsPrimaryId", "Edm.Boolean"), ("IsPrimaryName", "Edm.Boolean"),
        ("IsValidForCreate", "Edm.Boolean"), ("IsValidForRead", "Edm.Boolean"), ("IsValidForUpdate", "Edm.Boolean"), ("IsCustomAttribute", "Edm.Boolean"),
    ];

    private static readonly EntityType entityType = TypeOf("EntityMetadata", EntityProperties);
    private static readonly EntityType attributeType = TypeOf("AttributeMetadata", AttributeProperties);

    /// <summary>Answers the request.</summary>
    /// <returns>The answer.</returns>
    public LabHttpAnswer Handle()
    {
        if (request.Method != "GET")
            throw ODataException.Method(request.Method);
        PathSegment[] segments = [.. request.Resource.Segments];
        switch (segments)
        {
            case []:
                return ODataAnswer.Json(200, new JsonObject
                {
                    ["@odata.context"] = request.Root + "$metadata",
                    ["value"] = new JsonArray([.. rows.Model.Types.Select(t => t.SetName).Append("EntityDefinitions")
                        .Select(s => (JsonNode)new JsonObject { ["name"] = s, ["kind"] = "EntitySet", ["url"] = s })]),
                }, request);
            case [{ Name: "$metadata" }]:
                return LabHttpAnswer.OfText(200, CsdlDocument.Write(rows.Model), "application/xml");
            case [{ Arguments: null }]:
                List<CrmRecord> tables = rows.Query(entityType, Options(entityType), rows.Model.Types.Select(Row));
                return ODataAnswer.Json(200, new JsonObject
                {
                    ["@odata.context"] = $"{request.Root}$metadata#EntityDefinitions",
                    ["value"] = new JsonArray([.. tables.Take(request.Options.Top ?? int.MaxValue).Select(r => (JsonNode)Write(r))]),
                }, request);
            case [var one]:
                var json = new JsonObject { ["@odata.context"] = $"{request.Root}$metadata#EntityDefinitions/$entity" };
                foreach ((string name, JsonNode? value) in Write(Row(Table(one))).ToArray())
                    json[name] = value?.DeepClone();
                return ODataAnswer.Json(200, json, request);
            case [var table, { Name: "Attributes" } attributes, .. var cast]:
                return Attributes(Table(table), attributes, cast.Length > 0 ? cast[0].Name : null);
            default:
                throw ODataException.NoSegment(segments[^1].Name);
        }
    }

    private LabHttpAnswer Attributes(EntityType type, PathSegment segment, string? cast)
    {
        string? kind = cast?.Split('.')[^1].Replace("AttributeMetadata", string.Empty, StringComparison.Ordinal);
        IEnumerable<CrmRecord> all = Columns(type).Where(c => kind is null or "" || string.Equals((string?)c["AttributeType"], kind, StringComparison.OrdinalIgnoreCase));
        if (segment.Named.TryGetValue("LogicalName", out string? name))
        {
            CrmRecord column = all.FirstOrDefault(c => c["LogicalName"] as string == ODataLiteral.Parse(name) as string) ?? throw ODataException.NoSegment("Attributes");
            var json = new JsonObject { ["@odata.context"] = $"{request.Root}$metadata#EntityDefinitions('{type.LogicalName}')/Attributes/$entity" };
            foreach ((string property, JsonNode? value) in Attribute(column, request.Options).ToArray())
                json[property] = value?.DeepClone();
            return ODataAnswer.Json(200, json, request);
        }

        return ODataAnswer.Json(200, new JsonObject
        {
            ["@odata.context"] = $"{request.Root}$metadata#EntityDefinitions('{type.LogicalName}')/Attributes",
            ["value"] = new JsonArray([.. rows.Query(attributeType, Options(attributeType), all).Select(c => (JsonNode)Attribute(c, request.Options))]),
        }, request);
    }

    private JsonObject Write(CrmRecord row)
    {
        JsonObject json = new RowWriter(rows, request.Root, request.Preferences).Write(entityType, row, request.Options with { Expand = [] });
        foreach (ExpandItem item in request.Options.Expand)
        {
            if (item.Name != "Attributes")
                throw ODataException.Syntax($"Could not find a property named '{item.Name}' on type '{entityType.FullName}'.");
            IEnumerable<CrmRecord> columns = Columns(rows.Model.Of((string)row["LogicalName"]!));
            json["Attributes"] = new JsonArray([.. rows.Query(attributeType, item.Options, columns).Select(c => (JsonNode)Attribute(c, item.Options))]);
        }

        return json;
    }

    private JsonObject Attribute(CrmRecord column, QueryOptions options)
    {
        JsonObject json = new RowWriter(rows, request.Root, request.Preferences).Write(attributeType, column, options with { Expand = [] });
        if (json.ContainsKey("FormatName"))
            json["FormatName"] = column["Format"] is string format ? new JsonObject { ["Value"] = format } : null;
        return json;
    }

    private QueryOptions Options(EntityType type)
    {
        foreach (string name in request.Options.Select ?? [])
            type.Property(name);
        return request.Options;
    }

    private EntityType Table(PathSegment segment)
    {
        string? name = segment.Named.TryGetValue("LogicalName", out string? given) ? ODataLiteral.Parse(given) as string : null;
        if (name is null && segment.Arguments is [var id] && Guid.TryParse(id, out Guid key))
            name = rows.Model.Types.FirstOrDefault(t => IdOf(t.LogicalName) == key)?.LogicalName;
        return (name is null ? null : rows.Model.Find(name)) ?? throw new ODataException(System.Net.HttpStatusCode.NotFound, "0x80060888",
            $"Could not find an entity with name {name ?? string.Join(',', segment.Arguments ?? [])}.");
    }

    /// <summary>Makes the definition of a table.</summary>
    public static CrmRecord Row(EntityType type) => new("EntityMetadata", IdOf(type.LogicalName), new Dictionary<string, object?>
    {
        ["LogicalName"] = type.LogicalName,
        ["SchemaName"] = Schema(type.LogicalName),
        ["EntitySetName"] = type.SetName,
        ["LogicalCollectionName"] = type.SetName,
        ["CollectionSchemaName"] = Schema(type.SetName),
        ["PrimaryIdAttribute"] = type.Key,
        ["PrimaryNameAttribute"] = type.Table.PrimaryNameColumn,
        ["IsActivity"] = type.IsActivity,
        ["IsActivityParty"] = type.Table.AddressColumns.Count > 0,
        ["HasEmailAddresses"] = type.Table.AddressColumns.Count > 0,
        ["IsCustomEntity"] = type.Table.IsCustom,
        ["OwnershipType"] = type.Table.Find("ownerid") is null ? "OrganizationOwned" : "UserOwned",
    });

    /// <summary>Makes the definitions of a table's columns.</summary>
    public static IEnumerable<CrmRecord> Columns(EntityType type)
    {
        yield return Column(type, type.Key, "Uniqueidentifier", null, null);
        foreach (ColumnDefinition column in type.Properties.Select(p => p.Column).OfType<ColumnDefinition>())
        {
            string kind = column.Type switch
            {
                ColumnType.Text => column.MaxLength == 0 ? "Memo" : "String",
                ColumnType.Flag => "Boolean",
                ColumnType.Time => "DateTime",
                ColumnType.Lookup => "Lookup",
                ColumnType.Id => column.Name == "ownerid" ? "Owner" : column.Targets.Count > 0 ? "Lookup" : "Uniqueidentifier",
                _ => column.Name switch { "statecode" => "State", "statuscode" => "Status", "versionnumber" => "BigInt", _ => column.Options is null ? "Integer" : "Picklist" },
            };

            // A column for addresses is told by its format: so a client finds those of any table.
            string? format = kind != "String" ? null : type.Table.AddressColumns.Contains(column.Name) ? "Email" : "Text";
            yield return Column(type, column.Name, kind, format, column);
        }
    }

    private static CrmRecord Column(EntityType type, string name, string kind, string? format, ColumnDefinition? column) => new(
        "AttributeMetadata", IdOf($"{type.LogicalName}.{name}"), new Dictionary<string, object?>
        {
            ["LogicalName"] = name,
            ["SchemaName"] = Schema(name),
            ["EntityLogicalName"] = type.LogicalName,
            ["AttributeType"] = kind,
            ["Format"] = format,
            ["FormatName"] = format,
            ["MaxLength"] = kind == "String" ? column!.MaxLength : null,
            ["IsPrimaryId"] = column is null,
            ["IsPrimaryName"] = name == type.Table.PrimaryNameColumn,
            ["IsValidForCreate"] = column?.IsReadOnly != true,
            ["IsValidForRead"] = true,
            ["IsValidForUpdate"] = column is { IsReadOnly: false },
            ["IsCustomAttribute"] = type.Table.IsCustom,
        });

    private static EntityType TypeOf(string name, IReadOnlyList<(string Name, string Type)> properties) => new(new TableDefinition
    {
        LogicalName = name,
        PrimaryIdColumn = "MetadataId",
        PrimaryNameColumn = "LogicalName",
        Columns = [.. properties.Where(p => p.Name != "MetadataId").Select(p => new ColumnDefinition(p.Name, p.Type switch
        {
            "Edm.Boolean" => ColumnType.Flag,
            "Edm.Int32" => ColumnType.Integer,
            _ => ColumnType.Text,
        }))],
    });

    private static string Schema(string name) => char.ToUpperInvariant(name[0]) + name[1..];

    private static Guid IdOf(string name) => new(SHA256.HashData(Encoding.UTF8.GetBytes("metadata:" + name)).AsSpan(0, 16));
}

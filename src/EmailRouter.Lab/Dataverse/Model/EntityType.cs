using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.OData;

namespace EmailRouter.Lab.Dataverse.Model;

/// <summary>A table as the Web API shows it.</summary>
internal sealed class EntityType
{
    // What the router keeps for itself in the embedded CRM is no part of Dataverse.
    private const string OwnPrefix = "emailrouter_";

    // Relationships whose collections Dataverse names in its own way, by table and column of the many.
    private static readonly Dictionary<string, string> collections = new(StringComparer.Ordinal)
    {
        ["activityparty.activityid"] = "email_activity_parties",
        ["activitymimeattachment.objectid"] = "email_activity_mime_attachment",
        ["queueitem.objectid:email"] = "Email_QueueItem",
        ["annotation.objectid:email"] = "Email_Annotation",
        ["annotation.objectid:incident"] = "Incident_Annotation",
        ["queueitem.objectid:incident"] = "Incident_QueueItem",
        ["queueitem.queueid"] = "queue_entries",
        ["usersettings.systemuserid"] = "user_settings",
        ["email.regardingobjectid:account"] = "Account_Emails",
        ["email.regardingobjectid:contact"] = "Contact_Emails",
        ["email.regardingobjectid:lead"] = "Lead_Emails",
        ["email.regardingobjectid:incident"] = "Incident_Emails",
    };

    private readonly Dictionary<string, EntityProperty> properties = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Navigation> navigations = new(StringComparer.Ordinal);

    public EntityType(TableDefinition table)
    {
        Table = table;
        SetName = Pluralize(table.LogicalName);
        Add(new EntityProperty(Key, EdmKind.Guid, null) { IsKey = true });
        foreach (ColumnDefinition column in table.Columns.Where(IsShown))
        {
            if (column.Type == ColumnType.Lookup || (column.Type == ColumnType.Id && column.Targets.Count > 0))
                Add(new EntityProperty($"_{column.Name}_value", EdmKind.Guid, column));
            else
                Add(new EntityProperty(column.Name, KindOf(column), column));
        }

        if (LogicalName == "activitymimeattachment")
            Add(new EntityProperty(BodyProperty, EdmKind.Binary, null));
    }

    /// <summary>The content of an attachment; not a column, since it may be large.</summary>
    public const string BodyProperty = "body";

    public TableDefinition Table { get; }

    public string LogicalName => Table.LogicalName;

    public string SetName { get; }

    public string Key => Table.PrimaryIdColumn;

    public string FullName => "Microsoft.Dynamics.CRM." + LogicalName;

    public bool IsActivity => LogicalName == "email";

    public IEnumerable<EntityProperty> Properties => properties.Values;

    /// <summary>Gets the navigation properties under their proper names.</summary>
    public IEnumerable<Navigation> Navigations => navigations.Where(n => n.Key == n.Value.Name).Select(n => n.Value);

    /// <summary>Gets the columns of an activity that are lists of parties; each one's number less one is its place.</summary>
    public static IReadOnlyList<string> PartyLists { get; } = ["from", "to", "cc", "bcc"];

    /// <summary>Gets the property of a column as FetchXML and Organization.svc name it; a lookup's has another name in the Web API.</summary>
    /// <exception cref="ODataException">The table has no such column.</exception>
    public EntityProperty Column(string column) => FindProperty(column) ?? FindProperty($"_{column}_value") ??
        throw new ODataException(System.Net.HttpStatusCode.BadRequest, "0x80041103", $"'{LogicalName}' entity doesn't contain attribute with Name = '{column}'.");

    /// <summary>Checks that there is a column that can be read, be it a list of parties.</summary>
    /// <exception cref="ODataException">The table has no such column.</exception>
    public void CheckColumn(string column)
    {
        if (!IsActivity || !PartyLists.Contains(column))
            Column(column);
    }

    public EntityProperty? FindProperty(string name) => properties.GetValueOrDefault(name);

    /// <summary>Gets a property by its name, with regard to case as v9 has it.</summary>
    public EntityProperty Property(string name) => FindProperty(name) ??
        throw ODataException.Syntax($"Could not find a property named '{name}' on type '{FullName}'.");

    public Navigation? FindNavigation(string name) => navigations.GetValueOrDefault(name);

    /// <summary>Gets the navigation properties that a lookup's columns belong to.</summary>
    public Navigation? NavigationOf(string column, string target) =>
        Navigations.FirstOrDefault(n => !n.IsCollection && n.Column == column && n.Target.LogicalName == target);

    public void AddNavigations(Func<string, EntityType?> find)
    {
        foreach (ColumnDefinition column in Table.Columns.Where(IsShown).Where(c => c.Targets.Count > 0))
        {
            foreach (string target in column.Targets)
            {
                if (find(target) is not { } targetType)
                    continue;
                string name = column.Type == ColumnType.Lookup ? $"{column.Name}_{target}" : column.Name;
                string collection = collections.GetValueOrDefault($"{LogicalName}.{column.Name}") ?? collections.GetValueOrDefault($"{LogicalName}.{column.Name}:{target}") ??
                    $"{target}_{LogicalName}_{column.Name}";

                // An activity shares its columns with other kinds of activities, so its navigation properties say which it is. The plain names are taken as well.
                string proper = IsActivity && column.Name is "regardingobjectid" or "ownerid" && IsActivity ? name + "_email" : name;
                var single = new Navigation(proper, this, targetType, IsCollection: false, column.Name, collection);
                navigations[proper] = single;
                if (proper != name && !(column.Type == ColumnType.Lookup))
                    navigations.TryAdd(name, single);
                if (name == "objectid_email" && LogicalName != "annotation")
                    navigations.TryAdd("objectid_activitypointer", single);
                if (LogicalName == "activityparty" && name == "activityid")
                    navigations.TryAdd("activityid_email", single);
                if (name == "ownerid")
                    navigations.TryAdd("owninguser", single);
                targetType.navigations[collection] = new Navigation(collection, targetType, this, IsCollection: true, column.Name, proper);
            }
        }

        if (LogicalName == "usersettings" && find("systemuser") is { } user)
            user.navigations["user_settings"] = new Navigation("user_settings", user, this, IsCollection: true, Key, string.Empty);
    }

    private static string Pluralize(string name) => name switch
    {
        "usersettings" => "usersettingscollection",
        [.., 'y'] when name is not [.., 'a' or 'e' or 'o' or 'u', 'y'] => name[..^1] + "ies",
        [.., 's' or 'x' or 'z'] or [.., 'c' or 's', 'h'] => name + "es",
        _ => name + "s",
    };

    private bool IsShown(ColumnDefinition column) => !column.Name.StartsWith(OwnPrefix, StringComparison.Ordinal) &&
        !(LogicalName == "systemuser" && column.Name is "incomingemailfilteringmethod" or "autocreatecontactonpromote" or "issendasallowed" && LogicalName == "systemuser");

    private static EdmKind KindOf(ColumnDefinition column) => column.Name == "versionnumber" ? EdmKind.Int64 : column.Type switch
    {
        ColumnType.Integer => EdmKind.Int32,
        ColumnType.Flag => EdmKind.Boolean,
        ColumnType.Time => EdmKind.DateTimeOffset,
        ColumnType.Id => EdmKind.Guid,
        _ => EdmKind.String,
    };

    private void Add(EntityProperty property) => properties[property.Name] = property;
}

/// <summary>A property that holds a value.</summary>
/// <param name="Name">The name; <c>_column_value</c> for a lookup.</param>
/// <param name="Kind">The type.</param>
/// <param name="Column">The column; null for the primary key and what is computed.</param>
internal sealed record EntityProperty(string Name, EdmKind Kind, ColumnDefinition? Column)
{
    public bool IsKey { get; init; }

    public bool IsLookup => Name[0] == '_';

    /// <summary>Gets the name of its column.</summary>
    public string ColumnName => Column?.Name ?? Name;

    /// <summary>Gets the value of a row.</summary>
    public object? ValueOf(CrmRecord row) => IsKey ? row.Id : Column is null ? null : row[Column.Name] is RecordReference reference ? reference.Id : row[Column.Name];
}

/// <summary>A property that leads to other rows.</summary>
/// <param name="Name">The name, with regard to case.</param>
/// <param name="Source">The type that has it.</param>
/// <param name="Target">The type it leads to.</param>
/// <param name="IsCollection">Whether it leads to many.</param>
/// <param name="Column">The column that holds the reference: of the source, for a collection of the target.</param>
/// <param name="Partner">The navigation property of the other side.</param>
internal sealed record Navigation(string Name, EntityType Source, EntityType Target, bool IsCollection, string Column, string Partner);

/// <summary>The primitive types that properties have.</summary>
internal enum EdmKind
{
    String,
    Int32,
    Int64,
    Boolean,
    DateTimeOffset,
    Guid,
    Binary,
}

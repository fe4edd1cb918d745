using System.Text.Json;
using EmailRouter.Crm.Dataverse.WebApi;

namespace EmailRouter.Crm.Dataverse;

/// <summary>A table of the organization, as far as the router uses it.</summary>
/// <param name="LogicalName">Its name, e.g. <c>contact</c>.</param>
/// <param name="SetName">The name of its rows in addresses, e.g. <c>contacts</c>.</param>
/// <param name="IdColumn">Its primary key.</param>
/// <param name="NameColumn">Its primary name; empty when it has none.</param>
internal sealed record TableInfo(string LogicalName, string SetName, string IdColumn, string NameColumn)
{
    /// <summary>Gets the columns that hold email addresses, in the order in which a match counts; none for a table whose rows no email is addressed to.</summary>
    public IReadOnlyList<string> AddressColumns { get; init; } = [];

    /// <summary>Gets the columns it has; null when that is not known.</summary>
    public IReadOnlySet<string>? Columns { get; init; }

    /// <summary>Gets the columns that can be given at creation; null when that is not known.</summary>
    public IReadOnlySet<string>? CreateColumns { get; init; }

    /// <summary>Gets the columns that can be changed; null when that is not known.</summary>
    public IReadOnlySet<string>? UpdateColumns { get; init; }

    /// <summary>Gets the navigation properties by column and target table.</summary>
    public IReadOnlyDictionary<(string Column, string Target), string> Navigations { get; init; } = new Dictionary<(string Column, string Target), string>();

    /// <summary>Gets a value indicating whether its rows can say that they must not be mailed.</summary>
    public bool HasDoNotEmail => Has("donotemail", LogicalName is "contact" or "account" or "lead");

    /// <summary>Says whether it has a column.</summary>
    /// <param name="column">The column.</param>
    /// <param name="unlessKnown">The answer when its columns are not known.</param>
    /// <returns>True when it has.</returns>
    public bool Has(string column, bool unlessKnown = true) => Columns?.Contains(column) ?? unlessKnown;
}

/// <summary>The tables of the organization, learned from its metadata: whose rows email is addressed to, in which columns addresses stand, what can be written.</summary>
internal sealed class TableDirectory
{
    private const string What = "the tables' definitions";
    private const int MaxPartyTables = 300;

    // What every organization has, for servers that do not let the router read definitions.
    private static readonly TableInfo[] usual =
    [
        new("systemuser", "systemusers", "systemuserid", "fullname") { AddressColumns = ["internalemailaddress", "personalemailaddress", "mobilealertemail"] },
        new("contact", "contacts", "contactid", "fullname") { AddressColumns = ["emailaddress1", "emailaddress2", "emailaddress3"] },
        new("account", "accounts", "accountid", "name") { AddressColumns = ["emailaddress1", "emailaddress2", "emailaddress3"] },
        new("lead", "leads", "leadid", "fullname") { AddressColumns = ["emailaddress1", "emailaddress2", "emailaddress3"] },
        new("equipment", "equipments", "equipmentid", "name") { AddressColumns = ["emailaddress"] },
        new("team", "teams", "teamid", "name") { AddressColumns = ["emailaddress"] },
        new("businessunit", "businessunits", "businessunitid", "name") { AddressColumns = ["emailaddress"] },
        new("queue", "queues", "queueid", "name") { AddressColumns = ["emailaddress"] },
        new("email", "emails", "activityid", "subject"),
        new("incident", "incidents", "incidentid", "title"),
        new("opportunity", "opportunities", "opportunityid", "name"),
        new("mailbox", "mailboxes", "mailboxid", "name"),
    ];

    private readonly Dictionary<string, TableInfo> tables;

    private TableDirectory(IEnumerable<TableInfo> tables)
    {
        this.tables = tables.ToDictionary(t => t.LogicalName);
        AddressTables = [.. this.tables.Values.Where(t => t.AddressColumns.Count > 0)
            .OrderBy(t => Array.FindIndex(usual, u => u.LogicalName == t.LogicalName) is var place and >= 0 ? place : usual.Length).ThenBy(t => t.LogicalName, StringComparer.Ordinal)];
    }

    /// <summary>Makes a directory of what every organization has.</summary>
    /// <param name="columns">The columns of <c>email</c>; null when they are not known.</param>
    /// <param name="createColumns">Those that can be given at creation; null when that is not known.</param>
    /// <param name="updateColumns">Those that can be changed; null when that is not known.</param>
    /// <returns>The directory.</returns>
    public static TableDirectory Usual(IReadOnlySet<string>? columns, IReadOnlySet<string>? createColumns, IReadOnlySet<string>? updateColumns) => new(
        usual.Select(t => t.LogicalName == "email" ? t with { Columns = columns, CreateColumns = createColumns, UpdateColumns = updateColumns } : t));

    /// <summary>Gets the tables whose rows email is addressed to.</summary>
    public IReadOnlyList<TableInfo> AddressTables { get; }

    /// <summary>Gets the table <c>email</c>.</summary>
    public TableInfo Email => tables["email"];

    /// <summary>Finds a table.</summary>
    /// <param name="logicalName">Its name.</param>
    /// <returns>The table; null when it is not known.</returns>
    public TableInfo? Find(string logicalName) => tables.GetValueOrDefault(logicalName);

    /// <summary>Gets the address of a row below the root.</summary>
    /// <param name="record">The row.</param>
    /// <returns>The path, e.g. <c>contacts(…)</c>.</returns>
    public string PathOf(RecordReference record) => $"{Find(record.LogicalName)?.SetName ?? record.LogicalName + "s"}({record.Id:D})";

    /// <summary>Gets the navigation property by which a lookup of <c>email</c> is written.</summary>
    /// <param name="column">The lookup.</param>
    /// <param name="target">The table it leads to.</param>
    /// <returns>The property; null when it is not known.</returns>
    public string? EmailNavigation(string column, string target) =>
        Email.Navigations.GetValueOrDefault((column, target)) ?? (column == "regardingobjectid" ? $"regardingobjectid_{target}_email" : null);

    /// <summary>Reads the definitions: two requests.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The tables.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public static async ValueTask<TableDirectory> ReadAsync(WebApiConnection connection, CancellationToken cancellationToken)
    {
        WebApiAnswer list = await connection.TryAsync(
            WebApiRequest.Get("EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,IsActivityParty", What), cancellationToken).ConfigureAwait(false);
        if (!list.IsSuccess)
            return list.Status is 403 or 404 or 405 or 501 ? new TableDirectory(usual) : throw WebApiErrors.Explain(list, What, connection.Server);
        var found = new Dictionary<string, TableInfo>(StringComparer.Ordinal);
        var parties = new List<string>();
        foreach (JsonElement row in list.Rows(What))
        {
            if (row.Text("LogicalName") is not { } name || row.Text("EntitySetName") is not { Length: > 0 } set || row.Text("PrimaryIdAttribute") is not { } id)
                continue;
            found[name] = new TableInfo(name, set, id, row.Text("PrimaryNameAttribute") ?? string.Empty);
            if (row.Flag("IsActivityParty") == true && parties.Count < MaxPartyTables)
                parties.Add(name);
        }

        foreach (TableInfo table in usual)
            found.TryAdd(table.LogicalName, table);
        await ReadColumnsAsync(connection, found, [.. parties.Union(usual.Where(u => u.AddressColumns.Count > 0 && found.ContainsKey(u.LogicalName)).Select(u => u.LogicalName))],
            cancellationToken).ConfigureAwait(false);
        return new TableDirectory(found.Values);
    }

    private static async ValueTask ReadColumnsAsync(
        WebApiConnection connection, Dictionary<string, TableInfo> found, IReadOnlyList<string> parties, CancellationToken cancellationToken)
    {
        var batch = new WebApiBatch(What);
        var uses = new List<Action<WebApiAnswer>>();
        void Ask(string path, Action<WebApiAnswer> use)
        {
            batch.Add(WebApiRequest.Get(path, What));
            uses.Add(use);
        }

        foreach (string name in parties)
        {
            Ask($"EntityDefinitions(LogicalName='{name}')/Attributes?$select=LogicalName", a => found[name] = found[name] with { Columns = Names(a) });
            Ask($"EntityDefinitions(LogicalName='{name}')/Attributes/Microsoft.Dynamics.CRM.StringAttributeMetadata?$select=LogicalName,Format,FormatName",
                a => found[name] = found[name] with { AddressColumns = Addresses(a) });
        }

        Ask("EntityDefinitions(LogicalName='email')/Attributes?$select=LogicalName,IsValidForCreate,IsValidForUpdate", a => found["email"] = found["email"] with
        {
            Columns = Names(a),
            CreateColumns = Names(a, "IsValidForCreate"),
            UpdateColumns = Names(a, "IsValidForUpdate"),
        });
        Ask("EntityDefinitions(LogicalName='email')/ManyToOneRelationships?$select=ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName",
            a => found["email"] = found["email"] with { Navigations = Navigations(a) });
        IReadOnlyList<IReadOnlyList<WebApiAnswer>> answers = await connection.SendAsync(batch, cancellationToken).ConfigureAwait(false);
        for (int i = 0; i < answers.Count; i++)
        {
            if (answers[i][0].IsSuccess)
                uses[i](answers[i][0]);
        }

        // A column that is there and is a known address column counts whatever its format says.
        foreach (TableInfo table in usual.Where(u => u.AddressColumns.Count > 0))
        {
            TableInfo own = found[table.LogicalName];
            found[table.LogicalName] = own with { AddressColumns = [.. table.AddressColumns.Where(c => own.Has(c)).Union(own.AddressColumns)] };
        }
    }

    private static HashSet<string> Names(WebApiAnswer answer, string? flag = null) =>
        [.. answer.Rows(What).Where(r => flag is null || r.Flag(flag) != false).Select(r => r.Text("LogicalName")).OfType<string>()];

    private static List<string> Addresses(WebApiAnswer answer) => [.. answer.Rows(What)
        .Where(r => r.Text("Format") == "Email" || (r.TryGetProperty("FormatName", out JsonElement format) && format.ValueKind == JsonValueKind.Object && format.Text("Value") == "Email"))
        .Select(r => r.Text("LogicalName")).OfType<string>().Order(StringComparer.Ordinal)];

    private static Dictionary<(string, string), string> Navigations(WebApiAnswer answer)
    {
        var found = new Dictionary<(string, string), string>();
        foreach (JsonElement row in answer.Rows(What))
        {
            if (row.Text("ReferencingAttribute") is { } column && row.Text("ReferencedEntity") is { } target && row.Text("ReferencingEntityNavigationPropertyName") is { } property)
                found[(column, target)] = property;
        }

        return found;
    }
}

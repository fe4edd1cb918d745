namespace EmailRouter.Crm.Server;

/// <summary>The tables of the organization, learned from its metadata: whose rows email is addressed to, in which columns addresses stand, what can be
/// written.</summary>
internal sealed class TableDirectory
{
    /// <summary>How old it may be before the definitions are read again.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromHours(1);

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

    /// <summary>Initializes a directory.</summary>
    /// <param name="tables">The tables.</param>
    public TableDirectory(IEnumerable<TableInfo> tables)
    {
        this.tables = tables.ToDictionary(t => t.LogicalName);
        AddressTables =
        [
            .. this.tables.Values.Where(t => t.AddressColumns.Count > 0)
                .OrderBy(t => Array.FindIndex(usual, u => u.LogicalName == t.LogicalName) is var place and >= 0 ? place : usual.Length)
                .ThenBy(t => t.LogicalName, StringComparer.Ordinal),
        ];
    }

    /// <summary>Gets what every organization has.</summary>
    public static IReadOnlyList<TableInfo> UsualTables => usual;

    /// <summary>Makes a directory of what was learned, with what every organization has.</summary>
    /// <param name="found">The tables that were found, with the columns whose format says that they hold addresses.</param>
    /// <returns>The directory.</returns>
    public static TableDirectory Learned(IReadOnlyDictionary<string, TableInfo> found)
    {
        var all = found.ToDictionary(f => f.Key, f => f.Value, StringComparer.Ordinal);
        foreach (TableInfo table in usual)
        {
            // A column that is there and is a known address column counts whatever its format says.
            if (!all.TryAdd(table.LogicalName, table) && all[table.LogicalName] is var own)
                all[table.LogicalName] = own with { AddressColumns = [.. table.AddressColumns.Where(c => own.Has(c)).Union(own.AddressColumns)] };
        }

        return new TableDirectory(all.Values);
    }

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
}

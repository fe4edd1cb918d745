using System.Globalization;
using System.Text.Json;
using EmailRouter.Sqlite;
using Microsoft.Data.Sqlite;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>Reading and writing records by their table's definition; keeps the address index with every write.</summary>
internal static class RecordTable
{
    /// <summary>Finds a table's definition.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="logicalName">The table's name.</param>
    /// <returns>The definition; null when there is none.</returns>
    public static TableDefinition? Find(SqliteSession session, string logicalName) =>
        TableCatalog.BuiltIn.FirstOrDefault(t => t.LogicalName == logicalName) ??
        session.Query("SELECT logicalname, primaryidattribute, primarynameattribute, addresscolumns, columns FROM entity WHERE logicalname = @name",
            ReadDefinition, ("name", logicalName))
            .FirstOrDefault();

    /// <summary>Lists all tables.</summary>
    /// <param name="session">The connection.</param>
    /// <returns>The definitions, those built in first.</returns>
    public static IReadOnlyList<TableDefinition> List(SqliteSession session) =>
    [
        .. TableCatalog.BuiltIn,
        .. session.Query("SELECT logicalname, primaryidattribute, primarynameattribute, addresscolumns, columns FROM entity ORDER BY logicalname",
            ReadDefinition),
    ];

    /// <summary>Gets a table's definition.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="logicalName">The table's name.</param>
    /// <returns>The definition.</returns>
    /// <exception cref="CrmException">There is no such table.</exception>
    public static TableDefinition Get(SqliteSession session, string logicalName)
    {
        ArgumentNullException.ThrowIfNull(logicalName);
        return Find(session, logicalName) ?? throw new CrmException(
            "CrmTableUnknown",
            $"There is no table '{logicalName}'.",
            $"Use one of {string.Join(", ", List(session).Select(t => t.LogicalName))}, or register the table first.")
        { IsAboutRecord = true };
    }

    /// <summary>Registers a table, or adds columns to a registered one.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="table">The completed definition.</param>
    public static void Register(SqliteSession session, TableDefinition table)
    {
        if (Find(session, table.LogicalName) is not { } existing)
        {
            string columns = string.Join(", ", table.Columns.Concat(TableCatalog.SystemColumns).SelectMany(SqlColumns).Select(c => $"\"{c.Name}\" {c.Type}"));
            session.ExecuteOnce($"CREATE TABLE \"{table.LogicalName}\" (\"{table.PrimaryIdColumn}\" TEXT PRIMARY KEY, {columns})", []);
        }
        else
        {
            if (!existing.IsCustom || existing.PrimaryIdColumn != table.PrimaryIdColumn || existing.PrimaryNameColumn != table.PrimaryNameColumn)
                throw StoreErrors.RecordInvalid($"The table '{table.LogicalName}' exists with other key or name columns.", "Register it under another name.");
            foreach (ColumnDefinition column in table.Columns.Where(c => existing.Find(c.Name) is null))
            {
                foreach ((string name, string type) in SqlColumns(column))
                    session.ExecuteOnce($"ALTER TABLE \"{table.LogicalName}\" ADD COLUMN \"{name}\" {type}", []);
            }

            table = table with
            {
                Columns = [.. existing.Columns, .. table.Columns.Where(c => existing.Find(c.Name) is null)],
                AddressColumns = [.. existing.AddressColumns.Union(table.AddressColumns)],
            };
        }

        session.Execute(
            "INSERT OR REPLACE INTO entity (logicalname, primaryidattribute, primarynameattribute, addresscolumns, columns) VALUES (@name, @id, @primaryName, @addresses, @columns)",
            ("name", table.LogicalName),
            ("id", table.PrimaryIdColumn),
            ("primaryName", table.PrimaryNameColumn),
            ("addresses", table.AddressColumns),
            ("columns", JsonSerializer.Serialize(table.Columns
                .Select(c => new StoredColumn(c.Name, c.Type, c.MaxLength, c.Default as int? ?? (c.Default is true ? 1 : 0), [.. c.Targets])))));
    }

    /// <summary>Creates a record.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="table">The table.</param>
    /// <param name="id">The record's id.</param>
    /// <param name="attributes">Its values by column, converted.</param>
    /// <param name="now">The time.</param>
    public static void Insert(SqliteSession session, TableDefinition table, Guid id, IReadOnlyDictionary<string, object?> attributes, DateTimeOffset now)
    {
        var values = new List<(string Name, object? Value)> { (table.PrimaryIdColumn, id) };
        var settings = new List<(string Name, object? Value)> { ("systemuserid", id) };
        foreach (ColumnDefinition column in table.Columns.Where(c => !c.IsReadOnly))
        {
            object? value = attributes.TryGetValue(column.Name, out object? given) && given is not null ? given : column.Default;
            (IsUserSetting(table, column) ? settings : values).AddRange(ToSql(column, value));
        }

        if (table.LogicalName == "systemuser")
            values.Add(("emailrouter_usernumber", (long)session.Scalar("SELECT coalesce(max(emailrouter_usernumber), 0) + 1 FROM systemuser")!));
        session.Insert(table.LogicalName, [.. values, ("createdon", now), ("modifiedon", now), ("versionnumber", 1)]);
        if (settings.Count > 1)
            session.Insert(TableCatalog.UserSettings, [.. settings]);
        IndexAddresses(session, table, id);
    }

    /// <summary>Changes a record.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="table">The table.</param>
    /// <param name="id">The record's id.</param>
    /// <param name="attributes">The values to change by column, converted.</param>
    /// <param name="now">The time.</param>
    public static void Update(SqliteSession session, TableDefinition table, Guid id, IReadOnlyDictionary<string, object?> attributes, DateTimeOffset now)
    {
        var values = new List<(string Name, object? Value)>();
        var settings = new List<(string Name, object? Value)>();
        foreach (ColumnDefinition column in table.Columns.Where(c => attributes.ContainsKey(c.Name)))
            (IsUserSetting(table, column) ? settings : values).AddRange(ToSql(column, attributes[column.Name] ??
                (column.Type is ColumnType.Integer or ColumnType.Flag ? column.Default : null)));
        values.Add(("modifiedon", now));
        int changed = session.ExecuteOnce(
            $"UPDATE \"{table.LogicalName}\" SET versionnumber = versionnumber + 1, {Assignments(values)} WHERE \"{table.PrimaryIdColumn}\" = @_id",
            [.. values, ("_id", id)]);
        if (changed == 0)
            throw StoreErrors.RecordMissing(table.LogicalName, id);
        if (settings.Count > 0)
            session.ExecuteOnce($"UPDATE {TableCatalog.UserSettings} SET {Assignments(settings)} WHERE systemuserid = @_id", [.. settings, ("_id", id)]);
        IndexAddresses(session, table, id);
    }

    /// <summary>Reads records.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="table">The table.</param>
    /// <param name="condition">What follows the FROM clause; the table's alias is <c>r</c>.</param>
    /// <param name="parameters">The condition's parameters.</param>
    /// <returns>The records.</returns>
    public static List<CrmRecord> Select(SqliteSession session, TableDefinition table, string condition, IEnumerable<(string Name, object? Value)> parameters)
    {
        TableSource source = TableSource.Of(table);
        return source.Select(session, source.Columns, condition, parameters);
    }

    /// <summary>Reads one record.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="table">The table.</param>
    /// <param name="id">The record's id.</param>
    /// <returns>The record; null when there is none.</returns>
    public static CrmRecord? SelectOne(SqliteSession session, TableDefinition table, Guid id) =>
        Select(session, table, $"WHERE r.\"{table.PrimaryIdColumn}\" = @_id", [("_id", id)]).FirstOrDefault();

    /// <summary>Makes a reference with the record's present name.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="reference">The record.</param>
    /// <returns>The reference; null when there is no such record.</returns>
    public static RecordReference? Resolve(SqliteSession session, RecordReference reference)
    {
        TableSource source = TableSource.Get(session, reference.LogicalName);
        return session.Query(
            $"SELECT {source.SqlOf(source.Find(source.Table.PrimaryNameColumn))[0]} FROM {source.From} WHERE {source.Id} = @id",
            row => new RecordReference(source.Table.LogicalName, reference.Id, row.TextOrNull(0)),
            ("id", reference.Id)).FirstOrDefault();
    }

    /// <summary>Describes a record as a party of an email.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="reference">The record.</param>
    /// <returns>
    /// The record with its present name, its first address (null when it has none), and whether it must not be mailed; null when there is no such record.
    /// </returns>
    public static (RecordReference Record, string? Address, bool DoNotEmail)? Describe(SqliteSession session, RecordReference reference)
    {
        TableDefinition table = Get(session, reference.LogicalName);
        string addresses = table.AddressColumns.Count == 0 ? "NULL" : string.Join(", ", table.AddressColumns.Select(c => $"nullif(trim(\"{c}\"), '')"));
        var found = session.Query(
            $"SELECT \"{table.PrimaryNameColumn}\", coalesce(NULL, {addresses}), {TableCatalog.SearchColumns(table).DoNotEmail} FROM \"{table.LogicalName}\" WHERE \"{table.PrimaryIdColumn}\" = @id",
            row => (new RecordReference(table.LogicalName, reference.Id, row.TextOrNull(0)), row.TextOrNull(1), row.Flag(2)),
            ("id", reference.Id));
        return found.Count == 0 ? null : found[0];
    }

    /// <summary>Deletes a record. Emails that are regarding it or name it as a party keep their addresses and lose the reference.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="table">The table.</param>
    /// <param name="id">The record's id.</param>
    public static void Delete(SqliteSession session, TableDefinition table, Guid id)
    {
        session.Execute("DELETE FROM emailsearch WHERE parentobjectid = @id AND parentobjecttypecode = @type", ("id", id), ("type", table.LogicalName));
        session.Execute(
            """
            UPDATE email SET regardingobjectid = NULL, regardingobjecttypecode = NULL, regardingobjectidname = NULL, versionnumber = versionnumber + 1
            WHERE regardingobjectid = @id
            """,
            ("id", id));
        session.Execute("UPDATE activityparty SET partyid = NULL, partyobjecttypecode = NULL, partyidname = NULL WHERE partyid = @id", ("id", id));
        if (session.ExecuteOnce($"DELETE FROM \"{table.LogicalName}\" WHERE \"{table.PrimaryIdColumn}\" = @_id", [("_id", id)]) == 0)
            throw StoreErrors.RecordMissing(table.LogicalName, id);
    }

    private static void IndexAddresses(SqliteSession session, TableDefinition table, Guid id)
    {
        if (table.AddressColumns.Count == 0)
            return;
        session.Execute("DELETE FROM emailsearch WHERE parentobjectid = @id AND parentobjecttypecode = @type", ("id", id), ("type", table.LogicalName));
        (string isActive, string owner, string doNotEmail) = TableCatalog.SearchColumns(table);
        string addresses = string.Join(", ", table.AddressColumns.Select(c => $"\"{c}\""));
        var found = session.Query(
            $"SELECT \"{table.PrimaryNameColumn}\", {isActive}, {owner}, {doNotEmail}, {addresses} FROM \"{table.LogicalName}\" WHERE \"{table.PrimaryIdColumn}\" = @id",
            row => (Name: row.TextOrNull(0), IsActive: row.Flag(1), Owner: row.GuidOrNull(2), DoNotEmail: row.Flag(3),
                Addresses: table.AddressColumns.Select((column, i) => (Column: column, Address: AddressIndex.Normalize(row.TextOrNull(4 + i)))).ToList()),
            ("id", id));
        foreach (var record in found)
        {
            // One entry for a record and address, under the first column that holds it.
            foreach ((string column, string address) in record.Addresses.Where(a => a.Address.Length > 0).DistinctBy(a => a.Address))
            {
                session.Insert(
                    "emailsearch",
                    ("emailaddress", address),
                    ("parentobjecttypecode", table.LogicalName),
                    ("parentobjectid", id),
                    ("emailcolumn", column),
                    ("name", record.Name),
                    ("isactive", record.IsActive),
                    ("ownerid", record.Owner),
                    ("donotemail", record.DoNotEmail));
            }
        }
    }

    private static TableDefinition ReadDefinition(SqliteDataReader row) => new()
    {
        LogicalName = row.GetString(0),
        PrimaryIdColumn = row.GetString(1),
        PrimaryNameColumn = row.GetString(2),
        AddressColumns = JsonSerializer.Deserialize<string[]>(row.GetString(3))!,
        Columns =
        [
            .. JsonSerializer.Deserialize<StoredColumn[]>(row.GetString(4))!.Select(c => new ColumnDefinition(c.Name, c.Type)
            {
                MaxLength = c.MaxLength,
                Targets = c.Targets ?? [],
                Default = c.Type == ColumnType.Integer ? c.Default : c.Type == ColumnType.Flag ? c.Default != 0 : null,
            }),
        ],
        IsCustom = true,
    };

    /// <summary>Says whether a column of <c>systemuser</c> lies in <c>usersettings</c>.</summary>
    /// <param name="table">The table.</param>
    /// <param name="column">The column.</param>
    /// <returns>True when it does.</returns>
    public static bool IsUserSetting(TableDefinition table, ColumnDefinition column) =>
        table.LogicalName == "systemuser" && TableCatalog.UserSettingsColumns.Contains(column.Name);

    /// <summary>Gets the columns of the file that hold a column.</summary>
    /// <param name="column">The column.</param>
    /// <returns>Their names and types.</returns>
    public static IEnumerable<(string Name, string Type)> SqlColumns(ColumnDefinition column) => column.Type switch
    {
        ColumnType.Integer or ColumnType.Flag => [(column.Name, string.Create(CultureInfo.InvariantCulture, $"INTEGER DEFAULT {StoreDefault(column)}"))],
        ColumnType.Lookup => [(column.Name, "TEXT"), (column.Name + "type", "TEXT"), (column.Name + "name", "TEXT")],
        _ => [(column.Name, "TEXT")],
    };

    private static object StoreDefault(ColumnDefinition column) => StoreValue.ToStore(column.Default) is long number ? number : "NULL";

    private static IEnumerable<(string Name, object? Value)> ToSql(ColumnDefinition column, object? value)
    {
        if (column.Type != ColumnType.Lookup)
            return [(column.Name, value)];
        var reference = (RecordReference?)value;
        return [(column.Name, reference?.Id), (column.Name + "type", reference?.LogicalName), (column.Name + "name", reference?.Name)];
    }

    private static string Assignments(List<(string Name, object? Value)> values) => string.Join(", ", values.Select(v => $"\"{v.Name}\" = @{v.Name}"));

    private sealed record StoredColumn(string Name, ColumnType Type, int MaxLength, int Default, string[]? Targets = null);
}

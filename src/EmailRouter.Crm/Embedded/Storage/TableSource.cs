using EmailRouter.Sqlite;
using Microsoft.Data.Sqlite;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>Where the rows of a table come from, column by column: one way to read records, emails and what belongs to emails.</summary>
/// <param name="Table">The table.</param>
/// <param name="From">What follows FROM; the table's alias is <c>r</c>.</param>
/// <param name="Id">The SQL of the primary key.</param>
/// <param name="Sql">The SQL of columns that are not simply columns of <c>r</c>: one expression, or three for a reference (id, logical name, name).</param>
internal sealed record TableSource(TableDefinition Table, string From, string Id, IReadOnlyDictionary<string, string[]> Sql)
{
    private static readonly Dictionary<string, string[]> none = [];

    /// <summary>Gets the SQL and the value by which a row is found when its key is made of something else; null where the key itself is stored.</summary>
    public (string Sql, Func<Guid, object> ValueOf)? MadeOf { get; init; }

    /// <summary>Gets all columns, those of the system too.</summary>
    public IReadOnlyList<ColumnDefinition> Columns => field ??=
        [.. Table.Columns, .. TableCatalog.SystemColumns.Where(s => Table.Find(s.Name) is null && !(Sql.TryGetValue(s.Name, out string[]? sql) && sql.Length == 0))];

    /// <summary>Makes the source of a table of records.</summary>
    /// <param name="table">The table.</param>
    /// <returns>The source.</returns>
    public static TableSource Of(TableDefinition table) => table.LogicalName == "systemuser"
        ? new TableSource(table, $"systemuser r JOIN {TableCatalog.UserSettings} s ON s.systemuserid = r.systemuserid", "r.systemuserid",
            TableCatalog.UserSettingsColumns.ToDictionary(c => c, c => new[] { "s." + c }))
        : new TableSource(table, $"\"{table.LogicalName}\" r", $"r.\"{table.PrimaryIdColumn}\"", none);

    /// <summary>Finds the source of a table, of records or of emails and what belongs to them.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="logicalName">The table's name.</param>
    /// <returns>The source.</returns>
    /// <exception cref="CrmException">There is no such table.</exception>
    public static TableSource Get(SqliteSession session, string logicalName) =>
        ActivityCatalog.Find(logicalName) ?? Of(RecordTable.Get(session, logicalName));

    /// <summary>Gets the SQL of a column.</summary>
    /// <param name="column">The column.</param>
    /// <returns>One expression, or three for a reference.</returns>
    public string[] SqlOf(ColumnDefinition column) => Sql.TryGetValue(column.Name, out string[]? own)
        ? own
        : [.. RecordTable.SqlColumns(column).Select(c => $"r.\"{c.Name}\"")];

    /// <summary>Says how a row is found by its key, so that an index serves.</summary>
    /// <param name="id">The key.</param>
    /// <returns>The expression and the value it must have.</returns>
    public (string Sql, object Value) Key(Guid id) => MadeOf is { } origin ? (origin.Sql, origin.ValueOf(id)) : (Id, id);

    /// <summary>Finds a column, or says which there are.</summary>
    /// <param name="name">The column's name.</param>
    /// <returns>The column.</returns>
    public ColumnDefinition Find(string name) => Columns.FirstOrDefault(c => string.Equals(c.Name, name, StringComparison.OrdinalIgnoreCase)) ??
        AttributeConverter.FindColumn(Table, name);

    /// <summary>Reads records.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="columns">The columns to read.</param>
    /// <param name="condition">What follows the FROM clause.</param>
    /// <param name="parameters">The condition's parameters.</param>
    /// <returns>The records.</returns>
    public List<CrmRecord> Select(SqliteSession session, IReadOnlyList<ColumnDefinition> columns, string condition,
        IEnumerable<(string Name, object? Value)> parameters)
    {
        IEnumerable<string> expressions = columns.SelectMany(SqlOf).Prepend(Id);
        return session.QueryOnce($"SELECT {string.Join(", ", expressions)} FROM {From} {condition}", row => Read(columns, row), parameters);
    }

    private CrmRecord Read(IReadOnlyList<ColumnDefinition> columns, SqliteDataReader row)
    {
        var attributes = new Dictionary<string, object?>(StringComparer.OrdinalIgnoreCase);
        int i = 1;
        foreach (ColumnDefinition column in columns)
        {
            attributes[column.Name] = row.IsDBNull(i) ? null : column.Type switch
            {
                ColumnType.Integer => row.GetInt32(i),
                ColumnType.Flag => row.GetInt64(i) != 0,
                ColumnType.Time => row.Time(i),
                ColumnType.Id => row.Guid(i),
                ColumnType.Lookup => row.ReferenceOrNull(i),
                _ => row.GetString(i),
            };
            i += column.Type == ColumnType.Lookup ? 3 : 1;
        }

        return new CrmRecord(Table.LogicalName, row.Guid(0), attributes) { Name = attributes.GetValueOrDefault(Table.PrimaryNameColumn) as string };
    }
}

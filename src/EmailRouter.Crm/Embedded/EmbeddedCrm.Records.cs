using EmailRouter.Crm.Embedded.Storage;
using EmailRouter.Sqlite;

namespace EmailRouter.Crm.Embedded;

/// <content>Records: users, queues, contacts, accounts, leads, tables of one's own.</content>
public sealed partial class EmbeddedCrm
{
    /// <summary>Lists the tables of records with their columns.</summary>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The tables, those built in first.</returns>
    /// <exception cref="CrmException">The store cannot be read.</exception>
    public async ValueTask<IReadOnlyList<TableDefinition>> GetTablesAsync(CancellationToken cancellationToken) =>
        await file.ReadAsync(RecordTable.List, cancellationToken).ConfigureAwait(false);

    /// <summary>Registers a table of one's own, email-enabled when it has address columns. Registering it again adds the columns that are new.</summary>
    /// <param name="table">The table; its logical name has a prefix, like <c>new_vendor</c>.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when the table is there.</returns>
    /// <exception cref="CrmException"><c>CrmRecordInvalid</c>, or the store cannot be written.</exception>
    public async ValueTask RegisterTableAsync(TableDefinition table, CancellationToken cancellationToken)
    {
        TableDefinition completed = TableCatalog.Complete(table);
        await WriteAsync(s => RecordTable.Register(s, completed), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Creates a record.</summary>
    /// <param name="record">
    /// The record. Users and queues get Pending approval when they have an address and say nothing else; a queue needs <c>ownerid</c>.
    /// </param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The record as it is stored.</returns>
    /// <exception cref="CrmException">
    /// <c>CrmTableUnknown</c>, <c>CrmColumnUnknown</c>, <c>CrmRecordInvalid</c>, <c>CrmRecordExists</c>, <c>CrmRecordMissing</c> (a record it refers to), or
    /// the store cannot be written.
    /// </exception>
    public async ValueTask<CrmRecord> CreateRecordAsync(CrmRecord record, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(record);
        return await file.WriteAsync(s => CreateRecord(s, record), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Changes a record.</summary>
    /// <param name="record">The record's table, id, and the values to change; a changed address of a user or queue goes back to Pending approval.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The record as it is stored now.</returns>
    /// <exception cref="CrmException">
    /// <c>CrmTableUnknown</c>, <c>CrmColumnUnknown</c>, <c>CrmRecordInvalid</c>, <c>CrmRecordMissing</c>, or the store cannot be written.
    /// </exception>
    public async ValueTask<CrmRecord> UpdateRecordAsync(CrmRecord record, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(record);
        return await file.WriteAsync(s => UpdateRecord(s, record), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads a record.</summary>
    /// <param name="logicalName">The table.</param>
    /// <param name="id">The record's id.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The record; null when there is none.</returns>
    /// <exception cref="CrmException"><c>CrmTableUnknown</c>, or the store cannot be read.</exception>
    public async ValueTask<CrmRecord?> GetRecordAsync(string logicalName, Guid id, CancellationToken cancellationToken) =>
        await file.ReadAsync(s => RecordTable.SelectOne(s, RecordTable.Get(s, logicalName), id), cancellationToken).ConfigureAwait(false);

    /// <summary>Finds records.</summary>
    /// <param name="filter">Which.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <returns>The records in the order of their names.</returns>
    /// <exception cref="CrmException"><c>CrmTableUnknown</c>, <c>CrmColumnUnknown</c>, <c>CrmRecordInvalid</c>, or the store cannot be read.</exception>
    public async ValueTask<IReadOnlyList<CrmRecord>> FindRecordsAsync(RecordFilter filter, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        return await file.ReadAsync(
            s =>
            {
                TableDefinition table = RecordTable.Get(s, filter.LogicalName);
                var conditions = new List<string>();
                var parameters = new List<(string Name, object? Value)>();
                if (filter.Name is not null)
                {
                    conditions.Add($"r.\"{table.PrimaryNameColumn}\" LIKE @_name ESCAPE '\\'");
                    parameters.Add(("_name", StoreSql.LikePattern(filter.Name)));
                }

                if (filter.Address is not null)
                {
                    conditions.Add($"r.\"{table.PrimaryIdColumn}\" IN (SELECT parentobjectid FROM emailsearch WHERE emailaddress = @_address AND parentobjecttypecode = @_type)");
                    parameters.Add(("_address", AddressIndex.Normalize(filter.Address)));
                    parameters.Add(("_type", table.LogicalName));
                }

                foreach ((string name, object? value) in filter.Attributes ?? new Dictionary<string, object?>())
                {
                    ColumnDefinition column = AttributeConverter.FindColumn(table, name);
                    object? converted = AttributeConverter.Convert($"{table.LogicalName}.{column.Name}", column, value);
                    string alias = table.LogicalName == "systemuser" && TableCatalog.UserSettingsColumns.Contains(column.Name) ? "s" : "r";
                    conditions.Add($"{alias}.\"{column.Name}\" IS @{column.Name}");
                    parameters.Add((column.Name, converted is RecordReference reference ? reference.Id : converted));
                }

                string where = conditions.Count == 0 ? string.Empty : "WHERE " + string.Join(" AND ", conditions);
                parameters.Add(("_top", filter.Top ?? -1));
                return RecordTable.Select(s, table,
                    $"{where} ORDER BY r.\"{table.PrimaryNameColumn}\" COLLATE NOCASE, r.\"{table.PrimaryIdColumn}\" LIMIT @_top", parameters);
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Changes how the email of a user, a queue or a forward mailbox is handled: approval, delivery methods, filter.</summary>
    /// <param name="owner">The user, queue or forward mailbox.</param>
    /// <param name="change">What changes.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when the change is on the disk.</returns>
    /// <exception cref="CrmException">
    /// <c>CrmColumnUnknown</c> (a queue has no personal options), <c>CrmRecordMissing</c>, or the store cannot be written.
    /// </exception>
    public async ValueTask UpdateMailboxAsync(RecordReference owner, MailboxChange change, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(owner);
        ArgumentNullException.ThrowIfNull(change);
        await WriteAsync(s => UpdateRecord(s, new CrmRecord(owner.LogicalName, owner.Id, change.ToAttributes())), cancellationToken).ConfigureAwait(false);
    }

    internal CrmRecord CreateRecord(SqliteSession session, CrmRecord record)
    {
        Guid id = record.Id == Guid.Empty ? NewId() : record.Id;
        TableDefinition table = RecordTable.Get(session, record.LogicalName);
        Dictionary<string, object?> values = AttributeConverter.Convert(table, record.Attributes);
        if (RecordTable.SelectOne(session, table, id) is not null)
            throw StoreErrors.RecordExists(table.LogicalName, id);
        CheckReferences(session, table, values);
        if (table.LogicalName == "queue" && values.GetValueOrDefault("ownerid") is null)
            throw StoreErrors.RecordInvalid("The queue has no owner.",
                "Give ownerid: the user whose tracking counter the queue uses and who owns its emails.");
        if (PrimaryAddress(table.LogicalName) is { } address && !values.ContainsKey("emailrouteraccessapproval") &&
            !string.IsNullOrEmpty(values.GetValueOrDefault(address) as string))
            values["emailrouteraccessapproval"] = (int)AccessApproval.Pending;
        RecordTable.Insert(session, table, id, values, Now);
        return RecordTable.SelectOne(session, table, id)!;
    }

    private static string? PrimaryAddress(string logicalName) =>
        logicalName switch { "systemuser" => "internalemailaddress", "queue" => "emailaddress", _ => null };

    private static void CheckReferences(SqliteSession session, TableDefinition table, Dictionary<string, object?> values)
    {
        foreach (string column in values.Keys.ToArray())
        {
            if (values[column] is RecordReference reference)
                values[column] = RecordTable.Resolve(session, reference) ?? throw StoreErrors.RecordMissing(reference.LogicalName, reference.Id);
        }

        if (values.GetValueOrDefault("queueid") is Guid queue && !session.Any("SELECT 1 FROM queue WHERE queueid = @id", ("id", queue)))
            throw StoreErrors.RecordMissing("queue", queue);
        if (table.LogicalName == "queue" && values.GetValueOrDefault("ownerid") is Guid owner &&
            !session.Any("SELECT 1 FROM systemuser WHERE systemuserid = @id", ("id", owner)))
            throw StoreErrors.RecordMissing("systemuser", owner);
    }

    internal CrmRecord UpdateRecord(SqliteSession session, CrmRecord record)
    {
        TableDefinition table = RecordTable.Get(session, record.LogicalName);
        Dictionary<string, object?> values = AttributeConverter.Convert(table, record.Attributes);
        CheckReferences(session, table, values);
        CrmRecord present = RecordTable.SelectOne(session, table, record.Id) ?? throw StoreErrors.RecordMissing(table.LogicalName, record.Id);
        if (PrimaryAddress(table.LogicalName) is { } address && values.TryGetValue(address, out object? changed) &&
            !values.ContainsKey("emailrouteraccessapproval") &&
            AddressIndex.Normalize(changed as string) != AddressIndex.Normalize(present[address] as string))
        {
            values["emailrouteraccessapproval"] = (int)(string.IsNullOrEmpty(changed as string) ? AccessApproval.Empty : AccessApproval.Pending);
        }

        RecordTable.Update(session, table, record.Id, values, Now);
        return RecordTable.SelectOne(session, table, record.Id)!;
    }
}

using EmailRouter.Crm.Embedded.Storage;
using EmailRouter.Sqlite;

namespace EmailRouter.Crm.Embedded;

/// <summary>
/// Every table of the embedded CRM as rows, in one transaction: records, emails with their parties, attachments and queue items, settings of users and of the
/// organization. See <see cref="EmbeddedCrm.ChangeAsync{T}"/>.
/// </summary>
public sealed class CrmUnitOfWork
{
    private readonly EmbeddedCrm crm;
    private readonly SqliteSession session;
    private readonly bool isReadOnly;

    internal CrmUnitOfWork(EmbeddedCrm crm, SqliteSession session, bool isReadOnly)
    {
        this.crm = crm;
        this.session = session;
        this.isReadOnly = isReadOnly;
    }

    /// <summary>Gets all tables: those of records, and those of emails, of what belongs to them, and of settings.</summary>
    public IReadOnlyList<TableDefinition> Tables
    {
        get
        {
            IReadOnlyList<TableDefinition> tables = RecordTable.List(session);

            // Records of one's own that have addresses write and get email as customers do.
            string[] further = [.. tables.Where(t => t is { IsCustom: true, AddressColumns.Count: > 0 }).Select(t => t.LogicalName)];
            return
            [
                .. tables.Select(t => t with { Columns = TableSource.Of(t).Columns }),
                .. ActivityCatalog.All.Select(s => s.Table with { Columns = [.. s.Columns.Select(c => IsCustomer(c) ? c with { Targets = [.. c.Targets, .. further] } : c)] }),
            ];

            static bool IsCustomer(ColumnDefinition column) => column.Type == ColumnType.Lookup && column.Targets.Contains("account");
        }
    }

    /// <summary>Reads the organization's settings.</summary>
    /// <returns>The settings.</returns>
    public OrganizationSettings ReadSettings() => OrganizationTable.Read(session);

    /// <summary>Reads a row.</summary>
    /// <param name="logicalName">The table.</param>
    /// <param name="id">The row's id.</param>
    /// <returns>The row; null when there is none.</returns>
    /// <exception cref="CrmException"><c>CrmTableUnknown</c>.</exception>
    public CrmRecord? Find(string logicalName, Guid id)
    {
        TableSource source = TableSource.Get(session, logicalName);
        (string sql, object value) = source.Key(id);
        return source.Select(session, source.Columns, $"WHERE {sql} = @_id", [("_id", value)]).FirstOrDefault();
    }

    /// <summary>Reads rows, in no certain order.</summary>
    /// <param name="selection">Which.</param>
    /// <returns>The rows.</returns>
    /// <exception cref="CrmException"><c>CrmTableUnknown</c>, <c>CrmColumnUnknown</c>.</exception>
    public IReadOnlyList<CrmRecord> Select(RecordSelection selection)
    {
        ArgumentNullException.ThrowIfNull(selection);
        TableSource source = TableSource.Get(session, selection.LogicalName);
        IReadOnlyList<ColumnDefinition> columns = selection.Columns is { } names
            ? [.. names.Select(source.Find).Concat(source.Columns.Where(c => c.Name == source.Table.PrimaryNameColumn)).Distinct()]
            : source.Columns;
        var conditions = new List<string>();
        var parameters = new List<(string Name, object? Value)>();
        foreach (RecordCondition condition in selection.Conditions)
        {
            bool isKey = string.Equals(condition.Column, source.Table.PrimaryIdColumn, StringComparison.OrdinalIgnoreCase);
            string sql = isKey ? source.Id : source.SqlOf(source.Find(condition.Column))[0];
            string collation = !isKey && source.Find(condition.Column).Type == ColumnType.Text ? " COLLATE NOCASE" : string.Empty;
            var alternatives = new List<string>();
            foreach (object? value in condition.Values)
            {
                string name = $"_{parameters.Count}";
                alternatives.Add(value is null ? $"{sql} IS NULL" : $"{sql} = @{name}{collation}");
                if (value is not null)
                    parameters.Add((name, value is RecordReference reference ? reference.Id : value));
            }

            conditions.Add(alternatives.Count == 0 ? "0" : $"({string.Join(" OR ", alternatives)})");
        }

        return source.Select(session, columns, conditions.Count == 0 ? string.Empty : "WHERE " + string.Join(" AND ", conditions), parameters);
    }

    /// <summary>Creates a row.</summary>
    /// <param name="record">
    /// The row. An email begins as a draft without parties, or with the status it gives; a party (<c>activityid</c>, <c>participationtypemask</c>, and
    /// <c>partyid</c> or <c>addressused</c>) joins its email; an attachment comes by <see cref="AddAttachment"/>.
    /// </param>
    /// <returns>The row as it is stored.</returns>
    /// <exception cref="CrmException">As <see cref="EmbeddedCrm.CreateRecordAsync"/>.</exception>
    public CrmRecord Create(CrmRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        CheckWritable();
        if (ActivityCatalog.Find(record.LogicalName) is not { } source)
            return crm.CreateRecord(session, record);
        Guid id = record.Id == Guid.Empty ? crm.NewId() : record.Id;
        if (Find(record.LogicalName, id) is not null)
            throw StoreErrors.RecordExists(record.LogicalName, id);
        return Find(record.LogicalName, ActivityRows.Insert(session, source.Table, id, AttributeConverter.Convert(source.Table, record.Attributes), crm.Now))!;
    }

    /// <summary>Changes a row.</summary>
    /// <param name="record">The row's table, id, and the values to change. A new status of an email must be one that may follow the present one.</param>
    /// <param name="expectedVersion">The <c>versionnumber</c> that the caller read; null to change whatever is there.</param>
    /// <returns>The row as it is stored now.</returns>
    /// <exception cref="CrmException"><c>CrmRecordChanged</c>, <c>CrmTransitionInvalid</c>, and as <see cref="EmbeddedCrm.UpdateRecordAsync"/>.</exception>
    public CrmRecord Update(CrmRecord record, long? expectedVersion = null)
    {
        ArgumentNullException.ThrowIfNull(record);
        CheckWritable();
        CheckVersion(record.LogicalName, record.Id, expectedVersion);
        if (ActivityCatalog.Find(record.LogicalName) is not { } source)
            return crm.UpdateRecord(session, record);
        Dictionary<string, object?> values = AttributeConverter.Convert(source.Table, record.Attributes);
        if (record.LogicalName == TableCatalog.UserSettings)
            crm.UpdateRecord(session, new CrmRecord("systemuser", record.Id, values));
        else
            ActivityRows.Update(session, source.Table, record.Id, values, crm.Now);
        return Find(record.LogicalName, record.Id)!;
    }

    /// <summary>Deletes a row, and with an email its parties, attachments and queue items.</summary>
    /// <param name="logicalName">The table.</param>
    /// <param name="id">The row's id.</param>
    /// <param name="expectedVersion">The <c>versionnumber</c> that the caller read; null to delete whatever is there.</param>
    /// <exception cref="CrmException"><c>CrmRecordChanged</c>, <c>CrmRecordMissing</c>, <c>CrmRecordInvalid</c> (other rows need it, or the CRM keeps such rows).</exception>
    public void Delete(string logicalName, Guid id, long? expectedVersion = null)
    {
        CheckWritable();
        CheckVersion(logicalName, id, expectedVersion);
        if (ActivityCatalog.Find(logicalName) is { } source)
            ActivityRows.Delete(session, source.Table, id, crm.Now);
        else if (logicalName == "systemuser")
            throw StoreErrors.RecordInvalid("Users cannot be deleted.", "Disable the user (isdisabled).");
        else
            RecordTable.Delete(session, RecordTable.Get(session, logicalName), id);
    }

    /// <summary>Adds an attachment to an email.</summary>
    /// <param name="activityId">The email.</param>
    /// <param name="attachment">The attachment; its stream is not opened.</param>
    /// <param name="content">Its content.</param>
    /// <param name="id">Its id; null lets the CRM choose one.</param>
    /// <returns>Its row.</returns>
    /// <exception cref="CrmException"><c>CrmRecordMissing</c>, <c>CrmAttachmentBlocked</c>, <c>CrmAttachmentTooLarge</c>.</exception>
    public CrmRecord AddAttachment(Guid activityId, EmailAttachment attachment, byte[] content, Guid? id = null)
    {
        ArgumentNullException.ThrowIfNull(attachment);
        ArgumentNullException.ThrowIfNull(content);
        CheckWritable();
        Guid key = id ?? crm.NewId();
        if (Find("activitymimeattachment", key) is not null)
            throw StoreErrors.RecordExists("activitymimeattachment", key);
        DraftWriter.CheckAttachment(attachment with { Size = content.Length }, OrganizationTable.Read(session));
        ActivityRows.InsertAttachment(session, activityId, StagedAttachment.FromMemory(attachment, content), key, crm.NewId, crm.Now);
        return Find("activitymimeattachment", key)!;
    }

    /// <summary>Reads the content of an attachment.</summary>
    /// <param name="attachmentId"><c>activitymimeattachmentid</c>.</param>
    /// <returns>The content; null when there is no such attachment.</returns>
    public byte[]? ReadAttachment(Guid attachmentId)
    {
        if (session.Query("SELECT attachmentkey, filesize FROM activitymimeattachment WHERE activitymimeattachmentid = @id",
            row => (Key: row.GetInt64(0), Size: row.GetInt64(1)), ("id", attachmentId)) is not [var (key, size)])
            return null;
        var content = new MemoryStream((int)size);
        for (int number = 0; AttachmentTable.ReadPiece(session, key, number) is { } piece; number++)
            content.Write(piece);
        return content.ToArray();
    }

    /// <summary>Sends a draft; see <see cref="EmbeddedCrm.SendEmailAsync"/>.</summary>
    /// <param name="activityId">The email.</param>
    /// <param name="issueSend">True to hand it to the router; false to record that it was sent by other means.</param>
    /// <param name="trackingToken">The token to put into the subject; null for the sender's next.</param>
    /// <returns>The subject with the token.</returns>
    public string SendEmail(Guid activityId, bool issueSend, string? trackingToken = null)
    {
        CheckWritable();
        return DraftWriter.Send(session, activityId, issueSend, trackingToken, crm.Now);
    }

    /// <summary>Makes the next tracking token of a user; see <see cref="EmbeddedCrm.GetTrackingTokenAsync"/>.</summary>
    /// <param name="userId">The user.</param>
    /// <returns>The token.</returns>
    public string NextTrackingToken(Guid userId)
    {
        CheckWritable();
        return TokenCounter.Next(session, userId, OrganizationTable.Read(session)) ?? throw StoreErrors.RecordMissing("systemuser", userId);
    }

    private void CheckVersion(string logicalName, Guid id, long? expected)
    {
        CrmRecord present = Find(logicalName, id) ?? throw StoreErrors.RecordMissing(logicalName, id);
        if (expected is { } version && present["versionnumber"] is int number && number != version)
            throw StoreErrors.RecordChanged(logicalName, id, version, number);
    }

    private void CheckWritable()
    {
        if (isReadOnly)
            throw new InvalidOperationException("This unit of work reads only.");
    }
}

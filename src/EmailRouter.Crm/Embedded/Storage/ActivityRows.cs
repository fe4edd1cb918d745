using EmailRouter.Sqlite;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>Writes single rows of emails and of what belongs to them, as a client of the CRM's API does, with what each write entails in the others.</summary>
internal static class ActivityRows
{
    /// <summary>Creates a row.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="table">The table.</param>
    /// <param name="id">The id asked for.</param>
    /// <param name="values">Its values by column, converted.</param>
    /// <param name="now">The time.</param>
    /// <returns>The row's id.</returns>
    public static Guid Insert(SqliteSession session, TableDefinition table, Guid id, Dictionary<string, object?> values, DateTimeOffset now)
    {
        switch (table.LogicalName)
        {
            case "email":
                InsertEmail(session, table, id, values, now);
                return id;
            case "activityparty":
                return InsertParty(session, values, now);
            case "queueitem":
                InsertQueueItem(session, id, values, now);
                return id;
            default:
                throw StoreErrors.RecordInvalid($"Rows of {table.LogicalName} are made by the CRM alone.", "Change the row that is there.");
        }
    }

    /// <summary>Changes a row.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="table">The table.</param>
    /// <param name="id">The row's id; the caller has looked that it is there.</param>
    /// <param name="values">The values to change by column, converted.</param>
    /// <param name="now">The time.</param>
    public static void Update(SqliteSession session, TableDefinition table, Guid id, Dictionary<string, object?> values, DateTimeOffset now)
    {
        switch (table.LogicalName)
        {
            case "email":
                UpdateEmail(session, table, id, values, now);
                break;
            case "organization":
                OrganizationTable.Update(session, values, now);
                break;
            case "queueitem":
                Refuse(table, values, "objectid");
                CheckRow(session, "queue", values, "queueid");
                CheckRow(session, "systemuser", values, "workerid");
                Set(session, "queueitem", "queueitemid", id, values, ("modifiedon", now));
                break;
            case "activitymimeattachment":
                Refuse(table, values, "objectid", "objecttypecode");
                Set(session, "activitymimeattachment", "activitymimeattachmentid", id, values);
                break;
            default:
                throw StoreErrors.RecordInvalid($"Rows of {table.LogicalName} are not changed on their own.", "Write the email's parties anew.");
        }
    }

    /// <summary>Deletes a row.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="table">The table.</param>
    /// <param name="id">The row's id; the caller has looked that it is there.</param>
    /// <param name="now">The time.</param>
    public static void Delete(SqliteSession session, TableDefinition table, Guid id, DateTimeOffset now)
    {
        switch (table.LogicalName)
        {
            case "email":
                List<long> contents = AttachmentTable.Remove(session, EmailTable.FindKey(session, id)!.Value);
                session.Execute("DELETE FROM queueitem WHERE objectid = @id", ("id", id));
                session.Execute("DELETE FROM email WHERE activityid = @id", ("id", id));
                AttachmentTable.DeleteUnused(session, contents);
                break;
            case "activitymimeattachment":
                (long email, long content) = session.Query("SELECT emailkey, attachmentkey FROM activitymimeattachment WHERE activitymimeattachmentid = @id",
                    row => (row.GetInt64(0), row.GetInt64(1)), ("id", id))[0];
                session.Execute("DELETE FROM activitymimeattachment WHERE activitymimeattachmentid = @id", ("id", id));
                AttachmentTable.DeleteUnused(session, [content]);
                CountAttachments(session, email, now);
                break;
            case "activityparty":
                session.Execute("DELETE FROM activityparty WHERE activitypartyid = @number", ("number", ActivityCatalog.PartyNumber(id)));
                break;
            case "queueitem":
                session.Execute("DELETE FROM queueitem WHERE queueitemid = @id", ("id", id));
                break;
            default:
                throw StoreErrors.RecordInvalid($"Rows of {table.LogicalName} cannot be deleted.", "Change the row.");
        }
    }

    /// <summary>Adds an attachment to an email.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="activityId">The email.</param>
    /// <param name="staged">The attachment.</param>
    /// <param name="id">Its id.</param>
    /// <param name="newId">Makes ids.</param>
    /// <param name="now">The time.</param>
    public static void InsertAttachment(SqliteSession session, Guid activityId, StagedAttachment staged, Guid id, Func<Guid> newId, DateTimeOffset now)
    {
        long key = EmailTable.FindKey(session, activityId) ?? throw StoreErrors.RecordMissing("email", activityId);
        long number = (long)session.Scalar("SELECT coalesce(max(attachmentnumber), 0) + 1 FROM activitymimeattachment WHERE emailkey = @key", ("key", key))!;
        AttachmentTable.Insert(session, key, staged, id, (int)number, newId);
        CountAttachments(session, key, now);
    }

    private static void InsertEmail(SqliteSession session, TableDefinition table, Guid id, Dictionary<string, object?> values, DateTimeOffset now)
    {
        Complete(session, values);
        EmailStatus status = StatusOf(values) ?? EmailStatus.Draft;
        bool isOutgoing = values.GetValueOrDefault("directioncode") is not false;
        if (status != EmailStatus.Draft)
            EmailTransitions.Check(id, EmailStatus.Draft, status, isOutgoing);
        if (!isOutgoing && values.GetValueOrDefault("messageid") is string messageId &&
            session.Any("SELECT 1 FROM email WHERE directioncode = 0 AND messageid = @id", ("id", messageId)))
        {
            throw new CrmException("CrmRecordExists", $"There is a received email with the Message-ID {messageId} already.", "Use that one.") { IsAboutRecord = true };
        }

        var columns = new List<(string Name, object? Value)>();
        foreach (ColumnDefinition column in table.Columns)
            columns.AddRange(ToSql(column, values.GetValueOrDefault(column.Name) ?? column.Default));
        object? Given(string name, object value) => values.GetValueOrDefault(name) ?? value;
        session.Insert(
            "email",
            [
                .. columns.Where(c => c.Name is not ("subject" or "description" or "mimetype" or "statecode" or "statuscode")),
                ("subject", Given("subject", string.Empty)), ("description", Given("description", string.Empty)), ("mimetype", Given("mimetype", "text/html")),
                ("activityid", id), ("statecode", EmailState.Open), ("statuscode", EmailStatus.Draft), ("createdon", now), ("modifiedon", now),
                ("emailrouter_receivedon", isOutgoing ? null : now), ("emailrouter_size", ((string)Given("description", string.Empty)!).Length),
            ]);
        if (status != EmailStatus.Draft)
            MoveTo(session, EmailTable.FindKey(session, id)!.Value, status, values, now);
    }

    private static void UpdateEmail(SqliteSession session, TableDefinition table, Guid id, Dictionary<string, object?> values, DateTimeOffset now)
    {
        Complete(session, values);
        (long key, EmailStatus present, bool isOutgoing) = session.Query("SELECT emailkey, statuscode, directioncode FROM email WHERE activityid = @id",
            row => (row.GetInt64(0), (EmailStatus)row.Int(1), row.Flag(2)), ("id", id))[0];
        EmailStatus? status = StatusOf(values);
        if (status is { } next && next != present)
        {
            EmailTransitions.Check(id, present, next, isOutgoing);
            MoveTo(session, key, next, null, now);
        }

        var columns = new List<(string Name, object? Value)>();
        foreach (ColumnDefinition column in table.Columns.Where(c => values.ContainsKey(c.Name) && c.Name is not ("statecode" or "statuscode")))
            columns.AddRange(ToSql(column, values[column.Name] ?? (column.Name is "subject" or "description" or "mimetype" ? string.Empty : column.Default)));
        session.ExecuteOnce(
            $"UPDATE email SET {string.Concat(columns.Select(c => $"{c.Name} = @{c.Name}, "))}modifiedon = @_now, versionnumber = versionnumber + 1 WHERE emailkey = @_key",
            [.. columns, ("_now", now), ("_key", key)]);
    }

    /// <summary>Moving forgets what belonged to the last status; what the same write gives stays.</summary>
    private static void MoveTo(SqliteSession session, long key, EmailStatus status, Dictionary<string, object?>? values, DateTimeOffset now)
    {
        DraftWriter.Move(session, key, status, null, now);
        if (values?.GetValueOrDefault("messageid") is { } messageId)
            session.Execute("UPDATE email SET messageid = @id WHERE emailkey = @key", ("id", messageId), ("key", key));
    }

    private static EmailStatus? StatusOf(Dictionary<string, object?> values)
    {
        var state = (EmailState?)(values.GetValueOrDefault("statecode") as int?);
        var status = (EmailStatus?)(values.GetValueOrDefault("statuscode") as int?);
        if (status is { } given && state is { } itsState && EmailTransitions.StateOf(given) != itsState)
            throw StoreErrors.RecordInvalid($"{(int)given} is not a valid status code for state code {itsState}.", "Give a status of that state.");
        return status ?? state switch
        {
            EmailState.Open => EmailStatus.Draft,
            EmailState.Completed => EmailStatus.Completed,
            EmailState.Canceled => EmailStatus.Canceled,
            _ => null,
        };
    }

    private static Guid InsertParty(SqliteSession session, Dictionary<string, object?> values, DateTimeOffset now)
    {
        Guid activityId = values.GetValueOrDefault("activityid") as Guid? ?? throw StoreErrors.RecordInvalid("The party has no email.", "Give activityid.");
        long key = EmailTable.FindKey(session, activityId) ?? throw StoreErrors.RecordMissing("email", activityId);
        if (values.GetValueOrDefault("participationtypemask") is not int mask || !Enum.IsDefined((ParticipationType)mask))
            throw StoreErrors.RecordInvalid("The party has no role that emails use.", "Give participationtypemask 1 to 4, 8 or 9.");
        var record = values.GetValueOrDefault("partyid") as RecordReference;
        string? address = values.GetValueOrDefault("addressused") as string;
        var role = (ParticipationType)mask;
        ActivityParty party = (record, address) switch
        {
            (not null, _) => DraftWriter.Resolve(session, DraftRecipient.FromRecord(record, address), role),
            (_, not null) => DraftWriter.Resolve(session, DraftRecipient.FromAddress(address), role),
            _ => throw StoreErrors.RecordInvalid("The party has neither a record nor an address.", "Give partyid or addressused."),
        };
        EmailTable.InsertParties(session, key, [party with { UnresolvedPartyName = values.GetValueOrDefault("unresolvedpartyname") as string }]);
        long partyKey = (long)session.Scalar("SELECT max(activitypartyid) FROM activityparty WHERE emailkey = @key", ("key", key))!;
        Reflect(session, key, now);
        return ActivityCatalog.PartyId(partyKey);
    }

    /// <summary>Sender and recipients are columns of the email too.</summary>
    private static void Reflect(SqliteSession session, long emailKey, DateTimeOffset now)
    {
        List<ActivityParty> parties = EmailTable.ReadParties(session, emailKey);
        ActivityParty? sender = parties.Find(p => p.Role == ParticipationType.Sender);
        session.Execute(
            """
            UPDATE email SET emailsender = @id, emailsenderobjecttypecode = @type, emailsendername = @name, sender = coalesce(@address, sender),
                torecipients = coalesce(nullif(@to, ''), torecipients), modifiedon = @now
            WHERE emailkey = @key
            """,
            ("id", sender?.Party?.Id),
            ("type", sender?.Party?.LogicalName),
            ("name", sender?.Party?.Name),
            ("address", sender?.AddressUsed),
            ("to", string.Join(';', parties.Where(p => p.Role == ParticipationType.To).Select(p => p.AddressUsed).OfType<string>())),
            ("now", now),
            ("key", emailKey));
    }

    private static void InsertQueueItem(SqliteSession session, Guid id, Dictionary<string, object?> values, DateTimeOffset now)
    {
        CheckRow(session, "queue", values, "queueid");
        CheckRow(session, "systemuser", values, "workerid");
        if (values.GetValueOrDefault("queueid") is not Guid queue || values.GetValueOrDefault("objectid") is not RecordReference item)
            throw StoreErrors.RecordInvalid("The queue item lacks its queue or its object.", "Give queueid and objectid.");
        if (session.Any("SELECT 1 FROM queueitem WHERE queueid = @queue AND objectid = @object", ("queue", queue), ("object", item.Id)))
            throw new CrmException("CrmRecordExists", $"{item} is in the queue {queue} already.", "Use that queue item.") { IsAboutRecord = true };
        if (item.LogicalName == "email")
        {
            EmailTable.AddToQueue(session, EmailTable.FindKey(session, item.Id) ?? throw StoreErrors.RecordMissing("email", item.Id), queue, id, now);
        }
        else
        {
            RecordReference named = RecordTable.Resolve(session, item) ?? throw StoreErrors.RecordMissing(item.LogicalName, item.Id);
            session.Execute(
                """
                INSERT INTO queueitem (queueitemid, queueid, objectid, objecttypecode, title, priority, enteredon, statecode, statuscode)
                VALUES (@id, @queue, @object, @type, @title, 0, @now, 0, 1)
                """,
                ("id", id), ("queue", queue), ("object", item.Id), ("type", item.LogicalName), ("title", named.Name ?? string.Empty), ("now", now));
        }

        Dictionary<string, object?> further = values.Where(v => v.Key is not ("queueid" or "objectid") && v.Value is not null).ToDictionary(v => v.Key, v => v.Value);
        if (further.Count > 0)
            Set(session, "queueitem", "queueitemid", id, further);
    }

    /// <summary>References get their present names; what they lead to must be there.</summary>
    private static void Complete(SqliteSession session, Dictionary<string, object?> values)
    {
        foreach ((string column, RecordReference reference) in values.Where(v => v.Value is RecordReference).Select(v => (v.Key, (RecordReference)v.Value!)).ToArray())
        {
            values[column] = reference.LogicalName == "email"
                ? reference
                : RecordTable.Resolve(session, reference) ?? throw StoreErrors.RecordMissing(reference.LogicalName, reference.Id);
        }

        CheckRow(session, "systemuser", values, "ownerid");
        foreach (string column in (string[])["parentactivityid", "correlatedactivityid"])
        {
            if (values.GetValueOrDefault(column) is Guid id && EmailTable.FindKey(session, id) is null)
                throw StoreErrors.RecordMissing("email", id);
        }
    }

    private static void CheckRow(SqliteSession session, string table, Dictionary<string, object?> values, string column)
    {
        if (values.GetValueOrDefault(column) is Guid id && RecordTable.Resolve(session, new RecordReference(table, id)) is null)
            throw StoreErrors.RecordMissing(table, id);
    }

    private static void Refuse(TableDefinition table, Dictionary<string, object?> values, params string[] columns)
    {
        if (columns.FirstOrDefault(values.ContainsKey) is { } column)
            throw StoreErrors.RecordInvalid($"The column {table.LogicalName}.{column} is written once, at creation.", "Leave the column out.");
    }

    private static void Set(SqliteSession session, string table, string key, Guid id, Dictionary<string, object?> values,
        params (string Name, object? Value)[] further)
    {
        (string Name, object? Value)[] all = [.. values.Select(v => (v.Key, v.Value)), .. further];
        session.ExecuteOnce(
            $"UPDATE {table} SET {string.Concat(all.Select(c => $"{c.Name} = @{c.Name}, "))}versionnumber = versionnumber + 1 WHERE {key} = @_id", [.. all, ("_id", id)]);
    }

    private static void CountAttachments(SqliteSession session, long emailKey, DateTimeOffset now) => session.Execute(
        """
        UPDATE email SET attachmentcount = (SELECT count(*) FROM activitymimeattachment WHERE emailkey = @key),
            emailrouter_size = length(description) + (SELECT coalesce(sum(filesize), 0) FROM activitymimeattachment WHERE emailkey = @key),
            versionnumber = versionnumber + 1, modifiedon = @now
        WHERE emailkey = @key
        """,
        ("key", emailKey),
        ("now", now));

    private static IEnumerable<(string Name, object? Value)> ToSql(ColumnDefinition column, object? value) =>
        column.Type != ColumnType.Lookup
            ? [(column.Name, value)]
            : ActivityCatalog.Find("email")!.SqlOf(column).Select(s => s["r.".Length..])
                .Zip([((RecordReference?)value)?.Id, ((RecordReference?)value)?.LogicalName, (object?)((RecordReference?)value)?.Name], (name, part) => (name, part));
}

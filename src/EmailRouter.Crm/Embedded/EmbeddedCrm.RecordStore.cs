using EmailRouter.Crm.Embedded.Storage;
using EmailRouter.Sqlite;

namespace EmailRouter.Crm.Embedded;

/// <content>Deciding about received email and promoting it.</content>
public sealed partial class EmbeddedCrm
{
    /// <inheritdoc/>
    public async ValueTask<RecordLookup> LookupAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        return await file.ReadAsync(s => Lookup(s, query), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<CreateEmailResult> CreateEmailAsync(NewEmail email, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(email);

        // An email that is there already costs no reading of its attachments; the write looks again.
        if (email.Attachments.Count > 0 && await file.ReadAsync(s => EmailTable.FindExisting(s, email),
            cancellationToken).ConfigureAwait(false) is { } existing)
            return new CreateEmailResult(existing, false, []);
        List<StagedAttachment> staged = await StagedAttachment.ReadAsync(email.Attachments, cancellationToken).ConfigureAwait(false);
        try
        {
            return await file.WriteAsync(s => CreateEmail(s, email, staged), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await StagedAttachment.DisposeAsync(staged).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<bool> AddToQueueAsync(Guid activityId, Guid queueId, CancellationToken cancellationToken) => await file.WriteAsync(
        s => EmailTable.AddToQueue(s, EmailTable.FindKey(s, activityId) ?? throw StoreErrors.RecordMissing("email", activityId), queueId, NewId(), Now),
        cancellationToken).ConfigureAwait(false);

    private static RecordLookup Lookup(SqliteSession session, RecordQuery query)
    {
        var newest = new Dictionary<string, StoredEmail>(StringComparer.OrdinalIgnoreCase);
        var earlier = new Dictionary<string, IReadOnlyList<StoredEmail>>(StringComparer.OrdinalIgnoreCase);
        foreach (string token in query.TrackingTokens)
        {
            List<StoredEmail> bearers = EmailTable.FindByToken(session, token);
            if (bearers.Count > 0)
                newest[token] = bearers[0];
            if (bearers.Count > 1)
                earlier[token] = bearers[1..];
        }

        var owners = new Dictionary<string, IReadOnlyList<AddressOwner>>(StringComparer.OrdinalIgnoreCase);
        foreach (string address in query.Addresses)
        {
            if (!owners.ContainsKey(address) && AddressIndex.Find(session, address) is { Count: > 0 } found)
                owners[address] = found;
        }

        return new RecordLookup
        {
            ByMessageId = query.MessageIds.Count == 0 ? [] : EmailTable.FindByMessageId(session, query.MessageIds),
            ByTrackingToken = newest,
            EarlierByTrackingToken = earlier,
            ByConversation = query.ConversationId is { } conversation ? EmailTable.FindByConversation(session, conversation) : null,
            SmartMatches = query.SmartMatch is { } smart ? EmailTable.FindSmartMatches(session, smart) : [],
            Owners = owners,
        };
    }

    private CreateEmailResult CreateEmail(SqliteSession session, NewEmail email, List<StagedAttachment> staged)
    {
        if (EmailTable.FindExisting(session, email) is { } existing)
            return new CreateEmailResult(existing, false, []);
        DateTimeOffset now = Now;
        RecordReference? sender = email.SenderRecord is { } record ? EnsureSender(session, record, now) : null;
        session.Insert(
            "email",
            ("activityid", email.ActivityId),
            ("subject", email.Subject),
            ("description", email.Description),
            ("mimetype", email.MimeType),
            ("directioncode", false),
            ("statecode", EmailState.Completed),
            ("statuscode", EmailStatus.Received),
            ("messageid", email.MessageId),
            ("inreplyto", email.InReplyTo),
            ("conversationindex", email.ConversationIndex),
            ("emailrouter_conversationid", email.ConversationId),
            ("internetmessageheaders", email.InternetMessageHeaders),
            ("trackingtoken", email.TrackingToken),
            ("correlationmethod", email.CorrelationMethod),
            ("correlatedactivityid", email.CorrelatedActivityId),
            ("parentactivityid", email.ParentActivityId),
            ("correlatedsubjectchanged", email.CorrelatedSubjectChanged),
            ("acceptingentityid", email.AcceptingEntity?.Id),
            ("acceptingentitytypecode", email.AcceptingEntity?.LogicalName),
            ("acceptingentityidname", email.AcceptingEntity?.Name),
            ("receivingmailboxid", email.ReceivingMailbox?.Id),
            ("receivingmailboxtypecode", email.ReceivingMailbox?.LogicalName),
            ("receivingmailboxidname", email.ReceivingMailbox?.Name),
            ("emailsender", (sender ?? email.EmailSender)?.Id),
            ("emailsenderobjecttypecode", (sender ?? email.EmailSender)?.LogicalName),
            ("emailsendername", (sender ?? email.EmailSender)?.Name),
            ("isduplicatesenderunresolved", email.IsDuplicateSenderUnresolved),
            ("sender", email.Sender),
            ("submittedby", email.SubmittedBy),
            ("torecipients", email.ToRecipients),
            ("regardingobjectid", email.Regarding?.Id),
            ("regardingobjecttypecode", email.Regarding?.LogicalName),
            ("regardingobjectidname", email.Regarding?.Name),
            ("ownerid", email.OwnerId),
            ("prioritycode", email.Priority),
            ("senton", email.SentOn),
            ("emailrouter_receivedon", email.ReceivedOn),
            ("notifications", email.Notification),
            ("attachmentcount", staged.Count),
            ("emailrouter_size", email.Description.Length + staged.Sum(a => a.Size)),
            ("createdon", now),
            ("modifiedon", now));
        long key = EmailTable.FindKey(session, email.ActivityId)!.Value;
        EmailTable.InsertParties(session, key, email.Parties.Select(p => sender is not null && p.Role == ParticipationType.Sender
            ? p with { Party = sender } : p));
        AttachmentTable.Insert(session, key, staged, NewId);
        if (email.SmartMatchKeys is { } keys)
            EmailTable.InsertHashes(session, key, keys, now);
        Guid[] queues = [.. email.QueueIds.Distinct().Where(q => EmailTable.AddToQueue(session, key, q, NewId(), now))];
        return new CreateEmailResult(email.ActivityId, true, queues);
    }

    private static RecordReference EnsureSender(SqliteSession session, NewSenderRecord record, DateTimeOffset now)
    {
        TableDefinition table = RecordTable.Get(session, record.LogicalName);
        string name = StoreSql.Cut(record.FullName, table.Find(table.PrimaryNameColumn)?.MaxLength ?? 0);
        if (RecordTable.SelectOne(session, table, record.Id) is { } existing)
            return existing.ToReference();
        RecordTable.Insert(
            session,
            table,
            record.Id,
            new Dictionary<string, object?> { [table.PrimaryNameColumn] = name, ["emailaddress1"] = record.Address, ["ownerid"] = record.OwnerId },
            now);
        return new RecordReference(record.LogicalName, record.Id, name);
    }
}

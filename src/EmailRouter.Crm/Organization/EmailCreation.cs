using System.Text.Json;
using EmailRouter.Crm.Organization.Soap;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Organization;

/// <summary>
/// Promotes an email step by step, because these servers change one row at a time: the row with its parties as a draft, the attachments one by one, the queue
/// items, and last its state. A draft left behind by an attempt that broke off is deleted by the next one; ids are fixed beforehand, so that doing it twice
/// makes one record.
/// </summary>
/// <param name="connection">The connection.</param>
/// <param name="tables">The tables.</param>
/// <param name="directory">Whose queues are owned by teams, and which mailbox rows there are.</param>
internal sealed class EmailCreation(OrganizationConnection connection, TableDirectory tables, OrganizationDirectory directory)
{
    private const string What = "the email";

    // A draft younger than that may be one that another router is at.
    private static readonly TimeSpan leftoverAfter = TimeSpan.FromMinutes(5);

    /// <summary>Creates an email.</summary>
    /// <param name="email">The email.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>What exists now.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public async ValueTask<CreateEmailResult> CreateAsync(NewEmail email, CancellationToken cancellationToken)
    {
        if (await FindAsync(email, cancellationToken).ConfigureAwait(false) is { } present)
        {
            if (!present.IsDraft)
                return new CreateEmailResult(present.Id, false, []);
            if (connection.Clock.GetUtcNow() - present.CreatedOn < leftoverAfter)
                throw Unfinished(email.ActivityId);
            await DeleteAsync(email.ActivityId, cancellationToken).ConfigureAwait(false);
        }

        if (email.SenderRecord is { } sender)
            await CreateIfMissingAsync(Sender(sender), $"the sender's {sender.LogicalName}", cancellationToken).ConfigureAwait(false);
        if (!await CreateIfMissingAsync(Row(email), What, cancellationToken).ConfigureAwait(false))
        {
            // Another router began with the same email since it was looked for.
            throw Unfinished(email.ActivityId);
        }

        try
        {
            for (int i = 0; i < email.Attachments.Count; i++)
            {
                SoapEntity attachment = Attachment(email.ActivityId, email.Attachments[i], i + 1);
                await CreateIfMissingAsync(attachment, $"the attachment {email.Attachments[i].FileName}", cancellationToken).ConfigureAwait(false);
            }

            foreach (Guid queue in email.QueueIds.Distinct())
                await CreateIfMissingAsync(QueueItem(email.ActivityId, queue), "the queue item", cancellationToken).ConfigureAwait(false);
            await connection.SendAsync(SetState(email.ActivityId, EmailState.Completed, EmailStatus.Received), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is CrmException { IsAboutRecord: true } or not (CrmException or OperationCanceledException))
        {
            // Refused for good, or a file that cannot be read: nothing of it is to stay. When that fails too, the next attempt deletes it.
            await connection.TryAsync(Deletion(email.ActivityId), cancellationToken).ConfigureAwait(false);
            throw;
        }

        return new CreateEmailResult(email.ActivityId, true, [.. email.QueueIds.Distinct()]);
    }

    /// <summary>Puts an email into a queue.</summary>
    /// <param name="activityId">The email.</param>
    /// <param name="queueId">The queue.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>True when this call made the queue item.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public async ValueTask<bool> AddToQueueAsync(Guid activityId, Guid queueId, CancellationToken cancellationToken)
    {
        const string what = "the queue item";
        FetchQuery present = new FetchQuery("queueitem", "queueitemid").Where("objectid", "eq", activityId.ToString("D"))
            .Where("queueid", "eq", queueId.ToString("D")).Top(1);
        OrganizationAnswer answer = await connection.SendAsync(OrganizationConnection.Fetch(present, what), cancellationToken).ConfigureAwait(false);
        return !OrganizationConnection.Rows(answer, what).Any() &&
            await CreateIfMissingAsync(QueueItem(activityId, queueId), what, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes the message that sets an email's state.</summary>
    /// <param name="activityId">The email.</param>
    /// <param name="state">Its state.</param>
    /// <param name="status">Its status.</param>
    /// <returns>The message.</returns>
    public static OrganizationRequest SetState(Guid activityId, EmailState state, EmailStatus status) =>
        new OrganizationRequest("SetState", $"the state of the email {activityId}") { IsRepeatable = true }
            .With("EntityMoniker", new RecordReference("email", activityId))
            .With("State", new OptionSetValue((int)state))
            .With("Status", new OptionSetValue((int)status));

    private CrmException Unfinished(Guid activityId) => new(
        "CrmEmailUnfinished",
        $"The email {activityId} is a draft at {connection.Server} that another attempt has begun with.",
        $"Nothing: if that attempt broke off, the draft is deleted after {leftoverAfter.TotalMinutes:0} minutes and the email promoted again.")
    { IsTransient = true, RetryAfter = leftoverAfter };

    private async ValueTask<(Guid Id, bool IsDraft, DateTimeOffset CreatedOn)?> FindAsync(NewEmail email, CancellationToken cancellationToken)
    {
        FetchQuery query = new FetchQuery("email", "activityid", "directioncode", "statuscode", "createdon")
            .WhereEither(
                [("activityid", "eq", email.ActivityId.ToString("D"))],
                [("messageid", "eq", email.MessageId), ("directioncode", "eq", "0")])
            .By("createdon").Top(10);
        OrganizationAnswer answer = await connection.SendAsync(OrganizationConnection.Fetch(query, "emails by Message-ID"), cancellationToken)
            .ConfigureAwait(false);
        (Guid Id, bool IsDraft, DateTimeOffset CreatedOn)? own = null;
        foreach (JsonElement row in OrganizationConnection.Rows(answer, What))
        {
            if (row.Id("activityid") is not { } id)
                continue;
            if (id != email.ActivityId)
                return (id, false, default);
            bool isDraft = row.Number("statuscode") == (int)EmailStatus.Draft && row.Flag("directioncode") == false;
            own = (id, isDraft, row.Time("createdon") ?? DateTimeOffset.MinValue);
        }

        return own;
    }

    private async ValueTask<bool> CreateIfMissingAsync(SoapEntity entity, string what, CancellationToken cancellationToken)
    {
        // The id is fixed, so that a second creation is refused and does no harm.
        OrganizationAnswer answer = await connection.TryAsync(
            new OrganizationRequest("Create", what) { IsRepeatable = true }.With("Target", entity), cancellationToken).ConfigureAwait(false);
        return answer.Fault is not { } fault || (FaultTable.IsDuplicate(fault) ? false : throw FaultTable.Explain(fault, what, connection.Server));
    }

    private static OrganizationRequest Deletion(Guid activityId) =>
        new OrganizationRequest("Delete", "a draft left behind") { IsRepeatable = true }.With("Target", new RecordReference("email", activityId));

    private async ValueTask DeleteAsync(Guid activityId, CancellationToken cancellationToken)
    {
        OrganizationAnswer answer = await connection.TryAsync(Deletion(activityId), cancellationToken).ConfigureAwait(false);
        if (answer.Fault is { } fault && fault.Code != 0x80040217)
            throw FaultTable.Explain(fault, "a draft left behind", connection.Server);
    }

    private SoapEntity Row(NewEmail email)
    {
        var row = new SoapEntity("email", email.ActivityId)
        {
            Attributes =
            {
                ["activityid"] = email.ActivityId,
                ["subject"] = ColumnText.Cut(email.Subject, 200),
                ["description"] = email.Description,
                ["directioncode"] = false,
                ["messageid"] = ColumnText.Cut(email.MessageId, 320),
                ["prioritycode"] = new OptionSetValue((int)email.Priority),
                ["sender"] = ColumnText.Cut(email.Sender, 250),
                ["torecipients"] = ColumnText.Cut(email.ToRecipients, 500),
                ["ownerid"] = Owner(email.OwnerId),
            },
        };
        Give(row, "mimetype", email.MimeType, unlessKnown: true);
        Give(row, "trackingtoken", email.TrackingToken, unlessKnown: true);
        Give(row, "submittedby", email.SubmittedBy is { } by ? ColumnText.Cut(by, 250) : null, unlessKnown: true);
        Give(row, "regardingobjectid", email.Regarding, unlessKnown: true);

        // Of these, versions differ in which they have and let be given.
        Give(row, "inreplyto", email.InReplyTo);
        Give(row, "conversationindex", email.ConversationIndex);
        Give(row, "correlationmethod", new OptionSetValue((int)email.CorrelationMethod));
        Give(row, "isduplicatesenderunresolved", email.IsDuplicateSenderUnresolved);
        Give(row, "senton", email.SentOn);
        Give(row, "acceptingentityid", email.AcceptingEntity);
        Give(row, "correlatedactivityid", email.CorrelatedActivityId is { } correlated ? new RecordReference("email", correlated) : null);
        Give(row, "parentactivityid", email.ParentActivityId is { } parent ? new RecordReference("email", parent) : null);
        Give(row, "notifications", email.Notification == EmailNotification.None ? null : new OptionSetValue((int)email.Notification));
        if (email.ReceivingMailbox is { } mailbox && directory.MailboxRows.TryGetValue(mailbox.Id, out Guid mailboxRow))
            Give(row, "receivingmailboxid", new RecordReference("mailbox", mailboxRow));
        foreach (IGrouping<ParticipationType, ActivityParty> role in email.Parties.GroupBy(p => p.Role))
        {
            string? column = role.Key switch
            {
                ParticipationType.Sender => "from",
                ParticipationType.To => "to",
                ParticipationType.Cc => "cc",
                ParticipationType.Bcc => "bcc",
                _ => null,
            };
            if (column is not null)
                row.Attributes[column] = new SoapEntities("activityparty", [.. role.Select(p => Party(p, email))]);
        }

        return row;
    }

    private void Give(SoapEntity row, string column, object? value, bool unlessKnown = false)
    {
        if (value is not null && (tables.Email.CreateColumns?.Contains(column) ?? unlessKnown))
            row.Attributes[column] = value;
    }

    private SoapEntity Party(ActivityParty party, NewEmail email)
    {
        RecordReference? record = party.Role == ParticipationType.Sender && email.SenderRecord is { } sender
            ? new RecordReference(sender.LogicalName, sender.Id) : party.Party;
        var row = new SoapEntity("activityparty");
        if (record is not null)
            row.Attributes["partyid"] = record;
        if (party.AddressUsed is { } address)
            row.Attributes["addressused"] = ColumnText.Cut(address, 320);
        if (record is null && party.UnresolvedPartyName is { Length: > 0 } name &&
            tables.Find("activityparty")?.CreateColumns?.Contains("unresolvedpartyname") == true)
            row.Attributes["unresolvedpartyname"] = ColumnText.Cut(name, 200);
        return row;
    }

    private static SoapEntity Attachment(Guid activityId, EmailAttachment attachment, int number) =>
        new("activitymimeattachment", DerivedId.Combine(activityId, new Guid(number, 0x61, 0x74, 1, 2, 3, 4, 5, 6, 7, 8)))
    {
        Attributes =
        {
            ["objectid"] = new RecordReference("email", activityId),
            ["objecttypecode"] = "email",
            ["attachmentnumber"] = number,
            ["filename"] = ColumnText.Cut(attachment.FileName, 255),
            ["mimetype"] = ColumnText.Cut(attachment.MimeType, 256),
            ["body"] = attachment,
        },
    };

    private static SoapEntity QueueItem(Guid activityId, Guid queueId) => new("queueitem", DerivedId.Combine(activityId, queueId))
    {
        Attributes = { ["queueid"] = new RecordReference("queue", queueId), ["objectid"] = new RecordReference("email", activityId) },
    };

    private SoapEntity Sender(NewSenderRecord sender)
    {
        string name = sender.FullName.Trim();
        int space = name.Contains('@', StringComparison.Ordinal) ? -1 : name.LastIndexOf(' ');
        var row = new SoapEntity(sender.LogicalName, sender.Id)
        {
            Attributes =
            {
                ["lastname"] = ColumnText.Cut(name[(space + 1)..], 50),
                ["emailaddress1"] = ColumnText.Cut(sender.Address, 100),
                ["ownerid"] = Owner(sender.OwnerId),
            },
        };
        if (space > 0)
            row.Attributes["firstname"] = ColumnText.Cut(name[..space].TrimEnd(), 50);
        if (sender.LogicalName == "lead")
            row.Attributes["subject"] = ColumnText.Cut(name, 160);
        return row;
    }

    private RecordReference Owner(Guid owner) => new(directory.Teams.Contains(owner) ? "team" : "systemuser", owner);
}

using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse;

/// <summary>
/// Promotes an email: one batch whose change set creates the row with its parties, the attachments, the sender's record and the queue items, and makes the
/// email Received, all or nothing. Ids are fixed beforehand, so that doing it twice makes one record.
/// </summary>
/// <remarks>
/// Attachments too large for one request are sent in blocks to servers that take them. Then the email is a draft until everything is there; a draft left behind
/// by an attempt that broke off is deleted by the next one.
/// </remarks>
/// <param name="connection">The connection.</param>
/// <param name="batches">What look-ups and creations share requests by.</param>
/// <param name="tables">The tables.</param>
/// <param name="directory">Whose queues are owned by teams, and which mailbox rows there are.</param>
internal sealed class EmailWriter(WebApiConnection connection, SharedBatches batches, TableDirectory tables, OrganizationDirectory directory)
{
    /// <summary>What attachments may have together in one request, in bytes; the documentation names 16 MB for single requests.</summary>
    public const long InlineLimit = 12 * 1024 * 1024;

    private const int BlockSize = 4 * 1024 * 1024;
    private const string What = "the email";

    /// <summary>Creates an email.</summary>
    /// <param name="email">The email.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>What exists now.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public async ValueTask<CreateEmailResult> CreateAsync(NewEmail email, CancellationToken cancellationToken)
    {
        bool createsSender = email.SenderRecord is not null;
        WebApiSite site = await connection.LocateAsync(cancellationToken).ConfigureAwait(false);
        for (int attempt = 0; ; attempt++)
        {
            (List<EmailAttachment> inline, List<EmailAttachment> large) = Divide(email.Attachments, site);
            var batch = new WebApiBatch(What);
            batch.Add(SameMessageId(email));
            batch.AddChangeSet([.. Creation(email, createsSender, inline), .. large.Count == 0 ? Conclusion(email) : []], isRepeatable: true);
            IReadOnlyList<IReadOnlyList<CrmAnswer>> answers = await batches.SendAsync(batch, cancellationToken).ConfigureAwait(false);
            if (!answers[0][0].IsSuccess)
                throw AnswerErrors.Explain(answers[0][0], batch.WhatOf(0), connection.Server);
            Guid? other = Other(answers[0][0], email);
            CrmAnswer? refused = answers[1].FirstOrDefault(a => !a.IsSuccess);
            if (refused is null)
            {
                if (other is { } existing)
                {
                    // Somebody else promoted the same message under another id since it was looked for.
                    await DeleteAsync(email.ActivityId, cancellationToken).ConfigureAwait(false);
                    return new CreateEmailResult(existing, false, []);
                }

                if (large.Count > 0)
                    await ConcludeAsync(email, large, cancellationToken).ConfigureAwait(false);
                return new CreateEmailResult(email.ActivityId, true, [.. email.QueueIds.Distinct()]);
            }

            if (other is { } present)
                return new CreateEmailResult(present, false, []);
            if (!AnswerErrors.IsDuplicate(refused) && refused.Status != 412)
                throw AnswerErrors.Explain(refused, What, connection.Server);

            // What was there already: the email, one with the same Message-ID that came just now, or the sender's record?
            (bool isThere, bool isLeftover, bool isSenderThere, Guid? sameMessage) = await LookAsync(email, cancellationToken).ConfigureAwait(false);
            if (sameMessage is { } faster)
                return new CreateEmailResult(faster, false, []);
            if (isThere && !isLeftover)
                return new CreateEmailResult(email.ActivityId, false, []);
            if (attempt > 1 || (!isThere && !(isSenderThere && createsSender)))
                throw AnswerErrors.Explain(refused, What, connection.Server);
            if (isLeftover)
                await DeleteAsync(email.ActivityId, cancellationToken).ConfigureAwait(false);
            createsSender = createsSender && !isSenderThere;
        }
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
        CrmAnswer present = await connection.SendAsync(
            WebApiRequest.Get(
                $"queueitems?$select=queueitemid&$filter=_objectid_value%20eq%20{activityId:D}%20and%20_queueid_value%20eq%20{queueId:D}&$top=1", what),
            cancellationToken).ConfigureAwait(false);
        if (present.Rows(what).Any())
            return false;
        CrmAnswer made = await connection.TryAsync(QueueItem(activityId, queueId) with { IsRepeatable = true }, cancellationToken).ConfigureAwait(false);
        if (made.IsSuccess)
            return true;
        return AnswerErrors.IsDuplicate(made) || made.Status == 412 ? false : throw AnswerErrors.Explain(made, what, connection.Server);
    }

    private static (List<EmailAttachment> Inline, List<EmailAttachment> Large) Divide(IReadOnlyList<EmailAttachment> attachments, WebApiSite site)
    {
        if (!site.TakesBlocks || attachments.Sum(a => a.Size) <= InlineLimit)
            return ([.. attachments], []);
        var inline = new List<EmailAttachment>();
        var large = new List<EmailAttachment>();
        long total = 0;
        foreach (EmailAttachment attachment in attachments)
        {
            if (attachment.Size <= BlockSize && total + attachment.Size <= InlineLimit)
            {
                total += attachment.Size;
                inline.Add(attachment);
            }
            else
            {
                large.Add(attachment);
            }
        }

        return (inline, large);
    }

    private IEnumerable<WebApiRequest> Creation(NewEmail email, bool createsSender, List<EmailAttachment> attachments)
    {
        if (createsSender && email.SenderRecord is { } sender)
            yield return Sender(sender);
        yield return WebApiRequest.Post("emails", Row(email), What);
        for (int i = 0; i < attachments.Count; i++)
        {
            JsonObject json = Attachment(email.ActivityId, attachments[i]);
            json["attachmentnumber"] = i + 1;
            yield return new WebApiRequest(HttpMethod.Post, "activitymimeattachments", $"the attachment {attachments[i].FileName}")
            {
                Body = WebApiBody.WithFile(json, "body", attachments[i]),
            };
        }
    }

    private static IEnumerable<WebApiRequest> Conclusion(NewEmail email)
    {
        foreach (Guid queue in email.QueueIds.Distinct())
            yield return QueueItem(email.ActivityId, queue);
        yield return WebApiRequest.Patch(
            $"emails({email.ActivityId:D})",
            new JsonObject { ["statecode"] = (int)EmailState.Completed, ["statuscode"] = (int)EmailStatus.Received },
            null,
            "the email's state");
    }

    private static WebApiRequest QueueItem(Guid activityId, Guid queueId) => WebApiRequest.Post(
        "queueitems",
        new JsonObject
        {
            ["queueitemid"] = DerivedId.Combine(activityId, queueId).ToString("D"),
            ["queueid@odata.bind"] = $"/queues({queueId:D})",
            ["objectid_email@odata.bind"] = $"/emails({activityId:D})",
        },
        "the queue item");

    /// <summary>The full name is made by the CRM of first and last name.</summary>
    private WebApiRequest Sender(NewSenderRecord sender)
    {
        string name = sender.FullName.Trim();
        int space = name.Contains('@', StringComparison.Ordinal) ? -1 : name.LastIndexOf(' ');
        var json = new JsonObject { ["lastname"] = ColumnText.Cut(name[(space + 1)..], 50), ["emailaddress1"] = ColumnText.Cut(sender.Address, 100) };
        if (space > 0)
            json["firstname"] = ColumnText.Cut(name[..space].TrimEnd(), 50);
        if (sender.LogicalName == "lead")
            json["subject"] = ColumnText.Cut(name, 160);
        json["ownerid@odata.bind"] = Owner(sender.OwnerId);
        string set = tables.Find(sender.LogicalName)?.SetName ?? sender.LogicalName + "s";
        return new WebApiRequest(HttpMethod.Patch, $"{set}({sender.Id:D})", $"the sender's {sender.LogicalName}")
        {
            Body = WebApiBody.Of(json),
            IfNoneMatch = "*",
        };
    }

    private JsonObject Row(NewEmail email)
    {
        var json = new JsonObject
        {
            ["activityid"] = email.ActivityId.ToString("D"),
            ["subject"] = ColumnText.Cut(email.Subject, 800),
            ["description"] = email.Description,
            ["directioncode"] = false,
            ["messageid"] = ColumnText.Cut(email.MessageId, 320),
            ["prioritycode"] = (int)email.Priority,
            ["sender"] = ColumnText.Cut(email.Sender, 250),
            ["torecipients"] = ColumnText.Cut(email.ToRecipients, 500),
            ["ownerid@odata.bind"] = Owner(email.OwnerId),
        };

        // These are read-only in most versions: they are given where the organization's definitions say that they may be.
        Give(json, "mimetype", email.MimeType, unlessKnown: true);
        Give(json, "inreplyto", email.InReplyTo, unlessKnown: false);
        Give(json, "conversationindex", email.ConversationIndex, unlessKnown: false);
        Give(json, "correlationmethod", (int)email.CorrelationMethod, unlessKnown: false);
        Give(json, "correlatedsubjectchanged", email.CorrelatedSubjectChanged, unlessKnown: false);
        Give(json, "isduplicatesenderunresolved", email.IsDuplicateSenderUnresolved, unlessKnown: false);
        Give(json, "senton", email.SentOn is { } sent ? ColumnText.Time(sent) : null, unlessKnown: false);
        Give(json, "trackingtoken", email.TrackingToken, unlessKnown: true);
        Give(json, "submittedby", email.SubmittedBy is { } by ? ColumnText.Cut(by, 250) : null, unlessKnown: true);
        if (email.Notification != EmailNotification.None)
            Give(json, "notifications", (int)email.Notification, unlessKnown: true);
        Bind(json, "regardingobjectid", email.Regarding);
        Bind(json, "acceptingentityid", email.AcceptingEntity);
        Bind(json, "correlatedactivityid", email.CorrelatedActivityId is { } correlated ? new RecordReference("email", correlated) : null);
        Bind(json, "parentactivityid", email.ParentActivityId is { } parent ? new RecordReference("email", parent) : null);
        if (email.ReceivingMailbox is { } mailbox && directory.MailboxRows.TryGetValue(mailbox.Id, out Guid row))
            Bind(json, "receivingmailboxid", new RecordReference("mailbox", row));
        var parties = new JsonArray();
        foreach (ActivityParty party in email.Parties)
        {
            RecordReference? record = party.Role == ParticipationType.Sender && email.SenderRecord is { } sender
                ? new RecordReference(sender.LogicalName, sender.Id)
                : party.Party;
            parties.Add(Party(party, record));
        }

        json["email_activity_parties"] = parties;
        return json;
    }

    private void Give(JsonObject json, string column, JsonNode? value, bool unlessKnown)
    {
        if (value is not null && (tables.Email.CreateColumns?.Contains(column) ?? unlessKnown))
            json[column] = value;
    }

    private void Bind(JsonObject json, string column, RecordReference? record)
    {
        if (record is not null && tables.EmailNavigation(column, record.LogicalName) is { } property)
            json[property + "@odata.bind"] = "/" + tables.PathOf(record);
    }

    private JsonObject Party(ActivityParty party, RecordReference? record)
    {
        var json = new JsonObject { ["participationtypemask"] = (int)party.Role };
        if (record is not null)
            json[$"partyid_{record.LogicalName}@odata.bind"] = "/" + tables.PathOf(record);
        if (party.AddressUsed is { } address)
            json["addressused"] = ColumnText.Cut(address, 320);
        if (record is null && party.UnresolvedPartyName is { Length: > 0 } name)
            json["unresolvedpartyname"] = ColumnText.Cut(name, 200);
        return json;
    }

    private string Owner(Guid owner) => directory.Teams.Contains(owner) ? $"/teams({owner:D})" : $"/systemusers({owner:D})";

    private static JsonObject Attachment(Guid activityId, EmailAttachment attachment)
    {
        var json = new JsonObject
        {
            ["objectid_activitypointer@odata.bind"] = $"/activitypointers({activityId:D})",
            ["objecttypecode"] = "email",
            ["filename"] = ColumnText.Cut(attachment.FileName, 255),
            ["mimetype"] = ColumnText.Cut(attachment.MimeType, 256),
        };
        if (attachment.ContentId is { } contentId)
            json["attachmentcontentid"] = ColumnText.Cut(contentId, 250);
        return json;
    }

    /// <summary>Sends what is too large for one request in blocks, then completes the email.</summary>
    private async ValueTask ConcludeAsync(NewEmail email, List<EmailAttachment> large, CancellationToken cancellationToken)
    {
        foreach (EmailAttachment attachment in large)
            await UploadAsync(email.ActivityId, attachment, cancellationToken).ConfigureAwait(false);
        var batch = new WebApiBatch(What);
        batch.AddChangeSet([.. Conclusion(email)], isRepeatable: true);
        IReadOnlyList<IReadOnlyList<CrmAnswer>> answers = await connection.SendAsync(batch, cancellationToken).ConfigureAwait(false);
        if (answers[0].FirstOrDefault(a => !a.IsSuccess) is { } refused && !AnswerErrors.IsDuplicate(refused))
            throw AnswerErrors.Explain(refused, What, connection.Server);
    }

    private async ValueTask UploadAsync(Guid activityId, EmailAttachment attachment, CancellationToken cancellationToken)
    {
        string what = $"the attachment {attachment.FileName}";
        JsonObject Target()
        {
            JsonObject target = Attachment(activityId, attachment);
            target["@odata.type"] = "Microsoft.Dynamics.CRM.activitymimeattachment";
            return target;
        }

        CrmAnswer begun = await connection.SendAsync(
            WebApiRequest.Post("InitializeAttachmentBlocksUpload", new JsonObject { ["Target"] = Target() }, what), cancellationToken).ConfigureAwait(false);
        string token = begun.Json(what).Text("FileContinuationToken") ?? throw AnswerErrors.Unreadable(what, "it has no FileContinuationToken");
        var blocks = new JsonArray();
        Stream content = await attachment.Open(cancellationToken).ConfigureAwait(false);
        await using (content.ConfigureAwait(false))
        {
            byte[] block = new byte[BlockSize];
            int read;
            while ((read = await content.ReadAtLeastAsync(block, BlockSize, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false)) > 0)
            {
                string id = Convert.ToBase64String(Encoding.ASCII.GetBytes($"block{blocks.Count:D6}"));
                blocks.Add(id);
                byte[] piece = block[..read];
                var file = new EmailAttachment(
                    attachment.FileName, attachment.MimeType, read, _ => ValueTask.FromResult<Stream>(new MemoryStream(piece, writable: false)));
                await connection.SendAsync(
                    new WebApiRequest(HttpMethod.Post, "UploadBlock", what)
                    {
                        Body = WebApiBody.WithFile(new JsonObject { ["BlockId"] = id, ["FileContinuationToken"] = token }, "BlockData", file),
                        IsRepeatable = true,
                    },
                    cancellationToken).ConfigureAwait(false);
            }
        }

        await connection.SendAsync(
            WebApiRequest.Post(
                "CommitAttachmentBlocksUpload", new JsonObject { ["Target"] = Target(), ["BlockList"] = blocks, ["FileContinuationToken"] = token }, what),
            cancellationToken).ConfigureAwait(false);
    }

    private static WebApiRequest SameMessageId(NewEmail email) => WebApiRequest.Get(
        $"emails?$select=activityid&$filter=messageid%20eq%20{ODataText.Quote(email.MessageId)}%20and%20directioncode%20eq%20false&$orderby=createdon&$top=5",
        "emails by Message-ID");

    private static Guid? Other(CrmAnswer answer, NewEmail email) =>
        answer.Rows(What).Select(r => r.Id("activityid")).FirstOrDefault(id => id is not null && id != email.ActivityId);

    private async ValueTask<(bool IsThere, bool IsLeftover, bool IsSenderThere, Guid? SameMessage)> LookAsync(
        NewEmail email, CancellationToken cancellationToken)
    {
        var batch = new WebApiBatch(What);
        batch.Add(WebApiRequest.Get($"emails?$select=activityid,statuscode,directioncode&$filter=activityid%20eq%20{email.ActivityId:D}", What));
        batch.Add(SameMessageId(email));
        if (email.SenderRecord is { } sender && tables.Find(sender.LogicalName) is { } table)
            batch.Add(WebApiRequest.Get($"{table.SetName}?$select={table.IdColumn}&$filter={table.IdColumn}%20eq%20{sender.Id:D}", What));
        IReadOnlyList<IReadOnlyList<CrmAnswer>> answers = await connection.SendAsync(batch, cancellationToken).ConfigureAwait(false);
        if (answers.SelectMany(a => a).FirstOrDefault(a => !a.IsSuccess) is { } failed)
            throw AnswerErrors.Explain(failed, What, connection.Server);
        JsonElement row = answers[0][0].Rows(What).FirstOrDefault();
        bool isThere = row.ValueKind == JsonValueKind.Object;
        return (
            isThere,
            isThere && row.Flag("directioncode") == false && row.Number("statuscode") == (int)EmailStatus.Draft,
            answers.Count > 2 && answers[2][0].Rows(What).Any(),
            Other(answers[1][0], email));
    }

    private async ValueTask DeleteAsync(Guid activityId, CancellationToken cancellationToken)
    {
        CrmAnswer deleted = await connection.TryAsync(
            new WebApiRequest(HttpMethod.Delete, $"emails({activityId:D})", What) { IsRepeatable = true }, cancellationToken).ConfigureAwait(false);
        if (!deleted.IsSuccess && deleted.Status != 404)
            throw AnswerErrors.Explain(deleted, What, connection.Server);
    }
}

using System.Globalization;
using EmailRouter.Sqlite;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>Writes outgoing emails and moves them through their statuses, as their authors and administrators do.</summary>
internal static class DraftWriter
{
    private const int MaxSubject = 800;

    // Which record an address of a draft means where several carry it; the order in which the sender of received email is resolved.
    private static readonly string[] precedence = ["systemuser", "contact", "account", "lead", "equipment", "team", "businessunit"];

    /// <summary>Refuses attachments whose kind the organization blocks, before their contents are read.</summary>
    /// <param name="draft">The draft.</param>
    /// <param name="settings">The organization's settings.</param>
    public static void CheckAttachments(EmailDraft draft, OrganizationSettings settings)
    {
        foreach (EmailAttachment attachment in draft.Attachments)
            CheckAttachment(attachment, settings);
    }

    /// <summary>Refuses an attachment whose kind the organization blocks, or that is too large.</summary>
    /// <param name="attachment">The attachment.</param>
    /// <param name="settings">The organization's settings.</param>
    public static void CheckAttachment(EmailAttachment attachment, OrganizationSettings settings)
    {
        string extension = Path.GetExtension(attachment.FileName).TrimStart('.');
        if (settings.BlockedAttachments.Contains(extension))
        {
            throw new CrmException(
                "CrmAttachmentBlocked", $"The organization blocks attachments of the kind .{extension} ('{attachment.FileName}').",
                "Leave the file out, or change blockedattachments.")
            { IsAboutRecord = true };
        }

        CheckSize(attachment.FileName, attachment.Size, settings);
    }

    /// <summary>Refuses attachments that turned out larger than they were said to be.</summary>
    /// <param name="staged">The attachments.</param>
    /// <param name="settings">The organization's settings.</param>
    private static void CheckSizes(IEnumerable<StagedAttachment> staged, OrganizationSettings settings)
    {
        foreach (StagedAttachment attachment in staged)
            CheckSize(attachment.Attachment.FileName, attachment.Size, settings);
    }

    /// <summary>Inserts a draft.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="draft">The draft.</param>
    /// <param name="id">Its id.</param>
    /// <param name="staged">Its attachments.</param>
    /// <param name="newId">Makes ids.</param>
    /// <param name="now">The time.</param>
    public static void Insert(SqliteSession session, EmailDraft draft, Guid id, List<StagedAttachment> staged, Func<Guid> newId, DateTimeOffset now)
    {
        if (EmailTable.FindKey(session, id) is not null)
            throw StoreErrors.RecordExists("email", id);
        CheckSizes(staged, OrganizationTable.Read(session));
        List<ActivityParty> parties = [];
        List<(string Name, object? Value)> columns = Columns(session, draft, staged, parties);
        session.Insert(
            "email",
            [
                .. columns, ("activityid", id), ("directioncode", true), ("statecode", EmailState.Open), ("statuscode", EmailStatus.Draft), ("createdon", now),
                ("modifiedon", now),
            ]);
        long key = EmailTable.FindKey(session, id)!.Value;
        EmailTable.InsertParties(session, key, parties);
        AttachmentTable.Insert(session, key, staged, newId);
    }

    /// <summary>Writes a draft, or a failed email, anew.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="draft">What it is to be.</param>
    /// <param name="id">Its id.</param>
    /// <param name="staged">Its attachments.</param>
    /// <param name="newId">Makes ids.</param>
    /// <param name="now">The time.</param>
    public static void Replace(SqliteSession session, EmailDraft draft, Guid id, List<StagedAttachment> staged, Func<Guid> newId, DateTimeOffset now)
    {
        EmailActivity present = EmailReader.Find(session, id) ?? throw StoreErrors.RecordMissing("email", id);
        if (present.Status is not (EmailStatus.Draft or EmailStatus.Failed))
        {
            throw new CrmException(
                "CrmTransitionInvalid", $"The email {id} is {present.Status} and cannot be changed.",
                "Only drafts and failed emails can be changed.") { IsAboutRecord = true };
        }

        CheckSizes(staged, OrganizationTable.Read(session));
        List<ActivityParty> parties = [];
        List<(string Name, object? Value)> columns = Columns(session, draft, staged, parties);
        session.Execute(
            $"UPDATE email SET {string.Join(", ", columns.Select(c => $"{c.Name} = @{c.Name}"))}, modifiedon = @now, versionnumber = versionnumber + 1 WHERE activityid = @id",
            [.. columns, ("now", now), ("id", id)]);
        long key = EmailTable.FindKey(session, id)!.Value;
        session.Execute("DELETE FROM activityparty WHERE emailkey = @key", ("key", key));
        EmailTable.InsertParties(session, key, parties);
        List<long> before = AttachmentTable.Remove(session, key);
        AttachmentTable.Insert(session, key, staged, newId);
        AttachmentTable.DeleteUnused(session, before);
    }

    /// <summary>Sends a draft; see <see cref="EmbeddedCrm.SendEmailAsync"/>.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="activityId">The email.</param>
    /// <param name="issueSend">Whether the router is to send it.</param>
    /// <param name="trackingToken">The token asked for.</param>
    /// <param name="now">The time.</param>
    /// <returns>The subject with the token.</returns>
    public static string Send(SqliteSession session, Guid activityId, bool issueSend, string? trackingToken, DateTimeOffset now)
    {
        EmailActivity email = EmailReader.Find(session, activityId) ?? throw StoreErrors.RecordMissing("email", activityId);
        EmailStatus status = issueSend ? EmailStatus.PendingSend : EmailStatus.Sent;
        EmailTransitions.Check(activityId, email.Status, status);
        if (!email.Parties.Any(p => p.Role is ParticipationType.To or ParticipationType.Cc or ParticipationType.Bcc))
            throw StoreErrors.RecordInvalid($"The email {activityId} has no recipient.", "Add one.");
        CrmMailbox? from = email.EmailSender is { } sender ? MailboxTable.Find(session, sender) : null;
        if (from is { Kind: CrmMailboxKind.User, IsSendAsAllowed: false } && email.SubmittedBy is { } author &&
            !string.Equals(author, from.Address, StringComparison.OrdinalIgnoreCase))
        {
            throw new CrmException(
                "CrmSendAsDenied", $"{author} may not send email in the name of {from.Owner}.",
                $"Let {from.Owner} allow others to send email on their behalf (usersettings.issendasallowed).")
            { IsAboutRecord = true };
        }

        OrganizationSettings settings = OrganizationTable.Read(session);
        (string subject, string? token) = email.TrackingToken is { } present && string.IsNullOrEmpty(trackingToken)
            ? (TrackingToken.Insert(email.Subject, present, settings), present)
            : TokenCounter.Assign(session, email.Subject, trackingToken, from, settings);
        long key = EmailTable.FindKey(session, activityId)!.Value;
        session.Execute("UPDATE email SET subject = @subject, trackingtoken = @token WHERE emailkey = @key", ("subject", subject), ("token", token),
            ("key", key));
        Move(session, key, status, null, now);
        return subject;
    }

    /// <summary>Changes an email's status by hand.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="activityId">The email.</param>
    /// <param name="status">The new status.</param>
    /// <param name="reason">Why, for the email's author.</param>
    /// <param name="now">The time.</param>
    public static void SetStatus(SqliteSession session, Guid activityId, EmailStatus status, string? reason, DateTimeOffset now)
    {
        EmailActivity email = EmailReader.Find(session, activityId) ?? throw StoreErrors.RecordMissing("email", activityId);
        EmailTransitions.Check(activityId, email.Status, status);
        Move(session, EmailTable.FindKey(session, activityId)!.Value, status, reason, now);
    }

    /// <summary>Sets what an email is regarding.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="activityId">The email.</param>
    /// <param name="regarding">The record; null for none.</param>
    /// <param name="now">The time.</param>
    public static void SetRegarding(SqliteSession session, Guid activityId, RecordReference? regarding, DateTimeOffset now)
    {
        RecordReference? record = regarding is null ? null : RecordTable.Resolve(session, regarding) ??
            throw StoreErrors.RecordMissing(regarding.LogicalName, regarding.Id);
        int changed = session.Execute(
            """
            UPDATE email SET regardingobjectid = @id, regardingobjecttypecode = @type, regardingobjectidname = @name, versionnumber = versionnumber + 1,
            modifiedon = @now
            WHERE activityid = @activityId
            """,
            ("id", record?.Id),
            ("type", record?.LogicalName),
            ("name", record?.Name),
            ("now", now),
            ("activityId", activityId));
        if (changed == 0)
            throw StoreErrors.RecordMissing("email", activityId);
    }

    private static List<(string Name, object? Value)> Columns(SqliteSession session, EmailDraft draft, List<StagedAttachment> staged,
        List<ActivityParty> parties)
    {
        if (draft.Subject.Length > MaxSubject)
            throw StoreErrors.RecordInvalid($"The subject has {draft.Subject.Length} characters.",
                string.Create(CultureInfo.InvariantCulture, $"Give at most {MaxSubject}."));
        if (draft.From.LogicalName is not ("systemuser" or "queue"))
            throw StoreErrors.RecordInvalid($"A {draft.From.LogicalName} cannot send email.", "Name a systemuser or a queue as sender.");
        CrmMailbox from = MailboxTable.Find(session, draft.From) ?? throw StoreErrors.RecordMissing(draft.From.LogicalName, draft.From.Id);
        EmailActivity? parent = draft.ParentActivityId is { } parentId ? EmailReader.Find(session, parentId) ??
            throw StoreErrors.RecordMissing("email", parentId) : null;
        RecordReference? regarding = draft.Regarding is { } record ? RecordTable.Resolve(session, record) ??
            throw StoreErrors.RecordMissing(record.LogicalName, record.Id) : parent?.Regarding;
        string? submittedBy = draft.SubmittedBy is { } user
            ? (MailboxTable.Find(session, new RecordReference("systemuser", user)) ?? throw StoreErrors.RecordMissing("systemuser", user)).Address
            : null;
        parties.Add(new ActivityParty(ParticipationType.Sender, from.Address.Length == 0 ? null : from.Address, from.Owner));
        parties.AddRange(draft.To.Select(r => Resolve(session, r, ParticipationType.To)));
        parties.AddRange(draft.Cc.Select(r => Resolve(session, r, ParticipationType.Cc)));
        parties.AddRange(draft.Bcc.Select(r => Resolve(session, r, ParticipationType.Bcc)));
        return
        [
            ("subject", draft.Subject),
            ("description", draft.Description),
            ("mimetype", draft.MimeType),
            ("inreplyto", parent?.MessageId),
            ("conversationindex", parent?.ConversationIndex),
            ("emailrouter_conversationid", parent?.ConversationId),
            ("parentactivityid", parent?.ActivityId),
            ("correlatedactivityid", parent?.ActivityId),
            ("emailsender", from.Owner.Id),
            ("emailsenderobjecttypecode", from.Owner.LogicalName),
            ("emailsendername", from.Owner.Name),
            ("sender", from.Address),
            ("submittedby", submittedBy),
            ("torecipients", string.Join("; ", parties.Where(p => p.Role == ParticipationType.To).Select(p => p.AddressUsed).OfType<string>())),
            ("regardingobjectid", regarding?.Id),
            ("regardingobjecttypecode", regarding?.LogicalName),
            ("regardingobjectidname", regarding?.Name),
            ("ownerid", draft.OwnerId ?? from.OwnerUserId),
            ("prioritycode", draft.Priority),
            ("delayedemailsendtime", draft.DelayedSendTime),
            ("deliveryreceiptrequested", draft.DeliveryReceiptRequested),
            ("readreceiptrequested", draft.ReadReceiptRequested),
            ("attachmentcount", staged.Count),
            ("emailrouter_size", draft.Description.Length + staged.Sum(a => a.Size)),
        ];
    }

    /// <summary>Gives an email a status, with what belongs to it.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="key">The email.</param>
    /// <param name="status">The status; the caller has checked that it may follow the present one.</param>
    /// <param name="reason">Why, for the email's author; null for none.</param>
    /// <param name="now">The time.</param>
    public static void Move(SqliteSession session, long key, EmailStatus status, string? reason, DateTimeOffset now)
    {
        // A claim is over; a new submission starts counting, and gets a Message-ID of its own. What may have been sent keeps the one it left with.
        session.Execute(
            """
            UPDATE email SET statuscode = @status, statecode = @state, emailrouter_failurereason = @reason, emailrouter_claim = NULL, emailrouter_wasstuck = 0,
                emailrouter_claimedon = CASE WHEN @status = 7 THEN @now END,
                postponeemailprocessinguntil = NULL,
                deliveryattempts = CASE WHEN @status = 6 THEN 0 ELSE deliveryattempts END,
                messageid = CASE WHEN @status = 6 AND statuscode <> 7 THEN NULL ELSE messageid END,
                senton = CASE WHEN @status = 3 THEN @now ELSE senton END,
                versionnumber = versionnumber + 1, modifiedon = @now
            WHERE emailkey = @key
            """,
            ("status", status),
            ("state", EmailTransitions.StateOf(status)),
            ("reason", reason),
            ("now", now),
            ("key", key));
        if (status == EmailStatus.Sent)
            OutboxTable.LearnHashes(session, key, OrganizationTable.Read(session));
    }

    /// <summary>Makes a party of a recipient: the record with its address, or the address with the record that carries it.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="recipient">The recipient.</param>
    /// <param name="role">Its role.</param>
    /// <returns>The party.</returns>
    public static ActivityParty Resolve(SqliteSession session, DraftRecipient recipient, ParticipationType role)
    {
        RecordReference? record = recipient.Record ?? AddressIndex.Find(session, recipient.Address!)
            .Where(o => o.IsActive)
            .OrderBy(o => (uint)Array.IndexOf(precedence, o.Record.LogicalName))
            .Select(o => o.Record)
            .FirstOrDefault();
        if (record is null)
            return new ActivityParty(role, recipient.Address);
        (RecordReference named, string? address, bool doNotEmail) = RecordTable.Describe(session, record) ??
            throw StoreErrors.RecordMissing(record.LogicalName, record.Id);
        return new ActivityParty(role, recipient.Address ?? address, named) { DoNotEmail = doNotEmail };
    }

    private static void CheckSize(string fileName, long size, OrganizationSettings settings)
    {
        if (size > settings.MaxUploadFileSize)
        {
            throw new CrmException(
                "CrmAttachmentTooLarge", $"'{fileName}' has {size} bytes; the organization takes {settings.MaxUploadFileSize}.",
                "Leave the file out, or raise maxuploadfilesize.")
            { IsAboutRecord = true };
        }
    }
}

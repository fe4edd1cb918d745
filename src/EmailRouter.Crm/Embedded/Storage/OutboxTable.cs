using EmailRouter.Crm.Outbox;
using EmailRouter.Sqlite;
using Microsoft.Data.Sqlite;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>Pending emails: claiming them, and writing back what became of them.</summary>
internal static class OutboxTable
{
    private const string IsDue = "(delayedemailsendtime IS NULL OR delayedemailsendtime <= @now) AND (postponeemailprocessinguntil IS NULL OR postponeemailprocessinguntil <= @now)";

    /// <summary>Tells whether a claim could find anything, so that an idle look needs no write.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="request">The request.</param>
    /// <param name="now">The time.</param>
    /// <returns>True when there is something pending or stuck.</returns>
    public static bool HasWork(SqliteSession session, ClaimRequest request, DateTimeOffset now) => session.Any(
        $"SELECT 1 WHERE EXISTS (SELECT 1 FROM email WHERE statuscode = 6 AND {IsDue}) OR EXISTS (SELECT 1 FROM email WHERE statuscode = 7 AND emailrouter_claimedon <= @stuck)",
        ("now", now),
        ("stuck", now - request.StuckAfter));

    /// <summary>Tells what <see cref="Claim"/> would claim: claims, reads, and takes everything back.</summary>
    /// <inheritdoc cref="Claim"/>
    /// <returns>The emails as they would be claimed, with the tracking tokens they would get.</returns>
    public static List<PendingEmail> Peek(
        SqliteSession session, ClaimRequest request, DateTimeOffset now, Func<Guid> newId, Func<long, long, Func<CancellationToken, ValueTask<Stream>>> open)
    {
        session.Execute("SAVEPOINT peek");
        try
        {
            return Claim(session, request, now, newId, open);
        }
        finally
        {
            session.Execute("ROLLBACK TO peek");
            session.Execute("RELEASE peek");
        }
    }

    /// <summary>Claims pending emails.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="request">The request.</param>
    /// <param name="now">The time.</param>
    /// <param name="newId">Makes the ids of claims.</param>
    /// <param name="open">Makes what opens an attachment's content.</param>
    /// <returns>The claimed emails.</returns>
    public static List<PendingEmail> Claim(
        SqliteSession session, ClaimRequest request, DateTimeOffset now, Func<Guid> newId, Func<long, long, Func<CancellationToken, ValueTask<Stream>>> open)
    {
        // What the claimer journalled decides about a stuck email, so it is marked and not merely pending again.
        session.Execute(
            """
            UPDATE email SET statuscode = 6, emailrouter_wasstuck = 1, versionnumber = versionnumber + 1, modifiedon = @now
            WHERE statuscode = 7 AND emailrouter_claimedon <= @stuck AND (@senders IS NULL OR emailsender IN (SELECT value FROM json_each(@senders)))
            AND (@ids IS NULL OR activityid IN (SELECT value FROM json_each(@ids)))
            """,
            ("now", now),
            ("stuck", now - request.StuckAfter),
            ("senders", request.Senders),
            ("ids", request.ActivityIds));

        OrganizationSettings settings = OrganizationTable.Read(session);
        var mailboxes = new Dictionary<Guid, CrmMailbox>();
        var shares = new List<SenderShare<Candidate>>();
        foreach (RecordReference sender in session.Query(
            "SELECT DISTINCT emailsender, emailsenderobjecttypecode, NULL FROM email WHERE statuscode = 6 AND emailsender IS NOT NULL",
            row => row.ReferenceOrNull(0)!))
        {
            if (request.Senders is { } senders && !senders.Contains(sender.Id))
                continue;
            CrmMailbox? mailbox = MailboxTable.Find(session, sender);
            if (mailbox is null || SenderGate.Check(sender, mailbox, settings).Any(e => e.Verdict == EvidenceVerdict.Reject))
                continue;
            mailboxes[sender.Id] = mailbox;
            shares.Add(ReadShare(session, sender.Id, request, now));
        }

        List<Candidate> chosen = DeficitRoundRobin.Take(shares, request.MaxCount);
        foreach (SenderShare<Candidate> share in shares.Where(s => s.IsVisited))
        {
            session.Execute(
                "INSERT OR REPLACE INTO emailrouter_sendershare (senderid, deficit, turn) VALUES (@sender, @deficit, @turn)",
                ("sender", share.SenderId),
                ("deficit", share.Deficit),
                ("turn", share.Turn));
        }

        return [.. chosen.Select(c => ClaimOne(session, c, mailboxes[c.SenderId], settings, newId(), now, open))];
    }

    /// <summary>Writes back what became of a claimed email.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="email">The claimed email.</param>
    /// <param name="outcome">What became of it.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="CrmException"><c>CrmClaimLost</c>, <c>CrmRecordMissing</c>.</exception>
    public static void Complete(SqliteSession session, PendingEmail email, SendOutcome outcome, DateTimeOffset now)
    {
        if (session.Query(
            "SELECT emailkey, statuscode, emailrouter_claim, messageid, emailrouter_wasstuck FROM email WHERE activityid = @id",
            row => (Key: row.GetInt64(0), Status: (EmailStatus)row.Int(1), Claim: row.TextOrNull(2), MessageId: row.TextOrNull(3), WasStuck: row.Flag(4)),
            ("id", email.ActivityId)) is not [var present])
        {
            throw StoreErrors.RecordMissing("email", email.ActivityId);
        }

        bool isOwn = present.Claim == email.ClaimVersion;
        bool isDone = outcome switch
        {
            SendOutcome.Sent sent => present.Status == EmailStatus.Sent && (isOwn || present.MessageId == sent.MessageId),
            SendOutcome.Failed => isOwn && present.Status == EmailStatus.Failed,
            SendOutcome.Retry or SendOutcome.Released => isOwn && present.Status == EmailStatus.PendingSend && !present.WasStuck,
            _ => false,
        };
        if (isDone)
            return;

        // A claim taken back because it was late is still good as long as nobody else has claimed the email.
        if (!isOwn || present.Status is not (EmailStatus.Sending or EmailStatus.PendingSend))
        {
            throw new CrmException(
                "CrmClaimLost",
                $"The email {email.ActivityId} was claimed by somebody else or is finished; it is {present.Status} now.",
                "Look at the email and at the send journal; an attempt that takes longer than the time after which emails are taken back needs a longer such time.")
            { IsAboutRecord = true };
        }

        int attempts = email.DeliveryAttempts + 1;
        switch (outcome)
        {
            case SendOutcome.Sent sent:
                Finish(session, present.Key, EmailStatus.Sent, now, ("messageid", sent.MessageId), ("senton", sent.SentOn), ("deliveryattempts", attempts),
                    ("failure", null));
                LearnHashes(session, present.Key, OrganizationTable.Read(session));
                break;
            case SendOutcome.Retry retry:
                Finish(session, present.Key, EmailStatus.PendingSend, now, ("messageid", retry.MessageId), ("postponed", retry.NotBefore),
                    ("deliveryattempts", attempts), ("failure", retry.Reason));
                break;
            case SendOutcome.Failed failed:
                Finish(session, present.Key, EmailStatus.Failed, now, ("messageid", present.MessageId), ("deliveryattempts", attempts),
                    ("failure", failed.Reason));
                break;
            case SendOutcome.Released:
                // As it was: an email that had been stuck is still one, since nobody has consulted its journal.
                session.Execute(
                    "UPDATE email SET statuscode = 6, emailrouter_wasstuck = @stuck, versionnumber = versionnumber + 1, modifiedon = @now WHERE emailkey = @key",
                    ("stuck", email.WasStuck),
                    ("now", now),
                    ("key", present.Key));
                break;
            case SendOutcome.Uncertain uncertain:
                session.Execute(
                    """
                    UPDATE email SET statuscode = 7, messageid = @messageid, emailrouter_failurereason = @reason, emailrouter_claimedon = @now,
                        versionnumber = versionnumber + 1, modifiedon = @now WHERE emailkey = @key
                    """,
                    ("messageid", uncertain.MessageId),
                    ("reason", uncertain.Reason),
                    ("now", now),
                    ("key", present.Key));
                break;
        }
    }

    /// <summary>Makes a sent email known to smart matching.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="emailKey">The email.</param>
    /// <param name="settings">The organization's settings.</param>
    public static void LearnHashes(SqliteSession session, long emailKey, OrganizationSettings settings)
    {
        (string subject, DateTimeOffset createdOn) = session.Query("SELECT subject, createdon FROM email WHERE emailkey = @key",
            row => (row.GetString(0), row.Time(1)), ("key", emailKey))[0];
        IEnumerable<string> addresses = EmailTable.ReadParties(session, emailKey).Select(p => p.AddressUsed).OfType<string>();
        EmailTable.InsertHashes(session, emailKey, SmartMatchKeys.Compute(subject, addresses, settings), createdOn);
    }

    /// <summary>Says why a pending email can or cannot be claimed.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="activityId">The email.</param>
    /// <param name="now">The time.</param>
    /// <returns>One line for each condition.</returns>
    public static List<Evidence> Explain(SqliteSession session, Guid activityId, DateTimeOffset now)
    {
        if (session.Query(
            """
            SELECT statuscode, directioncode, delayedemailsendtime, postponeemailprocessinguntil, deliveryattempts, emailrouter_failurereason,
            emailrouter_claimedon,
                emailsender, emailsenderobjecttypecode, emailsendername FROM email WHERE activityid = @id
            """,
            row => (Status: (EmailStatus)row.Int(0), IsOutgoing: row.Flag(1), Delayed: row.TimeOrNull(2), Postponed: row.TimeOrNull(3), Attempts: row.Int(4),
                Reason: row.TextOrNull(5),
                ClaimedOn: row.TimeOrNull(6), Sender: row.ReferenceOrNull(7)),
            ("id", activityId)) is not [var email])
        {
            throw StoreErrors.RecordMissing("email", activityId);
        }

        var evidence = new List<Evidence>
        {
            email switch
            {
                { IsOutgoing: false } => new Evidence("Outbox.Status", EvidenceVerdict.Reject, "It is a received email."),
                { Status: EmailStatus.PendingSend } => new Evidence("Outbox.Status", EvidenceVerdict.Match, "It is pending."),
                { Status: EmailStatus.Sending } =>
                    new Evidence("Outbox.Status", EvidenceVerdict.Reject,
                    $"It is being sent since {email.ClaimedOn:u}; if that is interrupted it is taken back later."),
                { Status: EmailStatus.Draft or EmailStatus.Failed } =>
                    new Evidence("Outbox.Status", EvidenceVerdict.Reject, $"It is {email.Status}; it waits for its author to send it."),
                _ => new Evidence("Outbox.Status", EvidenceVerdict.Reject, $"It is {email.Status}; nothing is to be sent."),
            },
        };
        evidence.AddRange(SenderGate.Check(email.Sender, email.Sender is null ? null : MailboxTable.Find(session, email.Sender),
            OrganizationTable.Read(session)));
        if (email.Delayed is { } delayed)
            evidence.Add(new Evidence("Outbox.DelayedSendTime", delayed > now ? EvidenceVerdict.Reject : EvidenceVerdict.Match,
                $"It is to be sent from {delayed:u} on."));
        if (email.Postponed is { } postponed)
            evidence.Add(new Evidence("Outbox.Postponed", postponed > now ? EvidenceVerdict.Reject : EvidenceVerdict.Match,
                $"The next attempt is due at {postponed:u}."));
        if (email.Reason is { } reason)
            evidence.Add(new Evidence("Outbox.LastAttempt", EvidenceVerdict.Note, $"After {email.Attempts} attempts: {reason}"));
        return evidence;
    }

    private static SenderShare<Candidate> ReadShare(SqliteSession session, Guid sender, ClaimRequest request, DateTimeOffset now)
    {
        List<Candidate> candidates = session.Query(
            $"""
            SELECT emailkey, emailrouter_size, prioritycode, createdon FROM email WHERE statuscode = 6 AND emailsender = @sender AND {IsDue}
            AND (@ids IS NULL OR activityid IN (SELECT value FROM json_each(@ids)))
            AND activityid NOT IN (SELECT value FROM json_each(@except)) ORDER BY prioritycode DESC, createdon, emailkey LIMIT @max
            """,
            row => new Candidate(row.GetInt64(0), sender, row.GetInt64(1), (EmailPriority)row.Int(2), row.Time(3)),
            ("sender", sender),
            ("now", now),
            ("ids", request.ActivityIds),
            ("except", request.ExceptActivityIds),
            ("max", request.MaxPerSender));
        (long deficit, long turn) = session.Query(
            "SELECT deficit, turn FROM emailrouter_sendershare WHERE senderid = @sender",
            row => (row.GetInt64(0), row.GetInt64(1)), ("sender", sender)).FirstOrDefault();
        return new SenderShare<Candidate>(sender, candidates) { Deficit = deficit, Turn = turn };
    }

    private static PendingEmail ClaimOne(
        SqliteSession session, Candidate candidate, CrmMailbox mailbox, OrganizationSettings settings, Guid claim, DateTimeOffset now,
        Func<long, long, Func<CancellationToken, ValueTask<Stream>>> open)
    {
        PendingEmail email = session.Query(
            """
            SELECT activityid, subject, trackingtoken, description, mimetype, submittedby, messageid, inreplyto, conversationindex, prioritycode,
            deliveryattempts, createdon,
                emailrouter_wasstuck, deliveryreceiptrequested, readreceiptrequested FROM email WHERE emailkey = @key
            """,
            row => ReadPending(row, mailbox, claim),
            ("key", candidate.Key))[0];
        if (email.TrackingToken is null)
        {
            (string subject, string? token) = TokenCounter.Assign(session, email.Subject, null, mailbox, settings);
            email = email with { Subject = subject, TrackingToken = token };
        }

        session.Execute(
            """
            UPDATE email SET statuscode = 7, statecode = 1, emailrouter_claim = @claim, emailrouter_claimedon = @now, emailrouter_wasstuck = 0,
            subject = @subject,
                trackingtoken = @token, versionnumber = versionnumber + 1, modifiedon = @now WHERE emailkey = @key AND statuscode = 6
            """,
            ("claim", email.ClaimVersion),
            ("now", now),
            ("subject", email.Subject),
            ("token", email.TrackingToken),
            ("key", candidate.Key));
        return email with
        {
            Parties = [.. EmailTable.ReadParties(session, candidate.Key).Select(p => Refresh(session, p))],
            Attachments =
            [
                .. EmailReader.Attachments(session, candidate.Key)
                    .Select(a => new EmailAttachment(a.Info.FileName, a.Info.MimeType, a.Info.Size,
                        open(a.ContentKey, a.Info.Size)) { ContentId = a.Info.ContentId }),
            ],
        };
    }

    /// <summary>A party's record may have got an address, or have opted out, since the email was written.</summary>
    private static ActivityParty Refresh(SqliteSession session, ActivityParty party)
    {
        if (party.Party is null || RecordTable.Find(session, party.Party.LogicalName) is null ||
            RecordTable.Describe(session, party.Party) is not { } described)
            return party;
        return party with
        {
            AddressUsed = party.AddressUsed ?? described.Address,
            DoNotEmail = party.DoNotEmail || described.DoNotEmail,
        };
    }

    private static PendingEmail ReadPending(SqliteDataReader row, CrmMailbox mailbox, Guid claim)
    {
        string? submittedBy = row.TextOrNull(5);
        return new PendingEmail
        {
            ActivityId = row.Guid(0),
            ClaimVersion = claim.ToString("N"),
            Subject = row.GetString(1),
            TrackingToken = row.TextOrNull(2),
            Description = row.GetString(3),
            MimeType = row.GetString(4),
            Parties = [],
            FromName = mailbox.Owner.Name,
            From = mailbox.Owner,
            FromAddress = mailbox.Address,
            SubmittedBy = string.Equals(submittedBy, mailbox.Address, StringComparison.OrdinalIgnoreCase) ? null : submittedBy,
            MessageId = row.TextOrNull(6),
            InReplyTo = row.TextOrNull(7),
            ConversationIndex = row.TextOrNull(8),
            Priority = (EmailPriority)row.Int(9),
            DeliveryAttempts = row.Int(10),
            CreatedOn = row.Time(11),
            WasStuck = row.Flag(12),
            DeliveryReceiptRequested = row.Flag(13),
            ReadReceiptRequested = row.Flag(14),
        };
    }

    private static void Finish(SqliteSession session, long key, EmailStatus status, DateTimeOffset now, params (string Name, object? Value)[] values)
    {
        object? Value(string name) => values.FirstOrDefault(v => v.Name == name).Value;
        session.Execute(
            """
            UPDATE email SET statuscode = @status, statecode = @state, messageid = @messageid, senton = @senton, postponeemailprocessinguntil = @postponed,
                deliveryattempts = @deliveryattempts, emailrouter_failurereason = @failure, emailrouter_wasstuck = 0, versionnumber = versionnumber + 1,
                modifiedon = @now
            WHERE emailkey = @key
            """,
            ("status", status),
            ("state", EmailTransitions.StateOf(status)),
            ("messageid", Value("messageid")),
            ("senton", Value("senton")),
            ("postponed", Value("postponed")),
            ("deliveryattempts", Value("deliveryattempts")),
            ("failure", Value("failure")),
            ("now", now),
            ("key", key));
    }

    private sealed record Candidate(long Key, Guid SenderId, long Size, EmailPriority Priority, DateTimeOffset CreatedOn) : ISendCost;
}

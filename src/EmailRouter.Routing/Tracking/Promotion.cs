using EmailRouter.Crm;
using EmailRouter.Routing.Tracking.Correlation;

namespace EmailRouter.Routing.Tracking;

/// <summary>The last stage: plans what the promotion of an accepted email writes, and puts the plan into the words of the record store.</summary>
internal static class Promotion
{
    public static PromotionPlan Plan(TrackingContext context, IReadOnlyList<Acceptance> acceptances, CorrelationResult correlation, RecordReference? senderUser)
    {
        CrmMailbox accepting = acceptances[0].Candidate.Mailbox;
        SenderResolution sender = AddressResolution.ResolveSender(context, accepting.OwnerUserId);
        List<ActivityParty> recipients =
        [
            .. AddressResolution.ResolveRecipients(context, ParticipationType.To, context.Email.To),
            .. AddressResolution.ResolveRecipients(context, ParticipationType.Cc, context.Email.Cc),
            .. AddressResolution.ResolveRecipients(context, ParticipationType.Bcc, context.Email.Bcc),
        ];

        string ownerWhy = accepting.Kind == CrmMailboxKind.Queue ? "the owner of the accepting" : "the accepting";
        context.Log.Note(
            TrackingRules.PromotionOwner, $"The activity is owned by {ownerWhy} {EvidenceLog.Describe(accepting)} (user {accepting.OwnerUserId}).");
        RecordReference? regarding = Regarding(context, correlation);
        IReadOnlyList<Guid> queues = QueueItems(context, acceptances);
        NewSenderRecord? record = SenderRecord(context, accepting, sender, senderUser);
        RecordReference? senderReference = record is null ? sender.Owner?.Record : new RecordReference(record.LogicalName, record.Id, record.FullName);
        return new PromotionPlan
        {
            AcceptingMailbox = accepting,
            Correlation = correlation,
            Parties = [SenderParty(context, sender, senderReference), .. recipients],
            Sender = senderReference,
            IsDuplicateSenderUnresolved = sender.IsAmbiguous,
            SenderRecord = record,
            OwnerId = accepting.OwnerUserId,
            Regarding = regarding,
            ParentActivityId = correlation.Method is CorrelationMethod.InReplyTo or CorrelationMethod.ConversationIndex ? correlation.Email?.ActivityId : null,
            CorrelatedSubjectChanged = correlation.Email is { } stored && SubjectComparison.IsChanged(context.Email.Subject, stored.Subject, context.Settings),
            QueueIds = queues,
        };
    }

    /// <summary>
    /// The queues that would still get a queue item when the email turns out to be tracked already: the queue whose mailbox was polled or, where a forward
    /// mailbox was, those that accept. Not those that are only among the recipients: they had their chance, and somebody may have taken the email out of them.
    /// </summary>
    public static IReadOnlyList<Guid> LateQueueItems(TrackingContext context, IReadOnlyList<Acceptance> acceptances)
    {
        if (!context.Settings.AddQueueItemsForTrackedEmail)
            return [];
        bool isForward = context.Email.Mailbox is { } owner && context.Mailboxes.ByOwner(owner)?.Kind == CrmMailboxKind.Forward;
        return [.. acceptances.Where(a => a.Candidate.IsQueue && (isForward || a.Candidate.IsPolled)).Select(a => a.Candidate.Mailbox.Owner.Id)];
    }

    public static NewEmail ToNewEmail(IncomingEmail email, PromotionPlan plan, OrganizationSettings settings) => new()
    {
        ActivityId = email.ActivityId,
        MessageId = email.MessageId,
        Subject = email.Subject,
        Description = email.Body,
        MimeType = email.BodyType,
        InReplyTo = email.InReplyTo.Count > 0 ? email.InReplyTo[0] : null,
        ConversationIndex = email.ConversationIndex,
        ConversationId = email.ConversationId,
        TrackingToken = plan.Correlation.TrackingToken,
        CorrelationMethod = plan.Correlation.Method,
        CorrelatedActivityId = plan.Correlation.Email?.ActivityId,
        ParentActivityId = plan.ParentActivityId,
        CorrelatedSubjectChanged = plan.CorrelatedSubjectChanged,
        Regarding = plan.Regarding,
        OwnerId = plan.OwnerId,
        AcceptingEntity = plan.AcceptingMailbox.Owner,
        ReceivingMailbox = email.Mailbox,
        EmailSender = plan.Sender,
        IsDuplicateSenderUnresolved = plan.IsDuplicateSenderUnresolved,
        Sender = email.From?.Address.Trim() ?? string.Empty,
        SubmittedBy = email.Sender?.Address.Trim(),
        ToRecipients = string.Join(';', email.To.Select(a => a.Address.Trim()).Where(a => a.Length > 0)),
        Priority = email.Priority,
        SentOn = email.SentOn,
        ReceivedOn = email.ReceivedOn,
        Notification = email.Notification,
        InternetMessageHeaders = email.InternetMessageHeaders,
        Parties = plan.Parties,
        Attachments = email.Attachments,
        QueueIds = plan.QueueIds,
        SmartMatchKeys = settings.EnableSmartMatching ? SmartMatchKeys.Compute(email.Subject, TrackingContext.ParticipantsOf(email), settings) : null,
        SenderRecord = plan.SenderRecord,
    };

    private static ActivityParty SenderParty(TrackingContext context, SenderResolution sender, RecordReference? reference) =>
        new(ParticipationType.Sender, context.SenderAddress, reference)
        {
            UnresolvedPartyName = reference is null ? context.Email.From?.DisplayName ?? context.SenderAddress : null,
            DoNotEmail = sender.Owner?.DoNotEmail ?? false,
        };

    private static RecordReference? Regarding(TrackingContext context, CorrelationResult correlation)
    {
        if (correlation.Email is not { } stored)
            context.Log.Skip(TrackingRules.PromotionRegarding, "The email responds to none; the activity is regarding nothing.");
        else if (stored.Regarding is null)
            context.Log.Note(TrackingRules.PromotionRegarding, "The correlated email is regarding nothing, so is the activity.");
        else
            context.Log.Note(
                TrackingRules.PromotionRegarding, $"The activity is regarding {EvidenceLog.Describe(stored.Regarding)}, as the correlated email is.");
        return correlation.Email?.Regarding;
    }

    private static List<Guid> QueueItems(TrackingContext context, IReadOnlyList<Acceptance> acceptances)
    {
        OrganizationSettings settings = context.Settings;
        var ids = new List<Guid>();
        var names = new List<string>();
        Candidate[] queues = [.. acceptances.Select(a => a.Candidate).Where(c => c.IsQueue)];
        if (settings.CreateQueueItemsForQueueRecipients)
        {
            ids.AddRange(queues.Select(q => q.Mailbox.Owner.Id));
            names.AddRange(queues.Select(q => EvidenceLog.Describe(q.Mailbox)));
        }

        CrmMailbox accepting = acceptances[0].Candidate.Mailbox;
        if (settings.CreateQueueItemForPolledMailbox && accepting is { Kind: CrmMailboxKind.User, DefaultQueueId: { } own } && !ids.Contains(own))
        {
            ids.Add(own);
            names.Add($"the default queue of {EvidenceLog.Describe(accepting)}");
        }

        if (ids.Count > 0)
            context.Log.Note(TrackingRules.PromotionQueueItems, $"Queue items are made in {EvidenceLog.List(names)}.");
        else if (queues.Length > 0)
            context.Log.Skip(TrackingRules.PromotionQueueItems, "The organization makes no queue items for accepting queues.");
        else
            context.Log.Skip(TrackingRules.PromotionQueueItems, "No queue accepts the email.");
        return ids;
    }

    private static NewSenderRecord? SenderRecord(TrackingContext context, CrmMailbox accepting, SenderResolution sender, RecordReference? senderUser)
    {
        string? whyNot = WhyNoSenderRecord(context, accepting, sender, senderUser);
        if (whyNot is not null)
        {
            context.Log.Skip(TrackingRules.PromotionSenderRecord, whyNot);
            return null;
        }

        string table = accepting.AutoCreate == AutoCreate.Lead ? "lead" : "contact";
        string address = context.SenderAddress;
        string name = string.IsNullOrWhiteSpace(context.Email.From?.DisplayName) ? address : context.Email.From.DisplayName.Trim();
        context.Log.Note(
            TrackingRules.PromotionSenderRecord,
            $"A {table} \"{name}\" is created for the unknown sender {address}, as the {EvidenceLog.Describe(accepting)} wishes.");
        return new NewSenderRecord(table, ActivityId.ForSender(context.Settings.OrganizationId, table, address), name, address, accepting.OwnerUserId);
    }

    private static string? WhyNoSenderRecord(TrackingContext context, CrmMailbox accepting, SenderResolution sender, RecordReference? senderUser)
    {
        if (sender.Owner is not null)
            return "The sender is known.";
        if (senderUser is not null)
            return "The sender's address is that of a user.";
        if (context.OwnersOf(context.SenderAddress).Count > 0)
            return "Records with the sender's address exist; none is created beside them.";
        if (context.Mailboxes.ByAddress(context.SenderAddress).Count > 0)
            return "The sender's address is that of one of the organization's mailboxes.";
        if (!context.Settings.AutoCreateOnPromote)
            return "The organization creates no records for unknown senders.";
        if (accepting.Kind != CrmMailboxKind.User)
            return $"Accepted by the {EvidenceLog.Describe(accepting)}; records are created for users only.";
        if (accepting.AutoCreate is not (AutoCreate.Contact or AutoCreate.Lead))
            return $"The {EvidenceLog.Describe(accepting)} wants no records created for unknown senders.";
        return context.Email.IsAutomatic ? $"The email is automatic (class {context.Email.MessageClass}): no person wrote it." : null;
    }
}

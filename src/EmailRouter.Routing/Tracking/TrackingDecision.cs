using EmailRouter.Crm;
using EmailRouter.Routing.Tracking.Correlation;

namespace EmailRouter.Routing.Tracking;

/// <summary>Runs the stages in the order of the data. A function of its arguments: nothing is read, nothing is changed.</summary>
internal static class TrackingDecision
{
    private static readonly string[] recipientRules = [TrackingRules.PolledMailbox, TrackingRules.RecipientAddresses];
    private static readonly string[] internalRules = [TrackingRules.InternalSender, TrackingRules.InternalPolicy];

    private static readonly string[] filterRules =
    [
        TrackingRules.FilterAll, TrackingRules.FilterInResponse, TrackingRules.FilterFromLeadsContactsAccounts, TrackingRules.FilterFromEmailEnabledRecords,
        TrackingRules.FilterNone,
    ];

    private static readonly string[] planRules =
    [
        TrackingRules.ResolutionSender, TrackingRules.ResolutionRecipients, TrackingRules.PromotionOwner, TrackingRules.PromotionRegarding,
        TrackingRules.PromotionQueueItems, TrackingRules.PromotionSenderRecord,
    ];

    private static IEnumerable<string> CorrelationRules => Enum.GetValues<CorrelationStep>().Select(Correlator.RuleOf).Prepend(
        TrackingRules.CorrelationForward);

    /// <summary>Decides about an email without a usable sender, which needs no look-up; null when the sender is usable.</summary>
    public static TrackingCheckResult? RejectInvalidSender(IncomingEmail email)
    {
        var log = new EvidenceLog();
        if (SenderCheck.Run(email, log))
            return null;
        log.Skip(
            [TrackingRules.DuplicateMessageId, .. recipientRules, .. internalRules, .. CorrelationRules, .. filterRules, .. planRules], "There is no sender.");
        return Finish(email, log, CheckReason.InvalidSender, "Not promoted: the sender's address is missing or malformed.");
    }

    public static TrackingCheckResult Decide(IncomingEmail email, OrganizationSettings settings, MailboxDirectory mailboxes, RecordLookup lookup)
    {
        var context = new TrackingContext(email, settings, mailboxes, lookup);
        EvidenceLog log = context.Log;
        if (!SenderCheck.Run(email, log))
            return RejectInvalidSender(email)!;

        StoredEmail? existing = DuplicateCheck.Run(context);
        if (existing is not null && !settings.AddQueueItemsForTrackedEmail)
        {
            log.Skip([.. recipientRules, .. internalRules, .. CorrelationRules, .. filterRules, .. planRules], "The email is tracked already.");
            return Duplicate(context, existing, []);
        }

        IReadOnlyList<Candidate> candidates = RecipientResolution.Run(context);
        if (candidates.Count == 0)
        {
            log.Skip([.. internalRules, .. CorrelationRules, .. filterRules, .. planRules], "No user or queue can accept the email.");
            return Reject(context, existing, CheckReason.NoRecipientMatch, "Not promoted: no recipient is a user or queue whose filter counts.");
        }

        RecordReference? senderUser = InternalMail.SenderUser(context);
        if (InternalMail.Run(context, senderUser, candidates) is not { } askable)
        {
            log.Skip([.. CorrelationRules, .. filterRules, .. planRules], "Internal email is ignored.");
            return Reject(context, existing, CheckReason.InternalEmailReject, "Not promoted: the organization ignores email between users.");
        }

        CorrelationResult correlation = Correlator.Run(context);
        IReadOnlyList<Acceptance> acceptances = Filter.Run(context, askable, correlation);
        if (acceptances.Count == 0)
        {
            log.Skip(planRules, "Nobody accepts the email.");
            return Reject(
                context,
                existing,
                CheckReason.NoCorrelationMatch,
                $"Not promoted: none of the {askable.Count} user(s) and queue(s) that were asked accepts it.");
        }

        IReadOnlyList<Guid> late = Promotion.LateQueueItems(context, acceptances);
        if (existing is not null)
        {
            log.Skip(planRules, "The email is tracked already.");
            return Duplicate(context, existing, [.. late.Except(existing.QueueIds)]);
        }

        PromotionPlan plan = Promotion.Plan(context, acceptances, correlation, senderUser);
        return Finish(email, log, acceptances[0].Reason, $"Promoted: the {EvidenceLog.Describe(plan.AcceptingMailbox)} {Why(acceptances[0].Reason)}.")
            with { Plan = plan, LateQueueIds = late };
    }

    private static string Why(CheckReason reason) => reason switch
    {
        CheckReason.AcceptAll => "accepts all email",
        CheckReason.CorrelationMatch => "accepts responses, and this is one",
        _ => "accepts email from known senders, and the sender is known",
    };

    private static TrackingCheckResult Duplicate(TrackingContext context, StoredEmail existing, IReadOnlyList<Guid> lateQueues) =>
        Finish(
            context.Email,
            context.Log,
            CheckReason.Duplicate,
            lateQueues.Count > 0
                ? $"Tracked already; the activity is put into {lateQueues.Count} further queue(s)."
                : "Not promoted: the email is tracked already.")
            with { ExistingActivityId = existing.ActivityId, LateQueueIds = lateQueues };

    // A tracked email stays a duplicate, whatever the filters said when a further queue item was considered.
    private static TrackingCheckResult Reject(TrackingContext context, StoredEmail? existing, CheckReason reason, string text) =>
        existing is null ? Finish(context.Email, context.Log, reason, text) : Duplicate(context, existing, []);

    private static TrackingCheckResult Finish(IncomingEmail email, EvidenceLog log, CheckReason reason, string text)
    {
        if (reason is CheckReason.AcceptAll or CheckReason.CorrelationMatch or CheckReason.SenderMatch)
            log.Match(TrackingRules.Outcome, text);
        else
            log.Reject(TrackingRules.Outcome, text);
        return new TrackingCheckResult(email.ActivityId, reason, log.Entries);
    }
}

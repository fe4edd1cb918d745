using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking;

/// <summary>Email between users.</summary>
/// <remarks>
/// An address in From proves nothing. So email with a user's address is internal email whoever wrote it: being internal only ever takes away
/// (the organization may ignore it, nothing is created for its sender), it grants nothing.
/// </remarks>
internal static class InternalMail
{
    /// <summary>Finds the user who carries the sender's address.</summary>
    public static RecordReference? SenderUser(TrackingContext context)
    {
        IReadOnlyList<AddressOwner> owners = context.OwnersOf(context.SenderAddress);
        AddressOwner? user = owners.FirstOrDefault(o => o.IsActive && o.Record.LogicalName == "systemuser")
            ?? (owners is [{ Record.LogicalName: "systemuser" } only] ? only : null);
        return user?.Record
            ?? context.Mailboxes.ByAddress(context.SenderAddress).FirstOrDefault(m => m.Kind == CrmMailboxKind.User && m.IsActive)?.Owner;
    }

    /// <returns>The candidates that may still accept the email; null when it is rejected as internal email.</returns>
    public static IReadOnlyList<Candidate>? Run(TrackingContext context, RecordReference? senderUser, IReadOnlyList<Candidate> candidates)
    {
        EvidenceLog log = context.Log;
        if (senderUser is null)
        {
            log.Note(TrackingRules.InternalSender, $"No user has the sender's address {context.SenderAddress}: the email comes from outside.");
            log.Skip(TrackingRules.InternalPolicy, "The email is not internal.");
            return candidates;
        }

        log.Note(
            TrackingRules.InternalSender,
            $"The sender's address {context.SenderAddress} is that of {EvidenceLog.Describe(senderUser)}: internal email. " +
            "Nothing in the message proves who wrote it; if it is forged it can do no more than internal email can.");
        if (!context.Settings.IgnoreInternalEmail)
        {
            log.Note(TrackingRules.InternalPolicy, "The organization tracks email between users as two activities.");
            return candidates;
        }

        Candidate[] queues = [.. candidates.Where(c => c.IsQueue)];
        if (queues.Length > 0 && context.Settings.DoNotIgnoreInternalEmailToQueues)
        {
            log.Note(
                TrackingRules.InternalPolicy,
                "The organization ignores internal email, but not to queues; asked are " +
                $"{EvidenceLog.List(queues.Select(c => EvidenceLog.Describe(c.Mailbox)))}, and no users.");
            return queues;
        }

        log.Reject(
            TrackingRules.InternalPolicy,
            queues.Length > 0
                ? "The organization ignores internal email, to queues as well."
                : "The organization ignores internal email, and no queue received it.");
        return null;
    }
}

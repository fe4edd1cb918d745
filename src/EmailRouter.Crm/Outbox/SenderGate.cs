namespace EmailRouter.Crm.Outbox;

/// <summary>Whether email of a sender may be sent through the router.</summary>
internal static class SenderGate
{
    /// <summary>Looks at everything a sender must fulfil.</summary>
    /// <param name="sender">The sender as the email names it; null when it names none.</param>
    /// <param name="mailbox">The sender's mailbox; null when there is no such user or queue.</param>
    /// <param name="settings">The organization's settings.</param>
    /// <returns>One line for each condition; any that rejects keeps the email pending.</returns>
    public static IEnumerable<Evidence> Check(RecordReference? sender, CrmMailbox? mailbox, OrganizationSettings settings)
    {
        if (mailbox is null)
        {
            yield return new Evidence("Outbox.Sender", EvidenceVerdict.Reject, sender is null
                ? "It has no sender; give it one." : $"Its sender {sender} is no user or queue.");
            yield break;
        }

        string who = mailbox.Owner.ToString();
        bool needsApproval = mailbox.Kind == CrmMailboxKind.Queue ? settings.RequireApprovalForQueues : settings.RequireApprovalForUsers;
        yield return Judge("Outbox.Sender", mailbox.IsActive, $"The sender {who} is active.", $"The sender {who} is disabled; enable it or cancel the email.");
        yield return Judge("Outbox.SenderAddress", mailbox.Address.Length > 0, $"Its address is {mailbox.Address}.",
            $"The sender {who} has no email address; give it one.");
        yield return Judge(
            "Outbox.DeliveryMethod",
            mailbox.OutgoingDelivery == DeliveryMethod.Router,
            "Its outgoing email goes through the router.",
            $"The outgoing delivery method of {who} is {mailbox.OutgoingDelivery}; set outgoingemaildeliverymethod to Router.");
        yield return Judge(
            "Outbox.Approval",
            mailbox.Approval == AccessApproval.Approved || !needsApproval,
            needsApproval ? "Its address is approved." : "The organization asks for no approval.",
            $"The address of {who} is not approved (emailrouteraccessapproval is {mailbox.Approval}); approve it.");
    }

    private static Evidence Judge(string rule, bool fits, string match, string reject) =>
        new(rule, fits ? EvidenceVerdict.Match : EvidenceVerdict.Reject, fits ? match : reject);
}

namespace EmailRouter.Crm;

/// <summary>What speaks against the router's work in the settings of an organization and its mailboxes, whatever CRM keeps them.</summary>
internal static class MailboxFindings
{
    /// <summary>Looks for settings that contradict each other or the router's work.</summary>
    /// <param name="settings">The organization's settings.</param>
    /// <param name="mailboxes">Its mailboxes.</param>
    /// <returns>The findings, also what is right.</returns>
    public static IEnumerable<CrmFinding> Judge(OrganizationSettings settings, IReadOnlyCollection<CrmMailbox> mailboxes)
    {
        CrmMailbox[] routed = [.. mailboxes.Where(m => m.IncomingDelivery == DeliveryMethod.Router || m.OutgoingDelivery == DeliveryMethod.Router)];
        yield return routed.Length == 0
            ? new CrmFinding(
                "CrmNoMailbox", CrmFindingSeverity.Error, "No user and no queue sends or receives email through the router.",
                "Set the incoming or outgoing delivery method of the mailboxes to server-side synchronization or email router (2).")
            : new CrmFinding("CrmMailboxes", CrmFindingSeverity.Right, $"{routed.Length} users and queues send or receive email through the router.");

        foreach (CrmMailbox mailbox in routed)
        {
            bool asks = mailbox.Kind == CrmMailboxKind.Queue ? settings.RequireApprovalForQueues : settings.RequireApprovalForUsers;
            if (asks && mailbox.Approval != AccessApproval.Approved)
            {
                yield return new CrmFinding(
                    "CrmAddressNotApproved", CrmFindingSeverity.Warning,
                    $"The address {mailbox.Address} of {mailbox.Owner} is not approved (emailrouteraccessapproval is {mailbox.Approval}).",
                    "Approve the email address in the organization.");
            }

            if (!mailbox.IsActive)
            {
                yield return new CrmFinding(
                    "CrmMailboxDisabled", CrmFindingSeverity.Warning, $"{mailbox.Owner} with the address {mailbox.Address} is disabled; its email is not handled.",
                    "Enable it, or set its delivery methods to none.");
            }
        }

        bool correlates = settings.UseTrackingToken || settings.EnableSmartMatching || (settings.EmailCorrelationEnabled && !settings.IgnoreConversationIndexAndInReplyTo);
        CrmMailbox[] responses = [.. routed.Where(m => m is { Filter: FilteringMethod.InResponse, IncomingDelivery: DeliveryMethod.Router })];
        if (!correlates && responses.Length > 0)
        {
            yield return new CrmFinding(
                "CrmCorrelationOff", CrmFindingSeverity.Warning,
                $"{responses.Length} users and queues ({Some(responses)}) take responses to CRM email only, and the organization recognizes none: tracking tokens, correlation by " +
                "headers and smart matching are off.",
                "Switch one of them on in the system settings, or choose another filter for them.");
        }
    }

    private static string Some(CrmMailbox[] mailboxes) => string.Join(", ", mailboxes.Take(3).Select(m => m.Address)) + (mailboxes.Length > 3 ? ", ..." : string.Empty);
}

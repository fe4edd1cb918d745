using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking;

/// <summary>Which users and queues received the email and may be asked whether they accept it.</summary>
/// <remarks>
/// The owner of the polled mailbox is always one of them: the message lies in that mailbox, whether it came by To, Bcc or a distribution list.
/// What it accepts is still up to its own filter.
/// </remarks>
internal static class RecipientResolution
{
    public static IReadOnlyList<Candidate> Run(TrackingContext context)
    {
        EvidenceLog log = context.Log;
        CrmMailbox? polled = FindPolled(context);
        var found = new List<Candidate>();
        var seen = new HashSet<RecordReference>();
        if (polled is not null && polled.Kind != CrmMailboxKind.Forward)
            Add(polled, isPolled: true, "the polled mailbox");

        foreach ((string field, string address) in RecipientsOf(context.Email))
        {
            foreach (CrmMailbox mailbox in MailboxesOf(address, context))
                Add(mailbox, isPolled: false, $"{address} in {field}");
        }

        if (seen.Count == 0)
            log.NoMatch(TrackingRules.RecipientAddresses, $"None of the recipients is a user or queue: {Recipients(context.Email)}.");
        else
            log.Note(
                TrackingRules.RecipientAddresses,
                $"Users and queues that received it: {EvidenceLog.List(found.Select(c => $"{EvidenceLog.Describe(c.Mailbox)} by {c.Through}"), 10)}.");

        List<Candidate> eligible = [.. found.Where(c => IsEligible(c.Mailbox, context.Settings, log))];
        eligible = OnlyPolled(eligible, polled, context);

        // The polled mailbox first, queues before users, otherwise as the message names them.
        return [.. eligible.OrderBy(c => c.IsPolled ? 0 : c.IsQueue ? 1 : 2)];

        void Add(CrmMailbox mailbox, bool isPolled, string through)
        {
            if (mailbox.Kind != CrmMailboxKind.Forward && seen.Add(mailbox.Owner))
                found.Add(new Candidate(mailbox, isPolled, through));
        }
    }

    private static CrmMailbox? FindPolled(TrackingContext context)
    {
        EvidenceLog log = context.Log;
        if (context.Email.Mailbox is not { } owner)
        {
            log.Skip(TrackingRules.PolledMailbox, "The message was not read from a mailbox; only its recipients are asked.");
            return null;
        }

        CrmMailbox? polled = context.Mailboxes.ByOwner(owner);
        if (polled is null)
            log.Note(
                TrackingRules.PolledMailbox,
                $"The polled mailbox belongs to {EvidenceLog.Describe(owner)}, which the organization does not list (any more); it is not asked.");
        else if (polled.Kind == CrmMailboxKind.Forward)
            log.Note(TrackingRules.PolledMailbox, $"The polled mailbox is {EvidenceLog.Describe(polled)}, which has no filter of its own.");
        else
            log.Note(
                TrackingRules.PolledMailbox,
                $"The polled mailbox belongs to {EvidenceLog.Describe(polled)}, which is asked whether or not the message names it.");
        return polled;
    }

    private static IEnumerable<(string Field, string Address)> RecipientsOf(IncomingEmail email) =>
        email.To.Select(a => ("To", a.Address.Trim()))
            .Concat(email.Cc.Select(a => ("Cc", a.Address.Trim())))
            .Concat(email.Bcc.Select(a => ("Bcc", a.Address.Trim())))
            .Concat(email.DeliveredTo.Select(a => ("Delivered-To", a.Trim())))
            .Where(r => r.Item2.Length > 0);

    // By the mailbox's own address, and by further addresses that the user or queue carries.
    private static IEnumerable<CrmMailbox> MailboxesOf(string address, TrackingContext context) =>
        context.Mailboxes.ByAddress(address)
            .Concat(context.OwnersOf(address).Select(o => context.Mailboxes.ByOwner(o.Record)).OfType<CrmMailbox>());

    private static string Recipients(IncomingEmail email)
    {
        string[] addresses = [.. RecipientsOf(email).Select(r => r.Address).Distinct(StringComparer.OrdinalIgnoreCase)];
        return addresses.Length == 0 ? "the message names no recipient" : EvidenceLog.List(addresses);
    }

    private static bool IsEligible(CrmMailbox mailbox, OrganizationSettings settings, EvidenceLog log)
    {
        string name = EvidenceLog.Describe(mailbox);
        if (!mailbox.IsActive)
        {
            log.NoMatch(
                TrackingRules.RecipientActive, $"The {name} is {(mailbox.Kind == CrmMailboxKind.Queue ? "inactive" : "disabled")}; its filter does not count.");
            return false;
        }

        if (mailbox.IncomingDelivery is not (DeliveryMethod.Router or DeliveryMethod.ForwardMailbox))
        {
            log.NoMatch(
                TrackingRules.RecipientDeliveryMethod,
                $"The {name} receives by {Words(mailbox.IncomingDelivery)}, not through the router or a forward mailbox; its filter does not count.");
            return false;
        }

        bool needsApproval = mailbox.Kind == CrmMailboxKind.Queue ? settings.RequireApprovalForQueues : settings.RequireApprovalForUsers;
        if (needsApproval && mailbox.Approval != AccessApproval.Approved)
        {
            log.NoMatch(
                TrackingRules.RecipientApproval,
                $"The address of the {name} is {Words(mailbox.Approval)}; its filter does not count until an administrator approves it.");
            return false;
        }

        return true;
    }

    private static List<Candidate> OnlyPolled(List<Candidate> eligible, CrmMailbox? polled, TrackingContext context)
    {
        if (!context.Settings.UseOnlyPolledMailboxFilter)
            return eligible;
        if (polled is null || polled.Kind == CrmMailboxKind.Forward)
        {
            context.Log.Skip(
                TrackingRules.PolledMailboxOnly,
                "Only the polled mailbox's filter is to count, but there is no polled mailbox with a filter; the recipients' filters count.");
            return eligible;
        }

        string[] setAside = [.. eligible.Where(c => !c.IsPolled).Select(c => EvidenceLog.Describe(c.Mailbox))];
        context.Log.Note(
            TrackingRules.PolledMailboxOnly,
            $"Only the polled mailbox's filter counts{(setAside.Length == 0 ? string.Empty : $"; not asked: {EvidenceLog.List(setAside)}")}.");
        return [.. eligible.Where(c => c.IsPolled)];
    }

    private static string Words(DeliveryMethod method) => method switch
    {
        DeliveryMethod.None => "no method",
        DeliveryMethod.Outlook => "CRM for Outlook",
        _ => method.ToString(),
    };

    private static string Words(AccessApproval approval) => approval switch
    {
        AccessApproval.Pending => "pending approval",
        AccessApproval.Rejected => "rejected",
        _ => "not approved",
    };
}

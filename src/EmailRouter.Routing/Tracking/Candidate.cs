using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking;

/// <summary>A user or queue whose filter is asked.</summary>
/// <param name="Mailbox">The user or queue.</param>
/// <param name="IsPolled">Whether its mailbox was polled.</param>
/// <param name="Through">The address or header that led to it, in words.</param>
internal sealed record Candidate(CrmMailbox Mailbox, bool IsPolled, string Through)
{
    public bool IsQueue => Mailbox.Kind == CrmMailboxKind.Queue;
}

using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Incoming;

/// <summary>What holds for the messages of one mailbox, however it is opened.</summary>
public sealed record MailboxPolicy
{
    /// <summary>Gets the mailbox.</summary>
    public required MailboxKey Key { get; init; }

    /// <summary>Gets the user or queue it belongs to; null when a message without a mailbox is only traced.</summary>
    public RecordReference? Owner { get; init; }

    /// <summary>Gets what happens to messages that are in the CRM.</summary>
    public Settlement Settlement { get; init; } = Settlement.Keep;

    /// <summary>Gets what happens to messages that are left alone.</summary>
    public Settlement UntrackedSettlement { get; init; } = Settlement.Keep;

    /// <summary>Gets from when on messages are read; null for all.</summary>
    public DateTimeOffset? ReceivedAfter { get; init; }

    /// <summary>What happens on the mail server after an action.</summary>
    /// <param name="action">What was done with a message.</param>
    /// <returns>The settlement.</returns>
    public Settlement SettlementAfter(DecisionAction action) => action switch
    {
        DecisionAction.Promoted or DecisionAction.Duplicate => Settlement,
        DecisionAction.NotTracked => UntrackedSettlement,
        _ => Settlement.Keep,
    };
}

using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.Rules;
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

    /// <summary>
    /// Gets a value indicating whether it is a forward mailbox: what lies in it is mail of others, and <see cref="Owner"/> gives way to each message's own.
    /// </summary>
    public bool IsForwardMailbox { get; init; }

    /// <summary>Gets what happens to messages of a forward mailbox that are left for a person.</summary>
    public Settlement UndeliverableSettlement { get; init; } = Settlement.Keep;

    /// <summary>Gets what knows the router's own tests of rules; null: there are none.</summary>
    internal ProbeMark? Probes { get; init; }

    /// <summary>What happens on the mail server after a decision.</summary>
    /// <param name="decision">The decision.</param>
    /// <returns>The settlement; messages that are not looked at at all stay as they are.</returns>
    public Settlement SettlementAfter(Decision decision)
    {
        ArgumentNullException.ThrowIfNull(decision);
        return decision.Reason is DecisionReasons.ReceivedTooEarly or DecisionReasons.MessageGone or DecisionReasons.Probe
            ? Settlement.Keep
            : SettlementAfter(decision.Action);
    }

    /// <summary>What happens on the mail server after an action.</summary>
    /// <param name="action">What was done with a message.</param>
    /// <returns>The settlement.</returns>
    public Settlement SettlementAfter(DecisionAction action) => action switch
    {
        DecisionAction.Promoted or DecisionAction.Duplicate => Settlement,
        DecisionAction.NotTracked => UntrackedSettlement,
        DecisionAction.Undeliverable => UndeliverableSettlement,
        _ => Settlement.Keep,
    };
}

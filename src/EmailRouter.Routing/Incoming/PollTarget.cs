using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Incoming;

/// <summary>A mailbox ready to be polled: where it is, how to open it, and what happens to its messages afterwards.</summary>
public sealed record PollTarget
{
    /// <summary>Gets the mailbox.</summary>
    public required MailboxKey Key { get; init; }

    /// <summary>Gets the user or queue it belongs to.</summary>
    public required RecordReference Owner { get; init; }

    /// <summary>Gets the mail system.</summary>
    public required IMailSystem System { get; init; }

    /// <summary>Gets the server.</summary>
    public required MailEndpoint Endpoint { get; init; }

    /// <summary>Gets the credential.</summary>
    public required MailLogin Login { get; init; }

    /// <summary>Gets what happens to messages that are in the CRM.</summary>
    public Settlement Settlement { get; init; } = Settlement.Keep;

    /// <summary>Gets what happens to messages that are left alone.</summary>
    public Settlement UntrackedSettlement { get; init; } = Settlement.Keep;

    /// <summary>Gets from when on messages are read; null for all.</summary>
    public DateTimeOffset? ReceivedAfter { get; init; }
}

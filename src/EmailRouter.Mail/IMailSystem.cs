namespace EmailRouter.Mail;

/// <summary>
/// A kind of mail system the router can talk to (POP3, SMTP, ...). It is also the public plug-in API: an assembly named in the configuration may bring
/// a system of its own by implementing this interface.
/// </summary>
/// <remarks>A system implements the doors it has; <see cref="Doors"/> says which, and the others throw <see cref="NotSupportedException"/>.</remarks>
public interface IMailSystem
{
    /// <summary>Gets the name used in profiles, e.g. <c>Pop3</c>. Compared without regard to case.</summary>
    string Name { get; }

    /// <summary>Gets the doors this system has.</summary>
    MailDoors Doors { get; }

    /// <summary>
    /// Gets a value indicating whether it works on files of this machine: its profiles name a <see cref="MailEndpoint.Path"/> and neither server nor credential.
    /// Defaults to false.
    /// </summary>
    bool IsLocal => false;

    /// <summary>
    /// Gets a value indicating whether a profile needs name no server, because the system finds it by the mailbox's address or there is only one. Defaults to false.
    /// </summary>
    bool FindsServer => false;

    /// <summary>
    /// Gets a value indicating whether its mailboxes can be asked for a message that was sent, because servers of this kind keep what they accepted in a folder of the account: its sessions
    /// implement <see cref="ISentLookup"/>. Defaults to false.
    /// </summary>
    bool FindsSent => false;

    /// <summary>Says which scope an application's access tokens need for a server of this kind. Defaults to all rights at Exchange Online.</summary>
    /// <param name="endpoint">The server.</param>
    /// <returns>The scope.</returns>
    string TokenScope(MailEndpoint endpoint) => "https://outlook.office365.com/.default";

    /// <summary>Opens one mailbox: connects, secures, authenticates.</summary>
    /// <param name="endpoint">The server and how to talk to it.</param>
    /// <param name="login">Whose mailbox, and with which credential.</param>
    /// <param name="context">Clock, network, limits and observers.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The open mailbox; the caller disposes it.</returns>
    /// <exception cref="MailException">A step failed; the exception names it and the remedy.</exception>
    ValueTask<IMailboxSession> OpenMailboxAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken);

    /// <summary>Opens a connection through which messages can be sent.</summary>
    /// <inheritdoc cref="OpenMailboxAsync"/>
    ValueTask<IMailSender> OpenSenderAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken);

    /// <summary>Opens the rules that the server applies to one mailbox.</summary>
    /// <inheritdoc cref="OpenMailboxAsync"/>
    ValueTask<IInboxRules> OpenRulesAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
        throw new NotSupportedException($"{Name} has no rules.");
}

/// <summary>What a mail system can do for the router.</summary>
[Flags]
public enum MailDoors
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Mailboxes can be read (<see cref="IMailboxSession"/>).</summary>
    Mailbox = 1,

    /// <summary>Messages can be sent (<see cref="IMailSender"/>).</summary>
    Sender = 2,

    /// <summary>Rules of mailboxes can be read and changed (<see cref="IInboxRules"/>).</summary>
    Rules = 4,
}

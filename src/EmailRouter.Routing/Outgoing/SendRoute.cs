using EmailRouter.Mail;

namespace EmailRouter.Routing.Outgoing;

/// <summary>The way out for the emails of one sender: a server and a credential. Emails with equal routes share connections.</summary>
/// <param name="Profile">The outgoing profile's name.</param>
/// <param name="System">The mail system.</param>
/// <param name="Endpoint">The server.</param>
/// <param name="Login">The credential.</param>
/// <param name="MaxConnections">The greatest number of connections at once.</param>
public sealed record SendRoute(string Profile, IMailSystem System, MailEndpoint Endpoint, MailLogin Login, int MaxConnections)
{
    /// <summary>Gets the mailbox of sent copies; null when the profile has none.</summary>
    public SentCopyTarget? SentCopy { get; init; }

    /// <summary>Gets the sender's folder of sent mail, where it is to be looked into; otherwise null.</summary>
    public SentFolderTarget? SentFolder { get; init; }

    /// <summary>Gets what keeps the profile within its server's limits; null when there are none.</summary>
    public SendingPace? Pace { get; init; }

    /// <summary>Gets what two routes must share to share connections.</summary>
    internal string Key => SendsFromMailbox ? $"{Profile}\n{Login.Mailbox}"
        : Login.Credential is PasswordCredential password ? $"{Profile}\n{password.UserName}"
        : Login.Credential is TokenCredential token ? $"{Profile}\n{token.UserName}"
        : Endpoint.Path is null ? Profile : $"{Profile}\n{Login.Mailbox}";      // a path may hold the mailbox's address

    /// <summary>A system that also reads mailboxes sends from the sender's own, whoever logs in.</summary>
    private bool SendsFromMailbox => System.Doors.HasFlag(MailDoors.Mailbox | MailDoors.Sender);
}

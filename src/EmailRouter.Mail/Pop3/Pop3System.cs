namespace EmailRouter.Mail.Pop3;

/// <summary>Mailboxes read by POP3 (RFC 1939).</summary>
public sealed class Pop3System : IMailSystem
{
    /// <inheritdoc/>
    public string Name => "Pop3";

    /// <inheritdoc/>
    public MailDoors Doors => MailDoors.Mailbox;

    /// <inheritdoc/>
    public async ValueTask<IMailboxSession> OpenMailboxAsync(
        MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentNullException.ThrowIfNull(login);
        ArgumentNullException.ThrowIfNull(context);
        Pop3Client client = await Pop3Client.OpenAsync(endpoint, login, context, cancellationToken).ConfigureAwait(false);
        return new Pop3Session(client, context);
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">Always: POP3 sends nothing.</exception>
    public ValueTask<IMailSender> OpenSenderAsync(
        MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
        throw new NotSupportedException("POP3 reads mailboxes; use SMTP to send.");
}

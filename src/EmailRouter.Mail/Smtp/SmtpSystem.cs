namespace EmailRouter.Mail.Smtp;

/// <summary>Messages sent by SMTP (RFC 5321, submission RFC 6409).</summary>
/// <remarks>
/// The option <c>EhloName</c> of the endpoint overrides the name given with EHLO; by default it is the machine's full name or else the address literal
/// of the connection.
/// </remarks>
public sealed class SmtpSystem : IMailSystem
{
    /// <inheritdoc/>
    public string Name => "Smtp";

    /// <inheritdoc/>
    public MailDoors Doors => MailDoors.Sender;

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">Always: SMTP has no mailboxes.</exception>
    public ValueTask<IMailboxSession> OpenMailboxAsync(
        MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
        throw new NotSupportedException("SMTP sends; use POP3 or IMAP to read a mailbox.");

    /// <inheritdoc/>
    public async ValueTask<IMailSender> OpenSenderAsync(
        MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentNullException.ThrowIfNull(login);
        ArgumentNullException.ThrowIfNull(context);
        SmtpClient client = await SmtpClient.OpenAsync(endpoint, login, context, cancellationToken).ConfigureAwait(false);
        return new SmtpSender(client, endpoint, login, context);
    }
}

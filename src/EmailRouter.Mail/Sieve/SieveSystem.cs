namespace EmailRouter.Mail.Sieve;

/// <summary>Rules of mailboxes on servers with ManageSieve (RFC 5804); it reads no mailbox and sends nothing.</summary>
/// <remarks>
/// Port 4190 unless the profile names another, mostly with STARTTLS. A master user edits the scripts of others by SASL PLAIN with an authorization id.
/// </remarks>
public sealed class SieveSystem : IMailSystem
{
    /// <inheritdoc/>
    public string Name => "Sieve";

    /// <inheritdoc/>
    public MailDoors Doors => MailDoors.Rules;

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">Always: ManageSieve reads no mailboxes.</exception>
    public ValueTask<IMailboxSession> OpenMailboxAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
        throw new NotSupportedException("ManageSieve reads no mailboxes; use IMAP.");

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">Always: ManageSieve sends nothing.</exception>
    public ValueTask<IMailSender> OpenSenderAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
        throw new NotSupportedException("ManageSieve sends nothing; use SMTP.");

    /// <inheritdoc/>
    public async ValueTask<IInboxRules> OpenRulesAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentNullException.ThrowIfNull(login);
        ArgumentNullException.ThrowIfNull(context);
        return new SieveInboxRules(await SieveClient.OpenAsync(endpoint, login, context, cancellationToken).ConfigureAwait(false));
    }
}

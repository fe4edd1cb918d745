using System.Collections.Concurrent;
using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Imap;

/// <summary>Mailboxes read by IMAP (IMAP4rev1, RFC 3501; IMAP4rev2, RFC 9051).</summary>
/// <remarks>
/// Options of a profile, all optional:
/// <list type="bullet">
/// <item><c>folders</c>: the folders to read, separated by semicolons. Defaults to <c>INBOX</c>. Names as the server shows them, with <c>/</c> between
/// levels; <c>\Sent</c>, <c>\Archive</c> and the like for special folders (RFC 6154); <c>Name/*</c> for a folder and all below it; <c>*</c> for all.</item>
/// <item><c>compress</c>: <c>true</c> to compress the connection (RFC 4978) where the server can. Defaults to false: it costs some 300 KB for each
/// connection.</item>
/// <item><c>sentFolder</c>: the folder in which the server keeps what was sent, for <see cref="ISentLookup"/>. Defaults to <c>\Sent</c>, the server's own name for it.</item>
/// </list>
/// The settlement Categorize sets the category as a keyword, with <c>_</c> for blanks and what else a keyword cannot hold.
/// The settlement Delete removes only the messages it is about (UIDPLUS, RFC 4315); servers without that keep them marked <c>\Deleted</c>.
/// </remarks>
public sealed class ImapSystem : IMailSystem
{
    /// <summary>Servers whose compressed data could not be read; they are used without from then on.</summary>
    private readonly ConcurrentDictionary<string, bool> badCompression = new(StringComparer.OrdinalIgnoreCase);

    /// <inheritdoc/>
    public string Name => "Imap";

    /// <inheritdoc/>
    public MailDoors Doors => MailDoors.Mailbox;

    /// <inheritdoc/>
    public bool FindsSent => true;

    /// <inheritdoc/>
    public async ValueTask<IMailboxSession> OpenMailboxAsync(
        MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentNullException.ThrowIfNull(login);
        ArgumentNullException.ThrowIfNull(context);
        ImapOptions options = ImapOptions.Read(endpoint);
        if (badCompression.ContainsKey(endpoint.Host))
            options = options with { Compress = false };
        ImapClient client = await ImapClient.OpenAsync(
            endpoint, login, options, context, () => badCompression[endpoint.Host] = true, cancellationToken).ConfigureAwait(false);
        try
        {
            var names = new ImapFolderNames(client);
            IReadOnlyList<string> folders = await MailSteps.RunAsync(
                context,
                MailStep.OpenMailbox,
                async () =>
                {
                    IReadOnlyList<string> found = await names.ResolveAsync(options.Folders, cancellationToken).ConfigureAwait(false);
                    await client.SelectAsync(found[0], null, cancellationToken).ConfigureAwait(false);
                    return (found, string.Join(", ", found));
                }).ConfigureAwait(false);
            return new ImapSession(client, names, folders, options.SentFolder, context);
        }
        catch
        {
            await client.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">Always: IMAP sends nothing.</exception>
    public ValueTask<IMailSender> OpenSenderAsync(
        MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
        throw new NotSupportedException("IMAP reads mailboxes; use SMTP to send.");
}

using EmailRouter.Mail.Files;
using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Maildir;

/// <summary>
/// Mailboxes kept as Maildirs, as Dovecot, Courier, Postfix, Exim and qmail write them: <c>new</c>, <c>cur</c> and <c>tmp</c>, one file a message, with
/// sub-folders as Maildir++ has them (<c>.Archive</c>). Nothing is locked; a Maildir needs no locks.
/// </summary>
public sealed class MaildirSystem : IMailSystem
{
    /// <inheritdoc/>
    public string Name => "Maildir";

    /// <inheritdoc/>
    public MailDoors Doors => MailDoors.Mailbox;

    /// <inheritdoc/>
    public bool IsLocal => true;

    /// <inheritdoc/>
    public async ValueTask<IMailboxSession> OpenMailboxAsync(
        MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentNullException.ThrowIfNull(login);
        ArgumentNullException.ThrowIfNull(context);
        return await MailSteps.RunAsync(
            context,
            MailStep.OpenMailbox,
            async () =>
            {
                string folder = MailboxPath.Expand(endpoint.Path, login.Mailbox);
                await FileMailboxSession.RunAsync(context, MailStep.OpenMailbox, folder, "opened", () => RequireMaildir(folder), cancellationToken).ConfigureAwait(false);
                return (new MaildirSession(folder, context), folder);
            }).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">Always: a Maildir is read.</exception>
    public ValueTask<IMailSender> OpenSenderAsync(
        MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
        throw new NotSupportedException("Maildir reads mailboxes; use SMTP or DropFolder to send.");

    private static bool RequireMaildir(string folder)
    {
        foreach (string part in (string[])["new", "cur"])
        {
            string path = Path.Combine(folder, part);
            try
            {
                using IEnumerator<string> entries = Directory.EnumerateFileSystemEntries(path).GetEnumerator();
                entries.MoveNext();
            }
            catch (DirectoryNotFoundException e) when (Directory.Exists(folder))
            {
                throw FileErrors.Missing(MailStep.OpenMailbox, folder, $"it is no Maildir, for it has no folder {part}", e);
            }
        }

        return true;
    }
}

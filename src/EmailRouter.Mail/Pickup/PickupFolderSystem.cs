using EmailRouter.Mail.Files;
using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Pickup;

/// <summary>
/// A folder into which other programs put messages, one file <c>*.eml</c> each, as a mailbox. A program either writes under another name and renames when it
/// is done, or writes under the final name; then the file counts once nothing has been written for the quiet time.
/// </summary>
public sealed class PickupFolderSystem : IMailSystem
{
    /// <summary>The option of a profile that sets the quiet time in seconds, 0 to 3600; 2 when left out. With 0 only renaming makes a file complete.</summary>
    public const string QuietSecondsOption = "quietSeconds";

    /// <inheritdoc/>
    public string Name => "PickupFolder";

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
                TimeSpan quiet = TimeSpan.FromSeconds(FileOptionValues.Number(endpoint, QuietSecondsOption, 2, 0, 3600));
                await FileMailboxSession.RunAsync(context, MailStep.OpenMailbox, folder, "opened", () => RequireFolder(folder), cancellationToken).ConfigureAwait(false);
                return (new PickupFolderSession(folder, quiet, context), folder);
            }).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">Always: a pick-up folder is read; <c>DropFolder</c> is the one to write to.</exception>
    public ValueTask<IMailSender> OpenSenderAsync(
        MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
        throw new NotSupportedException("PickupFolder reads messages; use DropFolder to send.");

    private static bool RequireFolder(string folder)
    {
        // Asking for an entry tells a missing folder from one that may not be looked into.
        using IEnumerator<string> entries = Directory.EnumerateFileSystemEntries(folder).GetEnumerator();
        return entries.MoveNext();
    }
}

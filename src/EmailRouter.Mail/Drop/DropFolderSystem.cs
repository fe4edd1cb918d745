using EmailRouter.Mail.Files;
using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Drop;

/// <summary>
/// A folder from which another program takes messages and sends them, one file <c>*.eml</c> each: the pick-up folder of a mail server, or of a program of the house.
/// </summary>
public sealed class DropFolderSystem : IMailSystem
{
    /// <summary>
    /// The option of a profile that says where the envelope is written: <c>headers</c> (X-Sender and X-Receiver lines on top of the message, as the pick-up folders of
    /// IIS and the replay folder of Exchange take them; the default), <c>json</c> (a side-car file of the same name with <c>.json</c>), or <c>both</c>.
    /// </summary>
    public const string EnvelopeOption = "envelope";

    /// <inheritdoc/>
    public string Name => "DropFolder";

    /// <inheritdoc/>
    public MailDoors Doors => MailDoors.Sender;

    /// <inheritdoc/>
    public bool IsLocal => true;

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">Always: a drop folder is written to; <c>PickupFolder</c> is the one to read.</exception>
    public ValueTask<IMailboxSession> OpenMailboxAsync(
        MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
        throw new NotSupportedException("DropFolder sends; use PickupFolder to read messages from a folder.");

    /// <inheritdoc/>
    public async ValueTask<IMailSender> OpenSenderAsync(
        MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentNullException.ThrowIfNull(login);
        ArgumentNullException.ThrowIfNull(context);
        return await MailSteps.RunAsync(
            context,
            MailStep.Connect,
            async () =>
            {
                string folder = MailboxPath.Expand(endpoint.Path, login.Mailbox);
                DropEnvelopeForms forms = DropEnvelope.FormsOf(endpoint);
                bool there = await FileMailboxSession.RunAsync(context, MailStep.Connect, folder, "opened", () => Directory.Exists(folder), cancellationToken).ConfigureAwait(false);
                return there ? (new DropFolderSender(folder, forms), folder) : throw FileErrors.Missing(MailStep.Connect, folder, "it does not exist, or may not be looked into");
            }).ConfigureAwait(false);
    }
}

using EmailRouter.Mail;

namespace EmailRouter.Routing.Outgoing;

/// <summary>How to read the folder in which a sender's mail server keeps what was sent.</summary>
/// <param name="System">The mail system, one that <see cref="IMailSystem.FindsSent"/>.</param>
/// <param name="Endpoint">Its server.</param>
/// <param name="Login">The sender's mailbox and credential.</param>
public sealed record SentFolderTarget(IMailSystem System, MailEndpoint Endpoint, MailLogin Login);

/// <summary>
/// Looks for messages in a sender's folder of sent mail. Only what is found counts: a message that is not there may be on its way, may have been moved or deleted, or its server keeps none.
/// </summary>
/// <param name="target">The folder.</param>
/// <param name="context">Clock, network and limits.</param>
internal sealed class SentFolder(SentFolderTarget target, MailContext context) : ISentLookup
{
    /// <inheritdoc/>
    /// <returns>True or null: never false, by which the message would be sent again.</returns>
    public async ValueTask<bool?> WasSentAsync(string messageId, CancellationToken cancellationToken)
    {
        IMailboxSession session = await target.System.OpenMailboxAsync(target.Endpoint, target.Login, context, cancellationToken).ConfigureAwait(false);
        await using (session.ConfigureAwait(false))
        {
            bool found = session is ISentLookup lookup && await lookup.WasSentAsync(messageId, cancellationToken).ConfigureAwait(false) == true;
            await session.CompleteAsync(cancellationToken).ConfigureAwait(false);
            return found ? true : null;
        }
    }
}

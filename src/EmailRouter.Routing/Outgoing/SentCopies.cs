using EmailRouter.Mail;
using EmailRouter.Mime;

namespace EmailRouter.Routing.Outgoing;

/// <summary>A mailbox that gets a copy of everything a profile sends, and how to read it.</summary>
/// <param name="Address">The address that is added to the envelope of every message.</param>
/// <param name="System">The mail system of the mailbox.</param>
/// <param name="Endpoint">Its server.</param>
/// <param name="Login">Its credential.</param>
public sealed record SentCopyTarget(string Address, IMailSystem System, MailEndpoint Endpoint, MailLogin Login)
{
    /// <summary>The id of the error that the mail server does not take mail for the mailbox of sent copies.</summary>
    public const string RefusedId = "RouterSentCopyRefused";

    /// <summary>Without its copy a message could not be looked up later, so it does not leave at all.</summary>
    internal static RouterException Refused(string copy, SendRoute route) => new(new RouterError(
        RefusedId,
        "Send",
        $"{route.Endpoint.Host} does not take mail for {copy}, the mailbox of sent copies of the profile {route.Profile}, so nothing is sent through it.",
        "Correct the mailbox of sent copies, or remove it from the profile.",
        true));

    /// <summary>The copy is the router's own business; the outcome is that of the recipients.</summary>
    internal static SendReceipt Without(string copy, SendReceipt receipt)
    {
        List<RecipientResult> own = [.. receipt.Recipients.Where(r => !r.Address.Equals(copy, StringComparison.OrdinalIgnoreCase))];
        bool refused = receipt.Status == SendStatus.Accepted && own.TrueForAll(r => r.Status != SendStatus.Accepted);
        return receipt with
        {
            Recipients = own,
            Status = !refused ? receipt.Status : own.Exists(r => r.Status == SendStatus.Deferred) ? SendStatus.Deferred : SendStatus.Rejected,
            Reply = refused && own.Count > 0 ? own[0].Reply : receipt.Reply,
        };
    }
}

/// <summary>
/// Looks for messages in the mailbox of sent copies. A mail server takes a message for all recipients of a transaction or for none, so what the mailbox has
/// was sent, and what it does not have, after a while, was not. This is how an email whose answer was lost is cleared up where SMTP itself cannot tell.
/// </summary>
/// <param name="target">The mailbox.</param>
/// <param name="context">Clock, network and limits.</param>
internal sealed class SentCopies(SentCopyTarget target, MailContext context) : ISentLookup, IDisposable
{
    /// <summary>How many of the newest messages are looked at; what is older was cleared up long ago.</summary>
    private const int Depth = 5000;

    private readonly SemaphoreSlim gate = new(1, 1);
    private HashSet<string>? found;

    /// <inheritdoc/>
    public async ValueTask<bool?> WasSentAsync(string messageId, CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            found ??= await ReadAsync(cancellationToken).ConfigureAwait(false);
            return found.Contains(MessageIds.TrimBrackets(messageId));
        }
        finally
        {
            gate.Release();
        }
    }

    public void Dispose() => gate.Dispose();

    private async ValueTask<HashSet<string>> ReadAsync(CancellationToken cancellationToken)
    {
        var ids = new HashSet<string>(StringComparer.Ordinal);
        IMailboxSession session = await target.System.OpenMailboxAsync(target.Endpoint, target.Login, context, cancellationToken).ConfigureAwait(false);
        await using (session.ConfigureAwait(false))
        {
            var listed = new List<MessageRef>();
            await foreach (MessageRef message in session.ListAsync(MailboxCursor.Start, cancellationToken).ConfigureAwait(false))
                listed.Add(message);
            foreach (MessageRef message in listed.Skip(listed.Count - Depth))
            {
                using FetchedMessage header = await session.FetchHeaderAsync(message, cancellationToken).ConfigureAwait(false);
                if (header.Content is { } content && MimeMessage.Parse(content.Memory).MessageId is { } id)
                    ids.Add(MessageIds.TrimBrackets(id));
            }

            await session.CompleteAsync(cancellationToken).ConfigureAwait(false);
        }

        return ids;
    }
}

using EmailRouter.Mail;
using EmailRouter.Mime;

namespace EmailRouter.Routing.Incoming;

/// <summary>Finds one message of a mailbox by what a person has at hand: its id on the server, or its Message-ID.</summary>
internal static class MessageSearch
{
    public static async ValueTask<MessageRef> FindAsync(IMailboxSession session, string mailbox, string messageKey, CancellationToken cancellationToken)
    {
        bool isMessageId = messageKey.Contains('@', StringComparison.Ordinal);
        var listed = new List<MessageRef>();
        await foreach (MessageRef message in session.ListAsync(MailboxCursor.Start, cancellationToken).ConfigureAwait(false))
        {
            if (message.Id == messageKey)
                return message;
            listed.Add(message);
        }

        // Newest first: it is mostly a recent message that somebody asks about.
        if (isMessageId)
        {
            string wanted = MessageIds.TrimBrackets(messageKey);
            for (int i = listed.Count - 1; i >= 0; i--)
            {
                using FetchedMessage header = await session.FetchHeaderAsync(listed[i], cancellationToken).ConfigureAwait(false);
                if (header.Content is { } content && MimeMessage.Parse(content.Memory).MessageId is { } id && MessageIds.TrimBrackets(id) == wanted)
                    return listed[i];
            }
        }

        throw NotFound(mailbox, messageKey);
    }

    public static RouterException NotFound(string mailbox, string messageKey) => new(new RouterError(
        "RouterMessageNotFound", "List", $"There is no message {messageKey} in {mailbox}.", "Name a message by the MessageKey of a decision, or by its Message-ID.", false));
}

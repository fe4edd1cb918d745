using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using EmailRouter.Mail.Net;
using EmailRouter.Mail.Net.Http;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Graph;

/// <summary>Fetches messages as MIME ("Get MIME content from a message"): several at once, handed out in order, each straight into the spool.</summary>
internal sealed class GraphFetcher(GraphClient client)
{
    /// <summary>How many messages are fetched before the first of them is taken: as many as may be under way, and one to hand out.</summary>
    private const int Ahead = GraphGate.Slots + 1;

    private const int MaximumAttempts = 3;
    private const int ReadSize = 64 * 1024;
    private const int HeaderLimit = 1024 * 1024;

    /// <summary>Fetches messages in the order given.</summary>
    /// <param name="messages">The messages.</param>
    /// <param name="cancellationToken">Stops the fetching.</param>
    /// <returns>One result for each.</returns>
    public async IAsyncEnumerable<FetchedMessage> ReadAsync(IReadOnlyList<MessageRef> messages, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var underWay = new Queue<Task<FetchedMessage>>();
        try
        {
            for (int next = 0; next < messages.Count || underWay.Count > 0;)
            {
                while (next < messages.Count && underWay.Count < Ahead)
                    underWay.Enqueue(FetchAsync(messages[next++], stop.Token));
                yield return await underWay.Dequeue().ConfigureAwait(false);
            }
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            while (underWay.TryDequeue(out Task<FetchedMessage>? task))
                await ForgetAsync(task).ConfigureAwait(false);
        }
    }

    /// <summary>Fetches the header of a message.</summary>
    /// <param name="message">The message.</param>
    /// <param name="cancellationToken">Stops the fetching.</param>
    /// <returns>The header.</returns>
    public async ValueTask<FetchedMessage> FetchHeaderAsync(MessageRef message, CancellationToken cancellationToken)
    {
        var request = new GraphRequest { Step = MailStep.Fetch, What = "get header", Path = $"{PathOf(message)}?$select=internetMessageHeaders" };
        try
        {
            byte[]? header = await client.GetAsync(request, ToHeader, cancellationToken).ConfigureAwait(false);

            // Only received mail has headers of its own; what was put into the mailbox otherwise gets them with its MIME.
            return header is not null
                ? new FetchedMessage(message, MessageBuffer.Wrap(header))
                : await client.SendAsync(ContentRequest(message), (answer, token) => ReadHeaderAsync(message, answer, token), cancellationToken).ConfigureAwait(false);
        }
        catch (GraphRefusedException e) when (Concerns(e.Fault))
        {
            return Failed(message, e);
        }
    }

    private static byte[]? ToHeader(JsonElement body)
    {
        var text = new StringBuilder();
        foreach (JsonElement header in GraphJson.Objects(body, "internetMessageHeaders"))
        {
            if (GraphJson.Text(header, "name") is not { Length: > 0 } name || name.AsSpan().IndexOfAnyExceptInRange('!', '~') >= 0 || name.Contains(':', StringComparison.Ordinal))
                continue;
            string value = GraphJson.Text(header, "value") ?? string.Empty;

            // A line break within a value is a fold; one without a blank behind it must not begin another header.
            string folded = string.Join("\r\n ", value.Split(["\r\n", "\n", "\r"], StringSplitOptions.RemoveEmptyEntries).Select((line, i) => i == 0 ? line : line.TrimStart(' ', '\t')));
            text.Append(name).Append(": ").Append(folded).Append("\r\n");
        }

        return text.Length == 0 ? null : Encoding.UTF8.GetBytes(text.Append("\r\n").ToString());
    }

    /// <summary>Says whether a refusal is about this message alone, so that the others can still be had.</summary>
    private static bool Concerns(GraphFault fault) => fault is GraphFault.ItemGone or GraphFault.BadMessage or GraphFault.BadRequest or GraphFault.TooLarge
        or GraphFault.ServerFault or GraphFault.Refused or GraphFault.Conflict or GraphFault.PositionLost or GraphFault.FolderExists;

    private static async ValueTask ForgetAsync(Task<FetchedMessage> task)
    {
        try
        {
            (await task.ConfigureAwait(false)).Dispose();
        }
        catch (Exception e) when (e is MailException or OperationCanceledException)
        {
            // Nobody waits for it any more: the caller has stopped, or has the error of an earlier message.
        }
    }

    private string PathOf(MessageRef message) => $"{client.User}/messages/{Uri.EscapeDataString(message.Id)}";

    private GraphRequest ContentRequest(MessageRef message) => new() { Step = MailStep.Fetch, What = "get message", Path = PathOf(message) + "/$value" };

    private async Task<FetchedMessage> FetchAsync(MessageRef message, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                FetchedMessage fetched = await client.SendAsync(
                    ContentRequest(message), (answer, token) => ReadAsync(message, answer, token), cancellationToken).ConfigureAwait(false);
                if (fetched.Error is not MailConnectionException || attempt == MaximumAttempts)
                    return fetched;
            }
            catch (GraphRefusedException e) when (Concerns(e.Fault))
            {
                return Failed(message, e);
            }
            catch (MailConnectionException e) when (e.ErrorId == "MailConnectionLost")
            {
                // A short message breaks off while its beginning is read.
                if (attempt == MaximumAttempts)
                    return new FetchedMessage(message, null, e);
            }
        }
    }

    private async ValueTask<FetchedMessage> ReadAsync(MessageRef message, HttpAnswer answer, CancellationToken cancellationToken)
    {
        MessageBufferOptions buffers = client.Context.Buffers;
        try
        {
            if (answer.Length > buffers.MaximumSize)
                throw new MessageTooLargeException(buffers.MaximumSize);
            using var writer = new MessageBufferWriter(buffers, (int)(answer.Length ?? ReadSize));
            int read;
            while ((read = await answer.Body.ReadAsync(writer.GetMemory(ReadSize), cancellationToken).ConfigureAwait(false)) > 0)
                writer.Advance(read);
            if (answer.Length is { } stated && writer.Length < stated)
                return new FetchedMessage(message, null, client.Cut(MailStep.Fetch, "get message", writer.Length, stated));
            return writer.Length == 0 ? Failed(message, "the service sent nothing") : new FetchedMessage(message, writer.Complete());
        }
        catch (Exception e) when (e is MessageTooLargeException or IOException or UnauthorizedAccessException)
        {
            return new FetchedMessage(message, null, MessageErrors.NotKept(client.Where("get message"), message, e));
        }
        catch (MailConnectionException e)
        {
            // It broke off in the middle of this message; others may come through.
            return new FetchedMessage(message, null, e);
        }
    }

    private async ValueTask<FetchedMessage> ReadHeaderAsync(MessageRef message, HttpAnswer answer, CancellationToken cancellationToken)
    {
        using var start = new MemoryStream();
        byte[] buffer = new byte[16 * 1024];
        int read;
        while (HeaderBytes.Find(start.GetBuffer().AsSpan(0, (int)start.Length)) < 0
            && start.Length < HeaderLimit
            && (read = await answer.Body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
            start.Write(buffer, 0, read);
        return start.Length == 0
            ? Failed(message, "the service sent nothing")
            : new FetchedMessage(message, HeaderBytes.Cut(start.GetBuffer().AsSpan(0, (int)start.Length)));
    }

    private FetchedMessage Failed(MessageRef message, string why) => new(
        message,
        null,
        new MailCommandException(
            "MailMessageUnavailable", MailStep.Fetch, $"{client.Where("get message")}: message {message.Id} cannot be fetched: {why}.", GraphErrorCodes.Describe(GraphFault.BadMessage, MailStep.Fetch).Remedy)
        {
            Conversation = client.Conversation,
        });

    private FetchedMessage Failed(MessageRef message, GraphRefusedException cause)
    {
        if (cause.Fault is GraphFault.ItemGone)
        {
            return new FetchedMessage(
                message,
                null,
                new MailCommandException(MailException.MessageGone, MailStep.Fetch, $"{client.Where("get message")}: message {message.Id} is no longer there.", cause.Remedy, cause)
                {
                    Reply = cause.Reply,
                    Conversation = client.Conversation,
                });
        }

        return new FetchedMessage(
            message,
            null,
            new MailCommandException(
                "MailMessageUnavailable",
                MailStep.Fetch,
                $"{client.Where("get message")}: message {message.Id} cannot be fetched: {cause.Error}",
                GraphErrorCodes.Describe(GraphFault.BadMessage, MailStep.Fetch).Remedy,
                cause)
            {
                Reply = cause.Reply,
                IsTransient = cause.IsTransient,
                Conversation = client.Conversation,
            });
    }
}

using System.Runtime.CompilerServices;
using System.Text;
using System.Xml.Linq;
using EmailRouter.Mail.Exchange.Soap;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Exchange;

/// <summary>Fetches the MIME content of items (GetItem): small ones together, large ones by themselves.</summary>
/// <remarks>
/// Exchange makes the MIME anew from its properties. Where it leaves out the Message-ID or the Thread-Index although the item has them, they are put in front of its header: correlation needs them.
/// </remarks>
internal sealed class ExchangeFetcher(EwsChannel channel, MailContext context)
{
    /// <summary>How many requests are under way before the first of their messages is taken: while one is waited for the server makes the next.</summary>
    private const int Ahead = 2;

    private const int BatchSize = 10;
    private const long BatchBytes = 10 << 20;
    private const long Large = 5 << 20;

    /// <summary>What an item without a stated size is taken for.</summary>
    private const long UnknownSize = 256 << 10;

    private const string InternetMessageId = "message:InternetMessageId";
    private const string ConversationIndex = "0x0071 Binary";
    private const string TransportHeaders = "0x007D String";

    /// <summary>Fetches.</summary>
    /// <param name="messages">The items.</param>
    /// <param name="cancellationToken">Stops the fetching.</param>
    /// <returns>One result for each, in order.</returns>
    public async IAsyncEnumerable<FetchedMessage> ReadAsync(IReadOnlyList<MessageRef> messages, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var underWay = new Queue<Task<List<FetchedMessage>>>();
        var fetched = new Queue<FetchedMessage>();
        try
        {
            for (int next = 0; next < messages.Count || underWay.Count > 0;)
            {
                while (next < messages.Count && underWay.Count < Ahead)
                {
                    List<MessageRef> batch = NextBatch(messages, next);
                    next += batch.Count;
                    underWay.Enqueue(FetchAsync(batch, stop.Token));
                }

                fetched = new Queue<FetchedMessage>(await underWay.Dequeue().ConfigureAwait(false));
                while (fetched.TryDequeue(out FetchedMessage? one))
                    yield return one;
            }
        }
        finally
        {
            foreach (FetchedMessage unwanted in fetched)
                unwanted.Dispose();
            await stop.CancelAsync().ConfigureAwait(false);
            while (underWay.TryDequeue(out Task<List<FetchedMessage>>? task))
                await ForgetAsync(task).ConfigureAwait(false);
        }
    }

    /// <summary>Fetches a header: as it came by transport; where the item has none such, that of the MIME content.</summary>
    /// <param name="message">The item.</param>
    /// <param name="cancellationToken">Stops the fetching.</param>
    /// <returns>The header.</returns>
    public async ValueTask<FetchedMessage> ReadHeaderAsync(MessageRef message, CancellationToken cancellationToken)
    {
        EwsMessage answer = (await channel.AskAsync(GetItem([message], mime: false), cancellationToken).ConfigureAwait(false))[0];
        if (!answer.IsSuccess)
            return Failed(message, answer);
        string header = Property(answer.Items.FirstOrDefault(), 0x007D) ?? string.Empty;
        if (header.StartsWith("Microsoft Mail Internet Headers", StringComparison.OrdinalIgnoreCase))
            header = header[(header.IndexOf('\n', StringComparison.Ordinal) + 1)..];
        header = header.Trim('\r', '\n');
        if (header.Contains(':', StringComparison.Ordinal))
            return new FetchedMessage(message, MessageBuffer.Wrap(Encoding.UTF8.GetBytes(header.ReplaceLineEndings("\r\n") + "\r\n\r\n")));
        if (IsTooLarge(message))
            return NotKept(message, new MessageTooLargeException(context.Buffers.MaximumSize));
        using FetchedMessage whole = (await FetchAsync([message], cancellationToken).ConfigureAwait(false))[0];
        return whole.Content is { } content ? new FetchedMessage(message, HeaderBytes.Cut(content.Memory.Span)) : new FetchedMessage(message, null, whole.Error);
    }

    private static async ValueTask ForgetAsync(Task<List<FetchedMessage>> task)
    {
        try
        {
            foreach (FetchedMessage unwanted in await task.ConfigureAwait(false))
                unwanted.Dispose();
        }
        catch (Exception e) when (e is MailException or OperationCanceledException)
        {
            // Nobody waits for it any more: the caller has stopped, or has the error of an earlier request.
        }
    }

    private List<MessageRef> NextBatch(IReadOnlyList<MessageRef> messages, int start)
    {
        var batch = new List<MessageRef> { messages[start] };
        long bytes = SizeOf(messages[start]);
        if (bytes > Large || IsTooLarge(messages[start]))
            return batch;
        for (int i = start + 1; i < messages.Count && batch.Count < BatchSize && SizeOf(messages[i]) <= Large && !IsTooLarge(messages[i]); i++)
        {
            bytes += SizeOf(messages[i]);
            if (bytes > BatchBytes)
                break;
            batch.Add(messages[i]);
        }

        return batch;
    }

    private static long SizeOf(MessageRef message) => message.Size ?? UnknownSize;

    private static string? Property(XElement? item, int tag) => item.Children("ExtendedProperty")
        .FirstOrDefault(p => TagOf((string?)p.Child("ExtendedFieldURI")?.Attribute("PropertyTag")) == tag)
        .Child("Value")?.Value;

    /// <summary>Servers echo tags in hex without leading zeros, or in decimal.</summary>
    private static int TagOf(string? text)
    {
        if (text is null)
            return -1;
        bool isHex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return int.TryParse(
            isHex ? text.AsSpan(2) : text, isHex ? System.Globalization.NumberStyles.HexNumber : System.Globalization.NumberStyles.None,
            System.Globalization.CultureInfo.InvariantCulture, out int tag) ? tag : -1;
    }

    private bool IsTooLarge(MessageRef message) => message.Size > context.Buffers.MaximumSize;

    private EwsCall GetItem(List<MessageRef> batch, bool mime)
    {
        // Base64 and the XML around it; the size an item states is not that of its MIME, which may be half as long again.
        long limit = EwsCall.UsualLimit + (batch.Count * (context.Buffers.MaximumSize / 3L * 4));
        return new EwsCall("GetItem", MailStep.Fetch, w =>
        {
            w.Start("m:GetItem");
            if (mime)
                w.ItemShape(true, InternetMessageId, ConversationIndex);
            else
                w.ItemShape(false, TransportHeaders);
            w.ItemIds(batch.Select(m => m.Id)).End();
        })
        {
            Limit = mime ? limit : EwsCall.UsualLimit,
        };
    }

    private async Task<List<FetchedMessage>> FetchAsync(List<MessageRef> batch, CancellationToken cancellationToken)
    {
        if (IsTooLarge(batch[0]))
            return [NotKept(batch[0], new MessageTooLargeException(context.Buffers.MaximumSize))];
        var results = new List<FetchedMessage>();
        try
        {
            using EwsResponseReader reader = await channel.OpenAsync(GetItem(batch, mime: true), cancellationToken).ConfigureAwait(false);
            while (results.Count < batch.Count && await reader.ReadAsync(context.Buffers).ConfigureAwait(false) is { } answer)
            {
                using (answer)
                {
                    // A server that is busy stops the batch; what is done is done.
                    if (!answer.IsSuccess && ExchangeResponseCodes.Find(answer.Code) is { IsTransient: true, ErrorId: "MailServerThrottled" })
                        throw channel.Refused(answer, MailStep.Fetch, "to fetch messages");
                    results.Add(Take(batch[results.Count], answer));
                }
            }

            while (results.Count < batch.Count)
                results.Add(Unavailable(batch[results.Count], "the server did not send it"));
            return results;
        }
        catch (MailProtocolException e) when (e.ErrorId == "MailAnswerInvalid")
        {
            // One item may spoil the answer for all: each by itself, so that the others come through.
            foreach (FetchedMessage done in results)
                done.Dispose();
            if (batch.Count == 1)
                return [new FetchedMessage(batch[0], null, Unavailable(batch[0], e.Message).Error)];
            results.Clear();
            foreach (MessageRef message in batch)
                results.AddRange(await FetchAsync([message], cancellationToken).ConfigureAwait(false));
            return results;
        }
        catch
        {
            foreach (FetchedMessage done in results)
                done.Dispose();
            throw;
        }
    }

    private FetchedMessage Take(MessageRef message, EwsMessage answer)
    {
        if (answer.MimeFailure is { } failure)
            return NotKept(message, failure);
        if (!answer.IsSuccess)
            return Failed(message, answer);
        XElement? item = answer.Items.FirstOrDefault();
        if (item is null)
            return Failed(message, answer);
        MessageBuffer? mime = answer.TakeMime();
        if (mime is null)
            return Unavailable(message, "the server has no MIME content for it");
        try
        {
            return new FetchedMessage(message, Complete(mime, item.Child("InternetMessageId")?.Value.Trim(), Property(item, 0x0071)?.Trim()));
        }
        catch (Exception e) when (e is MessageTooLargeException or IOException or UnauthorizedAccessException)
        {
            mime.Dispose();
            return NotKept(message, e);
        }
    }

    /// <summary>Puts into the header what the item knows and its MIME does not.</summary>
    private MessageBuffer Complete(MessageBuffer mime, string? messageId, string? threadIndex)
    {
        int end = HeaderBytes.Find(mime.Memory.Span);
        HeaderList headers = MimeMessage.Parse(end < 0 ? mime.Memory : mime.Memory[..end]).Headers;
        string missing = string.Empty;
        if (messageId is ['<', .., '>'] && messageId.All(c => c is > ' ' and <= '~') && string.IsNullOrWhiteSpace(headers["Message-ID"]))
            missing += $"Message-ID: {messageId}\r\n";
        if (threadIndex is { Length: > 0 and < 900 } && threadIndex.All(c => c is > ' ' and <= '~') && string.IsNullOrWhiteSpace(headers["Thread-Index"]))
            missing += $"Thread-Index: {threadIndex}\r\n";
        if (missing.Length == 0)
            return mime;
        using var writer = new MessageBufferWriter(context.Buffers, mime.Length + missing.Length);
        System.Buffers.BuffersExtensions.Write(writer, Encoding.ASCII.GetBytes(missing));
        System.Buffers.BuffersExtensions.Write(writer, mime.Memory.Span);
        MessageBuffer complete = writer.Complete();
        mime.Dispose();
        return complete;
    }

    private FetchedMessage Failed(MessageRef message, EwsMessage answer) =>
        new(message, null, channel.Refused(answer, MailStep.Fetch, $"to fetch message {message.Id}"));

    private FetchedMessage Unavailable(MessageRef message, string why) => new(message, null, new MailCommandException(
        "MailMessageUnavailable",
        MailStep.Fetch,
        $"{channel.Where}: message {message.Id} cannot be fetched: {why}",
        "It may be damaged on the server, or be no email; open it in Outlook.")
    {
        Conversation = channel.Conversation,
    });

    private FetchedMessage NotKept(MessageRef message, Exception cause) => new(message, null, Net.MessageErrors.NotKept(channel.Where, message, cause));
}

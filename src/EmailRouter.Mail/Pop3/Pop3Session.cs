using System.Runtime.CompilerServices;
using EmailRouter.Mail.Net;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Pop3;

/// <summary>One open POP3 mailbox.</summary>
/// <remarks>
/// Deletions take effect when the server has confirmed QUIT (RFC 1939 6) and not before. So <see cref="SettleAsync"/> only notes them, and
/// <see cref="CompleteAsync"/> sends them together, in one go where the server pipelines.
/// </remarks>
internal sealed class Pop3Session(Pop3Client client, MailContext context) : IMailboxSession
{
    /// <summary>How many commands are in flight at most.</summary>
    private const int Window = 64;

    /// <summary>How many bytes of messages are asked for ahead at most; a slow reader must not keep the server writing for minutes.</summary>
    private const long WindowBytes = 2 << 20;

    /// <summary>What a message without a stated size is taken for.</summary>
    private const long UnknownSize = 64 << 10;

    private readonly SortedSet<int> deletions = [];
    private readonly Pop3Listing listing = new(client, context);
    private bool fetching;
    private bool completed;

    /// <inheritdoc/>
    public SettlementKinds Settlements => SettlementKinds.Keep | SettlementKinds.Delete;

    private ProtocolStream Stream => client.Stream;

    private bool Pipelining => client.Capabilities.Has(Pop3Features.Pipelining);

    /// <inheritdoc/>
    public async IAsyncEnumerable<MessageRef> ListAsync(MailboxCursor since, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        EnsureIdle();
        IReadOnlyList<MessageRef> messages = await MailSteps.RunAsync(
            context,
            MailStep.List,
            async () =>
            {
                IReadOnlyList<MessageRef> found = await listing.ReadAsync(cancellationToken).ConfigureAwait(false);
                return (found, $"{found.Count} messages");
            }).ConfigureAwait(false);
        foreach (MessageRef message in messages)
            yield return message;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<FetchedMessage> FetchAsync(
        IReadOnlyList<MessageRef> messages, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messages);
        EnsureIdle();
        var ahead = new FetchAhead();
        fetching = true;
        try
        {
            for (int i = 0; i < messages.Count; i++)
            {
                await AskAsync(messages, i, ahead, cancellationToken).ConfigureAwait(false);
                MessageRef message = messages[i];
                if (IsTooLarge(message))
                {
                    yield return new FetchedMessage(
                        message, null, MessageErrors.NotKept(Stream, message, new MessageTooLargeException(context.Buffers.MaximumSize)));
                    continue;
                }

                ahead.Answered(SizeOf(message));
                Stream.Enter(MailStep.Fetch, "the answer to RETR");
                yield return await ReadMessageAsync(message, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            fetching = false;
            if (ahead.Count > 0)
                await DrainAsync(ahead.Count, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<FetchedMessage> FetchHeaderAsync(MessageRef message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        EnsureIdle();
        Pop3Response top = await client.CommandAsync(MailStep.Fetch, $"TOP {message.SessionNumber} 0", cancellationToken).ConfigureAwait(false);
        if (top.IsOk)
            return await KeepAsync(message, 4096, cancellationToken).ConfigureAwait(false);
        if (client.Capabilities.Has(Pop3Features.Top) || IsTooLarge(message))
            return new FetchedMessage(message, null, Pop3Errors.Message(Stream, top, message));

        // No TOP on this server: the whole message is fetched and cut.
        Pop3Response retr = await client.CommandAsync(MailStep.Fetch, $"RETR {message.SessionNumber}", cancellationToken).ConfigureAwait(false);
        if (!retr.IsOk)
            return new FetchedMessage(message, null, Pop3Errors.Message(Stream, retr, message));
        using FetchedMessage whole = await KeepAsync(message, SizeOf(message), cancellationToken).ConfigureAwait(false);
        return whole.Content is null ? new FetchedMessage(message, null, whole.Error) : new FetchedMessage(message, HeaderBytes.Cut(whole.Content.Memory.Span));
    }

    /// <inheritdoc/>
    public ValueTask SettleAsync(MessageRef message, Settlement how, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(how);
        cancellationToken.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(completed, this);
        switch (how.Kind)
        {
            case SettlementKinds.Keep:
                break;
            case SettlementKinds.Delete:
                deletions.Add(message.SessionNumber);
                break;
            default:
                throw new MailCommandException(
                    "MailSettlementNotSupported",
                    MailStep.Settle,
                    $"{Stream.Where}: a POP3 mailbox can keep or delete messages, not {how.Kind}.",
                    "Choose keep or delete in the profile, or use a mail system with folders.");
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public async ValueTask CompleteAsync(CancellationToken cancellationToken)
    {
        EnsureIdle();
        completed = true;
        await MailSteps.RunAsync(
            context,
            MailStep.Complete,
            async () =>
            {
                Pop3Response? refused = await DeleteAsync(cancellationToken).ConfigureAwait(false);
                Pop3Response quit = await QuitAsync(cancellationToken).ConfigureAwait(false);
                if (refused is { } no)
                    throw Pop3Errors.Refused(Stream, no, MailStep.Settle, "to delete a message", client.Capabilities);
                return (quit, $"{deletions.Count} deleted, {quit}");
            }).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<bool> WaitForMailAsync(TimeSpan atMost, CancellationToken cancellationToken) => ValueTask.FromResult(false);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        completed = true;
        return client.DisposeAsync();
    }

    private static long SizeOf(MessageRef message) => message.Size ?? UnknownSize;

    private bool IsTooLarge(MessageRef message) => message.Size > context.Buffers.MaximumSize;

    private void EnsureIdle()
    {
        ObjectDisposedException.ThrowIf(completed, this);
        if (fetching)
            throw new InvalidOperationException("The session is fetching; finish that first, or end its enumeration.");
    }

    /// <summary>
    /// Asks for the messages from <paramref name="index"/> on, as many as may be in flight. Tops up only when half has been answered, to write seldom.
    /// </summary>
    private async ValueTask AskAsync(IReadOnlyList<MessageRef> messages, int index, FetchAhead ahead, CancellationToken cancellationToken)
    {
        int window = Pipelining ? Window : 1;
        if (ahead.Count > window / 2 || (ahead.Count > 0 && ahead.Bytes > WindowBytes / 2))
            return;
        for (int next = Math.Max(ahead.Next, index); next < messages.Count; next++)
        {
            MessageRef message = messages[next];
            if (!IsTooLarge(message))
            {
                long size = SizeOf(message);
                if (ahead.Count > 0 && (ahead.Count >= window || ahead.Bytes + size > WindowBytes))
                    break;
                Stream.Enter(MailStep.Fetch, "the answer to RETR");
                Stream.Write($"RETR {message.SessionNumber}");
                ahead.Asked(size);
            }

            ahead.Next = next + 1;
        }

        await Stream.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<FetchedMessage> ReadMessageAsync(MessageRef message, CancellationToken cancellationToken)
    {
        Pop3Response response = await client.ReadAsync(cancellationToken).ConfigureAwait(false);
        return response.IsOk
            ? await KeepAsync(message, SizeOf(message), cancellationToken).ConfigureAwait(false)
            : new FetchedMessage(message, null, Pop3Errors.Message(Stream, response, message));
    }

    private async ValueTask<FetchedMessage> KeepAsync(MessageRef message, long expected, CancellationToken cancellationToken)
    {
        Stream.Enter(MailStep.Fetch, $"message {message.Id}");
        using var writer = new MessageBufferWriter(context.Buffers, (int)Math.Min(expected + 512, int.MaxValue));
        DataResult result = await client.ReadDataAsync(writer, cancellationToken).ConfigureAwait(false);
        if (result.Failure is not null)
            return new FetchedMessage(message, null, MessageErrors.NotKept(Stream, message, result.Failure));
        try
        {
            return new FetchedMessage(message, writer.Complete());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new FetchedMessage(message, null, MessageErrors.NotKept(Stream, message, e));
        }
    }

    /// <summary>Reads the answers that nobody wants any more, so that the connection can be used on.</summary>
    private async ValueTask DrainAsync(int answers, CancellationToken cancellationToken)
    {
        if (Stream.IsDead)
            return;
        if (cancellationToken.IsCancellationRequested)
        {
            Stream.Kill("the fetching was cancelled");
            return;
        }

        try
        {
            for (int i = 0; i < answers; i++)
            {
                Pop3Response response = await client.ReadAsync(cancellationToken).ConfigureAwait(false);
                if (response.IsOk)
                    await client.ReadDataAsync(NullWriter.Instance, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is MailException or OperationCanceledException)
        {
            // The caller has turned away; the connection remembers why it is dead and says so when it is used next.
            Stream.Log.Note(e.Message);
        }
    }

    private async ValueTask<Pop3Response?> DeleteAsync(CancellationToken cancellationToken)
    {
        Pop3Response? refused = null;
        Stream.Enter(MailStep.Settle, "the answer to DELE");
        foreach (int[] numbers in deletions.Chunk(Pipelining ? Window : 1))
        {
            foreach (int number in numbers)
                Stream.Write($"DELE {number}");
            await Stream.FlushAsync(cancellationToken).ConfigureAwait(false);
            for (int i = 0; i < numbers.Length; i++)
            {
                Pop3Response response = await client.ReadAsync(cancellationToken).ConfigureAwait(false);
                if (!response.IsOk)
                    refused ??= response;
            }
        }

        return refused;
    }

    private async ValueTask<Pop3Response> QuitAsync(CancellationToken cancellationToken)
    {
        Pop3Response quit;
        try
        {
            quit = await client.CommandAsync(MailStep.Complete, "QUIT", cancellationToken).ConfigureAwait(false);
        }
        catch (MailConnectionException e) when (deletions.Count == 0 && e.ErrorId == "MailConnectionLost")
        {
            Stream.Log.Note("closed without an answer to QUIT; nothing was to be deleted");
            return new Pop3Response(Pop3Status.Ok, string.Empty, "closed without an answer");
        }

        Stream.Kill("the session has ended");
        if (quit.IsOk)
            return quit;
        throw new MailCommandException(
            "MailDeletionsNotCommitted",
            MailStep.Complete,
            $"{Stream.Where}: the server did not confirm the end of the session: {quit}. Some of {deletions.Count} deletions may not have happened.",
            "Nothing is lost: messages that are still there are recognised by their ids and deleted next time.")
        {
            Reply = quit.ToString(),
            IsTransient = true,
            Conversation = Stream.Log.Lines,
        };
    }

    /// <summary>What has been asked for and not been answered yet.</summary>
    private sealed class FetchAhead
    {
        public int Next { get; set; }

        public int Count { get; private set; }

        public long Bytes { get; private set; }

        public void Asked(long size)
        {
            Count++;
            Bytes += size;
        }

        public void Answered(long size)
        {
            Count--;
            Bytes -= size;
        }
    }
}

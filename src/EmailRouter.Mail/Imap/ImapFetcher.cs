using System.Runtime.CompilerServices;
using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Imap;

/// <summary>
/// Fetches whole messages of the selected mailbox: batches of UIDs, several in flight, never more bytes ahead than the budget. Answers may come in any
/// order and with anything between them; the messages leave in the order asked for.
/// </summary>
internal sealed class ImapFetcher(ImapClient client, MailContext context)
{
    private const int BatchSize = 50;

    /// <summary>How many commands are in flight at most.</summary>
    private const int Window = 4;

    /// <summary>How many bytes of messages are asked for ahead at most.</summary>
    private const long WindowBytes = 2 << 20;

    /// <summary>What a message without a stated size is taken for.</summary>
    private const long UnknownSize = 64 << 10;

    private readonly List<Batch> flying = [];
    private readonly Dictionary<uint, FetchedMessage> arrived = [];
    private readonly Dictionary<uint, string> wrong = [];
    private readonly Dictionary<uint, (MessageRef Message, Batch Batch)> asked = [];

    private ProtocolStream Stream => client.Stream;

    private long FlyingBytes => flying.Sum(b => b.Bytes);

    /// <summary>Fetches.</summary>
    /// <param name="messages">Messages of the selected mailbox with their UIDs.</param>
    /// <param name="cancellationToken">Stops the fetching.</param>
    /// <returns>One result for each, in order.</returns>
    public async IAsyncEnumerable<FetchedMessage> ReadAsync(
        IReadOnlyList<(MessageRef Message, uint Uid)> messages, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        client.KeepBodies(true);
        try
        {
            int next = 0;
            for (int i = 0; i < messages.Count; i++)
            {
                (MessageRef message, uint uid) = messages[i];
                if (IsTooLarge(message))
                {
                    yield return new FetchedMessage(message, null, MessageErrors.NotKept(Stream, message, new Mime.MessageTooLargeException(context.Buffers.MaximumSize)));
                    continue;
                }

                FetchedMessage? fetched;
                while (!arrived.Remove(uid, out fetched))
                {
                    next = await AskAsync(messages, Math.Max(next, i), cancellationToken).ConfigureAwait(false);
                    if (asked.TryGetValue(uid, out (MessageRef, Batch Batch) own) && own.Batch.Response is not null)
                    {
                        fetched = await AskAgainAsync(message, uid, cancellationToken).ConfigureAwait(false);
                        break;
                    }

                    await TakeNextAsync(cancellationToken).ConfigureAwait(false);
                }

                asked.Remove(uid);
                yield return fetched!;
            }
        }
        finally
        {
            await DrainAsync(cancellationToken).ConfigureAwait(false);
            client.KeepBodies(false);
        }
    }

    private static long SizeOf(MessageRef message) => message.Size ?? UnknownSize;

    private bool IsTooLarge(MessageRef message) => message.Size > context.Buffers.MaximumSize;

    /// <summary>Asks for the messages from <paramref name="index"/> on, as many as may be in flight.</summary>
    private async ValueTask<int> AskAsync(IReadOnlyList<(MessageRef Message, uint Uid)> messages, int index, CancellationToken cancellationToken)
    {
        bool any = false;
        while (index < messages.Count && flying.Count < Window && (flying.Count == 0 || FlyingBytes < WindowBytes))
        {
            var batch = new Batch();
            var uids = new List<uint>();
            for (; index < messages.Count && uids.Count < BatchSize && (uids.Count == 0 || batch.Bytes < WindowBytes / Window); index++)
            {
                (MessageRef message, uint uid) = messages[index];
                if (IsTooLarge(message))
                    continue;
                if (!asked.TryAdd(uid, (message, batch)))
                    break;      // asked for twice: the second time when the first is done
                uids.Add(uid);
                batch.Bytes += SizeOf(message);
            }

            if (uids.Count == 0)
                break;
            uids.Sort();
            batch.Set = ImapUidSet.Split(uids, BatchSize).Single().Set;
            Write(batch);
            any = true;
        }

        if (any)
            await client.FlushAsync(cancellationToken).ConfigureAwait(false);
        return index;
    }

    private void Write(Batch batch)
    {
        Stream.Enter(MailStep.Fetch, "the answer to UID FETCH");
        batch.Tag = client.Write($"UID FETCH {batch.Set} (UID BODY.PEEK[])");
        flying.Add(batch);
    }

    /// <summary>Reads one response, whatever it is about.</summary>
    private async ValueTask TakeNextAsync(CancellationToken cancellationToken)
    {
        ImapEvent next = await client.ReadAsync(cancellationToken).ConfigureAwait(false);
        if (next.Kind == ImapEventKind.Tagged)
        {
            Batch? done = flying.Find(b => b.Tag == next.Tag);
            if (done is null)
                return;
            done.Response = next.Response;
            flying.Remove(done);
        }

        using ImapFetchData? data = next.Fetch;
        if (data is not null)
            Take(data);
    }

    private void Take(ImapFetchData data)
    {
        // Some servers leave the UID out; where only one message is asked for it can be no other.
        uint? uid = data.Uid ?? (flying is [{ Only: { } only }] ? only : null);
        if (uid is not { } known || !asked.TryGetValue(known, out (MessageRef Message, Batch Batch) wanted))
            return;
        if (data.IsBroken)
        {
            wrong[known] = "the server's answer makes no sense";
            return;
        }

        FetchedMessage? fetched = null;
        if (data.BodyFailure is { } failure)
            fetched = new FetchedMessage(wanted.Message, null, MessageErrors.NotKept(Stream, wanted.Message, failure));
        else if (data.TakeBody() is { } body && (body.Length > 0 || wanted.Message.Size is null or 0))
            fetched = new FetchedMessage(wanted.Message, body);
        else
            wrong[known] = data.HasBody ? "the server sent it without its content" : "the server told about it and did not send it";
        if (fetched is null)
            return;
        if (arrived.Remove(known, out FetchedMessage? before))
            before.Dispose();
        arrived.Add(known, fetched);
    }

    /// <summary>
    /// A batch has ended without this message: it is asked for by itself before it is given up, since servers leave out content (MailKit #1708), get
    /// lengths wrong, or refuse a batch for one of its messages.
    /// </summary>
    private async ValueTask<FetchedMessage> AskAgainAsync(MessageRef message, uint uid, CancellationToken cancellationToken)
    {
        if (client.Selected?.Vanished.Contains(uid) == true)
            return new FetchedMessage(message, null, ImapErrors.Gone(Stream, message));
        while (flying.Count > 0)
            await TakeNextAsync(cancellationToken).ConfigureAwait(false);
        var batch = new Batch { Set = uid.ToString(System.Globalization.CultureInfo.InvariantCulture), Only = uid, Bytes = SizeOf(message) };
        asked[uid] = (message, batch);
        Write(batch);
        await client.FlushAsync(cancellationToken).ConfigureAwait(false);
        while (batch.Response is null)
            await TakeNextAsync(cancellationToken).ConfigureAwait(false);
        if (arrived.Remove(uid, out FetchedMessage? fetched))
            return fetched;
        ImapResponse response = batch.Response.Value;
        if (!response.IsOk && response.Code is not ("EXPUNGEISSUED" or "NONEXISTENT"))
            return new FetchedMessage(message, null, ImapErrors.Unavailable(Stream, message, ImapErrors.Show(Stream, response), response));
        return new FetchedMessage(
            message, null, wrong.TryGetValue(uid, out string? why) ? ImapErrors.Unavailable(Stream, message, why) : ImapErrors.Gone(Stream, message));
    }

    /// <summary>Reads the answers that nobody wants any more, so that the connection can be used on.</summary>
    private async ValueTask DrainAsync(CancellationToken cancellationToken)
    {
        client.KeepBodies(false);
        if (cancellationToken.IsCancellationRequested && flying.Count > 0)
            Stream.Kill("the fetching was cancelled");
        try
        {
            while (flying.Count > 0 && !Stream.IsDead)
                await TakeNextAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is MailException or OperationCanceledException)
        {
            // The caller has turned away; the connection remembers why it is dead and says so when it is used next.
            Stream.Log.Note(e.Message);
        }

        foreach (FetchedMessage unwanted in arrived.Values)
            unwanted.Dispose();
        arrived.Clear();
    }

    /// <summary>One command in flight.</summary>
    private sealed class Batch
    {
        public int Tag { get; set; }

        public string Set { get; set; } = string.Empty;

        public uint? Only { get; init; }

        public long Bytes { get; set; }

        public ImapResponse? Response { get; set; }
    }
}

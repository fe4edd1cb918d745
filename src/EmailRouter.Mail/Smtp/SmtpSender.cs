using System.Buffers;
using System.Globalization;
using EmailRouter.Mail.Net;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Smtp;

/// <summary>Sends messages one after the other over a connection that is kept.</summary>
/// <remarks>
/// Where a server has closed the kept connection or says 421 to the beginning of a transaction, one new connection is made without a word; nothing of
/// the message has left by then. Later failures are the caller's to decide about.
/// <para>
/// MAIL and RCPT of the message that follows go in one write with the final dot where the server pipelines (RFC 2920 3.1): a message then waits for two
/// answers instead of three. DATA never goes ahead, so nothing of the next message can be accepted by what happens to this one.
/// </para>
/// </remarks>
internal sealed class SmtpSender(SmtpClient opened, MailEndpoint endpoint, MailLogin login, MailContext context) : IPipelinedSender
{
    /// <summary>How many RCPT commands are in flight at most: their replies must fit into the buffers between, or both sides wait for each other.</summary>
    private const int RecipientBatch = 100;

    private const int WriteSize = 64 * 1024;

    /// <summary>The setting of an endpoint that sends in chunks (BDAT) also where DATA would do: <c>Always</c>.</summary>
    private const string ChunkingOption = "Chunking";

    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(5);
    private static readonly byte[] FinalDot = ".\r\n"u8.ToArray();

    /// <summary>How the bytes of a message go over the wire.</summary>
    private enum WireForm
    {
        /// <summary>Lines in CRLF, with another dot before a dot.</summary>
        Stuffed,

        /// <summary>Lines in CRLF.</summary>
        Lines,

        /// <summary>Byte for byte.</summary>
        AsIs,
    }

    /// <summary>A message as it is offered in one transaction.</summary>
    private readonly record struct Offer(SmtpEnvelope Envelope, OutgoingMessage Message, SmtpContent Content, Func<OutgoingMessage?>? Following);

    private SmtpClient? client = opened;
    private bool needsReset;
    private bool disposed;

    /// <inheritdoc/>
    /// <remarks>
    /// A message for more recipients than the server takes at once (RFC 9422, RFC 5321 4.5.3.1.10) goes in several transactions; the callback before each
    /// last byte then gets all recipients so far.
    /// </remarks>
    public ValueTask<SendReceipt> SendAsync(OutgoingMessage message, CancellationToken cancellationToken) =>
        SendAsync(message, static () => null, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<SendReceipt> SendAsync(OutgoingMessage message, Func<OutgoingMessage?> following, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(following);
        ObjectDisposedException.ThrowIf(disposed, this);
        cancellationToken.ThrowIfCancellationRequested();
        var split = new RecipientSplit(message);
        while (true)
        {
            SendReceipt receipt;
            try
            {
                receipt = await SendPartAsync(split, following, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (split.HasAccepted)
            {
                // Some have it already, so this is no failure of the message: the others wait.
                return split.Stop(e.Message, (e as MailException)?.RetryAfter);
            }

            if (split.Add(receipt) is { } whole)
                return whole;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (disposed)
            return;
        disposed = true;
        await CloseAsync().ConfigureAwait(false);
    }

    private async ValueTask<SendReceipt> SendPartAsync(RecipientSplit split, Func<OutgoingMessage?> following, CancellationToken cancellationToken)
    {
        while (true)
        {
            bool reused = await ConnectAsync(cancellationToken).ConfigureAwait(false);
            SmtpClient current = client!;
            OutgoingMessage message = split.Next(current.Capabilities.MaximumRecipients);
            MessageBuffer? rewritten = null;
            try
            {
                if (current.Ahead is { } ahead && ReferenceEquals(ahead.Message, message))
                {
                    var begun = new Offer(ahead.Envelope, message, ahead.Content, split.IsLast ? following : null);
                    if (await TransactAsync(current, begun, reused, cancellationToken).ConfigureAwait(false) is { } outcome)
                        return outcome;
                    await CloseAsync().ConfigureAwait(false);
                    continue;
                }

                SmtpContent content = SmtpContent.Examine(message.Content.Memory.Span);
                if (SmtpEnvelope.NeedsSevenBits(content, current.Capabilities))
                {
                    (rewritten, string? why) = Rewrite(message.Content);
                    if (rewritten is null)
                    {
                        string reply = $"5.6.3 not sent: the server takes only 7-bit mail, and {why}";
                        return Receipt(SmtpEnvelope.Create(message, content, current), SendStatus.Rejected, reply);
                    }

                    message = message with { Content = rewritten };
                    content = SmtpContent.Examine(rewritten.Memory.Span);
                }

                SmtpEnvelope envelope = SmtpEnvelope.Create(message, content, current);
                if (envelope.FindObstacle() is { } obstacle)
                    return Receipt(envelope, SendStatus.Rejected, obstacle);
                var offer = new Offer(envelope, message, content, split.IsLast ? following : null);
                SendReceipt? receipt = await TransactAsync(current, offer, reused, cancellationToken).ConfigureAwait(false);
                if (receipt is not null)
                    return receipt;
            }
            catch (Exception e) when (e is not MailCommandException { ErrorId: MailException.InvalidAddress })
            {
                current.Stream.Kill("a transaction was broken off");
                throw;
            }
            finally
            {
                rewritten?.Dispose();
            }

            await CloseAsync().ConfigureAwait(false);      // it was stale; once more on a new one
        }
    }

    private (MessageBuffer? Content, string? Why) Rewrite(MessageBuffer content)
    {
        using var writer = new MessageBufferWriter(context.Buffers, content.Length + (content.Length / 3));
        try
        {
            return SevenBitTransform.Write(MimeMessage.Parse(content.Memory), writer) is { } why ? (null, why) : (writer.Complete(), null);
        }
        catch (MessageTooLargeException e)
        {
            return (null, e.Message);
        }
    }

    private static SendReceipt Receipt(SmtpEnvelope envelope, SendStatus status, string reply, TimeSpan? retryAfter = null)
    {
        foreach (SmtpRecipient recipient in envelope.Recipients)
            recipient.Conclude(status, reply);
        return new SendReceipt
        {
            Status = status,
            Reply = reply,
            Recipients = [.. envelope.Recipients.Select(r => r.ToResult())],
            RetryAfter = retryAfter ?? envelope.Recipients.Max(r => r.RetryAfter),
        };
    }

    /// <summary>Sees to it that there is a connection.</summary>
    /// <returns>True when it has carried a transaction before, so that the server may have closed it meanwhile.</returns>
    private async ValueTask<bool> ConnectAsync(CancellationToken cancellationToken)
    {
        if (client is { Stream.IsDead: false } current && !(current.Transactions >= current.Capabilities.MaximumMessages))
            return current.Transactions > 0;
        await CloseAsync().ConfigureAwait(false);
        client = await SmtpClient.OpenAsync(endpoint, login, context, cancellationToken).ConfigureAwait(false);
        return false;
    }

    /// <summary>Offers a message.</summary>
    /// <returns>What became of it; null when a kept connection turned out to be closed.</returns>
    private async ValueTask<SendReceipt?> TransactAsync(SmtpClient current, Offer offer, bool reused, CancellationToken cancellationToken)
    {
        (SmtpEnvelope envelope, OutgoingMessage message, SmtpContent content, Func<OutgoingMessage?>? following) = offer;
        current.Transactions++;
        SmtpResponse? mail = await OfferAsync(current, envelope, reused, cancellationToken).ConfigureAwait(false);
        if (mail is null)
            return null;
        if (!mail.IsPositive)
        {
            if (mail.Code is 530 or 535)
                throw SmtpErrors.Required(current.Stream, mail);
            return Receipt(envelope, mail.Classify(), mail.ToString(), mail.FindRetryAfter());
        }

        if (!envelope.Recipients.Any(r => r.IsOpen))
        {
            needsReset = true;
            SmtpRecipient decisive = envelope.Recipients.FirstOrDefault(r => r.Status == SendStatus.Deferred) ?? envelope.Recipients[0];
            return Receipt(envelope, decisive.Status ?? SendStatus.Rejected, decisive.Reply);
        }

        bool chunks = envelope.IsBinary || (endpoint.Options.TryGetValue(ChunkingOption, out string? wish)
            && wish.Equals("Always", StringComparison.OrdinalIgnoreCase) && current.Capabilities.Has(SmtpFeatures.Chunking));
        if (!chunks)
        {
            // DATA waits for the replies to RCPT although RFC 2920 would allow it in the same write: servers get confused (MailKit #1459).
            SmtpResponse data = await CommandAsync(current, "DATA", cancellationToken).ConfigureAwait(false);
            if (data.Code != 354)
            {
                needsReset = true;
                SendStatus status = data.Classify() == SendStatus.Rejected ? SendStatus.Rejected : SendStatus.Deferred;     // "250" is no consent either
                return Receipt(envelope, status, data.ToString(), data.FindRetryAfter());
            }
        }

        current.Stream.Enter(MailStep.Send, "the server to take the message");
        byte[] last = ArrayPool<byte>.Shared.Rent(WriteSize);
        try
        {
            if (chunks)
            {
                // One chunk is enough: its length is known, and until its last byte nothing is accepted (RFC 3030 2).
                current.Stream.Write(string.Create(CultureInfo.InvariantCulture, $"BDAT {envelope.WireSize} LAST"));
                await current.Stream.FlushAsync(cancellationToken).ConfigureAwait(false);
                needsReset = true;
            }

            WireForm form = envelope.IsBinary ? WireForm.AsIs : !chunks ? WireForm.Stuffed : WireForm.Lines;
            int length = await WriteContentAsync(current.Stream, message.Content.Memory, content, form, last, cancellationToken).ConfigureAwait(false);
            if (!chunks)
            {
                FinalDot.CopyTo(last.AsSpan(length));
                length += FinalDot.Length;
            }

            if (message.BeforeCommit is { } commit)
                await commit([.. envelope.Recipients.Where(r => r.IsOpen).Select(r => r.Address)], cancellationToken).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            current.Ahead = chunks ? null : FindAhead(current, envelope, following);
            return await CommitAsync(current, envelope, last.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
        }
        catch (MailConnectionException)
        {
            // The final dot has not left. A server that had enough of the message has said so, and offering it again would end the same.
            if (await current.ReadLastWordsAsync().ConfigureAwait(false) is { IsPositive: false } words)
                return Receipt(envelope, words.Classify(), words.ToString(), words.FindRetryAfter());
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(last);
        }
    }

    /// <summary>
    /// Looks for a transaction to begin right behind this one. Not behind a chunk: when that is refused the server wants a RSET first (RFC 3030 2), while the
    /// final dot ends the transaction whatever the answer is (RFC 5321 4.1.1.4).
    /// </summary>
    private static SmtpAhead? FindAhead(SmtpClient current, SmtpEnvelope envelope, Func<OutgoingMessage?>? following)
    {
        bool mayBe = following is not null && !current.WantsNothingAhead && current.Capabilities.Has(SmtpFeatures.Pipelining)
            && !(current.Transactions >= current.Capabilities.MaximumMessages)
            && !envelope.Recipients.Any(r => r.Status == SendStatus.Deferred);      // some may be offered again at once
        return mayBe && following!() is { } next ? SmtpAhead.Prepare(next, current) : null;
    }

    /// <summary>Reads the replies to a transaction that was begun and is not wanted any more.</summary>
    /// <returns>False when the server closes the connection.</returns>
    private async ValueTask<bool> AbandonAsync(SmtpClient current, SmtpAhead ahead, CancellationToken cancellationToken)
    {
        current.Stream.Enter(MailStep.Send, "the reply to a MAIL that is not wanted any more");
        for (int i = 0; i < ahead.Replies; i++)
        {
            SmtpResponse reply = await ReadAsync(current, cancellationToken).ConfigureAwait(false);
            if (reply.Code == 421)
                return false;
        }

        current.Transactions++;
        needsReset = true;
        return true;
    }

    /// <summary>Sends RSET where needed, MAIL and RCPT, and reads their replies. What went ahead is not sent again.</summary>
    /// <returns>The reply to MAIL; null when a kept connection turned out to be closed.</returns>
    private async ValueTask<SmtpResponse?> OfferAsync(SmtpClient current, SmtpEnvelope envelope, bool reused, CancellationToken cancellationToken)
    {
        bool pipelining = current.Capabilities.Has(SmtpFeatures.Pipelining);
        SmtpRecipient[] open = [.. envelope.Recipients.Where(r => r.IsOpen)];
        int written = 0;
        SmtpResponse mail;
        SmtpAhead? ahead = current.Ahead;
        current.Ahead = null;
        bool begun = ahead?.Envelope == envelope;
        try
        {
            if (ahead is not null && !begun && !await AbandonAsync(current, ahead, cancellationToken).ConfigureAwait(false))
                return null;
            if (needsReset && !begun)
            {
                current.Stream.Enter(MailStep.Send, "the reply to RSET");
                current.Stream.Write("RSET");
                if (!pipelining && (await FlushAndReadAsync(current, cancellationToken).ConfigureAwait(false)).Code == 421 && reused)
                    return null;
            }

            current.Stream.Enter(MailStep.Send, "the reply to MAIL");
            if (begun)
            {
                written = ahead!.Written;
            }
            else
            {
                current.Stream.Write(envelope.MailCommand);
                if (pipelining)
                    written = WriteRecipients(current, envelope, open, 0, RecipientBatch);
                await current.Stream.FlushAsync(cancellationToken).ConfigureAwait(false);
            }

            if (needsReset && !begun && pipelining && (await ReadAsync(current, cancellationToken).ConfigureAwait(false)).Code == 421 && reused)
                return null;
            needsReset = false;
            mail = await ReadAsync(current, cancellationToken).ConfigureAwait(false);
            if (begun && mail.Code == 503)
            {
                // "Nested MAIL": this server had not done with the message before it. Once more in order, and nothing goes ahead here any more.
                current.WantsNothingAhead = true;
                for (int i = 0; i < written; i++)
                    await ReadAsync(current, cancellationToken).ConfigureAwait(false);
                needsReset = true;
                return await OfferAsync(current, envelope, reused, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (MailConnectionException e) when (reused && e.ErrorId == "MailConnectionLost")
        {
            return null;
        }

        if (mail.Code == 421)
            return reused ? null : throw SmtpErrors.TurnedAway(current.Stream, mail, MailStep.Send);
        await OfferRecipientsAsync(current, envelope, open, written, mail.IsPositive, cancellationToken).ConfigureAwait(false);
        return mail;
    }

    private async ValueTask OfferRecipientsAsync(
        SmtpClient current, SmtpEnvelope envelope, SmtpRecipient[] open, int written, bool mailAccepted, CancellationToken cancellationToken)
    {
        bool pipelining = current.Capabilities.Has(SmtpFeatures.Pipelining);
        for (int i = 0; i < open.Length; i++)
        {
            if (i == written)
            {
                if (!mailAccepted)
                    return;
                if (pipelining)
                {
                    written = WriteRecipients(current, envelope, open, i, RecipientBatch);
                }
                else
                {
                    current.Stream.Write(envelope.RcptCommand(open[i]));
                    written++;
                }

                await current.Stream.FlushAsync(cancellationToken).ConfigureAwait(false);
            }

            current.Stream.Enter(MailStep.Send, "the reply to RCPT");
            SmtpResponse reply = await ReadAsync(current, cancellationToken).ConfigureAwait(false);
            if (mailAccepted)
                open[i].Answer(reply);
            if (reply.Code == 421)
                throw SmtpErrors.TurnedAway(current.Stream, reply, MailStep.Send);
        }
    }

    private static int WriteRecipients(SmtpClient current, SmtpEnvelope envelope, SmtpRecipient[] open, int from, int most)
    {
        int to = Math.Min(open.Length, from + most);
        for (int i = from; i < to; i++)
            current.Stream.Write(envelope.RcptCommand(open[i]));
        return to;
    }

    /// <summary>
    /// Writes the last piece with the final dot and waits for the answer. From here on only the server knows what becomes of the message, so nothing here
    /// throws: whatever prevents an answer is <see cref="SendStatus.Uncertain"/>.
    /// </summary>
    private async ValueTask<SendReceipt> CommitAsync(
        SmtpClient current, SmtpEnvelope envelope, ReadOnlyMemory<byte> last, CancellationToken cancellationToken)
    {
        current.Stream.Enter(MailStep.Send, "the reply to the final dot");
        SmtpResponse reply;
        try
        {
            if (current.Ahead is { } ahead)
            {
                current.Stream.Put(last.Span);
                current.Stream.Write(ahead.Envelope.MailCommand);
                WriteRecipients(current, ahead.Envelope, [.. ahead.Envelope.Recipients.Where(r => r.IsOpen)], 0, ahead.Written);
                await current.Stream.FlushAsync(context.Deadlines.DataIdle, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await current.Stream.WriteDataAsync(last, context.Deadlines.DataIdle, cancellationToken).ConfigureAwait(false);
            }

            reply = await current.ReadAsync(context.Deadlines.FinalDot, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is MailException or OperationCanceledException)
        {
            if (await current.ReadLastWordsAsync().ConfigureAwait(false) is { } words)
                return Receipt(envelope, words.Classify(), words.ToString(), words.FindRetryAfter());
            current.Stream.Kill("the reply to the final dot did not come");
            return Receipt(envelope, SendStatus.Uncertain, e.Message);
        }

        if (reply.Code == 421)
            current.Stream.Kill("the server said 421");
        needsReset = !reply.IsPositive && needsReset;
        return Receipt(envelope, reply.Classify(), reply.ToString(), reply.IsPositive ? null : reply.FindRetryAfter());
    }

    private static async ValueTask<SmtpResponse> CommandAsync(SmtpClient current, string command, CancellationToken cancellationToken)
    {
        SmtpResponse reply = await current.CommandAsync(MailStep.Send, command, cancellationToken).ConfigureAwait(false);
        if (reply.Code == 421)
            current.Stream.Kill("the server said 421");
        return reply;
    }

    private async ValueTask<SmtpResponse> FlushAndReadAsync(SmtpClient current, CancellationToken cancellationToken)
    {
        await current.Stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        return await ReadAsync(current, cancellationToken).ConfigureAwait(false);
    }

    private ValueTask<SmtpResponse> ReadAsync(SmtpClient current, CancellationToken cancellationToken) =>
        current.ReadAsync(context.Deadlines.Command, cancellationToken);

    /// <summary>
    /// Writes the message but for its last piece, which goes with the final dot: for most messages that saves a packet and a wake-up on both sides.
    /// </summary>
    /// <param name="stream">The connection.</param>
    /// <param name="bytes">The message.</param>
    /// <param name="content">What it looks like.</param>
    /// <param name="form">How it goes over the wire.</param>
    /// <param name="last">Takes the last piece and leaves room for the dot.</param>
    /// <param name="cancellationToken">Stops the writing; nothing is sent then.</param>
    /// <returns>The length of the last piece.</returns>
    private async ValueTask<int> WriteContentAsync(
        ProtocolStream stream, ReadOnlyMemory<byte> bytes, SmtpContent content, WireForm form, byte[] last, CancellationToken cancellationToken)
    {
        TimeSpan limit = context.Deadlines.DataIdle;
        int room = last.Length - FinalDot.Length;
        bool asIs = content.IsCanonical || form == WireForm.AsIs;
        for (int offset = 0; ;)
        {
            int written;
            int used;
            if (!asIs)
            {
                written = SmtpContent.Encode(bytes.Span[offset..], last.AsSpan(0, room), form == WireForm.Stuffed, out used);
            }
            else
            {
                used = Math.Min(bytes.Length - offset, room);
                if (used == bytes.Length - offset)
                    bytes.Span[offset..].CopyTo(last);
                written = used;
            }

            if (offset + used == bytes.Length)
                return written;
            ReadOnlyMemory<byte> piece = asIs ? bytes.Slice(offset, used) : last.AsMemory(0, written);
            await stream.WriteDataAsync(piece, limit, cancellationToken).ConfigureAwait(false);
            offset += used;
        }
    }

    /// <summary>Says goodbye if the connection is well, and closes it. Whatever goes wrong here changes nothing for any message.</summary>
    private async ValueTask CloseAsync()
    {
        if (client is not { } current)
            return;
        client = null;
        needsReset = false;
        if (!current.Stream.IsDead)
        {
            try
            {
                current.Stream.Enter(MailStep.Complete, "the reply to QUIT");
                current.Stream.Write("QUIT");
                await current.Stream.FlushAsync(CancellationToken.None).ConfigureAwait(false);
                for (int i = 0; i < (current.Ahead?.Replies ?? 0); i++)
                    await current.ReadAsync(Farewell, CancellationToken.None).ConfigureAwait(false);
                await current.ReadAsync(Farewell, CancellationToken.None).ConfigureAwait(false);
            }
            catch (MailException e)
            {
                current.Stream.Log.Note(e.Message);
            }
        }

        await current.DisposeAsync().ConfigureAwait(false);
    }
}

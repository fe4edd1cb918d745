using System.Buffers;
using System.Net.Security;
using System.Net.Sockets;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Net;

/// <content>Data of a known length, waiting without a deadline that kills, and compression.</content>
internal sealed partial class ProtocolStream
{
    /// <summary>What a read of no bytes yields: something has come, and it is still to be read.</summary>
    private const int SomethingCame = -1;

    /// <summary>How much an idle connection keeps of its buffer.</summary>
    private const int IdleBufferSize = 1024;

    /// <summary>Below this much a literal takes the way through the buffer, which saves reads.</summary>
    private const int DirectReadSize = 4096;

    private Task<int>? arrival;

    /// <summary>Gets a value indicating whether the connection is compressed (RFC 4978).</summary>
    public bool IsCompressed { get; private set; }

    /// <summary>Gets or sets who is told that the compressed data cannot be read.</summary>
    public Action? WhenCompressionBreaks { get; set; }

    /// <summary>Reads exactly so many bytes.</summary>
    /// <param name="target">Takes the bytes.</param>
    /// <param name="length">How many.</param>
    /// <param name="discardAtMost">How many bytes are read and dropped after the target has refused more, before the connection is given up.</param>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    /// <returns>How it ended.</returns>
    public async ValueTask<DataResult> ReadLiteralAsync(IBufferWriter<byte> target, long length, long discardAtMost, CancellationToken cancellationToken)
    {
        ThrowIfDead();
        if (length > input.Length && input.Length < DataBufferSize)
            Resize(DataBufferSize);
        TimeSpan limit = context.Deadlines.DataIdle;
        long rest = length;
        long dropped = 0;
        Exception? failure = null;
        while (rest > 0)
        {
            int taken;
            bool refused = failure is not null;
            if (start != end)
            {
                taken = (int)Math.Min(rest, end - start);
                failure ??= Put(target, input.AsSpan(start, taken));
                start += taken;
            }
            else if (failure is null && rest >= DirectReadSize && arrival is null)
            {
                (taken, failure) = await ReceiveIntoAsync(target, rest, limit, cancellationToken).ConfigureAwait(false);
            }
            else if (await FillAsync(limit, limit, cancellationToken).ConfigureAwait(false))
            {
                continue;
            }
            else
            {
                throw Lost();
            }

            rest -= taken;
            if (refused && (dropped += taken) > discardAtMost)
                throw Protocol("MailMessageEndless", $"a message goes on {discardAtMost:N0} bytes beyond the limit", "Have the message removed on the server.");
        }

        return new DataResult(length, failure);
    }

    /// <summary>
    /// Waits until the server says something. Unlike the other waits it leaves the connection alive when the time is up; lines may be written
    /// meanwhile. An idle connection keeps hardly any memory.
    /// </summary>
    /// <param name="atMost">How long to wait.</param>
    /// <param name="cancellationToken">Stops the waiting; the connection is dead then.</param>
    /// <returns>True when there is something to read (or the connection has ended, which the next read tells); false when the time was up.</returns>
    public async ValueTask<bool> WaitForDataAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        ThrowIfDead();
        if (start != end)
            return true;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task pause = Task.Delay(atMost, context.Clock, over.Token);
        arrival ??= ListenAsync();
        Task first = await Task.WhenAny(arrival, pause).ConfigureAwait(false);
        await over.CancelAsync().ConfigureAwait(false);
        if (cancellationToken.IsCancellationRequested)
        {
            deathReason = "the waiting was cancelled";
            cancellationToken.ThrowIfCancellationRequested();
        }

        return first == arrival;
    }

    /// <summary>Compresses everything from here on in both directions (RFC 4978).</summary>
    public void Compress()
    {
        ThrowIfDead();
        if (start != end)
            throw CompressionBroken($"{end - start} bytes follow the answer to COMPRESS");
        stream = new CompressedStream(stream);
        IsCompressed = true;
        Log.Note("compressed");
    }

    private static Exception? Put(IBufferWriter<byte> target, ReadOnlySpan<byte> bytes)
    {
        try
        {
            target.Write(bytes);
            return null;
        }
        catch (Exception e) when (e is MessageTooLargeException or IOException or UnauthorizedAccessException)
        {
            return e;
        }
    }

    /// <summary>Reads straight into the target: large messages are not copied twice.</summary>
    private async ValueTask<(int Taken, Exception? Failure)> ReceiveIntoAsync(
        IBufferWriter<byte> target, long rest, TimeSpan limit, CancellationToken cancellationToken)
    {
        Memory<byte> room;
        try
        {
            room = target.GetMemory(DirectReadSize);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (0, e);
        }

        int taken = await ReceiveAsync(room[..(int)Math.Min(room.Length, rest)], limit, limit, cancellationToken).ConfigureAwait(false);
        if (taken == 0)
            throw Lost();
        try
        {
            target.Advance(taken);
            return (taken, null);
        }
        catch (MessageTooLargeException e)
        {
            return (taken, e);
        }
    }

    /// <summary>Starts a read that nothing but the server, a cancellation or the end of the connection ends.</summary>
    private Task<int> ListenAsync()
    {
        if (input.Length > IdleBufferSize)
        {
            start = end = 0;
            ArrayPool<byte>.Shared.Return(input);
            input = ArrayPool<byte>.Shared.Rent(IdleBufferSize);
        }

        // A read of no bytes waits without holding the buffers of TLS. Other streams may take it for no wait at all.
        return stream is SslStream or NetworkStream ? WaitAsync() : ReadAsync();

        async Task<int> WaitAsync()
        {
            await stream.ReadAsync(Memory<byte>.Empty, abort.Token).ConfigureAwait(false);
            return SomethingCame;
        }

        async Task<int> ReadAsync()
        {
            start = end = 0;
            return await stream.ReadAsync(input, abort.Token).ConfigureAwait(false);
        }
    }

    private async ValueTask<int> TakeArrivalAsync(TimeSpan rest, TimeSpan limit, CancellationToken cancellationToken)
    {
        Task<int> pending = arrival!;
        CancellationTokenRegistration registration = Arm(rest, cancellationToken);
        try
        {
            return await pending.ConfigureAwait(false);
        }
        catch (InvalidDataException e) when (IsCompressed)
        {
            throw CompressionBroken(e.Message);
        }
        catch (Exception e) when (IsNetworkFailure(e))
        {
            throw Broken(e, limit, cancellationToken);
        }
        finally
        {
            arrival = null;
            await registration.DisposeAsync().ConfigureAwait(false);
            Disarm();
        }
    }

    private MailProtocolException CompressionBroken(string what)
    {
        WhenCompressionBreaks?.Invoke();
        return Protocol("MailCompressionBroken", $"the compressed data cannot be read: {what}", "It is tried again without compression.");
    }
}

using System.Buffers;

namespace EmailRouter.Mime.Codecs;

/// <summary>A body, decoded while it is read. Forward only.</summary>
internal sealed class DecodedStream(ReadOnlyMemory<byte> body, MimeTransferEncoding encoding) : Stream
{
    private BodyDecoder decoder = new(body, encoding);
    private byte[]? pending;
    private int pendingStart;
    private int pendingEnd;
    private bool closed;

    public override bool CanRead => !closed;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(closed, this);
        if (buffer.IsEmpty)
            return 0;
        if (pendingStart == pendingEnd)
        {
            if (buffer.Length >= BodyDecoder.MinimumDestination)
                return decoder.Read(buffer);
            pending ??= ArrayPool<byte>.Shared.Rent(4096);
            pendingStart = 0;
            pendingEnd = decoder.Read(pending);
        }

        int count = Math.Min(buffer.Length, pendingEnd - pendingStart);
        pending.AsSpan(pendingStart, count).CopyTo(buffer);
        pendingStart += count;
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        cancellationToken.IsCancellationRequested ? ValueTask.FromCanceled<int>(cancellationToken) : ValueTask.FromResult(Read(buffer.Span));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        closed = true;
        if (Interlocked.Exchange(ref pending, null) is { } array)
            ArrayPool<byte>.Shared.Return(array);
        pendingStart = pendingEnd = 0;
        base.Dispose(disposing);
    }
}

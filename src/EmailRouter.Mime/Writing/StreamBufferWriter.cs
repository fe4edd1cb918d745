using System.Buffers;

namespace EmailRouter.Mime.Writing;

/// <summary>A pooled window in front of a stream, so that everything is written to one kind of thing.</summary>
internal sealed class StreamBufferWriter(Stream stream) : IBufferWriter<byte>, IDisposable
{
    private byte[] array = ArrayPool<byte>.Shared.Rent(65536);
    private int used;

    public void Advance(int count) => used += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return array.AsMemory(used);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return array.AsSpan(used);
    }

    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        await stream.WriteAsync(array.AsMemory(0, used), cancellationToken).ConfigureAwait(false);
        used = 0;
    }

    public void Dispose()
    {
        if (array.Length > 0)
            ArrayPool<byte>.Shared.Return(array);
        array = [];
    }

    // Grows between flushes; the writer flushes after every piece of an attachment.
    private void Reserve(int sizeHint)
    {
        if (array.Length - used >= Math.Max(sizeHint, 1))
            return;
        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(used + sizeHint, array.Length * 2));
        array.AsSpan(0, used).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(array);
        array = larger;
    }
}

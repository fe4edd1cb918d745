using System.Buffers;

namespace EmailRouter.Mail.Net;

/// <summary>Takes bytes that nobody wants.</summary>
internal sealed class NullWriter : IBufferWriter<byte>
{
    private readonly byte[] scratch = new byte[64 * 1024];

    private NullWriter()
    {
    }

    /// <summary>Gets the instance. Shared: what is written into it is never read.</summary>
    public static NullWriter Instance { get; } = new();

    /// <inheritdoc/>
    public void Advance(int count)
    {
        // Dropped.
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0) => sizeHint <= scratch.Length ? scratch : new byte[sizeHint];

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
}

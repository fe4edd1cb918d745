using System.Buffers;
using System.IO.MemoryMappedFiles;

namespace EmailRouter.Mime;

/// <summary>
/// The bytes of one message, exactly as received or as written, in one piece of memory. Small messages live in a pooled array, large ones in a
/// temporary file that is mapped into memory, so that a 150 MB message costs address space and no heap.
/// </summary>
/// <remarks>Whoever holds the buffer disposes it; every slice of <see cref="Memory"/> ends with it.</remarks>
public sealed class MessageBuffer : IDisposable
{
    private byte[]? pooled;
    private MappedMemory? mapped;
    private ReadOnlyMemory<byte> memory;

    private MessageBuffer(ReadOnlyMemory<byte> memory, byte[]? pooled, MappedMemory? mapped)
    {
        this.memory = memory;
        this.pooled = pooled;
        this.mapped = mapped;
    }

    /// <summary>Gets the bytes.</summary>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public ReadOnlyMemory<byte> Memory
    {
        get
        {
            ObjectDisposedException.ThrowIf(memory.IsEmpty && Length > 0, this);
            return memory;
        }
    }

    /// <summary>Gets the number of bytes.</summary>
    public int Length { get; private init; }

    /// <summary>Gets a value indicating whether the bytes lie in a temporary file rather than in a pooled array.</summary>
    public bool IsSpooled => mapped is not null;

    /// <summary>Wraps bytes that somebody else owns; disposing the buffer leaves them alone.</summary>
    /// <param name="bytes">The bytes of a message.</param>
    /// <returns>A buffer over these very bytes.</returns>
    public static MessageBuffer Wrap(ReadOnlyMemory<byte> bytes) => new(bytes, null, null) { Length = bytes.Length };

    /// <summary>Reads a stream to its end.</summary>
    /// <param name="source">Where the message comes from.</param>
    /// <param name="options">Spooling and limits; defaults when omitted.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The buffer; the caller disposes it.</returns>
    /// <exception cref="MessageTooLargeException">The stream holds more than <see cref="MessageBufferOptions.MaximumSize"/>.</exception>
    public static async ValueTask<MessageBuffer> ReadAsync(Stream source, MessageBufferOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        int threshold = options?.SpoolThreshold ?? MessageBufferOptions.DefaultSpoolThreshold;
        int hint = source.CanSeek ? (int)Math.Min(threshold, Math.Max(4096, source.Length - source.Position + 1)) : 4096;
        using var writer = new MessageBufferWriter(options, hint);
        while (true)
        {
            int read = await source.ReadAsync(writer.GetMemory(), cancellationToken).ConfigureAwait(false);
            if (read == 0)
                return writer.Complete();
            writer.Advance(read);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        memory = default;
        if (Interlocked.Exchange(ref pooled, null) is { } array)
            ArrayPool<byte>.Shared.Return(array);
        if (Interlocked.Exchange(ref mapped, null) is IDisposable map)
            map.Dispose();
    }

    internal static MessageBuffer FromPool(byte[] array, int length) => new(array.AsMemory(0, length), array, null) { Length = length };

    internal static MessageBuffer FromFile(FileStream file, int length)
    {
        if (length == 0)
        {
            file.Dispose();
            return Wrap(default);
        }

        var map = new MappedMemory(file, length);
        return new MessageBuffer(map.Memory, null, map) { Length = length };
    }

    /// <summary>A read-only file mapping as memory. The file deletes itself when its last handle closes.</summary>
    private sealed unsafe class MappedMemory : MemoryManager<byte>
    {
        private readonly MemoryMappedFile map;
        private readonly MemoryMappedViewAccessor view;
        private readonly int length;
        private byte* pointer;

        public MappedMemory(FileStream file, int length)
        {
            this.length = length;
            map = MemoryMappedFile.CreateFromFile(file, null, length, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
            view = map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
            pointer += view.PointerOffset;
        }

        public override Span<byte> GetSpan() => pointer is null ? default : new Span<byte>(pointer, length);

        public override MemoryHandle Pin(int elementIndex = 0) => new(pointer + elementIndex);

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
            if (pointer is null)
                return;
            pointer = null;
            view.SafeMemoryMappedViewHandle.ReleasePointer();
            view.Dispose();
            map.Dispose();
        }
    }
}

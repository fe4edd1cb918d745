using System.Buffers;

namespace EmailRouter.Mime;

/// <summary>Collects the bytes of one message: in a pooled array first, in a temporary file once they outgrow it.</summary>
public sealed class MessageBufferWriter : IBufferWriter<byte>, IDisposable
{
    private readonly MessageBufferOptions options;
    private byte[]? array;
    private int used;
    private FileStream? file;
    private int flushed;

    /// <summary>Initializes a new instance of the <see cref="MessageBufferWriter"/> class.</summary>
    /// <param name="options">Spooling and limits; defaults when omitted.</param>
    /// <param name="sizeHint">How many bytes are expected; only a hint.</param>
    public MessageBufferWriter(MessageBufferOptions? options = null, int sizeHint = 4096)
    {
        this.options = options ?? MessageBufferOptions.Default;
        array = ArrayPool<byte>.Shared.Rent(Math.Clamp(sizeHint, 256, Math.Max(256, this.options.SpoolThreshold)));
    }

    /// <summary>Gets the number of bytes written so far.</summary>
    public int Length => flushed + used;

    private byte[] Array => array ?? throw new ObjectDisposedException(nameof(MessageBufferWriter));

    /// <inheritdoc/>
    /// <exception cref="MessageTooLargeException">The message exceeds <see cref="MessageBufferOptions.MaximumSize"/>.</exception>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Array.Length - used);
        used += count;
        if ((long)flushed + used > options.MaximumSize)
            throw new MessageTooLargeException(options.MaximumSize);
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return Array.AsMemory(used);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return Array.AsSpan(used);
    }

    /// <summary>Hands the bytes over; the writer is finished.</summary>
    /// <returns>The buffer; the caller disposes it.</returns>
    public MessageBuffer Complete()
    {
        byte[] bytes = Array;
        int length = Length;
        array = null;
        if (file is null)
            return MessageBuffer.FromPool(bytes, length);

        FileStream spool = file;
        file = null;
        try
        {
            spool.Write(bytes, 0, used);
            spool.Flush();
        }
        catch
        {
            spool.Dispose();
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }

        return MessageBuffer.FromFile(spool, length);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (array is not null)
            ArrayPool<byte>.Shared.Return(array);
        array = null;
        file?.Dispose();
        file = null;
    }

    private void Reserve(int sizeHint)
    {
        sizeHint = Math.Max(sizeHint, 1);
        if (Array.Length - used >= sizeHint)
            return;

        if (file is null && used + sizeHint <= options.SpoolThreshold)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(used + sizeHint, Math.Min(used * 2, options.SpoolThreshold)));
            Array.AsSpan(0, used).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(Array);
            array = larger;
            return;
        }

        // From here on the array is only the window in front of the file.
        file ??= OpenSpool(options.SpoolDirectory);
        file.Write(Array, 0, used);
        flushed += used;
        used = 0;
        if (Array.Length < sizeHint)
        {
            ArrayPool<byte>.Shared.Return(Array);
            array = ArrayPool<byte>.Shared.Rent(sizeHint);
        }
    }

    private static FileStream OpenSpool(string? directory)
    {
        string path = Path.Combine(directory ?? Path.GetTempPath(), "emailrouter-" + Path.GetRandomFileName());
        var how = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.Delete,
            BufferSize = 0,
            Options = FileOptions.DeleteOnClose,
        };
        if (!OperatingSystem.IsWindows())
            how.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;     // customers' mail: nobody else reads it
        return new FileStream(path, how);
    }
}

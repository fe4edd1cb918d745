using System.Buffers;
using System.Buffers.Text;
using System.Net;
using System.Net.Http.Headers;

namespace EmailRouter.Mail.Exchange.Soap;

/// <summary>A request with a message in it, written piece by piece: what is before the message, the message in base64, what is behind it.</summary>
internal sealed class EwsMimeContent : HttpContent
{
    /// <summary>A multiple of three, so that pieces join to one base64 text.</summary>
    private const int PieceSize = 48 * 1024;

    private readonly byte[] head;
    private readonly ReadOnlyMemory<byte> message;
    private readonly byte[] tail;
    private readonly Func<CancellationToken, ValueTask> beforeLastBytes;

    /// <summary>Makes the content.</summary>
    /// <param name="head">What is before the message.</param>
    /// <param name="message">The message.</param>
    /// <param name="tail">What is behind it.</param>
    /// <param name="beforeLastBytes">Awaited when all but the tail has left; when it throws, the request never ends.</param>
    public EwsMimeContent(byte[] head, ReadOnlyMemory<byte> message, byte[] tail, Func<CancellationToken, ValueTask> beforeLastBytes)
    {
        this.head = head;
        this.message = message;
        this.tail = tail;
        this.beforeLastBytes = beforeLastBytes;
        Headers.ContentType = new MediaTypeHeaderValue("text/xml") { CharSet = "utf-8" };
    }

    /// <inheritdoc/>
    protected override bool TryComputeLength(out long length)
    {
        length = head.Length + ((message.Length + 2L) / 3 * 4) + tail.Length;
        return true;
    }

    /// <inheritdoc/>
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    /// <inheritdoc/>
    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        await stream.WriteAsync(head, cancellationToken).ConfigureAwait(false);
        byte[] text = ArrayPool<byte>.Shared.Rent(PieceSize / 3 * 4);
        try
        {
            for (int at = 0; at < message.Length; at += PieceSize)
            {
                Base64.EncodeToUtf8(message.Span.Slice(at, Math.Min(PieceSize, message.Length - at)), text, out _, out int written);
                await stream.WriteAsync(text.AsMemory(0, written), cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(text);
        }

        await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        await beforeLastBytes(cancellationToken).ConfigureAwait(false);
        await stream.WriteAsync(tail, cancellationToken).ConfigureAwait(false);
    }
}

using System.Buffers;

namespace EmailRouter.Mime.Codecs;

/// <summary>Undoes the transfer encoding of one body, piece by piece.</summary>
/// <param name="body">The encoded bytes.</param>
/// <param name="encoding">How they are encoded.</param>
internal struct BodyDecoder(ReadOnlyMemory<byte> body, MimeTransferEncoding encoding)
{
    /// <summary>The least room <see cref="Read"/> needs.</summary>
    public const int MinimumDestination = 64;

    private readonly ReadOnlyMemory<byte> body = body;
    private Base64Decoder base64;
    private int position;
    private int contentEnd;
    private bool finished;

    /// <summary>Decodes the next bytes.</summary>
    /// <param name="destination">Room for at least <see cref="MinimumDestination"/> bytes.</param>
    /// <returns>How many bytes were written; 0 at the end and only there.</returns>
    public int Read(Span<byte> destination)
    {
        ReadOnlySpan<byte> source = body.Span;
        int written = 0;
        while (written == 0 && !finished)
        {
            switch (encoding)
            {
                case MimeTransferEncoding.Base64:
                    written = base64.Decode(source, ref position, destination);
                    if (position == source.Length && destination.Length - written >= 2)
                    {
                        written += base64.Finish(destination[written..]);
                        finished = true;
                    }

                    break;
                case MimeTransferEncoding.QuotedPrintable:
                    written = QuotedPrintableDecoder.Decode(source, ref position, ref contentEnd, destination);
                    finished = position == source.Length;
                    break;
                case MimeTransferEncoding.UUEncode:
                    written = UUDecoder.Decode(source, ref position, destination);
                    finished = position == source.Length;
                    break;
                default:
                    written = Math.Min(destination.Length, source.Length - position);
                    source.Slice(position, written).CopyTo(destination);
                    position += written;
                    finished = position == source.Length;
                    break;
            }
        }

        return written;
    }

    /// <summary>Decodes a whole body into a buffer.</summary>
    public static void DecodeTo(ReadOnlyMemory<byte> body, MimeTransferEncoding encoding, IBufferWriter<byte> destination)
    {
        var decoder = new BodyDecoder(body, encoding);
        while (true)
        {
            int written = decoder.Read(destination.GetSpan(Math.Clamp(body.Length, MinimumDestination, 16384)));
            if (written == 0)
                return;
            destination.Advance(written);
        }
    }
}

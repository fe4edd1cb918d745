using System.Buffers;
using System.Text;

namespace EmailRouter.Mime.Writing;

/// <summary>A message that is attached to another one, and what stands in the way of writing it as it is.</summary>
internal sealed class AttachedMessage : IDisposable
{
    private const int LongestLine = 998;
    private readonly MessageBuffer buffer;
    private readonly bool isPlain;
    private readonly bool isEightBit;

    public AttachedMessage(MessageBuffer buffer)
    {
        this.buffer = buffer;
        isEightBit = !Ascii.IsValid(Bytes);
        isPlain = !Bytes.IsEmpty && IsPlain(Bytes);
    }

    public ReadOnlySpan<byte> Bytes => buffer.Memory.Span;

    public ReadOnlyMemory<byte> Memory => buffer.Memory;

    public string EncodingName => isEightBit ? "8bit" : "7bit";

    /// <summary>Tells whether the message can be a <c>message/rfc822</c> part, which must not be encoded.</summary>
    public bool IsWritable(bool allow8Bit) => isPlain && (allow8Bit || !isEightBit);

    /// <summary>Writes a piece of the message with CRLF line ends; the caller advances the position.</summary>
    public static void Write(ReadOnlySpan<byte> piece, ref bool afterReturn, IBufferWriter<byte> output)
    {
        while (!piece.IsEmpty)
        {
            int end = piece.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = end < 0 ? piece : piece[..end];
            output.Write(line);
            if (!line.IsEmpty)
                afterReturn = line[^1] == '\r';
            if (end < 0)
                return;
            output.Write(afterReturn ? "\n"u8 : "\r\n"u8);
            afterReturn = false;
            piece = piece[(end + 1)..];
        }
    }

    public void Dispose() => buffer.Dispose();

    private static bool IsPlain(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Contains((byte)0))
            return false;
        while (!bytes.IsEmpty)
        {
            int end = bytes.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = end < 0 ? bytes : bytes[..end];
            if (!line.IsEmpty && line[^1] == '\r')
                line = line[..^1];
            if (line.Length > LongestLine || line.Contains((byte)'\r'))
                return false;
            bytes = end < 0 ? default : bytes[(end + 1)..];
        }

        return true;
    }
}

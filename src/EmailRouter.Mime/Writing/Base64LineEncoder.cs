using System.Buffers;
using System.Buffers.Text;

namespace EmailRouter.Mime.Writing;

/// <summary>Writes bytes as base64 in lines of 76 characters. Pieces are multiples of 57 bytes, except for the last.</summary>
internal static class Base64LineEncoder
{
    /// <summary>How many bytes make one line.</summary>
    public const int LineBytes = 57;

    /// <summary>Encodes a piece; every line gets its CRLF.</summary>
    public static void Encode(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output)
    {
        while (!bytes.IsEmpty)
        {
            ReadOnlySpan<byte> line = bytes[..Math.Min(LineBytes, bytes.Length)];
            Span<byte> room = output.GetSpan(78);
            Base64.EncodeToUtf8(line, room, out _, out int written);
            room[written++] = (byte)'\r';
            room[written++] = (byte)'\n';
            output.Advance(written);
            bytes = bytes[line.Length..];
        }
    }
}

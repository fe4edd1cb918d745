using System.Buffers;
using System.Buffers.Binary;

namespace EmailRouter.Mime.Tnef;

/// <summary>RTF as Outlook compresses it ([MS-OXRTFCP]): LZ77 with a ring of 4 KiB that starts out with common RTF.</summary>
internal static class CompressedRtf
{
    private const uint Compressed = 0x75465A4C;         // "LZFu"
    private const uint Uncompressed = 0x414C454D;       // "MELA"
    private const int HeaderLength = 16;
    private const int Ring = 4096;

    /// <summary>Decompresses. The checksum is not looked at: text with one wrong letter is better than none.</summary>
    /// <param name="data">The compressed text with its header.</param>
    /// <param name="maximum">How many bytes to make at most.</param>
    /// <param name="isCut">Whether the text ended too early or was longer than allowed.</param>
    /// <returns>The RTF text; null when the bytes are none.</returns>
    public static byte[]? Decompress(ReadOnlySpan<byte> data, int maximum, out bool isCut)
    {
        isCut = false;
        if (data.Length < HeaderLength)
            return null;
        uint rawSize = BinaryPrimitives.ReadUInt32LittleEndian(data[4..]);
        uint kind = BinaryPrimitives.ReadUInt32LittleEndian(data[8..]);
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(data);
        ReadOnlySpan<byte> body = data[HeaderLength..];
        if (length >= HeaderLength - 4 && length - (HeaderLength - 4) < body.Length)
            body = body[..(int)(length - (HeaderLength - 4))];
        int size = (int)Math.Min(rawSize, (uint)maximum);
        isCut = rawSize > (uint)maximum;
        switch (kind)
        {
            case Uncompressed:
                isCut |= body.Length < size;
                return body[..Math.Min(size, body.Length)].ToArray();
            case Compressed:
                byte[] rtf = Expand(body, size);
                isCut |= rtf.Length < size;
                return rtf;
            default:
                return null;
        }
    }

    // The ring's first content is part of the format ([MS-OXRTFCP] 2.1.3.1.1.1).
    private static ReadOnlySpan<byte> Start =>
        @"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"u8;

    private static ReadOnlySpan<byte> StartTail => "\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"u8;

    private static byte[] Expand(ReadOnlySpan<byte> body, int size)
    {
        // The size is only what the header says: memory is taken as bytes come.
        var output = new ArrayBufferWriter<byte>(Math.Clamp(body.Length, 256, 65536));
        Span<byte> ring = stackalloc byte[Ring];
        ring.Clear();
        Start.CopyTo(ring);
        StartTail.CopyTo(ring[Start.Length..]);
        int write = Start.Length + StartTail.Length;
        Span<byte> piece = stackalloc byte[17];
        int position = 0;
        while (position < body.Length && output.WrittenCount < size)
        {
            int control = body[position++];
            for (int bit = 0; bit < 8 && output.WrittenCount < size; bit++, control >>= 1)
            {
                if ((control & 1) == 0)
                {
                    if (position >= body.Length)
                        return output.WrittenSpan.ToArray();
                    piece[0] = ring[write] = body[position++];
                    write = (write + 1) % Ring;
                    output.Write(piece[..1]);
                    continue;
                }

                if (position + 2 > body.Length)
                    return output.WrittenSpan.ToArray();
                int token = BinaryPrimitives.ReadUInt16BigEndian(body[position..]);
                position += 2;
                int read = token >> 4;
                if (read == write)
                    return output.WrittenSpan.ToArray();        // a reference to itself ends the text
                int count = Math.Min((token & 15) + 2, size - output.WrittenCount);
                for (int i = 0; i < count; i++)
                {
                    piece[i] = ring[write] = ring[read];
                    write = (write + 1) % Ring;
                    read = (read + 1) % Ring;
                }

                output.Write(piece[..count]);
            }
        }

        return output.WrittenSpan.ToArray();
    }
}

using System.Buffers.Text;
using System.Runtime.CompilerServices;

namespace EmailRouter.Mime.Codecs;

/// <summary>
/// Base64 as found in mail (RFC 2045 6.8): line ends anywhere, rubbish between, padding missing or in the middle where streams were joined.
/// Lines are put together first, so that the vectorised decoder gets long runs; only a piece that it refuses is read byte by byte.
/// </summary>
internal struct Base64Decoder
{
    private const int Window = 4096;
    private uint bits;
    private int sextets;

    private static ReadOnlySpan<sbyte> Values =>
    [
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 62, -1, -1, -1, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1, -1, -1, -2, -1, -1,
        -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, -1, -1, -1, -1, -1,
        -1, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, -1, -1, -1, -1, -1,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    ];

    /// <summary>Decodes until the source is used up or less than four bytes of the destination are left.</summary>
    [SkipLocalsInit]
    public int Decode(ReadOnlySpan<byte> source, ref int position, Span<byte> destination)
    {
        Span<byte> window = stackalloc byte[Window];
        int written = 0;
        while (position < source.Length && destination.Length - written >= 4)
        {
            int room = Math.Min(Window, (destination.Length - written - 4) / 3 * 4);
            if (sextets != 0 || room < 64)
            {
                // Towards the next whole group, or the last few bytes of a full destination.
                int step = Math.Min(source.Length, position + Math.Max(1, room == 0 ? 1 : 4 - sextets));
                DecodeEach(source[position..step], destination, ref written);
                position = step;
                continue;
            }

            int filled = 0;
            while (filled < room && position < source.Length)
            {
                ReadOnlySpan<byte> rest = source.Slice(position, Math.Min(source.Length - position, room - filled));
                int end = rest.IndexOfAny((byte)'\n', (byte)'\r');
                if (end < 0)
                {
                    rest.CopyTo(window[filled..]);
                    filled += rest.Length;
                    position += rest.Length;
                    break;
                }

                rest[..end].CopyTo(window[filled..]);
                filled += end;
                position += end + 1;
            }

            ReadOnlySpan<byte> text = window[..filled];
            int used = 0;
            // The framework's decoder skips blanks itself, but then miscounts what it used of a block that is not the last one.
            if (text.IndexOfAny((byte)' ', (byte)'\t') < 0)
            {
                Base64.DecodeFromUtf8(text[..(filled & ~3)], destination[written..], out used, out int decoded, isFinalBlock: false);
                written += decoded;
            }

            DecodeEach(text[used..], destination, ref written);
        }

        return written;
    }

    /// <summary>Ends the stream: gives out what an unpadded last group holds. The destination needs two bytes.</summary>
    public int Finish(Span<byte> destination)
    {
        int written = 0;
        FlushGroup(destination, ref written);
        return written;
    }

    private void DecodeEach(ReadOnlySpan<byte> text, Span<byte> destination, ref int written)
    {
        foreach (byte character in text)
        {
            int value = Values[character];
            if (value >= 0)
            {
                bits = (bits << 6) | (uint)value;
                if (++sextets < 4)
                    continue;
                destination[written++] = (byte)(bits >> 16);
                destination[written++] = (byte)(bits >> 8);
                destination[written++] = (byte)bits;
                sextets = 0;
                bits = 0;
            }
            else if (value == -2)
            {
                FlushGroup(destination, ref written);
            }
        }
    }

    private void FlushGroup(Span<byte> destination, ref int written)
    {
        if (sextets == 2)
        {
            destination[written++] = (byte)(bits >> 4);
        }
        else if (sextets == 3)
        {
            destination[written++] = (byte)(bits >> 10);
            destination[written++] = (byte)(bits >> 2);
        }

        sextets = 0;
        bits = 0;
    }
}

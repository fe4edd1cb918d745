using System.Buffers;

namespace EmailRouter.Mime.Writing;

/// <summary>Writes text as quoted-printable (RFC 2045 6.7), lines of at most 76 characters.</summary>
internal static class QuotedPrintableEncoder
{
    private const int Longest = 76;

    /// <summary>Encodes text whose lines end with CRLF.</summary>
    public static void Encode(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        Span<byte> line = stackalloc byte[Longest + 4];
        int column = 0;
        int i = 0;
        while (i < text.Length)
        {
            byte current = text[i];
            bool lineEnd = current == '\r' && i + 1 < text.Length && text[i + 1] == '\n';
            if (lineEnd)
            {
                line[column++] = (byte)'\r';
                line[column++] = (byte)'\n';
                output.Write(line[..column]);
                column = 0;
                i += 2;
                continue;
            }

            bool last = i + 1 == text.Length || (text[i + 1] == '\r' && i + 2 < text.Length && text[i + 2] == '\n');
            bool literal = current is (>= 33 and <= 126 and not (byte)'=') || (current is (byte)' ' or (byte)'\t' && !last);
            // Mail systems change lines that start with "From " or consist of a dot.
            if (column == 0 && (current == '.' || (current == 'F' && text[i..].StartsWith("From "u8))))
                literal = false;

            int size = literal ? 1 : 3;
            if (column + size > (last ? Longest : Longest - 1))
            {
                line[column++] = (byte)'=';
                line[column++] = (byte)'\r';
                line[column++] = (byte)'\n';
                output.Write(line[..column]);
                column = 0;
                continue;
            }

            if (literal)
            {
                line[column++] = current;
            }
            else
            {
                line[column++] = (byte)'=';
                line[column++] = "0123456789ABCDEF"u8[current >> 4];
                line[column++] = "0123456789ABCDEF"u8[current & 15];
            }

            i++;
        }

        if (column > 0)
            output.Write(line[..column]);
    }
}

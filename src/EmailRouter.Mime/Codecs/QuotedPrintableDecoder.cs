namespace EmailRouter.Mime.Codecs;

/// <summary>
/// Quoted-printable as found in mail (RFC 2045 6.7): lower-case digits, spaces after a soft break, lone equals signs. White space at line ends is
/// no content and dropped.
/// </summary>
internal static class QuotedPrintableDecoder
{
    // Blanks at the end of a window are looked at again with the next one, so windows are short.
    private const int LongestWindow = 4096;

    /// <summary>Decodes until the source is used up or the destination is full.</summary>
    /// <param name="source">The encoded bytes.</param>
    /// <param name="position">How far they are decoded.</param>
    /// <param name="contentEnd">How far blanks are known to be content, so that a long run of them is looked through only once; 0 at first.</param>
    /// <param name="destination">Where the bytes go.</param>
    /// <returns>How many bytes were written.</returns>
    public static int Decode(ReadOnlySpan<byte> source, ref int position, ref int contentEnd, Span<byte> destination)
    {
        int written = 0;
        while (position < source.Length && written < destination.Length)
        {
            if (position < contentEnd)
            {
                int count = Math.Min(contentEnd - position, destination.Length - written);
                source.Slice(position, count).CopyTo(destination[written..]);
                position += count;
                written += count;
                continue;
            }

            ReadOnlySpan<byte> rest = source[position..];
            ReadOnlySpan<byte> window = rest[..Math.Min(rest.Length, Math.Min(destination.Length - written, LongestWindow))];
            int run = window.IndexOfAny((byte)'=', (byte)'\n');
            if (run < 0)
            {
                bool last = window.Length == rest.Length;
                // A CR may belong to a line end behind the window, and blanks in front of it are dropped then; one CR, or each of many would be looked at again.
                int kept = (last || window[^1] != '\r' ? window : window[..^1]).TrimEnd(" \t"u8).Length;
                if (kept == 0 && !last)
                {
                    if (rest[0] == '\r')
                    {
                        if (window.Length < 2)
                            return written;     // the line end goes out in one piece, next time
                        kept = 1;
                    }
                    else
                    {
                        // Nothing but blanks up to the end of the destination: what follows decides whether they are content.
                        int blanks = CountBlanks(rest, out bool atLineEnd);
                        if (atLineEnd)
                            position += blanks;
                        else
                            contentEnd = position + blanks;
                        continue;
                    }
                }

                window[..kept].CopyTo(destination[written..]);
                written += kept;
                position += last ? window.Length : kept;
                continue;
            }

            if (window[run] == '\n')
            {
                bool hasReturn = run > 0 && window[run - 1] == '\r';
                ReadOnlySpan<byte> line = window[..(hasReturn ? run - 1 : run)].TrimEnd(" \t"u8);
                line.CopyTo(destination[written..]);
                written += line.Length;
                if (hasReturn)
                    destination[written++] = (byte)'\r';
                destination[written++] = (byte)'\n';
                position += run + 1;
                continue;
            }

            window[..run].CopyTo(destination[written..]);
            written += run;
            position += run + DecodeEscape(rest[run..], destination, ref written);
        }

        return written;
    }

    /// <summary>Reads a hexadecimal digit; -1 when it is none.</summary>
    public static int HexValue(int character) => character switch
    {
        >= '0' and <= '9' => character - '0',
        >= 'A' and <= 'F' => character - 'A' + 10,
        >= 'a' and <= 'f' => character - 'a' + 10,
        _ => -1,
    };

    private static int CountBlanks(ReadOnlySpan<byte> rest, out bool atLineEnd)
    {
        int blanks = rest.IndexOfAnyExcept((byte)' ', (byte)'\t');
        if (blanks < 0)
        {
            atLineEnd = true;
            return rest.Length;
        }

        ReadOnlySpan<byte> after = rest[blanks..];
        atLineEnd = after[0] == '\n' || after.StartsWith("\r\n"u8);
        return blanks;
    }

    private static int DecodeEscape(ReadOnlySpan<byte> rest, Span<byte> destination, ref int written)
    {
        if (rest.Length > 2 && HexValue(rest[1]) is >= 0 and int high && HexValue(rest[2]) is >= 0 and int low)
        {
            destination[written++] = (byte)((high << 4) | low);
            return 3;
        }

        int next = 1;
        while (next < rest.Length && rest[next] is (byte)' ' or (byte)'\t')
            next++;
        if (next < rest.Length && rest[next] == '\r')
            next++;
        if (next == rest.Length)
            return next;
        if (rest[next] == '\n')
            return next + 1;

        destination[written++] = (byte)'=';
        return 1;
    }
}

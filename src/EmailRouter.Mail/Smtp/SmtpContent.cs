using System.Buffers;
using System.Text;

namespace EmailRouter.Mail.Smtp;

/// <summary>What a message looks like on the wire, found in one pass before anything is sent.</summary>
/// <param name="Size">The size in octets once every line ends in CRLF, without dot-stuffing: what SIZE means (RFC 1870 3).</param>
/// <param name="IsCanonical">Whether the bytes can be sent as they are: all lines end in CRLF, also the last, and none begins with a dot.</param>
/// <param name="HeaderHas8Bit">Whether the header holds bytes beyond ASCII.</param>
/// <param name="Has8Bit">Whether anything holds bytes beyond ASCII.</param>
/// <param name="LongestLine">The octets of the longest line without its end.</param>
/// <param name="HasNul">Whether there is a NUL, which only BINARYMIME could carry.</param>
internal readonly record struct SmtpContent(long Size, bool IsCanonical, bool HeaderHas8Bit, bool Has8Bit, int LongestLine, bool HasNul)
{
    /// <summary>The longest line that may be sent, without its end (RFC 5321 4.5.3.1.6).</summary>
    public const int LongestAllowedLine = 998;

    private static readonly SearchValues<byte> LineEnds = SearchValues.Create("\r\n"u8);

    /// <summary>Looks through a message.</summary>
    /// <param name="content">The bytes.</param>
    /// <returns>What was found.</returns>
    public static SmtpContent Examine(ReadOnlySpan<byte> content)
    {
        long size = 0;
        int longest = 0;
        bool canonical = true;
        int header = -1;
        int offset = 0;
        while (offset < content.Length)
        {
            ReadOnlySpan<byte> rest = content[offset..];
            int length = NextLine(rest, out int ending);
            if (ending != 2)
                canonical = false;
            if (rest[0] == (byte)'.')
                canonical = false;
            if (length == 0 && header < 0)
                header = offset;
            longest = Math.Max(longest, length);
            size += length + 2;
            offset += length + ending;
        }

        ReadOnlySpan<byte> head = header < 0 ? content : content[..header];
        bool headerHas8Bit = !Ascii.IsValid(head);
        return new SmtpContent(
            size,
            canonical && content.Length > 0,
            headerHas8Bit,
            headerHas8Bit || !Ascii.IsValid(content[head.Length..]),
            longest,
            content.Contains((byte)0));
    }

    /// <summary>
    /// Finds the end of a line. CRLF, a lone LF and a lone CR all end one: whatever a receiver might take for the end of a line is one for us too,
    /// and is sent as CRLF, so that no message can smuggle a second one behind a dot (RFC 5321 2.3.8).
    /// </summary>
    /// <param name="rest">The bytes from the beginning of the line.</param>
    /// <param name="ending">How many bytes end the line: 2 for CRLF, 1 for a lone CR or LF, 0 at the end of the message.</param>
    /// <returns>The length of the line without its end.</returns>
    public static int NextLine(ReadOnlySpan<byte> rest, out int ending)
    {
        int found = rest.IndexOfAny(LineEnds);
        if (found < 0)
        {
            ending = 0;
            return rest.Length;
        }

        ending = rest[found] == (byte)'\r' && found + 1 < rest.Length && rest[found + 1] == (byte)'\n' ? 2 : 1;
        return found;
    }

    /// <summary>Writes lines of a message in wire form until the target is about full.</summary>
    /// <param name="content">What is left of the message; it begins at the beginning of a line.</param>
    /// <param name="target">Takes the bytes; has room for at least one line of the longest kind.</param>
    /// <param name="stuffDots">Whether lines that begin with a dot get another, as DATA wants it and BDAT does not.</param>
    /// <param name="used">How many bytes of the content were taken.</param>
    /// <returns>How many bytes were written.</returns>
    public static int Encode(ReadOnlySpan<byte> content, Span<byte> target, bool stuffDots, out int used)
    {
        int written = 0;
        used = 0;
        while (used < content.Length)
        {
            ReadOnlySpan<byte> rest = content[used..];
            int length = NextLine(rest, out int ending);
            if (target.Length - written < length + 3)
                break;
            if (stuffDots && length > 0 && rest[0] == (byte)'.')
                target[written++] = (byte)'.';
            rest[..length].CopyTo(target[written..]);
            written += length;
            "\r\n"u8.CopyTo(target[written..]);
            written += 2;
            used += length + ending;
        }

        return written;
    }
}

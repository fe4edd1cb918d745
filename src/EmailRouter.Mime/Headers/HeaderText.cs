using System.Buffers;
using System.Text;
using EmailRouter.Mime.Codecs;

namespace EmailRouter.Mime.Headers;

/// <summary>From a header's bytes to text.</summary>
internal static class HeaderText
{
    private static readonly SearchValues<byte> NotPlain = SearchValues.Create("\r\n\0"u8);
    private static readonly SearchValues<char> NotText = SearchValues.Create(
        [.. Enumerable.Range(0, 32).Where(static code => code != '\t').Select(static code => (char)code), '\u007f']);

    /// <summary>Unfolds (RFC 5322 2.2.3), trims and makes characters of the bytes; encoded words stay as they are.</summary>
    /// <param name="raw">The value as it stands in the message.</param>
    /// <param name="fallback">The charset of 8-bit text that is not UTF-8.</param>
    /// <returns>One line.</returns>
    public static string Unfold(ReadOnlySpan<byte> raw, Encoding? fallback)
    {
        raw = raw.Trim(" \t\r\n"u8);
        if (raw.IndexOfAny(NotPlain) < 0)
            return Charsets.Guess(raw, fallback);

        byte[] array = ArrayPool<byte>.Shared.Rent(raw.Length);
        try
        {
            return Charsets.Guess(array.AsSpan(0, Unfold(raw, array)), fallback);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(array);
        }
    }

    /// <summary>Copies a value without its line ends; the white space after them stays. A bare CR, which ends no line, becomes a space, NUL vanishes.</summary>
    public static int Unfold(ReadOnlySpan<byte> raw, Span<byte> destination)
    {
        int written = 0;
        while (true)
        {
            int end = raw.IndexOfAny(NotPlain);
            ReadOnlySpan<byte> run = end < 0 ? raw : raw[..end];
            run.CopyTo(destination[written..]);
            written += run.Length;
            if (end < 0)
                return written;
            if (raw[end] == '\r' && end + 1 < raw.Length && raw[end + 1] != '\n')
                destination[written++] = (byte)' ';
            raw = raw[(end + 1)..];
        }
    }

    /// <summary>The whole way of an unstructured value: unfolded, encoded words decoded, free of control characters.</summary>
    public static string Decode(ReadOnlySpan<byte> raw, Encoding? fallback) => Clean(EncodedWords.Decode(Unfold(raw, fallback)));

    /// <summary>
    /// Takes control characters out of decoded text: line ends and their like become a space, others vanish. Encoded words can smuggle them in, and
    /// nothing that reads a header expects them.
    /// </summary>
    public static string Clean(string text)
    {
        if (text.AsSpan().IndexOfAny(NotText) < 0)
            return text;
        var clean = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            char character = text[i];
            if (character is '\r' or '\n' or '\v' or '\f')
            {
                if (character != '\n' || i == 0 || text[i - 1] != '\r')
                    clean.Append(' ');
            }
            else if (character == '\t' || !char.IsControl(character) || character > 0x7f)
            {
                clean.Append(character);
            }
        }

        return clean.ToString();
    }
}

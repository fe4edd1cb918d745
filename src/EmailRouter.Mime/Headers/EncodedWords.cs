using System.Buffers;
using System.Text;
using EmailRouter.Mime.Codecs;

namespace EmailRouter.Mime.Headers;

/// <summary>
/// Decodes encoded words (RFC 2047, RFC 2231 5), leniently: anywhere in the text, with spaces inside, without their end. Neighbours of one charset are
/// joined as bytes before they become characters, because senders split characters between them.
/// </summary>
internal static class EncodedWords
{
    private const int LongestMeasured = 1000;
    private static readonly SearchValues<char> Base64Characters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \t");

    /// <summary>Decodes every encoded word of a line.</summary>
    /// <param name="text">The unfolded text.</param>
    /// <returns>The decoded text; the same instance when it holds no encoded word.</returns>
    public static string Decode(string text)
    {
        int first = text.IndexOf("=?", StringComparison.Ordinal);
        if (first < 0)
            return text;

        var result = new StringBuilder(text.Length);
        var run = new Run(text.Length);
        try
        {
            int plain = 0;
            int terminator = -1;
            for (int start = first; start >= 0;)
            {
                if (!TryReadWord(text, start, ref terminator, out Word word))
                {
                    start = text.IndexOf("=?", start + 2, StringComparison.Ordinal);
                    continue;
                }

                ReadOnlySpan<char> between = text.AsSpan(plain, start - plain);
                bool adjacent = run.IsOpen && between.IndexOfAnyExcept(' ', '\t') < 0;
                if (!adjacent)
                {
                    run.Flush(result);
                    result.Append(between);
                }

                run.Add(text, word, result);
                plain = word.End;
                start = text.IndexOf("=?", plain, StringComparison.Ordinal);
            }

            run.Flush(result);
            return result.Append(text, plain, text.Length - plain).ToString();
        }
        finally
        {
            run.Release();
        }
    }

    /// <summary>Measures the well-formed encoded word at the start of a text; its content may hold what would otherwise be punctuation.</summary>
    /// <returns>The length; 0 when there is none.</returns>
    public static int Measure(ReadOnlySpan<char> text)
    {
        if (!text.StartsWith("=?"))
            return 0;
        text = text[..Math.Min(text.Length, LongestMeasured)];
        int charset = text[2..].IndexOf('?') + 2;
        if (charset < 2 || charset + 3 >= text.Length || text[charset + 2] != '?' || text[charset + 1] is not ('B' or 'b' or 'Q' or 'q'))
            return 0;
        int content = charset + 3;
        int end = text[content..].IndexOf("?=");
        return end < 0 || text[2..(content + end)].ContainsAny(" \t<>\"") ? 0 : content + end + 2;
    }

    private static bool TryReadWord(string text, int start, ref int terminator, out Word word)
    {
        word = default;
        int charsetStart = start + 2;
        // Charset names are short; looking no further keeps this linear.
        int charsetEnd = text.AsSpan(charsetStart, Math.Min(80, text.Length - charsetStart)).IndexOf('?');
        if (charsetEnd < 0)
            return false;
        charsetEnd += charsetStart;
        if (charsetEnd + 2 >= text.Length || text[charsetEnd + 2] != '?' || text.AsSpan(charsetStart, charsetEnd - charsetStart).ContainsAny(' ', '='))
            return false;
        char encoding = char.ToUpperInvariant(text[charsetEnd + 1]);
        if (encoding is not ('B' or 'Q'))
            return false;

        int contentStart = charsetEnd + 3;
        if (terminator < contentStart && terminator != int.MaxValue)
        {
            terminator = text.IndexOf("?=", contentStart, StringComparison.Ordinal);
            if (terminator < 0)
                terminator = int.MaxValue;
        }

        int contentEnd = Math.Min(terminator, text.Length);
        // A word without its end is taken to end where the next one starts.
        int next = text.AsSpan(contentStart, contentEnd - contentStart).IndexOf(" =?");
        if (next >= 0)
            contentEnd = contentStart + next;

        // A word without its end may be no word at all.
        bool ended = next < 0 && terminator != int.MaxValue;
        ReadOnlySpan<char> content = text.AsSpan(contentStart, contentEnd - contentStart);
        if (!ended && (content.IsEmpty || (encoding == 'B' && content.IndexOfAnyExcept(Base64Characters) >= 0)))
            return false;

        ReadOnlySpan<char> charset = text.AsSpan(charsetStart, charsetEnd - charsetStart);
        int language = charset.IndexOf('*');
        word = new Word(
            charsetStart,
            language < 0 ? charset.Length : language,
            encoding,
            contentStart,
            contentEnd,
            ended ? contentEnd + 2 : contentEnd);
        return true;
    }

    private readonly record struct Word(int Charset, int CharsetLength, char Encoding, int Content, int ContentEnd, int End);

    /// <summary>The bytes of neighbouring words of one charset.</summary>
    private struct Run(int capacity)
    {
        private byte[]? bytes = ArrayPool<byte>.Shared.Rent(Math.Max(64, (capacity * 3) + 8));
        private int length;
        private Base64Decoder base64;
        private string charset = string.Empty;
        private char encoding;

        public bool IsOpen { get; private set; }

        public void Add(string text, Word word, StringBuilder result)
        {
            ReadOnlySpan<char> name = text.AsSpan(word.Charset, word.CharsetLength);
            if (!IsOpen || !name.Equals(charset, StringComparison.OrdinalIgnoreCase))
            {
                Flush(result);
                charset = name.ToString();
            }
            else if (encoding != word.Encoding)
            {
                length += base64.Finish(bytes.AsSpan(length));
            }

            IsOpen = true;
            encoding = word.Encoding;
            ReadOnlySpan<char> content = text.AsSpan(word.Content, word.ContentEnd - word.Content);
            if (encoding == 'B')
                AddBase64(content);
            else
                AddQuoted(content);
        }

        public void Flush(StringBuilder result)
        {
            if (!IsOpen)
                return;
            length += base64.Finish(bytes.AsSpan(length));
            ReadOnlySpan<byte> content = bytes.AsSpan(0, length);
            Encoding? named = Charsets.Find(charset);
            result.Append(named is null || Charsets.IsAscii(named) ? Charsets.Guess(content, null) : Charsets.GetString(named, content));
            length = 0;
            IsOpen = false;
        }

        public void Release()
        {
            if (bytes is not null)
                ArrayPool<byte>.Shared.Return(bytes);
            bytes = null;
        }

        private void AddBase64(ReadOnlySpan<char> content)
        {
            byte[] ascii = ArrayPool<byte>.Shared.Rent(Math.Max(1, content.Length));
            for (int i = 0; i < content.Length; i++)
                ascii[i] = content[i] < 128 ? (byte)content[i] : (byte)' ';
            int position = 0;
            length += base64.Decode(ascii.AsSpan(0, content.Length), ref position, bytes.AsSpan(length));
            ArrayPool<byte>.Shared.Return(ascii);
        }

        private void AddQuoted(ReadOnlySpan<char> content)
        {
            Span<byte> destination = bytes;
            for (int i = 0; i < content.Length; i++)
            {
                char character = content[i];
                if (character == '_')
                {
                    destination[length++] = (byte)' ';
                }
                else if (character == '=' && i + 2 < content.Length && QuotedPrintableDecoder.HexValue(content[i + 1]) is >= 0 and int high
                    && QuotedPrintableDecoder.HexValue(content[i + 2]) is >= 0 and int low)
                {
                    destination[length++] = (byte)((high << 4) | low);
                    i += 2;
                }
                else if (character < 128)
                {
                    destination[length++] = (byte)character;
                }
                else
                {
                    // Raw 8-bit text inside an encoded word: it has already become characters and goes back to UTF-8.
                    int pair = char.IsHighSurrogate(character) && i + 1 < content.Length && char.IsLowSurrogate(content[i + 1]) ? 2 : 1;
                    length += Encoding.UTF8.GetBytes(content.Slice(i, pair), destination[length..]);
                    i += pair - 1;
                }
            }
        }
    }
}

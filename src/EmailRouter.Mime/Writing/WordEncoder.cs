using System.Text;

namespace EmailRouter.Mime.Writing;

/// <summary>Writes encoded words (RFC 2047): UTF-8, at most 75 characters each, never splitting a character.</summary>
internal static class WordEncoder
{
    private const int Longest = 75;

    /// <summary>Tells whether text would come back as something else if it stood in a header as it is.</summary>
    public static bool IsNeeded(string text)
    {
        if (text.Length == 0)
            return false;
        if (!Ascii.IsValid(text) || text.Contains("=?", StringComparison.Ordinal) || text[0] is ' ' or '\t' || text[^1] is ' ' or '\t')
            return true;
        int word = 0;
        foreach (char character in text)
        {
            if (character is < ' ' or '\x7f' && character != '\t')
                return true;
            // A word that cannot be folded must fit on a line.
            word = character is ' ' or '\t' ? 0 : word + 1;
            if (word > 900)
                return true;
        }

        // Runs of blanks longer than a line could not be folded either.
        return text.Contains(new string(' ', 60), StringComparison.Ordinal) || text.Contains(new string('\t', 60), StringComparison.Ordinal);
    }

    /// <summary>Encodes text as one or more words.</summary>
    /// <param name="text">The text.</param>
    /// <param name="column">How much of the line the first word is to stand on is taken.</param>
    /// <returns>The words in order; between them belongs white space, which readers take out again.</returns>
    public static List<string> Encode(string text, int column = 0)
    {
        var words = new List<string>();
        bool quoted = QuotedLength(text) <= (Encoding.UTF8.GetByteCount(text) + 2) / 3 * 4;
        int room = Math.Max(16, Longest - column - "=?utf-8?Q??=".Length);
        var word = new StringBuilder(Longest);
        Span<byte> bytes = stackalloc byte[64];
        int used = 0;
        Span<byte> rune = stackalloc byte[4];
        foreach (Rune character in text.EnumerateRunes())
        {
            int length = character.EncodeToUtf8(rune);
            if (quoted)
            {
                int cost = IsLiteral(character) || character.Value == ' ' ? 1 : 3 * length;
                if (word.Length + cost > room)
                {
                    Emit(words, word);
                    room = Longest - "=?utf-8?Q??=".Length;
                }

                if (character.Value == ' ')
                    word.Append('_');
                else if (IsLiteral(character))
                    word.Append((char)character.Value);
                else
                    AppendEscaped(word, rune[..length]);
            }
            else
            {
                if ((used + length + 2) / 3 * 4 > room)
                {
                    words.Add($"=?utf-8?B?{Convert.ToBase64String(bytes[..used])}?=");
                    room = Longest - "=?utf-8?B??=".Length;
                    used = 0;
                }

                rune[..length].CopyTo(bytes[used..]);
                used += length;
            }
        }

        if (word.Length > 0)
            Emit(words, word);
        if (used > 0)
            words.Add($"=?utf-8?B?{Convert.ToBase64String(bytes[..used])}?=");
        return words;
    }

    private static void Emit(List<string> words, StringBuilder word)
    {
        words.Add($"=?utf-8?Q?{word}?=");
        word.Clear();
    }

    private static void AppendEscaped(StringBuilder word, ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
            word.Append('=').Append(value.ToString("X2", null));
    }

    private static int QuotedLength(string text)
    {
        int length = 0;
        foreach (Rune character in text.EnumerateRunes())
            length += IsLiteral(character) || character.Value == ' ' ? 1 : 3 * character.Utf8SequenceLength;
        return length;
    }

    // What may stand for itself in a phrase (RFC 2047 5 (3)), so that one form fits everywhere.
    private static bool IsLiteral(Rune character) =>
        character.IsAscii && (char.IsAsciiLetterOrDigit((char)character.Value) || character.Value is '!' or '*' or '+' or '-' or '/');
}

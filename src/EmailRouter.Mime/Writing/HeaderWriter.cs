using System.Buffers;
using System.Globalization;
using System.Text;
using EmailRouter.Mime.Headers;

namespace EmailRouter.Mime.Writing;

/// <summary>Writes headers: folded at 78 characters where there is white space, encoded where they must be.</summary>
internal static class HeaderWriter
{
    private const int Preferred = 78;

    /// <summary>Writes unstructured text (RFC 5322 2.2.1).</summary>
    public static void WriteText(IBufferWriter<byte> output, string name, string value)
    {
        var line = new Line(output, name);
        if (WordEncoder.IsNeeded(value))
        {
            foreach (string word in WordEncoder.Encode(value, name.Length + 2))
                line.Add(word);
        }
        else
        {
            int position = 0;
            while (position < value.Length)
            {
                int word = value.AsSpan(position).IndexOfAnyExcept(' ', '\t') + position;
                int end = value.AsSpan(word).IndexOfAny(' ', '\t');
                end = end < 0 ? value.Length : word + end;
                line.Add(value[word..end], word == position ? " " : value[position..word]);
                position = end;
            }
        }

        line.End();
    }

    /// <summary>Writes a list of addresses; nothing when it is empty.</summary>
    /// <exception cref="ArgumentException">An address is not valid.</exception>
    public static void WriteAddresses(IBufferWriter<byte> output, string name, IReadOnlyList<MailAddress> addresses)
    {
        if (addresses.Count == 0)
            return;
        var line = new Line(output, name);
        for (int i = 0; i < addresses.Count; i++)
        {
            MailAddress address = addresses[i];
            string comma = i + 1 < addresses.Count ? "," : string.Empty;
            string spec = address.ToAsciiDomain();
            if (!address.IsValid || !MailAddress.IsValidAddrSpec(spec))
                throw new ArgumentException($"The header {name} cannot hold \"{HeaderText.Clean(address.Address)}\": that is no valid address.",
                    nameof(addresses));

            string display = CleanName(address.DisplayName);
            if (display.Length == 0)
            {
                line.Add(spec + comma);
                continue;
            }

            if (WordEncoder.IsNeeded(display) || display.Length > 60)
            {
                foreach (string word in WordEncoder.Encode(display, name.Length + 2))
                    line.Add(word);
            }
            else
            {
                line.Add(IsPlainPhrase(display) ? display : MailAddress.Quote(display));
            }

            line.Add($"<{spec}>{comma}");
        }

        line.End();
    }

    /// <summary>Writes message ids, or other words that are never encoded.</summary>
    public static void WriteWords(IBufferWriter<byte> output, string name, IEnumerable<string> words)
    {
        var line = new Line(output, name);
        foreach (string word in words)
            line.Add(word);
        line.End();
    }

    /// <summary>Writes Content-Type or Content-Disposition with a file name in the forms that old and new readers know (RFC 2047, RFC 2231).</summary>
    public static void WriteMedia(IBufferWriter<byte> output, string name, string value, params ReadOnlySpan<KeyValuePair<string, string>> parameters)
    {
        var line = new Line(output, name);
        line.Add(parameters.Length > 0 ? value + ";" : value);
        for (int i = 0; i < parameters.Length; i++)
        {
            (string key, string content) = parameters[i];
            string end = i + 1 < parameters.Length ? ";" : string.Empty;
            content = CleanName(content);
            bool plain = !WordEncoder.IsNeeded(content) && content.Length <= 60;
            if (plain)
                line.Add($"{key}={MailAddress.Quote(content)}{end}");
            else if (key == "name")
                AddEncodedName(ref line, key, content, end);
            else
                AddExtended(ref line, key, content, end);
        }

        line.End();
    }

    /// <summary>Takes control characters out of what becomes a name or a file name.</summary>
    public static string CleanName(string? name) => name is null ? string.Empty : HeaderText.Clean(name.Replace('\t', ' '));

    // Old readers know file names only as encoded words in a quoted string, which RFC 2047 forbids and all understand.
    private static void AddEncodedName(ref Line line, string key, string content, string end)
    {
        List<string> words = WordEncoder.Encode(content, key.Length + 3);
        for (int i = 0; i < words.Count; i++)
            line.Add($"{(i == 0 ? key + "=\"" : string.Empty)}{words[i]}{(i + 1 == words.Count ? "\"" + end : string.Empty)}");
    }

    private static void AddExtended(ref Line line, string key, string content, string end)
    {
        var segment = new StringBuilder("UTF-8''");
        var segments = new List<string>();
        Span<byte> bytes = stackalloc byte[4];
        foreach (Rune character in content.EnumerateRunes())
        {
            int length = character.EncodeToUtf8(bytes);
            bool literal = character.IsAscii && (char.IsAsciiLetterOrDigit((char)character.Value) || character.Value is '.' or '-' or '_');
            if (segment.Length + (literal ? 1 : 3 * length) > 55)
            {
                segments.Add(segment.ToString());
                segment.Clear();
            }

            if (literal)
            {
                segment.Append((char)character.Value);
                continue;
            }

            foreach (byte value in bytes[..length])
                segment.Append('%').Append(value.ToString("X2", CultureInfo.InvariantCulture));
        }

        segments.Add(segment.ToString());
        if (segments.Count == 1)
        {
            line.Add($"{key}*={segments[0]}{end}");
            return;
        }

        for (int i = 0; i < segments.Count; i++)
            line.Add($"{key}*{i}*={segments[i]}{(i + 1 < segments.Count ? ";" : end)}");
    }

    private static bool IsPlainPhrase(string text)
    {
        foreach (char character in text)
        {
            if (character != ' ' && !MailAddress.IsAtomCharacter(character))
                return false;
        }

        return !text.Contains("  ", StringComparison.Ordinal);
    }

    /// <summary>One header being written word by word.</summary>
    private ref struct Line
    {
        private readonly IBufferWriter<byte> output;
        private int column;

        public Line(IBufferWriter<byte> output, string name)
        {
            this.output = output;
            output.Write(Encoding.ASCII.GetBytes(name));
            output.Write(":"u8);
            column = name.Length + 1;
            IsFresh = true;
        }

        private bool IsFresh { get; set; }

        public void Add(string word, string blanks = " ")
        {
            // The first word stays with the name, unless that could never fit: a line of white space only would end the headers for some readers.
            if (!IsFresh && column + blanks.Length + word.Length > Preferred)
            {
                output.Write("\r\n"u8);
                column = 0;
            }

            IsFresh = false;
            output.Write(Encoding.UTF8.GetBytes(blanks));
            output.Write(Encoding.UTF8.GetBytes(word));
            column += blanks.Length + word.Length;
        }

        public readonly void End() => output.Write("\r\n"u8);
    }
}

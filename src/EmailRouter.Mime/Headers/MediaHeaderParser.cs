using System.Buffers;
using System.Globalization;
using System.Text;
using EmailRouter.Mime.Codecs;
using EmailRouter.Mime.Parsing;

namespace EmailRouter.Mime.Headers;

/// <summary>Content-Type and Content-Disposition: a first value and parameters (RFC 2045 5.1, RFC 2183, RFC 2231), read leniently.</summary>
internal static class MediaHeaderParser
{
    private readonly record struct Segment(string Name, int Index, bool Encoded, byte[] Value);

    /// <summary>Reads a header value.</summary>
    /// <param name="raw">The value as it stands in the message.</param>
    /// <param name="limits">Bounds the number of parameters.</param>
    /// <param name="diagnostics">Told when there are more.</param>
    /// <param name="offset">Where the value stands.</param>
    /// <returns>What stands before the first semicolon, and the parameters.</returns>
    public static (string Value, ParameterList Parameters) Parse(ReadOnlySpan<byte> raw, MimeLimits limits, DiagnosticList? diagnostics, long offset)
    {
        byte[] array = ArrayPool<byte>.Shared.Rent(Math.Max(1, raw.Length));
        try
        {
            int length = HeaderText.Unfold(raw.Trim(" \t\r\n"u8), array);
            ReadOnlySpan<byte> text = array.AsSpan(0, length);
            // Seen in the wild: the whole value is one encoded word.
            return text.StartsWith("=?"u8)
                ? ParseUnfolded(Encoding.UTF8.GetBytes(EncodedWords.Decode(Charsets.Guess(text, null))), limits, diagnostics, offset)
                : ParseUnfolded(text, limits, diagnostics, offset);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(array);
        }
    }

    private static (string Value, ParameterList Parameters) ParseUnfolded(ReadOnlySpan<byte> text, MimeLimits limits, DiagnosticList? diagnostics, long offset)
    {
        int position = 0;
        string value = ReadValue(text, ref position);
        List<Segment>? segments = null;
        Encoding? charset = null;
        while (true)
        {
            SkipSeparators(text, ref position);
            if (position >= text.Length)
                break;
            int before = position;
            if (!TryReadParameter(text, ref position, out string name, out byte[] content))
            {
                position = Math.Max(position, before + 1);
                continue;
            }

            segments ??= [];
            if (segments.Count == limits.MaximumParameters)
            {
                diagnostics?.Add(MimeDiagnosticCode.TooManyParameters, offset, $"A header has more than {limits.MaximumParameters:N0} parameters.");
                break;
            }

            segments.Add(Classify(name, content));
            if (charset is null && name.Equals("charset", StringComparison.OrdinalIgnoreCase))
                charset = Charsets.Find(Encoding.Latin1.GetString(content));
        }

        return (value, segments is null ? ParameterList.Empty : Join(segments, charset));
    }

    private static string ReadValue(ReadOnlySpan<byte> text, ref int position)
    {
        SkipBlanksAndComments(text, ref position);
        int start = position;
        while (position < text.Length && text[position] is not ((byte)';' or (byte)' ' or (byte)'\t' or (byte)'('))
        {
            // "text=plain; ..." and "charset=utf-8" without a type: the latter is a parameter already.
            if (text[position] == '=')
            {
                position = start;
                return string.Empty;
            }

            position++;
        }

        int end = position;
        SkipBlanksAndComments(text, ref position);
        // "text / plain" is allowed by nobody and written by some.
        if (position < text.Length && (text[position] == '/' || (end > start && text[end - 1] == '/')))
        {
            int next = position;
            if (text[next] == '/')
                next++;
            SkipBlanksAndComments(text, ref next);
            int tail = next;
            while (tail < text.Length && text[tail] is not ((byte)';' or (byte)' ' or (byte)'\t' or (byte)'('))
                tail++;
            position = tail;
            return string.Concat(Encoding.Latin1.GetString(text[start..end]).TrimEnd('/'), "/", Encoding.Latin1.GetString(text[next..tail]));
        }

        return Encoding.Latin1.GetString(text[start..end]).Trim('"');
    }

    private static bool TryReadParameter(ReadOnlySpan<byte> text, ref int position, out string name, out byte[] value)
    {
        name = string.Empty;
        value = [];
        int start = position;
        while (position < text.Length && text[position] is not ((byte)'=' or (byte)';' or (byte)' ' or (byte)'\t' or (byte)'"' or (byte)'('))
            position++;
        int end = position;
        SkipBlanksAndComments(text, ref position);
        if (position >= text.Length || text[position] != '=' || end == start || end - start > 200)
            return false;
        position++;
        name = Encoding.Latin1.GetString(text[start..end]);
        SkipBlanksAndComments(text, ref position);
        bool isFileName = name.StartsWith("name", StringComparison.OrdinalIgnoreCase) || name.StartsWith("filename", StringComparison.OrdinalIgnoreCase);
        value = position < text.Length && text[position] == '"' ? ReadQuoted(text, ref position) : ReadBare(text, ref position, isFileName);
        return true;
    }

    private static byte[] ReadQuoted(ReadOnlySpan<byte> text, ref int position)
    {
        byte[] result = new byte[text.Length - position];
        int length = 0;
        for (position++; position < text.Length && text[position] != '"'; position++)
        {
            // Only what must be escaped is unescaped: file names come with plain Windows paths.
            if (text[position] == '\\' && position + 1 < text.Length && text[position + 1] is (byte)'"' or (byte)'\\')
                position++;
            result[length++] = text[position];
        }

        position = Math.Min(position + 1, text.Length);
        return result.AsSpan(0, length).ToArray();
    }

    private static byte[] ReadBare(ReadOnlySpan<byte> text, ref int position, bool withBlanks)
    {
        ReadOnlySpan<byte> rest = text[position..];
        int end = withBlanks ? rest.IndexOf((byte)';') : rest.IndexOfAny((byte)';', (byte)' ', (byte)'\t');
        if (end < 0)
            end = rest.Length;
        position += end;
        return rest[..end].Trim(" \t"u8).ToArray();
    }

    private static void SkipSeparators(ReadOnlySpan<byte> text, ref int position)
    {
        while (position < text.Length)
        {
            if (text[position] is (byte)';' or (byte)',')
            {
                position++;
            }
            else
            {
                int before = position;
                SkipBlanksAndComments(text, ref position);
                if (position == before)
                    return;
            }
        }
    }

    private static void SkipBlanksAndComments(ReadOnlySpan<byte> text, ref int position)
    {
        int depth = 0;
        for (; position < text.Length; position++)
        {
            byte current = text[position];
            if (current == '(')
                depth++;
            else if (depth > 0 && current == ')')
                depth--;
            else if (depth > 0 && current == '\\')
                position++;
            else if (depth == 0 && current is not ((byte)' ' or (byte)'\t'))
                return;
        }

        position = text.Length;
    }

    // name, name*, name*0, name*0* (RFC 2231 3 and 4).
    private static Segment Classify(string name, byte[] value)
    {
        bool encoded = name.EndsWith('*');
        string plain = encoded ? name[..^1] : name;
        int star = plain.LastIndexOf('*');
        if (star > 0 && int.TryParse(plain.AsSpan(star + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int index))
            return new Segment(plain[..star].ToLowerInvariant(), index, encoded, value);
        return new Segment(plain.ToLowerInvariant(), encoded ? 0 : -1, encoded, value);
    }

    private static ParameterList Join(List<Segment> segments, Encoding? charset)
    {
        var names = new List<KeyValuePair<string, string>>(segments.Count);
        foreach (Segment first in segments)
        {
            bool done = false;
            foreach (KeyValuePair<string, string> name in names)
                done |= name.Key == first.Name;
            if (done)
                continue;

            List<Segment>? extended = null;
            string? simple = null;
            foreach (Segment segment in segments)
            {
                if (segment.Name != first.Name)
                    continue;
                if (segment.Index < 0)
                    simple ??= DecodeSimple(segment.Value, charset);
                else
                    (extended ??= []).Add(segment);
            }

            string value = extended is null ? simple ?? string.Empty : DecodeExtended(extended, charset);
            names.Add(new KeyValuePair<string, string>(first.Name, HeaderText.Clean(value)));
        }

        return new ParameterList(names);
    }

    private static string DecodeSimple(byte[] value, Encoding? charset)
    {
        string text = Charsets.Guess(value, charset);
        if (text.Contains("=?", StringComparison.Ordinal))
            return EncodedWords.Decode(text);
        // filename=UTF-8''na%C3%AFve.txt: RFC 2231's form without its star.
        int quotes = text.IndexOf("''", StringComparison.Ordinal);
        if (quotes is > 2 and < 20 && text.Contains('%', StringComparison.Ordinal) && Charsets.Find(text[..quotes]) is { } named)
            return Charsets.GetString(named, Unescape(value.AsSpan(quotes + 2)));
        return text;
    }

    private static string DecodeExtended(List<Segment> segments, Encoding? fallback)
    {
        // Senders number from 0, some from 1, some in any order, some leave one out. Equal numbers: the first wins.
        Segment[] ordered = [.. segments];
        Array.Sort(ordered, static (left, right) => left.Index.CompareTo(right.Index));
        Encoding? charset = null;
        var bytes = new ArrayBufferWriter<byte>(64);
        for (int i = 0; i < ordered.Length; i++)
        {
            Segment segment = ordered[i];
            if (i > 0 && segment.Index == ordered[i - 1].Index)
                continue;
            ReadOnlySpan<byte> value = segment.Value;
            if (i == 0 && segment.Encoded)
            {
                int first = value.IndexOf((byte)'\'');
                int second = first < 0 ? -1 : value[(first + 1)..].IndexOf((byte)'\'');
                if (second >= 0)
                {
                    charset = Charsets.Find(Encoding.Latin1.GetString(value[..first]));
                    value = value[(first + second + 2)..];
                }
            }

            bytes.Write(segment.Encoded ? Unescape(value) : value);
        }

        string text = charset is null || Charsets.IsAscii(charset) ? Charsets.Guess(bytes.WrittenSpan, fallback)
            : Charsets.GetString(charset, bytes.WrittenSpan);
        return charset is null ? EncodedWords.Decode(text) : text;
    }

    private static byte[] Unescape(ReadOnlySpan<byte> value)
    {
        byte[] result = new byte[value.Length];
        int length = 0;
        for (int i = 0; i < value.Length; i++)
        {
            if (value[i] == '%' && i + 2 < value.Length && QuotedPrintableDecoder.HexValue(value[i + 1]) is >= 0 and int high
                && QuotedPrintableDecoder.HexValue(value[i + 2]) is >= 0 and int low)
            {
                result[length++] = (byte)((high << 4) | low);
                i += 2;
            }
            else
            {
                result[length++] = value[i];
            }
        }

        return result.AsSpan(0, length).ToArray();
    }
}

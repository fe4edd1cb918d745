using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace EmailRouter.Mime.Codecs;

/// <summary>From a part's body to text.</summary>
internal static class TextDecoder
{
    private const int MetaWindow = 4096;
    private static readonly SearchValues<char> EndOfAttribute = SearchValues.Create(" \"';/>");

    /// <summary>Decodes a part's body.</summary>
    public static string Decode(MimePart part, int maxChars, out bool truncated, out bool unknownCharset)
    {
        ReadOnlyMemory<byte> raw = part.RawBody;
        // No charset of mail needs more than four bytes for one UTF-16 code unit.
        int maxBytes = (int)Math.Min(int.MaxValue - 64L, (4L * maxChars) + 16);
        if (part.TransferEncoding is MimeTransferEncoding.SevenBit or MimeTransferEncoding.EightBit or MimeTransferEncoding.Binary)
        {
            bool cut = raw.Length > maxBytes;
            return Finish(part, cut ? raw.Span[..maxBytes] : raw.Span, cut, maxChars, out truncated, out unknownCharset);
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent(Math.Min(raw.Length, maxBytes) + BodyDecoder.MinimumDestination);
        try
        {
            var decoder = new BodyDecoder(raw, part.TransferEncoding);
            int length = 0;
            bool cut = true;
            while (length <= maxBytes && buffer.Length - length >= BodyDecoder.MinimumDestination)
            {
                int read = decoder.Read(buffer.AsSpan(length));
                length += read;
                if (read == 0)
                {
                    cut = false;
                    break;
                }
            }

            return Finish(part, buffer.AsSpan(0, length), cut, maxChars, out truncated, out unknownCharset);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static string Finish(MimePart part, ReadOnlySpan<byte> bytes, bool cut, int maxChars, out bool truncated, out bool unknownCharset)
    {
        string? name = part.ContentType.Charset;
        Encoding? declared = Charsets.Find(name);
        unknownCharset = name is not null && declared is null;
        string text = Decode(bytes, declared, part.ContentType.Is("text", "html"), cut);
        truncated = cut || text.Length > maxChars;
        if (text.Length <= maxChars)
            return text;
        int length = maxChars > 0 && char.IsHighSurrogate(text[maxChars - 1]) ? maxChars - 1 : maxChars;
        return text[..length];
    }

    /// <summary>Decodes bytes by what their sender said about them, or else by guess.</summary>
    internal static string Decode(ReadOnlySpan<byte> bytes, Encoding? declared, bool isHtml, bool cut)
    {
        if (bytes.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]))
            return Encoding.UTF8.GetString(bytes[3..]);
        if (bytes.Length >= 2 && declared is null or { CodePage: 1200 or 1201 })
        {
            if (bytes.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]))
                return Encoding.Unicode.GetString(bytes[2..]);
            if (bytes.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]))
                return Encoding.BigEndianUnicode.GetString(bytes[2..]);
        }

        if (declared is not null && !Charsets.IsAscii(declared))
            return Charsets.GetString(declared, bytes);
        if (Ascii.IsValid(bytes))
            return Encoding.ASCII.GetString(bytes);
        if (Utf8.IsValid(cut ? WithoutSplitCharacter(bytes) : bytes))
            return Encoding.UTF8.GetString(bytes);
        return Charsets.GetString((isHtml ? MetaCharset(bytes) : null) ?? Charsets.Windows1252, bytes);
    }

    private static ReadOnlySpan<byte> WithoutSplitCharacter(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.Length;
        while (end > 0 && bytes.Length - end < 4 && (bytes[end - 1] & 0xC0) == 0x80)
            end--;
        return end > 0 && bytes[end - 1] >= 0xC0 ? bytes[..(end - 1)] : bytes;
    }

    // <meta charset="..."> or <meta http-equiv=... content="text/html; charset=...">
    private static Encoding? MetaCharset(ReadOnlySpan<byte> html)
    {
        string head = Encoding.Latin1.GetString(html[..Math.Min(html.Length, MetaWindow)]);
        for (int at = NextMeta(head, 0); at >= 0; at = NextMeta(head, at + 5))
        {
            int end = head.IndexOf('>', at);
            if (end < 0)
                return null;
            ReadOnlySpan<char> tag = head.AsSpan(at, end - at);
            int charset = tag.IndexOf("charset=", StringComparison.OrdinalIgnoreCase);
            if (charset < 0)
                continue;
            ReadOnlySpan<char> value = tag[(charset + 8)..].TrimStart(" \"'");
            int length = value.IndexOfAny(EndOfAttribute);
            Encoding? found = Charsets.Find((length < 0 ? value : value[..length]).ToString());
            // Bytes could be read as ASCII so far, so it is none of the wide ones.
            return found is null || found.CodePage is 1200 or 1201 or 12000 || Charsets.IsAscii(found) || found.CodePage == 65001 ? null : found;
        }

        return null;
    }

    private static int NextMeta(string head, int from) => head.IndexOf("<meta", from, StringComparison.OrdinalIgnoreCase);
}

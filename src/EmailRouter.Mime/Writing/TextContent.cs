using System.Buffers;
using System.Text;

namespace EmailRouter.Mime.Writing;

/// <summary>A text body ready to be written: UTF-8 with CRLF, and the encoding that suits it.</summary>
internal sealed class TextContent
{
    private TextContent(byte[] bytes, MimeTransferEncoding encoding)
    {
        Bytes = bytes;
        Encoding = encoding;
    }

    public byte[] Bytes { get; }

    public MimeTransferEncoding Encoding { get; }

    public string EncodingName => Encoding switch
    {
        MimeTransferEncoding.SevenBit => "7bit",
        MimeTransferEncoding.QuotedPrintable => "quoted-printable",
        _ => "base64",
    };

    /// <summary>Makes CRLF of every kind of line end and chooses the encoding.</summary>
    public static TextContent From(string text)
    {
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(WithCrLf(text));
        int escapes = 0;
        int line = 0;
        int longest = 0;
        bool risky = false;
        for (int i = 0; i < bytes.Length; i++)
        {
            byte current = bytes[i];
            if (current == '\n')
            {
                longest = Math.Max(longest, line);
                line = 0;
                // White space at line ends gets lost on the way, and so would these.
                risky |= i > 1 && bytes[i - 2] is (byte)' ' or (byte)'\t';
                continue;
            }

            if (line == 0)
                risky |= current == '.' || bytes.AsSpan(i).StartsWith("From "u8);
            if (current != '\r')
                line++;
            if (current is >= 127 or < 32 and not ((byte)'\t' or (byte)'\r'))
                escapes++;
            risky |= current == '\r' && (i + 1 == bytes.Length || bytes[i + 1] != '\n');
        }

        longest = Math.Max(longest, line);
        risky |= bytes.Length > 0 && bytes[^1] is (byte)' ' or (byte)'\t';
        if (escapes == 0 && !risky && longest <= 990)
            return new TextContent(bytes, MimeTransferEncoding.SevenBit);
        return new TextContent(bytes, escapes * 6 <= bytes.Length ? MimeTransferEncoding.QuotedPrintable : MimeTransferEncoding.Base64);
    }

    public void WriteTo(IBufferWriter<byte> output)
    {
        switch (Encoding)
        {
            case MimeTransferEncoding.SevenBit:
                output.Write(Bytes);
                break;
            case MimeTransferEncoding.QuotedPrintable:
                QuotedPrintableEncoder.Encode(Bytes, output);
                break;
            default:
                Base64LineEncoder.Encode(Bytes, output);
                break;
        }
    }

    private static string WithCrLf(string text)
    {
        if (!text.AsSpan().ContainsAny('\r', '\n'))
            return text;
        var result = new StringBuilder(text.Length + 64);
        ReadOnlySpan<char> rest = text;
        while (true)
        {
            int end = rest.IndexOfAny('\r', '\n');
            result.Append(end < 0 ? rest : rest[..end]);
            if (end < 0)
                return result.ToString();
            result.Append("\r\n");
            rest = rest[(rest[end] == '\r' && end + 1 < rest.Length && rest[end + 1] == '\n' ? end + 2 : end + 1)..];
        }
    }
}

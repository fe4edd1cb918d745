using System.Text;

namespace EmailRouter.Mime.Tests;

/// <summary>Messages for tests.</summary>
internal static class Mail
{
    /// <summary>Parses text in which every character is one byte; line ends as they stand.</summary>
    public static MimeMessage Parse(string text, MimeLimits? limits = null) => MimeMessage.Parse(Encoding.Latin1.GetBytes(text), limits);

    /// <summary>Parses text with CRLF line ends and UTF-8 bytes.</summary>
    public static MimeMessage ParseLines(string text, MimeLimits? limits = null) => MimeMessage.Parse(Bytes(text), limits);

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\r\n"));

    public static byte[] Decode(this MimePart part)
    {
        using var stream = new MemoryStream();
        using Stream decoded = part.OpenDecoded();
        decoded.CopyTo(stream);
        return stream.ToArray();
    }

    public static string Text(this ReadOnlyMemory<byte> bytes) => Encoding.Latin1.GetString(bytes.Span);

    public static IEnumerable<MimeDiagnosticCode> Codes(this MimeMessage message) => message.Diagnostics.Select(diagnostic => diagnostic.Code);
}

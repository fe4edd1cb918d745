using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using EmailRouter.Mime.Headers;
using EmailRouter.Mime.Writing;

namespace EmailRouter.Mime.Tnef;

/// <summary>Writes the message in a TNEF stream as mail, with CRLF. What is missing in the stream is missing in the mail: nothing is made up.</summary>
internal static class TnefMessageWriter
{
    public static byte[] Write(TnefContents contents)
    {
        var output = new ArrayBufferWriter<byte>(4096);
        Write(contents, output, 0);
        return output.WrittenSpan.ToArray();
    }

    private static void Write(TnefContents contents, IBufferWriter<byte> output, int depth)
    {
        if (contents.Date is { } date)
            HeaderWriter.WriteWords(output, "Date", [MailDate.Format(date)]);
        if (contents.From is { } from)
            HeaderWriter.WriteAddresses(output, "From", [from]);
        HeaderWriter.WriteAddresses(output, "To", contents.To);
        HeaderWriter.WriteAddresses(output, "Cc", contents.Cc);
        HeaderWriter.WriteText(output, "Subject", HeaderText.Clean(contents.Subject ?? string.Empty));
        if (MessageIds.IsWritable(contents.MessageId))
            HeaderWriter.WriteWords(output, "Message-ID", [contents.MessageId]);
        output.Write("MIME-Version: 1.0\r\n"u8);

        string boundary = Boundary(contents, depth);
        HeaderWriter.WriteMedia(output, "Content-Type", "multipart/mixed", KeyValuePair.Create("boundary", boundary));
        output.Write("\r\n"u8);
        bool both = contents.TextBody is not null && contents.HtmlBody is not null;
        if (both)
        {
            Begin(output, boundary);
            HeaderWriter.WriteMedia(output, "Content-Type", "multipart/alternative", KeyValuePair.Create("boundary", boundary + "a"));
            output.Write("\r\n"u8);
        }

        string bodies = both ? boundary + "a" : boundary;
        WriteText(output, bodies, "plain", contents.TextBody);
        WriteText(output, bodies, "html", contents.HtmlBody);
        if (both)
            End(output, bodies);
        foreach (TnefAttachment attachment in contents.Attachments)
            WriteAttachment(output, boundary, attachment, depth);
        End(output, boundary);
    }

    private static void WriteText(IBufferWriter<byte> output, string boundary, string subtype, string? text)
    {
        if (text is null)
            return;
        Begin(output, boundary);
        TextContent content = TextContent.From(text);
        HeaderWriter.WriteMedia(output, "Content-Type", "text/" + subtype, KeyValuePair.Create("charset", "utf-8"));
        HeaderWriter.WriteWords(output, "Content-Transfer-Encoding", [content.EncodingName]);
        output.Write("\r\n"u8);
        content.WriteTo(output);
        output.Write("\r\n"u8);
    }

    private static void WriteAttachment(IBufferWriter<byte> output, string boundary, TnefAttachment attachment, int depth)
    {
        Begin(output, boundary);
        KeyValuePair<string, string>[] name = HeaderWriter.CleanName(attachment.FileName) is { Length: > 0 } clean ? [KeyValuePair.Create("filename", clean)] : [];
        HeaderWriter.WriteMedia(output, "Content-Disposition", attachment.IsInline ? "inline" : "attachment", name);
        if (attachment.ContentId is { } id && MessageIds.IsWritable($"<{id}>"))
            HeaderWriter.WriteWords(output, "Content-ID", [$"<{id}>"]);
        if (attachment.Message is { } message)
        {
            output.Write("Content-Type: message/rfc822\r\n\r\n"u8);
            Write(message, output, depth + 1);
        }
        else
        {
            string type = attachment.MediaType;
            if (type.StartsWith("multipart/", StringComparison.Ordinal) || type.StartsWith("message/", StringComparison.Ordinal))
                type = "application/octet-stream";
            HeaderWriter.WriteMedia(output, "Content-Type", type);
            output.Write("Content-Transfer-Encoding: base64\r\n\r\n"u8);
            Base64LineEncoder.Encode(attachment.Content.Span, output);
        }

        output.Write("\r\n"u8);
    }

    private static void Begin(IBufferWriter<byte> output, string boundary) => output.Write(Encoding.ASCII.GetBytes($"--{boundary}\r\n"));

    private static void End(IBufferWriter<byte> output, string boundary) => output.Write(Encoding.ASCII.GetBytes($"--{boundary}--\r\n"));

    // "=_" occurs in no base64 and no quoted-printable text; the hash of the texts keeps those that are neither apart.
    private static string Boundary(TnefContents contents, int depth)
    {
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{depth}\n{contents.Subject}\n{contents.TextBody}\n{contents.HtmlBody}"));
        return "=_" + Convert.ToHexString(hash.AsSpan(0, 16));
    }
}

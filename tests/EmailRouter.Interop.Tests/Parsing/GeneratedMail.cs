using System.Text;
using EmailRouter.Mime;

namespace EmailRouter.Interop.Tests.Parsing;

/// <summary>Mail of the kinds a router sees, small.</summary>
internal static class GeneratedMail
{
    private static readonly string[] Words =
        ["the", "order", "Grüße", "aus", "Köln", "offer", "№ 5", "日本", "invoice", "please", "(see", "below)", "\"quoted\"", "a,b", "x@y", "😀", "1:2", "<p>", "=?no?="];

    public static async Task<byte[]> NextAsync(Random random, int number)
    {
        string text = Text(random, random.Next(1, 12), "\n");
        bool isReply = random.Next(2) == 0;
        var draft = new MessageDraft
        {
            From = [new MailAddress(random.Next(2) == 0 ? null : Text(random, 1, " "), $"user{number}@example.com")],
            To = [.. Enumerable.Range(0, random.Next(1, 5)).Select(i => new MailAddress(random.Next(2) == 0 ? null : "Recipient, No. " + i, $"to{i}@example.test"))],
            Subject = Text(random, 1, " "),
            Date = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.FromHours(random.Next(-12, 13))).AddMinutes(number),
            MessageId = $"<{number:x8}.{random.NextInt64():x}@example.com>",
            References = isReply ? [$"<{random.NextInt64():x}@example.test>"] : [],
            TextBody = random.Next(5) == 0 ? null : text,
            HtmlBody = random.Next(2) == 0 ? null : $"<html><body><p>{text}</p></body></html>",
            Attachments = [.. Enumerable.Range(0, Math.Max(0, random.Next(5) - 2)).Select(_ => Attachment(random))],
        };
        using var stream = new MemoryStream();
        await MimeWriter.WriteAsync(draft, stream, new MimeWriterOptions { Random = random.NextBytes });
        return stream.ToArray();
    }

    private static DraftAttachment Attachment(Random random)
    {
        byte[] bytes = new byte[random.Next(0, 3000)];
        random.NextBytes(bytes);
        return random.Next(5) == 0
            ? DraftAttachment.FromBytes(null, "message/rfc822", "Subject: inner\r\nContent-Type: text/plain\r\n\r\nHello.\r\n"u8.ToArray())
            : DraftAttachment.FromBytes(random.Next(2) == 0 ? "Angebot für Köln.pdf" : "a b.bin", "application/pdf", bytes);
    }

    private static string Text(Random random, int lines, string lineEnd)
    {
        var text = new StringBuilder();
        for (int i = 0; i < lines; i++)
        {
            if (i > 0)
                text.Append(lineEnd);
            text.AppendJoin(' ', Enumerable.Range(0, random.Next(1, 9)).Select(_ => Words[random.Next(Words.Length)]));
        }

        return text.ToString();
    }
}

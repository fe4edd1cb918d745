using System.Globalization;
using System.Text;
using EmailRouter.Mime;

namespace EmailRouter.Bench;

/// <summary>Generated mail of the kinds a router sees: plain replies, HTML with a plain alternative, attachments. The same seed gives the same mail.</summary>
internal static class MailCorpus
{
    private static readonly string[] Words =
        ["the", "order", "for", "your", "company", "has", "been", "sent", "please", "find", "attached", "our", "offer", "Grüße", "aus", "Köln", "invoice",
            "number", "and", "regards", "tomorrow", "meeting", "zurück", "price"];

    /// <summary>Writes messages.</summary>
    /// <param name="count">How many.</param>
    /// <param name="seed">The seed.</param>
    /// <returns>The bytes of each.</returns>
    public static async Task<IReadOnlyList<byte[]>> GenerateAsync(int count, int seed)
    {
        var random = new Random(seed);
        var messages = new List<byte[]>(count);
        for (int i = 0; i < count; i++)
        {
            using var stream = new MemoryStream();
            await MimeWriter.WriteAsync(Draft(random, i), stream, new MimeWriterOptions { Random = random.NextBytes });
            messages.Add([.. Encoding.ASCII.GetBytes(Trace(random, i)), .. stream.ToArray()]);
        }

        return messages;
    }

    private static MessageDraft Draft(Random random, int number)
    {
        int kind = random.Next(100);
        string text = Text(random, random.Next(5, 60));
        bool isReply = kind < 60;
        return new MessageDraft
        {
            From = [new MailAddress("Jürgen Müller " + number, $"user{random.Next(500)}@example.com")],
            To = [.. Enumerable.Range(0, random.Next(1, 5)).Select(i => new MailAddress("Recipient, No. " + i, $"to{random.Next(500)}@example.test"))],
            Cc = random.Next(3) == 0 ? [new MailAddress($"cc{random.Next(500)}@example.test")] : [],
            Subject = (isReply ? "Re: " : string.Empty) + Text(random, 1).Trim() + $" CRM:{number:0000000}",
            Date = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).AddMinutes(number),
            MessageId = $"<{number:x8}.{random.NextInt64():x}@example.com>",
            InReplyTo = isReply ? [$"<{random.NextInt64():x}@example.test>"] : [],
            References = isReply ? [.. Enumerable.Range(0, random.Next(1, 8)).Select(_ => $"<{random.NextInt64():x}@example.test>")] : [],
            ExtraHeaders =
            [
                KeyValuePair.Create("Thread-Index", Convert.ToBase64String(Bytes(random, 22))),
                KeyValuePair.Create("X-Mailer", "Generated 1.0"),
            ],
            TextBody = text,
            HtmlBody = kind < 30 ? null : $"<html><body><p>{text.Replace("\n", "</p>\n<p>", StringComparison.Ordinal)}</p></body></html>",
            Attachments = kind < 80 ? [] : [.. Enumerable.Range(0, random.Next(1, 3)).Select(i => Attachment(random, i))],
        };
    }

    private static DraftAttachment Attachment(Random random, int number) =>
        DraftAttachment.FromBytes($"Anhang für {number}.pdf", "application/pdf", Bytes(random, random.Next(20_000, 400_000)));

    private static string Trace(Random random, int number)
    {
        var trace = new StringBuilder();
        trace.Append(CultureInfo.InvariantCulture, $"Return-Path: <user{number}@example.com>\r\n");
        for (int hop = 0; hop < 4; hop++)
            trace.Append(CultureInfo.InvariantCulture,
                $"Received: from mx{hop}.example.com (mx{hop}.example.com [192.0.2.{hop + 1}])\r\n"
                    + $"\tby mx{hop + 1}.example.test (Postfix) with ESMTPS id {random.NextInt64():X}\r\n"
                        + $"\tfor <to@example.test>; Thu,  1 Jan 2026 00:00:0{hop} +0000 (UTC)\r\n");
        trace.Append(CultureInfo.InvariantCulture,
            $"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s1;\r\n\tbh={Convert.ToBase64String(Bytes(random, 32))};\r\n"
                + $"\tb={Convert.ToBase64String(Bytes(random, 96))}\r\n");
        return trace.ToString();
    }

    private static string Text(Random random, int lines)
    {
        var text = new StringBuilder();
        for (int i = 0; i < lines; i++)
        {
            for (int word = 0; word < 12; word++)
                text.Append(Words[random.Next(Words.Length)]).Append(' ');
            text.Length--;
            text.Append('\n');
        }

        return text.ToString();
    }

    private static byte[] Bytes(Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }
}

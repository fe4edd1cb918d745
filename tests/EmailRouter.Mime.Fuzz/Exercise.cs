using EmailRouter.Mime.Reports;
using EmailRouter.Mime.Tnef;

namespace EmailRouter.Mime.Fuzz;

/// <summary>Asks a message for everything it can give, and checks what must hold whatever the bytes are.</summary>
internal static class Exercise
{
    public static void Everything(byte[] bytes)
    {
        Read(MimeMessage.Parse(bytes));
        Read(TnefContents.Read(bytes));
    }

    private static void Read(MimeMessage message)
    {
        _ = (message.Subject, message.MessageId, message.Sender, message.Date, message.ReceivedDate);
        _ = message.InReplyTo.Count + message.References.Count + message.GetAddressGroups("To").Count;
        foreach (MailAddress address in message.From.Concat(message.ReplyTo).Concat(message.To).Concat(message.Cc).Concat(message.Bcc))
            _ = (address.ToString(), address.IsValid, address.ToAsciiDomain(), address.ToUnicodeDomain());
        if (ThreadIndex.TryDecode(message.ThreadIndex, out ThreadIndex? index))
            _ = index.ToString();
        _ = (message.TextBody?.GetText(), message.HtmlBody?.GetText(), message.BodyParts.Count);
        foreach (MimePart part in message.AllParts())
            Read(part);
        foreach (MimePart part in message.Attachments)
            _ = (part.IsInline, part.ToString());

        _ = (DeliveryStatus.Read(message) is { } status ? string.Join(' ', status.Recipients) + status.OriginalMessageId + status.WorstAction + status.ArrivalDate : null);
        _ = DispositionNotification.Read(message) is { } receipt ? receipt.DispositionType + receipt.Modifiers.Count + receipt.OriginalMessageId : null;
        _ = FeedbackReport.Read(message) is { } report ? report.FeedbackType + report.OriginalRecipients.Count : null;
        _ = AuthenticationResults.Read(message).Count;
        _ = MessageIdentity.ComputeContentHash(message);
        Check(message.Diagnostics.Count <= 100, "more than 100 diagnostics");
    }

    private static void Read(MimePart part)
    {
        foreach (Header header in part.Headers)
        {
            Check(!header.Value.AsSpan().ContainsAny('\r', '\n', '\0'), "a header's value holds a line end");
            _ = (header.Name, header.IsValid, header.Raw.Length);
        }

        _ = (part.ContentType.Parameters.Count, part.ContentDisposition?.Value, part.FileName, part.ContentId, part.ContentLocation);
        Check(part.GetText(1000).Length <= 1000, "a text is longer than asked for");
        _ = CalendarPart.Read(part);
        string text = part.GetText();
        Check(FlowedText.Unwrap(text).Length <= 3L * text.Length, "a text grew by unwrapping");
        foreach (UUEncodedFile file in UUEncodedFile.Find(text))
            Check(file.Start < file.End && file.Content.Length <= 2 * (file.End - file.Start), "a file is larger than its text");
        Check(part.Raw.Length >= part.RawBody.Length, "a body is longer than its part");
        using Stream stream = part.OpenDecoded();
        byte[] buffer = new byte[8192];
        long length = 0;
        for (int read; (read = stream.Read(buffer)) > 0;)
            length += read;
        Check(length == part.GetDecodedLength(), "the decoded length is not that of the decoded bytes");
        Check(length <= (part.TransferEncoding == MimeTransferEncoding.UUEncode ? 2L : 1L) * part.RawBody.Length, "a body grew by decoding");
        if (TnefContents.IsTnef(part))
            Read(TnefContents.Read(part));
        if (part.EmbeddedMessage is { } embedded)
            Read(embedded);
    }

    private static void Read(TnefContents? contents)
    {
        if (contents is null)
            return;
        Check(contents.RtfBody.Length <= 3 << 20, "RTF grew beyond its limit");
        Check(MimeMessage.Parse(contents.ToMessage()).AllParts().Any(), "a saved message is empty");
        foreach (TnefAttachment attachment in contents.Attachments)
            _ = attachment.ToString();
    }

    private static void Check(bool holds, string otherwise)
    {
        if (!holds)
            throw new InvalidOperationException(otherwise);
    }
}

namespace EmailRouter.Mime.Tests;

/// <summary>Asks a message for everything it can give.</summary>
internal static class Touch
{
    public static void Everything(MimeMessage message)
    {
        _ = (message.Subject, message.MessageId, message.Sender, message.Date, message.ReceivedDate, message.ThreadIndex);
        _ = message.InReplyTo.Count + message.References.Count + message.GetAddressGroups("To").Count;
        foreach (MailAddress address in message.From.Concat(message.ReplyTo).Concat(message.To).Concat(message.Cc).Concat(message.Bcc))
            _ = (address.ToString(), address.IsValid, address.ToAsciiDomain(), address.ToUnicodeDomain());
        _ = message.TextBody?.GetText();
        _ = message.HtmlBody?.GetText();
        _ = message.BodyParts.Count;
        foreach (MimePart part in message.Attachments)
            _ = (part.IsInline, part.ToString());
        foreach (MimePart part in message.AllParts())
        {
            foreach (Header header in part.Headers)
                _ = (header.Name, header.Value, header.IsValid, header.Raw.Length);
            _ = (part.ContentType.Parameters.Count, part.ContentDisposition?.Value, part.FileName, part.ContentId, part.ContentLocation);
            _ = part.GetText(1000);
            Assert.Equal(part.GetDecodedLength(), part.Decode().Length);
            if (part.EmbeddedMessage is { } embedded)
                Everything(embedded);
        }

        _ = MessageIdentity.ComputeContentHash(message);
        _ = message.Diagnostics.Count;
    }
}

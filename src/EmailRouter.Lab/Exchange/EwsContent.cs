using System.Buffers;
using EmailRouter.Lab.Store;
using EmailRouter.Mime;

namespace EmailRouter.Lab.Exchange;

/// <summary>A message whose parts are being changed; writing it makes new MIME of them, as Exchange does.</summary>
internal sealed class EwsContent
{
    private static readonly HashSet<string> OwnHeaders = new(StringComparer.OrdinalIgnoreCase)
    {
        "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "MIME-Version",
    };

    private EwsContent()
    {
    }

    public IReadOnlyList<MailAddress> From { get; set; } = [];

    public MailAddress? Sender { get; set; }

    public IReadOnlyList<MailAddress> ReplyTo { get; set; } = [];

    public IReadOnlyList<MailAddress> To { get; set; } = [];

    public IReadOnlyList<MailAddress> Cc { get; set; } = [];

    public IReadOnlyList<MailAddress> Bcc { get; set; } = [];

    public string Subject { get; set; } = string.Empty;

    public DateTimeOffset Date { get; set; }

    public string MessageId { get; set; } = string.Empty;

    public IReadOnlyList<string> InReplyTo { get; set; } = [];

    public IReadOnlyList<string> References { get; set; } = [];

    public string? Text { get; set; }

    public string? Html { get; set; }

    public List<DraftAttachment> Attachments { get; } = [];

    private List<KeyValuePair<string, string>> Headers { get; } = [];

    /// <summary>Begins with an empty message of a mailbox.</summary>
    public static EwsContent New(LabMailbox mailbox, TimeProvider clock) => new()
    {
        From = [new MailAddress(mailbox.DisplayName, mailbox.Address)],
        Date = clock.GetUtcNow(),
        MessageId = MessageIds.Generate(LabMailStore.DomainOf(mailbox.Address), clock),
    };

    /// <summary>Begins with a message that is there.</summary>
    public static EwsContent Of(LabMailbox mailbox, MimeMessage message, TimeProvider clock)
    {
        EwsContent content = New(mailbox, clock);
        if (message.From.Count > 0)
            content.From = message.From;
        content.Sender = message.Sender;
        content.ReplyTo = message.ReplyTo;
        content.To = message.To;
        content.Cc = message.Cc;
        content.Bcc = message.Bcc;
        content.Subject = message.Subject;
        content.Date = message.Date ?? content.Date;
        content.MessageId = message.MessageId ?? content.MessageId;
        content.InReplyTo = message.InReplyTo;
        content.References = message.References;
        content.Text = message.TextBody?.GetText();
        content.Html = message.HtmlBody?.GetText();
        content.Attachments.AddRange(message.Attachments.Select(Copy));
        content.Headers.AddRange(message.Headers
            .Where(h => h.IsValid && !OwnHeaders.Contains(h.Name) && !h.Name.StartsWith("Content-", StringComparison.OrdinalIgnoreCase))
            .Select(h => KeyValuePair.Create(h.Name, OneLine(h.Value))));
        return content;
    }

    /// <summary>Sets a header that no property of its own stands for; null takes it away.</summary>
    public void SetHeader(string name, string? value)
    {
        Headers.RemoveAll(h => string.Equals(h.Key, name, StringComparison.OrdinalIgnoreCase));
        if (value is not null)
            Headers.Add(new(name, OneLine(value)));
    }

    public byte[] ToArray()
    {
        var output = new ArrayBufferWriter<byte>(1024);
        var draft = new MessageDraft
        {
            From = From,
            Sender = Sender,
            ReplyTo = ReplyTo,
            To = To,
            Cc = Cc,
            Subject = Subject,
            Date = Date,
            MessageId = MessageId,
            InReplyTo = InReplyTo,
            References = References,
            ExtraHeaders = Headers,
            TextBody = Text ?? (Html is null ? string.Empty : null),
            HtmlBody = Html,
            InlineResources = [.. Attachments.Where(IsInlineResource)],
            Attachments = [.. Attachments.Where(a => !IsInlineResource(a))],
        };
        try
        {
            // The writer leaves blind recipients to the envelope; a mailbox keeps them.
            HeaderSection.Prepend([], Bcc.Count == 0 ? [] : [new("Bcc", string.Join(", ", Bcc))], output);
            MimeWriter.WriteAsync(draft, output).AsTask().GetAwaiter().GetResult();
        }
        catch (ArgumentException e)
        {
            throw new EwsException("ErrorInvalidRecipients", e.Message);
        }

        return output.WrittenSpan.ToArray();
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ").Replace('\0', ' ');

    private bool IsInlineResource(DraftAttachment attachment) => Html is not null && attachment.IsInline && attachment.ContentId is not null;

    private static DraftAttachment Copy(MimePart part) => new()
    {
        FileName = part.FileName,
        MediaType = part.ContentType.MediaType,
        ContentId = part.ContentId,
        IsInline = part.IsInline,
        Open = _ => ValueTask.FromResult(part.OpenDecoded()),
    };
}

using EmailRouter.Crm;
using EmailRouter.Mime;
using EmailRouter.Routing.Incoming;

namespace EmailRouter.Routing.Outgoing;

/// <summary>Composes the message of a pending email: the bytes that go on the wire.</summary>
/// <param name="loops">Marks what this router sends.</param>
/// <param name="buffers">Where the bytes are kept.</param>
/// <param name="clock">The clock, for the Date header.</param>
public sealed class MessageComposer(LoopGuard loops, MessageBufferOptions buffers, TimeProvider clock)
{
    /// <summary>Gives the Message-ID of an email activity: always the same, so that a message that left twice can be recognised as one.</summary>
    /// <param name="email">The email.</param>
    /// <returns>The Message-ID with its angle brackets.</returns>
    public static string MessageIdOf(PendingEmail email)
    {
        ArgumentNullException.ThrowIfNull(email);
        if (!string.IsNullOrEmpty(email.MessageId))
            return email.MessageId;
        string ascii = new MailAddress(email.FromAddress).ToAsciiDomain();
        string domain = ascii.LastIndexOf('@') is >= 0 and int at ? ascii[(at + 1)..] : "emailrouter.invalid";
        return $"<{email.ActivityId:N}.emailrouter@{domain}>";
    }

    /// <summary>Composes the message.</summary>
    /// <param name="email">The email.</param>
    /// <param name="messageId">Its Message-ID.</param>
    /// <param name="cancellationToken">Stops the composing.</param>
    /// <returns>The bytes; the caller disposes them.</returns>
    /// <exception cref="CrmException">An attachment's content cannot be read.</exception>
    /// <exception cref="MessageTooLargeException">The message is over the size limit.</exception>
    public async ValueTask<MessageBuffer> ComposeAsync(PendingEmail email, string messageId, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(email);
        bool html = email.MimeType.Equals("text/html", StringComparison.OrdinalIgnoreCase);
        var headers = new List<KeyValuePair<string, string>> { new(LoopGuard.MarkerHeader, loops.Marker(email.ActivityId)) };
        if (email.Priority != EmailPriority.Normal)
        {
            headers.Add(new("Importance", email.Priority == EmailPriority.High ? "high" : "low"));
            headers.Add(new("X-Priority", email.Priority == EmailPriority.High ? "1" : "5"));
        }

        if (email.ReadReceiptRequested)
            headers.Add(new("Disposition-Notification-To", email.FromAddress));
        if (email.ConversationIndex is { Length: > 0 } thread)
            headers.Add(new("Thread-Index", thread));

        bool IsInline(EmailAttachment attachment) => html && IsReferenced(email.Description, attachment.ContentId);

        var draft = new MessageDraft
        {
            From = [new MailAddress(email.FromName, email.FromAddress)],
            Sender = SubmittedBySomebodyElse(email) ? new MailAddress(null, email.SubmittedBy!) : null,
            To = Recipients(email, ParticipationType.To),
            Cc = Recipients(email, ParticipationType.Cc),
            Subject = email.Subject,
            Date = clock.GetLocalNow(),
            MessageId = messageId,
            InReplyTo = email.InReplyTo is { } parent ? [parent] : [],
            References = email.InReplyTo is { } reference ? [reference] : [],
            ExtraHeaders = headers,
            TextBody = html ? null : email.Description,
            HtmlBody = html ? email.Description : null,
            InlineResources = [.. email.Attachments.Where(IsInline).Select(a => Attachment(a, inline: true))],
            Attachments = [.. email.Attachments.Where(a => !IsInline(a)).Select(a => Attachment(a, inline: false))],
        };
        return await MimeWriter.ToBufferAsync(draft, MimeWriterOptions.Default with { Spool = buffers }, cancellationToken).ConfigureAwait(false);
    }

    private static bool SubmittedBySomebodyElse(PendingEmail email) =>
        !string.IsNullOrEmpty(email.SubmittedBy) && !email.SubmittedBy.Equals(email.FromAddress, StringComparison.OrdinalIgnoreCase);

    private static List<MailAddress> Recipients(PendingEmail email, ParticipationType role) =>
        [.. email.Parties.Where(p => p.Role == role && !string.IsNullOrWhiteSpace(p.AddressUsed)).Select(p => new MailAddress(p.Party?.Name ?? p.UnresolvedPartyName, p.AddressUsed!))];

    private static bool IsReferenced(string html, string? contentId) => contentId is { Length: > 0 } && html.Contains("cid:" + contentId, StringComparison.OrdinalIgnoreCase);

    private static DraftAttachment Attachment(EmailAttachment attachment, bool inline) => new()
    {
        FileName = attachment.FileName,
        MediaType = attachment.MimeType,
        ContentId = inline ? attachment.ContentId : null,
        IsInline = inline,
        Length = attachment.Size,
        Open = attachment.Open,
    };
}

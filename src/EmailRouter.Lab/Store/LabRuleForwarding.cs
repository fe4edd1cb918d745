using System.Buffers;
using EmailRouter.Mime;

namespace EmailRouter.Lab.Store;

/// <summary>
/// Makes the messages that rules send. All of them name the mailbox in <c>X-MS-Exchange-Inbox-Rules-Loop</c>; what names it already is not sent again, so
/// that two mailboxes that forward to each other come to an end.
/// </summary>
internal static class LabRuleForwarding
{
    public const string LoopHeader = "X-MS-Exchange-Inbox-Rules-Loop";

    /// <summary>How many mailboxes may have forwarded a message before Exchange stops.</summary>
    private const int MaximumHops = 3;

    public static bool IsLoop(LabMailbox mailbox, MimeMessage message)
    {
        IReadOnlyList<string> hops = message.Headers.GetAll(LoopHeader);
        return hops.Count >= MaximumHops || hops.Any(h => string.Equals(h.Trim(), mailbox.Address, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>The message itself, with Resent headers before it (RFC 5322 3.6.6).</summary>
    public static byte[] Redirect(LabMailbox mailbox, MimeMessage message)
    {
        var output = new ArrayBufferWriter<byte>(message.Source.Length + 256);
        HeaderSection.Prepend(message.Source.Span, [.. Marks(mailbox), new("Resent-From", $"<{mailbox.Address}>")], output);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>A new message of the owner with the original attached.</summary>
    public static byte[] ForwardAsAttachment(LabMailbox mailbox, MimeMessage message, IReadOnlyList<MailAddress> to, TimeProvider clock) =>
        Write(Draft(mailbox, message, to, clock) with
        {
            TextBody = string.Empty,
            Attachments = [DraftAttachment.FromBytes(message.Subject.Length > 0 ? message.Subject + ".eml" : "message.eml", "message/rfc822", message.Source.ToArray())],
        });

    /// <summary>A new message of the owner that quotes the original.</summary>
    public static byte[] Forward(LabMailbox mailbox, MimeMessage message, IReadOnlyList<MailAddress> to, TimeProvider clock) =>
        Write(Draft(mailbox, message, to, clock) with
        {
            TextBody = $"From: {string.Join("; ", message.From)}\r\nSubject: {message.Subject}\r\n\r\n{(message.TextBody ?? message.HtmlBody)?.GetText()}",
            Attachments = [.. message.Attachments.Select(Copy)],
        });

    private static DraftAttachment Copy(MimePart part) => new()
    {
        FileName = part.FileName,
        MediaType = part.ContentType.MediaType,
        Open = _ => ValueTask.FromResult(part.OpenDecoded()),
    };

    private static MessageDraft Draft(LabMailbox mailbox, MimeMessage message, IReadOnlyList<MailAddress> to, TimeProvider clock) => new()
    {
        From = [new MailAddress(mailbox.DisplayName, mailbox.Address)],
        To = to,
        Subject = $"FW: {message.Subject}",
        Date = clock.GetUtcNow(),
        MessageId = MessageIds.Generate(LabMailStore.DomainOf(mailbox.Address), clock),
        References = message.MessageId is { } id ? [.. message.References, id] : message.References,
        ExtraHeaders =
        [
            .. Marks(mailbox),
            .. message.Headers.GetAll(LoopHeader).Select(h => KeyValuePair.Create(LoopHeader, h.Trim())),
            new("Auto-Submitted", "auto-generated"),
        ],
    };

    private static IEnumerable<KeyValuePair<string, string>> Marks(LabMailbox mailbox) =>
        [new(LoopHeader, mailbox.Address), new("X-MS-Exchange-Generated-Message-Source", "Mailbox Rules Agent")];

    // All content is in memory, so that nothing is waited for.
    private static byte[] Write(MessageDraft draft)
    {
        var output = new ArrayBufferWriter<byte>(1024);
        MimeWriter.WriteAsync(draft, output).AsTask().GetAwaiter().GetResult();
        return output.WrittenSpan.ToArray();
    }
}

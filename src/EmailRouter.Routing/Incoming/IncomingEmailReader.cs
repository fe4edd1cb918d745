using System.Globalization;
using System.Text;
using EmailRouter.Crm;
using EmailRouter.Mime;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Incoming;

/// <summary>Turns the bytes of a message into the email that the CRM side decides about. Never fails on bad input: what cannot be read is missing.</summary>
public static class IncomingEmailReader
{
    private const int MaxMessageIdLength = 320;     // email.messageid
    private const int MaxSubjectLength = 800;       // email.subject
    private const int MaxHeaderText = 64 * 1024;

    /// <summary>Reads a message.</summary>
    /// <param name="message">The message; the email's attachments stay slices of it.</param>
    /// <param name="classification">Its class.</param>
    /// <param name="settings">The organization's settings.</param>
    /// <param name="mailbox">The user or queue whose mailbox it was read from; null when it is only traced.</param>
    /// <param name="receivedOn">When the mail server received it; the newest Received header counts where this is null.</param>
    /// <param name="now">The time to fall back to.</param>
    /// <param name="evidence">Receives what was left out or had to be made up.</param>
    /// <returns>The email.</returns>
    public static IncomingEmail Read(
        MimeMessage message,
        MessageClassification classification,
        OrganizationSettings settings,
        RecordReference? mailbox,
        DateTimeOffset? receivedOn,
        DateTimeOffset now,
        ICollection<Evidence> evidence)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(classification);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(evidence);

        foreach (MimeDiagnostic diagnostic in message.Diagnostics)
            evidence.Add(new Evidence("Mime." + diagnostic.Code, EvidenceVerdict.Note, diagnostic.Text));

        byte[] hash = MessageIdentity.ComputeContentHash(message);
        string? given = message.MessageId;
        bool usable = given is { Length: > 0 and <= MaxMessageIdLength };
        string messageId = usable ? given! : $"<{Convert.ToHexString(hash.AsSpan(0, 20)).ToLowerInvariant()}@synthesised.emailrouter.invalid>";
        if (!usable)
        {
            evidence.Add(new Evidence(
                "Identity",
                EvidenceVerdict.Note,
                given is null ? "There is no Message-ID; the content's hash stands for it" : "The Message-ID is longer than 320 characters; the content's hash stands for it"));
        }

        var contents = MessageContents.Of(message, evidence);
        IReadOnlyList<EmailAttachment> attachments = AttachmentPolicy.Apply(contents, settings, evidence);
        bool attachmentsMissing = attachments.Count < contents.Files.Count;
        (string body, string bodyType, bool cut) = ReadBody(contents, settings.MaxBodyLength);
        if (cut)
            evidence.Add(new Evidence("BodyPolicy", EvidenceVerdict.Note, $"The body is cut at {settings.MaxBodyLength:N0} characters"));

        string? threadIndex = message.ThreadIndex;
        return new IncomingEmail
        {
            ActivityId = ActivityId.For(settings.OrganizationId, messageId, hash, usable),
            MessageId = messageId,
            IsMessageIdSynthesised = !usable,
            Mailbox = mailbox,
            Subject = Cut(OneLine(message.Subject), MaxSubjectLength),
            From = message.From.Count > 0 ? Address(message.From[0]) : null,
            Sender = message.Sender is { } sender ? Address(sender) : null,
            To = Addresses(message.To),
            Cc = Addresses(message.Cc),
            Bcc = Addresses(message.Bcc),
            DeliveredTo = [.. DeliveredTo(message)],
            InReplyTo = message.InReplyTo,
            References = message.References,
            ConversationIndex = threadIndex,
            ConversationId = threadIndex is not null && ThreadIndex.TryGetConversationId(threadIndex, out Guid conversation) ? conversation : null,
            IsForward = IsForward(message),
            MessageClass = classification.MessageClass,
            IsAutomatic = classification.IsAutomatic,
            SentOn = message.Date,
            ReceivedOn = receivedOn ?? NewestReceived(message) ?? message.Date ?? now,
            Priority = Priority(message),
            Body = body,
            BodyType = bodyType,
            Attachments = attachments,
            Notification = attachmentsMissing ? EmailNotification.AttachmentsNotSaved : cut ? EmailNotification.BodyTruncated : EmailNotification.None,
            InternetMessageHeaders = HeaderText(message),
        };
    }

    private static (string Body, string Type, bool Cut) ReadBody(MessageContents contents, int maxLength)
    {
        (string text, string type) = contents.ReadBody(maxLength + 1);
        return text.Length > maxLength ? (Cut(text, maxLength), type, true) : (text, type, false);
    }

    private static EmailAddress Address(MailAddress address) =>
        new(address.Address, string.IsNullOrWhiteSpace(address.DisplayName) ? null : OneLine(address.DisplayName));

    private static List<EmailAddress> Addresses(IReadOnlyList<MailAddress> addresses)
    {
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        return [.. addresses.Where(a => seen.Add(a.Address)).Select(Address)];
    }

    private static IEnumerable<string> DeliveredTo(MimeMessage message)
    {
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (string name in (string[])["Delivered-To", "X-Original-To", "X-Envelope-To", "Envelope-To", "X-Delivered-To", "X-Receiver"])
        {
            foreach (string value in message.Headers.GetAll(name))
            {
                foreach (MailAddress address in MailAddress.ParseList(value))
                {
                    if (MailAddress.IsValidAddrSpec(address.Address) && seen.Add(address.Address))
                        yield return address.Address;
                }
            }
        }
    }

    /// <summary>Only the subject tells a forward from a reply: both carry In-Reply-To and References.</summary>
    private static bool IsForward(MimeMessage message)
    {
        ReadOnlySpan<char> subject = message.Subject.AsSpan().TrimStart();
        foreach (string prefix in (ReadOnlySpan<string>)["FW:", "FWD:", "WG:", "TR:", "RV:", "VS:", "I:", "ENC:"])
        {
            if (subject.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
                return true;
        }

        return message.Headers["X-Forwarded-Message-Id"] is not null;
    }

    private static EmailPriority Priority(MimeMessage message)
    {
        string text = (message.Headers["Importance"] ?? message.Headers["X-Priority"] ?? message.Headers["Priority"] ?? string.Empty).Trim();
        if (text.StartsWith("high", StringComparison.OrdinalIgnoreCase) || text.StartsWith("urgent", StringComparison.OrdinalIgnoreCase) || text.StartsWith('1') || text.StartsWith('2'))
            return EmailPriority.High;
        if (text.StartsWith("low", StringComparison.OrdinalIgnoreCase) || text.StartsWith("non-urgent", StringComparison.OrdinalIgnoreCase) || text.StartsWith('4') || text.StartsWith('5'))
            return EmailPriority.Low;
        return EmailPriority.Normal;
    }

    /// <summary>The newest trace line is the first one (RFC 5321 4.4); its date stands after the last semicolon.</summary>
    private static DateTimeOffset? NewestReceived(MimeMessage message)
    {
        string? line = message.Headers["Received"];
        int semicolon = line?.LastIndexOf(';') ?? -1;
        return semicolon >= 0 && MailDate.TryParse(line![(semicolon + 1)..], out DateTimeOffset date) ? date : null;
    }

    private static string HeaderText(MimeMessage message)
    {
        var text = new StringBuilder();
        foreach (Header header in message.Headers)
        {
            if (text.Length > MaxHeaderText)
                break;
            text.Append(CultureInfo.InvariantCulture, $"{header.Name}: {OneLine(header.Value)}\n");
        }

        return text.ToString();
    }

    private static string OneLine(string text) => text.AsSpan().ContainsAny('\r', '\n', '\0') ? text.Replace('\r', ' ').Replace('\n', ' ').Replace('\0', ' ') : text;

    private static string Cut(string text, int length)
    {
        if (text.Length <= length)
            return text;
        return text[..(char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)];
    }
}

using EmailRouter.Crm;
using EmailRouter.Mime;
using EmailRouter.Mime.Reports;

namespace EmailRouter.Routing.Incoming;

/// <summary>What kind of message the headers say it is.</summary>
/// <param name="MessageClass">The item class in Exchange's words, e.g. <c>IPM.Note</c>.</param>
/// <param name="IsAutomatic">Whether no person wrote it just now: replies, notices, lists. Nothing is ever created or answered because of it.</param>
/// <param name="Evidence">The header that said so; null for ordinary mail.</param>
public sealed record MessageClassification(string MessageClass, bool IsAutomatic, Evidence? Evidence);

/// <summary>
/// Recognises the item class and automatic mail from headers alone, so that mail from any server is treated as the original product treated mail in
/// Exchange: automatic replies are promoted, reports, receipts, meeting and signed or encrypted classes are not.
/// </summary>
public static class MessageClassifier
{
    /// <summary>Ordinary mail.</summary>
    public const string Note = "IPM.Note";

    /// <summary>An automatic out-of-office reply.</summary>
    public const string OutOfOffice = "IPM.Note.Rules.OofTemplate.Microsoft";

    /// <summary>Mail signed or encrypted with S/MIME.</summary>
    public const string SMime = "IPM.Note.SMIME";

    /// <summary>Mail signed in clear text with S/MIME.</summary>
    public const string SMimeSigned = "IPM.Note.SMIME.MultipartSigned";

    /// <summary>A non-delivery report.</summary>
    public const string NonDelivery = "REPORT.IPM.Note.NDR";

    /// <summary>A delivery report.</summary>
    public const string Delivery = "REPORT.IPM.Note.DR";

    /// <summary>A report about a delay.</summary>
    public const string Delayed = "REPORT.IPM.Note.Delayed";

    /// <summary>A read receipt.</summary>
    public const string ReadReceipt = "REPORT.IPM.Note.IPNRN";

    /// <summary>A report of another kind.</summary>
    public const string OtherReport = "REPORT.IPM.Note";

    /// <summary>A meeting request.</summary>
    public const string MeetingRequest = "IPM.Schedule.Meeting.Request";

    /// <summary>An answer to a meeting request.</summary>
    public const string MeetingResponse = "IPM.Schedule.Meeting.Resp";

    /// <summary>A cancelled meeting.</summary>
    public const string MeetingCancelled = "IPM.Schedule.Meeting.Canceled";

    private const string Rule = "MessageClass";

    /// <summary>Classifies a message.</summary>
    /// <param name="message">The message.</param>
    /// <returns>Its class.</returns>
    public static MessageClassification Classify(MimeMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return Report(message) ?? Meeting(message) ?? Secured(message) ?? AutomaticReply(message) ?? Bulk(message) ?? new MessageClassification(Note, false, null);
    }

    private static MessageClassification? Report(MimeMessage message)
    {
        ContentType type = message.Root.ContentType;
        if (type.Is("multipart", "report"))
        {
            string kind = type.Parameters["report-type"] ?? string.Empty;
            string why = $"Content-Type is multipart/report, report-type {(kind.Length == 0 ? "not given" : kind)}";
            if (kind.Equals("disposition-notification", StringComparison.OrdinalIgnoreCase))
                return Automatic(ReadReceipt, why);
            if (kind.Equals("delivery-status", StringComparison.OrdinalIgnoreCase) || kind.Length == 0)
                return DeliveryStatus(message, why);
            return Automatic(OtherReport, why);
        }

        // Servers that send no report part at all (qmail, old gateways) still use the null reverse path and their own name.
        string? returnPath = message.Headers["Return-Path"]?.Trim();
        string local = message.From.Count > 0 ? message.From[0].LocalPart : string.Empty;
        bool fromServer = local.Equals("mailer-daemon", StringComparison.OrdinalIgnoreCase) || (local.Equals("postmaster", StringComparison.OrdinalIgnoreCase) && returnPath == "<>");
        if (fromServer)
            return Automatic(NonDelivery, $"the sender is the mail server itself ({message.From[0].Address})");
        if (message.Headers["X-Failed-Recipients"] is { } failed)
            return Automatic(NonDelivery, $"X-Failed-Recipients: {failed}");
        return null;
    }

    /// <summary>Reads the worst action of the recipients (RFC 3464 2.3.3).</summary>
    private static MessageClassification DeliveryStatus(MimeMessage message, string why)
    {
        DeliveryAction action = Mime.Reports.DeliveryStatus.Read(message)?.WorstAction ?? DeliveryAction.Unknown;
        string @class = action switch
        {
            DeliveryAction.Delayed => Delayed,
            DeliveryAction.Delivered or DeliveryAction.Relayed or DeliveryAction.Expanded => Delivery,
            _ => NonDelivery,
        };
        return Automatic(@class, action == DeliveryAction.Unknown ? why : $"{why}, Action: {action.ToString().ToLowerInvariant()}");
    }

    private static MessageClassification? Meeting(MimeMessage message)
    {
        foreach (MimePart part in message.AllParts())
        {
            if (!part.ContentType.Is("text", "calendar") || part.FileName is not null && part.ContentType.Parameters["method"] is null)
                continue;
            string? method = part.ContentType.Parameters["method"];
            string? @class = method?.ToUpperInvariant() switch
            {
                "REQUEST" => MeetingRequest,
                "REPLY" => MeetingResponse,
                "CANCEL" => MeetingCancelled,
                _ => null,              // PUBLISH and parts without a method are files in an ordinary mail
            };
            if (@class is not null)
                return new MessageClassification(@class, false, new Evidence(Rule, EvidenceVerdict.Note, $"text/calendar part with method {method}: {@class}"));
        }

        return null;
    }

    private static MessageClassification? Secured(MimeMessage message)
    {
        ContentType type = message.Root.ContentType;
        string? protocol = type.Parameters["protocol"];
        if (type.Is("multipart", "signed") && protocol is not null && protocol.Contains("pkcs7-signature", StringComparison.OrdinalIgnoreCase))
            return new MessageClassification(SMimeSigned, false, new Evidence(Rule, EvidenceVerdict.Note, $"signed with S/MIME ({protocol}): {SMimeSigned}"));
        if (type.Is("application", "pkcs7-mime") || type.Is("application", "x-pkcs7-mime"))
            return new MessageClassification(SMime, false, new Evidence(Rule, EvidenceVerdict.Note, $"{type.MediaType}: {SMime}"));
        return null;
    }

    private static MessageClassification? AutomaticReply(MimeMessage message)
    {
        HeaderList headers = message.Headers;
        string? submitted = headers["Auto-Submitted"]?.Trim();      // RFC 3834 5
        if (submitted is not null && submitted.StartsWith("auto-replied", StringComparison.OrdinalIgnoreCase))
            return Automatic(OutOfOffice, $"Auto-Submitted: {submitted}");

        foreach (string name in (ReadOnlySpan<string>)["X-Autoreply", "X-Autorespond", "X-AutoReply-From", "X-Mail-Autoreply"])
        {
            if (headers[name] is { } value && !value.Trim().Equals("no", StringComparison.OrdinalIgnoreCase))
                return Automatic(OutOfOffice, $"{name}: {value.Trim()}");
        }

        string? precedence = headers["Precedence"]?.Trim();
        if (precedence is not null && precedence.Replace('-', '_').Equals("auto_reply", StringComparison.OrdinalIgnoreCase))
            return Automatic(OutOfOffice, $"Precedence: {precedence}");
        return null;
    }

    private static MessageClassification? Bulk(MimeMessage message)
    {
        HeaderList headers = message.Headers;
        string? submitted = headers["Auto-Submitted"]?.Trim();
        if (submitted is not null && !submitted.StartsWith("no", StringComparison.OrdinalIgnoreCase))
            return Automatic(Note, $"Auto-Submitted: {submitted}");
        foreach (string name in (ReadOnlySpan<string>)["List-Id", "List-Unsubscribe", "List-Post", "X-FC-MachineGenerated"])
        {
            if (headers[name] is { } value)
                return Automatic(Note, $"{name}: {value.Trim()}");
        }

        if (headers["Precedence"]?.Trim() is { } precedence && precedence.ToLowerInvariant() is "bulk" or "list" or "junk")
            return Automatic(Note, $"Precedence: {headers["Precedence"]!.Trim()}");
        if (headers["Return-Path"]?.Trim() == "<>")
            return Automatic(Note, "the reverse path is empty");
        return null;
    }

    private static MessageClassification Automatic(string messageClass, string why) =>
        new(messageClass, true, new Evidence(Rule, EvidenceVerdict.Note, $"{why}: {messageClass}, automatic"));
}

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

    /// <summary>How out-of-office replies of Exchange begin, in the languages seen most.</summary>
    private static readonly string[] ReplySubjects =
    [
        "Automatic reply:", "Out of Office", "Auto:", "Autoreply:", "Automatische Antwort:", "Abwesend:", "Abwesenheitsnotiz:", "Réponse automatique",
        "Respuesta automática:", "Risposta automatica:", "Automatisch antwoord:", "Resposta automática:", "Automatiskt svar:", "Automatisk svar:", "Automaattinen vastaus:",
    ];

    /// <summary>Classifies a message.</summary>
    /// <param name="message">The message.</param>
    /// <returns>Its class.</returns>
    public static MessageClassification Classify(MimeMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return Report(message) ?? Meeting(message) ?? Secured(message) ?? AutomaticReply(message) ?? Bulk(message) ?? new MessageClassification(Note, false, null);
    }

    /// <summary>Classifies a message whose server has classes of its own: its word counts, as it did for the original product.</summary>
    /// <param name="message">The message.</param>
    /// <param name="itemClass">The server's class (<see cref="Mail.MessageRef.MessageClass"/>); null or empty where it has none.</param>
    /// <returns>Its class. Whether it is automatic is also read from the headers, which say more.</returns>
    public static MessageClassification Classify(MimeMessage message, string? itemClass)
    {
        MessageClassification read = Classify(message);
        string given = itemClass?.Trim() ?? string.Empty;
        if (given.Length == 0 || given.Equals(read.MessageClass, StringComparison.OrdinalIgnoreCase))
            return read;
        bool isAutomatic = read.IsAutomatic
            || given.StartsWith("REPORT.", StringComparison.OrdinalIgnoreCase)
            || given.StartsWith("IPM.Note.Rules.", StringComparison.OrdinalIgnoreCase);
        string why = $"the mail server's item class is {given}{(isAutomatic ? ", automatic" : string.Empty)}; by its headers it would be {read.MessageClass}";
        return new MessageClassification(given, isAutomatic, new Evidence(Rule, EvidenceVerdict.Note, read.Evidence is { } seen ? $"{why} ({seen.Text})" : why));
    }

    private static MessageClassification? Report(MimeMessage message)
    {
        ContentType type = message.Root.ContentType;
        string? returnPath = message.Headers["Return-Path"]?.Trim();
        string local = message.From.Count > 0 ? message.From[0].LocalPart : string.Empty;
        bool fromServer = local.Equals("mailer-daemon", StringComparison.OrdinalIgnoreCase)
            || ((returnPath == "<>" || message.From.Count == 0)
                && (local.Length == 0 || local.Equals("postmaster", StringComparison.OrdinalIgnoreCase) || local.StartsWith("MicrosoftExchange", StringComparison.OrdinalIgnoreCase)));
        if (type.Is("multipart", "report"))
        {
            string kind = type.Parameters["report-type"] ?? string.Empty;
            string why = $"Content-Type is multipart/report, report-type {(kind.Length == 0 ? "not given" : kind)}";
            if (kind.Equals("disposition-notification", StringComparison.OrdinalIgnoreCase))
                return Automatic(ReadReceipt, why);
            if (kind.Equals("delivery-status", StringComparison.OrdinalIgnoreCase) || kind.Length == 0)
                return ByStatus(DeliveryStatus.Read(message), why);
            return Automatic(OtherReport, why);
        }

        // Gateways that turn reports into ordinary multiparts; a person who forwards a report is another sender.
        if ((fromServer || returnPath == "<>") && DeliveryStatus.Read(message) is { } status)
            return ByStatus(status, "there is a message/delivery-status part");

        // Servers that send no report part at all (qmail, old gateways) still use the null reverse path and their own name.
        if (fromServer && message.From.Count > 0)
            return Automatic(NonDelivery, $"the sender is the mail server itself ({message.From[0].Address})");
        if (message.Headers["X-Failed-Recipients"] is { } failed)
            return Automatic(NonDelivery, $"X-Failed-Recipients: {failed}");
        return null;
    }

    private static MessageClassification ByStatus(DeliveryStatus? status, string why)
    {
        DeliveryAction action = status?.WorstAction ?? DeliveryAction.Unknown;
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
        if (Keyword(submitted) is "auto-replied")
            return Automatic(OutOfOffice, $"Auto-Submitted: {submitted}");

        foreach (string name in (ReadOnlySpan<string>)["X-Autoreply", "X-Autorespond", "X-AutoReply-From", "X-Mail-Autoreply"])
        {
            if (headers[name] is { } value && !value.Trim().Equals("no", StringComparison.OrdinalIgnoreCase))
                return Automatic(OutOfOffice, $"{name}: {value.Trim()}");
        }

        string? precedence = headers["Precedence"]?.Trim();
        if (precedence is not null && precedence.Replace('-', '_').Equals("auto_reply", StringComparison.OrdinalIgnoreCase))
            return Automatic(OutOfOffice, $"Precedence: {precedence}");
        if (headers.GetAll("Delivered-To").FirstOrDefault(v => v.Trim().StartsWith("autoresponder", StringComparison.OrdinalIgnoreCase)) is { } responder)
            return Automatic(OutOfOffice, $"Delivered-To: {responder.Trim()}");

        // Exchange calls its out-of-office replies auto-generated like every other notice; the subject tells them apart, and alone it counts for nothing.
        if (MarkOfExchange(headers) is { } mark
            && Array.Find(ReplySubjects, p => message.Subject.AsSpan().TrimStart().StartsWith(p, StringComparison.OrdinalIgnoreCase)) is { } prefix)
        {
            return Automatic(OutOfOffice, $"{mark}, and the subject begins with \"{prefix}\"");
        }

        return null;
    }

    private static MessageClassification? Bulk(MimeMessage message)
    {
        HeaderList headers = message.Headers;
        string? submitted = headers["Auto-Submitted"]?.Trim();
        if (Keyword(submitted) is { Length: > 0 } keyword and not "no")
            return Automatic(Note, $"Auto-Submitted: {submitted}");
        foreach (string name in (ReadOnlySpan<string>)
            ["List-Id", "List-Unsubscribe", "List-Post", "List-Help", "List-Owner", "X-FC-MachineGenerated", "X-Loop", "X-MS-Exchange-Inbox-Rules-Loop"])
        {
            if (headers[name] is { } value)
                return Automatic(Note, $"{name}: {value.Trim()}");
        }

        if (headers["Precedence"]?.Trim() is { } precedence && precedence.ToLowerInvariant() is "bulk" or "list" or "junk")
            return Automatic(Note, $"Precedence: {headers["Precedence"]!.Trim()}");
        if (Suppression(headers) is { } suppressed)
            return Automatic(Note, suppressed);
        if (headers["Return-Path"]?.Trim() == "<>")
            return Automatic(Note, "the reverse path is empty");
        if (message.From.Count > 0 && IsMachine(message.From[0].LocalPart))
            return Automatic(Note, $"nobody reads answers at {message.From[0].Address}");
        return null;
    }

    private static string? MarkOfExchange(HeaderList headers)
    {
        if (Keyword(headers["Auto-Submitted"]) is { Length: > 0 } keyword and not "no")
            return $"Auto-Submitted: {keyword}";
        foreach (string name in (ReadOnlySpan<string>)["X-MS-Exchange-Inbox-Rules-Loop", "X-MS-Exchange-Generated-Message-Source"])
        {
            if (headers[name] is { } value)
                return $"{name}: {value.Trim()}";
        }

        return Suppression(headers);
    }

    /// <summary>A sender who wants no automatic answers is a machine (MS-OXCMAIL, X-Auto-Response-Suppress).</summary>
    private static string? Suppression(HeaderList headers) =>
        headers["X-Auto-Response-Suppress"] is { } value
            && value.Split([',', ' ', ';'], StringSplitOptions.RemoveEmptyEntries).Any(word => word.ToUpperInvariant() is "ALL" or "AUTOREPLY" or "OOF")
            ? $"X-Auto-Response-Suppress: {value.Trim()}" : null;

    private static bool IsMachine(string localPart)
    {
        string local = localPart.ToLowerInvariant();
        return local.Replace("-", string.Empty, StringComparison.Ordinal).Replace("_", string.Empty, StringComparison.Ordinal).Replace(".", string.Empty, StringComparison.Ordinal)
                is "noreply" or "donotreply" or "postmaster"
            || local.StartsWith("noreply+", StringComparison.Ordinal) || local.StartsWith("no-reply+", StringComparison.Ordinal)
            || local is "bounce" or "bounces" || local.StartsWith("bounce-", StringComparison.Ordinal) || local.StartsWith("bounces+", StringComparison.Ordinal)
            || local.StartsWith("bounce+", StringComparison.Ordinal) || local.EndsWith("-bounces", StringComparison.Ordinal) || local.StartsWith("owner-", StringComparison.Ordinal);
    }

    /// <summary>The keyword of Auto-Submitted without its parameters and comments, in lower case.</summary>
    private static string? Keyword(string? value)
    {
        if (value is null)
            return null;
        int end = value.AsSpan().TrimStart().IndexOfAny(";( \t");
        string trimmed = value.TrimStart();
        return (end < 0 ? trimmed : trimmed[..end]).Trim().ToLowerInvariant();
    }

    private static MessageClassification Automatic(string messageClass, string why) =>
        new(messageClass, true, new Evidence(Rule, EvidenceVerdict.Note, $"{why}: {messageClass}, automatic"));
}

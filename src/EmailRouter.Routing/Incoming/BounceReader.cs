using System.Text.RegularExpressions;
using EmailRouter.Crm;
using EmailRouter.Mime;
using EmailRouter.Mime.Reports;

namespace EmailRouter.Routing.Incoming;

/// <summary>
/// Reads from a non-delivery report which message came back and from whom: the report's own fields where there are any (RFC 3464), otherwise what qmail, Exim and old
/// gateways write for people. Never fails on bad input.
/// </summary>
public static partial class BounceReader
{
    private const string Rule = "BounceReport";
    private const int MaxText = 64 * 1024;
    private const int MaxRecipients = 1000;
    private const int MaxDiagnostic = 500;

    /// <summary>Lines behind which old servers put the returned message, or its header, as text.</summary>
    private static readonly string[] CopyMarks =
    [
        "--- Below this line is a copy of the message",
        "------ This is a copy of the message",
        "------ This is a copy of your message",
        "----- Original message -----",
        "----- Original message header follows -----",
        "----- Message header follows -----",
        "--- The header of the original message is following",
    ];

    /// <summary>What old servers say when they have not given up yet.</summary>
    private static readonly string[] DelayWords =
    [
        "warning message only",
        "has not yet been delivered",
        "have not yet been delivered",
        "could not be delivered yet",
        "delivery attempts will continue",
        "will continue to be made",
        "you do not need to resend",
    ];

    /// <summary>Reads a report.</summary>
    /// <param name="message">The message.</param>
    /// <param name="settings">The organization's settings, for its tracking tokens.</param>
    /// <param name="evidence">Receives what was read.</param>
    /// <returns>The report; null when it tells of no recipient that failed for good: a delay, or nothing that can be read.</returns>
    public static BounceReport? Read(MimeMessage message, OrganizationSettings settings, ICollection<Evidence> evidence)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(evidence);
        DeliveryStatus? status = DeliveryStatus.Read(message);
        string text = Text(message);
        (string said, string? copy) = Split(text);
        MimeMessage? original = status?.Original ?? Returned(message) ?? (copy is null ? null : MimeMessage.Parse(System.Text.Encoding.UTF8.GetBytes(copy)));
        List<BouncedRecipient> recipients = status is null ? [] : [.. status.Recipients.Where(IsFailure).Select(ToRecipient).OfType<BouncedRecipient>()];
        if (status is null || status.Recipients.Count == 0)
        {
            if (Array.Exists(DelayWords, w => said.Contains(w, StringComparison.OrdinalIgnoreCase)))
            {
                evidence.Add(new Evidence(Rule, EvidenceVerdict.Note, "It tells of a delay; the server goes on trying"));
                return null;
            }

            recipients = FromText(message, said);
        }

        foreach (DeliveryStatusRecipient other in status?.Recipients.Where(r => !IsFailure(r)).Take(20) ?? [])
            evidence.Add(new Evidence(Rule, EvidenceVerdict.Note, $"{other}"));
        foreach (BouncedRecipient recipient in recipients.Take(20))
            evidence.Add(new Evidence(Rule, EvidenceVerdict.Note, recipient.Explanation));
        if (recipients.Count == 0)
        {
            evidence.Add(new Evidence(Rule, EvidenceVerdict.NoMatch, "It names no recipient that failed for good"));
            return null;
        }

        string? messageId = MessageIds.TrimBrackets(original?.MessageId ?? status?.OriginalMessageId ?? string.Empty);
        return new BounceReport
        {
            MessageId = string.IsNullOrEmpty(messageId) ? null : $"<{messageId}>",
            ActivityId = Guid.TryParseExact(status?.OriginalEnvelopeId?.Trim(), "N", out Guid activity) ? activity : null,
            TrackingTokens = original is null ? [] : TrackingToken.Find(original.Subject, settings),
            Recipients = recipients,
        };
    }

    private static bool IsFailure(DeliveryStatusRecipient recipient) => recipient.Action switch
    {
        DeliveryAction.Failed => true,

        // Servers that forget the action still say 5.x.x.
        DeliveryAction.Unknown => recipient.Status?.StartsWith('5') == true || recipient.Diagnostic?.StartsWith('5') == true,
        _ => false,
    };

    private static BouncedRecipient? ToRecipient(DeliveryStatusRecipient recipient) => (recipient.FinalRecipient ?? recipient.OriginalRecipient) is { } address
        ? new BouncedRecipient(address) { OriginalAddress = recipient.OriginalRecipient, Status = recipient.Status, Diagnostic = OneLine(recipient.Diagnostic) }
        : null;

    /// <summary>The returned message where there is no machine-readable part beside it.</summary>
    private static MimeMessage? Returned(MimeMessage message)
    {
        foreach (MimePart part in message.AllParts())
        {
            if (part.EmbeddedMessage is { } embedded)
                return embedded;
            if (part.ContentType.Is("text", "rfc822-headers") || part.ContentType.Is("message", "rfc822-headers"))
                return MimeMessage.Parse(System.Text.Encoding.UTF8.GetBytes(part.GetText(MaxText)));
        }

        return null;
    }

    private static string Text(MimeMessage message) =>
        (message.TextBody ?? message.HtmlBody)?.GetText(MaxText).ReplaceLineEndings("\n") ?? string.Empty;

    /// <summary>Divides what the server says from the message it returns as text.</summary>
    private static (string Said, string? Copy) Split(string text)
    {
        foreach (string mark in CopyMarks)
        {
            int at = text.IndexOf(mark, StringComparison.OrdinalIgnoreCase);
            if (at < 0)
                continue;
            int end = text.IndexOf('\n', at);
            return (text[..at], end < 0 ? null : text[end..].TrimStart('\n', ' ', '\t'));
        }

        return (text, null);
    }

    private static List<BouncedRecipient> FromText(MimeMessage message, string said)
    {
        var found = new List<BouncedRecipient>();
        string[] lines = said.Split('\n');
        for (int i = 0; i < lines.Length && found.Count < MaxRecipients; i++)
        {
            if (AddressLine().Match(lines[i]) is not { Success: true } match || !MailAddress.IsValidAddrSpec(match.Groups["address"].Value))
                continue;

            // What follows until a blank line or the next address is what the server has to say about it.
            var words = new List<string> { match.Groups["rest"].Value };
            for (int next = i + 1; next < lines.Length && words.Count < 8 && !string.IsNullOrWhiteSpace(lines[next]) && !AddressLine().IsMatch(lines[next]); next++)
                words.Add(lines[next]);
            string? diagnostic = OneLine(string.Join(' ', words));
            Add(match.Groups["address"].Value, diagnostic);
        }

        foreach (string header in message.Headers.GetAll("X-Failed-Recipients"))
        {
            foreach (MailAddress address in MailAddress.ParseList(header).Take(MaxRecipients))
                Add(address.Address, null);
        }

        return found;

        void Add(string address, string? diagnostic)
        {
            if (!found.Exists(f => f.Is(address)))
                found.Add(new BouncedRecipient(address) { Diagnostic = diagnostic, Status = diagnostic is null ? null : Code().Match(diagnostic) is { Success: true } code ? code.Value : null });
        }
    }

    private static string? OneLine(string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
            return null;
        string line = Spaces().Replace(text, " ").Trim();
        return line.Length <= MaxDiagnostic ? line : line[..MaxDiagnostic];
    }

    /// <summary>A line of an address alone: <c>&lt;ann@example.com&gt;:</c> of qmail, <c>  ann@example.com</c> of Exim and Gmail.</summary>
    [GeneratedRegex(@"^\s*(?:<(?<address>[^<>\s@]{1,64}@[^<>\s@]{1,255})>|(?<address>[^<>\s@:]{1,64}@[^<>\s@:]{1,255}))\s*(?::(?<rest>.*))?$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex AddressLine();

    [GeneratedRegex(@"\b5\.\d{1,3}\.\d{1,3}\b", RegexOptions.None, 1000)]
    private static partial Regex Code();

    [GeneratedRegex(@"[\s\p{Cc}]+", RegexOptions.None, 1000)]
    private static partial Regex Spaces();
}

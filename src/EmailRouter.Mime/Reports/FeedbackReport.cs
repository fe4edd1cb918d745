namespace EmailRouter.Mime.Reports;

/// <summary>What a feedback report (ARF, RFC 5965) says: a recipient's provider complains about a message.</summary>
public sealed class FeedbackReport
{
    private FeedbackReport(ReportFields fields, MimeMessage? original)
    {
        Fields = fields;
        Original = original;
    }

    /// <summary>Gets all fields.</summary>
    public ReportFields Fields { get; }

    /// <summary>Gets the message it is about, or one that has only its headers; null when neither was returned.</summary>
    public MimeMessage? Original { get; }

    /// <summary>Gets the kind in lower case: <c>abuse</c>, <c>fraud</c>, <c>virus</c>, <c>auth-failure</c>, <c>not-spam</c>, <c>other</c>; null when it is missing.</summary>
    public string? FeedbackType => Fields.Text("Feedback-Type")?.ToLowerInvariant();

    /// <summary>Gets the program that reports, or null.</summary>
    public string? UserAgent => Fields.Text("User-Agent");

    /// <summary>Gets the envelope sender of the message, or null.</summary>
    public string? OriginalMailFrom => ReportParts.Address(Fields["Original-Mail-From"]);

    /// <summary>Gets the envelope recipients of the message, where they are named.</summary>
    public IReadOnlyList<string> OriginalRecipients => [.. Fields.GetAll("Original-Rcpt-To").Select(ReportParts.Address).OfType<string>()];

    /// <summary>Gets the address that the message came from, or null.</summary>
    public string? SourceIP => Fields.Text("Source-IP");

    /// <summary>Gets when the message arrived, or null.</summary>
    public DateTimeOffset? ArrivalDate => Fields.Date("Arrival-Date") ?? Fields.Date("Received-Date");

    /// <summary>Reads a feedback report. Never throws on account of what the message is.</summary>
    /// <param name="message">The message.</param>
    /// <returns>What it says; null when it has no part of type <c>message/feedback-report</c>.</returns>
    public static FeedbackReport? Read(MimeMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return ReportParts.Find(message, "feedback-report", "feedback-report") is { } part
            ? new FeedbackReport(DispositionNotification.Merged(FieldGroups.Read(part)), ReportParts.Original(message))
            : null;
    }
}

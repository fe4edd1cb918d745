namespace EmailRouter.Mime.Reports;

/// <summary>
/// What a delivery status notification says (RFC 3464; RFC 6533 for <c>message/global-delivery-status</c>): which message, and what became of it for each
/// recipient. Reads what mail servers really send: encoded groups, blank lines too many or too few, fields without types.
/// </summary>
public sealed class DeliveryStatus
{
    private DeliveryStatus(ReportFields message, IReadOnlyList<DeliveryStatusRecipient> recipients, MimeMessage? original)
    {
        Fields = message;
        Recipients = recipients;
        Original = original;
    }

    /// <summary>Gets the fields about the message as a whole (RFC 3464 2.2).</summary>
    public ReportFields Fields { get; }

    /// <summary>Gets the recipients in the report's order (RFC 3464 2.3). At most 1,000 groups of fields are read.</summary>
    public IReadOnlyList<DeliveryStatusRecipient> Recipients { get; }

    /// <summary>Gets the returned message, or one that has only its headers; null when neither was returned.</summary>
    public MimeMessage? Original { get; }

    /// <summary>Gets the envelope id that the sender gave with the message (RFC 3461 4.4), or null.</summary>
    public string? OriginalEnvelopeId => Fields.Text("Original-Envelope-Id");

    /// <summary>Gets the server that reports, without its type, or null.</summary>
    public string? ReportingMta => Name("Reporting-MTA");

    /// <summary>Gets the server that the message came from, without its type, or null.</summary>
    public string? ReceivedFromMta => Name("Received-From-MTA");

    /// <summary>Gets when the reporting server got the message, or null.</summary>
    public DateTimeOffset? ArrivalDate => Fields.Date("Arrival-Date");

    /// <summary>
    /// Gets the Message-ID of the message that this is about: that of the returned original, else that of a field some servers add; null when unknown.
    /// </summary>
    public string? OriginalMessageId => Original?.MessageId ?? Fields.Text("Original-Message-ID") ?? Fields.Text("X-Original-Message-ID");

    /// <summary>
    /// Gets the worst action of all recipients: failed before delayed before everything else. <see cref="DeliveryAction.Unknown"/> when no recipient is named.
    /// </summary>
    public DeliveryAction WorstAction
    {
        get
        {
            DeliveryAction worst = DeliveryAction.Unknown;
            foreach (DeliveryStatusRecipient recipient in Recipients)
            {
                if (recipient.Action == DeliveryAction.Failed)
                    return DeliveryAction.Failed;
                if (recipient.Action == DeliveryAction.Delayed || worst == DeliveryAction.Unknown)
                    worst = recipient.Action;
            }

            return worst;
        }
    }

    /// <summary>Reads a delivery status notification. Never throws on account of what the message is.</summary>
    /// <param name="message">The message.</param>
    /// <returns>What it says; null when it has no part of type <c>message/delivery-status</c> or <c>message/global-delivery-status</c>.</returns>
    public static DeliveryStatus? Read(MimeMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return ReportParts.Find(message, "delivery-status", "global-delivery-status") is { } part ? Read(part, ReportParts.Original(message)) : null;
    }

    private static DeliveryStatus Read(MimePart part, MimeMessage? original)
    {
        var perMessage = new ReportFields();
        var recipients = new List<DeliveryStatusRecipient>();
        ReportFields? current = null;
        ReportFields? source = null;
        foreach (ReportFields group in FieldGroups.Read(part))
        {
            // Where a recipient begins is told by the fields, not only by blank lines: those are missing, or stand in the midst of a group.
            foreach ((string name, string value) in group)
            {
                if (Begins(name, current, isNewGroup: !ReferenceEquals(source, group)))
                {
                    source = group;
                    current = new ReportFields();
                    recipients.Add(new DeliveryStatusRecipient(current));
                }

                (current ?? perMessage).Add(name, value);
            }
        }

        return new DeliveryStatus(perMessage, recipients, original);
    }

    private static bool Begins(string name, ReportFields? current, bool isNewGroup)
    {
        bool isOriginal = name.Equals("Original-Recipient", StringComparison.OrdinalIgnoreCase);
        if (!isOriginal && !name.Equals("Final-Recipient", StringComparison.OrdinalIgnoreCase))
            return current is null && IsRecipientField(name);
        return current?[name] is not null || current is null || (isOriginal && isNewGroup && current["Final-Recipient"] is not null);
    }

    private static bool IsRecipientField(string name) =>
        name.Equals("Action", StringComparison.OrdinalIgnoreCase) || name.Equals("Status", StringComparison.OrdinalIgnoreCase)
        || name.Equals("Diagnostic-Code", StringComparison.OrdinalIgnoreCase) || name.Equals("Remote-MTA", StringComparison.OrdinalIgnoreCase);

    private string? Name(string field) => Fields[field] is { } text && ReportParts.Typed(text).Value is { Length: > 0 } name ? name : null;
}

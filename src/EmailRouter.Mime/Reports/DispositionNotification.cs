namespace EmailRouter.Mime.Reports;

/// <summary>What a message disposition notification (RFC 8098, a read receipt) says about the message that asked for it.</summary>
public sealed class DispositionNotification
{
    private readonly string[] disposition;

    private DispositionNotification(ReportFields fields, MimeMessage? original)
    {
        Fields = fields;
        Original = original;
        disposition = (fields["Disposition"] ?? string.Empty).Split(';', 2, StringSplitOptions.TrimEntries);
    }

    /// <summary>Gets all fields.</summary>
    public ReportFields Fields { get; }

    /// <summary>Gets the returned message, or one that has only its headers; null when neither was returned.</summary>
    public MimeMessage? Original { get; }

    /// <summary>Gets the Message-ID of the message that this is about; null when unknown.</summary>
    public string? OriginalMessageId => Fields.Text("Original-Message-ID") ?? Original?.MessageId;

    /// <summary>Gets the address as the sender gave it, or null.</summary>
    public string? OriginalRecipient => ReportParts.Address(Fields["Original-Recipient"]);

    /// <summary>Gets the address of the mailbox that reports; null when it is missing.</summary>
    public string? FinalRecipient => ReportParts.Address(Fields["Final-Recipient"]);

    /// <summary>Gets the program that reports, or null.</summary>
    public string? ReportingUa => Fields.Text("Reporting-UA");

    /// <summary>Gets what became of the message in lower case: <c>displayed</c>, <c>deleted</c>, <c>dispatched</c>, <c>processed</c>, <c>denied</c> or another word; null when it is missing.</summary>
    public string? DispositionType => TypeAndModifiers is [{ Length: > 0 } type, ..] ? type.ToLowerInvariant() : null;

    /// <summary>Gets what stands after the type, e.g. <c>error</c>, in lower case.</summary>
    public IReadOnlyList<string> Modifiers => TypeAndModifiers is [_, var modifiers]
        ? [.. modifiers.ToLowerInvariant().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)]
        : [];

    /// <summary>Gets a value indicating whether a person did it (<c>manual-action</c>) rather than a rule.</summary>
    public bool IsManual => disposition[0].StartsWith("manual-action", StringComparison.OrdinalIgnoreCase);

    private string[] TypeAndModifiers => disposition.Length < 2 ? [] : disposition[1].Split('/', 2, StringSplitOptions.TrimEntries);

    /// <summary>Reads a message disposition notification. Never throws on account of what the message is.</summary>
    /// <param name="message">The message.</param>
    /// <returns>
    /// What it says; null when it has no part of type <c>message/disposition-notification</c> or <c>message/global-disposition-notification</c>.
    /// </returns>
    public static DispositionNotification? Read(MimeMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (ReportParts.Find(message, "disposition-notification", "global-disposition-notification") is not { } part)
            return null;
        return new DispositionNotification(Merged(FieldGroups.Read(part)), ReportParts.Original(message));
    }

    // There is one group only; blank lines in it are mistakes.
    internal static ReportFields Merged(List<ReportFields> groups)
    {
        var all = new ReportFields();
        foreach ((string name, string value) in groups.SelectMany(static group => group))
            all.Add(name, value);
        return all;
    }
}

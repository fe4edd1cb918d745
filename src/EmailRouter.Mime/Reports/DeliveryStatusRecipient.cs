namespace EmailRouter.Mime.Reports;

/// <summary>What a delivery status notification says about one recipient (RFC 3464 2.3).</summary>
public sealed class DeliveryStatusRecipient
{
    internal DeliveryStatusRecipient(ReportFields fields) => Fields = fields;

    /// <summary>Gets all fields about the recipient.</summary>
    public ReportFields Fields { get; }

    /// <summary>Gets the address as the sender gave it, or null.</summary>
    public string? OriginalRecipient => ReportParts.Address(Fields["Original-Recipient"]);

    /// <summary>Gets the address that the report is about, after forwarding and aliases; null when it is missing.</summary>
    public string? FinalRecipient => ReportParts.Address(Fields["Final-Recipient"]);

    /// <summary>Gets what the server did.</summary>
    public DeliveryAction Action
    {
        get
        {
            ReadOnlySpan<char> word = Fields["Action"];
            int end = word.IndexOfAny(" \t(;");
            return Enum.TryParse(end < 0 ? word : word[..end], ignoreCase: true, out DeliveryAction action) && Enum.IsDefined(action)
                && !char.IsAsciiDigit(word[0]) ? action : DeliveryAction.Unknown;
        }
    }

    /// <summary>
    /// Gets the enhanced status code (RFC 3463), e.g. <c>5.1.1</c>: that of Status, else one that stands in Diagnostic-Code; null when there is none.
    /// </summary>
    public string? Status => EnhancedCode(Fields["Status"]) ?? EnhancedCode(Diagnostic);

    /// <summary>Gets the server that refused or took the message, without its type, or null.</summary>
    public string? RemoteMta => Fields["Remote-MTA"] is { } text && ReportParts.Typed(text).Value is { Length: > 0 } name ? name : null;

    /// <summary>Gets the kind of <see cref="Diagnostic"/> in lower case, e.g. <c>smtp</c>; null when there is none.</summary>
    public string? DiagnosticType => Fields["Diagnostic-Code"] is { } text ? ReportParts.Typed(text).Type : null;

    /// <summary>Gets the remote server's own words, e.g. <c>550 5.1.1 User unknown</c>, without their type; null when there are none.</summary>
    public string? Diagnostic => Fields["Diagnostic-Code"] is { } text && ReportParts.Typed(text).Value is { Length: > 0 } words ? words : null;

    /// <summary>Gets when the server tried last, or null.</summary>
    public DateTimeOffset? LastAttemptDate => Fields.Date("Last-Attempt-Date");

    /// <summary>Gets until when the server goes on trying after a delay, or null.</summary>
    public DateTimeOffset? WillRetryUntil => Fields.Date("Will-Retry-Until");

    /// <inheritdoc/>
    public override string ToString() => $"{FinalRecipient ?? OriginalRecipient}: {Action} {Status}".TrimEnd();

    private static string? EnhancedCode(string? text)
    {
        if (text is null)
            return null;
        foreach (string word in text.Split([' ', '\t', '(', ')', ';', ',', '#', '-', '<', '>', '[', ']'], 30, StringSplitOptions.RemoveEmptyEntries))
        {
            string code = word.TrimEnd('.', ':');
            string[] numbers = code.Split('.');
            if (numbers.Length == 3 && numbers[0] is "2" or "4" or "5" && IsNumber(numbers[1]) && IsNumber(numbers[2]))
                return code;
        }

        return null;
    }

    private static bool IsNumber(string text) => text.Length is > 0 and <= 3 && text.All(char.IsAsciiDigit);
}

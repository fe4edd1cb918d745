using EmailRouter.Mime;

namespace EmailRouter.Lab.Store;

/// <summary>A message that a mailbox sends.</summary>
/// <param name="Mailbox">The mailbox.</param>
/// <param name="Content">The message. Missing From, Date and Message-ID are added; Bcc does not leave.</param>
public sealed record LabSubmission(LabMailbox Mailbox, ReadOnlyMemory<byte> Content)
{
    /// <summary>Gets who is logged in, for the right to send for others; the mailbox itself when omitted.</summary>
    public string Account { get; init; } = Mailbox.Address;

    /// <summary>Gets the envelope's recipients; those of To, Cc and Bcc when null.</summary>
    public IReadOnlyList<string>? Recipients { get; init; }

    /// <summary>Gets the id of the folder of the mailbox that keeps a copy; null for no copy.</summary>
    public string? SaveTo { get; init; }

    /// <summary>Gets the item class of the copy; derived when null.</summary>
    public string? ItemClass { get; init; }

    /// <summary>Lists the recipients that a message names.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The addresses of To, Cc and Bcc, each once.</returns>
    public static IReadOnlyList<string> RecipientsOf(MimeMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return [.. message.To.Concat(message.Cc).Concat(message.Bcc).Select(a => a.Address).Distinct(StringComparer.OrdinalIgnoreCase)];
    }
}

/// <summary>What became of a submission.</summary>
/// <param name="Sent">What left.</param>
/// <param name="Copy">The copy that was kept; null for none.</param>
public sealed record LabSubmitted(LabSentMessage Sent, LabMessage? Copy);

namespace EmailRouter.Lab.Store;

/// <summary>A message that a server of the lab took responsibility for: by SMTP, by submission from a mailbox, or because a rule forwards.</summary>
/// <param name="EnvelopeFrom">The reverse path; empty for the null reverse path.</param>
/// <param name="Recipients">The accepted recipients, in order.</param>
/// <param name="Content">The bytes, up to and including the last CRLF (after DATA: without dot-stuffing).</param>
/// <param name="AcceptedOn">When it was accepted.</param>
/// <param name="UserName">Who was logged in; null for nobody.</param>
/// <param name="EnvelopeId">ENVID of the DSN extension (RFC 3461 4.4), decoded; null when none was given.</param>
public sealed record LabSentMessage(
    string EnvelopeFrom, IReadOnlyList<string> Recipients, ReadOnlyMemory<byte> Content, DateTimeOffset AcceptedOn, string? UserName, string? EnvelopeId)
{
    /// <summary>Gets how it came.</summary>
    public LabSentBy By { get; init; }

    /// <summary>Gets NOTIFY of each recipient that had one (RFC 3461 4.1), by address.</summary>
    public IReadOnlyDictionary<string, string> Notify { get; init; } = new Dictionary<string, string>();

    /// <summary>Gets a value indicating whether the transaction used SMTPUTF8 (RFC 6531).</summary>
    public bool IsUtf8 { get; init; }

    /// <summary>Gets a value indicating whether the transaction declared BODY=8BITMIME (RFC 6152).</summary>
    public bool Is8Bit { get; init; }

    /// <summary>Gets a value indicating whether the connection was secured.</summary>
    public bool IsSecure { get; init; }
}

/// <summary>How a message came to be sent.</summary>
public enum LabSentBy
{
    /// <summary>By SMTP.</summary>
    Smtp,

    /// <summary>From a mailbox (EWS, Graph).</summary>
    Submission,

    /// <summary>A rule of a mailbox forwards or redirects it.</summary>
    InboxRule,

    /// <summary>The lab reports that a message could not be delivered.</summary>
    Report,
}

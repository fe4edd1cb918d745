namespace EmailRouter.Lab.Servers;

/// <summary>A message in a lab mailbox.</summary>
/// <param name="Uidl">The id that POP3's UIDL shows: unique within the store, never reused.</param>
/// <param name="ReceivedOn">When it arrived.</param>
/// <param name="Content">The bytes as they were delivered.</param>
public sealed record LabMessage(string Uidl, DateTimeOffset ReceivedOn, ReadOnlyMemory<byte> Content);

/// <summary>A message that the SMTP server took responsibility for.</summary>
/// <param name="EnvelopeFrom">The reverse path; empty for the null reverse path.</param>
/// <param name="Recipients">The accepted recipients, in order.</param>
/// <param name="Content">The bytes after DATA, without dot-stuffing, up to and including the last CRLF.</param>
/// <param name="AcceptedOn">When the final dot came.</param>
/// <param name="UserName">Who was logged in; null for nobody.</param>
/// <param name="EnvelopeId">ENVID of the DSN extension (RFC 3461 4.4), decoded; null when none was given.</param>
public sealed record LabSentMessage(
    string EnvelopeFrom, IReadOnlyList<string> Recipients, ReadOnlyMemory<byte> Content, DateTimeOffset AcceptedOn, string? UserName, string? EnvelopeId)
{
    /// <summary>Gets NOTIFY of each recipient that had one (RFC 3461 4.1), by address.</summary>
    public IReadOnlyDictionary<string, string> Notify { get; init; } = new Dictionary<string, string>();

    /// <summary>Gets a value indicating whether the transaction used SMTPUTF8 (RFC 6531).</summary>
    public bool IsUtf8 { get; init; }

    /// <summary>Gets a value indicating whether the transaction declared BODY=8BITMIME (RFC 6152).</summary>
    public bool Is8Bit { get; init; }

    /// <summary>Gets a value indicating whether the connection was secured.</summary>
    public bool IsSecure { get; init; }
}

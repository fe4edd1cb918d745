using EmailRouter.Mime;

namespace EmailRouter.Mail;

/// <summary>A connection through which messages are sent, one after the other.</summary>
public interface IMailSender : IAsyncDisposable
{
    /// <summary>Sends one message.</summary>
    /// <param name="message">Envelope and bytes.</param>
    /// <param name="cancellationToken">
    /// Stops the attempt. Once the message's last byte is on its way, the outcome is <see cref="SendStatus.Uncertain"/>, not a cancellation.
    /// </param>
    /// <returns>What became of the message, for every recipient.</returns>
    /// <exception cref="MailException">Nothing of the message was accepted: no connection, no authentication, connection lost before the last byte.</exception>
    ValueTask<SendReceipt> SendAsync(OutgoingMessage message, CancellationToken cancellationToken);
}

/// <summary>
/// A sender that can begin the next message while the answer to this one is still on its way. A sender implements it beside <see cref="IMailSender"/>
/// when its protocol allows that (SMTP: RFC 2920 3.1).
/// </summary>
public interface IPipelinedSender : IMailSender
{
    /// <summary>Sends one message, and announces the one that follows where the server lets it.</summary>
    /// <param name="message">Envelope and bytes.</param>
    /// <param name="following">
    /// Asked at most once, after <see cref="OutgoingMessage.BeforeCommit"/> and before the last byte leaves: the message that is to be sent next on this
    /// connection, or null. Only its envelope is announced; none of its content leaves before it is given to a <c>SendAsync</c> as the very same object.
    /// Its content must stay readable until this call has ended. When another message comes, or none, the announcement is taken back.
    /// </param>
    /// <param name="cancellationToken">Stops the attempt, as in <see cref="IMailSender.SendAsync"/>.</param>
    /// <returns>What became of the message, for every recipient; nothing about the one that follows.</returns>
    /// <exception cref="MailException">Nothing of the message was accepted, as in <see cref="IMailSender.SendAsync"/>.</exception>
    ValueTask<SendReceipt> SendAsync(OutgoingMessage message, Func<OutgoingMessage?> following, CancellationToken cancellationToken);
}

/// <summary>
/// Tells later whether a message was sent (Sent Items, an archive mailbox). A sender implements it beside <see cref="IMailSender"/> when its system keeps what it accepted; a session
/// implements it beside <see cref="IMailboxSession"/> when the account's server does (<see cref="IMailSystem.FindsSent"/>).
/// </summary>
public interface ISentLookup
{
    /// <summary>Looks for a message among those that were accepted.</summary>
    /// <param name="messageId">The Message-ID with its angle brackets.</param>
    /// <param name="cancellationToken">Stops the look-up.</param>
    /// <returns>True when it was accepted, false when it certainly was not, null when nobody can know.</returns>
    /// <exception cref="MailException">The place to look cannot be reached.</exception>
    ValueTask<bool?> WasSentAsync(string messageId, CancellationToken cancellationToken);
}

/// <summary>A message ready for the wire. The envelope decides who gets it; the headers are only shown.</summary>
public sealed record OutgoingMessage
{
    /// <summary>Gets the envelope sender (RFC 5321 4.1.1.2); empty for the null reverse path of automatic notices.</summary>
    public required string EnvelopeFrom { get; init; }

    /// <summary>Gets the envelope recipients, each once.</summary>
    public required IReadOnlyList<string> Recipients { get; init; }

    /// <summary>Gets the Message-ID in the header, with its angle brackets.</summary>
    public required string MessageId { get; init; }

    /// <summary>Gets the bytes: CRLF line ends, no line longer than 998 octets, no Bcc.</summary>
    public required MessageBuffer Content { get; init; }

    /// <summary>Gets the DSN envelope id (RFC 3461 4.4), or null.</summary>
    public string? EnvelopeId { get; init; }

    /// <summary>Gets when the sender is to be notified (RFC 3461 4.1). Defaults to the server's own choice.</summary>
    public DeliveryNotifications Notify { get; init; }

    /// <summary>
    /// Gets a value indicating whether an earlier attempt to send the message was begun, which may have left something behind that was never sent (a draft). Defaults to false.
    /// </summary>
    public bool IsRepeated { get; init; }

    /// <summary>
    /// Gets the callback awaited just before the first byte after which the outcome can no longer be known without the server's answer
    /// (the final dot of SMTP), with the recipients the server takes. The router journals there. When it throws, nothing of the message is accepted.
    /// </summary>
    public Func<IReadOnlyList<string>, CancellationToken, ValueTask>? BeforeCommit { get; init; }
}

/// <summary>When a server notifies the sender about delivery (RFC 3461 4.1).</summary>
[Flags]
public enum DeliveryNotifications
{
    /// <summary>The server's own choice.</summary>
    Default = 0,

    /// <summary>Never.</summary>
    Never = 1,

    /// <summary>On delivery.</summary>
    Success = 2,

    /// <summary>On failure.</summary>
    Failure = 4,

    /// <summary>On delay.</summary>
    Delay = 8,
}

/// <summary>What became of a message that was offered to a server.</summary>
public sealed record SendReceipt
{
    /// <summary>Gets the outcome over all recipients: accepted when at least one was.</summary>
    public required SendStatus Status { get; init; }

    /// <summary>Gets the server's reply that decided, e.g. <c>250 2.0.0 Ok: queued as 4F1B</c>.</summary>
    public required string Reply { get; init; }

    /// <summary>Gets the outcome for each recipient.</summary>
    public required IReadOnlyList<RecipientResult> Recipients { get; init; }

    /// <summary>Gets how long the server asks to wait before the next attempt; null when it does not say.</summary>
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>What became of a message for one recipient.</summary>
/// <param name="Address">The envelope recipient.</param>
/// <param name="Status">The outcome.</param>
/// <param name="Reply">The server's reply.</param>
public sealed record RecipientResult(string Address, SendStatus Status, string Reply);

/// <summary>The outcomes of sending.</summary>
public enum SendStatus
{
    /// <summary>The server took responsibility.</summary>
    Accepted,

    /// <summary>Not now; the same message may be offered again later.</summary>
    Deferred,

    /// <summary>Never; the same message will be refused again.</summary>
    Rejected,

    /// <summary>The message left completely and no answer came back: it may or may not have been accepted.</summary>
    Uncertain,
}

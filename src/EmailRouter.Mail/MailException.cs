namespace EmailRouter.Mail;

/// <summary>A mail server could not be used. Says at which step, why, and what to do about it.</summary>
/// <param name="errorId">A stable id, e.g. <c>MailAuthenticationFailed</c>; ids are API.</param>
/// <param name="step">The step that failed.</param>
/// <param name="message">What happened, in words an administrator understands, with host and port.</param>
/// <param name="remedy">What to do about it.</param>
/// <param name="inner">The cause.</param>
public class MailException(string errorId, MailStep step, string message, string remedy, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The id of a message that the server no longer has.</summary>
    public const string MessageGone = "MailMessageGone";

    /// <summary>The id of a message over <see cref="Mime.MessageBufferOptions.MaximumSize"/>.</summary>
    public const string MessageTooLarge = "MailMessageTooLarge";

    /// <summary>The id of a message that this machine could not keep: its disk is full, or the spool folder cannot be written.</summary>
    public const string SpoolFailed = "MailSpoolFailed";

    /// <summary>The id of an address that cannot stand in a command; the message is to blame, not the server.</summary>
    public const string InvalidAddress = "MailInvalidAddress";

    /// <summary>The id of a connection that the server would take if there were fewer.</summary>
    public const string TooManyConnections = "MailTooManyConnections";

    /// <summary>Gets the stable id.</summary>
    public string ErrorId { get; } = errorId;

    /// <summary>Gets the step that failed.</summary>
    public MailStep Step { get; } = step;

    /// <summary>Gets what to do about it.</summary>
    public string Remedy { get; } = remedy;

    /// <summary>Gets a value indicating whether the same attempt may succeed later without anybody doing anything.</summary>
    public bool IsTransient { get; init; }

    /// <summary>Gets how long to wait before the next attempt, where the server says so.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Gets the last lines of the conversation, secrets masked.</summary>
    public IReadOnlyList<string> Conversation { get; init; } = [];
}

/// <summary>The server answered "no" to a command; the connection is still usable.</summary>
/// <inheritdoc cref="MailException"/>
public class MailCommandException(string errorId, MailStep step, string message, string remedy, Exception? inner = null)
    : MailException(errorId, step, message, remedy, inner)
{
    /// <summary>Gets the server's answer as it came.</summary>
    public string Reply { get; init; } = string.Empty;
}

/// <summary>The server refused the credential, or none of its mechanisms may be used. Not repeated: accounts get locked.</summary>
/// <inheritdoc cref="MailException"/>
public sealed class MailAuthenticationException(string errorId, string message, string remedy, Exception? inner = null)
    : MailCommandException(errorId, MailStep.Authenticate, message, remedy, inner);

/// <summary>The connection could not be made, was closed, or timed out; it is dead.</summary>
/// <inheritdoc cref="MailException"/>
public sealed class MailConnectionException(string errorId, MailStep step, string message, string remedy, Exception? inner = null)
    : MailException(errorId, step, message, remedy, inner);

/// <summary>TLS could not be established, or the certificate was refused; the message shows the chain and the pin.</summary>
/// <inheritdoc cref="MailException"/>
public sealed class MailTlsException(string errorId, string message, string remedy, Exception? inner = null)
    : MailException(errorId, MailStep.Tls, message, remedy, inner);

/// <summary>The server said something the protocol does not allow; the connection is dead.</summary>
/// <inheritdoc cref="MailException"/>
public sealed class MailProtocolException(string errorId, MailStep step, string message, string remedy, Exception? inner = null)
    : MailException(errorId, step, message, remedy, inner);

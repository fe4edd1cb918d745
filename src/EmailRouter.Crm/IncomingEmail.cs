namespace EmailRouter.Crm;

/// <summary>An email as the CRM side sees it: read, decoded, and known by a stable identity.</summary>
public sealed record IncomingEmail
{
    /// <summary>Gets the deterministic id of the activity it becomes: UUIDv5 over the organization and the message's identity.</summary>
    public required Guid ActivityId { get; init; }

    /// <summary>Gets the Message-ID verbatim with its angle brackets, or a stable synthesised one where the message has none.</summary>
    public required string MessageId { get; init; }

    /// <summary>Gets a value indicating whether <see cref="MessageId"/> was synthesised.</summary>
    public bool IsMessageIdSynthesised { get; init; }

    /// <summary>Gets the mailbox it was read from; null when a message is only traced.</summary>
    public RecordReference? Mailbox { get; init; }

    /// <summary>Gets the subject, decoded.</summary>
    public required string Subject { get; init; }

    /// <summary>Gets the author (From); null when missing.</summary>
    public EmailAddress? From { get; init; }

    /// <summary>Gets who submitted it (Sender), when that is somebody else.</summary>
    public EmailAddress? Sender { get; init; }

    /// <summary>Gets the To recipients.</summary>
    public IReadOnlyList<EmailAddress> To { get; init; } = [];

    /// <summary>Gets the Cc recipients.</summary>
    public IReadOnlyList<EmailAddress> Cc { get; init; } = [];

    /// <summary>Gets the Bcc recipients; normally none.</summary>
    public IReadOnlyList<EmailAddress> Bcc { get; init; } = [];

    /// <summary>Gets the addresses it was delivered to by the trace headers (Delivered-To, X-Original-To), most recent first.</summary>
    public IReadOnlyList<string> DeliveredTo { get; init; } = [];

    /// <summary>Gets the ids in In-Reply-To.</summary>
    public IReadOnlyList<string> InReplyTo { get; init; } = [];

    /// <summary>Gets the ids in References, oldest first.</summary>
    public IReadOnlyList<string> References { get; init; } = [];

    /// <summary>Gets Thread-Index, base64; null when missing.</summary>
    public string? ConversationIndex { get; init; }

    /// <summary>Gets the conversation id within Thread-Index; null when missing.</summary>
    public Guid? ConversationId { get; init; }

    /// <summary>Gets a value indicating whether the message forwards another rather than replies to it.</summary>
    public bool IsForward { get; init; }

    /// <summary>Gets the item class in Exchange's words, e.g. <c>IPM.Note</c>, recognised from the headers.</summary>
    public string MessageClass { get; init; } = "IPM.Note";

    /// <summary>
    /// Gets a value indicating whether no person wrote it just now: automatic replies, notices, lists. Such email may be promoted, but nobody is created for its sender.
    /// </summary>
    public bool IsAutomatic { get; init; }

    /// <summary>Gets when the author sent it (Date); null when missing or unreadable.</summary>
    public DateTimeOffset? SentOn { get; init; }

    /// <summary>Gets when the mail server received it.</summary>
    public required DateTimeOffset ReceivedOn { get; init; }

    /// <summary>Gets the importance.</summary>
    public EmailPriority Priority { get; init; } = EmailPriority.Normal;

    /// <summary>Gets the body.</summary>
    public required string Body { get; init; }

    /// <summary>Gets the body's media type: <c>text/html</c> or <c>text/plain</c>.</summary>
    public required string BodyType { get; init; }

    /// <summary>Gets the attachments that policy lets through, in order.</summary>
    public IReadOnlyList<EmailAttachment> Attachments { get; init; } = [];

    /// <summary>Gets what policy took away (<c>email.notifications</c>).</summary>
    public EmailNotification Notification { get; init; }

    /// <summary>Gets the header section as text.</summary>
    public string? InternetMessageHeaders { get; init; }
}

/// <summary>An address with its display name.</summary>
/// <param name="Address">The address, e.g. <c>anna@example.test</c>.</param>
/// <param name="DisplayName">The name beside it, or null.</param>
public sealed record EmailAddress(string Address, string? DisplayName = null)
{
    /// <inheritdoc/>
    public override string ToString() => DisplayName is null ? Address : $"{DisplayName} <{Address}>";
}

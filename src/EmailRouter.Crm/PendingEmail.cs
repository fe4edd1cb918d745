namespace EmailRouter.Crm;

/// <summary>An email activity claimed for sending.</summary>
public sealed record PendingEmail
{
    /// <summary>Gets <c>activityid</c>.</summary>
    public required Guid ActivityId { get; init; }

    /// <summary>Gets what the organization needs to recognise the claim (a row version, an ETag).</summary>
    public required string ClaimVersion { get; init; }

    /// <summary>Gets <c>subject</c> with its tracking token, as it goes on the wire.</summary>
    public required string Subject { get; init; }

    /// <summary>Gets <c>trackingtoken</c>.</summary>
    public string? TrackingToken { get; init; }

    /// <summary>Gets <c>description</c>.</summary>
    public required string Description { get; init; }

    /// <summary>Gets <c>mimetype</c> of the description: <c>text/html</c> or <c>text/plain</c>.</summary>
    public required string MimeType { get; init; }

    /// <summary>Gets the parties, in order; recipients and the sender have their addresses.</summary>
    public required IReadOnlyList<ActivityParty> Parties { get; init; }

    /// <summary>Gets the sender's name beside the address; null for none.</summary>
    public string? FromName { get; init; }

    /// <summary>Gets the user or queue in whose name the email is sent.</summary>
    public required RecordReference From { get; init; }

    /// <summary>Gets the sender's address.</summary>
    public required string FromAddress { get; init; }

    /// <summary>Gets the address of the user who submitted it, when that is somebody else than the sender; otherwise null.</summary>
    public string? SubmittedBy { get; init; }

    /// <summary>Gets the attachments.</summary>
    public IReadOnlyList<EmailAttachment> Attachments { get; init; } = [];

    /// <summary>Gets <c>messageid</c> when an earlier attempt fixed one.</summary>
    public string? MessageId { get; init; }

    /// <summary>Gets the Message-ID of the email this one answers, or null.</summary>
    public string? InReplyTo { get; init; }

    /// <summary>Gets <c>conversationindex</c> of the thread, base64, or null.</summary>
    public string? ConversationIndex { get; init; }

    /// <summary>Gets <c>prioritycode</c>.</summary>
    public EmailPriority Priority { get; init; } = EmailPriority.Normal;

    /// <summary>Gets <c>deliveryattempts</c>: attempts before this one.</summary>
    public int DeliveryAttempts { get; init; }

    /// <summary>Gets when it was created.</summary>
    public DateTimeOffset CreatedOn { get; init; }

    /// <summary>Gets a value indicating whether it was found stuck in Sending: an earlier claimer vanished, and its journal decides what happened.</summary>
    public bool WasStuck { get; init; }

    /// <summary>Gets <c>deliveryreceiptrequested</c>.</summary>
    public bool DeliveryReceiptRequested { get; init; }

    /// <summary>Gets <c>readreceiptrequested</c>.</summary>
    public bool ReadReceiptRequested { get; init; }
}

/// <summary>How many pending emails to claim, whose, and the time limits.</summary>
public sealed record ClaimRequest
{
    /// <summary>Gets the greatest number of emails to claim. Defaults to 50.</summary>
    public int MaxCount { get; init; } = 50;

    /// <summary>Gets the greatest number for one sender, so that one bulk sender does not hold up the others. Defaults to 10.</summary>
    public int MaxPerSender { get; init; } = 10;

    /// <summary>Gets the users and queues whose emails may be claimed; null for all that the organization allows to send through the router.</summary>
    public IReadOnlyCollection<Guid>? Senders { get; init; }

    /// <summary>Gets the emails to claim; null for all.</summary>
    public IReadOnlyCollection<Guid>? ActivityIds { get; init; }

    /// <summary>Gets emails that are not to be claimed, because this run already gave them back.</summary>
    public IReadOnlyCollection<Guid> ExceptActivityIds { get; init; } = [];

    /// <summary>Gets a value indicating whether to tell only what would be claimed, and change nothing. Defaults to false.</summary>
    public bool PeekOnly { get; init; }

    /// <summary>Gets the time after which an email in Sending is taken back. Defaults to 30 minutes.</summary>
    public TimeSpan StuckAfter { get; init; } = TimeSpan.FromMinutes(30);
}

/// <summary>What became of a claimed email.</summary>
public abstract record SendOutcome
{
    private SendOutcome()
    {
    }

    /// <summary>The mail server took responsibility: Sent.</summary>
    /// <param name="MessageId">The Message-ID it was sent with.</param>
    /// <param name="SentOn">When.</param>
    public sealed record Sent(string MessageId, DateTimeOffset SentOn) : SendOutcome;

    /// <summary>Back to Pending Send, one attempt more.</summary>
    /// <param name="MessageId">The Message-ID that further attempts keep.</param>
    /// <param name="NotBefore">When it may be claimed again.</param>
    /// <param name="Reason">Why it was not sent.</param>
    public sealed record Retry(string MessageId, DateTimeOffset NotBefore, string Reason) : SendOutcome;

    /// <summary>Failed: attempts are used up, or the mail server refused for good.</summary>
    /// <param name="Reason">Why, for the user who wrote it.</param>
    public sealed record Failed(string Reason) : SendOutcome;

    /// <summary>Released as it was: back to Pending Send, no attempt counted.</summary>
    public sealed record Released : SendOutcome;

    /// <summary>Stays in Sending: it left completely and no answer came; a person or a later look-up decides.</summary>
    /// <param name="MessageId">The Message-ID it left with.</param>
    /// <param name="Reason">What is known.</param>
    public sealed record Uncertain(string MessageId, string Reason) : SendOutcome;
}

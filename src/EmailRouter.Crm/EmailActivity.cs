using System.Net;

namespace EmailRouter.Crm;

/// <summary>An email activity as it is stored. Properties are named after the columns of <c>email</c>.</summary>
public sealed record EmailActivity
{
    private string? safeDescription;

    /// <summary>Gets <c>activityid</c>.</summary>
    public required Guid ActivityId { get; init; }

    /// <summary>Gets <c>subject</c>, with its tracking token once it has one.</summary>
    public required string Subject { get; init; }

    /// <summary>Gets <c>description</c>.</summary>
    public required string Description { get; init; }

    /// <summary>
    /// Gets <c>safedescription</c>: the description as HTML without what could do harm where it is shown; plain text is escaped. Null where the CRM does not tell. The
    /// embedded CRM makes it when it is first asked for.
    /// </summary>
    public string? SafeDescription
    {
        get => safeDescription ??= MakeSafe?.Invoke(MimeType.StartsWith("text/html", StringComparison.OrdinalIgnoreCase) ? Description : AsHtml(Description));
        init => safeDescription = value;
    }

    /// <summary>Gets <c>mimetype</c> of the description.</summary>
    public required string MimeType { get; init; }

    /// <summary>Gets a value indicating whether it is outgoing (<c>directioncode</c>).</summary>
    public required bool IsOutgoing { get; init; }

    /// <summary>Gets <c>statecode</c>.</summary>
    public required EmailState State { get; init; }

    /// <summary>Gets <c>statuscode</c>.</summary>
    public required EmailStatus Status { get; init; }

    /// <summary>Gets <c>messageid</c>.</summary>
    public string? MessageId { get; init; }

    /// <summary>Gets <c>inreplyto</c>.</summary>
    public string? InReplyTo { get; init; }

    /// <summary>Gets <c>conversationindex</c>, base64.</summary>
    public string? ConversationIndex { get; init; }

    /// <summary>Gets the conversation id within <see cref="ConversationIndex"/>.</summary>
    public Guid? ConversationId { get; init; }

    /// <summary>Gets <c>trackingtoken</c>.</summary>
    public string? TrackingToken { get; init; }

    /// <summary>Gets <c>correlationmethod</c>.</summary>
    public CorrelationMethod CorrelationMethod { get; init; }

    /// <summary>Gets <c>correlatedactivityid</c>.</summary>
    public Guid? CorrelatedActivityId { get; init; }

    /// <summary>Gets <c>parentactivityid</c>.</summary>
    public Guid? ParentActivityId { get; init; }

    /// <summary>Gets <c>correlatedsubjectchanged</c>.</summary>
    public bool CorrelatedSubjectChanged { get; init; }

    /// <summary>Gets <c>acceptingentityid</c>.</summary>
    public RecordReference? AcceptingEntity { get; init; }

    /// <summary>Gets <c>receivingmailboxid</c>: the user or queue.</summary>
    public RecordReference? ReceivingMailbox { get; init; }

    /// <summary>Gets <c>emailsender</c>: the resolved sender; of outgoing email the user or queue.</summary>
    public RecordReference? EmailSender { get; init; }

    /// <summary>Gets <c>isduplicatesenderunresolved</c>.</summary>
    public bool IsDuplicateSenderUnresolved { get; init; }

    /// <summary>Gets <c>sender</c>.</summary>
    public string? Sender { get; init; }

    /// <summary>Gets <c>submittedby</c>.</summary>
    public string? SubmittedBy { get; init; }

    /// <summary>Gets <c>torecipients</c>.</summary>
    public string? ToRecipients { get; init; }

    /// <summary>Gets <c>regardingobjectid</c>.</summary>
    public RecordReference? Regarding { get; init; }

    /// <summary>Gets <c>ownerid</c>.</summary>
    public Guid? OwnerId { get; init; }

    /// <summary>Gets <c>prioritycode</c>.</summary>
    public EmailPriority Priority { get; init; }

    /// <summary>Gets <c>senton</c>.</summary>
    public DateTimeOffset? SentOn { get; init; }

    /// <summary>Gets when the mail server received it (<c>emailrouter_receivedon</c>).</summary>
    public DateTimeOffset? ReceivedOn { get; init; }

    /// <summary>Gets <c>delayedemailsendtime</c>.</summary>
    public DateTimeOffset? DelayedSendTime { get; init; }

    /// <summary>Gets <c>postponeemailprocessinguntil</c>: when the next attempt may be made.</summary>
    public DateTimeOffset? PostponedUntil { get; init; }

    /// <summary>Gets <c>deliveryattempts</c>.</summary>
    public int DeliveryAttempts { get; init; }

    /// <summary>
    /// Gets why it has not been sent, for the user who wrote it (<c>emailrouter_failurereason</c>): of the last attempt while it is pending or in doubt, for
    /// good when it failed.
    /// </summary>
    public string? FailureReason { get; init; }

    /// <summary>Gets <c>notifications</c>.</summary>
    public EmailNotification Notification { get; init; }

    /// <summary>Gets <c>internetmessageheaders</c>.</summary>
    public string? InternetMessageHeaders { get; init; }

    /// <summary>Gets <c>createdon</c>.</summary>
    public required DateTimeOffset CreatedOn { get; init; }

    /// <summary>Gets <c>modifiedon</c>.</summary>
    public required DateTimeOffset ModifiedOn { get; init; }

    /// <summary>Gets <c>versionnumber</c>, which grows with every change.</summary>
    public required long VersionNumber { get; init; }

    /// <summary>Gets the parties, in order.</summary>
    public required IReadOnlyList<ActivityParty> Parties { get; init; }

    /// <summary>Gets the attachments, in order.</summary>
    public required IReadOnlyList<AttachmentInfo> Attachments { get; init; }

    /// <summary>Gets the queue items.</summary>
    public required IReadOnlyList<QueueItem> QueueItems { get; init; }

    /// <summary>Gets what makes HTML safe when <see cref="SafeDescription"/> is asked for; null when it was given, or is not known.</summary>
    internal Func<string, string>? MakeSafe { get; init; }

    private static string AsHtml(string text) => WebUtility.HtmlEncode(text).ReplaceLineEndings("<br>");
}

/// <summary>An attachment of an email activity (<c>activitymimeattachment</c>) without its content.</summary>
/// <param name="Id"><c>activitymimeattachmentid</c>.</param>
/// <param name="FileName"><c>filename</c>.</param>
/// <param name="MimeType"><c>mimetype</c>.</param>
/// <param name="Size"><c>filesize</c> in bytes.</param>
/// <param name="ContentId"><c>attachmentcontentid</c>, without angle brackets; null for none.</param>
public sealed record AttachmentInfo(Guid Id, string FileName, string MimeType, long Size, string? ContentId);

/// <summary>An email activity in a queue (<c>queueitem</c>).</summary>
/// <param name="Id"><c>queueitemid</c>.</param>
/// <param name="Queue"><c>queueid</c>.</param>
/// <param name="ActivityId"><c>objectid</c>.</param>
/// <param name="Title"><c>title</c>.</param>
/// <param name="Sender"><c>sender</c>.</param>
/// <param name="ToRecipients"><c>torecipients</c>.</param>
/// <param name="EnteredOn"><c>enteredon</c>.</param>
public sealed record QueueItem(Guid Id, RecordReference Queue, Guid ActivityId, string Title, string? Sender, string? ToRecipients, DateTimeOffset EnteredOn);

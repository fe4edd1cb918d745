namespace EmailRouter.Crm;

/// <summary>The records of an organization, as far as the router's own engine needs them to decide and to promote.</summary>
/// <remarks>Deciding costs one <see cref="LookupAsync"/>, promoting one <see cref="CreateEmailAsync"/>: one round trip each.</remarks>
public interface IRecordStore : IOrganizationDirectory, IOutbox
{
    /// <summary>Gets how many emails of one mailbox are worth working on at once. Defaults to 8; more where round trips are shared.</summary>
    int MaxConcurrency => 8;

    /// <summary>Answers everything that deciding about one email needs to know.</summary>
    /// <param name="query">What to look for.</param>
    /// <param name="cancellationToken">Stops the look-up.</param>
    /// <returns>What was found.</returns>
    /// <exception cref="CrmException">The store cannot be read.</exception>
    ValueTask<RecordLookup> LookupAsync(RecordQuery query, CancellationToken cancellationToken);

    /// <summary>
    /// Creates an email activity with its parties, attachments, queue items and, when asked for, the sender's record, all or nothing.
    /// An email with the same id, or an incoming one with the same Message-ID, is left as it is. An outgoing email with the same Message-ID is the sender's
    /// copy of email between users and does not stand in the way of the recipient's ("track emails sent between users as two activities").
    /// </summary>
    /// <param name="email">The email.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The id of the email that now exists and whether this call created it.</returns>
    /// <exception cref="CrmException">The store cannot be written.</exception>
    ValueTask<CreateEmailResult> CreateEmailAsync(NewEmail email, CancellationToken cancellationToken);

    /// <summary>Puts an existing email activity into a further queue. Doing it twice makes one queue item.</summary>
    /// <param name="activityId">The email activity.</param>
    /// <param name="queueId">The queue.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>True when this call made the queue item.</returns>
    /// <exception cref="CrmException">The store cannot be written.</exception>
    ValueTask<bool> AddToQueueAsync(Guid activityId, Guid queueId, CancellationToken cancellationToken);
}

/// <summary>What deciding about one email needs to know.</summary>
public sealed record RecordQuery
{
    /// <summary>Gets the Message-IDs to find: the email's own, In-Reply-To, References.</summary>
    public IReadOnlyList<string> MessageIds { get; init; } = [];

    /// <summary>Gets the tracking tokens to find.</summary>
    public IReadOnlyList<string> TrackingTokens { get; init; } = [];

    /// <summary>Gets the conversation id to find (Thread-Index bytes 6 to 21), or null.</summary>
    public Guid? ConversationId { get; init; }

    /// <summary>Gets the smart matching to do, or null.</summary>
    public SmartMatchQuery? SmartMatch { get; init; }

    /// <summary>Gets the addresses to resolve; compared without regard to case.</summary>
    public IReadOnlyList<string> Addresses { get; init; } = [];
}

/// <summary>Asks for stored emails whose hashed subject words and addresses resemble those of an email.</summary>
/// <param name="Keys">The email's hashed words and addresses.</param>
/// <param name="DeltaSubjectCount">How many words the subjects may differ by (<c>organization.hashdeltasubjectcount</c>).</param>
/// <param name="MinAddressCount">How many addresses must coincide (<c>organization.hashminaddresscount</c>).</param>
/// <param name="NotBefore">Only emails created since then.</param>
public sealed record SmartMatchQuery(SmartMatchKeys Keys, int DeltaSubjectCount, int MinAddressCount, DateTimeOffset NotBefore);

/// <summary>What a <see cref="RecordQuery"/> found.</summary>
public sealed record RecordLookup
{
    /// <summary>
    /// Gets the stored emails by Message-ID, compared ordinally. Only those found are in it. Where an outgoing and an incoming email bear the same
    /// Message-ID (both copies of email between users), it is the incoming one.
    /// </summary>
    public IReadOnlyDictionary<string, StoredEmail> ByMessageId { get; init; } = new Dictionary<string, StoredEmail>();

    /// <summary>Gets, by tracking token (compared without regard to case), the newest outgoing email that bears it. Only those found are in it.</summary>
    public IReadOnlyDictionary<string, StoredEmail> ByTrackingToken { get; init; } = new Dictionary<string, StoredEmail>();

    /// <summary>
    /// Gets, by tracking token, further outgoing emails that bear it: older than the one in <see cref="ByTrackingToken"/>, newest first, at most nine.
    /// There are some when the token's counter has wrapped. A store that does not tell leaves it empty.
    /// </summary>
    public IReadOnlyDictionary<string, IReadOnlyList<StoredEmail>> EarlierByTrackingToken { get; init; } = new Dictionary<string, IReadOnlyList<StoredEmail>>();

    /// <summary>Gets the newest email of the conversation, or null.</summary>
    public StoredEmail? ByConversation { get; init; }

    /// <summary>Gets the smart matches, newest first, at most ten.</summary>
    public IReadOnlyList<SmartMatch> SmartMatches { get; init; } = [];

    /// <summary>Gets the records that carry each address, by address compared without regard to case; at most 101 an address. Only addresses found are in it.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<AddressOwner>> Owners { get; init; } = new Dictionary<string, IReadOnlyList<AddressOwner>>();
}

/// <summary>A stored email that correlation can lead to.</summary>
public sealed record StoredEmail
{
    /// <summary>Gets <c>email.activityid</c>.</summary>
    public required Guid ActivityId { get; init; }

    /// <summary>Gets <c>email.messageid</c>.</summary>
    public string? MessageId { get; init; }

    /// <summary>Gets <c>email.subject</c>.</summary>
    public required string Subject { get; init; }

    /// <summary>Gets a value indicating whether the email is outgoing (<c>email.directioncode</c>).</summary>
    public required bool IsOutgoing { get; init; }

    /// <summary>Gets <c>email.trackingtoken</c>.</summary>
    public string? TrackingToken { get; init; }

    /// <summary>Gets <c>email.regardingobjectid</c>.</summary>
    public RecordReference? Regarding { get; init; }

    /// <summary>Gets when the email was created.</summary>
    public required DateTimeOffset CreatedOn { get; init; }

    /// <summary>Gets the addresses of the email's parties, so that evidence can say whether the correspondents are the same.</summary>
    public IReadOnlyList<string> Addresses { get; init; } = [];

    /// <summary>Gets the queues that have a queue item for it.</summary>
    public IReadOnlyList<Guid> QueueIds { get; init; } = [];
}

/// <summary>A stored email that resembles another.</summary>
/// <param name="Email">The stored email.</param>
/// <param name="SharedWords">How many subject words coincide.</param>
/// <param name="SharedAddresses">How many addresses coincide.</param>
public sealed record SmartMatch(StoredEmail Email, int SharedWords, int SharedAddresses);

/// <summary>A record that carries an email address.</summary>
public sealed record AddressOwner
{
    /// <summary>Gets the record.</summary>
    public required RecordReference Record { get; init; }

    /// <summary>Gets a value indicating whether the record is active.</summary>
    public required bool IsActive { get; init; }

    /// <summary>Gets the user or team that owns the record, or null.</summary>
    public Guid? OwnerId { get; init; }

    /// <summary>Gets the column that holds the address, e.g. <c>emailaddress2</c>.</summary>
    public required string Column { get; init; }

    /// <summary>Gets a value indicating whether the record must not be mailed (<c>donotemail</c>).</summary>
    public bool DoNotEmail { get; init; }
}

/// <summary>An email activity to create: the row, its parties, attachments and queue items.</summary>
public sealed record NewEmail
{
    /// <summary>Gets <c>activityid</c>: deterministic, so that creating twice is one record.</summary>
    public required Guid ActivityId { get; init; }

    /// <summary>Gets <c>messageid</c>.</summary>
    public required string MessageId { get; init; }

    /// <summary>Gets <c>subject</c>.</summary>
    public required string Subject { get; init; }

    /// <summary>Gets <c>description</c>.</summary>
    public required string Description { get; init; }

    /// <summary>Gets <c>mimetype</c> of the description: <c>text/html</c> or <c>text/plain</c>.</summary>
    public required string MimeType { get; init; }

    /// <summary>Gets <c>inreplyto</c>.</summary>
    public string? InReplyTo { get; init; }

    /// <summary>Gets <c>conversationindex</c>: Thread-Index, base64.</summary>
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

    /// <summary>Gets <c>regardingobjectid</c>.</summary>
    public RecordReference? Regarding { get; init; }

    /// <summary>Gets <c>ownerid</c>.</summary>
    public required Guid OwnerId { get; init; }

    /// <summary>Gets <c>acceptingentityid</c>: the user or queue whose filter accepted the email.</summary>
    public RecordReference? AcceptingEntity { get; init; }

    /// <summary>Gets <c>receivingmailboxid</c>: the user or queue whose mailbox it was read from.</summary>
    public RecordReference? ReceivingMailbox { get; init; }

    /// <summary>Gets <c>emailsender</c>: the resolved sender.</summary>
    public RecordReference? EmailSender { get; init; }

    /// <summary>Gets <c>isduplicatesenderunresolved</c>.</summary>
    public bool IsDuplicateSenderUnresolved { get; init; }

    /// <summary>Gets <c>sender</c>: the address text.</summary>
    public required string Sender { get; init; }

    /// <summary>Gets <c>submittedby</c>: the address text.</summary>
    public string? SubmittedBy { get; init; }

    /// <summary>Gets <c>torecipients</c>: address texts, separated by semicolons.</summary>
    public string ToRecipients { get; init; } = string.Empty;

    /// <summary>Gets <c>prioritycode</c>.</summary>
    public EmailPriority Priority { get; init; } = EmailPriority.Normal;

    /// <summary>Gets <c>senton</c>.</summary>
    public DateTimeOffset? SentOn { get; init; }

    /// <summary>Gets when the mail server received it.</summary>
    public required DateTimeOffset ReceivedOn { get; init; }

    /// <summary>Gets <c>notifications</c>.</summary>
    public EmailNotification Notification { get; init; }

    /// <summary>Gets <c>internetmessageheaders</c>.</summary>
    public string? InternetMessageHeaders { get; init; }

    /// <summary>Gets the parties, in order.</summary>
    public required IReadOnlyList<ActivityParty> Parties { get; init; }

    /// <summary>Gets the attachments to keep, in order.</summary>
    public IReadOnlyList<EmailAttachment> Attachments { get; init; } = [];

    /// <summary>Gets the queues to make queue items in.</summary>
    public IReadOnlyList<Guid> QueueIds { get; init; } = [];

    /// <summary>Gets the hashed words and addresses by which a later email may match this one.</summary>
    public SmartMatchKeys? SmartMatchKeys { get; init; }

    /// <summary>Gets the contact or lead to create for the unknown sender; its reference is then the sender party's. Null: none.</summary>
    public NewSenderRecord? SenderRecord { get; init; }
}

/// <summary>The contact or lead to create for an unknown sender.</summary>
/// <param name="LogicalName"><c>contact</c> or <c>lead</c>.</param>
/// <param name="Id">The record's id, deterministic over organization and address.</param>
/// <param name="FullName">The sender's name, or the address where the sender gives none.</param>
/// <param name="Address">The sender's address.</param>
/// <param name="OwnerId">Who owns the record.</param>
public sealed record NewSenderRecord(string LogicalName, Guid Id, string FullName, string Address, Guid OwnerId);

/// <summary>The email that exists after <see cref="IRecordStore.CreateEmailAsync"/>.</summary>
/// <param name="ActivityId">Its id.</param>
/// <param name="Created">True when this call created it; false when it existed before.</param>
/// <param name="MadeQueueItems">The queues in which this call made queue items.</param>
public sealed record CreateEmailResult(Guid ActivityId, bool Created, IReadOnlyList<Guid> MadeQueueItems);

using EmailRouter.Mime;

namespace EmailRouter.Lab.Store;

/// <summary>A rule that a mailbox applies to mail that arrives; what EWS and Graph can say of one.</summary>
public sealed record LabInboxRule
{
    /// <summary>Gets the id.</summary>
    public required string Id { get; init; }

    /// <summary>Gets the name.</summary>
    public required string Name { get; init; }

    /// <summary>Gets its place among the rules: the lowest goes first.</summary>
    public int Sequence { get; init; } = 1;

    /// <summary>Gets a value indicating whether it is applied.</summary>
    public bool IsEnabled { get; init; } = true;

    /// <summary>Gets a value indicating whether it is broken and therefore not applied.</summary>
    public bool HasError { get; init; }

    /// <summary>Gets a value indicating whether it holds what only a mail program can do; it is not applied and cannot be written.</summary>
    public bool IsNotSupported { get; init; }

    /// <summary>Gets what a message must be; without any condition it is every message.</summary>
    public LabRulePredicates Conditions { get; init; } = new();

    /// <summary>Gets what spares a message: one that holds is enough.</summary>
    public LabRulePredicates Exceptions { get; init; } = new();

    /// <summary>Gets what is done.</summary>
    public LabRuleActions Actions { get; init; } = new();
}

/// <summary>
/// What rules ask of a message. Null or an empty list asks nothing. Within a list one entry is enough; texts are looked for without regard to case.
/// </summary>
public sealed record LabRulePredicates
{
    /// <summary>Gets texts of the subject.</summary>
    public IReadOnlyList<string> SubjectContains { get; init; } = [];

    /// <summary>Gets texts of the body.</summary>
    public IReadOnlyList<string> BodyContains { get; init; } = [];

    /// <summary>Gets texts of subject or body.</summary>
    public IReadOnlyList<string> SubjectOrBodyContains { get; init; } = [];

    /// <summary>Gets texts of the header section.</summary>
    public IReadOnlyList<string> HeaderContains { get; init; } = [];

    /// <summary>Gets texts of the senders' addresses and names.</summary>
    public IReadOnlyList<string> SenderContains { get; init; } = [];

    /// <summary>Gets texts of the recipients' addresses and names.</summary>
    public IReadOnlyList<string> RecipientContains { get; init; } = [];

    /// <summary>Gets senders.</summary>
    public IReadOnlyList<MailAddress> FromAddresses { get; init; } = [];

    /// <summary>Gets recipients of To or Cc.</summary>
    public IReadOnlyList<MailAddress> SentToAddresses { get; init; } = [];

    /// <summary>Gets categories; mail that arrives has those of its Keywords header.</summary>
    public IReadOnlyList<string> Categories { get; init; } = [];

    /// <summary>Gets item classes.</summary>
    public IReadOnlyList<string> ItemClasses { get; init; } = [];

    /// <summary>Gets whether it must (not) have attachments.</summary>
    public bool? HasAttachments { get; init; }

    /// <summary>Gets the importance: low, normal or high.</summary>
    public string? Importance { get; init; }

    /// <summary>Gets the sensitivity: normal, personal, private or confidential.</summary>
    public string? Sensitivity { get; init; }

    /// <summary>Gets the follow-up flag asked for; mail that arrives has none, so that a rule with it never applies.</summary>
    public string? FlaggedForAction { get; init; }

    /// <summary>Gets whether a program forwarded it.</summary>
    public bool? IsAutomaticForward { get; init; }

    /// <summary>Gets whether a program answered with it.</summary>
    public bool? IsAutomaticReply { get; init; }

    /// <summary>Gets whether it is encrypted.</summary>
    public bool? IsEncrypted { get; init; }

    /// <summary>Gets whether it invites to a meeting.</summary>
    public bool? IsMeetingRequest { get; init; }

    /// <summary>Gets whether it answers an invitation.</summary>
    public bool? IsMeetingResponse { get; init; }

    /// <summary>Gets whether it reports that mail was not delivered.</summary>
    public bool? IsNonDeliveryReport { get; init; }

    /// <summary>Gets whether it asks for an approval.</summary>
    public bool? IsApprovalRequest { get; init; }

    /// <summary>Gets whether its rights are limited.</summary>
    public bool? IsPermissionControlled { get; init; }

    /// <summary>Gets whether it is a read receipt.</summary>
    public bool? IsReadReceipt { get; init; }

    /// <summary>Gets whether it is signed.</summary>
    public bool? IsSigned { get; init; }

    /// <summary>Gets whether it is a voice message.</summary>
    public bool? IsVoicemail { get; init; }

    /// <summary>Gets whether the owner stands neither in To nor in Cc.</summary>
    public bool? NotSentToMe { get; init; }

    /// <summary>Gets whether the owner stands in Cc.</summary>
    public bool? SentCcMe { get; init; }

    /// <summary>Gets whether the owner is the only recipient of To and Cc.</summary>
    public bool? SentOnlyToMe { get; init; }

    /// <summary>Gets whether the owner stands in To.</summary>
    public bool? SentToMe { get; init; }

    /// <summary>Gets whether the owner stands in To or Cc.</summary>
    public bool? SentToOrCcMe { get; init; }

    /// <summary>Gets the least size in KiB.</summary>
    public int? MinimumSize { get; init; }

    /// <summary>Gets the greatest size in KiB.</summary>
    public int? MaximumSize { get; init; }

    /// <summary>Gets the earliest time of receipt.</summary>
    public DateTimeOffset? ReceivedAfter { get; init; }

    /// <summary>Gets the latest time of receipt.</summary>
    public DateTimeOffset? ReceivedBefore { get; init; }
}

/// <summary>What a rule does with a message.</summary>
public sealed record LabRuleActions
{
    /// <summary>Gets who gets a new message of the owner with the original attached as <c>message/rfc822</c>.</summary>
    public IReadOnlyList<MailAddress> ForwardAsAttachmentTo { get; init; } = [];

    /// <summary>Gets who gets a new message of the owner that quotes the original.</summary>
    public IReadOnlyList<MailAddress> ForwardTo { get; init; } = [];

    /// <summary>Gets who gets the message itself.</summary>
    public IReadOnlyList<MailAddress> RedirectTo { get; init; } = [];

    /// <summary>Gets the id of the folder it goes to; null for the Inbox.</summary>
    public string? MoveToFolder { get; init; }

    /// <summary>Gets the id of the folder that gets a copy.</summary>
    public string? CopyToFolder { get; init; }

    /// <summary>Gets a value indicating whether it goes to Deleted Items.</summary>
    public bool Delete { get; init; }

    /// <summary>Gets a value indicating whether it is not kept at all.</summary>
    public bool PermanentDelete { get; init; }

    /// <summary>Gets a value indicating whether it arrives as read.</summary>
    public bool MarkAsRead { get; init; }

    /// <summary>Gets the importance it gets; null for its own.</summary>
    public string? MarkImportance { get; init; }

    /// <summary>Gets the categories it gets.</summary>
    public IReadOnlyList<string> AssignCategories { get; init; } = [];

    /// <summary>Gets a value indicating whether no rule after this one is applied.</summary>
    public bool StopProcessingRules { get; init; }
}

namespace EmailRouter.Crm.Embedded;

/// <summary>An outgoing email to create as a draft.</summary>
public sealed record EmailDraft
{
    /// <summary>Gets <c>activityid</c>; null lets the CRM choose one.</summary>
    public Guid? ActivityId { get; init; }

    /// <summary>Gets the user or queue in whose name it is sent.</summary>
    public required RecordReference From { get; init; }

    /// <summary>Gets the To recipients.</summary>
    public IReadOnlyList<DraftRecipient> To { get; init; } = [];

    /// <summary>Gets the Cc recipients.</summary>
    public IReadOnlyList<DraftRecipient> Cc { get; init; } = [];

    /// <summary>Gets the Bcc recipients.</summary>
    public IReadOnlyList<DraftRecipient> Bcc { get; init; } = [];

    /// <summary>Gets <c>subject</c>, at most 800 characters.</summary>
    public string Subject { get; init; } = string.Empty;

    /// <summary>Gets <c>description</c>.</summary>
    public string Description { get; init; } = string.Empty;

    /// <summary>Gets <c>mimetype</c> of the description. Defaults to <c>text/html</c>.</summary>
    public string MimeType { get; init; } = "text/html";

    /// <summary>Gets <c>regardingobjectid</c>.</summary>
    public RecordReference? Regarding { get; init; }

    /// <summary>Gets <c>parentactivityid</c>: the email this one answers.</summary>
    public Guid? ParentActivityId { get; init; }

    /// <summary>Gets <c>ownerid</c>; null for the sending user, or the sending queue's owner.</summary>
    public Guid? OwnerId { get; init; }

    /// <summary>Gets the user who wrote it, when that is not the user in whose name it is sent; the other user must allow it.</summary>
    public Guid? SubmittedBy { get; init; }

    /// <summary>Gets <c>prioritycode</c>.</summary>
    public EmailPriority Priority { get; init; } = EmailPriority.Normal;

    /// <summary>Gets <c>delayedemailsendtime</c>: not sent before it; null for at once.</summary>
    public DateTimeOffset? DelayedSendTime { get; init; }

    /// <summary>Gets <c>deliveryreceiptrequested</c>.</summary>
    public bool DeliveryReceiptRequested { get; init; }

    /// <summary>Gets <c>readreceiptrequested</c>.</summary>
    public bool ReadReceiptRequested { get; init; }

    /// <summary>Gets the attachments.</summary>
    public IReadOnlyList<EmailAttachment> Attachments { get; init; } = [];
}

/// <summary>A recipient of a draft: a record, whose address is used, or an address, which is resolved to a record where one carries it.</summary>
public sealed record DraftRecipient
{
    private DraftRecipient(RecordReference? record, string? address)
    {
        Record = record;
        Address = address;
    }

    /// <summary>Gets the record; null when only an address is known.</summary>
    public RecordReference? Record { get; }

    /// <summary>Gets the address; null for the record's first one.</summary>
    public string? Address { get; }

    /// <summary>Makes a recipient of a record.</summary>
    /// <param name="record">The record.</param>
    /// <returns>The recipient.</returns>
    public static implicit operator DraftRecipient(RecordReference record) => FromRecord(record);

    /// <summary>Makes a recipient of an address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The recipient.</returns>
    public static implicit operator DraftRecipient(string address) => FromAddress(address);

    /// <summary>Makes a recipient of a record.</summary>
    /// <param name="record">The record.</param>
    /// <param name="address">Which of its addresses to use; null for the first.</param>
    /// <returns>The recipient.</returns>
    public static DraftRecipient FromRecord(RecordReference record, string? address = null)
    {
        ArgumentNullException.ThrowIfNull(record);
        return new DraftRecipient(record, address);
    }

    /// <summary>Makes a recipient of an address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The recipient.</returns>
    public static DraftRecipient FromAddress(string address)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(address);
        return new DraftRecipient(null, address.Trim());
    }
}

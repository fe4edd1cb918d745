namespace EmailRouter.Crm.Tests;

/// <summary>What the contract tests need of an organization beside the record store: a way to fill it and to look into it.</summary>
public abstract class RecordStoreWorld : IAsyncDisposable
{
    public abstract IRecordStore Store { get; }

    public abstract DateTimeOffset Now { get; }

    /// <summary>Gets a value indicating whether it can be seen in the store why an email failed.</summary>
    public virtual bool KeepsFailureReasons => true;

    /// <summary>Gets a value indicating whether it can be seen in the store why an email is to be sent again later.</summary>
    public virtual bool KeepsReasonsOfRetries => KeepsFailureReasons;

    /// <summary>Gets a value indicating whether the store has a column for the conversation's id.</summary>
    public virtual bool KeepsConversationIds => true;

    /// <summary>Gets a value indicating whether an email and its sender's record are created together or not at all.</summary>
    public virtual bool CreatesTogether => true;

    /// <summary>Gets a value indicating whether the organization has the router's own switch for tracking tokens.</summary>
    public virtual bool HasTokenSwitch => true;

    public abstract void Advance(TimeSpan time);

    public abstract Task SetAsync(string setting, object? value);

    /// <summary>Adds an approved, active user whose outgoing email goes through the router.</summary>
    public abstract Task<RecordReference> AddUserAsync(string name, string? address);

    public abstract Task<RecordReference> AddQueueAsync(string name, string? address, RecordReference owner);

    public abstract Task<RecordReference> AddRecordAsync(string table, string name, params (string Column, object? Value)[] attributes);

    public abstract Task UpdateAsync(RecordReference record, params (string Column, object? Value)[] attributes);

    /// <summary>Adds an email that is pending from now on.</summary>
    public abstract Task<Guid> AddPendingAsync(PendingSeed seed);

    public Task<Guid> AddPendingAsync(RecordReference from, RecordReference to, string subject, EmailPriority priority = EmailPriority.Normal) =>
        AddPendingAsync(new PendingSeed(from, [to], subject) { Priority = priority });

    public abstract Task<StoredState> GetAsync(Guid activityId);

    public abstract ValueTask DisposeAsync();
}

/// <summary>An email to make pending.</summary>
public sealed record PendingSeed(RecordReference From, IReadOnlyList<RecordReference> To, string Subject)
{
    public EmailPriority Priority { get; init; } = EmailPriority.Normal;

    public DateTimeOffset? NotBefore { get; init; }

    public IReadOnlyList<EmailAttachment> Attachments { get; init; } = [];
}

/// <summary>The columns of an email the contract tests look at.</summary>
public sealed record StoredState(
    EmailState State,
    EmailStatus Status,
    string Subject,
    string? MessageId,
    string? TrackingToken,
    int DeliveryAttempts,
    DateTimeOffset? SentOn,
    string? FailureReason,
    IReadOnlyList<ActivityParty> Parties,
    IReadOnlyList<(string Name, byte[] Content)> Attachments,
    IReadOnlyList<Guid> Queues);

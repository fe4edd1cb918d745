namespace EmailRouter.Routing.Incoming;

/// <summary>What one poll of a mailbox did.</summary>
public sealed record PollResult
{
    /// <summary>Gets the deployment's name.</summary>
    public required string Deployment { get; init; }

    /// <summary>Gets the mailbox's address.</summary>
    public required string Mailbox { get; init; }

    /// <summary>Gets how it ended.</summary>
    public required PollStatus Status { get; init; }

    /// <summary>Gets a value indicating whether nothing was changed because that was asked for.</summary>
    public bool IsDryRun { get; init; }

    /// <summary>Gets how many messages the server listed.</summary>
    public int Listed { get; init; }

    /// <summary>Gets how many of them were new.</summary>
    public int New { get; init; }

    /// <summary>Gets how many became email activities.</summary>
    public int Promoted { get; init; }

    /// <summary>Gets how many were there already.</summary>
    public int Duplicate { get; init; }

    /// <summary>Gets how many were left alone.</summary>
    public int NotTracked { get; init; }

    /// <summary>Gets how many failed and will be tried again.</summary>
    public int Deferred { get; init; }

    /// <summary>Gets how many were set aside.</summary>
    public int Quarantined { get; init; }

    /// <summary>Gets how many messages of a forward mailbox were left for a person.</summary>
    public int Undeliverable { get; init; }

    /// <summary>Gets how many bytes of mail were fetched.</summary>
    public long Bytes { get; init; }

    /// <summary>Gets how long it took.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Gets the error that ended the poll early; null when none did.</summary>
    public RouterError? Error { get; init; }

    /// <summary>Gets the decision about each message that was handled, in the order of the mailbox.</summary>
    public IReadOnlyList<Decision> Decisions { get; init; } = [];
}

/// <summary>How a poll ended.</summary>
public enum PollStatus
{
    /// <summary>Everything new was handled.</summary>
    Completed,

    /// <summary>More new messages wait; the limit of messages or of time was reached.</summary>
    Incomplete,

    /// <summary>An error ended it; what was done stays done, the rest follows in the next poll.</summary>
    Failed,

    /// <summary>Another router is polling this mailbox.</summary>
    Busy,
}

namespace EmailRouter.Routing.Incoming;

/// <summary>How one poll of a mailbox is to go.</summary>
public sealed record PollOptions
{
    /// <summary>Gets the greatest number of new messages to handle; null for the configured number.</summary>
    public int? MaxMessages { get; init; }

    /// <summary>Gets the time after which no further messages are begun; null for none. The rest follows in the next poll.</summary>
    public TimeSpan? MaxDuration { get; init; }

    /// <summary>Gets a value indicating whether to read, decide and explain only, and change nothing anywhere.</summary>
    public bool DryRun { get; init; }

    /// <summary>Gets who is told how far the poll is; called from any thread.</summary>
    public IProgress<PollProgress>? Progress { get; init; }

    /// <summary>Gets who watches the protocol lines, secrets masked; called from any thread.</summary>
    public IProgress<string>? ProtocolLog { get; init; }
}

/// <summary>How far a poll is.</summary>
/// <param name="Mailbox">The mailbox's address.</param>
/// <param name="Done">How many messages are done.</param>
/// <param name="Total">How many are to be done.</param>
public sealed record PollProgress(string Mailbox, int Done, int Total);

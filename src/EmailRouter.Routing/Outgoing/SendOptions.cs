namespace EmailRouter.Routing.Outgoing;

/// <summary>Which pending emails to send and how.</summary>
public sealed record SendOptions
{
    /// <summary>Gets the emails to send; null for all that are pending.</summary>
    public IReadOnlyCollection<Guid>? ActivityIds { get; init; }

    /// <summary>Gets the users and queues whose emails are sent; null for all.</summary>
    public IReadOnlyCollection<Guid>? Senders { get; init; }

    /// <summary>Gets the greatest number of emails to send; null for no limit.</summary>
    public int? MaxMessages { get; init; }

    /// <summary>Gets the time after which no further emails are begun; null for none.</summary>
    public TimeSpan? MaxDuration { get; init; }

    /// <summary>
    /// Gets how many emails are on their way at once. Defaults to 16, twice what a profile has connections by default: those beyond wait for one, and SMTP
    /// announces the first of them behind the message before it, which saves an answer to wait for.
    /// </summary>
    public int ThrottleLimit { get; init; } = 16;

    /// <summary>
    /// Gets a value indicating whether emails whose outcome is unknown are sent again with the same Message-ID, because a person has decided so.
    /// Only together with <see cref="ActivityIds"/>.
    /// </summary>
    public bool SendAgainWhenUncertain { get; init; }

    /// <summary>Gets a value indicating whether to tell only what would be sent, and change nothing.</summary>
    public bool DryRun { get; init; }

    /// <summary>Gets who is told each decision as it is taken; called from any thread.</summary>
    public IProgress<Decision>? Decisions { get; init; }

    /// <summary>Gets who watches the protocol lines, secrets masked; called from any thread.</summary>
    public IProgress<string>? ProtocolLog { get; init; }
}

/// <summary>What sending the pending emails of a deployment did.</summary>
public sealed record SendResult
{
    /// <summary>Gets the deployment's name.</summary>
    public required string Deployment { get; init; }

    /// <summary>Gets a value indicating whether nothing was changed because that was asked for.</summary>
    public bool IsDryRun { get; init; }

    /// <summary>Gets how many emails were claimed.</summary>
    public int Claimed { get; init; }

    /// <summary>Gets how many were sent.</summary>
    public int Sent { get; init; }

    /// <summary>Gets how many will be tried again.</summary>
    public int Deferred { get; init; }

    /// <summary>Gets how many failed for good.</summary>
    public int Failed { get; init; }

    /// <summary>Gets how many have an unknown outcome.</summary>
    public int Uncertain { get; init; }

    /// <summary>Gets how long it took.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Gets the errors of mail servers and the CRM that held emails up without being their fault.</summary>
    public IReadOnlyList<RouterError> Errors { get; init; } = [];

    /// <summary>Gets the decision about each email.</summary>
    public IReadOnlyList<Decision> Decisions { get; init; } = [];
}

namespace EmailRouter.Crm;

/// <summary>Which email activities to find. What is null does not filter.</summary>
public sealed record EmailFilter
{
    /// <summary>Gets the statuses to find.</summary>
    public IReadOnlyCollection<EmailStatus>? Statuses { get; init; }

    /// <summary>Gets the direction.</summary>
    public bool? IsOutgoing { get; init; }

    /// <summary>Gets the earliest <c>createdon</c>.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Gets a pattern for the subject with the wildcards * and ?, without regard to case.</summary>
    public string? Subject { get; init; }

    /// <summary>Gets the Message-ID.</summary>
    public string? MessageId { get; init; }

    /// <summary>Gets the tracking token, without regard to case.</summary>
    public string? TrackingToken { get; init; }

    /// <summary>Gets an address of any party, without regard to case.</summary>
    public string? Address { get; init; }

    /// <summary>Gets the record it is regarding.</summary>
    public Guid? RegardingId { get; init; }

    /// <summary>Gets a queue that has a queue item for it.</summary>
    public Guid? QueueId { get; init; }

    /// <summary>Gets the user or queue that sends it, or the record it came from.</summary>
    public Guid? SenderId { get; init; }

    /// <summary>Gets the owner.</summary>
    public Guid? OwnerId { get; init; }

    /// <summary>Gets the greatest number of emails; null for all.</summary>
    public int? Top { get; init; }
}

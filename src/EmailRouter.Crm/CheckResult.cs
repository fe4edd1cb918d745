namespace EmailRouter.Crm;

/// <summary>Whether an email is to be promoted, why, and what was looked at on the way.</summary>
/// <remarks>An engine that has more to say to its own delivery derives from this record.</remarks>
/// <param name="Reason">The reason code.</param>
/// <param name="Evidence">What each rule looked at and said, in order.</param>
public record CheckResult(CheckReason Reason, IReadOnlyList<Evidence> Evidence)
{
    /// <summary>Gets a value indicating whether the email is to be promoted.</summary>
    public virtual bool ShouldDeliver => Reason is CheckReason.CorrelationMatch or CheckReason.SenderMatch or CheckReason.AcceptAll;

    /// <summary>Gets the activity that already holds the email when <see cref="Reason"/> is <see cref="CheckReason.Duplicate"/>; otherwise null.</summary>
    public Guid? ExistingActivityId { get; init; }
}

/// <summary>The reason codes of CheckIncomingEmail.</summary>
public enum CheckReason
{
    /// <summary>Unknown; treated as an error.</summary>
    Unknown = -1,

    /// <summary>The email is already there.</summary>
    Duplicate = 0,

    /// <summary>Only responses are promoted, and it is none.</summary>
    NoCorrelationMatch = 1,

    /// <summary>It is a response to a CRM email.</summary>
    CorrelationMatch = 2,

    /// <summary>No recipient is a user or queue that accepts it.</summary>
    NoRecipientMatch = 3,

    /// <summary>Both ends are CRM users, and the organization ignores internal email.</summary>
    InternalEmailReject = 4,

    /// <summary>The sender is a known record.</summary>
    SenderMatch = 5,

    /// <summary>Everything is promoted.</summary>
    AcceptAll = 6,

    /// <summary>The sender's address is missing or malformed.</summary>
    InvalidSender = 7,
}

/// <summary>What one rule looked at and said.</summary>
/// <param name="Rule">The rule's stable name, e.g. <c>Correlation.InReplyTo</c>.</param>
/// <param name="Verdict">What it said.</param>
/// <param name="Text">What it looked at, in words.</param>
public sealed record Evidence(string Rule, EvidenceVerdict Verdict, string Text);

/// <summary>What a rule can say.</summary>
public enum EvidenceVerdict
{
    /// <summary>It only notes a fact.</summary>
    Note,

    /// <summary>It speaks for promoting.</summary>
    Match,

    /// <summary>It found nothing that speaks for promoting.</summary>
    NoMatch,

    /// <summary>It forbids promoting.</summary>
    Reject,

    /// <summary>It was not asked.</summary>
    Skipped,
}

/// <summary>What promoting an email made.</summary>
/// <param name="ActivityId">The email activity.</param>
/// <param name="Created">True when this call created it; false when it existed before.</param>
/// <param name="Evidence">What was resolved, created and left out, in order.</param>
public sealed record DeliverResult(Guid ActivityId, bool Created, IReadOnlyList<Evidence> Evidence);

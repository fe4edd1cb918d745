using EmailRouter.Crm;
using EmailRouter.Routing.Tracking.Correlation;

namespace EmailRouter.Routing.Tracking;

/// <summary>What promoting an accepted email is to write. It follows wholly from the check, so that the check shows what the promotion does.</summary>
public sealed record PromotionPlan
{
    /// <summary>Gets the user or queue whose filter accepted the email.</summary>
    public required CrmMailbox AcceptingMailbox { get; init; }

    /// <summary>Gets which stored email it responds to, and how that is known.</summary>
    public required CorrelationResult Correlation { get; init; }

    /// <summary>Gets the sender and the recipients, resolved or not, in order.</summary>
    public required IReadOnlyList<ActivityParty> Parties { get; init; }

    /// <summary>Gets the sender's record; null when unresolved.</summary>
    public RecordReference? Sender { get; init; }

    /// <summary>Gets a value indicating whether the sender is unresolved because several records have its address.</summary>
    public bool IsDuplicateSenderUnresolved { get; init; }

    /// <summary>Gets the contact or lead to create for the unknown sender; null for none.</summary>
    public NewSenderRecord? SenderRecord { get; init; }

    /// <summary>Gets the user who is to own the activity.</summary>
    public required Guid OwnerId { get; init; }

    /// <summary>Gets the record that the activity is regarding: that of the correlated email.</summary>
    public RecordReference? Regarding { get; init; }

    /// <summary>Gets the email activity it answers (<c>parentactivityid</c>); set when it was correlated by headers.</summary>
    public Guid? ParentActivityId { get; init; }

    /// <summary>Gets a value indicating whether the subject is another than that of the correlated email, prefixes and token aside.</summary>
    public bool CorrelatedSubjectChanged { get; init; }

    /// <summary>Gets the queues to make queue items in.</summary>
    public IReadOnlyList<Guid> QueueIds { get; init; } = [];
}

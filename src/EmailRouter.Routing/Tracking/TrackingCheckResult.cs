using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking;

/// <summary>The decision of the router's own engine, with the plan of the promotion.</summary>
/// <param name="ActivityId">The id of the activity that the checked email is to become (<see cref="IncomingEmail.ActivityId"/>).</param>
/// <param name="Reason">The reason code.</param>
/// <param name="Evidence">What each rule looked at and said, in order; the names of the rules are in <see cref="TrackingRules"/>.</param>
public sealed record TrackingCheckResult(Guid ActivityId, CheckReason Reason, IReadOnlyList<Evidence> Evidence) : CheckResult(Reason, Evidence)
{
    /// <summary>Gets what promoting the email writes; null when it is not promoted.</summary>
    public PromotionPlan? Plan { get; init; }

    /// <summary>
    /// Gets the queues that get a further queue item when the email is tracked already (<see cref="OrganizationSettings.AddQueueItemsForTrackedEmail"/>).
    /// </summary>
    public IReadOnlyList<Guid> LateQueueIds { get; init; } = [];

    /// <summary>
    /// Gets a value indicating whether there is something to deliver: an email to promote or, with reason <see cref="CheckReason.Duplicate"/>, a queue item to
    /// add to the activity that holds it.
    /// </summary>
    public override bool ShouldDeliver => base.ShouldDeliver || (Reason == CheckReason.Duplicate && LateQueueIds.Count > 0);
}

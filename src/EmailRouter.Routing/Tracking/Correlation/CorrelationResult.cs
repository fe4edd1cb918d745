using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking.Correlation;

/// <summary>Which stored email an email responds to, and how that is known.</summary>
/// <param name="Method">The method (<c>email.correlationmethod</c>).</param>
/// <param name="Step">The step that matched; null when none did.</param>
/// <param name="Email">The stored email; null when none did.</param>
public sealed record CorrelationResult(CorrelationMethod Method, CorrelationStep? Step = null, StoredEmail? Email = null)
{
    /// <summary>Gets the tracking token that led to the stored email; null when it was something else.</summary>
    public string? TrackingToken { get; init; }
}

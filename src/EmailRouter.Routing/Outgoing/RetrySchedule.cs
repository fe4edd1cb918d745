using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Outgoing;

/// <summary>When a pending email is tried again: the wait doubles with each attempt, spread a little so that a thousand emails do not come back at once.</summary>
/// <param name="options">First and longest wait.</param>
/// <param name="clock">The clock.</param>
/// <param name="random">Randomness, from 0 up to 1.</param>
public sealed class RetrySchedule(RoutingOptions options, TimeProvider clock, Func<double> random)
{
    /// <summary>Computes the next time.</summary>
    /// <param name="attempts">How many attempts were made, at least 1.</param>
    /// <param name="retryAfter">How long the server asks to wait; it is honoured when longer than the schedule.</param>
    /// <returns>When the email may be claimed again.</returns>
    public DateTimeOffset Next(int attempts, TimeSpan? retryAfter)
    {
        double doubled = options.RetryDelay.TotalSeconds * Math.Pow(2, Math.Clamp(attempts, 1, 30) - 1);
        double seconds = Math.Min(doubled, options.MaxRetryDelay.TotalSeconds) * (0.9 + (0.2 * random()));
        return clock.GetUtcNow() + TimeSpan.FromSeconds(Math.Max(seconds, retryAfter?.TotalSeconds ?? 0));
    }
}

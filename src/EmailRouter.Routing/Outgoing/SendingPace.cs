using EmailRouter.Mail;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Outgoing;

/// <summary>
/// Keeps a profile within what its server allows a sender: messages in a minute, counted in this process, and recipients in a day, counted in the state over all runs,
/// deployments and routers.
/// </summary>
/// <param name="profile">The profile's name.</param>
/// <param name="messagesPerMinute">The most messages within any minute; null for no limit.</param>
/// <param name="recipientsPerDay">The most recipients within any 24 hours; null for no limit.</param>
/// <param name="clock">The clock.</param>
public sealed class SendingPace(string profile, int? messagesPerMinute, int? recipientsPerDay, TimeProvider clock)
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    private readonly object gate = new();
    private readonly Queue<DateTimeOffset> messages = new();

    /// <summary>Waits for the turn of a message, and counts it.</summary>
    /// <param name="count">How many recipients it has.</param>
    /// <param name="state">Where the day's recipients are counted.</param>
    /// <param name="cancellationToken">Stops the waiting; nothing is counted then.</param>
    /// <returns>A task that ends when the message may go.</returns>
    /// <exception cref="MailCommandException"><c>MailSenderQuotaReached</c>: the day's recipients are used up; it says when there is room again.</exception>
    /// <exception cref="RouterException">The state cannot be used.</exception>
    public async ValueTask WaitAsync(int count, IRouterState state, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(state);
        while (TakeTurn() is { } wait)
            await Task.Delay(wait, clock, cancellationToken).ConfigureAwait(false);
        if (recipientsPerDay is not { } limit)
            return;
        DateTimeOffset now = clock.GetUtcNow();
        TallyResult result = await state.CountAsync(new Tally($"recipients\n{profile.ToLowerInvariant()}", count, now), limit, Day, cancellationToken).ConfigureAwait(false);
        if (!result.IsWithinLimit)
            throw QuotaReached(count, result, now);
    }

    /// <summary>Takes the turn, or says how long to wait for it.</summary>
    private TimeSpan? TakeTurn()
    {
        if (messagesPerMinute is null)
            return null;
        lock (gate)
        {
            DateTimeOffset now = clock.GetUtcNow();
            while (messages.TryPeek(out DateTimeOffset oldest) && now - oldest >= Minute)
                messages.Dequeue();
            if (messages.Count >= messagesPerMinute)
                return messages.Peek() + Minute - now;
            messages.Enqueue(now);
            return null;
        }
    }

    private MailCommandException QuotaReached(int count, TallyResult result, DateTimeOffset now) => new(
        "MailSenderQuotaReached",
        MailStep.Send,
        $"The profile {profile} may reach {recipientsPerDay} recipients in 24 hours; {result.Total} are used and {count} more are wanted.",
        result.RoomOn is null
            ? "The message has more recipients than a whole day allows: raise the limit, or send it to fewer."
            : "It waits until there is room again; raise the limit if the server allows more.")
    {
        IsTransient = result.RoomOn is not null,
        RetryAfter = result.RoomOn - now,
    };
}

using EmailRouter.Mail;

namespace EmailRouter.Routing.Outgoing;

/// <summary>
/// Keeps a profile within what its server allows a sender: messages in a minute, recipients in a day. Counted in this process, over all runs and deployments.
/// </summary>
/// <param name="profile">The profile's name, for messages.</param>
/// <param name="messagesPerMinute">The most messages within any minute; null for no limit.</param>
/// <param name="recipientsPerDay">The most recipients within any 24 hours; null for no limit.</param>
/// <param name="clock">The clock.</param>
public sealed class SendingPace(string profile, int? messagesPerMinute, int? recipientsPerDay, TimeProvider clock)
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    private readonly object gate = new();
    private readonly Queue<DateTimeOffset> messages = new();
    private readonly Queue<(DateTimeOffset On, int Count)> recipients = new();
    private int today;

    /// <summary>Waits for the turn of a message, and counts it.</summary>
    /// <param name="count">How many recipients it has.</param>
    /// <param name="cancellationToken">Stops the waiting; nothing is counted then.</param>
    /// <returns>A task that ends when the message may go.</returns>
    /// <exception cref="MailCommandException"><c>MailSenderQuotaReached</c>: the day's recipients are used up; it says when there is room again.</exception>
    public async ValueTask WaitAsync(int count, CancellationToken cancellationToken)
    {
        while (TakeTurn(count) is { } wait)
            await Task.Delay(wait, clock, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Takes the turn, or says how long to wait for it.</summary>
    private TimeSpan? TakeTurn(int count)
    {
        lock (gate)
        {
            DateTimeOffset now = clock.GetUtcNow();
            while (messages.TryPeek(out DateTimeOffset oldest) && now - oldest >= Minute)
                messages.Dequeue();
            while (recipients.TryPeek(out (DateTimeOffset On, int Count) past) && now - past.On >= Day)
                today -= recipients.Dequeue().Count;
            if (today + count > recipientsPerDay)
                throw QuotaReached(count, now);
            if (messages.Count >= messagesPerMinute)
                return messages.Peek() + Minute - now;
            messages.Enqueue(now);
            recipients.Enqueue((now, count));
            today += count;
            return null;
        }
    }

    private MailCommandException QuotaReached(int count, DateTimeOffset now)
    {
        TimeSpan? wait = null;
        int left = today;
        foreach ((DateTimeOffset on, int past) in recipients)
        {
            left -= past;
            if (left + count > recipientsPerDay)
                continue;
            wait = on + Day - now;
            break;
        }

        return new MailCommandException(
            "MailSenderQuotaReached",
            MailStep.Send,
            $"The profile {profile} may reach {recipientsPerDay} recipients in 24 hours; {today} are used and {count} more are wanted.",
            wait is null
                ? "The message has more recipients than a whole day allows: raise the limit, or send it to fewer."
                : "It waits until there is room again; raise the limit if the server allows more.")
        {
            IsTransient = wait is not null,
            RetryAfter = wait,
        };
    }
}

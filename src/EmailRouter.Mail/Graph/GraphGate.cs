using EmailRouter.Shared.Http;

namespace EmailRouter.Mail.Graph;

/// <summary>
/// The way to one mailbox, shared by all sessions and senders of the process: Graph allows an application four requests at once for a mailbox, and wants to
/// be left alone by all of them when it says so ("Microsoft Graph service-specific throttling limits"; "throttling guidance").
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Design", "CA1001:Types that own disposable fields should be disposable", Justification = "It lives as long as the process, and its semaphore has no wait handle unless asked for one.")]
internal sealed class GraphGate
{
    /// <summary>How many requests are under way at once; one less than allowed, since the service counts a request a little longer than the caller.</summary>
    public const int Slots = 3;

    /// <summary>The longest wait the router chooses itself; the service may ask for more.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);

    /// <summary>How long to wait for a slot: three downloads of 150 MB over a slow line fit in.</summary>
    public static readonly TimeSpan SlotDeadline = TimeSpan.FromMinutes(15);

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ShortestPause = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim slots = new(Slots, Slots);
    private readonly object sync = new();
    private DateTimeOffset notBefore;
    private int strikes;
    private int wave;

    /// <summary>Gets the wave of requests that is under way: it ends when the service wants to be left alone.</summary>
    public int Wave
    {
        get
        {
            lock (sync)
                return wave;
        }
    }

    /// <summary>Says how long the mailbox is to be left alone.</summary>
    /// <param name="clock">The clock.</param>
    /// <returns>The wait; zero when there is none.</returns>
    public TimeSpan Pause(TimeProvider clock)
    {
        lock (sync)
        {
            TimeSpan pause = notBefore - clock.GetUtcNow();
            return pause > TimeSpan.Zero ? pause : TimeSpan.Zero;
        }
    }

    /// <summary>Takes a slot. Who has one calls <see cref="Leave"/>.</summary>
    /// <param name="clock">The clock.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>The wave of requests this one belongs to, or null when no slot came free in time.</returns>
    public async ValueTask<int?> EnterAsync(TimeProvider clock, CancellationToken cancellationToken)
    {
        if (!slots.Wait(0, CancellationToken.None))
        {
            using var deadline = new CancellationTokenSource(SlotDeadline, clock);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
            try
            {
                await slots.WaitAsync(either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                cancellationToken.ThrowIfCancellationRequested();
                return null;
            }
        }

        return Wave;
    }

    /// <summary>Gives the slot back.</summary>
    public void Leave() => slots.Release();

    /// <summary>Notes that the service answered.</summary>
    /// <param name="of">The wave of the request.</param>
    public void Answered(int of)
    {
        lock (sync)
        {
            if (of == wave)
                strikes = 0;
        }
    }

    /// <summary>
    /// Notes that the service wants to be left alone. Its own time holds and is doubled each time it was not enough; where it names none the wait grows from
    /// two seconds. Requests that were under way together count once.
    /// </summary>
    /// <param name="of">The wave of the request.</param>
    /// <param name="retryAfter">What the service asks; null when it does not say.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="random">From 0 up to 1.</param>
    /// <returns>How long to wait.</returns>
    public TimeSpan Refused(int of, TimeSpan? retryAfter, TimeProvider clock, Func<double> random)
    {
        lock (sync)
        {
            if (of == wave)
            {
                strikes++;
                wave++;
            }

            double factor = Math.Pow(2, Math.Clamp(strikes - 1, 0, 16));
            TimeSpan pause;
            if (retryAfter is { } asked)
            {
                asked = asked < ShortestPause ? ShortestPause : asked;
                pause = Longer(asked, Shorter(asked * factor, LongestPause));
            }
            else
            {
                pause = Shorter(FirstPause * factor * (0.75 + (random() / 2)), LongestPause);
            }

            pause = RetryAfter.Limit(pause);
            DateTimeOffset until = clock.GetUtcNow() + pause;
            if (until > notBefore)
                notBefore = until;
            return notBefore - clock.GetUtcNow();
        }
    }

    private static TimeSpan Shorter(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static TimeSpan Longer(TimeSpan a, TimeSpan b) => a > b ? a : b;
}

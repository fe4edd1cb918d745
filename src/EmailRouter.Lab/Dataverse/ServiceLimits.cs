using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.OData;

namespace EmailRouter.Lab.Dataverse;

/// <summary>
/// The limits by which the service protects itself ("Service protection API limits"): how many requests a user makes and how long they take together, within
/// any 300 seconds, and how many run at once.
/// </summary>
/// <param name="policy">The limits.</param>
/// <param name="clock">The clock.</param>
internal sealed class ServiceLimits(LabDataversePolicy policy, TimeProvider clock)
{
    private static readonly TimeSpan window = TimeSpan.FromSeconds(300);

    private readonly ConcurrentDictionary<Guid, List<Use>> uses = new();

    /// <summary>Gets what the service says of a user who makes too many requests.</summary>
    public string TooMany => $"Number of requests exceeded the limit of {policy.RequestLimit ?? 6000} over time window of 300 seconds.";

    /// <summary>Lets a request in.</summary>
    /// <param name="userId">Whose it is.</param>
    /// <param name="running">How many of the user's requests run, with this one.</param>
    /// <returns>The request; disposing it ends it.</returns>
    /// <exception cref="ODataException">A limit is reached.</exception>
    public Entry Enter(Guid userId, int running)
    {
        if (policy.ConcurrentLimit is { } concurrent && running > concurrent)
            throw Refuse("0x80072326", $"Number of concurrent requests exceeded the limit of {concurrent}.", TimeSpan.FromSeconds(5));
        if (policy is { RequestLimit: null, TimeLimit: null })
            return new Entry(policy, clock, [], null);
        List<Use> own = uses.GetOrAdd(userId, static _ => []);
        lock (own)
        {
            DateTimeOffset now = clock.GetUtcNow();
            own.RemoveAll(u => u.At <= now - window);
            if (policy.RequestLimit is { } limit && own.Count >= limit)
                throw Refuse("0x80072322", TooMany, own[0].At + window - now);
            if (policy.TimeLimit is { } time && Spent(own) > time)
            {
                throw Refuse(
                    "0x80072321",
                    string.Create(CultureInfo.InvariantCulture, $"Combined execution time of incoming requests exceeded limit of {time.TotalMilliseconds:0} ") +
                    "milliseconds over time window of 300 seconds. Decrease number of concurrent requests or reduce the duration of requests and try again later.",
                    own[0].At + window - now);
            }

            var use = new Use(now);
            own.Add(use);
            return new Entry(policy, clock, own, use);
        }
    }

    private static TimeSpan Spent(List<Use> own) => own.Aggregate(TimeSpan.Zero, (sum, use) => sum + use.Took);

    private static ODataException Refuse(string code, string message, TimeSpan wait) => new((HttpStatusCode)429, code, message) { RetryAfter = wait };

    /// <summary>A request that was let in.</summary>
    public sealed class Entry(LabDataversePolicy policy, TimeProvider clock, List<Use> own, Use? use) : IDisposable
    {
        private readonly long began = clock.GetTimestamp();

        /// <summary>Tells in an answer how much is left, where there are limits.</summary>
        public LabHttpAnswer Tell(LabHttpAnswer answer)
        {
            lock (own)
            {
                if (policy.RequestLimit is { } limit)
                    answer = answer.With("x-ms-ratelimit-burst-remaining-xrm-requests", Math.Max(0, limit - own.Count).ToString(CultureInfo.InvariantCulture));
                if (policy.TimeLimit is { } time)
                {
                    double left = Math.Max(0, (time - Spent(own)).TotalSeconds);
                    answer = answer.With("x-ms-ratelimit-time-remaining-xrm-requests", left.ToString("0.00", CultureInfo.InvariantCulture));
                }

                return answer;
            }
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            if (use is null)
                return;
            lock (own)
                use.Took = clock.GetElapsedTime(began);
        }
    }

    /// <summary>What one request used.</summary>
    /// <param name="at">When it came.</param>
    public sealed class Use(DateTimeOffset at)
    {
        public DateTimeOffset At { get; } = at;

        public TimeSpan Took { get; set; }
    }
}

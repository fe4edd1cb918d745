using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Incoming;

/// <summary>Counts what a poll does while it does it.</summary>
internal sealed class PollTally(MailboxKey mailbox, bool dryRun, TimeProvider clock)
{
    private readonly long started = clock.GetTimestamp();
    private readonly List<Decision> decisions = [];
    private long bytes;
    private int fetched;

    public int Listed { get; set; }

    public int New { get; set; }

    public int Done => Volatile.Read(ref fetched);

    public TimeSpan Elapsed => clock.GetElapsedTime(started);

    public void CountFetched(int length)
    {
        bytes += length;
        Interlocked.Increment(ref fetched);
    }

    public void Add(IEnumerable<ProcessedMessage> processed) => decisions.AddRange(processed.Select(p => p.Decision));

    public PollResult Finish(PollStatus status, RouterError? error) => new()
    {
        Deployment = mailbox.Deployment,
        Mailbox = mailbox.Address,
        Status = status,
        IsDryRun = dryRun,
        Listed = Listed,
        New = New,
        Promoted = Count(DecisionAction.Promoted),
        Duplicate = Count(DecisionAction.Duplicate),
        NotTracked = Count(DecisionAction.NotTracked),
        Deferred = Count(DecisionAction.Deferred),
        Quarantined = Count(DecisionAction.Quarantined),
        Undeliverable = Count(DecisionAction.Undeliverable),
        Bytes = bytes,
        Elapsed = Elapsed,
        Error = error,
        Decisions = decisions,
    };

    private int Count(DecisionAction action) => decisions.Count(d => d.Action == action);
}

using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace EmailRouter.Routing.Outgoing;

/// <summary>What one run of sending has done so far; used by all senders at once.</summary>
internal sealed class SendRun(SendOptions send)
{
    private readonly ConcurrentQueue<Decision> decisions = new();
    private readonly ConcurrentDictionary<string, RouterError> broken = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, RouterError> errors = new(StringComparer.Ordinal);

    public int Claimed { get; set; }

    /// <summary>Gets the emails that were given back or held in this run; they are not claimed again before the next.</summary>
    public ConcurrentDictionary<Guid, bool> Released { get; } = new();

    /// <summary>How many more emails may be claimed, at most <paramref name="most"/>.</summary>
    public int Room(int most) => send.MaxMessages is { } max ? Math.Min(most, max - Claimed) : most;

    public bool IsBroken(SendRoute route, [NotNullWhen(true)] out RouterError? error) => broken.TryGetValue(route.Key, out error);

    public void Break(SendRoute route, RouterError error) => broken.TryAdd(route.Key, error);

    public void Note(RouterError error) => errors.TryAdd(error.ErrorId + error.Message, error);

    public void Add(Decision decision)
    {
        decisions.Enqueue(decision);
        send.Decisions?.Report(decision);
    }

    public SendResult Finish(string deployment, TimeSpan elapsed) => new()
    {
        Deployment = deployment,
        IsDryRun = send.DryRun,
        Claimed = Claimed,
        Sent = Count(DecisionAction.Sent),
        Deferred = Count(DecisionAction.Deferred),
        Failed = Count(DecisionAction.Failed),
        Uncertain = Count(DecisionAction.Uncertain),
        Elapsed = elapsed,
        Errors = [.. errors.Values],
        Decisions = [.. decisions],
    };

    private int Count(DecisionAction action) => decisions.Count(d => d.Action == action);
}

using System.Runtime.CompilerServices;
using EmailRouter.Crm;

namespace EmailRouter.Routing.Tests;

/// <summary>An organization that decides what a test tells it, and remembers what was delivered and completed.</summary>
internal sealed class ScriptedOrganization : IOrganization
{
    private readonly Lock gate = new();

    public OrganizationSettings Settings { get; set; } = new() { OrganizationId = new Guid("0a000000-0000-0000-0000-000000000001") };

    public Func<IncomingEmail, CheckReason> Check { get; set; } = _ => CheckReason.AcceptAll;

    /// <summary>Called before a delivery takes effect; throws to make it fail.</summary>
    public Action<IncomingEmail> BeforeDeliver { get; set; } = _ => { };

    /// <summary>Called after a delivery took effect; throws to lose the answer.</summary>
    public Action<IncomingEmail> AfterDeliver { get; set; } = _ => { };

    public List<IncomingEmail> Delivered { get; } = [];

    public Queue<PendingEmail> Pending { get; } = new();

    public List<(PendingEmail Email, SendOutcome Outcome)> Completed { get; } = [];

    public List<ClaimRequest> Claims { get; } = [];

    public List<BounceReport> Bounces { get; } = [];

    public Func<BounceReport, BounceResult> Bounce { get; set; } = _ => new BounceResult { Match = BounceMatch.None };

    public Action<SendOutcome> BeforeComplete { get; set; } = _ => { };

    /// <summary>What an answer to a completion waits for.</summary>
    public Task Completing { get; set; } = Task.CompletedTask;

    public ValueTask<OrganizationSettings> GetSettingsAsync(CancellationToken cancellationToken) => ValueTask.FromResult(Settings);

    public async IAsyncEnumerable<CrmMailbox> GetMailboxesAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        yield break;
    }

    public async ValueTask<CheckResult> CheckAsync(IncomingEmail email, CancellationToken cancellationToken)
    {
        await Task.Yield();
        CheckReason reason = Check(email);
        return new CheckResult(reason, [new Evidence("Scripted", EvidenceVerdict.Note, reason.ToString())]);
    }

    public async ValueTask<DeliverResult> DeliverAsync(IncomingEmail email, CheckResult check, CancellationToken cancellationToken)
    {
        await Task.Yield();
        BeforeDeliver(email);
        bool created;
        lock (gate)
        {
            created = !Delivered.Exists(d => d.ActivityId == email.ActivityId);
            if (created)
                Delivered.Add(email);
        }

        AfterDeliver(email);
        return new DeliverResult(email.ActivityId, created, []);
    }

    public ValueTask<IReadOnlyList<PendingEmail>> ClaimPendingAsync(ClaimRequest request, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            Claims.Add(request);
            var claimed = new List<PendingEmail>();
            int offered = Pending.Count;
            while (offered-- > 0 && claimed.Count < request.MaxCount)
            {
                PendingEmail next = Pending.Dequeue();
                bool takes = !request.ExceptActivityIds.Contains(next.ActivityId);
                if (takes)
                    claimed.Add(next);
                if (!takes || request.PeekOnly)
                    Pending.Enqueue(next);
            }

            return ValueTask.FromResult<IReadOnlyList<PendingEmail>>(claimed);
        }
    }

    public async ValueTask CompleteAsync(PendingEmail email, SendOutcome outcome, CancellationToken cancellationToken)
    {
        BeforeComplete(outcome);
        await Completing;
        lock (gate)
        {
            Completed.Add((email, outcome));
            if (outcome is SendOutcome.Released)
                Pending.Enqueue(email);
        }
    }

    public ValueTask<BounceResult> ReportBounceAsync(BounceReport report, CancellationToken cancellationToken)
    {
        Bounces.Add(report);
        return ValueTask.FromResult(Bounce(report));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

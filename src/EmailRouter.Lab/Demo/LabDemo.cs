using EmailRouter.Crm;
using EmailRouter.Lab.Seed;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.Outgoing;

namespace EmailRouter.Lab.Demo;

/// <summary>The demo: mail arrives, the router polls, the CRM's pending email is sent, the customers answer, the router polls again.</summary>
/// <param name="session">A lab that was just started.</param>
/// <param name="clock">The clock.</param>
public sealed class LabDemo(LabSession session, TimeProvider clock)
{
    private const int ThrottleLimit = 8;

    private readonly List<DeliveredSample> delivered = [];
    private readonly List<PollResult> polls = [];

    /// <summary>Runs the demo.</summary>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>What happened, held against what was expected.</returns>
    public async Task<DemoResult> RunAsync(CancellationToken cancellationToken)
    {
        long started = clock.GetTimestamp();
        var errors = new List<string>();
        await using Router router = await session.OpenRouterAsync(cancellationToken);

        await PollAsync(router, phase: 1, errors, cancellationToken);
        SendResult sending = await router.SendAsync(LabSession.Deployment, new SendOptions(), cancellationToken);
        errors.AddRange(sending.Errors.Select(e => $"Sending: {e.Message}"));
        await PollAsync(router, phase: 2, errors, cancellationToken);

        var outcomes = new List<DemoOutcome>();
        var judge = new OutcomeJudge(session.Crm);
        ILookup<string, Decision> decisions = polls.SelectMany(p => p.Decisions).ToLookup(d => d.MessageKey ?? string.Empty, StringComparer.Ordinal);
        foreach (int phase in (int[])[1, 2])
        {
            foreach (DeliveredSample sample in delivered.Where(d => d.Sample.Phase == phase))
                outcomes.Add(await judge.JudgeAsync(sample.Sample, [.. sample.Uidls.Values.SelectMany(u => decisions[u])], cancellationToken));
            if (phase == 2)
                break;
            foreach (SeedEmail email in SeedOrganization.Emails)
            {
                Guid id = LabSeed.IdOf("email", email.Key);
                outcomes.Add(await judge.JudgeAsync(email, [.. sending.Decisions.Where(d => d.ActivityId == id)], session.FindSent(email), cancellationToken));
            }
        }

        return new DemoResult
        {
            Mailboxes = Tabulate(sending),
            Outcomes = outcomes,
            Errors = errors,
            Elapsed = clock.GetElapsedTime(started),
        };
    }

    private async Task PollAsync(Router router, int phase, List<string> errors, CancellationToken cancellationToken)
    {
        delivered.AddRange(session.Deliver(phase));
        List<EffectiveMailbox> usable = [];
        await foreach (EffectiveMailbox mailbox in router.GetMailboxesAsync(LabSession.Deployment, cancellationToken))
        {
            if (mailbox.Incoming.IsUsable)
                usable.Add(mailbox);
        }

        await foreach (PollResult result in router.PollAsync(usable, new PollOptions(), ThrottleLimit, cancellationToken))
        {
            polls.Add(result);
            if (result.Status != PollStatus.Completed)
                errors.Add($"{result.Mailbox}: {result.Status}: {result.Error?.Message}");
        }
    }

    private List<DemoMailbox> Tabulate(SendResult sending)
    {
        var rows = SeedOrganization.Users.Select(u => (u.Address, u.Filter)).Concat(SeedOrganization.Queues.Select(q => (q.Address, q.Filter)));
        return [.. rows.Select(row => Tabulate(row.Address, row.Filter, sending))];
    }

    private DemoMailbox Tabulate(string address, FilteringMethod filter, SendResult sending)
    {
        PollResult[] own = [.. polls.Where(p => IsSame(p.Mailbox))];
        return new DemoMailbox
        {
            Address = address,
            Filter = filter.ToString(),
            Delivered = delivered.Sum(d => d.Uidls.Keys.Count(IsSame)),
            Promoted = own.Sum(p => p.Promoted),
            Duplicate = own.Sum(p => p.Duplicate),
            NotTracked = own.Sum(p => p.NotTracked),
            Troubled = own.Sum(p => p.Deferred + p.Quarantined),
            Sent = sending.Decisions.Count(d => IsSame(d.Mailbox) && d.Action == DecisionAction.Sent),
            Failed = sending.Decisions.Count(d => IsSame(d.Mailbox) && d.Action != DecisionAction.Sent),
        };

        bool IsSame(string other) => string.Equals(address, other, StringComparison.OrdinalIgnoreCase);
    }
}

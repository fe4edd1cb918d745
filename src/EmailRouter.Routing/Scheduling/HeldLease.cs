using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Scheduling;

/// <summary>A lease held by this process while it works on something. Renewed as the work goes on, given back at the end.</summary>
internal sealed class HeldLease : IAsyncDisposable
{
    private static readonly TimeSpan duration = TimeSpan.FromMinutes(2);

    private readonly IRouterState state;
    private readonly string name;
    private readonly string holder;
    private readonly TimeProvider clock;
    private DateTimeOffset renewAt;

    private HeldLease(IRouterState state, string name, string holder, TimeProvider clock)
    {
        this.state = state;
        this.name = name;
        this.holder = holder;
        this.clock = clock;
        renewAt = clock.GetUtcNow() + (duration / 3);
    }

    /// <summary>Takes a lease, also from a holder that is known to be gone.</summary>
    /// <returns>The lease; null when somebody else holds it.</returns>
    public static async ValueTask<HeldLease?> TryAcquireAsync(IRouterState state, string name, TimeProvider clock, CancellationToken cancellationToken)
    {
        string holder = RouterInstance.NewHolder();
        Lease lease = await state.AcquireLeaseAsync(name, holder, duration, cancellationToken).ConfigureAwait(false);
        if (!lease.IsHeld && RouterInstance.IsGone(lease.Holder))
        {
            await state.ReleaseLeaseAsync(name, lease.Holder, cancellationToken).ConfigureAwait(false);
            lease = await state.AcquireLeaseAsync(name, holder, duration, cancellationToken).ConfigureAwait(false);
        }

        return lease.IsHeld ? new HeldLease(state, name, holder, clock) : null;
    }

    /// <summary>Renews the lease when it is time.</summary>
    /// <exception cref="RouterException">The lease was lost.</exception>
    public async ValueTask KeepAsync(CancellationToken cancellationToken)
    {
        DateTimeOffset now = clock.GetUtcNow();
        if (now < renewAt)
            return;
        Lease lease = await state.AcquireLeaseAsync(name, holder, duration, cancellationToken).ConfigureAwait(false);
        if (!lease.IsHeld)
        {
            throw new RouterException(new RouterError(
                "RouterLeaseLost", "Lease", $"The lease \"{name}\" went to {lease.Holder} because this process did not renew it in time.", "Nothing: the other router goes on.", true));
        }

        renewAt = now + (duration / 3);
    }

    public ValueTask DisposeAsync() => state.ReleaseLeaseAsync(name, holder, CancellationToken.None);
}

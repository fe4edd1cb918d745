namespace EmailRouter.Crm.Tests.Dataverse;

/// <summary>A clock that skips short waits: asked to wait, it moves on and says so at once. Longer ones, deadlines, never come.</summary>
internal sealed class SkippingClock : TimeProvider
{
    private readonly object gate = new();
    private readonly List<TimeSpan> waits = [];
    private DateTimeOffset now = new(2026, 1, 31, 8, 0, 0, TimeSpan.Zero);

    /// <summary>Gets or sets how long a wait is skipped at most.</summary>
    public TimeSpan Longest { get; set; } = TimeSpan.FromSeconds(100);

    public IReadOnlyList<TimeSpan> Waits
    {
        get
        {
            lock (gate)
                return [.. waits];
        }
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (gate)
            return now;
    }

    public void Advance(TimeSpan time)
    {
        lock (gate)
            now += time;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime >= TimeSpan.Zero && dueTime <= Longest)
        {
            lock (gate)
            {
                now += dueTime;
                if (dueTime > TimeSpan.Zero)
                    waits.Add(dueTime);
            }

            ThreadPool.QueueUserWorkItem(_ => callback(state));
        }

        return new Never();
    }

    private sealed class Never : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

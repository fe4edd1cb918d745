namespace EmailRouter.Lab.Tests.EndToEnd;

/// <summary>
/// The system's clock, except that waits of up to half a minute (what a server asks for, what lies between two tries) are over at once and the clock is set forward
/// by them. Deadlines are longer and stay real.
/// </summary>
internal sealed class WaitSkippingClock : TimeProvider
{
    private static readonly TimeSpan longestWait = TimeSpan.FromSeconds(29);

    private long skipped;

    /// <summary>Gets how much was waited without waiting, and by how much a test set the clock forward.</summary>
    public TimeSpan Skipped => TimeSpan.FromTicks(Interlocked.Read(ref skipped));

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Skipped;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => GetUtcNow().UtcTicks;

    public void Advance(TimeSpan by) => Interlocked.Add(ref skipped, by.Ticks);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime <= TimeSpan.Zero || dueTime > longestWait || period != Timeout.InfiniteTimeSpan)
            return base.CreateTimer(callback, state, dueTime, period);
        Advance(dueTime);
        return base.CreateTimer(callback, state, TimeSpan.Zero, period);
    }
}

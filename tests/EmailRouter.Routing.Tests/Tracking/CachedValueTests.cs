using EmailRouter.Shared.Caching;

namespace EmailRouter.Routing.Tests.Tracking;

public sealed class CachedValueTests
{
    private readonly ManualClock clock = new();
    private int reads;

    [Fact]
    public async Task A_zero_limit_reads_every_time()
    {
        using CachedValue<string> cached = Over(TimeSpan.Zero);
        await cached.GetAsync(CancellationToken.None);

        Assert.Equal("2", await cached.GetAsync(CancellationToken.None));
    }

    [Fact]
    public async Task Readers_at_the_same_time_share_one_reading()
    {
        var answer = new TaskCompletionSource<string>();
        using var cached = new CachedValue<string>(clock, TimeSpan.FromMinutes(1), async _ =>
        {
            reads++;
            return await answer.Task;
        });
        Task<string>[] readers = [cached.GetAsync(CancellationToken.None).AsTask(), cached.GetAsync(CancellationToken.None).AsTask()];

        answer.SetResult("x");

        Assert.Equal(["x", "x"], await Task.WhenAll(readers));
        Assert.Equal(1, reads);
    }

    [Fact]
    public async Task A_failed_reading_leaves_what_was_known()
    {
        bool fails = false;
        using var cached = new CachedValue<string>(clock, TimeSpan.FromMinutes(1), _ => fails ? throw new IOException("no") : ValueTask.FromResult("known"));
        await cached.GetAsync(CancellationToken.None);
        fails = true;

        await Assert.ThrowsAsync<IOException>(async () => await cached.RefreshAsync(CancellationToken.None));
        Assert.Equal("known", await cached.GetAsync(CancellationToken.None));
        clock.Advance(TimeSpan.FromMinutes(1));
        await Assert.ThrowsAsync<IOException>(async () => await cached.GetAsync(CancellationToken.None));
    }

    private CachedValue<string> Over(TimeSpan maxAge) => new(clock, maxAge, _ => ValueTask.FromResult($"{++reads}"));
}

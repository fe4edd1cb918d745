using EmailRouter.Shared.Locks;

namespace EmailRouter.Routing.Tests.Tracking;

public sealed class MessageLocksTests
{
    private readonly MessageLocks locks = new();

    [Fact]
    public async Task The_second_of_one_message_waits_for_the_first()
    {
        IDisposable first = await locks.EnterAsync("<a>", CancellationToken.None);
        Task<IDisposable> second = locks.EnterAsync("<a>", CancellationToken.None).AsTask();
        Assert.False(second.IsCompleted);

        first.Dispose();

        (await second).Dispose();
    }

    [Fact]
    public async Task Different_messages_do_not_wait_for_each_other()
    {
        using IDisposable first = await locks.EnterAsync("<a>", CancellationToken.None);
        using IDisposable second = await locks.EnterAsync("<b>", CancellationToken.None);

        Assert.Equal(2, locks.Count);
    }

    [Fact]
    public async Task Nothing_is_kept_of_finished_messages()
    {
        using (await locks.EnterAsync("<a>", CancellationToken.None))
        {
            using var stop = new CancellationTokenSource();
            Task<IDisposable> waiting = locks.EnterAsync("<a>", stop.Token).AsTask();
            await stop.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        }

        Assert.Equal(0, locks.Count);
    }

    [Fact]
    public async Task Leaving_twice_lets_one_in()
    {
        IDisposable first = await locks.EnterAsync("<a>", CancellationToken.None);
        Task<IDisposable> second = locks.EnterAsync("<a>", CancellationToken.None).AsTask();
        Task<IDisposable> third = locks.EnterAsync("<a>", CancellationToken.None).AsTask();

        first.Dispose();
        first.Dispose();

        IDisposable holder = await second;
        Assert.False(third.IsCompleted);
        holder.Dispose();
        (await third).Dispose();
    }
}

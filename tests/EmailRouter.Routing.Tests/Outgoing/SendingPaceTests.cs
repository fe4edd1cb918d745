using EmailRouter.Mail;
using EmailRouter.Routing.Outgoing;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Tests.Outgoing;

public sealed class SendingPaceTests : IAsyncLifetime
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    private readonly ManualClock clock = new();
    private SqliteRouterState state = null!;

    public async Task InitializeAsync() => state = await SqliteRouterState.OpenAsync(":memory:", clock, default);

    public async Task DisposeAsync() => await state.DisposeAsync();

    [Fact]
    public async Task Within_any_minute_only_so_many_messages_go()
    {
        var pace = new SendingPace("Relay", 2, null, clock);
        await pace.WaitAsync(1, state, default);
        clock.Advance(TimeSpan.FromSeconds(20));
        await pace.WaitAsync(1, state, default);

        Task third = pace.WaitAsync(1, state, default).AsTask();
        clock.Advance(TimeSpan.FromSeconds(39));
        Assert.False(third.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(1));
        await third;

        Task fourth = pace.WaitAsync(1, state, default).AsTask();
        Assert.False(fourth.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(20));
        await fourth;
    }

    [Fact]
    public async Task The_days_recipients_end_and_come_back()
    {
        var pace = new SendingPace("Relay", null, 10, clock);
        await pace.WaitAsync(4, state, default);
        clock.Advance(TimeSpan.FromHours(1));
        await pace.WaitAsync(6, state, default);

        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(async () => await pace.WaitAsync(5, state, default));
        Assert.Equal("MailSenderQuotaReached", e.ErrorId);
        Assert.Equal(Day + TimeSpan.FromMinutes(1), e.RetryAfter);      // the day is kept by the minute
        Assert.Equal(Day - TimeSpan.FromMinutes(59), (await Assert.ThrowsAsync<MailCommandException>(async () => await pace.WaitAsync(4, state, default))).RetryAfter);
        Assert.True(e.IsTransient);

        clock.Advance(Day - TimeSpan.FromMinutes(59));
        await pace.WaitAsync(4, state, default);
    }

    [Fact]
    public async Task What_another_run_sent_counts_too()
    {
        await new SendingPace("Relay", null, 10, clock).WaitAsync(8, state, default);

        await Assert.ThrowsAsync<MailCommandException>(async () => await new SendingPace("RELAY", null, 10, clock).WaitAsync(3, state, default));
        await new SendingPace("Relay", null, 10, clock).WaitAsync(2, state, default);
        await new SendingPace("Other", null, 10, clock).WaitAsync(10, state, default);
    }

    [Fact]
    public async Task A_message_for_more_than_a_whole_day_says_so()
    {
        var pace = new SendingPace("Relay", null, 10, clock);

        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(async () => await pace.WaitAsync(11, state, default));

        Assert.False(e.IsTransient);
        Assert.Null(e.RetryAfter);
    }

    [Fact]
    public async Task Waiting_can_be_cancelled_and_counts_nothing()
    {
        var pace = new SendingPace("Relay", 1, null, clock);
        await pace.WaitAsync(1, state, default);
        using var stop = new CancellationTokenSource();

        Task second = pace.WaitAsync(1, state, stop.Token).AsTask();
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        clock.Advance(TimeSpan.FromMinutes(1));
        await pace.WaitAsync(1, state, default);
    }
}

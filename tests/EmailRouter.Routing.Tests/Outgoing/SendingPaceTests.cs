using EmailRouter.Mail;
using EmailRouter.Routing.Outgoing;

namespace EmailRouter.Routing.Tests.Outgoing;

public sealed class SendingPaceTests
{
    private readonly ManualClock clock = new();

    [Fact]
    public async Task Within_any_minute_only_so_many_messages_go()
    {
        var pace = new SendingPace("Relay", 2, null, clock);
        await pace.WaitAsync(1, default);
        clock.Advance(TimeSpan.FromSeconds(20));
        await pace.WaitAsync(1, default);

        Task third = pace.WaitAsync(1, default).AsTask();
        clock.Advance(TimeSpan.FromSeconds(39));
        Assert.False(third.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(1));
        await third;

        Task fourth = pace.WaitAsync(1, default).AsTask();
        Assert.False(fourth.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(20));
        await fourth;
    }

    [Fact]
    public async Task The_days_recipients_end_and_come_back()
    {
        var pace = new SendingPace("Relay", null, 10, clock);
        await pace.WaitAsync(4, default);
        clock.Advance(TimeSpan.FromHours(1));
        await pace.WaitAsync(6, default);

        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(async () => await pace.WaitAsync(5, default));
        Assert.Equal("MailSenderQuotaReached", e.ErrorId);
        Assert.Equal(TimeSpan.FromHours(24), e.RetryAfter);
        Assert.Equal(TimeSpan.FromHours(23), (await Assert.ThrowsAsync<MailCommandException>(async () => await pace.WaitAsync(4, default))).RetryAfter);
        Assert.True(e.IsTransient);

        clock.Advance(TimeSpan.FromHours(23));
        await pace.WaitAsync(4, default);
    }

    [Fact]
    public async Task A_message_for_more_than_a_whole_day_says_so()
    {
        var pace = new SendingPace("Relay", null, 10, clock);

        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(async () => await pace.WaitAsync(11, default));

        Assert.False(e.IsTransient);
        Assert.Null(e.RetryAfter);
    }

    [Fact]
    public async Task Waiting_can_be_cancelled_and_counts_nothing()
    {
        var pace = new SendingPace("Relay", 1, null, clock);
        await pace.WaitAsync(1, default);
        using var stop = new CancellationTokenSource();

        Task second = pace.WaitAsync(1, stop.Token).AsTask();
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        clock.Advance(TimeSpan.FromMinutes(1));
        await pace.WaitAsync(1, default);
    }
}

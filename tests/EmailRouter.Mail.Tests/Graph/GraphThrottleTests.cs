using System.Net;
using EmailRouter.Mail.Graph;
using EmailRouter.Mail.Tests.Scripting;
using static EmailRouter.Mail.Tests.Graph.GraphScript;

namespace EmailRouter.Mail.Tests.Graph;

public sealed class GraphThrottleTests
{
    [Fact]
    public async Task What_the_service_asks_for_is_waited_exactly()
    {
        ScriptedHttp http = new ScriptedHttp().Error(429, "ApplicationThrottled", headers: ("Retry-After", "10")).Opens();

        await (await http.DriveAsync(NewSystem().OpenMailboxAsync(Endpoint(), Login(), http.Context, default))).DisposeAsync();

        Assert.Equal([10], http.Waits());
        Assert.Equal(2, http.Requests.Count);
    }

    [Fact]
    public async Task A_wait_that_was_not_enough_is_doubled()
    {
        ScriptedHttp http = new ScriptedHttp();
        for (int i = 0; i < 3; i++)
            http.Error(429, "TooManyRequests", headers: ("Retry-After", "10"));
        http.Opens();

        await (await http.DriveAsync(NewSystem().OpenMailboxAsync(Endpoint(), Login(), http.Context, default))).DisposeAsync();

        Assert.Equal([10, 20, 40], http.Waits());
    }

    [Theory]
    [InlineData(429)]
    [InlineData(423)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(504)]
    [InlineData(509)]
    public async Task Without_a_time_the_wait_grows_from_two_seconds(int status)
    {
        ScriptedHttp http = new ScriptedHttp().Then((HttpStatusCode)status).Then((HttpStatusCode)status, "<html><title>Bad gateway</title></html>", "text/html").Opens();

        await (await http.DriveAsync(NewSystem().OpenMailboxAsync(Endpoint(), Login(), http.Context, default))).DisposeAsync();

        Assert.Equal([2, 4], http.Waits());
    }

    [Fact]
    public async Task More_than_a_request_may_take_is_the_callers_to_wait_for()
    {
        ScriptedHttp http = new ScriptedHttp().Error(429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.", ("Retry-After", "600"));

        var e = await Assert.ThrowsAnyAsync<MailCommandException>(async () => await NewSystem().OpenMailboxAsync(Endpoint(), Login(), http.Context, default));

        Assert.Equal(("MailServerThrottled", true, TimeSpan.FromSeconds(600)), (e.ErrorId, e.IsTransient, e.RetryAfter));
        Assert.Contains("MailboxConcurrency", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mailbox_to_be_left_alone_is_left_alone_by_all_sessions()
    {
        GraphSystem system = NewSystem();
        ScriptedHttp http = new ScriptedHttp().Error(429, "ApplicationThrottled", headers: ("Retry-After", "600"));
        await Assert.ThrowsAnyAsync<MailCommandException>(async () => await system.OpenMailboxAsync(Endpoint(), Login(), http.Context, default));

        var e = await Assert.ThrowsAnyAsync<MailCommandException>(async () => await system.OpenMailboxAsync(Endpoint(), Login(), http.Context, default));

        Assert.Equal(("MailServerThrottled", TimeSpan.FromSeconds(600)), (e.ErrorId, e.RetryAfter));
        Assert.Single(http.Requests);
        http.Opens();
        await using IMailboxSession other = await system.OpenMailboxAsync(Endpoint(), Login() with { Mailbox = "other@example.test" }, http.Context, default);
    }

    [Fact]
    public async Task A_mailbox_that_is_being_moved_is_left_for_later()
    {
        ScriptedHttp http = new ScriptedHttp().Error(503, "ErrorMailboxMoveInProgress");

        var e = await Assert.ThrowsAnyAsync<MailCommandException>(async () => await NewSystem().OpenMailboxAsync(Endpoint(), Login(), http.Context, default));

        Assert.Equal((true, TimeSpan.FromMinutes(5)), (e.IsTransient, e.RetryAfter));
    }

    [Fact]
    public async Task A_fault_within_the_service_is_tried_twice_more()
    {
        ScriptedHttp http = new ScriptedHttp().Error(500, "InternalServerError").Error(500, "InternalServerError").Error(500, "InternalServerError");

        var e = await Assert.ThrowsAnyAsync<MailCommandException>(() => http.DriveAsync(NewSystem().OpenMailboxAsync(Endpoint(), Login(), http.Context, default)));

        Assert.Equal([2, 4], http.Waits());
        Assert.Equal(("MailServerFault", true), (e.ErrorId, e.IsTransient));
        http.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Waiting_ends_when_the_caller_gives_up()
    {
        ScriptedHttp http = new ScriptedHttp().Error(429, "TooManyRequests", headers: ("Retry-After", "60"));
        using var stop = new CancellationTokenSource();

        Task<IMailboxSession> opening = NewSystem().OpenMailboxAsync(Endpoint(), Login(), http.Context, stop.Token).AsTask();
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening);
    }

    [Fact]
    public void The_longest_wait_of_its_own_is_five_minutes_and_chance_spreads_it()
    {
        var clock = new ManualClock();
        var gate = new GraphGate();
        TimeSpan last = default;
        for (int i = 0; i < 40; i++)
        {
            last = gate.Refused(gate.Wave, null, clock, () => 0.99);
            clock.Advance(last);
        }

        Assert.Equal(GraphGate.LongestPause, last);
        Assert.Equal(1.5, new GraphGate().Refused(0, null, clock, () => 0).TotalSeconds);
        Assert.InRange(new GraphGate().Refused(0, null, clock, () => 0.999).TotalSeconds, 2.49, 2.5);
    }

    [Fact]
    public void Requests_refused_together_count_once_and_an_answer_begins_anew()
    {
        var clock = new ManualClock();
        var gate = new GraphGate();
        int wave = gate.Wave;

        Assert.Equal([10, 10, 10], new[] { 1, 2, 3 }.Select(_ => (int)gate.Refused(wave, TimeSpan.FromSeconds(10), clock, () => 0).TotalSeconds));
        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(20, gate.Refused(gate.Wave, TimeSpan.FromSeconds(10), clock, () => 0).TotalSeconds);
        clock.Advance(TimeSpan.FromSeconds(20));
        gate.Answered(gate.Wave);
        Assert.Equal(10, gate.Refused(gate.Wave, TimeSpan.FromSeconds(10), clock, () => 0).TotalSeconds);
    }

    [Fact]
    public void A_wait_of_nothing_is_a_second_at_least()
    {
        var clock = new ManualClock();

        Assert.Equal(1, new GraphGate().Refused(0, TimeSpan.Zero, clock, () => 0).TotalSeconds);
    }

    [Fact]
    public async Task A_slot_that_never_comes_free_is_given_up()
    {
        var clock = new ManualClock();
        var gate = new GraphGate();
        for (int i = 0; i < GraphGate.Slots; i++)
            Assert.NotNull(await gate.EnterAsync(clock, default));

        Task<int?> waiting = gate.EnterAsync(clock, default).AsTask();
        clock.Advance(GraphGate.SlotDeadline);

        Assert.Null(await waiting);
    }
}

using System.Net;
using EmailRouter.Mail.Tests.Scripting;
using static EmailRouter.Mail.Tests.Exchange.EwsScript;

namespace EmailRouter.Mail.Tests.Exchange;

public sealed class ExchangePushTests
{
    private static readonly string Subscribed = Answer("Subscribe", Success("Subscribe", "<m:SubscriptionId>JgBib3g=</m:SubscriptionId>"));

    private static readonly string Opened = Stream("<m:ConnectionStatus>OK</m:ConnectionStatus>");

    [Theory]
    [InlineData("m", "NewMailEvent")]
    [InlineData("t", "MovedEvent")]
    public async Task An_event_ends_the_waiting_however_the_stream_is_cut(string prefix, string name)
    {
        string news = Stream($"<m:Notifications><{prefix}:Notification><t:SubscriptionId>JgBib3g=</t:SubscriptionId><t:{name}><t:ItemId Id=\"I9\"/></t:{name}></{prefix}:Notification></m:Notifications>");
        EwsScript script = new EwsScript().OnOpen().On("Subscribe", Subscribed)
            .On("GetStreamingEvents", (_, _) => Task.FromResult(ScriptedBodyStream.Response((Opened + Heartbeat() + news).Chunk(7).Select(c => new string(c)), Forever)));
        await using IMailboxSession session = await script.OpenAsync();

        Assert.True(await session.WaitForMailAsync(TimeSpan.FromMinutes(5), default));

        SentRequest waiting = script.Http.Requests[2];
        Assert.Equal(("true", "identity"), (waiting.Headers["X-PreferServerAffinity"], waiting.Headers["Accept-Encoding"]));
        Assert.Equal("5", OperationOf(waiting).Element(M + "ConnectionTimeout")!.Value);
    }

    [Fact]
    public async Task When_the_time_is_up_nothing_came_and_the_subscription_serves_again()
    {
        EwsScript script = new EwsScript().OnOpen().On("Subscribe", Subscribed);
        for (int i = 0; i < 2; i++)
        {
            script.On("GetStreamingEvents", (_, _) => Task.FromResult(ScriptedBodyStream.Response([Opened, Heartbeat()], async stop =>
            {
                script.Clock.Advance(TimeSpan.FromSeconds(61));
                await Forever(stop);
            })));
        }

        script.On("Unsubscribe", Answer("Unsubscribe", Success("Unsubscribe")));
        await using IMailboxSession session = await script.OpenAsync();

        Assert.False(await session.WaitForMailAsync(TimeSpan.FromMinutes(1), default));
        Assert.False(await session.WaitForMailAsync(TimeSpan.FromMinutes(1), default));
        await session.CompleteAsync(default);

        script.Http.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task What_came_between_listing_and_subscribing_is_seen()
    {
        EwsScript script = new EwsScript().OnOpen().On("SyncFolderItems", Page("s1", true)).On("Subscribe", Subscribed).On("SyncFolderItems", Page("s2", true, Create("I1")));
        await using IMailboxSession session = await script.OpenAsync();
        await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        Assert.True(await session.WaitForMailAsync(TimeSpan.FromMinutes(1), default));

        Assert.Equal("s1", script.Request(3).Element(M + "SyncState")!.Value);
        Assert.Equal("Inbox=s1", session.Position!.Value.Value);
    }

    [Fact]
    public async Task A_subscription_the_server_lost_is_made_anew()
    {
        EwsScript script = new EwsScript().OnOpen().On("Subscribe", Subscribed)
            .On("GetStreamingEvents", Answer("GetStreamingEvents", Error("GetStreamingEvents", "ErrorSubscriptionNotFound", details: "<m:ErrorSubscriptionIds><t:SubscriptionId>x</t:SubscriptionId></m:ErrorSubscriptionIds>")))
            .On("Subscribe", Subscribed)
            .On("GetStreamingEvents", (_, _) => Task.FromResult(ScriptedBodyStream.Response([Opened, Stream("<m:ConnectionStatus>Closed</m:ConnectionStatus>")])));
        await using IMailboxSession session = await script.OpenAsync();

        Assert.False(await session.WaitForMailAsync(TimeSpan.FromMinutes(1), default));
        Assert.False(await session.WaitForMailAsync(TimeSpan.FromMinutes(1), default));

        script.Http.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Trouble_with_the_subscription_is_left_to_polling()
    {
        EwsScript script = new EwsScript().OnOpen().On("Subscribe", Answer("Subscribe", Error("Subscribe", "ErrorExceededSubscriptionCount")))
            .On("Subscribe", Subscribed).On("GetStreamingEvents", (_, _) => Task.FromResult(ScriptedBodyStream.Response([Opened], _ => throw new IOException("reset"))))
            .On("Subscribe", Subscribed).On("GetStreamingEvents", string.Empty, HttpStatusCode.ServiceUnavailable);
        await using IMailboxSession session = await script.OpenAsync();

        for (int i = 0; i < 3; i++)
            Assert.False(await session.WaitForMailAsync(TimeSpan.FromMinutes(1), default));

        script.Http.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Whoever_stops_the_waiting_is_heard()
    {
        using var stop = new CancellationTokenSource();
        EwsScript script = new EwsScript().OnOpen().On("Subscribe", Subscribed).On("GetStreamingEvents", (_, _) => Task.FromResult(ScriptedBodyStream.Response([Opened], async ct =>
        {
            await stop.CancelAsync();
            await Forever(ct);
        })));
        await using IMailboxSession session = await script.OpenAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await session.WaitForMailAsync(TimeSpan.FromMinutes(1), stop.Token));
    }

    private static ValueTask Forever(CancellationToken stop) => new(Task.Delay(Timeout.Infinite, stop));

    private static string Stream(string content) => Answer("GetStreamingEvents", Success("GetStreamingEvents", content));

    private static string Heartbeat() => Stream("<m:Notifications><m:Notification><t:SubscriptionId>JgBib3g=</t:SubscriptionId><t:StatusEvent/></m:Notification></m:Notifications>");
}

using System.Text;
using System.Xml.Linq;
using EmailRouter.Lab.Store;
using static EmailRouter.Lab.Tests.Exchange.ExchangeWorld;

namespace EmailRouter.Lab.Tests.Exchange;

public sealed class StreamingTests : IAsyncLifetime
{
    private const string Streaming =
        "<m:Subscribe><m:StreamingSubscriptionRequest><t:FolderIds><t:DistinguishedFolderId Id=\"inbox\"/></t:FolderIds><t:EventTypes><t:EventType>NewMailEvent</t:EventType><t:EventType>MovedEvent</t:EventType></t:EventTypes></m:StreamingSubscriptionRequest></m:Subscribe>";

    private readonly ExchangeWorld world = ExchangeWorld.Start();

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => world.DisposeAsync().AsTask();

    [Fact]
    public async Task A_stream_tells_what_happens_in_whole_envelopes()
    {
        string id = (await world.CallAsync(Streaming)).Descendants(M + "SubscriptionId").Single().Value;
        using HttpResponseMessage answer = await world.SendAsync(Stream(id), until: HttpCompletionOption.ResponseHeadersRead);
        Assert.True(answer.Headers.TransferEncodingChunked);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
        Assert.Equal("OK", (await NextAsync(reader)).Descendants(M + "ConnectionStatus").Single().Value);

        LabMessage message = world.Deliver("Subject: x\r\n\r\n");
        XElement arrived = Assert.Single((await NextAsync(reader)).Descendants(T + "NewMailEvent"));
        world.Mailbox.Move(message.Id, world.Mailbox.FolderOf(LabFolderNames.Archive).Id);
        XElement moved = Assert.Single((await NextAsync(reader)).Descendants(T + "MovedEvent"));
        Assert.Equal(arrived.Element(T + "ItemId")!.Attribute("Id")!.Value, moved.Element(T + "OldItemId")!.Attribute("Id")!.Value);

        using HttpResponseMessage other = await world.SendAsync(Stream(id), until: HttpCompletionOption.ResponseHeadersRead);
        using var otherReader = new StreamReader(await other.Content.ReadAsStreamAsync());
        await NextAsync(otherReader);
        world.Deliver("Subject: y\r\n\r\n");
        Assert.Contains("ErrorNewEventStreamConnectionOpened", (await NextAsync(reader)).ToString(), StringComparison.Ordinal);
        Assert.Single((await NextAsync(otherReader)).Descendants(T + "NewMailEvent"));
    }

    [Fact]
    public async Task A_silent_stream_says_that_it_lives()
    {
        world.Server.Heartbeat = TimeSpan.FromMilliseconds(1);
        string id = (await world.CallAsync(Streaming)).Descendants(M + "SubscriptionId").Single().Value;
        using HttpResponseMessage answer = await world.SendAsync(Stream(id), until: HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
        await NextAsync(reader);
        Assert.Single((await NextAsync(reader)).Descendants(T + "StatusEvent"));
    }

    [Fact]
    public async Task Subscriptions_that_are_not_there_are_named()
    {
        string id = (await world.CallAsync(Streaming)).Descendants(M + "SubscriptionId").Single().Value;
        world.Server.ForgetSubscriptions();
        XElement answer = await world.CallAsync(Stream(id));
        Assert.Equal(["ErrorSubscriptionNotFound"], Codes(answer));
        Assert.Equal(id, answer.Descendants(M + "ErrorSubscriptionIds").Single().Value);
        Assert.Equal(["ErrorSubscriptionNotFound"], Codes(await world.CallAsync($"<m:Unsubscribe><m:SubscriptionId>{id}</m:SubscriptionId></m:Unsubscribe>")));
    }

    [Fact]
    public async Task Events_are_pulled_from_a_watermark()
    {
        XElement subscribed = await world.CallAsync(
            "<m:Subscribe><m:PullSubscriptionRequest SubscribeToAllFolders=\"true\"><t:EventTypes><t:EventType>CreatedEvent</t:EventType><t:EventType>DeletedEvent</t:EventType></t:EventTypes><t:Timeout>5</t:Timeout></m:PullSubscriptionRequest></m:Subscribe>");
        string id = subscribed.Descendants(M + "SubscriptionId").Single().Value;
        LabMessage message = world.Deliver("Subject: x\r\n\r\n");
        world.Mailbox.Delete(message.Id, LabDeletion.Hard);
        XElement events = await world.CallAsync($"<m:GetEvents><m:SubscriptionId>{id}</m:SubscriptionId><m:Watermark>{subscribed.Descendants(M + "Watermark").Single().Value}</m:Watermark></m:GetEvents>");
        Assert.Equal(["CreatedEvent", "DeletedEvent"], events.Descendants(M + "Notification").Single().Elements().Where(e => e.Name.LocalName.EndsWith("Event", StringComparison.Ordinal)).Select(e => e.Name.LocalName));
        Assert.Single((await world.CallAsync($"<m:GetEvents><m:SubscriptionId>{id}</m:SubscriptionId><m:Watermark>x</m:Watermark></m:GetEvents>")).Descendants(T + "StatusEvent"));
    }

    private static string Stream(string id) =>
        $"<m:GetStreamingEvents><m:SubscriptionIds><t:SubscriptionId>{id}</t:SubscriptionId></m:SubscriptionIds><m:ConnectionTimeout>30</m:ConnectionTimeout></m:GetStreamingEvents>";

    private static async Task<XElement> NextAsync(StreamReader reader)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var text = new StringBuilder();
        char[] one = new char[1];
        while (!text.ToString().EndsWith("</s:Envelope>", StringComparison.Ordinal))
        {
            Assert.Equal(1, await reader.ReadAsync(one, limit.Token));
            text.Append(one);
        }

        return XElement.Parse(text.ToString());
    }
}

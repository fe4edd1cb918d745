using EmailRouter.Crm;
using EmailRouter.Crm.Dataverse;
using EmailRouter.Crm.Tests.Embedded;
using EmailRouter.Lab.Dataverse;
using EmailRouter.Lab.OAuth;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Lab.Tests.Dataverse;

/// <summary>What promoting and sending cost, in requests, once settings, definitions and mailboxes are known.</summary>
public sealed class DataverseRequestCountTests : IAsyncLifetime
{
    private static readonly Guid application = new("11111111-2222-3333-4444-555555555555");

    private EmbeddedWorld world = null!;
    private LabTokenServer tokens = null!;
    private LabDataverseServer server = null!;
    private TrackingOrganization router = null!;
    private RecordReference anna = null!;
    private RecordReference carl = null!;

    public async Task InitializeAsync()
    {
        world = await EmbeddedWorld.InMemoryAsync();
        anna = await world.AddUserAsync("Anna Adams", "anna@example.test");
        await world.AddQueueAsync("Support", "support@example.test", anna);
        carl = await world.AddRecordAsync("contact", "Carl", ("emailaddress1", "carl@customer.test"));
        tokens = new LabTokenServer();
        server = new LabDataverseServer(world.Crm, tokens, world.Clock);
        server.Start();
        await server.AddApplicationUserAsync(application, "Email Router");
        var token = new CrmToken("router", (_, _) => ValueTask.FromResult(tokens.Issue(server.Url.ToString(), application.ToString())));
        var endpoint = new CrmEndpoint { Url = server.Url, Credentials = [token], AllowPlainTextPassword = true };
        router = new TrackingOrganization(new DataverseStore(endpoint, new CrmContext()), world.Clock);
        await PromoteAsync(0);
        server.ClearCounts();
    }

    public async Task DisposeAsync()
    {
        await router.DisposeAsync();
        await server.DisposeAsync();
        await tokens.DisposeAsync();
        await world.DisposeAsync();
    }

    [Fact]
    public async Task A_promotion_by_itself_costs_two_requests()
    {
        for (int i = 1; i <= 3; i++)
            await PromoteAsync(i);

        Assert.Equal((6, 6), (server.RequestCount, server.CountOf("POST $batch")));
    }

    [Fact]
    public async Task Many_promotions_at_once_share_requests_and_no_more_than_eight_are_under_way()
    {
        await Task.WhenAll(Enumerable.Range(1, 64).Select(PromoteAsync));

        Assert.InRange(server.RequestCount, 32, 100);
        Assert.InRange(server.PeakConcurrency, 1, 8);
    }

    [Fact]
    public async Task A_claim_costs_two_requests_and_completions_travel_together()
    {
        for (int i = 0; i < 100; i++)
            await world.AddPendingAsync(anna, carl, $"Offer {i}");

        IReadOnlyList<PendingEmail> claimed = await router.ClaimPendingAsync(new ClaimRequest { MaxCount = 100, MaxPerSender = 100 }, default);
        int claims = server.RequestCount;
        await Task.WhenAll(claimed.Select(e => router.CompleteAsync(e, new SendOutcome.Sent($"<{e.ActivityId}@example.test>", world.Now), default).AsTask()));

        Assert.Equal((100, 2), (claimed.Count, claims));
        Assert.InRange(server.RequestCount - claims, 1, 4);
        foreach (PendingEmail email in claimed)
            Assert.Equal(EmailStatus.Sent, (await world.GetAsync(email.ActivityId)).Status);
    }

    private async Task PromoteAsync(int number)
    {
        var email = new IncomingEmail
        {
            ActivityId = Guid.NewGuid(),
            MessageId = $"<{number}@customer.test>",
            Subject = $"Pump {number}",
            From = new EmailAddress("carl@customer.test"),
            To = [new EmailAddress("support@example.test")],
            ReceivedOn = world.Now,
            Body = "<p>Hello</p>",
            BodyType = "text/html",
        };
        DeliverResult delivered = await router.DeliverAsync(email, await router.CheckAsync(email, default), default);
        Assert.True(delivered.Created);
    }
}

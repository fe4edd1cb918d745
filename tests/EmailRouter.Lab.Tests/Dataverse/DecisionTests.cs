using EmailRouter.Crm;
using EmailRouter.Crm.Dataverse;
using EmailRouter.Crm.Tests.Embedded;
using EmailRouter.Lab.Dataverse;
using EmailRouter.Lab.OAuth;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Lab.Tests.Dataverse;

/// <summary>The router deciding over an organization's records and its server deciding come to the same.</summary>
public sealed class DecisionTests : IAsyncLifetime
{
    private static readonly Guid application = new("11111111-2222-3333-4444-555555555555");

    private EmbeddedWorld world = null!;
    private LabTokenServer tokens = null!;
    private LabDataverseServer server = null!;
    private TrackingOrganization router = null!;
    private DataverseOrganization byServer = null!;
    private RecordReference anna = null!;
    private RecordReference support = null!;

    public async Task InitializeAsync()
    {
        world = await EmbeddedWorld.InMemoryAsync();
        anna = await world.AddUserAsync("Anna Adams", "anna@example.test");
        support = await world.AddQueueAsync("Support", "support@example.test", anna);
        await world.AddRecordAsync("contact", "Carl", ("emailaddress1", "carl@customer.test"));
        tokens = new LabTokenServer();
        server = new LabDataverseServer(world.Crm, tokens, world.Clock);
        server.Start();
        await server.AddApplicationUserAsync(application, "Email Router");
        router = new TrackingOrganization(Store(), world.Clock);
        byServer = new DataverseOrganization(Store());
    }

    public async Task DisposeAsync()
    {
        await router.DisposeAsync();
        await byServer.DisposeAsync();
        await server.DisposeAsync();
        await tokens.DisposeAsync();
        await world.DisposeAsync();
    }

    [Theory]
    [InlineData("carl@customer.test", "support@example.test", "Hello", CheckReason.AcceptAll)]
    [InlineData("stranger@customer.test", "anna@example.test", "Hello", CheckReason.NoCorrelationMatch)]
    [InlineData("stranger@customer.test", "anna@example.test", "RE: Offer {token}", CheckReason.CorrelationMatch)]
    [InlineData("carl@customer.test", "nobody@example.test", "Hello", CheckReason.NoRecipientMatch)]
    [InlineData("carl@customer.test", "anna@example.test", "it's 50% + #1 ü", CheckReason.NoCorrelationMatch)]
    public async Task Both_come_to_the_same_decision(string from, string to, string subject, CheckReason reason)
    {
        RecordReference carl = (await router.Store.LookupAsync(new RecordQuery { Addresses = ["carl@customer.test"] }, default)).Owners["carl@customer.test"][0].Record;
        Guid sent = await world.AddPendingAsync(anna, carl, "Offer");
        IncomingEmail email = Incoming("<a1@customer.test>", from, to, subject.Replace("{token}", (await world.GetAsync(sent)).TrackingToken, StringComparison.Ordinal));

        CheckResult own = await router.CheckAsync(email, default);
        CheckResult theirs = await byServer.CheckAsync(email, default);

        Assert.Equal((reason, own.ShouldDeliver), (own.Reason, theirs.ShouldDeliver));
        Assert.Equal(own.Reason, theirs.Reason);
    }

    [Fact]
    public async Task What_one_promoted_is_a_duplicate_to_the_other()
    {
        IncomingEmail first = Incoming("<a1@customer.test>", "carl@customer.test", "support@example.test", "One");
        IncomingEmail second = Incoming("<a2@customer.test>", "carl@customer.test", "support@example.test", "Two");

        DeliverResult own = await router.DeliverAsync(first, await router.CheckAsync(first, default), default);
        DeliverResult theirs = await byServer.DeliverAsync(second, await byServer.CheckAsync(second, default), default);

        Assert.True(own.Created && theirs.Created);
        CheckResult seenByServer = await byServer.CheckAsync(first, default);
        CheckResult seenByRouter = await router.CheckAsync(second, default);
        Assert.Equal((CheckReason.Duplicate, own.ActivityId), (seenByServer.Reason, seenByServer.ExistingActivityId!.Value));
        Assert.Equal((CheckReason.Duplicate, theirs.ActivityId), (seenByRouter.Reason, seenByRouter.ExistingActivityId!.Value));
        Assert.Equal([support.Id], (await world.GetAsync(own.ActivityId)).Queues);
        Assert.Equal([support.Id], (await world.GetAsync(theirs.ActivityId)).Queues);
    }

    [Fact]
    public async Task Mail_that_came_blind_is_decided_by_the_mailbox_it_lies_in()
    {
        IncomingEmail email = Incoming("<a1@customer.test>", "carl@customer.test", "list@example.test", "One") with { Mailbox = support };

        CheckResult own = await router.CheckAsync(email, default);
        CheckResult theirs = await byServer.CheckAsync(email, default);
        Guid id = (await byServer.DeliverAsync(email, theirs, default)).ActivityId;

        Assert.Equal((CheckReason.AcceptAll, CheckReason.AcceptAll), (own.Reason, theirs.Reason));
        Assert.Equal([support.Id], (await world.GetAsync(id)).Queues);
        EmailActivity made = (await byServer.GetEmailAsync(id, default))!;
        Assert.Equal("support@example.test", Assert.Single(made.Parties, p => p.Role == ParticipationType.Bcc).AddressUsed);
    }

    [Fact]
    public async Task Copies_in_several_mailboxes_are_promoted_once_when_they_come_at_the_same_moment()
    {
        IncomingEmail[] copies = [.. Enumerable.Range(0, 6).Select(i => Incoming("<a1@customer.test>", "carl@customer.test", "support@example.test", "One") with { Mailbox = i % 2 == 0 ? support : anna })];
        CheckResult[] checks = await Task.WhenAll(copies.Select(c => byServer.CheckAsync(c, default).AsTask()));

        DeliverResult[] delivered = await Task.WhenAll(copies.Zip(checks).Select(c => byServer.DeliverAsync(c.First, c.Second, default).AsTask()));

        Assert.Single(delivered, d => d.Created);
        Assert.Single(delivered.Select(d => d.ActivityId).Distinct());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Tracked_email_is_put_into_a_further_queue_where_the_organization_wants_it(bool wants)
    {
        await world.Crm.SetOrganizationAsync(new Dictionary<string, object?> { ["SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail"] = wants }, default);
        RecordReference sales = await world.AddQueueAsync("Sales", "sales@example.test", anna);
        foreach (IOrganization organization in new IOrganization[] { router, byServer })
        {
            IncomingEmail email = Incoming($"<{organization.GetType().Name}@customer.test>", "carl@customer.test", "support@example.test", "One");
            DeliverResult first = await organization.DeliverAsync(email, await organization.CheckAsync(email, default), default);
            IncomingEmail copy = email with { Mailbox = sales };
            DeliverResult second = await organization.DeliverAsync(copy, await organization.CheckAsync(copy, default), default);

            Assert.Equal((first.ActivityId, true, false), (second.ActivityId, first.Created, second.Created));
            Guid[] expected = wants ? [support.Id, sales.Id] : [support.Id];
            Assert.Equal(expected.Order(), (await world.GetAsync(first.ActivityId)).Queues.Order());
        }
    }

    [Theory]
    [InlineData(LabExtraProperties.Read, CheckReason.CorrelationMatch)]
    [InlineData(LabExtraProperties.Ignored, CheckReason.NoCorrelationMatch)]
    [InlineData(LabExtraProperties.Refused, CheckReason.NoCorrelationMatch)]
    public async Task What_an_email_answers_counts_with_servers_that_look_at_it(LabExtraProperties extras, CheckReason reason)
    {
        IncomingEmail first = Incoming("<a1@customer.test>", "carl@customer.test", "support@example.test", "One");
        await byServer.DeliverAsync(first, await byServer.CheckAsync(first, default), default);
        server.Policy.ExtraProperties = extras;
        IncomingEmail answer = Incoming("<a2@customer.test>", "carl@customer.test", "anna@example.test", "Two") with { InReplyTo = ["<lost@x>"], References = ["<a1@customer.test>", "<lost@x>"] };

        CheckResult own = await router.CheckAsync(answer, default);
        CheckResult theirs = await byServer.CheckAsync(answer, default);

        Assert.Equal((CheckReason.CorrelationMatch, reason), (own.Reason, theirs.Reason));
    }

    [Fact]
    public async Task A_server_that_refuses_what_it_is_told_beside_delivers_without_it()
    {
        IncomingEmail email = Incoming("<a1@customer.test>", "carl@customer.test", "support@example.test", "One") with { InReplyTo = ["<a0@customer.test>"] };
        CheckResult check = await byServer.CheckAsync(email, default);
        server.Policy.ExtraProperties = LabExtraProperties.Refused;

        Assert.True((await byServer.DeliverAsync(email, check, default)).Created);
        int before = server.RequestCount;
        await byServer.CheckAsync(email, default);
        Assert.Equal(before + 1, server.RequestCount);
    }

    [Fact]
    public async Task A_report_of_access_tells_what_was_taken_away()
    {
        Guid user = await server.AddApplicationUserAsync(application, "Email Router");
        server.Policy.Deny(user, "prvAppendToQueue");

        CrmAccess access = await byServer.ReportAccessAsync(default);

        Assert.Equal(("Email Router", user), (access.User, access.UserId));
        CrmFinding missing = Assert.Single(access.Findings, f => f.Id == "CrmPrivilegeMissing");
        Assert.Contains("prvAppendToQueue", missing.Text, StringComparison.Ordinal);
    }

    private DataverseStore Store() => new(
        new CrmEndpoint
        {
            Url = server.Url,
            Credentials = [new CrmToken("router", (_, _) => ValueTask.FromResult(tokens.Issue(server.Url.ToString(), application.ToString())))],
            AllowPlainTextPassword = true,
        },
        new CrmContext { Clock = world.Clock });

    private IncomingEmail Incoming(string messageId, string from, string to, string subject) => new()
    {
        ActivityId = Guid.NewGuid(),
        MessageId = messageId,
        Subject = subject,
        From = new EmailAddress(from),
        To = [new EmailAddress(to)],
        ReceivedOn = world.Now,
        Body = "<p>Hello</p>",
        BodyType = "text/html",
    };
}

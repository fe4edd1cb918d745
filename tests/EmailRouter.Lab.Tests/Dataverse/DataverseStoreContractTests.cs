using EmailRouter.Crm;
using EmailRouter.Crm.Dataverse;
using EmailRouter.Crm.Embedded;
using EmailRouter.Crm.Tests;
using EmailRouter.Crm.Tests.Embedded;
using EmailRouter.Lab.Dataverse;
using EmailRouter.Lab.OAuth;

namespace EmailRouter.Lab.Tests.Dataverse;

/// <summary>The contract of record stores, by the Web API.</summary>
public sealed class DataverseStoreContractTests : RecordStoreContract
{
    protected override async Task<RecordStoreWorld> CreateAsync() => await WebApiWorld.StartAsync();

    [Fact]
    public async Task Nothing_is_missing_where_lists_expand_to_links()
    {
        ((WebApiWorld)World).Policy.LinksExpandedLists = true;
        RecordReference carl = await World.AddRecordAsync("contact", "Carl", ("emailaddress1", "carl@customer.test"));
        var attachment = new EmailAttachment("offer.txt", "text/plain", 5, _ => ValueTask.FromResult<Stream>(new MemoryStream("offer"u8.ToArray())));
        Guid id = await World.AddPendingAsync(new PendingSeed(Anna, [carl], "Offer") { Attachments = [attachment] });

        PendingEmail email = Assert.Single(await World.Store.ClaimPendingAsync(new ClaimRequest(), default));
        await World.Store.CompleteAsync(email, new SendOutcome.Sent("<s1@example.test>", World.Now), default);
        RecordLookup found = await World.Store.LookupAsync(new RecordQuery { MessageIds = ["<s1@example.test>"] }, default);
        BounceResult bounce = await World.Store.ReportBounceAsync(
            new BounceReport { MessageId = "<s1@example.test>", Recipients = [new BouncedRecipient("carl@customer.test")] }, default);

        Assert.Equal(["anna@example.test", "carl@customer.test"], email.Parties.Select(p => p.AddressUsed));
        Assert.Equal("offer.txt", Assert.Single(email.Attachments).FileName);
        Assert.Equal(["anna@example.test", "carl@customer.test"], found.ByMessageId["<s1@example.test>"].Addresses);
        Assert.Equal((id, true), (bounce.ActivityId!.Value, bounce.Changed));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Without_the_right_to_write_notes_the_email_fails_all_the_same(bool cameBack)
    {
        RecordReference carl = await World.AddRecordAsync("contact", "Carl", ("emailaddress1", "carl@customer.test"));
        Guid id = await World.AddPendingAsync(Anna, carl, "Offer");
        await ((WebApiWorld)World).DenyAsync("prvCreateNote");

        PendingEmail email = Assert.Single(await World.Store.ClaimPendingAsync(new ClaimRequest(), default));
        await World.Store.CompleteAsync(email, cameBack ? new SendOutcome.Sent("<s1@example.test>", World.Now) : new SendOutcome.Failed("550 no such user"), default);
        if (cameBack)
            await World.Store.ReportBounceAsync(new BounceReport { MessageId = "<s1@example.test>", Recipients = [new BouncedRecipient("carl@customer.test")] }, default);

        StoredState stored = await World.GetAsync(id);
        Assert.Equal((EmailState.Open, EmailStatus.Failed, null), (stored.State, stored.Status, stored.FailureReason));
    }

    /// <summary>The store of Dataverse over the lab's endpoint; filled and looked into behind its back.</summary>
    private sealed class WebApiWorld : RecordStoreWorld
    {
        private static readonly Guid application = new("11111111-2222-3333-4444-555555555555");

        private readonly EmbeddedWorld embedded;
        private readonly LabTokenServer tokens;
        private readonly LabDataverseServer server;
        private readonly DataverseStore store;

        private WebApiWorld(EmbeddedWorld embedded)
        {
            this.embedded = embedded;
            tokens = new LabTokenServer();
            server = new LabDataverseServer(embedded.Crm, tokens, embedded.Clock);
            server.Start();
            var token = new CrmToken("router", (_, _) => ValueTask.FromResult(tokens.Issue(server.Url.ToString(), application.ToString())));
            store = new DataverseStore(
                new CrmEndpoint { Url = server.Url, Credentials = [token], AllowPlainTextPassword = true }, new CrmContext { Clock = embedded.Clock }, directoryMaxAge: TimeSpan.Zero);
        }

        public LabDataversePolicy Policy => server.Policy;

        public override IRecordStore Store => store;

        public override DateTimeOffset Now => embedded.Now;

        // There is neither column nor note for them: see docs/dataverse.md.
        public override bool KeepsReasonsOfRetries => false;

        public override bool KeepsConversationIds => false;

        public override bool HasTokenSwitch => false;

        public static async Task<WebApiWorld> StartAsync() => new(await EmbeddedWorld.InMemoryAsync());

        public async Task DenyAsync(string privilege) => server.Policy.Deny(await server.AddApplicationUserAsync(application, "Email Router"), privilege);

        public override void Advance(TimeSpan time) => embedded.Advance(time);

        public override Task SetAsync(string setting, object? value) => embedded.SetAsync(setting, value);

        public override async Task<RecordReference> AddUserAsync(string name, string? address)
        {
            RecordReference user = await embedded.AddUserAsync(name, address);

            // The router's own user comes after the first, whose number is in the tokens.
            await server.AddApplicationUserAsync(application, "Email Router");
            return user;
        }

        public override Task<RecordReference> AddQueueAsync(string name, string? address, RecordReference owner) => embedded.AddQueueAsync(name, address, owner);

        public override Task<RecordReference> AddRecordAsync(string table, string name, params (string Column, object? Value)[] attributes) => embedded.AddRecordAsync(table, name, attributes);

        public override Task UpdateAsync(RecordReference record, params (string Column, object? Value)[] attributes) => embedded.UpdateAsync(record, attributes);

        public override Task<Guid> AddPendingAsync(PendingSeed seed) => embedded.AddPendingAsync(seed);

        /// <summary>Reads an email; why it failed stands in its notes.</summary>
        public override async Task<StoredState> GetAsync(Guid activityId)
        {
            IReadOnlyList<CrmRecord> notes = await embedded.Crm.ReadAsync(
                work => work.Select(new RecordSelection("annotation") { Conditions = [new RecordCondition("objectid", [activityId])] }), default);
            string[] texts = [.. notes.OrderBy(n => (DateTimeOffset)n["createdon"]!).Select(n => (string)n["notetext"]!)];
            return await embedded.GetAsync(activityId) with { FailureReason = texts.Length == 0 ? null : string.Join('\n', texts) };
        }

        public override async ValueTask DisposeAsync()
        {
            await store.DisposeAsync();
            await server.DisposeAsync();
            await tokens.DisposeAsync();
            await embedded.DisposeAsync();
        }
    }
}

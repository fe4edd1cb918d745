using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Crm.Organization;
using EmailRouter.Crm.Tests;
using EmailRouter.Crm.Tests.Embedded;
using EmailRouter.Lab.Dataverse;
using EmailRouter.Lab.OAuth;

namespace EmailRouter.Lab.Tests.Organization;

/// <summary>The contract of record stores, by Organization.svc.</summary>
public sealed class OrganizationServiceStoreContractTests : RecordStoreContract
{
    protected override async Task<RecordStoreWorld> CreateAsync() => await SoapWorld.StartAsync();

    [Fact]
    public async Task A_custom_table_with_addresses_is_looked_into()
    {
        await using SoapWorld world = await SoapWorld.StartAsync();
        await world.AddUserAsync("Anna", "anna@example.test");
        await world.Crm.RegisterTableAsync(new TableDefinition { LogicalName = "new_vendor", PrimaryNameColumn = "new_name", AddressColumns = ["new_email"] }, default);
        CrmRecord vera = await world.Crm.CreateRecordAsync(
            new CrmRecord("new_vendor", Guid.Empty, new Dictionary<string, object?> { ["new_name"] = "Vera", ["new_email"] = "vera@vendor.test" }), default);

        RecordLookup found = await world.Store.LookupAsync(new RecordQuery { Addresses = ["VERA@vendor.test"] }, default);

        AddressOwner owner = Assert.Single(found.Owners["VERA@vendor.test"]);
        Assert.Equal((vera.ToReference(), "new_email", true), (owner.Record, owner.Column, owner.IsActive));
    }

    /// <summary>The store of Organization.svc over the lab's endpoint; filled and looked into behind its back.</summary>
    private sealed class SoapWorld : RecordStoreWorld
    {
        private static readonly Guid application = new("11111111-2222-3333-4444-555555555555");

        private readonly EmbeddedWorld embedded;
        private readonly LabTokenServer tokens;
        private readonly LabDataverseServer server;
        private readonly OrganizationServiceStore store;

        private SoapWorld(EmbeddedWorld embedded)
        {
            this.embedded = embedded;
            tokens = new LabTokenServer();
            server = new LabDataverseServer(embedded.Crm, tokens, embedded.Clock);
            server.Start();
            var token = new CrmToken("router", (_, _) => ValueTask.FromResult(tokens.Issue(server.Url.ToString(), application.ToString())));
            store = new OrganizationServiceStore(
                new CrmEndpoint { Url = server.Url, Credentials = [token], AllowPlainTextPassword = true }, new CrmContext { Clock = embedded.Clock }, directoryMaxAge: TimeSpan.Zero);
        }

        public override IRecordStore Store => store;

        public EmbeddedCrm Crm => embedded.Crm;

        public override DateTimeOffset Now => embedded.Now;

        // There is neither column nor note for them: see docs/dataverse.md.
        public override bool KeepsReasonsOfRetries => false;

        public override bool KeepsConversationIds => false;

        public override bool HasTokenSwitch => false;

        // The service has no transactions; the sender's record is found by the next attempt.
        public override bool CreatesTogether => false;

        public static async Task<SoapWorld> StartAsync() => new(await EmbeddedWorld.InMemoryAsync());

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
            Assert.Empty(server.SkippedElements);
            await server.DisposeAsync();
            await tokens.DisposeAsync();
            await embedded.DisposeAsync();
        }
    }
}

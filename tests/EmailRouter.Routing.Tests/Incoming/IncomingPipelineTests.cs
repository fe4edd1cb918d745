using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Tests.Incoming;

public sealed partial class IncomingPipelineTests : IAsyncLifetime
{
    private readonly TemporaryFolder folder = new();
    private readonly ManualClock clock = new(new DateTimeOffset(2026, 3, 2, 8, 0, 0, TimeSpan.Zero));
    private readonly ScriptedMailSystem mail = new();
    private readonly ScriptedOrganization organization = new();
    private SqliteRouterState state = null!;

    private static MailboxPolicy Policy => new()
    {
        Key = new MailboxKey("Contoso", "sales@contoso.test"),
        Owner = new RecordReference("queue", new Guid("0a000000-0000-0000-0000-0000000000aa"), "Sales"),
    };

    private PollTarget Target => For(Policy);

    private PollTarget Deleting => For(Policy with { Settlement = Settlement.Delete });

    public async Task InitializeAsync() => state = await SqliteRouterState.OpenAsync(Path.Combine(folder.Path, "state.db"), clock, default);

    public async Task DisposeAsync()
    {
        await state.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task Every_new_message_is_delivered_and_decided_in_the_order_of_the_mailbox()
    {
        for (int i = 1; i <= 150; i++)
            mail.Put(Mail($"m{i}"));

        PollResult result = await PollAsync(Target);

        Assert.Equal(PollStatus.Completed, result.Status);
        Assert.Equal((150, 150, 150), (result.Listed, result.New, result.Promoted));
        Assert.Equal(Enumerable.Range(1, 150).Select(i => $"<m{i}@adatum.test>"), result.Decisions.Select(d => d.MessageId));
        Assert.All(result.Decisions, d => Assert.NotNull(d.MessageKey));
        Assert.Equal(150, organization.Delivered.Count);
        Assert.Equal(150, await DecisionsAsync().CountAsync());
    }

    [Fact]
    public async Task A_second_poll_finds_nothing_new()
    {
        mail.Put(Mail("a"));
        mail.Put(Mail("b"));
        await PollAsync(Target);

        PollResult second = await PollAsync(Target);

        Assert.Equal((2, 0, 0), (second.Listed, second.New, second.Decisions.Count));
        Assert.Equal(2, organization.Delivered.Count);
    }

    [Fact]
    public async Task A_message_is_deleted_only_after_the_crm_has_it()
    {
        string id = mail.Put(Mail("a"));
        mail.At = (step, _) =>
        {
            if (step == "settle")
                Assert.Single(organization.Delivered);
        };

        await PollAsync(Deleting);

        Assert.Equal([$"settle {id} Delete"], mail.Log);
        Assert.Empty(mail.Ids);
    }

    [Fact]
    public async Task A_message_that_is_left_alone_stays_in_the_mailbox()
    {
        organization.Check = _ => CheckReason.NoCorrelationMatch;
        mail.Put(Mail("a"));

        PollResult result = await PollAsync(Deleting);

        Assert.Equal((DecisionAction.NotTracked, "NoCorrelationMatch"), (result.Decisions[0].Action, result.Decisions[0].Reason));
        Assert.Single(mail.Ids);
        Assert.Empty(mail.Log);
    }

    [Fact]
    public async Task Deletions_that_the_server_did_not_confirm_are_asked_for_again_and_nothing_is_delivered_twice()
    {
        mail.Put(Mail("a"));
        mail.At = (step, _) =>
        {
            if (step == "complete")
                throw Lost(MailStep.Complete);
        };
        PollResult first = await PollAsync(Deleting);
        mail.At = (_, _) => { };

        PollResult second = await PollAsync(Deleting);

        Assert.Equal((PollStatus.Failed, "MailConnectionLost"), (first.Status, first.Error?.ErrorId));
        Assert.Equal((PollStatus.Completed, 0), (second.Status, second.New));
        Assert.Empty(mail.Ids);
        Assert.Single(organization.Delivered);
    }

    [Fact]
    public async Task Where_the_server_has_a_position_the_ids_before_it_are_forgotten()
    {
        mail.HasCursors = true;
        string first = mail.Put(Mail("a"));
        await PollAsync(Target);
        string second = mail.Put(Mail("b"));
        PollResult result = await PollAsync(Target);

        Assert.Equal((1, 1), (result.Listed, result.Promoted));
        IReadOnlyDictionary<string, SeenMessage> seen = await state.GetSeenAsync(Target.Policy.Key, [first, second], default);
        Assert.Equal([second], seen.Keys);
        Assert.Equal("2", (await state.GetCursorAsync(Target.Policy.Key, default)).Value);
    }

    [Fact]
    public async Task Where_the_server_has_positions_a_poll_looks_no_further_than_it_needs_to()
    {
        mail.HasCursors = true;
        for (int i = 1; i <= 300; i++)
            mail.Put(Mail($"m{i}"));

        PollResult first = await PollAsync(Target, new PollOptions { MaxMessages = 20 });

        Assert.Equal((PollStatus.Incomplete, 20), (first.Status, first.Promoted));
        Assert.Equal(21, mail.Named);
        Assert.Equal("20", (await state.GetCursorAsync(Target.Policy.Key, default)).Value);
    }

    [Fact]
    public async Task Where_the_server_has_no_positions_everything_is_listed_however_little_is_wanted()
    {
        for (int i = 1; i <= 30; i++)
            mail.Put(Mail($"m{i}"));

        PollResult result = await PollAsync(Target, new PollOptions { MaxMessages = 5 });

        Assert.Equal((30, 5, PollStatus.Incomplete), (result.Listed, result.New, result.Status));
    }

    [Fact]
    public async Task After_a_listing_that_stopped_early_nothing_is_forgotten()
    {
        // Two messages fail and hold the position back; those behind them are done and known by their ids only.
        mail.HasCursors = true;
        mail.Put(Mail("bad1"));
        mail.Put(Mail("bad2"));
        for (int i = 1; i <= 40; i++)
            mail.Put(Mail($"m{i}"));
        organization.BeforeDeliver = email =>
        {
            if (email.MessageId.StartsWith("<bad", StringComparison.Ordinal))
                throw new CrmException("CrmPlugInFailed", "refused", "look into it") { IsAboutRecord = true };
        };
        await PollAsync(Target);

        // One message is asked for and two are there, so the listing ends long before what is done.
        PollResult second = await PollAsync(Target, new PollOptions { MaxMessages = 1 });
        PollResult third = await PollAsync(Target);

        Assert.Equal((PollStatus.Incomplete, 16, 1), (second.Status, second.Listed, second.Deferred));
        Assert.Equal((42, 2, 0), (third.Listed, third.New, third.Promoted));
        Assert.Equal(40, organization.Delivered.Count);
    }

    [Fact]
    public async Task A_session_that_knows_its_position_moves_on_also_when_nothing_came()
    {
        string id = mail.Put(Mail("a"));
        mail.Position = () => new MailboxCursor("1");
        await PollAsync(Target);
        Assert.Equal("1", (await state.GetCursorAsync(Target.Policy.Key, default)).Value);
        mail.Position = () => new MailboxCursor("7");

        PollResult second = await PollAsync(Target);

        Assert.Equal((PollStatus.Completed, 0), (second.Status, second.Listed));
        Assert.Equal("7", (await state.GetCursorAsync(Target.Policy.Key, default)).Value);
        Assert.Empty(await state.GetSeenAsync(Target.Policy.Key, [id], default));
    }

    [Fact]
    public async Task The_position_behind_a_listing_is_not_kept_while_a_message_of_it_is_not_done()
    {
        mail.Put(Mail("bad"));
        mail.Position = () => new MailboxCursor("1");
        organization.BeforeDeliver = _ => throw new CrmException("CrmPlugInFailed", "refused", "look into it") { IsAboutRecord = true };
        await PollAsync(Target);
        Assert.True((await state.GetCursorAsync(Target.Policy.Key, default)).IsStart);
        organization.BeforeDeliver = _ => { };

        PollResult second = await PollAsync(Target);

        Assert.Equal(1, second.Promoted);
        Assert.Equal("1", (await state.GetCursorAsync(Target.Policy.Key, default)).Value);
    }

    [Theory]
    [InlineData("IPM.Note", DecisionAction.Promoted)]
    [InlineData("ipm.note.rules.ooftemplate.microsoft", DecisionAction.Promoted)]
    [InlineData("IPM.Note.SMIME", DecisionAction.NotTracked)]
    [InlineData("IPM.Schedule.Meeting.Request", DecisionAction.NotTracked)]
    public async Task The_item_class_of_the_mail_server_decides_where_it_has_one(string itemClass, DecisionAction action)
    {
        mail.Put(Mail("a"), messageClass: itemClass);

        Decision decision = (await PollAsync(Target)).Decisions.Single();

        Assert.Equal(action, decision.Action);
        Assert.Equal(itemClass != "IPM.Note", decision.Evidence.Any(e => e.Rule == "MessageClass" && e.Text.Contains(itemClass, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_dry_run_decides_and_changes_nothing_anywhere()
    {
        mail.Put(Mail("a"));

        PollResult dry = await new IncomingPipeline(organization, state, "router", new RoutingOptions(), Context).PollAsync(Deleting, new PollOptions { DryRun = true }, default);

        Assert.Equal((true, DecisionAction.Promoted), (dry.IsDryRun, dry.Decisions.Single().Action));
        Assert.Empty(organization.Delivered);
        Assert.Empty(mail.Log);
        Assert.Empty(await DecisionsAsync().ToListAsync());
        Assert.Equal(1, (await PollAsync(Target)).New);
    }

    [Fact]
    public async Task The_limit_of_messages_leaves_the_rest_for_the_next_poll()
    {
        for (int i = 1; i <= 5; i++)
            mail.Put(Mail($"m{i}"));

        PollResult first = await PollAsync(Target, new PollOptions { MaxMessages = 3 });
        PollResult second = await PollAsync(Target, new PollOptions { MaxMessages = 3 });

        Assert.Equal((PollStatus.Incomplete, 3), (first.Status, first.Promoted));
        Assert.Equal((PollStatus.Completed, 2), (second.Status, second.Promoted));
    }

    [Fact]
    public async Task A_mailbox_that_another_router_polls_is_left_to_it()
    {
        mail.Put(Mail("a"));
        await state.AcquireLeaseAsync("mailbox:Contoso:sales@contoso.test", "elsewhere/1/1/1", TimeSpan.FromMinutes(2), default);

        PollResult result = await PollAsync(Target);

        Assert.Equal((PollStatus.Busy, "RouterMailboxBusy"), (result.Status, result.Error?.ErrorId));
        Assert.Empty(organization.Delivered);
    }

    [Fact]
    public async Task The_lease_of_a_process_that_is_gone_is_taken_over_at_once()
    {
        mail.Put(Mail("a"));
        await state.AcquireLeaseAsync("mailbox:Contoso:sales@contoso.test", $"{Environment.MachineName}/{int.MaxValue}/1/1", TimeSpan.FromMinutes(2), default);

        PollResult result = await PollAsync(Target);

        Assert.Equal(1, result.Promoted);
    }

    [Fact]
    public async Task A_settlement_that_the_server_cannot_do_ends_the_poll_before_anything_is_done()
    {
        mail.Put(Mail("a"));
        mail.Settlements = SettlementKinds.Keep;

        PollResult result = await PollAsync(Deleting);

        Assert.Equal((PollStatus.Failed, "RouterSettlementUnsupported"), (result.Status, result.Error?.ErrorId));
        Assert.Empty(organization.Delivered);
    }

    private PollTarget For(MailboxPolicy policy) =>
        new(policy, mail, new MailEndpoint { Host = "pop.contoso.test" }, new MailLogin("sales@contoso.test", MailCredential.Anonymous));

    private static MailConnectionException Lost(MailStep step) => new("MailConnectionLost", step, "lost", "wait") { IsTransient = true };

    private static string Mail(string id, string extra = "X-Test: yes") => $"""
        From: Ann <ann@adatum.test>
        To: sales@contoso.test
        Message-ID: <{id}@adatum.test>
        Date: Mon, 2 Mar 2026 07:00:00 +0000
        Subject: {id}
        MIME-Version: 1.0
        {extra}

        hello {id}

        """;

    private MailContext Context => new() { Clock = clock };

    private Task<PollResult> PollAsync(PollTarget target, PollOptions? options = null) =>
        new IncomingPipeline(organization, state, "router", new RoutingOptions(), Context).PollAsync(target, options ?? new PollOptions(), default);

    private IAsyncEnumerable<Decision> DecisionsAsync() => state.FindDecisionsAsync(new DecisionQuery(), default);
}

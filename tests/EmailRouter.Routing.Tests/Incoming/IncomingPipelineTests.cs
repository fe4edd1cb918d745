using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Tests.Incoming;

public sealed class IncomingPipelineTests : IAsyncLifetime
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
    public async Task A_message_that_failed_holds_the_position_back_and_comes_again()
    {
        mail.HasCursors = true;
        mail.Put(Mail("bad"));
        mail.Put(Mail("good"));
        organization.BeforeDeliver = email =>
        {
            if (email.MessageId == "<bad@adatum.test>")
                throw new CrmException("CrmPlugInFailed", "refused", "look into it") { IsAboutRecord = true };
        };
        PollResult first = await PollAsync(Target);
        organization.BeforeDeliver = _ => { };

        PollResult second = await PollAsync(Target);

        Assert.Equal((1, 1), (first.Promoted, first.Deferred));
        Assert.Equal((1, 1), (second.New, second.Promoted));
        Assert.Equal(2, organization.Delivered.Count);
    }

    [Fact]
    public async Task A_lost_connection_keeps_what_was_done_and_the_next_poll_goes_on()
    {
        for (int i = 1; i <= 10; i++)
            mail.Put(Mail($"m{i}"));
        int fetches = 0;
        mail.At = (step, _) =>
        {
            if (step == "fetch" && ++fetches == 6)
                throw Lost(MailStep.Fetch);
        };
        PollResult first = await PollAsync(Target);
        mail.At = (_, _) => { };

        PollResult second = await PollAsync(Target);

        Assert.Equal((PollStatus.Failed, 5), (first.Status, first.Promoted));
        Assert.Equal((PollStatus.Completed, 5), (second.Status, second.Promoted));
        Assert.Equal(10, organization.Delivered.Count);
    }

    [Fact]
    public async Task A_delivery_whose_answer_was_lost_makes_one_activity()
    {
        mail.Put(Mail("a"));
        organization.AfterDeliver = _ => throw new CrmException("CrmUnavailable", "connection reset", "wait") { IsTransient = true };
        PollResult first = await PollAsync(Target);
        organization.AfterDeliver = _ => { };

        PollResult second = await PollAsync(Target);

        Assert.Equal(("CrmUnavailable", 0), (first.Error?.ErrorId, first.Decisions.Count));
        Assert.Equal(DecisionAction.Duplicate, second.Decisions.Single().Action);
        Assert.Single(organization.Delivered);
    }

    [Fact]
    public async Task An_organization_that_is_down_counts_against_no_message()
    {
        mail.Put(Mail("a"));
        organization.BeforeDeliver = _ => throw new CrmException("CrmStoreLocked", "locked", "wait") { IsTransient = true };
        for (int i = 0; i < 5; i++)
            Assert.Equal("CrmStoreLocked", (await PollAsync(Target)).Error?.ErrorId);
        organization.BeforeDeliver = _ => { };

        PollResult result = await PollAsync(Target);

        Assert.Equal(1, result.Promoted);
        Assert.Empty(await state.GetQuarantineAsync(default).ToListAsync());
    }

    [Fact]
    public async Task A_poison_message_is_quarantined_after_three_failures_and_the_others_go_on()
    {
        mail.Put(Mail("good1"));
        mail.Put(Mail("poison"));
        mail.Put(Mail("good2"));
        organization.BeforeDeliver = email =>
        {
            if (email.MessageId == "<poison@adatum.test>")
                throw new CrmException("CrmPlugInFailed", "the plug-in refused it", "look into the plug-in") { IsAboutRecord = true };
        };

        PollResult first = await PollAsync(Target);
        PollResult second = await PollAsync(Target);
        PollResult third = await PollAsync(Target);
        PollResult fourth = await PollAsync(Target);

        Assert.Equal((2, 1), (first.Promoted, first.Deferred));
        Assert.Equal((0, 1), (second.Promoted, second.Deferred));
        Assert.Equal(1, third.Quarantined);
        Assert.Equal(0, fourth.New);
        QuarantinedMessage set = Assert.Single(await state.GetQuarantineAsync(default).ToListAsync());
        Assert.Equal("CrmPlugInFailed", set.Error.ErrorId);
        Assert.Contains("poison@adatum.test", System.Text.Encoding.UTF8.GetString((await state.ReadQuarantinedAsync(set.Id, default))!), StringComparison.Ordinal);
        Assert.Equal(3, mail.Ids.Count);
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
    public async Task A_message_that_vanished_is_decided_and_costs_nothing_else()
    {
        mail.Put(Mail("a"), new MailCommandException(MailException.MessageGone, MailStep.Fetch, "gone", "none"));
        mail.Put(Mail("b"));

        PollResult result = await PollAsync(Target);

        Assert.Equal(["MessageGone", "AcceptAll"], result.Decisions.Select(d => d.Reason));
        Assert.Equal(PollStatus.Completed, result.Status);
    }

    [Fact]
    public async Task A_full_disk_ends_the_poll_and_counts_against_no_message()
    {
        mail.Put(Mail("a"));
        mail.Put(Mail("b"), new MailException(MailException.SpoolFailed, MailStep.Fetch, "no space left on device", "make room") { IsTransient = true });
        for (int i = 0; i < 4; i++)
            Assert.Equal(MailException.SpoolFailed, (await PollAsync(Target)).Error?.ErrorId);

        Assert.Single(organization.Delivered);
        Assert.Empty(await state.GetQuarantineAsync(default).ToListAsync());
    }

    [Fact]
    public async Task A_server_that_hands_nothing_out_any_more_ends_the_poll_and_sets_no_message_aside()
    {
        mail.Put(Mail("a"));
        mail.Put(Mail("b"), Lost(MailStep.Fetch));
        mail.Put(Mail("c"), Lost(MailStep.Fetch));
        for (int i = 0; i < 4; i++)
        {
            PollResult result = await PollAsync(Target);
            Assert.Equal((PollStatus.Failed, "MailConnectionLost", 0), (result.Status, result.Error?.ErrorId, result.Deferred));
        }

        Assert.Single(organization.Delivered);
        Assert.Empty(await state.GetQuarantineAsync(default).ToListAsync());
    }

    [Fact]
    public async Task A_message_that_cannot_be_had_while_a_later_one_can_is_set_aside_after_three_failures()
    {
        mail.Put(Mail("a"), Lost(MailStep.Fetch));
        mail.Put(Mail("b"), Lost(MailStep.Fetch));
        DecisionAction[] actions = [DecisionAction.Deferred, DecisionAction.Deferred, DecisionAction.Quarantined];
        for (int i = 0; i < 3; i++)
        {
            mail.Put(Mail($"later{i}"));
            PollResult result = await PollAsync(Target);
            Assert.Equal([actions[i], actions[i], DecisionAction.Promoted], result.Decisions.Select(d => d.Action));
        }

        Assert.Equal(2, await state.GetQuarantineAsync(default).CountAsync());
    }

    [Theory]
    [InlineData("Content-Type: multipart/report; report-type=delivery-status; boundary=b", "REPORT.IPM.Note.NDR")]
    [InlineData("Content-Type: multipart/report; report-type=disposition-notification; boundary=b", "REPORT.IPM.Note.IPNRN")]
    [InlineData("Content-Type: application/pkcs7-mime; smime-type=enveloped-data", "IPM.Note.SMIME")]
    [InlineData("Content-Type: text/calendar; method=REQUEST", "IPM.Schedule.Meeting.Request")]
    public async Task Classes_that_are_not_accepted_are_left_alone_without_asking_the_crm(string header, string messageClass)
    {
        organization.Check = _ => throw new InvalidOperationException("must not be asked");
        mail.Put(Mail("a", header));

        Decision decision = (await PollAsync(Target)).Decisions.Single();

        Assert.Equal((DecisionAction.NotTracked, DecisionReasons.MessageClassNotTracked), (decision.Action, decision.Reason));
        Assert.Contains(messageClass, decision.Explanation, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Out_of_office_replies_are_promoted()
    {
        mail.Put(Mail("a", "Auto-Submitted: auto-replied"));

        PollResult result = await PollAsync(Target);

        Assert.Equal(1, result.Promoted);
        Assert.Equal(MessageClassifier.OutOfOffice, organization.Delivered.Single().MessageClass);
    }

    [Fact]
    public async Task Mail_that_this_router_sent_from_the_polled_mailbox_and_that_came_back_is_a_loop()
    {
        mail.Put(Mail("a", "X-EmailRouter-Loop: router 0a000000-0000-0000-0000-000000000009").Replace("ann@adatum.test", "sales@contoso.test", StringComparison.Ordinal));
        mail.Put(Mail("b", "X-EmailRouter-Loop: another-router 0a000000-0000-0000-0000-000000000009"));

        PollResult result = await PollAsync(Target);

        Assert.Equal(["MailLoop", "AcceptAll"], result.Decisions.Select(d => d.Reason));
    }

    [Fact]
    public async Task Too_many_hops_are_a_loop()
    {
        mail.Put(Mail("a", string.Join('\n', Enumerable.Repeat("Received: from a by b; Mon, 2 Mar 2026 08:00:00 +0000", 26))));

        Assert.Equal("MailLoop", (await PollAsync(Target)).Decisions.Single().Reason);
    }

    [Fact]
    public async Task Mail_received_before_the_profile_starts_is_left_alone()
    {
        mail.Put(Mail("old"));
        PollTarget target = For(Policy with { ReceivedAfter = new DateTimeOffset(2026, 3, 3, 0, 0, 0, TimeSpan.Zero) });

        Assert.Equal(DecisionReasons.ReceivedTooEarly, (await PollAsync(target)).Decisions.Single().Reason);
        Assert.Empty(organization.Delivered);
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

    [Fact]
    public async Task A_stopped_poll_says_so_and_loses_nothing()
    {
        using var stop = new CancellationTokenSource();
        for (int i = 1; i <= 20; i++)
            mail.Put(Mail($"m{i}"));
        int fetches = 0;
        mail.At = (step, _) =>
        {
            if (step == "fetch" && ++fetches == 10)
                stop.Cancel();
        };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            new IncomingPipeline(organization, state, "router", new RoutingOptions(), Context).PollAsync(Target, new PollOptions(), stop.Token));
        mail.At = (_, _) => { };
        PollResult rest = await PollAsync(Target);

        Assert.Equal(PollStatus.Completed, rest.Status);
        Assert.Equal(20, organization.Delivered.Select(d => d.MessageId).Distinct().Count());
        Assert.Equal(20, organization.Delivered.Count);
    }

    [Fact]
    public async Task Blocked_and_oversized_attachments_are_left_out_with_a_notice()
    {
        organization.Settings = organization.Settings with { MaxUploadFileSize = 10 };
        mail.Put("""
            From: Ann <ann@adatum.test>
            To: sales@contoso.test
            Message-ID: <a@adatum.test>
            Date: Mon, 2 Mar 2026 07:00:00 +0000
            Subject: files
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary=b

            --b
            Content-Type: text/plain

            hello
            --b
            Content-Type: application/octet-stream; name="setup.exe"
            Content-Disposition: attachment; filename="setup.exe"

            x
            --b
            Content-Type: text/plain
            Content-Disposition: attachment; filename="long.txt"

            more than ten bytes
            --b
            Content-Type: text/plain
            Content-Disposition: attachment; filename="ok.txt"

            short
            --b--

            """);

        Decision decision = (await PollAsync(Target)).Decisions.Single();

        IncomingEmail email = organization.Delivered.Single();
        Assert.Equal(["ok.txt"], email.Attachments.Select(a => a.FileName));
        Assert.Equal(EmailNotification.AttachmentsNotSaved, email.Notification);
        Assert.Equal(2, decision.Evidence.Count(e => e.Rule == "AttachmentPolicy"));
    }

    [Fact]
    public async Task A_body_beyond_a_mebicharacter_is_cut_with_a_notice_and_a_shorter_one_is_whole()
    {
        const int limit = 1_048_576;
        string whole = new('x', limit - 10);
        string split = new string('x', limit - 1) + "\U0001F600 and more";
        foreach ((string id, string body) in new[] { ("whole", whole), ("long", new string('y', limit + 10)), ("split", split) })
            mail.Put(Mail(id, "Content-Type: text/plain; charset=utf-8").Replace($"hello {id}", body, StringComparison.Ordinal));

        PollResult result = await PollAsync(Target);

        Assert.Equal(
            [("whole", EmailNotification.None, limit - 10), ("long", EmailNotification.BodyTruncated, limit), ("split", EmailNotification.BodyTruncated, limit - 1)],
            organization.Delivered.Select(e => (e.Subject, e.Notification, e.Body.TrimEnd().Length)));
        Assert.Equal([0, 1, 1], result.Decisions.Select(d => d.Evidence.Count(e => e.Rule == "BodyPolicy")));
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

using System.Text;
using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Tests.State;

/// <summary>What every implementation of <see cref="IRouterState"/> promises.</summary>
public abstract class RouterStateContract : IAsyncLifetime
{
    private static readonly MailboxKey Support = new("Contoso", "support@example.test");
    private static readonly RouterError Failure = new("MailFetchFailed", "Fetch", "The server said no.", "Look at the message.", true) { RetryAfter = TimeSpan.FromSeconds(90) };

    protected ManualClock Clock { get; } = new();

    protected IRouterState State { get; private set; } = null!;

    public async Task InitializeAsync() => State = await OpenAsync();

    public async Task DisposeAsync() => await State.DisposeAsync();

    /// <summary>Opens one more connection to the same, at first empty, state.</summary>
    protected abstract Task<IRouterState> OpenAsync();

    [Fact]
    public async Task Amounts_are_counted_up_to_a_limit_and_leave_the_window_by_the_minute()
    {
        DateTimeOffset start = Clock.GetUtcNow();
        Task<TallyResult> CountAsync(long amount, string what = "a") => State.CountAsync(new Tally(what, amount, Clock.GetUtcNow()), 10, TimeSpan.FromHours(1), default).AsTask();

        Assert.Equal(new TallyResult(true, 0, null), await CountAsync(4));
        Clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(new TallyResult(true, 4, null), await CountAsync(6));
        TallyResult full = await CountAsync(3);
        Assert.Equal((false, 10L), (full.IsWithinLimit, full.Total));
        Assert.InRange(full.RoomOn!.Value, start + TimeSpan.FromMinutes(60), start + TimeSpan.FromMinutes(61));
        Assert.Null((await CountAsync(11)).RoomOn);
        Assert.Equal(new TallyResult(true, 10, null), await CountAsync(0));
        Assert.Equal(new TallyResult(true, 0, null), await CountAsync(10, "b"));

        Clock.Advance(full.RoomOn.Value - Clock.GetUtcNow());
        Assert.Equal(new TallyResult(true, 6, null), await CountAsync(3));
    }

    [Fact]
    public async Task Two_routers_count_together()
    {
        await using IRouterState other = await OpenAsync();
        await State.CountAsync(new Tally("a", 7, Clock.GetUtcNow()), 10, TimeSpan.FromHours(24), default);

        Assert.False((await other.CountAsync(new Tally("a", 4, Clock.GetUtcNow()), 10, TimeSpan.FromHours(24), default)).IsWithinLimit);
        Assert.True((await other.CountAsync(new Tally("a", 3, Clock.GetUtcNow()), 10, TimeSpan.FromHours(24), default)).IsWithinLimit);
    }

    [Fact]
    public async Task A_new_mailbox_is_at_the_start()
    {
        Assert.True((await State.GetCursorAsync(Support, default)).IsStart);
        Assert.Empty(await State.GetSeenAsync(Support, ["1", "2"], default));
    }

    [Fact]
    public async Task Recording_keeps_cursor_seen_messages_and_decisions_together()
    {
        Decision promoted = Sample(1) with { Action = DecisionAction.Promoted, ActivityId = Guid.NewGuid() };
        Decision ignored = Sample(2) with { Action = DecisionAction.NotTracked };

        await State.RecordAsync(Support, [new("uid1", promoted, false), new("uid2", ignored, true)], new MailboxCursor("17:2"), default);

        Assert.Equal("17:2", (await State.GetCursorAsync(Support, default)).Value);
        IReadOnlyDictionary<string, SeenMessage> seen = await State.GetSeenAsync(Support, ["uid1", "uid2", "uid3"], default);
        Assert.Equal(2, seen.Count);
        Assert.Equal(new SeenMessage("uid1", 0, DecisionAction.Promoted, false), seen["uid1"]);
        Assert.Equal(new SeenMessage("uid2", 0, DecisionAction.NotTracked, true), seen["uid2"]);
        Assert.Equal([ignored.Id, promoted.Id], await IdsAsync(new DecisionQuery()));
    }

    [Fact]
    public async Task Recording_without_a_cursor_leaves_the_cursor()
    {
        await State.RecordAsync(Support, [], new MailboxCursor("5"), default);
        await State.RecordAsync(Support, [new("uid1", Sample(1), false)], null, default);

        Assert.Equal("5", (await State.GetCursorAsync(Support, default)).Value);
    }

    [Fact]
    public async Task Mailboxes_are_compared_without_regard_to_case_and_kept_apart_by_deployment()
    {
        await State.RecordAsync(new("Contoso", "Jörg@Example.TEST"), [new("uid1", Sample(1), false)], new MailboxCursor("9"), default);

        Assert.Equal("9", (await State.GetCursorAsync(new("CONTOSO", "JÖRG@example.test"), default)).Value);
        Assert.True((await State.GetCursorAsync(new("Fabrikam", "jörg@example.test"), default)).IsStart);
        Assert.Single(await State.GetSeenAsync(new("contoso", "jörg@example.test"), ["uid1"], default));
    }

    [Fact]
    public async Task Ids_of_messages_are_compared_exactly()
    {
        await State.RecordAsync(Support, [new("AbC%", Sample(1), false)], null, default);

        Assert.Empty(await State.GetSeenAsync(Support, ["abc%", "ABC%"], default));
        Assert.Single(await State.GetSeenAsync(Support, ["AbC%"], default));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(1000)]
    public async Task Seen_messages_are_found_among_few_ids_and_among_many(int asked)
    {
        await State.RecordAsync(Support, [.. Enumerable.Range(0, 5).Select(i => new ProcessedMessage($"uid{i * 2}", Sample(i), false))], null, default);

        IReadOnlyDictionary<string, SeenMessage> seen = await State.GetSeenAsync(Support, [.. Enumerable.Range(0, asked).Select(i => $"uid{i}")], default);

        Assert.Equal(asked == 3 ? ["uid0", "uid2"] : ["uid0", "uid2", "uid4", "uid6", "uid8"], seen.Keys.Order());
    }

    [Fact]
    public async Task A_deferred_message_is_not_done()
    {
        await State.RecordAsync(Support, [new("uid1", Sample(1) with { Action = DecisionAction.Deferred, Error = Failure }, true)], null, default);

        SeenMessage seen = (await State.GetSeenAsync(Support, ["uid1"], default))["uid1"];
        Assert.Null(seen.Action);
        Assert.False(seen.IsSettled);
        Assert.Single(await FindAsync(new DecisionQuery { Action = DecisionAction.Deferred }));
    }

    [Fact]
    public async Task Recording_the_same_decision_again_changes_nothing()
    {
        Decision decision = Sample(1);

        await State.RecordAsync(Support, [new("uid1", decision, false)], null, default);
        await State.RecordAsync(Support, [new("uid1", decision, false)], null, default);
        await State.RecordDecisionsAsync([decision], default);

        Assert.Single(await FindAsync(new DecisionQuery()));
    }

    [Fact]
    public async Task Settlement_is_remembered_for_the_messages_named_only()
    {
        await State.RecordAsync(Support, [new("uid1", Sample(1), false), new("uid2", Sample(2), false)], null, default);

        await State.MarkSettledAsync(Support, ["uid1", "never seen"], default);
        await State.MarkSettledAsync(new("Contoso", "unknown@example.test"), ["uid2"], default);

        IReadOnlyDictionary<string, SeenMessage> seen = await State.GetSeenAsync(Support, ["uid1", "uid2", "never seen"], default);
        Assert.True(seen["uid1"].IsSettled);
        Assert.False(seen["uid2"].IsSettled);
        Assert.Equal(2, seen.Count);
    }

    [Fact]
    public async Task Messages_the_server_no_longer_lists_are_forgotten_and_their_decisions_stay()
    {
        await State.RecordAsync(Support, [new("uid1", Sample(1), true), new("uid2", Sample(2), false), new("uid3", Sample(3), false)], null, default);

        int first = await State.ForgetAllButAsync(Support, ["uid2", "new"], default);
        int second = await State.ForgetAllButAsync(Support, ["uid2", "new"], default);

        Assert.Equal((2, 0), (first, second));
        Assert.Equal(["uid2"], (await State.GetSeenAsync(Support, ["uid1", "uid2", "uid3", "new"], default)).Keys);
        Assert.Equal(3, (await FindAsync(new DecisionQuery())).Count);
        Assert.Equal(0, await State.ForgetAllButAsync(new("Contoso", "unknown@example.test"), [], default));
    }

    [Fact]
    public async Task Reset_forgets_the_position_of_one_mailbox_and_keeps_its_decisions()
    {
        var other = new MailboxKey("Contoso", "sales@example.test");
        await State.RecordAsync(Support, [new("uid1", Sample(1), true)], new MailboxCursor("1"), default);
        await State.RecordAsync(other, [new("uid1", Sample(2), true)], new MailboxCursor("2"), default);

        await State.ResetMailboxAsync(Support, default);

        Assert.True((await State.GetCursorAsync(Support, default)).IsStart);
        Assert.Empty(await State.GetSeenAsync(Support, ["uid1"], default));
        Assert.Equal("2", (await State.GetCursorAsync(other, default)).Value);
        Assert.Single(await State.GetSeenAsync(other, ["uid1"], default));
        Assert.Equal(2, (await FindAsync(new DecisionQuery())).Count);
    }

    [Fact]
    public async Task Failures_are_counted_for_each_message()
    {
        Assert.Equal(1, await State.CountFailureAsync(Support, "uid1", Failure, default));
        Assert.Equal(2, await State.CountFailureAsync(Support, "uid1", Failure, default));
        Assert.Equal(1, await State.CountFailureAsync(Support, "uid2", Failure, default));

        Assert.Equal(new SeenMessage("uid1", 2, null, false), (await State.GetSeenAsync(Support, ["uid1"], default))["uid1"]);
    }

    [Fact]
    public async Task A_message_that_succeeds_at_last_keeps_the_number_of_its_failures()
    {
        await State.CountFailureAsync(Support, "uid1", Failure, default);

        await State.RecordAsync(Support, [new("uid1", Sample(1), true)], null, default);

        Assert.Equal(new SeenMessage("uid1", 1, DecisionAction.Promoted, true), (await State.GetSeenAsync(Support, ["uid1"], default))["uid1"]);
    }

    [Fact]
    public async Task Quarantine_keeps_the_bytes_the_reason_and_the_decision()
    {
        byte[] bytes = Encoding.Latin1.GetBytes("Subject: \0broken\r\n\r\n\xFF");
        Decision decision = Sample(1) with { Action = DecisionAction.Quarantined, Reason = DecisionReasons.RepeatedFailure, Subject = "broken", Error = Failure };

        await State.QuarantineAsync(Support, new("uid1", decision, false), bytes.AsMemory(), default);

        QuarantinedMessage found = Assert.Single(await State.GetQuarantineAsync(default).ToListAsync());
        Assert.Equal(new QuarantinedMessage(decision.Id, Support, "uid1", decision.On, bytes.Length, "broken", Failure), found);
        Assert.Equal(bytes, await State.ReadQuarantinedAsync(found.Id, default));
        Assert.Equal(DecisionAction.Quarantined, (await State.GetSeenAsync(Support, ["uid1"], default))["uid1"].Action);
        Assert.Equal([decision.Id], await IdsAsync(new DecisionQuery { Action = DecisionAction.Quarantined }));
    }

    [Fact]
    public async Task Quarantine_takes_a_slice_an_empty_message_and_the_same_message_twice()
    {
        byte[] buffer = [0, 1, 2, 3, 4];
        Decision slice = Sample(1) with { Action = DecisionAction.Quarantined };
        Decision empty = Sample(2) with { Action = DecisionAction.Quarantined };

        await State.QuarantineAsync(Support, new("uid1", slice, false), buffer.AsMemory(1, 3), default);
        await State.QuarantineAsync(Support, new("uid1", slice, false), buffer.AsMemory(1, 3), default);
        await State.QuarantineAsync(Support, new("uid2", empty, false), default, default);

        Assert.Equal([empty.Id, slice.Id], (await State.GetQuarantineAsync(default).ToListAsync()).Select(m => m.Id));
        Assert.Equal(new byte[] { 1, 2, 3 }, (await State.ReadQuarantinedAsync(slice.Id, default))!);
        Assert.Equal(Array.Empty<byte>(), (await State.ReadQuarantinedAsync(empty.Id, default))!);
        Assert.Null(await State.ReadQuarantinedAsync(Guid.NewGuid(), default));
    }

    [Fact]
    public async Task A_decision_comes_back_as_it_was()
    {
        Decision full = Sample(1) with
        {
            Direction = MailDirection.Outgoing,
            To = ["a@example.test", "b@example.test"],
            Evidence = [new("Correlation.InReplyTo", EvidenceVerdict.Match, "<1@example.test> is \"known\" – schön"), new("Filter", EvidenceVerdict.Skipped, "")],
            ActivityId = Guid.NewGuid(),
            Error = Failure,
        };
        Decision bare = Sample(2) with { MessageKey = null, MessageId = null, Subject = null, From = null };

        await State.RecordDecisionsAsync([full, bare], default);

        IReadOnlyList<Decision> found = await FindAsync(new DecisionQuery());
        Assert.Equivalent(bare, found[0], strict: true);
        Assert.Equivalent(full, found[1], strict: true);
        Assert.Equal(full.Evidence, found[1].Evidence);
    }

    [Fact]
    public async Task Decisions_are_found_by_each_criterion()
    {
        var activity = Guid.NewGuid();
        Decision wanted = Sample(5) with
        {
            Direction = MailDirection.Outgoing,
            Deployment = "Fabrikam",
            Mailbox = "Sales@Example.test",
            MessageId = "<wanted@example.test>",
            Subject = "Angebot über ÄPFEL",
            From = "Grüße@Example.test",
            Action = DecisionAction.Sent,
            Reason = DecisionReasons.Accepted,
            ActivityId = activity,
        };
        await State.RecordDecisionsAsync([Sample(1), Sample(2), wanted], default);
        DecisionQuery[] queries =
        [
            new() { Deployment = "FABRIKAM" },
            new() { Mailbox = "sales@example.TEST" },
            new() { Direction = MailDirection.Outgoing },
            new() { Action = DecisionAction.Sent },
            new() { Reason = "accepted" },
            new() { MessageId = "<wanted@example.test>" },
            new() { MessageId = "wanted@example.test" },
            new() { Subject = "über äpfel" },
            new() { From = "GRÜSSE@example.test".Replace("SS", "ß") },
            new() { ActivityId = activity },
            new() { Since = wanted.On },
            new() { Deployment = "Fabrikam", Mailbox = "sales*", Action = DecisionAction.Sent, Since = wanted.On, Until = wanted.On, First = 5 },
        ];

        foreach (DecisionQuery query in queries)
            Assert.True((await IdsAsync(query)).SequenceEqual([wanted.Id]), query.ToString());

        Assert.Empty(await FindAsync(new DecisionQuery { Deployment = "Fabrikam", Action = DecisionAction.Failed }));
        Assert.Equal(2, (await FindAsync(new DecisionQuery { Until = wanted.On - TimeSpan.FromTicks(1) })).Count);
    }

    [Theory]
    [InlineData("*", 4)]
    [InlineData("*@example.test", 3)]
    [InlineData("a?c@example.test", 2)]
    [InlineData("A_C@example.test", 1)]
    [InlineData("100%@*", 1)]
    [InlineData("%", 0)]
    [InlineData("a_c*", 1)]
    [InlineData("[a]*", 0)]
    public async Task Wildcards_are_star_and_question_mark_and_nothing_else(string pattern, int count)
    {
        string[] addresses = ["a_c@example.test", "abc@example.test", "100%@other.test", "d@example.test"];
        await State.RecordDecisionsAsync([.. addresses.Select((a, i) => Sample(i) with { Mailbox = a, From = a })], default);

        Assert.Equal(count, (await FindAsync(new DecisionQuery { Mailbox = pattern })).Count);
        Assert.Equal(count, (await FindAsync(new DecisionQuery { From = pattern })).Count);
    }

    [Fact]
    public async Task Decisions_come_newest_first_over_many_pages_and_stop_at_the_number_asked_for()
    {
        // Three share each moment, so that pages end within one.
        Decision[] decisions = [.. Enumerable.Range(0, 900).Select(i => Sample(i / 3))];
        await State.RecordDecisionsAsync(decisions, default);

        Assert.Equal(decisions.Reverse().Select(d => d.Id), await IdsAsync(new DecisionQuery()));
        Assert.Equal(decisions.Reverse().Take(300).Select(d => d.Id), await IdsAsync(new DecisionQuery { First = 300 }));
        Assert.Empty(await FindAsync(new DecisionQuery { First = 0 }));
    }

    [Fact]
    public async Task Listing_decisions_stops_when_cancelled()
    {
        await State.RecordDecisionsAsync([Sample(1), Sample(2)], default);
        using var stop = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (Decision decision in State.FindDecisionsAsync(new DecisionQuery(), stop.Token))
                await stop.CancelAsync();
        });
    }

    [Fact]
    public async Task Old_decisions_are_pruned_and_nothing_else()
    {
        Decision[] decisions = [.. Enumerable.Range(0, 10).Select(Sample)];
        await State.RecordAsync(Support, [.. decisions.Select((d, i) => new ProcessedMessage($"uid{i}", d, false))], new MailboxCursor("10"), default);
        await State.QuarantineAsync(Support, new("bad", Sample(0), false), new byte[] { 1 }, default);

        int count = await State.PruneDecisionsAsync(decisions[4].On, default);

        Assert.Equal(5, count);
        Assert.Equal(decisions[4..].Reverse().Select(d => d.Id), await IdsAsync(new DecisionQuery()));
        Assert.Equal(10, (await State.GetSeenAsync(Support, [.. Enumerable.Range(0, 10).Select(i => $"uid{i}")], default)).Count);
        Assert.Single(await State.GetQuarantineAsync(default).ToListAsync());
        Assert.Equal("10", (await State.GetCursorAsync(Support, default)).Value);
    }

    [Fact]
    public async Task The_journal_keeps_the_newest_entry_of_each_activity()
    {
        var activity = Guid.NewGuid();
        DateTimeOffset on = Clock.GetUtcNow();
        var prepared = new SendJournalEntry("Contoso", activity, "<1@example.test>", 1, SendPhase.Prepared, on, null);
        SendJournalEntry accepted = prepared with { Phase = SendPhase.Accepted, Reply = "250 2.0.0 Ok", On = on.AddSeconds(3), AcceptedRecipients = ["a@example.test"] };

        Assert.Null(await JournalAsync("Contoso", activity));
        await State.WriteJournalAsync([prepared], [], default);
        Assert.Equivalent(prepared, await JournalAsync("CONTOSO", activity), strict: true);
        await State.WriteJournalAsync([accepted], [], default);
        Assert.Equivalent(accepted, await JournalAsync("Contoso", activity), strict: true);
        Assert.Null(await JournalAsync("Fabrikam", activity));
        Assert.Null(await JournalAsync("Contoso", Guid.NewGuid()));
    }

    [Fact]
    public async Task A_lease_is_held_by_one_and_renewed_by_its_holder()
    {
        Lease first = await State.AcquireLeaseAsync("mailbox/a", "router1", TimeSpan.FromMinutes(1), default);
        Clock.Advance(TimeSpan.FromSeconds(30));
        Lease refused = await State.AcquireLeaseAsync("mailbox/a", "router2", TimeSpan.FromMinutes(1), default);
        Lease renewed = await State.AcquireLeaseAsync("mailbox/a", "router1", TimeSpan.FromMinutes(1), default);

        Assert.Equal(new Lease("mailbox/a", "router1", 1, first.ExpiresOn, true), first);
        Assert.Equal(new Lease("mailbox/a", "router1", 1, first.ExpiresOn, false), refused);
        Assert.Equal(new Lease("mailbox/a", "router1", 1, Clock.GetUtcNow().AddMinutes(1), true), renewed);
        Assert.True((await State.AcquireLeaseAsync("mailbox/b", "router2", TimeSpan.FromMinutes(1), default)).IsHeld);
    }

    [Fact]
    public async Task An_expired_lease_changes_hands_with_a_new_epoch()
    {
        await State.AcquireLeaseAsync("x", "router1", TimeSpan.FromMinutes(1), default);
        Clock.Advance(TimeSpan.FromMinutes(1) - TimeSpan.FromTicks(1));
        Assert.False((await State.AcquireLeaseAsync("x", "router2", TimeSpan.FromMinutes(1), default)).IsHeld);
        Clock.Advance(TimeSpan.FromTicks(1));

        Lease taken = await State.AcquireLeaseAsync("x", "router2", TimeSpan.FromMinutes(1), default);

        Assert.Equal(("router2", 2L, true), (taken.Holder, taken.Epoch, taken.IsHeld));
        Assert.False((await State.AcquireLeaseAsync("x", "router1", TimeSpan.FromMinutes(1), default)).IsHeld);
    }

    [Fact]
    public async Task A_released_lease_is_free_and_only_its_holder_can_release_it()
    {
        await State.AcquireLeaseAsync("x", "router1", TimeSpan.FromMinutes(1), default);
        await State.ReleaseLeaseAsync("x", "router2", default);
        Assert.False((await State.AcquireLeaseAsync("x", "router2", TimeSpan.FromMinutes(1), default)).IsHeld);

        await State.ReleaseLeaseAsync("x", "router1", default);
        await State.ReleaseLeaseAsync("never taken", "router1", default);

        Lease taken = await State.AcquireLeaseAsync("x", "router1", TimeSpan.FromMinutes(1), default);
        Assert.Equal((2L, true), (taken.Epoch, taken.IsHeld));
    }

    [Fact]
    public async Task Of_many_that_race_for_a_lease_one_gets_it()
    {
        await using IRouterState second = await OpenAsync();
        await using IRouterState third = await OpenAsync();
        IRouterState[] states = [State, second, third];

        Lease[] leases = await Task.WhenAll(Enumerable.Range(0, 30).Select(i =>
            Task.Run(async () => await states[i % 3].AcquireLeaseAsync("x", $"router{i}", TimeSpan.FromMinutes(1), default))));

        Lease held = Assert.Single(leases, l => l.IsHeld);
        Assert.All(leases, l => Assert.Equal((held.Holder, 1L), (l.Holder, l.Epoch)));
    }

    [Fact]
    public async Task What_one_connection_records_another_sees()
    {
        await using IRouterState second = await OpenAsync();
        await second.RecordAsync(Support, [new("uid1", Sample(1), false)], new MailboxCursor("1"), default);

        Assert.Equal("1", (await State.GetCursorAsync(Support, default)).Value);
        Assert.Equal(1, await State.CountFailureAsync(Support, "uid1", Failure, default));
        Assert.Equal(2, await second.CountFailureAsync(Support, "uid1", Failure, default));
    }

    [Fact]
    public async Task Many_writers_on_several_connections_lose_nothing()
    {
        await using IRouterState second = await OpenAsync();
        IRouterState[] states = [State, second];

        await Task.WhenAll(Enumerable.Range(0, 100).Select(i =>
            Task.Run(async () => await states[i % 2].RecordAsync(new("Contoso", $"m{i % 7}@example.test"), [new($"uid{i}", Sample(i), false)], new MailboxCursor($"{i}"), default))));

        Assert.Equal(100, (await FindAsync(new DecisionQuery())).Count);
    }

    [Fact]
    public async Task A_call_that_is_cancelled_before_it_begins_has_no_effect()
    {
        using var stop = new CancellationTokenSource();
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await State.RecordDecisionsAsync([Sample(1)], stop.Token));

        Assert.Empty(await FindAsync(new DecisionQuery()));
    }

    [Fact]
    public async Task A_closed_state_says_so()
    {
        IRouterState second = await OpenAsync();
        await second.DisposeAsync();
        await second.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await second.GetCursorAsync(Support, default));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await second.RecordDecisionsAsync([Sample(1)], default));
    }

    /// <summary>A decision taken at the n-th minute.</summary>
    protected Decision Sample(int minute) => new()
    {
        Id = Guid.NewGuid(),
        On = new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero).AddMinutes(minute).AddTicks(1234567),
        Direction = MailDirection.Incoming,
        Deployment = "Contoso",
        Mailbox = "support@example.test",
        MessageKey = $"uid{minute}",
        MessageId = $"<{minute}.{Guid.NewGuid():N}@example.test>",
        Subject = $"Message {minute}",
        From = "customer@example.test",
        Action = DecisionAction.Promoted,
        Reason = nameof(CheckReason.AcceptAll),
        Explanation = "All email of this mailbox is promoted.",
    };

    protected async Task<IReadOnlyList<Decision>> FindAsync(DecisionQuery query) => await State.FindDecisionsAsync(query, default).ToListAsync();

    private async Task<IEnumerable<Guid>> IdsAsync(DecisionQuery query) => (await FindAsync(query)).Select(d => d.Id);

    private async Task<SendJournalEntry?> JournalAsync(string deployment, Guid activityId) =>
        (await State.GetJournalAsync(deployment, [activityId], default)).GetValueOrDefault(activityId);
}

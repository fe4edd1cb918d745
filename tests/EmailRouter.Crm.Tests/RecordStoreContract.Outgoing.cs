using System.Security.Cryptography;

namespace EmailRouter.Crm.Tests;

public abstract partial class RecordStoreContract
{
    private static readonly TimeSpan stuckAfter = new ClaimRequest().StuckAfter;

    [Fact]
    public async Task A_claim_takes_an_email_to_sending_with_token_parties_and_attachments()
    {
        byte[] content = RandomNumberGenerator.GetBytes(700_000);
        RecordReference carl = await CarlAsync();
        Guid id = await World.AddPendingAsync(new PendingSeed(Anna, [carl], "Offer") { Priority = EmailPriority.High,
            Attachments = [Attachment("offer.pdf", content)] });

        PendingEmail email = Assert.Single(await ClaimAsync());

        Assert.Equal(id, email.ActivityId);
        Assert.Equal("CRM:0001001", email.TrackingToken);
        Assert.Equal("Offer CRM:0001001", email.Subject);
        Assert.Equal((Anna, "anna@example.test", "Anna Adams"), (email.From, email.FromAddress, email.FromName));
        Assert.Equal(
            [new ActivityParty(ParticipationType.Sender, "anna@example.test", Anna), new ActivityParty(ParticipationType.To, "carl@customer.test", carl)],
            email.Parties);
        Assert.Equal((EmailPriority.High, 0, false, World.Now), (email.Priority, email.DeliveryAttempts, email.WasStuck, email.CreatedOn));
        EmailAttachment attachment = Assert.Single(email.Attachments);
        Assert.Equal(("offer.pdf", 700_000), (attachment.FileName, attachment.Size));
        using var copy = new MemoryStream();
        await using (Stream stream = await attachment.Open(default))
            await stream.CopyToAsync(copy);
        Assert.Equal(content, copy.ToArray());
        StoredState stored = await World.GetAsync(id);
        Assert.Equal((EmailState.Completed, EmailStatus.Sending, "Offer CRM:0001001"), (stored.State, stored.Status, stored.Subject));
    }

    [Fact]
    public async Task An_email_is_claimed_once()
    {
        await PendingAsync("Offer");

        Assert.Single(await ClaimAsync());
        Assert.Empty(await ClaimAsync());
    }

    [Fact]
    public async Task Peeking_tells_what_would_be_claimed_and_changes_nothing()
    {
        Guid id = await PendingAsync("Offer");
        StoredState before = await World.GetAsync(id);

        PendingEmail peeked = Assert.Single(await Store.ClaimPendingAsync(new ClaimRequest { PeekOnly = true }, default));

        Assert.Equal((id, "Offer CRM:0001001"), (peeked.ActivityId, peeked.Subject));
        Assert.Equivalent(before, await World.GetAsync(id), strict: true);
        Assert.Equal("Offer CRM:0001001", Assert.Single(await ClaimAsync()).Subject);
    }

    [Fact]
    public async Task Emails_that_are_excepted_are_not_claimed()
    {
        Guid first = await PendingAsync("First");
        Guid second = await PendingAsync("Second");

        Assert.Equal(second, Assert.Single(await Store.ClaimPendingAsync(new ClaimRequest { ExceptActivityIds = [first] }, default)).ActivityId);
    }

    [Fact]
    public async Task Many_claimers_at_once_never_get_the_same_email()
    {
        for (int i = 0; i < 30; i++)
            await PendingAsync($"Offer {i}");

        IReadOnlyList<PendingEmail>[] claims = await Task.WhenAll(
            Enumerable.Range(0, 10).Select(_ => Task.Run(async () => await Store.ClaimPendingAsync(new ClaimRequest { MaxCount = 4 }, default))));

        Guid[] ids = [.. claims.SelectMany(c => c).Select(c => c.ActivityId)];
        Assert.Equal(30, ids.Length);
        Assert.Equal(30, ids.Distinct().Count());
    }

    [Fact]
    public async Task A_sent_email_keeps_message_id_time_and_attempts()
    {
        Guid id = await PendingAsync("Offer");
        PendingEmail email = Assert.Single(await ClaimAsync());

        await Store.CompleteAsync(email, new SendOutcome.Sent("<s1@example.test>", World.Now), default);

        StoredState stored = await World.GetAsync(id);
        Assert.Equal((EmailState.Completed, EmailStatus.Sent), (stored.State, stored.Status));
        Assert.Equal(("<s1@example.test>", World.Now, 1, null), (stored.MessageId, stored.SentOn, stored.DeliveryAttempts, stored.FailureReason));
    }

    [Fact]
    public async Task A_sent_email_is_found_by_its_words_and_addresses()
    {
        Guid id = await PendingAsync("Offer for pumps");
        await Store.CompleteAsync(Assert.Single(await ClaimAsync()), new SendOutcome.Sent("<s1@example.test>", World.Now), default);
        var keys = SmartMatchKeys.Compute("RE: Offer for pumps CRM:0001001", ["carl@customer.test", "anna@example.test"],
            await Store.GetSettingsAsync(default));

        RecordLookup found = await Store.LookupAsync(new RecordQuery { SmartMatch = new SmartMatchQuery(keys, 0, 2, World.Now - TimeSpan.FromDays(1)) },
            default);

        Assert.Equal(id, Assert.Single(found.SmartMatches).Email.ActivityId);
    }

    [Fact]
    public async Task A_failed_email_is_open_again_with_its_reason()
    {
        Guid id = await PendingAsync("Offer");
        PendingEmail email = Assert.Single(await ClaimAsync());

        await Store.CompleteAsync(email, new SendOutcome.Failed("550 no such user"), default);

        StoredState stored = await World.GetAsync(id);
        Assert.Equal((EmailState.Open, EmailStatus.Failed, 1, Reason("550 no such user")),
            (stored.State, stored.Status, stored.DeliveryAttempts, stored.FailureReason));
        Assert.Empty(await ClaimAsync());
    }

    [Fact]
    public async Task A_retry_waits_until_its_time_and_keeps_the_message_id()
    {
        Guid id = await PendingAsync("Offer");
        await Store.CompleteAsync(Assert.Single(await ClaimAsync()), new SendOutcome.Retry("<s1@example.test>", World.Now.AddMinutes(5), "451 later"), default);
        StoredState stored = await World.GetAsync(id);
        Assert.Equal((EmailStatus.PendingSend, 1, World.KeepsReasonsOfRetries ? "451 later" : null), (stored.Status, stored.DeliveryAttempts, stored.FailureReason));

        World.Advance(TimeSpan.FromMinutes(5) - TimeSpan.FromTicks(1));
        Assert.Empty(await ClaimAsync());
        World.Advance(TimeSpan.FromTicks(1));
        PendingEmail again = Assert.Single(await ClaimAsync());

        Assert.Equal(("<s1@example.test>", 1, false), (again.MessageId, again.DeliveryAttempts, again.WasStuck));
        Assert.Equal("Offer CRM:0001001", again.Subject);
    }

    [Fact]
    public async Task A_released_email_is_pending_as_it_was()
    {
        Guid id = await PendingAsync("Offer");
        PendingEmail email = Assert.Single(await ClaimAsync());

        await Store.CompleteAsync(email, new SendOutcome.Released(), default);

        StoredState stored = await World.GetAsync(id);
        Assert.Equal((EmailStatus.PendingSend, 0), (stored.Status, stored.DeliveryAttempts));
        Assert.Equal(email.TrackingToken, Assert.Single(await ClaimAsync()).TrackingToken);
    }

    [Fact]
    public async Task An_uncertain_email_stays_in_sending_until_somebody_decides()
    {
        Guid id = await PendingAsync("Offer");
        PendingEmail email = Assert.Single(await ClaimAsync());

        await Store.CompleteAsync(email, new SendOutcome.Uncertain("<s1@example.test>", "connection lost after the final dot"), default);

        StoredState stored = await World.GetAsync(id);
        Assert.Equal((EmailStatus.Sending, "<s1@example.test>", Reason("connection lost after the final dot")),
            (stored.Status, stored.MessageId, stored.FailureReason));
        Assert.Empty(await ClaimAsync());
        await Store.CompleteAsync(email, new SendOutcome.Sent("<s1@example.test>", World.Now), default);
        stored = await World.GetAsync(id);
        Assert.Equal((EmailStatus.Sent, 1), (stored.Status, stored.DeliveryAttempts));
    }

    [Fact]
    public async Task Completing_twice_changes_nothing()
    {
        SendOutcome[] outcomes =
        [
            new SendOutcome.Sent("<s@example.test>", World.Now), new SendOutcome.Failed("no"),
            new SendOutcome.Retry("<r@example.test>", World.Now.AddHours(1), "later"), new SendOutcome.Released(),
        ];
        foreach (SendOutcome outcome in outcomes)
        {
            Guid id = await PendingAsync("Offer");
            PendingEmail email = Assert.Single(await ClaimAsync(), e => e.ActivityId == id);
            await Store.CompleteAsync(email, outcome, default);
            StoredState once = await World.GetAsync(id);

            await Store.CompleteAsync(email, outcome, default);

            StoredState twice = await World.GetAsync(id);
            Assert.Equal(once with { Parties = [], Attachments = [], Queues = [] }, twice with { Parties = [], Attachments = [], Queues = [] });
        }
    }

    [Fact]
    public async Task An_email_stuck_in_sending_is_taken_back_and_says_so()
    {
        await PendingAsync("Offer");
        PendingEmail first = Assert.Single(await ClaimAsync());
        World.Advance(stuckAfter - TimeSpan.FromTicks(1));
        Assert.Empty(await ClaimAsync());
        World.Advance(TimeSpan.FromTicks(1));

        PendingEmail second = Assert.Single(await ClaimAsync());

        Assert.True(second.WasStuck);
        Assert.NotEqual(first.ClaimVersion, second.ClaimVersion);
        CrmException lost = await Assert.ThrowsAsync<CrmException>(() => Store.CompleteAsync(first, new SendOutcome.Failed("late"), default).AsTask());
        Assert.Equal("CrmClaimLost", lost.ErrorId);
        await Store.CompleteAsync(second, new SendOutcome.Sent("<s@example.test>", World.Now), default);
        await Store.CompleteAsync(first, new SendOutcome.Sent("<s@example.test>", World.Now), default);
    }

    [Fact]
    public async Task A_released_stuck_email_is_still_known_as_stuck()
    {
        await PendingAsync("Offer");
        await ClaimAsync();
        World.Advance(stuckAfter);
        await Store.CompleteAsync(Assert.Single(await ClaimAsync()), new SendOutcome.Released(), default);

        Assert.True(Assert.Single(await ClaimAsync()).WasStuck);
    }

    [Fact]
    public async Task A_stuck_email_that_finds_no_room_keeps_being_known_as_stuck()
    {
        Guid stuck = await PendingAsync("Old");
        await ClaimAsync();
        await World.AddPendingAsync(Anna, await CarlAsync(), "Urgent", EmailPriority.High);
        World.Advance(stuckAfter);

        PendingEmail urgent = Assert.Single(await Store.ClaimPendingAsync(new ClaimRequest { MaxCount = 1 }, default));
        PendingEmail late = Assert.Single(await ClaimAsync());

        Assert.False(urgent.WasStuck);
        Assert.Equal((stuck, true), (late.ActivityId, late.WasStuck));
    }

    [Fact]
    public async Task Delayed_email_waits_for_its_time()
    {
        await World.AddPendingAsync(new PendingSeed(Anna, [await CarlAsync()], "Later") { NotBefore = World.Now.AddHours(2) });

        Assert.Empty(await ClaimAsync());
        World.Advance(TimeSpan.FromHours(2));
        Assert.Single(await ClaimAsync());
    }

    [Theory]
    [InlineData("outgoingemaildeliverymethod", DeliveryMethod.None)]
    [InlineData("emailrouteraccessapproval", AccessApproval.Rejected)]
    [InlineData("isdisabled", true)]
    public async Task Only_approved_active_senders_that_send_through_the_router_are_served(string column, object value)
    {
        RecordReference ben = await World.AddUserAsync("Ben", "ben@example.test");
        await World.AddPendingAsync(ben, await CarlAsync(), "From Ben");
        Guid anna = await PendingAsync("From Anna");
        await World.UpdateAsync(ben, (column, value));

        Assert.Equal(anna, Assert.Single(await ClaimAsync()).ActivityId);
    }

    [Fact]
    public async Task Approval_is_asked_for_only_where_the_organization_requires_it()
    {
        await PendingAsync("Offer");
        await World.UpdateAsync(Anna, ("emailrouteraccessapproval", AccessApproval.Pending));
        Assert.Empty(await ClaimAsync());

        await World.SetAsync("requireapprovalforuseremail", false);

        Assert.Single(await ClaimAsync());
    }

    [Fact]
    public async Task A_claim_can_be_limited_to_senders_and_emails()
    {
        RecordReference ben = await World.AddUserAsync("Ben", "ben@example.test");
        Guid fromBen = await World.AddPendingAsync(ben, await CarlAsync(), "From Ben");
        Guid first = await PendingAsync("First");
        Guid second = await PendingAsync("Second");

        Assert.Equal(fromBen, Assert.Single(await Store.ClaimPendingAsync(new ClaimRequest { Senders = [ben.Id] }, default)).ActivityId);
        Assert.Equal(second, Assert.Single(await Store.ClaimPendingAsync(new ClaimRequest { ActivityIds = [second] }, default)).ActivityId);
        Assert.Empty(await Store.ClaimPendingAsync(new ClaimRequest { Senders = [] }, default));
        Assert.Equal(first, Assert.Single(await ClaimAsync()).ActivityId);
    }

    [Fact]
    public async Task Within_a_sender_the_highest_priority_goes_first_and_then_the_oldest()
    {
        RecordReference carl = await CarlAsync();
        var expected = new Dictionary<string, EmailPriority> { ["High 1"] = EmailPriority.High, ["High 2"] = EmailPriority.High,
            ["Normal 1"] = EmailPriority.Normal, ["Low 1"] = EmailPriority.Low };
        foreach (string subject in (string[])["Low 1", "Normal 1", "High 1", "High 2"])
        {
            await World.AddPendingAsync(Anna, carl, subject, expected[subject]);
            World.Advance(TimeSpan.FromSeconds(1));
        }

        IReadOnlyList<PendingEmail> claimed = await ClaimAsync();

        Assert.Equal(expected.Keys, claimed.Select(c => c.Subject[..c.Subject.IndexOf(" CRM:", StringComparison.Ordinal)]));
    }

    [Fact]
    public async Task A_bulk_sender_does_not_hold_up_the_others()
    {
        RecordReference carl = await CarlAsync();
        for (int i = 0; i < 40; i++)
            await World.AddPendingAsync(Anna, carl, $"Bulk {i}");
        RecordReference ben = await World.AddUserAsync("Ben", "ben@example.test");
        RecordReference cleo = await World.AddUserAsync("Cleo", "cleo@example.test");
        World.Advance(TimeSpan.FromMinutes(1));
        await World.AddPendingAsync(ben, carl, "One from Ben");
        World.Advance(TimeSpan.FromMinutes(1));
        await World.AddPendingAsync(cleo, carl, "One from Cleo");

        IReadOnlyList<PendingEmail> first = await Store.ClaimPendingAsync(new ClaimRequest { MaxCount = 2 }, default);
        IReadOnlyList<PendingEmail> second = await Store.ClaimPendingAsync(new ClaimRequest { MaxCount = 2 }, default);

        Assert.Equal([Anna, ben], first.Select(e => e.From));
        Assert.Equal([cleo, Anna], second.Select(e => e.From));
    }

    [Fact]
    public async Task One_sender_gets_no_more_than_its_part_of_a_claim()
    {
        RecordReference carl = await CarlAsync();
        for (int i = 0; i < 15; i++)
            await World.AddPendingAsync(Anna, carl, $"Bulk {i}");

        Assert.Equal(10, (await ClaimAsync()).Count);
        Assert.Equal(3, (await Store.ClaimPendingAsync(new ClaimRequest { MaxPerSender = 3 }, default)).Count);
    }

    [Fact]
    public async Task A_queue_sends_with_its_owners_counter()
    {
        RecordReference queue = await World.AddQueueAsync("Support", "support@example.test", Anna);
        RecordReference carl = await CarlAsync();
        await PendingAsync("From Anna");
        Guid id = await World.AddPendingAsync(queue, carl, "From the queue");

        PendingEmail email = (await ClaimAsync()).Single(e => e.ActivityId == id);

        Assert.Equal(("CRM:0001002", "support@example.test", "Support"), (email.TrackingToken, email.FromAddress, email.FromName));
    }

    [Fact]
    public async Task Recipients_that_opted_out_later_are_marked()
    {
        RecordReference carl = await CarlAsync();
        await World.AddPendingAsync(Anna, carl, "Offer");
        await World.UpdateAsync(carl, ("donotemail", true));

        PendingEmail email = Assert.Single(await ClaimAsync());

        Assert.True(email.Parties.Single(p => p.Role == ParticipationType.To).DoNotEmail);
    }

    [Fact]
    public async Task Without_tokens_the_subject_stays_as_it_is()
    {
        if (!World.HasTokenSwitch)
            return;
        await World.SetAsync("emailrouter_usetrackingtoken", false);
        await PendingAsync("Offer");

        PendingEmail email = Assert.Single(await ClaimAsync());

        Assert.Equal(("Offer", null), (email.Subject, email.TrackingToken));
    }

    private string? Reason(string text) => World.KeepsFailureReasons ? text : null;

    private async Task<IReadOnlyList<PendingEmail>> ClaimAsync() => await Store.ClaimPendingAsync(new ClaimRequest(), default);

    private async Task<RecordReference> CarlAsync()
    {
        RecordLookup found = await Store.LookupAsync(new RecordQuery { Addresses = ["carl@customer.test"] }, default);
        return found.Owners.Count > 0 ? found.Owners["carl@customer.test"][0].Record : await World.AddRecordAsync("contact", "Carl",
            ("emailaddress1", "carl@customer.test"));
    }

    private async Task<Guid> PendingAsync(string subject) => await World.AddPendingAsync(Anna, await CarlAsync(), subject);
}

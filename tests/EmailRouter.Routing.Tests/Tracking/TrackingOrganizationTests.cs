using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking;

public sealed class TrackingOrganizationTests
{
    private readonly Office office = new();

    [Fact]
    public async Task A_reply_to_a_sent_email_becomes_an_activity_in_one_look_up_and_one_creation()
    {
        IncomingEmail email = Office.Message(Office.Carl, Office.Anna, "RE: Quote for pump CRM:0001001") with
        {
            Mailbox = Office.AnnaRecord,
            InReplyTo = [Office.SentMessageId],
            References = ["<older@contoso.test>", Office.SentMessageId],
        };

        TrackingCheckResult check = await office.Check(email);
        DeliverResult result = await office.Organization.DeliverAsync(email, check, CancellationToken.None);

        Assert.Equal(CheckReason.CorrelationMatch, check.Reason);
        Assert.True(check.ShouldDeliver);
        Assert.Single(office.Store.Queries);
        NewEmail created = Assert.Single(office.Store.Created);
        Assert.True(result.Created);
        Assert.Equal(email.ActivityId, result.ActivityId);
        Assert.Equal(CorrelationMethod.InReplyTo, created.CorrelationMethod);
        Assert.Equal(Office.SentId, created.CorrelatedActivityId);
        Assert.Equal(Office.SentId, created.ParentActivityId);
        Assert.Equal(Office.CaseRecord, created.Regarding);
        Assert.Equal(Office.AnnaRecord.Id, created.OwnerId);
        Assert.Equal(Office.AnnaRecord, created.AcceptingEntity);
        Assert.Equal(Office.AnnaRecord, created.ReceivingMailbox);
        Assert.Equal(Office.CarlRecord, created.EmailSender);
        Assert.Equal(Office.Carl, created.Sender);
        Assert.Equal(Office.Anna, created.ToRecipients);
        Assert.False(created.CorrelatedSubjectChanged);
    }

    [Fact]
    public async Task A_check_changes_nothing()
    {
        await office.Check(Office.Message(Office.Carl, Office.Support));

        Assert.Empty(office.Store.Created);
        Assert.Empty(office.Store.QueueItems);
    }

    [Fact]
    public async Task Settings_and_mailboxes_are_read_again_after_the_time_limit_only()
    {
        await office.Check(Office.Message(Office.Carl, Office.Support));
        office.Clock.Advance(TimeSpan.FromSeconds(59));
        await office.Check(Office.Message(Office.Carl, Office.Support));
        Assert.Equal((1, 1), (office.Store.SettingsReads, office.Store.MailboxReads));

        office.Clock.Advance(TimeSpan.FromSeconds(1));
        await office.Check(Office.Message(Office.Carl, Office.Support));
        Assert.Equal((2, 2), (office.Store.SettingsReads, office.Store.MailboxReads));
    }

    [Fact]
    public async Task Refreshing_makes_a_change_count_at_once()
    {
        await office.Check(Office.Message(Office.Carl, Office.Support));
        office.Filters(Office.SupportRecord, FilteringMethod.None);
        Assert.Equal(CheckReason.AcceptAll, (await office.Check(Office.Message(Office.Carl, Office.Support))).Reason);

        await office.Organization.RefreshAsync(CancellationToken.None);

        Assert.Equal(CheckReason.NoCorrelationMatch, (await office.Check(Office.Message(Office.Carl, Office.Support))).Reason);
    }

    [Fact]
    public async Task The_store_s_mailboxes_are_listed()
    {
        var listed = new List<CrmMailbox>();
        await foreach (CrmMailbox mailbox in office.Organization.GetMailboxesAsync(CancellationToken.None))
            listed.Add(mailbox);

        Assert.Equal(office.Store.Mailboxes, listed);
    }

    [Fact]
    public async Task Two_polls_of_one_email_make_one_activity()
    {
        IncomingEmail first = Office.Message(Office.Carl, $"{Office.Support};{Office.Anna}") with { Mailbox = Office.SupportRecord };
        IncomingEmail second = first with { Mailbox = Office.AnnaRecord };
        CheckResult firstCheck = await office.Organization.CheckAsync(first, CancellationToken.None);
        CheckResult secondCheck = await office.Organization.CheckAsync(second, CancellationToken.None);
        int inside = 0;
        int most = 0;
        office.Store.DuringCreate = async () =>
        {
            most = Math.Max(most, Interlocked.Increment(ref inside));
            await Task.Yield();
            Interlocked.Decrement(ref inside);
        };

        DeliverResult[] results = await Task.WhenAll(
            Task.Run(() => office.Organization.DeliverAsync(first, firstCheck, CancellationToken.None).AsTask()),
            Task.Run(() => office.Organization.DeliverAsync(second, secondCheck, CancellationToken.None).AsTask()));

        Assert.Single(office.Store.Created);
        Assert.Single(results, r => r.Created);
        Assert.Equal(1, most);
        Assert.Equal(results[0].ActivityId, results[1].ActivityId);
        Assert.Contains(
            results.Single(r => !r.Created).Evidence,
            e => e.Rule == TrackingRules.DeliveryActivity && e.Text.Contains("existed already", StringComparison.Ordinal));
        Assert.Equal(CheckReason.Duplicate, (await office.Check(second)).Reason);
    }

    [Fact]
    public async Task Delivering_again_after_a_crash_changes_nothing()
    {
        IncomingEmail email = Office.Message(Office.Carl, Office.Support);
        CheckResult check = await office.Organization.CheckAsync(email, CancellationToken.None);
        await office.Organization.DeliverAsync(email, check, CancellationToken.None);

        DeliverResult again = await office.Organization.DeliverAsync(email, check, CancellationToken.None);

        Assert.False(again.Created);
        Assert.Single(office.Store.Created);
    }

    [Fact]
    public async Task A_check_of_another_email_is_refused()
    {
        CheckResult other = await office.Organization.CheckAsync(
            Office.Message(Office.Carl, Office.Support, messageId: "<other@customer.test>"), CancellationToken.None);

        await Assert.ThrowsAsync<ArgumentException>(
            async () => await office.Organization.DeliverAsync(Office.Message(Office.Carl, Office.Support), other, CancellationToken.None));
    }

    [Fact]
    public async Task A_rejected_email_cannot_be_delivered()
    {
        IncomingEmail email = Office.Message(Office.Carl, Office.Anna);
        CheckResult check = await office.Organization.CheckAsync(email, CancellationToken.None);

        Assert.False(check.ShouldDeliver);
        await Assert.ThrowsAsync<ArgumentException>(async () => await office.Organization.DeliverAsync(email, check, CancellationToken.None));
    }

    [Fact]
    public async Task A_failing_store_is_reported_as_it_says_and_asked_again_next_time()
    {
        office.Store.Failure = new CrmException("CrmStoreLocked", "The store is locked.", "Try again.") { IsTransient = true };
        CrmException failure = await Assert.ThrowsAsync<CrmException>(async () => await office.Check(Office.Message(Office.Carl, Office.Support)));
        Assert.Equal("CrmStoreLocked", failure.ErrorId);

        office.Store.Failure = null;
        Assert.Equal(CheckReason.AcceptAll, (await office.Check(Office.Message(Office.Carl, Office.Support))).Reason);
    }

    [Fact]
    public async Task An_invalid_sender_costs_no_look_up()
    {
        office.Store.Failure = new CrmException("CrmStoreLocked", "The store is locked.", "Try again.");

        Assert.Equal(CheckReason.InvalidSender, (await office.Check(Office.Message(null, Office.Support))).Reason);
    }

    [Fact]
    public async Task Disposing_disposes_the_store()
    {
        await office.Organization.DisposeAsync();

        Assert.True(office.Store.IsDisposed);
    }

    [Fact]
    public void A_negative_age_limit_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrackingOrganization(office.Store, office.Clock, TimeSpan.FromSeconds(-1)));
}

using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking;

/// <summary>The main scenarios over the embedded CRM in memory: what the engine asks and writes is what a real store answers and keeps.</summary>
public sealed class EmbeddedTrackingTests : IAsyncLifetime
{
    private readonly ManualClock clock = new(Office.Now);
    private EmbeddedCrm crm = null!;
    private TrackingOrganization organization = null!;
    private RecordReference anna = null!;
    private RecordReference ben = null!;
    private RecordReference support = null!;
    private RecordReference carl = null!;
    private PendingEmail? sent;

    public async Task InitializeAsync()
    {
        crm = await EmbeddedCrm.OpenAsync(new EmbeddedCrmOptions { Clock = clock, Random = new Random(1) }, CancellationToken.None);
        organization = new TrackingOrganization(crm, clock, TimeSpan.Zero);
        anna = await Add(
            "systemuser", ("fullname", "Anna Berg"), ("internalemailaddress", Office.Anna), ("emailrouteraccessapproval", AccessApproval.Approved));
        ben = await Add("systemuser", ("fullname", "Ben Roth"), ("internalemailaddress", Office.Ben), ("emailrouteraccessapproval", AccessApproval.Approved));
        support = await Add(
            "queue", ("name", "Support"), ("emailaddress", Office.Support), ("ownerid", ben.Id), ("emailrouteraccessapproval", AccessApproval.Approved));
        carl = await Add(
            "contact", ("fullname", "Carl Customer"), ("emailaddress1", Office.Carl), ("emailaddress2", "carl@private.test"), ("ownerid", anna.Id));
    }

    public async Task DisposeAsync() => await organization.DisposeAsync();

    [Fact]
    public async Task A_reply_by_in_reply_to_keeps_what_the_sent_email_is_regarding()
    {
        await SendToCarl();

        EmailActivity activity = await Promote(
            Office.Message(Office.Carl, Office.Anna, "RE: Quote") with { InReplyTo = ["<sent@contoso.test>"], Mailbox = anna });

        Assert.Equal(EmailStatus.Received, activity.Status);
        Assert.Equal(CorrelationMethod.InReplyTo, activity.CorrelationMethod);
        Assert.Equal(sent!.ActivityId, activity.CorrelatedActivityId);
        Assert.Equal(sent.ActivityId, activity.ParentActivityId);
        Assert.Equal(carl, activity.Regarding);
        Assert.Equal(carl, activity.EmailSender);
        Assert.Equal(anna.Id, activity.OwnerId);
        Assert.Equal(anna, activity.AcceptingEntity);
        Assert.Equal(anna, activity.ReceivingMailbox);
        Assert.Equal(anna, Assert.Single(activity.Parties, p => p.Role == ParticipationType.To).Party);
    }

    [Fact]
    public async Task A_reply_by_token_correlates_when_the_headers_are_lost()
    {
        await SendToCarl();
        Assert.NotNull(sent!.TrackingToken);

        EmailActivity activity = await Promote(Office.Message("carl@private.test", Office.Anna, $"AW: question {sent.TrackingToken}"));

        Assert.Equal(CorrelationMethod.TrackingToken, activity.CorrelationMethod);
        Assert.Equal(sent.TrackingToken, activity.TrackingToken);
        Assert.Null(activity.ParentActivityId);
        Assert.True(activity.CorrelatedSubjectChanged);
        Assert.Equal(carl, activity.EmailSender);
    }

    [Fact]
    public async Task A_reply_by_conversation_index_follows_a_received_email()
    {
        EmailActivity first = await Promote(
            Office.Message(Office.Carl, Office.Support) with { ConversationIndex = "AQ==", ConversationId = Office.Conversation });

        EmailActivity second = await Promote(
            Office.Message(Office.Carl, Office.Anna, messageId: "<m2@customer.test>") with
            {
                ConversationIndex = "AQ==",
                ConversationId = Office.Conversation,
            });

        Assert.Equal(CorrelationMethod.ConversationIndex, second.CorrelationMethod);
        Assert.Equal(first.ActivityId, second.ParentActivityId);
    }

    [Fact]
    public async Task A_reply_by_smart_matching_follows_an_email_that_resembles_it_and_is_not_too_old()
    {
        await Set("enablesmartmatching", true);
        EmailActivity first = await Promote(Office.Message(Office.Carl, $"{Office.Support};{Office.Anna}", "Pump 17 leaks"));
        clock.Advance(TimeSpan.FromDays(80));
        IncomingEmail reply = Office.Message(Office.Carl, Office.Anna, "RE: Pump 17 leaks", "<m2@customer.test>") with { ReceivedOn = clock.GetUtcNow() };

        EmailActivity second = await Promote(reply);

        Assert.Equal(CorrelationMethod.SmartMatching, second.CorrelationMethod);
        Assert.Equal(first.ActivityId, second.CorrelatedActivityId);
        clock.Advance(TimeSpan.FromDays(91));
        CheckResult late = await Check(reply with { ActivityId = Guid.NewGuid(), MessageId = "<m3@customer.test>", ReceivedOn = clock.GetUtcNow() });
        Assert.Equal(CheckReason.NoCorrelationMatch, late.Reason);
    }

    [Fact]
    public async Task One_email_in_many_mailboxes_is_one_activity_however_many_polls_deliver_it_at_once()
    {
        IncomingEmail email = Office.Message(Office.Carl, $"{Office.Support};{Office.Anna}");
        CheckResult check = await Check(email);

        DeliverResult[] results = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(_ => Task.Run(() => organization.DeliverAsync(email, check, CancellationToken.None).AsTask())));

        Assert.Single(results, r => r.Created);
        Assert.Single(results.Select(r => r.ActivityId).Distinct());
        CheckResult again = await Check(email with { Mailbox = anna });
        Assert.Equal(CheckReason.Duplicate, again.Reason);
        Assert.Equal(email.ActivityId, again.ExistingActivityId);
        Assert.Equal(support, Assert.Single((await crm.GetEmailAsync(email.ActivityId, CancellationToken.None))!.QueueItems).Queue);
    }

    [Fact]
    public async Task A_tracked_email_that_reaches_a_further_queue_gets_one_item_there()
    {
        await Set("SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail", true);
        await crm.UpdateMailboxAsync(anna, new MailboxChange { Filter = FilteringMethod.All }, CancellationToken.None);
        await Promote(Office.Message(Office.Carl, Office.Anna));
        IncomingEmail byBcc = Office.Message(Office.Carl, Office.Anna) with { Mailbox = support };

        EmailActivity activity = await Promote(byBcc, CheckReason.Duplicate);

        Assert.Equal(support, Assert.Single(activity.QueueItems).Queue);
        Assert.False((await Check(byBcc)).ShouldDeliver);
    }

    [Fact]
    public async Task An_unknown_sender_becomes_one_contact_however_many_emails_it_sends()
    {
        await crm.UpdateMailboxAsync(anna, new MailboxChange { Filter = FilteringMethod.All, AutoCreate = AutoCreate.Contact }, CancellationToken.None);
        IncomingEmail first = Office.Message(Office.Stranger, Office.Anna) with { From = new EmailAddress(Office.Stranger, "Sam Stranger") };
        IncomingEmail second = Office.Message(Office.Stranger.ToUpperInvariant(), Office.Anna, messageId: "<m2@elsewhere.test>");
        CheckResult firstCheck = await Check(first);
        CheckResult secondCheck = await Check(second);

        await organization.DeliverAsync(first, firstCheck, CancellationToken.None);
        await organization.DeliverAsync(second, secondCheck, CancellationToken.None);

        CrmRecord contact = Assert.Single(
            await crm.FindRecordsAsync(new RecordFilter { LogicalName = "contact", Address = Office.Stranger }, CancellationToken.None));
        Assert.Equal("Sam Stranger", contact.Name);
        Assert.Equal(contact.Id, (await crm.GetEmailAsync(first.ActivityId, CancellationToken.None))!.EmailSender!.Id);
        Assert.Equal(contact.Id, (await crm.GetEmailAsync(second.ActivityId, CancellationToken.None))!.EmailSender!.Id);
    }

    [Fact]
    public async Task The_received_copy_of_email_from_a_user_to_a_queue_becomes_an_activity_of_its_own()
    {
        await SendFromAnna([Office.Support], "Please help");

        EmailActivity activity = await Promote(Office.Message(Office.Anna, Office.Support, sent!.Subject, "<sent@contoso.test>") with { Mailbox = support });

        Assert.NotEqual(sent.ActivityId, activity.ActivityId);
        Assert.Equal(anna, activity.EmailSender);
        Assert.Equal(sent.ActivityId, activity.CorrelatedActivityId);
        Assert.Single(activity.QueueItems);
        Assert.Equal(CheckReason.Duplicate, (await Check(Office.Message(Office.Anna, Office.Support, sent.Subject, "<sent@contoso.test>"))).Reason);
    }

    [Fact]
    public async Task Settings_of_the_organization_reach_the_engine()
    {
        await Set("ignoreinternalemail", true);
        Assert.Equal(CheckReason.InternalEmailReject, (await Check(Office.Message(Office.Ben, Office.Anna))).Reason);

        await Set("DoNotIgnoreInternalEmailToQueues", false);
        Assert.Equal(CheckReason.InternalEmailReject, (await Check(Office.Message(Office.Ben, Office.Support))).Reason);

        await crm.UpdateMailboxAsync(support, new MailboxChange { Approval = AccessApproval.Pending }, CancellationToken.None);
        Assert.Equal(CheckReason.NoRecipientMatch, (await Check(Office.Message(Office.Carl, Office.Support))).Reason);
    }

    [Fact]
    public async Task A_wrapped_counter_leads_to_the_email_with_the_same_correspondents()
    {
        await Set("maximumtrackingnumber", 1);
        await SendToCarl();
        Guid toCarl = sent!.ActivityId;
        string token = sent.TrackingToken!;
        clock.Advance(TimeSpan.FromHours(1));
        await SendFromAnna(["lena@prospect.test"], "Something for Lena", "<sent-2@contoso.test>");
        Assert.Equal(token, sent.TrackingToken);

        EmailActivity activity = await Promote(Office.Message(Office.Carl, Office.Anna, $"RE: Quote {token}"));

        Assert.Equal(toCarl, activity.CorrelatedActivityId);
    }

    private Task SendToCarl() => SendFromAnna([carl], "Quote");

    private async Task SendFromAnna(IReadOnlyList<DraftRecipient> to, string subject, string messageId = "<sent@contoso.test>")
    {
        await Set("allowunresolvedpartiesonemailsend", true);
        Guid id = await crm.CreateDraftAsync(
            new EmailDraft { From = anna, To = to, Subject = subject, Description = "<p>Hello</p>", Regarding = carl }, CancellationToken.None);
        await crm.SendEmailAsync(id, issueSend: true, CancellationToken.None);
        sent = Assert.Single(await organization.ClaimPendingAsync(new ClaimRequest(), CancellationToken.None));
        await organization.CompleteAsync(sent, new SendOutcome.Sent(messageId, clock.GetUtcNow()), CancellationToken.None);
    }

    private async Task<EmailActivity> Promote(IncomingEmail email, CheckReason? reason = null)
    {
        CheckResult check = await Check(email);
        Assert.True(check.ShouldDeliver, check.Evidence[^1].Text);
        if (reason is not null)
            Assert.Equal(reason, check.Reason);
        DeliverResult result = await organization.DeliverAsync(email, check, CancellationToken.None);
        return (await crm.GetEmailAsync(result.ActivityId, CancellationToken.None))!;
    }

    private async Task<CheckResult> Check(IncomingEmail email) => await organization.CheckAsync(email, CancellationToken.None);

    private async Task Set(string setting, object value) => await crm.SetOrganizationAsync(
        new Dictionary<string, object?> { [setting] = value }, CancellationToken.None);

    private async Task<RecordReference> Add(string table, params (string Column, object? Value)[] values) =>
        (await crm.CreateRecordAsync(new CrmRecord(table, Guid.Empty, values.ToDictionary(v => v.Column, v => v.Value)), CancellationToken.None)).ToReference();
}

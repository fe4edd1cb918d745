using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking;

public sealed class PromotionTests
{
    private readonly Office office = new();

    [Fact]
    public async Task What_a_queue_accepts_is_owned_by_the_queue_s_owner_and_put_into_the_queue()
    {
        await office.Deliver(Office.Message(Office.Carl, Office.Support));

        NewEmail created = Assert.Single(office.Store.Created);
        Assert.Equal(Office.BenRecord.Id, created.OwnerId);
        Assert.Equal([Office.SupportRecord.Id], created.QueueIds);
    }

    [Fact]
    public async Task A_queue_that_accepts_gets_its_item_though_a_user_was_first()
    {
        office.Filters(Office.AnnaRecord, FilteringMethod.All);

        PromotionPlan plan = (await office.Check(Office.Message(Office.Carl, $"{Office.Anna};{Office.Support}") with { Mailbox = Office.AnnaRecord })).Plan!;

        Assert.Equal(Office.AnnaRecord, plan.AcceptingMailbox.Owner);
        Assert.Equal([Office.SupportRecord.Id], plan.QueueIds);
    }

    [Fact]
    public async Task A_queue_that_does_not_accept_gets_no_item()
    {
        office.Filters(Office.AnnaRecord, FilteringMethod.All).Filters(Office.SupportRecord, FilteringMethod.InResponse);

        Assert.Empty((await office.Check(Office.Message(Office.Carl, $"{Office.Anna};{Office.Support}"))).Plan!.QueueIds);
    }

    [Fact]
    public async Task Queue_items_can_be_switched_off()
    {
        office.Set(s => s with { CreateQueueItemsForQueueRecipients = false });

        Assert.Empty((await office.Check(Office.Message(Office.Carl, Office.Support))).Plan!.QueueIds);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_user_s_email_goes_into_the_default_queue_where_the_organization_says_so(bool isOn)
    {
        office.Filters(Office.AnnaRecord, FilteringMethod.All).Set(s => s with { CreateQueueItemForPolledMailbox = isOn });

        PromotionPlan plan = (await office.Check(Office.Message(Office.Carl, Office.Anna) with { Mailbox = Office.AnnaRecord })).Plan!;

        Assert.Equal(isOn ? [Office.AnnasQueue] : [], plan.QueueIds);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Tracked_email_that_reaches_a_further_queue_gets_an_item_there_where_the_organization_says_so(bool isOn)
    {
        office.Filters(Office.AnnaRecord, FilteringMethod.All).Set(s => s with { AddQueueItemsForTrackedEmail = isOn });
        IncomingEmail email = Office.Message(Office.Carl, Office.Anna);
        DeliverResult first = await office.Deliver(email);
        IncomingEmail byBcc = email with { Mailbox = Office.SupportRecord };

        TrackingCheckResult check = await office.Check(byBcc);

        Assert.Equal(CheckReason.Duplicate, check.Reason);
        Assert.Equal(isOn, check.ShouldDeliver);
        if (isOn)
        {
            DeliverResult second = await office.Organization.DeliverAsync(byBcc, check, CancellationToken.None);
            Assert.Equal(first.ActivityId, second.ActivityId);
            Assert.False(second.Created);
            Assert.Equal([(first.ActivityId, Office.SupportRecord.Id)], office.Store.QueueItems);
            Assert.Contains(second.Evidence, e => e.Rule == TrackingRules.DeliveryQueueItems);
        }
    }

    [Fact]
    public async Task Delivering_a_duplicate_without_a_further_queue_changes_nothing()
    {
        DeliverResult first = await office.Deliver(Office.Message(Office.Carl, Office.Support));

        DeliverResult second = await office.Deliver(Office.Message(Office.Carl, Office.Support));

        Assert.Equal((first.ActivityId, false), (second.ActivityId, second.Created));
        Assert.Single(office.Store.QueueItems);
        Assert.Single(office.Store.Created);
    }

    [Fact]
    public async Task A_queue_that_has_the_email_already_gets_no_second_item()
    {
        office.Set(s => s with { AddQueueItemsForTrackedEmail = true });
        IncomingEmail email = Office.Message(Office.Carl, Office.Support) with { Mailbox = Office.SupportRecord };
        await office.Deliver(email);

        Assert.False((await office.Check(email)).ShouldDeliver);
    }

    [Fact]
    public async Task A_further_queue_that_does_not_accept_the_email_gets_no_item()
    {
        office.Filters(Office.AnnaRecord, FilteringMethod.All).Filters(Office.SupportRecord, FilteringMethod.InResponse).Set(
            s => s with { AddQueueItemsForTrackedEmail = true });
        await office.Deliver(Office.Message(Office.Carl, Office.Anna));

        TrackingCheckResult check = await office.Check(Office.Message(Office.Carl, Office.Anna) with { Mailbox = Office.SupportRecord });

        Assert.Equal(CheckReason.Duplicate, check.Reason);
        Assert.False(check.ShouldDeliver);
        Assert.NotNull(check.ExistingActivityId);
    }

    [Fact]
    public async Task An_email_that_became_tracked_between_check_and_delivery_still_reaches_the_further_queue()
    {
        office.Filters(Office.AnnaRecord, FilteringMethod.All).Set(s => s with { AddQueueItemsForTrackedEmail = true });
        IncomingEmail byBcc = Office.Message(Office.Carl, Office.Anna) with { Mailbox = Office.SupportRecord };
        TrackingCheckResult check = await office.Check(byBcc);
        await office.Deliver(Office.Message(Office.Carl, Office.Anna) with { Mailbox = Office.AnnaRecord });

        DeliverResult result = await office.Organization.DeliverAsync(byBcc, check, CancellationToken.None);

        Assert.False(result.Created);
        Assert.Contains((result.ActivityId, Office.SupportRecord.Id), office.Store.QueueItems);
    }

    [Theory]
    [InlineData(AutoCreate.Contact, "contact")]
    [InlineData(AutoCreate.Lead, "lead")]
    public async Task A_record_is_created_for_an_unknown_sender_as_the_accepting_user_wishes(AutoCreate wish, string table)
    {
        WhoAcceptsAll(wish);

        await office.Deliver(FromStranger());

        NewEmail created = Assert.Single(office.Store.Created);
        Assert.Equal(
            new NewSenderRecord(
                table,
                ActivityId.ForSender(office.Store.Settings.OrganizationId, table, Office.Stranger),
                "Sam Stranger",
                Office.Stranger,
                Office.AnnaRecord.Id),
            created.SenderRecord);
        Assert.Equal(created.SenderRecord!.Id, created.EmailSender!.Id);
        Assert.Equal(created.SenderRecord.Id, created.Parties[0].Party!.Id);
    }

    [Fact]
    public async Task A_sender_without_a_name_is_named_by_the_address()
    {
        WhoAcceptsAll(AutoCreate.Contact);

        Assert.Equal(Office.Stranger, (await office.Check(Office.Message(Office.Stranger, Office.Anna))).Plan!.SenderRecord!.FullName);
    }

    [Fact]
    public async Task An_out_of_office_answer_is_tracked_but_creates_nobody()
    {
        WhoAcceptsAll(AutoCreate.Contact);

        TrackingCheckResult check = await office.Check(FromStranger() with { MessageClass = "IPM.Note.Rules.OofTemplate.Microsoft", IsAutomatic = true });

        Assert.Equal(CheckReason.AcceptAll, check.Reason);
        Assert.Null(check.Plan!.SenderRecord);
        Assert.Contains("automatic", WhyNobody(check), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_queue_creates_nobody()
    {
        office.Change(Office.SupportRecord, m => m with { AutoCreate = AutoCreate.Contact });

        Assert.Contains("for users only", WhyNobody(await office.Check(Office.Message(Office.Stranger, Office.Support))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_organization_can_switch_creating_off()
    {
        WhoAcceptsAll(AutoCreate.Contact);
        office.Set(s => s with { AutoCreateOnPromote = false });

        Assert.Contains("The organization creates no records", WhyNobody(await office.Check(FromStranger())), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_is_created_beside_inactive_records()
    {
        WhoAcceptsAll(AutoCreate.Contact);
        office.Add(Office.Stranger, Office.CarlRecord, isActive: false).Add(Office.Stranger, Office.LenaRecord, isActive: false);

        Assert.Contains("exist", WhyNobody(await office.Check(FromStranger())), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_is_created_for_the_organization_s_own_mailboxes()
    {
        WhoAcceptsAll(AutoCreate.Contact);

        TrackingCheckResult check = await office.Check(Office.Message(Office.ForwardAddress, Office.Anna));

        Assert.Null(check.Plan!.SenderRecord);
        Assert.Contains("one of the organization's mailboxes", WhyNobody(check), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_changed_subject_is_noted()
    {
        IncomingEmail email = Office.Message(Office.Carl, Office.Anna, "Something else") with { InReplyTo = [Office.SentMessageId] };

        Assert.True((await office.Check(email)).Plan!.CorrelatedSubjectChanged);
        Assert.False((await office.Check(email with { Subject = "RE: Quote for pump" })).Plan!.CorrelatedSubjectChanged);
    }

    [Fact]
    public async Task Only_correlation_by_headers_gives_a_parent()
    {
        PromotionPlan byToken = (await office.Check(Office.Message(Office.Carl, Office.Anna, "Re: Quote CRM:0001001"))).Plan!;
        PromotionPlan byIndex = (await office.Check(Office.Message(Office.Carl, Office.Anna) with { ConversationId = Office.Conversation })).Plan!;

        Assert.Null(byToken.ParentActivityId);
        Assert.Equal(Office.CaseRecord, byToken.Regarding);
        Assert.Equal(Office.SentId, byIndex.ParentActivityId);
    }

    [Fact]
    public async Task What_the_message_says_is_handed_on()
    {
        var attachment = new EmailAttachment("a.txt", "text/plain", 1, _ => ValueTask.FromResult(Stream.Null));
        IncomingEmail email = Office.Message(Office.Carl, $"{Office.Support};{Office.Lena}", "Hi") with
        {
            Sender = new EmailAddress("secretary@customer.test"),
            SentOn = Office.Now.AddHours(-1),
            Priority = EmailPriority.High,
            BodyType = "text/html",
            ConversationIndex = "AQ==",
            InReplyTo = ["<x@y.test>"],
            Notification = EmailNotification.AttachmentsNotSaved,
            InternetMessageHeaders = "Subject: Hi\r\n",
            Attachments = [attachment],
            Mailbox = Office.SupportRecord,
        };

        DeliverResult result = await office.Deliver(email);

        NewEmail created = Assert.Single(office.Store.Created);
        Assert.Equal("secretary@customer.test", created.SubmittedBy);
        Assert.Equal($"{Office.Support};{Office.Lena}", created.ToRecipients);
        Assert.Equal((email.SentOn, EmailPriority.High, "text/html", "AQ=="), (created.SentOn, created.Priority, created.MimeType, created.ConversationIndex));
        Assert.Equal("<x@y.test>", created.InReplyTo);
        Assert.Equal(EmailNotification.AttachmentsNotSaved, created.Notification);
        Assert.Equal("Subject: Hi\r\n", created.InternetMessageHeaders);
        Assert.Same(attachment, Assert.Single(created.Attachments));
        Assert.Null(created.SmartMatchKeys);
        Assert.Contains(result.Evidence, e => e.Text.Contains("attachments were not saved", StringComparison.Ordinal));
    }

    [Fact]
    public async Task That_the_body_was_cut_is_handed_on()
    {
        DeliverResult result = await office.Deliver(Office.Message(Office.Carl, Office.Support, "Hi") with { Notification = EmailNotification.BodyTruncated });

        Assert.Equal(EmailNotification.BodyTruncated, Assert.Single(office.Store.Created).Notification);
        Assert.Contains(result.Evidence, e => e.Text.Contains("body was cut", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Keys_for_smart_matching_are_kept_where_it_is_switched_on()
    {
        office.Set(s => s with { EnableSmartMatching = true });

        await office.Deliver(Office.Message(Office.Carl, Office.Support, "Order 17"));

        SmartMatchKeys keys = Assert.Single(office.Store.Created).SmartMatchKeys!;
        Assert.Equal((2, 2), (keys.Words.Count, keys.Addresses.Count));
    }

    private void WhoAcceptsAll(AutoCreate wish) => office.Change(Office.AnnaRecord, m => m with { Filter = FilteringMethod.All, AutoCreate = wish });

    private static IncomingEmail FromStranger() =>
        Office.Message(Office.Stranger, Office.Anna) with { From = new EmailAddress(Office.Stranger, "Sam Stranger") };

    private static string WhyNobody(TrackingCheckResult check)
    {
        Evidence evidence = Assert.Single(check.Evidence, e => e.Rule == TrackingRules.PromotionSenderRecord);
        Assert.Equal(EvidenceVerdict.Skipped, evidence.Verdict);
        return evidence.Text;
    }
}

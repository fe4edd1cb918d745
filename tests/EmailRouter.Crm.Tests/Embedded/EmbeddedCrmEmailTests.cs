using EmailRouter.Crm.Embedded;

namespace EmailRouter.Crm.Tests.Embedded;

public sealed class EmbeddedCrmEmailTests : IAsyncLifetime
{
    private EmbeddedWorld world = null!;
    private RecordReference anna = null!;
    private RecordReference carl = null!;

    private EmbeddedCrm Crm => world.Crm;

    public async Task InitializeAsync()
    {
        world = await EmbeddedWorld.InMemoryAsync();
        anna = await world.AddUserAsync("Anna", "anna@example.test");
        carl = await world.AddRecordAsync("contact", "Carl", ("emailaddress1", "carl@customer.test"), ("emailaddress2", "carl@home.test"));
    }

    public async Task DisposeAsync() => await world.DisposeAsync();

    [Fact]
    public async Task A_draft_keeps_everything_it_was_given()
    {
        RecordReference account = await world.AddRecordAsync("account", "Contoso");
        Guid id = await Crm.CreateDraftAsync(
            Draft("Offer") with
            {
                To = [carl, "stranger@x.test"],
                Cc = ["CARL@home.test"],
                Bcc = [DraftRecipient.FromRecord(anna)],
                Regarding = account,
                Priority = EmailPriority.High,
                DelayedSendTime = world.Now.AddDays(1),
                Attachments = [new EmailAttachment("a.txt", "text/plain", 2,
                    _ => ValueTask.FromResult<Stream>(new MemoryStream("hi"u8.ToArray()))) { ContentId = "part1" }],
                ReadReceiptRequested = true,
            },
            default);

        EmailActivity email = (await Crm.GetEmailAsync(id, default))!;

        Assert.Equal((EmailState.Open, EmailStatus.Draft, true, "Offer", EmailPriority.High),
            (email.State, email.Status, email.IsOutgoing, email.Subject, email.Priority));
        Assert.Equal(
            [
                new ActivityParty(ParticipationType.Sender, "anna@example.test", anna), new ActivityParty(ParticipationType.To, "carl@customer.test", carl),
                new ActivityParty(ParticipationType.To, "stranger@x.test"), new ActivityParty(ParticipationType.Cc, "CARL@home.test", carl),
                new ActivityParty(ParticipationType.Bcc, "anna@example.test", anna),
            ],
            email.Parties);
        Assert.Equal((account, "Contoso", anna, anna.Id), (email.Regarding, email.Regarding!.Name, email.EmailSender, email.OwnerId!.Value));
        Assert.Equal(("anna@example.test", "carl@customer.test; stranger@x.test", world.Now.AddDays(1)),
            (email.Sender, email.ToRecipients, email.DelayedSendTime));
        AttachmentInfo attachment = Assert.Single(email.Attachments);
        Assert.Equal(("a.txt", "text/plain", 2, "part1"), (attachment.FileName, attachment.MimeType, attachment.Size, attachment.ContentId));
        Assert.Null(email.TrackingToken);
    }

    [Fact]
    public async Task Sending_puts_the_token_into_the_subject_and_makes_it_pending()
    {
        Guid id = await Crm.CreateDraftAsync(Draft("Offer"), default);

        Assert.Equal("Offer CRM:0001001", await Crm.SendEmailAsync(id, issueSend: true, default));

        EmailActivity email = (await Crm.GetEmailAsync(id, default))!;
        Assert.Equal((EmailState.Completed, EmailStatus.PendingSend, "CRM:0001001", "Offer CRM:0001001"),
            (email.State, email.Status, email.TrackingToken, email.Subject));
        Assert.Equal("CRM:0001002", await Crm.GetTrackingTokenAsync(anna.Id, default));
    }

    [Fact]
    public async Task What_was_sent_by_other_means_is_recorded_as_sent_and_smart_matching_knows_it()
    {
        Guid id = await Crm.CreateDraftAsync(Draft("Offer for pumps"), default);

        string subject = await Crm.SendEmailAsync(id, issueSend: false, default);

        EmailActivity email = (await Crm.GetEmailAsync(id, default))!;
        Assert.Equal((EmailStatus.Sent, world.Now), (email.Status, email.SentOn));
        var keys = SmartMatchKeys.Compute(subject, ["anna@example.test", "carl@customer.test"], await Crm.GetSettingsAsync(default));
        Assert.Single((await Crm.LookupAsync(new RecordQuery { SmartMatch = new SmartMatchQuery(keys, 0, 2, world.Now) }, default)).SmartMatches);
        Assert.Empty(await Crm.ClaimPendingAsync(new ClaimRequest(), default));
    }

    [Fact]
    public async Task A_known_token_in_the_subject_is_used_again_and_an_unknown_one_is_not()
    {
        await SendAsync("Offer");

        Assert.Equal("RE: Offer CRM:0001001", await SendAsync("RE: Offer CRM:0001001"));
        Assert.Equal("RE: Other CRM:0009999 CRM:0001002", await SendAsync("RE: Other CRM:0009999"));
        Guid own = await Crm.CreateDraftAsync(Draft("Own"), default);
        Assert.Equal("Own CRM:0777777", await Crm.SendEmailAsync(own, issueSend: true, default, "CRM:0777777"));
    }

    [Fact]
    public async Task Counters_are_the_users_own_and_wrap()
    {
        RecordReference ben = await world.AddUserAsync("Ben", "ben@example.test");
        await world.SetAsync("maximumtrackingnumber", 3);

        string[] tokens = new string[5];
        for (int i = 0; i < tokens.Length; i++)
            tokens[i] = await Crm.GetTrackingTokenAsync(anna.Id, default);

        Assert.Equal(["CRM:00011", "CRM:00012", "CRM:00013", "CRM:00011", "CRM:00012"], tokens);
        Assert.Equal("CRM:00021", await Crm.GetTrackingTokenAsync(ben.Id, default));
        Assert.Equal("CrmRecordMissing", (await Assert.ThrowsAsync<CrmException>(() => Crm.GetTrackingTokenAsync(Guid.NewGuid(), default).AsTask())).ErrorId);
    }

    [Fact]
    public async Task A_failed_email_can_be_sent_again_and_starts_anew()
    {
        Guid id = await Crm.CreateDraftAsync(Draft("Offer"), default);
        await Crm.SendEmailAsync(id, issueSend: true, default);
        PendingEmail claimed = Assert.Single(await Crm.ClaimPendingAsync(new ClaimRequest(), default));
        await Crm.CompleteAsync(claimed, new SendOutcome.Retry("<s@example.test>", world.Now, "451"), default);
        claimed = Assert.Single(await Crm.ClaimPendingAsync(new ClaimRequest(), default));
        await Crm.CompleteAsync(claimed, new SendOutcome.Failed("550"), default);

        await Crm.SendEmailAsync(id, issueSend: true, default);

        EmailActivity email = (await Crm.GetEmailAsync(id, default))!;
        Assert.Equal((EmailStatus.PendingSend, 0, null, null, "Offer CRM:0001001"),
            (email.Status, email.DeliveryAttempts, email.FailureReason, email.MessageId, email.Subject));
    }

    [Fact]
    public async Task A_failed_email_can_be_corrected_and_sent_again()
    {
        EmailAttachment Attachment(string text) =>
            new("a.txt", "text/plain", 1, _ => ValueTask.FromResult<Stream>(new MemoryStream(System.Text.Encoding.UTF8.GetBytes(text))));
        Guid id = await Crm.CreateDraftAsync(Draft("Offer") with { To = ["typo@customer.test"], Attachments = [Attachment("kept"), Attachment("dropped")] },
            default);
        await Crm.SendEmailAsync(id, issueSend: true, default);
        await Crm.CompleteAsync(Assert.Single(await Crm.ClaimPendingAsync(new ClaimRequest(), default)), new SendOutcome.Failed("550 no such user"), default);

        await Crm.UpdateDraftAsync(id, Draft("Offer, corrected") with { Attachments = [Attachment("kept")] }, default);
        await Crm.SendEmailAsync(id, issueSend: true, default);

        PendingEmail claimed = Assert.Single(await Crm.ClaimPendingAsync(new ClaimRequest(), default));
        Assert.Equal(("Offer, corrected CRM:0001001", "carl@customer.test"),
            (claimed.Subject, claimed.Parties.Single(p => p.Role == ParticipationType.To).AddressUsed));
        using var reader = new StreamReader(await Assert.Single(claimed.Attachments).Open(default));
        Assert.Equal("kept", await reader.ReadToEndAsync());
        Assert.Equal("CrmTransitionInvalid", (await Assert.ThrowsAsync<CrmException>(() => Crm.UpdateDraftAsync(id, Draft("x"), default).AsTask())).ErrorId);
        Assert.Equal("CrmRecordMissing",
            (await Assert.ThrowsAsync<CrmException>(() => Crm.UpdateDraftAsync(Guid.NewGuid(), Draft("x"), default).AsTask())).ErrorId);
    }

    [Theory]
    [InlineData(EmailStatus.Draft, "PendingSend, Sent, Completed, Canceled")]
    [InlineData(EmailStatus.PendingSend, "Sending, Canceled")]
    [InlineData(EmailStatus.Sending, "Sent, PendingSend, Failed")]
    [InlineData(EmailStatus.Failed, "PendingSend, Sent, Completed, Canceled")]
    [InlineData(EmailStatus.Sent, "Failed")]
    [InlineData(EmailStatus.Received, "")]
    [InlineData(EmailStatus.Completed, "")]
    [InlineData(EmailStatus.Canceled, "")]
    public async Task Only_the_transitions_of_the_state_machine_are_possible(EmailStatus from, string allowed)
    {
        foreach (EmailStatus to in Enum.GetValues<EmailStatus>())
        {
            Guid id = await InStatusAsync(from);
            if (allowed.Split(", ").Contains(to.ToString()))
            {
                await Crm.SetEmailStatusAsync(id, to, "because", default);
                EmailActivity email = (await Crm.GetEmailAsync(id, default))!;
                Assert.Equal((to, "because"), (email.Status, email.FailureReason));
                Assert.Equal(to is EmailStatus.Draft or EmailStatus.Failed ? EmailState.Open : to == EmailStatus.Canceled
                    ? EmailState.Canceled : EmailState.Completed, email.State);
            }
            else
            {
                CrmException error = await Assert.ThrowsAsync<CrmException>(() => Crm.SetEmailStatusAsync(id, to, null, default).AsTask());
                Assert.Equal("CrmTransitionInvalid", error.ErrorId);
                Assert.Contains(allowed, error.Remedy, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task A_canceled_email_is_not_sent()
    {
        Guid id = await Crm.CreateDraftAsync(Draft("Offer"), default);
        await Crm.SendEmailAsync(id, issueSend: true, default);

        await Crm.CancelEmailAsync(id, default);

        Assert.Empty(await Crm.ClaimPendingAsync(new ClaimRequest(), default));
        Assert.Equal("CrmTransitionInvalid", (await Assert.ThrowsAsync<CrmException>(() => Crm.SendEmailAsync(id, issueSend: true, default).AsTask())).ErrorId);
    }

    [Fact]
    public async Task A_decision_by_hand_ends_a_claim()
    {
        Guid id = await InStatusAsync(EmailStatus.PendingSend);
        PendingEmail claimed = Assert.Single(await Crm.ClaimPendingAsync(new ClaimRequest(), default));
        await Crm.CompleteAsync(claimed, new SendOutcome.Uncertain("<s@example.test>", "lost"), default);

        await Crm.SetEmailStatusAsync(id, EmailStatus.PendingSend, "not in the log of the mail server", default);

        Assert.Equal("CrmClaimLost",
            (await Assert.ThrowsAsync<CrmException>(() => Crm.CompleteAsync(claimed, new SendOutcome.Failed("x"), default).AsTask())).ErrorId);
        Assert.Equal("<s@example.test>", Assert.Single(await Crm.ClaimPendingAsync(new ClaimRequest(), default)).MessageId);
    }

    [Fact]
    public async Task Others_may_send_only_where_the_user_allows_it()
    {
        RecordReference ben = await world.AddUserAsync("Ben", "ben@example.test");
        Guid id = await Crm.CreateDraftAsync(Draft("Offer") with { SubmittedBy = ben.Id }, default);
        Assert.Equal("CrmSendAsDenied", (await Assert.ThrowsAsync<CrmException>(() => Crm.SendEmailAsync(id, issueSend: true, default).AsTask())).ErrorId);

        await Crm.UpdateMailboxAsync(anna, new MailboxChange { IsSendAsAllowed = true }, default);
        await Crm.SendEmailAsync(id, issueSend: true, default);

        PendingEmail claimed = Assert.Single(await Crm.ClaimPendingAsync(new ClaimRequest(), default));
        Assert.Equal(("anna@example.test", "ben@example.test"), (claimed.FromAddress, claimed.SubmittedBy));
    }

    [Fact]
    public async Task An_answer_carries_the_thread_of_what_it_answers()
    {
        var received = new NewEmail
        {
            ActivityId = Guid.NewGuid(),
            MessageId = "<q@customer.test>",
            Subject = "Question",
            Description = "?",
            MimeType = "text/plain",
            OwnerId = anna.Id,
            Sender = "carl@customer.test",
            ReceivedOn = world.Now,
            ConversationIndex = "AdoX",
            Regarding = carl,
            Parties = [],
        };
        await Crm.CreateEmailAsync(received, default);
        Guid id = await Crm.CreateDraftAsync(Draft("RE: Question") with { ParentActivityId = received.ActivityId }, default);
        await Crm.SendEmailAsync(id, issueSend: true, default);

        PendingEmail claimed = Assert.Single(await Crm.ClaimPendingAsync(new ClaimRequest(), default));

        Assert.Equal(("<q@customer.test>", "AdoX"), (claimed.InReplyTo, claimed.ConversationIndex));
        Assert.Equal(carl, (await Crm.GetEmailAsync(id, default))!.Regarding);
    }

    [Fact]
    public async Task Drafts_that_cannot_be_are_refused()
    {
        async Task<string> ErrorAsync(EmailDraft draft) =>
            (await Assert.ThrowsAsync<CrmException>(() => Crm.CreateDraftAsync(draft, default).AsTask())).ErrorId;
        EmailDraft good = Draft("Offer");
        EmailAttachment Attachment(string name, long size) => new(name, "x/y", size, _ => ValueTask.FromResult<Stream>(new MemoryStream(new byte[2_000_000])));

        Assert.Equal("CrmRecordInvalid", await ErrorAsync(good with { From = carl }));
        Assert.Equal("CrmRecordMissing", await ErrorAsync(good with { From = new RecordReference("queue", Guid.NewGuid()) }));
        Assert.Equal("CrmRecordMissing", await ErrorAsync(good with { To = [new RecordReference("contact", Guid.NewGuid())] }));
        Assert.Equal("CrmTableUnknown", await ErrorAsync(good with { Regarding = new RecordReference("ticket", Guid.NewGuid()) }));
        Assert.Equal("CrmRecordMissing", await ErrorAsync(good with { Regarding = new RecordReference("incident", Guid.NewGuid()) }));
        Assert.Equal("CrmRecordMissing", await ErrorAsync(good with { ParentActivityId = Guid.NewGuid() }));
        Assert.Equal("CrmRecordInvalid", await ErrorAsync(good with { Subject = new string('x', 801) }));
        Assert.Equal("CrmAttachmentBlocked", await ErrorAsync(good with { Attachments = [Attachment("run.EXE", 1)] }));
        Assert.Equal("CrmAttachmentTooLarge", await ErrorAsync(good with { Attachments = [Attachment("big.bin", 6_000_000)] }));
        await world.SetAsync("maxuploadfilesize", 1_000_000);
        Assert.Equal("CrmAttachmentTooLarge", await ErrorAsync(good with { Attachments = [Attachment("lies.bin", 1)] }));
        Guid empty = await Crm.CreateDraftAsync(good with { To = [] }, default);
        Assert.Equal("CrmRecordInvalid", (await Assert.ThrowsAsync<CrmException>(() => Crm.SendEmailAsync(empty, issueSend: true, default).AsTask())).ErrorId);
        Assert.Equal("CrmRecordExists", await ErrorAsync(good with { ActivityId = empty }));
        Assert.Equal("CrmRecordMissing", (await Assert.ThrowsAsync<CrmException>(() => Crm.OpenAttachmentAsync(Guid.NewGuid(), default).AsTask())).ErrorId);
    }

    [Fact]
    public async Task Emails_are_found_by_what_they_are()
    {
        RecordReference queue = await world.AddQueueAsync("Support", "support@example.test", anna);
        Guid offer = await Crm.CreateDraftAsync(Draft("Offer 100% good") with { Regarding = carl }, default);
        world.Advance(TimeSpan.FromHours(1));
        await SendAsync("Bill");
        Guid bill = (await ListAsync(new EmailFilter { Subject = "Bill*" }))[0].ActivityId;
        await Crm.AddToQueueAsync(bill, queue.Id, default);

        async Task<Guid[]> FindAsync(EmailFilter filter) => [.. (await ListAsync(filter)).Select(e => e.ActivityId)];
        Assert.Equal([bill, offer], await FindAsync(new EmailFilter()));
        Assert.Equal([bill], await FindAsync(new EmailFilter { Top = 1 }));
        Assert.Equal([offer], await FindAsync(new EmailFilter { Statuses = [EmailStatus.Draft, EmailStatus.Failed] }));
        Assert.Equal([offer], await FindAsync(new EmailFilter { Subject = "*100%*" }));
        Assert.Equal([bill], await FindAsync(new EmailFilter { Since = world.Now }));
        Assert.Equal([bill], await FindAsync(new EmailFilter { QueueId = queue.Id }));
        Assert.Equal([offer], await FindAsync(new EmailFilter { RegardingId = carl.Id }));
        Assert.Equal([bill], await FindAsync(new EmailFilter { TrackingToken = "crm:0001001" }));
        Assert.Equal([bill, offer],
            await FindAsync(new EmailFilter { Address = "Carl@Customer.test", SenderId = anna.Id, OwnerId = anna.Id, IsOutgoing = true }));
        Assert.Empty(await FindAsync(new EmailFilter { IsOutgoing = false }));
        Assert.Empty(await FindAsync(new EmailFilter { MessageId = "<none@x.test>" }));
        QueueItem item = Assert.Single(await Crm.GetQueueItemsAsync(queue.Id, default));
        Assert.Equal((bill, "Support", "Bill CRM:0001001", "anna@example.test"), (item.ActivityId, item.Queue.Name, item.Title, item.Sender));
        Assert.Equal(item, Assert.Single((await Crm.GetEmailAsync(bill, default))!.QueueItems));
    }

    [Fact]
    public async Task Many_emails_are_read_in_pages()
    {
        for (int i = 0; i < 205; i++)
            await Crm.CreateDraftAsync(Draft($"Draft {i}"), default);

        List<EmailActivity> all = await ListAsync(new EmailFilter());

        Assert.Equal(Enumerable.Range(0, 205).Reverse().Select(i => $"Draft {i}"), all.Select(e => e.Subject));
        Assert.Equal(201, (await ListAsync(new EmailFilter { Top = 201 })).Count);
    }

    [Fact]
    public async Task The_regarding_record_can_be_changed()
    {
        Guid id = await Crm.CreateDraftAsync(Draft("Offer"), default);

        await Crm.SetRegardingAsync(id, carl, default);
        Assert.Equal("Carl", (await Crm.GetEmailAsync(id, default))!.Regarding!.Name);
        await Crm.SetRegardingAsync(id, null, default);
        Assert.Null((await Crm.GetEmailAsync(id, default))!.Regarding);
        Assert.Equal("CrmRecordMissing", (await Assert.ThrowsAsync<CrmException>(() => Crm.SetRegardingAsync(Guid.NewGuid(), carl, default).AsTask())).ErrorId);
    }

    [Fact]
    public async Task Why_an_email_waits_is_explained()
    {
        Guid id = await Crm.CreateDraftAsync(Draft("Offer") with { DelayedSendTime = world.Now.AddHours(1) }, default);
        Assert.Equal(["Outbox.Status", "Outbox.DelayedSendTime"], await RejectingAsync(id));
        await Crm.SendEmailAsync(id, issueSend: true, default);
        await Crm.UpdateMailboxAsync(anna, new MailboxChange { Approval = AccessApproval.Pending, OutgoingDelivery = DeliveryMethod.Outlook }, default);
        Assert.Equal(["Outbox.DeliveryMethod", "Outbox.Approval", "Outbox.DelayedSendTime"], await RejectingAsync(id));
        Assert.Empty(await Crm.ClaimPendingAsync(new ClaimRequest(), default));

        await Crm.UpdateMailboxAsync(anna, new MailboxChange { Approval = AccessApproval.Approved, OutgoingDelivery = DeliveryMethod.Router }, default);
        world.Advance(TimeSpan.FromHours(1));
        Assert.Empty(await RejectingAsync(id));
        PendingEmail claimed = Assert.Single(await Crm.ClaimPendingAsync(new ClaimRequest(), default));
        Assert.Equal(["Outbox.Status"], await RejectingAsync(id));
        await Crm.CompleteAsync(claimed, new SendOutcome.Retry("<s@x.test>", world.Now.AddMinutes(5), "451 try later"), default);
        Assert.Equal(["Outbox.Postponed"], await RejectingAsync(id));
        Assert.Contains(await Crm.ExplainPendingAsync(id, default), e => e.Text.Contains("451 try later", StringComparison.Ordinal));
        await Assert.ThrowsAsync<CrmException>(() => Crm.ExplainPendingAsync(Guid.NewGuid(), default).AsTask());
    }

    [Fact]
    public async Task An_attachment_can_be_read_from_any_place()
    {
        byte[] content = [.. Enumerable.Range(0, 600_000).Select(i => (byte)(i % 253))];
        Guid id = await Crm.CreateDraftAsync(
            Draft("Offer") with { Attachments = [new EmailAttachment("a.bin", "x/y", content.Length,
                _ => ValueTask.FromResult<Stream>(new MemoryStream(content)))] }, default);
        await using Stream stream = await Crm.OpenAttachmentAsync((await Crm.GetEmailAsync(id, default))!.Attachments[0].Id, default);

        Assert.Equal(content.Length, stream.Length);
        stream.Seek(-10, SeekOrigin.End);
        byte[] tail = new byte[20];
        Assert.Equal(10, await stream.ReadAsync(tail));
        Assert.Equal(content[^10..], tail[..10]);
        Assert.Equal(0, await stream.ReadAsync(tail));
        stream.Position = 262_140;
        await stream.ReadExactlyAsync(tail);
        Assert.Equal(content[262_140..262_160], tail);
    }

    private EmailDraft Draft(string subject) => new() { From = anna, To = [carl], Subject = subject, Description = "<p>Hello</p>" };

    private async Task<string> SendAsync(string subject) =>
        await Crm.SendEmailAsync(await Crm.CreateDraftAsync(Draft(subject), default), issueSend: true, default);

    private async Task<List<EmailActivity>> ListAsync(EmailFilter filter)
    {
        var emails = new List<EmailActivity>();
        await foreach (EmailActivity email in Crm.FindEmailsAsync(filter, default))
            emails.Add(email);
        return emails;
    }

    private async Task<string[]> RejectingAsync(Guid id) =>
        [.. (await Crm.ExplainPendingAsync(id, default)).Where(e => e.Verdict == EvidenceVerdict.Reject).Select(e => e.Rule)];

    private async Task<Guid> InStatusAsync(EmailStatus status)
    {
        if (status == EmailStatus.Received)
        {
            var received = new NewEmail
            {
                ActivityId = Guid.NewGuid(),
                MessageId = $"<{Guid.NewGuid()}@x.test>",
                Subject = "x",
                Description = "x",
                MimeType = "text/plain",
                OwnerId = anna.Id,
                Sender = "x@x.test",
                ReceivedOn = world.Now,
                Parties = [],
            };
            await Crm.CreateEmailAsync(received, default);
            return received.ActivityId;
        }

        Guid id = await Crm.CreateDraftAsync(Draft("Offer"), default);
        EmailStatus[] path = status switch
        {
            EmailStatus.Draft => [],
            EmailStatus.Sending => [EmailStatus.PendingSend, EmailStatus.Sending],
            EmailStatus.Failed => [EmailStatus.PendingSend, EmailStatus.Sending, EmailStatus.Failed],
            _ => [status],
        };
        foreach (EmailStatus step in path)
            await Crm.SetEmailStatusAsync(id, step, null, default);
        return id;
    }
}

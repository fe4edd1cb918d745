using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Mime;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.Outgoing;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Tests.Outgoing;

public sealed class OutgoingPipelineTests : IAsyncLifetime
{
    private readonly TemporaryFolder folder = new();
    private readonly ManualClock clock = new(new DateTimeOffset(2026, 3, 2, 8, 0, 0, TimeSpan.Zero));
    private readonly ScriptedMailSystem mail = new();
    private readonly ScriptedMailSystem archive = new();
    private readonly ScriptedOrganization organization = new();
    private readonly RoutingOptions options = new();
    private SqliteRouterState state = null!;

    public async Task InitializeAsync() => state = await SqliteRouterState.OpenAsync(Path.Combine(folder.Path, "state.db"), clock, default);

    public async Task DisposeAsync()
    {
        await state.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task Pending_emails_are_sent_and_written_back_with_their_message_id()
    {
        PendingEmail email = Pending(1);

        SendResult result = await SendAsync();

        Assert.Equal((1, 1, 0, 0), (result.Claimed, result.Sent, result.Deferred, result.Failed));
        var sent = Assert.IsType<SendOutcome.Sent>(organization.Completed.Single().Outcome);
        Assert.Equal(MessageComposer.MessageIdOf(email), sent.MessageId);
        Assert.Contains($"Message-ID: {sent.MessageId}", mail.Outbox.Single().Text, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(SendPhase.Accepted, (await JournalAsync(email))?.Phase);
    }

    [Fact]
    public async Task The_message_carries_parties_subject_body_and_attachments_but_no_bcc()
    {
        Pending(1, e => e with
        {
            Subject = "Angebot für Pumpe CRM:0001001",
            InReplyTo = "<parent@adatum.test>",
            Parties = [.. e.Parties, new ActivityParty(ParticipationType.Bcc, "hidden@adatum.test", new RecordReference("contact", Guid.NewGuid(), "Hidden"))],
            Attachments = [new EmailAttachment("preis.txt", "text/plain", 5, _ => ValueTask.FromResult<Stream>(new MemoryStream("hello"u8.ToArray())))],
        });

        await SendAsync();

        (OutgoingMessage envelope, string text) = mail.Outbox.Single();
        MimeMessage message = MimeMessage.Parse(System.Text.Encoding.UTF8.GetBytes(text));
        Assert.Equal(["ann@adatum.test", "hidden@adatum.test"], envelope.Recipients);
        Assert.DoesNotContain("hidden", text, StringComparison.OrdinalIgnoreCase);
        Assert.Equal("Angebot für Pumpe CRM:0001001", message.Subject);
        Assert.Equal(["<parent@adatum.test>"], message.InReplyTo);
        Assert.Equal("<p>hello</p>", message.HtmlBody?.GetText().Trim());
        Assert.Equal("preis.txt", message.Attachments.Single().FileName);
        Assert.StartsWith("router ", message.Headers[LoopGuard.MarkerHeader], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_journal_says_committing_before_the_last_byte_leaves()
    {
        PendingEmail email = Pending(1);
        SendPhase? seen = null;
        mail.Answer = message =>
        {
            seen = JournalAsync(email).GetAwaiter().GetResult()?.Phase;
            return ScriptedMailSystem.Accept(message);
        };

        await SendAsync();

        Assert.Equal(SendPhase.Committing, seen);
    }

    [Fact]
    public async Task A_deferral_is_tried_again_with_the_same_message_id_and_a_growing_wait()
    {
        PendingEmail email = Pending(1);
        mail.Answer = m => ScriptedMailSystem.Reply(m, SendStatus.Deferred, "451 4.3.0 later");
        await SendAsync();
        var first = Assert.IsType<SendOutcome.Retry>(organization.Completed[0].Outcome);
        organization.Pending.Enqueue(email with { DeliveryAttempts = 1, MessageId = first.MessageId });
        await SendAsync();
        var second = Assert.IsType<SendOutcome.Retry>(organization.Completed[1].Outcome);

        Assert.Equal(first.MessageId, second.MessageId);
        Assert.Equal(TimeSpan.FromMinutes(5), first.NotBefore - clock.GetUtcNow());
        Assert.Equal(TimeSpan.FromMinutes(10), second.NotBefore - clock.GetUtcNow());
    }

    [Fact]
    public async Task When_the_attempts_are_used_up_the_email_fails_with_the_last_answer()
    {
        Pending(1, e => e with { DeliveryAttempts = 9 });
        mail.Answer = m => ScriptedMailSystem.Reply(m, SendStatus.Deferred, "451 4.3.0 later");

        SendResult result = await SendAsync();

        Assert.Equal(DecisionReasons.AttemptsExhausted, result.Decisions.Single().Reason);
        Assert.Contains("451 4.3.0 later", Assert.IsType<SendOutcome.Failed>(organization.Completed.Single().Outcome).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_for_good_fails_at_once()
    {
        Pending(1);
        mail.Answer = m => ScriptedMailSystem.Reply(m, SendStatus.Rejected, "550 5.1.1 no such user");

        SendResult result = await SendAsync();

        Assert.Equal((1, DecisionReasons.Rejected), (result.Failed, result.Decisions.Single().Reason));
        Assert.IsType<SendOutcome.Failed>(organization.Completed.Single().Outcome);
    }

    [Fact]
    public async Task A_refusal_by_policy_waits_for_an_administrator_instead_of_failing_everything()
    {
        Pending(1);
        mail.Answer = m => ScriptedMailSystem.Reply(m, SendStatus.Rejected, "554 5.7.1 Relaying denied");

        SendResult result = await SendAsync();

        Assert.Equal((1, DecisionReasons.RefusedByPolicy), (result.Deferred, result.Decisions.Single().Reason));
        Assert.IsType<SendOutcome.Retry>(organization.Completed.Single().Outcome);
    }

    [Fact]
    public async Task Recipients_that_were_accepted_are_not_offered_again()
    {
        PendingEmail email = Pending(1, e => e with { Parties = [.. e.Parties, To("ben@adatum.test")] });
        mail.Answer = m => new SendReceipt
        {
            Status = SendStatus.Accepted,
            Reply = "250 ok",
            Recipients = [new RecipientResult("ann@adatum.test", SendStatus.Accepted, "250 ok"), new RecipientResult("ben@adatum.test", SendStatus.Deferred, "450 busy")],
        };
        await SendAsync();
        mail.Answer = ScriptedMailSystem.Accept;
        organization.Pending.Enqueue(email with { DeliveryAttempts = 1 });

        await SendAsync();

        Assert.IsType<SendOutcome.Retry>(organization.Completed[0].Outcome);
        Assert.IsType<SendOutcome.Sent>(organization.Completed[1].Outcome);
        Assert.Equal(["ben@adatum.test"], mail.Outbox[1].Message.Recipients);
    }

    [Fact]
    public async Task A_lost_answer_is_held_and_never_blindly_sent_again()
    {
        PendingEmail email = Pending(1);
        mail.Answer = m => ScriptedMailSystem.Reply(m, SendStatus.Uncertain, "the connection was closed");
        SendResult first = await SendAsync();
        mail.Answer = ScriptedMailSystem.Accept;
        organization.Pending.Enqueue(email with { WasStuck = true });

        SendResult second = await SendAsync();

        Assert.Equal((1, 1), (first.Uncertain, second.Uncertain));
        Assert.All(organization.Completed, c => Assert.IsType<SendOutcome.Uncertain>(c.Outcome));
        Assert.Empty(mail.Outbox);
    }

    [Fact]
    public async Task A_person_can_decide_to_send_an_uncertain_email_again_with_the_same_message_id()
    {
        PendingEmail email = Pending(1);
        mail.Answer = m => ScriptedMailSystem.Reply(m, SendStatus.Uncertain, "the connection was closed");
        await SendAsync();
        mail.Answer = ScriptedMailSystem.Accept;
        organization.Pending.Enqueue(email with { WasStuck = true });

        SendResult result = await SendAsync(new SendOptions { ActivityIds = [email.ActivityId], SendAgainWhenUncertain = true });

        Assert.Equal(1, result.Sent);
        Assert.Equal(MessageComposer.MessageIdOf(email), mail.Outbox.Single().Message.MessageId);
        Assert.Equal(TimeSpan.Zero, organization.Claims[^1].StuckAfter);
    }

    [Fact]
    public async Task The_next_email_leaves_before_the_last_one_is_written_back()
    {
        var written = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        organization.Completing = written.Task;
        for (int i = 1; i <= 3; i++)
            Pending(i);
        mail.Answer = message =>
        {
            if (mail.Outbox.Count == 2)
                written.SetResult();
            return ScriptedMailSystem.Accept(message);
        };

        SendResult result = await SendAsync(new SendOptions { ThrottleLimit = 1 }).WaitAsync(TimeSpan.FromMinutes(1));

        Assert.Equal((3, 3), (result.Sent, organization.Completed.Count));
    }

    [Fact]
    public async Task A_sender_that_waits_alone_gets_all_of_a_claim()
    {
        Pending(1);

        await SendAsync(new SendOptions { MaxMessages = 30 });

        Assert.Equal((30, 30), (organization.Claims[0].MaxCount, organization.Claims[0].MaxPerSender));
    }

    [Fact]
    public async Task When_nothing_can_be_written_back_no_further_email_leaves()
    {
        for (int i = 1; i <= 3; i++)
            Pending(i);
        organization.BeforeComplete = outcome =>
        {
            if (outcome is SendOutcome.Sent)
                throw new CrmException("CrmUnavailable", "down", "wait") { IsTransient = true };
        };

        await Assert.ThrowsAsync<CrmException>(() => SendAsync(new SendOptions { ThrottleLimit = 1 }));

        Assert.Single(mail.Outbox);
        Assert.Equal(3, organization.Completed.Count(c => c.Outcome is SendOutcome.Released));
    }

    [Fact]
    public async Task An_email_whose_acceptance_could_not_be_written_back_is_not_sent_again()
    {
        Pending(1);
        organization.BeforeComplete = outcome =>
        {
            if (outcome is SendOutcome.Sent)
                throw new CrmException("CrmUnavailable", "down", "wait") { IsTransient = true };
        };
        await Assert.ThrowsAsync<CrmException>(() => SendAsync());
        organization.BeforeComplete = _ => { };
        organization.Completed.Clear();

        SendResult result = await SendAsync();

        Assert.Equal(DecisionReasons.AlreadySent, result.Decisions.Single().Reason);
        Assert.IsType<SendOutcome.Sent>(organization.Completed.Single().Outcome);
        Assert.Single(mail.Outbox);
    }

    [Theory]
    [InlineData(true, DecisionReasons.AlreadySent, 0)]
    [InlineData(false, DecisionReasons.Accepted, 1)]
    public async Task The_mailbox_of_sent_copies_clears_up_what_became_of_an_email(bool arrived, string reason, int sentAgain)
    {
        PendingEmail email = Pending(1, e => e with { WasStuck = true });
        string messageId = MessageComposer.MessageIdOf(email);
        await state.WriteJournalAsync([new SendJournalEntry("Contoso", email.ActivityId, messageId, 1, SendPhase.Committing, clock.GetUtcNow(), null)], [], default);
        clock.Advance(TimeSpan.FromHours(1));
        if (arrived)
            archive.Put($"Message-ID: {messageId}\nSubject: x\n\nbody\n");
        archive.Put("Message-ID: <other@contoso.test>\n\nbody\n");

        SendResult result = await SendAsync(copies: true);

        Assert.Equal(reason, result.Decisions.Single().Reason);
        Assert.Equal(sentAgain, mail.Outbox.Count);
    }

    [Fact]
    public async Task What_the_mailbox_of_sent_copies_does_not_have_yet_is_held_for_a_while()
    {
        PendingEmail email = Pending(1, e => e with { WasStuck = true });
        await state.WriteJournalAsync([new SendJournalEntry("Contoso", email.ActivityId, MessageComposer.MessageIdOf(email), 1, SendPhase.Committing, clock.GetUtcNow(), null)], [], default);

        Assert.Equal(1, (await SendAsync(copies: true)).Uncertain);
        Assert.Empty(mail.Outbox);
    }

    [Theory]
    [InlineData(true, DecisionReasons.AlreadySent)]
    [InlineData(null, DecisionReasons.AnswerLost)]
    [InlineData(false, DecisionReasons.AnswerLost)]     // no server can say that for a folder from which messages are moved and deleted
    public async Task The_senders_folder_of_sent_mail_proves_that_an_email_was_sent_and_never_that_it_was_not(bool? found, string reason)
    {
        PendingEmail email = Pending(1, e => e with { WasStuck = true });
        string messageId = MessageComposer.MessageIdOf(email);
        await state.WriteJournalAsync([new SendJournalEntry("Contoso", email.ActivityId, messageId, 1, SendPhase.Committing, clock.GetUtcNow(), null)], [], default);
        clock.Advance(TimeSpan.FromDays(3));
        archive.SentFolder = id => id == messageId ? found : throw new ArgumentException(id);

        SendResult result = await Pipeline(sentFolder: true).SendAsync(new SendOptions(), default);

        Assert.Equal(reason, result.Decisions.Single().Reason);
        Assert.Empty(mail.Outbox);
        if (found != true)
            Assert.Contains(result.Decisions.Single().Evidence, e => e.Text.Contains("folder of sent mail of sue@contoso.test, which does not prove", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_folder_of_sent_mail_that_cannot_be_reached_holds_the_email_up_and_nothing_is_added_to_envelopes()
    {
        PendingEmail email = Pending(1, e => e with { WasStuck = true });
        await state.WriteJournalAsync([new SendJournalEntry("Contoso", email.ActivityId, MessageComposer.MessageIdOf(email), 1, SendPhase.Committing, clock.GetUtcNow(), null)], [], default);
        archive.At = (step, _) => throw new MailConnectionException("MailConnectFailed", MailStep.Connect, $"no connection for {step}", "wait");

        SendResult held = await Pipeline(sentFolder: true).SendAsync(new SendOptions(), default);
        Pending(2);
        await Pipeline(sentFolder: true).SendAsync(new SendOptions(), default);

        Assert.Equal(DecisionReasons.DeferredByServer, held.Decisions.Single().Reason);
        Assert.Equal(["ann@adatum.test"], mail.Outbox.Single().Message.Recipients);
    }

    [Fact]
    public async Task A_held_email_is_looked_at_once_in_a_run_however_soon_it_counts_as_stuck_again()
    {
        PendingEmail email = Pending(1);
        mail.Answer = message => ScriptedMailSystem.Reply(message, SendStatus.Uncertain, "no answer");
        organization.BeforeComplete = outcome =>
        {
            if (outcome is SendOutcome.Uncertain)
                organization.Pending.Enqueue(email with { WasStuck = true });
        };

        SendResult result = await SendAsync(new SendOptions { MaxMessages = 50 });

        Assert.Equal((1, 1), (result.Claimed, result.Uncertain));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_mail_system_is_told_when_an_earlier_attempt_was_begun(bool isRepeated)
    {
        PendingEmail email = Pending(1);
        if (isRepeated)
            await state.WriteJournalAsync([new SendJournalEntry("Contoso", email.ActivityId, MessageComposer.MessageIdOf(email), 1, SendPhase.Prepared, clock.GetUtcNow(), null)], [], default);

        await SendAsync();

        Assert.Equal(isRepeated, mail.Outbox.Single().Message.IsRepeated);
    }

    [Fact]
    public async Task The_mailbox_of_sent_copies_gets_one_and_is_not_shown_as_a_recipient()
    {
        Pending(1);

        SendResult result = await SendAsync(copies: true);

        Assert.Equal(["copies@contoso.test", "ann@adatum.test"], mail.Outbox.Single().Message.Recipients);
        Assert.DoesNotContain("copies@contoso.test", mail.Outbox.Single().Text, StringComparison.Ordinal);
        Assert.DoesNotContain(result.Decisions.Single().Evidence, e => e.Text.Contains("copies@", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_that_refuses_the_credential_holds_the_emails_up_without_counting_attempts()
    {
        Pending(1);
        Pending(2);
        mail.At = (step, _) =>
        {
            if (step == "open-sender")
                throw new MailAuthenticationException("MailAuthenticationFailed", "535 refused", "correct the password");
        };

        SendResult result = await SendAsync(new SendOptions { ThrottleLimit = 1 });

        Assert.Equal("MailAuthenticationFailed", Assert.Single(result.Errors).ErrorId);
        Assert.Equal(2, result.Deferred);
        Assert.All(organization.Completed, c => Assert.IsType<SendOutcome.Released>(c.Outcome));
        Assert.Equal(2, organization.Pending.Count);
    }

    [Fact]
    public async Task A_connection_lost_before_the_last_byte_leaves_the_email_pending()
    {
        PendingEmail email = Pending(1);
        mail.At = (step, _) =>
        {
            if (step == "send")
                throw new MailConnectionException("MailConnectionLost", MailStep.Send, "lost", "wait") { IsTransient = true };
        };

        SendResult result = await SendAsync();

        Assert.Equal(1, result.Deferred);
        Assert.IsType<SendOutcome.Released>(organization.Completed.Single().Outcome);
        Assert.Equal(SendPhase.Prepared, (await JournalAsync(email))?.Phase);
    }

    [Fact]
    public async Task Stopped_between_the_journal_and_the_last_byte_the_email_is_known_not_to_be_sent()
    {
        PendingEmail email = Pending(1);
        mail.At = (step, _) =>
        {
            if (step == "committed")
                throw new OperationCanceledException();
        };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => SendAsync());

        Assert.Equal(SendPhase.NotAccepted, (await JournalAsync(email))?.Phase);
    }

    [Fact]
    public async Task An_address_that_no_command_can_carry_fails_its_email_and_no_other()
    {
        Pending(1);
        Pending(2);
        mail.At = (step, id) =>
        {
            if (step == "send" && id!.StartsWith("<00000001", StringComparison.Ordinal))
                throw new MailCommandException(MailException.InvalidAddress, MailStep.Send, "the address is malformed", "correct it");
        };

        SendResult result = await SendAsync();

        Assert.Equal((1, 1), (result.Sent, result.Failed));
        Assert.Empty(result.Errors);
    }

    [Theory]
    [InlineData(false, false, "no such address")]
    [InlineData(true, false, "ann@adatum.test")]
    public async Task A_recipient_who_must_not_be_mailed_fails_the_email_with_the_reason(bool doNotEmail, bool resolved, string address)
    {
        Pending(1, e => e with
        {
            Parties = [new ActivityParty(ParticipationType.To, address, resolved ? null : new RecordReference("contact", Guid.NewGuid(), "Ann")) { DoNotEmail = doNotEmail }],
        });

        SendResult result = await SendAsync();

        Assert.Equal(DecisionReasons.RecipientNotAllowed, result.Decisions.Single().Reason);
        Assert.IsType<SendOutcome.Failed>(organization.Completed.Single().Outcome);
        Assert.Empty(mail.Outbox);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 1)]
    public async Task Unresolved_recipients_need_the_organizations_permission(bool allowed, int sent)
    {
        organization.Settings = organization.Settings with { AllowUnresolvedPartiesOnSend = allowed };
        Pending(1, e => e with { Parties = [new ActivityParty(ParticipationType.To, "unknown@adatum.test")] });

        Assert.Equal(sent, (await SendAsync()).Sent);
    }

    [Fact]
    public async Task A_dry_run_tells_what_would_be_sent_and_changes_nothing()
    {
        Pending(1);

        SendResult result = await SendAsync(new SendOptions { DryRun = true });

        Assert.Equal((true, 1), (result.IsDryRun, result.Sent));
        Assert.True(organization.Claims.Single().PeekOnly);
        Assert.Empty(organization.Completed);
        Assert.Empty(mail.Outbox);
        Assert.Empty(await state.FindDecisionsAsync(new DecisionQuery(), default).ToListAsync());
    }

    [Fact]
    public async Task A_stopped_run_gives_back_what_it_had_not_begun()
    {
        using var stop = new CancellationTokenSource();
        for (int i = 1; i <= 5; i++)
            Pending(i);
        mail.Answer = message =>
        {
            stop.Cancel();
            return ScriptedMailSystem.Accept(message);
        };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Pipeline().SendAsync(new SendOptions { ThrottleLimit = 1 }, stop.Token));

        Assert.Single(organization.Completed, c => c.Outcome is SendOutcome.Sent);
        Assert.Equal(4, organization.Completed.Count(c => c.Outcome is SendOutcome.Released));
    }

    [Fact]
    public async Task An_attachment_that_cannot_be_read_holds_the_email_up_and_the_others_go_on()
    {
        Pending(1, e => e with { Attachments = [new EmailAttachment("a.txt", "text/plain", 1, _ => throw new CrmException("CrmAttachmentMissing", "gone", "restore it") { IsAboutRecord = true })] });
        Pending(2);

        SendResult result = await SendAsync();

        Assert.Equal((1, 1), (result.Sent, result.Failed));
        Assert.Equal("CrmAttachmentMissing", result.Decisions.Single(d => d.Action == DecisionAction.Failed).Error?.ErrorId);
    }

    private static ActivityParty To(string address) => new(ParticipationType.To, address, new RecordReference("contact", Guid.NewGuid(), address));

    private PendingEmail Pending(int number, Func<PendingEmail, PendingEmail>? change = null)
    {
        var email = new PendingEmail
        {
            ActivityId = new Guid(number, 0, 0, [0, 0, 0, 0, 0, 0, 0, 1]),
            ClaimVersion = "1",
            Subject = $"Email {number}",
            Description = "<p>hello</p>",
            MimeType = "text/html",
            From = new RecordReference("systemuser", new Guid(9, 0, 0, [0, 0, 0, 0, 0, 0, 0, 1]), "Sue"),
            FromAddress = "sue@contoso.test",
            FromName = "Sue",
            Parties = [To("ann@adatum.test")],
        };
        email = change?.Invoke(email) ?? email;
        organization.Pending.Enqueue(email);
        return email;
    }

    private OutgoingPipeline Pipeline(bool copies = false, bool sentFolder = false)
    {
        var loops = new LoopGuard("router", 25);
        var route = new SendRoute("Relay", mail, new MailEndpoint { Host = "smtp.contoso.test" }, new MailLogin("sue@contoso.test", MailCredential.Anonymous), 4)
        {
            SentCopy = copies
                ? new SentCopyTarget("copies@contoso.test", archive, new MailEndpoint { Host = "pop.contoso.test" }, new MailLogin("copies@contoso.test", MailCredential.Anonymous))
                : null,
            SentFolder = sentFolder
                ? new SentFolderTarget(archive, new MailEndpoint { Host = "imap.contoso.test" }, new MailLogin("sue@contoso.test", MailCredential.Anonymous))
                : null,
        };
        return new OutgoingPipeline(
            "Contoso",
            organization,
            state,
            new MessageComposer(loops, MessageBufferOptions.Default, clock),
            (_, _) => ValueTask.FromResult(route),
            options,
            new RetrySchedule(options, clock, () => 0.5),
            new MailContext { Clock = clock });
    }

    private Task<SendResult> SendAsync(SendOptions? send = null, bool copies = false) => Pipeline(copies).SendAsync(send ?? new SendOptions(), default);

    private async Task<SendJournalEntry?> JournalAsync(PendingEmail email) =>
        (await state.GetJournalAsync("Contoso", [email.ActivityId], default)).GetValueOrDefault(email.ActivityId);
}

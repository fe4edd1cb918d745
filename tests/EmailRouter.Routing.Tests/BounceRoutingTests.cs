using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.Outgoing;
using EmailRouter.Routing.Tests.Incoming;

namespace EmailRouter.Routing.Tests;

/// <summary>An email leaves the CRM and comes back as undeliverable.</summary>
public sealed class BounceRoutingTests : IAsyncLifetime
{
    private static readonly RoutingOptions MarkFailed = new() { Bounces = BounceHandling.MarkFailed };

    private FolderOffice office = null!;

    public static TheoryData<string> Shapes { get; } =
        [BounceSamples.Postfix, BounceSamples.Office365, BounceSamples.Gmail, BounceSamples.Qmail, BounceSamples.Exim, BounceSamples.BareAttachment];

    public async Task InitializeAsync() => office = await FolderOffice.OpenAsync();

    public async Task DisposeAsync() => await office.DisposeAsync();

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task The_email_is_marked_failed_with_the_reason(string shape)
    {
        await using Router router = await OpenAsync(MarkFailed);
        EmailActivity sent = await SendAsync(router);
        office.Put("bounce.eml", BounceSamples.Make(shape, sent.MessageId!, "ann@adatum.test", "Angebot"));

        Decision decision = Assert.Single((await FolderOffice.PollAsync(router)).Decisions);

        Assert.Equal((DecisionAction.NotTracked, DecisionReasons.BounceMatched, sent.ActivityId), (decision.Action, decision.Reason, decision.ActivityId));
        EmailActivity failed = await office.EmailAsync(sent.ActivityId);
        Assert.Equal(EmailStatus.Failed, failed.Status);
        Assert.StartsWith("Undeliverable to ann@adatum.test: ", failed.FailureReason, StringComparison.Ordinal);
        Assert.Contains("5.", failed.FailureReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unless_the_option_says_so_nothing_happens_as_in_the_original()
    {
        await using Router router = await OpenAsync(new RoutingOptions());
        EmailActivity sent = await SendAsync(router);
        office.Put("bounce.eml", BounceSamples.Make(BounceSamples.Postfix, sent.MessageId!, "ann@adatum.test"));

        Assert.Equal(DecisionReasons.MessageClassNotTracked, Assert.Single((await FolderOffice.PollAsync(router)).Decisions).Reason);
        Assert.Equal(EmailStatus.Sent, (await office.EmailAsync(sent.ActivityId)).Status);
    }

    [Fact]
    public async Task The_same_report_again_changes_nothing_and_another_recipient_is_added()
    {
        await using Router router = await OpenAsync(MarkFailed);
        EmailActivity sent = await SendAsync(router);
        office.Put("1.eml", BounceSamples.Make(BounceSamples.Postfix, sent.MessageId!, "ann@adatum.test"));
        office.Put("2.eml", BounceSamples.Make(BounceSamples.Gmail, sent.MessageId!, "ann@adatum.test"));
        await FolderOffice.PollAsync(router);
        string? once = (await office.EmailAsync(sent.ActivityId)).FailureReason;
        office.Put("3.eml", BounceSamples.Make(BounceSamples.Qmail, sent.MessageId!, "bob@adatum.test"));
        PollResult result = await FolderOffice.PollAsync(router);

        Assert.DoesNotContain('\n', once!);
        Assert.Equal(DecisionReasons.BounceMatched, Assert.Single(result.Decisions).Reason);
        string[] reasons = (await office.EmailAsync(sent.ActivityId)).FailureReason!.Split('\n');
        Assert.Equal(2, reasons.Length);
        Assert.StartsWith("Undeliverable to ann@adatum.test:", reasons[0], StringComparison.Ordinal);
        Assert.StartsWith("Undeliverable to bob@adatum.test:", reasons[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sent_again_it_goes_only_to_those_it_came_back_from()
    {
        await using Router router = await OpenAsync(MarkFailed);
        EmailActivity sent = await SendAsync(router);
        office.Put("bounce.eml", BounceSamples.Make(BounceSamples.Postfix, sent.MessageId!, "ann@adatum.test"));
        await FolderOffice.PollAsync(router);
        File.Delete(Assert.Single(Directory.GetFiles(office.Outbox)));

        await office.Crm.SendEmailAsync(sent.ActivityId, issueSend: true, default);
        SendResult again = await router.SendAsync(null, new SendOptions(), default);

        Assert.Equal(1, again.Sent);
        Assert.StartsWith(
            $"X-Sender: {FolderOffice.Queue}\r\nX-Receiver: ann@adatum.test\r\nX-EmailRouter-Loop",
            string.Join("\r\n", File.ReadLines(Assert.Single(Directory.GetFiles(office.Outbox))).Where(l => l.StartsWith("X-", StringComparison.Ordinal))),
            StringComparison.Ordinal);
        EmailActivity email = await office.EmailAsync(sent.ActivityId);
        Assert.Equal((EmailStatus.Sent, null), (email.Status, email.FailureReason));
    }

    [Fact]
    public async Task Sent_again_without_the_one_it_came_back_from_it_goes_to_nobody_twice()
    {
        await using Router router = await OpenAsync(MarkFailed);
        EmailActivity sent = await SendAsync(router);
        office.Put("bounce.eml", BounceSamples.Make(BounceSamples.Postfix, sent.MessageId!, "ann@adatum.test"));
        await FolderOffice.PollAsync(router);
        File.Delete(Assert.Single(Directory.GetFiles(office.Outbox)));

        await office.Crm.UpdateDraftAsync(sent.ActivityId, new EmailDraft { From = office.Sales, To = [office.Bob], Subject = "Angebot", Description = "x" }, default);
        await office.Crm.SendEmailAsync(sent.ActivityId, issueSend: true, default);
        SendResult again = await router.SendAsync(null, new SendOptions(), default);

        Assert.Equal(DecisionReasons.AlreadySent, Assert.Single(again.Decisions).Reason);
        Assert.Empty(Directory.GetFiles(office.Outbox));
        Assert.Equal(EmailStatus.Sent, (await office.EmailAsync(sent.ActivityId)).Status);
    }

    [Fact]
    public async Task The_envelope_id_alone_finds_the_email_too()
    {
        await using Router router = await OpenAsync(MarkFailed);
        EmailActivity sent = await SendAsync(router);
        office.Put("bounce.eml", BounceSamples.Make(BounceSamples.Postfix, "<rewritten@gateway.test>", "ann@adatum.test", envelopeId: sent.ActivityId.ToString("N")));

        Assert.Equal(DecisionReasons.BounceMatched, Assert.Single((await FolderOffice.PollAsync(router)).Decisions).Reason);
        Assert.Equal(EmailStatus.Failed, (await office.EmailAsync(sent.ActivityId)).Status);
    }

    [Theory]
    [InlineData("unknown message")]
    [InlineData("stranger as recipient")]
    [InlineData("token only")]
    [InlineData("two emails")]
    public async Task A_forged_report_cannot_fail_an_email(string forgery)
    {
        await using Router router = await OpenAsync(MarkFailed);
        EmailActivity sent = await SendAsync(router);
        EmailActivity other = await SendAsync(router);
        office.Put("bounce.eml", forgery switch
        {
            "unknown message" => BounceSamples.Make(BounceSamples.Postfix, "<guess@example.test>", "ann@adatum.test", "x"),
            "stranger as recipient" => BounceSamples.Make(BounceSamples.Postfix, sent.MessageId!, "eve@evil.test"),
            "token only" => BounceSamples.Make(BounceSamples.Postfix, "<guess@example.test>", "ann@adatum.test", sent.Subject),
            _ => BounceSamples.Make(BounceSamples.Postfix, sent.MessageId!, "ann@adatum.test", envelopeId: other.ActivityId.ToString("N")),
        });

        Decision decision = Assert.Single((await FolderOffice.PollAsync(router)).Decisions);

        Assert.Equal((DecisionAction.NotTracked, DecisionReasons.BounceUnmatched), (decision.Action, decision.Reason));
        Assert.Equal(EmailStatus.Sent, (await office.EmailAsync(sent.ActivityId)).Status);
        Assert.Equal(EmailStatus.Sent, (await office.EmailAsync(other.ActivityId)).Status);
    }

    [Theory]
    [InlineData(BounceSamples.PostfixDelay)]
    [InlineData(BounceSamples.EximDelay)]
    public async Task A_delay_is_only_noted(string shape)
    {
        await using Router router = await OpenAsync(MarkFailed);
        EmailActivity sent = await SendAsync(router);
        office.Put("delay.eml", BounceSamples.Make(shape, sent.MessageId!, "ann@adatum.test"));

        Assert.Equal(DecisionReasons.MessageClassNotTracked, Assert.Single((await FolderOffice.PollAsync(router)).Decisions).Reason);
        Assert.Equal(EmailStatus.Sent, (await office.EmailAsync(sent.ActivityId)).Status);
    }

    [Fact]
    public async Task An_email_that_was_not_sent_yet_is_left_alone()
    {
        await using Router router = await OpenAsync(MarkFailed);
        Guid pending = await office.PendingAsync();
        office.Put("bounce.eml", BounceSamples.Make(BounceSamples.Postfix, "<guess@example.test>", "ann@adatum.test", envelopeId: pending.ToString("N")));

        await FolderOffice.PollAsync(router);

        Assert.Equal(EmailStatus.PendingSend, (await office.EmailAsync(pending)).Status);
    }

    [Fact]
    public async Task A_dry_run_says_so_and_changes_nothing()
    {
        await using Router router = await OpenAsync(MarkFailed);
        EmailActivity sent = await SendAsync(router);
        office.Put("bounce.eml", BounceSamples.Make(BounceSamples.Postfix, sent.MessageId!, "ann@adatum.test"));
        EffectiveMailbox mailbox = await router.GetMailboxesAsync(null, default).SingleAsync(m => m.Address == FolderOffice.Queue);

        PollResult result = await router.PollAsync(mailbox, new PollOptions { DryRun = true }, default);

        Assert.Equal(DecisionReasons.BounceMatched, Assert.Single(result.Decisions).Reason);
        Assert.Equal(EmailStatus.Sent, (await office.EmailAsync(sent.ActivityId)).Status);
    }

    private Task<Router> OpenAsync(RoutingOptions routing) => office.OpenRouterAsync("PickupFolder", office.Inbox, Settlement.Keep, routing);

    private async Task<EmailActivity> SendAsync(Router router)
    {
        Guid id = await office.PendingAsync();
        await router.SendAsync(null, new SendOptions(), default);
        return await office.EmailAsync(id);
    }
}

using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Seed;
using EmailRouter.Lab.Servers;
using EmailRouter.Lab.Store;
using EmailRouter.Mime;
using EmailRouter.Routing;
using EmailRouter.Routing.Outgoing;

namespace EmailRouter.Lab.Tests.EndToEnd;

/// <summary>The CRM's pending email leaves by Exchange Server and Exchange Online.</summary>
public sealed class SendingTests
{
    private static readonly Guid quote = LabSeed.IdOf("email", "quote-17");

    [Theory]
    [InlineData(RoutedLab.Exchange)]
    [InlineData(RoutedLab.Graph)]
    public async Task Everything_pending_is_sent_kept_in_Sent_Items_and_written_back(string system)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Pop3, system);
        SendResult result = await lab.SendAsync();

        Assert.Empty(result.Errors);
        foreach (SeedEmail email in SeedOrganization.Emails)
        {
            // Exchange takes every recipient and reports those who do not exist later.
            bool isSent = email.Action == DecisionAction.Sent || email.Reason == DecisionReasons.Rejected;
            EmailActivity activity = (await lab.Crm.GetEmailAsync(LabSeed.IdOf("email", email.Key), default))!;
            EmailStatus expected = isSent ? EmailStatus.Sent : email.Action == DecisionAction.Failed ? EmailStatus.Failed : EmailStatus.PendingSend;
            Assert.True(expected == activity.Status, $"{email.Key}: {activity.Status}: {activity.FailureReason}");
            Assert.Equal(isSent ? 1 : 0, lab.Session.FindSent(email).Count(s => s.By == LabSentBy.Submission));
        }

        LabMailbox anna = lab.Mail.Find(RoutedLab.Anna)!;
        LabMessage copy = Assert.Single(anna.MessagesIn(anna.FolderOf(LabFolderNames.SentItems).Id), m => m.Mime.Subject.StartsWith("Quotation 17", StringComparison.Ordinal));
        EmailActivity sent = (await lab.Crm.GetEmailAsync(quote, default))!;
        Assert.Equal(sent.MessageId, copy.InternetMessageId);
        Assert.NotNull(sent.SentOn);
        Assert.Single(copy.Mime.Attachments, a => a.FileName == "quotation-17.txt");
        Assert.Empty(anna.MessagesIn(anna.FolderOf(LabFolderNames.Drafts).Id));
        Assert.Equal(0, (await lab.SendAsync()).Claimed);
    }

    [Theory]
    [InlineData(RoutedLab.Exchange)]
    [InlineData(RoutedLab.Graph)]
    public async Task Who_is_in_Bcc_gets_it_and_nobody_sees_it(string system)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Pop3, system);
        Guid id = await lab.Crm.CreateDraftAsync(
            new EmailDraft
            {
                From = LabSeed.Find("Anna Berg")!,
                To = [DraftRecipient.FromRecord(LabSeed.Find("Kim Abel")!)],
                Bcc = [DraftRecipient.FromRecord(LabSeed.Find("Ben Ortiz")!)],
                Subject = "Between us",
                Description = "<p>Hello</p>",
            },
            default);
        await lab.Crm.SendEmailAsync(id, issueSend: true, default);
        SendResult result = await lab.SendAsync(id);

        Assert.Equal(1, result.Sent);
        LabMessage arrived = Assert.Single(lab.Mail.Find(RoutedLab.Ben)!.Messages);
        Assert.StartsWith("Between us", arrived.Mime.Subject, StringComparison.Ordinal);
        LabSentMessage sent = Assert.Single(lab.Mail.Sent, s => s.By == LabSentBy.Submission);
        Assert.Equal([RoutedLab.Ben, "kim.abel@adatum.test"], sent.Recipients.Order(StringComparer.Ordinal));
        Assert.Empty(MimeMessage.Parse(sent.Content).Bcc);
    }

    [Theory]
    [InlineData(RoutedLab.Exchange, "CreateItem")]
    [InlineData(RoutedLab.Graph, "send")]
    public async Task An_answer_that_was_lost_is_looked_up_and_nothing_is_sent_twice(string system, string command)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Pop3, system);
        SendResult first;
        using (lab.Session.Faults.Add(new LabFault(LabFaultKind.LoseAnswer)
        {
            Protocol = ProtocolOf(system),
            Times = 1,
            Request = r => system == RoutedLab.Exchange ? r.Text.Contains("CreateItem", StringComparison.Ordinal) : r.Path.EndsWith('/' + command, StringComparison.Ordinal),
        }))
            first = await lab.SendAsync(quote);
        Decision decision = Assert.Single(first.Decisions);
        Assert.Contains(decision.Action, new[] { DecisionAction.Sent, DecisionAction.Uncertain });
        lab.Clock.Advance(TimeSpan.FromHours(1));
        SendResult second = await lab.SendAsync();

        Assert.Single(lab.Session.FindSent(SeedOrganization.Emails.Single(e => e.Key == "quote-17")));
        Assert.Equal(EmailStatus.Sent, (await lab.Crm.GetEmailAsync(quote, default))!.Status);
        if (decision.Action == DecisionAction.Uncertain)
            Assert.Contains(second.Decisions, d => d.ActivityId == quote && d is { Action: DecisionAction.Sent, Reason: DecisionReasons.AlreadySent });
    }

    [Theory]
    [InlineData(RoutedLab.Exchange)]
    [InlineData(RoutedLab.Graph)]
    public async Task A_connection_that_breaks_before_the_message_left_is_tried_again_and_sends_once(string system)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Pop3, system);
        using (lab.Session.Faults.Add(new LabFault(LabFaultKind.Drop)
        {
            Protocol = ProtocolOf(system),
            Request = r => r.Text.Contains("<m:GetFolder", StringComparison.Ordinal) || (r.Method == "POST" && r.Path.EndsWith("/messages", StringComparison.Ordinal)),
        }))
            Assert.Equal(0, (await lab.SendAsync(quote)).Sent);
        lab.Clock.Advance(TimeSpan.FromHours(1));
        await lab.SendAsync();

        Assert.Single(lab.Session.FindSent(SeedOrganization.Emails.Single(e => e.Key == "quote-17")));
        Assert.Equal(EmailStatus.Sent, (await lab.Crm.GetEmailAsync(quote, default))!.Status);
    }

    [Theory]
    [InlineData(RoutedLab.Exchange)]
    [InlineData(RoutedLab.Graph)]
    public async Task Without_the_right_to_send_as_somebody_the_email_fails_and_says_so(string system)
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Pop3, system);
        using IDisposable denied = lab.Session.Faults.Add(system == RoutedLab.Exchange
            ? new LabFault(LabFaultKind.ResponseCode) { Protocol = LabProtocol.Ews, Command = "CreateItem", Reply = "ErrorSendAsDenied" }
            : new LabFault(LabFaultKind.Throttle) { Protocol = LabProtocol.Graph, Command = "never" });
        if (system == RoutedLab.Graph)
            lab.Session.Graph.Permissions.Restrict(LabSession.ClientId, RoutedLab.Ben);
        SendResult result = await lab.SendAsync(quote);

        EmailActivity activity = (await lab.Crm.GetEmailAsync(quote, default))!;
        Assert.Empty(lab.Mail.Sent);
        if (system == RoutedLab.Exchange)
        {
            Assert.Equal((EmailStatus.Failed, DecisionAction.Failed), (activity.Status, Assert.Single(result.Decisions).Action));
            Assert.Contains("ErrorSendAsDenied", activity.FailureReason, StringComparison.Ordinal);
            return;
        }

        // No right to the mailbox at all is the administrator's to mend, and costs no email.
        RouterError error = Assert.Single(result.Errors);
        Assert.NotEmpty(error.Remedy);
        Assert.Equal(EmailStatus.PendingSend, activity.Status);
    }

    [Fact]
    public async Task A_token_that_expired_is_renewed_while_sending()
    {
        await using RoutedLab lab = await RoutedLab.StartAsync(RoutedLab.Pop3, RoutedLab.Graph);
        Assert.Equal(1, (await lab.SendAsync(quote)).Sent);
        lab.Session.Tokens.RefuseIssuedBefore = DateTimeOffset.UtcNow;

        Assert.Equal(1, (await lab.SendAsync(LabSeed.IdOf("email", "order-4711"))).Sent);
    }

    private static LabProtocol ProtocolOf(string system) => system == RoutedLab.Exchange ? LabProtocol.Ews : LabProtocol.Graph;
}

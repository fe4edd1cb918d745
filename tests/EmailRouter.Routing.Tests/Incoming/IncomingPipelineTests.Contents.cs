using EmailRouter.Crm;
using EmailRouter.Routing.Incoming;

namespace EmailRouter.Routing.Tests.Incoming;

public sealed partial class IncomingPipelineTests
{
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
}

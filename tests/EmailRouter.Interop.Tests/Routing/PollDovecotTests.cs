using EmailRouter.Crm;
using EmailRouter.Interop.Tests.Mail;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Mail;
using EmailRouter.Mime;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;

namespace EmailRouter.Interop.Tests.Routing;

public sealed class PollDovecotTests(DovecotFixture fixture) : IClassFixture<DovecotFixture>
{
    private const int Count = 1000;

    [ServerFact(Software.Dovecot)]
    public async Task A_mailbox_of_a_thousand_mixed_messages_is_polled_over_tls_and_a_second_poll_finds_nothing_new()
    {
        for (int i = 0; i < Count; i++)
            await fixture.Server.DeliverAsync("thousand", await MixedAsync(i));
        await using Organization organization = await Organization.OpenAsync();
        await using Router router = await organization.OpenRouterAsync(Profile(Settlement.Keep), "thousand", DovecotServer.Password);

        PollResult first = await PollAsync(router);
        PollResult second = await PollAsync(router);

        Assert.Null(first.Error);
        Assert.Equal((PollStatus.Completed, Count, Count), (first.Status, first.New, first.Promoted));
        Assert.Equal((PollStatus.Completed, Count, 0), (second.Status, second.Listed, second.New));
        List<EmailActivity> emails = await organization.Crm.FindEmailsAsync(new EmailFilter { IsOutgoing = false }, default).ToListAsync();
        Assert.Equal(Count, emails.Select(e => e.MessageId).Distinct().Count());
        Assert.Equal(Count, fixture.Server.Messages("thousand").Count);
        foreach (int i in (int[])[1, 2, 3, 4, 5])
        {
            MimeMessage original = MimeMessage.Parse(await MixedAsync(i));
            EmailActivity email = emails.Single(e => e.MessageId == original.MessageId);
            Assert.Equal(original.Subject, email.Subject);
            Assert.Equal(original.Attachments.Select(a => (a.FileName, a.GetDecodedLength())), email.Attachments.Select(a => ((string?)a.FileName, a.Size)));
        }
    }

    [ServerFact(Software.Dovecot)]
    public async Task Promoted_messages_are_deleted_from_the_server_when_the_profile_says_so()
    {
        for (int i = 0; i < 50; i++)
            await fixture.Server.DeliverAsync("fifty", await MixedAsync(i));
        await using Organization organization = await Organization.OpenAsync();
        await using Router router = await organization.OpenRouterAsync(Profile(Settlement.Delete), "fifty", DovecotServer.Password);

        PollResult result = await PollAsync(router);

        Assert.Equal(50, result.Promoted);
        Assert.Empty(fixture.Server.Messages("fifty"));
    }

    [ServerFact(Software.Dovecot)]
    public async Task A_mailbox_polled_by_imap_is_read_on_from_the_cursor()
    {
        for (int i = 0; i < 200; i++)
            await fixture.Server.DeliverAsync("imap-poll", await MixedAsync(i));
        await using Organization organization = await Organization.OpenAsync();
        await using Router router = await organization.OpenRouterAsync(Imap(Settlement.Keep), "imap-poll", DovecotServer.Password);

        PollResult first = await PollAsync(router);
        PollResult second = await PollAsync(router);
        await fixture.Server.DeliverAsync("imap-poll", await MixedAsync(200));
        PollResult third = await PollAsync(router);
        await fixture.Server.ForgetUidsAsync("imap-poll");
        PollResult fourth = await PollAsync(router);

        Assert.Null(first.Error);
        Assert.Equal((PollStatus.Completed, 200, 200), (first.Status, first.New, first.Promoted));
        Assert.Equal((PollStatus.Completed, 0, 0), (second.Status, second.Listed, second.New));
        Assert.Equal((PollStatus.Completed, 1, 1), (third.Status, third.Listed, third.Promoted));
        Assert.Equal((PollStatus.Completed, 201, 0), (fourth.Status, fourth.Listed, fourth.Promoted));
        List<EmailActivity> emails = await organization.Crm.FindEmailsAsync(new EmailFilter { IsOutgoing = false }, default).ToListAsync();
        Assert.Equal(201, emails.Select(e => e.MessageId).Distinct().Count());
        Assert.Equal(201, emails.Count);
        MimeMessage original = MimeMessage.Parse(await MixedAsync(5));
        Assert.Equal(new DateTimeOffset(2026, 1, 5, 8, 0, 0, TimeSpan.Zero), original.Date);
        Assert.NotEqual(original.Date, emails.Single(e => e.MessageId == original.MessageId).ReceivedOn);    // it is INTERNALDATE that counts
    }

    [ServerFact(Software.Dovecot)]
    public async Task Messages_polled_by_imap_are_moved_to_a_folder_that_is_made_for_them()
    {
        for (int i = 0; i < 50; i++)
            await fixture.Server.DeliverAsync("imap-move", await MixedAsync(i));
        await using Organization organization = await Organization.OpenAsync();
        await using Router router = await organization.OpenRouterAsync(Imap(Settlement.MoveTo("CRM/done")), "imap-move", DovecotServer.Password);

        PollResult first = await PollAsync(router);
        PollResult second = await PollAsync(router);

        Assert.Null(first.Error);
        Assert.Equal((50, 0), (first.Promoted, second.Listed));
        Assert.Empty(fixture.Server.Messages("imap-move"));
        Assert.Equal(50, fixture.Server.Messages("imap-move/.CRM.done").Count);
    }

    [ServerFact(Software.Dovecot)]
    public async Task A_wrong_password_is_named_with_its_remedy_and_changes_nothing()
    {
        await using Organization organization = await Organization.OpenAsync();
        await using Router router = await organization.OpenRouterAsync(Profile(Settlement.Keep), "thousand", "wrong");

        PollResult result = await PollAsync(router);

        Assert.Equal((PollStatus.Failed, "MailAuthenticationFailed"), (result.Status, result.Error?.ErrorId));
        Assert.NotEmpty(result.Error!.Remedy);
        Assert.Empty(await organization.Crm.FindEmailsAsync(new EmailFilter(), default).ToListAsync());
    }

    private static async Task<PollResult> PollAsync(Router router)
    {
        EffectiveMailbox mailbox = await router.GetMailboxesAsync(null, default).SingleAsync(m => m.Address == Organization.Queue);
        return await router.PollAsync(mailbox, new PollOptions(), default);
    }

    /// <summary>Plain text with awkward lines, HTML with an alternative, attachments, replies.</summary>
    private static async Task<byte[]> MixedAsync(int number)
    {
        if (number % 4 == 0)
            return SampleMessages.Make(number, eightBit: number % 8 == 0);
        var random = new Random(number);
        var attachment = new byte[random.Next(100, 60_000)];
        random.NextBytes(attachment);
        using var stream = new MemoryStream();
        await MimeWriter.WriteAsync(
            new MessageDraft
            {
                From = [new MailAddress("Jürgen Müller", $"box{number}@example.test")],
                To = [new MailAddress(Organization.Queue)],
                Subject = $"Größe {number}",
                Date = new DateTimeOffset(2026, 1, 5, 8, 0, 0, TimeSpan.Zero),
                MessageId = $"<mixed-{number}@example.test>",
                InReplyTo = number % 3 == 0 ? [$"<mixed-{number - 3}@example.test>"] : [],
                TextBody = $"hello {number}",
                HtmlBody = number % 4 == 1 ? null : $"<p>hello {number}</p>",
                Attachments = number % 4 == 3 ? [DraftAttachment.FromBytes($"Anhang {number}.pdf", "application/pdf", attachment)] : [],
            },
            stream,
            new MimeWriterOptions { Random = random.NextBytes });
        return stream.ToArray();
    }

    private ProfileConfiguration Imap(Settlement settlement) => Profile(settlement) with { System = "Imap", Port = fixture.Server.ImapsPort };

    private ProfileConfiguration Profile(Settlement settlement) => new()
    {
        Name = "Dovecot",
        Direction = MailDirection.Incoming,
        System = "Pop3",
        Host = "localhost",
        Port = fixture.Server.Pop3sPort,
        CertificatePins = [fixture.Server.Pin],
        Settlement = settlement,
    };
}

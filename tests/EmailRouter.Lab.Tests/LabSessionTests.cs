using EmailRouter.Crm;
using EmailRouter.Lab.Seed;
using EmailRouter.Lab.Servers;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.Outgoing;

namespace EmailRouter.Lab.Tests;

public sealed class LabSessionTests
{
    private const string Ben = "ben.ortiz@contoso.test";
    private const string Carla = "carla.nunez@contoso.test";

    [Fact]
    public async Task The_router_sees_every_mailbox_and_why_some_are_not_used()
    {
        await using LabSession session = await LabSession.StartAsync();
        await using Router router = await session.OpenRouterAsync();
        Dictionary<string, EffectiveMailbox> mailboxes = await router.GetMailboxesAsync(null, default).ToDictionaryAsync(m => m.Address);

        Assert.Equal(15, mailboxes.Count);
        Assert.Equal(
            ["grace.hall@contoso.test", "jonas.weber@contoso.test", "karin.holm@contoso.test"],
            mailboxes.Values.Where(m => !m.Incoming.IsUsable).Select(m => m.Address).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_second_poll_finds_nothing_new()
    {
        await using LabSession session = await LabSession.StartAsync();
        session.Deliver(phase: 1);
        await using Router router = await session.OpenRouterAsync();
        PollResult first = await PollAsync(router, Carla);
        PollResult second = await PollAsync(router, Carla);

        Assert.True(first.New > 0);
        Assert.Equal(first.Listed, second.Listed);
        Assert.Equal(0, second.New);
        Assert.Empty(second.Decisions);
    }

    [Fact]
    public async Task A_locked_mailbox_fails_by_name_and_the_others_go_on()
    {
        await using LabSession session = await LabSession.StartAsync();
        session.Deliver(phase: 1);
        session.Faults.Add(new LabFault(LabFaultKind.Locked) { Mailbox = Ben });
        await using Router router = await session.OpenRouterAsync();
        EffectiveMailbox[] two = [await FindAsync(router, Ben), await FindAsync(router, Carla)];
        Dictionary<string, PollResult> results = await router.PollAsync(two, new PollOptions(), 2, default).ToDictionaryAsync(r => r.Mailbox);

        Assert.Equal(PollStatus.Failed, results[Ben].Status);
        Assert.Equal("MailMailboxInUse", results[Ben].Error!.ErrorId);
        Assert.True(results[Ben].Error!.IsTransient);
        Assert.Equal(PollStatus.Completed, results[Carla].Status);
        Assert.True(results[Carla].Promoted > 0);
    }

    [Fact]
    public async Task A_connection_that_breaks_in_the_middle_of_a_message_loses_nothing_and_doubles_nothing()
    {
        await using LabSession session = await LabSession.StartAsync();
        session.Deliver(phase: 1);
        await using Router router = await session.OpenRouterAsync();
        using (session.Faults.Add(new LabFault(LabFaultKind.Drop) { Mailbox = Carla, Command = "RETR", Skip = 3, AfterBytes = 50 }))
            Assert.Equal(PollStatus.Failed, (await PollAsync(router, Carla)).Status);
        Assert.Equal(PollStatus.Completed, (await PollAsync(router, Carla)).Status);

        List<Decision> decisions = await (await router.GetStateAsync(default)).FindDecisionsAsync(new() { Mailbox = Carla }, default).ToListAsync();
        string[] done = [.. decisions.Where(d => d.Action != DecisionAction.Deferred).Select(d => d.MessageKey!).Order(StringComparer.Ordinal)];
        Assert.Equal(session.Mail.Find(Carla)!.Messages.Select(m => m.Uidl).Order(StringComparer.Ordinal), done);
        List<EmailActivity> activities = await session.Crm.FindEmailsAsync(new EmailFilter { IsOutgoing = false }, default).ToListAsync();
        Assert.Equal(decisions.Count(d => d.Action == DecisionAction.Promoted), activities.Count);
    }

    [Fact]
    public async Task An_email_whose_final_answer_was_lost_is_held_and_not_sent_again()
    {
        await using LabSession session = await LabSession.StartAsync();
        await using Router router = await session.OpenRouterAsync();
        Guid[] quote = [LabSeed.IdOf("email", "quote-17")];
        using (session.Faults.Add(new LabFault(LabFaultKind.LoseAnswer) { Protocol = LabProtocol.Smtp, Command = "." }))
        {
            SendResult first = await router.SendAsync(null, new SendOptions { ActivityIds = quote }, default);
            Assert.Equal(DecisionAction.Uncertain, Assert.Single(first.Decisions).Action);
        }

        SendResult second = await router.SendAsync(null, new SendOptions { ActivityIds = quote }, default);
        Assert.Empty(second.Decisions);
        Assert.Single(session.Mail.Sent);
        Assert.Equal(EmailStatus.Sending, (await session.Crm.GetEmailAsync(quote[0], default))!.Status);
    }

    [Fact]
    public async Task A_refused_login_concerns_its_mailbox_only_and_names_the_remedy()
    {
        await using LabSession session = await LabSession.StartAsync();
        session.Mail.Find(Ben)!.Password = "changed meanwhile";
        await using Router router = await session.OpenRouterAsync();
        PollResult result = await PollAsync(router, Ben);

        Assert.Equal(PollStatus.Failed, result.Status);
        Assert.Equal("MailAuthenticationFailed", result.Error!.ErrorId);
        Assert.NotEmpty(result.Error.Remedy);
        Assert.Equal(PollStatus.Completed, (await PollAsync(router, Carla)).Status);
    }

    [Fact]
    public async Task A_folder_is_used_again_and_its_CRM_goes_on()
    {
        string folder = Directory.CreateTempSubdirectory("lab-tests-").FullName;
        try
        {
            for (int round = 1; round <= 2; round++)
            {
                await using LabSession session = await LabSession.StartAsync(new LabOptions { Folder = folder });
                string message = $"From: kim.abel@adatum.test\r\nSubject: Round {round}\r\nMessage-ID: <{round}@adatum.test>\r\n\r\n";
                session.Mail.Deliver(Ben, System.Text.Encoding.ASCII.GetBytes(message));
                await using Router router = await session.OpenRouterAsync();
                Assert.Equal(1, (await PollAsync(router, Ben)).Promoted);
                Assert.Equal(round, await session.Crm.FindEmailsAsync(new EmailFilter { IsOutgoing = false }, default).CountAsync());
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_temporary_folder_is_gone_with_the_session()
    {
        LabSession session = await LabSession.StartAsync();
        string folder = session.Folder;
        Assert.True(File.Exists(session.ConfigurationPath));
        await session.DisposeAsync();
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public async Task Answers_cannot_come_before_the_emails_they_answer()
    {
        await using LabSession session = await LabSession.StartAsync();
        Assert.Contains("was not sent", Assert.Throws<InvalidOperationException>(() => session.Deliver(phase: 2)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_directions_name_ports_login_and_configuration()
    {
        await using LabSession session = await LabSession.StartAsync();
        var output = new StringWriter();
        LabDirections.Write(session, output);
        Assert.Contains($"EMAILROUTER_CONFIGURATION = '{session.ConfigurationPath}'", output.ToString(), StringComparison.Ordinal);
        Assert.Contains($"port {session.Pop3.Port} (STLS), {session.Pop3.TlsPort} (TLS)", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("lab-anna.berg", output.ToString(), StringComparison.Ordinal);
    }

    private static async Task<EffectiveMailbox> FindAsync(Router router, string address) =>
        await router.GetMailboxesAsync(null, default).SingleAsync(m => m.Address == address);

    private static async Task<PollResult> PollAsync(Router router, string address) =>
        await router.PollAsync(await FindAsync(router, address), new PollOptions(), default);
}

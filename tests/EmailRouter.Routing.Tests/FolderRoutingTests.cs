using System.Text;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Mail;
using EmailRouter.Mail.Drop;
using EmailRouter.Mime;
using EmailRouter.Routing.Access;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.Outgoing;

namespace EmailRouter.Routing.Tests;

/// <summary>The whole router over folders and an embedded CRM: both ways behave as through any mail server.</summary>
public sealed class FolderRoutingTests : IAsyncLifetime
{
    private const string Queue = "sales@example.test";

    private readonly TemporaryFolder folder = new();
    private readonly ManualClock clock = new(DateTimeOffset.UtcNow.AddHours(1));
    private EmbeddedCrm crm = null!;
    private RecordReference sales = null!;
    private RecordReference customer = null!;
    private RecordReference hidden = null!;

    private string Inbox => folder["in"];

    private string Outbox => folder["out"];

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(Inbox);
        Directory.CreateDirectory(Outbox);
        crm = await EmbeddedCrm.OpenAsync(new EmbeddedCrmOptions { Path = folder["crm.db"] }, default);
        RecordReference owner = await CreateAsync("systemuser", ("fullname", "Sue"));
        customer = await CreateAsync("contact", ("fullname", "Ann"), ("emailaddress1", "ann@adatum.test"));
        hidden = await CreateAsync("contact", ("fullname", "Hid"), ("emailaddress1", "hidden@adatum.test"));
        sales = await CreateAsync(
            "queue",
            ("name", "Sales"),
            ("ownerid", owner.Id),
            ("emailaddress", Queue),
            ("incomingemaildeliverymethod", 2),
            ("outgoingemaildeliverymethod", 2),
            ("incomingemailfilteringmethod", 0),
            ("emailrouteraccessapproval", 1));
    }

    public async Task DisposeAsync()
    {
        await crm.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task A_pickup_folder_is_polled_once_and_its_messages_go_where_the_profile_says()
    {
        File.WriteAllText(Path.Combine(Inbox, "a.eml"), Message("<a@adatum.test>"));
        File.WriteAllText(Path.Combine(Inbox, "b.eml"), "X-Sender: ann@adatum.test\nX-Receiver: sales@example.test\n" + Message("<b@adatum.test>").ReplaceLineEndings("\n"));
        await using Router router = await OpenAsync("PickupFolder", Inbox, Settlement.MoveTo("Done"));

        PollResult first = await PollAsync(router);
        PollResult second = await PollAsync(router);

        Assert.Null(first.Error);
        Assert.Equal((PollStatus.Completed, 2, 2), (first.Status, first.New, first.Promoted));
        Assert.Equal((PollStatus.Completed, 0), (second.Status, second.Listed));
        Assert.Equal(["a.eml", "b.eml"], Directory.GetFiles(Path.Combine(Inbox, "Done")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(2, await crm.FindEmailsAsync(new EmailFilter { IsOutgoing = false }, default).CountAsync());
    }

    [Fact]
    public async Task Kept_messages_are_remembered_and_a_poisoned_one_costs_only_itself()
    {
        File.WriteAllText(Path.Combine(Inbox, "a.eml"), Message("<a@adatum.test>"));
        File.WriteAllBytes(Path.Combine(Inbox, "garbage.eml"), [0, 1, 2, 255, 254, 13, 13, 10]);
        File.WriteAllText(Path.Combine(Inbox, "huge.eml"), Message("<huge@adatum.test>") + new string('x', 100_000));
        await using Router router = await OpenAsync("PickupFolder", Inbox, Settlement.Keep, new RoutingOptions { MaxMessageSize = 50_000 });

        PollResult first = await PollAsync(router);
        PollResult second = await PollAsync(router);

        Assert.Equal((PollStatus.Completed, 3, 1, 2), (first.Status, first.New, first.Promoted, first.NotTracked));
        Assert.Equal(
            [nameof(CheckReason.AcceptAll), nameof(CheckReason.InvalidSender), DecisionReasons.MessageTooLarge], first.Decisions.Select(d => d.Reason).Order(StringComparer.Ordinal));
        Assert.Equal((PollStatus.Completed, 3, 0), (second.Status, second.Listed, second.New));
        Assert.Equal(3, Directory.GetFiles(Inbox).Length);
    }

    [Fact]
    public async Task A_Maildir_of_the_mailbox_is_polled_and_its_messages_are_marked_read()
    {
        foreach (string part in new[] { "new", "cur", "tmp" })
            Directory.CreateDirectory(Path.Combine(Inbox, "example.test", "sales", part));
        File.WriteAllText(Path.Combine(Inbox, "example.test", "sales", "new", "1700000001.M1P1.test"), Message("<a@adatum.test>").ReplaceLineEndings("\n"));
        await using Router router = await OpenAsync("Maildir", Path.Combine(Inbox, "{domain}", "{local}"), Settlement.MarkRead);

        PollResult result = await PollAsync(router);
        PollResult again = await PollAsync(router);

        Assert.Equal((PollStatus.Completed, 1), (result.Status, result.Promoted));
        Assert.Equal((1, 0), (again.Listed, again.New));
        Assert.Equal("1700000001.M1P1.test", Assert.Single(result.Decisions).MessageKey);
        Assert.EndsWith("2,S", Assert.Single(Directory.GetFiles(Path.Combine(Inbox, "example.test", "sales", "cur"))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_is_missing_fails_the_poll_with_a_remedy()
    {
        Directory.Delete(Inbox);
        await using Router router = await OpenAsync("PickupFolder", Inbox, Settlement.Keep);

        PollResult result = await PollAsync(router);

        Assert.Equal((PollStatus.Failed, "MailFolderMissing"), (result.Status, result.Error?.ErrorId));
        Assert.NotEmpty(result.Error!.Remedy);
    }

    [Fact]
    public async Task A_settlement_the_folder_cannot_do_is_refused_before_anything_happens()
    {
        File.WriteAllText(Path.Combine(Inbox, "a.eml"), Message("<a@adatum.test>"));
        await using Router router = await OpenAsync("PickupFolder", Inbox, Settlement.MarkRead);

        Assert.Equal("RouterSettlementUnsupported", (await PollAsync(router)).Error?.ErrorId);
    }

    [Fact]
    public async Task Pending_emails_are_dropped_into_the_folder_and_marked_sent()
    {
        Guid id = await PendingAsync();
        await using Router router = await OpenAsync("PickupFolder", Inbox, Settlement.Keep);

        SendResult result = await router.SendAsync(null, new SendOptions(), default);

        Assert.Empty(result.Errors);
        Assert.Equal((1, 1), (result.Claimed, result.Sent));
        string file = Assert.Single(Directory.GetFiles(Outbox));
        string text = File.ReadAllText(file);
        Assert.StartsWith($"X-Sender: {Queue}\r\nX-Receiver: ann@adatum.test\r\nX-Receiver: hidden@adatum.test\r\n", text, StringComparison.Ordinal);
        MimeMessage message = MimeMessage.Parse(Encoding.UTF8.GetBytes(text));
        EmailActivity email = (await crm.FindEmailsAsync(new EmailFilter { IsOutgoing = true }, default).ToListAsync()).Single(e => e.ActivityId == id);
        Assert.Equal((EmailStatus.Sent, message.MessageId), (email.Status, email.MessageId));
        Assert.Contains(Path.GetFileName(file), result.Decisions.Single().Explanation, StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_the_folder_goes_away_emails_wait_without_counting_an_attempt()
    {
        Guid id = await PendingAsync();
        Directory.Delete(Outbox);
        await using Router router = await OpenAsync("PickupFolder", Inbox, Settlement.Keep);

        SendResult result = await router.SendAsync(null, new SendOptions(), default);

        Assert.Equal("MailFolderMissing", Assert.Single(result.Errors).ErrorId);
        EmailActivity email = (await crm.FindEmailsAsync(new EmailFilter { IsOutgoing = true }, default).ToListAsync()).Single(e => e.ActivityId == id);
        Assert.Equal((EmailStatus.PendingSend, 0), (email.Status, email.DeliveryAttempts));
        Directory.CreateDirectory(Outbox);
        Assert.Equal(1, (await router.SendAsync(null, new SendOptions(), default)).Sent);
    }

    [Fact]
    public async Task The_access_test_opens_folders_and_asks_neither_for_TLS_nor_for_a_credential()
    {
        await using Router router = await OpenAsync("PickupFolder", Inbox, Settlement.Delete);
        var tester = new AccessTester(
            router.Configuration, router.Systems, router.Secrets, async (d, stop) => await router.GetOrganizationAsync(d.Name, stop), router.Mail);
        var key = (await router.GetMailboxesAsync(null, default).SingleAsync(m => m.Address == Queue)).Key;

        AccessTestResult incoming = await tester.TestAsync(key, MailDirection.Incoming, default);
        AccessTestResult outgoing = await tester.TestAsync(key, MailDirection.Outgoing, default);

        Assert.All(incoming.Steps.Concat(outgoing.Steps), s => Assert.True(s.Success && s.ErrorId is null, $"{s.Name}: {s.Detail}"));
        Assert.Contains(incoming.Steps, s => s.Detail.Contains(Inbox, StringComparison.Ordinal));
        Assert.Equal(0, incoming.MessageCount);
    }

    private static string Message(string id) =>
        $"From: Ann <ann@adatum.test>\r\nTo: {Queue}\r\nSubject: hello\r\nMessage-ID: {id}\r\nDate: Mon, 02 Mar 2026 08:00:00 +0000\r\n\r\nhello {id}\r\n";

    private static async Task<PollResult> PollAsync(Router router) =>
        await router.PollAsync(await router.GetMailboxesAsync(null, default).SingleAsync(m => m.Address == Queue), new PollOptions(), default);

    private async Task<Guid> PendingAsync()
    {
        Guid id = await crm.CreateDraftAsync(
            new EmailDraft { From = sales, To = [customer], Bcc = [hidden], Subject = "Angebot", Description = "<p>hello</p>" }, default);
        await crm.SendEmailAsync(id, issueSend: true, default);
        return id;
    }

    private async Task<RecordReference> CreateAsync(string table, params (string Column, object Value)[] values) =>
        (await crm.CreateRecordAsync(new CrmRecord(table, Guid.Empty, values.ToDictionary(v => v.Column, v => (object?)v.Value)), default)).ToReference();

    private async Task<Router> OpenAsync(string system, string path, Settlement settlement, RoutingOptions? routing = null)
    {
        string file = folder[ConfigurationLocation.FileName];
        await new ConfigurationStore(file).UpdateAsync(
            _ => new RouterConfiguration
            {
                RouterName = "folders",
                Deployments = [new DeploymentConfiguration { Name = "Contoso", Path = "crm.db", IncomingProfile = "In", OutgoingProfile = "Out" }],
                Profiles =
                [
                    new ProfileConfiguration
                    {
                        Name = "In",
                        Direction = MailDirection.Incoming,
                        System = system,
                        Path = path,
                        CredentialSource = CredentialSource.Anonymous,
                        Settlement = settlement,
                    },
                    new ProfileConfiguration
                    {
                        Name = "Out",
                        Direction = MailDirection.Outgoing,
                        System = "DropFolder",
                        Path = Outbox,
                        CredentialSource = CredentialSource.Anonymous,
                        Options = new Dictionary<string, string> { [DropFolderSystem.EnvelopeOption] = "headers" },
                    },
                ],
                Routing = routing ?? new RoutingOptions(),
            },
            default);
        return await Router.OpenAsync(new RouterHostOptions { ConfigurationPath = file, Mail = new MailContext { Clock = clock } }, default);
    }
}

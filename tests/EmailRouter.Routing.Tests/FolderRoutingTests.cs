using System.Text;
using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Mime;
using EmailRouter.Routing.Access;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.Outgoing;

namespace EmailRouter.Routing.Tests;

/// <summary>The whole router over folders and an embedded CRM: both ways behave as through any mail server.</summary>
public sealed class FolderRoutingTests : IAsyncLifetime
{
    private const string Queue = FolderOffice.Queue;

    private FolderOffice office = null!;

    private string Inbox => office.Inbox;

    private string Outbox => office.Outbox;

    public async Task InitializeAsync() => office = await FolderOffice.OpenAsync();

    public async Task DisposeAsync() => await office.DisposeAsync();

    [Fact]
    public async Task A_pickup_folder_is_polled_once_and_its_messages_go_where_the_profile_says()
    {
        File.WriteAllText(Path.Combine(Inbox, "a.eml"), Message("<a@adatum.test>"));
        File.WriteAllText(Path.Combine(Inbox, "b.eml"), "X-Sender: ann@adatum.test\nX-Receiver: sales@example.test\n" + Message("<b@adatum.test>").ReplaceLineEndings("\n"));
        await using Router router = await office.OpenRouterAsync("PickupFolder", Inbox, Settlement.MoveTo("Done"));

        PollResult first = await FolderOffice.PollAsync(router);
        PollResult second = await FolderOffice.PollAsync(router);

        Assert.Null(first.Error);
        Assert.Equal((PollStatus.Completed, 2, 2), (first.Status, first.New, first.Promoted));
        Assert.Equal((PollStatus.Completed, 0), (second.Status, second.Listed));
        Assert.Equal(["a.eml", "b.eml"], Directory.GetFiles(Path.Combine(Inbox, "Done")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(2, await office.Crm.FindEmailsAsync(new EmailFilter { IsOutgoing = false }, default).CountAsync());
    }

    [Fact]
    public async Task Kept_messages_are_remembered_and_a_poisoned_one_costs_only_itself()
    {
        File.WriteAllText(Path.Combine(Inbox, "a.eml"), Message("<a@adatum.test>"));
        File.WriteAllBytes(Path.Combine(Inbox, "garbage.eml"), [0, 1, 2, 255, 254, 13, 13, 10]);
        File.WriteAllText(Path.Combine(Inbox, "huge.eml"), Message("<huge@adatum.test>") + new string('x', 100_000));
        await using Router router = await office.OpenRouterAsync("PickupFolder", Inbox, Settlement.Keep, new RoutingOptions { MaxMessageSize = 50_000 });

        PollResult first = await FolderOffice.PollAsync(router);
        PollResult second = await FolderOffice.PollAsync(router);

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
        await using Router router = await office.OpenRouterAsync("Maildir", Path.Combine(Inbox, "{domain}", "{local}"), Settlement.MarkRead);

        PollResult result = await FolderOffice.PollAsync(router);
        PollResult again = await FolderOffice.PollAsync(router);

        Assert.Equal((PollStatus.Completed, 1), (result.Status, result.Promoted));
        Assert.Equal((1, 0), (again.Listed, again.New));
        Assert.Equal("1700000001.M1P1.test", Assert.Single(result.Decisions).MessageKey);
        Assert.EndsWith("2,S", Assert.Single(Directory.GetFiles(Path.Combine(Inbox, "example.test", "sales", "cur"))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_machines_that_answer_each_other_are_stopped_and_people_are_not()
    {
        DateTime now = office.Now.UtcDateTime.AddSeconds(-10);
        for (int i = 0; i < 6; i++)
        {
            string path = Path.Combine(Inbox, $"{i}.eml");
            File.WriteAllText(path, (i < 4 ? "In-Reply-To: <x@example.test>\r\n" : string.Empty) + Message($"<m{i}@adatum.test>"));
            File.SetLastWriteTimeUtc(path, now.AddSeconds(-20 + i));
        }

        await using Router router = await office.OpenRouterAsync("PickupFolder", Inbox, Settlement.Keep, new RoutingOptions { MaxPerCorrespondentPerHour = 2 });
        PollResult result = await FolderOffice.PollAsync(router);

        Assert.Equal((4, 2), (result.Promoted, result.NotTracked));
        Assert.All(result.Decisions.Where(d => d.Action == DecisionAction.NotTracked), d => Assert.Equal(DecisionReasons.CorrespondentRate, d.Reason));
    }

    [Fact]
    public async Task A_folder_that_is_missing_fails_the_poll_with_a_remedy()
    {
        Directory.Delete(Inbox);
        await using Router router = await office.OpenRouterAsync("PickupFolder", Inbox, Settlement.Keep);

        PollResult result = await FolderOffice.PollAsync(router);

        Assert.Equal((PollStatus.Failed, "MailFolderMissing"), (result.Status, result.Error?.ErrorId));
        Assert.NotEmpty(result.Error!.Remedy);
    }

    [Fact]
    public async Task A_settlement_the_folder_cannot_do_is_refused_before_anything_happens()
    {
        File.WriteAllText(Path.Combine(Inbox, "a.eml"), Message("<a@adatum.test>"));
        await using Router router = await office.OpenRouterAsync("PickupFolder", Inbox, Settlement.MarkRead);

        Assert.Equal("RouterSettlementUnsupported", (await FolderOffice.PollAsync(router)).Error?.ErrorId);
    }

    [Fact]
    public async Task Pending_emails_are_dropped_into_the_folder_and_marked_sent()
    {
        Guid id = await office.PendingAsync();
        await using Router router = await office.OpenRouterAsync("PickupFolder", Inbox, Settlement.Keep);

        SendResult result = await router.SendAsync(null, new SendOptions(), default);

        Assert.Empty(result.Errors);
        Assert.Equal((1, 1), (result.Claimed, result.Sent));
        string file = Assert.Single(Directory.GetFiles(Outbox));
        string text = File.ReadAllText(file);
        Assert.StartsWith($"X-Sender: {Queue}\r\nX-Receiver: ann@adatum.test\r\nX-Receiver: bob@adatum.test\r\n", text, StringComparison.Ordinal);
        MimeMessage message = MimeMessage.Parse(Encoding.UTF8.GetBytes(text));
        EmailActivity email = await office.EmailAsync(id);
        Assert.Equal((EmailStatus.Sent, message.MessageId), (email.Status, email.MessageId));
        Assert.Contains(Path.GetFileName(file), result.Decisions.Single().Explanation, StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_the_folder_goes_away_emails_wait_without_counting_an_attempt()
    {
        Guid id = await office.PendingAsync();
        Directory.Delete(Outbox);
        await using Router router = await office.OpenRouterAsync("PickupFolder", Inbox, Settlement.Keep);

        SendResult result = await router.SendAsync(null, new SendOptions(), default);

        Assert.Equal("MailFolderMissing", Assert.Single(result.Errors).ErrorId);
        EmailActivity email = await office.EmailAsync(id);
        Assert.Equal((EmailStatus.PendingSend, 0), (email.Status, email.DeliveryAttempts));
        Directory.CreateDirectory(Outbox);
        Assert.Equal(1, (await router.SendAsync(null, new SendOptions(), default)).Sent);
    }

    [Fact]
    public async Task The_access_test_opens_folders_and_asks_neither_for_TLS_nor_for_a_credential()
    {
        await using Router router = await office.OpenRouterAsync("PickupFolder", Inbox, Settlement.Delete);
        var tester = new AccessTester(
            router.Configuration, router.Systems, router.Secrets, async (d, _, stop) => await router.GetOrganizationAsync(d.Name, stop), router.Mail);
        var key = (await router.GetMailboxesAsync(null, default).SingleAsync(m => m.Address == Queue)).Key;

        AccessTestResult incoming = await tester.TestAsync(key, MailDirection.Incoming, default);
        AccessTestResult outgoing = await tester.TestAsync(key, MailDirection.Outgoing, default);

        Assert.All(incoming.Steps.Concat(outgoing.Steps), s => Assert.True(s.Success && s.ErrorId is null, $"{s.Name}: {s.Detail}"));
        Assert.Contains(incoming.Steps, s => s.Detail.Contains(Inbox, StringComparison.Ordinal));
        Assert.Equal(0, incoming.MessageCount);
    }

    private static string Message(string id) =>
        $"From: Ann <ann@adatum.test>\r\nTo: {Queue}\r\nSubject: hello\r\nMessage-ID: {id}\r\nDate: Mon, 02 Mar 2026 08:00:00 +0000\r\n\r\nhello {id}\r\n";
}

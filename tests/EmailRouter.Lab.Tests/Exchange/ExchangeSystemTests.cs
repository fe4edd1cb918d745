using System.Text;
using EmailRouter.Lab.Exchange;
using EmailRouter.Lab.Store;
using EmailRouter.Mail;
using EmailRouter.Mail.Exchange;
using EmailRouter.Mime;

namespace EmailRouter.Lab.Tests.Exchange;

/// <summary>The router's own client against the lab's Exchange server: reading, settling, sending and rules over real connections.</summary>
public sealed class ExchangeSystemTests : IAsyncLifetime
{
    private readonly ExchangeWorld world = ExchangeWorld.Start();
    private readonly ExchangeSystem system = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => world.DisposeAsync().AsTask();

    [Fact]
    public async Task What_came_is_listed_once_fetched_and_settled()
    {
        for (int i = 1; i <= 4; i++)
            world.Deliver(Mail(i));
        await using IMailboxSession session = await OpenAsync();
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        Assert.Equal(4, messages.Count);
        Assert.All(messages, m => Assert.Equal("IPM.Note", m.MessageClass));
        await foreach (FetchedMessage fetched in session.FetchAsync(messages, default))
        {
            using (fetched)
                Assert.StartsWith("Mail ", MimeMessage.Parse(fetched.Content!.Memory).Subject, StringComparison.Ordinal);
        }

        using (FetchedMessage header = await session.FetchHeaderAsync(messages[0], default))
            Assert.DoesNotContain("hello", Encoding.UTF8.GetString(header.Content!.Memory.Span), StringComparison.Ordinal);
        await session.SettleAsync(messages[0], Settlement.MarkRead, default);
        await session.SettleAsync(messages[1], Settlement.Categorize("CRM"), default);
        await session.SettleAsync(messages[2], Settlement.MoveTo("Inbox/CRM/Done"), default);
        await session.SettleAsync(messages[3], Settlement.Delete, default);
        MailboxCursor position = session.Position!.Value;
        await session.CompleteAsync(default);

        Assert.Equal(2, world.Mailbox.Messages.Count);
        Assert.Single(world.Mailbox.Messages, m => m.IsRead);
        Assert.Single(world.Mailbox.Messages, m => m.Categories.Contains("CRM"));
        LabFolder done = Assert.Single(world.Mailbox.Folders, f => f.DisplayName == "Done");
        Assert.Single(world.Mailbox.MessagesIn(done.Id));

        world.Deliver(Mail(5));
        await using IMailboxSession next = await OpenAsync();
        Assert.Single(await next.ListAsync(position, default).ToListAsync());
    }

    [Fact]
    public async Task A_message_that_went_meanwhile_is_gone_and_settling_it_is_no_error()
    {
        world.Deliver(Mail(1));
        await using IMailboxSession session = await OpenAsync();
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
        world.Mailbox.Clear();

        using FetchedMessage fetched = Assert.Single(await session.FetchAsync(messages, default).ToListAsync());
        await session.SettleAsync(messages[0], Settlement.MarkRead, default);
        await session.CompleteAsync(default);

        Assert.Equal(MailException.MessageGone, fetched.Error?.ErrorId);
    }

    [Fact]
    public async Task A_position_the_server_forgot_lists_from_the_start()
    {
        world.Deliver(Mail(1));
        await using IMailboxSession session = await OpenAsync();

        Assert.Single(await session.ListAsync(new MailboxCursor("Inbox=H4sIAAA="), default).ToListAsync());
    }

    [Theory]
    [InlineData("Anna@contoso.test", "secret", null)]
    [InlineData("svc-crm", "service", "impersonation")]
    [InlineData("svc-crm", "service", null)]
    public async Task The_mailbox_opens_for_its_owner_and_for_whom_it_may_be_impersonated(string user, string password, string? access)
    {
        await using IMailboxSession session = await OpenAsync(user, password, access);

        Assert.Empty(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());
    }

    [Fact]
    public async Task A_service_without_the_right_is_told_so()
    {
        var e = await Assert.ThrowsAsync<MailCommandException>(async () => await OpenAsync("svc-crm", "service", address: ExchangeWorld.Bert));

        Assert.Equal("MailImpersonationDenied", e.ErrorId);
    }

    [Fact]
    public async Task A_wrong_password_is_refused()
    {
        var e = await Assert.ThrowsAsync<MailAuthenticationException>(async () => await OpenAsync(password: "wrong"));

        Assert.Equal("MailAuthenticationFailed", e.ErrorId);
    }

    [Fact]
    public async Task New_mail_is_announced()
    {
        await using IMailboxSession session = await OpenAsync();
        await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        Task<bool> waiting = session.WaitForMailAsync(TimeSpan.FromMinutes(2), default).AsTask();
        world.Deliver(Mail(1));

        Assert.True(await waiting);
    }

    [Fact]
    public async Task A_message_is_sent_to_its_envelope_and_found_again()
    {
        await using IMailSender sender = await system.OpenSenderAsync(Endpoint(null), Login(), new MailContext(), default);
        string committed = string.Empty;

        SendReceipt receipt = await sender.SendAsync(
            new OutgoingMessage
            {
                EnvelopeFrom = ExchangeWorld.Anna,
                Recipients = [ExchangeWorld.Bert, "secret@fabrikam.test"],
                MessageId = "<sent-1@contoso.test>",
                Content = MessageBuffer.Wrap(Encoding.UTF8.GetBytes(
                    $"From: {ExchangeWorld.Anna}\r\nTo: {ExchangeWorld.Bert}\r\nSubject: Out\r\nMessage-ID: <sent-1@contoso.test>\r\n\r\nhello\r\n")),
                BeforeCommit = (recipients, _) =>
                {
                    committed = string.Join(" ", recipients);
                    return ValueTask.CompletedTask;
                },
            },
            default);

        Assert.Equal(SendStatus.Accepted, receipt.Status);
        Assert.Equal($"{ExchangeWorld.Bert} secret@fabrikam.test", committed);
        Assert.Single(world.Store.Find(ExchangeWorld.Bert)!.Messages);
        Assert.True(await ((ISentLookup)sender).WasSentAsync("<sent-1@contoso.test>", default));
        Assert.False(await ((ISentLookup)sender).WasSentAsync("<sent-2@contoso.test>", default));
    }

    [Fact]
    public async Task A_forwarding_rule_is_deployed_once_listed_and_removed()
    {
        await using IInboxRules rules = await system.OpenRulesAsync(Endpoint(null), Login(), new MailContext(), default);
        var rule = new ForwardingRule { Name = "CRM router", Target = ExchangeWorld.Bert, LoopHeader = "X-Router", LoopValue = "a1" };

        RuleChange first = await rules.DeployAsync(rule, new RuleDeployment(), default);
        RuleChange again = await rules.DeployAsync(rule, new RuleDeployment(), default);
        InboxRule listed = Assert.Single(await rules.ListAsync(default));
        RuleChange changed = await rules.DeployAsync(rule with { Kind = ForwardingKinds.Redirect }, new RuleDeployment(), default);
        RuleChange removed = await rules.RemoveAsync("CRM router", new RuleDeployment(), default);

        Assert.Equal(
            [RuleChangeKind.Added, RuleChangeKind.None, RuleChangeKind.Updated, RuleChangeKind.Removed],
            [first.Kind, again.Kind, changed.Kind, removed.Kind]);
        Assert.Equal([ExchangeWorld.Bert], listed.Targets);
        Assert.Empty(await rules.ListAsync(default));
    }

    [Fact]
    public async Task Rules_that_Outlook_keeps_are_not_dropped_without_a_word()
    {
        world.Mailbox.HasOutlookRuleBlob = true;
        await using IInboxRules rules = await system.OpenRulesAsync(Endpoint(null), Login(), new MailContext(), default);
        var rule = new ForwardingRule { Name = "CRM router", Target = ExchangeWorld.Bert };

        var e = await Assert.ThrowsAsync<MailCommandException>(async () => await rules.DeployAsync(rule, new RuleDeployment(), default));
        RuleChange change = await rules.DeployAsync(rule, new RuleDeployment { DropClientSideRules = true }, default);

        Assert.Equal(("MailRulesClientSide", RuleChangeKind.Added), (e.ErrorId, change.Kind));
        Assert.False(world.Mailbox.HasOutlookRuleBlob);
    }

    [Fact]
    public async Task An_old_server_is_spoken_to_in_its_version()
    {
        await using ExchangeWorld old = ExchangeWorld.Start(EwsVersion.Exchange2010SP1);
        old.Deliver(Mail(1));
        MailEndpoint endpoint = Endpoint(null) with { Url = old.Server.EwsUrl };
        await using IMailboxSession session = await system.OpenMailboxAsync(endpoint, Login(), new MailContext(), default);

        MessageRef message = Assert.Single(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());
        await session.SettleAsync(message, Settlement.MarkRead, default);
        await session.CompleteAsync(default);

        Assert.True(old.Mailbox.Messages[0].IsRead);
    }

    private static string Mail(int number) =>
        $"From: Carl <carl@fabrikam.test>\r\nTo: {ExchangeWorld.Anna}\r\nSubject: Mail {number}\r\nMessage-ID: <{number}@fabrikam.test>\r\n\r\nhello\r\n";

    private static MailLogin Login(string user = ExchangeWorld.Anna, string password = "secret", string address = ExchangeWorld.Anna) =>
        new(address, MailCredential.Password(user, password));

    private MailEndpoint Endpoint(string? access) => new()
    {
        Host = string.Empty,
        Url = world.Server.EwsUrl,
        AllowPlainTextPassword = true,
        Options = access is null ? new Dictionary<string, string>() : new Dictionary<string, string> { ["access"] = access },
    };

    private ValueTask<IMailboxSession> OpenAsync(string user = ExchangeWorld.Anna, string password = "secret", string? access = null, string address = ExchangeWorld.Anna) =>
        system.OpenMailboxAsync(Endpoint(access), Login(user, password, address), new MailContext(), default);
}

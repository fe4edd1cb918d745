using System.Text;
using EmailRouter.Lab.Graph;
using EmailRouter.Mail;
using EmailRouter.Mail.Graph;
using EmailRouter.Mime;

namespace EmailRouter.Lab.Tests.Graph;

/// <summary>The router's own client against the lab's endpoint.</summary>
public sealed class GraphSystemTests : GraphFixture
{
    private static readonly string[] Roles = ["Mail.ReadWrite", "Mail.Send", "MailboxSettings.ReadWrite"];

    private readonly GraphSystem system = new();

    [Fact]
    public async Task Messages_are_listed_fetched_and_settled_and_then_there_is_nothing_new()
    {
        for (int i = 0; i < 7; i++)
            Store.Deliver(Anna, Mail($"offer {i}"));
        await using IMailboxSession session = await OpenAsync(("pageSize", "3"));

        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
        List<FetchedMessage> fetched = await session.FetchAsync(messages, default).ToListAsync();

        Assert.Equal(7, messages.Count);
        Assert.All(fetched, f => Assert.Contains("Subject: offer", Encoding.UTF8.GetString(f.Content!.Memory.Span), StringComparison.Ordinal));
        Assert.All(messages, m => Assert.Equal("IPM.Note", m.MessageClass));

        await session.SettleAsync(messages[0], Settlement.MarkRead, default);
        await session.SettleAsync(messages[1], Settlement.MoveTo("Done/2026"), default);
        await session.SettleAsync(messages[2], Settlement.Delete, default);
        await session.SettleAsync(messages[3], Settlement.Categorize("CRM"), default);
        MailboxCursor position = session.Position!.Value;
        await session.CompleteAsync(default);

        await using IMailboxSession later = await OpenAsync();
        Assert.Empty(await later.ListAsync(position, default).ToListAsync());
        Store.Deliver(Anna, Mail("news"));
        MessageRef news = Assert.Single(await later.ListAsync(later.Position!.Value, default).ToListAsync());
        using FetchedMessage header = await later.FetchHeaderAsync(news, default);
        Assert.Contains("Subject: news", Encoding.UTF8.GetString(header.Content!.Memory.Span), StringComparison.Ordinal);
        FetchedMessage gone = Assert.Single(await later.FetchAsync([new MessageRef(messages[0].Id + "x")], default).ToListAsync());
        Assert.NotNull(gone.Error);
        await using IMailboxSession done = await OpenAsync(("folders", "Done/2026"));
        Assert.Equal([messages[1].Id], (await done.ListAsync(MailboxCursor.Start, default).ToListAsync()).Select(m => m.Id));
    }

    [Theory]
    [InlineData("draft")]
    [InlineData("direct")]
    public async Task A_message_is_sent_and_found_again(string mode)
    {
        await using IMailSender sender = await system.OpenSenderAsync(Endpoint(("sendMode", mode)), Login(), new MailContext(), default);

        SendReceipt receipt = await sender.SendAsync(Outgoing("<sent-1@contoso.test>", "Hello\r\n", Ben), default);

        Assert.Equal((SendStatus.Accepted, true), (receipt.Status, await ((ISentLookup)sender).WasSentAsync("<sent-1@contoso.test>", default)));
        Assert.Null(await ((ISentLookup)sender).WasSentAsync("<other@contoso.test>", default));
        await using IMailboxSession session = await OpenAsync(Ben);
        Assert.Single(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());
    }

    [Fact]
    public async Task A_large_attachment_is_uploaded_and_arrives()
    {
        byte[] file = [.. Enumerable.Range(0, 5_000_000).Select(i => (byte)(i % 251))];
        string content = "text\r\n--b\r\nContent-Type: application/zip; name=dump.zip\r\nContent-Disposition: attachment; filename=dump.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + Convert.ToBase64String(file, Base64FormattingOptions.InsertLineBreaks) + "\r\n--b--\r\n";
        await using IMailSender sender = await system.OpenSenderAsync(Endpoint(), Login(), new MailContext(), default);

        SendReceipt receipt = await sender.SendAsync(Outgoing("<big@contoso.test>", "--b\r\nContent-Type: text/plain\r\n\r\n" + content, Ben, "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"), default);

        Assert.True(receipt.Status == SendStatus.Accepted, receipt.Reply);
        await using IMailboxSession session = await OpenAsync(Ben);
        FetchedMessage arrived = Assert.Single(await session.FetchAsync(await session.ListAsync(MailboxCursor.Start, default).ToListAsync(), default).ToListAsync());
        MimePart attachment = Assert.Single(MimeMessage.Parse(arrived.Content!.Memory).Attachments);
        Assert.Equal(("dump.zip", 5_000_000L), (attachment.FileName, attachment.GetDecodedLength()));
    }

    [Fact]
    public async Task A_rule_is_deployed_once_changed_and_removed()
    {
        await using IInboxRules rules = await system.OpenRulesAsync(Endpoint(), Login(), new MailContext(), default);
        var rule = new ForwardingRule { Name = "CRM router", Target = Ben, LoopHeader = "X-Crm-Loop", LoopValue = "contoso" };
        var how = new RuleDeployment();

        RuleChange[] changes =
        [
            await rules.DeployAsync(rule, how, default),
            await rules.DeployAsync(rule, how, default),
            await rules.DeployAsync(rule with { Kind = ForwardingKinds.Redirect }, how, default),
        ];
        InboxRule found = Assert.Single(await rules.ListAsync(default));
        RuleChange removed = await rules.RemoveAsync("CRM router", how, default);

        Assert.Equal([RuleChangeKind.Added, RuleChangeKind.None, RuleChangeKind.Updated], changes.Select(c => c.Kind));
        Assert.Equal((ForwardingKinds.Redirect, Ben), (found.Kind, Assert.Single(found.Targets)));
        Assert.Equal(RuleChangeKind.Removed, removed.Kind);
        Assert.Empty(await rules.ListAsync(default));
    }

    [Fact]
    public async Task The_service_never_sees_more_requests_at_once_than_it_allows()
    {
        for (int i = 0; i < 40; i++)
            Store.Deliver(Anna, Mail($"many {i}"));
        await using IMailboxSession first = await OpenAsync();
        await using IMailboxSession second = await OpenAsync();
        List<MessageRef> messages = await first.ListAsync(MailboxCursor.Start, default).ToListAsync();

        int[] fetched = await Task.WhenAll(CountAsync(first), CountAsync(second));

        Assert.Equal([40, 40], fetched);
        Assert.InRange(Server.PeakConcurrency, 1, 4);

        async Task<int> CountAsync(IMailboxSession session)
        {
            int count = 0;
            await foreach (FetchedMessage message in session.FetchAsync(messages, default))
            {
                using (message)
                    count += message.Error is null ? 1 : 0;
            }

            return count;
        }
    }

    [Fact]
    public async Task An_expired_token_is_renewed_once_and_one_for_another_service_is_refused()
    {
        Store.Deliver(Anna, Mail("offer"));
        int renewals = 0;
        var credential = new TokenCredential(Anna, _ => new(new AccessToken("expired")))
        {
            RenewAsync = _ =>
            {
                renewals++;
                return new(new AccessToken(Tokens.Issue(LabGraphServer.Resource, roles: Roles)));
            },
        };

        await using (IMailboxSession session = await system.OpenMailboxAsync(Endpoint(), new MailLogin(Anna, credential), new MailContext(), default))
            Assert.Equal(1, renewals);

        MailLogin wrong = new(Anna, MailCredential.Token(Anna, _ => new(new AccessToken(Tokens.Issue("https://outlook.office365.com", roles: Roles)))));
        await Assert.ThrowsAsync<MailAuthenticationException>(async () => await system.OpenMailboxAsync(Endpoint(), wrong, new MailContext(), default));
    }

    [Fact]
    public async Task A_mailbox_on_premises_and_a_missing_permission_are_told_apart()
    {
        Server.MoveOnPremises(Ben);
        MailLogin reader = new(Anna, MailCredential.Token(Anna, _ => new(new AccessToken(Tokens.Issue(LabGraphServer.Resource, roles: ["User.Read.All"])))));

        var elsewhere = await Assert.ThrowsAnyAsync<MailCommandException>(() => OpenAsync(Ben));
        var denied = await Assert.ThrowsAnyAsync<MailCommandException>(async () => await system.OpenMailboxAsync(Endpoint(), reader, new MailContext(), default));
        var nobody = await Assert.ThrowsAnyAsync<MailCommandException>(() => OpenAsync("nobody@contoso.test"));

        Assert.Equal(["MailMailboxNotInCloud", "MailPermissionMissing", "MailMailboxNotFound"], new[] { elsewhere, denied, nobody }.Select(e => e.ErrorId));
    }

    private static OutgoingMessage Outgoing(string id, string body, string to, string more = "") => new()
    {
        EnvelopeFrom = Anna,
        Recipients = [to],
        MessageId = id,
        Content = MessageBuffer.Wrap(Encoding.UTF8.GetBytes($"From: {Anna}\r\nTo: {to}\r\nSubject: hi\r\nMessage-ID: {id}\r\n{more}\r\n{body}")),
    };

    private MailEndpoint Endpoint(params (string Name, string Value)[] options) => new()
    {
        Host = string.Empty,
        Url = Server.ServiceUrl,
        AllowPlainTextPassword = true,
        Options = options.ToDictionary(o => o.Name, o => o.Value),
    };

    private MailLogin Login(string mailbox = Anna) => new(mailbox, MailCredential.Token(mailbox, _ => new(new AccessToken(Tokens.Issue(LabGraphServer.Resource, roles: Roles)))));

    private async Task<IMailboxSession> OpenAsync(params (string Name, string Value)[] options) => await system.OpenMailboxAsync(Endpoint(options), Login(), new MailContext(), default);

    private async Task<IMailboxSession> OpenAsync(string mailbox) => await system.OpenMailboxAsync(Endpoint(), Login(mailbox), new MailContext(), default);
}

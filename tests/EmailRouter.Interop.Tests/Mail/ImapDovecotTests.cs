using System.Text;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Mail;
using EmailRouter.Mail.Imap;

namespace EmailRouter.Interop.Tests.Mail;

public sealed class ImapDovecotTests(DovecotFixture fixture) : IClassFixture<DovecotFixture>
{
    private MailEndpoint Imaps => new() { Host = "localhost", Port = fixture.Server.ImapsPort, CertificatePins = [fixture.Server.Pin] };

    [ServerFact(Software.Dovecot)]
    public async Task Two_hundred_messages_are_fetched_byte_for_byte_and_settled_each_way()
    {
        for (int i = 0; i < 200; i++)
            await fixture.Server.DeliverAsync("imap-hans", SampleMessages.Make(i, eightBit: i % 2 == 0));
        Settlement[] ways = [Settlement.Keep, Settlement.MarkRead, Settlement.Delete, Settlement.MoveTo("CRM/Erledigt Größe")];
        MailboxCursor cursor = MailboxCursor.Start;
        await using (IMailboxSession session = await OpenAsync("imap-hans", Imaps))
        {
            Assert.Equal(SettlementKinds.Keep | SettlementKinds.MarkRead | SettlementKinds.Delete | SettlementKinds.Move | SettlementKinds.Categorize, session.Settlements);
            List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
            Assert.Equal(200, messages.Count);
            Assert.All(messages, m => Assert.NotNull(m.ReceivedOn));
            int number = 0;
            await foreach (FetchedMessage message in session.FetchAsync(messages, default))
            {
                using (message)
                {
                    Assert.Null(message.Error);
                    byte[] expected = SampleMessages.Make(number, eightBit: number % 2 == 0);
                    Assert.True(message.Content!.Memory.Span.SequenceEqual(expected), $"message {number} differs");
                }

                await session.SettleAsync(message.Message, ways[number++ % 4], default);
            }

            Assert.Equal(200, number);
            using FetchedMessage header = await session.FetchHeaderAsync(messages[1], default);
            Assert.EndsWith("\r\n\r\n", Encoding.ASCII.GetString(header.Content!.Memory.Span), StringComparison.Ordinal);
            cursor = messages[^1].Cursor!.Value;
            await session.CompleteAsync(default);
        }

        Assert.Equal(100, fixture.Server.Messages("imap-hans").Count);
        await using IMailboxSession second = await OpenAsync("imap-hans", Imaps);
        Assert.Empty(await second.ListAsync(cursor, default).ToListAsync());
        Assert.Equal(100, await second.ListAsync(MailboxCursor.Start, default).CountAsync());
        await using IMailboxSession moved = await OpenAsync("imap-hans", Imaps with { Options = Options("folders", "CRM/*") });
        List<MessageRef> there = await moved.ListAsync(MailboxCursor.Start, default).ToListAsync();
        Assert.Equal(50, there.Count);
        Assert.EndsWith("/CRM.Erledigt Größe", there[0].Id, StringComparison.Ordinal);
        List<FetchedMessage> fetched = await moved.FetchAsync(there, default).ToListAsync();
        for (int i = 0; i < 50; i++)
            Assert.True(fetched[i].Content!.Memory.Span.SequenceEqual(SampleMessages.Make((i * 4) + 3)), $"moved message {i} differs");
        fetched.ForEach(f => f.Dispose());
    }

    [ServerFact(Software.Dovecot)]
    public async Task New_mail_behind_a_cursor_is_all_that_is_listed_and_what_has_gone_is_gone()
    {
        await fixture.Server.DeliverAsync("imap-ina", SampleMessages.Make(1));
        await using IMailboxSession session = await OpenAsync("imap-ina", Imaps);
        List<MessageRef> first = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
        await fixture.Server.DeliverAsync("imap-ina", SampleMessages.Make(2));
        await fixture.Server.DeliverAsync("imap-ina", SampleMessages.Make(3));
        List<MessageRef> more = await session.ListAsync(first[0].Cursor!.Value, default).ToListAsync();
        Assert.Equal(2, more.Count);
        await using (IMailboxSession other = await OpenAsync("imap-ina", Imaps))
        {
            await other.SettleAsync(more[0], Settlement.Delete, default);
            await other.CompleteAsync(default);
        }

        List<FetchedMessage> fetched = await session.FetchAsync([.. first, .. more], default).ToListAsync();

        Assert.Equal([null, MailException.MessageGone, null], fetched.Select(f => f.Error?.ErrorId));
        fetched.ForEach(f => f.Dispose());
    }

    [ServerFact(Software.Dovecot)]
    public async Task A_changed_uidvalidity_lists_everything_again()
    {
        await fixture.Server.DeliverAsync("imap-uwe", SampleMessages.Make(1));
        await fixture.Server.DeliverAsync("imap-uwe", SampleMessages.Make(2));
        List<MessageRef> before;
        await using (IMailboxSession session = await OpenAsync("imap-uwe", Imaps))
            before = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
        await fixture.Server.ForgetUidsAsync("imap-uwe");

        await using IMailboxSession later = await OpenAsync("imap-uwe", Imaps);
        List<MessageRef> after = await later.ListAsync(before[^1].Cursor!.Value, default).ToListAsync();

        Assert.Equal(2, after.Count);
        Assert.Empty(after.Select(m => m.Id).Intersect(before.Select(m => m.Id)));
    }

    [ServerFact(Software.Dovecot)]
    public async Task Idle_sees_new_mail()
    {
        await using IMailboxSession session = await OpenAsync("imap-ida", Imaps);
        Assert.Empty(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());
        Task<bool> waiting = session.WaitForMailAsync(TimeSpan.FromSeconds(60), default).AsTask();

        await fixture.Server.DeliverAsync("imap-ida", SampleMessages.Make(1));

        Assert.True(await waiting);
        Assert.Single(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());
        Assert.False(await session.WaitForMailAsync(TimeSpan.FromMilliseconds(50), default));
        await session.CompleteAsync(default);
    }

    [ServerFact(Software.Dovecot)]
    public async Task Mail_in_another_folder_is_told_by_notify()
    {
        await fixture.Server.SaveAsync("imap-nora", "Orders", SampleMessages.Make(1));
        var lines = new List<string>();
        await using IMailboxSession session = await OpenAsync(
            "imap-nora", Imaps with { Options = Options("folders", "INBOX; Orders") }, context: new MailContext { ProtocolLog = new Collector(lines) });
        Assert.Single(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());
        Task<bool> waiting = session.WaitForMailAsync(TimeSpan.FromSeconds(50), default).AsTask();      // sooner than it would be asked for

        await fixture.Server.SaveAsync("imap-nora", "Orders", SampleMessages.Make(2));

        Assert.True(await waiting);
        Assert.Contains(lines, l => l.Contains(" NOTIFY SET ", StringComparison.Ordinal));
        Assert.Equal(2, (await session.ListAsync(MailboxCursor.Start, default).ToListAsync()).Count);
        Assert.False(await session.WaitForMailAsync(TimeSpan.FromMilliseconds(50), default));
        await fixture.Server.DeliverAsync("imap-nora", SampleMessages.Make(3));
        Assert.True(await session.WaitForMailAsync(TimeSpan.FromSeconds(50), default));
        await session.CompleteAsync(default);
    }

    [ServerFact(Software.Dovecot)]
    public async Task Starttls_secures_the_connection_before_the_login()
    {
        var lines = new List<string>();
        MailEndpoint endpoint = Imaps with { Port = fixture.Server.ImapPort, Tls = TlsMode.StartTls };
        await using IMailboxSession session = await OpenAsync("imap-carl", endpoint, context: new MailContext { ProtocolLog = new Collector(lines) });

        Assert.Empty(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());
        Assert.True(lines.IndexOf("-- TLS") < lines.FindIndex(l => l.Contains(" AUTHENTICATE ", StringComparison.Ordinal)));
        Assert.DoesNotContain(lines, l => l.Contains("s3cret", StringComparison.Ordinal));
    }

    [ServerFact(Software.Dovecot)]
    public async Task Each_mechanism_logs_in_and_a_wrong_password_is_an_authentication_error()
    {
        foreach (string mechanism in new[] { "PLAIN", "LOGIN" })
        {
            await using (IMailboxSession session = await OpenAsync("imap-dora", Imaps with { Mechanisms = [mechanism] }))
                await session.CompleteAsync(default);
            MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(
                async () => await OpenAsync("imap-dora", Imaps with { Mechanisms = [mechanism] }, "wrong"));
            Assert.Equal(("MailAuthenticationFailed", false), (e.ErrorId, e.IsTransient));
        }
    }

    [ServerFact(Software.Dovecot)]
    public async Task A_category_is_kept_as_a_keyword()
    {
        await fixture.Server.DeliverAsync("imap-kim", SampleMessages.Make(1));
        await fixture.Server.DeliverAsync("imap-kim", SampleMessages.Make(2));
        await using (IMailboxSession session = await OpenAsync("imap-kim", Imaps))
        {
            List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
            await session.SettleAsync(messages[0], Settlement.Categorize("CRM tracked"), default);
            await session.CompleteAsync(default);
        }

        // Dovecot names the keywords of a folder when it is opened.
        var lines = new List<string>();
        await using IMailboxSession second = await OpenAsync("imap-kim", Imaps, context: new MailContext { ProtocolLog = new Collector(lines) });
        Assert.Contains(lines, l => l.Contains("CRM_tracked", StringComparison.Ordinal));
    }

    [ServerFact(Software.Dovecot)]
    public async Task Compressed_connections_carry_the_same_bytes()
    {
        await using DovecotServer server = await DovecotServer.StartAsync("protocol imap {\n  mail_plugins = zlib imap_zlib\n}\n");
        for (int i = 0; i < 20; i++)
            await server.DeliverAsync("zoe", SampleMessages.Make(i));
        var lines = new List<string>();
        MailEndpoint endpoint = Imaps with { Port = server.ImapsPort, CertificatePins = [server.Pin], Options = Options("Compress", "true") };
        await using IMailboxSession session = await OpenAsync("zoe", endpoint, context: new MailContext { ProtocolLog = new Collector(lines) });
        Assert.Contains("-- compressed", lines);

        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
        List<FetchedMessage> fetched = await session.FetchAsync(messages, default).ToListAsync();

        for (int i = 0; i < 20; i++)
            Assert.True(fetched[i].Content!.Memory.Span.SequenceEqual(SampleMessages.Make(i)), $"message {i} differs");
        fetched.ForEach(f => f.Dispose());
        Task<bool> waiting = session.WaitForMailAsync(TimeSpan.FromSeconds(60), default).AsTask();
        await server.DeliverAsync("zoe", SampleMessages.Make(21));
        Assert.True(await waiting);
        await session.CompleteAsync(default);
    }

    private static Dictionary<string, string> Options(string name, string value) => new() { [name] = value };

    private static async Task<IMailboxSession> OpenAsync(
        string user, MailEndpoint endpoint, string password = DovecotServer.Password, MailContext? context = null) =>
        await new ImapSystem().OpenMailboxAsync(
            endpoint, new MailLogin(user + "@example.test", MailCredential.Password(user, password)), context ?? new MailContext(), default);

    private sealed class Collector(List<string> target) : IProgress<string>
    {
        public void Report(string value) => target.Add(value);
    }
}

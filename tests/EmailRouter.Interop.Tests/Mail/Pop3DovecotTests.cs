using System.Text;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Mail;
using EmailRouter.Mail.Pop3;

namespace EmailRouter.Interop.Tests.Mail;

public sealed class Pop3DovecotTests(DovecotFixture fixture) : IClassFixture<DovecotFixture>
{
    private MailEndpoint Pop3s => new() { Host = "localhost", Port = fixture.Server.Pop3sPort, CertificatePins = [fixture.Server.Pin] };

    [ServerFact(Software.Dovecot)]
    public async Task Mail_is_listed_fetched_and_deleted_over_tls()
    {
        await fixture.Server.DeliverAsync("anna", SampleMessages.Make(1));
        await fixture.Server.DeliverAsync("anna", SampleMessages.Make(2));
        await using (IMailboxSession session = await OpenAsync("anna", Pop3s))
        {
            List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
            Assert.Equal(2, messages.Count);
            List<FetchedMessage> fetched = await session.FetchAsync(messages, default).ToListAsync();
            Assert.Equal(SampleMessages.Make(1), fetched[0].Content!.Memory.ToArray());
            Assert.Equal(SampleMessages.Make(2), fetched[1].Content!.Memory.ToArray());
            fetched.ForEach(f => f.Dispose());
            using FetchedMessage header = await session.FetchHeaderAsync(messages[1], default);
            Assert.EndsWith("\r\n\r\n", Encoding.ASCII.GetString(header.Content!.Memory.Span), StringComparison.Ordinal);
            await session.SettleAsync(messages[0], Settlement.Delete, default);
            await session.CompleteAsync(default);
        }

        await using IMailboxSession second = await OpenAsync("anna", Pop3s);
        MessageRef left = Assert.Single(await second.ListAsync(MailboxCursor.Start, default).ToListAsync());
        Assert.Equal(left.Id, Assert.Single(await second.ListAsync(MailboxCursor.Start, default).ToListAsync()).Id);
        Assert.Equal(SampleMessages.Make(2), Assert.Single(fixture.Server.Messages("anna")));
    }

    [ServerFact(Software.Dovecot)]
    public async Task Without_quit_nothing_is_deleted()
    {
        await fixture.Server.DeliverAsync("bert", SampleMessages.Make(1));
        await using (IMailboxSession session = await OpenAsync("bert", Pop3s))
        {
            List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
            await session.SettleAsync(messages[0], Settlement.Delete, default);
        }

        Assert.Single(fixture.Server.Messages("bert"));
    }

    [ServerFact(Software.Dovecot)]
    public async Task Stls_secures_the_connection_before_the_login()
    {
        var lines = new List<string>();
        MailEndpoint endpoint = Pop3s with { Port = fixture.Server.Pop3Port, Tls = TlsMode.StartTls };
        await using IMailboxSession session = await OpenAsync("carl", endpoint, context: new MailContext { ProtocolLog = new Collector<string>(lines) });

        Assert.Empty(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());
        Assert.True(lines.IndexOf("-- TLS") < lines.FindIndex(l => l.StartsWith("C: AUTH", StringComparison.Ordinal)));
        Assert.DoesNotContain(lines, l => l.Contains("s3cret", StringComparison.Ordinal));
    }

    [ServerFact(Software.Dovecot)]
    public async Task Each_mechanism_logs_in()
    {
        foreach (string mechanism in new[] { "PLAIN", "LOGIN", "USER", "CRAM-MD5", "SCRAM-SHA-256" })
        {
            await using IMailboxSession session = await OpenAsync("dora", Pop3s with { Mechanisms = [mechanism] });
            Assert.Empty(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());
            await session.CompleteAsync(default);
        }
    }

    [ServerFact(Software.Dovecot)]
    public async Task A_wrong_password_is_an_authentication_error()
    {
        foreach (string mechanism in new[] { "PLAIN", "LOGIN", "USER", "CRAM-MD5", "SCRAM-SHA-256" })
        {
            MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(
                async () => await OpenAsync("emil", Pop3s with { Mechanisms = [mechanism] }, "wrong"));

            Assert.Equal("MailAuthenticationFailed", e.ErrorId);
            Assert.False(e.IsTransient);
        }
    }

    [ServerFact(Software.Dovecot)]
    public async Task A_locked_mailbox_is_transient()
    {
        await fixture.Server.DeliverAsync("fred", SampleMessages.Make(1));
        await using IMailboxSession first = await OpenAsync("fred", Pop3s);
        await first.ListAsync(MailboxCursor.Start, default).ToListAsync();

        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(async () =>
        {
            await using IMailboxSession second = await OpenAsync("fred", Pop3s);
            await second.ListAsync(MailboxCursor.Start, default).ToListAsync();
        });

        Assert.Equal("MailMailboxInUse", e.ErrorId);
        Assert.True(e.IsTransient);
    }

    [ServerFact(Software.Dovecot)]
    public async Task A_certificate_nobody_trusts_is_refused_and_shown_with_its_pin()
    {
        MailTlsException e = await Assert.ThrowsAsync<MailTlsException>(async () => await OpenAsync("gust", Pop3s with { CertificatePins = [] }));

        Assert.Equal("MailCertificateRefused", e.ErrorId);
        Assert.Contains("CN=localhost", e.Message, StringComparison.Ordinal);
        Assert.Contains(fixture.Server.Pin, e.Message, StringComparison.Ordinal);
        Assert.Contains(fixture.Server.Pin, e.Remedy, StringComparison.Ordinal);
    }

    [ServerFact(Software.Dovecot)]
    public async Task Tls_on_a_port_without_it_says_so()
    {
        MailException e = await Assert.ThrowsAnyAsync<MailException>(async () => await OpenAsync("gust", Pop3s with { Port = fixture.Server.Pop3Port }));

        Assert.Equal("MailTlsFailed", e.ErrorId);
        Assert.Contains("STARTTLS", e.Remedy, StringComparison.Ordinal);
    }

    [ServerFact(Software.Dovecot)]
    public async Task Two_hundred_messages_are_pipelined_byte_for_byte()
    {
        for (int i = 0; i < 200; i++)
            await fixture.Server.DeliverAsync("hans", SampleMessages.Make(i, eightBit: i % 2 == 0));
        await using IMailboxSession session = await OpenAsync("hans", Pop3s);
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
        Assert.Equal(200, messages.Count);

        int number = 0;
        await foreach (FetchedMessage message in session.FetchAsync(messages, default))
        {
            using (message)
            {
                Assert.Null(message.Error);
                byte[] expected = SampleMessages.Make(number, eightBit: number % 2 == 0);
                Assert.True(message.Content!.Memory.Span.SequenceEqual(expected), $"message {number} differs");
            }

            await session.SettleAsync(message.Message, Settlement.Delete, default);
            number++;
        }

        await session.CompleteAsync(default);
        Assert.Equal(200, number);
        Assert.Empty(fixture.Server.Messages("hans"));
    }

    private static async Task<IMailboxSession> OpenAsync(
        string user, MailEndpoint endpoint, string password = DovecotServer.Password, MailContext? context = null) =>
        await new Pop3System().OpenMailboxAsync(
            endpoint, new MailLogin(user + "@example.test", MailCredential.Password(user, password)), context ?? new MailContext(), default);

    private sealed class Collector<T>(List<T> target) : IProgress<T>
    {
        public void Report(T value) => target.Add(value);
    }
}

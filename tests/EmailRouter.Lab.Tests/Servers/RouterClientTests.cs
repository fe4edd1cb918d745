using System.Text;
using EmailRouter.Lab.Servers;
using EmailRouter.Lab.Store;
using EmailRouter.Mail;
using EmailRouter.Mail.Pop3;
using EmailRouter.Mail.Smtp;
using EmailRouter.Mime;

namespace EmailRouter.Lab.Tests.Servers;

/// <summary>The router's own clients at the lab's servers: every fault ends in the error that it stands for.</summary>
public sealed class RouterClientTests : IAsyncLifetime
{
    private const string Anna = "anna@contoso.test";

    private readonly LabMailStore store = new();
    private readonly LabFaults faults = new();
    private readonly LabPop3Server pop3;
    private readonly LabSmtpServer smtp;
    private readonly MailContext context = new();

    public RouterClientTests()
    {
        pop3 = new LabPop3Server(store, new LabServerOptions { Faults = faults });
        smtp = new LabSmtpServer(store, new LabSmtpOptions { Faults = faults });
    }

    public Task InitializeAsync()
    {
        store.AddMailbox(Anna, "secret");
        pop3.Start();
        smtp.Start();
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await pop3.DisposeAsync();
        await smtp.DisposeAsync();
    }

    [Theory]
    [InlineData(TlsMode.None)]
    [InlineData(TlsMode.StartTls)]
    [InlineData(TlsMode.Implicit)]
    public async Task A_mailbox_is_read_byte_for_byte_and_emptied(TlsMode tls)
    {
        byte[][] sent =
            [.. Enumerable.Range(0, 40).Select(i => Encoding.UTF8.GetBytes($"Subject: {i}\r\n\r\n.dot {i}\r\n..\r\n{new string('ä', i * 500)}\r\n"))];
        foreach (byte[] message in sent)
            store.Deliver(Anna, message);

        IMailboxSession session = await OpenMailboxAsync(tls);
        await using (session)
        {
            List<MessageRef> listed = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
            Assert.Equal(store.Find(Anna)!.Messages.Select(m => m.Uidl), listed.Select(m => m.Id));
            int at = 0;
            await foreach (FetchedMessage fetched in session.FetchAsync(listed, default))
            {
                using (fetched)
                    Assert.Equal(sent[at++], fetched.Content!.Memory.ToArray());
            }

            foreach (MessageRef message in listed)
                await session.SettleAsync(message, Settlement.Delete, default);
            await session.CompleteAsync(default);
        }

        Assert.Empty(store.Find(Anna)!.Messages);
    }

    [Theory]
    [InlineData(TlsMode.None)]
    [InlineData(TlsMode.StartTls)]
    [InlineData(TlsMode.Implicit)]
    public async Task Messages_are_sent_byte_for_byte_over_one_connection(TlsMode tls)
    {
        IMailSender sender = await OpenSenderAsync(tls);
        await using (sender)
        {
            for (int i = 0; i < 5; i++)
            {
                SendReceipt receipt = await sender.SendAsync(Message($"Subject: {i}\r\n\r\n.dot\r\nend\r\n"), default);
                Assert.Equal(SendStatus.Accepted, receipt.Status);
            }
        }

        Assert.Equal(1, smtp.ConnectionCount);
        IEnumerable<string> received = store.Sent.Select(s => Encoding.ASCII.GetString(s.Content.Span));
        Assert.Equal(Enumerable.Range(0, 5).Select(i => $"Subject: {i}\r\n\r\n.dot\r\nend\r\n"), received);
    }

    [Theory]
    [InlineData(LabFaultKind.RefuseLogin, null, "MailAuthenticationFailed")]
    [InlineData(LabFaultKind.Locked, null, "MailMailboxInUse")]
    [InlineData(LabFaultKind.TemporaryFailure, "UIDL", "MailServerTemporarilyUnavailable")]
    [InlineData(LabFaultKind.Drop, "CONNECT", null)]
    [InlineData(LabFaultKind.HalfLine, "CONNECT", null)]
    [InlineData(LabFaultKind.Drop, "UIDL", null)]
    [InlineData(LabFaultKind.ExpiredCertificate, null, null)]
    public async Task Faults_of_POP3_are_errors_that_name_the_step(LabFaultKind kind, string? command, string? errorId)
    {
        store.Deliver(Anna, "Subject: x\r\n\r\n"u8.ToArray());
        faults.Add(new LabFault(kind) { Protocol = LabProtocol.Pop3, Command = command });
        MailException error = await Assert.ThrowsAnyAsync<MailException>(async () =>
        {
            IMailboxSession session = await OpenMailboxAsync(TlsMode.Implicit);
            await using (session)
                await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
        });
        if (errorId is not null)
            Assert.Equal(errorId, error.ErrorId);
        Assert.NotEmpty(error.Remedy);
        Assert.Single(store.Find(Anna)!.Messages);
    }

    [Fact]
    public async Task A_drop_in_the_middle_of_a_message_loses_nothing()
    {
        store.Deliver(Anna, Encoding.ASCII.GetBytes("Subject: x\r\n\r\n" + new string('x', 5000) + "\r\n"));
        faults.Add(new LabFault(LabFaultKind.Drop) { Command = "RETR", AfterBytes = 1000, Times = 1 });
        for (int attempt = 0; attempt < 2; attempt++)
        {
            IMailboxSession session = await OpenMailboxAsync(TlsMode.None);
            await using (session)
            {
                List<MessageRef> listed = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
                if (attempt == 0)
                    await Assert.ThrowsAnyAsync<MailException>(() => session.FetchAsync(listed, default).ToListAsync().AsTask());
                else
                    Assert.Equal(5016, Assert.Single(await session.FetchAsync(listed, default).ToListAsync()).Content!.Length);
            }
        }
    }

    [Fact]
    public async Task A_lost_answer_to_the_final_dot_is_uncertain_and_a_drop_before_it_is_not()
    {
        using (faults.Add(new LabFault(LabFaultKind.LoseAnswer) { Command = "." }))
        {
            IMailSender sender = await OpenSenderAsync(TlsMode.None);
            await using (sender)
                Assert.Equal(SendStatus.Uncertain, (await sender.SendAsync(Message("Subject: x\r\n\r\n"), default)).Status);
        }

        Assert.Single(store.Sent);
        faults.Add(new LabFault(LabFaultKind.Drop) { Command = "DATA" });
        IMailSender next = await OpenSenderAsync(TlsMode.None);
        await using (next)
            await Assert.ThrowsAnyAsync<MailException>(async () => await next.SendAsync(Message("Subject: x\r\n\r\n"), default));
        Assert.Single(store.Sent);
    }

    [Fact]
    public async Task Recipients_are_accepted_deferred_and_rejected_one_by_one()
    {
        faults.Add(new LabFault(LabFaultKind.TemporaryFailure) { Command = "RCPT", Mailbox = "later@adatum.test" });
        faults.Add(new LabFault(LabFaultKind.PermanentFailure) { Command = "RCPT", Mailbox = "never@adatum.test" });
        IMailSender sender = await OpenSenderAsync(TlsMode.StartTls);
        await using (sender)
        {
            SendReceipt receipt = await sender.SendAsync(Message("Subject: x\r\n\r\n", "now@adatum.test", "later@adatum.test", "never@adatum.test"), default);
            Assert.Equal([SendStatus.Accepted, SendStatus.Deferred, SendStatus.Rejected], receipt.Recipients.Select(r => r.Status));
        }

        Assert.Equal(["now@adatum.test"], Assert.Single(store.Sent).Recipients);
    }

    private ValueTask<IMailboxSession> OpenMailboxAsync(TlsMode tls) =>
        new Pop3System().OpenMailboxAsync(Endpoint(pop3, tls), new MailLogin(Anna, MailCredential.Password(Anna, "secret")), context, default);

    private ValueTask<IMailSender> OpenSenderAsync(TlsMode tls) =>
        new SmtpSystem().OpenSenderAsync(Endpoint(smtp, tls), new MailLogin(Anna, MailCredential.Password(Anna, "secret")), context, default);

    private static MailEndpoint Endpoint(LabServer server, TlsMode tls) => new()
    {
        Host = server.Host,
        Port = tls == TlsMode.Implicit ? server.TlsPort : server.Port,
        Tls = tls,
        CertificatePins = [server.CertificatePin],
        AllowPlainTextPassword = true,
    };

    private static OutgoingMessage Message(string text, params string[] recipients) => new()
    {
        EnvelopeFrom = Anna,
        Recipients = recipients.Length == 0 ? ["kim@adatum.test"] : recipients,
        MessageId = "<x@contoso.test>",
        Content = MessageBuffer.Wrap(Encoding.ASCII.GetBytes(text)),
    };
}

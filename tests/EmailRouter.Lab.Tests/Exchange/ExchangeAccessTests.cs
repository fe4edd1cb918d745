using System.Text;
using EmailRouter.Lab.Servers;
using EmailRouter.Lab.Store;
using EmailRouter.Mail;
using EmailRouter.Mail.Exchange;
using EmailRouter.Mail.Net;
using EmailRouter.Mime;

namespace EmailRouter.Lab.Tests.Exchange;

/// <summary>How the router's own client gets to a mailbox: by Autodiscover, and as a delegate.</summary>
public sealed class ExchangeAccessTests : IAsyncLifetime
{
    private readonly ExchangeWorld world = ExchangeWorld.Start();
    private readonly ExchangeSystem system = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => world.DisposeAsync().AsTask();

    [Theory]
    [InlineData(ExchangeWorld.Anna, null)]
    [InlineData(ExchangeWorld.Anna, "autodiscover.svc")]
    [InlineData("old@contoso.test", null)]
    [InlineData("old@contoso.test", "autodiscover.svc")]
    public async Task Autodiscover_finds_the_mailbox_by_SOAP_by_plain_XML_and_under_its_new_address(string address, string? broken)
    {
        world.Server.Redirections["old@contoso.test"] = ExchangeWorld.Anna;
        if (broken is not null)
            world.Faults.Add(new LabFault(LabFaultKind.Drop) { Request = r => r.Path.EndsWith(broken, StringComparison.OrdinalIgnoreCase) });
        world.Deliver("From: Carl <carl@fabrikam.test>\r\nSubject: Mail\r\nMessage-ID: <1@fabrikam.test>\r\n\r\nhello\r\n");
        MailEndpoint endpoint = Endpoint(("access", "own"), ("autodiscoverTrust", "127.0.0.1")) with { Url = null };
        MailContext context = new() { Transport = new NamedHosts(world, "autodiscover.contoso.test") };

        await using IMailboxSession session = await system.OpenMailboxAsync(endpoint, new MailLogin(address, MailCredential.Password(ExchangeWorld.Anna, "secret")), context, default);

        Assert.Single(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());
    }

    [Fact]
    public async Task A_mailbox_that_Autodiscover_does_not_know_is_told()
    {
        MailContext context = new() { Transport = new NamedHosts(world, "contoso.test") };

        var e = await Assert.ThrowsAnyAsync<MailException>(async () => await system.OpenMailboxAsync(
            Endpoint() with { Url = null }, new MailLogin("nobody@contoso.test", MailCredential.Password(ExchangeWorld.Anna, "secret")), context, default));

        Assert.Equal("MailAutodiscoverFailed", e.ErrorId);
    }

    [Fact]
    public async Task A_delegate_reads_the_mailbox_it_has_access_to_and_no_other()
    {
        world.Deliver("From: Carl <carl@fabrikam.test>\r\nSubject: Mail\r\nMessage-ID: <1@fabrikam.test>\r\n\r\nhello\r\n");

        await Assert.ThrowsAnyAsync<MailCommandException>(async () => await system.OpenMailboxAsync(Endpoint(("access", "delegate")), Delegate, new MailContext(), default));
        world.Mailbox.Rights.Grant(LabRight.FullAccess, ExchangeWorld.Bert);
        await using IMailboxSession session = await system.OpenMailboxAsync(Endpoint(("access", "delegate")), Delegate, new MailContext(), default);
        MessageRef message = Assert.Single(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());
        await session.SettleAsync(message, Settlement.MoveTo("Inbox/CRM"), default);
        await session.CompleteAsync(default);

        Assert.Single(world.Mailbox.MessagesIn(world.Mailbox.Folders.Single(f => f.DisplayName == "CRM").Id));
    }

    [Theory]
    [InlineData(LabRight.SendAs, "author", null)]
    [InlineData(LabRight.SendAs, "onBehalf", ExchangeWorld.Bert)]
    [InlineData(LabRight.SendOnBehalf, "author", ExchangeWorld.Bert)]
    [InlineData(LabRight.SendOnBehalf, "onBehalf", ExchangeWorld.Bert)]
    public async Task A_delegate_sends_as_the_author_or_on_behalf(LabRight right, string sendAs, string? sender)
    {
        world.Mailbox.Rights.Grant(LabRight.FullAccess, ExchangeWorld.Bert);
        world.Mailbox.Rights.Grant(right, ExchangeWorld.Bert);
        await using IMailSender opened = await system.OpenSenderAsync(Endpoint(("access", "delegate"), ("sendAs", sendAs)), Delegate, new MailContext(), default);

        SendReceipt receipt = await opened.SendAsync(Outgoing(), default);

        Assert.True(receipt.Status == SendStatus.Accepted, receipt.Reply);
        MimeMessage sent = MimeMessage.Parse(Assert.Single(world.Store.Sent).Content);
        Assert.Equal((ExchangeWorld.Anna, sender), (sent.From[0].Address, sent.Sender?.Address));
    }

    [Fact]
    public async Task Full_access_alone_is_no_right_to_send()
    {
        world.Mailbox.Rights.Grant(LabRight.FullAccess, ExchangeWorld.Bert);
        await using IMailSender opened = await system.OpenSenderAsync(Endpoint(("access", "delegate")), Delegate, new MailContext(), default);

        SendReceipt receipt = await opened.SendAsync(Outgoing(), default);

        Assert.Equal(SendStatus.Rejected, receipt.Status);
        Assert.Contains("ErrorSendAsDenied", receipt.Reply, StringComparison.Ordinal);
        Assert.Empty(world.Store.Sent);
    }

    private static MailLogin Delegate => new(ExchangeWorld.Anna, MailCredential.Password(ExchangeWorld.Bert, "geheim"));

    private static OutgoingMessage Outgoing() => new()
    {
        EnvelopeFrom = ExchangeWorld.Anna,
        Recipients = ["carl@fabrikam.test"],
        MessageId = "<sent-1@contoso.test>",
        Content = MessageBuffer.Wrap(Encoding.UTF8.GetBytes($"From: {ExchangeWorld.Anna}\r\nTo: carl@fabrikam.test\r\nSubject: Out\r\nMessage-ID: <sent-1@contoso.test>\r\n\r\nhello\r\n")),
    };

    private MailEndpoint Endpoint(params (string Name, string Value)[] options) => new()
    {
        Host = string.Empty,
        Url = world.Server.EwsTlsUrl,
        CertificatePins = [world.Server.CertificatePin],
        Options = options.ToDictionary(o => o.Name, o => o.Value),
    };

    /// <summary>A network in which only some names are known; they all are the lab's server.</summary>
    private sealed class NamedHosts(ExchangeWorld world, params string[] names) : ITransport
    {
        public ValueTask<Stream> ConnectAsync(string host, int port, MailContext context, CancellationToken cancellationToken)
        {
            if (host == world.Server.Host)
                return TcpTransport.Instance.ConnectAsync(host, port, context, cancellationToken);
            return names.Contains(host)
                ? TcpTransport.Instance.ConnectAsync(world.Server.Host, port == 443 ? world.Server.TlsPort : world.Server.Port, context, cancellationToken)
                : throw new MailConnectionException("MailHostUnknown", MailStep.Resolve, $"{host} is not known.", "Check the name.");
        }

        public ValueTask<Stream> SecureAsync(Stream plain, MailEndpoint endpoint, MailContext context, CancellationToken cancellationToken) =>
            TcpTransport.Instance.SecureAsync(plain, endpoint, context, cancellationToken);
    }
}

using System.Collections.Concurrent;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Mail;
using EmailRouter.Mail.Smtp;
using EmailRouter.Mime;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Outgoing;

namespace EmailRouter.Interop.Tests.Routing;

public sealed class SendPostfixTests(PostfixFixture fixture) : IClassFixture<PostfixFixture>
{
    private const int Count = 500;

    [ServerFact(Software.Postfix)]
    public async Task Five_hundred_pending_emails_leave_and_arrive_byte_correct()
    {
        await using Organization organization = await Organization.OpenAsync();
        RecordReference[] customers = await Task.WhenAll(Enumerable.Range(0, 20).Select(async i =>
            (await organization.CreateAsync("contact", ("fullname", $"Kundin {i}"), ("emailaddress1", $"routed{i}@example.test"))).ToReference()));
        for (int i = 0; i < Count; i++)
        {
            byte[] attachment = new byte[i * 7];
            new Random(i).NextBytes(attachment);
            Guid id = await organization.Crm.CreateDraftAsync(
                new EmailDraft
                {
                    From = organization.Sales,
                    To = [customers[i % customers.Length]],
                    Subject = $"Angebot für Größe {i}",
                    Description = $"<p>Grüße {i}</p>\n.\n..\n{new string('x', i)}",
                    Attachments = i % 5 == 0 ? [new EmailAttachment($"Preis {i}.pdf", "application/pdf", attachment.Length, _ => ValueTask.FromResult<Stream>(new MemoryStream(attachment)))] : [],
                },
                default);
            await organization.Crm.SendEmailAsync(id, issueSend: true, default);
        }

        var recorder = new RecordingSystem();
        await using Router router = await organization.OpenRouterAsync(Profile, "unused", "unused", recorder);
        SendResult result = await router.SendAsync(null, new SendOptions(), default);

        Assert.Empty(result.Errors);
        Assert.Equal((Count, Count), (result.Claimed, result.Sent));
        List<EmailActivity> emails = await organization.Crm.FindEmailsAsync(new EmailFilter { IsOutgoing = true }, default).ToListAsync();
        Assert.All(emails, e => Assert.Equal(EmailStatus.Sent, e.Status));
        Dictionary<string, byte[]> arrived = (await fixture.Server.WaitForDeliveryAsync(Count)).ToDictionary(m => MimeMessage.Parse(m.Content).MessageId!, m => m.Content);
        Assert.Equal(emails.Select(e => e.MessageId).Order(StringComparer.Ordinal), arrived.Keys.Order(StringComparer.Ordinal));
        foreach ((string messageId, byte[] sent) in recorder.Sent)
            Assert.True(sent.AsSpan().SequenceEqual(arrived[messageId]), $"{messageId} differs");
        EmailActivity last = emails.Single(e => e.Subject.StartsWith("Angebot für Größe 495 ", StringComparison.Ordinal));
        Assert.Equal(495 * 7, MimeMessage.Parse(arrived[last.MessageId!]).Attachments.Single().GetDecodedLength());
        Assert.Contains("Grüße 495", MimeMessage.Parse(arrived[last.MessageId!]).HtmlBody!.GetText(), StringComparison.Ordinal);
    }

    private ProfileConfiguration Profile => new()
    {
        Name = "Postfix",
        Direction = MailDirection.Outgoing,
        System = RecordingSystem.SystemName,
        Host = "localhost",
        Port = fixture.Server.SmtpPort,
        Tls = TlsMode.StartTls,
        CertificatePins = [fixture.Server.Pin],
        CredentialSource = CredentialSource.Anonymous,
    };

    /// <summary>SMTP, with a copy of the bytes that went in.</summary>
    private sealed class RecordingSystem : IMailSystem
    {
        public const string SystemName = "RecordedSmtp";

        private readonly SmtpSystem smtp = new();

        public string Name => SystemName;

        public MailDoors Doors => smtp.Doors;

        public ConcurrentDictionary<string, byte[]> Sent { get; } = new(StringComparer.Ordinal);

        public ValueTask<IMailboxSession> OpenMailboxAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
            smtp.OpenMailboxAsync(endpoint, login, context, cancellationToken);

        public async ValueTask<IMailSender> OpenSenderAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
            new Sender(await smtp.OpenSenderAsync(endpoint, login, context, cancellationToken), Sent);

        private sealed class Sender(IMailSender inner, ConcurrentDictionary<string, byte[]> sent) : IMailSender
        {
            public ValueTask<SendReceipt> SendAsync(OutgoingMessage message, CancellationToken cancellationToken)
            {
                Assert.True(sent.TryAdd(message.MessageId, message.Content.Memory.ToArray()), $"{message.MessageId} was offered twice");
                return inner.SendAsync(message, cancellationToken);
            }

            public ValueTask DisposeAsync() => inner.DisposeAsync();
        }
    }
}

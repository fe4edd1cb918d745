using System.Text;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Mail;
using EmailRouter.Mail.Smtp;
using EmailRouter.Mime;

namespace EmailRouter.Interop.Tests.Mail;

/// <summary>A second implementation of SMTP, with 8BITMIME and SMTPUTF8 and without.</summary>
public sealed class SmtpAiosmtpdTests
{
    private const string Password = "s3cret-word";

    [ServerFact(Software.Aiosmtpd)]
    public async Task Mail_arrives_byte_for_byte_behind_starttls_and_login()
    {
        await using AiosmtpdServer server = await AiosmtpdServer.StartAsync(Password, sevenBit: false);
        foreach (string mechanism in new[] { "PLAIN", "LOGIN" })
        {
            await using IMailSender sender = await OpenAsync(server, mechanism);
            SendReceipt receipt = await sender.SendAsync(Message(SampleMessages.Make(1, eightBit: true), "a@example.test", "refused@example.test"), default);
            SendReceipt second = await sender.SendAsync(Message(SampleMessages.Make(2, eightBit: false), "jürgen@example.test"), default);

            Assert.Equal([SendStatus.Accepted, SendStatus.Rejected], receipt.Recipients.Select(r => r.Status));
            Assert.Equal(SendStatus.Accepted, second.Status);
        }

        IReadOnlyList<byte[]> arrived = server.Messages();
        Assert.Equal(4, arrived.Count);
        Assert.Equal(SampleMessages.Make(1, eightBit: true), arrived[0]);
        Assert.Equal(SampleMessages.Make(2, eightBit: false), arrived[3]);
    }

    [ServerFact(Software.Aiosmtpd)]
    public async Task Without_pipelining_nothing_goes_ahead()
    {
        await using AiosmtpdServer server = await AiosmtpdServer.StartAsync(Password, sevenBit: false);
        bool asked = false;
        await using (IMailSender sender = await OpenAsync(server, "PLAIN"))
        {
            for (int i = 0; i < 3; i++)
            {
                SendReceipt receipt = await ((IPipelinedSender)sender).SendAsync(Message(SampleMessages.Make(i), "a@example.test"), Next, default);
                Assert.Equal(SendStatus.Accepted, receipt.Status);
            }
        }

        Assert.False(asked);
        Assert.Equal(3, server.Messages().Count);

        OutgoingMessage? Next()
        {
            asked = true;
            return null;
        }
    }

    [ServerFact(Software.Aiosmtpd)]
    public async Task A_wrong_password_is_an_authentication_error()
    {
        await using AiosmtpdServer server = await AiosmtpdServer.StartAsync(Password, sevenBit: false);

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(() => OpenAsync(server, "PLAIN", "wrong"));

        Assert.Equal("MailAuthenticationFailed", e.ErrorId);
    }

    [ServerFact(Software.Aiosmtpd)]
    public async Task A_server_without_8bitmime_gets_the_same_text_in_seven_bits()
    {
        await using AiosmtpdServer server = await AiosmtpdServer.StartAsync(Password, sevenBit: true);
        byte[] mail = Encoding.UTF8.GetBytes("Subject: Grüße\r\nFrom: Jörg <j@example.test>\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nStraße und viel anderer Text\r\n.\r\n");
        await using (IMailSender sender = await OpenAsync(server, "PLAIN"))
            Assert.Equal(SendStatus.Accepted, (await sender.SendAsync(Message(mail, "a@example.test"), default)).Status);

        byte[] arrived = Assert.Single(server.Messages());

        Assert.True(Ascii.IsValid(arrived));
        MimeMessage message = MimeMessage.Parse(arrived);
        Assert.Equal(("Grüße", "Jörg"), (message.Subject, message.From[0].DisplayName));
        Assert.Equal("Straße und viel anderer Text\r\n.\r\n", message.Root.GetText());
    }

    private static OutgoingMessage Message(byte[] content, params string[] recipients) => new()
    {
        EnvelopeFrom = "box@example.test",
        Recipients = recipients,
        MessageId = "<1@example.test>",
        Content = MessageBuffer.Wrap(content),
    };

    private static async Task<IMailSender> OpenAsync(AiosmtpdServer server, string mechanism, string password = Password) => await new SmtpSystem().OpenSenderAsync(
        new MailEndpoint { Host = "localhost", Port = server.Port, Tls = TlsMode.StartTls, CertificatePins = [server.Pin], Mechanisms = [mechanism] },
        new MailLogin("box@example.test", MailCredential.Password("box", password)),
        new MailContext(),
        default);
}

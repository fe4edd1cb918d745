using System.Text;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Mail;
using EmailRouter.Mail.Smtp;
using EmailRouter.Mime;

namespace EmailRouter.Interop.Tests.Mail;

public sealed class SmtpPostfixTests(PostfixFixture fixture) : IClassFixture<PostfixFixture>
{
    private MailEndpoint StartTls => new()
    {
        Host = "localhost",
        Port = fixture.Server.SmtpPort,
        Tls = TlsMode.StartTls,
        CertificatePins = [fixture.Server.Pin],
    };

    [ServerFact(Software.Postfix)]
    public async Task A_hundred_messages_arrive_byte_for_byte_over_one_connection()
    {
        await using (IMailSender sender = await OpenAsync(StartTls))
        {
            for (int i = 0; i < 100; i++)
            {
                SendReceipt receipt = await sender.SendAsync(Message(SampleMessages.Make(i, eightBit: i % 2 == 0), $"hundred{i}@example.test"), default);
                Assert.Equal(SendStatus.Accepted, receipt.Status);
                Assert.StartsWith("250 2.0.0 Ok: queued as", receipt.Reply, StringComparison.Ordinal);
            }
        }

        Dictionary<string, byte[]> arrived = await WaitAsync("hundred", 100);
        for (int i = 0; i < 100; i++)
            Assert.True(SampleMessages.Make(i, eightBit: i % 2 == 0).AsSpan().SequenceEqual(arrived[$"hundred{i}@example.test"]), $"message {i} differs");
    }

    [ServerFact(Software.Postfix)]
    public async Task Envelopes_that_go_ahead_belong_to_their_own_messages()
    {
        OutgoingMessage[] messages = [.. Enumerable.Range(0, 60).Select(i => Message(
            SampleMessages.Make(i, eightBit: i % 2 == 0), i % 10 == 5 ? ["refused@example.test"] : i % 10 == 7 ? [$"ahead{i}@example.test", "later@example.test"] : [$"ahead{i}@example.test"]))];
        var ahead = new HashSet<OutgoingMessage>();
        await using (IMailSender sender = await OpenAsync(StartTls))
        {
            for (int i = 0; i < messages.Length; i++)
            {
                int next = i + 1;
                SendReceipt receipt = await ((IPipelinedSender)sender).SendAsync(messages[i], Next, default);
                Assert.Equal(i % 10 == 5 ? SendStatus.Rejected : SendStatus.Accepted, receipt.Status);
                Assert.Equal(messages[i].Recipients, receipt.Recipients.Select(r => r.Address));

                // One in ten is announced and then does not come.
                OutgoingMessage? Next()
                {
                    OutgoingMessage? following = i % 10 == 9 ? Message(SampleMessages.Make(1), "never@example.test") : messages.ElementAtOrDefault(next);
                    if (following is not null)
                        ahead.Add(following);
                    return following;
                }
            }
        }

        Assert.True(ahead.Count > 40, $"only {ahead.Count} went ahead");
        Dictionary<string, byte[]> arrived = await WaitAsync("ahead", 54);
        for (int i = 0; i < messages.Length; i++)
        {
            if (i % 10 != 5)
                Assert.True(SampleMessages.Make(i, eightBit: i % 2 == 0).AsSpan().SequenceEqual(arrived[$"ahead{i}@example.test"]), $"message {i} differs");
        }

        Assert.Equal(54, arrived.Count);
    }

    [ServerFact(Software.Postfix)]
    public async Task Odd_line_ends_arrive_as_one_message()
    {
        byte[] odd = Encoding.ASCII.GetBytes("Subject: odd\r\nMessage-ID: <odd@example.test>\r\n\r\na\n.\nMAIL FROM:<evil@example.test>\r.\r\nend\r\n.\nlast");
        await using (IMailSender sender = await OpenAsync(StartTls))
            Assert.Equal(SendStatus.Accepted, (await sender.SendAsync(Message(odd, "odd@example.test"), default)).Status);

        byte[] arrived = (await WaitAsync("odd@", 1))["odd@example.test"];

        Assert.Equal(
            "Subject: odd\r\nMessage-ID: <odd@example.test>\r\n\r\na\r\n.\r\nMAIL FROM:<evil@example.test>\r\n.\r\nend\r\n.\r\nlast\r\n",
            Encoding.ASCII.GetString(arrived));
    }

    [ServerFact(Software.Postfix)]
    public async Task Recipients_are_refused_one_by_one()
    {
        await using IMailSender sender = await OpenAsync(StartTls);

        SendReceipt receipt = await sender.SendAsync(
            Message(SampleMessages.Make(1), "several@example.test", "refused@example.test", "later@example.test"), default);
        SendReceipt none = await sender.SendAsync(Message(SampleMessages.Make(1), "refused@example.test"), default);
        SendReceipt after = await sender.SendAsync(Message(SampleMessages.Make(1), "afterwards@example.test"), default);

        Assert.Equal(SendStatus.Accepted, receipt.Status);
        Assert.Equal([SendStatus.Accepted, SendStatus.Rejected, SendStatus.Deferred], receipt.Recipients.Select(r => r.Status));
        Assert.Contains("5.1.1", receipt.Recipients[1].Reply, StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromSeconds(300), receipt.RetryAfter);
        Assert.Equal(SendStatus.Rejected, none.Status);
        Assert.Equal(SendStatus.Accepted, after.Status);
    }

    [ServerFact(Software.Postfix)]
    public async Task Too_large_a_message_is_refused_before_it_is_sent()
    {
        string lines = string.Concat(Enumerable.Repeat(new string('x', 78) + "\r\n", PostfixServer.SizeLimit / 80));
        byte[] large = Encoding.ASCII.GetBytes("Subject: large\r\n\r\n" + lines);
        await using IMailSender sender = await OpenAsync(StartTls);

        SendReceipt receipt = await sender.SendAsync(Message(large, "large@example.test"), default);

        Assert.Equal(SendStatus.Rejected, receipt.Status);
        Assert.StartsWith("5.3.4", receipt.Reply, StringComparison.Ordinal);
    }

    [ServerFact(Software.Postfix)]
    public async Task A_message_just_below_the_limit_arrives()
    {
        byte[] large = Encoding.ASCII.GetBytes("Subject: large\r\n\r\n" + string.Concat(Enumerable.Repeat("." + new string('x', 77) + "\r\n", 24_000)));
        await using (IMailSender sender = await OpenAsync(StartTls))
            Assert.Equal(SendStatus.Accepted, (await sender.SendAsync(Message(large, "almost@example.test"), default)).Status);

        byte[] arrived = (await WaitAsync("almost@", 1))["almost@example.test"];
        Assert.True(large.AsSpan().SequenceEqual(arrived));
    }

    [ServerFact(Software.Postfix)]
    public async Task A_certificate_nobody_trusts_is_refused_and_nothing_is_sent()
    {
        MailTlsException e = await Assert.ThrowsAsync<MailTlsException>(async () => await OpenAsync(StartTls with { CertificatePins = ["00"] }));

        Assert.Equal("MailCertificateRefused", e.ErrorId);
        Assert.Contains(fixture.Server.Pin, e.Remedy, StringComparison.Ordinal);
    }

    [ServerFact(Software.Postfix)]
    public async Task Implicit_tls_works_as_well()
    {
        await using IMailSender sender = await OpenAsync(StartTls with { Port = fixture.Server.SmtpsPort, Tls = TlsMode.Implicit });

        Assert.Equal(SendStatus.Accepted, (await sender.SendAsync(Message(SampleMessages.Make(7), "implicit@example.test"), default)).Status);
    }

    [ServerFact(Software.Postfix, Software.Dovecot)]
    public async Task Each_mechanism_logs_in_and_a_wrong_password_does_not()
    {
        foreach (string mechanism in new[] { "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256" })
        {
            MailEndpoint endpoint = StartTls with { Mechanisms = [mechanism] };
            await using (IMailSender sender = await OpenAsync(endpoint, MailCredential.Password("box", DovecotServer.Password)))
                Assert.Equal(SendStatus.Accepted, (await sender.SendAsync(Message(SampleMessages.Make(8), "login@example.test"), default)).Status);

            MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(
                async () => await OpenAsync(endpoint, MailCredential.Password("box", "wrong")));
            Assert.Equal("MailAuthenticationFailed", e.ErrorId);
        }
    }

    [ServerFact(Software.Postfix)]
    public async Task Addresses_beyond_ascii_and_delivery_notifications_are_understood()
    {
        await using IMailSender sender = await OpenAsync(StartTls);

        SendReceipt receipt = await sender.SendAsync(
            Message(SampleMessages.Make(9), "jürgen@example.test") with { EnvelopeId = "r+1=2", Notify = DeliveryNotifications.Failure }, default);

        Assert.Equal(SendStatus.Accepted, receipt.Status);
        Assert.Single(await WaitAsync("jürgen@", 1));
    }

    private static OutgoingMessage Message(byte[] content, params string[] recipients) => new()
    {
        EnvelopeFrom = "box@example.test",
        Recipients = recipients,
        MessageId = "<1@example.test>",
        Content = MessageBuffer.Wrap(content),
    };

    private static async Task<IMailSender> OpenAsync(MailEndpoint endpoint, MailCredential? credential = null) =>
        await new SmtpSystem().OpenSenderAsync(
            endpoint, new MailLogin("box@example.test", credential ?? MailCredential.Anonymous), new MailContext(), default);

    /// <summary>The server is shared, so only the messages of one test are looked at.</summary>
    private async Task<Dictionary<string, byte[]>> WaitAsync(string prefix, int count)
    {
        for (int i = 0; ; i++)
        {
            DeliveredMessage[] mine = [.. fixture.Server.Delivered().Where(m => Utf8(m.Recipient).StartsWith(prefix, StringComparison.Ordinal))];
            if (mine.Length >= count)
                return mine.ToDictionary(m => m.Recipient, m => m.Content);
            Assert.True(i < 300, $"only {mine.Length} of {count} messages arrived: {fixture.Server.Log}");
            await Task.Delay(100);
        }
    }

    private static string Utf8(string latin1) => Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(latin1));
}

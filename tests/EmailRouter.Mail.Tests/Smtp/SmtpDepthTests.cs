using System.Text;
using EmailRouter.Mail.Smtp;
using EmailRouter.Mail.Tests.Scripting;

namespace EmailRouter.Mail.Tests.Smtp;

/// <summary>Chunks, 7-bit servers, more recipients than fit, and waiting.</summary>
public sealed class SmtpDepthTests
{
    [Fact]
    public async Task A_server_without_8bitmime_gets_quoted_printable()
    {
        var transport = new ScriptedTransport("""
            S: 220 mx
            C: EHLO router.example.test      S: 250 mx
            C: MAIL FROM:<box@example.test>      S: 250 ok
            C: RCPT TO:<a@example.test>      S: 250 ok
            C: DATA      S: 354 go
            C: (data)      S: 250 taken
            """);
        await using IMailSender sender = await SmtpSenderTests.OpenAsync(transport);

        SendReceipt receipt = await sender.SendAsync(
            SmtpSenderTests.Message("Subject: Grüße\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nStraße, and enough of plain words\r\n", "a@example.test"), default);

        Assert.Equal(SendStatus.Accepted, receipt.Status);
        string sent = Encoding.Latin1.GetString(Assert.Single(transport.Data));
        Assert.True(Ascii.IsValid(sent));
        Assert.Contains("Stra=C3=9Fe, and enough", sent, StringComparison.Ordinal);
        Assert.Contains("=?utf-8?", sent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_signed_message_is_not_rewritten_but_refused()
    {
        var transport = new ScriptedTransport("""
            S: 220 mx
            C: EHLO router.example.test      S: 250 mx
            """);
        await using IMailSender sender = await SmtpSenderTests.OpenAsync(transport);

        SendReceipt receipt = await sender.SendAsync(SmtpSenderTests.Message("DKIM-Signature: v=1\r\n\r\nä\r\n", "a@example.test"), default);

        Assert.Equal(SendStatus.Rejected, receipt.Status);
        Assert.StartsWith("5.6.3 not sent", receipt.Reply, StringComparison.Ordinal);
        Assert.Contains("DKIM-Signature", receipt.Reply, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_data_cannot_carry_goes_in_a_chunk_as_it_is()
    {
        var commits = new List<string>();
        var transport = new ScriptedTransport("""
            S: 220 mx
            C: EHLO router.example.test      S: 250-mx\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250 SIZE
            C: MAIL FROM:<box@example.test> SIZE=1017 BODY=BINARYMIME      S: 250 ok
            C: RCPT TO:<a@example.test>      S: 250 ok
            C: BDAT 1017 LAST
            C: Subject: a
            C:
            C: ***      S: 250 taken
            """);
        await using IMailSender sender = await SmtpSenderTests.OpenAsync(transport);

        SendReceipt receipt = await sender.SendAsync(
            SmtpSenderTests.Message("Subject: a\r\n\r\n" + new string('x', 1001) + "\r\n", "a@example.test") with
            {
                BeforeCommit = (taken, _) => { commits.AddRange(taken); return ValueTask.CompletedTask; },
            },
            default);

        Assert.Equal(SendStatus.Accepted, receipt.Status);
        Assert.Equal(["a@example.test"], commits);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_chunk_by_wish_doubles_no_dots_and_a_refused_one_is_reset()
    {
        var transport = new ScriptedTransport("""
            S: 220 mx
            C: EHLO router.example.test      S: 250-mx\r\n250 CHUNKING
            C: MAIL FROM:<box@example.test>      S: 250 ok
            C: RCPT TO:<a@example.test>      S: 250 ok
            C: BDAT 6 LAST
            C: .
            C: b      S: 554 5.7.1 no
            C: RSET      S: 250 ok
            C: MAIL FROM:<box@example.test>      S: 250 ok
            C: RCPT TO:<a@example.test>      S: 250 ok
            C: BDAT 6 LAST
            C: .
            C: b      S: 250 ok
            """);
        await using IMailSender sender = await new SmtpSystem().OpenSenderAsync(
            new MailEndpoint { Host = "mx.example.test", Tls = TlsMode.None, Options = new Dictionary<string, string> { ["EhloName"] = "router.example.test", ["Chunking"] = "Always" } },
            new MailLogin("box@example.test", MailCredential.Anonymous),
            transport.Context,
            default);

        SendReceipt first = await sender.SendAsync(SmtpSenderTests.Message(".\nb\n", "a@example.test"), default);
        SendReceipt second = await sender.SendAsync(SmtpSenderTests.Message(".\nb\n", "a@example.test"), default);

        Assert.Equal(SendStatus.Rejected, first.Status);
        Assert.Equal(SendStatus.Accepted, second.Status);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task More_recipients_than_the_server_takes_go_in_several_transactions()
    {
        var commits = new List<string>();
        var transport = new ScriptedTransport("""
            S: 220 mx
            C: EHLO router.example.test      S: 250-mx\r\n250 LIMITS RCPTMAX=2
            C: MAIL FROM:<box@example.test>      S: 250 ok
            C: RCPT TO:<a@example.test>      S: 250 ok
            C: RCPT TO:<b@example.test>      S: 452 4.5.3 too many recipients
            C: DATA      S: 354 go
            C: (data)      S: 250 one
            C: MAIL FROM:<box@example.test>      S: 250 ok
            C: RCPT TO:<b@example.test>      S: 250 ok
            C: RCPT TO:<c@example.test>      S: 550 5.1.1 no
            C: DATA      S: 354 go
            C: (data)      S: 250 two
            C: MAIL FROM:<box@example.test>      S: 451 4.3.0 later
            """);
        await using IMailSender sender = await SmtpSenderTests.OpenAsync(transport);

        SendReceipt receipt = await sender.SendAsync(
            SmtpSenderTests.Message("x\r\n", "a@example.test", "b@example.test", "c@example.test", "d@example.test") with
            {
                BeforeCommit = (taken, _) => { commits.Add(string.Join(' ', taken.Select(t => t[0]))); return ValueTask.CompletedTask; },
            },
            default);

        Assert.Equal(SendStatus.Accepted, receipt.Status);
        Assert.Equal([SendStatus.Accepted, SendStatus.Accepted, SendStatus.Rejected, SendStatus.Deferred], receipt.Recipients.Select(r => r.Status));
        Assert.Equal(["a", "a b"], commits);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_connection_lost_after_some_have_it_defers_the_others()
    {
        var transport = new ScriptedTransport("""
            S: 220 mx
            C: EHLO router.example.test      S: 250-mx\r\n250 LIMITS RCPTMAX=1
            C: MAIL FROM:<box@example.test>      S: 250 ok
            C: RCPT TO:<a@example.test>      S: 250 ok
            C: DATA      S: 354 go
            C: (data)      S: 250 one
            C: MAIL FROM:<box@example.test>      S: 250 ok
            C: RCPT TO:<b@example.test>      S: (close)
            """);
        await using IMailSender sender = await SmtpSenderTests.OpenAsync(transport);

        SendReceipt receipt = await sender.SendAsync(SmtpSenderTests.Message("x\r\n", "a@example.test", "b@example.test"), default);

        Assert.Equal(SendStatus.Accepted, receipt.Status);
        Assert.Equal([SendStatus.Accepted, SendStatus.Deferred], receipt.Recipients.Select(r => r.Status));
    }

    [Theory]
    [InlineData(452, "4.2.2", "mailbox full", 3600)]
    [InlineData(451, "4.7.500", "server busy", 900)]
    [InlineData(450, "4.2.0", "greylisted, try again in 300 seconds", 300)]
    [InlineData(452, "4.2.2", "full, retry in 5 minutes", 300)]
    public void The_wait_is_the_servers_or_that_of_its_code(int code, string enhanced, string text, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), new SmtpResponse(code, enhanced, [text]).FindRetryAfter());

    [Theory]
    [InlineData(451, "4.4.1", "later")]
    [InlineData(552, "5.2.2", "mailbox full")]
    public void Other_codes_leave_it_to_the_schedule(int code, string enhanced, string text) => Assert.Null(new SmtpResponse(code, enhanced, [text]).FindRetryAfter());

    [Theory]
    [InlineData("432 4.3.2 Concurrent connections limit exceeded.")]
    [InlineData("421 4.7.0 mx Error: too many connections from 192.0.2.1")]
    public async Task Too_many_connections_have_an_error_of_their_own(string greeting)
    {
        MailException e = await Assert.ThrowsAnyAsync<MailException>(() => SmtpSenderTests.OpenAsync(new ScriptedTransport("S: " + greeting)));

        Assert.Equal(MailException.TooManyConnections, e.ErrorId);
        Assert.True(e.IsTransient);
    }
}

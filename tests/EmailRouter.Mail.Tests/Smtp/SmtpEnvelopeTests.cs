using EmailRouter.Mail.Tests.Scripting;
using static EmailRouter.Mail.Tests.Smtp.SmtpSenderTests;

namespace EmailRouter.Mail.Tests.Smtp;

public sealed class SmtpEnvelopeTests
{
    [Fact]
    public async Task Too_large_a_message_is_refused_before_anything_is_sent()
    {
        var transport = new ScriptedTransport(Greeted.Replace("SIZE 2000000", "SIZE 10", StringComparison.Ordinal));
        await using IMailSender sender = await OpenAsync(transport);

        SendReceipt receipt = await sender.SendAsync(Message("0123456789\r\n", "a@example.test"), default);

        Assert.Equal(SendStatus.Rejected, receipt.Status);
        Assert.StartsWith("5.3.4 not sent", receipt.Reply, StringComparison.Ordinal);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Delivery_notifications_are_requested_where_the_server_has_them()
    {
        var transport = new ScriptedTransport(Greeted + """
            C: MAIL FROM:<box@example.test> SIZE=3 RET=HDRS ENVID=r+2B4711+3D
            C: RCPT TO:<a+b@example.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a+2Bb@example.test
            S: 250 ok
            S: 250 ok
            C: DATA            S: 354 go ahead
            C: (data)          S: 250 ok
            """);
        await using IMailSender sender = await OpenAsync(transport);

        const DeliveryNotifications Notify = DeliveryNotifications.Failure | DeliveryNotifications.Delay;
        await sender.SendAsync(Message("x\r\n", "a+b@example.test") with { EnvelopeId = "r+4711=", Notify = Notify }, default);

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Delivery_notifications_are_not_requested_elsewhere()
    {
        var transport = new ScriptedTransport(Bare + """
            C: MAIL FROM:<>                    S: 250 ok
            C: RCPT TO:<a@example.test>        S: 250 ok
            C: DATA            S: 354 go ahead
            C: (data)          S: 250 ok
            """);
        await using IMailSender sender = await OpenAsync(transport);

        await sender.SendAsync(Message("x\r\n", "a@example.test") with { EnvelopeFrom = "", EnvelopeId = "r", Notify = DeliveryNotifications.Never }, default);

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Eight_bit_text_is_announced_and_refused_where_the_server_lacks_it()
    {
        var able = new ScriptedTransport(Greeted + """
            C: MAIL FROM:<box@example.test> SIZE=20 BODY=8BITMIME
            C: RCPT TO:<a@example.test>
            S: 250 ok
            S: 250 ok
            C: DATA            S: 354 go ahead
            C: (data)          S: 250 ok
            """);
        await using (IMailSender sender = await OpenAsync(able))
            await sender.SendAsync(Message("Subject: x\r\n\r\ngrü\r\n", "a@example.test"), default);
        able.AssertPlayedToTheEnd();

        var unable = new ScriptedTransport(Bare);
        await using IMailSender other = await OpenAsync(unable);
        SendReceipt receipt = await other.SendAsync(Message("DKIM-Signature: x\r\n\r\ngrü\r\n", "a@example.test"), default);
        Assert.Equal(SendStatus.Rejected, receipt.Status);
        Assert.StartsWith("5.6.3 not sent", receipt.Reply, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_beyond_ascii_needs_smtputf8_and_its_domain_alone_does_not()
    {
        var transport = new ScriptedTransport(Greeted + """
            C: MAIL FROM:<box@xn--bcher-kva.example.test> SIZE=3
            C: RCPT TO:<a@xn--bcher-kva.example.test>
            S: 250 ok
            S: 250 ok
            C: DATA            S: 354 go ahead
            C: (data)          S: 250 ok
            """);
        await using IMailSender sender = await OpenAsync(transport);

        SendReceipt receipt = await sender.SendAsync(
            Message("x\r\n", "a@bücher.example.test", "jürgen@example.test") with { EnvelopeFrom = "box@bücher.example.test" }, default);

        Assert.Equal(SendStatus.Accepted, receipt.Recipients[0].Status);
        Assert.Equal(SendStatus.Rejected, receipt.Recipients[1].Status);
        Assert.StartsWith("5.6.7 not sent", receipt.Recipients[1].Reply, StringComparison.Ordinal);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Smtputf8_is_used_where_it_is_needed_and_offered()
    {
        var transport = new ScriptedTransport(Greeted.Replace("250 DSN", "250 SMTPUTF8", StringComparison.Ordinal) + """
            C: MAIL FROM:<box@example.test> SIZE=3 SMTPUTF8
            C: RCPT TO:<jürgen@example.test>
            S: 250 ok
            S: 250 ok
            C: DATA            S: 354 go ahead
            C: (data)          S: 250 ok
            """);
        await using IMailSender sender = await OpenAsync(transport);

        SendReceipt receipt = await sender.SendAsync(Message("x\r\n", "jürgen@example.test"), default);

        Assert.Equal(SendStatus.Accepted, receipt.Status);
    }

    [Theory]
    [InlineData("a@example.test>\r\nRCPT TO:<evil@example.test")]
    [InlineData("\"a\r\nDATA\"@example.test")]
    [InlineData("a@example.test> NOTIFY=NEVER")]
    [InlineData("a b@example.test")]
    [InlineData("a@")]
    [InlineData("@example.test")]
    [InlineData("nobody")]
    [InlineData("")]
    [InlineData("a@exam\0ple.test")]
    public async Task An_address_that_would_break_the_command_is_refused_alone(string address)
    {
        var transport = new ScriptedTransport(Transaction() + "S: 250 ok");
        await using IMailSender sender = await OpenAsync(transport);

        SendReceipt receipt = await sender.SendAsync(Message("x\r\n", "a@example.test", address), default);

        Assert.Equal(SendStatus.Accepted, receipt.Recipients[0].Status);
        Assert.Equal(SendStatus.Rejected, receipt.Recipients[1].Status);
        Assert.StartsWith("5.1.3 not sent", receipt.Recipients[1].Reply, StringComparison.Ordinal);
        Assert.DoesNotContain(receipt.Recipients[1].Reply, char.IsControl);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_sender_that_is_no_address_is_an_error_and_the_connection_stays()
    {
        var transport = new ScriptedTransport(Transaction() + "S: 250 ok");
        await using IMailSender sender = await OpenAsync(transport);

        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(
            async () => await sender.SendAsync(Message("x\r\n", "a@example.test") with { EnvelopeFrom = "x\r\nRSET" }, default));
        SendReceipt receipt = await sender.SendAsync(Message("x\r\n", "a@example.test"), default);

        Assert.Equal("MailInvalidAddress", e.ErrorId);
        Assert.Equal(SendStatus.Accepted, receipt.Status);
    }

    [Theory]
    [InlineData("x\r\n", 998, SendStatus.Accepted)]
    [InlineData("x\r\n", 999, SendStatus.Rejected)]
    [InlineData("x\0y\r\n", 10, SendStatus.Rejected)]
    public async Task Content_that_mail_cannot_carry_is_refused(string content, int line, SendStatus status)
    {
        const string Transaction = """
            C: MAIL FROM:<box@example.test>    S: 250 ok
            C: RCPT TO:<a@example.test>        S: 250 ok
            C: DATA            S: 354 go ahead
            C: (data)          S: 250 ok
            """;
        var transport = new ScriptedTransport(Bare + (status == SendStatus.Accepted ? Transaction : string.Empty));
        await using IMailSender sender = await OpenAsync(transport);

        SendReceipt receipt = await sender.SendAsync(Message(content + new string('y', line), "a@example.test"), default);

        Assert.Equal(status, receipt.Status);
        Assert.Equal(status == SendStatus.Accepted ? 1 : 0, transport.Data.Count);
    }

    [Fact]
    public async Task A_message_without_recipients_is_refused()
    {
        var transport = new ScriptedTransport(Bare);
        await using IMailSender sender = await OpenAsync(transport);

        SendReceipt receipt = await sender.SendAsync(Message("x\r\n"), default);

        Assert.Equal(SendStatus.Rejected, receipt.Status);
        transport.AssertPlayedToTheEnd();
    }
}

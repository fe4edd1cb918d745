using System.Text;
using EmailRouter.Mail.Smtp;
using EmailRouter.Mail.Tests.Scripting;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Tests.Smtp;

public sealed class SmtpSenderTests
{
    private const string Greeted = """
        S: 220 mx.example.test ESMTP
        C: EHLO router.example.test
        S: 250-mx.example.test\r\n250-PIPELINING\r\n250-SIZE 2000000\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 DSN

        """;

    private const string Bare = """
        S: 220 mx.example.test ESMTP
        C: EHLO router.example.test      S: 250 mx.example.test

        """;

    public static TheoryData<Playing> Playings => ScriptedTransport.Playings;

    [Theory]
    [MemberData(nameof(Playings))]
    public async Task A_message_is_sent_with_mail_and_rcpt_in_one_go(Playing playing)
    {
        var transport = new ScriptedTransport(Greeted + """
            C: MAIL FROM:<box@example.test> SIZE=20
            C: RCPT TO:<a@example.test>
            C: RCPT TO:<b@example.test>
            S: 250 2.1.0 ok\r\n250 2.1.5 ok\r\n250 2.1.5 ok
            C: DATA            S: 354 go ahead
            C: (data)
            S: 250 2.0.0 Ok: queued as 4F1B
            C: QUIT            S: 221 2.0.0 bye
            """, playing);

        SendReceipt receipt;
        await using (IMailSender sender = await OpenAsync(transport))
            receipt = await sender.SendAsync(Message("Subject: x\r\n\r\n.dot\r\n", "a@example.test", "b@example.test"), default);

        Assert.Equal(SendStatus.Accepted, receipt.Status);
        Assert.Equal("250 2.0.0 Ok: queued as 4F1B", receipt.Reply);
        Assert.All(receipt.Recipients, r => Assert.Equal(SendStatus.Accepted, r.Status));
        Assert.Equal("Subject: x\r\n\r\n..dot\r\n.\r\n", Encoding.ASCII.GetString(Assert.Single(transport.Data)));
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Without_pipelining_each_reply_is_awaited()
    {
        var transport = new ScriptedTransport(Bare + """
            C: MAIL FROM:<box@example.test>    S: 250 ok
            C: RCPT TO:<a@example.test>        S: 250 ok
            C: RCPT TO:<b@example.test>        S: 251 will forward
            C: DATA            S: 354 go ahead
            C: (data)          S: 250 ok
            """);
        await using IMailSender sender = await OpenAsync(transport);

        SendReceipt receipt = await sender.SendAsync(Message("x\r\n", "a@example.test", "b@example.test"), default);

        Assert.Equal(SendStatus.Accepted, receipt.Status);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Each_recipient_has_an_outcome_of_its_own()
    {
        var transport = new ScriptedTransport(Greeted + """
            C: MAIL FROM:<box@example.test> SIZE=3
            C: RCPT TO:<a@example.test>
            C: RCPT TO:<b@example.test>
            C: RCPT TO:<c@example.test>
            C: RCPT TO:<d@example.test>
            S: 250 ok
            S: 250 ok
            S: 550-5.1.1 No such\r\n550 5.1.1 user here
            S: 450 4.7.1 Greylisted, try again in 300 seconds
            S: 552 too many recipients
            C: DATA            S: 354 go ahead
            C: (data)          S: 250 2.0.0 ok
            """);
        await using IMailSender sender = await OpenAsync(transport);

        SendReceipt receipt = await sender.SendAsync(Message("x\r\n", "a@example.test", "b@example.test", "c@example.test", "d@example.test"), default);

        Assert.Equal(SendStatus.Accepted, receipt.Status);
        Assert.Equal(
            [SendStatus.Accepted, SendStatus.Rejected, SendStatus.Deferred, SendStatus.Deferred],
            receipt.Recipients.Select(r => r.Status));
        Assert.Equal("550 5.1.1 No such user here", receipt.Recipients[1].Reply);
        Assert.Equal(TimeSpan.FromSeconds(300), receipt.RetryAfter);
    }

    [Fact]
    public async Task When_nobody_is_accepted_no_data_is_sent_and_the_connection_is_reset_and_kept()
    {
        var transport = new ScriptedTransport(Greeted + """
            C: MAIL FROM:<box@example.test> SIZE=3
            C: RCPT TO:<a@example.test>
            S: 250 ok
            S: 550 5.1.1 unknown
            C: RSET
            C: MAIL FROM:<box@example.test> SIZE=3
            C: RCPT TO:<b@example.test>
            S: 250 reset
            S: 250 ok
            S: 451 4.3.0 later
            """);
        await using IMailSender sender = await OpenAsync(transport);

        SendReceipt first = await sender.SendAsync(Message("x\r\n", "a@example.test"), default);
        SendReceipt second = await sender.SendAsync(Message("x\r\n", "b@example.test"), default);

        Assert.Equal((SendStatus.Rejected, "550 5.1.1 unknown"), (first.Status, first.Reply));
        Assert.Equal((SendStatus.Deferred, "451 4.3.0 later"), (second.Status, second.Reply));
    }

    [Theory]
    [InlineData("452 4.3.1 insufficient storage", SendStatus.Deferred)]
    [InlineData("552 5.3.4 too big", SendStatus.Rejected)]
    [InlineData("550 4.7.0 contradictory", SendStatus.Deferred)]
    [InlineData("354 what", SendStatus.Deferred)]
    public async Task A_refused_sender_decides_for_all_recipients(string reply, SendStatus status)
    {
        var transport = new ScriptedTransport(Greeted + $"""
            C: MAIL FROM:<box@example.test> SIZE=3
            C: RCPT TO:<a@example.test>
            S: {reply}
            S: 503 5.5.1 need MAIL first
            """);
        await using IMailSender sender = await OpenAsync(transport);

        SendReceipt receipt = await sender.SendAsync(Message("x\r\n", "a@example.test"), default);

        Assert.Equal(status, receipt.Status);
        Assert.Equal(new RecipientResult("a@example.test", status, reply), Assert.Single(receipt.Recipients));
    }

    [Theory]
    [InlineData("550 5.7.1 spam", SendStatus.Rejected)]
    [InlineData("451 4.7.1 later", SendStatus.Deferred)]
    [InlineData("250 ok", SendStatus.Deferred)]
    public async Task A_refusal_of_data_decides(string reply, SendStatus status)
    {
        var transport = new ScriptedTransport(Greeted + $"""
            C: MAIL FROM:<box@example.test> SIZE=3
            C: RCPT TO:<a@example.test>
            S: 250 ok
            S: 250 ok
            C: DATA            S: {reply}
            """);
        await using IMailSender sender = await OpenAsync(transport);

        SendReceipt receipt = await sender.SendAsync(Message("x\r\n", "a@example.test"), default);

        Assert.Equal(status, receipt.Status);
        Assert.Empty(transport.Data);
    }

    [Theory]
    [InlineData("451 4.3.0 queue file write error", SendStatus.Deferred)]
    [InlineData("554 5.7.1 content refused", SendStatus.Rejected)]
    [InlineData("421 4.3.2 shutting down", SendStatus.Deferred)]
    public async Task The_reply_to_the_final_dot_decides(string reply, SendStatus status)
    {
        var transport = new ScriptedTransport(Transaction() + $"S: {reply}");
        await using IMailSender sender = await OpenAsync(transport);

        SendReceipt receipt = await sender.SendAsync(Message("x\r\n", "a@example.test"), default);

        Assert.Equal((status, reply), (receipt.Status, receipt.Reply));
    }

    [Theory]
    [InlineData("S: (close)")]
    [InlineData("S: (stall)")]
    [InlineData("S! 250 half a li")]
    [InlineData("S: rubbish")]
    public async Task No_answer_to_the_final_dot_is_uncertain(string ending)
    {
        var transport = new ScriptedTransport(Transaction() + ending);
        await using IMailSender sender = await OpenAsync(transport);
        int commits = 0;

        SendReceipt receipt = await sender.SendAsync(
            Message("x\r\n", "a@example.test") with
            {
                BeforeCommit = (_, _) =>
                {
                    commits++;
                    return ValueTask.CompletedTask;
                },
            },
            default);

        Assert.Equal(1, commits);
        Assert.Equal(SendStatus.Uncertain, receipt.Status);
        Assert.Equal(SendStatus.Uncertain, Assert.Single(receipt.Recipients).Status);
        Assert.NotEmpty(receipt.Reply);
    }

    [Fact]
    public async Task A_cancellation_after_the_final_dot_is_uncertain()
    {
        using var source = new CancellationTokenSource();
        var transport = new ScriptedTransport(Transaction() + "S: (stall)");
        transport.Clock.CreateTimer(_ => source.Cancel(), null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        await using IMailSender sender = await OpenAsync(transport);

        SendReceipt receipt = await sender.SendAsync(Message("x\r\n", "a@example.test"), source.Token);

        Assert.Equal(SendStatus.Uncertain, receipt.Status);
    }

    [Fact]
    public async Task The_final_dot_waits_for_the_journal()
    {
        var transport = new ScriptedTransport(Transaction() + "S: 250 ok");
        await using IMailSender sender = await OpenAsync(transport);
        int dataBeforeCommit = -1;

        await sender.SendAsync(
            Message("x\r\n", "a@example.test") with
            {
                BeforeCommit = async (_, _) =>
                {
                    await Task.Yield();
                    dataBeforeCommit = transport.Data.Count;
                },
            },
            default);

        Assert.Equal(0, dataBeforeCommit);
        Assert.Single(transport.Data);
    }

    [Fact]
    public async Task A_journal_that_fails_keeps_the_message_from_being_sent()
    {
        var transport = new ScriptedTransport(Transaction() + """
            S: (close)
            --

            """ + Transaction() + "S: 250 ok");
        await using IMailSender sender = await OpenAsync(transport);
        OutgoingMessage message = Message("x\r\n", "a@example.test");

        await Assert.ThrowsAsync<IOException>(
            async () => await sender.SendAsync(message with { BeforeCommit = (_, _) => throw new IOException("disk full") }, default));
        Assert.Empty(transport.Data);
        SendReceipt receipt = await sender.SendAsync(message, default);

        Assert.Equal(SendStatus.Accepted, receipt.Status);
        Assert.Single(transport.Data);
    }

    [Fact]
    public async Task A_connection_lost_before_the_final_dot_is_transient()
    {
        Script whole = Script.Parse(Transaction() + "S: 250 ok");
        int data = whole.Connections[0].ToList().FindIndex(i => i.Kind == ScriptKind.Data);
        for (int cut = 0; cut < data; cut++)
        {
            var transport = new ScriptedTransport(whole.CutAfter(cut));

            MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(async () =>
            {
                await using IMailSender sender = await OpenAsync(transport);
                await sender.SendAsync(Message("x\r\n", "a@example.test"), default);
            });

            Assert.True(e.IsTransient);
            Assert.Equal("MailConnectionLost", e.ErrorId);
        }
    }

    [Theory]
    [InlineData("S: (close)")]
    [InlineData("S: 421 4.4.2 idle too long\nS: (close)")]
    public async Task A_kept_connection_that_was_closed_meanwhile_is_replaced_without_a_word(string ending)
    {
        var transport = new ScriptedTransport(Transaction() + $"""
            S: 250 ok
            C: MAIL FROM:<box@example.test> SIZE=3
            C: RCPT TO:<a@example.test>
            {ending}
            --

            """ + Transaction() + "S: 250 2.0.0 second");
        await using IMailSender sender = await OpenAsync(transport);

        await sender.SendAsync(Message("x\r\n", "a@example.test"), default);
        SendReceipt second = await sender.SendAsync(Message("x\r\n", "a@example.test"), default);

        Assert.Equal("250 2.0.0 second", second.Reply);
        Assert.Equal(2, transport.Data.Count);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_fresh_connection_that_says_421_is_not_replaced()
    {
        var transport = new ScriptedTransport(Greeted + """
            C: MAIL FROM:<box@example.test> SIZE=3
            C: RCPT TO:<a@example.test>
            S: 421 4.7.0 slow down, wait 2 minutes
            """);
        await using IMailSender sender = await OpenAsync(transport);

        MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(
            async () => await sender.SendAsync(Message("x\r\n", "a@example.test"), default));

        Assert.Equal("MailServerRefusedConnection", e.ErrorId);
        Assert.True(e.IsTransient);
        Assert.Equal(TimeSpan.FromMinutes(2), e.RetryAfter);
    }

    [Fact]
    public async Task A_server_that_wants_a_login_says_so_about_the_profile_and_not_about_the_message()
    {
        var transport = new ScriptedTransport(Greeted + """
            C: MAIL FROM:<box@example.test> SIZE=3
            C: RCPT TO:<a@example.test>
            S: 530 5.7.0 Authentication required
            S: 530 5.7.0 Authentication required
            """);
        await using IMailSender sender = await OpenAsync(transport);

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(
            async () => await sender.SendAsync(Message("x\r\n", "a@example.test"), default));

        Assert.Equal("MailAuthenticationRequired", e.ErrorId);
    }

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

        await sender.SendAsync(
            Message("x\r\n", "a+b@example.test") with { EnvelopeId = "r+4711=", Notify = DeliveryNotifications.Failure | DeliveryNotifications.Delay }, default);

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
        SendReceipt receipt = await other.SendAsync(Message("Subject: x\r\n\r\ngrü\r\n", "a@example.test"), default);
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

    [Fact]
    public async Task Two_hundred_and_fifty_recipients_go_in_batches()
    {
        var script = new StringBuilder(Greeted).AppendLine("C: MAIL FROM:<box@example.test> SIZE=3");
        for (int batch = 0; batch < 250; batch += 100)
        {
            int size = Math.Min(100, 250 - batch);
            for (int i = 0; i < size; i++)
                script.Append("C: RCPT TO:<u").Append(batch + i).AppendLine("@example.test>");
            if (batch == 0)
                script.AppendLine("S: 250 ok");
            for (int i = 0; i < size; i++)
                script.AppendLine("S: 250 ok");
        }

        script.AppendLine("C: DATA            S: 354 go ahead").AppendLine("C: (data)          S: 250 ok");
        var transport = new ScriptedTransport(script.ToString());
        await using IMailSender sender = await OpenAsync(transport);

        SendReceipt receipt = await sender.SendAsync(Message("x\r\n", [.. Enumerable.Range(0, 250).Select(i => $"u{i}@example.test")]), default);

        Assert.Equal(250, receipt.Recipients.Count(r => r.Status == SendStatus.Accepted));
        transport.AssertPlayedToTheEnd();
    }

    [Theory]
    [InlineData(65_530)]
    [InlineData(65_533)]
    [InlineData(65_536)]
    [InlineData(65_539)]
    [InlineData(131_072)]
    [InlineData(300_001)]
    public async Task Large_content_arrives_whole_wherever_it_is_cut(int size)
    {
        foreach (bool canonical in new[] { true, false })
        {
            string line = (canonical ? string.Empty : ".") + new string('x', 500) + "\r\n";
            string content = string.Concat(Enumerable.Repeat(line, (size / line.Length) + 1))[..(size - 2)].TrimEnd('\r') + (canonical ? "\r\n" : string.Empty);
            var transport = new ScriptedTransport(Bare + """
                C: MAIL FROM:<box@example.test>    S: 250 ok
                C: RCPT TO:<a@example.test>        S: 250 ok
                C: DATA            S: 354 go ahead
                C: (data)          S: 250 ok
                """);
            await using IMailSender sender = await OpenAsync(transport);

            await sender.SendAsync(Message(content, "a@example.test"), default);

            string expected = canonical ? content : ("\r\n" + content).Replace("\r\n.", "\r\n..", StringComparison.Ordinal)[2..] + "\r\n";
            Assert.Equal(expected + ".\r\n", Encoding.ASCII.GetString(Assert.Single(transport.Data)));
        }
    }

    [Fact]
    public async Task A_stall_before_the_final_dot_ends_in_a_time_out()
    {
        Script whole = Script.Parse(Transaction() + "S: 250 ok");
        for (int cut = 0; cut < whole.Connections[0].Count - 1; cut++)
        {
            if (whole.Connections[0][cut].Kind != ScriptKind.Server)
                continue;
            var transport = new ScriptedTransport(whole.CutAfter(cut, new ScriptItem(ScriptKind.Stall, "(stall)", [])));

            MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(async () =>
            {
                await using IMailSender sender = await OpenAsync(transport);
                await sender.SendAsync(Message("x\r\n", "a@example.test"), default);
            });

            Assert.Equal("MailTimeout", e.ErrorId);
            Assert.True(e.IsTransient);
        }
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

    [Fact]
    public async Task A_cancellation_before_the_final_dot_is_a_cancellation_and_nothing_is_sent()
    {
        using var source = new CancellationTokenSource();
        var transport = new ScriptedTransport(Transaction() + "S: (close)");
        await using IMailSender sender = await OpenAsync(transport);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await sender.SendAsync(
            Message("x\r\n", "a@example.test") with { BeforeCommit = async (_, _) => await source.CancelAsync() }, source.Token));

        Assert.Empty(transport.Data);
    }

    [Fact]
    public async Task A_connection_that_may_carry_one_message_is_replaced_after_it()
    {
        string limited = Transaction().Replace("250 DSN", "250 LIMITS MAILMAX=1 RCPTMAX=5", StringComparison.Ordinal);
        var transport = new ScriptedTransport(limited + """
            S: 250 ok
            C: QUIT            S: 221 bye
            --

            """ + limited + "S: 250 ok");
        await using IMailSender sender = await OpenAsync(transport);

        await sender.SendAsync(Message("x\r\n", "a@example.test"), default);
        await sender.SendAsync(Message("x\r\n", "a@example.test"), default);

        transport.AssertPlayedToTheEnd();
    }

    internal static string Transaction() => Greeted + """
        C: MAIL FROM:<box@example.test> SIZE=3
        C: RCPT TO:<a@example.test>
        S: 250 ok
        S: 250 ok
        C: DATA            S: 354 go ahead
        C: (data)

        """;

    internal static OutgoingMessage Message(string content, params string[] recipients) => new()
    {
        EnvelopeFrom = "box@example.test",
        Recipients = recipients,
        MessageId = "<1@example.test>",
        Content = MessageBuffer.Wrap(Encoding.UTF8.GetBytes(content)),
    };

    internal static async Task<IMailSender> OpenAsync(ScriptedTransport transport, MailEndpoint? endpoint = null, MailCredential? credential = null) =>
        await new SmtpSystem().OpenSenderAsync(
            (endpoint ?? new MailEndpoint { Host = "mx.example.test", Tls = TlsMode.None }) with
            {
                Options = new Dictionary<string, string> { ["EhloName"] = "router.example.test" },
            },
            new MailLogin("box@example.test", credential ?? MailCredential.Anonymous),
            transport.Context,
            default);
}

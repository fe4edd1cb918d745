using System.Text;
using EmailRouter.Mail.Smtp;
using EmailRouter.Mail.Tests.Scripting;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Tests.Smtp;

public sealed class SmtpSenderTests
{
    internal const string Greeted = """
        S: 220 mx.example.test ESMTP
        C: EHLO router.example.test
        S: 250-mx.example.test\r\n250-PIPELINING\r\n250-SIZE 2000000\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 DSN

        """;

    internal const string Bare = """
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
    [InlineData(100, "552 5.3.4 enough", SendStatus.Rejected)]
    [InlineData(100_000, "552 5.3.4 enough", SendStatus.Rejected)]
    [InlineData(100_000, "421 4.3.2 shutting down", SendStatus.Deferred)]
    public async Task The_last_words_of_a_server_that_closes_in_the_middle_decide(int size, string words, SendStatus status)
    {
        string content = string.Concat(Enumerable.Repeat("xxxxxxxx\r\n", size / 10));
        var transport = new ScriptedTransport(Bare + $"""
            C: MAIL FROM:<box@example.test>    S: 250 ok
            C: RCPT TO:<a@example.test>        S: 250 ok
            C: DATA            S: 354 go ahead
            C: (refused)       S: {words}
            S: (close)
            """);
        await using IMailSender sender = await OpenAsync(transport);

        SendReceipt receipt = await sender.SendAsync(Message(content, "a@example.test"), default);

        Assert.Equal((status, words), (receipt.Status, receipt.Reply));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(100_000)]
    public async Task A_server_that_closes_in_the_middle_without_a_word_leaves_doubt_only_about_the_last_piece(int size)
    {
        string content = string.Concat(Enumerable.Repeat("xxxxxxxx\r\n", size / 10));
        var transport = new ScriptedTransport(Bare + """
            C: MAIL FROM:<box@example.test>    S: 250 ok
            C: RCPT TO:<a@example.test>        S: 250 ok
            C: DATA            S: 354 go ahead
            C: (refused)       S: (close)
            """);
        await using IMailSender sender = await OpenAsync(transport);

        if (size > 65_536)
        {
            MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(
                async () => await sender.SendAsync(Message(content, "a@example.test"), default));
            Assert.True(e.IsTransient);
        }
        else
        {
            Assert.Equal(SendStatus.Uncertain, (await sender.SendAsync(Message(content, "a@example.test"), default)).Status);
        }
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

using System.Text;
using EmailRouter.Mail.Tests.Scripting;

namespace EmailRouter.Mail.Tests.Smtp;

/// <summary>The envelope of the next message goes with the final dot of the one before it (RFC 2920 3.1).</summary>
public sealed class SmtpPipelineTests
{
    /// <summary>The first message with its final dot, and the envelope of the second right behind it.</summary>
    private static readonly string Begun = SmtpSenderTests.Transaction() + """
        C: MAIL FROM:<box@example.test> SIZE=4
        C: RCPT TO:<b@example.test>

        """;

    public static TheoryData<Playing> Playings => ScriptedTransport.Playings;

    [Theory]
    [MemberData(nameof(Playings))]
    public async Task The_next_messages_envelope_leaves_before_the_answer_to_this_one(Playing playing)
    {
        var transport = new ScriptedTransport(Begun + """
            S: 250 2.0.0 one
            S: 250 ok
            S: 250 ok
            C: DATA            S: 354 go ahead
            C: (data)
            S: 250 2.0.0 two
            C: QUIT            S: 221 bye
            """, playing);
        OutgoingMessage first = SmtpSenderTests.Message("x\r\n", "a@example.test");
        OutgoingMessage second = SmtpSenderTests.Message("yy\r\n", "b@example.test");

        SendReceipt one;
        SendReceipt two;
        await using (IPipelinedSender sender = await OpenAsync(transport))
        {
            one = await sender.SendAsync(first, () => second, default);
            two = await sender.SendAsync(second, default);
        }

        Assert.Equal((SendStatus.Accepted, "250 2.0.0 one"), (one.Status, one.Reply));
        Assert.Equal((SendStatus.Accepted, "250 2.0.0 two"), (two.Status, two.Reply));
        Assert.Equal("b@example.test", Assert.Single(two.Recipients).Address);
        Assert.Equal(["x\r\n.\r\n", "yy\r\n.\r\n"], transport.Data.Select(Encoding.ASCII.GetString));
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_message_behind_another_waits_for_two_answers_instead_of_three()
    {
        string script = Begun;
        for (int i = 0; i < 8; i++)
        {
            script += """
                S: 250 done
                S: 250 ok
                S: 250 ok
                C: DATA            S: 354 go ahead
                C: (data)
                C: MAIL FROM:<box@example.test> SIZE=4
                C: RCPT TO:<b@example.test>

                """;
        }

        var transport = new ScriptedTransport(script + """
            S: 250 done
            S: 250 ok
            S: 250 ok
            C: DATA            S: 354 go ahead
            C: (data)          S: 250 done
            """);
        OutgoingMessage[] messages =
            [SmtpSenderTests.Message("x\r\n", "a@example.test"), .. Enumerable.Range(0, 9).Select(_ => SmtpSenderTests.Message("yy\r\n", "b@example.test"))];
        await using IPipelinedSender sender = await OpenAsync(transport);
        int before = transport.Streams[0].Answers;

        for (int i = 0; i < messages.Length; i++)
        {
            int next = i + 1;
            Assert.Equal(SendStatus.Accepted, (await sender.SendAsync(messages[i], () => messages.ElementAtOrDefault(next), default)).Status);
        }

        // Three for the first, which had to say its envelope by itself; 30 without pipelining across messages.
        Assert.Equal(3 + (9 * 2), transport.Streams[0].Answers - before);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task The_journal_hears_of_each_message_before_its_own_last_byte_and_of_no_other()
    {
        var transport = new ScriptedTransport(Begun + """
            S: 250 one
            S: 250 ok
            S: 250 ok
            C: DATA            S: 354 go ahead
            C: (data)          S: 250 two
            """);
        var journal = new List<string>();
        OutgoingMessage second = Journalled("yy\r\n", "b@example.test", "second");
        await using IPipelinedSender sender = await OpenAsync(transport);

        await sender.SendAsync(
            Journalled("x\r\n", "a@example.test", "first"),
            () =>
            {
                journal.Add($"asked with {transport.Data.Count} sent");
                return second;
            },
            default);
        journal.Add($"answered with {transport.Data.Count} sent");
        await sender.SendAsync(second, default);

        Assert.Equal(["first with 0 sent to a@example.test", "asked with 0 sent", "answered with 1 sent", "second with 1 sent to b@example.test"], journal);

        OutgoingMessage Journalled(string content, string recipient, string name) => SmtpSenderTests.Message(content, recipient) with
        {
            BeforeCommit = (taken, _) =>
            {
                journal.Add($"{name} with {transport.Data.Count} sent to {string.Join(' ', taken)}");
                return ValueTask.CompletedTask;
            },
        };
    }

    [Theory]
    [InlineData("550 5.7.1 not you", SendStatus.Rejected)]
    [InlineData("451 4.3.0 later", SendStatus.Deferred)]
    public async Task A_refused_mail_of_the_next_is_the_nexts_alone(string reply, SendStatus status)
    {
        var transport = new ScriptedTransport(Begun + $"""
            S: 250 one
            S: {reply}
            S: 503 5.5.1 need MAIL first
            C: MAIL FROM:<box@example.test> SIZE=3
            C: RCPT TO:<c@example.test>
            S: 250 ok
            S: 250 ok
            C: DATA            S: 354 go ahead
            C: (data)          S: 250 three
            """);
        OutgoingMessage second = SmtpSenderTests.Message("yy\r\n", "b@example.test");
        await using IPipelinedSender sender = await OpenAsync(transport);

        SendReceipt one = await sender.SendAsync(SmtpSenderTests.Message("x\r\n", "a@example.test"), () => second, default);
        SendReceipt two = await sender.SendAsync(second, default);
        SendReceipt three = await sender.SendAsync(SmtpSenderTests.Message("x\r\n", "c@example.test"), default);

        Assert.Equal((SendStatus.Accepted, "250 one"), (one.Status, one.Reply));
        Assert.Equal((status, reply), (two.Status, two.Reply));
        Assert.Equal((SendStatus.Accepted, "250 three"), (three.Status, three.Reply));
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_refused_recipient_of_the_next_leaves_the_transaction_to_be_reset()
    {
        var transport = new ScriptedTransport(Begun + """
            S: 554 5.7.1 spam
            S: 250 ok
            S: 550 5.1.1 unknown
            C: RSET
            C: MAIL FROM:<box@example.test> SIZE=3
            C: RCPT TO:<c@example.test>
            S: 250 reset
            S: 250 ok
            S: 250 ok
            C: DATA            S: 354 go ahead
            C: (data)          S: 250 three
            """);
        OutgoingMessage second = SmtpSenderTests.Message("yy\r\n", "b@example.test");
        await using IPipelinedSender sender = await OpenAsync(transport);

        SendReceipt one = await sender.SendAsync(SmtpSenderTests.Message("x\r\n", "a@example.test"), () => second, default);
        SendReceipt two = await sender.SendAsync(second, default);
        SendReceipt three = await sender.SendAsync(SmtpSenderTests.Message("x\r\n", "c@example.test"), default);

        Assert.Equal((SendStatus.Rejected, "554 5.7.1 spam"), (one.Status, one.Reply));
        Assert.Equal((SendStatus.Rejected, "550 5.1.1 unknown"), (two.Status, two.Reply));
        Assert.Equal(SendStatus.Accepted, three.Status);
        transport.AssertPlayedToTheEnd();
    }

    [Theory]
    [InlineData("S: (close)")]
    [InlineData("S: (stall)")]
    public async Task A_connection_lost_in_between_leaves_this_one_uncertain_and_the_next_plainly_unsent(string ending)
    {
        var transport = new ScriptedTransport(Begun + ending + "\n--\n" + SmtpSenderTests.Greeted + """
            C: MAIL FROM:<box@example.test> SIZE=4
            C: RCPT TO:<b@example.test>
            S: 250 ok
            S: 250 ok
            C: DATA            S: 354 go ahead
            C: (data)          S: 250 two
            """);
        int commits = 0;
        OutgoingMessage second = SmtpSenderTests.Message("yy\r\n", "b@example.test") with
        {
            BeforeCommit = (_, _) =>
            {
                commits++;
                return ValueTask.CompletedTask;
            },
        };
        await using IPipelinedSender sender = await OpenAsync(transport);

        SendReceipt one = await sender.SendAsync(SmtpSenderTests.Message("x\r\n", "a@example.test"), () => second, default);
        Assert.Equal((SendStatus.Uncertain, 0), (one.Status, commits));
        SendReceipt two = await sender.SendAsync(second, default);

        Assert.Equal((SendStatus.Accepted, "250 two", 1), (two.Status, two.Reply, commits));
        transport.Streams[1].AssertPlayedToTheEnd();
    }

    [Theory]
    [InlineData("S: (close)")]
    [InlineData("S: 421 4.3.2 shutting down")]
    [InlineData("S: 250 ok\r\nS: (close)")]
    public async Task A_connection_lost_behind_the_answer_costs_the_next_one_a_new_connection_and_nothing_else(string ending)
    {
        var transport = new ScriptedTransport(Begun + "S: 250 one\n" + ending + "\n--\n" + SmtpSenderTests.Greeted + """
            C: MAIL FROM:<box@example.test> SIZE=4
            C: RCPT TO:<b@example.test>
            S: 250 ok
            S: 250 ok
            C: DATA            S: 354 go ahead
            C: (data)          S: 250 two
            """);
        OutgoingMessage second = SmtpSenderTests.Message("yy\r\n", "b@example.test");
        await using IPipelinedSender sender = await OpenAsync(transport);

        SendReceipt one = await sender.SendAsync(SmtpSenderTests.Message("x\r\n", "a@example.test"), () => second, default);
        Assert.Equal((SendStatus.Accepted, "250 one"), (one.Status, one.Reply));
        if (ending.Contains("250 ok", StringComparison.Ordinal))
        {
            // Its transaction had begun: that is the caller's to decide about, as ever.
            Assert.True((await Assert.ThrowsAsync<MailConnectionException>(async () => await sender.SendAsync(second, default))).IsTransient);
            second = second with { };
        }

        SendReceipt two = await sender.SendAsync(second, default);

        Assert.Equal((SendStatus.Accepted, "250 two"), (two.Status, two.Reply));
        Assert.Equal(["x\r\n.\r\n", "yy\r\n.\r\n"], transport.Data.Select(Encoding.ASCII.GetString));
    }

    [Fact]
    public async Task When_the_next_never_comes_the_replies_are_read_before_the_goodbye()
    {
        var transport = new ScriptedTransport(Begun + """
            S: 250 one
            S: 250 ok
            S: 250 ok
            C: QUIT            S: 221 bye
            """);

        await using (IPipelinedSender sender = await OpenAsync(transport))
            await sender.SendAsync(SmtpSenderTests.Message("x\r\n", "a@example.test"), () => SmtpSenderTests.Message("yy\r\n", "b@example.test"), default);

        Assert.Single(transport.Data);
        transport.AssertPlayedToTheEnd();
    }

    [Theory]
    [InlineData("250 ok")]
    [InlineData("550 no")]
    public async Task When_another_comes_instead_the_transaction_is_reset(string reply)
    {
        var transport = new ScriptedTransport(Begun + $"""
            S: 250 one
            S: {reply}
            S: {reply}
            C: RSET
            C: MAIL FROM:<box@example.test> SIZE=3
            C: RCPT TO:<c@example.test>
            S: 250 reset
            S: 250 ok
            S: 250 ok
            C: DATA            S: 354 go ahead
            C: (data)          S: 250 other
            """);
        OutgoingMessage second = SmtpSenderTests.Message("yy\r\n", "b@example.test");
        await using IPipelinedSender sender = await OpenAsync(transport);

        await sender.SendAsync(SmtpSenderTests.Message("x\r\n", "a@example.test"), () => second, default);
        SendReceipt other = await sender.SendAsync(SmtpSenderTests.Message("x\r\n", "c@example.test"), default);

        Assert.Equal((SendStatus.Accepted, "250 other"), (other.Status, other.Reply));
        Assert.Equal("c@example.test", Assert.Single(other.Recipients).Address);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_server_that_has_not_done_with_the_message_before_is_asked_once_more_in_order_and_nothing_goes_ahead_again()
    {
        var transport = new ScriptedTransport(Begun + """
            S: 451 4.3.0 not now
            S: 503 5.5.1 nested MAIL command
            S: 250 ok
            C: RSET
            C: MAIL FROM:<box@example.test> SIZE=4
            C: RCPT TO:<b@example.test>
            S: 250 reset
            S: 250 ok
            S: 250 ok
            C: DATA            S: 354 go ahead
            C: (data)          S: 250 two
            """);
        OutgoingMessage second = SmtpSenderTests.Message("yy\r\n", "b@example.test");
        await using IPipelinedSender sender = await OpenAsync(transport);

        SendReceipt one = await sender.SendAsync(SmtpSenderTests.Message("x\r\n", "a@example.test"), () => second, default);
        SendReceipt two = await sender.SendAsync(second, NeverAsked, default);

        Assert.Equal(SendStatus.Deferred, one.Status);
        Assert.Equal((SendStatus.Accepted, "250 two"), (two.Status, two.Reply));
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Without_pipelining_nobody_is_asked_for_the_next()
    {
        var transport = new ScriptedTransport(SmtpSenderTests.Bare + """
            C: MAIL FROM:<box@example.test>    S: 250 ok
            C: RCPT TO:<a@example.test>        S: 250 ok
            C: DATA            S: 354 go ahead
            C: (data)          S: 250 ok
            """);
        await using IPipelinedSender sender = await OpenAsync(transport);

        Assert.Equal(SendStatus.Accepted, (await sender.SendAsync(SmtpSenderTests.Message("x\r\n", "a@example.test"), NeverAsked, default)).Status);
    }

    [Fact]
    public async Task On_a_connection_that_may_carry_no_more_messages_nothing_goes_ahead()
    {
        var transport = new ScriptedTransport(SmtpSenderTests.Transaction().Replace("250 DSN", "250 LIMITS MAILMAX=1", StringComparison.Ordinal) + "S: 250 ok");
        await using IPipelinedSender sender = await OpenAsync(transport);

        Assert.Equal(SendStatus.Accepted, (await sender.SendAsync(SmtpSenderTests.Message("x\r\n", "a@example.test"), NeverAsked, default)).Status);
    }

    [Theory]
    [InlineData("yy\r\n", "no address")]
    [InlineData("Subject: x\r\n\r\n\0\r\n", "b@example.test")]
    public async Task What_is_not_plain_begins_in_its_own_time_and_harms_nobody(string content, string recipient)
    {
        var transport = new ScriptedTransport(SmtpSenderTests.Transaction() + "S: 250 one");
        OutgoingMessage second = SmtpSenderTests.Message(content, recipient);
        await using IPipelinedSender sender = await OpenAsync(transport);

        SendReceipt one = await sender.SendAsync(SmtpSenderTests.Message("x\r\n", "a@example.test"), () => second, default);

        Assert.Equal((SendStatus.Accepted, "250 one"), (one.Status, one.Reply));
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Many_recipients_go_ahead_in_part_and_the_others_in_their_turn()
    {
        string[] recipients = [.. Enumerable.Range(0, 20).Select(i => $"r{i}@example.test")];
        var transport = new ScriptedTransport(SmtpSenderTests.Transaction() + "C: MAIL FROM:<box@example.test> SIZE=4\n"
            + Rcpt(0, 8) + "S: 250 one\nS: 250 ok\n" + Ok(8) + Rcpt(8, 20) + Ok(12) + """
            C: DATA            S: 354 go ahead
            C: (data)          S: 250 two
            """);
        OutgoingMessage second = SmtpSenderTests.Message("yy\r\n", recipients);
        await using IPipelinedSender sender = await OpenAsync(transport);

        await sender.SendAsync(SmtpSenderTests.Message("x\r\n", "a@example.test"), () => second, default);
        SendReceipt two = await sender.SendAsync(second, default);

        Assert.Equal(recipients, two.Recipients.Where(r => r.Status == SendStatus.Accepted).Select(r => r.Address));
        transport.AssertPlayedToTheEnd();

        string Rcpt(int from, int to) => string.Concat(recipients[from..to].Select(r => $"C: RCPT TO:<{r}>\n"));

        static string Ok(int count) => string.Concat(Enumerable.Repeat("S: 250 ok\n", count));
    }

    [Fact]
    public async Task A_callback_that_throws_stops_this_message_before_anything_of_the_next_has_left()
    {
        var transport = new ScriptedTransport(SmtpSenderTests.Greeted + """
            C: MAIL FROM:<box@example.test> SIZE=3
            C: RCPT TO:<a@example.test>
            S: 250 ok
            S: 250 ok
            C: DATA            S: 354 go ahead
            S: (close)
            """);
        await using IPipelinedSender sender = await OpenAsync(transport);
        OutgoingMessage message = SmtpSenderTests.Message("x\r\n", "a@example.test") with { BeforeCommit = (_, _) => throw new IOException("disk full") };

        await Assert.ThrowsAsync<IOException>(async () => await sender.SendAsync(message, NeverAsked, default));

        Assert.Empty(transport.Data);
    }

    private static OutgoingMessage NeverAsked() => throw new InvalidOperationException("Nobody was to ask.");

    private static async Task<IPipelinedSender> OpenAsync(ScriptedTransport transport) => (IPipelinedSender)await SmtpSenderTests.OpenAsync(transport);
}

using System.Text;
using EmailRouter.Mail.Pop3;
using EmailRouter.Mail.Tests.Scripting;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Tests.Pop3;

public sealed class Pop3SessionTests
{
    private const string LoggedIn = """
        S: +OK ready
        C: CAPA            S: +OK\r\nUSER\r\nUIDL\r\nTOP\r\n.
        C: USER sales      S: +OK
        C: PASS secret     S: +OK
        C: CAPA            S: +OK\r\nUSER\r\nUIDL\r\nTOP\r\n.

        """;

    private const string Pipelined = """
        S: +OK ready
        C: CAPA            S: +OK\r\nUSER\r\nUIDL\r\nTOP\r\nPIPELINING\r\n.
        C: USER sales      S: +OK
        C: PASS secret     S: +OK
        C: CAPA            S: +OK\r\nUSER\r\nUIDL\r\nTOP\r\nPIPELINING\r\n.
        C: UIDL
        C: LIST
        S: +OK\r\n1 aa\r\n2 bb\r\n3 cc\r\n.
        S: +OK\r\n1 10\r\n2 20\r\n3 30\r\n.

        """;

    public static TheoryData<Playing> Playings => ScriptedTransport.Playings;

    [Theory]
    [MemberData(nameof(Playings))]
    public async Task Uidl_is_preferred_over_list_positions(Playing playing)
    {
        var transport = new ScriptedTransport(LoggedIn + """
            C: UIDL            S: +OK\r\n1 whqtswO00WBw418f9t5JxYwZ\r\n2 QhdPYR:00WBw1Ph7x7\r\n.
            C: LIST            S: +OK\r\n1 120\r\n2 4711\r\n.
            """, playing);
        await using IMailboxSession session = await OpenAsync(transport);

        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        Assert.Equal(["whqtswO00WBw418f9t5JxYwZ", "QhdPYR:00WBw1Ph7x7"], messages.Select(m => m.Id));
        Assert.Equal([120L, 4711L], messages.Select(m => m.Size));
        transport.AssertPlayedToTheEnd();
    }

    [Theory]
    [MemberData(nameof(Playings))]
    public async Task A_pipelining_server_is_asked_for_all_messages_at_once(Playing playing)
    {
        var transport = new ScriptedTransport(Pipelined + """
            C: RETR 1
            C: RETR 2
            C: RETR 3
            S: +OK\r\nfirst\r\n.
            S: +OK\r\n..second\r\n.
            S: +OK\r\n\r\nthird\r\n.
            C: DELE 1
            C: DELE 3
            S: +OK
            S: +OK
            C: QUIT            S: +OK bye
            """, playing);
        await using IMailboxSession session = await OpenAsync(transport);
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        var texts = new List<string>();
        await foreach (FetchedMessage message in session.FetchAsync(messages, default))
        {
            using (message)
                texts.Add(Encoding.ASCII.GetString(message.Content!.Memory.Span).ReplaceLineEndings("|"));
        }

        await session.SettleAsync(messages[0], Settlement.Delete, default);
        await session.SettleAsync(messages[1], Settlement.Keep, default);
        await session.SettleAsync(messages[2], Settlement.Delete, default);
        await session.CompleteAsync(default);

        Assert.Equal(["first|", ".second|", "|third|"], texts);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Without_pipelining_each_answer_is_awaited()
    {
        var transport = new ScriptedTransport(LoggedIn + """
            C: UIDL            S: +OK\r\n1 aa\r\n2 bb\r\n.
            C: LIST            S: +OK\r\n1 10\r\n2 20\r\n.
            C: RETR 1          S: +OK\r\nfirst\r\n.
            C: RETR 2          S: +OK\r\nsecond\r\n.
            C: DELE 1          S: +OK
            C: DELE 2          S: +OK
            C: QUIT            S: +OK
            """);
        await using IMailboxSession session = await OpenAsync(transport);
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        await foreach (FetchedMessage message in session.FetchAsync(messages, default))
        {
            Assert.Null(message.Error);
            await session.SettleAsync(message.Message, Settlement.Delete, default);
            message.Dispose();
        }

        await session.CompleteAsync(default);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_vanished_message_costs_only_itself()
    {
        var transport = new ScriptedTransport(Pipelined + """
            C: RETR 1
            C: RETR 2
            C: RETR 3
            S: +OK\r\nfirst\r\n.
            S: -ERR no such message
            S: +OK\r\nthird\r\n.
            C: QUIT            S: +OK
            """);
        await using IMailboxSession session = await OpenAsync(transport);
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        List<FetchedMessage> fetched = await session.FetchAsync(messages, default).ToListAsync();
        await session.CompleteAsync(default);

        Assert.NotNull(fetched[0].Content);
        Assert.Null(fetched[1].Content);
        Assert.Equal(MailException.MessageGone, fetched[1].Error!.ErrorId);
        Assert.Contains("bb", fetched[1].Error!.Message, StringComparison.Ordinal);
        Assert.NotNull(fetched[2].Content);
        fetched.ForEach(f => f.Dispose());
    }

    [Fact]
    public async Task A_message_that_states_too_large_a_size_is_not_fetched()
    {
        var transport = new ScriptedTransport(Pipelined + """
            C: RETR 1
            S: +OK\r\nfirst\r\n.
            C: QUIT            S: +OK
            """);
        await using IMailboxSession session = await OpenAsync(transport, new MessageBufferOptions { MaximumSize = 15 });
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        List<FetchedMessage> fetched = await session.FetchAsync(messages, default).ToListAsync();
        await session.CompleteAsync(default);

        Assert.NotNull(fetched[0].Content);
        Assert.Equal(MailException.MessageTooLarge, fetched[1].Error!.ErrorId);
        Assert.Equal(MailException.MessageTooLarge, fetched[2].Error!.ErrorId);
        fetched.ForEach(f => f.Dispose());
    }

    [Fact]
    public async Task A_message_larger_than_stated_is_dropped_and_the_session_goes_on()
    {
        var transport = new ScriptedTransport(Pipelined + """
            C: RETR 1
            C: RETR 2
            S: +OK\r\nthis is longer than the fifteen bytes, though shorter than twice that\r\n.
            S: +OK\r\nsecond\r\n.
            """);
        await using IMailboxSession session = await OpenAsync(transport, new MessageBufferOptions { MaximumSize = 30 });
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        List<FetchedMessage> fetched = await session.FetchAsync(messages.Take(2).ToList(), default).ToListAsync();

        Assert.Equal(MailException.MessageTooLarge, fetched[0].Error!.ErrorId);
        Assert.Equal("second\r\n", Encoding.ASCII.GetString(fetched[1].Content!.Memory.Span));
        fetched.ForEach(f => f.Dispose());
    }

    [Fact]
    public async Task A_full_disk_costs_only_the_message()
    {
        var transport = new ScriptedTransport(Pipelined + """
            C: RETR 1
            C: RETR 2
            S: +OK\r\nthis does not fit into the array before the spool file is needed LONG\r\n.
            S: +OK\r\nsecond\r\n.
            """.Replace("LONG", new string('x', 300), StringComparison.Ordinal));
        string nowhere = Path.Combine(Path.GetTempPath(), "no-such-folder-" + Guid.NewGuid().ToString("N"));
        await using IMailboxSession session = await OpenAsync(transport, new MessageBufferOptions { SpoolThreshold = 1, SpoolDirectory = nowhere });
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        List<FetchedMessage> fetched = await session.FetchAsync(messages.Take(2).ToList(), default).ToListAsync();

        Assert.Equal("MailSpoolFailed", fetched[0].Error!.ErrorId);
        Assert.True(fetched[0].Error!.IsTransient);
        Assert.Equal("second\r\n", Encoding.ASCII.GetString(fetched[1].Content!.Memory.Span));
        fetched.ForEach(f => f.Dispose());
    }

    [Fact]
    public async Task Breaking_off_the_fetching_leaves_a_usable_session()
    {
        var transport = new ScriptedTransport(Pipelined + """
            C: RETR 1
            C: RETR 2
            C: RETR 3
            S: +OK\r\nfirst\r\n.
            S: +OK\r\nsecond\r\n.
            S: -ERR gone
            C: TOP 2 0         S: +OK\r\nSubject: x\r\n\r\n.
            C: QUIT            S: +OK
            """);
        await using IMailboxSession session = await OpenAsync(transport);
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        await foreach (FetchedMessage message in session.FetchAsync(messages, default))
        {
            message.Dispose();
            break;
        }

        using FetchedMessage header = await session.FetchHeaderAsync(messages[1], default);
        await session.CompleteAsync(default);

        Assert.Equal("Subject: x\r\n\r\n", Encoding.ASCII.GetString(header.Content!.Memory.Span));
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_negative_answer_to_quit_is_reported()
    {
        var transport = new ScriptedTransport(Pipelined + """
            C: DELE 1          S: +OK
            C: QUIT            S: -ERR some deleted messages not removed
            """);
        await using IMailboxSession session = await OpenAsync(transport);
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
        await session.SettleAsync(messages[0], Settlement.Delete, default);

        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(async () => await session.CompleteAsync(default));

        Assert.Equal("MailDeletionsNotCommitted", e.ErrorId);
        Assert.Equal(MailStep.Complete, e.Step);
        Assert.True(e.IsTransient);
        Assert.Contains("some deleted messages not removed", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Silence_after_quit_matters_only_when_something_was_to_be_deleted(bool delete)
    {
        var transport = new ScriptedTransport(Pipelined + (delete ? "C: DELE 1          S: +OK\n" : string.Empty) + """
            C: QUIT            S: (close)
            """);
        await using IMailboxSession session = await OpenAsync(transport);
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
        if (!delete)
        {
            await session.CompleteAsync(default);
            return;
        }

        await session.SettleAsync(messages[0], Settlement.Delete, default);
        MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(async () => await session.CompleteAsync(default));

        Assert.Equal("MailConnectionLost", e.ErrorId);
        Assert.Equal(MailStep.Complete, e.Step);
    }

    [Fact]
    public async Task A_refused_deletion_is_reported_after_the_others_were_committed()
    {
        var transport = new ScriptedTransport(Pipelined + """
            C: DELE 1
            C: DELE 2
            S: -ERR [SYS/TEMP] not now
            S: +OK
            C: QUIT            S: +OK
            """);
        await using IMailboxSession session = await OpenAsync(transport);
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
        await session.SettleAsync(messages[1], Settlement.Delete, default);
        await session.SettleAsync(messages[0], Settlement.Delete, default);

        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(async () => await session.CompleteAsync(default));

        Assert.Equal("MailServerTemporarilyUnavailable", e.ErrorId);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Pop3_cannot_move_or_mark()
    {
        var transport = new ScriptedTransport(LoggedIn);
        await using IMailboxSession session = await OpenAsync(transport);

        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(
            async () => await session.SettleAsync(new MessageRef("x") { SessionNumber = 1 }, Settlement.MoveTo("done"), default));

        Assert.Equal("MailSettlementNotSupported", e.ErrorId);
        Assert.Equal(SettlementKinds.Keep | SettlementKinds.Delete, session.Settlements);
        Assert.False(await session.WaitForMailAsync(TimeSpan.FromHours(1), default));
    }

    [Fact]
    public async Task A_lost_connection_in_the_middle_of_a_message_is_transient()
    {
        var transport = new ScriptedTransport(Pipelined + """
            C: RETR 1
            C: RETR 2
            C: RETR 3
            S: +OK\r\nfirst\r\n.
            S! +OK\r\nsec
            S: (close)
            """);
        await using IMailboxSession session = await OpenAsync(transport);
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(async () => await session.FetchAsync(messages, default).ToListAsync());

        Assert.True(e.IsTransient);
        Assert.Equal(MailStep.Fetch, e.Step);
        Assert.Contains("sales@example.test at mail.example.test:110", e.Message, StringComparison.Ordinal);
        Assert.Contains("message bb", e.Message, StringComparison.Ordinal);
    }

    internal static async Task<IMailboxSession> OpenAsync(ScriptedTransport transport, MessageBufferOptions? buffers = null, MailEndpoint? endpoint = null) =>
        await new Pop3System().OpenMailboxAsync(
            endpoint ?? new MailEndpoint { Host = "mail.example.test", Tls = TlsMode.None, AllowPlainTextPassword = true },
            new MailLogin("sales@example.test", MailCredential.Password("sales", "secret")),
            transport.Context with { Buffers = buffers ?? MessageBufferOptions.Default },
            default);
}

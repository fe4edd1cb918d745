using System.Text;
using EmailRouter.Mail.Imap;
using EmailRouter.Mail.Tests.Scripting;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Tests.Imap;

public sealed class ImapSessionTests
{
    private const string Described = """
        C: A3 UID SEARCH UID 1:* UNDELETED    S: * SEARCH 1 2 3\r\nA3 OK
        C: A4 UID FETCH 1:3 (UID INTERNALDATE RFC822.SIZE)
        S: * 1 FETCH (UID 1 RFC822.SIZE 10)\r\n* 2 FETCH (UID 2 RFC822.SIZE 20)\r\n* 3 FETCH (UID 3 RFC822.SIZE 30)\r\nA4 OK

        """;

    public static TheoryData<Playing> Playings => [new Playing(), new Playing(OneByteAtATime: true)];

    [Theory]
    [MemberData(nameof(Playings))]
    public async Task Messages_have_lasting_ids_sizes_dates_and_cursors(Playing playing)
    {
        var transport = new ScriptedTransport(Open("IMAP4rev1 CONDSTORE", "3 EXISTS", "[UIDNEXT 4] [HIGHESTMODSEQ 77]") + """
            C: A3 UID SEARCH UID 1:* UNDELETED    S: * SEARCH 1 3\r\nA3 OK
            C: A4 UID FETCH 1,3 (UID INTERNALDATE RFC822.SIZE)
            S: * 2 FETCH (RFC822.SIZE 5000000000 UID 3 INTERNALDATE "01-Feb-2026 23:59:59 -0230")\r\n* 1 FETCH (UID 1 RFC822.SIZE 10)\r\nA4 OK
            """, playing);
        await using IMailboxSession session = await OpenAsync(transport);

        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        Assert.Equal(["7.1", "7.3"], messages.Select(m => m.Id));
        Assert.Equal([10L, 5_000_000_000L], messages.Select(m => m.Size));
        Assert.Equal([null, new DateTimeOffset(2026, 2, 1, 23, 59, 59, new TimeSpan(-2, -30, 0))], messages.Select(m => m.ReceivedOn));
        Assert.Equal(["7:1:77", "7:3:77"], messages.Select(m => m.Cursor!.Value.Value));
        transport.AssertPlayedToTheEnd();
    }

    [Theory]
    [InlineData("7:3", "[UIDNEXT 4]", null)]
    [InlineData("7:3:77", "[HIGHESTMODSEQ 77]", "UID 4:*")]     // messages behind the position may have been listed under this sequence
    [InlineData("7:3:77", "[HIGHESTMODSEQ 78]", "UID 4:*")]
    [InlineData("7:3", "[UIDNEXT 6]", "UID 4:*")]
    [InlineData("7:3", "[UIDNEXT 0]", "UID 4:*")]
    [InlineData("6:3", "[UIDNEXT 4]", "UID 1:*")]
    [InlineData("nonsense", "[UIDNEXT 4]", "UID 1:*")]
    [InlineData("7:4294967295", "[UIDNEXT 4]", null)]
    public async Task A_cursor_holds_while_the_uidvalidity_does(string cursor, string selected, string? search)
    {
        // Behind the position the star finds the last message again; from the start nothing is left, and the server is asked once more without a star.
        string searching = search switch
        {
            null => string.Empty,
            "UID 4:*" => "C: A3 UID SEARCH UID 4:* UNDELETED    S: * SEARCH 3\\r\\nA3 OK\n",
            _ => $"C: A3 UID SEARCH {search} UNDELETED    S: * SEARCH\\r\\nA3 OK\nC: A4 UID SEARCH UID 1:4294967295 UNDELETED    S: * SEARCH\\r\\nA4 OK\n",
        };
        var transport = new ScriptedTransport(Open("IMAP4rev1 CONDSTORE", "3 EXISTS", selected) + searching);
        await using IMailboxSession session = await OpenAsync(transport);

        Assert.Empty(await session.ListAsync(new MailboxCursor(cursor), default).ToListAsync());

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_range_to_the_end_that_matches_the_last_message_again_finds_nothing_new()
    {
        var transport = new ScriptedTransport(Open("IMAP4rev1", "3 EXISTS", "[UIDVALIDITY 7]") + @"C: A3 UID SEARCH UID 4:* UNDELETED    S: * SEARCH 3\r\nA3 OK");
        await using IMailboxSession session = await OpenAsync(transport);

        Assert.Empty(await session.ListAsync(new MailboxCursor("7:3"), default).ToListAsync());
    }

    [Fact]
    public async Task A_listing_repeated_in_one_session_asks_again()
    {
        var transport = new ScriptedTransport(Open("IMAP4rev1", "0 EXISTS", "[UIDNEXT 1]") + """
            C: A3 NOOP    S: * 1 EXISTS\r\nA3 OK
            C: A4 UID SEARCH UID 1:* UNDELETED    S: * SEARCH\r\nA4 OK
            """);
        await using IMailboxSession session = await OpenAsync(transport);

        Assert.Empty(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());
        Assert.Empty(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Long_answers_without_ranges_are_asked_for_in_windows()
    {
        var transport = new ScriptedTransport(Open("IMAP4rev1", "90000 EXISTS", "[UIDNEXT 100001]") + """
            C: A3 UID SEARCH UID 1:50000 UNDELETED    S: * SEARCH\r\nA3 OK
            C: A4 UID SEARCH UID 50001:* UNDELETED    S: * SEARCH\r\nA4 OK
            C: A5 UID SEARCH UID 50001:4294967295 UNDELETED    S: * SEARCH\r\nA5 OK
            """);
        await using IMailboxSession session = await OpenAsync(transport);

        Assert.Empty(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Messages_leave_in_the_order_asked_for_whatever_order_they_come_in()
    {
        var transport = new ScriptedTransport(Open("IMAP4rev1", "3 EXISTS", "[UIDNEXT 4]") + Described + """
            C: A5 UID FETCH 1:3 (UID BODY.PEEK[])
            S: * 3 FETCH (BODY[] {{three}} UID 3)\r\n* 2 FETCH (FLAGS (\Seen) UID 2)\r\n* 1 FETCH (UID 1 BODY[] "one")\r\n* 2 FETCH (UID 2 BODY[] {{two}})\r\nA5 OK
            """);
        await using IMailboxSession session = await OpenAsync(transport);
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        Assert.Equal(["one", "two", "three"], await TextsAsync(session, messages));
    }

    [Fact]
    public async Task Large_batches_are_split_and_in_flight_together()
    {
        var transport = new ScriptedTransport(Open("IMAP4rev1", "3 EXISTS", "[UIDNEXT 4]") + Described.Replace("SIZE 10", "SIZE 600000", StringComparison.Ordinal)
            .Replace("SIZE 20", "SIZE 600001", StringComparison.Ordinal) + """
            C: A5 UID FETCH 1 (UID BODY.PEEK[])
            C: A6 UID FETCH 2 (UID BODY.PEEK[])
            C: A7 UID FETCH 3 (UID BODY.PEEK[])
            S: * 1 FETCH (UID 1 BODY[] {{one}})\r\nA5 OK\r\n* 2 FETCH (UID 2 BODY[] {{two}})\r\nA6 OK\r\n* 3 FETCH (UID 3 BODY[] {{three}})\r\nA7 OK
            """);
        await using IMailboxSession session = await OpenAsync(transport);
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        Assert.Equal(["one", "two", "three"], await TextsAsync(session, messages));
        transport.AssertPlayedToTheEnd();
    }

    [Theory]
    [InlineData("A6 OK", MailException.MessageGone, false)]
    [InlineData("A6 NO [EXPUNGEISSUED] gone", MailException.MessageGone, false)]
    [InlineData("* 2 FETCH (UID 2)\\r\\nA6 OK", "MailMessageUnavailable", false)]
    [InlineData("* 2 FETCH (UID 2 BODY[] NIL)\\r\\nA6 OK", "MailMessageUnavailable", false)]
    [InlineData("* 2 FETCH (UID 2 BODY[] \"\")\\r\\nA6 OK", "MailMessageUnavailable", false)]
    [InlineData("A6 NO damaged", "MailMessageUnavailable", false)]
    [InlineData("A6 NO [UNAVAILABLE] later", "MailServerTemporarilyUnavailable", true)]
    public async Task A_message_that_does_not_come_costs_only_itself(string answer, string errorId, bool transient)
    {
        var transport = new ScriptedTransport(Open("IMAP4rev1", "3 EXISTS", "[UIDNEXT 4]") + Described + $$$"""
            C: A5 UID FETCH 1:3 (UID BODY.PEEK[])
            S: * 1 FETCH (UID 1 BODY[] {{one}})\r\n* 3 FETCH (UID 3 BODY[] {{three}})\r\nA5 NO some messages could not be fetched
            C: A6 UID FETCH 2 (UID BODY.PEEK[])    S: {{{answer}}}
            C: A7 LOGOUT    S: * BYE\r\nA7 OK
            """);
        await using IMailboxSession session = await OpenAsync(transport);
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        List<FetchedMessage> fetched = await session.FetchAsync(messages, default).ToListAsync();
        await session.CompleteAsync(default);

        Assert.NotNull(fetched[0].Content);
        Assert.Null(fetched[1].Content);
        Assert.Equal((errorId, transient), (fetched[1].Error!.ErrorId, fetched[1].Error!.IsTransient));
        Assert.Contains("7.2", fetched[1].Error!.Message, StringComparison.Ordinal);
        Assert.NotNull(fetched[2].Content);
        fetched.ForEach(f => f.Dispose());
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task What_the_server_says_has_vanished_is_not_asked_for_again()
    {
        var transport = new ScriptedTransport(Open("IMAP4rev1", "3 EXISTS", "[UIDNEXT 4]") + Described + """
            C: A5 UID FETCH 1:3 (UID BODY.PEEK[])
            S: * VANISHED 2:3\r\n* 1 FETCH (UID 1 BODY[] {{one}})\r\nA5 OK
            """);
        await using IMailboxSession session = await OpenAsync(transport);
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        List<FetchedMessage> fetched = await session.FetchAsync(messages, default).ToListAsync();

        Assert.Equal([null, MailException.MessageGone, MailException.MessageGone], fetched.Select(f => f.Error?.ErrorId));
        fetched.ForEach(f => f.Dispose());
    }

    [Fact]
    public async Task A_message_that_states_too_large_a_size_is_not_fetched()
    {
        var transport = new ScriptedTransport(Open("IMAP4rev1", "3 EXISTS", "[UIDNEXT 4]") + Described + """
            C: A5 UID FETCH 1 (UID BODY.PEEK[])    S: * 1 FETCH (UID 1 BODY[] {{first}})\r\nA5 OK
            """);
        await using IMailboxSession session = await OpenAsync(transport, new MessageBufferOptions { MaximumSize = 15 });
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        List<FetchedMessage> fetched = await session.FetchAsync(messages, default).ToListAsync();

        Assert.Equal([null, MailException.MessageTooLarge, MailException.MessageTooLarge], fetched.Select(f => f.Error?.ErrorId));
        fetched.ForEach(f => f.Dispose());
    }

    [Theory]
    [MemberData(nameof(Playings))]
    public async Task A_message_larger_than_stated_is_dropped_and_the_session_goes_on(Playing playing)
    {
        var transport = new ScriptedTransport(Open("IMAP4rev1", "3 EXISTS", "[UIDNEXT 4]") + Described + """
            C: A5 UID FETCH 1:2 (UID BODY.PEEK[])
            S: * 1 FETCH (UID 1 BODY[] {{this is longer than the thirty bytes, though shorter}} FLAGS ())\r\n* 2 FETCH (UID 2 BODY[] {{second}})\r\nA5 OK
            """, playing);
        await using IMailboxSession session = await OpenAsync(transport, new MessageBufferOptions { MaximumSize = 30 });
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        List<FetchedMessage> fetched = await session.FetchAsync(messages.Take(2).ToList(), default).ToListAsync();

        Assert.Equal(MailException.MessageTooLarge, fetched[0].Error!.ErrorId);
        Assert.Equal("second", Encoding.ASCII.GetString(fetched[1].Content!.Memory.Span));
        fetched.ForEach(f => f.Dispose());
    }

    [Fact]
    public async Task A_literal_without_end_is_cut_off()
    {
        var transport = new ScriptedTransport(Open("IMAP4rev1", "3 EXISTS", "[UIDNEXT 4]") + Described + """
            C: A5 UID FETCH 1 (UID BODY.PEEK[])    S: * 1 FETCH (UID 1 BODY[] {4294967295}\r\nXXX
            """.Replace("XXX", new string('x', 200), StringComparison.Ordinal), new Playing(OneByteAtATime: true));
        await using IMailboxSession session = await OpenAsync(transport, new MessageBufferOptions { MaximumSize = 30 });
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        MailProtocolException e = await Assert.ThrowsAsync<MailProtocolException>(async () => await session.FetchAsync([messages[0]], default).ToListAsync());

        Assert.Equal("MailMessageEndless", e.ErrorId);
    }

    [Fact]
    public async Task A_full_disk_costs_only_the_message()
    {
        var transport = new ScriptedTransport(Open("IMAP4rev1", "3 EXISTS", "[UIDNEXT 4]") + Described + """
            C: A5 UID FETCH 1:2 (UID BODY.PEEK[])
            S: * 1 FETCH (UID 1 BODY[] {{XXX}})\r\n* 2 FETCH (UID 2 BODY[] {{second}})\r\nA5 OK
            """.Replace("XXX", new string('x', 20_000), StringComparison.Ordinal));
        string nowhere = Path.Combine(Path.GetTempPath(), "no-such-folder-" + Guid.NewGuid().ToString("N"));
        await using IMailboxSession session = await OpenAsync(transport, new MessageBufferOptions { SpoolThreshold = 1, SpoolDirectory = nowhere });
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        List<FetchedMessage> fetched = await session.FetchAsync(messages.Take(2).ToList(), default).ToListAsync();

        Assert.Equal("MailSpoolFailed", fetched[0].Error!.ErrorId);
        Assert.Equal("second", Encoding.ASCII.GetString(fetched[1].Content!.Memory.Span));
        fetched.ForEach(f => f.Dispose());
    }

    [Fact]
    public async Task Breaking_off_the_fetching_leaves_a_usable_session()
    {
        var transport = new ScriptedTransport(Open("IMAP4rev1", "3 EXISTS", "[UIDNEXT 4]") + Described + """
            C: A5 UID FETCH 1:3 (UID BODY.PEEK[])
            S: * 1 FETCH (UID 1 BODY[] {{one}})\r\n* 2 FETCH (UID 2 BODY[] {{two}})\r\n* 3 FETCH (UID 3 BODY[] {{three}})\r\nA5 OK
            C: A6 UID FETCH 2 (UID BODY.PEEK[HEADER])    S: * 2 FETCH (UID 2 BODY[HEADER] {{Subject: x\r\n\r\n}})\r\nA6 OK
            C: A7 LOGOUT    S: * BYE\r\nA7 OK
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

    [Theory]
    [InlineData("IMAP4rev1 MOVE UIDPLUS", "C: A4 UID MOVE 1:2 \"INBOX.CRM.done\"    S: A4 OK")]
    [InlineData("IMAP4rev1 UIDPLUS", "C: A4 UID COPY 1:2 \"INBOX.CRM.done\"    S: A4 OK\nC: A5 UID STORE 1:2 +FLAGS.SILENT (\\Deleted)    S: A5 OK\nC: A6 UID EXPUNGE 1:2    S: A6 OK")]
    [InlineData("IMAP4rev1", "C: A4 UID COPY 1:2 \"INBOX.CRM.done\"    S: A4 OK\nC: A5 UID STORE 1:2 +FLAGS.SILENT (\\Deleted)    S: A5 OK")]
    [InlineData("IMAP4rev1 MOVE", "C: A4 UID MOVE 1:2 \"INBOX.CRM.done\"    S: A4 NO [TRYCREATE] none\nC: A5 CREATE \"INBOX.CRM.done\"    S: A5 OK\nC: A6 SUBSCRIBE \"INBOX.CRM.done\"    S: A6 OK\nC: A7 UID MOVE 1:2 \"INBOX.CRM.done\"    S: A7 OK")]
    public async Task Messages_move_with_what_the_server_has_and_never_take_others_with_them(string capabilities, string conversation)
    {
        var transport = new ScriptedTransport(
            Open(capabilities + " NAMESPACE", "3 EXISTS", "[UIDNEXT 4]") + "C: A3 NAMESPACE    S: * NAMESPACE ((\"INBOX.\" \".\")) NIL ((\"#shared.\" \".\"))\\r\\nA3 OK\n"
            + conversation + "\nC: ***    S: * BYE");
        await using IMailboxSession session = await OpenAsync(transport);
        await session.SettleAsync(new MessageRef("7.2"), Settlement.MoveTo("CRM/done"), default);
        await session.SettleAsync(new MessageRef("7.1"), Settlement.MoveTo("CRM/done"), default);

        await session.CompleteAsync(default);

        transport.AssertPlayedToTheEnd();
        Assert.DoesNotContain(transport.Log, l => l.EndsWith(" EXPUNGE", StringComparison.Ordinal) && l.StartsWith("C:", StringComparison.Ordinal));
        Assert.DoesNotContain(transport.Log, l => l.EndsWith(" CLOSE", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Each_settlement_is_done_for_all_its_messages_at_once_and_a_refusal_is_reported_at_the_end()
    {
        var transport = new ScriptedTransport(Open("IMAP4rev1 UIDPLUS", "9 EXISTS", "[UIDNEXT 9]") + """
            C: A3 UID STORE 1:2,4 +FLAGS.SILENT (\Seen)    S: A3 NO [UNAVAILABLE] not now
            C: A4 UID STORE 3 +FLAGS.SILENT (\Deleted)    S: A4 OK
            C: A5 UID EXPUNGE 3    S: A5 OK
            C: A6 LOGOUT    S: * BYE\r\nA6 OK
            """);
        await using IMailboxSession session = await OpenAsync(transport);
        foreach (int uid in (int[])[4, 1, 2])
            await session.SettleAsync(new MessageRef($"7.{uid}"), Settlement.MarkRead, default);
        await session.SettleAsync(new MessageRef("7.3"), Settlement.Delete, default);
        await session.SettleAsync(new MessageRef("7.5"), Settlement.Keep, default);

        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(async () => await session.CompleteAsync(default));

        Assert.Equal(("MailServerTemporarilyUnavailable", MailStep.Settle, true), (e.ErrorId, e.Step, e.IsTransient));
        transport.AssertPlayedToTheEnd();
    }

    [Theory]
    [InlineData(@"\Seen \*", "$CrmRouted", "$CrmRouted")]
    [InlineData(@"\Seen $crmrouted", "$CrmRouted", "$CrmRouted")]
    [InlineData(@"\Seen \*", " CRM (done) ü", "CRM__done___")]
    [InlineData(@"\Seen \*", @"\Seen", "_Seen")]
    public async Task A_category_is_kept_as_a_keyword(string permanent, string category, string stored)
    {
        var transport = new ScriptedTransport(Open("IMAP4rev1", "1 EXISTS", $"[PERMANENTFLAGS ({permanent})]") + $"""
            C: A3 UID STORE 1 +FLAGS.SILENT ({stored})    S: A3 OK
            C: A4 LOGOUT    S: * BYE\r\nA4 OK
            """);
        await using IMailboxSession session = await OpenAsync(transport);

        await session.SettleAsync(new MessageRef("7.1"), Settlement.Categorize(category), default);
        await session.CompleteAsync(default);

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_keyword_that_the_server_does_not_keep_is_an_error_and_not_forgotten()
    {
        var transport = new ScriptedTransport(Open("IMAP4rev1", "1 EXISTS", @"[PERMANENTFLAGS (\Seen $Known)]") + "C: A3 LOGOUT    S: * BYE\\r\\nA3 OK");
        await using IMailboxSession session = await OpenAsync(transport);
        await session.SettleAsync(new MessageRef("7.1"), Settlement.Categorize("$Other"), default);

        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(async () => await session.CompleteAsync(default));

        Assert.Equal("MailSettlementNotSupported", e.ErrorId);
        Assert.Contains("$Other", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mailbox_that_keeps_no_keywords_cannot_categorize()
    {
        var transport = new ScriptedTransport(Open("IMAP4rev1", "1 EXISTS", @"[PERMANENTFLAGS (\Seen \Deleted)]"));
        await using IMailboxSession session = await OpenAsync(transport);

        Assert.False(session.Settlements.HasFlag(SettlementKinds.Categorize));
        await Assert.ThrowsAsync<MailCommandException>(async () => await session.SettleAsync(new MessageRef("7.1"), Settlement.Categorize("done"), default));
    }

    [Fact]
    public async Task A_read_only_mailbox_can_only_be_read()
    {
        var transport = new ScriptedTransport("""
            S: * OK [CAPABILITY IMAP4rev1] ready
            C: A1 LOGIN ***    S: A1 OK [CAPABILITY IMAP4rev1] in
            C: A2 SELECT "INBOX"    S: * 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\nA2 OK [READ-ONLY] ok
            """);
        await using IMailboxSession session = await OpenAsync(transport);

        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(
            async () => await session.SettleAsync(new MessageRef("7.1"), Settlement.MarkRead, default));

        Assert.Equal("MailSettlementNotSupported", e.ErrorId);
        Assert.Equal(SettlementKinds.Keep, session.Settlements);
    }

    [Fact]
    public async Task Several_folders_are_one_listing_with_the_folder_in_the_id_and_positions_for_each()
    {
        var transport = new ScriptedTransport("""
            S: * OK [CAPABILITY IMAP4rev1 ENABLE QRESYNC NAMESPACE MOVE] ready
            C: A1 LOGIN ***    S: A1 OK [CAPABILITY IMAP4rev1 ENABLE QRESYNC NAMESPACE MOVE] in
            C: A2 ENABLE QRESYNC    S: * ENABLED QRESYNC\r\nA2 OK
            C: A3 LIST "" "*"    S: * LIST () "/" "Sent"\r\n* LIST (\Noselect) "/" "Kunden"\r\n* LIST () "/" "Kunden/M&APw-ller"\r\n* LIST () "/" "Kundenx"\r\n* LIST () "/" INBOX\r\nA3 OK
            C: A4 NAMESPACE    S: * NAMESPACE (("" "/")) NIL NIL\r\nA4 OK
            C: A5 SELECT "INBOX" (CONDSTORE)    S: * 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 4] ok\r\nA5 OK [READ-WRITE] ok
            C: A6 UID SEARCH UID 3:* UNDELETED    S: * SEARCH 3\r\nA6 OK
            C: A7 UID FETCH 3 (UID INTERNALDATE RFC822.SIZE)    S: * 1 FETCH (UID 3 RFC822.SIZE 10)\r\nA7 OK
            C: A8 SELECT "Kunden/M&APw-ller" (QRESYNC (5 70 9))    S: * 2 EXISTS\r\n* OK [UIDVALIDITY 5] ok\r\n* OK [UIDNEXT 12] ok\r\n* OK [HIGHESTMODSEQ 80] ok\r\n* VANISHED (EARLIER) 9\r\nA8 OK [READ-WRITE] ok
            C: A9 UID SEARCH UID 10:* UNDELETED    S: * SEARCH 10 11\r\nA9 OK
            C: A10 UID FETCH 10:11 (UID INTERNALDATE RFC822.SIZE)    S: * 1 FETCH (UID 10 RFC822.SIZE 10)\r\n* 2 FETCH (UID 11 RFC822.SIZE 10)\r\nA10 OK
            C: A11 SELECT "INBOX" (CONDSTORE)    S: * 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\nA11 OK [READ-WRITE] ok
            C: A12 UID FETCH 3 (UID BODY.PEEK[])    S: * 1 FETCH (UID 3 BODY[] {{inbox}})\r\nA12 OK
            C: A13 SELECT "Kunden/M&APw-ller" (CONDSTORE)    S: * 2 EXISTS\r\n* OK [UIDVALIDITY 6] changed\r\nA13 OK [READ-WRITE] ok
            C: A14 SELECT "INBOX" (CONDSTORE)    S: * 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\nA14 OK [READ-WRITE] ok
            C: A15 UID MOVE 3 "Sent"    S: A15 OK
            C: A16 SELECT "Kunden/M&APw-ller" (CONDSTORE)    S: * 2 EXISTS\r\n* OK [UIDVALIDITY 6] changed\r\nA16 OK [READ-WRITE] ok
            C: A17 LOGOUT    S: * BYE\r\nA17 OK
            """);
        await using IMailboxSession session = await OpenAsync(transport, options: ("folders", "Inbox; Kunden/*"));

        List<MessageRef> messages = await session.ListAsync(new MailboxCursor("7:2 5:9:70/Kunden%2FM%C3%BCller 1:1/Other"), default).ToListAsync();
        List<FetchedMessage> fetched = await session.FetchAsync([messages[0], messages[1]], default).ToListAsync();
        await session.SettleAsync(messages[0], Settlement.MoveTo("Sent"), default);
        await session.SettleAsync(messages[1], Settlement.MoveTo("Sent"), default);
        await session.CompleteAsync(default);

        Assert.Equal(["7.3", "5.10/Kunden/Müller", "5.11/Kunden/Müller"], messages.Select(m => m.Id));
        Assert.Equal(
            ["7:3 5:9:70/Kunden%2FM%C3%BCller 1:1/Other", "7:3 5:10:80/Kunden%2FM%C3%BCller 1:1/Other", "7:3 5:11:80/Kunden%2FM%C3%BCller 1:1/Other"],
            messages.Select(m => m.Cursor!.Value.Value));
        Assert.NotNull(fetched[0].Content);
        Assert.Equal(MailException.MessageGone, fetched[1].Error?.ErrorId);     // the UIDs have changed their meaning in between
        fetched.ForEach(f => f.Dispose());
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_folder_that_is_not_there_is_named()
    {
        var transport = new ScriptedTransport("""
            S: * OK [CAPABILITY IMAP4rev1] ready
            C: A1 LOGIN ***    S: A1 OK [CAPABILITY IMAP4rev1] in
            C: A2 LIST "" "*"    S: * LIST () "/" INBOX\r\nA2 OK
            C: A3 LIST "" ""    S: * LIST () "/" ""\r\nA3 OK
            """);

        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(async () => await OpenAsync(transport, options: ("folders", "Nirvana")));

        Assert.Equal("MailFolderNotFound", e.ErrorId);
        Assert.Contains("Nirvana", e.Message, StringComparison.Ordinal);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_folder_name_with_a_line_break_is_encoded_and_never_sent_as_one()
    {
        var transport = new ScriptedTransport(Open("IMAP4rev1 MOVE NAMESPACE", "1 EXISTS", "[UIDNEXT 4]") + """
            C: A3 NAMESPACE    S: * NAMESPACE (("" "/")) NIL NIL\r\nA3 OK
            C: A4 UID MOVE 1 "a&AA0ACg-A5 DELETE x\"\\"    S: A4 OK
            C: A5 LOGOUT    S: * BYE\r\nA5 OK
            """);
        await using IMailboxSession session = await OpenAsync(transport);
        await session.SettleAsync(new MessageRef("7.1"), Settlement.MoveTo("a\r\nA5 DELETE x\"\\"), default);

        await session.CompleteAsync(default);

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_lost_connection_in_the_middle_of_a_message_is_transient()
    {
        var transport = new ScriptedTransport(Open("IMAP4rev1", "3 EXISTS", "[UIDNEXT 4]") + Described + """
            C: A5 UID FETCH 1:3 (UID BODY.PEEK[])
            S! * 1 FETCH (UID 1 BODY[] {100}\r\nfirst
            S: (close)
            """);
        await using IMailboxSession session = await OpenAsync(transport);
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(async () => await session.FetchAsync(messages, default).ToListAsync());

        Assert.True(e.IsTransient);
        Assert.Equal(MailStep.Fetch, e.Step);
    }

    internal static string Open(string capabilities, string exists, string codes) => $"""
        S: * OK [CAPABILITY {capabilities}] ready
        C: A1 LOGIN ***    S: A1 OK [CAPABILITY {capabilities}] in
        C: A2 SELECT "INBOX"{(capabilities.Contains("CONDSTORE", StringComparison.Ordinal) ? " (CONDSTORE)" : string.Empty)}
        S: * {exists}\r\n* OK [UIDVALIDITY 7] ok\r\n{string.Concat(codes.Split("] [").Select(c => $@"* OK [{c.Trim('[', ']')}] ok\r\n"))}A2 OK [READ-WRITE] ok

        """;

    internal static async Task<IMailboxSession> OpenAsync(ScriptedTransport transport, MessageBufferOptions? buffers = null, params (string Name, string Value)[] options) =>
        await new ImapSystem().OpenMailboxAsync(
            ImapClientTests.Plain with { Options = options.ToDictionary(o => o.Name, o => o.Value) },
            new MailLogin("sales@example.test", MailCredential.Password("sales", "secret")),
            transport.Context with { Buffers = buffers ?? MessageBufferOptions.Default },
            default);

    private static async Task<List<string>> TextsAsync(IMailboxSession session, List<MessageRef> messages)
    {
        var texts = new List<string>();
        await foreach (FetchedMessage message in session.FetchAsync(messages, default))
        {
            using (message)
                texts.Add(Encoding.ASCII.GetString(message.Content!.Memory.Span));
        }

        return texts;
    }
}

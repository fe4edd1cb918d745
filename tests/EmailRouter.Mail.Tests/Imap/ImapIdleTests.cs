using EmailRouter.Mail.Tests.Scripting;

namespace EmailRouter.Mail.Tests.Imap;

public sealed class ImapIdleTests
{
    private const string CanIdle = "IMAP4rev1 IDLE";

    public static TheoryData<Playing> Playings => ScriptedTransport.Playings;

    [Theory]
    [MemberData(nameof(Playings))]
    public async Task New_mail_ends_the_waiting_and_other_news_does_not(Playing playing)
    {
        var transport = new ScriptedTransport(ImapSessionTests.Open(CanIdle, "3 EXISTS", "[UIDNEXT 4]") + """
            C: A3 IDLE    S: + idling
            S: * OK still here\r\n* 2 FETCH (FLAGS (\Seen))\r\n* 1 EXPUNGE\r\n* 0 RECENT\r\n* 3 EXISTS
            C: DONE    S: A3 OK done
            C: A4 LOGOUT    S: * BYE\r\nA4 OK
            """, playing);
        await using IMailboxSession session = await ImapSessionTests.OpenAsync(transport);

        Assert.True(await session.WaitForMailAsync(TimeSpan.FromHours(1), default));
        await session.CompleteAsync(default);

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Idle_is_issued_again_before_the_servers_time_out()
    {
        var transport = new ScriptedTransport(ImapSessionTests.Open(CanIdle, "3 EXISTS", "[UIDNEXT 4]") + """
            C: A3 IDLE    S: + idling
            S: (wait 9)
            C: DONE    S: A3 OK done
            C: A4 IDLE    S: + idling
            S: (wait 9)
            C: DONE    S: * 4 EXISTS\r\nA4 OK done
            """);
        await using IMailboxSession session = await ImapSessionTests.OpenAsync(transport);

        Assert.True(await session.WaitForMailAsync(TimeSpan.FromHours(1), default));

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task When_the_time_is_up_the_session_is_still_usable()
    {
        var transport = new ScriptedTransport(ImapSessionTests.Open(CanIdle, "3 EXISTS", "[UIDNEXT 4]") + """
            C: A3 IDLE    S: + idling
            S: (wait 5)
            C: DONE    S: A3 OK done
            C: A4 NOOP    S: A4 OK
            C: A5 UID SEARCH UID 1:* UNDELETED    S: * SEARCH\r\nA5 OK
            C: A6 UID SEARCH UID 1:4294967295 UNDELETED    S: * SEARCH\r\nA6 OK
            """);
        await using IMailboxSession session = await ImapSessionTests.OpenAsync(transport);

        Assert.False(await session.WaitForMailAsync(TimeSpan.FromMinutes(5), default));
        Assert.Empty(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Mail_announced_while_something_else_went_on_needs_no_waiting()
    {
        var transport = new ScriptedTransport(ImapSessionTests.Open(CanIdle, "1 EXISTS", "[UIDNEXT 4]") + """
            C: A3 UID SEARCH UID 1:* UNDELETED    S: * SEARCH\r\n* 2 EXISTS\r\nA3 OK
            C: A4 UID SEARCH UID 1:4294967295 UNDELETED    S: * SEARCH\r\nA4 OK
            """);
        await using IMailboxSession session = await ImapSessionTests.OpenAsync(transport);
        await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        Assert.True(await session.WaitForMailAsync(TimeSpan.FromMinutes(5), default));
    }

    [Theory]
    [InlineData("IMAP4rev1", "")]
    [InlineData(CanIdle, "C: A3 IDLE    S: A3 BAD what?\n")]
    public async Task Without_idle_the_server_is_asked_each_minute(string capabilities, string refusal)
    {
        int tag = refusal.Length == 0 ? 3 : 4;
        var transport = new ScriptedTransport(ImapSessionTests.Open(capabilities, "3 EXISTS", "[UIDNEXT 4]") + refusal + $"""
            S: (wait 1)
            C: A{tag} NOOP    S: A{tag} OK
            S: (wait 1)
            C: A{tag + 1} NOOP    S: * 4 EXISTS\r\nA{tag + 1} OK
            """);
        await using IMailboxSession session = await ImapSessionTests.OpenAsync(transport);

        Assert.True(await session.WaitForMailAsync(TimeSpan.FromHours(1), default));

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task With_notify_mail_in_another_folder_ends_the_waiting()
    {
        var transport = new ScriptedTransport(Two("IMAP4rev1 IDLE NOTIFY") + """
            C: A5 NOTIFY SET (selected-delayed (MessageNew MessageExpunge)) (mailboxes ("Orders &- more") (MessageNew MessageExpunge))    S: A5 OK
            C: A6 STATUS "Orders &- more" (UIDNEXT)    S: * STATUS "Orders &- more" (UIDNEXT 12)\r\nA6 OK
            C: A7 IDLE    S: + idling
            S: (wait 8)
            """);
        await using IMailboxSession session = await ImapSessionTests.OpenAsync(transport, options: ("folders", "Inbox; Orders & more"));
        using var stop = new CancellationTokenSource(TimeSpan.FromMinutes(7), transport.Clock);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await session.WaitForMailAsync(TimeSpan.FromHours(1), stop.Token));

        transport = new ScriptedTransport(Two("IMAP4rev1 IDLE NOTIFY") + """
            C: A5 NOTIFY SET (selected-delayed (MessageNew MessageExpunge)) (mailboxes ("Orders &- more") (MessageNew MessageExpunge))    S: A5 OK
            C: A6 STATUS "Orders &- more" (UIDNEXT)    S: * STATUS "Orders &- more" (UIDNEXT 12)\r\nA6 OK
            C: A7 IDLE    S: + idling
            S: * STATUS Elsewhere (MESSAGES 1 UIDNEXT 99)\r\n* STATUS "Orders &- more" (MESSAGES 3 UIDNEXT 12 UNSEEN 1)\r\n* STATUS "Orders &- more" (MESSAGES 4 UIDNEXT 13)
            C: DONE    S: A7 OK done
            C: A8 STATUS "Orders &- more" (UIDNEXT)    S: * STATUS "Orders &- more" (UIDNEXT 14)\r\nA8 OK
            """);
        await using IMailboxSession again = await ImapSessionTests.OpenAsync(transport, options: ("folders", "Inbox; Orders & more"));

        Assert.True(await again.WaitForMailAsync(TimeSpan.FromHours(1), default));
        Assert.True(await again.WaitForMailAsync(TimeSpan.FromHours(1), default));       // what came in between, and NOTIFY once only

        transport.AssertPlayedToTheEnd();
    }

    [Theory]
    [InlineData("IMAP4rev1 IDLE", "")]
    [InlineData("IMAP4rev1 IDLE NOTIFY", "C: A5 NOTIFY SET ***    S: A5 NO [CANNOT] not these\n")]
    public async Task Without_notify_the_other_folders_are_asked_each_minute(string capabilities, string refusal)
    {
        int tag = refusal.Length == 0 ? 5 : 6;
        var transport = new ScriptedTransport(Two(capabilities) + refusal + $"""
            C: A{tag} STATUS "Orders &- more" (UIDNEXT)    S: * STATUS "Orders &- more" (UIDNEXT 12)\r\nA{tag} OK
            C: A{tag + 1} IDLE    S: + idling
            S: (wait 1)
            C: DONE    S: A{tag + 1} OK done
            C: A{tag + 2} STATUS "Orders &- more" (UIDNEXT)    S: A{tag + 2} NO gone
            C: A{tag + 3} IDLE    S: + idling
            S: (wait 1)
            C: DONE    S: A{tag + 3} OK done
            C: A{tag + 4} STATUS "Orders &- more" (UIDNEXT)    S: * STATUS "Orders &- more" (UIDNEXT 13)\r\nA{tag + 4} OK
            """);
        await using IMailboxSession session = await ImapSessionTests.OpenAsync(transport, options: ("folders", "Inbox; Orders & more"));

        Assert.True(await session.WaitForMailAsync(TimeSpan.FromHours(1), default));

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_server_that_gives_up_telling_is_asked_from_then_on()
    {
        var transport = new ScriptedTransport(Two("IMAP4rev1 IDLE NOTIFY") + """
            C: A5 NOTIFY SET ***    S: A5 OK
            C: A6 STATUS "Orders &- more" (UIDNEXT)    S: * STATUS "Orders &- more" (UIDNEXT 12)\r\nA6 OK
            C: A7 IDLE    S: + idling
            S: * OK [NOTIFICATIONOVERFLOW] too much
            C: DONE    S: A7 OK done
            C: A8 STATUS "Orders &- more" (UIDNEXT)    S: * STATUS "Orders &- more" (UIDNEXT 12)\r\nA8 OK
            C: A9 IDLE    S: + idling
            S: (wait 1)
            C: DONE    S: A9 OK done
            C: A10 STATUS "Orders &- more" (UIDNEXT)    S: * STATUS "Orders &- more" (UIDNEXT 13)\r\nA10 OK
            """);
        await using IMailboxSession session = await ImapSessionTests.OpenAsync(transport, options: ("folders", "Inbox; Orders & more"));

        Assert.True(await session.WaitForMailAsync(TimeSpan.FromHours(1), default));

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task What_came_between_the_listing_and_the_waiting_is_news_in_every_folder()
    {
        const string Listed = """
            C: A5 UID SEARCH UID 1:* UNDELETED    S: * SEARCH 3\r\nA5 OK
            C: A6 UID FETCH 3 (UID INTERNALDATE RFC822.SIZE)    S: * 1 FETCH (UID 3 RFC822.SIZE 10)\r\nA6 OK
            C: A7 SELECT "Orders &- more"    S: * 0 EXISTS\r\n* OK [UIDVALIDITY 5] ok\r\n* OK [UIDNEXT 12] ok\r\nA7 OK [READ-WRITE] ok

            """;
        foreach ((int inbox, int orders) in new[] { (5, 12), (4, 13) })
        {
            var transport = new ScriptedTransport(Two("IMAP4rev1 IDLE") + Listed + $"""
                C: A8 SELECT "INBOX"    S: * 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT {inbox}] ok\r\nA8 OK [READ-WRITE] ok
                C: A9 STATUS "Orders &- more" (UIDNEXT)    S: * STATUS "Orders &- more" (UIDNEXT {orders})\r\nA9 OK
                """);
            await using IMailboxSession session = await ImapSessionTests.OpenAsync(transport, options: ("folders", "Inbox; Orders & more"));
            Assert.Single(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());

            Assert.True(await session.WaitForMailAsync(TimeSpan.FromHours(1), default));
            transport.AssertPlayedToTheEnd();
        }
    }

    [Theory]
    [InlineData("* STATUS")]
    [InlineData("* STATUS NIL (UIDNEXT 13)")]
    [InlineData("* STATUS \"Orders &- more\"")]
    [InlineData("* STATUS \"Orders &- more\" (UIDNEXT")]
    [InlineData("* STATUS \"Orders &- more\" (UIDNEXT NIL)")]
    [InlineData("* STATUS \"Orders &- more\" (UIDNEXT 0)")]
    [InlineData("* STATUS \"Orders &- more\" (UIDNEXT 99999999999)")]
    [InlineData("* STATUS \"Orders &- more\" UIDNEXT 13")]
    public async Task A_status_that_makes_no_sense_is_no_news(string nonsense)
    {
        var transport = new ScriptedTransport(Two("IMAP4rev1 IDLE") + $"""
            C: A5 STATUS "Orders &- more" (UIDNEXT)    S: * STATUS "Orders &- more" (UIDNEXT 12)\r\nA5 OK
            C: A6 IDLE    S: + idling
            S: (wait 1)
            C: DONE    S: A6 OK done
            C: A7 STATUS "Orders &- more" (UIDNEXT)    S: {nonsense}\r\nA7 OK
            """);
        await using IMailboxSession session = await ImapSessionTests.OpenAsync(transport, options: ("folders", "Inbox; Orders & more"));

        Assert.False(await session.WaitForMailAsync(TimeSpan.FromMinutes(1), default));

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_connection_that_ends_while_idle_is_lost()
    {
        var transport = new ScriptedTransport(ImapSessionTests.Open(CanIdle, "3 EXISTS", "[UIDNEXT 4]") + "C: A3 IDLE    S: + idling\nS: (close)");
        await using IMailboxSession session = await ImapSessionTests.OpenAsync(transport);

        MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(async () => await session.WaitForMailAsync(TimeSpan.FromHours(1), default));

        Assert.Equal("MailConnectionLost", e.ErrorId);
        Assert.True(e.IsTransient);
    }

    [Fact]
    public async Task Waiting_can_be_cancelled()
    {
        var transport = new ScriptedTransport(ImapSessionTests.Open(CanIdle, "3 EXISTS", "[UIDNEXT 4]") + "C: A3 IDLE    S: + idling\nS: (wait 1)");
        await using IMailboxSession session = await ImapSessionTests.OpenAsync(transport);
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(30), transport.Clock);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await session.WaitForMailAsync(TimeSpan.FromHours(1), stop.Token));
    }

    /// <summary>A mailbox of which two folders are read, up to the first being selected.</summary>
    private static string Two(string capabilities) => $"""
        S: * OK [CAPABILITY {capabilities}] ready
        C: A1 LOGIN ***    S: A1 OK [CAPABILITY {capabilities}] in
        C: A2 LIST "" "*"    S: * LIST () "/" "Orders &- more"\r\n* LIST () "/" INBOX\r\nA2 OK
        C: A3 LIST "" ""    S: * LIST () "/" ""\r\nA3 OK
        C: A4 SELECT "INBOX"    S: * 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 4] ok\r\nA4 OK [READ-WRITE] ok

        """;
}

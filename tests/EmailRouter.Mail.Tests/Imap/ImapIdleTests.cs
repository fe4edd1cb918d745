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
}

using System.Text;
using EmailRouter.Mail.Imap;
using EmailRouter.Mail.Tests.Scripting;

namespace EmailRouter.Mail.Tests.Imap;

public sealed class ImapClientTests
{
    internal static readonly MailEndpoint Plain = new() { Host = "mail.example.test", Tls = TlsMode.None, AllowPlainTextPassword = true };

    private const string Greeted = "S: * OK [CAPABILITY IMAP4rev1] ready\n";

    private const string Selected = """
         SELECT "INBOX"    S: * 0 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n
        """;

    private static readonly MailLogin Login = new("sales@example.test", MailCredential.Password("sales", "s3cret-word"));

    private static readonly MailEndpoint StartTls = new() { Host = "mail.example.test", Tls = TlsMode.StartTls };

    public static TheoryData<Playing> Playings => ScriptedTransport.Playings;

    [Theory]
    [InlineData("NO [AUTHENTICATIONFAILED] wrong", "MailAuthenticationFailed", false)]
    [InlineData("NO wrong", "MailAuthenticationFailed", false)]
    [InlineData("NO [EXPIRED] too old", "MailAuthenticationFailed", false)]
    [InlineData("NO [AUTHORIZATIONFAILED] not yours", "MailAuthenticationFailed", false)]
    [InlineData("NO [PRIVACYREQUIRED] TLS first", "MailPasswordNeedsTls", false)]
    [InlineData("NO [UNAVAILABLE] later", "MailServerTemporarilyUnavailable", true)]
    [InlineData("NO [INUSE] locked", "MailMailboxInUse", true)]
    [InlineData("NO [LIMIT] too many", "MailServerThrottled", true)]
    [InlineData("NO [CONTACTADMIN] ask", "MailServerRefused", false)]
    public async Task A_refused_login_is_told_apart_by_its_code(string answer, string errorId, bool transient)
    {
        var transport = new ScriptedTransport(Greeted + $"C: A1 LOGIN \"sales\" \"s3cret-word\"    S: A1 {answer}");

        MailCommandException e = await Assert.ThrowsAnyAsync<MailCommandException>(async () => await OpenAsync(transport));

        Assert.Equal(errorId, e.ErrorId);
        Assert.Equal(transient, e.IsTransient);
        Assert.Contains("sales@example.test at mail.example.test:143", e.Message, StringComparison.Ordinal);
        Assert.NotEmpty(e.Remedy);
        Assert.True(transport.Streams[0].IsDisposed);
    }

    [Fact]
    public async Task Secrets_never_reach_the_log_nor_an_exception_even_when_the_server_repeats_them()
    {
        var transport = new ScriptedTransport(Greeted + "C: A1 LOGIN ***    S: * OK [ALERT] s3cret-word is weak\\r\\nA1 NO no login with s3cret-word here");

        MailException e = await Assert.ThrowsAnyAsync<MailException>(async () => await OpenAsync(transport));

        Assert.Contains("C: A1 LOGIN \"sales\" ***", transport.Log);
        Assert.DoesNotContain("s3cret", string.Join('\n', transport.Log) + e + string.Join('\n', e.Conversation), StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", ((MailCommandException)e).Reply, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_password_does_not_cross_a_line_without_tls_unless_allowed()
    {
        var transport = new ScriptedTransport(Greeted);

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(
            async () => await OpenAsync(transport, Plain with { AllowPlainTextPassword = false }));

        Assert.Equal("MailPasswordNeedsTls", e.ErrorId);
        transport.AssertPlayedToTheEnd();
    }

    [Theory]
    [MemberData(nameof(Playings))]
    public async Task Capabilities_are_asked_again_after_starttls_and_after_the_login(Playing playing)
    {
        var transport = new ScriptedTransport("""
            S: * OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready
            C: A1 STARTTLS    S: A1 OK begin
            C: (tls)
            C: A2 CAPABILITY    S: * CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nA2 OK
            C: A3 AUTHENTICATE PLAIN    S: +
            C: AHNhbGVzAHMzY3JldC13b3Jk    S: A3 OK Logged in.
            C: A4 CAPABILITY    S: * CAPABILITY IMAP4rev1 MOVE UIDPLUS\r\nA4 OK
            C: A5
            """.TrimEnd() + Selected.TrimEnd() + "A5 OK [READ-WRITE] ok", playing);
        await using IMailboxSession session = await OpenAsync(transport, StartTls);

        Assert.Empty(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());
        transport.AssertPlayedToTheEnd();
        Assert.Equal(
            [MailStep.Greeting, MailStep.Capabilities, MailStep.Authenticate, MailStep.Capabilities, MailStep.OpenMailbox],
            transport.Steps.Select(s => s.Step));
        Assert.All(transport.Steps, s => Assert.True(s.Success));
    }

    [Fact]
    public async Task An_answer_smuggled_in_behind_starttls_is_refused()
    {
        var transport = new ScriptedTransport("""
            S: * OK [CAPABILITY IMAP4rev1 STARTTLS] ready
            C: A1 STARTTLS    S: A1 OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN
            """);

        MailProtocolException e = await Assert.ThrowsAsync<MailProtocolException>(async () => await OpenAsync(transport, StartTls));

        Assert.Equal("MailStartTlsInjection", e.ErrorId);
    }

    [Theory]
    [InlineData("S: * OK [CAPABILITY IMAP4rev1] ready", "MailStartTlsNotOffered")]
    [InlineData("S: * OK ready\nC: A1 CAPABILITY    S: * CAPABILITY IMAP4rev1\\r\\nA1 OK", "MailStartTlsNotOffered")]
    [InlineData("S: * OK [CAPABILITY STARTTLS] ready\nC: A1 STARTTLS    S: A1 NO not now", "MailStartTlsRefused")]
    [InlineData("S: * PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] welcome", "MailPreauthRefused")]
    public async Task Required_tls_is_never_given_up(string conversation, string errorId)
    {
        var transport = new ScriptedTransport(conversation);

        MailTlsException e = await Assert.ThrowsAsync<MailTlsException>(async () => await OpenAsync(transport, StartTls with { AllowPlainTextPassword = true }));

        Assert.Equal(errorId, e.ErrorId);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Preauth_needs_no_login_where_tls_is_not_demanded()
    {
        var transport = new ScriptedTransport("S: * PREAUTH [CAPABILITY IMAP4rev1] welcome\nC: A1" + Selected.TrimEnd() + "A1 OK [READ-WRITE] ok");

        await using IMailboxSession session = await OpenAsync(transport);

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_mechanism_refused_before_the_credential_left_is_followed_by_the_next()
    {
        var transport = new ScriptedTransport("""
            S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=LOGIN] ready
            C: A1 AUTHENTICATE PLAIN      S: A1 BAD unknown mechanism
            C: A2 AUTHENTICATE LOGIN      S: + VXNlcm5hbWU6
            C: c2FsZXM=        S: + UGFzc3dvcmQ6
            C: czNjcmV0LXdvcmQ=    S: A2 OK [CAPABILITY IMAP4rev1] in
            C: A3
            """.TrimEnd() + Selected.TrimEnd() + "A3 OK [READ-WRITE] ok");

        await using IMailboxSession session = await OpenAsync(transport);

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_refused_password_is_not_tried_again_by_another_mechanism()
    {
        var transport = new ScriptedTransport("""
            S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=LOGIN] ready
            C: A1 AUTHENTICATE PLAIN ***      S: A1 NO no
            """);

        await Assert.ThrowsAsync<MailAuthenticationException>(async () => await OpenAsync(transport));

        transport.AssertPlayedToTheEnd();
        Assert.Contains("C: A1 AUTHENTICATE PLAIN ***", transport.Log);
    }

    [Theory]
    [InlineData("IMAP4rev1 LOGINDISABLED AUTH=GSSAPI")]
    [InlineData("IMAP4rev1 LOGINDISABLED")]
    public async Task A_server_that_offers_no_usable_way_to_log_in_is_named(string capabilities)
    {
        var transport = new ScriptedTransport($"S: * OK [CAPABILITY {capabilities}] ready");

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(async () => await OpenAsync(transport));

        Assert.Equal("MailNoMechanism", e.ErrorId);
        Assert.Contains(capabilities, e.Message, StringComparison.Ordinal);
        transport.AssertPlayedToTheEnd();
    }

    [Theory]
    [InlineData("IMAP4rev1", "C: A1 LOGIN {6}    S: + go on\nC: jürg {7}    S: + go on\nC: gr\"üße")]
    [InlineData("IMAP4rev1 LITERAL+", "C: A1 LOGIN {5+}\nC: jürg {9+}\nC: gr\"üße")]
    [InlineData("IMAP4rev1 LITERAL-", "C: A1 LOGIN {5+}\nC: jürg {9+}\nC: gr\"üße")]
    public async Task What_is_not_ascii_goes_as_a_literal(string capabilities, string conversation)
    {
        conversation = conversation.Replace("{6}", "{5}", StringComparison.Ordinal).Replace("{7}", "{8}", StringComparison.Ordinal).Replace("{9+}", "{8+}", StringComparison.Ordinal);
        var transport = new ScriptedTransport(
            $"S: * OK [CAPABILITY {capabilities}] ready\n{conversation}    S: A1 OK [CAPABILITY IMAP4rev1] in\nC: A2" + Selected.TrimEnd() + "A2 OK [READ-WRITE] ok");

        await using IMailboxSession session = await new ImapSystem().OpenMailboxAsync(
            Plain, new MailLogin("sales@example.test", MailCredential.Password("jürg", "gr\"üße")), transport.Context, default);

        transport.AssertPlayedToTheEnd();
        Assert.DoesNotContain("üße", string.Join('\n', transport.Log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Quotes_and_backslashes_in_a_password_are_escaped()
    {
        var transport = new ScriptedTransport(Greeted + "C: A1 LOGIN \"sales\" \"a\\\"b\\\\c\"    S: A1 NO");

        await Assert.ThrowsAsync<MailAuthenticationException>(async () => await new ImapSystem().OpenMailboxAsync(
            Plain, new MailLogin("sales@example.test", MailCredential.Password("sales", "a\"b\\c")), transport.Context, default));

        transport.AssertPlayedToTheEnd();
    }

    [Theory]
    [InlineData("sales\r\nA9 DELETE INBOX", "x")]
    [InlineData("sales", "x\nA9 DELETE INBOX")]
    [InlineData("säles", "x\0")]
    public async Task A_line_break_in_an_argument_is_never_sent(string user, string password)
    {
        var transport = new ScriptedTransport("S: * OK [CAPABILITY IMAP4rev1 LITERAL+] ready");

        MailCommandException e = await Assert.ThrowsAnyAsync<MailCommandException>(async () => await new ImapSystem().OpenMailboxAsync(
            Plain, new MailLogin("sales@example.test", MailCredential.Password(user, password)), transport.Context, default));

        Assert.Equal("MailInvalidArgument", e.ErrorId);
        transport.AssertPlayedToTheEnd();
    }

    [Theory]
    [InlineData("S: * BYE [UNAVAILABLE] too many connections", true)]
    [InlineData("S: * BYE [CONTACTADMIN] go away", false)]
    [InlineData("S: * NO go away", true)]
    public async Task A_greeting_that_turns_away_is_a_connection_error(string greeting, bool transient)
    {
        var transport = new ScriptedTransport(greeting);

        MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(async () => await OpenAsync(transport));

        Assert.Equal("MailServerRefusedConnection", e.ErrorId);
        Assert.Equal(transient, e.IsTransient);
        Assert.False(Assert.Single(transport.Steps).Success);
    }

    [Theory]
    [InlineData("S: +OK POP3 ready")]
    [InlineData("S: 220 smtp.example.test ESMTP")]
    [InlineData("S: HTTP/1.1 400 Bad Request")]
    [InlineData(@"S: \0\0\0")]
    [InlineData("S: * OKAY")]
    [InlineData("S: *")]
    public async Task A_greeting_of_another_protocol_is_a_protocol_error(string greeting)
    {
        var transport = new ScriptedTransport(greeting);

        MailProtocolException e = await Assert.ThrowsAsync<MailProtocolException>(async () => await OpenAsync(transport));

        Assert.Equal("MailProtocolError", e.ErrorId);
        Assert.Equal(MailStep.Greeting, e.Step);
    }

    [Fact]
    public async Task Bye_in_the_middle_is_a_lost_connection_with_the_servers_words()
    {
        var transport = new ScriptedTransport(Greeted + "C: A1 LOGIN ***    S: * BYE shutting down for the night");

        MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(async () => await OpenAsync(transport));

        Assert.Equal("MailConnectionLost", e.ErrorId);
        Assert.True(e.IsTransient);
        Assert.Contains("shutting down for the night", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Revision_two_and_utf8_are_enabled_and_then_names_are_utf8()
    {
        var transport = new ScriptedTransport("""
            S: * OK [CAPABILITY IMAP4rev1 IMAP4rev2 UTF8=ACCEPT QRESYNC] ready
            C: A1 LOGIN ***    S: A1 OK [CAPABILITY IMAP4rev1 IMAP4rev2 UTF8=ACCEPT QRESYNC] in
            C: A2 ENABLE IMAP4rev2 UTF8=ACCEPT QRESYNC    S: * ENABLED IMAP4rev2 UTF8=ACCEPT QRESYNC\r\nA2 OK
            C: A3 SELECT "INBOX" (CONDSTORE)    S: * 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\nA3 OK [READ-WRITE] ok
            C: A4 NAMESPACE    S: * NAMESPACE (("" "/")) NIL NIL\r\nA4 OK
            C: A5 UID MOVE 3 "Erledigt/Größe & Maß"    S: A5 OK
            C: A6 LOGOUT    S: * BYE\r\nA6 OK
            """);
        await using IMailboxSession session = await OpenAsync(transport);

        await session.SettleAsync(new MessageRef("7.3"), Settlement.MoveTo("Erledigt/Größe & Maß"), default);
        await session.CompleteAsync(default);

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_stall_at_any_point_ends_in_a_time_out()
    {
        Script whole = Script.Load("Imap", "dovecot");
        for (int cut = 0; cut < whole.Connections[0].Count - 1; cut++)
        {
            if (whole.Connections[0][cut].Kind != ScriptKind.Server)
                continue;
            var transport = new ScriptedTransport(whole.CutAfter(cut, new ScriptItem(ScriptKind.Stall, "(stall)", [])));

            MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(async () => await RunAsync(transport, Settlement.Delete));

            Assert.Equal("MailTimeout", e.ErrorId);
        }
    }

    [Fact]
    public async Task A_connection_that_drops_after_any_line_is_transient_and_loses_nothing()
    {
        Script whole = Script.Load("Imap", "dovecot");
        int logout = whole.Connections[0].Count - 2;
        for (int cut = 0; cut < logout; cut++)
        {
            var transport = new ScriptedTransport(whole.CutAfter(cut));

            MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(async () => await RunAsync(transport, Settlement.Delete));

            Assert.Equal("MailConnectionLost", e.ErrorId);
            Assert.True(e.IsTransient);
            Assert.True(transport.Streams[^1].IsDisposed);
        }

        // Nothing depends on the answer to LOGOUT.
        await RunAsync(new ScriptedTransport(whole.CutAfter(logout + 1)), Settlement.Delete);
    }

    [Fact]
    public async Task Garbage_after_any_line_is_an_error_and_no_crash()
    {
        Script whole = Script.Load("Imap", "dovecot");
        for (int cut = 0; cut < whole.Connections[0].Count - 2; cut++)
        {
            byte[] bytes =
                [0xff, 0xfe, (byte)'\r', (byte)'\n', 0, (byte)'\n', .. "* \r\n* 1\r\n* 1 FETCH\r\n* 1 FETCH (\r\n* FETCH ((((\r\n* LIST\r\n* [\r\nA\r\nA0 OK\r\nA1\r\n{5}\r\n"u8];
            var garbage = new ScriptItem(ScriptKind.Server, "garbage", bytes);
            var transport = new ScriptedTransport(whole.CutAfter(cut, garbage, new ScriptItem(ScriptKind.Close, "(close)", [])));

            Exception? e = await Record.ExceptionAsync(() => RunAsync(transport, Settlement.Delete));

            Assert.True(e is MailException or ScriptDeviationException, $"behind line {cut}: {e}");
        }
    }

    [Theory]
    [InlineData("* LIST () \"/\" {4294967295}", "MailLiteralTooLong")]
    [InlineData("* ESEARCH UID ALL 1:4294967295", "MailResponseTooLong")]
    public async Task What_grows_without_limit_is_cut_off(string answer, string errorId)
    {
        var transport = new ScriptedTransport(Greeted + $"C: A1 LOGIN ***    S: {answer}");

        MailProtocolException e = await Assert.ThrowsAsync<MailProtocolException>(async () => await OpenAsync(transport));

        Assert.Equal(errorId, e.ErrorId);
    }

    [Fact]
    public async Task A_line_without_end_is_cut_off()
    {
        var transport = new ScriptedTransport(Greeted + "C: A1 LOGIN ***    S: * SEARCH " + string.Join(' ', Enumerable.Repeat("1234567890", 100_000)));

        MailProtocolException e = await Assert.ThrowsAsync<MailProtocolException>(async () => await OpenAsync(transport));

        Assert.Equal("MailLineTooLong", e.ErrorId);
    }

    [Fact]
    public async Task Lines_that_are_no_imap_are_skipped_only_so_long()
    {
        var transport = new ScriptedTransport(Greeted + "C: A1 LOGIN ***    S: " + string.Concat(Enumerable.Repeat(@"what\r\n", 10_001)));

        MailProtocolException e = await Assert.ThrowsAsync<MailProtocolException>(async () => await OpenAsync(transport));

        Assert.Equal("MailProtocolError", e.ErrorId);
    }

    [Theory]
    [InlineData("compress", "maybe")]
    [InlineData("compress", "")]
    public async Task An_option_that_makes_no_sense_is_named(string name, string value)
    {
        MailCommandException e = await Assert.ThrowsAsync<MailCommandException>(
            async () => await OpenAsync(new ScriptedTransport(string.Empty), Plain with { Options = new Dictionary<string, string> { [name] = value } }));

        Assert.Equal("MailInvalidOption", e.ErrorId);
        Assert.Contains(name, e.Message, StringComparison.Ordinal);
    }

    internal static async Task<List<string>> RunAsync(ScriptedTransport transport, Settlement how)
    {
        var texts = new List<string>();
        await using IMailboxSession session = await OpenAsync(transport);
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
        await foreach (FetchedMessage message in session.FetchAsync(messages, default))
        {
            using (message)
                texts.Add(message.Content is { } content ? Encoding.UTF8.GetString(content.Memory.Span) : message.Error!.Message);
            await session.SettleAsync(message.Message, how, default);
        }

        await session.CompleteAsync(default);
        return texts;
    }

    internal static async Task<IMailboxSession> OpenAsync(ScriptedTransport transport, MailEndpoint? endpoint = null) =>
        await new ImapSystem().OpenMailboxAsync(endpoint ?? Plain, Login, transport.Context, default);
}

using EmailRouter.Mail.Pop3;
using EmailRouter.Mail.Tests.Scripting;

namespace EmailRouter.Mail.Tests.Pop3;

public sealed class Pop3ClientTests
{
    private const string Greeted = "S: +OK ready\nC: CAPA            S: +OK\\r\\nUSER\\r\\nSTLS\\r\\nLOGIN-DELAY 60\\r\\n.\n";

    private static readonly MailLogin Login = new("sales@example.test", MailCredential.Password("sales", "s3cret-word"));

    private static readonly MailEndpoint Plain = new() { Host = "mail.example.test", Tls = TlsMode.None, AllowPlainTextPassword = true };

    public static TheoryData<Playing> Playings => ScriptedTransport.Playings;

    [Theory]
    [InlineData("-ERR [AUTH] wrong", "MailAuthenticationFailed", false)]
    [InlineData("-ERR invalid password", "MailAuthenticationFailed", false)]
    [InlineData("-ERR [IN-USE] Do you have another POP session running?", "MailMailboxInUse", true)]
    [InlineData("-ERR maildrop already locked", "MailMailboxInUse", true)]
    [InlineData("-ERR [SYS/TEMP] try later", "MailServerTemporarilyUnavailable", true)]
    [InlineData("-ERR [SYS/PERM] no such maildrop", "MailServerRefused", false)]
    [InlineData("-ERR [LOGIN-DELAY] too fast", "MailLoginDelay", true)]
    public async Task A_refused_login_is_told_apart_by_its_code(string answer, string errorId, bool transient)
    {
        var transport = new ScriptedTransport(Greeted + $"C: USER sales      S: +OK\nC: PASS s3cret-word  S: {answer}");

        MailCommandException e = await Assert.ThrowsAnyAsync<MailCommandException>(async () => await OpenAsync(transport));

        Assert.Equal(errorId, e.ErrorId);
        Assert.Equal(transient, e.IsTransient);
        Assert.Equal(errorId == "MailLoginDelay" ? TimeSpan.FromSeconds(60) : null, e.RetryAfter);
        Assert.Equal(errorId == "MailAuthenticationFailed", e is MailAuthenticationException);
        Assert.Contains("sales@example.test at mail.example.test:110", e.Message, StringComparison.Ordinal);
        Assert.NotEmpty(e.Remedy);
        Assert.True(transport.Streams[0].IsDisposed);
    }

    [Fact]
    public async Task Secrets_never_reach_the_log_nor_an_exception_even_when_the_server_repeats_them()
    {
        var transport = new ScriptedTransport(Greeted + "C: USER sales      S: +OK\nC: PASS s3cret-word  S: -ERR no login with s3cret-word here");

        MailException e = await Assert.ThrowsAnyAsync<MailException>(async () => await OpenAsync(transport));

        Assert.Contains("C: PASS ***", transport.Log);
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
    public async Task Capabilities_are_asked_again_after_stls_and_after_the_login(Playing playing)
    {
        var transport = new ScriptedTransport("""
            S: +OK ready
            C: CAPA            S: +OK\r\nSTLS\r\nSASL\r\n.
            C: STLS            S: +OK begin
            C: (tls)
            C: CAPA            S: +OK\r\nSASL PLAIN\r\nPIPELINING\r\n.
            C: AUTH PLAIN      S: +
            C: AHNhbGVzAHMzY3JldC13b3Jk    S: +OK Logged in.
            C: CAPA            S: +OK\r\nUIDL\r\nTOP\r\n.
            C: UIDL            S: +OK\r\n.
            C: LIST            S: +OK\r\n.
            """, playing);
        await using IMailboxSession session = await OpenAsync(transport, new MailEndpoint { Host = "mail.example.test", Tls = TlsMode.StartTls });

        Assert.Empty(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());
        transport.AssertPlayedToTheEnd();
        Assert.Equal(
            [MailStep.Greeting, MailStep.Capabilities, MailStep.Capabilities, MailStep.Authenticate, MailStep.List],
            transport.Steps.Select(s => s.Step));
        Assert.All(transport.Steps, s => Assert.True(s.Success));
    }

    [Fact]
    public async Task An_answer_smuggled_in_behind_stls_is_refused()
    {
        var transport = new ScriptedTransport("""
            S: +OK ready
            C: CAPA            S: +OK\r\nSTLS\r\n.
            C: STLS            S: +OK begin\r\n+OK\r\nUSER\r\n.
            """);

        MailProtocolException e = await Assert.ThrowsAsync<MailProtocolException>(
            async () => await OpenAsync(transport, new MailEndpoint { Host = "mail.example.test", Tls = TlsMode.StartTls }));

        Assert.Equal("MailStartTlsInjection", e.ErrorId);
    }

    [Theory]
    [InlineData(@"C: CAPA            S: +OK\r\nUSER\r\n.", "MailStartTlsNotOffered")]
    [InlineData("C: CAPA            S: +OK\\r\\nSTLS\\r\\n.\nC: STLS            S: -ERR not now", "MailStartTlsRefused")]
    [InlineData("C: CAPA            S: -ERR what\nC: STLS            S: -ERR what", "MailStartTlsRefused")]
    public async Task Required_tls_is_never_given_up(string conversation, string errorId)
    {
        var transport = new ScriptedTransport("S: +OK ready\n" + conversation);

        MailTlsException e = await Assert.ThrowsAsync<MailTlsException>(
            async () => await OpenAsync(transport, new MailEndpoint { Host = "mail.example.test", Tls = TlsMode.StartTls, AllowPlainTextPassword = true }));

        Assert.Equal(errorId, e.ErrorId);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Optional_tls_goes_on_in_plain_text_only_where_that_is_allowed()
    {
        var transport = new ScriptedTransport("""
            S: +OK ready
            C: CAPA            S: +OK\r\nUSER\r\n.
            C: USER sales      S: +OK
            C: PASS s3cret-word  S: +OK
            C: CAPA            S: +OK\r\n.
            """);

        await using IMailboxSession session = await OpenAsync(transport, Plain with { Tls = TlsMode.StartTlsWhenAvailable });

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_mechanism_refused_before_the_credential_left_is_followed_by_the_next()
    {
        var transport = new ScriptedTransport("""
            S: +OK ready
            C: CAPA            S: +OK\r\nUSER\r\nSASL PLAIN LOGIN\r\n.
            C: AUTH PLAIN      S: -ERR unknown mechanism
            C: AUTH LOGIN      S: + VXNlcm5hbWU6
            C: c2FsZXM=        S: + UGFzc3dvcmQ6
            C: czNjcmV0LXdvcmQ=    S: +OK
            C: CAPA            S: +OK\r\n.
            """);

        await using IMailboxSession session = await OpenAsync(transport);

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_refused_password_is_not_tried_again_by_another_mechanism()
    {
        var transport = new ScriptedTransport("""
            S: +OK ready
            C: CAPA            S: +OK\r\nUSER\r\nSASL PLAIN LOGIN\r\n.
            C: AUTH PLAIN      S: +
            C: ***             S: -ERR no
            """);

        await Assert.ThrowsAsync<MailAuthenticationException>(async () => await OpenAsync(transport));

        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_server_that_offers_no_usable_way_to_log_in_is_named()
    {
        var transport = new ScriptedTransport("S: +OK ready\nC: CAPA            S: +OK\\r\\nSASL GSSAPI\\r\\n.");

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(async () => await OpenAsync(transport));

        Assert.Equal("MailNoMechanism", e.ErrorId);
        Assert.Contains("GSSAPI", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_user_name_with_a_line_break_is_never_sent()
    {
        var transport = new ScriptedTransport(Greeted);

        MailCommandException e = await Assert.ThrowsAnyAsync<MailCommandException>(async () => await new Pop3System().OpenMailboxAsync(
            Plain, new MailLogin("sales@example.test", MailCredential.Password("sales\r\nDELE 1", "x")), transport.Context, default));

        Assert.Equal("MailInvalidArgument", e.ErrorId);
        transport.AssertPlayedToTheEnd();
    }

    [Theory]
    [InlineData("S: -ERR [SYS/TEMP] too many connections", true)]
    [InlineData("S: -ERR [SYS/PERM] go away", false)]
    public async Task A_greeting_that_turns_away_is_a_connection_error(string greeting, bool transient)
    {
        var transport = new ScriptedTransport(greeting);

        MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(async () => await OpenAsync(transport));

        Assert.Equal("MailServerRefusedConnection", e.ErrorId);
        Assert.Equal(transient, e.IsTransient);
        MailStepReport report = Assert.Single(transport.Steps);
        Assert.False(report.Success);
    }

    [Theory]
    [InlineData("S: * OK IMAP4 ready")]
    [InlineData("S: HTTP/1.1 400 Bad Request")]
    [InlineData(@"S: \0\0\0")]
    [InlineData("S: +OKAY")]
    public async Task A_greeting_of_another_protocol_is_a_protocol_error(string greeting)
    {
        var transport = new ScriptedTransport(greeting);

        MailProtocolException e = await Assert.ThrowsAsync<MailProtocolException>(async () => await OpenAsync(transport));

        Assert.Equal("MailProtocolError", e.ErrorId);
        Assert.Equal(MailStep.Greeting, e.Step);
    }

    [Fact]
    public async Task A_stall_at_any_point_ends_in_a_time_out()
    {
        Script whole = Script.Load("Pop3", "dovecot");
        for (int cut = 0; cut < whole.Connections[0].Count; cut++)
        {
            if (whole.Connections[0][cut].Kind != ScriptKind.Server)
                continue;
            var transport = new ScriptedTransport(whole.CutAfter(cut, new ScriptItem(ScriptKind.Stall, "(stall)", [])));

            MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(async () => await RunAsync(transport));

            Assert.Equal("MailTimeout", e.ErrorId);
        }
    }

    [Fact]
    public async Task A_connection_that_drops_after_any_line_is_transient_and_loses_nothing()
    {
        Script whole = Script.Load("Pop3", "dovecot");
        for (int cut = 0; cut < whole.Connections[0].Count; cut++)
        {
            var transport = new ScriptedTransport(whole.CutAfter(cut));

            MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(async () => await RunAsync(transport));

            Assert.Equal("MailConnectionLost", e.ErrorId);
            Assert.True(e.IsTransient);
            Assert.True(transport.Streams[^1].IsDisposed);
        }
    }

    [Fact]
    public async Task Garbage_after_any_line_is_an_error_and_no_crash()
    {
        Script whole = Script.Load("Pop3", "dovecot");
        for (int cut = 0; cut < whole.Connections[0].Count; cut++)
        {
            var garbage = new ScriptItem(ScriptKind.Server, "garbage", [0xff, 0xfe, (byte)'\r', (byte)'\n', 0, (byte)'\n', .. "+OK"u8, (byte)'\r', (byte)'\n']);
            var transport = new ScriptedTransport(whole.CutAfter(cut, garbage, new ScriptItem(ScriptKind.Close, "(close)", [])));

            Exception? e = await Record.ExceptionAsync(() => RunAsync(transport));

            // Within a message the garbage is mail like any other, and the client rightly goes on.
            Assert.True(e is MailException or ScriptDeviationException, $"behind line {cut}: {e}");
        }
    }

    internal static async Task RunAsync(ScriptedTransport transport)
    {
        await using IMailboxSession session = await OpenAsync(transport);
        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();
        await foreach (FetchedMessage message in session.FetchAsync(messages, default))
        {
            message.Dispose();
            await session.SettleAsync(message.Message, Settlement.Delete, default);
        }

        await session.CompleteAsync(default);
    }

    internal static async Task<IMailboxSession> OpenAsync(ScriptedTransport transport, MailEndpoint? endpoint = null) =>
        await new Pop3System().OpenMailboxAsync(endpoint ?? Plain, Login, transport.Context, default);
}

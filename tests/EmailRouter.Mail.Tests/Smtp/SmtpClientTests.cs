using EmailRouter.Mail.Tests.Scripting;

namespace EmailRouter.Mail.Tests.Smtp;

public sealed class SmtpClientTests
{
    private static readonly MailCredential Password = MailCredential.Password("box", "s3cret-word");

    private static readonly MailEndpoint Plain = new() { Host = "mx.example.test", Tls = TlsMode.None, AllowPlainTextPassword = true };

    public static TheoryData<string, Playing> Quirks
    {
        get
        {
            var data = new TheoryData<string, Playing>();
            foreach (string file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Smtp", "Scripts"), "*.txt").Order())
            {
                foreach (Playing playing in new[] { new Playing(), new Playing(BareLf: true), new Playing(OneByteAtATime: true) })
                    data.Add(Path.GetFileNameWithoutExtension(file), playing);
            }

            return data;
        }
    }

    /// <summary>Each script logs in and sends one message from box@example.test to a@example.test.</summary>
    [Theory]
    [MemberData(nameof(Quirks))]
    public async Task Mail_is_sent_whatever_the_server_is_like(string server, Playing playing)
    {
        var transport = new ScriptedTransport(Script.Load("Smtp", server), playing);

        SendReceipt receipt;
        await using (IMailSender sender = await SmtpSenderTests.OpenAsync(transport, Plain with { Tls = TlsMode.StartTlsWhenAvailable }, Password))
            receipt = await sender.SendAsync(SmtpSenderTests.Message("x\r\n", "a@example.test"), default);

        Assert.Equal(SendStatus.Accepted, receipt.Status);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Secrets_never_reach_the_log_nor_an_exception_even_when_the_server_repeats_them()
    {
        var transport = new ScriptedTransport("""
            S: 220 mx
            C: EHLO router.example.test      S: 250-mx\r\n250 AUTH PLAIN
            C: AUTH PLAIN AGJveABzM2NyZXQtd29yZA==    S: 535 5.7.8 no AGJveABzM2NyZXQtd29yZA== nor s3cret-word
            """);

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(
            async () => await SmtpSenderTests.OpenAsync(transport, Plain, Password));

        Assert.Equal("MailAuthenticationFailed", e.ErrorId);
        string everything = string.Join('\n', transport.Log) + e + string.Join('\n', e.Conversation) + e.Reply;
        Assert.Contains("AUTH PLAIN ***", everything, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", everything, StringComparison.Ordinal);
        Assert.DoesNotContain("AGJveABzM2NyZXQtd29yZA", everything, StringComparison.Ordinal);
        transport.AssertPlayedToTheEnd();
    }

    [Theory]
    [InlineData("454 4.7.0 later", "MailServerTemporarilyUnavailable", true)]
    [InlineData("535 5.7.8 wrong", "MailAuthenticationFailed", false)]
    [InlineData("534 5.7.9 too weak", "MailAuthenticationFailed", false)]
    public async Task A_refused_login_is_told_apart_by_its_code(string reply, string errorId, bool transient)
    {
        var transport = new ScriptedTransport($"""
            S: 220 mx
            C: EHLO router.example.test      S: 250-mx\r\n250 AUTH PLAIN LOGIN
            C: AUTH PLAIN ***                S: {reply}
            """);

        MailCommandException e = await Assert.ThrowsAnyAsync<MailCommandException>(
            async () => await SmtpSenderTests.OpenAsync(transport, Plain, Password));

        Assert.Equal(errorId, e.ErrorId);
        Assert.Equal(transient, e.IsTransient);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_password_does_not_cross_a_line_without_tls_unless_allowed()
    {
        var transport = new ScriptedTransport("S: 220 mx\nC: EHLO router.example.test      S: 250-mx\\r\\n250 AUTH PLAIN");

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(
            async () => await SmtpSenderTests.OpenAsync(transport, Plain with { AllowPlainTextPassword = false }, Password));

        Assert.Equal("MailPasswordNeedsTls", e.ErrorId);
    }

    [Theory]
    [InlineData("C: EHLO router.example.test      S: 250 mx", "MailStartTlsNotOffered", false)]
    [InlineData("C: EHLO router.example.test      S: 250-mx\\r\\n250 STARTTLS\nC: STARTTLS  S: 454 4.7.0 not now", "MailStartTlsRefused", true)]
    [InlineData("C: EHLO router.example.test      S: 502 what\nC: HELO router.example.test  S: 250 mx", "MailStartTlsNotOffered", false)]
    public async Task Required_tls_is_never_given_up(string conversation, string errorId, bool transient)
    {
        var transport = new ScriptedTransport("S: 220 mx\n" + conversation);

        MailTlsException e = await Assert.ThrowsAsync<MailTlsException>(
            async () => await SmtpSenderTests.OpenAsync(transport, Plain with { Tls = TlsMode.StartTls }, Password));

        Assert.Equal(errorId, e.ErrorId);
        Assert.Equal(transient, e.IsTransient);
    }

    [Fact]
    public async Task A_reply_smuggled_in_behind_starttls_is_refused()
    {
        var transport = new ScriptedTransport("""
            S: 220 mx
            C: EHLO router.example.test      S: 250-mx\r\n250 STARTTLS
            C: STARTTLS                      S: 220 go\r\n250-mx\r\n250 AUTH PLAIN
            """);

        MailProtocolException e = await Assert.ThrowsAsync<MailProtocolException>(
            async () => await SmtpSenderTests.OpenAsync(transport, Plain with { Tls = TlsMode.StartTls }, Password));

        Assert.Equal("MailStartTlsInjection", e.ErrorId);
    }

    [Theory]
    [InlineData("S: 421 4.3.2 too busy", true)]
    [InlineData("S: 554 5.7.1 your address is not welcome", false)]
    public async Task A_greeting_that_turns_away_is_a_connection_error(string greeting, bool transient)
    {
        var transport = new ScriptedTransport(greeting);

        MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(async () => await SmtpSenderTests.OpenAsync(transport));

        Assert.Equal("MailServerRefusedConnection", e.ErrorId);
        Assert.Equal(transient, e.IsTransient);
    }

    [Theory]
    [InlineData("S: +OK ready")]
    [InlineData("S: SSH-2.0-OpenSSH")]
    [InlineData("S: 22")]
    [InlineData("S: 220x")]
    [InlineData("S: 999 what")]
    public async Task A_greeting_of_another_protocol_is_a_protocol_error(string greeting)
    {
        var transport = new ScriptedTransport(greeting);

        MailProtocolException e = await Assert.ThrowsAsync<MailProtocolException>(async () => await SmtpSenderTests.OpenAsync(transport));

        Assert.Equal("MailProtocolError", e.ErrorId);
    }

    [Fact]
    public async Task An_endless_reply_is_cut_off()
    {
        var transport = new ScriptedTransport("S: " + string.Concat(Enumerable.Repeat(@"220-more\r\n", 600)) + "220 end");

        MailProtocolException e = await Assert.ThrowsAsync<MailProtocolException>(async () => await SmtpSenderTests.OpenAsync(transport));

        Assert.Equal("MailResponseTooLong", e.ErrorId);
    }

    [Fact]
    public async Task A_user_name_with_a_line_break_travels_in_base64_only()
    {
        var transport = new ScriptedTransport("""
            S: 220 mx
            C: EHLO router.example.test      S: 250-mx\r\n250 AUTH LOGIN
            C: AUTH LOGIN                    S: 334 VXNlcm5hbWU6
            C: Ym94DQpSU0VU                  S: 535 no
            """);

        await Assert.ThrowsAsync<MailAuthenticationException>(
            async () => await SmtpSenderTests.OpenAsync(transport, Plain, MailCredential.Password("box\r\nRSET", "x")));
        transport.AssertPlayedToTheEnd();
    }
}

using EmailRouter.Mail.Pop3;
using EmailRouter.Mail.Smtp;
using EmailRouter.Mail.Tests.Scripting;

namespace EmailRouter.Mail.Tests.Net.Sasl;

/// <summary>Whole logins over POP3 and SMTP; the scripts are text files, one for each way a server behaves.</summary>
public sealed class SaslConversationTests
{
    private static readonly MailCredential Password = MailCredential.Password("box", "s3cret-word");
    private static readonly MailCredential Token = MailCredential.Token("box@example.test", _ => ValueTask.FromResult(new AccessToken("t0ken-of-the-box")));

    private static MailEndpoint Clear => new() { Host = "mx.example.test", Tls = TlsMode.None, Options = new Dictionary<string, string> { ["EhloName"] = "router.example.test" } };

    [Theory]
    [InlineData("pop3-xoauth2-in-two-steps")]
    [InlineData("smtp-xoauth2")]
    [InlineData("smtp-oauthbearer")]
    public async Task A_token_logs_in(string script)
    {
        var transport = new ScriptedTransport(Script.Load("Net/Sasl", script));

        await LogInAsync(transport, Clear with { AllowPlainTextPassword = true }, Token);

        Assert.DoesNotContain(transport.Log, l => l.Contains("t0ken", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("pop3-xoauth2-refused", "status 401")]
    [InlineData("smtp-xoauth2-refused", "status 401")]
    [InlineData("smtp-oauthbearer-refused", "invalid_token")]
    public async Task A_refused_token_is_told_with_the_servers_reason(string script, string reason)
    {
        var transport = new ScriptedTransport(Script.Load("Net/Sasl", script));

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(
            () => LogInAsync(transport, Clear with { AllowPlainTextPassword = true }, Token));

        Assert.Equal("MailAuthenticationFailed", e.ErrorId);
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("t0ken", e.Message + string.Join('\n', transport.Log), StringComparison.Ordinal);
        transport.AssertPlayedToTheEnd();
    }

    [Theory]
    [InlineData("pop3-cram-md5-in-the-clear")]
    [InlineData("smtp-cram-md5-in-the-clear")]
    public async Task A_digest_may_cross_a_clear_line_where_the_password_may_not(string script)
    {
        var transport = new ScriptedTransport(Script.Load("Net/Sasl", script));

        await LogInAsync(transport, Clear, Password);

        transport.AssertPlayedToTheEnd();
    }

    [Theory]
    [InlineData("pop3-only-passwords")]
    [InlineData("smtp-only-passwords")]
    public async Task A_token_does_not_cross_a_clear_line_either(string script)
    {
        var transport = new ScriptedTransport(Script.Load("Net/Sasl", script));

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(() => LogInAsync(transport, Clear, Token));

        Assert.Equal("MailPasswordNeedsTls", e.ErrorId);
    }

    [Theory]
    [InlineData("smtp-scram-server-says-yes-too-early")]
    [InlineData("smtp-scram-wrong-nonce")]
    [InlineData("pop3-scram-wrong-nonce")]
    public async Task A_server_that_proves_nothing_gets_no_password_by_another_mechanism(string script)
    {
        var transport = new ScriptedTransport(Script.Load("Net/Sasl", script));

        MailProtocolException e = await Assert.ThrowsAsync<MailProtocolException>(
            () => LogInAsync(transport, Clear with { AllowPlainTextPassword = true }, Password));

        Assert.Equal("MailServerNotProven", e.ErrorId);
        transport.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_source_of_tokens_that_fails_says_why()
    {
        var transport = new ScriptedTransport(Script.Load("Net/Sasl", "smtp-no-login-tried"));
        MailCredential credential = MailCredential.Token(
            "box", _ => throw new MailAuthenticationException("MailTokenUnavailable", "no consent", "Give consent."));

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(
            () => LogInAsync(transport, Clear with { AllowPlainTextPassword = true }, credential));

        Assert.Equal("MailTokenUnavailable", e.ErrorId);
    }

    private static async Task LogInAsync(ScriptedTransport transport, MailEndpoint endpoint, MailCredential credential)
    {
        var login = new MailLogin("box@example.test", credential);

        // POP3 asks CAPA first, SMTP says EHLO: the system follows from what the script expects.
        bool pop3 = transport.Expects("CAPA");
        if (pop3)
            await using (await new Pop3System().OpenMailboxAsync(endpoint, login, transport.Context, default)) { }
        else
            await using (await new SmtpSystem().OpenSenderAsync(endpoint, login, transport.Context, default)) { }
    }
}

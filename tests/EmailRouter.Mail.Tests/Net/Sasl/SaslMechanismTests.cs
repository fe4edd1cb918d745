using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EmailRouter.Mail.Net;
using EmailRouter.Mail.Net.Sasl;

namespace EmailRouter.Mail.Tests.Net.Sasl;

public sealed class SaslMechanismTests
{
    [Fact]
    public async Task CramMd5_meets_the_example_of_its_specification()
    {
        var cram = new SaslCramMd5("tim", "tanstaaftanstaaf");

        Assert.Null(await cram.StartAsync(default));
        Assert.Equal("tim b913a602c7eda7a495b4e6e7334d3890", await SayAsync(cram, "<1896.697170952@postoffice.reston.mci.net>"));
        Assert.True(cram.IsComplete);
    }

    [Fact]
    public async Task CramMd5_digests_no_empty_challenge()
    {
        var cram = new SaslCramMd5("tim", "x");

        Assert.Null(await SayAsync(cram, string.Empty));
        Assert.False(cram.IsComplete);
    }

    [Fact]
    public async Task Plain_carries_the_identity_to_act_as()
    {
        Assert.Equal("box\0master\0pw", Text(await new SaslPlain("master", "pw", "box").StartAsync(default)));
    }

    [Fact]
    public async Task XOAuth2_answers_the_reason_of_a_failure_with_an_empty_line_and_tells_it()
    {
        var mechanism = new SaslXOAuth2(Token("box@example.test"));

        Assert.Equal("user=box@example.test\u0001auth=Bearer t0ken\u0001\u0001", Text(await mechanism.StartAsync(default)));
        Assert.True(mechanism.IsComplete);
        Assert.Equal(string.Empty, await SayAsync(mechanism, """{"status":"401","schemes":"bearer","scope":"mail"}"""));
        Assert.False(mechanism.IsComplete);
        Assert.Equal("status 401, schemes bearer, scope mail", mechanism.Explanation);
        Assert.Null(await SayAsync(mechanism, "{}"));
    }

    [Fact]
    public async Task OAuthBearer_escapes_the_user_and_ends_a_failure_with_one_control_byte()
    {
        var mechanism = new SaslOAuthBearer(Token("a,b=c"), "mx.example.test", 587);

        Assert.Equal("n,a=a=2Cb=3Dc,\u0001host=mx.example.test\u0001port=587\u0001auth=Bearer t0ken\u0001\u0001", Text(await mechanism.StartAsync(default)));
        Assert.Equal("\u0001", await SayAsync(mechanism, """{"status":"invalid_token"}"""));
    }

    [Theory]
    [InlineData("no json")]
    [InlineData("[1]")]
    [InlineData("{\"status\":1}")]
    [InlineData("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}")]
    public async Task Whatever_the_failure_looks_like_it_is_one(string challenge)
    {
        var mechanism = new SaslXOAuth2(Token("box"));
        await mechanism.StartAsync(default);

        Assert.Equal(string.Empty, await SayAsync(mechanism, challenge));
        Assert.Equal("the token was refused", mechanism.Explanation);
    }

    [Fact]
    public async Task A_token_is_sent_again_only_once_to_a_server_that_ignores_initial_responses()
    {
        var mechanism = new SaslXOAuth2(Token("box"));
        byte[]? first = await mechanism.StartAsync(default);

        Assert.Equal(first, await mechanism.RespondAsync(default, default));
        Assert.True(mechanism.IsComplete);
        Assert.Equal(string.Empty, await SayAsync(mechanism, string.Empty));
        Assert.Null(await SayAsync(mechanism, string.Empty));
    }

    [Theory]
    [InlineData(true, false, "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN CRAM-MD5 NTLM")]
    [InlineData(false, false, "SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 NTLM PLAIN LOGIN")]
    [InlineData(true, true, "OAUTHBEARER XOAUTH2")]
    public void Mechanisms_that_give_least_away_come_first(bool secure, bool token, string expected)
    {
        string[] offered = [.. "NTLM LOGIN PLAIN xoauth2 OAUTHBEARER CRAM-MD5 GSSAPI SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS X-NEW".Split(' ')];
        MailCredential credential = token ? Token("box") : MailCredential.Password("box", "pw");

        IReadOnlyList<ISaslMechanism> chosen = SaslSelection.Choose(offered, Context(secure), new MailEndpoint { Host = "h" }, credential);

        Assert.Equal(expected, string.Join(' ', chosen.Select(m => m.Name)));
    }

    [Fact]
    public void The_administrators_order_counts()
    {
        var endpoint = new MailEndpoint { Host = "h", Mechanisms = ["login", "GSSAPI", "NTLM", "XOAUTH2", "CRAM-MD5"] };

        IReadOnlyList<ISaslMechanism> chosen =
            SaslSelection.Choose(["PLAIN", "LOGIN", "GSSAPI", "NTLM"], Context(true), endpoint, MailCredential.Password("box", "pw"));

        Assert.Equal("LOGIN GSSAPI NTLM", string.Join(' ', chosen.Select(m => m.Name)));
    }

    [Fact]
    public void A_password_that_scram_cannot_carry_goes_another_way()
    {
        IReadOnlyList<ISaslMechanism> chosen = SaslSelection.Choose(
            ["SCRAM-SHA-256", "PLAIN"], Context(true), new MailEndpoint { Host = "h" }, MailCredential.Password("box", "p\u0007w"));

        Assert.Equal("PLAIN", Assert.Single(chosen).Name);
    }

    [Fact]
    public void The_process_account_uses_tickets_only()
    {
        IReadOnlyList<ISaslMechanism> chosen = SaslSelection.Choose(
            ["PLAIN", "NTLM", "GSSAPI", "SCRAM-SHA-256"], Context(true), new MailEndpoint { Host = "h" }, MailCredential.Process());

        Assert.Equal("GSSAPI NTLM", string.Join(' ', chosen.Select(m => m.Name)));
    }

    [Fact]
    public async Task Gssapi_ends_by_declining_a_security_layer()
    {
        var context = new ScriptedContext("one", "two");
        var gssapi = new SaslNegotiate("GSSAPI", () => context, securityLayer: true, "boss");

        Assert.Equal("one", Text(await gssapi.StartAsync(default)));
        Assert.Equal("two", await SayAsync(gssapi, "token"));
        Assert.False(gssapi.IsComplete);
        byte[]? last = await gssapi.RespondAsync(new byte[] { 0xFF, 7, 0, 16, 0 }, default);
        Assert.Equal([0xFF, 1, 0, 0, 0, .. "boss"u8], last);
        Assert.True(gssapi.IsComplete);
        Assert.True(context.IsDisposed);
    }

    [Theory]
    [InlineData(new byte[] { 0xFF, 6, 0, 16, 0 }, "demands")]
    [InlineData(new byte[] { 0xFE, 7, 0, 16, 0 }, "not signed")]
    [InlineData(new byte[] { 0xFF, 7 }, "not signed")]
    public async Task Gssapi_takes_no_layer_it_cannot_or_may_not(byte[] offer, string why)
    {
        var gssapi = new SaslNegotiate("GSSAPI", () => new ScriptedContext("one"), securityLayer: true);
        await gssapi.StartAsync(default);

        Assert.Null(await gssapi.RespondAsync(offer, default));
        Assert.Contains(why, gssapi.Explanation, StringComparison.Ordinal);
        Assert.False(gssapi.IsComplete);
    }

    [Fact]
    public async Task A_platform_without_the_mechanism_cancels_it()
    {
        var ntlm = new SaslNegotiate("NTLM", () => throw new PlatformNotSupportedException("no NTLM"), securityLayer: false);

        Assert.Null(await ntlm.StartAsync(default));
        Assert.Null(await SayAsync(ntlm, string.Empty));
        Assert.Contains("no NTLM", ntlm.Explanation, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_platforms_ntlm_speaks_or_says_that_it_is_missing()
    {
        SaslNegotiate ntlm = SaslNegotiate.Create("NTLM", MailCredential.Password("EXAMPLE\\box", "pw"), Context(true));

        byte[]? first = await ntlm.StartAsync(default);

        Assert.False(ntlm.IsComplete);
        if (first is null)
            Assert.Contains("NTLM", ntlm.Explanation, StringComparison.Ordinal);
        else
            Assert.StartsWith("NTLMSSP\0", Encoding.ASCII.GetString(first), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SHA256", 32)]
    [InlineData("SHA384", 48)]
    [InlineData("SHA512", 64)]
    public void The_channel_binding_is_the_certificates_hash_by_its_own_function(string hash, int length)
    {
        using var key = ECDsa.Create();
        var request = new CertificateRequest("CN=mx.example.test", key, new HashAlgorithmName(hash));
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(1));

        byte[]? binding = CertificateJudge.EndPointBinding(certificate);

        Assert.Equal(length, binding!.Length);
        Assert.Equal(certificate.GetCertHash(new HashAlgorithmName(hash)), binding);
    }

    private static SaslContext Context(bool secure) => new("smtp", "mx.example.test", 587, secure, secure ? [1, 2] : null);

    private static TokenCredential Token(string user) => new(user, _ => ValueTask.FromResult(new AccessToken("t0ken")));

    private static string? Text(byte[]? bytes) => bytes is null ? null : Encoding.UTF8.GetString(bytes);

    private static async Task<string?> SayAsync(ISaslMechanism mechanism, string text) => Text(await mechanism.RespondAsync(Encoding.UTF8.GetBytes(text), default));

    /// <summary>Signs by a leading 0xFF.</summary>
    private sealed class ScriptedContext(params string[] tokens) : ISecurityContext
    {
        private int next;

        public bool IsDisposed { get; private set; }

        public bool IsAuthenticated => next == tokens.Length;

        public string? Step(ReadOnlySpan<byte> incoming, out byte[]? outgoing)
        {
            outgoing = Encoding.UTF8.GetBytes(tokens[next++]);
            return null;
        }

        public byte[]? Wrap(ReadOnlySpan<byte> message) => [0xFF, .. message];

        public byte[]? Unwrap(ReadOnlySpan<byte> wrapped) => wrapped[0] == 0xFF ? wrapped[1..].ToArray() : null;

        public void Dispose() => IsDisposed = true;
    }
}

using System.Net;
using System.Text;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Tests.Configuration.Tokens;

/// <summary>Tokens from a scripted identity provider; the net is never asked.</summary>
public sealed class TokenSourceTests : IDisposable
{
    private const string Tenant = "11111111-2222-3333-4444-555555555555";

    private readonly TemporaryFolder folder = new();
    private readonly Provider provider = new();
    private readonly ISecretProtector secrets;

    public TokenSourceTests() => secrets = SecretProtector.For(folder["emailrouter.json"]);

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_client_gets_a_token_by_its_secret_once_and_keeps_it_protected_on_the_disk()
    {
        ProfileConfiguration profile = Profile();
        provider.Answer("""{"token_type":"Bearer","expires_in":3600,"access_token":"t0ken-1"}""");
        TokenSource source = Source();

        AccessToken first = await source.GetAsync(profile, "box@example.test", default);
        AccessToken second = await source.GetAsync(profile, "other@example.test", default);
        AccessToken afterRestart = await Source().GetAsync(profile, "box@example.test", default);

        Assert.Equal(["t0ken-1", "t0ken-1", "t0ken-1"], new[] { first.Value, second.Value, afterRestart.Value });
        string request = Assert.Single(provider.Requests);
        Assert.Contains($"/{Tenant}/oauth2/v2.0/token", request, StringComparison.Ordinal);
        Assert.Contains("grant_type=client_credentials", request, StringComparison.Ordinal);
        Assert.Contains("client_secret=s3cret", request, StringComparison.Ordinal);
        Assert.Contains("outlook.office365.com", request, StringComparison.Ordinal);
        string file = Assert.Single(Directory.GetFiles(folder.Path, "tokens.*"));
        Assert.DoesNotContain("t0ken", await File.ReadAllTextAsync(file), StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    [Fact]
    public async Task A_token_that_is_about_to_expire_is_renewed()
    {
        provider.Answer("""{"token_type":"Bearer","expires_in":10,"access_token":"t0ken-1"}""");
        provider.Answer("""{"token_type":"Bearer","expires_in":3600,"access_token":"t0ken-2"}""");
        TokenSource source = Source();

        await source.GetAsync(Profile(), "box@example.test", default);
        AccessToken second = await source.GetAsync(Profile(), "box@example.test", default);

        Assert.Equal("t0ken-2", second.Value);
        Assert.Equal(2, provider.Requests.Count);
    }

    [Fact]
    public async Task A_cache_that_cannot_be_read_is_got_anew()
    {
        provider.Answer("""{"token_type":"Bearer","expires_in":3600,"access_token":"t0ken-1"}""");
        provider.Answer("""{"token_type":"Bearer","expires_in":3600,"access_token":"t0ken-2"}""");
        await Source().GetAsync(Profile(), "box@example.test", default);
        await File.WriteAllTextAsync(Directory.GetFiles(folder.Path, "tokens.*").Single(), "aesgcm1:AAAA");

        Assert.Equal("t0ken-2", (await Source().GetAsync(Profile(), "box@example.test", default)).Value);
    }

    [Fact]
    public async Task A_refusal_names_the_profile_and_what_to_check_and_never_the_secret()
    {
        provider.Answer("""{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}""", HttpStatusCode.Unauthorized);

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(async () => await Source().GetAsync(Profile(), "box@example.test", default));

        Assert.Equal("MailTokenRefused", e.ErrorId);
        Assert.Contains("Office", e.Message, StringComparison.Ordinal);
        Assert.Contains("AADSTS7000215", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", e.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_provider_that_is_down_is_a_passing_trouble()
    {
        for (int i = 0; i < 4; i++)
            provider.Answer("{}", HttpStatusCode.ServiceUnavailable);

        MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(async () => await Source().GetAsync(Profile(), "box@example.test", default));

        Assert.Equal("MailTokenUnavailable", e.ErrorId);
        Assert.True(e.IsTransient);
    }

    [Fact]
    public async Task A_person_signs_in_once_with_a_code_and_the_token_is_renewed_after_a_restart()
    {
        ProfileConfiguration profile = Profile(OAuthFlow.DeviceCode);
        MailAuthenticationException before = await Assert.ThrowsAsync<MailAuthenticationException>(async () => await Source().GetAsync(profile, "box@example.test", default));
        provider.Answer("""{"user_code":"ABCD","device_code":"d","verification_uri":"https://example.test/device","expires_in":900,"interval":0,"message":"Go there"}""");
        provider.Answer(SignedIn("t0ken-1", 10));
        provider.Answer(SignedIn("t0ken-2", 3600));
        var shown = new List<DeviceCodePrompt>();

        string user = await Source().SignInAsync(profile, prompt => { shown.Add(prompt); return Task.CompletedTask; }, default);
        AccessToken renewed = await Source().GetAsync(profile, "box@example.test", default);

        Assert.Equal("MailTokenSignInNeeded", before.ErrorId);
        Assert.Equal(("ABCD", "https://example.test/device"), (shown.Single().UserCode, shown.Single().Url));
        Assert.Equal("box@example.test", user);
        Assert.Equal("t0ken-2", renewed.Value);
        Assert.Contains("grant_type=refresh_token", provider.Requests[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void The_credential_of_a_mailbox_gets_its_token_when_it_is_needed()
    {
        var credential = Assert.IsType<TokenCredential>(Source().CredentialOf(Profile(), "box@example.test"));

        Assert.Equal("box@example.test", credential.UserName);
        Assert.Empty(provider.Requests);
    }

    private static string SignedIn(string token, int expiresIn)
    {
        static string Part(string json) => Convert.ToBase64String(Encoding.UTF8.GetBytes(json)).TrimEnd('=').Replace('+', '-').Replace('/', '_');
        string id = $$"""{"aud":"app","iss":"https://login.example.test/{{Tenant}}/v2.0","oid":"o","sub":"s","tid":"{{Tenant}}","preferred_username":"box@example.test","ver":"2.0"}""";
        string client = $$"""{"uid":"o","utid":"{{Tenant}}"}""";
        return $$"""
            {"token_type":"Bearer","scope":"https://outlook.office365.com/.default","expires_in":{{expiresIn}},"access_token":"{{token}}","refresh_token":"r-{{token}}",
            "id_token":"{{Part("{\"alg\":\"none\"}")}}.{{Part(id)}}.","client_info":"{{Part(client)}}"}
            """;
    }

    private TokenSource Source() => new(folder.Path, secrets, () => new HttpClient(provider, disposeHandler: false));

    private ProfileConfiguration Profile(OAuthFlow flow = OAuthFlow.ClientCredentials) => new()
    {
        Name = "Office",
        Direction = MailDirection.Incoming,
        System = "Pop3",
        Host = "outlook.example.test",
        CredentialSource = CredentialSource.OAuth,
        OAuth = new OAuthConfiguration
        {
            ClientId = "app",
            Authority = new Uri($"https://login.example.test/{Tenant}"),
            Flow = flow,
            ClientSecret = flow == OAuthFlow.ClientCredentials ? secrets.Protect("s3cret") : null,
        },
    };

    private sealed class Provider : HttpMessageHandler
    {
        private readonly Queue<(string Json, HttpStatusCode Status)> answers = new();

        public List<string> Requests { get; } = [];

        public void Answer(string json, HttpStatusCode status = HttpStatusCode.OK) => answers.Enqueue((json, status));

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            string body = request.Content is null ? string.Empty : await request.Content.ReadAsStringAsync(cancellationToken);
            Requests.Add($"{request.Method} {request.RequestUri} {body}");
            Assert.True(answers.TryDequeue(out (string Json, HttpStatusCode Status) answer), $"The provider is asked once more than it answers: {Requests[^1]}");
            return new HttpResponseMessage(answer.Status) { Content = new StringContent(answer.Json, Encoding.UTF8, "application/json") };
        }
    }
}

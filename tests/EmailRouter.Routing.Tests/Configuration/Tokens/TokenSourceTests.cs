using System.Net;
using System.Text;
using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Tests.Configuration.Tokens;

/// <summary>Tokens from a scripted identity provider; the net is never asked.</summary>
public sealed class TokenSourceTests : IDisposable
{
    private const string Tenant = "11111111-2222-3333-4444-555555555555";

    private const string DeviceCode =
        """{"user_code":"ABCD","device_code":"d","verification_uri":"https://example.test/device","expires_in":900,"interval":0,"message":"Go there"}""";

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
        provider.Answer(DeviceCode);
        provider.Answer(SignedIn("t0ken-1", 10));
        provider.Answer(SignedIn("t0ken-2", 3600));
        var shown = new List<DeviceCodePrompt>();

        TokenSource signing = Source();
        string user = await signing.SignInAsync(signing.SubjectOf(profile), prompt => { shown.Add(prompt); return Task.CompletedTask; }, null, default);
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

    [Fact]
    public async Task A_refused_token_is_renewed_past_every_cache_and_only_once_for_all_who_were_refused()
    {
        provider.Answer("""{"token_type":"Bearer","expires_in":3600,"access_token":"t0ken-1"}""");
        provider.Answer("""{"token_type":"Bearer","expires_in":3600,"access_token":"t0ken-2"}""");
        var credential = Assert.IsType<TokenCredential>(Source().CredentialOf(Profile(), "box@example.test"));
        await credential.GetTokenAsync(default);

        AccessToken[] renewed = await Task.WhenAll(credential.RenewAsync!(default).AsTask(), credential.RenewAsync(default).AsTask());

        Assert.Equal(["t0ken-2", "t0ken-2"], renewed.Select(token => token.Value));
        Assert.Equal("t0ken-2", (await credential.GetTokenAsync(default)).Value);
        Assert.Equal(2, provider.Requests.Count);
    }

    [Fact]
    public async Task A_token_of_a_deployment_is_for_its_organization_and_its_failures_are_those_of_the_CRM()
    {
        provider.Answer("""{"token_type":"Bearer","expires_in":3600,"access_token":"t0ken-1"}""");
        provider.Answer("""{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys are expired."}""", HttpStatusCode.Unauthorized);
        CrmToken credential = Source().CredentialOf(TokenSubject.Of(Deployment()));

        Assert.Equal("t0ken-1", await credential.GetTokenAsync(false, default));
        CrmException e = await Assert.ThrowsAsync<CrmException>(async () => await credential.GetTokenAsync(true, default));

        Assert.Contains("scope=https%3A%2F%2Fcontoso.crm4.example.test%2F.default", provider.Requests[0], StringComparison.Ordinal);
        Assert.Equal("CrmTokenRefused", e.ErrorId);
        Assert.Contains("the deployment Main", e.Message, StringComparison.Ordinal);
        Assert.Contains("expired", e.Message, StringComparison.Ordinal);
        Assert.Contains("Set-RouterDeployment 'Main' -ClientSecret", e.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_applications_of_a_deployment_keep_their_tokens_apart()
    {
        provider.Answer("""{"token_type":"Bearer","expires_in":3600,"access_token":"t0ken-1"}""");
        provider.Answer("""{"token_type":"Bearer","expires_in":3600,"access_token":"t0ken-2"}""");
        DeploymentConfiguration deployment = Deployment();
        OAuthConfiguration second = deployment.OAuth! with { ClientId = "app-2" };

        string[] tokens =
        [
            (await Source().GetAsync(TokenSubject.Of(deployment), null, false, default)).Value,
            (await Source().GetAsync(TokenSubject.Of(deployment, second), null, false, default)).Value,
            (await Source().GetAsync(TokenSubject.Of(deployment), null, false, default)).Value,
        ];

        Assert.Equal(["t0ken-1", "t0ken-2", "t0ken-1"], tokens);
        Assert.Equal(2, Directory.GetFiles(folder.Path, "tokens.*").Length);
    }

    [Theory]
    [InlineData("AADSTS7000215", "MailTokenRefused", "value, not its id")]
    [InlineData("AADSTS700016", "MailTokenRefused", "application's id")]
    [InlineData("AADSTS90002", "MailTokenRefused", "tenant's id")]
    [InlineData("AADSTS65001", "MailTokenRefused", "grant consent")]
    [InlineData("AADSTS500011", "MailTokenRefused", "service's address")]
    [InlineData("AADSTS700027", "MailTokenRefused", "Upload the certificate")]
    [InlineData("AADSTS700024", "MailTokenRefused", "clock")]
    [InlineData("AADSTS50076", "MailTokenSignInNeeded", "Register-RouterSignIn -Profile 'Office'")]
    [InlineData("AADSTS50057", "MailTokenRefused", "Enable the account")]
    [InlineData("AADSTS53003", "MailTokenRefused", "sign-in log")]
    [InlineData("AADSTS99999", "MailTokenRefused", "Check tenant, application id")]
    public async Task Each_code_of_the_provider_has_its_remedy(string code, string errorId, string remedy)
    {
        provider.Answer($$"""{"error":"invalid_grant","error_description":"{{code}}: Something. Trace ID: x"}""", HttpStatusCode.BadRequest);

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(async () => await Source().GetAsync(Profile(), "box@example.test", default));

        Assert.Equal(errorId, e.ErrorId);
        Assert.Contains(code, e.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, e.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Imap", "https://outlook.office365.com/IMAP.AccessAsUser.All")]
    [InlineData("Pop3", "https://outlook.office365.com/POP.AccessAsUser.All")]
    [InlineData("Smtp", "https://outlook.office365.com/SMTP.Send")]
    [InlineData("Plugin", "https://outlook.office365.com/.default")]
    public void A_person_is_asked_for_the_rights_that_the_system_needs_and_no_more(string system, string scope) =>
        Assert.Equal([scope], Source().SubjectOf(Profile(OAuthFlow.DeviceCode) with { System = system }).Scopes);

    [Fact]
    public void Configured_scopes_stand_for_the_default() =>
        Assert.Equal(["https://x.test/y"], Source().SubjectOf(Profile() with { OAuth = Profile().OAuth! with { Scopes = ["https://x.test/y"] } }).Scopes);

    [Fact]
    public async Task Another_account_than_the_one_that_signed_in_is_named_with_those_there_are()
    {
        ProfileConfiguration profile = Profile(OAuthFlow.DeviceCode);
        await SignInAsync(profile);

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(async () => await Source().GetAsync(profile, "other@example.test", default));

        Assert.Equal("MailTokenSignInNeeded", e.ErrorId);
        Assert.Contains("signed in are: box@example.test", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_only_account_that_signed_in_serves_a_deployment()
    {
        DeploymentConfiguration deployment = Deployment() with { OAuth = Deployment().OAuth! with { Flow = OAuthFlow.DeviceCode, ClientSecret = null } };
        provider.Answer(DeviceCode);
        provider.Answer(SignedIn("t0ken-1", 3600, "https://contoso.crm4.example.test/user_impersonation"));
        TokenSource source = Source();
        TokenSubject subject = TokenSubject.Of(deployment);

        await source.SignInAsync(subject, _ => Task.CompletedTask, null, default);

        Assert.Equal("t0ken-1", (await Source().GetAsync(subject, null, false, default)).Value);
        Assert.Contains("user_impersonation", provider.Requests[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_code_that_nobody_enters_says_so()
    {
        provider.Answer(DeviceCode);
        provider.Answer("""{"error":"authorization_declined","error_description":"AADSTS70018: declined"}""", HttpStatusCode.BadRequest);
        TokenSource source = Source();

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(() =>
            source.SignInAsync(source.SubjectOf(Profile(OAuthFlow.DeviceCode)), _ => Task.CompletedTask, null, default));

        Assert.Equal("MailTokenSignInNeeded", e.ErrorId);
        Assert.Contains("declined", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_signs_in_where_an_application_logs_in_itself()
    {
        TokenSource source = Source();

        await Assert.ThrowsAsync<ArgumentException>(() => source.SignInAsync(source.SubjectOf(Profile()), _ => Task.CompletedTask, null, default));
    }

    [Fact]
    public async Task A_person_signs_in_in_the_browser_of_this_machine()
    {
        ProfileConfiguration profile = Profile(OAuthFlow.Interactive);
        provider.Answer(SignedIn("t0ken-1", 3600));
        TokenSource source = Source();
        Uri? opened = null;
        Task<HttpStatusCode>? browsing = null;

        string user = await source.SignInAsync(source.SubjectOf(profile), _ => Task.CompletedTask, Open, default);

        Assert.Equal(HttpStatusCode.OK, await browsing!);
        Assert.Equal("box@example.test", user);
        Assert.Equal("login.example.test", opened!.Host);
        Assert.Contains("grant_type=authorization_code", provider.Requests.Single(), StringComparison.Ordinal);
        Assert.Contains("code=the-code", provider.Requests.Single(), StringComparison.Ordinal);
        Assert.Equal("t0ken-1", (await Source().GetAsync(profile, "box@example.test", default)).Value);

        Task Open(Uri url)
        {
            opened = url;
            browsing = Task.Run(() => BrowseAsync(url));
            return Task.CompletedTask;
        }

        // What the browser of the person would do: sign in there, and come back to the address on this machine, which is listened to in a moment.
        static async Task<HttpStatusCode> BrowseAsync(Uri url)
        {
            Dictionary<string, string> query = url.Query.TrimStart('?').Split('&').Select(p => p.Split('=', 2)).ToDictionary(p => p[0], p => Uri.UnescapeDataString(p[1]));
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            using var browser = new HttpClient();
            while (true)
            {
                try
                {
                    using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["code"] = "the-code", ["state"] = query["state"] });
                    using HttpResponseMessage page = await browser.PostAsync(new Uri(query["redirect_uri"]), form, patience.Token);
                    return page.StatusCode;
                }
                catch (HttpRequestException) when (!patience.IsCancellationRequested)
                {
                    await Task.Yield();
                }
            }
        }
    }

    [Theory]
    [InlineData("pfx")]
    [InlineData("pem")]
    [InlineData("encrypted.pem")]
    public async Task An_application_signs_its_log_in_with_its_certificate(string kind)
    {
        using Certificate certificate = Certificate.Make(folder, kind);
        provider.Answer("""{"token_type":"Bearer","expires_in":3600,"access_token":"t0ken-1"}""");
        ProfileConfiguration profile = CertificateProfile(certificate.Path, certificate.Password);

        AccessToken token = await Source().GetAsync(profile, "box@example.test", default);

        Assert.Equal("t0ken-1", token.Value);
        string assertion = Uri.UnescapeDataString(provider.Requests.Single().Split("client_assertion=")[1].Split('&')[0]);
        Assert.True(certificate.Signed(assertion));
        Assert.DoesNotContain("client_secret", provider.Requests.Single(), StringComparison.Ordinal);
    }

    [Fact]
    public void It_is_known_when_the_certificate_expires()
    {
        using Certificate certificate = Certificate.Make(folder, "pfx");
        TokenSource source = Source();

        Assert.Equal(certificate.ExpiresOn, source.CertificateExpiresOn(source.SubjectOf(CertificateProfile(certificate.Path, certificate.Password))));
        Assert.Null(source.CertificateExpiresOn(source.SubjectOf(Profile())));
    }

    [Fact]
    public async Task A_certificate_that_cannot_be_used_says_why_and_is_looked_for_again_at_the_next_attempt()
    {
        using Certificate certificate = Certificate.Make(folder, "pfx");
        string path = folder["late.pfx"];
        ProfileConfiguration profile = CertificateProfile(path, certificate.Password);
        TokenSource source = Source();
        MailAuthenticationException missing = await Assert.ThrowsAsync<MailAuthenticationException>(async () => await source.GetAsync(profile, "box@example.test", default));
        File.Copy(certificate.Path, path);
        provider.Answer("""{"token_type":"Bearer","expires_in":3600,"access_token":"t0ken-1"}""");

        Assert.Contains("late.pfx", missing.Message, StringComparison.Ordinal);
        Assert.Equal("t0ken-1", (await source.GetAsync(profile, "box@example.test", default)).Value);
    }

    [Fact]
    public async Task A_wrong_password_of_the_certificate_is_told_apart_and_not_shown()
    {
        using Certificate certificate = Certificate.Make(folder, "pfx");

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(async () =>
            await Source().GetAsync(CertificateProfile(certificate.Path, "wr0ng"), "box@example.test", default));

        Assert.Contains("password", e.Remedy, StringComparison.Ordinal);
        Assert.DoesNotContain("wr0ng", e.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_without_its_key_or_unknown_to_the_stores_is_refused_with_what_to_do()
    {
        using Certificate certificate = Certificate.Make(folder, "public.pem");

        MailAuthenticationException keyless = await Assert.ThrowsAsync<MailAuthenticationException>(async () =>
            await Source().GetAsync(CertificateProfile(certificate.Path, null), "box@example.test", default));
        MailAuthenticationException unknown = await Assert.ThrowsAsync<MailAuthenticationException>(async () =>
            await Source().GetAsync(CertificateProfile(new string('a', 40), null), "box@example.test", default));

        Assert.Contains("private key", keyless.Remedy, StringComparison.Ordinal);
        Assert.Contains("store", unknown.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AD_FS_gives_tokens_at_its_own_address()
    {
        provider.Answer("""{"token_type":"Bearer","expires_in":3600,"access_token":"t0ken-1"}""");
        DeploymentConfiguration deployment = Deployment() with { OAuth = Deployment().OAuth! with { Authority = new Uri("https://sts.example.test/adfs") } };

        AccessToken token = await Source().GetAsync(TokenSubject.Of(deployment), null, false, default);

        Assert.Equal("t0ken-1", token.Value);
        Assert.StartsWith("POST https://sts.example.test/adfs/oauth2/token", provider.Requests.Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_identity_of_the_machine_needs_no_secret()
    {
        string id = Guid.NewGuid().ToString();      // the platform's cache is one for the process
        provider.Answer($$"""{"access_token":"t0ken-1","client_id":"{{id}}","expires_on":"{{DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds()}}","resource":"r","token_type":"Bearer"}""");
        ProfileConfiguration profile = Profile() with { OAuth = new OAuthConfiguration { ClientId = id, Flow = OAuthFlow.ManagedIdentity } };

        AccessToken token = await Source().GetAsync(profile, "box@example.test", default);

        Assert.Equal("t0ken-1", token.Value);
        Assert.Contains("/metadata/identity/oauth2/token", provider.Requests.Single(), StringComparison.Ordinal);
        Assert.Contains($"client_id={id}", provider.Requests.Single(), StringComparison.Ordinal);
        Assert.Contains("resource=https://outlook.office365.com", Uri.UnescapeDataString(provider.Requests.Single()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_machine_without_an_identity_is_told_so()
    {
        provider.Answer("""{"error":"invalid_request","error_description":"Identity not found"}""", HttpStatusCode.BadRequest);
        ProfileConfiguration profile = Profile() with { OAuth = new OAuthConfiguration { ClientId = Guid.NewGuid().ToString(), Flow = OAuthFlow.ManagedIdentity } };

        MailAuthenticationException e = await Assert.ThrowsAsync<MailAuthenticationException>(async () => await Source().GetAsync(profile, "box@example.test", default));

        Assert.Contains("Assign an identity", e.Remedy, StringComparison.Ordinal);
    }

    private static string SignedIn(string token, int expiresIn, string scope = "https://outlook.office365.com/POP.AccessAsUser.All")
    {
        static string Part(string json) => Convert.ToBase64String(Encoding.UTF8.GetBytes(json)).TrimEnd('=').Replace('+', '-').Replace('/', '_');
        string id = $$"""{"aud":"app","iss":"https://login.example.test/{{Tenant}}/v2.0","oid":"o","sub":"s","tid":"{{Tenant}}","preferred_username":"box@example.test","ver":"2.0"}""";
        string client = $$"""{"uid":"o","utid":"{{Tenant}}"}""";
        return $$"""
            {"token_type":"Bearer","scope":"{{scope}}","expires_in":{{expiresIn}},"access_token":"{{token}}","refresh_token":"r-{{token}}",
            "id_token":"{{Part("{\"alg\":\"none\"}")}}.{{Part(id)}}.","client_info":"{{Part(client)}}"}
            """;
    }

    private TokenSource Source() => new(folder.Path, secrets, http: () => new HttpClient(provider, disposeHandler: false));

    private async Task SignInAsync(ProfileConfiguration profile)
    {
        provider.Answer(DeviceCode);
        provider.Answer(SignedIn("t0ken-1", 3600));
        TokenSource source = Source();
        await source.SignInAsync(source.SubjectOf(profile), _ => Task.CompletedTask, null, default);
    }

    private ProfileConfiguration CertificateProfile(string certificate, string? password) => Profile() with
    {
        OAuth = Profile().OAuth! with
        {
            Flow = OAuthFlow.Certificate,
            ClientSecret = null,
            Certificate = certificate,
            CertificatePassword = password is null ? null : secrets.Protect(password),
        },
    };

    private DeploymentConfiguration Deployment() => new()
    {
        Name = "Main",
        System = "Dataverse",
        Url = new Uri("https://contoso.crm4.example.test/"),
        OAuth = Profile().OAuth,
    };

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

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using EmailRouter.Lab.OAuth;
using Microsoft.Identity.Client;

namespace EmailRouter.Lab.Tests.OAuth;

/// <summary>MSAL, which the router itself uses, against the lab's token endpoint.</summary>
public sealed class LabTokenServerTests : IAsyncLifetime, IMsalHttpClientFactory
{
    private const string Graph = "https://graph.microsoft.com";
    private readonly LabTokenServer server = new();
    private HttpClient http = null!;

    public HttpClient GetHttpClient() => http;

    public Task InitializeAsync()
    {
        server.Start();
        server.Register(new LabOAuthClient("app") { Secret = "right", Roles = ["Mail.ReadWrite", "Mail.Send"] });
        http = new HttpClient(server.CreateHandler());
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        http.Dispose();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task An_application_gets_a_token_by_its_secret_and_keeps_it()
    {
        IConfidentialClientApplication application = Confidential(b => b.WithClientSecret("right"));
        AuthenticationResult first = await application.AcquireTokenForClient([Graph + "/.default"]).ExecuteAsync();
        AuthenticationResult second = await application.AcquireTokenForClient([Graph + "/.default"]).ExecuteAsync();

        Assert.Equal(first.AccessToken, second.AccessToken);
        Assert.Equal(1, server.CountOf("client_credentials"));
        LabAccessToken? token = server.Accept(first.AccessToken, Graph + "/");
        Assert.Equal(["Mail.ReadWrite", "Mail.Send"], token!.Roles);
        Assert.Equal("app", token.ClientId);
        Assert.Null(token.UserName);
        Assert.Null(server.Accept(first.AccessToken, "https://outlook.office365.com"));
        Assert.Null(server.Accept(first.AccessToken + "x", Graph));
        Assert.Null(server.Accept(null, Graph));
    }

    [Fact]
    public async Task A_token_is_signed_with_the_published_key()
    {
        string token = (await Confidential(b => b.WithClientSecret("right")).AcquireTokenForClient([Graph + "/.default"]).ExecuteAsync()).AccessToken;
        JsonElement description = JsonDocument.Parse(await http.GetStringAsync($"{server.Authority}/v2.0/.well-known/openid-configuration")).RootElement;
        JsonElement key = JsonDocument.Parse(await http.GetStringAsync(description.GetProperty("jwks_uri").GetString())).RootElement.GetProperty("keys")[0];
        using RSA rsa = RSA.Create(new RSAParameters { Modulus = Decode(key.GetProperty("n").GetString()!), Exponent = Decode(key.GetProperty("e").GetString()!) });

        string[] parts = token.Split('.');
        Assert.True(rsa.VerifyData(Encoding.ASCII.GetBytes(parts[0] + "." + parts[1]), Decode(parts[2]), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        JsonElement claims = JsonDocument.Parse(Decode(parts[1])).RootElement;
        Assert.Equal(Graph, claims.GetProperty("aud").GetString());
        Assert.Equal("app", claims.GetProperty("appid").GetString());
        Assert.Equal(server.TenantId, claims.GetProperty("tid").GetString());
        Assert.Equal("Mail.Send", claims.GetProperty("roles")[1].GetString());
    }

    [Fact]
    public async Task A_person_enters_the_code_on_the_page_that_the_client_shows()
    {
        server.AddUser("anna@contoso.test", "secret");
        var shown = new TaskCompletionSource<DeviceCodeResult>();
        Task<AuthenticationResult> signingIn = PublicClientApplicationBuilder.Create("app").WithAuthority(server.Authority.AbsoluteUri, false).WithHttpClientFactory(this).Build()
            .AcquireTokenWithDeviceCode([Graph + "/Mail.Read"], code =>
            {
                shown.SetResult(code);
                return Task.CompletedTask;
            }).ExecuteAsync();
        DeviceCodeResult code = await shown.Task;

        Assert.Contains("<form", await http.GetStringAsync(code.VerificationUrl), StringComparison.Ordinal);
        Assert.Contains("No device waits", await EnterAsync("WRONG<"), StringComparison.Ordinal);
        Assert.Contains("password is wrong", await EnterAsync(code.UserCode, password: "wrong"), StringComparison.Ordinal);
        Assert.Contains("anna@contoso.test is signed in", await EnterAsync(code.UserCode.ToLowerInvariant()), StringComparison.Ordinal);
        Assert.Contains("No device waits", await EnterAsync(code.UserCode), StringComparison.Ordinal);

        Assert.Equal("anna@contoso.test", (await signingIn).Account.Username);

        async Task<string> EnterAsync(string userCode, string password = "secret")
        {
            using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["user_code"] = userCode, ["username"] = "anna@contoso.test", ["password"] = password, ["decision"] = "accept" });
            using HttpResponseMessage answer = await http.PostAsync(new Uri(code.VerificationUrl), form);
            return await answer.Content.ReadAsStringAsync();
        }
    }

    [Fact]
    public async Task An_application_gets_a_token_by_its_certificate()
    {
        using X509Certificate2 certificate = Certificate();
        server.Register(new LabOAuthClient("app") { Certificates = [certificate], Roles = ["Mail.Read"] });
        AuthenticationResult result = await Confidential(b => b.WithCertificate(certificate)).AcquireTokenForClient([Graph + "/.default"]).ExecuteAsync();
        Assert.Equal(["Mail.Read"], server.Accept(result.AccessToken, Graph)!.Roles);
    }

    [Fact]
    public async Task A_certificate_that_is_not_registered_is_refused()
    {
        using X509Certificate2 certificate = Certificate();
        using X509Certificate2 other = Certificate();
        server.Register(new LabOAuthClient("app") { Certificates = [other] });
        MsalServiceException e = await Assert.ThrowsAsync<MsalServiceException>(
            () => Confidential(b => b.WithCertificate(certificate)).AcquireTokenForClient([Graph + "/.default"]).ExecuteAsync());
        Assert.Equal("invalid_client", e.ErrorCode);
        Assert.Contains("AADSTS700027", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("app", "wrong", null, "invalid_client", "AADSTS7000215")]
    [InlineData("unknown", "right", null, "unauthorized_client", "AADSTS700016")]
    [InlineData("app", "right", "11111111-2222-3333-4444-555555555555", "invalid_request", "AADSTS90002")]
    public async Task Refusals_have_the_provider_s_codes(string client, string secret, string? tenant, string error, string code)
    {
        MsalServiceException e = await Assert.ThrowsAnyAsync<MsalServiceException>(
            () => Confidential(b => b.WithClientSecret(secret), client, tenant).AcquireTokenForClient([Graph + "/.default"]).ExecuteAsync());
        Assert.Equal(error, e.ErrorCode);
        Assert.Contains(code + ":", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Single_permissions_are_no_scope_of_an_application()
    {
        MsalServiceException e = await Assert.ThrowsAsync<MsalServiceException>(
            () => Confidential(b => b.WithClientSecret("right")).AcquireTokenForClient([Graph + "/Mail.Read"]).ExecuteAsync());
        Assert.Equal("invalid_scope", e.ErrorCode);
    }

    [Fact]
    public async Task A_person_signs_in_by_device_code_and_the_token_is_renewed()
    {
        IPublicClientApplication application = PublicClientApplicationBuilder.Create("app")
            .WithAuthority(server.Authority.AbsoluteUri, validateAuthority: false).WithInstanceDiscovery(false).WithHttpClientFactory(this).Build();
        AuthenticationResult result = await application.AcquireTokenWithDeviceCode([Graph + "/Mail.ReadWrite"], code =>
        {
            Assert.Equal(code.UserCode, Assert.Single(server.WaitingDevices).UserCode);
            server.SignIn(code.UserCode, "anna@contoso.test");
            return Task.CompletedTask;
        }).ExecuteAsync();

        Assert.Equal("anna@contoso.test", result.Account.Username);
        LabAccessToken token = server.Accept(result.AccessToken, Graph)!;
        Assert.Equal("anna@contoso.test", token.UserName);
        Assert.Equal(["Mail.ReadWrite"], token.Scopes);

        AuthenticationResult renewed = await application.AcquireTokenSilent([Graph + "/Mail.ReadWrite"], result.Account).WithForceRefresh(true).ExecuteAsync();
        Assert.NotEqual(result.AccessToken, renewed.AccessToken);
        Assert.Equal(1, server.CountOf("refresh_token"));

        server.RevokeRefreshTokens();
        await Assert.ThrowsAsync<MsalUiRequiredException>(
            () => application.AcquireTokenSilent([Graph + "/Mail.ReadWrite"], result.Account).WithForceRefresh(true).ExecuteAsync());
    }

    [Fact]
    public async Task A_device_code_that_nobody_entered_is_pending_and_a_declined_one_is_refused()
    {
        JsonElement device = JsonDocument.Parse(await PostAsync("devicecode", ("client_id", "app"), ("scope", Graph + "/Mail.Read"))).RootElement;
        string Poll() => device.GetProperty("device_code").GetString()!;
        Assert.Contains("\"authorization_pending\"", await PollAsync(Poll()), StringComparison.Ordinal);
        server.Decline(device.GetProperty("user_code").GetString()!);
        Assert.Contains("\"authorization_declined\"", await PollAsync(Poll()), StringComparison.Ordinal);
        Assert.Contains("\"bad_verification_code\"", await PollAsync("wrong"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_user_logs_in_with_a_password_also_where_AD_FS_answers()
    {
        server.AddUser("anna@contoso.test", "secret");
        (string, string)[] form = [("client_id", "app"), ("grant_type", "password"), ("resource", "https://crm.contoso.test/"), ("username", "anna@contoso.test"), ("password", "secret")];
        string body = await PostAsync(new Uri(server.Url, "adfs/oauth2/token"), form);
        string token = JsonDocument.Parse(body).RootElement.GetProperty("access_token").GetString()!;
        Assert.Equal("anna@contoso.test", server.Accept(token, "https://crm.contoso.test")?.UserName);
        form[^1].Item2 = "wrong";
        Assert.Contains("AADSTS50126", await PostAsync(new Uri(server.Url, "adfs/oauth2/token"), form), StringComparison.Ordinal);
    }

    [Fact]
    public void Tokens_issued_before_a_moment_can_be_refused()
    {
        string old = server.Issue(Graph);
        Assert.NotNull(server.Accept(old, Graph));
        server.RefuseIssuedBefore = DateTimeOffset.UtcNow;
        Assert.Null(server.Accept(old, Graph));
        Assert.NotNull(server.Accept(server.Issue(Graph), Graph));
    }

    private Task<string> PollAsync(string code) => PostAsync("token", ("client_id", "app"), ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("device_code", code));

    private Task<string> PostAsync(string endpoint, params (string, string)[] form) => PostAsync(new Uri(server.Url, $"{server.TenantId}/oauth2/v2.0/{endpoint}"), form);

    private async Task<string> PostAsync(Uri url, params (string Name, string Value)[] form)
    {
        using var content = new FormUrlEncodedContent(form.Select(f => KeyValuePair.Create(f.Name, f.Value)));
        using HttpResponseMessage answer = await http.PostAsync(url, content);
        return await answer.Content.ReadAsStringAsync();
    }

    private IConfidentialClientApplication Confidential(Func<ConfidentialClientApplicationBuilder, ConfidentialClientApplicationBuilder> prove, string client = "app", string? tenant = null) =>
        prove(ConfidentialClientApplicationBuilder.Create(client)).WithAuthority(new Uri(server.TlsUrl, tenant ?? server.TenantId).AbsoluteUri, validateAuthority: false)
            .WithInstanceDiscovery(false).WithHttpClientFactory(this).Build();

    private static X509Certificate2 Certificate()
    {
        using RSA key = RSA.Create(2048);
        return new CertificateRequest("CN=app", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    private static byte[] Decode(string text)
    {
        string base64 = text.Replace('-', '+').Replace('_', '/');
        return Convert.FromBase64String(base64.PadRight((base64.Length + 3) / 4 * 4, '='));
    }
}

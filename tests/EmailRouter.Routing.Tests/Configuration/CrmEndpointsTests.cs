using System.Net;
using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Tests.Configuration.Tokens;

namespace EmailRouter.Routing.Tests.Configuration;

public sealed class CrmEndpointsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly ISecretProtector secrets;

    public CrmEndpointsTests() => secrets = SecretProtector.For(folder["emailrouter.json"]);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_password_is_decrypted_for_the_endpoint()
    {
        CrmEndpoint endpoint = Deployment(CrmAuthentication.Password).ToEndpoint(Context());

        Assert.Equal(new CrmPassword(@"CONTOSO\router", "p4ss"), Assert.Single(endpoint.Credentials));
        Assert.Equal("Contoso", endpoint.Organization);
        Assert.Equal("https://crm.example.test/", endpoint.Url.AbsoluteUri);
    }

    [Fact]
    public void The_account_of_the_process_needs_no_secret() =>
        Assert.IsType<CrmProcessAccount>(Assert.Single(Deployment(CrmAuthentication.Process).ToEndpoint(Context()).Credentials));

    [Fact]
    public void Each_application_is_a_credential_and_says_when_its_certificate_ends()
    {
        using Certificate certificate = Certificate.Make(folder, "pem");
        DeploymentConfiguration deployment = Deployment(CrmAuthentication.OAuth) with
        {
            FurtherApplications = [new OAuthConfiguration { ClientId = "app-2", TenantId = "t", Flow = OAuthFlow.Certificate, Certificate = certificate.Path }],
        };

        CrmToken[] tokens = [.. deployment.ToEndpoint(Context()).Credentials.Cast<CrmToken>()];

        Assert.Equal(["app-1", "app-2"], tokens.Select(token => token.Name));
        Assert.Equal([null, certificate.ExpiresOn], tokens.Select(token => token.CertificateExpiresOn));
    }

    [Theory]
    [InlineData(CrmAuthentication.OAuth)]
    [InlineData(CrmAuthentication.Password)]
    public void What_is_missing_is_named(CrmAuthentication authentication)
    {
        DeploymentConfiguration deployment = Deployment(authentication) with { OAuth = null, Credential = null };

        Assert.Equal("RouterDeploymentIncomplete", Assert.Throws<RouterException>(() => deployment.ToEndpoint(Context())).Error.ErrorId);
    }

    [Fact]
    public void A_deployment_without_an_address_is_named() =>
        Assert.Contains("Main", Assert.Throws<RouterException>(() => (Deployment(CrmAuthentication.Process) with { Url = null }).ToEndpoint(Context())).Message, StringComparison.Ordinal);

    [Fact]
    public void Handlers_come_over_the_mail_sides_network_one_for_each_credential()
    {
        var asked = new List<MailEndpoint>();
        DeploymentContext context = Context() with
        {
            Mail = new MailContext
            {
                Http = endpoint =>
                {
                    asked.Add(endpoint);
                    return new HttpClientHandler();
                },
            },
        };
        DeploymentConfiguration deployment = Deployment(CrmAuthentication.Process) with { CertificatePins = [new string('A', 64)] };
        CrmContext crm = deployment.ToCrmContext(context);

        using HttpMessageHandler first = crm.Http(new CrmProcessAccount());
        using HttpMessageHandler second = crm.Http(new CrmProcessAccount());

        Assert.NotSame(first, second);
        Assert.Equal([new string('a', 64)], asked[0].CertificatePins);
    }

    [Fact]
    public void A_windows_log_in_is_offered_by_the_platforms_handler_and_redirects_are_not_followed()
    {
        using var handler = Assert.IsType<SocketsHttpHandler>(Deployment(CrmAuthentication.Password).ToCrmContext(Context()).Http(new CrmPassword(@"CONTOSO\router", "p4ss")));

        NetworkCredential? offered = handler.Credentials!.GetCredential(new Uri("https://crm.example.test/"), "NTLM");

        Assert.Equal(("CONTOSO", "router", "p4ss"), (offered!.Domain, offered.UserName, offered.Password));
        Assert.Null(handler.Credentials.GetCredential(new Uri("https://crm.example.test/"), "Basic"));
        Assert.False(handler.AllowAutoRedirect);
    }

    private DeploymentContext Context() => new() { Folder = folder.Path, Secrets = secrets, Tokens = new TokenSource(folder.Path, secrets) };

    private DeploymentConfiguration Deployment(CrmAuthentication authentication) => new()
    {
        Name = "Main",
        System = "Dataverse",
        Url = new Uri("https://crm.example.test/"),
        Organization = "Contoso",
        Authentication = authentication,
        Credential = authentication == CrmAuthentication.Password ? new StoredCredential(@"CONTOSO\router", secrets.Protect("p4ss")) : null,
        OAuth = authentication == CrmAuthentication.OAuth ? new OAuthConfiguration { ClientId = "app-1", TenantId = "t", ClientSecret = secrets.Protect("s3cret") } : null,
    };
}

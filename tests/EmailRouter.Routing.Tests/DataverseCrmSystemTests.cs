using System.Net;
using System.Text;
using EmailRouter.Crm;
using EmailRouter.Crm.Dataverse;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests;

public sealed class DataverseCrmSystemTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void It_comes_with_the_router() => Assert.IsType<DataverseCrmSystem>(RouterHostOptions.BuiltInSystems().Crm("dataverse"));

    [Theory]
    [InlineData(DecisionAuthority.Router, typeof(TrackingOrganization))]
    [InlineData(DecisionAuthority.Server, typeof(DataverseOrganization))]
    public async Task The_deployment_says_who_decides(DecisionAuthority decides, Type type)
    {
        await using IOrganization organization = await new DataverseCrmSystem().OpenAsync(Deployment with { Decides = decides }, Context(new Organization()), default);

        Assert.IsType(type, organization);
        Assert.Equal("Contoso", (await organization.GetSettingsAsync(default)).Name);
    }

    [Fact]
    public async Task A_wrong_address_is_told_when_it_is_opened()
    {
        CrmException wrong = await Assert.ThrowsAsync<CrmException>(
            () => new DataverseCrmSystem().OpenAsync(Deployment with { Url = new Uri("https://www.example.test") }, Context(new Organization()), default).AsTask());

        Assert.Equal("CrmNotFound", wrong.ErrorId);
    }

    private static DeploymentConfiguration Deployment => new()
    {
        Name = "Main",
        System = "Dataverse",
        Url = new Uri("https://contoso.crm.example.test"),
        Authentication = CrmAuthentication.Process,
    };

    private DeploymentContext Context(HttpMessageHandler handler)
    {
        ISecretProtector secrets = SecretProtector.For(folder["emailrouter.json"]);
        return new DeploymentContext
        {
            Mail = new MailContext { Http = _ => handler },
            Folder = folder.Path,
            Secrets = secrets,
            Tokens = new TokenSource(folder.Path, secrets),
        };
    }

    private sealed class Organization : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.RequestUri!.Host != "contoso.crm.example.test")
                return new HttpResponseMessage(HttpStatusCode.NotFound);
            if (!request.RequestUri.AbsolutePath.EndsWith("$batch", StringComparison.Ordinal))
                return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("""{"Version":"9.2.1.0"}""", Encoding.UTF8, "application/json") };
            int asked = (await request.Content!.ReadAsStringAsync(cancellationToken)).Split("GET ").Length - 1;
            string organization = """{"value":[{"organizationid":"aaaaaaaa-0000-0000-0000-000000000001","name":"Contoso"}]}""";
            string none = """{"value":[]}""";
            var content = new StringContent(string.Concat(Enumerable.Repeat(none, asked - 1).Prepend(organization).Select(json =>
                $"--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{json}\r\n")) + "--b--\r\n");
            content.Headers.Remove("Content-Type");
            content.Headers.TryAddWithoutValidation("Content-Type", "multipart/mixed; boundary=b");
            return new HttpResponseMessage(HttpStatusCode.OK) { Content = content };
        }
    }
}

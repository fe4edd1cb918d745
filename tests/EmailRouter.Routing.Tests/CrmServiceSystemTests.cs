using EmailRouter.Crm;
using EmailRouter.Crm.Organization;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Tests;

public sealed class CrmServiceSystemTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void It_comes_with_the_router() => Assert.IsType<CrmServiceSystem>(RouterHostOptions.BuiltInSystems().Crm("crmservice"));

    [Fact]
    public async Task A_deployment_that_has_the_router_decide_is_refused_before_anything_is_asked()
    {
        var service = new Service();

        CrmException refused = await Assert.ThrowsAsync<CrmException>(() => OpenAsync(DecisionAuthority.Router, service).AsTask());

        Assert.Equal("CrmServerMustDecide", refused.ErrorId);
        Assert.Equal(0, service.Requests);
    }

    [Fact]
    public async Task The_organization_is_tried_when_it_is_opened()
    {
        await using IOrganization organization = await OpenAsync(DecisionAuthority.Server, new Service());

        Assert.IsType<OrganizationServiceOrganization>(organization);
        Assert.Equal("Contoso", (await organization.GetSettingsAsync(default)).Name);
    }

    [Fact]
    public async Task A_log_in_that_is_refused_the_Windows_way_names_the_option_for_internet_facing_deployments()
    {
        CrmException refused = await Assert.ThrowsAsync<CrmException>(() => OpenAsync(DecisionAuthority.Server, new Refusing()).AsTask());

        Assert.Equal("CrmLoginRefused", refused.ErrorId);
        Assert.EndsWith("(IFD), set the option logIn of the deployment to ifd.", refused.Remedy, StringComparison.Ordinal);
    }

    private ValueTask<IOrganization> OpenAsync(DecisionAuthority decides, HttpMessageHandler handler)
    {
        ISecretProtector secrets = SecretProtector.For(folder["emailrouter.json"]);
        return new CrmServiceSystem().OpenAsync(
            new DeploymentConfiguration { Name = "Old", System = "CrmService", Url = new Uri("https://crm.example.test"), Organization = "Contoso", Authentication = CrmAuthentication.Process, Decides = decides },
            new DeploymentContext { Mail = new MailContext { Http = _ => handler }, Folder = folder.Path, Secrets = secrets, Tokens = new TokenSource(folder.Path, secrets) },
            default);
    }

    private sealed class Refusing : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage(System.Net.HttpStatusCode.Unauthorized) { Content = new StringContent(string.Empty) });
    }

    private sealed class Service : HttpMessageHandler
    {
        public int Requests { get; private set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Requests++;
            string asked = await request.Content!.ReadAsStringAsync(cancellationToken);
            string row = asked.Contains("EntityName>organization<", StringComparison.Ordinal)
                ? "<BusinessEntity Name='organization'><Properties><Property x:type='KeyProperty' Name='organizationid'><Value>aaaaaaaa-0000-0000-0000-000000000001</Value></Property>" +
                    "<Property x:type='StringProperty' Name='name'><Value>Contoso</Value></Property></Properties></BusinessEntity>"
                : string.Empty;
            string said = asked.Contains("WhoAmIRequest", StringComparison.Ordinal)
                ? "<UserId>aaaaaaaa-0000-0000-0000-000000000001</UserId>" : $"<BusinessEntityCollection MoreRecords='false'><BusinessEntities>{row}</BusinessEntities></BusinessEntityCollection>";
            string envelope = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns:x='http://www.w3.org/2001/XMLSchema-instance'><s:Body><ExecuteResponse><Response>" +
                $"{said}</Response></ExecuteResponse></s:Body></s:Envelope>";
            return new HttpResponseMessage(System.Net.HttpStatusCode.OK) { Content = new StringContent(envelope, System.Text.Encoding.UTF8, "text/xml") };
        }
    }
}

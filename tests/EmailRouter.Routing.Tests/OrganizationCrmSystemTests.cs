using System.Net;
using System.Text;
using EmailRouter.Crm;
using EmailRouter.Crm.Organization;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests;

public sealed class OrganizationCrmSystemTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void It_comes_with_the_router() => Assert.IsType<OrganizationCrmSystem>(RouterHostOptions.BuiltInSystems().Crm("organization"));

    [Theory]
    [InlineData(DecisionAuthority.Router, typeof(TrackingOrganization))]
    [InlineData(DecisionAuthority.Server, typeof(OrganizationServiceOrganization))]
    public async Task The_deployment_says_who_decides(DecisionAuthority decides, Type type)
    {
        await using IOrganization organization = await new OrganizationCrmSystem().OpenAsync(Deployment with { Decides = decides }, Context(new Service()), default);

        Assert.IsType(type, organization);
        Assert.Equal("Contoso", (await organization.GetSettingsAsync(default)).Name);
    }

    [Fact]
    public async Task A_wrong_address_is_told_when_it_is_opened()
    {
        CrmException wrong = await Assert.ThrowsAsync<CrmException>(
            () => new OrganizationCrmSystem().OpenAsync(Deployment with { Organization = "Nowhere", Url = new Uri("https://www.example.test/x") }, Context(new Service()), default).AsTask());

        Assert.Equal("CrmNotFound", wrong.ErrorId);
        Assert.Contains("/x/Nowhere/XRMServices/2011/Organization.svc/web", wrong.Message, StringComparison.Ordinal);
    }

    private static DeploymentConfiguration Deployment => new()
    {
        Name = "Old",
        System = "Organization",
        Url = new Uri("https://crm.example.test/Contoso"),
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

    private sealed class Service : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.RequestUri!.AbsoluteUri != "https://crm.example.test/Contoso/XRMServices/2011/Organization.svc/web")
                return new HttpResponseMessage(HttpStatusCode.NotFound);
            string asked = await request.Content!.ReadAsStringAsync(cancellationToken);
            string entity = asked.Contains("name=\"organization\"", StringComparison.Ordinal) || asked.Contains("name=&quot;organization&quot;", StringComparison.Ordinal)
                ? "<a:Entity><a:Attributes><a:p><b:key>organizationid</b:key><b:value i:type='guid'>aaaaaaaa-0000-0000-0000-000000000001</b:value></a:p><a:p><b:key>name</b:key><b:value i:type='string'>Contoso</b:value></a:p></a:Attributes></a:Entity>"
                : string.Empty;
            string result = asked.Contains("RetrieveVersion", StringComparison.Ordinal)
                ? "<a:p><b:key>Version</b:key><b:value>5.0.9690.4376</b:value></a:p>"
                : $"<a:p><b:key>EntityCollection</b:key><b:value><a:Entities>{entity}</a:Entities><a:MoreRecords>false</a:MoreRecords></b:value></a:p>";
            string envelope = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns:a='http://schemas.microsoft.com/xrm/2011/Contracts' " +
                "xmlns:b='http://schemas.datacontract.org/2004/07/System.Collections.Generic' xmlns:i='http://www.w3.org/2001/XMLSchema-instance'><s:Body><ExecuteResponse>" +
                $"<ExecuteResult><a:Results>{result}</a:Results></ExecuteResult></ExecuteResponse></s:Body></s:Envelope>";
            return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(envelope, Encoding.UTF8, "text/xml") };
        }
    }
}

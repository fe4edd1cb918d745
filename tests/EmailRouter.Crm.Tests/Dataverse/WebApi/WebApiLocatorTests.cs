using System.Net;
using EmailRouter.Crm.Dataverse.WebApi;

namespace EmailRouter.Crm.Tests.Dataverse.WebApi;

public sealed class WebApiLocatorTests
{
    private readonly ScriptedServer server = new() { KnowsVersion = false };

    [Theory]
    [InlineData("https://contoso.crm4.example.test", null, "https://contoso.crm4.example.test/api/data/v9.2/")]
    [InlineData("https://contoso.crm4.example.test/main.aspx?appid=1#2", null, "https://contoso.crm4.example.test/api/data/v9.2/")]
    [InlineData("https://contoso.crm4.example.test/api/data/v9.2/", null, "https://contoso.crm4.example.test/api/data/v9.2/")]
    [InlineData("https://crm.example.test/Contoso/XRMServices/2011/Organization.svc", null, "https://crm.example.test/Contoso/api/data/v8.2/")]
    [InlineData("https://crm.example.test/Contoso", "contoso", "https://crm.example.test/Contoso/api/data/v8.2/")]
    [InlineData("https://crm.example.test", "Contoso", "https://crm.example.test/Contoso/api/data/v8.2/")]
    [InlineData("https://example.test", "ifd", "https://ifd.example.test/api/data/v9.1/")]
    [InlineData("https://crm.example.test/Contoso/api/data/v8.1", null, "https://crm.example.test/Contoso/api/data/v8.1/")]
    public async Task The_web_api_is_found_from_what_administrators_enter(string url, string? organization, string root)
    {
        string[] there =
        [
            "https://contoso.crm4.example.test/api/data/v9.2/", "https://crm.example.test/Contoso/api/data/v8.2/", "https://crm.example.test/Contoso/api/data/v8.1/",
            "https://ifd.example.test/api/data/v9.1/",
        ];
        server.Answer = asked => there.Any(r => asked.Address.AbsoluteUri == r + "RetrieveVersion()")
            ? ScriptedServer.Json("""{"Version":"8.2.3.8"}""")
            : new HttpResponseMessage(HttpStatusCode.NotFound);

        WebApiSite site = await FindAsync(url, organization);

        Assert.Equal((root, "8.2.3.8"), (site.Root.AbsoluteUri, site.ServerVersion));
    }

    [Fact]
    public async Task The_global_discovery_leads_to_the_organization()
    {
        server.Answer = asked => asked.Path.EndsWith("/Instances", StringComparison.Ordinal)
            ? ScriptedServer.Json("""{"value":[{"UniqueName":"org1","UrlName":"contoso","ApiUrl":"https://contoso.api.example.test"},{"UniqueName":"org2","ApiUrl":"https://other.example.test"}]}""")
            : ScriptedServer.Json("""{"Version":"9.2.1.0"}""");

        Assert.Equal("https://contoso.api.example.test/api/data/v9.2/", (await FindAsync("https://globaldisco.crm.example.test", "contoso")).Root.AbsoluteUri);
        CrmException unknown = await Assert.ThrowsAsync<CrmException>(() => FindAsync("https://globaldisco.crm.example.test", "typo"));
        Assert.Equal("CrmOrganizationUnknown", unknown.ErrorId);
        Assert.Contains("contoso", unknown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_with_several_organizations_names_them()
    {
        server.Answer = asked => asked.Path == "/api/discovery/v9.1/Instances"
            ? ScriptedServer.Json("""{"value":[{"UniqueName":"Contoso","Url":"https://crm.example.test/Contoso"},{"UniqueName":"Fabrikam","Url":"https://crm.example.test/Fabrikam"}]}""")
            : new HttpResponseMessage(HttpStatusCode.NotFound);

        CrmException several = await Assert.ThrowsAsync<CrmException>(() => FindAsync("https://crm.example.test", null));

        Assert.Equal("CrmOrganizationUnknown", several.ErrorId);
        Assert.Contains("Contoso, Fabrikam", several.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("fabrikam", "https://crm.example.test:5555/Fab/api/data/v8.2/")]
    [InlineData("Fab", "https://crm.example.test:5555/Fab/api/data/v8.2/")]
    [InlineData(null, null)]
    [InlineData("typo", null)]
    public async Task Discovery_svc_leads_to_an_organization_of_a_server_without_newer_discovery(string? organization, string? root)
    {
        server.Answer = asked => asked.Path == "/XRMServices/2011/Discovery.svc/web" ? Organizations(asked)
            : asked.Address.AbsoluteUri == "https://crm.example.test:5555/Fab/api/data/v8.2/RetrieveVersion()" ? ScriptedServer.Json("""{"Version":"8.2.3.8"}""")
            : new HttpResponseMessage(HttpStatusCode.NotFound);

        if (root is not null)
        {
            Assert.Equal(root, (await FindAsync("https://crm.example.test:5555", organization)).Root.AbsoluteUri);
            return;
        }

        CrmException unknown = await Assert.ThrowsAsync<CrmException>(() => FindAsync("https://crm.example.test:5555", organization));
        Assert.Equal("CrmOrganizationUnknown", unknown.ErrorId);
        Assert.Contains("Contoso, Fab, Fabrikam", unknown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_organization_that_discovery_svc_names_may_be_one_without_web_api()
    {
        server.Answer = asked => asked.Path == "/XRMServices/2011/Discovery.svc/web" ? Organizations(asked)
            : asked.Path == "/Fab/XRMServices/2011/Organization.svc"
                ? new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("<wsdl/>", new System.Net.Http.Headers.MediaTypeHeaderValue("text/xml")) }
                : new HttpResponseMessage(HttpStatusCode.NotFound);

        Assert.Equal("CrmVersionUnsupported", (await Assert.ThrowsAsync<CrmException>(() => FindAsync("https://crm.example.test:5555", "Fabrikam"))).ErrorId);
    }

    [Fact]
    public async Task An_older_server_is_recognised()
    {
        server.Answer = asked => asked.Path.EndsWith("Organization.svc", StringComparison.Ordinal)
            ? new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("<?xml version=\"1.0\"?><wsdl/>", new System.Net.Http.Headers.MediaTypeHeaderValue("text/xml")) }
            : new HttpResponseMessage(HttpStatusCode.NotFound);

        CrmException old = await Assert.ThrowsAsync<CrmException>(() => FindAsync("https://crm.example.test/Contoso", null));

        Assert.Equal("CrmVersionUnsupported", old.ErrorId);
    }

    [Fact]
    public async Task A_web_page_another_service_and_nothing_at_all_are_told_apart()
    {
        server.Answer = _ => new HttpResponseMessage(HttpStatusCode.OK)
        {
            Content = new StringContent("<!DOCTYPE html><title>Welcome</title>", new System.Net.Http.Headers.MediaTypeHeaderValue("text/html")),
        };
        Assert.Equal("CrmWebPage", (await Assert.ThrowsAsync<CrmException>(() => FindAsync("https://www.example.test", null))).ErrorId);

        server.Answer = _ => ScriptedServer.Json("{}");
        Assert.Equal("CrmAnswerUnreadable", (await Assert.ThrowsAsync<CrmException>(() => FindAsync("https://www.example.test", null))).ErrorId);

        server.Answer = _ => new HttpResponseMessage(HttpStatusCode.NotFound);
        CrmException nothing = await Assert.ThrowsAsync<CrmException>(() => FindAsync("https://www.example.test", "Contoso"));
        Assert.Equal("CrmNotFound", nothing.ErrorId);
        Assert.Contains("Contoso", nothing.Remedy, StringComparison.Ordinal);
    }

    /// <summary>What Discovery.svc answers, as the serializer of the service writes it.</summary>
    private static HttpResponseMessage Organizations(Asked asked)
    {
        Assert.Equal("\"http://schemas.microsoft.com/xrm/2011/Contracts/Discovery/IDiscoveryService/Execute\"", asked.Headers["SOAPAction"]);
        Assert.Contains("i:type=\"RetrieveOrganizationsRequest\"", asked.Text, StringComparison.Ordinal);
        string Detail(string unique, string inUrl) => $"""
            <OrganizationDetail><Endpoints xmlns:b="http://schemas.datacontract.org/2004/07/System.Collections.Generic">
            <KeyValuePairOfEndpointTypestringztYlk6OT><b:key>OrganizationService</b:key><b:value>https://crm.example.test:5555/{inUrl}/XRMServices/2011/Organization.svc</b:value></KeyValuePairOfEndpointTypestringztYlk6OT>
            <KeyValuePairOfEndpointTypestringztYlk6OT><b:key>WebApplication</b:key><b:value>https://crm.example.test:5555/{inUrl}/</b:value></KeyValuePairOfEndpointTypestringztYlk6OT>
            </Endpoints><FriendlyName>{unique} Ltd</FriendlyName><State>Enabled</State><UniqueName>{unique}</UniqueName><UrlName>{inUrl}</UrlName></OrganizationDetail>
            """;
        string envelope = $"""
            <s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><ExecuteResponse xmlns="http://schemas.microsoft.com/xrm/2011/Contracts/Discovery">
            <ExecuteResult i:type="RetrieveOrganizationsResponse" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><Details>{Detail("Contoso", "contoso")}{Detail("Fabrikam", "Fab")}</Details></ExecuteResult>
            </ExecuteResponse></s:Body></s:Envelope>
            """;
        return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(envelope, new System.Net.Http.Headers.MediaTypeHeaderValue("text/xml", "utf-8")) };
    }

    private async Task<WebApiSite> FindAsync(string url, string? organization)
    {
        using var connection = new WebApiConnection(ScriptedServer.Endpoint with { Url = new Uri(url), Organization = organization }, server.Context);
        return await connection.LocateAsync(default);
    }
}

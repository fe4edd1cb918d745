using System.Text;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using EmailRouter.Crm;
using EmailRouter.Crm.Dataverse;
using EmailRouter.Lab.Dataverse;

namespace EmailRouter.Lab.Tests.Dataverse;

public sealed class DiscoveryTests : IAsyncLifetime
{
    private readonly DataverseWorld world = new();
    private string name = null!;

    public async Task InitializeAsync()
    {
        await world.InitializeAsync();
        name = (await world.Crm.GetSettingsAsync(default)).Name;
        world.Server.Policy.UrlName = "Lab1";
    }

    public Task DisposeAsync() => world.DisposeAsync();

    [Theory]
    [InlineData(LabDiscovery.WebApi)]
    [InlineData(LabDiscovery.Soap)]
    [InlineData(LabDiscovery.WebApi | LabDiscovery.Soap)]
    public async Task The_router_finds_the_organization_of_a_server_on_premises(LabDiscovery discovery)
    {
        world.Server.Policy.Discovery = discovery;
        await using DataverseStore only = Store(null);
        await using DataverseStore named = Store(name);
        await using DataverseStore urlNamed = Store("lab1");

        Assert.Equal(name, (await only.GetSettingsAsync(default)).Name);
        Assert.Equal(name, (await named.GetSettingsAsync(default)).Name);
        Assert.Equal(name, (await urlNamed.GetSettingsAsync(default)).Name);
        await using DataverseStore other = Store("other");
        Assert.Equal("CrmOrganizationUnknown", (await Assert.ThrowsAsync<CrmException>(() => other.GetSettingsAsync(default).AsTask())).ErrorId);
    }

    [Fact]
    public async Task Without_any_discovery_nothing_is_found()
    {
        world.Server.Policy.Discovery = LabDiscovery.None;
        await using DataverseStore store = Store(null);

        Assert.Equal("CrmNotFound", (await Assert.ThrowsAsync<CrmException>(() => store.GetSettingsAsync(default).AsTask())).ErrorId);
    }

    [Fact]
    public async Task Services_are_below_the_organizations_name_alone()
    {
        await world.SendAsync("GET", new Uri(world.Server.Url, "api/data/v9.2/WhoAmI").ToString(), null, 404);
        await world.SendAsync("GET", new Uri(world.Server.Url, "other/api/data/v9.2/WhoAmI").ToString(), null, 404);
        await world.SendAsync("GET", new Uri(world.Server.Url, "lab1/api/data/v9.2/WhoAmI").ToString(), null, 200);
        await world.SendAsync("POST", new Uri(world.Server.Url, "XRMServices/2011/Organization.svc/web").ToString(), "<x/>", 404);
    }

    [Theory]
    [InlineData("RetrieveOrganizationsRequest", null, 200)]
    [InlineData("RetrieveOrganizationRequest", "right", 200)]
    [InlineData("RetrieveOrganizationRequest", "wrong", 500)]
    [InlineData("RetrieveUserIdByExternalIdRequest", null, 500)]
    public async Task Discovery_svc_describes_the_organization(string type, string? asked, int status)
    {
        using var content = new StringContent(
            $"""
            <s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><Execute xmlns="http://schemas.microsoft.com/xrm/2011/Contracts/Discovery">
            <request i:type="{type}" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><AccessType>Default</AccessType><Release>Current</Release>
            <UniqueName>{(asked == "right" ? name : asked)}</UniqueName></request></Execute></s:Body></s:Envelope>
            """,
            Encoding.UTF8,
            "text/xml");

        HttpResponseMessage response = await world.Http.PostAsync(new Uri(world.Server.Url, "XRMServices/2011/Discovery.svc/web"), content);
        var envelope = XElement.Parse(await response.Content.ReadAsStringAsync());

        Assert.Equal(status, (int)response.StatusCode);
        XNamespace discovery = "http://schemas.microsoft.com/xrm/2011/Contracts/Discovery";
        if (status == 200)
        {
            Assert.Equal((name, "Lab1", "Enabled"), (envelope.Descendants(discovery + "UniqueName").Single().Value, envelope.Descendants(discovery + "UrlName").Single().Value,
                envelope.Descendants(discovery + "State").Single().Value));
            Assert.Contains(envelope.Descendants(), e => e.Name.LocalName == "value" && e.Value == $"{world.Server.Url}Lab1/");
        }
        else
        {
            Assert.NotEmpty(envelope.Descendants("faultstring"));
        }
    }

    [Fact]
    public async Task The_instances_of_the_web_api_are_listed_and_found_by_name()
    {
        JsonNode one = Assert.Single(await world.ListAsync(new Uri(world.Server.Url, "api/discovery/v9.1/Instances").ToString()))!;
        Assert.Equal((name, "Lab1", $"{world.Server.Url}Lab1/"), ((string)one["UniqueName"]!, (string)one["UrlName"]!, (string)one["ApiUrl"]!));

        Assert.Equal(name, (string)(await world.GetAsync(new Uri(world.Server.Url, $"api/discovery/v2.0/Instances(UniqueName='{name}')").ToString()))["FriendlyName"]!);
        await world.SendAsync("GET", new Uri(world.Server.Url, "api/discovery/v2.0/Instances(UniqueName='other')").ToString(), null, 404);
        world.Http.DefaultRequestHeaders.Authorization = null;
        await world.SendAsync("GET", new Uri(world.Server.Url, "api/discovery/v2.0/Instances").ToString(), null, 401);
    }

    private DataverseStore Store(string? organization) => new(
        new CrmEndpoint
        {
            Url = world.Server.Url,
            Organization = organization,
            Credentials = [new CrmToken("router", (_, _) => ValueTask.FromResult(world.Token()))],
            AllowPlainTextPassword = true,
        },
        new CrmContext());
}

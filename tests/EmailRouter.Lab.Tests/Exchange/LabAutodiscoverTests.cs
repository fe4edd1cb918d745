using System.Net;
using System.Text;
using System.Xml.Linq;
using static EmailRouter.Lab.Tests.Exchange.ExchangeWorld;

namespace EmailRouter.Lab.Tests.Exchange;

public sealed class LabAutodiscoverTests : IAsyncLifetime
{
    private readonly ExchangeWorld world = ExchangeWorld.Start();

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => world.DisposeAsync().AsTask();

    [Theory]
    [InlineData(Anna, "EwsUrl", "/EWS/Exchange.asmx")]
    [InlineData("nobody@contoso.test", "ErrorCode", "500")]
    [InlineData("", "ErrorCode", "600")]
    [InlineData("moved@contoso.test", "RedirectAddr", "moved@fabrikam.test")]
    [InlineData("cloud@contoso.test", "RedirectUrl", "https://elsewhere.test/autodiscover/autodiscover.xml")]
    public async Task Plain_XML_tells_where_a_mailbox_is(string address, string element, string value)
    {
        world.Server.Redirections["moved@contoso.test"] = "moved@fabrikam.test";
        world.Server.Redirections["cloud@contoso.test"] = "https://elsewhere.test/autodiscover/autodiscover.xml";
        XElement answer = await PostAsync("Autodiscover/Autodiscover.xml",
            $"<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\"><Request><EMailAddress>{address}</EMailAddress></Request></Autodiscover>");
        Assert.EndsWith(value, answer.Descendants().First(e => e.Name.LocalName == element).Value, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Anna, "Value", "/EWS/Exchange.asmx")]
    [InlineData("nobody@contoso.test", "ErrorCode", "InvalidUser")]
    [InlineData("moved@contoso.test", "RedirectTarget", "moved@fabrikam.test")]
    public async Task SOAP_tells_the_settings_of_a_user(string address, string element, string value)
    {
        world.Server.Redirections["moved@contoso.test"] = "moved@fabrikam.test";
        XElement answer = await PostAsync("autodiscover/autodiscover.svc",
            $"<s:Envelope xmlns:s=\"{S}\" xmlns:a=\"http://schemas.microsoft.com/exchange/2010/Autodiscover\"><s:Body><a:GetUserSettingsRequestMessage><a:Request><a:Users><a:User><a:Mailbox>{address}</a:Mailbox></a:User></a:Users>" +
            "<a:RequestedSettings><a:Setting>ExternalEwsUrl</a:Setting></a:RequestedSettings></a:Request></a:GetUserSettingsRequestMessage></s:Body></s:Envelope>");
        Assert.EndsWith(value, answer.Descendants().Last(e => e.Name.LocalName == element).Value, StringComparison.Ordinal);
        Assert.Equal("NoError", answer.Descendants().First(e => e.Name.LocalName == "ErrorCode").Value);
    }

    [Fact]
    public async Task JSON_needs_no_log_in_and_XML_does()
    {
        Assert.Contains("/EWS/Exchange.asmx", await world.Client.GetStringAsync(new Uri(world.Server.Url, $"autodiscover/autodiscover.json/v1.0/{Anna}?Protocol=EWS")), StringComparison.Ordinal);
        using HttpResponseMessage unknown = await world.Client.GetAsync(new Uri(world.Server.Url, "autodiscover/autodiscover.json/v1.0/x@contoso.test?Protocol=EWS"));
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
        using HttpResponseMessage anonymous = await world.Client.GetAsync(new Uri(world.Server.Url, "autodiscover/autodiscover.xml"));
        Assert.Equal(HttpStatusCode.Unauthorized, anonymous.StatusCode);
    }

    private async Task<XElement> PostAsync(string path, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(world.Server.Url, path)) { Content = new StringContent(body, Encoding.UTF8, "text/xml") };
        request.Headers.Authorization = Basic(Anna, "secret");
        using HttpResponseMessage answer = await world.Client.SendAsync(request);
        return XElement.Parse(await answer.Content.ReadAsStringAsync());
    }
}

using System.Net;
using System.Text;
using System.Xml.Linq;
using System.Xml.Schema;
using EmailRouter.Lab.Organization;
using EmailRouter.Lab.Tests.Dataverse;

namespace EmailRouter.Lab.Tests.Organization;

/// <summary>What the endpoint Organization.svc/web says on the wire, held against the schemas that it serves.</summary>
public sealed class OrganizationServiceTests(DataverseWorld world) : IClassFixture<DataverseWorld>
{
    private const string Services = "http://schemas.microsoft.com/xrm/2011/Contracts/Services";
    private static readonly XNamespace a = "http://schemas.microsoft.com/xrm/2011/Contracts";
    private static readonly XNamespace s = "http://schemas.xmlsoap.org/soap/envelope/";

    [Theory]
    [InlineData("Retrieve", "<entityName>contact</entityName><id>{contact}</id><columnSet><a:AllColumns>true</a:AllColumns></columnSet>")]
    [InlineData("Retrieve", "<entityName>systemuser</entityName><id>{anna}</id><columnSet><a:AllColumns>true</a:AllColumns></columnSet>")]
    [InlineData("RetrieveMultiple", """
        <query i:type="a:FetchExpression"><a:Query>&lt;fetch count="1"&gt;&lt;entity name="systemuser"&gt;
        &lt;all-attributes/&gt;&lt;/entity&gt;&lt;/fetch&gt;</a:Query></query>
        """)]
    [InlineData("Execute", "<request><a:Parameters/><a:RequestId i:nil='true'/><a:RequestName>WhoAmI</a:RequestName></request>")]
    [InlineData("Execute", """
        <request><a:Parameters>
        <a:KeyValuePairOfstringanyType><b:key>EntityFilters</b:key><b:value i:type="m:EntityFilters">Entity Attributes</b:value></a:KeyValuePairOfstringanyType>
        </a:Parameters><a:RequestName>RetrieveAllEntities</a:RequestName></request>
        """)]
    [InlineData("Execute", """
        <request i:type="g:RetrieveUserPrivilegesRequest"><a:Parameters>
        <a:KeyValuePairOfstringanyType><b:key>UserId</b:key><b:value i:type="d:guid">{anna}</b:value></a:KeyValuePairOfstringanyType>
        </a:Parameters><a:RequestName>RetrieveUserPrivileges</a:RequestName></request>
        """)]
    public async Task An_answer_is_as_its_schema_says(string operation, string content)
    {
        (HttpStatusCode status, XElement body) = await CallAsync(operation, content);

        Assert.True(status == HttpStatusCode.OK, body.ToString());
        Assert.Equal(XName.Get(operation + "Response", Services), body.Name);
        Validate(body);
    }

    [Fact]
    public async Task A_refusal_is_a_fault_with_the_organizations_code()
    {
        (HttpStatusCode status, XElement body) = await CallAsync("Retrieve", $"<entityName>contact</entityName><id>{Guid.NewGuid()}</id><columnSet/>");

        Assert.Equal(HttpStatusCode.InternalServerError, status);
        Assert.Equal("s:Client", body.Element("faultcode")!.Value);
        XElement fault = Assert.Single(body.Element("detail")!.Elements());
        Assert.Equal(unchecked((int)0x80040217).ToString(System.Globalization.CultureInfo.InvariantCulture), fault.Element(a + "ErrorCode")!.Value);
        Validate(fault);
    }

    [Theory]
    [InlineData("Retrieve", "<entityName>contact</entityName><id>no id</id>", "DeserializationFailed")]
    [InlineData("Create",
        "<entity><a:Attributes><a:KeyValuePairOfstringanyType><b:key>x</b:key>" +
        "<b:value i:type='a:Nothing'/></a:KeyValuePairOfstringanyType></a:Attributes></entity>", "DeserializationFailed")]
    [InlineData("Undo", "", "ActionNotSupported")]
    public async Task What_cannot_be_read_is_a_fault_of_the_framework(string operation, string content, string code)
    {
        (HttpStatusCode status, XElement body) = await CallAsync(operation, content);

        Assert.Equal(HttpStatusCode.InternalServerError, status);
        Assert.Equal("a:" + code, body.Element("faultcode")!.Value);
        Assert.Null(body.Element("detail"));
    }

    [Fact]
    public async Task An_element_out_of_order_is_skipped_without_a_word_and_remembered()
    {
        int before = world.Server.SkippedElements.Count;
        (HttpStatusCode status, XElement body) = await CallAsync(
            "Execute", "<request><a:RequestName>WhoAmI</a:RequestName><a:Parameters/></request>");

        Assert.True(status == HttpStatusCode.OK, body.ToString());
        Assert.Equal(["request/Parameters"], world.Server.SkippedElements.Skip(before));
    }

    [Theory]
    [InlineData("XRMServices/2011/Organization.svc/web", "application/soap+xml", 415)]
    [InlineData("XRMServices/2011/Organization.svc", "text/xml", 400)]
    [InlineData("Contoso/XRMServices/2011/organization.svc/Web", "text/xml", 400)]
    [InlineData("Contoso/Other/XRMServices/2011/Organization.svc/web", "text/xml", 404)]
    public async Task Other_requests_are_refused(string path, string mediaType, int status)
    {
        using var content = new StringContent("no envelope", Encoding.UTF8, mediaType);
        using HttpResponseMessage response = await world.Http.PostAsync(new Uri(world.Server.Url, path), content);

        Assert.Equal(status, (int)response.StatusCode);
    }

    [Fact]
    public async Task The_description_is_there_for_everybody_and_a_log_in_may_be_by_token_or_by_password()
    {
        using var anybody = new HttpClient();
        string description = await anybody.GetStringAsync(new Uri(world.Server.Url, "Contoso/XRMServices/2011/Organization.svc?wsdl"));
        using HttpResponseMessage refused = await anybody.PostAsync(world.Server.OrganizationService, new StringContent("<x/>", Encoding.UTF8, "text/xml"));

        Assert.Contains($"{world.Server.Url}Contoso/XRMServices/2011/Organization.svc/web", description, StringComparison.Ordinal);
        Assert.Equal(["Bearer", "Basic"], refused.Headers.NonValidated["WWW-Authenticate"].Select(h => h.Split(' ')[0]));
    }

    private static void Validate(XElement element)
    {
        var wrong = new List<string>();
        new XDocument(new XElement(element)).Validate(ServiceDescription.Schemas, (_, e) => wrong.Add(e.Message));
        Assert.True(wrong.Count == 0, string.Join('\n', wrong.Take(5)));
    }

    private async Task<(HttpStatusCode Status, XElement Body)> CallAsync(string operation, string content)
    {
        content = content.Replace("{contact}", world.Contact.ToString(), StringComparison.Ordinal).Replace(
            "{anna}", world.Anna.ToString(), StringComparison.Ordinal);
        string envelope = $"""
            <s:Envelope xmlns:s="{s}" xmlns:a="{a}" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"
            xmlns:d="http://schemas.microsoft.com/2003/10/Serialization/" xmlns:b="http://schemas.datacontract.org/2004/07/System.Collections.Generic" xmlns:m="http://schemas.microsoft.com/xrm/2011/Metadata"
            xmlns:g="http://schemas.microsoft.com/crm/2011/Contracts"><s:Header><a:SdkClientVersion>8.2</a:SdkClientVersion></s:Header>
            <s:Body><{operation} xmlns="{Services}">{content}</{operation}></s:Body></s:Envelope>
            """;
        using var request = new HttpRequestMessage(HttpMethod.Post,
            world.Server.OrganizationService) { Content = new StringContent(envelope, Encoding.UTF8, "text/xml") };
        request.Headers.Add("SOAPAction", $"\"{Services}/IOrganizationService/{operation}\"");
        using HttpResponseMessage response = await world.Http.SendAsync(request);
        var answer = XElement.Parse(await response.Content.ReadAsStringAsync());
        return (response.StatusCode, answer.Element(s + "Body")!.Elements().Single());
    }
}

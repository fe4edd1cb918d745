using System.Security;
using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace EmailRouter.Lab.Tests.Dataverse;

/// <summary>"Use FetchXML with the Web API": the query parameter fetchXml.</summary>
public sealed class FetchXmlTests : IAsyncLifetime
{
    private readonly DataverseWorld world = new();

    public Task InitializeAsync() => world.InitializeAsync();

    public Task DisposeAsync() => world.DisposeAsync();

    [Fact]
    public async Task Rows_come_with_their_columns_labels_and_joined_values()
    {
        Guid id = await world.DraftAsync();
        JsonNode answer = await FetchAsync(
            "emails",
            """
            <fetch><entity name="email"><attribute name="subject"/><attribute name="statuscode"/><attribute name="ownerid"/><attribute name="to"/>
              <filter><condition attribute="subject" operator="like" value="Pump%"/></filter>
              <link-entity name="activityparty" from="activityid" to="activityid" alias="p"><attribute name="addressused"/><attribute name="participationtypemask"/>
                <filter><condition attribute="participationtypemask" operator="eq" value="2"/></filter></link-entity>
              <link-entity name="account" from="accountid" to="regardingobjectid" link-type="outer" alias="a"><attribute name="name"/><attribute name="emailaddress1" alias="mail"/></link-entity>
            </entity></fetch>
            """,
            "odata.include-annotations=\"OData.Community.Display.V1.FormattedValue\"");

        JsonNode row = Assert.Single((JsonArray)answer["value"]!)!;
        Assert.Equal((id, "Pump quote", 1, "Draft"),
            ((Guid)row["activityid"]!, (string)row["subject"]!, (int)row["statuscode"]!, (string)row["statuscode@OData.Community.Display.V1.FormattedValue"]!));
        Assert.Equal((world.AppUser, "Email Router"), ((Guid)row["_ownerid_value"]!, (string)row["_ownerid_value@OData.Community.Display.V1.FormattedValue"]!));
        Assert.Equal(("carla@customer.test", "To Recipient"), ((string)row["p.addressused"]!, (string)row["p.participationtypemask@OData.Community.Display.V1.FormattedValue"]!));
        Assert.Equal(("Customer's & Co", "info@customer.test"), ((string)row["a.name"]!, (string)row["mail"]!));
        Assert.StartsWith("W/\"", (string)row["@odata.etag"]!, StringComparison.Ordinal);
        Assert.Null(row["to"]);
    }

    [Fact]
    public async Task Version_8_has_no_dots_in_names()
    {
        await world.DraftAsync();
        string query = Uri.EscapeDataString("""<fetch><entity name="email"><link-entity name="account" from="accountid" to="regardingobjectid" alias="a"><attribute name="name"/></link-entity></entity></fetch>""");

        JsonNode answer = await world.GetAsync(new Uri(world.Server.Url, "api/data/v8.2/emails?fetchXml=" + query).ToString());

        Assert.Equal("Customer's & Co", (string)Assert.Single((JsonArray)answer["value"]!)!["a_x002e_name"]!);
    }

    [Fact]
    public async Task Pages_are_followed_by_their_cookies()
    {
        for (int i = 0; i < 5; i++)
            await world.CreateAsync("contact", ("lastname", $"Page {i}"));
        var seen = new List<string>();
        string attributes = string.Empty;
        for (int page = 1; ; page++)
        {
            JsonNode answer = await FetchAsync(
                "contacts",
                $"""<fetch count="2" page="{page}" returntotalrecordcount="true" {attributes}><entity name="contact"><attribute name="lastname"/><order attribute="lastname"/><filter><condition attribute="lastname" operator="begins-with" value="Page"/></filter></entity></fetch>""",
                "odata.include-annotations=\"Microsoft.Dynamics.CRM.morerecords\"");
            seen.AddRange(((JsonArray)answer["value"]!).Select(r => (string)r!["lastname"]!));
            Assert.Equal(5, (int)answer["@Microsoft.Dynamics.CRM.totalrecordcount"]!);
            bool isLast = answer["@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"] is null;
            Assert.Equal((page == 3, !isLast), (isLast, (bool)answer["@Microsoft.Dynamics.CRM.morerecords"]!));
            if (isLast)
                break;

            // A row that is there no more leaves no gap behind the cookie.
            var cookie = XElement.Parse((string)answer["@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"]!);
            Assert.Equal(page + 1, (int)cookie.Attribute("pagenumber")!);
            attributes = $"paging-cookie=\"{SecurityElement.Escape(Uri.UnescapeDataString(Uri.UnescapeDataString(cookie.Attribute("pagingcookie")!.Value)))}\"";
            if (page == 1)
                await world.SendAsync("DELETE", $"contacts({((JsonArray)answer["value"]!)[0]!["contactid"]})", null, 204);
            if (page == 1)
                await world.CreateAsync("contact", ("lastname", "Page 0"));
        }

        Assert.Equal(["Page 0", "Page 1", "Page 2", "Page 3", "Page 4"], seen);
    }

    [Fact]
    public async Task Groups_are_counted()
    {
        await world.DraftAsync("One");
        await world.DraftAsync("One");
        JsonNode answer = await FetchAsync(
            "emails",
            """<fetch aggregate="true"><entity name="email"><attribute name="statuscode" groupby="true" alias="state"/><attribute name="activityid" aggregate="count" alias="emails"/></entity></fetch>""",
            "odata.include-annotations=\"*\"");

        JsonNode row = Assert.Single((JsonArray)answer["value"]!)!;
        Assert.Equal((1, "Draft", 2), ((int)row["state"]!, (string)row["state@OData.Community.Display.V1.FormattedValue"]!, (int)row["emails"]!));
        Assert.Null(row["activityid"]);
    }

    [Theory]
    [InlineData("emails", "<fetch><entity name=\"contact\"/></fetch>", 400)]
    [InlineData("emails", "<fetch><entity name=\"nosuch\"/></fetch>", 400)]
    [InlineData("emails", "<fetch><entity name=\"email\"><attribute name=\"nosuch\"/></entity></fetch>", 400)]
    [InlineData("emails", "no XML", 400)]
    [InlineData("emails", "<fetch page=\"2\" paging-cookie=\"no cookie\"><entity name=\"email\"/></fetch>", 400)]
    [InlineData("nosuchs", "<fetch><entity name=\"email\"/></fetch>", 404)]
    public async Task What_is_malformed_is_refused(string set, string fetch, int status) =>
        await world.RefuseAsync("GET", $"{set}?fetchXml={Uri.EscapeDataString(fetch)}", status);

    [Fact]
    public async Task It_stands_alone()
    {
        string query = "fetchXml=" + Uri.EscapeDataString("<fetch><entity name=\"email\"/></fetch>");

        await world.RefuseAsync("GET", $"emails?{query}&$select=subject", 400);
        await world.RefuseAsync("GET", $"accounts({world.Account})/Account_Emails?{query}", 400);
    }

    private Task<JsonNode> FetchAsync(string set, string fetch, string prefer) => world.GetAsync($"{set}?fetchXml={Uri.EscapeDataString(fetch)}", ("Prefer", prefer));
}

using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using EmailRouter.Crm;

namespace EmailRouter.Lab.Tests.Dataverse;

public sealed class RowTests : IAsyncLifetime
{
    private readonly DataverseWorld world = new();

    public Task InitializeAsync() => world.InitializeAsync();

    public Task DisposeAsync() => world.DisposeAsync();

    [Fact]
    public async Task An_email_made_by_deep_insert_has_its_parties_and_their_addresses()
    {
        Guid id = await world.DraftAsync();

        JsonNode email = await world.GetAsync(
            $"emails({id})?$select=subject,statuscode,sender,torecipients,_regardingobjectid_value&$expand=email_activity_parties($select=participationtypemask,addressused,_partyid_value)",
            ("Prefer", "odata.include-annotations=\"*\""));

        Assert.Equal("Pump quote", (string)email["subject"]!);
        Assert.Equal("Draft", (string)email["statuscode@OData.Community.Display.V1.FormattedValue"]!);
        Assert.Equal("account", (string)email["_regardingobjectid_value@Microsoft.Dynamics.CRM.lookuplogicalname"]!);
        Assert.Equal("regardingobjectid_account_email", (string)email["_regardingobjectid_value@Microsoft.Dynamics.CRM.associatednavigationproperty"]!);
        Assert.Equal("Customer's & Co", (string)email["_regardingobjectid_value@OData.Community.Display.V1.FormattedValue"]!);
        Assert.Equal(["anna@example.test", "carla@customer.test", "unknown@customer.test"], email["email_activity_parties"]!.AsArray().Select(p => (string)p!["addressused"]!));
        Assert.Equal("anna@example.test", (string)email["sender"]!);
        Assert.Equal("carla@customer.test", (string)email["torecipients"]!);
        Assert.Null(email["description"]);
    }

    [Fact]
    public async Task Only_one_of_two_claims_with_the_same_etag_wins()
    {
        Guid id = await world.DraftAsync();
        await world.SendAsync("POST", $"emails({id})/Microsoft.Dynamics.CRM.SendEmail", new { IssueSend = true }, 200);
        string etag = (string)(await world.GetAsync($"emails({id})?$select=statuscode"))["@odata.etag"]!;

        await world.SendAsync("PATCH", $"emails({id})", new { statuscode = 7 }, 204, ("If-Match", etag));
        string code = await world.RefuseAsync("PATCH", $"emails({id})", 412, new { statuscode = 7 }, ("If-Match", etag));

        Assert.Equal("0x80060882", code);
        Assert.Equal(EmailStatus.Sending, (await world.Crm.GetEmailAsync(id, default))!.Status);
    }

    [Fact]
    public async Task A_sent_email_is_written_back_with_its_message_id_and_attempts()
    {
        Guid id = await world.DraftAsync();
        await world.SendAsync("POST", $"emails({id})/Microsoft.Dynamics.CRM.SendEmail", new { IssueSend = true }, 200);
        await world.SendAsync("PATCH", $"emails({id})", new { statuscode = 7 }, 204);

        await world.SendAsync("PATCH", $"emails({id})", new { statecode = 1, statuscode = 3, messageid = "<1@example.test>", deliveryattempts = 1 }, 204);

        JsonNode email = await world.GetAsync($"emails({id})?$select=statuscode,messageid,deliveryattempts,senton");
        Assert.Equal((3, "<1@example.test>", 1), ((int)email["statuscode"]!, (string)email["messageid"]!, (int)email["deliveryattempts"]!));
        Assert.NotNull(email["senton"]);
        Assert.Equal("0x80048408", await world.RefuseAsync("PATCH", $"emails({id})", 400, new { statuscode = 6 }));
    }

    [Theory]
    [InlineData("statuscode eq 1 and directioncode eq true", 3)]
    [InlineData("statuscode eq 6 or startswith(subject,'Order')", 1)]
    [InlineData("not contains(subject,'o''clock')", 2)]
    [InlineData("Microsoft.Dynamics.CRM.In(PropertyName='statuscode',PropertyValues=['6','1'])", 3)]
    [InlineData("Microsoft.Dynamics.CRM.In(PropertyName=%27subject%27,PropertyValues=[%22order%204711%22,%22x%22])", 1)]
    [InlineData("email_activity_parties/any(p:p/addressused eq 'unknown@customer.test' and p/participationtypemask eq 3)", 3)]
    [InlineData("email_activity_parties/any(p:p/participationtypemask eq 4)", 0)]
    [InlineData("regardingobjectid_account_email/name eq 'Customer''s %26 Co'", 3)]
    [InlineData("messageid eq null and createdon gt 2020-01-01T00:00:00Z", 3)]
    [InlineData("messageid ne 'x'", 3)]
    [InlineData("(subject eq 'order 4711')", 1)]
    [InlineData("_ownerid_value eq 00000000-0000-0000-0000-000000000001", 0)]
    [InlineData("deliveryattempts ge 0 and deliveryattempts lt 1", 3)]
    public async Task A_filter_finds_what_it_says(string filter, int count)
    {
        foreach (string subject in (string[])["Order 4711", "At 5 o'clock", "Pump quote"])
            await world.DraftAsync(subject);

        Assert.Equal(count, (await world.ListAsync($"emails?$select=subject&$filter={filter}")).Count);
    }

    [Theory]
    [InlineData("emails?$filter=subject eq")]
    [InlineData("emails?$filter=subject eq 'open")]
    [InlineData("emails?$filter=(subject eq 'x'")]
    [InlineData("emails?$filter=nosuch eq 1")]
    [InlineData("emails?$filter=Subject eq 'x'")]
    [InlineData("emails?$filter=subject eq 5x")]
    [InlineData("emails?$select=nosuch")]
    [InlineData("emails?$expand=nosuch")]
    [InlineData("emails?$orderby=subject sideways")]
    [InlineData("emails?$top=-1")]
    [InlineData("emails?$skip=1")]
    [InlineData("emails?$top=1&$top=2")]
    [InlineData("emails?$skiptoken=nonsense")]
    [InlineData("emails(nonsense)")]
    public async Task Nonsense_in_a_query_is_a_clear_400(string path) => Assert.Equal("0x80060888", await world.RefuseAsync("GET", path, 400));

    [Fact]
    public async Task A_filter_nested_beyond_the_limit_is_refused() =>
        Assert.Equal("0x80060888", await world.RefuseAsync("GET", $"emails?$filter={new string('(', 150)}statuscode eq 1{new string(')', 150)}", 400));

    [Fact]
    public async Task Unknown_sets_and_rows_are_404_with_their_codes()
    {
        Assert.Equal("0x8006088a", await world.RefuseAsync("GET", "nosuchs", 404));
        Assert.Equal("0x80040217", await world.RefuseAsync("GET", $"emails({Guid.NewGuid()})", 404));
    }

    [Fact]
    public async Task Pages_follow_one_another_without_gaps_or_repetitions()
    {
        for (int i = 0; i < 7; i++)
            await world.DraftAsync(string.Create(CultureInfo.InvariantCulture, $"Email {i}"));

        var subjects = new List<string>();
        int pages = 0;
        for (string? next = "emails?$select=subject&$orderby=subject desc&$count=true"; next is not null; pages++)
        {
            JsonNode page = await world.GetAsync(next, ("Prefer", "odata.maxpagesize=3"));
            subjects.AddRange(page["value"]!.AsArray().Select(e => (string)e!["subject"]!));
            Assert.Equal(7, (int)page["@odata.count"]!);
            next = (string?)page["@odata.nextLink"];
        }

        Assert.Equal(3, pages);
        Assert.Equal(Enumerable.Range(0, 7).Select(i => $"Email {6 - i}"), subjects);
    }

    [Fact]
    public async Task A_patch_makes_the_row_unless_the_client_forbids_it()
    {
        Guid id = Guid.NewGuid();
        Assert.Equal("0x80040217", await world.RefuseAsync("PATCH", $"contacts({id})", 404, new { lastname = "New" }, ("If-Match", "*")));
        await world.SendAsync("PATCH", $"contacts({id})", new { lastname = "New" }, 204);
        await world.SendAsync("PATCH", $"contacts({id})", new { lastname = "Newer" }, 204, ("If-Match", "*"));
        Assert.Equal("0x80040237", await world.RefuseAsync("PATCH", $"contacts({id})", 412, new { lastname = "Newest" }, ("If-None-Match", "*")));

        Assert.Equal("Newer", (string)(await world.GetAsync($"contacts({id})"))["lastname"]!);
    }

    [Fact]
    public async Task Representations_are_returned_when_preferred_and_304_when_unchanged()
    {
        (HttpResponseMessage created, JsonNode? row) = await world.SendAsync("POST", "contacts?$select=fullname", new { firstname = "Dora", lastname = "New" }, 201, ("Prefer", "return=representation"));
        string etag = (string)row!["@odata.etag"]!;

        Assert.Equal("Dora New", (string)row["fullname"]!);
        Assert.Equal("return=representation", created.Headers.GetValues("Preference-Applied").Single());
        await world.SendAsync("GET", $"contacts({row["contactid"]})", null, 304, ("If-None-Match", etag));
        await world.SendAsync("DELETE", $"contacts({row["contactid"]})", null, 412, ("If-Match", "W/\"77\""));
        await world.SendAsync("DELETE", $"contacts({row["contactid"]})", null, 204, ("If-Match", etag));
    }

    [Theory]
    [InlineData("""{"nosuch":1}""")]
    [InlineData("""{"subject":1}""")]
    [InlineData("""{"statuscode":"one"}""")]
    [InlineData("""{"_regardingobjectid_value":"7b6b1f5c-5e3c-4a2f-9d0a-1f6f0c6f9a01"}""")]
    [InlineData("""{"RegardingObjectId_account_email@odata.bind":"/accounts(7b6b1f5c-5e3c-4a2f-9d0a-1f6f0c6f9a01)"}""")]
    [InlineData("""{"regardingobjectid_account_email@odata.bind":"/contacts(7b6b1f5c-5e3c-4a2f-9d0a-1f6f0c6f9a01)"}""")]
    [InlineData("""[]""")]
    [InlineData("""{""")]
    public async Task A_body_that_does_not_fit_is_a_clear_400_and_makes_nothing(string body)
    {
        Assert.Equal("0x80048d19", await world.RefuseAsync("POST", "emails", 400, body));
        Assert.Empty(await world.ListAsync("emails"));
    }

    [Fact]
    public async Task A_deep_insert_with_one_bad_party_makes_nothing()
    {
        Assert.Equal("0x80040217", await world.RefuseAsync("POST", "emails", 404, $$"""
            {"subject":"x","email_activity_parties":[{"participationtypemask":1,"partyid_systemuser@odata.bind":"/systemusers({{world.Anna}})"},
             {"participationtypemask":2,"partyid_contact@odata.bind":"/contacts({{Guid.NewGuid()}})"}]}
            """));
        Assert.Empty(await world.ListAsync("emails"));
    }

    [Fact]
    public async Task An_attachment_keeps_its_content_and_obeys_the_limits()
    {
        Guid email = await world.DraftAsync();
        (HttpResponseMessage response, _) = await world.SendAsync("POST", "activitymimeattachments", new Dictionary<string, object>
        {
            ["objectid_email@odata.bind"] = $"/emails({email})",
            ["objecttypecode"] = "email",
            ["filename"] = "quote.txt",
            ["mimetype"] = "text/plain",
            ["body"] = Convert.ToBase64String(Encoding.UTF8.GetBytes("ten pumps")),
        }, 204);
        Guid id = DataverseWorld.IdOf(response);

        JsonArray list = await world.ListAsync($"emails({email})/email_activity_mime_attachment?$select=filename,filesize");
        Assert.Equal(("quote.txt", 9), ((string)list[0]!["filename"]!, (int)list[0]!["filesize"]!));
        Assert.Equal("ten pumps", Encoding.UTF8.GetString(Convert.FromBase64String((string)(await world.GetAsync($"activitymimeattachments({id})"))["body"]!)));
        Assert.Equal(1, (int)(await world.GetAsync($"emails({email})"))["attachmentcount"]!);
        Assert.Equal("0x80043e09", await world.RefuseAsync("POST", "activitymimeattachments", 400, new Dictionary<string, object>
        {
            ["objectid_email@odata.bind"] = $"/emails({email})", ["filename"] = "virus.exe", ["body"] = "AAAA",
        }));
        Assert.Equal("0x80044a02", await world.RefuseAsync("POST", "activitymimeattachments", 400, new Dictionary<string, object>
        {
            ["objectid_email@odata.bind"] = $"/emails({email})", ["filename"] = "big.txt", ["body"] = Convert.ToBase64String(new byte[5_242_881]),
        }));
    }

    [Fact]
    public async Task Links_are_read_set_and_taken_away()
    {
        await world.SendAsync("PUT", $"accounts({world.Account})/primarycontactid/$ref", new Dictionary<string, string> { ["@odata.id"] = $"{world.Server.Root}contacts({world.Contact})" }, 204);
        Assert.Equal("Carla Customer", (string)(await world.GetAsync($"accounts({world.Account})/primarycontactid?$select=fullname"))["fullname"]!);
        await world.SendAsync("DELETE", $"accounts({world.Account})/primarycontactid/$ref", null, 204);
        await world.SendAsync("GET", $"accounts({world.Account})/primarycontactid", null, 204);
    }

    [Fact]
    public async Task The_tables_of_a_router_are_there()
    {
        Assert.Contains(await world.ListAsync("systemusers?$filter=isdisabled eq false"), u => (string)u!["internalemailaddress"]! == "anna@example.test");
        Assert.Contains(await world.ListAsync("queues?$filter=incomingemaildeliverymethod eq 2 and statecode eq 0 and emailaddress ne null"), q => (string)q!["name"]! == "Support");
        Assert.Equal(1, (int)(await world.GetAsync($"usersettingscollection({world.Anna})"))["incomingemailfilteringmethod"]!);
        JsonNode organization = Assert.Single(await world.ListAsync("organizations"))!;
        Assert.Equal("CRM:", (string)organization["trackingprefix"]!);
        Assert.Equal(5_242_880, (int)organization["maxuploadfilesize"]!);
        await world.SendAsync("PATCH", $"organizations({organization["organizationid"]})", new { trackingprefix = "ACME:" }, 204);
        Assert.StartsWith("ACME:", (await world.Crm.GetSettingsAsync(default)).TrackingPrefixes[0], StringComparison.Ordinal);
        foreach (string set in (string[])["mailboxes", "emailserverprofiles", "leads", "queueitems", "activityparties", "teams", "incidents"])
            await world.ListAsync(set);
    }

    [Fact]
    public async Task A_received_email_is_written_down_completed_and_queued()
    {
        (HttpResponseMessage response, _) = await world.SendAsync("POST", "emails", $$"""
            {"subject":"RE: Order","directioncode":false,"messageid":"<in@customer.test>","description":"text","mimetype":"text/plain","ownerid@odata.bind":"/systemusers({{world.Anna}})",
             "email_activity_parties":[{"participationtypemask":1,"addressused":"carla@customer.test"},{"participationtypemask":2,"partyid_queue@odata.bind":"/queues({{world.Support}})"}]}
            """, 204);
        Guid id = DataverseWorld.IdOf(response);
        await world.SendAsync("PATCH", $"emails({id})", new { statecode = 1, statuscode = 4 }, 204);
        await world.SendAsync("POST", "queueitems", new Dictionary<string, object> { ["queueid@odata.bind"] = $"/queues({world.Support})", ["objectid_email@odata.bind"] = $"/emails({id})" }, 204);

        JsonNode item = Assert.Single(await world.ListAsync($"queues({world.Support})/queue_entries?$expand=objectid_email($select=subject,messageid)"))!;
        Assert.Equal("<in@customer.test>", (string)item["objectid_email"]!["messageid"]!);
        Assert.Equal("contact", (string)(await world.GetAsync($"emails({id})", ("Prefer", "odata.include-annotations=*")))["_emailsender_value@Microsoft.Dynamics.CRM.lookuplogicalname"]!);
        Assert.Equal("0x80040237", await world.RefuseAsync("POST", "emails", 412, """{"directioncode":false,"messageid":"<in@customer.test>"}"""));
        await world.SendAsync("DELETE", $"emails({id})", null, 204);
        Assert.Empty(await world.ListAsync("queueitems"));
    }

    [Fact]
    public async Task Who_am_I_names_the_application_user() => Assert.Equal(world.AppUser, (Guid)(await world.GetAsync("WhoAmI"))["UserId"]!);

    [Fact]
    public async Task Without_a_token_the_answer_says_where_to_log_in()
    {
        using var http = new HttpClient();
        HttpResponseMessage answer = await http.GetAsync(new Uri(world.Server.Root, "WhoAmI"));

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Contains("authorization_uri=" + world.Tokens.Authority, answer.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
    }
}

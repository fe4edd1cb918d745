using System.Text;
using System.Text.Json.Nodes;
using EmailRouter.Crm;

namespace EmailRouter.Lab.Tests.Dataverse;

public sealed class MessageTests : IAsyncLifetime
{
    private readonly DataverseWorld world = new();

    public Task InitializeAsync() => world.InitializeAsync();

    public Task DisposeAsync() => world.DisposeAsync();

    [Fact]
    public async Task The_server_accepts_email_for_a_queue_that_takes_everything()
    {
        JsonNode check = await world.GetAsync(Check("<a1@customer.test>", "RE: it''s 100%25 %2B %23 %F0%9F%93%A7", "carla@customer.test", "support@example.test"));

        Assert.True((bool)check["ShouldDeliver"]!);
        Assert.Equal((int)CheckReason.AcceptAll, (int)check["ReasonCode"]!);
    }

    [Fact]
    public async Task The_server_rejects_email_for_nobody()
    {
        JsonNode check = await world.GetAsync(Check("<a1@customer.test>", "Hello", "carla@customer.test", "nobody@elsewhere.test"));

        Assert.Equal((false, (int)CheckReason.NoRecipientMatch), ((bool)check["ShouldDeliver"]!, (int)check["ReasonCode"]!));
    }

    [Fact]
    public async Task Delivered_email_is_an_activity_with_attachments_and_delivering_it_twice_makes_one()
    {
        var body = new JsonObject
        {
            ["MessageId"] = "<a1@customer.test>",
            ["Subject"] = "Order",
            ["From"] = "carla@customer.test",
            ["To"] = "support@example.test; other@elsewhere.test",
            ["Cc"] = "",
            ["Bcc"] = "",
            ["ReceivedOn"] = "2026-01-31T08:05:00Z",
            ["SubmittedBy"] = "carla@customer.test",
            ["Importance"] = "high",
            ["Body"] = "<p>Please ship.</p>",
            ["Attachments"] = new JsonArray(
                new JsonObject { ["@odata.type"] = "Microsoft.Dynamics.CRM.activitymimeattachment", ["filename"] = "po.txt", ["mimetype"] = "text/plain", ["body"] = "QUJD" },
                new JsonObject { ["filename"] = "virus.exe", ["body"] = "QUJD" }),
            ["ValidateBeforeCreate"] = true,
        }.ToJsonString();

        JsonNode first = (await world.SendAsync("POST", "emails/Microsoft.Dynamics.CRM.DeliverIncomingEmail", body, 200)).Body!;
        JsonNode second = (await world.SendAsync("POST", "emails/Microsoft.Dynamics.CRM.DeliverIncomingEmail", body, 200)).Body!;

        Assert.Equal((string)first["EmailId"]!, (string)second["EmailId"]!);
        JsonNode email = Assert.Single(await world.ListAsync("emails?$filter=directioncode eq false&$expand=email_activity_mime_attachment($select=filename)"))!;
        Assert.Equal((4, 2, 1), ((int)email["statuscode"]!, (int)email["prioritycode"]!, (int)email["notifications"]!));
        Assert.Equal("po.txt", (string)Assert.Single(email["email_activity_mime_attachment"]!.AsArray())!["filename"]!);
        Assert.Equal((int)CheckReason.Duplicate, (int)(await world.GetAsync(Check("<a1@customer.test>", "Order", "carla@customer.test", "support@example.test")))["ReasonCode"]!);
        Assert.Single(await world.ListAsync($"queues({world.Support})/queue_entries"));
    }

    [Fact]
    public async Task Sending_puts_a_token_into_the_subject_and_background_sending_claims_it_once()
    {
        Guid id = await world.DraftAsync();
        JsonNode sent = (await world.SendAsync("POST", $"emails({id})/Microsoft.Dynamics.CRM.SendEmail", new { IssueSend = true, TrackingToken = "" }, 200)).Body!;
        Assert.StartsWith("Pump quote CRM:", (string)sent["Subject"]!, StringComparison.Ordinal);

        JsonNode none = (await world.SendAsync("POST", "BackgroundSendEmail", Fetch("subject", "eq", "another"), 200)).Body!;
        JsonNode claimed = (await world.SendAsync("POST", "BackgroundSendEmail", Fetch("activityid", "eq", id.ToString()), 200)).Body!;
        JsonNode again = (await world.SendAsync("POST", "BackgroundSendEmail", new { }, 200)).Body!;

        Assert.Empty(none["EntityCollection"]!.AsArray());
        JsonNode email = Assert.Single(claimed["EntityCollection"]!.AsArray())!;
        Assert.Equal((id, 7, "#Microsoft.Dynamics.CRM.email"), ((Guid)email["activityid"]!, (int)email["statuscode"]!, (string)email["@odata.type"]!));
        Assert.Equal([false], claimed["HasAttachments"]!.AsArray().Select(h => (bool)h!));
        Assert.Empty(again["EntityCollection"]!.AsArray());
        await world.RefuseAsync("POST", "BackgroundSendEmail", 400, new { Query = new { TopCount = 10 } });
    }

    private static string Fetch(string attribute, string by, string value) => new JsonObject
    {
        ["Query"] = new JsonObject
        {
            ["@odata.type"] = "Microsoft.Dynamics.CRM.FetchExpression",
            ["Query"] = $"""<fetch><entity name="email"><attribute name="subject"/><attribute name="statuscode"/><filter><condition attribute="{attribute}" operator="{by}" value="{value}"/></filter></entity></fetch>""",
        },
    }.ToJsonString();

    [Fact]
    public async Task A_draft_is_promoted_to_a_received_email()
    {
        Guid id = await world.DraftAsync();
        await world.SendAsync("POST", $"emails({id})/Microsoft.Dynamics.CRM.DeliverPromoteEmail",
            new { MessageId = "<p@customer.test>", Subject = "Promoted", From = "carla@customer.test", To = "anna@example.test", Importance = "2", Body = "text" }, 200);

        EmailActivity email = (await world.Crm.GetEmailAsync(id, default))!;
        Assert.Equal((EmailStatus.Received, false, "<p@customer.test>", EmailPriority.High), (email.Status, email.IsOutgoing, email.MessageId, email.Priority));
        Assert.Equal(["carla@customer.test", "anna@example.test"], email.Parties.Select(p => p.AddressUsed!));
        Assert.False((bool)(await world.GetAsync("CheckPromoteEmail(MessageId='<p@customer.test>',Subject='x',DirectionCode=0)"))["ShouldPromote"]!);
    }

    [Fact]
    public async Task A_large_attachment_goes_up_and_down_in_blocks()
    {
        Guid email = await world.DraftAsync();
        var target = new Dictionary<string, object> { ["@odata.type"] = "Microsoft.Dynamics.CRM.activitymimeattachment", ["filename"] = "a.txt", ["objectid_email@odata.bind"] = $"/emails({email})" };
        string token = (string)(await world.SendAsync("POST", "InitializeAttachmentBlocksUpload", new { Target = target }, 200)).Body!["FileContinuationToken"]!;
        foreach ((string id, string text) in (IEnumerable<(string, string)>)[("MQ==", "Hello "), ("Mg==", "world")])
            await world.SendAsync("POST", "UploadBlock", new { BlockId = id, BlockData = Convert.ToBase64String(Encoding.UTF8.GetBytes(text)), FileContinuationToken = token }, 204);
        await world.RefuseAsync("POST", "CommitAttachmentBlocksUpload", 400, new { Target = target, BlockList = (string[])["never"], FileContinuationToken = token });
        JsonNode made = (await world.SendAsync("POST", "CommitAttachmentBlocksUpload", new { Target = target, BlockList = (string[])["MQ==", "Mg=="], FileContinuationToken = token }, 200)).Body!;

        JsonNode begun = (await world.SendAsync("POST", "InitializeAttachmentBlocksDownload", new
        {
            Target = new Dictionary<string, object> { ["@odata.type"] = "Microsoft.Dynamics.CRM.activitymimeattachment", ["activitymimeattachmentid"] = (string)made["ActivityMimeAttachmentId"]! },
        }, 200)).Body!;
        JsonNode block = (await world.SendAsync("POST", "DownloadBlock", new { Offset = 6, BlockLength = 100, FileContinuationToken = (string)begun["FileContinuationToken"]! }, 200)).Body!;
        Assert.Equal(11, (int)begun["FileSizeInBytes"]!);
        Assert.Equal("world", Encoding.UTF8.GetString(Convert.FromBase64String((string)block["Data"]!)));
    }

    [Fact]
    public async Task Privileges_and_the_organization_are_told()
    {
        world.Server.Policy.Deny(world.AppUser, "prvWriteActivity");

        JsonArray all = (await world.GetAsync($"systemusers({world.AppUser})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()"))["RolePrivileges"]!.AsArray();
        Assert.Contains(all, p => (string)p!["PrivilegeName"]! == "prvReadActivity");
        Assert.DoesNotContain(all, p => (string)p!["PrivilegeName"]! == "prvWriteActivity");
        Assert.Empty((await world.GetAsync($"systemusers({world.AppUser})/Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName(PrivilegeName='prvWriteActivity')"))["RolePrivileges"]!.AsArray());
        Assert.StartsWith("9.2", (string)(await world.GetAsync("RetrieveVersion()"))["Version"]!, StringComparison.Ordinal);
        Assert.Equal("Enabled", (string)(await world.GetAsync("RetrieveCurrentOrganization(AccessType=@p)?@p=Microsoft.Dynamics.CRM.EndpointAccessType'Default'"))["Detail"]!["State"]!);
    }

    [Theory]
    [InlineData("POST", "WhoAmI", 405)]
    [InlineData("GET", "GetTrackingTokenEmail", 405)]
    [InlineData("GET", "emails/Microsoft.Dynamics.CRM.NoSuchMessage", 404)]
    [InlineData("GET", "CheckIncomingEmail(Subject='x')", 400)]
    [InlineData("GET", "CheckIncomingEmail(MessageId=@m)", 400)]
    public async Task A_message_called_wrongly_is_refused(string method, string path, int status) => await world.RefuseAsync(method, path, status);

    [Fact]
    public async Task Tables_columns_and_the_documents_of_the_service_are_told()
    {
        JsonNode account = Assert.Single(await world.ListAsync("EntityDefinitions?$select=LogicalName,EntitySetName&$filter=LogicalName eq 'account'&$expand=Attributes($select=LogicalName,FormatName;$filter=Format eq 'Email')"))!;
        Assert.Equal("accounts", (string)account["EntitySetName"]!);
        Assert.Equal(["emailaddress1", "emailaddress2", "emailaddress3"], account["Attributes"]!.AsArray().Select(a => (string)a!["LogicalName"]!).Order());
        Assert.Equal(100, (int)(await world.GetAsync("EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='emailaddress1')?$select=MaxLength"))["MaxLength"]!);
        Assert.Contains(await world.ListAsync(string.Empty), s => (string)s!["name"]! == "emails");
        Assert.Contains("EntityType Name=\"email\"", (string)(await world.GetAsync("$metadata"))!, StringComparison.Ordinal);
        await world.RefuseAsync("GET", "EntityDefinitions(LogicalName='nosuch')", 404);
    }

    private static string Check(string id, string subject, string from, string to) =>
        $"CheckIncomingEmail(MessageId=@m,Subject=@s,From=@f,To=@t,Cc=@c,Bcc=@b)?@m='{Uri.EscapeDataString(id)}'&@s='{subject}'&@f='{from}'&@t='{to}'&@c=''&@b=''";
}

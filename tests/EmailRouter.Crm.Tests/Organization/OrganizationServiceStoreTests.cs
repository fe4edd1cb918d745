using System.Net;
using System.Text;
using System.Xml.Linq;
using EmailRouter.Crm.Organization;
using EmailRouter.Crm.Tests.Dataverse;
using static EmailRouter.Crm.Tests.Organization.ScriptedOrganizationService;

namespace EmailRouter.Crm.Tests.Organization;

/// <summary>The store against a service that says what real ones say: what goes on the wire, and what faults lead to.</summary>
public sealed class OrganizationServiceStoreTests : IAsyncDisposable
{
    private static readonly Guid anna = new("aaaaaaaa-0000-0000-0000-000000000001");
    private static readonly Guid support = new("bbbbbbbb-0000-0000-0000-000000000002");
    private static readonly Guid carl = new("cccccccc-0000-0000-0000-000000000003");
    private static readonly Guid activity = new("eeeeeeee-0000-0000-0000-000000000005");

    private readonly ScriptedOrganizationService server = new();
    private readonly OrganizationServiceStore store;

    public OrganizationServiceStoreTests()
    {
        store = new OrganizationServiceStore(ScriptedServer.Endpoint, server.Http.Context);
        server.Tables["organization"] =
        [
            Entity("organization", Guid.NewGuid(), Result("organizationid", "d:guid", "dddddddd-0000-0000-0000-000000000004"), Text("name", "Contoso"), Text("trackingprefix", "CRM:;OLD:"),
                Result("ignoreinternalemail", "c:boolean", "true"), Result("maxuploadfilesize", "c:int", "1048576"), Text("orgdborgsettings", "<OrgSettings><AutoCreateContactOnPromote>0</AutoCreateContactOnPromote></OrgSettings>")),
        ];
        server.Tables["systemuser"] =
        [
            Entity("systemuser", anna, Result("systemuserid", "d:guid", anna.ToString()), Text("fullname", "Anna Ames"), Text("internalemailaddress", "anna@example.test"),
                Option("incomingemaildeliverymethod", 2), Option("outgoingemaildeliverymethod", 2), Option("emailrouteraccessapproval", 1), Result("isdisabled", "c:boolean", "false"),
                Lookup("queueid", "queue", support, "Support")),
        ];
        server.Tables["usersettings"] = [Entity("usersettings", anna, Result("systemuserid", "d:guid", anna.ToString()), Option("incomingemailfilteringmethod", 2))];
        server.Tables["queue"] =
        [
            Entity("queue", support, Result("queueid", "d:guid", support.ToString()), Text("name", "Support"), Text("emailaddress", "support@example.test"),
                Option("incomingemaildeliverymethod", 2), Option("outgoingemaildeliverymethod", 2), Option("emailrouteraccessapproval", 1), Option("statecode", 0), Lookup("ownerid", "systemuser", anna)),
        ];
    }

    public ValueTask DisposeAsync() => store.DisposeAsync();

    [Fact]
    public async Task Settings_and_mailboxes_come_from_typed_values()
    {
        OrganizationSettings settings = await store.GetSettingsAsync(default);
        List<CrmMailbox> mailboxes = [];
        await foreach (CrmMailbox mailbox in store.GetMailboxesAsync(default))
            mailboxes.Add(mailbox);

        Assert.Equal(("Contoso", true, false, 1_048_576L), (settings.Name, settings.IgnoreInternalEmail, settings.AutoCreateOnPromote, settings.MaxUploadFileSize));
        Assert.Equal(["CRM:", "OLD:"], settings.TrackingPrefixes);
        Assert.Equal(["anna@example.test", "support@example.test"], mailboxes.Select(m => m.Address));
        Assert.Equal((FilteringMethod.FromLeadsContactsAccounts, support, DeliveryMethod.Router), (mailboxes[0].Filter, mailboxes[0].DefaultQueueId!.Value, mailboxes[0].OutgoingDelivery));
        Assert.Equal((CrmMailboxKind.Queue, anna), (mailboxes[1].Kind, mailboxes[1].OwnerUserId));
    }

    [Fact]
    public async Task A_prefix_that_is_missing_means_that_no_tokens_are_used()
    {
        server.Tables["organization"] = [Entity("organization", anna, Result("organizationid", "d:guid", anna.ToString()))];

        Assert.False((await store.GetSettingsAsync(default)).UseTrackingToken);
    }

    [Fact]
    public async Task CRM_2011_is_not_asked_for_mailbox_rows_nor_for_several_messages_in_one()
    {
        server.Version = "5.0.9689.583";

        await store.GetSettingsAsync(default);
        await store.LookupAsync(new RecordQuery { MessageIds = ["<a@x>"], Addresses = ["carl@customer.test"] }, default);

        Assert.DoesNotContain(server.Messages, m => m.Table == "mailbox" || m.Name == "ExecuteMultiple");
        Assert.Contains(server.Messages, m => m.Table == "contact");
    }

    [Fact]
    public async Task The_envelope_is_that_of_the_documentation()
    {
        await store.GetSettingsAsync(default);

        Asked asked = server.Http.All[0];
        Assert.Equal(("POST", Address, "router"), (asked.Method, asked.Address.AbsoluteUri, asked.Token));
        Assert.Equal("\"http://schemas.microsoft.com/xrm/2011/Contracts/Services/IOrganizationService/Execute\"", asked.Headers["SOAPAction"]);
        Assert.Equal("text/xml; charset=utf-8", asked.Headers["Content-Type"]);
        XElement envelope = XElement.Parse(asked.Text);
        XNamespace contracts = "http://schemas.microsoft.com/xrm/2011/Contracts";
        Assert.NotNull(envelope.Descendants(contracts + "SdkClientVersion").SingleOrDefault());
        XElement request = envelope.Descendants(XName.Get("Execute", "http://schemas.microsoft.com/xrm/2011/Contracts/Services")).Single().Elements().Single();
        Assert.Equal(["Parameters", "RequestId", "RequestName"], request.Elements().Select(e => e.Name.LocalName));
    }

    [Fact]
    public async Task A_lookup_is_one_message_and_finds_emails_with_parties_and_queues_and_owners_of_addresses()
    {
        await store.LookupAsync(new RecordQuery { Addresses = ["nobody@x"] }, default);
        int before = server.Http.All.Count;
        Guid stored = Guid.NewGuid();
        Guid otherQueue = Guid.NewGuid();
        string Row(Guid queue) => Entity("email", stored, Result("activityid", "d:guid", stored.ToString()), Text("messageid", "<a@x>"), Text("subject", "Order & more"), Result("directioncode", "c:boolean", "true"),
            Result("createdon", "c:dateTime", "2026-01-30T08:00:00Z"), Lookup("regardingobjectid", "account", carl, "Carl Ltd"),
            Parties("to", Entity("activityparty", Guid.Empty, Option("participationtypemask", 2), Text("addressused", "carl@customer.test"))),
            Result("q.queueid", "a:AliasedValue", $"<a:AttributeLogicalName>queueid</a:AttributeLogicalName><a:EntityLogicalName>queueitem</a:EntityLogicalName><a:Value i:type=\"a:EntityReference\"><a:Id>{queue}</a:Id><a:LogicalName>queue</a:LogicalName></a:Value>"));
        server.Rows = fetch => (string)fetch.Element("entity")!.Attribute("name")! switch
        {
            "email" when fetch.ToString().Contains("messageid\" operator=\"in", StringComparison.Ordinal) => [Row(support), Row(otherQueue)],
            "contact" => [Entity("contact", carl, Result("contactid", "d:guid", carl.ToString()), Text("fullname", "Carl"), Text("emailaddress2", "CARL@customer.test"), Option("statecode", 1), Lookup("ownerid", "systemuser", anna), Result("donotemail", "c:boolean", "true"))],
            _ => null,
        };

        RecordLookup found = await store.LookupAsync(new RecordQuery { MessageIds = ["<a@x>"], TrackingTokens = ["CRM:001"], Addresses = ["carl@customer.test"] }, default);

        Assert.Equal(before + 1, server.Http.All.Count);
        StoredEmail email = found.ByMessageId["<a@x>"];
        Assert.Equal(("Order & more", true, new RecordReference("account", carl)), (email.Subject, email.IsOutgoing, email.Regarding));
        Assert.Equal(["carl@customer.test"], email.Addresses);
        Assert.Equal([support, otherQueue], email.QueueIds);
        AddressOwner owner = Assert.Single(found.Owners["carl@customer.test"]);
        Assert.Equal((false, anna, "emailaddress2", true), (owner.IsActive, owner.OwnerId!.Value, owner.Column, owner.DoNotEmail));
        XElement byToken = server.Messages.Where(m => m.Table == "email").Select(m => m.Fetch).First(f => f.ToString().Contains("trackingtoken\" operator=\"eq\" value=\"CRM:001\"", StringComparison.Ordinal));
        Assert.Equal("10", (string)byToken.Attribute("count")!);
    }

    [Fact]
    public async Task Pages_are_read_to_their_end_by_their_cookies()
    {
        int pages = 0;
        server.Answer = message => message.Table != "systemuser" ? null : Result(
            "EntityCollection", "a:EntityCollection",
            $"<a:Entities>{Entity("systemuser", Guid.NewGuid(), Result("systemuserid", "d:guid", Guid.NewGuid().ToString()), Text("internalemailaddress", $"u{++pages}@example.test"))}</a:Entities><a:MoreRecords>{(pages < 3 ? "true" : "false")}</a:MoreRecords><a:PagingCookie>&lt;cookie page=&quot;{pages}&quot;/&gt;</a:PagingCookie>");

        List<CrmMailbox> mailboxes = [];
        await foreach (CrmMailbox mailbox in store.GetMailboxesAsync(default))
            mailboxes.Add(mailbox);

        Assert.Equal(4, mailboxes.Count);
        XElement[] asked = [.. server.Messages.Where(m => m.Table == "systemuser").Select(m => m.Fetch)];
        Assert.Equal(["1", "2", "3"], asked.Select(f => (string)f.Attribute("page")!));
        Assert.Equal([null, "<cookie page=\"1\"/>", "<cookie page=\"2\"/>"], asked.Select(f => (string?)f.Attribute("paging-cookie")));
    }

    [Fact]
    public async Task An_email_is_a_draft_until_everything_is_there()
    {
        byte[] content = [.. Enumerable.Range(0, 100_000).Select(i => (byte)i)];
        NewEmail email = Email() with { QueueIds = [support], Attachments = [new EmailAttachment("a.bin", "application/octet-stream", content.Length, _ => ValueTask.FromResult<Stream>(new MemoryStream(content)))] };

        CreateEmailResult made = await store.CreateEmailAsync(email, default);

        Assert.Equal((activity, true), (made.ActivityId, made.Created));
        Message[] writes = [.. server.Messages.Where(m => m.Name is "Create" or "SetState")];
        Assert.Equal(["email", "activitymimeattachment", "queueitem"], writes[..3].Select(w => w.Target));
        Assert.Equal(("SetState", "1", "4"), (writes[3].Name, writes[3]["State"], writes[3]["Status"]));
        Message row = writes[0];
        Assert.Equal("Bell \uFFFD and <tag> 😀", row.Column("subject")!.Value);
        Assert.Null(row.Column("conversationindex"));
        XElement to = row.Column("to")!;
        Assert.Contains("carl@customer.test", to.Value, StringComparison.Ordinal);
        Assert.Equal("c:string", (string)writes[1].Column("body")!.Attribute(XName.Get("type", "http://www.w3.org/2001/XMLSchema-instance"))!);
        Assert.Equal(content, Convert.FromBase64String(writes[1].Column("body")!.Value));
    }

    [Fact]
    public async Task An_email_with_the_same_Message_ID_is_left_as_it_is()
    {
        Guid other = Guid.NewGuid();
        server.Tables["email"] = [Entity("email", other, Result("activityid", "d:guid", other.ToString()), Option("statuscode", 4))];

        CreateEmailResult made = await store.CreateEmailAsync(Email(), default);

        Assert.Equal((other, false), (made.ActivityId, made.Created));
        Assert.DoesNotContain(server.Messages, m => m.Name == "Create");
    }

    [Theory]
    [InlineData(10, true)]
    [InlineData(1, false)]
    public async Task A_draft_left_behind_is_deleted_once_nobody_can_be_at_it_any_more(int minutes, bool isDeleted)
    {
        DateTimeOffset made = server.Http.Clock.GetUtcNow().AddMinutes(-minutes);
        server.Tables["email"] =
        [
            Entity("email", activity, Result("activityid", "d:guid", activity.ToString()), Option("statuscode", 1), Result("directioncode", "c:boolean", "false"), Result("createdon", "c:dateTime", made.ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture))),
        ];

        if (isDeleted)
        {
            Assert.True((await store.CreateEmailAsync(Email(), default)).Created);
            Assert.Equal(["Delete", "Create"], server.Messages.Where(m => m.Name is "Delete" or "Create").Select(m => m.Name));
            return;
        }

        CrmException unfinished = await Assert.ThrowsAsync<CrmException>(() => store.CreateEmailAsync(Email(), default).AsTask());
        Assert.Equal(("CrmEmailUnfinished", true), (unfinished.ErrorId, unfinished.IsTransient));
        Assert.DoesNotContain(server.Messages, m => m.Name is "Delete" or "Create");
    }

    [Fact]
    public async Task What_a_plug_in_refuses_leaves_no_draft_and_is_told_in_its_words()
    {
        server.Answer = m => m.Name == "Create" && m.Target == "activitymimeattachment"
            ? Fault(unchecked((int)0x80040265), "An error occurred.", "<a:InnerFault><a:Message>No files from strangers.</a:Message></a:InnerFault>") : null;
        NewEmail email = Email() with { Attachments = [new EmailAttachment("a", "text/plain", 1, _ => ValueTask.FromResult<Stream>(new MemoryStream([65])))] };

        CrmException refused = await Assert.ThrowsAsync<CrmException>(() => store.CreateEmailAsync(email, default).AsTask());

        Assert.Equal(("CrmPluginRefused", true), (refused.ErrorId, refused.IsAboutRecord));
        Assert.Contains("No files from strangers.", refused.Message, StringComparison.Ordinal);
        Assert.Equal("Delete", server.Messages[^1].Name);
    }

    [Fact]
    public async Task A_file_that_cannot_be_read_is_not_taken_for_the_networks_fault()
    {
        NewEmail email = Email() with { Attachments = [new EmailAttachment("a", "text/plain", 1, _ => throw new InvalidDataException("gone"))] };

        await Assert.ThrowsAsync<InvalidDataException>(() => store.CreateEmailAsync(email, default).AsTask());
    }

    [Fact]
    public async Task The_server_hands_out_pending_email_and_what_another_claimer_got_does_not_come()
    {
        Guid first = Guid.NewGuid();
        Guid second = Guid.NewGuid();
        server.Rows = fetch => (string)fetch.Element("entity")!.Attribute("name")! switch
        {
            "email" => [Pending(first), Pending(second)],
            "activitymimeattachment" => [Entity("activitymimeattachment", carl, Result("activitymimeattachmentid", "d:guid", carl.ToString()), Text("filename", "a.txt"), Text("mimetype", "text/plain"), Result("filesize", "c:int", "2"), Lookup("objectid", "email", first))],
            _ => null,
        };
        server.Answer = m => m.Name switch
        {
            "BackgroundSendEmail" => Result("EntityCollection", "a:EntityCollection", $"<a:Entities>{Entity("email", first, Result("activityid", "d:guid", first.ToString()), Text("description", "<p>Hi</p>"))}</a:Entities>"),
            "Retrieve" => Result("Entity", "a:Entity", $"<a:Attributes>{Text("body", "SGk=")}</a:Attributes>"),
            _ => null,
        };

        IReadOnlyList<PendingEmail> claimed = await store.ClaimPendingAsync(new ClaimRequest { MaxCount = 2 }, default);

        PendingEmail email = Assert.Single(claimed);
        Assert.Equal((first, "anna@example.test", "<p>Hi</p>", "text/html", false), (email.ActivityId, email.FromAddress, email.Description, email.MimeType, email.WasStuck));
        Assert.Contains(email.Parties, p => p is { Role: ParticipationType.To, AddressUsed: "carl@customer.test" });
        await using Stream file = await Assert.Single(email.Attachments).Open(default);
        using var reader = new StreamReader(file);
        Assert.Equal("Hi", await reader.ReadToEndAsync());
        XElement query = server.Messages.First(m => m.Name == "BackgroundSendEmail").Parameters["Query"];
        Assert.Equal([first.ToString(), second.ToString()], query.Descendants().Where(e => e.Name.LocalName == "anyType").Select(e => e.Value));
    }

    [Fact]
    public async Task What_was_handed_out_and_cannot_be_prepared_goes_back()
    {
        Guid id = Guid.NewGuid();
        server.Rows = fetch => (string)fetch.Element("entity")!.Attribute("name")! == "email" ? [Pending(id).Replace("CRM:001", string.Empty, StringComparison.Ordinal)] : null;
        server.Answer = m => m.Name switch
        {
            "BackgroundSendEmail" => Result("EntityCollection", "a:EntityCollection", $"<a:Entities>{Entity("email", id, Result("activityid", "d:guid", id.ToString()))}</a:Entities>"),
            "GetTrackingTokenEmail" => Text("TrackingToken", "CRM:0001042"),
            "Update" => Fault(unchecked((int)0x80040265), "The plug-in says no."),
            _ => null,
        };

        await Assert.ThrowsAsync<CrmException>(() => store.ClaimPendingAsync(new ClaimRequest(), default).AsTask());

        Assert.Equal(("SetState", "6"), (server.Messages[^1].Name, server.Messages[^1]["Status"]));
    }

    [Fact]
    public async Task A_missing_token_is_asked_for_in_the_senders_name()
    {
        Guid id = Guid.NewGuid();
        server.Rows = fetch => (string)fetch.Element("entity")!.Attribute("name")! == "email" ? [Pending(id).Replace("CRM:001", string.Empty, StringComparison.Ordinal)] : null;
        server.Answer = m => m.Name switch
        {
            "BackgroundSendEmail" => Result("EntityCollection", "a:EntityCollection", $"<a:Entities>{Entity("email", id, Result("activityid", "d:guid", id.ToString()))}</a:Entities>"),
            "GetTrackingTokenEmail" => Text("TrackingToken", "CRM:0001042"),
            _ => null,
        };

        PendingEmail email = Assert.Single(await store.ClaimPendingAsync(new ClaimRequest(), default));

        Assert.Equal(("CRM:0001042", "Hello CRM:0001042"), (email.TrackingToken, email.Subject.Replace("  ", " ", StringComparison.Ordinal)));
        Assert.Equal("CRM:0001042", server.Messages.Single(m => m.Name == "Update").Column("trackingtoken")!.Value);
        Assert.Contains(server.Http.All, a => a.Text.Contains("GetTrackingTokenEmail", StringComparison.Ordinal) && a.Text.Contains($"CallerId>{anna}<", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Looking_only_claims_nothing()
    {
        Guid id = Guid.NewGuid();
        server.Rows = fetch => (string)fetch.Element("entity")!.Attribute("name")! == "email" ? [Pending(id)] : null;

        Assert.Single(await store.ClaimPendingAsync(new ClaimRequest { PeekOnly = true }, default));

        Assert.DoesNotContain(server.Messages, m => m.Name is "BackgroundSendEmail" or "Update" or "SetState");
    }

    [Fact]
    public async Task What_was_stuck_is_made_pending_first_and_known_as_stuck()
    {
        Guid id = Guid.NewGuid();
        server.Rows = fetch => (string)fetch.Element("entity")!.Attribute("name")! == "email" ? [Pending(id, status: 7)] : null;
        server.Answer = m => m.Name == "BackgroundSendEmail" ? Result("EntityCollection", "a:EntityCollection", $"<a:Entities>{Entity("email", id, Result("activityid", "d:guid", id.ToString()))}</a:Entities>") : null;

        Assert.True(Assert.Single(await store.ClaimPendingAsync(new ClaimRequest(), default)).WasStuck);

        Assert.Equal(["SetState", "BackgroundSendEmail"], server.Messages.Where(m => m.Name is "SetState" or "BackgroundSendEmail").Select(m => m.Name));
    }

    [Theory]
    [InlineData("sent", "1", "3")]
    [InlineData("failed", "0", "8")]
    [InlineData("retry", "1", "6")]
    public async Task What_became_of_an_email_is_written_as_columns_and_state(string outcome, string state, string status)
    {
        server.Tables["email"] = [Entity("email", activity, Result("activityid", "d:guid", activity.ToString()), Option("statuscode", 7))];

        await store.CompleteAsync(Claimed(), Outcome(outcome), default);

        // Attempts of a retry are written again after the state: a server may count anew what becomes pending.
        Message[] updates = [.. server.Messages.Where(m => m.Name == "Update")];
        Assert.Equal(outcome == "retry" ? 2 : 1, updates.Length);
        Assert.All(updates, u => Assert.Equal("3", u.Column("deliveryattempts")!.Value));
        Message set = server.Messages.Single(m => m.Name == "SetState");
        Assert.Equal((state, status), (set["State"], set["Status"]));
        Assert.Equal(outcome == "failed", server.Messages.Any(m => m.Name == "Create" && m.Target == "annotation" && m.Column("notetext")!.Value == "No such user"));
    }

    [Fact]
    public async Task Completing_twice_changes_nothing_and_a_lost_claim_is_told()
    {
        server.Tables["email"] = [Entity("email", activity, Result("activityid", "d:guid", activity.ToString()), Option("statuscode", 3), Text("messageid", "<sent@x>"))];

        await store.CompleteAsync(Claimed(), Outcome("sent"), default);
        Assert.DoesNotContain(server.Messages, m => m.Name is "Update" or "SetState");

        CrmException lost = await Assert.ThrowsAsync<CrmException>(() => store.CompleteAsync(Claimed(), Outcome("failed"), default).AsTask());
        Assert.Equal("CrmClaimLost", lost.ErrorId);
    }

    [Fact]
    public async Task Privileges_are_told_by_their_names()
    {
        Guid read = Guid.NewGuid();
        server.Tables["privilege"] = [Entity("privilege", read, Result("privilegeid", "d:guid", read.ToString()), Text("name", "prvReadActivity"))];
        server.Answer = m => m.Name switch
        {
            "WhoAmI" => Result("UserId", "d:guid", anna.ToString()) + Result("OrganizationId", "d:guid", carl.ToString()),
            "RetrieveUserPrivileges" => Result("RolePrivileges", "f:ArrayOfRolePrivilege\" xmlns:f=\"http://schemas.microsoft.com/crm/2011/Contracts", $"<f:RolePrivilege><f:BusinessUnitId>{carl}</f:BusinessUnitId><f:Depth>Global</f:Depth><f:PrivilegeId>{read}</f:PrivilegeId></f:RolePrivilege>"),
            _ => null,
        };

        CrmAccess access = await store.ReportAccessAsync(default);

        Assert.Equal(("Anna Ames", anna, "7.0.1.129"), (access.User, access.UserId, access.Version));
        CrmFinding missing = access.Findings.Single(f => f.Id == "CrmPrivilegeMissing");
        Assert.Contains("prvWriteActivity", missing.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("prvReadActivity", missing.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-2147220960, "SecLib::AccessCheckEx failed. Principal user is missing prvReadOrganization privilege.", "CrmPrivilegeMissing")]
    [InlineData(-2147220955, "The specified user is either disabled or is not a member of any business unit.", "CrmUserDisabled")]
    [InlineData(-2147202558, "Attachment file size is too big.", "CrmAttachmentTooLarge")]
    public async Task Faults_are_the_errors_of_the_common_table(int code, string words, string error)
    {
        server.Answer = m => m.Table == "organization" ? Fault(code, words) : null;

        CrmException refused = await Assert.ThrowsAsync<CrmException>(() => store.GetSettingsAsync(default).AsTask());

        Assert.Equal(error, refused.ErrorId);
        Assert.Contains(words, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_limit_on_requests_that_a_fault_tells_is_waited_for_and_the_request_sent_again()
    {
        int asked = 0;
        const string Names = "xmlns:b=\"http://schemas.datacontract.org/2004/07/System.Collections.Generic\" " +
            "xmlns:d=\"http://schemas.microsoft.com/2003/10/Serialization/\" xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\"";
        string fault = Fault(-2147015902, "Number of requests exceeded the limit of 6000.").Replace(
            "<a:ErrorDetails/>", $"<a:ErrorDetails {Names}>{Result("Retry-After", "d:duration", "PT11S")}</a:ErrorDetails>", StringComparison.Ordinal);
        server.Answer = m => m.Table == "organization" && asked++ == 0 ? fault : null;

        Assert.Equal("Contoso", (await store.GetSettingsAsync(default)).Name);
        Assert.Contains(TimeSpan.FromSeconds(11), server.Http.Clock.Waits);
        Assert.Equal(2, asked);
    }

    [Theory]
    [InlineData("<html><head><title>Sign in</title></head><body><form><input type='password'/></form></body></html>", "text/html", 200, "CrmWebPage")]
    [InlineData("<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><Execu", "text/xml", 200, "CrmAnswerUnreadable")]
    [InlineData("<!DOCTYPE x [<!ENTITY e \"boom\">]><x>&e;</x>", "text/xml", 200, "CrmAnswerUnreadable")]
    [InlineData("<a/>", "text/xml", 200, "CrmAnswerUnreadable")]
    [InlineData("", "text/plain", 404, "CrmNotFound")]
    [InlineData("", "text/plain", 403, "CrmAccessDenied")]
    public async Task What_is_no_answer_of_the_service_is_told_as_such(string body, string type, int status, string error)
    {
        server.Http.Answer = _ => new HttpResponseMessage((HttpStatusCode)status) { Content = new StringContent(body, Encoding.UTF8, type) };

        CrmException wrong = await Assert.ThrowsAsync<CrmException>(() => store.GetSettingsAsync(default).AsTask());

        Assert.Equal(error, wrong.ErrorId);
    }

    [Fact]
    public async Task The_server_with_the_organization_beside_it_is_an_address_too()
    {
        await using var other = new OrganizationServiceStore(ScriptedServer.Endpoint with { Organization = "Nowhere" }, server.Http.Context);

        Assert.Equal("Contoso", (await other.GetSettingsAsync(default)).Name);

        Assert.Equal("/Nowhere/XRMServices/2011/Organization.svc/web", server.Http.All[0].Path);
    }

    private static string Pending(Guid id, int status = 6) => Entity("email", id, Result("activityid", "d:guid", id.ToString()), Text("subject", "Hello CRM:001"), Text("trackingtoken", "CRM:001"), Option("statuscode", status),
        Result("versionnumber", "c:long", "4711"), Result("createdon", "c:dateTime", "2026-01-30T08:00:00Z"),
        Parties("from", Entity("activityparty", Guid.Empty, Option("participationtypemask", 1), Lookup("partyid", "systemuser", anna, "Anna Ames"))),
        Parties("to", Entity("activityparty", Guid.Empty, Option("participationtypemask", 2), Text("addressused", "carl@customer.test"))));

    private PendingEmail Claimed() => new()
    {
        ActivityId = activity,
        ClaimVersion = server.Http.Clock.GetUtcNow().ToString("O", System.Globalization.CultureInfo.InvariantCulture) + "|4711",
        Subject = "Hello",
        Description = "Hi",
        MimeType = "text/plain",
        Parties = [],
        From = new RecordReference("systemuser", anna),
        FromAddress = "anna@example.test",
        DeliveryAttempts = 2,
    };

    private static SendOutcome Outcome(string name) => name switch
    {
        "sent" => new SendOutcome.Sent("<sent@x>", new DateTimeOffset(2026, 1, 31, 8, 0, 0, TimeSpan.Zero)),
        "failed" => new SendOutcome.Failed("No such user"),
        _ => new SendOutcome.Retry("<sent@x>", new DateTimeOffset(2026, 1, 31, 9, 0, 0, TimeSpan.Zero), "busy"),
    };

    private static NewEmail Email() => new()
    {
        ActivityId = activity,
        MessageId = "<a1@customer.test>",
        Subject = "Bell \a and <tag> 😀",
        Description = "<p>Hi</p>",
        MimeType = "text/html",
        OwnerId = anna,
        Sender = "carl@customer.test",
        ConversationIndex = "AQ==",
        ReceivedOn = new DateTimeOffset(2026, 1, 31, 8, 0, 0, TimeSpan.Zero),
        Parties = [new ActivityParty(ParticipationType.Sender, "carl@customer.test", new RecordReference("contact", carl)), new ActivityParty(ParticipationType.To, "carl@customer.test")],
    };
}

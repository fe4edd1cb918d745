using System.Net;
using System.Xml.Linq;
using EmailRouter.Crm.CrmService;
using EmailRouter.Crm.Organization;
using EmailRouter.Crm.Tests.Dataverse;
using static EmailRouter.Crm.Tests.Organization.ScriptedOrganizationService;

namespace EmailRouter.Crm.Tests.CrmService;

/// <summary>CRM 4.0 against a service that answers in the form of its description (WSDL).</summary>
public sealed class CrmServiceOrganizationTests : IAsyncDisposable
{
    private const string Address = "https://crm.example.test/MSCRMServices/2007/CrmService.asmx";

    private static readonly XNamespace web = "http://schemas.microsoft.com/crm/2007/WebServices";
    private static readonly XNamespace query = "http://schemas.microsoft.com/crm/2006/Query";
    private static readonly XNamespace instance = "http://www.w3.org/2001/XMLSchema-instance";
    private static readonly Guid anna = new("aaaaaaaa-0000-0000-0000-000000000001");
    private static readonly Guid pending = new("eeeeeeee-0000-0000-0000-000000000005");

    private readonly ScriptedServer server = new() { KnowsVersion = false };
    private readonly OrganizationServiceOrganization organization;
    private readonly List<XElement> asked = [];
    private Func<string, XElement, string?> answer = (_, _) => null;

    public CrmServiceOrganizationTests()
    {
        server.Answer = Respond;
        organization = CrmServiceOrganization.Create(
            new CrmEndpoint { Url = new Uri("https://crm.example.test/Contoso"), Credentials = [new CrmPassword("CONTOSO\\router", "secret")] }, server.Context);
    }

    public ValueTask DisposeAsync() => organization.DisposeAsync();

    [Fact]
    public async Task Settings_and_mailboxes_come_from_dynamic_entities()
    {
        Assert.Equal("Contoso", (await organization.GetSettingsAsync(default)).Name);
        List<CrmMailbox> mailboxes = [];
        await foreach (CrmMailbox mailbox in organization.GetMailboxesAsync(default))
            mailboxes.Add(mailbox);

        CrmMailbox only = Assert.Single(mailboxes);
        Assert.Equal(("anna@example.test", DeliveryMethod.Router, AccessApproval.Approved, true), (only.Address, only.OutgoingDelivery, only.Approval, only.IsActive));
        Assert.All(server.All, a => Assert.Equal(Address, a.Address.AbsoluteUri));
        XElement header = asked[0].Descendants(web + "CrmAuthenticationToken").Single();
        XNamespace core = "http://schemas.microsoft.com/crm/2007/CoreTypes";
        Assert.Equal(("0", "Contoso"), (header.Element(core + "AuthenticationType")!.Value, header.Element(core + "OrganizationName")!.Value));
        Assert.Equal("\"http://schemas.microsoft.com/crm/2007/WebServices/Execute\"", server.All[0].Headers["SOAPAction"]);
    }

    [Fact]
    public async Task A_query_has_its_parts_in_the_order_of_the_type()
    {
        await organization.GetSettingsAsync(default);

        XElement users = asked.Select(a => a.Descendants(web + "Query").FirstOrDefault()).OfType<XElement>().First(q => q.Element(query + "EntityName")!.Value == "systemuser");
        Assert.Equal(["EntityName", "ColumnSet", "Distinct", "PageInfo", "LinkEntities", "Criteria", "Orders"], users.Elements().Select(e => e.Name.LocalName));
        XElement condition = users.Descendants(query + "Condition").Single();
        Assert.Equal(["internalemailaddress", "NotNull"], condition.Elements().Select(e => e.Value));
        Assert.Equal("true", (string?)users.Parent!.Attribute("ReturnDynamicEntities"));
    }

    [Fact]
    public async Task The_server_is_asked_and_delivers_with_the_elements_in_order()
    {
        Guid made = Guid.NewGuid();
        answer = (type, _) => type switch
        {
            "CheckIncomingEmailRequest" => "<ShouldDeliver>true</ShouldDeliver><ReasonCode>6</ReasonCode>",
            "DeliverIncomingEmailRequest" => $"<EmailId>{made}</EmailId>",
            _ => null,
        };
        IncomingEmail email = Email();

        CheckResult check = await organization.CheckAsync(email, default);
        DeliverResult delivered = await organization.DeliverAsync(email, check, default);

        Assert.Equal((CheckReason.AcceptAll, made, true), (check.Reason, delivered.ActivityId, delivered.Created));
        XElement request = asked[^1].Descendants(web + "Request").Single();
        Assert.Equal(["MessageId", "Subject", "From", "To", "Cc", "Bcc", "ReceivedOn", "SubmittedBy", "Importance", "Body", "Attachments"], request.Elements().Select(e => e.Name.LocalName));
        Assert.Contains("SGVsbG8=", request.Element(web + "Attachments")!.Value, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pending_email_is_handed_out_and_written_back()
    {
        int status = 6;
        answer = (type, request) => type switch
        {
            "RetrieveMultipleRequest" when Table(request) == "email" => Rows(Row("email",
                P("Key", "activityid", pending), P("String", "subject", "Hello CRM:001"), P("String", "trackingtoken", "CRM:001"), P("Status", "statuscode", status), P("State", "statecode", "Completed"),
                P("CrmDateTime", "createdon", "2026-01-30T08:00:00Z"), P("CrmNumber", "deliveryattempts", 1),
                PartyList("from", Row("activityparty", P("Picklist", "participationtypemask", 1), Refer("partyid", "systemuser", anna))),
                PartyList("to", Row("activityparty", P("Picklist", "participationtypemask", 2), P("String", "addressused", "carl@customer.test"))))),
            "RetrieveMultipleRequest" when Table(request) == "activitymimeattachment" => Rows(Row("activitymimeattachment",
                P("Key", "activitymimeattachmentid", anna), P("String", "filename", "a.txt"), P("String", "mimetype", "text/plain"), Refer("activityid", "email", pending), P("String", "body", "SGk="))),
            "BackgroundSendEmailRequest" => Rows(Row("email", P("Key", "activityid", pending), P("String", "description", "Hi"))) + "<HasAttachments><boolean>true</boolean></HasAttachments>",
            _ => null,
        };

        PendingEmail email = Assert.Single(await organization.ClaimPendingAsync(new ClaimRequest(), default));
        Assert.Equal((pending, "Hi", "anna@example.test", 1), (email.ActivityId, email.Description, email.FromAddress, email.DeliveryAttempts));
        await using (Stream file = await Assert.Single(email.Attachments).Open(default))
            Assert.Equal(2, file.Length);
        status = 7;
        await organization.CompleteAsync(email, new SendOutcome.Sent("<sent@x>", server.Clock.GetUtcNow()), default);

        XElement update = asked.Single(a => a.Descendants(web + "Update").Any());
        Assert.Contains("<sent@x>", update.Value, StringComparison.Ordinal);
        XElement state = asked[^1].Descendants(web + "Request").Single();
        Assert.Equal("SetStateEmailRequest", (string?)state.Attribute(instance + "type"));
        Assert.Equal([pending.ToString(), "Completed", "3"], state.Elements().Select(e => e.Value));
    }

    [Fact]
    public async Task Faults_tell_code_and_description()
    {
        answer = (type, _) => type == "CheckIncomingEmailRequest"
            ? "!<error><code>0x80040220</code><description>SecLib::AccessCheckEx failed: prvReadActivity</description><type>Platform</type></error>" : null;

        CrmException refused = await Assert.ThrowsAsync<CrmException>(() => organization.CheckAsync(Email(), default).AsTask());

        Assert.Equal("CrmPrivilegeMissing", refused.ErrorId);
        Assert.Contains("0x80040220", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_router_deciding_is_not_supported_by_the_service()
    {
        CrmException refused = await Assert.ThrowsAsync<CrmException>(
            () => organization.Store.CreateEmailAsync(
                new NewEmail { ActivityId = pending, MessageId = "<a@x>", Subject = "s", Description = "d", MimeType = "text/plain", OwnerId = anna, Sender = "a@x", ReceivedOn = default, Parties = [] }, default).AsTask());

        Assert.Equal("CrmNotSupported", refused.ErrorId);
        Assert.DoesNotContain(asked, a => a.Descendants(web + "Create").Any());
    }

    [Fact]
    public void An_address_without_organization_is_refused()
    {
        CrmException missing = Assert.Throws<CrmException>(() => CrmServiceOrganization.Create(new CrmEndpoint { Url = new Uri("https://crm.example.test/"), Credentials = [new CrmProcessAccount()] }, server.Context));

        Assert.Equal("CrmOrganizationMissing", missing.ErrorId);
    }

    [Fact]
    public async Task Another_version_at_the_address_is_told()
    {
        server.Answer = _ => new HttpResponseMessage(HttpStatusCode.NotFound);

        CrmException wrong = await Assert.ThrowsAsync<CrmException>(() => organization.GetSettingsAsync(default).AsTask());

        Assert.Equal("CrmNotFound", wrong.ErrorId);
        Assert.Contains("Organization.svc", wrong.Remedy, StringComparison.Ordinal);
    }

    private static string P(string kind, string name, object value) => $"<w:Property xsi:type=\"w:{kind}Property\" Name=\"{name}\"><w:Value>{WebUtility.HtmlEncode(value.ToString())}</w:Value></w:Property>";

    private static string Refer(string name, string table, Guid id) => $"<w:Property xsi:type=\"w:LookupProperty\" Name=\"{name}\"><w:Value type=\"{table}\" name=\"x\">{id}</w:Value></w:Property>";

    private static string PartyList(string name, string row) => $"<w:Property xsi:type=\"w:DynamicEntityArrayProperty\" Name=\"{name}\"><w:Value>{row}</w:Value></w:Property>";

    private static string Row(string table, params string[] properties) => $"<w:BusinessEntity xsi:type=\"w:DynamicEntity\" Name=\"{table}\"><w:Properties>{string.Concat(properties)}</w:Properties></w:BusinessEntity>";

    private static string Rows(params string[] rows) => $"<w:BusinessEntityCollection EntityName=\"x\" MoreRecords=\"false\"><w:BusinessEntities>{string.Concat(rows)}</w:BusinessEntities></w:BusinessEntityCollection>";

    private static string Table(XElement request) => request.Descendants(query + "EntityName").First().Value;

    private HttpResponseMessage Respond(Asked got)
    {
        XElement envelope = XElement.Parse(got.Text);
        asked.Add(envelope);
        XElement? request = envelope.Descendants(web + "Request").FirstOrDefault();
        string type = (string?)request?.Attribute(instance + "type") ?? string.Empty;
        string said = (request is null ? null : answer(type, request)) ?? Usual(type, request);
        return said.StartsWith('!')
            ? Xml($"<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body><soap:Fault><faultcode>soap:Server</faultcode><faultstring>Server was unable to process request.</faultstring><detail>{said[1..]}</detail></soap:Fault></soap:Body></soap:Envelope>", HttpStatusCode.InternalServerError)
            : Xml($"<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:xsi=\"{instance}\" xmlns:w=\"http://schemas.microsoft.com/crm/2006/WebServices\"><soap:Body><ExecuteResponse xmlns=\"{web}\"><Response>{said}</Response></ExecuteResponse></soap:Body></soap:Envelope>");
    }

    private static string Usual(string type, XElement? request) => type switch
    {
        "WhoAmIRequest" => $"<UserId>{anna}</UserId><OrganizationId>{anna}</OrganizationId>",
        "RetrieveMultipleRequest" => Table(request!) switch
        {
            "organization" => Rows(Row("organization", P("Key", "organizationid", anna), P("String", "name", "Contoso"), P("String", "trackingprefix", "CRM"))),
            "systemuser" => Rows(Row("systemuser", P("Key", "systemuserid", anna), P("String", "fullname", "Anna Ames"), P("String", "internalemailaddress", "anna@example.test"),
                P("Picklist", "incomingemaildeliverymethod", 2), P("Picklist", "outgoingemaildeliverymethod", 2), P("Picklist", "emailrouteraccessapproval", 1), P("CrmBoolean", "isdisabled", "false"))),
            _ => Rows(),
        },
        _ => string.Empty,
    };

    private static IncomingEmail Email() => new()
    {
        ActivityId = Guid.NewGuid(),
        MessageId = "<a1@customer.test>",
        Subject = "RE: Order",
        From = new EmailAddress("carl@customer.test"),
        To = [new EmailAddress("anna@example.test")],
        ReceivedOn = new DateTimeOffset(2026, 1, 31, 8, 5, 0, TimeSpan.Zero),
        Body = "Thanks",
        BodyType = "text/plain",
        Attachments = [new EmailAttachment("a.txt", "text/plain", 5, _ => ValueTask.FromResult<Stream>(new MemoryStream("Hello"u8.ToArray())))],
    };
}

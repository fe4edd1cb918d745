using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security;
using System.Xml.Linq;
using EmailRouter.Crm.CrmService;
using EmailRouter.Crm.Organization;
using EmailRouter.Crm.Organization.Soap;
using EmailRouter.Crm.Tests.Dataverse;
using static EmailRouter.Crm.Tests.Organization.ScriptedOrganizationService;

namespace EmailRouter.Crm.Tests.CrmService;

/// <summary>The log-in of internet-facing deployments of CRM 4.0 against services that answer in the form of their descriptions (WSDL).</summary>
public sealed class InternetFacingLoginTests : IAsyncDisposable
{
    private const string Discovery = "https://contoso.example.test/MSCRMServices/2007/SPLA/CrmDiscoveryService.asmx";
    private const string ServicePath = "/MSCrmServices/2007/CrmService.asmx";
    private const string Service = "https://contoso.example.test" + ServicePath;
    private const string Secret = "P@ss<w>ord&1";

    private static readonly XNamespace core = "http://schemas.microsoft.com/crm/2007/CoreTypes";
    private static readonly Guid anna = new("aaaaaaaa-0000-0000-0000-000000000001");

    private readonly ScriptedServer server = new() { KnowsVersion = false };
    private readonly Lines log = new();
    private readonly List<OrganizationServiceOrganization> opened = [];
    private string serviceUrl = Service;
    private string expires = "2026-01-31T12:00:00Z";
    private DateTimeOffset? date;
    private int tickets;
    private Func<Asked, string, HttpResponseMessage?> answer = (_, _) => null;

    public InternetFacingLoginTests() => server.Answer = Respond;

    public async ValueTask DisposeAsync()
    {
        foreach (OrganizationServiceOrganization organization in opened)
            await organization.DisposeAsync();
    }

    [Fact]
    public async Task User_name_and_password_give_a_ticket_that_stands_in_each_request()
    {
        Assert.Equal("Contoso", (await Open().GetSettingsAsync(default)).Name);

        Assert.Equal([Discovery, Discovery, Service], server.All.Take(3).Select(a => a.Address.AbsoluteUri));
        Assert.All(server.All.Take(2), a => Assert.Equal("\"http://schemas.microsoft.com/crm/2007/CrmDiscoveryService/Execute\"", a.Headers["SOAPAction"]));
        Assert.All(server.All, a => Assert.Equal("text/xml; charset=utf-8", a.Headers["Content-Type"]));
        const string user = "<UserId>CONTOSO\\router</UserId><Password>P@ss&lt;w&gt;ord&amp;1</Password>";
        Assert.Equal(Ask("RetrieveOrganizationsRequest", user), server.All[0].Text);
        Assert.Equal(Ask("RetrieveCrmTicketRequest", "<OrganizationName>Contoso</OrganizationName>" + user), server.All[1].Text);
        Assert.Equal(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>" +
            "<soap:Envelope xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:q=\"http://schemas.microsoft.com/crm/2006/Query\" " +
            "xmlns:w=\"http://schemas.microsoft.com/crm/2006/WebServices\" xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Header>" +
            "<CrmAuthenticationToken xmlns=\"http://schemas.microsoft.com/crm/2007/WebServices\">" +
            "<AuthenticationType xmlns=\"http://schemas.microsoft.com/crm/2007/CoreTypes\">2</AuthenticationType>" +
            "<CrmTicket xmlns=\"http://schemas.microsoft.com/crm/2007/CoreTypes\">TICKET-1</CrmTicket>" +
            "<OrganizationName xmlns=\"http://schemas.microsoft.com/crm/2007/CoreTypes\">Contoso</OrganizationName>" +
            "<CallerId xmlns=\"http://schemas.microsoft.com/crm/2007/CoreTypes\">00000000-0000-0000-0000-000000000000</CallerId></CrmAuthenticationToken>" +
            "</soap:Header><soap:Body><Execute xmlns=\"http://schemas.microsoft.com/crm/2007/WebServices\"><Request xsi:type=\"WhoAmIRequest\" />" +
            "</Execute></soap:Body></soap:Envelope>",
            server.All[2].Text);
        Assert.All(Calls(), c => Assert.Equal("TICKET-1", TicketOf(c)));
        Assert.Equal(1, tickets);
    }

    [Fact]
    public async Task Windows_logs_in_where_nothing_else_is_said()
    {
        await Open(options: new()).GetSettingsAsync(default);

        Assert.Equal(0, tickets);
        Assert.All(server.All, a => Assert.Equal("0", XElement.Parse(a.Text).Descendants(core + "AuthenticationType").Single().Value));
        Assert.All(server.All, a => Assert.Empty(XElement.Parse(a.Text).Descendants(core + "CrmTicket")));
    }

    [Fact]
    public async Task The_next_ticket_is_got_shortly_before_the_end_of_the_last()
    {
        OrganizationServiceOrganization organization = Open();
        await AskOnceAsync(organization);

        server.Clock.Advance(TimeSpan.FromHours(4) - TimeSpan.FromMinutes(6));
        await AskOnceAsync(organization);
        Assert.Equal(1, tickets);
        server.Clock.Advance(TimeSpan.FromMinutes(2));
        await AskOnceAsync(organization);

        Assert.Equal(2, tickets);
        Assert.Equal("TICKET-2", TicketOf(Calls().Last()));

        // Who the user is a member of is not asked again.
        Assert.Single(server.All, a => a.Text.Contains("RetrieveOrganizationsRequest", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Of_a_short_ticket_nine_tenths_are_used()
    {
        expires = "2026-01-31T08:10:00Z";
        OrganizationServiceOrganization organization = Open();
        await AskOnceAsync(organization);

        server.Clock.Advance(TimeSpan.FromSeconds(530));
        await AskOnceAsync(organization);
        Assert.Equal(1, tickets);
        server.Clock.Advance(TimeSpan.FromSeconds(20));
        await AskOnceAsync(organization);

        Assert.Equal(2, tickets);
    }

    [Fact]
    public async Task How_long_a_ticket_is_good_for_is_measured_on_the_servers_clock()
    {
        // This machine is three hours behind the server: by its own clock the ticket would be good for seven hours.
        date = server.Clock.GetUtcNow() + TimeSpan.FromHours(3);
        expires = "2026-01-31T15:00:00Z";
        OrganizationServiceOrganization organization = Open();
        await AskOnceAsync(organization);

        server.Clock.Advance(TimeSpan.FromHours(4) - TimeSpan.FromMinutes(4));
        date += TimeSpan.FromHours(4);
        await AskOnceAsync(organization);

        Assert.Equal(2, tickets);
    }

    [Theory]
    [InlineData("")]
    [InlineData("soon")]
    [InlineData("2026-01-31T07:00:00Z")]
    [InlineData("9999-12-31T23:59:59Z")]
    public async Task A_ticket_whose_end_is_unknown_past_or_never_is_used_until_it_is_refused(string end)
    {
        expires = end;
        OrganizationServiceOrganization organization = Open();
        await AskOnceAsync(organization);
        server.Clock.Advance(TimeSpan.FromDays(30));

        await AskOnceAsync(organization);

        Assert.Equal(1, tickets);
    }

    [Theory]
    [InlineData("0x8004A100")]
    [InlineData("8004A101")]
    [InlineData("0x8004A102")]
    [InlineData("0x8004A103")]
    [InlineData("0x8004A105")]
    public async Task A_refused_ticket_is_got_anew_and_the_request_sent_again(string code)
    {
        answer = (asked, type) => type == "DeliverIncomingEmailRequest" && TicketOf(asked) == "TICKET-1" ? Fault(code, "The ticket is expired.")
            : type == "CheckIncomingEmailRequest" ? Said("<ShouldDeliver>true</ShouldDeliver><ReasonCode>6</ReasonCode>")
            : type == "DeliverIncomingEmailRequest" ? Said($"<EmailId>{anna}</EmailId>") : null;
        OrganizationServiceOrganization organization = Open();
        IncomingEmail email = Email();

        CheckResult check = await organization.CheckAsync(email, default);
        DeliverResult delivered = await organization.DeliverAsync(email, check, default);

        Assert.Equal(anna, delivered.ActivityId);
        Assert.Equal(["TICKET-1", "TICKET-2"], Calls("DeliverIncomingEmailRequest").Select(TicketOf));
    }

    [Fact]
    public async Task A_ticket_that_the_web_server_refuses_is_got_anew()
    {
        answer = (asked, type) => type == "WhoAmIRequest" && TicketOf(asked) == "TICKET-1" ? new HttpResponseMessage(HttpStatusCode.Unauthorized) : null;

        await Open().GetSettingsAsync(default);

        Assert.Equal(["TICKET-1", "TICKET-2"], Calls("WhoAmIRequest").Select(TicketOf));
    }

    [Fact]
    public async Task A_ticket_that_is_refused_when_it_is_new_ends_the_attempt()
    {
        answer = (_, type) => type == "WhoAmIRequest" ? Fault("0x8004A101", "The ticket TICKET-2 of P@ss<w>ord&1 is expired.") : null;

        CrmException refused = await Assert.ThrowsAsync<CrmException>(() => Open().GetSettingsAsync(default).AsTask());

        Assert.Equal("CrmLoginRefused", refused.ErrorId);
        Assert.Contains("The ticket *** of *** is expired.", refused.Message, StringComparison.Ordinal);
        Assert.Contains("clocks", refused.Remedy, StringComparison.Ordinal);
        Assert.Equal(2, tickets);
    }

    [Fact]
    public async Task Requests_that_are_refused_together_share_the_next_ticket()
    {
        answer = (asked, type) => type == "CheckIncomingEmailRequest"
            ? TicketOf(asked) == "TICKET-1" ? Fault("0x8004A101", "Expired.") : Said("<ShouldDeliver>true</ShouldDeliver><ReasonCode>6</ReasonCode>") : null;
        OrganizationServiceOrganization organization = Open();
        await AskOnceAsync(organization);
        var all = new TaskCompletionSource();
        int waiting = 0;
        server.Before = asked =>
        {
            if (!asked.Text.Contains("CheckIncomingEmailRequest", StringComparison.Ordinal) || TicketOf(asked) != "TICKET-1")
                return Task.CompletedTask;
            if (Interlocked.Increment(ref waiting) == 4)
                all.SetResult();
            return all.Task;
        };

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => organization.CheckAsync(Email(), default).AsTask()));

        Assert.Equal(2, tickets);
    }

    [Fact]
    public async Task A_wrong_password_is_told_after_one_attempt()
    {
        answer = (_, type) => type == "RetrieveOrganizationsRequest" ? Fault("0x80041D40", $"Logon failure: bad password {Secret}.") : null;

        CrmException refused = await Assert.ThrowsAsync<CrmException>(() => Open().GetSettingsAsync(default).AsTask());

        Assert.Equal("CrmLoginRefused", refused.ErrorId);
        Assert.Equal(
            "contoso.example.test (Contoso) refused the log-in (Password of CONTOSO\\router): Logon failure: bad password ***. (0x80041D40)", refused.Message);
        Assert.Contains("password of the deployment", refused.Remedy, StringComparison.Ordinal);
        Assert.Single(server.All);
        Assert.False(refused.IsTransient);
    }

    [Fact]
    public async Task A_refused_password_is_not_sent_again_within_a_minute_lest_the_account_be_locked()
    {
        answer = (_, type) => type == "RetrieveCrmTicketRequest" && tickets > 0 ? Fault("0x80041D40", "Logon failure.") : null;
        OrganizationServiceOrganization organization = Open();
        await AskOnceAsync(organization);
        server.Clock.Advance(TimeSpan.FromHours(4));
        int asked = server.All.Count;

        for (int i = 0; i < 3; i++)
        {
            CrmException refused = await Assert.ThrowsAsync<CrmException>(() => AskOnceAsync(organization));
            Assert.Equal(("CrmLoginRefused", true), (refused.ErrorId, refused.Message.EndsWith("Logon failure. (0x80041D40)", StringComparison.Ordinal)));
        }

        Assert.Equal(asked + 1, server.All.Count);
        server.Clock.Advance(TimeSpan.FromMinutes(1));
        answer = (_, _) => null;
        await AskOnceAsync(organization);
        Assert.Equal("TICKET-2", TicketOf(Calls().Last()));
    }

    [Fact]
    public async Task An_organization_that_the_user_has_not_is_told_with_those_there_are()
    {
        answer = (_, type) => type == "RetrieveOrganizationsRequest"
            ? Discovered(type, $"<OrganizationDetails>{Detail("Fabrikam")}{Detail("Litware")}</OrganizationDetails>") : null;

        CrmException unknown = await Assert.ThrowsAsync<CrmException>(() => Open().GetSettingsAsync(default).AsTask());

        Assert.Equal("CrmOrganizationUnknown", unknown.ErrorId);
        Assert.Contains("no organization Contoso of CONTOSO\\router; it has Fabrikam, Litware.", unknown.Message, StringComparison.Ordinal);
        Assert.Equal(0, tickets);
    }

    [Theory]
    [InlineData(HttpStatusCode.NotFound)]
    [InlineData(HttpStatusCode.Redirect)]
    public async Task A_server_without_the_service_is_told_as_no_internet_facing_deployment(HttpStatusCode status)
    {
        answer = (asked, _) => asked.Address.AbsoluteUri == Discovery
            ? new HttpResponseMessage(status) { Headers = { Location = new Uri("/signin.aspx", UriKind.Relative) } } : null;

        CrmException missing = await Assert.ThrowsAsync<CrmException>(() => Open().GetSettingsAsync(default).AsTask());

        Assert.Equal("CrmNotSupported", missing.ErrorId);
        Assert.Contains("internet-facing", missing.Message, StringComparison.Ordinal);
        Assert.Contains("logIn", missing.Remedy, StringComparison.Ordinal);
        Assert.Single(server.All);
    }

    [Fact]
    public async Task A_service_that_wants_a_log_in_before_it_is_asked_has_to_be_opened()
    {
        answer = (asked, _) => asked.Address.AbsoluteUri == Discovery ? new HttpResponseMessage(HttpStatusCode.Unauthorized) : null;

        CrmException refused = await Assert.ThrowsAsync<CrmException>(() => Open().GetSettingsAsync(default).AsTask());

        Assert.Equal("CrmLoginRefused", refused.ErrorId);
        Assert.Contains("/MSCRMServices/2007/SPLA/CrmDiscoveryService.asmx without a log-in (anonymous)", refused.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_without_ticket_is_told()
    {
        answer = (_, type) => type == "RetrieveCrmTicketRequest" ? Discovered(type, "<ExpirationDate>2026-01-31T12:00:00Z</ExpirationDate>") : null;

        CrmException unreadable = await Assert.ThrowsAsync<CrmException>(() => Open().GetSettingsAsync(default).AsTask());

        Assert.Equal("CrmAnswerUnreadable", unreadable.ErrorId);
        Assert.Contains("CrmTicket", unreadable.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_password_does_not_cross_a_connection_without_TLS_unless_that_is_allowed()
    {
        CrmException refused = await Assert.ThrowsAsync<CrmException>(() => Open("http://contoso.example.test").GetSettingsAsync(default).AsTask());

        Assert.Equal("CrmPlainTextRefused", refused.ErrorId);
        Assert.Empty(server.All);

        serviceUrl = "http://contoso.example.test/MSCrmServices/2007/CrmService.asmx";
        await Open("http://contoso.example.test", allowPlainText: true).GetSettingsAsync(default);
        Assert.All(server.All, a => Assert.Equal("http", a.Address.Scheme));
    }

    [Theory]
    [InlineData("", "https://contoso.example.test", "https://contoso.example.test")]
    [InlineData("/Contoso", "http://contoso.example.test", "https://crm.example.test")]
    [InlineData("", null, "https://crm.example.test")]
    [InlineData(ServicePath, "https://inner.example.test", "https://crm.example.test")]
    public async Task The_service_is_where_the_server_names_it_unless_that_gives_up_TLS_or_the_deployment_names_it(string path, string? named, string asked)
    {
        serviceUrl = named is null ? string.Empty : named + ServicePath;

        await Open("https://crm.example.test" + path).GetSettingsAsync(default);

        Assert.Equal("https://crm.example.test/MSCRMServices/2007/SPLA/CrmDiscoveryService.asmx", server.All[0].Address.AbsoluteUri, ignoreCase: true);
        Assert.All(Calls(), c => Assert.Equal(asked + ServicePath, c.Address.AbsoluteUri, ignoreCase: true));
    }

    [Fact]
    public void Only_one_user_with_a_password_can_log_in()
    {
        var endpoint = new CrmEndpoint
        {
            Url = new Uri("https://crm.example.test/Contoso"),
            Credentials = [new CrmProcessAccount()],
            Options = new Dictionary<string, string> { ["LOGIN"] = "IFD" },
        };

        Assert.Equal("CrmNotSupported", Assert.Throws<CrmException>(() => CrmServiceOrganization.Create(endpoint, server.Context)).ErrorId);
        CrmException unknown = Assert.Throws<CrmException>(
            () => CrmServiceOrganization.Create(endpoint with { Options = new Dictionary<string, string> { ["logIn"] = "passport" } }, server.Context));
        Assert.Contains("windows or ifd", unknown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Neither_password_nor_ticket_is_in_the_protocol_log_or_in_messages()
    {
        OrganizationServiceOrganization organization = Open();
        await AskOnceAsync(organization);
        answer = (asked, type) => type == "CheckIncomingEmailRequest" ? Fault("0x8004A101", $"{TicketOf(asked)} for {Secret} has expired.") : null;
        CrmException expired = await Assert.ThrowsAsync<CrmException>(() => organization.CheckAsync(Email(), default).AsTask());
        answer = (_, type) => type == "RetrieveCrmTicketRequest" ? Fault("0x80040216", $"No ticket for {Secret}.") : null;
        server.Clock.Advance(TimeSpan.FromHours(8));
        CrmException refused = await Assert.ThrowsAsync<CrmException>(() => organization.CheckAsync(Email(), default).AsTask());

        string said = string.Join('\n', log.All.Append(expired.ToString()).Append(expired.Remedy).Append(refused.ToString()).Append(refused.Remedy));
        Assert.Contains("> POST /MSCRMServices/2007/SPLA/CrmDiscoveryService.asmx (RetrieveCrmTicketRequest)", said, StringComparison.Ordinal);
        Assert.Contains("the ticket was refused and is got anew", said, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, said, StringComparison.Ordinal);
        Assert.DoesNotContain("TICKET-", said, StringComparison.Ordinal);
    }

    private static string Ask(string type, string parameters) =>
        "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soap:Body>" +
        $"<Execute xmlns=\"http://schemas.microsoft.com/crm/2007/CrmDiscoveryService\"><Request xsi:type=\"{type}\">{parameters}</Request></Execute>" +
        "</soap:Body></soap:Envelope>";

    private static string Detail(string name, string service = Service) =>
        $"<OrganizationDetail><OrganizationId>{anna}</OrganizationId><OrganizationName>{name}</OrganizationName><FriendlyName>{name} Ltd.</FriendlyName>" +
        "<CrmMetadataServiceUrl>https://contoso.example.test/MSCrmServices/2007/MetadataService.asmx</CrmMetadataServiceUrl>" +
        $"<CrmServiceUrl>{service}</CrmServiceUrl><WebApplicationUrl>https://contoso.example.test/</WebApplicationUrl></OrganizationDetail>";

    private static HttpResponseMessage Discovered(string request, string body) => Xml(
        "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soap:Body>" +
        "<ExecuteResponse xmlns=\"http://schemas.microsoft.com/crm/2007/CrmDiscoveryService\">" +
        $"<Response xsi:type=\"{request.Replace("Request", "Response", StringComparison.Ordinal)}\">{body}</Response></ExecuteResponse>" +
        "</soap:Body></soap:Envelope>");

    private static HttpResponseMessage Said(string response) => Xml(
        "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" " +
        "xmlns:w=\"http://schemas.microsoft.com/crm/2006/WebServices\"><soap:Body>" +
        $"<ExecuteResponse xmlns=\"http://schemas.microsoft.com/crm/2007/WebServices\"><Response>{response}</Response></ExecuteResponse>" +
        "</soap:Body></soap:Envelope>");

    private static HttpResponseMessage Fault(string code, string description) => Xml(
        "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body><soap:Fault><faultcode>soap:Server</faultcode>" +
        "<faultstring>Server was unable to process request.</faultstring><detail><error>" +
        $"<code>{code}</code><description>{SecurityElement.Escape(description)}</description><type>Platform</type></error></detail></soap:Fault>" +
        "</soap:Body></soap:Envelope>",
        HttpStatusCode.InternalServerError);

    private static string TicketOf(Asked asked) => XElement.Parse(asked.Text).Descendants(core + "CrmTicket").Single().Value;

    private static string TypeOf(Asked asked) => (string?)XElement.Parse(asked.Text).Descendants().FirstOrDefault(e => e.Name.LocalName == "Request")
        ?.Attribute(XName.Get("type", "http://www.w3.org/2001/XMLSchema-instance")) ?? string.Empty;

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
    };

    private static async Task AskOnceAsync(OrganizationServiceOrganization organization) =>
        await organization.Store.Connection.SendAsync(new OrganizationRequest("WhoAmI", "who the router is") { IsRepeatable = true }, default);

    private IEnumerable<Asked> Calls(string? type = null) =>
        server.All.Where(a => a.Path.EndsWith("/CrmService.asmx", StringComparison.OrdinalIgnoreCase) && (type is null || TypeOf(a) == type));

    private OrganizationServiceOrganization Open(
        string url = "https://contoso.example.test", bool allowPlainText = false, Dictionary<string, string>? options = null)
    {
        OrganizationServiceOrganization organization = CrmServiceOrganization.Create(
            new CrmEndpoint
            {
                Url = new Uri(url),
                Organization = "Contoso",
                Credentials = [new CrmPassword("CONTOSO\\router", Secret)],
                AllowPlainTextPassword = allowPlainText,
                Options = options ?? new Dictionary<string, string> { ["logIn"] = "ifd" },
            },
            server.Context with { ProtocolLog = log });
        opened.Add(organization);
        return organization;
    }

    private HttpResponseMessage Respond(Asked asked)
    {
        string type = TypeOf(asked);
        HttpResponseMessage response = answer(asked, type) ?? type switch
        {
            "RetrieveOrganizationsRequest" => Discovered(type, $"<OrganizationDetails>{Detail("Fabrikam")}{Detail("contoso")}</OrganizationDetails>"),
            "RetrieveCrmTicketRequest" => Discovered(
                type,
                string.Create(CultureInfo.InvariantCulture, $"<CrmTicket>TICKET-{Interlocked.Increment(ref tickets)}</CrmTicket>") +
                $"<ExpirationDate>{expires}</ExpirationDate>{Detail("Contoso", serviceUrl)}"),
            "WhoAmIRequest" => Said($"<UserId>{anna}</UserId><OrganizationId>{anna}</OrganizationId>"),
            "RetrieveMultipleRequest" when asked.Text.Contains("EntityName>organization<", StringComparison.Ordinal) => Said(
                "<w:BusinessEntityCollection EntityName=\"organization\" MoreRecords=\"false\"><w:BusinessEntities>" +
                "<w:BusinessEntity xsi:type=\"w:DynamicEntity\" " +
                $"Name=\"organization\"><w:Properties><w:Property xsi:type=\"w:KeyProperty\" Name=\"organizationid\"><w:Value>{anna}</w:Value></w:Property>" +
                "<w:Property xsi:type=\"w:StringProperty\" Name=\"name\"><w:Value>Contoso</w:Value></w:Property></w:Properties></w:BusinessEntity>" +
                "</w:BusinessEntities></w:BusinessEntityCollection>"),
            _ => Said("<w:BusinessEntityCollection EntityName=\"x\" MoreRecords=\"false\"><w:BusinessEntities/></w:BusinessEntityCollection>"),
        };
        response.Headers.Date = date;
        return response;
    }

    private sealed class Lines : IProgress<string>
    {
        private readonly ConcurrentQueue<string> lines = new();

        public IEnumerable<string> All => lines;

        public void Report(string value) => lines.Enqueue(value);
    }
}

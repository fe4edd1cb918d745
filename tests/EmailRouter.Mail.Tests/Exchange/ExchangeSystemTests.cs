using System.Net;
using System.Xml.Linq;
using EmailRouter.Mail.Exchange;
using static EmailRouter.Mail.Tests.Exchange.EwsScript;

namespace EmailRouter.Mail.Tests.Exchange;

public sealed class ExchangeSystemTests
{
    [Theory]
    [InlineData("box@example.com", "", null, null)]
    [InlineData("BOX@example.com", "", null, null)]
    [InlineData("CORP\\svc", "", "box@example.com", null)]
    [InlineData("CORP\\box", "own", null, null)]
    [InlineData("CORP\\svc", "delegate", null, "box@example.com")]
    [InlineData("box@example.com", "Impersonation", "box@example.com", null)]
    public async Task The_mailbox_is_reached_as_the_profile_says_or_the_log_in_suggests(string user, string access, string? impersonated, string? named)
    {
        EwsScript script = Script(user, access).OnOpen();
        await using IMailboxSession session = await script.OpenAsync();

        Assert.Equal(impersonated, XElement.Parse(script.Http.Requests[0].Body).Descendants(T + "SmtpAddress").SingleOrDefault()?.Value);
        Assert.Equal(named, script.Request(0).Descendants(T + "EmailAddress").SingleOrDefault()?.Value);
        Assert.Equal("box@example.com", script.Http.Requests[0].Headers["X-AnchorMailbox"]);
    }

    [Fact]
    public async Task An_applications_token_acts_as_the_mailbox()
    {
        EwsScript script = new EwsScript { Login = new("box@example.com", MailCredential.Token("box@example.com", _ => new(new AccessToken("t")))) }.OnOpen();
        await using IMailboxSession session = await script.OpenAsync();

        Assert.Contains("ExchangeImpersonation", script.Http.Requests[0].Body, StringComparison.Ordinal);
        Assert.Equal("Bearer t", script.Http.Requests[0].Headers["Authorization"]);
    }

    [Theory]
    [InlineData("https://mail.example.com/ews/exchange.ASMX", "", "https://mail.example.com/ews/exchange.ASMX")]
    [InlineData("https://mail.example.com/", "", "https://mail.example.com/EWS/Exchange.asmx")]
    [InlineData(null, "ex1.corp.example", "https://ex1.corp.example/EWS/Exchange.asmx")]
    public async Task The_service_is_where_the_profile_says(string? url, string host, string asked)
    {
        EwsScript script = new EwsScript { Endpoint = new MailEndpoint { Host = host, Url = url is null ? null : new Uri(url) } }.OnOpen();
        await using IMailboxSession session = await script.OpenAsync();

        Assert.Equal(asked, script.Http.Requests[0].Url.AbsoluteUri);
    }

    [Theory]
    [InlineData("https://outlook.office365.com/EWS/Exchange.asmx", "")]
    [InlineData(null, "outlook.office365.com")]
    [InlineData(null, "example.mail.onmicrosoft.com")]
    public async Task Exchange_Online_is_left_to_Graph(string? url, string host)
    {
        var script = new EwsScript { Endpoint = new MailEndpoint { Host = host, Url = url is null ? null : new Uri(url) } };

        var e = await Assert.ThrowsAsync<MailCommandException>(async () => await script.OpenAsync());

        Assert.Equal("MailExchangeOnlineNeedsGraph", e.ErrorId);
        Assert.Contains("Graph", e.Remedy, StringComparison.Ordinal);
        Assert.Empty(script.Http.Requests);
    }

    [Theory]
    [InlineData("ErrorInvalidServerVersion", true)]
    [InlineData("ErrorInvalidSchemaVersionForMailboxVersion", false)]
    public async Task An_older_server_gets_an_older_version_which_is_remembered(string code, bool asFault)
    {
        var system = new ExchangeSystem();
        string refusal = asFault ? Fault(code) : Answer("GetFolder", Error("GetFolder", code));
        HttpStatusCode status = asFault ? HttpStatusCode.InternalServerError : HttpStatusCode.OK;
        EwsScript script = new EwsScript().On("GetFolder", refusal, status).On("GetFolder", refusal, status).OnOpen().OnOpen();

        await using (await script.OpenAsync(system))
        await using (await script.OpenAsync(system))
            Assert.Equal(["Exchange2013_SP1", "Exchange2010_SP2", "Exchange2010_SP1", "Exchange2010_SP1"], Versions(script));
    }

    [Fact]
    public async Task A_version_of_the_profile_is_not_stepped_down()
    {
        EwsScript script = new EwsScript().With("version", "exchange2010_sp2").On("GetFolder", Fault("ErrorInvalidServerVersion"), HttpStatusCode.InternalServerError);

        var e = await Assert.ThrowsAsync<MailCommandException>(async () => await script.OpenAsync());

        Assert.Equal("MailVersionRefused", e.ErrorId);
        Assert.Equal(["Exchange2010_SP2"], Versions(script));
    }

    [Fact]
    public async Task Exchange_2010_is_not_told_what_it_does_not_know()
    {
        EwsScript script = new EwsScript().With("version", "Exchange2010_SP2").OnOpen().On("UpdateItem", Answer("UpdateItem", Success("UpdateItem")));
        await using IMailboxSession session = await script.OpenAsync();

        await session.SettleAsync(new MessageRef("I1"), Settlement.MarkRead, default);
        await session.CompleteAsync(default);

        Assert.Null(script.Request(1).Attribute("SuppressReadReceipts"));
    }

    [Theory]
    [InlineData("access", "boss")]
    [InlineData("access", "1")]
    [InlineData("version", "Exchange2007")]
    [InlineData("saveSentCopy", "maybe")]
    [InlineData("delete", "shred")]
    public async Task An_option_that_makes_no_sense_is_told(string option, string value)
    {
        var e = await Assert.ThrowsAsync<MailCommandException>(async () => await new EwsScript().With(option, value).OpenAsync());

        Assert.Equal("MailInvalidOption", e.ErrorId);
        Assert.Contains(option, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ErrorImpersonateUserDenied", "MailImpersonationDenied", false, "ApplicationImpersonation")]
    [InlineData("ErrorNonExistentMailbox", "MailMailboxNotFound", false, "Graph")]
    [InlineData("ErrorMailboxMoveInProgress", "MailMailboxMoved", true, "tried again")]
    [InlineData("ErrorExceededConnectionCount", MailException.TooManyConnections, true, "fewer")]
    [InlineData("ErrorPasswordExpired", "MailAccountDisabled", false, "password")]
    [InlineData("ErrorSchemaValidation", "MailRequestRefused", false, "Report")]
    [InlineData("ErrorSomethingNew", "MailServerRefused", false, "administrator")]
    public async Task A_fault_is_told_with_its_meaning(string code, string errorId, bool transient, string remedy)
    {
        EwsScript script = new EwsScript().On("GetFolder", Fault(code), HttpStatusCode.InternalServerError);

        var e = await Assert.ThrowsAsync<MailCommandException>(async () => await script.OpenAsync());

        Assert.Equal((errorId, transient, $"{code}: Words of the fault."), (e.ErrorId, e.IsTransient, e.Reply));
        Assert.Contains(remedy, e.Remedy, StringComparison.Ordinal);
        Assert.Contains("box@example.com", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("t", 5000, 5.0)]
    [InlineData("m", 99_999_999, 3600.0)]
    [InlineData(null, 0, 60.0)]
    public async Task A_busy_server_says_how_long_to_wait(string? prefix, int milliseconds, double seconds)
    {
        EwsScript script = new EwsScript().On("GetFolder", Fault("ErrorServerBusy", prefix is null ? string.Empty : BackOff(milliseconds, prefix)), HttpStatusCode.InternalServerError);

        var e = await Assert.ThrowsAsync<MailCommandException>(async () => await script.OpenAsync());

        Assert.Equal(("MailServerThrottled", true, seconds), (e.ErrorId, e.IsTransient, e.RetryAfter!.Value.TotalSeconds));
    }

    [Fact]
    public async Task The_error_within_a_general_error_decides()
    {
        EwsScript script = new EwsScript().On("GetFolder", Answer("GetFolder", Error(
            "GetFolder", "ErrorInternalServerError", details: "<m:MessageXml><t:Value Name=\"InnerErrorResponseCode\">ErrorServerBusy</t:Value></m:MessageXml>")));

        var e = await Assert.ThrowsAsync<MailCommandException>(async () => await script.OpenAsync());

        Assert.Equal("MailServerThrottled", e.ErrorId);
    }

    [Theory]
    [InlineData(403, "<html>Forbidden</html>", "MailAccessDenied", false)]
    [InlineData(404, "", "MailServiceNotFound", false)]
    [InlineData(413, "", MailException.MessageTooLarge, false)]
    [InlineData(404, "<html><title>404.13</title></html>", MailException.MessageTooLarge, false)]
    [InlineData(503, "<html>Service Unavailable</html>", "MailServerTemporarilyUnavailable", true)]
    [InlineData(500, "<html><title>Runtime Error</title></html>", "MailServerTemporarilyUnavailable", true)]
    [InlineData(500, "no xml", "MailServerTemporarilyUnavailable", true)]
    [InlineData(429, "", "MailServerThrottled", true)]
    [InlineData(418, "", "MailServerRefused", false)]
    public async Task A_status_without_an_answer_is_told(int status, string body, string errorId, bool transient)
    {
        EwsScript script = new EwsScript().On("GetFolder", body, (HttpStatusCode)status);

        var e = await Assert.ThrowsAsync<MailCommandException>(async () => await script.OpenAsync());

        Assert.Equal((errorId, transient), (e.ErrorId, e.IsTransient));
        Assert.Contains($"HTTP {status}", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("<a/>")]
    [InlineData("<Envelope/>")]
    [InlineData("<Envelope><Body/></Envelope>")]
    [InlineData("<Envelope><Body><GetFolderResponse/></Body></Envelope>")]
    [InlineData("<Envelope><Body><GetFolderResponse><ResponseMessages/></GetFolderResponse></Body></Envelope>")]
    [InlineData("<Envelope><Body><GetFolderResponse><ResponseMessages><GetFolderResponseMessage ResponseClass=\"Success\">")]
    [InlineData("<!DOCTYPE a [<!ENTITY b \"c\">]><Envelope><Body/></Envelope>")]
    [InlineData("<Envelope><Body><GetFolderResponse><ResponseMessages><GetFolderResponseMessage ResponseClass=\"Success\"><Folders><Folder/></Folders></GetFolderResponseMessage></ResponseMessages></GetFolderResponse></Body></Envelope>")]
    public async Task An_answer_that_makes_no_sense_is_told(string answer)
    {
        EwsScript script = new EwsScript().On("GetFolder", answer);

        var e = await Assert.ThrowsAsync<MailProtocolException>(async () => await script.OpenAsync());

        Assert.Equal("MailAnswerInvalid", e.ErrorId);
    }

    [Fact]
    public async Task Control_characters_other_prefixes_and_byte_order_marks_do_not_disturb()
    {
        string answer = "\uFEFF<?xml version=\"1.0\"?><Envelope xmlns=\"http://schemas.xmlsoap.org/soap/envelope/\"><Body><GetFolderResponse xmlns=\"http://schemas.microsoft.com/exchange/services/2006/messages\">" +
            "<ResponseMessages><GetFolderResponseMessage ResponseClass=\"Success\"><MessageText>&#x0B;&#x1F;</MessageText><ResponseCode>NoError</ResponseCode><Folders>" +
            "<CalendarFolder xmlns=\"http://schemas.microsoft.com/exchange/services/2006/types\"><FolderId Id=\"F1\"/></CalendarFolder></Folders></GetFolderResponseMessage></ResponseMessages></GetFolderResponse></Body></Envelope>";
        EwsScript script = new EwsScript().On("GetFolder", answer);

        await using IMailboxSession session = await script.OpenAsync();

        Assert.NotEqual(SettlementKinds.None, session.Settlements);
    }

    [Fact]
    public async Task Opening_tells_the_step_with_access_scheme_and_version()
    {
        EwsScript script = new EwsScript().OnOpen();
        await using IMailboxSession session = await script.OpenAsync();

        MailStepReport step = Assert.Single(script.Http.Steps);
        Assert.Equal((MailStep.OpenMailbox, true), (step.Step, step.Success));
        Assert.Contains("Own", step.Detail, StringComparison.Ordinal);
        Assert.Contains("Exchange2013_SP1, server 15.2.1544", step.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void The_servers_own_address_is_what_tokens_are_for()
    {
        var system = new ExchangeSystem();

        Assert.Equal("https://mail.example.com/.default", system.TokenScope(new EwsScript().Endpoint));
        Assert.Equal("https://ex1.example/.default", system.TokenScope(new MailEndpoint { Host = "ex1.example" }));
    }

    private static EwsScript Script(string user, string access) =>
        new EwsScript { Login = new("box@example.com", MailCredential.Password(user, "secret")) }.With("access", access);

    private static IEnumerable<string> Versions(EwsScript script) =>
        script.Http.Requests.Select(r => XElement.Parse(r.Body).Descendants(T + "RequestServerVersion").Single().Attribute("Version")!.Value);
}

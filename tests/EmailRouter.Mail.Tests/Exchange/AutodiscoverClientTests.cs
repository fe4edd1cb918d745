using System.Net;
using EmailRouter.Mail.Exchange;
using EmailRouter.Mail.Tests.Scripting;

namespace EmailRouter.Mail.Tests.Exchange;

public sealed class AutodiscoverClientTests
{
    private const string Ews = "https://mail.example.com/EWS/Exchange.asmx";

    private static readonly MailLogin Login = new("box@example.com", MailCredential.Password("box@example.com", "secret"));

    [Fact]
    public async Task Places_are_asked_in_their_order_and_the_service_found_is_used_and_remembered()
    {
        var system = new ExchangeSystem();
        ScriptedHttp http = new ScriptedHttp()
            .Then(_ => throw new HttpRequestException("no such host")).Then(HttpStatusCode.NotFound)
            .Then(HttpStatusCode.OK, Soap("NoError", $"<UserSetting><Name>InternalEwsUrl</Name><Value>https://ex1.corp/EWS/Exchange.asmx</Value></UserSetting><UserSetting><Name>ExternalEwsUrl</Name><Value>{Ews}</Value></UserSetting>"))
            .Then(HttpStatusCode.OK, Opened()).Then(HttpStatusCode.OK, Opened());

        await OpenAsync(http, system: system);
        await OpenAsync(http, system: system);

        Assert.Equal(
            ["https://example.com/autodiscover/autodiscover.svc", "https://example.com/autodiscover/autodiscover.xml", "https://autodiscover.example.com/autodiscover/autodiscover.svc", Ews, Ews],
            http.Requests.Select(r => r.Url.AbsoluteUri));
        Assert.Contains("<a:Mailbox>box@example.com</a:Mailbox>", http.Requests[0].Body, StringComparison.Ordinal);
        Assert.Contains("<EMailAddress>box@example.com</EMailAddress>", http.Requests[1].Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_remembered_ends_with_its_time_and_when_the_mailbox_is_elsewhere()
    {
        var system = new ExchangeSystem();
        var http = new ScriptedHttp();
        for (int i = 0; i < 2; i++)
            http.Then(HttpStatusCode.OK, Soap("NoError", Setting())).Then(HttpStatusCode.OK, Opened());
        http.Then(HttpStatusCode.InternalServerError, EwsScript.Fault("ErrorNonExistentMailbox")).Then(HttpStatusCode.OK, Soap("NoError", Setting())).Then(HttpStatusCode.OK, Opened());

        await OpenAsync(http, system: system);
        http.Clock.Advance(TimeSpan.FromHours(7));
        await OpenAsync(http, system: system);
        await Assert.ThrowsAsync<MailCommandException>(async () => await OpenAsync(http, system: system));
        await OpenAsync(http, system: system);

        http.AssertPlayedToTheEnd();
    }

    [Theory]
    [InlineData("EXPR", "EXCH")]
    [InlineData("EXCH", "WEB")]
    public async Task Plain_XML_is_understood(string type, string other)
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.NotFound).Then(HttpStatusCode.OK, Pox(
            $"<Account><Action>settings</Action><Protocol><Type>{other}</Type><EwsUrl>https://wrong.example.com/EWS</EwsUrl></Protocol><Protocol><Type>{type}</Type><EwsUrl>{Ews}</EwsUrl></Protocol></Account>"))
            .Then(HttpStatusCode.OK, Opened());

        await OpenAsync(http);

        Assert.Equal(Ews, http.Requests[2].Url.AbsoluteUri);
    }

    [Fact]
    public async Task Another_address_is_asked_for_anew()
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.NotFound).Then(HttpStatusCode.OK, Pox("<Account><Action>redirectAddr</Action><RedirectAddr>box@other.example</RedirectAddr></Account>"))
            .Then(HttpStatusCode.OK, Soap("NoError", Setting())).Then(HttpStatusCode.OK, Opened());

        await OpenAsync(http);

        Assert.Equal("https://other.example/autodiscover/autodiscover.svc", http.Requests[2].Url.AbsoluteUri);
        Assert.Contains("box@other.example", http.Requests[2].Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Addresses_that_send_to_each_other_are_a_loop()
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.OK, Soap("RedirectAddress", string.Empty, "box@other.example")).Then(HttpStatusCode.OK, Soap("RedirectAddress", string.Empty, "box@example.com"));

        var e = await Assert.ThrowsAsync<MailProtocolException>(async () => await OpenAsync(http));

        Assert.Equal("MailAutodiscoverLoop", e.ErrorId);
    }

    [Fact]
    public async Task More_than_ten_redirections_are_a_loop()
    {
        var http = new ScriptedHttp();
        for (int i = 0; i < 11; i++)
            http.Then(HttpStatusCode.Found, headers: ("Location", $"https://a{i}.example.com/autodiscover/autodiscover.xml"));

        var e = await Assert.ThrowsAsync<MailProtocolException>(async () => await OpenAsync(http));

        Assert.Equal("MailAutodiscoverLoop", e.ErrorId);
        Assert.Equal(11, http.Requests.Count);
    }

    [Theory]
    [InlineData("https://mail.hoster.example/autodiscover/autodiscover.xml", "", "autodiscoverTrust to mail.hoster.example")]
    [InlineData("http://mail.example.com/autodiscover/autodiscover.xml", "", "clear line")]
    [InlineData("http://mail.hoster.example/autodiscover/autodiscover.xml", "hoster.example", "clear line")]
    [InlineData("https://evilexample.com/autodiscover/autodiscover.xml", "", "autodiscoverTrust")]
    [InlineData("https://evilhoster.example/autodiscover/autodiscover.xml", "hoster.example", "autodiscoverTrust")]
    public async Task The_log_in_goes_nowhere_that_is_not_trusted(string target, string trust, string remedy)
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.Found, headers: ("Location", target));

        var e = await Assert.ThrowsAsync<MailProtocolException>(async () => await OpenAsync(http, trust));

        Assert.Equal("MailAutodiscoverUntrusted", e.ErrorId);
        Assert.Contains(remedy, e.Remedy, StringComparison.Ordinal);
        Assert.Single(http.Requests);
    }

    [Fact]
    public async Task A_trusted_domain_may_be_led_to()
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.Found, headers: ("Location", "https://mail.hoster.example/autodiscover/autodiscover.xml"))
            .Then(HttpStatusCode.OK, Pox($"<Account><Action>settings</Action><Protocol><Type>EXPR</Type><EwsUrl>{Ews}</EwsUrl></Protocol></Account>")).Then(HttpStatusCode.OK, Opened());

        await OpenAsync(http, "*.hoster.example;x.example");

        Assert.Equal("https://mail.hoster.example/autodiscover/autodiscover.xml", http.Requests[1].Url.AbsoluteUri);
    }

    [Fact]
    public async Task The_clear_line_is_asked_without_log_in_and_only_for_where_to_go()
    {
        ScriptedHttp http = new ScriptedHttp()
            .Then(HttpStatusCode.Unauthorized, headers: ("WWW-Authenticate", "Basic")).Then(HttpStatusCode.NotFound)      // the web server of the domain
            .Then(HttpStatusCode.NotFound).Then(_ => throw new HttpRequestException("down")).Then(HttpStatusCode.NotFound)
            .Then(HttpStatusCode.Found, headers: ("Location", "https://mail.example.com/autodiscover/autodiscover.svc"))
            .Then(HttpStatusCode.OK, Soap("NoError", Setting())).Then(HttpStatusCode.OK, Opened());

        await OpenAsync(http);

        SentRequest clear = Assert.Single(http.Requests, r => r.Url.Scheme == "http");
        Assert.Equal(("GET", "http://autodiscover.example.com/autodiscover/autodiscover.xml"), (clear.Method, clear.Url.AbsoluteUri));
        Assert.False(clear.Headers.ContainsKey("Authorization"));
    }

    [Theory]
    [InlineData("https://autodiscover-s.outlook.com/autodiscover/autodiscover.svc")]
    public async Task A_redirection_to_Exchange_Online_is_told(string target)
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.Found, headers: ("Location", target));

        Assert.Equal("MailExchangeOnlineNeedsGraph", (await Assert.ThrowsAsync<MailCommandException>(async () => await OpenAsync(http))).ErrorId);
    }

    [Fact]
    public async Task A_service_or_an_address_at_Exchange_Online_is_told()
    {
        ScriptedHttp service = new ScriptedHttp().Then(HttpStatusCode.OK, Soap("NoError", Setting("https://outlook.office365.com/EWS/Exchange.asmx")));
        ScriptedHttp address = new ScriptedHttp().Then(HttpStatusCode.OK, Soap("RedirectAddress", string.Empty, "box@example.mail.onmicrosoft.com"));

        Assert.Equal("MailExchangeOnlineNeedsGraph", (await Assert.ThrowsAsync<MailCommandException>(async () => await OpenAsync(service))).ErrorId);
        Assert.Equal("MailExchangeOnlineNeedsGraph", (await Assert.ThrowsAsync<MailCommandException>(async () => await OpenAsync(address))).ErrorId);
    }

    [Fact]
    public async Task When_nobody_knows_the_mailbox_each_place_is_told()
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.OK, Soap("InvalidUser", string.Empty)).Then(HttpStatusCode.OK, Pox("<Error><ErrorCode>500</ErrorCode><Message>The address is unknown</Message></Error>"))
            .Then(HttpStatusCode.OK, "{}").Then(HttpStatusCode.OK, "<html><title>Welcome</title></html>", "text/html").Then(HttpStatusCode.OK, "<html/>", "text/html");

        var e = await Assert.ThrowsAsync<MailConnectionException>(async () => await OpenAsync(http));

        Assert.Equal("MailAutodiscoverFailed", e.ErrorId);
        foreach (string part in (string[])["InvalidUser", "error 500: The address is unknown", "no XML", "Welcome"])
            Assert.Contains(part, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_log_in_is_told_when_nothing_else_was_found()
    {
        var http = new ScriptedHttp();
        for (int i = 0; i < 5; i++)
            http.Then(HttpStatusCode.Unauthorized, headers: ("WWW-Authenticate", "Negotiate"));

        await Assert.ThrowsAsync<MailAuthenticationException>(async () => await OpenAsync(http));
    }

    [Theory]
    [InlineData("box")]
    [InlineData("@example.com")]
    [InlineData("box@exa mple.com/x")]
    [InlineData("box@127.0.0.1")]
    public async Task An_address_without_a_domain_asks_nobody(string mailbox)
    {
        var http = new ScriptedHttp();

        await Assert.ThrowsAsync<MailConnectionException>(async () => await OpenAsync(http, login: Login with { Mailbox = mailbox }));

        Assert.Empty(http.Requests);
    }

    private static async Task OpenAsync(ScriptedHttp http, string trust = "", ExchangeSystem? system = null, MailLogin? login = null)
    {
        var endpoint = new MailEndpoint { Host = string.Empty, Options = new Dictionary<string, string> { ["AutodiscoverTrust"] = trust } };
        await using IMailboxSession session = await (system ?? new ExchangeSystem()).OpenMailboxAsync(endpoint, login ?? Login, http.Context, default);
    }

    private static string Setting(string url = Ews) => $"<UserSetting><Name>ExternalEwsUrl</Name><Value>{url}</Value></UserSetting>";

    private static string Soap(string code, string settings, string target = "") =>
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><GetUserSettingsResponseMessage xmlns=\"http://schemas.microsoft.com/exchange/2010/Autodiscover\"><Response><ErrorCode>NoError</ErrorCode>" +
        $"<UserResponses><UserResponse><ErrorCode>{code}</ErrorCode><RedirectTarget>{target}</RedirectTarget><UserSettings>{settings}</UserSettings></UserResponse></UserResponses></Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>";

    private static string Pox(string content) =>
        "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\"><Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a\">" +
        $"{content}</Response></Autodiscover>";

    private static string Opened() => EwsScript.Answer("GetFolder", EwsScript.Success("GetFolder", $"<m:Folders>{EwsScript.Folder()}</m:Folders>"));
}

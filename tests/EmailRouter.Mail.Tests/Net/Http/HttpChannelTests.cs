using System.Net;
using EmailRouter.Mail.Net.Http;
using EmailRouter.Mail.Tests.Scripting;

namespace EmailRouter.Mail.Tests.Net.Http;

public sealed class HttpChannelTests
{
    private static readonly Uri Service = new("https://mail.example.com/EWS/Exchange.asmx?key=geheim");

    private static MailEndpoint Endpoint => new() { Host = "mail.example.com" };

    [Fact]
    public async Task A_token_goes_with_every_request_and_never_into_the_log()
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.OK, "<a/>");
        using HttpChannel channel = Open(http, MailCredential.Token("box@example.com", _ => new(new AccessToken("abc.def"))));

        using HttpAnswer answer = await channel.SendAsync(Call(), default);

        Assert.Equal("<a/>", await answer.ReadTextAsync(100, default));
        Assert.Equal("Bearer abc.def", http.Requests[0].Headers["Authorization"]);
        Assert.StartsWith("EmailRouter/", http.Requests[0].Headers["User-Agent"], StringComparison.Ordinal);
        Assert.DoesNotContain(http.Log, line => line.Contains("abc.def", StringComparison.Ordinal) || line.Contains("geheim", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_refused_token_is_renewed_once()
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.Unauthorized, headers: ("WWW-Authenticate", "Bearer error=\"invalid_token\"")).Then(HttpStatusCode.OK, "<a/>");
        using HttpChannel channel = Open(http, new TokenCredential("box@example.com", _ => new(new AccessToken("old"))) { RenewAsync = _ => new(new AccessToken("new")) });

        using HttpAnswer answer = await channel.SendAsync(Call(), default);

        Assert.Equal(["Bearer old", "Bearer new"], http.Requests.Select(r => r.Headers["Authorization"]));
    }

    [Fact]
    public async Task A_renewed_token_that_is_refused_too_is_an_error_and_no_loop()
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.Unauthorized).Then(HttpStatusCode.Unauthorized, "says why new is wrong");
        using HttpChannel channel = Open(http, new TokenCredential("box@example.com", _ => new(new AccessToken("old"))) { RenewAsync = _ => new(new AccessToken("new")) });

        var e = await Assert.ThrowsAsync<MailAuthenticationException>(async () => await channel.SendAsync(Call(), default));

        Assert.Equal(("MailAuthenticationFailed", "says why *** is wrong"), (e.ErrorId, e.Reply));
        Assert.Contains("scope", e.Remedy, StringComparison.Ordinal);
        http.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_token_that_cannot_be_renewed_is_refused_at_once()
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.Unauthorized);
        using HttpChannel channel = Open(http, MailCredential.Token("box@example.com", _ => new(new AccessToken("old"))));

        await Assert.ThrowsAsync<MailAuthenticationException>(async () => await channel.SendAsync(Call(), default));
    }

    [Fact]
    public async Task A_password_is_sent_only_after_the_server_offered_Basic_and_then_with_every_request()
    {
        ScriptedHttp http = new ScriptedHttp()
            .Then(HttpStatusCode.Unauthorized, headers: [("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", "Basic realm=\"a\"")])
            .Then(HttpStatusCode.OK, "<a/>").Then(HttpStatusCode.OK, "<a/>");
        using HttpChannel channel = Open(http, MailCredential.Password("jörg", "pass:wört"));

        (await channel.SendAsync(Call(), default)).Dispose();
        (await channel.SendAsync(Call(), default)).Dispose();

        Assert.False(http.Requests[0].Headers.ContainsKey("Authorization"));
        Assert.All(http.Requests.Skip(1), r => Assert.Equal("Basic asO2cmc6cGFzczp3w7ZydA==", r.Headers["Authorization"]));
        Assert.DoesNotContain(http.Log, line => line.Contains("pass:w", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Negotiate", "Windows")]
    [InlineData("Bearer", "offers only")]
    public async Task A_password_is_not_sent_to_a_server_that_does_not_offer_Basic(string offered, string remedy)
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.Unauthorized, headers: ("WWW-Authenticate", offered));
        using HttpChannel channel = Open(http, MailCredential.Password("box", "secret"));

        var e = await Assert.ThrowsAsync<MailAuthenticationException>(async () => await channel.SendAsync(Call(), default));

        Assert.Contains(remedy, e.Remedy, StringComparison.Ordinal);
        Assert.Single(http.Requests);
    }

    [Fact]
    public async Task A_refused_password_is_not_tried_again()
    {
        ScriptedHttp http = new ScriptedHttp()
            .Then(HttpStatusCode.Unauthorized, headers: ("WWW-Authenticate", "Basic")).Then(HttpStatusCode.Unauthorized, "no secret here", headers: ("WWW-Authenticate", "Basic"));
        using HttpChannel channel = Open(http, MailCredential.Password("box", "secret"));

        var e = await Assert.ThrowsAsync<MailAuthenticationException>(async () => await channel.SendAsync(Call(), default));

        Assert.Contains("of box", e.Message, StringComparison.Ordinal);
        Assert.Equal("no *** here", e.Reply);
        Assert.DoesNotContain("secret", e.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_password_and_no_token_crosses_a_clear_line()
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.Unauthorized, headers: ("WWW-Authenticate", "Basic"));
        HttpCall clear = Call() with { Url = new Uri("http://mail.example.com/EWS") };
        using HttpChannel password = Open(http, MailCredential.Password("box", "secret"));
        using HttpChannel token = Open(http, MailCredential.Token("box", _ => new(new AccessToken("old"))));

        var first = await Assert.ThrowsAsync<MailAuthenticationException>(async () => await password.SendAsync(clear, default));
        var second = await Assert.ThrowsAsync<MailAuthenticationException>(async () => await token.SendAsync(clear, default));

        Assert.Equal(["MailPlainTextRefused", "MailPlainTextRefused"], [first.ErrorId, second.ErrorId]);
        Assert.Single(http.Requests);
    }

    [Fact]
    public async Task A_configuration_may_allow_a_password_on_a_clear_line()
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.Unauthorized, headers: ("WWW-Authenticate", "Basic")).Then(HttpStatusCode.OK, "<a/>");
        using HttpChannel channel = Open(http, MailCredential.Password("box", "secret"), Endpoint with { AllowPlainTextPassword = true });

        using HttpAnswer answer = await channel.SendAsync(Call() with { Url = new Uri("http://127.0.0.1/EWS") }, default);

        Assert.True(answer.IsSuccess);
    }

    [Fact]
    public async Task A_call_without_a_credential_stays_without_and_its_401_is_an_answer()
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.Unauthorized, headers: ("WWW-Authenticate", "Basic"));
        using HttpChannel channel = Open(http, MailCredential.Token("box", _ => throw new InvalidOperationException("nobody asked")));

        using HttpAnswer answer = await channel.SendAsync(Call() with { Authenticate = false }, default);

        Assert.Equal(HttpStatusCode.Unauthorized, answer.Status);
    }

    [Fact]
    public async Task A_redirect_is_refused_and_shown_without_its_query()
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.Found, headers: ("Location", "https://elsewhere.example/login?token=geheim"));
        using HttpChannel channel = Open(http, MailCredential.Anonymous);

        var e = await Assert.ThrowsAsync<MailProtocolException>(async () => await channel.SendAsync(Call(), default));

        Assert.Equal("MailHttpRedirected", e.ErrorId);
        Assert.Contains("https://elsewhere.example/login.", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("geheim", e.Message, StringComparison.Ordinal);
        Assert.Single(http.Requests);
    }

    [Fact]
    public async Task A_redirect_may_be_the_callers_to_judge()
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.Found, headers: ("Location", "https://elsewhere.example/a"));
        using HttpChannel channel = Open(http, MailCredential.Anonymous);

        using HttpAnswer answer = await channel.SendAsync(Call() with { AllowRedirect = true }, default);

        Assert.Equal("https://elsewhere.example/a", answer.Location!.AbsoluteUri);
    }

    [Theory]
    [InlineData("<html><head><title>Outlook\r\n Web App</title></head><form><input type=\"password\"></form></html>", "text/html", "Outlook Web App", "log-in form")]
    [InlineData("<!DOCTYPE html><title>Blocked by proxy</title>", "text/xml", "Blocked by proxy", "proxy or portal")]
    [InlineData("Hello", "text/html", "web page where", "Check the address")]
    public async Task A_page_for_people_is_recognised(string page, string type, string message, string remedy)
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.OK, page, type);
        using HttpChannel channel = Open(http, MailCredential.Anonymous);

        var e = await Assert.ThrowsAsync<MailProtocolException>(async () => await channel.SendAsync(Call(), default));

        Assert.Equal("MailWebPage", e.ErrorId);
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, e.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_times_out_by_the_clock()
    {
        var http = new ScriptedHttp();
        http.Then(async (_, stop) =>
        {
            http.Clock.Advance(TimeSpan.FromSeconds(121));
            await Task.Delay(Timeout.Infinite, stop);
            return ScriptedHttp.Answer(HttpStatusCode.OK);
        });
        using HttpChannel channel = Open(http, MailCredential.Anonymous);

        var e = await Assert.ThrowsAsync<MailConnectionException>(async () => await channel.SendAsync(Call(), default));

        Assert.Equal(("MailTimeout", true), (e.ErrorId, e.IsTransient));
    }

    [Fact]
    public async Task An_answer_that_stalls_in_the_middle_times_out_by_the_clock()
    {
        var http = new ScriptedHttp();
        http.Then(_ => ScriptedBodyStream.Response(["<a>" + new string(' ', 5000)], async stop =>
        {
            http.Clock.Advance(TimeSpan.FromSeconds(121));
            await Task.Delay(Timeout.Infinite, stop);
        }));
        using HttpChannel channel = Open(http, MailCredential.Anonymous);
        using HttpAnswer answer = await channel.SendAsync(Call(), default);

        var e = await Assert.ThrowsAsync<MailConnectionException>(async () => await answer.ReadTextAsync(1_000_000, default));

        Assert.Equal(("MailTimeout", true, MailStep.Fetch), (e.ErrorId, e.IsTransient, e.Step));
    }

    [Fact]
    public async Task An_answer_that_breaks_off_in_the_middle_is_a_lost_connection()
    {
        ScriptedHttp http = new ScriptedHttp().Then(_ => ScriptedBodyStream.Response(["<a>" + new string(' ', 5000)], _ => throw new IOException("reset")));
        using HttpChannel channel = Open(http, MailCredential.Anonymous);
        using HttpAnswer answer = await channel.SendAsync(Call(), default);

        var e = await Assert.ThrowsAsync<MailConnectionException>(async () => await answer.ReadTextAsync(1_000_000, default));

        Assert.Equal(("MailConnectionLost", true), (e.ErrorId, e.IsTransient));
    }

    [Fact]
    public async Task Whoever_stops_the_request_stops_the_reading_of_its_answer()
    {
        using var stop = new CancellationTokenSource();
        ScriptedHttp http = new ScriptedHttp().Then(_ => ScriptedBodyStream.Response(["<a>" + new string(' ', 5000)], async ct =>
        {
            await stop.CancelAsync();
            await Task.Delay(Timeout.Infinite, ct);
        }));
        using HttpChannel channel = Open(http, MailCredential.Anonymous);
        using HttpAnswer answer = await channel.SendAsync(Call(), stop.Token);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await answer.ReadTextAsync(1_000_000, default));
    }

    [Fact]
    public async Task The_first_piece_of_an_endless_answer_is_enough_to_begin()
    {
        ScriptedHttp http = new ScriptedHttp().Then(_ => ScriptedBodyStream.Response(["<a>"], stop => new ValueTask(Task.Delay(Timeout.Infinite, stop))));
        using HttpChannel channel = Open(http, MailCredential.Anonymous);

        using HttpAnswer answer = await channel.SendAsync(Call() with { IsEndless = true }, default);

        Assert.Equal("<a>"u8.ToArray(), answer.Beginning.ToArray());
    }

    [Fact]
    public async Task A_connection_that_cannot_be_made_is_told_in_the_transports_own_words()
    {
        var cause = new MailTlsException("MailCertificateRefused", "the chain", "pin it");
        ScriptedHttp http = new ScriptedHttp().Then(_ => throw new HttpRequestException("The SSL connection could not be established", cause)).Then(_ => throw new HttpRequestException("gone"));
        using HttpChannel channel = Open(http, MailCredential.Anonymous);

        Assert.Same(cause, await Assert.ThrowsAsync<MailTlsException>(async () => await channel.SendAsync(Call(), default)));
        var e = await Assert.ThrowsAsync<MailConnectionException>(async () => await channel.SendAsync(Call(), default));
        Assert.Equal("MailConnectionLost", e.ErrorId);
    }

    [Theory]
    [InlineData("7", 7)]
    [InlineData("Mon, 05 Jan 2026 08:01:30 GMT", 90)]
    [InlineData("Mon, 05 Jan 2026 07:00:00 GMT", 0)]
    [InlineData("999999", 3600)]
    [InlineData("soon", null)]
    [InlineData(null, null)]
    public async Task The_server_says_how_long_to_wait(string? header, int? seconds)
    {
        ScriptedHttp http = new ScriptedHttp().Then(HttpStatusCode.ServiceUnavailable, headers: header is null ? [] : [("Retry-After", header)]);
        using HttpChannel channel = Open(http, MailCredential.Anonymous);

        using HttpAnswer answer = await channel.SendAsync(Call(), default);

        Assert.Equal(seconds, answer.RetryAfter?.TotalSeconds);
    }

    private static HttpChannel Open(ScriptedHttp http, MailCredential credential, MailEndpoint? endpoint = null) =>
        new(endpoint ?? Endpoint, new MailLogin("box@example.com", credential), http.Context);

    private static HttpCall Call() => new()
    {
        Step = MailStep.Fetch,
        Method = HttpMethod.Post,
        Url = Service,
        What = "GetItem",
        Content = () => new StringContent("<ask/>"),
    };
}

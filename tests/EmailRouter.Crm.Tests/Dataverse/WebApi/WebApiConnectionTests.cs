using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Tests.Dataverse.WebApi;

public sealed class WebApiConnectionTests
{
    private readonly ScriptedServer server = new();

    private WebApiConnection Connection(params CrmCredential[] credentials) =>
        new(ScriptedServer.Endpoint with { Credentials = credentials.Length == 0 ? [ScriptedServer.Token("router")] : credentials }, server.Context);

    [Fact]
    public async Task A_request_bears_the_headers_of_odata_and_the_token()
    {
        using WebApiConnection connection = Connection();

        await connection.SendAsync(WebApiRequest.Get("emails?$top=1", "emails") with { Caller = new WebApiCaller(Guid.Empty, null) }, default);

        Asked asked = Assert.Single(server.Requests);
        Assert.Equal(ScriptedServer.Root + "emails?$top=1", asked.Address.AbsoluteUri);
        Assert.Equal(("router", "4.0", "4.0", "application/json"), (asked.Token, asked.Headers["OData-Version"], asked.Headers["OData-MaxVersion"], asked.Headers["Accept"]));
        Assert.Equal(Guid.Empty.ToString(), asked.Headers["MSCRMCallerID"]);
    }

    [Fact]
    public async Task A_refused_token_is_got_anew_once()
    {
        server.Answer = asked => asked.Token == "router-renewed" ? ScriptedServer.Json("{}") : ScriptedServer.Json("{}", HttpStatusCode.Unauthorized);
        using WebApiConnection connection = Connection();

        Assert.True((await connection.SendAsync(WebApiRequest.Get("WhoAmI", "who"), default)).IsSuccess);

        server.Answer = _ => ScriptedServer.Json("{}", HttpStatusCode.Unauthorized);
        CrmException refused = await Assert.ThrowsAsync<CrmException>(() => connection.SendAsync(WebApiRequest.Get("WhoAmI", "who"), default).AsTask());
        Assert.Equal("CrmLoginRefused", refused.ErrorId);
        Assert.Equal(4, server.Requests.Count);
    }

    [Fact]
    public async Task A_refusal_names_the_authority_the_wrong_tenant_and_a_clock_that_is_off()
    {
        string payload = Convert.ToBase64String("""{"tid":"11111111-0000-0000-0000-000000000000"}"""u8).TrimEnd('=');
        server.Answer = _ =>
        {
            HttpResponseMessage answer = ScriptedServer.Json("{}", HttpStatusCode.Unauthorized);
            answer.Headers.TryAddWithoutValidation(
                "WWW-Authenticate", "Bearer authorization_uri=https://login.example.test/22222222-0000-0000-0000-000000000000/oauth2/authorize, resource_id=https://contoso/");
            answer.Headers.Date = server.Clock.GetUtcNow().AddMinutes(-17);
            return answer;
        };
        using WebApiConnection connection = Connection(new CrmToken("app", (_, _) => ValueTask.FromResult($"head.{payload}.signature")));

        CrmException refused = await Assert.ThrowsAsync<CrmException>(() => connection.SendAsync(WebApiRequest.Get("WhoAmI", "who"), default).AsTask());

        Assert.Contains("https://login.example.test/22222222-0000-0000-0000-000000000000/oauth2/authorize", refused.Message, StringComparison.Ordinal);
        Assert.Contains("11111111-0000-0000-0000-000000000000", refused.Message, StringComparison.Ordinal);
        Assert.Contains("17 minutes", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(payload, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_user_takes_over_while_the_first_is_to_wait()
    {
        server.Answer = asked => asked.Token == "a" ? Throttled(300) : ScriptedServer.Json("{}");
        using WebApiConnection connection = Connection(ScriptedServer.Token("a"), ScriptedServer.Token("b"));

        for (int i = 0; i < 3; i++)
            await connection.SendAsync(WebApiRequest.Get("WhoAmI", "who"), default);

        Assert.Equal(["a", "b", "b", "b"], server.Requests.Select(r => r.Token));
        Assert.Empty(server.Clock.Waits);
    }

    [Fact]
    public async Task When_every_user_is_to_wait_a_short_wait_is_waited_and_a_long_one_told()
    {
        int left = 1;
        server.Answer = _ => left-- > 0 ? Throttled(20) : ScriptedServer.Json("{}");
        using WebApiConnection connection = Connection();
        await connection.SendAsync(WebApiRequest.Post("emails", [], "an email"), default);
        Assert.Equal([TimeSpan.FromSeconds(20)], server.Clock.Waits);

        server.Answer = _ => Throttled(300);
        CrmException throttled = await Assert.ThrowsAsync<CrmException>(() => connection.SendAsync(WebApiRequest.Get("WhoAmI", "who"), default).AsTask());
        Assert.Equal(("CrmThrottled", true, TimeSpan.FromSeconds(300)), (throttled.ErrorId, throttled.IsTransient, throttled.RetryAfter!.Value));
    }

    [Fact]
    public async Task Passing_faults_are_tried_again_where_that_does_no_harm()
    {
        int left = 2;
        server.Answer = _ => left-- > 0 ? ScriptedServer.Json("{}", HttpStatusCode.ServiceUnavailable) : ScriptedServer.Json("{}");
        using WebApiConnection connection = Connection();
        await connection.SendAsync(WebApiRequest.Get("WhoAmI", "who"), default);
        Assert.Equal(3, server.Requests.Count);
        Assert.Equal(2, server.Clock.Waits.Count);
        Assert.True(server.Clock.Waits[1] > server.Clock.Waits[0]);

        server.Answer = _ => ScriptedServer.Json("{}", HttpStatusCode.ServiceUnavailable);
        CrmException once = await Assert.ThrowsAsync<CrmException>(() => connection.SendAsync(WebApiRequest.Post("emails", [], "an email"), default).AsTask());
        Assert.Equal(("CrmUnavailable", true), (once.ErrorId, once.IsTransient));
        Assert.Equal(4, server.Requests.Count);
    }

    [Fact]
    public async Task A_broken_connection_is_tried_again_only_for_what_may_be_repeated()
    {
        server.Answer = _ => throw new HttpRequestException(HttpRequestError.ResponseEnded, "gone", new IOException("gone"));
        using WebApiConnection connection = Connection();

        CrmException read = await Assert.ThrowsAsync<CrmException>(() => connection.SendAsync(WebApiRequest.Get("WhoAmI", "who"), default).AsTask());
        Assert.Equal(("CrmUnreachable", 4), (read.ErrorId, server.Requests.Count));
        await Assert.ThrowsAsync<CrmException>(() => connection.SendAsync(WebApiRequest.Post("emails", [], "an email"), default).AsTask());
        Assert.Equal(5, server.Requests.Count);
        await Assert.ThrowsAsync<CrmException>(() => connection.SendAsync(WebApiRequest.Patch("emails(1)", [], "W/\"1\"", "an email"), default).AsTask());
        Assert.Equal(9, server.Requests.Count);

        server.Answer = _ => throw new HttpRequestException(HttpRequestError.NameResolutionError, "no such host");
        await Assert.ThrowsAsync<CrmException>(() => connection.SendAsync(WebApiRequest.Post("emails", [], "an email"), default).AsTask());
        Assert.Equal(13, server.Requests.Count);
    }

    [Fact]
    public async Task A_password_does_not_cross_a_clear_line()
    {
        using var connection = new WebApiConnection(ScriptedServer.Endpoint with { Url = new Uri("http://crm.example.test/Contoso") }, server.Context);

        CrmException refused = await Assert.ThrowsAsync<CrmException>(() => connection.LocateAsync(default).AsTask());

        Assert.Equal("CrmPlainTextRefused", refused.ErrorId);
        Assert.Empty(server.All);
    }

    [Fact]
    public async Task Pages_are_followed_on_the_same_server_only()
    {
        server.Answer = asked => asked.Query.Contains("page=2", StringComparison.Ordinal)
            ? ScriptedServer.Json("""{"value":[{"n":3}]}""")
            : ScriptedServer.Json($$"""{"value":[{"n":1},{"n":2}],"@odata.nextLink":"{{ScriptedServer.Root}}emails?page=2"}""");
        using WebApiConnection connection = Connection();
        var numbers = new List<int>();
        await foreach (JsonElement row in connection.RowsAsync(WebApiRequest.Get("emails", "emails"), default))
            numbers.Add(row.Number("n")!.Value);
        Assert.Equal([1, 2, 3], numbers);

        server.Answer = _ => ScriptedServer.Json("""{"value":[],"@odata.nextLink":"https://evil.example.test/emails"}""");
        CrmException foreign = await Assert.ThrowsAsync<CrmException>(async () =>
        {
            await foreach (JsonElement row in connection.RowsAsync(WebApiRequest.Get("emails", "emails"), default))
                Assert.Fail("no row is expected");
        });
        Assert.Equal("CrmAnswerUnreadable", foreign.ErrorId);
    }

    [Fact]
    public async Task A_batch_carries_requests_and_change_sets_and_tells_each_answer()
    {
        server.Answer = _ => ScriptedServer.Batch(
            ScriptedServer.Part(200, """{"value":[{"subject":"Größe"}]}"""),
            ScriptedServer.ChangeSet(ScriptedServer.Part(204, headers: "ETag: W/\"7\"\r\n"), ScriptedServer.Part(204)),
            ScriptedServer.Part(412, """{"error":{"code":"0x80060882","message":"The version of the existing record doesn't match."}}"""));
        using WebApiConnection connection = Connection();
        var batch = new WebApiBatch("a test");
        batch.Add(WebApiRequest.Get("emails?$filter=subject%20eq%20" + ODataText.Quote("O'Brien 50% + #1 ü"), "emails"));
        var file = new EmailAttachment("a.bin", "application/pdf", 100_000, _ => ValueTask.FromResult<Stream>(new MemoryStream(new byte[100_000])));
        batch.AddChangeSet(
            [
                WebApiRequest.Post("contacts", new JsonObject { ["lastname"] = "Größe \"x\"" }, "a contact"),
                new WebApiRequest(HttpMethod.Post, "activitymimeattachments", "a file") { Body = WebApiBody.WithFile(new JsonObject { ["filename"] = "a.bin" }, "body", file) },
            ],
            isRepeatable: true);
        batch.Add(WebApiRequest.Patch("emails(1)", new JsonObject { ["statuscode"] = 7 }, "W/\"6\"", "an email"));

        IReadOnlyList<IReadOnlyList<CrmAnswer>> answers = await connection.SendAsync(batch, default);

        Assert.Equal("Größe", answers[0][0].Rows("emails").Single().Text("subject"));
        Assert.Equal(["W/\"7\"", null], answers[1].Select(a => a.ETag));
        Assert.Equal(412, answers[2][0].Status);
        Asked asked = Assert.Single(server.Requests);
        Assert.Equal("odata.continue-on-error", asked.Headers["Prefer"]);
        Assert.Equal(
            [
                "GET /api/data/v9.2/emails?$filter=subject eq 'O''Brien 50% + #1 ü'", "POST /api/data/v9.2/contacts", "POST /api/data/v9.2/activitymimeattachments",
                "PATCH /api/data/v9.2/emails(1)",
            ],
            asked.Lines);
        Assert.Contains("Content-ID: 2\r\n", asked.Text, StringComparison.Ordinal);
        Assert.Contains("If-Match: W/\"6\"\r\n", asked.Text, StringComparison.Ordinal);
        Assert.Contains("\r\n\r\n{\"filename\":\"a.bin\",\"body\":\"" + Convert.ToBase64String(new byte[100_000]) + "\"}\r\n", asked.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", asked.Text.Replace("\r\n", string.Empty, StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}", "multipart/mixed; boundary=b")]
    [InlineData("--b\r\n\r\nnothing\r\n--b--\r\n", "multipart/mixed; boundary=b")]
    [InlineData("--b--\r\n", "multipart/mixed; boundary=b")]
    [InlineData("{}", "application/json")]
    [InlineData("", "multipart/mixed")]
    public async Task A_cut_or_foreign_answer_to_a_batch_is_told(string body, string contentType)
    {
        server.Answer = _ =>
        {
            var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            content.Headers.TryAddWithoutValidation("Content-Type", contentType);
            return new HttpResponseMessage(HttpStatusCode.OK) { Content = content };
        };
        using WebApiConnection connection = Connection();
        var batch = new WebApiBatch("a test");
        batch.Add(WebApiRequest.Get("emails", "emails"));

        CrmException cut = await Assert.ThrowsAsync<CrmException>(() => connection.SendAsync(batch, default).AsTask());

        Assert.Equal("CrmAnswerUnreadable", cut.ErrorId);
    }

    [Fact]
    public async Task Malformed_json_and_pages_are_told()
    {
        server.Answer = _ => ScriptedServer.Json("{\"value\":[");
        using WebApiConnection connection = Connection();
        CrmAnswer cut = await connection.SendAsync(WebApiRequest.Get("emails", "emails"), default);
        Assert.Equal("CrmAnswerUnreadable", Assert.Throws<CrmException>(() => cut.Rows("emails")).ErrorId);

        server.Answer = _ => new HttpResponseMessage(HttpStatusCode.OK)
        {
            Content = new StringContent("<html><title>Sign in to your account</title></html>", new MediaTypeHeaderValue("text/html")),
        };
        CrmAnswer page = await connection.SendAsync(WebApiRequest.Get("emails", "emails"), default);
        CrmException error = Assert.Throws<CrmException>(() => page.Rows("emails"));
        Assert.Equal("CrmWebPage", error.ErrorId);
        Assert.Contains("Sign in to your account", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_cannot_be_read_is_told_as_it_is()
    {
        using WebApiConnection connection = Connection();
        var file = new EmailAttachment("a.bin", "application/pdf", 1, _ => throw new IOException("gone"));

        IOException error = await Assert.ThrowsAsync<IOException>(() => connection.SendAsync(
            new WebApiRequest(HttpMethod.Post, "activitymimeattachments", "a file") { Body = WebApiBody.WithFile([], "body", file) }, default).AsTask());

        Assert.Equal("gone", error.Message);
    }

    private static HttpResponseMessage Throttled(int seconds)
    {
        HttpResponseMessage answer = ScriptedServer.Error(HttpStatusCode.TooManyRequests, "0x80072322", "Number of requests exceeded the limit of 6000");
        answer.Headers.RetryAfter = new RetryConditionHeaderValue(TimeSpan.FromSeconds(seconds));
        return answer;
    }
}

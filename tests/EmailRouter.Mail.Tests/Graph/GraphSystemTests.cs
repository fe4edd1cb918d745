using System.Net;
using EmailRouter.Mail.Graph;
using EmailRouter.Mail.Tests.Scripting;
using static EmailRouter.Mail.Tests.Graph.GraphScript;

namespace EmailRouter.Mail.Tests.Graph;

public sealed class GraphSystemTests
{
    [Theory]
    [InlineData(null, "https://graph.microsoft.com/.default")]
    [InlineData("https://graph.microsoft.us", "https://graph.microsoft.us/.default")]
    [InlineData("https://dod-graph.microsoft.us/v1.0", "https://dod-graph.microsoft.us/.default")]
    [InlineData("https://microsoftgraph.chinacloudapi.cn/v1.0/", "https://microsoftgraph.chinacloudapi.cn/.default")]
    [InlineData("https://proxy.example.test/graph", "https://graph.microsoft.com/.default")]
    public void Every_national_cloud_has_a_scope_of_its_own_and_no_other_host(string? url, string scope)
    {
        MailEndpoint endpoint = Endpoint() with { Url = url is null ? null : new Uri(url) };

        Assert.Equal(scope, new GraphSystem().TokenScope(endpoint));
    }

    [Theory]
    [InlineData("https://graph.microsoft.us", "https://graph.microsoft.us/v1.0/")]
    [InlineData("https://graph.microsoft.us/v1.0", "https://graph.microsoft.us/v1.0/")]
    [InlineData("http://127.0.0.1:8080/graph/v1.0/?x=1", "http://127.0.0.1:8080/graph/v1.0/")]
    public void An_address_without_version_gets_it(string url, string expected) => Assert.Equal(expected, GraphService.BaseOf(Endpoint() with { Url = new Uri(url) }).AbsoluteUri);

    [Fact]
    public async Task Opening_looks_at_the_folder_with_token_and_immutable_ids()
    {
        var http = new ScriptedHttp();
        await using IMailboxSession session = await OpenAsync(http);

        Assert.Equal(User + "mailFolders/inbox?$select=id,displayName,totalItemCount", http.Last().Url.AbsoluteUri);
        Assert.Equal("Bearer geheim.token", http.Last().Headers["Authorization"]);
        Assert.Equal("IdType=\"ImmutableId\"", http.Last().Headers["Prefer"]);
        Assert.Equal("Posteingang, 3 messages", Assert.Single(http.Steps).Detail);
        Assert.DoesNotContain(http.Log, line => line.Contains("geheim", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_signed_in_user_is_reached_as_me()
    {
        var http = new ScriptedHttp();
        await using IMailboxSession session = await OpenAsync(http, ("Access", "Me"));

        Assert.StartsWith(Base + "me/mailFolders/inbox", http.Last().Url.AbsoluteUri, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_with_signs_of_its_own_is_escaped()
    {
        ScriptedHttp http = new ScriptedHttp().Opens();
        await using IMailboxSession session = await NewSystem().OpenMailboxAsync(
            Endpoint(), Login() with { Mailbox = "o'neil+crm/x@example.test" }, http.Context, default);

        Assert.Contains("users/o%27neil%2Bcrm%2Fx%40example.test/mailFolders", http.Last().Url.AbsoluteUri, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("access", "admin")]
    [InlineData("sendMode", "fast")]
    [InlineData("pageSize", "0")]
    [InlineData("pageSize", "1001")]
    [InlineData("pageSize", "many")]
    [InlineData("permanentDelete", "perhaps")]
    public async Task An_option_that_makes_no_sense_is_named(string name, string value)
    {
        var e = await Assert.ThrowsAsync<MailCommandException>(
            async () => await NewSystem().OpenMailboxAsync(Endpoint((name, value)), Login(), new ScriptedHttp().Context, default));

        Assert.Equal("MailInvalidOption", e.ErrorId);
        Assert.Contains(name, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_password_is_no_credential_for_Graph()
    {
        MailLogin login = new(Address, MailCredential.Password("box", "secret"));
        var http = new ScriptedHttp();

        var e = await Assert.ThrowsAsync<MailAuthenticationException>(async () => await NewSystem().OpenMailboxAsync(Endpoint(), login, http.Context, default));

        Assert.Equal("MailNoMechanism", e.ErrorId);
        Assert.DoesNotContain("secret", e.ToString(), StringComparison.Ordinal);
        Assert.Empty(http.Requests);
    }

    [Theory]
    [InlineData(403, "ErrorAccessDenied", "MailPermissionMissing", "Mail.Read")]
    [InlineData(403, "Authorization_RequestDenied", "MailPermissionMissing", "RBAC for Applications")]
    [InlineData(404, "MailboxNotEnabledForRESTAPI", "MailMailboxNotInCloud", "Exchange (EWS)")]
    [InlineData(404, "ErrorInvalidUser", "MailMailboxNotFound", "tenant")]
    [InlineData(404, "Request_ResourceNotFound", "MailMailboxNotFound", "tenant")]
    [InlineData(404, "ErrorItemNotFound", "MailFolderNotFound", "folder")]
    [InlineData(404, "ErrorFolderNotFound", "MailFolderNotFound", "folder")]
    [InlineData(400, "BadRequest", "MailServerRefused", "options")]
    [InlineData(418, "SomethingNew", "MailServerRefused", "service says")]
    public async Task A_refusal_says_what_it_means_and_what_to_do(int status, string code, string errorId, string remedy)
    {
        ScriptedHttp http = new ScriptedHttp().Error(status, code, "in their words");

        var e = await Assert.ThrowsAnyAsync<MailCommandException>(async () => await NewSystem().OpenMailboxAsync(Endpoint(), Login(), http.Context, default));

        Assert.Equal(errorId, e.ErrorId);
        Assert.Contains(remedy, e.Remedy, StringComparison.Ordinal);
        Assert.Contains(code, e.Message, StringComparison.Ordinal);
        Assert.Contains("in their words", e.Message, StringComparison.Ordinal);
        Assert.Contains(Address, e.Message, StringComparison.Ordinal);
        Assert.Contains("request-id", e.Message, StringComparison.Ordinal);
        Assert.False(e.IsTransient);
        Assert.False(Assert.Single(http.Steps).Success);
    }

    [Fact]
    public async Task An_inner_code_tells_what_the_outer_one_does_not()
    {
        ScriptedHttp http = new ScriptedHttp().Json("""{"error":{"code":"BadRequest","message":"m","innererror":{"code":"MailboxNotEnabledForRESTAPI"}}}""", HttpStatusCode.BadRequest);

        var e = await Assert.ThrowsAnyAsync<MailCommandException>(async () => await NewSystem().OpenMailboxAsync(Endpoint(), Login(), http.Context, default));

        Assert.Equal("MailMailboxNotInCloud", e.ErrorId);
    }

    [Fact]
    public async Task A_token_refused_also_after_its_renewal_says_why_in_the_services_words()
    {
        ScriptedHttp http = new ScriptedHttp().Error(401, "InvalidAuthenticationToken", "Lifetime validation failed").Error(401, "InvalidAuthenticationToken", "Audience is wrong");
        var credential = new TokenCredential(Address, _ => new(new AccessToken("one"))) { RenewAsync = _ => new(new AccessToken("two")) };

        var e = await Assert.ThrowsAsync<MailAuthenticationException>(
            async () => await NewSystem().OpenMailboxAsync(Endpoint(), new MailLogin(Address, credential), http.Context, default));

        Assert.Equal(2, http.Requests.Count);
        Assert.Contains("Audience is wrong", e.Message, StringComparison.Ordinal);
        Assert.Contains("tenant", e.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_expired_token_is_renewed_and_nobody_notices()
    {
        ScriptedHttp http = new ScriptedHttp().Error(401, "InvalidAuthenticationToken").Opens();
        var credential = new TokenCredential(Address, _ => new(new AccessToken("one"))) { RenewAsync = _ => new(new AccessToken("two")) };

        await using IMailboxSession session = await NewSystem().OpenMailboxAsync(Endpoint(), new MailLogin(Address, credential), http.Context, default);

        Assert.Equal("Bearer two", http.Last().Headers["Authorization"]);
    }

    [Theory]
    [InlineData("{\"id\":")]
    [InlineData("not json at all")]
    [InlineData("[1,2")]
    public async Task An_answer_that_is_no_JSON_is_a_clear_error(string body)
    {
        ScriptedHttp http = new ScriptedHttp().Json(body);

        var e = await Assert.ThrowsAsync<MailProtocolException>(async () => await NewSystem().OpenMailboxAsync(Endpoint(), Login(), http.Context, default));

        Assert.Equal("MailProtocolError", e.ErrorId);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{\"displayName\":5,\"totalItemCount\":\"many\"}")]
    public async Task Values_of_another_kind_than_expected_are_as_good_as_none(string body)
    {
        ScriptedHttp http = new ScriptedHttp().Json(body);

        await using IMailboxSession session = await NewSystem().OpenMailboxAsync(Endpoint(), Login(), http.Context, default);

        Assert.Equal("inbox, ? messages", Assert.Single(http.Steps).Detail);
    }

    [Theory]
    [InlineData(HttpStatusCode.OK)]
    [InlineData(HttpStatusCode.NotFound)]
    [InlineData(HttpStatusCode.Forbidden)]
    public async Task A_web_page_in_the_services_place_is_named(HttpStatusCode status)
    {
        ScriptedHttp http = new ScriptedHttp().Then(status, "<html><title>Corporate proxy</title></html>", "text/html");

        var e = await Assert.ThrowsAsync<MailProtocolException>(async () => await NewSystem().OpenMailboxAsync(Endpoint(), Login(), http.Context, default));

        Assert.Equal("MailWebPage", e.ErrorId);
        Assert.Contains("Corporate proxy", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_path_is_followed_from_folder_to_folder()
    {
        ScriptedHttp http = new ScriptedHttp()
            .Json("""{"value":[{"id":"AAA","displayName":"Kunden O'Neil"}]}""")
            .Json("""{"value":[{"id":"no","displayName":"Offene 2"},{"id":"BB=","displayName":"offene"}]}""")
            .Opens();
        await using IMailboxSession session = await NewSystem().OpenMailboxAsync(Endpoint(("folders", "Inbox/Kunden O'Neil/Offene")), Login(), http.Context, default);

        Assert.Contains("mailFolders/inbox/childFolders?$filter=displayName eq 'Kunden O''Neil'", http.Requests[0].PathAndQuery(), StringComparison.Ordinal);
        Assert.Contains("mailFolders/AAA/childFolders", http.Requests[1].PathAndQuery(), StringComparison.Ordinal);
        Assert.Contains("mailFolders/BB%3D?", http.Requests[2].Url.AbsoluteUri, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_is_not_there_is_named()
    {
        ScriptedHttp http = new ScriptedHttp().Json("""{"value":[]}""");

        var e = await Assert.ThrowsAsync<MailCommandException>(
            async () => await NewSystem().OpenMailboxAsync(Endpoint(("folders", "Kunden/Offene")), Login(), http.Context, default));

        Assert.Equal("MailFolderNotFound", e.ErrorId);
        Assert.Contains("\"Kunden\" of the path \"Kunden/Offene\"", e.Message, StringComparison.Ordinal);
        Assert.Contains("msgfolderroot/childFolders", http.Last().Url.AbsoluteUri, StringComparison.Ordinal);
    }
}

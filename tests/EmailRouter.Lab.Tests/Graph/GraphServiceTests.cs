using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using EmailRouter.Lab.Graph;
using EmailRouter.Lab.Servers;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Tests.Graph;

/// <summary>Tokens and permissions, throttling, batches, delta, uploads and rules as the service has them.</summary>
public sealed class GraphServiceTests : GraphFixture
{
    private static readonly (string, string) Immutable = ("Prefer", "IdType=\"ImmutableId\"");

    [Fact]
    public async Task Without_a_valid_token_nothing_is_shown()
    {
        UseToken(null);
        await ExpectAsync(401, "InvalidAuthenticationToken", GetAsync("messages"));
        UseToken("nonsense");
        await ExpectAsync(401, "InvalidAuthenticationToken", GetAsync("messages"));
        UseToken(Tokens.Issue("https://outlook.office365.com", roles: ["Mail.ReadWrite"]));
        await ExpectAsync(401, "InvalidAuthenticationToken", GetAsync("messages"));
        UseToken(Tokens.Issue(Server.Url.AbsoluteUri, roles: ["Mail.Read"]));
        Assert.Equal(200, (await GetAsync("messages")).Status);
        Tokens.RefuseIssuedBefore = DateTimeOffset.MaxValue;
        await ExpectAsync(401, "InvalidAuthenticationToken", GetAsync("messages"));
    }

    [Fact]
    public async Task A_permission_that_is_missing_is_denied()
    {
        string id = (await DeliveredAsync("Offer"))[0];
        UseToken(Tokens.Issue(LabGraphServer.Resource, roles: ["Mail.Read"]));
        Assert.Equal(200, (await GetAsync($"messages/{id}/$value")).Status);
        await ExpectAsync(403, "ErrorAccessDenied", PatchAsync($"messages/{id}", new JsonObject { ["isRead"] = true }));
        await ExpectAsync(403, "ErrorAccessDenied", PostAsync("sendMail", new JsonObject()));
        await ExpectAsync(403, "ErrorAccessDenied", GetAsync("mailFolders/inbox/messageRules"));
        await ExpectAsync(403, "Authorization_RequestDenied", GetAsync(string.Empty));

        UseToken(Tokens.Issue(LabGraphServer.Resource, roles: ["Mail.ReadBasic.All"]));
        await ExpectAsync(403, "ErrorAccessDenied", GetAsync($"messages/{id}/$value"));
        Assert.False((await GetAsync($"messages/{id}")).Json.ContainsKey("body"));
    }

    [Fact]
    public async Task Exchange_grants_to_single_mailboxes_and_restricts_to_some()
    {
        UseToken(Tokens.Issue(LabGraphServer.Resource, "crm"));
        await ExpectAsync(403, "ErrorAccessDenied", GetAsync("messages"));
        Server.Permissions.Grant("crm", Anna, "Mail.Read");
        Assert.Equal(200, (await GetAsync("messages")).Status);
        await ExpectAsync(403, "ErrorAccessDenied", GetAsync($"{Server.ServiceUrl}/users/{Ben}/messages"));
        Server.Permissions.Restrict("crm", Ben);
        Answer denied = await GetAsync("messages");
        Assert.Equal("Access to OData is disabled.", denied.Json["error"]!["message"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_person_sees_the_own_mailbox_and_others_only_when_shared()
    {
        UseToken(Tokens.Issue(LabGraphServer.Resource, userName: Anna, scopes: ["Mail.Read", "Mail.Read.Shared"]));
        Assert.Equal(200, (await GetAsync($"{Server.ServiceUrl}/me/messages")).Status);
        Assert.Equal(Anna, (await GetAsync($"{Server.ServiceUrl}/me")).Text("mail"));
        await ExpectAsync(403, "ErrorAccessDenied", GetAsync($"{Server.ServiceUrl}/users/{Ben}/messages"));
        Store.Find(Ben)!.Rights.Grant(LabRight.FullAccess, Anna);
        Assert.Equal(200, (await GetAsync($"{Server.ServiceUrl}/users/{Ben}/messages")).Status);
        UseToken(Tokens.Issue(LabGraphServer.Resource, roles: ["Mail.Read"]));
        await ExpectAsync(400, "BadRequest", GetAsync($"{Server.ServiceUrl}/me/messages"));
    }

    [Fact]
    public async Task Mailboxes_that_do_not_exist_or_lie_elsewhere_are_told_apart()
    {
        await ExpectAsync(404, "ErrorInvalidUser", GetAsync($"{Server.ServiceUrl}/users/nobody@contoso.test/messages"));
        await ExpectAsync(404, "Request_ResourceNotFound", GetAsync($"{Server.ServiceUrl}/users/nobody@contoso.test"));
        Server.MoveOnPremises(Anna);
        await ExpectAsync(404, "MailboxNotEnabledForRESTAPI", GetAsync("messages"));
        Assert.Equal(200, (await GetAsync(string.Empty)).Status);
        await ExpectAsync(400, "BadRequest", GetAsync($"{Server.Url}v9.9/me"));
    }

    [Fact]
    public async Task A_fifth_request_at_once_is_throttled()
    {
        Server.Faults.Add(new LabFault(LabFaultKind.Latency) { Times = 4, Delay = TimeSpan.FromMinutes(10) });
        using var stop = new CancellationTokenSource();
        Task<HttpResponseMessage>[] held = [.. Enumerable.Range(0, 4).Select(_ => Client.GetAsync($"{Server.ServiceUrl}/users/{Anna}/messages", stop.Token))];
        while (Server.RequestCount < 4)
            await Task.Yield();
        Answer fifth = await GetAsync("messages");
        await ExpectAsync(429, "ApplicationThrottled", Task.FromResult(fifth));
        Assert.Equal(TimeSpan.FromSeconds(1), fifth.Headers.RetryAfter?.Delta);
        Assert.Equal(200, (await GetAsync($"{Server.ServiceUrl}/users/{Ben}/messages")).Status);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(held));
    }

    [Fact]
    public async Task Delta_pages_by_preference_and_ends_with_a_link_for_the_next_round()
    {
        string[] ids = await DeliveredAsync("a", "b", "c");
        (string, string) prefer = ("Prefer", "IdType=\"ImmutableId\", odata.maxpagesize=2");
        Answer first = await GetAsync("mailFolders/inbox/messages/delta?$select=subject", prefer);
        Assert.Equal(2, first.Value.Count);
        Assert.Contains("$skiptoken=", first.Text("@odata.nextLink"), StringComparison.Ordinal);
        Answer second = await GetAsync(first.Text("@odata.nextLink"), prefer);
        Assert.Equal(["@odata.type", "@odata.etag", "id", "subject"], second.Value[0]!.AsObject().Select(p => p.Key));
        string link = second.Text("@odata.deltaLink");

        await PatchAsync($"messages/{ids[0]}", new JsonObject { ["isRead"] = true });
        await PostAsync($"messages/{ids[1]}/move", new JsonObject { ["destinationId"] = "archive" });
        Answer changes = await GetAsync(link, Immutable);
        Assert.Equal(2, changes.Value.Count);
        JsonNode read = changes.Value.Single(m => m!["id"]!.GetValue<string>() == ids[0])!;
        Assert.True(read["isRead"]!.GetValue<bool>());
        Assert.Null(read["subject"]);
        Assert.Equal("deleted", changes.Value.Single(m => m!["id"]!.GetValue<string>() == ids[1])!["@removed"]!["reason"]!.GetValue<string>());
        Assert.Empty((await GetAsync(changes.Text("@odata.deltaLink"), Immutable)).Value);
    }

    [Fact]
    public async Task Delta_of_what_is_created_tells_nothing_else()
    {
        string[] ids = await DeliveredAsync("a");
        string link = (await GetAsync("mailFolders/inbox/messages/delta?changeType=created")).Text("@odata.deltaLink");
        await PatchAsync($"messages/{ids[0]}", new JsonObject { ["isRead"] = true });
        await DeliveredAsync("b");
        await DeleteAsync($"messages/{ids[0]}");
        Assert.Equal("b", Assert.Single((await GetAsync(link)).Value)!["subject"]!.GetValue<string>());
    }

    [Fact]
    public async Task After_the_state_was_forgotten_a_new_round_pages_through_all_that_is_there()
    {
        string[] ids = await DeliveredAsync("a", "b", "c");
        string old = (await GetAsync("mailFolders/inbox/messages/delta", Immutable)).Text("@odata.deltaLink");
        Box.ForgetChanges();
        await ExpectAsync(410, "syncStateNotFound", GetAsync(old));
        (string, string) prefer = ("Prefer", "IdType=\"ImmutableId\", odata.maxpagesize=2");
        Answer first = await GetAsync("mailFolders/inbox/messages/delta?$select=id", prefer);
        await DeleteAsync($"messages/{ids[0]}");
        Answer second = await GetAsync(first.Text("@odata.nextLink"), prefer);
        Assert.Equal(ids.Order(), first.Value.Concat(second.Value).Select(m => m!["id"]!.GetValue<string>()).Distinct().Order());
        Assert.NotNull(second.Value.Single(m => m!["id"]!.GetValue<string>() == ids[0])!["@removed"]);
    }

    [Theory]
    [InlineData("$deltatoken=nonsense", 410, "syncStateNotFound")]
    [InlineData("$skiptoken=bnVsbA", 410, "syncStateNotFound")]
    [InlineData("$filter=isRead eq true", 400, "BadRequest")]
    [InlineData("$orderby=subject", 400, "BadRequest")]
    [InlineData("changeType=moved", 400, "BadRequest")]
    public async Task Delta_refuses_what_it_cannot_do(string query, int status, string code) =>
        await ExpectAsync(status, code, GetAsync($"mailFolders/inbox/messages/delta?{query}"));

    [Fact]
    public async Task Parts_of_a_batch_are_throttled_one_by_one_and_answered_in_another_order()
    {
        string[] ids = await DeliveredAsync("a", "b");
        Server.Faults.Add(new LabFault(LabFaultKind.Throttle) { Command = "PATCH messages/{id}", Skip = 1, Times = 1, RetryAfter = TimeSpan.FromSeconds(7) });
        Answer answer = await PostAsync("$batch", new JsonObject
        {
            ["requests"] = new JsonArray(Part("1", "PATCH", $"/users/{Anna}/messages/{ids[0]}"), Part("2", "PATCH", $"/users/{Anna}/messages/{ids[1]}")),
        });
        Assert.Equal(200, answer.Status);
        JsonArray responses = answer.Json["responses"]!.AsArray();
        Assert.Equal(["2", "1"], responses.Select(r => r!["id"]!.GetValue<string>()));
        Assert.Equal([429, 200], responses.Select(r => r!["status"]!.GetValue<int>()));
        Assert.Equal("7", responses[0]!["headers"]!["Retry-After"]!.GetValue<string>());
        Assert.Equal(2, Server.CountOf("PATCH messages/{id}"));
        Assert.Equal(1, Server.CountOf("POST $batch"));

        static JsonObject Part(string id, string method, string url) => new()
        {
            ["id"] = id,
            ["method"] = method,
            ["url"] = url,
            ["headers"] = new JsonObject { ["Content-Type"] = "application/json" },
            ["body"] = new JsonObject { ["isRead"] = true },
        };
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"requests":[]}""")]
    [InlineData("""{"requests":[{"id":"1","url":"/me"},{"id":"1","url":"/me"}]}""")]
    [InlineData("""{"requests":[{"url":"/me"}]}""")]
    [InlineData("""{"requests":[{"id":"1"}]}""")]
    [InlineData("""{"requests":[{"id":"1","url":"/me","method":"POST","body":{}}]}""")]
    [InlineData("""{"requests":[{"id":"1","url":"/me","dependsOn":["2"]}]}""")]
    public async Task A_batch_that_makes_no_sense_is_refused(string body) => Assert.Equal(400, (await PostAsync("$batch", JsonNode.Parse(body)!)).Status);

    [Fact]
    public async Task An_upload_goes_on_where_it_stopped_and_takes_no_token()
    {
        string draft = (await PostAsync("messages", new JsonObject { ["subject"] = "x" })).Text("id");
        Answer session = await PostAsync($"messages/{draft}/attachments/createUploadSession", JsonNode.Parse("""{"AttachmentItem":{"attachmentType":"file","name":"a.bin","size":6}}""")!);
        Assert.Equal(201, session.Status);
        string url = session.Text("uploadUrl");
        Assert.Equal(401, await PutAsync(url, "abc", "bytes 0-2/6"));
        UseToken(null);
        Assert.Equal(200, await PutAsync(url, "abc", "bytes 0-2/6"));
        Assert.Equal(416, await PutAsync(url, "abc", "bytes 0-2/6"));
        Assert.Equal(416, await PutAsync(url, "def", "bytes 3-5/7"));
        Assert.Equal(400, await PutAsync(url, "def", null));
        Assert.Equal("3", (await GetAsync(url)).Json["nextExpectedRanges"]![0]!.GetValue<string>());
        Assert.Equal(201, await PutAsync(url, "def", "bytes 3-5/6"));
        Assert.Equal(404, await PutAsync(url, "def", "bytes 3-5/6"));
        LabMessage made = Assert.Single(Box.MessagesIn(Box.FolderOf(LabFolderNames.Drafts).Id));
        using var content = new StreamReader(Assert.Single(made.Mime.Attachments).OpenDecoded());
        Assert.Equal("abcdef", await content.ReadToEndAsync());
    }

    [Fact]
    public async Task Rules_need_their_parts_and_belong_to_the_Inbox()
    {
        await ExpectAsync(400, "ErrorInvalidRequest", PostAsync("mailFolders/inbox/messageRules", JsonNode.Parse("""{"displayName":"x","sequence":1}""")!));
        await ExpectAsync(400, "RequestBodyRead", PostAsync("mailFolders/inbox/messageRules", JsonNode.Parse("""{"displayName":"x","sequence":1,"actions":{"nonsense":true}}""")!));
        await ExpectAsync(400, "ErrorInvalidRequest", GetAsync("mailFolders/archive/messageRules"));
        await ExpectAsync(404, "ErrorItemNotFound", GetAsync("mailFolders/inbox/messageRules/nonsense"));
        Answer rule = await PostAsync("mailFolders/inbox/messageRules", JsonNode.Parse(
            """{"displayName":"x","sequence":2,"conditions":{"senderContains":["adele"],"withinSizeRange":{"minimumSize":1,"maximumSize":2}},"actions":{"moveToFolder":"archive","stopProcessingRules":true}}""")!);
        Assert.Equal(201, rule.Status);
        Assert.Equal("ADELE", rule.Json["conditions"]!["senderContains"]![0]!.GetValue<string>());
        Assert.Equal(2, rule.Json["conditions"]!["withinSizeRange"]!["maximumSize"]!.GetValue<int>());
        Box.ChangeRules(rules => rules.Select(r => r with { IsNotSupported = true }));
        await ExpectAsync(403, "ErrorAccessDenied", PatchAsync($"mailFolders/inbox/messageRules/{rule.Text("id")}", new JsonObject { ["isEnabled"] = false }));
    }

    [Fact]
    public async Task Ids_are_translated()
    {
        string stable = (await DeliveredAsync("a"))[0];
        string mutable = (await GetAsync("messages")).Value[0]!["id"]!.GetValue<string>();
        Answer answer = await PostAsync("translateExchangeIds", new JsonObject { ["inputIds"] = new JsonArray(mutable), ["sourceIdType"] = "restId", ["targetIdType"] = "restImmutableEntryId" });
        Assert.Equal(stable, answer.Value[0]!["targetId"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_full_mailbox_and_a_body_that_is_no_JSON_have_their_errors()
    {
        Box.Quota = 1;
        await ExpectAsync(507, "ErrorQuotaExceeded", PostAsync("messages", new JsonObject { ["subject"] = "x" }));
        using var content = new StringContent("{", Encoding.UTF8, "application/json");
        using HttpResponseMessage answer = await Client.PostAsync($"{Server.ServiceUrl}/users/{Anna}/messages", content);
        Assert.Contains("RequestBodyRead", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private static async Task ExpectAsync(int status, string code, Task<Answer> answer) => Assert.Equal((status, code), ((await answer).Status, (await answer).Code));

    private async Task<string[]> DeliveredAsync(params string[] subjects)
    {
        var ids = new List<string>();
        foreach (string subject in subjects)
        {
            Store.Deliver(Anna, Mail(subject));
            ids.Add((await GetAsync($"messages?$filter=subject eq '{subject}'", Immutable)).Value[0]!["id"]!.GetValue<string>());
        }

        return [.. ids];
    }

    private async Task<int> PutAsync(string url, string text, string? range)
    {
        using var content = new StringContent(text);
        if (range is not null)
            content.Headers.ContentRange = ContentRangeHeaderValue.Parse(range);
        using HttpResponseMessage answer = await Client.PutAsync(url, content);
        return (int)answer.StatusCode;
    }
}

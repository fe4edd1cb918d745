using System.Text.Json;
using EmailRouter.Crm.Dataverse;
using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Tests.Dataverse;

public sealed class ExpandedListsTests
{
    private readonly ScriptedServer server = new();

    [Fact]
    public async Task Links_are_followed_together_and_page_by_page()
    {
        int round = 0;
        server.Answer = _ => ++round == 1
            ? ScriptedServer.Batch(
                ScriptedServer.Part(200, $$"""{"value":[{"p":1}],"@odata.nextLink":"{{ScriptedServer.Root}}emails(1)/parties?$skiptoken=2"}"""),
                ScriptedServer.Part(200, """{"value":[{"p":12}]}"""),
                ScriptedServer.Part(404, """{"error":{"code":"0x80040217","message":"email With Id = 3 Does Not Exist"}}"""))
            : ScriptedServer.Batch(ScriptedServer.Part(200, """{"value":[{"p":2}]}"""));

        IReadOnlyList<JsonElement?> rows = await CompleteAsync(
            $$"""{"id":0,"parties":[{"p":0}]}""",
            $$"""{"id":1,"parties":[],"parties@odata.nextLink":"{{ScriptedServer.Root}}emails(1)/parties"}""",
            $$"""{"id":2,"parties":[{"p":11}],"parties@odata.nextLink":"{{ScriptedServer.Root}}emails(2)/parties?%24skiptoken=1"}""",
            $$"""{"id":3,"parties":[],"parties@odata.nextLink":"{{ScriptedServer.Root}}emails(3)/parties"}""");

        Assert.Equal(2, server.Requests.Count);
        Assert.Equal(["0", "1,2", "11,12", null], rows.Select(r => r is { } row ? string.Join(',', row.Expanded("parties").Select(p => p.Number("p"))) : null));
    }

    [Fact]
    public async Task A_refused_list_and_a_link_to_another_server_are_errors()
    {
        server.Answer = _ => ScriptedServer.Batch(ScriptedServer.Part(403, """{"error":{"code":"0x80040220","message":"is missing prvReadActivity privilege"}}"""));

        CrmException refused = await Assert.ThrowsAsync<CrmException>(() => CompleteAsync($$"""{"a":[],"a@odata.nextLink":"{{ScriptedServer.Root}}emails(1)/a"}"""));
        CrmException foreign = await Assert.ThrowsAsync<CrmException>(() => CompleteAsync("""{"a":[],"a@odata.nextLink":"https://evil.example.test/a"}"""));

        Assert.Equal(("CrmPrivilegeMissing", "CrmAnswerUnreadable"), (refused.ErrorId, foreign.ErrorId));
    }

    private async Task<IReadOnlyList<JsonElement?>> CompleteAsync(params string[] rows)
    {
        using var connection = new WebApiConnection(ScriptedServer.Endpoint with { Credentials = [ScriptedServer.Token("router")] }, server.Context);
        await connection.LocateAsync(default);
        return await ExpandedLists.CompleteAsync(connection, [.. rows.Select(r => JsonDocument.Parse(r).RootElement)], "emails", default);
    }
}

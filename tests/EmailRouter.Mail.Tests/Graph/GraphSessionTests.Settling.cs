using System.Net;
using EmailRouter.Mail.Tests.Scripting;
using static EmailRouter.Mail.Tests.Graph.GraphScript;

namespace EmailRouter.Mail.Tests.Graph;

public sealed partial class GraphSessionTests
{
    [Fact]
    public async Task Settlements_go_together_and_each_as_it_should()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Then(Batch(_ => """{"status":200}""")).Then(Batch(_ => """{"status":204}"""))
            .Json("""{"value":[]}""").Json("""{"id":"NEW","displayName":"Done"}""", HttpStatusCode.Created).Then(Batch(_ => """{"status":201,"body":{"id":"c"}}"""));

        await session.SettleAsync(new("a"), Settlement.MarkRead, default);
        await session.SettleAsync(new("b"), Settlement.Delete, default);
        await session.SettleAsync(new("c"), Settlement.MoveTo("Done"), default);
        await session.SettleAsync(new("d"), Settlement.Keep, default);
        await session.CompleteAsync(default);

        Assert.Equal(["PATCH /users/box%40example.test/messages/a {\"isRead\":true}"], Parts(http.Requests[1]));
        Assert.Equal(["DELETE /users/box%40example.test/messages/b "], Parts(http.Requests[2]));
        Assert.Equal("{\"displayName\":\"Done\"}", http.Requests[4].Body);
        Assert.Equal(["POST /users/box%40example.test/messages/c/move {\"destinationId\":\"NEW\"}"], Parts(http.Requests[5]));
        Assert.Contains("3 settled", http.Steps[^1].Detail, StringComparison.Ordinal);
        http.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Deleting_for_good_is_an_option()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http, ("permanentDelete", "true"));
        http.Then(Batch(_ => """{"status":204}"""));

        await session.SettleAsync(new("b"), Settlement.Delete, default);
        await session.CompleteAsync(default);

        Assert.Equal(["POST /users/box%40example.test/messages/b/permanentDelete "], Parts(http.Last()));
    }

    [Fact]
    public async Task Twenty_settlements_go_in_one_request_and_answers_come_in_any_order()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        for (int i = 0; i < 3; i++)
            http.Then(Batch(_ => """{"status":200}"""));

        for (int i = 0; i < 45; i++)
            await session.SettleAsync(new($"m{i}"), Settlement.MarkRead, default);
        await session.CompleteAsync(default);

        Assert.Equal([20, 20, 5], http.Requests.Skip(1).Select(r => Parts(r).Count()));
    }

    [Fact]
    public async Task Only_the_parts_that_were_told_to_come_later_are_repeated_when_the_time_is_up()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Then(Batch(url => url.EndsWith("m1", StringComparison.Ordinal) ? """{"status":429,"headers":{"Retry-After":"7"},"body":{"error":{"code":"ApplicationThrottled"}}}""" : """{"status":200}"""))
            .Then(Batch(_ => """{"status":200}"""));
        for (int i = 0; i < 3; i++)
            await session.SettleAsync(new($"m{i}"), Settlement.MarkRead, default);

        await http.DriveAsync(session.CompleteAsync(default));

        Assert.Equal([7], http.Waits());
        Assert.Equal(["PATCH /users/box%40example.test/messages/m1 {\"isRead\":true}"], Parts(http.Last()));
    }

    [Fact]
    public async Task A_part_without_an_answer_is_repeated()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Json("""{"responses":[{"id":"99","status":200},{"id":"0"},{"status":200},7]}""").Then(Batch(_ => """{"status":200}"""));
        await session.SettleAsync(new("a"), Settlement.MarkRead, default);

        await http.DriveAsync(session.CompleteAsync(default));

        http.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task Messages_that_are_gone_need_no_settlement()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Then(Batch(_ => """{"status":404,"body":{"error":{"code":"ErrorItemNotFound"}}}"""));
        await session.SettleAsync(new("a"), Settlement.MarkRead, default);

        await session.CompleteAsync(default);

        http.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_refused_part_is_reported_after_the_others_are_done()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Then(Batch(url => url.EndsWith('a') ? """{"status":403,"body":{"error":{"code":"ErrorAccessDenied","message":"no"}}}""" : """{"status":200}"""))
            .Then(Batch(_ => """{"status":204}"""));
        await session.SettleAsync(new("a"), Settlement.MarkRead, default);
        await session.SettleAsync(new("b"), Settlement.MarkRead, default);
        await session.SettleAsync(new("c"), Settlement.Delete, default);

        var e = await Assert.ThrowsAsync<MailCommandException>(async () => await session.CompleteAsync(default));

        Assert.Equal("MailSettlementFailed", e.ErrorId);
        Assert.Contains("Mail.ReadWrite", e.Remedy, StringComparison.Ordinal);
        http.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_category_is_added_to_those_there_are_and_only_over_what_was_read()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Then(Batch(url => url.Contains("has", StringComparison.Ordinal) ? """{"status":200,"body":{"categories":["crm"]}}""" : """{"status":200,"body":{"@odata.etag":"W/1","categories":["Blue"]}}"""))
            .Then(Batch(_ => """{"status":412,"body":{"error":{"code":"ErrorIrresolvableConflict"}}}"""))
            .Then(Batch(_ => """{"status":200,"body":{"@odata.etag":"W/2","categories":["Blue","Red"]}}"""))
            .Then(Batch(_ => """{"status":200}"""));
        await session.SettleAsync(new("a"), Settlement.Categorize("CRM"), default);
        await session.SettleAsync(new("has"), Settlement.Categorize("CRM"), default);

        await session.CompleteAsync(default);

        Assert.Equal(["PATCH /users/box%40example.test/messages/a {\"categories\":[\"Blue\",\"CRM\"]}"], Parts(http.Requests[2]));
        Assert.Contains("\"If-Match\":\"W/1\"", http.Requests[2].Body, StringComparison.Ordinal);
        Assert.Equal(["PATCH /users/box%40example.test/messages/a {\"categories\":[\"Blue\",\"Red\",\"CRM\"]}"], Parts(http.Requests[4]));
        http.AssertPlayedToTheEnd();
    }

    [Fact]
    public async Task A_folder_removed_meanwhile_is_made_again()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Json("""{"value":[{"id":"OLD","displayName":"Done"}]}""").Then(Batch(_ => """{"status":404,"body":{"error":{"code":"ErrorFolderNotFound"}}}"""))
            .Json("""{"value":[]}""").Error(409, "ErrorFolderExists").Json("""{"value":[{"id":"NEW","displayName":"Done"}]}""").Then(Batch(_ => """{"status":201}"""));
        await session.SettleAsync(new("a"), Settlement.MoveTo("Done"), default);

        await session.CompleteAsync(default);

        Assert.Contains("NEW", http.Last().Body, StringComparison.Ordinal);
        http.AssertPlayedToTheEnd();
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"responses":5}""")]
    [InlineData("")]
    public async Task An_answer_to_a_batch_that_is_none_is_a_clear_error(string body)
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Json(body);
        await session.SettleAsync(new("a"), Settlement.MarkRead, default);

        await Assert.ThrowsAsync<MailProtocolException>(async () => await session.CompleteAsync(default));
    }
}

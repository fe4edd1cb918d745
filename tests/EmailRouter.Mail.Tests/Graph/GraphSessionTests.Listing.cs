using EmailRouter.Mail.Tests.Scripting;
using static EmailRouter.Mail.Tests.Graph.GraphScript;

namespace EmailRouter.Mail.Tests.Graph;

public sealed partial class GraphSessionTests
{
    [Fact]
    public async Task A_first_listing_asks_for_all_pages_and_ends_with_a_position()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http, ("pageSize", "2"));
        http.Json(Page("?$skiptoken=p2", null, Item("a", "2026-01-02T00:00:00Z", "IPM.Note"), Item("b", "2026-01-01T00:00:00Z", "REPORT.IPM.Note.NDR")))
            .Json(Page(null, "?$deltatoken=d1", Item("c", "2025-01-01T00:00:00Z")));

        List<MessageRef> messages = await session.ListAsync(MailboxCursor.Start, default).ToListAsync();

        Assert.Equal(["b", "a", "c"], messages.Select(m => m.Id));
        Assert.Equal(["REPORT.IPM.Note.NDR", "IPM.Note", null], messages.Select(m => m.MessageClass));
        Assert.Equal([null, "inbox=users/box%40example.test/mailFolders/inbox/messages/delta?$skiptoken=p2", "inbox=users/box%40example.test/mailFolders/inbox/messages/delta?$deltatoken=d1"], messages.Select(m => m.Cursor?.Value));
        Assert.Equal(messages[^1].Cursor, session.Position);
        Assert.Contains("$select=id,receivedDateTime,isDraft&changeType=created&$expand=singleValueExtendedProperties($filter=id eq 'String 0x001A')", http.Requests[1].PathAndQuery(), StringComparison.Ordinal);
        Assert.Equal(Delta + "?$skiptoken=p2", http.Requests[2].Url.AbsoluteUri);
        Assert.All(http.Requests.Skip(1), r => Assert.Equal("IdType=\"ImmutableId\", odata.maxpagesize=2", r.Headers["Prefer"]));
    }

    [Fact]
    public async Task A_later_listing_goes_on_where_the_last_one_ended_and_moves_on_without_news()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Json(Page(null, "?$deltatoken=d2"));

        Assert.Empty(await session.ListAsync(new MailboxCursor("inbox=users/box%40example.test/mailFolders/inbox/messages/delta?$deltatoken=d1"), default).ToListAsync());

        Assert.Equal(Delta + "?$deltatoken=d1", http.Last().Url.AbsoluteUri);
        Assert.EndsWith("$deltatoken=d2", session.Position!.Value.Value, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_is_asked_for_only_when_the_one_before_is_used_up()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Json(Page("?$skiptoken=p2", null, Item("a"), Item("b")));

        await foreach (MessageRef message in session.ListAsync(MailboxCursor.Start, default))
        {
            if (message.Id == "b")
                break;
        }

        Assert.Equal(2, http.Requests.Count);
        Assert.Null(session.Position);
    }

    [Fact]
    public async Task Removed_messages_drafts_and_things_without_id_are_left_out()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Json(Page(null, "?$deltatoken=d", """{"id":"x","@removed":{"reason":"deleted"}}""", """{"id":"d","isDraft":true}""", """{"subject":"no id"}""", "17", """{"id":""}""", """{"id":5}""", Item("a")));

        Assert.Equal(["a"], (await session.ListAsync(MailboxCursor.Start, default).ToListAsync()).Select(m => m.Id));
    }

    [Theory]
    [InlineData(410, "SyncStateNotFound")]
    [InlineData(410, "syncStateNotFound")]
    [InlineData(410, "")]
    [InlineData(400, "SyncStateInvalid")]
    [InlineData(400, "ErrorInvalidRequest")]
    [InlineData(404, "resyncRequired")]
    public async Task A_forgotten_position_starts_again(int status, string code)
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Error(status, code).Json(Page(null, "?$deltatoken=d2", Item("a")));

        List<MessageRef> messages = await session.ListAsync(new MailboxCursor("inbox=users/box%40example.test/mailFolders/inbox/messages/delta?$deltatoken=d1"), default).ToListAsync();

        Assert.Equal(["a"], messages.Select(m => m.Id));
        Assert.Contains("$select", http.Last().Url.Query, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_position_forgotten_in_the_middle_starts_again_once()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Json(Page("?$skiptoken=p2", null, Item("a"))).Error(410, "resyncRequired").Json(Page("?$skiptoken=p2", null, Item("a"))).Error(410, "resyncRequired");

        var e = await Assert.ThrowsAnyAsync<MailCommandException>(async () => await session.ListAsync(MailboxCursor.Start, default).ToListAsync());

        Assert.Equal(("MailPositionLost", true), (e.ErrorId, e.IsTransient));
    }

    [Fact]
    public async Task A_service_that_does_not_take_the_item_class_lists_without()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Error(400, "ErrorInvalidRequest").Json(Page(null, "?$deltatoken=d", Item("a")));

        Assert.Single(await session.ListAsync(MailboxCursor.Start, default).ToListAsync());

        Assert.EndsWith("delta?$select=id,receivedDateTime,isDraft", http.Last().Url.AbsoluteUri, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_folders_share_one_position()
    {
        ScriptedHttp http = new ScriptedHttp().Json("""{"value":[{"id":"F=1","displayName":"CRM"}]}""");
        await using IMailboxSession session = await OpenAsync(http, ("folders", "inbox; CRM ;INBOX"));
        http.Json(Page(null, "?$deltatoken=d1", Item("a"))).Json(Page(null, "?$deltatoken=d2", Item("b")));

        List<MessageRef> messages = await session.ListAsync(new MailboxCursor("gone=users/old"), default).ToListAsync();
        string position = session.Position!.Value.Value;
        http.Json(Page(null, "?$deltatoken=d3")).Json(Page(null, "?$deltatoken=d4"));
        await session.ListAsync(session.Position.Value, default).ToListAsync();

        Assert.Equal(["a", "b"], messages.Select(m => m.Id));
        Assert.Contains("inbox=", position, StringComparison.Ordinal);
        Assert.Contains("F%3D1=", position, StringComparison.Ordinal);
        Assert.DoesNotContain("gone", position, StringComparison.Ordinal);
        Assert.EndsWith("$deltatoken=d1", http.Requests[^2].Url.Query, StringComparison.Ordinal);
        Assert.EndsWith("$deltatoken=d2", http.Requests[^1].Url.Query, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("inbox=https://evil.example/v1.0/x?$deltatoken=d")]
    [InlineData("inbox=//evil.example/x")]
    [InlineData("inbox=")]
    [InlineData("=x")]
    [InlineData("%%% = =")]
    public async Task A_position_of_another_service_or_none_at_all_starts_again_and_gives_no_token_away(string cursor)
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Json(Page(null, "?$deltatoken=d", Item("a")));

        Assert.Single(await session.ListAsync(new MailboxCursor(cursor), default).ToListAsync());

        Assert.All(http.Requests, r => Assert.Equal("graph.microsoft.com", r.Url.Host));
    }

    [Fact]
    public async Task A_link_to_another_server_is_not_followed()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Json("""{"value":[{"id":"a"}],"@odata.nextLink":"https://evil.example/v1.0/steal"}""");

        var e = await Assert.ThrowsAsync<MailProtocolException>(async () => await session.ListAsync(MailboxCursor.Start, default).ToListAsync());

        Assert.Contains("another server", e.Message, StringComparison.Ordinal);
        Assert.Equal(2, http.Requests.Count);
    }

    [Theory]
    [InlineData("""{"value":[]}""")]
    [InlineData("""{"value":[],"@odata.nextLink":7}""")]
    [InlineData("[]")]
    [InlineData("")]
    public async Task A_page_that_does_not_say_how_it_goes_on_is_an_error(string page)
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Json(page);

        await Assert.ThrowsAsync<MailProtocolException>(async () => await session.ListAsync(MailboxCursor.Start, default).ToListAsync());
    }

    [Fact]
    public async Task A_page_that_names_itself_as_the_next_ends_with_an_error()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Json(Page("?$skiptoken=p2", null, Item("a"))).Json(Page("?$skiptoken=p2", null, Item("a")));

        var e = await Assert.ThrowsAsync<MailProtocolException>(async () => await session.ListAsync(MailboxCursor.Start, default).ToListAsync());

        Assert.Contains("does not end", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Empty_pages_without_end_are_given_up()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        for (int i = 0; i < 1100; i++)
            http.Json(Page($"?$skiptoken=p{i}", null));

        await Assert.ThrowsAsync<MailProtocolException>(async () => await session.ListAsync(MailboxCursor.Start, default).ToListAsync());
    }

    [Fact]
    public async Task An_answer_shorter_than_it_says_is_a_lost_connection()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Then(_ =>
        {
            HttpResponseMessage response = ScriptedBodyStream.Response(["{\"value\":[]"], type: "application/json");
            response.Content.Headers.ContentLength = 500;
            return response;
        });

        var e = await Assert.ThrowsAsync<MailConnectionException>(async () => await session.ListAsync(MailboxCursor.Start, default).ToListAsync());

        Assert.True(e.IsTransient);
    }
}

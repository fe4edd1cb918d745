using System.Net;
using System.Text;
using System.Text.Json;
using EmailRouter.Mail.Tests.Scripting;
using EmailRouter.Mime;
using static EmailRouter.Mail.Tests.Graph.GraphScript;

namespace EmailRouter.Mail.Tests.Graph;

public sealed class GraphSessionTests
{
    private const string Delta = User + "mailFolders/inbox/messages/delta";

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

    [Fact]
    public async Task Messages_leave_in_order_whatever_order_they_come_in_and_three_are_under_way_at_most()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        MessageRef[] messages = [.. Enumerable.Range(0, 12).Select(i => new MessageRef($"m{i}"))];
        var held = new Dictionary<string, TaskCompletionSource>();
        int underWay = 0;
        int most = 0;
        foreach (MessageRef message in messages)
        {
            http.Then(async (request, _) =>
            {
                most = Math.Max(most, Interlocked.Increment(ref underWay));
                string id = request.Url.Segments[^2].TrimEnd('/');
                if (id is "m0")
                    await (held[id] = new TaskCompletionSource()).Task;
                Interlocked.Decrement(ref underWay);
                return ScriptedHttp.Answer(HttpStatusCode.OK, "Subject: " + id + "\r\n\r\n", "text/plain");
            });
        }

        Task<List<string>> fetching = TextsAsync(session, messages);
        held["m0"].SetResult();
        List<string> texts = await fetching;

        Assert.Equal(messages.Select(m => $"Subject: {m.Id}\r\n\r\n"), texts);
        Assert.InRange(most, 1, 3);
        Assert.Equal(User + "messages/m0/$value", http.Requests[1].Url.AbsoluteUri);
    }

    [Fact]
    public async Task No_more_messages_are_fetched_than_the_caller_takes_and_a_few_ahead()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        for (int i = 0; i < 20; i++)
            http.Then(HttpStatusCode.OK, "A: b\r\n\r\n", "text/plain");

        await foreach (FetchedMessage fetched in session.FetchAsync([.. Enumerable.Range(0, 20).Select(i => new MessageRef($"m{i}"))], default))
        {
            fetched.Dispose();
            break;
        }

        Assert.InRange(http.Requests.Count, 2, 1 + 4);
        Assert.Equal(["1"], (await FetchOneAsync(session, http, "1")).Select(m => m.Message.Id));
    }

    [Theory]
    [InlineData(404, "ErrorItemNotFound", MailException.MessageGone, false)]
    [InlineData(400, "ErrorInvalidIdMalformed", "MailMessageUnavailable", false)]
    [InlineData(500, "ErrorMimeContentConversionFailed", "MailMessageUnavailable", false)]
    [InlineData(500, "ErrorItemCorrupt", "MailMessageUnavailable", false)]
    public async Task A_message_that_cannot_be_had_costs_no_other(int status, string code, string errorId, bool transient)
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Then(HttpStatusCode.OK, "A: 1\r\n\r\n").Error(status, code).Then(HttpStatusCode.OK, "A: 3\r\n\r\n");

        List<FetchedMessage> fetched = await session.FetchAsync([new("1"), new("2"), new("3")], default).ToListAsync();

        Assert.Equal([null, errorId, null], fetched.Select(f => f.Error?.ErrorId));
        Assert.Equal(transient, fetched[1].Error!.IsTransient);
    }

    [Fact]
    public async Task A_mailbox_that_is_not_in_the_cloud_is_no_matter_of_single_messages()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Error(404, "MailboxNotEnabledForRESTAPI");

        var e = await Assert.ThrowsAnyAsync<MailCommandException>(async () => await session.FetchAsync([new("1")], default).ToListAsync());

        Assert.Equal("MailMailboxNotInCloud", e.ErrorId);
    }

    [Fact]
    public async Task A_message_above_the_limit_is_not_read()
    {
        ScriptedHttp http = new();
        http.Opens();
        MailContext context = http.Context with { Buffers = new MessageBufferOptions { MaximumSize = 100 } };
        await using IMailboxSession session = await NewSystem().OpenMailboxAsync(Endpoint(), Login(), context, default);
        http.Then(HttpStatusCode.OK, new string('x', 200))
            .Then(_ => ScriptedBodyStream.Response(Enumerable.Repeat(new string('x', 50), 1000)));

        List<FetchedMessage> fetched = await session.FetchAsync([new("stated"), new("endless")], default).ToListAsync();

        Assert.All(fetched, f => Assert.Equal(MailException.MessageTooLarge, f.Error!.ErrorId));
    }

    [Fact]
    public async Task A_message_of_100_MB_is_spooled()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        string line = new string('x', 1_000_000);
        http.Then(_ => ScriptedBodyStream.Response(Enumerable.Repeat(line, 100)));

        using FetchedMessage fetched = Assert.Single(await session.FetchAsync([new("big")], default).ToListAsync());

        Assert.Equal((100_000_000, true), (fetched.Content!.Length, fetched.Content.IsSpooled));
    }

    [Fact]
    public async Task A_message_that_breaks_off_is_fetched_again()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Then(_ => ScriptedBodyStream.Response(["A: b\r\n\r\nhal"], _ => throw new IOException("reset")))
            .Then(_ =>
            {
                HttpResponseMessage response = ScriptedBodyStream.Response(["A: b\r\n\r\nhalf"]);
                response.Content.Headers.ContentLength = 1000;
                return response;
            })
            .Then(HttpStatusCode.OK, "A: b\r\n\r\nwhole");

        Assert.Equal(["A: b\r\n\r\nwhole"], await TextsAsync(session, [new("1")]));
    }

    [Fact]
    public async Task A_message_that_always_breaks_off_costs_itself_only()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        for (int i = 0; i < 3; i++)
            http.Then(_ => ScriptedBodyStream.Response([new string('x', 10_000)], _ => throw new IOException("reset")));

        FetchedMessage fetched = Assert.Single(await session.FetchAsync([new("1")], default).ToListAsync());

        Assert.Equal(("MailConnectionLost", true), (fetched.Error!.ErrorId, fetched.Error.IsTransient));
    }

    [Fact]
    public async Task An_empty_message_is_an_error_and_no_message()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Then(HttpStatusCode.OK, string.Empty, "text/plain");

        Assert.Equal("MailMessageUnavailable", Assert.Single(await session.FetchAsync([new("1")], default).ToListAsync()).Error!.ErrorId);
    }

    [Fact]
    public async Task A_header_comes_without_the_body_and_cannot_smuggle_in_another()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Json("""{"internetMessageHeaders":[{"name":"Subject","value":"Grüße"},{"name":"X-A","value":"one\r\n two\r\nX-Evil: three"},{"name":"bad name","value":"x"},{"name":"X:Y","value":"x"},{"value":"x"},{"name":"X-Empty"}]}""");

        using FetchedMessage header = await session.FetchHeaderAsync(new MessageRef("1"), default);

        Assert.Equal("Subject: Grüße\r\nX-A: one\r\n two\r\n X-Evil: three\r\nX-Empty: \r\n\r\n", Encoding.UTF8.GetString(header.Content!.Memory.Span));
        Assert.EndsWith("messages/1?$select=internetMessageHeaders", http.Last().Url.AbsoluteUri, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Mail_that_was_not_received_has_the_header_of_its_MIME()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Json("{}").Then(_ => ScriptedBodyStream.Response(["Subject: x\r\n", "\r\nbody"]));

        using FetchedMessage header = await session.FetchHeaderAsync(new MessageRef("1"), default);

        Assert.Equal("Subject: x\r\n\r\n", Encoding.UTF8.GetString(header.Content!.Memory.Span));
    }

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

    [Fact]
    public async Task A_session_does_one_thing_at_a_time_and_none_after_its_end()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);
        http.Then(HttpStatusCode.OK, "A: b\r\n\r\n");
        await foreach (FetchedMessage fetched in session.FetchAsync([new("1")], default))
        {
            fetched.Dispose();
            Assert.Throws<InvalidOperationException>(() => session.ListAsync(MailboxCursor.Start, default));
            await session.SettleAsync(new("1"), Settlement.Keep, default);
        }

        Assert.False(await session.WaitForMailAsync(TimeSpan.FromHours(1), default));
        await session.CompleteAsync(default);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await session.SettleAsync(new("1"), Settlement.MarkRead, default));
    }

    [Fact]
    public async Task Settlements_that_are_none_are_refused()
    {
        ScriptedHttp http = new();
        await using IMailboxSession session = await OpenAsync(http);

        await Assert.ThrowsAsync<MailCommandException>(async () => await session.SettleAsync(new("1"), new Settlement(SettlementKinds.None), default));
        await Assert.ThrowsAsync<ArgumentException>(async () => await session.SettleAsync(new("1"), new Settlement(SettlementKinds.Move), default));
        await Assert.ThrowsAsync<ArgumentException>(async () => await session.SettleAsync(new("1"), new Settlement(SettlementKinds.Categorize), default));
    }

    private static string Page(string? next, string? delta, params string[] items) =>
        $$"""{"@odata.context":"x","value":[{{string.Join(',', items)}}]{{(next is null ? "" : $",\"@odata.nextLink\":\"{Delta}{next}\"")}}{{(delta is null ? "" : $",\"@odata.deltaLink\":\"{Delta}{delta}\"")}}}""";

    private static string Item(string id, string received = "2026-01-01T00:00:00Z", string? messageClass = null)
    {
        string extended = messageClass is null ? string.Empty : $$""","singleValueExtendedProperties":[{"id":"String 0x1b","value":"no"},{"id":"Binary 0x1a","value":"no"},{"id":"String x","value":"no"},{"id":"String 0x1a","value":"{{messageClass}}"}]""";
        return $$"""{"@odata.type":"#microsoft.graph.message","id":"{{id}}","receivedDateTime":"{{received}}"{{extended}}}""";
    }

    private static Func<SentRequest, HttpResponseMessage> Batch(Func<string, string> answer) => request =>
    {
        using JsonDocument sent = JsonDocument.Parse(request.Body);
        IEnumerable<string> answers = sent.RootElement.GetProperty("requests").EnumerateArray()
            .Select(r => $$"""{"id":"{{r.GetProperty("id").GetString()}}",{{answer(r.GetProperty("url").GetString()!)[1..]}}""").Reverse();
        return ScriptedHttp.Answer(HttpStatusCode.OK, $$"""{"responses":[{{string.Join(',', answers)}}]}""", "application/json");
    };

    private static IEnumerable<string> Parts(SentRequest request)
    {
        Assert.Equal(Base + "$batch", request.Url.AbsoluteUri);
        using JsonDocument sent = JsonDocument.Parse(request.Body);
        return [.. sent.RootElement.GetProperty("requests").EnumerateArray().Select(r =>
            $"{r.GetProperty("method").GetString()} {r.GetProperty("url").GetString()} {(r.TryGetProperty("body", out JsonElement body) ? body.GetRawText() : string.Empty)}")];
    }

    private static async Task<List<FetchedMessage>> FetchOneAsync(IMailboxSession session, ScriptedHttp http, string id)
    {
        http.Then(HttpStatusCode.OK, "A: b\r\n\r\n");
        return await session.FetchAsync([new(id)], default).ToListAsync();
    }

    private static async Task<List<string>> TextsAsync(IMailboxSession session, IReadOnlyList<MessageRef> messages)
    {
        var texts = new List<string>();
        await foreach (FetchedMessage fetched in session.FetchAsync(messages, default))
        {
            using (fetched)
                texts.Add(fetched.Error?.Message ?? Encoding.UTF8.GetString(fetched.Content!.Memory.Span));
        }

        return texts;
    }
}

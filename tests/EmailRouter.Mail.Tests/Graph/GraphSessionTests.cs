using System.Net;
using System.Text;
using System.Text.Json;
using EmailRouter.Mail.Tests.Scripting;
using EmailRouter.Mime;
using static EmailRouter.Mail.Tests.Graph.GraphScript;

namespace EmailRouter.Mail.Tests.Graph;

public sealed partial class GraphSessionTests
{
    private const string Delta = User + "mailFolders/inbox/messages/delta";

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

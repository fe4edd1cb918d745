using System.Net;
using System.Text.Json.Nodes;
using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Tests.Dataverse.WebApi;

public sealed class SharedBatchesTests : IAsyncDisposable
{
    private readonly ScriptedServer server = new();
    private readonly TaskCompletionSource opened = new();
    private readonly TaskCompletionSource arrived = new();
    private readonly WebApiConnection connection;
    private readonly SharedBatches batches;

    public SharedBatchesTests()
    {
        // The first request stays with the server until the gate opens, so that what comes meanwhile has to wait.
        server.Before = _ =>
        {
            arrived.TrySetResult();
            return opened.Task;
        };
        server.Answer = Echo;
        connection = new WebApiConnection(ScriptedServer.Endpoint, server.Context);
        batches = new SharedBatches(connection, maxAtOnce: 1, maxTogether: 3);
    }

    public async ValueTask DisposeAsync()
    {
        await batches.DisposeAsync();
        connection.Dispose();
    }

    [Fact]
    public async Task What_waits_leaves_together_and_each_gets_its_own_answers()
    {
        Task<string[]> first = AskAsync("a1");
        await arrived.Task;
        Task<string[]>[] others = [AskAsync("b1", "b2"), AskAsync("c1"), AskAsync("d1"), AskAsync("e1")];
        opened.SetResult();

        Assert.Equal(["a1"], await first);
        Assert.Equal(["b1 b2", "c1", "d1", "e1"], (await Task.WhenAll(others)).Select(o => string.Join(' ', o)));
        Assert.Equal(["a1", "b1 b2 c1 d1", "e1"], server.Requests.Select(Names));
    }

    [Fact]
    public async Task A_large_one_travels_by_itself()
    {
        Task<string[]> first = AskAsync("a1");
        await arrived.Task;
        var file = new EmailAttachment("film", "video/mp4", 3_000_000, _ => ValueTask.FromResult<Stream>(new MemoryStream(new byte[3_000_000], writable: false)));
        var large = new WebApiBatch("the film");
        large.AddChangeSet([new WebApiRequest(HttpMethod.Post, "film", "the film") { Body = WebApiBody.WithFile([], "body", file) }], isRepeatable: true);
        Task<string[]>[] others = [AskAsync("b1"), AskAsync(large), AskAsync("c1")];
        opened.SetResult();

        await Task.WhenAll([first, .. others]);
        Assert.Equal(["a1", "b1", "film", "c1"], server.Requests.Select(Names));
    }

    [Fact]
    public async Task Only_the_one_whose_file_cannot_be_read_is_told_so()
    {
        Task<string[]> first = AskAsync("a1");
        await arrived.Task;
        var file = new EmailAttachment("gone", "text/plain", 10, _ => throw new FileNotFoundException("gone"));
        var broken = new WebApiBatch("the file");
        broken.AddChangeSet([new WebApiRequest(HttpMethod.Post, "file", "the file") { Body = WebApiBody.WithFile([], "body", file) }], isRepeatable: true);
        Task<string[]> good = AskAsync("b1");
        Task<string[]> bad = AskAsync(broken);
        opened.SetResult();

        Assert.Equal(["b1"], await good);
        await Assert.ThrowsAsync<FileNotFoundException>(() => bad);
        Assert.Equal(["a1"], await first);
    }

    [Fact]
    public async Task A_request_that_the_server_refuses_as_a_whole_is_divided()
    {
        server.Answer = asked => asked.Lines.Length > 1 && asked.Lines.Any(l => l.Contains("poison", StringComparison.Ordinal))
            ? ScriptedServer.Error(HttpStatusCode.RequestEntityTooLarge, "0x80044352", "too large") : Echo(asked);
        Task<string[]> first = AskAsync("a1");
        await arrived.Task;
        Task<string[]>[] others = [AskAsync("b1"), AskAsync("poison")];
        opened.SetResult();

        Assert.Equal(["b1", "poison"], (await Task.WhenAll(others)).Select(o => o[0]));
        Assert.Equal(["a1", "b1", "b1 poison", "poison"], server.Requests.Select(Names).Order(StringComparer.Ordinal));
        await first;
    }

    [Fact]
    public async Task The_trouble_of_the_server_is_told_to_all_of_them_at_once()
    {
        Task<string[]> first = AskAsync("a1");
        await arrived.Task;
        server.Answer = asked =>
        {
            if (asked.Lines.Length == 1)
                return Echo(asked);
            HttpResponseMessage answer = ScriptedServer.Error((HttpStatusCode)429, "0x80072322", "slow down");
            answer.Headers.TryAddWithoutValidation("Retry-After", "3000");
            return answer;
        };
        Task<string[]>[] others = [AskAsync("b1"), AskAsync("c1")];
        opened.SetResult();

        foreach (Task<string[]> other in others)
            Assert.Equal("CrmThrottled", (await Assert.ThrowsAsync<CrmException>(() => other)).ErrorId);
        Assert.Equal(2, server.Requests.Count);
        await first;
    }

    [Fact]
    public async Task Who_gives_up_while_waiting_is_left_behind_and_who_gives_up_under_way_stops_nobody_else()
    {
        Task<string[]> first = AskAsync("a1");
        await arrived.Task;
        using var early = new CancellationTokenSource();
        using var late = new CancellationTokenSource();
        Task<string[]> left = AskAsync(Batch("b1"), early.Token);
        Task<string[]> hasty = AskAsync(Batch("c1"), late.Token);
        Task<string[]> patient = AskAsync("d1");
        await early.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
        server.Answer = asked =>
        {
            if (asked.Lines.Length == 2)
                late.Cancel();
            return Echo(asked);
        };
        opened.SetResult();

        Assert.Equal(["d1"], await patient);
        Assert.Equal(["c1"], await hasty);
        Assert.Equal(["a1", "c1 d1"], server.Requests.Select(Names));
        await first;
    }

    [Fact]
    public async Task When_all_of_them_give_up_the_request_is_given_up()
    {
        using var stop = new CancellationTokenSource();
        Task<string[]> first = AskAsync(Batch("a1"), stop.Token);
        await arrived.Task;
        Task<string[]>[] others = [AskAsync(Batch("b1"), stop.Token), AskAsync(Batch("c1"), stop.Token)];

        await stop.CancelAsync();

        foreach (Task<string[]> each in (Task<string[]>[])[first, .. others])
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => each);
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task What_must_not_be_sent_again_is_not_taken()
    {
        var batch = new WebApiBatch("a row");
        batch.Add(WebApiRequest.Post("rows", [], "a row"));

        await Assert.ThrowsAsync<ArgumentException>(() => batches.SendAsync(batch, default).AsTask());
    }

    private static WebApiBatch Batch(params string[] names)
    {
        var batch = new WebApiBatch("rows");
        foreach (string name in names)
            batch.Add(WebApiRequest.Get(name, "rows"));
        return batch;
    }

    private static string Names(Asked asked) => string.Join(' ', asked.Lines.Select(Name));

    private static string Name(string line) => line[(line.LastIndexOf('/') + 1)..];

    private static HttpResponseMessage Echo(Asked asked) => ScriptedServer.Batch([.. asked.Lines.Select(l => l.StartsWith("GET", StringComparison.Ordinal)
        ? ScriptedServer.Part(200, $$"""{"name":"{{Name(l)}}"}""")
        : ScriptedServer.ChangeSet(ScriptedServer.Part(200, $$"""{"name":"{{Name(l)}}"}""")))]);

    private Task<string[]> AskAsync(params string[] names) => AskAsync(Batch(names));

    private async Task<string[]> AskAsync(WebApiBatch batch, CancellationToken cancellationToken = default)
    {
        IReadOnlyList<IReadOnlyList<CrmAnswer>> answers = await batches.SendAsync(batch, cancellationToken);
        return [.. answers.Select(a => JsonNode.Parse(a[0].Body.Span)!["name"]!.GetValue<string>())];
    }
}

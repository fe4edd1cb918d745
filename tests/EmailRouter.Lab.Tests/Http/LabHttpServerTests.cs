using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.Servers;

namespace EmailRouter.Lab.Tests.Http;

public sealed class LabHttpServerTests : IAsyncLifetime
{
    private readonly EchoServer server = new(new LabHttpOptions { MaxBody = 10_000 });
    private HttpClient client = null!;

    public Task InitializeAsync()
    {
        server.Start();
        client = new HttpClient(server.CreateHandler()) { BaseAddress = server.Url };
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        client.Dispose();
        await server.DisposeAsync();
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_request_is_answered_in_the_clear_and_with_TLS(bool tls)
    {
        HttpResponseMessage answer = await client.PostAsync(new Uri(tls ? server.TlsUrl : server.Url, "a/b?x=1%202"), new StringContent("hello"));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal($"POST /a/b x=1 2 hello {(tls ? server.TlsUrl : server.Url)}", await answer.Content.ReadAsStringAsync() + "/");
    }

    [Fact]
    public async Task Requests_of_one_client_share_a_connection_and_are_counted_by_kind()
    {
        for (int i = 0; i < 3; i++)
            await client.GetStringAsync("a");
        await client.PostAsync("b", new StringContent("x"));
        Assert.Equal(1, server.ConnectionCount);
        Assert.Equal(4, server.RequestCount);
        Assert.Equal(3, server.CountOf("GET /a"));
        Assert.Equal(["GET /a", "POST /b"], server.RequestsByKind.Keys);
        server.ClearCounts();
        Assert.Equal(0, server.RequestCount);
        Assert.Empty(server.RequestsByKind);
    }

    [Fact]
    public async Task A_body_in_chunks_and_a_compressed_one_arrive_whole()
    {
        using var chunked = new HttpRequestMessage(HttpMethod.Post, "c") { Content = new StringContent("in chunks") };
        chunked.Headers.TransferEncodingChunked = true;
        Assert.Contains("in chunks", await (await client.SendAsync(chunked)).Content.ReadAsStringAsync(), StringComparison.Ordinal);

        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write("compressed"u8);
        using var content = new ByteArrayContent(packed.ToArray());
        content.Headers.ContentEncoding.Add("gzip");
        Assert.Contains("compressed", await (await client.PostAsync("z", content)).Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_over_the_limit_is_refused_also_when_it_grows_by_decompression()
    {
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await client.PostAsync("c", new ByteArrayContent(new byte[10_001]))).StatusCode);
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(new byte[10_001]);
        using var content = new ByteArrayContent(packed.ToArray());
        content.Headers.ContentEncoding.Add("gzip");
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await client.PostAsync("z", content)).StatusCode);
        Assert.Equal(0, server.RequestCount);
    }

    [Theory]
    [InlineData("nonsense\r\n\r\n")]
    [InlineData("GET / HTTP/2.0\r\n\r\n")]
    [InlineData("GET a HTTP/1.1\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nno colon\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\n: no name\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")]
    public async Task Nonsense_is_answered_with_400_and_the_connection_closes(string request)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(server.Host, server.Port);
        await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request));
        using var reader = new StreamReader(socket.GetStream());
        Assert.StartsWith("HTTP/1.1 400 ", await reader.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Throttling_strikes_as_often_as_asked_and_says_how_long_to_wait()
    {
        server.Faults.Add(new LabFault(LabFaultKind.Throttle) { Times = 2, RetryAfter = TimeSpan.FromSeconds(1.5), Request = r => r.Path == "/slow" });
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("other")).StatusCode);
        HttpResponseMessage throttled = await client.GetAsync("slow");
        Assert.Equal(HttpStatusCode.TooManyRequests, throttled.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(2), throttled.Headers.RetryAfter?.Delta);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await client.GetAsync("slow")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("slow")).StatusCode);
        Assert.Equal(2, server.Handled);
    }

    [Fact]
    public async Task Only_requests_above_the_limit_of_their_key_are_throttled()
    {
        server.Faults.Add(new LabFault(LabFaultKind.Throttle) { Above = 2 });
        server.Gate = new TaskCompletionSource();
        Task<HttpResponseMessage>[] held = [client.GetAsync("wait?key=a"), client.GetAsync("wait?key=a")];
        await server.WaitForAsync(2);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await client.GetAsync("x?key=a")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("x?key=b")).StatusCode);
        server.Gate.SetResult();
        Assert.All(await Task.WhenAll(held), a => Assert.Equal(HttpStatusCode.OK, a.StatusCode));
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("x?key=a")).StatusCode);
        Assert.Equal(3, server.PeakConcurrency);
    }

    [Theory]
    [InlineData(LabFaultKind.TemporaryFailure, 503)]
    [InlineData(LabFaultKind.PermanentFailure, 500)]
    [InlineData(LabFaultKind.RefuseLogin, 401)]
    public async Task A_refusal_has_no_effect(LabFaultKind kind, int status)
    {
        server.Faults.Add(new LabFault(kind) { Command = "GET /a", Times = 1 });
        Assert.Equal(status, (int)(await client.GetAsync("a")).StatusCode);
        Assert.Equal(0, server.Handled);
    }

    [Fact]
    public async Task A_log_in_page_comes_with_a_success_status()
    {
        server.Faults.Add(new LabFault(LabFaultKind.LoginPage));
        HttpResponseMessage answer = await client.GetAsync("a");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("text/html", answer.Content.Headers.ContentType?.MediaType);
        Assert.Contains("type=\"password\"", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(LabFaultKind.Drop, 0)]
    [InlineData(LabFaultKind.LoseAnswer, 1)]
    [InlineData(LabFaultKind.HalfLine, 1)]
    [InlineData(LabFaultKind.HalfBody, 1)]
    public async Task A_broken_connection_is_an_error_of_the_client_and_has_the_effect_it_says(LabFaultKind kind, int effects)
    {
        server.Faults.Add(new LabFault(kind) { Times = 1 });
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.PostAsync("a", new StringContent("x")));
        Assert.Equal(effects, server.Handled);
    }

    [Fact]
    public async Task A_malformed_body_looks_whole()
    {
        string whole = await client.GetStringAsync("a");
        server.Faults.Add(new LabFault(LabFaultKind.MalformedBody));
        Assert.Equal(whole[..(whole.Length / 2)], await client.GetStringAsync("a"));
    }

    [Fact]
    public async Task A_stalled_request_ends_with_the_server()
    {
        server.Faults.Add(new LabFault(LabFaultKind.Stall));
        Task<HttpResponseMessage> waiting = client.GetAsync("a");
        while (server.RequestCount == 0)
            await Task.Yield();
        await server.DisposeAsync();
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => waiting);
        Assert.Equal(0, server.Handled);
    }

    [Fact]
    public async Task A_defect_of_the_endpoint_is_told_and_the_next_request_goes_on()
    {
        HttpResponseMessage answer = await client.GetAsync("defect");
        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Contains("on purpose", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("a")).StatusCode);
    }

    private sealed class EchoServer(LabHttpOptions options) : LabHttpServer(TimeProvider.System, options)
    {
        private int handled;

        public int Handled => Volatile.Read(ref handled);

        public TaskCompletionSource? Gate { get; set; }

        public async Task WaitForAsync(int handled)
        {
            while (Handled < handled)
                await Task.Yield();
        }

        private protected override LabProtocol Protocol => LabProtocol.Graph;

        private protected override string KeyOf(LabHttpRequest request) => request.QueryValues.GetValueOrDefault("key", string.Empty);

        private protected override async ValueTask<LabHttpAnswer> HandleAsync(LabHttpRequest request, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref handled);
            if (request.Path == "/wait")
                await Gate!.Task.WaitAsync(cancellationToken);
            if (request.Path == "/defect")
                throw new InvalidOperationException("on purpose");
            return LabHttpAnswer.OfText(200, $"{request.Method} {request.Path} x={request.QueryValues.GetValueOrDefault("x")} {request.Text} {request.BaseUrl}");
        }
    }
}

using System.Net;
using System.Text;

namespace EmailRouter.Mail.Tests.Scripting;

/// <summary>One request as it was sent.</summary>
/// <param name="Method">The method.</param>
/// <param name="Url">The address.</param>
/// <param name="Headers">The headers, each on one line.</param>
/// <param name="Body">The body as text.</param>
public sealed record SentRequest(string Method, Uri Url, IReadOnlyDictionary<string, string> Headers, string Body);

/// <summary>A network that answers HTTP requests one after the other from a list, and fails when more are asked.</summary>
public sealed class ScriptedHttp : HttpMessageHandler
{
    private readonly Queue<Func<SentRequest, CancellationToken, Task<HttpResponseMessage>>> answers = new();

    public List<SentRequest> Requests { get; } = [];

    public ManualClock Clock { get; } = new();

    public List<string> Log { get; } = [];

    public List<MailStepReport> Steps { get; } = [];

    public MailContext Context => new()
    {
        Clock = Clock,
        Http = _ => new Lent(this),      // channels dispose theirs; a test has one for all
        ProtocolLog = new Collector<string>(Log),
        Steps = new Collector<MailStepReport>(Steps),
    };

    public static HttpResponseMessage Answer(HttpStatusCode status, string body = "", string type = "text/xml", params (string Name, string Value)[] headers)
    {
        var response = new HttpResponseMessage(status) { Content = new StringContent(body, Encoding.UTF8, type) };
        foreach ((string name, string value) in headers)
            response.Headers.TryAddWithoutValidation(name, value);
        return response;
    }

    public ScriptedHttp Then(HttpStatusCode status, string body = "", string type = "text/xml", params (string Name, string Value)[] headers) =>
        Then(_ => Answer(status, body, type, headers));

    public ScriptedHttp Then(Func<SentRequest, HttpResponseMessage> answer) => Then((request, _) => Task.FromResult(answer(request)));

    public ScriptedHttp Then(Func<SentRequest, CancellationToken, Task<HttpResponseMessage>> answer)
    {
        answers.Enqueue(answer);
        return this;
    }

    public void AssertPlayedToTheEnd() => Assert.Empty(answers);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = new MemoryStream();
        if (request.Content is not null)
        {
            _ = request.Content.Headers.ContentLength;      // computed and kept when it is asked for, as the platform's handler does
            await request.Content.CopyToAsync(body, cancellationToken);
        }

        var headers = request.Headers.Concat(request.Content?.Headers.AsEnumerable() ?? [])
            .ToDictionary(h => h.Key, h => string.Join(", ", h.Value), StringComparer.OrdinalIgnoreCase);
        var sent = new SentRequest(request.Method.Method, request.RequestUri!, headers, Encoding.UTF8.GetString(body.ToArray()));
        Requests.Add(sent);
        if (!answers.TryDequeue(out Func<SentRequest, CancellationToken, Task<HttpResponseMessage>>? answer))
            throw new ScriptDeviationException($"Request {Requests.Count} was not expected: {sent.Method} {sent.Url}\n{sent.Body}");
        HttpResponseMessage response = await answer(sent, cancellationToken);
        response.RequestMessage = request;
        return response;
    }

    private sealed class Lent(ScriptedHttp http) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => http.SendAsync(request, cancellationToken);
    }

    private sealed class Collector<T>(List<T> target) : IProgress<T>
    {
        public void Report(T value) => target.Add(value);
    }
}

/// <summary>A body that yields its pieces one by one and then ends as told.</summary>
public sealed class ScriptedBodyStream(IEnumerable<string> pieces, Func<CancellationToken, ValueTask>? ending = null) : Stream
{
    private readonly Queue<byte[]> rest = new(pieces.Select(Encoding.UTF8.GetBytes));

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public static HttpResponseMessage Response(IEnumerable<string> pieces, Func<CancellationToken, ValueTask>? ending = null, string type = "text/xml")
    {
        var content = new StreamContent(new ScriptedBodyStream(pieces, ending));
        content.Headers.TryAddWithoutValidation("Content-Type", type);
        return new HttpResponseMessage(HttpStatusCode.OK) { Content = content };
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!rest.TryPeek(out byte[]? piece))
        {
            if (ending is not null)
                await ending(cancellationToken);
            return 0;
        }

        int count = Math.Min(buffer.Length, piece.Length);
        piece.AsSpan(0, count).CopyTo(buffer.Span);
        rest.Dequeue();
        if (count < piece.Length)
        {
            byte[][] after = [.. rest];
            rest.Clear();
            rest.Enqueue(piece[count..]);
            foreach (byte[] next in after)
                rest.Enqueue(next);
        }

        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}

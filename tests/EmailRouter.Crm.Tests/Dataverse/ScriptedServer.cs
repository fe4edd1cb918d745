using System.Net;
using System.Text;

namespace EmailRouter.Crm.Tests.Dataverse;

/// <summary>A server that answers as a test says, and remembers what it was asked.</summary>
internal sealed class ScriptedServer : HttpMessageHandler
{
    public const string Root = "https://contoso.crm.example.test/api/data/v9.2/";

    private readonly List<Asked> requests = [];

    /// <summary>Gets or sets what answers; it may throw.</summary>
    public Func<Asked, HttpResponseMessage> Answer { get; set; } = _ => Json("{}");

    /// <summary>Gets or sets what an answer waits for.</summary>
    public Func<Asked, Task> Before { get; set; } = _ => Task.CompletedTask;

    /// <summary>Gets the requests after the version was asked for.</summary>
    public IReadOnlyList<Asked> Requests
    {
        get
        {
            lock (requests)
                return [.. requests.Where(r => !r.Path.EndsWith("RetrieveVersion()", StringComparison.Ordinal))];
        }
    }

    /// <summary>Gets all requests.</summary>
    public IReadOnlyList<Asked> All
    {
        get
        {
            lock (requests)
                return [.. requests];
        }
    }

    /// <summary>Gets or sets a value indicating whether the version is answered without asking <see cref="Answer"/>.</summary>
    public bool KnowsVersion { get; set; } = true;

    public SkippingClock Clock { get; } = new();

    public CrmContext Context => new() { Clock = Clock, Random = () => 0.5, Http = _ => this };

    public static CrmEndpoint Endpoint => new() { Url = new Uri("https://contoso.crm.example.test"), Credentials = [Token("router")] };

    public static CrmToken Token(string name) => new(name, (renew, _) => ValueTask.FromResult(renew ? name + "-renewed" : name));

    public static HttpResponseMessage Json(string json, HttpStatusCode status = HttpStatusCode.OK) =>
        new(status) { Content = new StringContent(json, Encoding.UTF8, "application/json") };

    public static HttpResponseMessage Error(HttpStatusCode status, string code, string message) =>
        Json($$"""{"error":{"code":"{{code}}","message":"{{message}}"} }""", status);

    /// <summary>Makes the answer to a batch.</summary>
    /// <param name="answers">The answers; those of a change set joined by <see cref="ChangeSet"/>.</param>
    /// <returns>The answer.</returns>
    public static HttpResponseMessage Batch(params string[] answers)
    {
        var text = new StringBuilder();
        foreach (string answer in answers)
        {
            text.Append("--batchresponse_1\r\n").Append(answer.StartsWith("Content-Type: multipart", StringComparison.Ordinal)
                ? answer : "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n" + answer).Append("\r\n");
        }

        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(text.Append("--batchresponse_1--\r\n").ToString()));
        content.Headers.TryAddWithoutValidation("Content-Type", "multipart/mixed; boundary=batchresponse_1");
        return new HttpResponseMessage(HttpStatusCode.OK) { Content = content };
    }

    public static string ChangeSet(params string[] answers) => "Content-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n" +
        string.Concat(answers.Select((a, i) => $"--changesetresponse_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {i + 1}\r\n\r\n{a}\r\n")) +
        "--changesetresponse_1--\r\n";

    public static string Part(int status, string json = "", string headers = "") =>
        $"HTTP/1.1 {status} Reason\r\n{headers}{(json.Length > 0 ? "Content-Type: application/json; odata.metadata=minimal\r\n" : string.Empty)}OData-Version: 4.0\r\n\r\n{json}";

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        byte[] body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancellationToken);
        var asked = new Asked(
            request.Method.Method,
            request.RequestUri!,
            body,
            request.Headers.Authorization?.Parameter,
            request.Headers.Concat(request.Content?.Headers ?? Enumerable.Empty<KeyValuePair<string, IEnumerable<string>>>())
                .ToDictionary(h => h.Key, h => string.Join(", ", h.Value), StringComparer.OrdinalIgnoreCase));
        lock (requests)
            requests.Add(asked);
        if (KnowsVersion && asked.Path == "/api/data/v9.2/RetrieveVersion()")
            return Json("""{"Version":"9.2.24032.165"}""");
        await Before(asked).WaitAsync(cancellationToken);
        return Answer(asked);
    }
}

/// <summary>A request that came.</summary>
internal sealed record Asked(string Method, Uri Address, byte[] Body, string? Token, IReadOnlyDictionary<string, string> Headers)
{
    public string Path => Address.AbsolutePath;

    public string Query => Uri.UnescapeDataString(Address.Query);

    public string Text => Encoding.UTF8.GetString(Body);

    /// <summary>Gets the request lines within a batch, decoded.</summary>
    public string[] Lines => [.. Text.Split("\r\n").Where(l => l.EndsWith(" HTTP/1.1", StringComparison.Ordinal)).Select(l => Uri.UnescapeDataString(l[..^9]))];
}

using System.Collections.Concurrent;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using EmailRouter.Lab.Servers;

namespace EmailRouter.Lab.Http;

/// <summary>Options that the lab's HTTP endpoints share.</summary>
public record LabHttpOptions : LabServerOptions
{
    /// <summary>Gets the greatest body of a request in bytes, also after decompression; a greater one is answered with 413. Defaults to 64 MB.</summary>
    public int MaxBody { get; init; } = 64 * 1024 * 1024;

    /// <summary>Gets how many requests are carried out at once; more wait. Defaults to 256.</summary>
    public int MaxConcurrency { get; init; } = 256;
}

/// <summary>
/// The base of the lab's HTTP endpoints: HTTP/1.1 (RFC 9112) with persistent connections, in the clear and with TLS, over the same listener as the mail servers. The
/// platform's HttpListener has neither TLS nor a way to drop a connection in the middle of an answer. Requests are read whole and handed to the endpoint, which
/// does its own routing; each is counted by the kind the endpoint gives it, and meets the faults of <see cref="LabServer.Faults"/>.
/// </summary>
public abstract class LabHttpServer : LabServer
{
    private const int MaxHeaders = 100;
    private const int MaxDiscarded = 512 * 1024 * 1024;

    private readonly LabHttpOptions options;
    private readonly SemaphoreSlim slots;
    private readonly ConcurrentDictionary<string, int> counts = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> running = new(StringComparer.OrdinalIgnoreCase);
    private int requests;
    private int peak;

    private protected LabHttpServer(TimeProvider? clock, LabHttpOptions options)
        : base(clock ?? TimeProvider.System, options)
    {
        this.options = options;
        slots = new SemaphoreSlim(options.MaxConcurrency);
    }

    /// <summary>Gets the address in the clear, with a slash at the end.</summary>
    public Uri Url => new($"http://{Host}:{Port}/");

    /// <summary>Gets the address with TLS, with a slash at the end.</summary>
    public Uri TlsUrl => new($"https://{Host}:{TlsPort}/");

    /// <summary>Gets how many requests came since the start or the last <see cref="ClearCounts"/>, those that met a fault included.</summary>
    public int RequestCount => Volatile.Read(ref requests);

    /// <summary>Gets how many requests of one key (<see cref="KeyOf"/>) ran at once at most.</summary>
    public int PeakConcurrency => Volatile.Read(ref peak);

    /// <summary>Gets the number of requests by kind.</summary>
    public IReadOnlyDictionary<string, int> RequestsByKind => new SortedDictionary<string, int>(counts, StringComparer.Ordinal);

    /// <summary>Gets how many requests of a kind came.</summary>
    /// <param name="kind">The kind, as in <see cref="RequestsByKind"/>.</param>
    /// <returns>The number.</returns>
    public int CountOf(string kind) => counts.GetValueOrDefault(kind);

    /// <summary>Sets all counts to zero.</summary>
    public void ClearCounts()
    {
        Interlocked.Exchange(ref requests, 0);
        Interlocked.Exchange(ref peak, 0);
        counts.Clear();
    }

    /// <summary>Gives an HTTP client the trust it needs: this server's certificate and no other.</summary>
    /// <returns>A handler; the caller disposes it.</returns>
    public HttpMessageHandler CreateHandler() => new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        SslOptions =
        {
            RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                certificate is System.Security.Cryptography.X509Certificates.X509Certificate2 known && LabCertificate.PinOf(known) == CertificatePin,
        },
    };

    /// <summary>Carries out a request.</summary>
    /// <param name="request">The request.</param>
    /// <param name="cancellationToken">Cancelled when the server stops.</param>
    /// <returns>The answer.</returns>
    private protected abstract ValueTask<LabHttpAnswer> HandleAsync(LabHttpRequest request, CancellationToken cancellationToken);

    /// <summary>Names the kind of a request: what is counted, and what <see cref="LabFault.Command"/> means. Method and path unless the endpoint knows better.</summary>
    /// <param name="request">The request.</param>
    /// <returns>The kind; it names no single item.</returns>
    private protected virtual string KindOf(LabHttpRequest request) => $"{request.Method} {request.Path}";

    /// <summary>Says which requests are held against <see cref="LabFault.Above"/> together. All unless the endpoint knows better.</summary>
    /// <param name="request">The request.</param>
    /// <returns>The key, e.g. the mailbox; compared without regard to case.</returns>
    private protected virtual string KeyOf(LabHttpRequest request) => string.Empty;

    /// <summary>Says whose mailbox a request concerns, for <see cref="LabFault.Mailbox"/>.</summary>
    /// <param name="request">The request.</param>
    /// <returns>The address, or null.</returns>
    private protected virtual string? MailboxOf(LabHttpRequest request) => null;

    /// <summary>Words a refusal as the service would.</summary>
    /// <param name="status">400 (nonsense), 401, 413, 429, 500 or 503.</param>
    /// <param name="message">What is wrong.</param>
    /// <param name="request">The request; null when it could not be read.</param>
    /// <returns>The answer.</returns>
    private protected virtual LabHttpAnswer Refuse(int status, string message, LabHttpRequest? request) => LabHttpAnswer.OfText(status, message);

    /// <summary>Answers a request that came too soon after others: 429 unless the protocol has its own way.</summary>
    /// <param name="retryAfter">How long to wait; null when that is not said.</param>
    /// <param name="request">The request.</param>
    /// <returns>The answer.</returns>
    private protected virtual LabHttpAnswer Throttled(TimeSpan? retryAfter, LabHttpRequest request) =>
        Refuse(429, "Too many requests.", request).WithRetryAfter(retryAfter);

    /// <summary>Counts the requests of a key that run now, this one included.</summary>
    private protected int RunningOf(string key) => running.GetValueOrDefault(key);

    /// <summary>Carries out a request that came within another one: it is counted, may be refused by a fault, and goes to <see cref="HandleAsync"/>.</summary>
    /// <param name="request">The inner request.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The answer.</returns>
    private protected async ValueTask<LabHttpAnswer> HandlePartAsync(LabHttpRequest request, CancellationToken cancellationToken)
    {
        string kind = KindOf(request);
        counts.AddOrUpdate(kind, 1, static (_, n) => n + 1);
        LabFault? fault = Faults.Take(
            Protocol, kind, MailboxOf(request), request, RunningOf(KeyOf(request)), LabFaultKind.Throttle, LabFaultKind.TemporaryFailure, LabFaultKind.PermanentFailure, LabFaultKind.RefuseLogin);
        return fault is null ? await HandleAsync(request, cancellationToken) : Refusal(fault, request);
    }

    private protected sealed override async Task ServeAsync(LabConnection connection, CancellationToken stop)
    {
        var state = new ConcurrentDictionary<string, object>(StringComparer.Ordinal);
        while (!connection.IsDropped)
        {
            (Head? head, string? nonsense) = await ReadHeadAsync(connection, stop);
            if (nonsense is not null)
            {
                await AnswerAsync(connection, Refuse(400, nonsense, null), withBody: true, close: true, null, stop);
                return;
            }

            if (head is null)
                return;
            bool close = string.Equals(head.Headers.GetValueOrDefault("Connection"), "close", StringComparison.OrdinalIgnoreCase) || head.IsHttp10;
            var request = new LabHttpRequest(
                head.Method, head.Target, head.Headers, connection.IsSecure, $"{Host}:{(connection.IsSecure ? TlsPort : Port)}", state);
            if (head.Headers.GetValueOrDefault("Expect")?.Contains("100-continue", StringComparison.OrdinalIgnoreCase) == true)
            {
                connection.Write("HTTP/1.1 100 Continue\r\n\r\n"u8);
                await connection.FlushAsync(stop);
            }

            (byte[]? body, int refusal) = await ReadBodyAsync(connection, head, stop);
            if (body is null)
            {
                if (refusal != 0)
                    await AnswerAsync(connection, Refuse(refusal, refusal == 413 ? "The request is too large." : "The body cannot be read.", request), true, close: true, null, stop);
                return;
            }

            request = new LabHttpRequest(head.Method, head.Target, head.Headers, connection.IsSecure, request.Authority, state) { Body = body };
            if (!await CarryOutAsync(connection, request, close, stop) || close)
                return;
        }
    }

    private async Task<bool> CarryOutAsync(LabConnection connection, LabHttpRequest request, bool close, CancellationToken stop)
    {
        string kind = KindOf(request);
        string key = KeyOf(request);
        string? mailbox = MailboxOf(request);
        Interlocked.Increment(ref requests);
        counts.AddOrUpdate(kind, 1, static (_, n) => n + 1);
        int concurrent = running.AddOrUpdate(key, 1, static (_, n) => n + 1);
        InterlockedMax(ref peak, concurrent);
        LabHttpAnswer answer;
        LabFault? later;
        try
        {
            CommonOptions.Trace?.Invoke($"C: {request} ({request.Body.Length} octets)");
            if (Take(LabFaultKind.Latency) is { } slow)
                await Task.Delay(slow.Delay, Clock, stop);
            LabFault? fault = Take(
                LabFaultKind.Stall, LabFaultKind.Drop, LabFaultKind.Throttle, LabFaultKind.TemporaryFailure, LabFaultKind.PermanentFailure, LabFaultKind.RefuseLogin, LabFaultKind.LoginPage);
            later = fault is { Kind: LabFaultKind.Drop, AfterBytes: > 0 }
                ? fault
                : Take(LabFaultKind.LoseAnswer, LabFaultKind.HalfLine, LabFaultKind.HalfBody, LabFaultKind.MalformedBody, LabFaultKind.SlowBytes);
            if (fault?.Kind == LabFaultKind.Stall)
                await Task.Delay(Timeout.InfiniteTimeSpan, stop);
            if (fault is { Kind: LabFaultKind.Drop, AfterBytes: 0 })
                return false;
            answer = fault?.Kind switch
            {
                LabFaultKind.Throttle or LabFaultKind.TemporaryFailure or LabFaultKind.PermanentFailure or LabFaultKind.RefuseLogin => Refusal(fault, request),
                LabFaultKind.LoginPage => LabHttpAnswer.OfText(200, fault.Reply ?? LoginPage, "text/html; charset=utf-8"),
                _ => await HandleInTurnAsync(request, stop),
            };
        }
        finally
        {
            running.AddOrUpdate(key, 0, static (_, n) => n - 1);
        }

        if (later?.Kind == LabFaultKind.MalformedBody)
            answer = answer with { Body = answer.Body[..(answer.Body.Length / 2)] };
        CommonOptions.Trace?.Invoke($"S: {answer.Status} ({answer.Body.Length} octets)");
        return await AnswerAsync(connection, answer, request.Method != "HEAD", close, later, stop);

        LabFault? Take(params LabFaultKind[] kinds) => Faults.Take(Protocol, kind, mailbox, request, concurrent, kinds);
    }

    private LabHttpAnswer Refusal(LabFault fault, LabHttpRequest request)
    {
        if (fault is { Kind: LabFaultKind.Throttle, Reply: null })
            return Throttled(fault.RetryAfter, request);
        (int status, string message) = fault.Kind switch
        {
            LabFaultKind.Throttle => (429, "Too many requests."),
            LabFaultKind.TemporaryFailure => (503, "The service is unavailable."),
            LabFaultKind.RefuseLogin => (401, "Access token has expired or is not yet valid."),
            _ => (500, "An internal server error occurred."),
        };
        LabHttpAnswer answer = Refuse(status, message, request).WithRetryAfter(fault.RetryAfter);
        return fault.Reply is null ? answer : answer with { Body = Encoding.UTF8.GetBytes(fault.Reply) };
    }

    private async Task<LabHttpAnswer> HandleInTurnAsync(LabHttpRequest request, CancellationToken stop)
    {
        await slots.WaitAsync(stop);
        try
        {
            return await HandleAsync(request, stop);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // A defect of the endpoint: the client is told, and the connection and the others go on.
            CommonOptions.Trace?.Invoke($"* {request}: {e}");
            return Refuse(500, $"{e.GetType().Name}: {e.Message}", request);
        }
        finally
        {
            slots.Release();
        }
    }

    private async Task<bool> AnswerAsync(LabConnection connection, LabHttpAnswer answer, bool withBody, bool close, LabFault? fault, CancellationToken stop)
    {
        var head = new StringBuilder();
        head.Append(CultureInfo.InvariantCulture, $"HTTP/1.1 {answer.Status} {ReasonOf(answer.Status)}\r\n");
        head.Append(CultureInfo.InvariantCulture, $"Date: {Clock.GetUtcNow():R}\r\n");
        foreach ((string name, string value) in answer.Headers)
            head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        if (answer.Pieces is not null)
            head.Append("Transfer-Encoding: chunked\r\n");
        else if (answer.Status is not (204 or 304))
            head.Append(CultureInfo.InvariantCulture, $"Content-Length: {answer.Body.Length}\r\n");
        if (close)
            head.Append("Connection: close\r\n");
        head.Append("\r\n");
        byte[] headBytes = Encoding.Latin1.GetBytes(head.ToString());
        connection.Write(headBytes);
        if (withBody && answer.Status is not (204 or 304))
            connection.Write(answer.Body.Span);
        if (fault?.Kind == LabFaultKind.HalfBody)
            fault = new LabFault(LabFaultKind.Drop) { AfterBytes = headBytes.Length + (answer.Body.Length / 2) };
        if (fault is { Kind: not LabFaultKind.MalformedBody })
            connection.Arm(fault);
        if (withBody && answer.Pieces is { } pieces)
        {
            if (!await connection.FlushAsync(stop))
                return false;
            await pieces(WritePieceAsync, stop);
            connection.Write("0\r\n\r\n"u8);
        }

        return await connection.FlushAsync(stop) && !close;

        async ValueTask<bool> WritePieceAsync(ReadOnlyMemory<byte> piece)
        {
            connection.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{piece.Length:x}\r\n")));
            connection.Write(piece.Span);
            connection.Write("\r\n"u8);
            return await connection.FlushAsync(stop);
        }
    }

    /// <summary>Reads request line and headers. Nothing at all when the client has gone, or what is wrong with them.</summary>
    private async Task<(Head? Head, string? Nonsense)> ReadHeadAsync(LabConnection connection, CancellationToken stop)
    {
        using var idle = new CancellationTokenSource(CommonOptions.IdleLimit, Clock);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(stop, idle.Token);
        string? line = await connection.ReadLineAsync(linked.Token);
        if (line is null)
            return connection.HasInput ? (null, "The request line is too long.") : (null, null);
        string[] parts = line.Split(' ');
        if (parts.Length != 3 || parts[2] is not ("HTTP/1.1" or "HTTP/1.0"))
            return (null, "This is not a request of HTTP/1.1.");
        string target = parts[1];
        if (Uri.TryCreate(target, UriKind.Absolute, out Uri? absolute) && absolute.Scheme is "http" or "https")
            target = target[target.IndexOf('/', absolute!.Scheme.Length + 3)..];
        if (!target.StartsWith('/'))
            return (null, "The request's target is not a path.");
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        for (int i = 0; i < MaxHeaders; i++)
        {
            line = await connection.ReadLineAsync(linked.Token);
            if (line is null)
                return connection.HasInput ? (null, "A header is too long.") : (null, null);
            if (line.Length == 0)
                return (new Head(parts[0].ToUpperInvariant(), target, headers, parts[2] == "HTTP/1.0"), null);
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0 || char.IsWhiteSpace(line[colon - 1]))
                return (null, "A header has no name.");
            string name = line[..colon];
            string value = line[(colon + 1)..].Trim();
            headers[name] = headers.TryGetValue(name, out string? before) ? $"{before}, {value}" : value;
        }

        return (null, "There are too many headers.");
    }

    /// <summary>Reads the body. Null with a status when it must be refused, null with 0 when the client has gone.</summary>
    private async Task<(byte[]? Body, int Refusal)> ReadBodyAsync(LabConnection connection, Head head, CancellationToken stop)
    {
        using var idle = new CancellationTokenSource(CommonOptions.IdleLimit, Clock);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(stop, idle.Token);
        using var content = new MemoryStream();
        if (head.Headers.GetValueOrDefault("Transfer-Encoding")?.Contains("chunked", StringComparison.OrdinalIgnoreCase) == true)
        {
            while (true)
            {
                string? line = await connection.ReadLineAsync(linked.Token);
                if (line is null)
                    return (null, 0);
                if (!int.TryParse(line.Split(';', 2)[0].Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int size) || size < 0)
                    return (null, 400);
                if (size == 0)
                    break;
                if (content.Length + size > options.MaxBody)
                    return (null, 413);
                if (!await CopyAsync(connection, content, size, linked.Token) || await connection.ReadLineAsync(linked.Token) is not "")
                    return (null, 0);
            }

            while (await connection.ReadLineAsync(linked.Token) is { Length: > 0 })
            {
                // Trailers say nothing that the lab needs.
            }
        }
        else if (head.Headers.TryGetValue("Content-Length", out string? stated))
        {
            if (!long.TryParse(stated, NumberStyles.None, CultureInfo.InvariantCulture, out long length))
                return (null, 400);
            if (length > options.MaxBody)
            {
                // A client that is still sending would see the connection break and not the answer.
                return await CopyAsync(connection, Stream.Null, (int)Math.Min(length, MaxDiscarded), linked.Token) ? (null, 413) : (null, 0);
            }

            if (!await CopyAsync(connection, content, (int)length, linked.Token))
                return (null, 0);
        }

        if (!string.Equals(head.Headers.GetValueOrDefault("Content-Encoding"), "gzip", StringComparison.OrdinalIgnoreCase))
            return (content.ToArray(), 0);
        content.Position = 0;
        return await DecompressAsync(content, linked.Token);
    }

    private async Task<(byte[]? Body, int Refusal)> DecompressAsync(Stream content, CancellationToken stop)
    {
        using var plain = new MemoryStream();
        byte[] buffer = new byte[16_384];
        try
        {
            await using var gzip = new GZipStream(content, CompressionMode.Decompress);
            for (int read; (read = await gzip.ReadAsync(buffer, stop)) > 0;)
            {
                plain.Write(buffer, 0, read);
                if (plain.Length > options.MaxBody)
                    return (null, 413);
            }
        }
        catch (InvalidDataException)
        {
            return (null, 400);
        }

        return (plain.ToArray(), 0);
    }

    private static async Task<bool> CopyAsync(LabConnection connection, Stream into, int length, CancellationToken stop)
    {
        byte[] buffer = new byte[Math.Min(length, 65_536)];
        while (length > 0)
        {
            int read = await connection.ReadAsync(buffer.AsMemory(0, Math.Min(length, buffer.Length)), stop);
            if (read == 0)
                return false;
            into.Write(buffer, 0, read);
            length -= read;
        }

        return true;
    }

    private static void InterlockedMax(ref int target, int value)
    {
        int seen = Volatile.Read(ref target);
        while (value > seen && Interlocked.CompareExchange(ref target, value, seen) is var now && now != seen)
            seen = now;
    }

    private static string ReasonOf(int status) => Enum.IsDefined((System.Net.HttpStatusCode)status) ? ((System.Net.HttpStatusCode)status).ToString() : "Status";

    private const string LoginPage =
        "<!DOCTYPE html><html><head><title>Sign in to your account</title></head><body><form method=\"post\" action=\"/adfs/ls\">" +
        "<input type=\"text\" name=\"user\"><input type=\"password\" name=\"password\"></form></body></html>";

    private sealed record Head(string Method, string Target, IReadOnlyDictionary<string, string> Headers, bool IsHttp10);
}

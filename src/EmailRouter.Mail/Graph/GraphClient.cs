using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using EmailRouter.Mail.Net.Http;
using EmailRouter.Shared.Http;

namespace EmailRouter.Mail.Graph;

/// <summary>
/// Sends requests to Graph for one mailbox: a few at a time, again when the service wants to be left alone or has a passing problem, and turns negative
/// answers into exceptions. Requests may be made at once.
/// </summary>
/// <remarks>
/// All waiting for one request together takes as long as an answer may take (<see cref="MailDeadlines.Command"/>). Where the service asks for more, the
/// request fails with what it asks, and whoever called comes back then.
/// </remarks>
internal sealed class GraphClient : IDisposable
{
    private const int ErrorLimit = 64 * 1024;
    private const int JsonLimit = 32 * 1024 * 1024;
    private const int MaximumAttempts = 12;
    private const int MaximumFaults = 3;

    private readonly HttpChannel channel;
    private readonly GraphGate gate;
    private readonly Func<double> random;

    /// <summary>Makes a client; it connects with the first request.</summary>
    /// <param name="endpoint">The service.</param>
    /// <param name="login">Whose mailbox, and the credential.</param>
    /// <param name="options">The profile's options.</param>
    /// <param name="context">Clock, network, limits and observers.</param>
    /// <param name="gate">The way to the mailbox.</param>
    /// <param name="random">From 0 up to 1.</param>
    public GraphClient(MailEndpoint endpoint, MailLogin login, GraphOptions options, MailContext context, GraphGate gate, Func<double> random)
    {
        channel = new HttpChannel(endpoint, login, context);
        Service = GraphService.BaseOf(endpoint);
        Mailbox = login.Mailbox;
        Options = options;
        Context = context;
        this.gate = gate;
        this.random = random;
        User = options.IsMe ? "me" : "users/" + Uri.EscapeDataString(login.Mailbox);
    }

    /// <summary>Gets the address all requests start with.</summary>
    public Uri Service { get; }

    /// <summary>Gets the mailbox's address.</summary>
    public string Mailbox { get; }

    /// <summary>Gets the beginning of the mailbox's own paths, e.g. <c>users/box%40example.test</c>.</summary>
    public string User { get; }

    /// <summary>Gets the profile's options.</summary>
    public GraphOptions Options { get; }

    /// <summary>Gets clock, network, limits and observers.</summary>
    public MailContext Context { get; }

    /// <summary>Gets the last lines of the conversation.</summary>
    public IReadOnlyList<string> Conversation => channel.Log.Lines;

    /// <summary>Names a place for messages.</summary>
    /// <param name="what">What is done there.</param>
    /// <returns>Host, what is done, and for which mailbox.</returns>
    public string Where(string what) => $"{Service.Authority} ({what} for {Mailbox})";

    /// <summary>Makes a body of JSON.</summary>
    /// <param name="write">Writes it.</param>
    /// <returns>What makes the body.</returns>
    public static Func<HttpContent> Json(Action<Utf8JsonWriter> write)
    {
        byte[] bytes = GraphJson.Write(write);
        return () => new ByteArrayContent(bytes) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
    }

    /// <summary>Sends a request and lets the answer's body go.</summary>
    /// <param name="request">The request.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when the service has agreed.</returns>
    public async ValueTask SendAsync(GraphRequest request, CancellationToken cancellationToken) =>
        await SendAsync(request, static (_, _) => ValueTask.FromResult(true), cancellationToken).ConfigureAwait(false);

    /// <summary>Sends a request and reads the JSON that is answered.</summary>
    /// <typeparam name="T">What is read.</typeparam>
    /// <param name="request">The request.</param>
    /// <param name="read">Reads it; the element is gone afterwards. Its kind is undefined when the body is empty.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>What was read.</returns>
    public ValueTask<T> GetAsync<T>(GraphRequest request, Func<JsonElement, T> read, CancellationToken cancellationToken) => SendAsync(
        request,
        async (answer, stop) =>
        {
            ReadOnlyMemory<byte> body = await ReadAsync(request, answer, stop).ConfigureAwait(false);
            if (body.IsEmpty)
                return read(default);
            try
            {
                using JsonDocument json = JsonDocument.Parse(body);
                return read(json.RootElement);
            }
            catch (JsonException e)
            {
                throw Malformed(request, $"the answer is no JSON ({e.Message}; request-id {answer.RequestId})");
            }
        },
        cancellationToken);

    /// <summary>Sends a request.</summary>
    /// <typeparam name="T">What is read.</typeparam>
    /// <param name="request">The request.</param>
    /// <param name="read">Reads the answer, which is positive.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>What was read.</returns>
    /// <exception cref="GraphRefusedException">The service said no, or wants to be left alone for longer than a request waits.</exception>
    /// <exception cref="MailException">As <see cref="HttpChannel.SendAsync"/>.</exception>
    public async ValueTask<T> SendAsync<T>(GraphRequest request, Func<HttpAnswer, CancellationToken, ValueTask<T>> read, CancellationToken cancellationToken)
    {
        HttpCall call = ToCall(request);
        TimeSpan patience = Context.Deadlines.Command;
        GraphError? last = null;
        for (int attempt = 1; ;)
        {
            patience -= await PauseAsync(request.Step, channel.Where(call), patience, last, cancellationToken).ConfigureAwait(false);
            int wave = await gate.EnterAsync(Context.Clock, cancellationToken).ConfigureAwait(false) ?? throw Busy(request);
            try
            {
                if (gate.Pause(Context.Clock) > TimeSpan.Zero)
                    continue;       // another request was told to leave the mailbox alone while this one waited for its turn
                using HttpAnswer answer = await SendOnceAsync(call, cancellationToken).ConfigureAwait(false);
                if (answer.IsSuccess)
                {
                    gate.Answered(wave);
                    return await read(answer, cancellationToken).ConfigureAwait(false);
                }

                last = await ReadErrorAsync(call, answer, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                gate.Leave();
            }

            await JudgeAsync(request, channel.Where(call), last, wave, attempt++, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Waits until the mailbox need no longer be left alone.</summary>
    /// <param name="step">The step.</param>
    /// <param name="where">Where, for messages.</param>
    /// <param name="patience">The longest wait.</param>
    /// <param name="last">The answer that asked for it; null when it was an answer to others.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>How long it waited.</returns>
    /// <exception cref="GraphRefusedException">It would be longer than <paramref name="patience"/>.</exception>
    public async ValueTask<TimeSpan> PauseAsync(MailStep step, string where, TimeSpan patience, GraphError? last, CancellationToken cancellationToken)
    {
        TimeSpan waited = TimeSpan.Zero;
        while (gate.Pause(Context.Clock) is var pause && pause > TimeSpan.Zero)
        {
            if (waited + pause > patience)
            {
                string words = string.Create(CultureInfo.InvariantCulture, $"this mailbox is to be left alone for {pause.TotalSeconds:0} s");
                throw new GraphRefusedException(last ?? new GraphError(HttpStatusCode.TooManyRequests, ["TooManyRequests"], words), step, where, pause, Conversation);
            }

            channel.Log.Note(string.Create(CultureInfo.InvariantCulture, $"the service wants to be left alone; waiting {pause.TotalSeconds:0.#} s"));
            await Task.Delay(pause, Context.Clock, cancellationToken).ConfigureAwait(false);
            waited += pause;
        }

        return waited;
    }

    /// <summary>Notes something that happened in the conversation.</summary>
    /// <param name="text">What happened.</param>
    public void Note(string text) => channel.Log.Note(text);

    /// <summary>Notes that a part of a batch was told to come later.</summary>
    /// <param name="retryAfter">What the service asks; null when it does not say.</param>
    public void Refused(TimeSpan? retryAfter) => gate.Refused(gate.Wave, retryAfter, Context.Clock, random);

    /// <summary>The service said something that it should not.</summary>
    /// <param name="request">The request.</param>
    /// <param name="what">What it said.</param>
    /// <returns>The exception to throw.</returns>
    public MailProtocolException Malformed(GraphRequest request, string what) => new(
        "MailProtocolError", request.Step, $"{Where(request.What)}: {what}", "Check the service's address; a proxy on the way may have changed the answer.")
    {
        Conversation = Conversation,
    };

    /// <summary>An answer stopped before its end.</summary>
    /// <param name="step">The step.</param>
    /// <param name="what">What was asked for.</param>
    /// <param name="had">How many bytes came.</param>
    /// <param name="stated">How many bytes it should have.</param>
    /// <returns>The exception to throw.</returns>
    public MailConnectionException Cut(MailStep step, string what, long had, long stated) => new(
        "MailConnectionLost",
        step,
        string.Create(CultureInfo.InvariantCulture, $"{Where(what)}: the answer ended after {had} of {stated} bytes."),
        "It is tried again; when it happens always, look at proxies on the way.")
    {
        IsTransient = true,
        Conversation = Conversation,
    };

    /// <summary>Tells whether a link is one of this service's.</summary>
    /// <param name="link">The link.</param>
    /// <returns>True when tokens may be sent there.</returns>
    public bool Owns(Uri link) => link.Scheme == Service.Scheme && link.Authority.Equals(Service.Authority, StringComparison.OrdinalIgnoreCase);

    /// <inheritdoc/>
    public void Dispose() => channel.Dispose();

    private HttpCall ToCall(GraphRequest request)
    {
        if (!Uri.TryCreate(Service, request.Path, out Uri? url))
            throw Malformed(request, "the service gave a link that is none");

        // The token must not be carried to another host because an answer names it; an upload's address gets none, but must not be less safe either.
        if (request.IsUpload ? url.Scheme != Uri.UriSchemeHttps && url.Scheme != Service.Scheme : !Owns(url))
            throw Malformed(request, $"the service gave a link to another server, {url.Authority}, which is not followed");
        var headers = new List<KeyValuePair<string, string>>();
        if (!request.IsUpload)
            headers.Add(new("Prefer", request.Prefer is { } more ? "IdType=\"ImmutableId\", " + more : "IdType=\"ImmutableId\""));
        if (request.IfMatch is { } version)
            headers.Add(new("If-Match", version));
        Func<HttpContent>? content = request.Content;
        if (request.ContentRange is { } range && content is not null)
        {
            content = () =>
            {
                HttpContent body = request.Content!();
                body.Headers.ContentRange = ContentRangeHeaderValue.Parse(range);
                return body;
            };
        }

        return new HttpCall
        {
            Step = request.Step,
            What = request.What,
            Method = request.Method,
            Url = url,
            Content = content,
            Headers = headers,
            Authenticate = !request.IsUpload,
            Deadline = request.Deadline,
        };
    }

    private async ValueTask<HttpAnswer> SendOnceAsync(HttpCall call, CancellationToken cancellationToken)
    {
        try
        {
            return await channel.SendAsync(call, cancellationToken).ConfigureAwait(false);
        }
        catch (MailAuthenticationException e) when (e.ErrorId == "MailAuthenticationFailed")
        {
            // Refused also with a new token: Graph says why in its own words.
            GraphError error = GraphError.Parse(HttpStatusCode.Unauthorized, Encoding.UTF8.GetBytes(e.Reply));
            throw new MailAuthenticationException(
                e.ErrorId, $"{channel.Where(call)}: the service refuses the access token: {error}", GraphErrorCodes.Describe(GraphFault.Token, call.Step).Remedy, e)
            {
                Reply = e.Reply,
                Conversation = e.Conversation,
            };
        }
    }

    private async ValueTask<GraphError> ReadErrorAsync(HttpCall call, HttpAnswer answer, CancellationToken cancellationToken)
    {
        if (answer.IsWebPage && (int)answer.Status is >= 400 and < 500 and not 429 and not 408 and not 423)
            throw channel.Page(call, answer);
        GraphError error;
        if (answer.IsWebPage)
        {
            error = new GraphError(answer.Status, [], WebPage.Title(answer.Beginning.Span));
        }
        else
        {
            string body = await answer.ReadTextAsync(ErrorLimit, cancellationToken).ConfigureAwait(false);
            error = GraphError.Parse(answer.Status, Encoding.UTF8.GetBytes(channel.Log.Masked(body)));
        }

        return error with { RequestId = answer.RequestId.Length > 0 ? answer.RequestId : error.RequestId, RetryAfter = answer.RetryAfter };
    }

    /// <summary>Returns when the request is to be made again.</summary>
    private async ValueTask JudgeAsync(GraphRequest request, string where, GraphError error, int wave, int attempt, CancellationToken cancellationToken)
    {
        switch (error.Fault)
        {
            case GraphFault.Throttled:
            case GraphFault.Unavailable:
                TimeSpan pause = gate.Refused(wave, error.RetryAfter, Context.Clock, random);

                // A gateway that got no answer in time (502, 504) does not know what became of the request.
                bool nothingDone = request.IsRepeatable || error.Fault == GraphFault.Throttled || error.Status == HttpStatusCode.ServiceUnavailable;
                if (attempt < MaximumAttempts && nothingDone)
                    return;
                throw new GraphRefusedException(error, request.Step, where, pause, Conversation);
            case GraphFault.Moving:
                throw new GraphRefusedException(error, request.Step, where, error.RetryAfter ?? GraphGate.LongestPause, Conversation);
            case GraphFault.ServerFault when request.IsRepeatable && attempt < MaximumFaults:
                channel.Log.Note($"something broke within the service; waiting {1 << attempt} s");
                await Task.Delay(TimeSpan.FromSeconds(1 << attempt), Context.Clock, cancellationToken).ConfigureAwait(false);
                return;
            default:
                throw new GraphRefusedException(error, request.Step, where, null, Conversation);
        }
    }

    private async ValueTask<ReadOnlyMemory<byte>> ReadAsync(GraphRequest request, HttpAnswer answer, CancellationToken cancellationToken)
    {
        if (answer.Length > JsonLimit)
            throw TooLong(request);
        using var body = new MemoryStream((int)(answer.Length ?? 4096));
        byte[] buffer = new byte[16 * 1024];
        int read;
        while ((read = await answer.Body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
        {
            if (body.Length + read > JsonLimit)
                throw TooLong(request);
            body.Write(buffer, 0, read);
        }

        if (answer.Length is { } stated && body.Length < stated)
            throw Cut(request.Step, request.What, body.Length, stated);
        return body.GetBuffer().AsMemory(0, (int)body.Length);
    }

    private MailProtocolException TooLong(GraphRequest request) => new(
        "MailResponseTooLong", request.Step, $"{Where(request.What)}: the answer is longer than {JsonLimit / (1024 * 1024)} MB.", "Make the option pageSize smaller.")
    {
        Conversation = Conversation,
    };

    private MailConnectionException Busy(GraphRequest request) => new(
        "MailTimeout",
        request.Step,
        $"{Where(request.What)}: {GraphGate.Slots} other requests for this mailbox did not end within {GraphGate.SlotDeadline.TotalMinutes:0} minutes.",
        "The service or the network is overloaded; it is tried again.")
    {
        IsTransient = true,
        Conversation = Conversation,
    };
}

using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Polly;
using Polly.Retry;

namespace EmailRouter.Crm.Dataverse.WebApi;

/// <summary>
/// An organization's Web API: finds it, logs in, spreads requests over the users it may log in as, keeps away from a user the server wants to be left alone by,
/// tries again where that cannot do harm, and turns faults into errors an administrator can act on.
/// </summary>
/// <remarks>Safe for use by many at once.</remarks>
internal sealed class WebApiConnection : IDisposable
{
    private const int MaxAnswerSize = 64 * 1024 * 1024;
    private const int MaxPages = 10_000;
    private const int MaxRetries = 3;

    // What a server that throttles without saying for how long is left alone for.
    private static readonly TimeSpan usualWait = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan longestRetryDelay = TimeSpan.FromSeconds(30);

    private static readonly ProductInfoHeaderValue agent = new("EmailRouter", typeof(WebApiConnection).Assembly.GetName().Version?.ToString(3) ?? "0");

    private readonly CrmEndpoint endpoint;
    private readonly CrmContext context;
    private readonly WebApiUser[] users;
    private readonly ResiliencePipeline retry;
    private readonly SemaphoreSlim locating = new(1, 1);
    private WebApiSite? site;
    private int batches;

    /// <summary>Initializes a connection; nothing is asked yet.</summary>
    /// <param name="endpoint">Where, and as whom.</param>
    /// <param name="context">Clock, network and limits.</param>
    public WebApiConnection(CrmEndpoint endpoint, CrmContext context)
    {
        if (endpoint.Credentials.Count == 0)
            throw new ArgumentException("There is no credential.", nameof(endpoint));
        this.endpoint = endpoint;
        this.context = context;
        users = [.. endpoint.Credentials.Select(c => new WebApiUser(c, context))];
        retry = new ResiliencePipelineBuilder { TimeProvider = context.Clock }
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = args => ValueTask.FromResult(args.Outcome.Exception is PassingFault),
                MaxRetryAttempts = MaxRetries,
                Delay = TimeSpan.FromSeconds(1),
                MaxDelay = longestRetryDelay,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Randomizer = context.Random,
                DelayGenerator = args => ValueTask.FromResult((args.Outcome.Exception as PassingFault)?.Error.RetryAfter),
            })
            .Build();
    }

    /// <summary>Gets the server's name for messages, with the organization where the address serves several.</summary>
    public string Server => endpoint.Organization is { } organization ? $"{endpoint.Url.Authority} ({organization})" : endpoint.Url.Authority;

    /// <summary>Gets the users it may log in as.</summary>
    public IReadOnlyList<WebApiUser> Users => users;

    /// <summary>Gets the clock.</summary>
    public TimeProvider Clock => context.Clock;

    /// <summary>Finds the Web API, the first time.</summary>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>Where it is.</returns>
    /// <exception cref="CrmException">It is not found, or refuses the log-in.</exception>
    public async ValueTask<WebApiSite> LocateAsync(CancellationToken cancellationToken)
    {
        if (site is { } known)
            return known;
        await locating.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            site ??= await new WebApiLocator(endpoint, AskAsync).FindAsync(cancellationToken).ConfigureAwait(false);
            return site;
        }
        finally
        {
            locating.Release();
        }
    }

    /// <summary>Sends a request.</summary>
    /// <param name="request">The request.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <param name="user">The user to do it as; null for whoever is free.</param>
    /// <returns>The answer, a success.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public async ValueTask<WebApiAnswer> SendAsync(WebApiRequest request, CancellationToken cancellationToken, WebApiUser? user = null)
    {
        WebApiAnswer answer = await TryAsync(request, cancellationToken, user).ConfigureAwait(false);
        return answer.IsSuccess ? answer : throw WebApiErrors.Explain(answer, request.What, Server);
    }

    /// <summary>Sends a request whose refusal the caller understands.</summary>
    /// <inheritdoc cref="SendAsync(WebApiRequest, CancellationToken, WebApiUser?)"/>
    /// <returns>The answer, whatever its status.</returns>
    public async ValueTask<WebApiAnswer> TryAsync(WebApiRequest request, CancellationToken cancellationToken, WebApiUser? user = null)
    {
        WebApiSite at = await LocateAsync(cancellationToken).ConfigureAwait(false);
        return await ExchangeAsync(
            CallOf(request, at),
            user,
            async (response, stop) => WebApiAnswer.From(response, await ReadAsync(response, request.What, stop).ConfigureAwait(false), context.Clock),
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sends a request whose answer is read while it comes.</summary>
    /// <param name="request">The request.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The answer's body; disposing it ends the exchange.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public async ValueTask<Stream> OpenAsync(WebApiRequest request, CancellationToken cancellationToken)
    {
        WebApiSite at = await LocateAsync(cancellationToken).ConfigureAwait(false);
        return await ExchangeAsync(
            CallOf(request, at) with { KeepsOpen = true },
            null,
            async (response, stop) =>
            {
                if (response.IsSuccessStatusCode)
                    return await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
                var answer = WebApiAnswer.From(response, await ReadAsync(response, request.What, stop).ConfigureAwait(false), context.Clock);
                throw WebApiErrors.Explain(answer, request.What, Server);
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads all pages of a list.</summary>
    /// <param name="request">The request for the first page.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The rows.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public async IAsyncEnumerable<JsonElement> RowsAsync(WebApiRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (int page = 0; page < MaxPages; page++)
        {
            WebApiAnswer answer = await SendAsync(request, cancellationToken).ConfigureAwait(false);
            foreach (JsonElement row in answer.Rows(request.What))
                yield return row;
            if (answer.NextLink(request.What) is not { } next)
                yield break;
            request = request with { Path = NextPath(next, request.What) };
        }

        throw WebApiErrors.Unreadable(request.What, "its pages do not end");
    }

    /// <summary>Checks the address of a next page, which comes from the server and gets our log-in.</summary>
    /// <param name="link">The address.</param>
    /// <param name="what">What was asked for.</param>
    /// <returns>The address.</returns>
    /// <exception cref="CrmException"><c>CrmAnswerUnreadable</c>: it leads to another server.</exception>
    public string NextPath(string link, string what) =>
        site is { } at && Uri.TryCreate(at.Root, link, out Uri? address) && address.Authority == at.Root.Authority && address.Scheme == at.Root.Scheme
            ? address.AbsoluteUri
            : throw WebApiErrors.Unreadable(what, "its next page is at another server");

    /// <summary>Sends a batch.</summary>
    /// <param name="batch">The batch; at most 1000 requests.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The answers, whatever their statuses, in the order of the batch; those of a change set together, and one only where it failed.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses the batch as a whole.</exception>
    public async ValueTask<IReadOnlyList<IReadOnlyList<WebApiAnswer>>> SendAsync(WebApiBatch batch, CancellationToken cancellationToken)
    {
        if (batch.Count == 0)
            return [];
        WebApiSite at = await LocateAsync(cancellationToken).ConfigureAwait(false);
        string boundary = string.Create(CultureInfo.InvariantCulture, $"batch_{Guid.NewGuid():N}_{Interlocked.Increment(ref batches)}");
        var call = new Call(
            HttpMethod.Post,
            new Uri(at.Root, "$batch"),
            batch.What,
            () => new WebApiContent((stream, stop) => batch.WriteAsync(stream, at.Root, boundary, stop), $"multipart/mixed; boundary={boundary}"),
            [("Accept", "application/json"), ("OData-MaxVersion", "4.0"), ("OData-Version", "4.0"), ("Prefer", "odata.continue-on-error")],
            batch.IsRepeatable,
            batch.Bodies)
        {
            Note = $" ({batch.RequestCount} requests)",
        };
        return await ExchangeAsync(
            call,
            null,
            async (response, stop) =>
            {
                ReadOnlyMemory<byte> body = await ReadAsync(response, batch.What, stop).ConfigureAwait(false);
                var answer = WebApiAnswer.From(response, body, context.Clock);

                // An older server answers with the first inner error's status although the parts are there.
                string? type = response.Content.Headers.ContentType?.ToString();
                if (!answer.IsSuccess && type?.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase) != true)
                    throw WebApiErrors.Explain(answer, batch.What, Server);
                if (answer.IsWebPage)
                    throw WebApiErrors.Page(answer, batch.What);
                List<IReadOnlyList<WebApiAnswer>> answers = BatchReader.Read(body, type, batch.What);
                return answers.Count == batch.Count
                    ? answers
                    : throw WebApiErrors.Unreadable(batch.What, $"it has {answers.Count} answers to {batch.Count} requests");
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (WebApiUser user in users)
            user.Dispose();
        locating.Dispose();
    }

    private static Call CallOf(WebApiRequest request, WebApiSite at) => new(
        request.Method,
        new Uri(at.Root, request.Path),
        request.What,
        () => request.Body is { } body ? new WebApiContent(body.WriteAsync, "application/json; charset=utf-8") : null,
        [.. request.Headers()],
        request.IsRepeatable,
        request.Body is { } known ? [known] : []);

    private async ValueTask<WebApiAnswer> AskAsync(Uri address, string what, CancellationToken cancellationToken) => await ExchangeAsync(
        new Call(HttpMethod.Get, address, what, () => null, [("Accept", "application/json"), ("OData-MaxVersion", "4.0"), ("OData-Version", "4.0")], true, []) { TakesRedirects = true },
        null,
        async (response, stop) => WebApiAnswer.From(response, await ReadAsync(response, what, stop).ConfigureAwait(false), context.Clock),
        cancellationToken).ConfigureAwait(false);

    private async ValueTask<T> ExchangeAsync<T>(
        Call call, WebApiUser? only, Func<HttpResponseMessage, CancellationToken, ValueTask<T>> read, CancellationToken cancellationToken)
    {
        try
        {
            return await retry.ExecuteAsync(async stop => await AttemptAsync(call, only, read, stop).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        }
        catch (PassingFault fault)
        {
            throw fault.Error;
        }
    }

    private async ValueTask<T> AttemptAsync<T>(
        Call call, WebApiUser? only, Func<HttpResponseMessage, CancellationToken, ValueTask<T>> read, CancellationToken cancellationToken)
    {
        DateTimeOffset giveUpAt = context.Clock.GetUtcNow() + context.Deadline;
        bool isRenewed = false;
        while (true)
        {
            WebApiUser user = await FreeUserAsync(only, call, giveUpAt, cancellationToken).ConfigureAwait(false);
            string? token = null;
            if (user.Credential is not CrmProcessAccount && call.Address.Scheme != Uri.UriSchemeHttps && !endpoint.AllowPlainTextPassword)
            {
                throw new CrmException(
                    "CrmPlainTextRefused", $"{call.Address.Authority} is reached without TLS, and the log-in would cross the network in clear.",
                    "Enter an address with https, or allow the log-in to cross a connection without TLS.");
            }

            if (user.Credential is CrmToken source)
                token = await source.GetTokenAsync(isRenewed, cancellationToken).ConfigureAwait(false);
            user.Begin();
            HttpResponseMessage? response = null;
            bool isKept = false;
            using var deadline = new CancellationTokenSource(context.Deadline, context.Clock);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
            try
            {
                using HttpRequestMessage message = Message(call, token);
                context.ProtocolLog?.Report($"> {call.Method} {call.Address.PathAndQuery}{call.Note}");
                response = await user.Client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, stop.Token).ConfigureAwait(false);
                context.ProtocolLog?.Report($"< {(int)response.StatusCode} {response.Content.Headers.ContentType?.MediaType}");
                switch ((int)response.StatusCode)
                {
                    case 401:
                        var refusal = WebApiAnswer.From(response, await ReadAsync(response, call.What, stop.Token).ConfigureAwait(false), context.Clock);
                        if (user.Credential is CrmToken && !isRenewed)
                        {
                            context.ProtocolLog?.Report("the token was refused and is got anew");
                            isRenewed = true;
                            continue;
                        }

                        throw WebApiErrors.LoginRefused(refusal, user.Credential.ToString(), Server, token, context.Clock.GetUtcNow());
                    case 429:
                        TimeSpan wait = Shared.Http.RetryAfter.Read(response.Headers, context.Clock) ?? usualWait;
                        user.WaitsUntil = context.Clock.GetUtcNow() + wait;
                        context.ProtocolLog?.Report(string.Create(CultureInfo.InvariantCulture, $"{user.Credential} is to wait {wait.TotalSeconds:0} s"));
                        continue;
                    case 502 or 503 or 504:
                        var failed = WebApiAnswer.From(response, await ReadAsync(response, call.What, stop.Token).ConfigureAwait(false), context.Clock);
                        throw Passing(WebApiErrors.Explain(failed, call.What, Server), call.IsRepeatable);
                    case >= 300 and < 400 and not 304 when !call.TakesRedirects:
                        throw WebApiErrors.Redirected(WebApiAnswer.From(response, default, context.Clock), call.Address);
                }

                T result = await read(response, stop.Token).ConfigureAwait(false);
                isKept = call.KeepsOpen;
                return result;
            }
            catch (OperationCanceledException e) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                throw Passing(
                    new CrmException("CrmTimeout", $"{Server} did not answer about {call.What} within {context.Deadline}.", "Nothing, if it passes; otherwise look at the server's load.", e)
                    { IsTransient = true },
                    call.IsRepeatable);
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                foreach (WebApiBody body in call.Bodies)
                    body.FileFault?.Throw();
                throw Failed(e, call);
            }
            finally
            {
                user.End();
                if (!isKept)
                    response?.Dispose();
            }
        }
    }

    private async ValueTask<WebApiUser> FreeUserAsync(WebApiUser? only, Call call, DateTimeOffset giveUpAt, CancellationToken cancellationToken)
    {
        while (true)
        {
            DateTimeOffset now = context.Clock.GetUtcNow();
            IEnumerable<WebApiUser> allowed = only is null ? users : [only];
            if (allowed.Where(u => u.WaitsUntil <= now).MinBy(u => u.InFlight) is { } free)
                return free;
            TimeSpan wait = allowed.Min(u => u.WaitsUntil) - now;
            if (now + wait > giveUpAt)
            {
                throw new CrmException(
                    "CrmThrottled",
                    $"{Server} limits what the router's {(users.Length == 1 ? "user" : "users")} may ask, and takes nothing for another {Math.Ceiling(wait.TotalSeconds):0} seconds ({call.What}).",
                    "Nothing; the router waits. If it happens all day, add further application users to the deployment.")
                {
                    IsTransient = true,
                    RetryAfter = wait,
                };
            }

            await Task.Delay(wait, context.Clock, cancellationToken).ConfigureAwait(false);
        }
    }

    private static HttpRequestMessage Message(Call call, string? token)
    {
        var message = new HttpRequestMessage(call.Method, call.Address) { Content = call.Content(), Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionOrHigher };
        foreach ((string name, string value) in call.Headers)
            message.Headers.TryAddWithoutValidation(name, value);
        message.Headers.UserAgent.Add(agent);
        if (token is not null)
            message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return message;
    }

    private static Exception Failed(Exception e, Call call)
    {
        var http = e as HttpRequestException;
        if (http?.HttpRequestError == HttpRequestError.SecureConnectionError || e.InnerException is System.Security.Authentication.AuthenticationException)
        {
            return new CrmException(
                "CrmCertificateRefused", $"The certificate of {call.Address.Authority} is not trusted: {Innermost(e).Message}",
                "Install the certificate's authority on this machine, or pin the certificate in the deployment.", e);
        }

        // Where no connection came about nothing was done, so that even a creation may be tried again.
        bool isUnsent = http?.HttpRequestError is HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.ProxyTunnelError;
        return Passing(
            new CrmException(
                "CrmUnreachable",
                isUnsent ? $"{call.Address.Authority} cannot be reached: {Innermost(e).Message}" : $"The connection to {call.Address.Authority} broke ({call.What}): {Innermost(e).Message}",
                "Check the deployment's address, the network and the server.",
                e)
            { IsTransient = true },
            isUnsent || call.IsRepeatable);
    }

    private static Exception Innermost(Exception e) => e.InnerException is { } inner ? Innermost(inner) : e;

    /// <summary>Marks an error as worth another try, where that can do no harm and does not take too long.</summary>
    private static Exception Passing(CrmException error, bool isRepeatable) =>
        isRepeatable && !(error.RetryAfter > longestRetryDelay) ? new PassingFault(error) : error;

    private static async ValueTask<ReadOnlyMemory<byte>> ReadAsync(HttpResponseMessage response, string what, CancellationToken cancellationToken)
    {
        Stream content = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (content.ConfigureAwait(false))
        {
            using var buffer = new MemoryStream();
            byte[] piece = new byte[32 * 1024];
            int read;
            while ((read = await content.ReadAsync(piece, cancellationToken).ConfigureAwait(false)) > 0)
            {
                buffer.Write(piece, 0, read);
                if (buffer.Length > MaxAnswerSize)
                    throw WebApiErrors.Unreadable(what, $"it is longer than {MaxAnswerSize / 1024 / 1024} MB");
            }

            if (response.Content.Headers.ContentLength is { } length && buffer.Length < length)
                throw new HttpIOException(HttpRequestError.ResponseEnded, $"{buffer.Length} of {length} bytes came");
            return buffer.ToArray();
        }
    }

    private sealed record Call(
        HttpMethod Method,
        Uri Address,
        string What,
        Func<HttpContent?> Content,
        IReadOnlyList<(string Name, string Value)> Headers,
        bool IsRepeatable,
        IEnumerable<WebApiBody> Bodies)
    {
        public bool TakesRedirects { get; init; }

        public bool KeepsOpen { get; init; }

        public string Note { get; init; } = string.Empty;
    }

    private sealed class PassingFault(CrmException error) : Exception(error.Message, error)
    {
        public CrmException Error { get; } = error;
    }

    private sealed class WebApiContent : HttpContent
    {
        private readonly Func<Stream, CancellationToken, Task> write;

        public WebApiContent(Func<Stream, CancellationToken, Task> write, string contentType)
        {
            this.write = write;
            Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => write(stream, CancellationToken.None);

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) => write(stream, cancellationToken);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}

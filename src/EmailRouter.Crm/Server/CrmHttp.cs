using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Polly;
using Polly.Retry;

namespace EmailRouter.Crm.Server;

/// <summary>
/// HTTP as every CRM server is talked to: logs in, spreads requests over the users it may log in as, keeps away from a user the server wants to be left alone
/// by, tries again where that cannot do harm, and turns faults of the network into errors an administrator can act on.
/// </summary>
/// <remarks>Safe for use by many at once.</remarks>
internal sealed class CrmHttp : IDisposable
{
    private const int MaxAnswerSize = 64 * 1024 * 1024;
    private const int MaxRetries = 3;

    // What a server that throttles without saying for how long is left alone for.
    private static readonly TimeSpan usualWait = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan longestRetryDelay = TimeSpan.FromSeconds(30);

    private static readonly ProductInfoHeaderValue agent = new("EmailRouter", typeof(CrmHttp).Assembly.GetName().Version?.ToString(3) ?? "0");

    private readonly CrmEndpoint endpoint;
    private readonly CrmContext context;
    private readonly CrmUser[] users;
    private readonly ResiliencePipeline retry;

    /// <summary>Initializes it; nothing is asked yet.</summary>
    /// <param name="endpoint">Where, and as whom.</param>
    /// <param name="context">Clock, network and limits.</param>
    public CrmHttp(CrmEndpoint endpoint, CrmContext context)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentNullException.ThrowIfNull(context);
        if (endpoint.Credentials.Count == 0)
            throw new ArgumentException("There is no credential.", nameof(endpoint));
        this.endpoint = endpoint;
        this.context = context;
        users = [.. endpoint.Credentials.Select(c => new CrmUser(c, context))];
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
    public IReadOnlyList<CrmUser> Users => users;

    /// <summary>Gets the clock.</summary>
    public TimeProvider Clock => context.Clock;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (CrmUser user in users)
            user.Dispose();
    }

    /// <summary>Sends a request and reads the answer, again where that can do no harm.</summary>
    /// <typeparam name="T">What is read.</typeparam>
    /// <param name="call">The request.</param>
    /// <param name="only">The user to do it as; null for whoever is free.</param>
    /// <param name="read">Reads an answer; statuses of log-ins, throttling, gateways and redirects do not come to it.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>What was read.</returns>
    /// <exception cref="CrmException">The server cannot be reached, refuses the log-in, or what reading throws.</exception>
    public async ValueTask<T> ExchangeAsync<T>(
        CrmCall call, CrmUser? only, Func<HttpResponseMessage, CancellationToken, ValueTask<T>> read, CancellationToken cancellationToken)
    {
        try
        {
            return await retry.ExecuteAsync(async stop => await AttemptAsync(call, only, read, stop).ConfigureAwait(false), cancellationToken)
                .ConfigureAwait(false);
        }
        catch (PassingFault fault)
        {
            throw fault.Error;
        }
    }

    private async ValueTask<T> AttemptAsync<T>(
        CrmCall call, CrmUser? only, Func<HttpResponseMessage, CancellationToken, ValueTask<T>> read, CancellationToken cancellationToken)
    {
        DateTimeOffset giveUpAt = context.Clock.GetUtcNow() + context.Deadline;
        bool isRenewed = false;
        while (true)
        {
            CrmUser user = await FreeUserAsync(only, call, giveUpAt, cancellationToken).ConfigureAwait(false);
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
                        var refusal = CrmAnswer.From(response, await ReadAsync(response, call.What, stop.Token).ConfigureAwait(false), context.Clock);
                        if (user.Credential is CrmToken && !isRenewed)
                        {
                            context.ProtocolLog?.Report("the token was refused and is got anew");
                            isRenewed = true;
                            continue;
                        }

                        throw AnswerErrors.LoginRefused(refusal, user.Credential.ToString(), Server, token, context.Clock.GetUtcNow());
                    case 429:
                        throw new ThrottledFault(Shared.Http.RetryAfter.Read(response.Headers, context.Clock));
                    case 502 or 503 or 504:
                        var failed = CrmAnswer.From(response, await ReadAsync(response, call.What, stop.Token).ConfigureAwait(false), context.Clock);
                        throw Passing(AnswerErrors.Explain(failed, call.What, Server), call.IsRepeatable);
                    case >= 300 and < 400 and not 304 when !call.TakesRedirects:
                        throw AnswerErrors.Redirected(CrmAnswer.From(response, default, context.Clock), call.Address);
                }

                T result = await read(response, stop.Token).ConfigureAwait(false);
                isKept = call.KeepsOpen;
                return result;
            }
            catch (ThrottledFault fault)
            {
                TimeSpan wait = fault.Wait ?? usualWait;
                user.WaitsUntil = context.Clock.GetUtcNow() + wait;
                context.ProtocolLog?.Report(string.Create(CultureInfo.InvariantCulture, $"{user.Credential} is to wait {wait.TotalSeconds:0} s"));
            }
            catch (OperationCanceledException e) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                throw Passing(
                    new CrmException(
                        "CrmTimeout",
                        $"{Server} did not answer about {call.What} within {context.Deadline}.",
                        "Nothing, if it passes; otherwise look at the server's load.",
                        e)
                    { IsTransient = true },
                    call.IsRepeatable);
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                call.ThrowOwnFault?.Invoke();
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

    private async ValueTask<CrmUser> FreeUserAsync(CrmUser? only, CrmCall call, DateTimeOffset giveUpAt, CancellationToken cancellationToken)
    {
        while (true)
        {
            DateTimeOffset now = context.Clock.GetUtcNow();
            IEnumerable<CrmUser> allowed = only is null ? users : [only];
            if (allowed.Where(u => u.WaitsUntil <= now).MinBy(u => u.InFlight) is { } free)
                return free;
            TimeSpan wait = allowed.Min(u => u.WaitsUntil) - now;
            if (now + wait > giveUpAt)
            {
                throw new CrmException(
                    "CrmThrottled",
                    $"{Server} limits what the router's {(users.Length == 1 ? "user" : "users")} may ask, " +
                    $"and takes nothing for another {Math.Ceiling(wait.TotalSeconds):0} seconds ({call.What}).",
                    "Nothing; the router waits. If it happens all day, add further application users to the deployment.")
                {
                    IsTransient = true,
                    RetryAfter = wait,
                };
            }

            await Task.Delay(wait, context.Clock, cancellationToken).ConfigureAwait(false);
        }
    }

    private static HttpRequestMessage Message(CrmCall call, string? token)
    {
        var message = new HttpRequestMessage(call.Method, call.Address)
        {
            Content = call.Content(),
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrHigher,
        };
        foreach ((string name, string value) in call.Headers)
            message.Headers.TryAddWithoutValidation(name, value);
        message.Headers.UserAgent.Add(agent);
        if (token is not null)
            message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return message;
    }

    private static Exception Failed(Exception e, CrmCall call)
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
                isUnsent
                    ? $"{call.Address.Authority} cannot be reached: {Innermost(e).Message}"
                    : $"The connection to {call.Address.Authority} broke ({call.What}): {Innermost(e).Message}",
                "Check the deployment's address, the network and the server.",
                e)
            { IsTransient = true },
            isUnsent || call.IsRepeatable);
    }

    private static Exception Innermost(Exception e) => e.InnerException is { } inner ? Innermost(inner) : e;

    /// <summary>Marks an error as worth another try, where that can do no harm and does not take too long.</summary>
    private static Exception Passing(CrmException error, bool isRepeatable) =>
        isRepeatable && !(error.RetryAfter > longestRetryDelay) ? new PassingFault(error) : error;

    /// <summary>Reads an answer's body.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="what">What it is for, in words.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The body; at most 64 MB.</returns>
    /// <exception cref="CrmException"><c>CrmAnswerUnreadable</c>: it is longer.</exception>
    public static async ValueTask<ReadOnlyMemory<byte>> ReadAsync(HttpResponseMessage response, string what, CancellationToken cancellationToken)
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
                    throw AnswerErrors.Unreadable(what, $"it is longer than {MaxAnswerSize / 1024 / 1024} MB");
            }

            if (response.Content.Headers.ContentLength is { } length && buffer.Length < length)
                throw new HttpIOException(HttpRequestError.ResponseEnded, $"{buffer.Length} of {length} bytes came");
            return buffer.ToArray();
        }
    }

    private sealed class PassingFault(CrmException error) : Exception(error.Message, error)
    {
        public CrmException Error { get; } = error;
    }
}

/// <summary>A server limits what a user may ask: thrown by what reads answers where the protocol says so in its own way; the request is sent again after the
/// wait.</summary>
/// <param name="wait">How long it asks to be left alone; null when it does not say.</param>
internal sealed class ThrottledFault(TimeSpan? wait) : Exception("The server limits requests.")
{
    /// <summary>Gets how long it asks to be left alone; null when it does not say.</summary>
    public TimeSpan? Wait { get; } = wait;
}

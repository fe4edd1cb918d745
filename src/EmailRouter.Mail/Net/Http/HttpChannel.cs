using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using EmailRouter.Shared.Http;

namespace EmailRouter.Mail.Net.Http;

/// <summary>
/// A service reached by HTTP under one credential: sends requests, proves who asks, keeps the time limits, writes the log, and turns broken connections, refused
/// log-ins, redirects and pages for people into the mail side's errors. What a status or a body means is the caller's to say.
/// </summary>
internal sealed class HttpChannel : IDisposable
{
    private const int BeginningSize = 4096;

    private static readonly ProductInfoHeaderValue Agent = new("EmailRouter", typeof(HttpChannel).Assembly.GetName().Version?.ToString(3) ?? "0");

    private readonly HttpClient client;
    private readonly MailEndpoint endpoint;
    private readonly MailLogin login;
    private readonly MailContext context;
    private string? basic;

    /// <summary>Makes a channel; connects with the first request.</summary>
    /// <param name="endpoint">Pins, mechanisms and whether a password may cross a clear line.</param>
    /// <param name="login">Whose mailbox, and the credential.</param>
    /// <param name="context">Clock, network, limits and observers.</param>
    public HttpChannel(MailEndpoint endpoint, MailLogin login, MailContext context)
    {
        this.endpoint = endpoint;
        this.login = login;
        this.context = context;
        Log = new ProtocolLog(context.ProtocolLog);
        HttpMessageHandler handler = context.Http?.Invoke(endpoint) ?? HttpHandlers.Create(endpoint, context, Windows(login.Credential));
        client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        if (login.Credential is PasswordCredential password)
        {
            basic = null;
            Log.Hide(password.Secret);
            if (endpoint.Mechanisms is [var only] && only.Equals("Basic", StringComparison.OrdinalIgnoreCase))
                basic = BasicOf(password);
        }
    }

    /// <summary>Gets the conversation.</summary>
    public ProtocolLog Log { get; }

    /// <summary>Gets the scheme by which the last log-in went, e.g. <c>Bearer</c>; empty before.</summary>
    public string Scheme { get; private set; } = string.Empty;

    /// <summary>Sends a request and waits for the head of the answer.</summary>
    /// <param name="call">The request.</param>
    /// <param name="cancellationToken">Stops the attempt, and the reading of the answer's body too.</param>
    /// <returns>The answer, whatever its status; the caller disposes it.</returns>
    /// <exception cref="MailConnectionException">No connection, no answer in time, or the connection broke.</exception>
    /// <exception cref="MailTlsException">The certificate was refused.</exception>
    /// <exception cref="MailAuthenticationException"><c>MailAuthenticationFailed</c>, <c>MailPlainTextRefused</c>: 401 also after everything that may help was tried.</exception>
    /// <exception cref="MailProtocolException"><c>MailHttpRedirected</c>, or <c>MailWebPage</c> where a page for people came with a success status.</exception>
    public async ValueTask<HttpAnswer> SendAsync(HttpCall call, CancellationToken cancellationToken)
    {
        bool isRenewed = false;
        while (true)
        {
            HttpAnswer answer = await SendOnceAsync(call, isRenewed, cancellationToken).ConfigureAwait(false);
            if (answer.Status == HttpStatusCode.Unauthorized && call.Authenticate)
            {
                using (answer)
                {
                    if (!isRenewed && login.Credential is TokenCredential { RenewAsync: not null })
                    {
                        Log.Note("the token was refused and is got anew");
                        isRenewed = true;
                        continue;
                    }

                    if (basic is null && login.Credential is PasswordCredential password && Offers(answer, "Basic") && MayUse("Basic"))
                    {
                        basic = BasicOf(password);
                        if (call.Url.Scheme == Uri.UriSchemeHttps || endpoint.AllowPlainTextPassword)
                            continue;
                        throw PlainTextRefused(call);
                    }

                    throw await RefusedAsync(call, answer, cancellationToken).ConfigureAwait(false);
                }
            }

            if ((int)answer.Status is >= 300 and < 400 and not 304 && !call.AllowRedirect)
            {
                using (answer)
                    throw Redirected(call, answer);
            }

            if (answer.IsSuccess && answer.IsWebPage)
            {
                using (answer)
                    throw Page(call, answer);
            }

            return answer;
        }
    }

    /// <summary>A page for people came where the service should have answered.</summary>
    /// <param name="call">The request.</param>
    /// <param name="answer">The page.</param>
    /// <returns>The exception to throw.</returns>
    public MailProtocolException Page(HttpCall call, HttpAnswer answer)
    {
        string title = WebPage.Title(answer.Beginning.Span);
        bool isLogin = WebPage.IsLogin(answer.Beginning.Span);
        return new MailProtocolException(
            "MailWebPage",
            call.Step,
            $"{Where(call)} answered with a web page{(title.Length > 0 ? $" (\"{Log.Clean(Encoding.UTF8.GetBytes(title))}\")" : string.Empty)} where the service's answer was expected.",
            isLogin
                ? "A log-in form stands before the service (forms-based authentication, AD FS or a proxy): let the service's own address pass without it, or enter the address behind it."
                : "Check the address; a proxy or portal on the way may have answered in the server's place.")
        {
            Conversation = Log.Lines,
        };
    }

    /// <summary>Names a request in messages.</summary>
    /// <param name="call">The request.</param>
    /// <returns>Host and what is asked for, for which mailbox.</returns>
    public string Where(HttpCall call) => $"{call.Url.Authority} ({call.What} for {login.Mailbox})";

    /// <inheritdoc/>
    public void Dispose() => client.Dispose();

    private static NetworkCredential? Windows(MailCredential credential) => credential switch
    {
        PasswordCredential password => HttpHandlers.WindowsLogin(password.UserName, password.Secret),
        ProcessCredential => CredentialCache.DefaultNetworkCredentials,
        _ => null,
    };

    private static string BasicOf(PasswordCredential password) => Convert.ToBase64String(Encoding.UTF8.GetBytes($"{password.UserName}:{password.Secret}"));

    private static bool Offers(HttpAnswer answer, string scheme) => answer.Headers.WwwAuthenticate.Any(h => h.Scheme.Equals(scheme, StringComparison.OrdinalIgnoreCase));

    private bool MayUse(string scheme) => endpoint.Mechanisms.Count == 0 || endpoint.Mechanisms.Contains(scheme, StringComparer.OrdinalIgnoreCase);

    private async ValueTask<HttpAnswer> SendOnceAsync(HttpCall call, bool renew, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(call.Method, call.Url) { Content = call.Content?.Invoke() };
        string id = Guid.NewGuid().ToString();
        request.Headers.UserAgent.Add(Agent);
        request.Headers.TryAddWithoutValidation("client-request-id", id);
        request.Headers.TryAddWithoutValidation("return-client-request-id", "true");
        foreach ((string name, string value) in call.Headers)
            request.Headers.TryAddWithoutValidation(name, value);
        if (call.Authenticate)
            await AuthorizeAsync(request, call, renew, cancellationToken).ConfigureAwait(false);

        Log.Client($"{call.Method} {Shown(call.Url)} {call.What}");
        long started = context.Clock.GetTimestamp();
        TimeSpan limit = call.Deadline ?? context.Deadlines.Command;
        using var deadline = new CancellationTokenSource(limit, context.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token).ConfigureAwait(false);
            try
            {
                Stream rest = await response.Content.ReadAsStreamAsync(either.Token).ConfigureAwait(false);
                byte[] beginning = new byte[BeginningSize];
                int length = await rest.ReadAtLeastAsync(beginning, call.IsEndless ? 1 : BeginningSize, throwOnEndOfStream: false, either.Token).ConfigureAwait(false);
                string requestId = Header(response, "request-id") ?? id;
                Log.Server(Encoding.UTF8.GetBytes(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{(int)response.StatusCode} {response.ReasonPhrase} {response.Content.Headers.ContentType?.MediaType} {context.Clock.GetElapsedTime(started).TotalMilliseconds:0} ms, request {requestId}")));
                Scheme = request.Headers.Authorization?.Scheme ?? (login.Credential is AnonymousCredential || !call.Authenticate ? Scheme : "Negotiate");
                var body = new HttpBodyStream(beginning.AsMemory(0, length), rest, call.Step, Where(call), context, Log, cancellationToken);
                return new HttpAnswer(response, body, requestId, RetryAfter.Read(response.Headers, context.Clock), beginning.AsMemory(0, length));
            }
            catch
            {
                response.Dispose();
                throw;
            }
        }
        catch (OperationCanceledException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new MailConnectionException(
                "MailTimeout", call.Step, $"{Where(call)}: no answer within {limit.TotalSeconds:0.#} s.", "Check that the server runs and is not overloaded; it is tried again.", e)
            {
                IsTransient = true,
                Conversation = Log.Lines,
            };
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidDataException)
        {
            // What the transport said about name, connection and certificate says it best.
            for (Exception? inner = e.InnerException; inner is not null; inner = inner.InnerException)
            {
                if (inner is MailException known)
                    throw known;
            }

            throw new MailConnectionException(
                "MailConnectionLost", call.Step, $"{Where(call)}: the connection broke: {e.Message}", "It is tried again; when it happens always, look at proxies on the way.", e)
            {
                IsTransient = true,
                Conversation = Log.Lines,
            };
        }
    }

    private async ValueTask AuthorizeAsync(HttpRequestMessage request, HttpCall call, bool renew, CancellationToken cancellationToken)
    {
        bool isPlain = call.Url.Scheme != Uri.UriSchemeHttps && !endpoint.AllowPlainTextPassword;
        switch (login.Credential)
        {
            case TokenCredential token:
                if (isPlain)
                    throw PlainTextRefused(call);
                AccessToken got = await (renew && token.RenewAsync is not null ? token.RenewAsync : token.GetTokenAsync)(cancellationToken).ConfigureAwait(false);
                Log.Hide(got.Value);
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", got.Value);
                break;
            case PasswordCredential when basic is not null:
                if (isPlain)
                    throw PlainTextRefused(call);
                request.Headers.Authorization = new AuthenticationHeaderValue("Basic", basic);
                break;
        }
    }

    private MailAuthenticationException PlainTextRefused(HttpCall call) => new(
        "MailPlainTextRefused",
        $"{Where(call)}: the log-in would cross the network readable for everybody, since the address is not https.",
        "Use an https address; on a network you trust set allowPlainTextPassword.")
    {
        Conversation = Log.Lines,
    };

    private async ValueTask<MailAuthenticationException> RefusedAsync(HttpCall call, HttpAnswer answer, CancellationToken cancellationToken)
    {
        string[] offered = [.. answer.Headers.WwwAuthenticate.Select(h => h.Scheme).Distinct(StringComparer.OrdinalIgnoreCase)];
        string reply = answer.IsWebPage ? WebPage.Title(answer.Beginning.Span) : (await answer.ReadTextAsync(512, cancellationToken).ConfigureAwait(false)).Trim();
        bool isWindows = login.Credential is ProcessCredential || (login.Credential is PasswordCredential && basic is null);
        string remedy = (login.Credential, offered) switch
        {
            (AnonymousCredential, _) => "Give the profile a credential.",
            (TokenCredential, _) => "Check that the token is for this service (its scope), and that the application has the permission and the consent for it.",
            (_, [.. var schemes]) when isWindows && !schemes.Contains("Negotiate", StringComparer.OrdinalIgnoreCase) && !schemes.Contains("NTLM", StringComparer.OrdinalIgnoreCase)
                => $"The server offers only: {(schemes.Length > 0 ? string.Join(", ", schemes) : "nothing")}. Choose a credential of that kind.",
            _ when isWindows =>
                "Check user name (DOMAIN\\user or user@domain) and password. Where they are right: Windows log-in from here may need a Kerberos ticket or NTLM support on this " +
                "machine, and Extended Protection on the server refuses connections that a proxy decrypts on the way.",
            _ => "Check user name and password.",
        };
        return new MailAuthenticationException(
            "MailAuthenticationFailed",
            $"{Where(call)} refused the log-in{(login.Credential is PasswordCredential p ? $" of {p.UserName}" : string.Empty)}; it offers: " +
            $"{(offered.Length > 0 ? string.Join(", ", offered) : "nothing")}.",
            remedy)
        {
            Reply = Log.Clean(Encoding.UTF8.GetBytes(reply)),
            Conversation = Log.Lines,
        };
    }

    private MailProtocolException Redirected(HttpCall call, HttpAnswer answer) => new(
        "MailHttpRedirected",
        call.Step,
        $"{Where(call)} sends elsewhere: {(answer.Location is { } location ? Shown(location) : "without saying where")}.",
        "The log-in is not sent to addresses nobody entered. Check the service's address; a captive portal or a log-in page on the way may have answered instead.")
    {
        Conversation = Log.Lines,
    };

    /// <summary>Addresses may carry rights in their query; only the path is shown.</summary>
    private static string Shown(Uri url) => url.IsAbsoluteUri ? url.GetLeftPart(UriPartial.Path) : url.OriginalString.Split('?', 2)[0];

    private static string? Header(HttpResponseMessage response, string name) => response.Headers.TryGetValues(name, out IEnumerable<string>? values) ? values.FirstOrDefault() : null;
}

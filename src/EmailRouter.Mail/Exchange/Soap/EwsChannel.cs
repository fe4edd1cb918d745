using System.Net;
using System.Net.Http.Headers;
using System.Text;
using EmailRouter.Mail.Net.Http;
using EmailRouter.Shared.Http;

namespace EmailRouter.Mail.Exchange.Soap;

/// <summary>Asks Exchange Web Services for operations on one mailbox: versions, impersonation, faults and statuses.</summary>
internal sealed class EwsChannel : IDisposable
{
    private readonly HttpChannel http;
    private readonly Uri url;
    private readonly MailLogin login;
    private readonly ExchangeOptions options;
    private readonly EwsVersions versions;
    private EwsVersion version;

    /// <summary>Makes a channel; connects with the first request.</summary>
    /// <param name="url">The service.</param>
    /// <param name="endpoint">Pins, mechanisms and whether a password may cross a clear line.</param>
    /// <param name="login">Whose mailbox, and the credential.</param>
    /// <param name="options">How the mailbox is reached.</param>
    /// <param name="versions">What is known about servers' versions.</param>
    /// <param name="context">Clock, network, limits and observers.</param>
    public EwsChannel(Uri url, MailEndpoint endpoint, MailLogin login, ExchangeOptions options, EwsVersions versions, MailContext context)
    {
        this.url = url;
        this.login = login;
        this.options = options;
        this.versions = versions;
        version = options.Version ?? versions.Find(url, login.Mailbox);
        http = new HttpChannel(endpoint, login, context);
        Access = options.AccessTo(login);
    }

    /// <summary>Gets how the mailbox is reached.</summary>
    public ExchangeAccess Access { get; }

    /// <summary>Gets the schema's version that is used.</summary>
    public EwsVersion Version => version;

    /// <summary>Gets the server's build as its last answer told; empty before.</summary>
    public string ServerBuild { get; private set; } = string.Empty;

    /// <summary>Gets the last lines of the conversation.</summary>
    public IReadOnlyList<string> Conversation => http.Log.Lines;

    /// <summary>Gets the scheme by which the log-in went.</summary>
    public string Scheme => http.Scheme;

    /// <summary>Gets the server and the mailbox for messages.</summary>
    public string Where => $"{url.Authority} ({login.Mailbox})";

    /// <summary>Asks, and reads all of the answer. Where the server does not take the schema's version, an older one is tried and remembered.</summary>
    /// <param name="call">What to ask for.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The response messages.</returns>
    /// <exception cref="MailException">The request failed as a whole.</exception>
    public async ValueTask<IReadOnlyList<EwsMessage>> AskAsync(EwsCall call, CancellationToken cancellationToken)
    {
        while (true)
        {
            var messages = new List<EwsMessage>();
            EwsVersion asked;
            using (EwsResponseReader reader = await OpenAsync(call, cancellationToken).ConfigureAwait(false))
            {
                asked = version;
                while (await reader.ReadAsync().ConfigureAwait(false) is { } message)
                    messages.Add(message);
            }

            if (messages.Count == 0)
                throw Malformed(call, "it holds no response message", null);
            if (!messages.Exists(m => ExchangeResponseCodes.IsVersion(m.Code)) || !StepDown(asked))
                return messages;
        }
    }

    /// <summary>Asks for something that has one answer.</summary>
    /// <param name="call">What to ask for.</param>
    /// <param name="what">What it is for, e.g. "to list the messages".</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The answer.</returns>
    /// <exception cref="MailException">The request failed, or the answer is an error.</exception>
    public async ValueTask<EwsMessage> AskOneAsync(EwsCall call, string what, CancellationToken cancellationToken)
    {
        EwsMessage message = (await AskAsync(call, cancellationToken).ConfigureAwait(false))[0];
        return message.IsSuccess ? message : throw Refused(message, call.Step, what);
    }

    /// <summary>Asks, and leaves the response messages to be read.</summary>
    /// <param name="call">What to ask for.</param>
    /// <param name="cancellationToken">Stops the attempt and the reading.</param>
    /// <returns>The reader; the caller disposes it.</returns>
    /// <exception cref="MailException">The request failed as a whole.</exception>
    public async ValueTask<EwsResponseReader> OpenAsync(EwsCall call, CancellationToken cancellationToken)
    {
        while (true)
        {
            EwsVersion asked = version;
            HttpAnswer answer = await SendAsync(call, isEndless: false, cancellationToken).ConfigureAwait(false);
            var reader = new EwsResponseReader(answer, call.Limit, e => answer.Status == HttpStatusCode.OK ? Malformed(call, e.Message, e) : Status(call, answer, e));
            try
            {
                await reader.OpenAsync().ConfigureAwait(false);
                if (reader.ServerBuild.Length > 0)
                    ServerBuild = reader.ServerBuild;
                if (reader.Fault is not { } fault)
                    return reader;
                if (!ExchangeResponseCodes.IsVersion(fault.Code) || !StepDown(asked))
                    throw Refused(fault, call.Step, call.Operation, answer.RetryAfter);
            }
            catch
            {
                reader.Dispose();
                throw;
            }

            reader.Dispose();
        }
    }

    /// <summary>Asks for something whose answer goes on for as long as the server likes.</summary>
    /// <param name="call">What to ask for.</param>
    /// <param name="cancellationToken">Stops the attempt and the reading.</param>
    /// <returns>The answer; the caller disposes it.</returns>
    /// <exception cref="MailException">The request failed.</exception>
    public ValueTask<HttpAnswer> OpenEndlessAsync(EwsCall call, CancellationToken cancellationToken) => SendAsync(call, isEndless: true, cancellationToken);

    /// <summary>Turns an error of the service into an exception.</summary>
    /// <param name="message">The answer.</param>
    /// <param name="step">The step.</param>
    /// <param name="what">What was refused.</param>
    /// <param name="retryAfter">What the HTTP answer said about waiting.</param>
    /// <returns>The exception to throw.</returns>
    public MailCommandException Refused(EwsMessage message, MailStep step, string what, TimeSpan? retryAfter = null)
    {
        ExchangeResponseCode meaning = ExchangeResponseCodes.Find(message.Code);
        string reply = Show(message);
        return new MailCommandException(meaning.ErrorId, step, $"{Where}: {meaning.Words} ({what}): {reply}", meaning.Remedy)
        {
            Reply = reply,
            IsTransient = meaning.IsTransient,
            RetryAfter = message.BackOff ?? retryAfter ?? meaning.Wait,
            Conversation = http.Log.Lines,
        };
    }

    /// <summary>Shows an answer without secrets.</summary>
    /// <param name="message">The answer.</param>
    /// <returns>Code and words on one line.</returns>
    public string Show(EwsMessage message) =>
        http.Log.Clean(Encoding.UTF8.GetBytes(message.Text.Length > 0 ? $"{message.Code}: {message.Text.ReplaceLineEndings(" ")}" : message.Code));

    /// <summary>Notes something in the conversation.</summary>
    /// <param name="text">What happened.</param>
    public void Note(string text) => http.Log.Note(text);

    /// <summary>An answer that makes no sense.</summary>
    /// <param name="call">What was asked.</param>
    /// <param name="why">What is wrong.</param>
    /// <param name="cause">The cause.</param>
    /// <returns>The exception to throw.</returns>
    public MailProtocolException Malformed(EwsCall call, string why, Exception? cause) => new(
        "MailAnswerInvalid",
        call.Step,
        $"{Where}: the answer to {call.Operation} makes no sense: {http.Log.Clean(Encoding.UTF8.GetBytes(why))}",
        "Check that the address is that of Exchange Web Services (/EWS/Exchange.asmx); a proxy on the way may change or cut answers.",
        cause)
    {
        Conversation = http.Log.Lines,
    };

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    /// <summary>Goes to a version older than that of a request; false when there is none or the profile fixes one.</summary>
    private bool StepDown(EwsVersion asked)
    {
        if (asked > version)
            return true;        // another request was under way at the same time
        if (options.Version is not null || version == EwsVersion.Exchange2010_SP1)
            return false;
        version = version > EwsVersion.Exchange2010_SP2 ? EwsVersion.Exchange2010_SP2 : EwsVersion.Exchange2010_SP1;
        versions.Remember(url, login.Mailbox, version);
        http.Log.Note($"the server does not take the schema; on with {version}");
        return true;
    }

    private async ValueTask<HttpAnswer> SendAsync(EwsCall call, bool isEndless, CancellationToken cancellationToken)
    {
        byte[] head;
        byte[] tail;
        using (var writer = new EwsRequestWriter(
            version, Access == ExchangeAccess.Impersonation ? login.Mailbox : null, Access == ExchangeAccess.Delegate ? login.Mailbox : null))
        {
            call.Write(writer);
            (head, tail) = writer.Complete();
        }

        var headers = new List<KeyValuePair<string, string>>(call.Headers) { new("Accept", "text/xml") };
        if (login.Mailbox.Contains('@', StringComparison.Ordinal) && login.Mailbox.All(c => c is > ' ' and <= '~'))
            headers.Add(new("X-AnchorMailbox", login.Mailbox));
        var request = new HttpCall
        {
            Step = call.Step,
            Method = HttpMethod.Post,
            Url = url,
            What = call.Operation,
            Headers = headers,
            Content = () => call.Content?.Invoke(head, tail) ?? Xml(head),
            IsEndless = isEndless,
            Deadline = call.Deadline,
        };
        HttpAnswer answer = await http.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (answer.Status == HttpStatusCode.OK || (answer.Status == HttpStatusCode.InternalServerError && !answer.IsWebPage))
            return answer;      // 500 is how SOAP carries faults
        using (answer)
            throw Status(call, answer, null);
    }

    private static ByteArrayContent Xml(byte[] bytes)
    {
        var content = new ByteArrayContent(bytes);
        content.Headers.ContentType = new MediaTypeHeaderValue("text/xml") { CharSet = "utf-8" };
        return content;
    }

    /// <summary>An answer that is none of the service itself but of IIS or something on the way.</summary>
    private MailCommandException Status(EwsCall call, HttpAnswer answer, Exception? cause)
    {
        int status = (int)answer.Status;
        string page = answer.IsWebPage ? WebPage.Title(answer.Beginning.Span) : string.Empty;
        bool isTooLarge = status == 413 || (status == 404 && Encoding.UTF8.GetString(answer.Beginning.Span).Contains("404.13", StringComparison.Ordinal));
        (string id, string words, string remedy, bool transient) = status switch
        {
            _ when isTooLarge => (MailException.MessageTooLarge, "the request is over the server's limit", "Raise maxAllowedContentLength and maxReceivedMessageSize of the EWS virtual directory, or send less.", false),
            403 => ("MailAccessDenied", "the server forbids Exchange Web Services to this account or program", "Look at EwsEnabled, EwsApplicationAccessPolicy and EwsBlockList (Get-CasMailbox, Get-OrganizationConfig).", false),
            404 or 405 => ("MailServiceNotFound", "there is no Exchange Web Services at this address", "Check the address; usually it is https://SERVER/EWS/Exchange.asmx.", false),
            429 => ("MailServerThrottled", "the server wants fewer requests", "It is tried again when the server says.", true),
            502 or 503 or 504 or 449 or 500 => ("MailServerTemporarilyUnavailable", "the server or something before it cannot answer now", "It is tried again; if it stays, look at the server's application pools and databases.", true),
            _ => ("MailServerRefused", "the server refused the request", "See what the server says; ask its administrator if it stays.", false),
        };
        string reply = $"HTTP {status}{(page.Length > 0 ? $" \"{http.Log.Clean(Encoding.UTF8.GetBytes(page))}\"" : string.Empty)}";
        return new MailCommandException(id, call.Step, $"{Where}: {words} ({call.Operation}): {reply}, request {answer.RequestId}.", remedy, cause)
        {
            Reply = reply,
            IsTransient = transient,
            RetryAfter = answer.RetryAfter,
            Conversation = http.Log.Lines,
        };
    }
}

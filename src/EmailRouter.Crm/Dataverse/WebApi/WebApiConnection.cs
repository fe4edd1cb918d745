using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse.WebApi;

/// <summary>
/// An organization's Web API: finds it, logs in, spreads requests over the users it may log in as, keeps away from a user the server wants to be left alone by,
/// tries again where that cannot do harm, and turns faults into errors an administrator can act on.
/// </summary>
/// <remarks>Safe for use by many at once.</remarks>
internal sealed class WebApiConnection : IDisposable
{
    private const int MaxPages = 10_000;

    private readonly CrmEndpoint endpoint;
    private readonly CrmContext context;
    private readonly CrmHttp http;
    private readonly SemaphoreSlim locating = new(1, 1);
    private WebApiSite? site;
    private int batches;

    /// <summary>Initializes a connection; nothing is asked yet.</summary>
    /// <param name="endpoint">Where, and as whom.</param>
    /// <param name="context">Clock, network and limits.</param>
    public WebApiConnection(CrmEndpoint endpoint, CrmContext context)
    {
        this.endpoint = endpoint;
        this.context = context;
        http = new CrmHttp(endpoint, context);
    }

    /// <summary>Gets the server's name for messages, with the organization where the address serves several.</summary>
    public string Server => http.Server;

    /// <summary>Gets the users it may log in as.</summary>
    public IReadOnlyList<CrmUser> Users => http.Users;

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
            site ??= await new WebApiLocator(endpoint, AskAsync, AskDiscoveryAsync).FindAsync(cancellationToken).ConfigureAwait(false);
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
    public async ValueTask<CrmAnswer> SendAsync(WebApiRequest request, CancellationToken cancellationToken, CrmUser? user = null)
    {
        CrmAnswer answer = await TryAsync(request, cancellationToken, user).ConfigureAwait(false);
        return answer.IsSuccess ? answer : throw AnswerErrors.Explain(answer, request.What, Server);
    }

    /// <summary>Sends a request whose refusal the caller understands.</summary>
    /// <inheritdoc cref="SendAsync(WebApiRequest, CancellationToken, CrmUser?)"/>
    /// <returns>The answer, whatever its status.</returns>
    public async ValueTask<CrmAnswer> TryAsync(WebApiRequest request, CancellationToken cancellationToken, CrmUser? user = null)
    {
        WebApiSite at = await LocateAsync(cancellationToken).ConfigureAwait(false);
        return await http.ExchangeAsync(
            CallOf(request, at),
            user,
            async (response, stop) => CrmAnswer.From(response, await CrmHttp.ReadAsync(response, request.What, stop).ConfigureAwait(false), context.Clock),
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
        return await http.ExchangeAsync(
            CallOf(request, at) with { KeepsOpen = true },
            null,
            async (response, stop) =>
            {
                if (response.IsSuccessStatusCode)
                    return await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
                var answer = CrmAnswer.From(response, await CrmHttp.ReadAsync(response, request.What, stop).ConfigureAwait(false), context.Clock);
                throw AnswerErrors.Explain(answer, request.What, Server);
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
            CrmAnswer answer = await SendAsync(request, cancellationToken).ConfigureAwait(false);
            foreach (JsonElement row in answer.Rows(request.What))
                yield return row;
            if (answer.NextLink(request.What) is not { } next)
                yield break;
            request = request with { Path = NextPath(next, request.What) };
        }

        throw AnswerErrors.Unreadable(request.What, "its pages do not end");
    }

    /// <summary>Checks the address of a next page, which comes from the server and gets our log-in.</summary>
    /// <param name="link">The address.</param>
    /// <param name="what">What was asked for.</param>
    /// <returns>The address.</returns>
    /// <exception cref="CrmException"><c>CrmAnswerUnreadable</c>: it leads to another server.</exception>
    public string NextPath(string link, string what) =>
        site is { } at && Uri.TryCreate(at.Root, link, out Uri? address) && address.Authority == at.Root.Authority && address.Scheme == at.Root.Scheme
            ? address.AbsoluteUri
            : throw AnswerErrors.Unreadable(what, "its next page is at another server");

    /// <summary>Sends a batch.</summary>
    /// <param name="batch">The batch; at most 1000 requests.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The answers, whatever their statuses, in the order of the batch; those of a change set together, and one only where it failed.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses the batch as a whole.</exception>
    public async ValueTask<IReadOnlyList<IReadOnlyList<CrmAnswer>>> SendAsync(WebApiBatch batch, CancellationToken cancellationToken)
    {
        if (batch.Count == 0)
            return [];
        WebApiSite at = await LocateAsync(cancellationToken).ConfigureAwait(false);
        string boundary = string.Create(CultureInfo.InvariantCulture, $"batch_{Guid.NewGuid():N}_{Interlocked.Increment(ref batches)}");
        var call = new CrmCall(
            HttpMethod.Post,
            new Uri(at.Root, "$batch"),
            batch.What,
            () => new WrittenContent((stream, stop) => batch.WriteAsync(stream, at.Root, boundary, stop), $"multipart/mixed; boundary={boundary}"),
            [("Accept", "application/json"), ("OData-MaxVersion", "4.0"), ("OData-Version", "4.0"), ("Prefer", "odata.continue-on-error")],
            batch.IsRepeatable,
            () =>
            {
                foreach (WebApiBody body in batch.Bodies)
                    body.FileFault?.Throw();
            })
        {
            Note = $" ({batch.RequestCount} requests)",
        };
        return await http.ExchangeAsync(
            call,
            null,
            async (response, stop) =>
            {
                ReadOnlyMemory<byte> body = await CrmHttp.ReadAsync(response, batch.What, stop).ConfigureAwait(false);
                var answer = CrmAnswer.From(response, body, context.Clock);

                // An older server answers with the first inner error's status although the parts are there.
                string? type = response.Content.Headers.ContentType?.ToString();
                if (!answer.IsSuccess && type?.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase) != true)
                    throw AnswerErrors.Explain(answer, batch.What, Server);
                if (answer.IsWebPage)
                    throw AnswerErrors.Page(answer, batch.What);
                List<IReadOnlyList<CrmAnswer>> answers = BatchReader.Read(body, type, batch.What);
                return answers.Count == batch.Count
                    ? answers
                    : throw AnswerErrors.Unreadable(batch.What, $"it has {answers.Count} answers to {batch.Count} requests");
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        http.Dispose();
        locating.Dispose();
    }

    private static CrmCall CallOf(WebApiRequest request, WebApiSite at) => new(
        request.Method,
        new Uri(at.Root, request.Path),
        request.What,
        () => request.Body is { } body ? new WrittenContent(body.WriteAsync, "application/json; charset=utf-8") : null,
        [.. request.Headers()],
        request.IsRepeatable,
        () => request.Body?.FileFault?.Throw());

    private ValueTask<CrmAnswer> AskAsync(Uri address, string what, CancellationToken cancellationToken) => AskAsync(
        new CrmCall(HttpMethod.Get, address, what, () => null, [("Accept", "application/json"), ("OData-MaxVersion", "4.0"), ("OData-Version", "4.0")], true),
        cancellationToken);

    private ValueTask<CrmAnswer> AskDiscoveryAsync(Uri address, string what, CancellationToken cancellationToken) => AskAsync(
        new CrmCall(
            HttpMethod.Post,
            address,
            what,
            () => new WrittenContent((stream, stop) => stream.WriteAsync(DiscoveryService.Envelope, stop).AsTask(), "text/xml; charset=utf-8"),
            [("Accept", "text/xml"), ("SOAPAction", $"\"{DiscoveryService.Action}\"")],
            true),
        cancellationToken);

    private async ValueTask<CrmAnswer> AskAsync(CrmCall call, CancellationToken cancellationToken) => await http.ExchangeAsync(
        call with { TakesRedirects = true },
        null,
        async (response, stop) => CrmAnswer.From(response, await CrmHttp.ReadAsync(response, call.What, stop).ConfigureAwait(false), context.Clock),
        cancellationToken).ConfigureAwait(false);
}

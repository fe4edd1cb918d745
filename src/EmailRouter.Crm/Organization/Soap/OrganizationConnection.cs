using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Xml.Linq;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Organization.Soap;

/// <summary>
/// An organization's Organization.svc: finds it, sends messages to its endpoint for SOAP 1.1 (<c>/web</c>), several in one where the version takes that, and
/// turns faults into errors an administrator can act on.
/// </summary>
/// <remarks>
/// The log-in is Windows' (Negotiate, by the handler of <see cref="CrmContext.Http"/>), a bearer token, or what the dialect writes into the envelopes: a ticket
/// of CRM 4.0, a token of WS-Trust. Safe for use by many at once.
/// </remarks>
internal sealed class OrganizationConnection : IDisposable
{
    private const int MaxPages = 10_000;
    private const int PageSize = 5000;

    /// <summary>How many requests go in one ("ExecuteMultiple run-time limitations").</summary>
    private const int MaxMultiple = 1000;

    private readonly CrmEndpoint endpoint;
    private readonly CrmContext context;
    private readonly SoapDialect dialect;
    private readonly SemaphoreSlim locating = new(1, 1);
    private OrganizationSite? site;

    /// <summary>The version of CRM 2011 that brought several messages in one, and queries for definitions.</summary>
    public static Version UpdateRollup12 { get; } = new(5, 0, 9690);

    /// <summary>Initializes a connection; nothing is asked yet.</summary>
    /// <param name="endpoint">Where, and as whom.</param>
    /// <param name="context">Clock, network and limits.</param>
    /// <param name="dialect">The form of the messages; null for that of Organization.svc.</param>
    public OrganizationConnection(CrmEndpoint endpoint, CrmContext context, SoapDialect? dialect = null)
    {
        Http = new CrmHttp(endpoint, context);
        this.endpoint = endpoint;
        this.context = context;
        this.dialect = dialect ?? new OrganizationDialect(endpoint, context.Clock);
    }

    /// <summary>Gets log-ins and connections.</summary>
    public CrmHttp Http { get; }

    /// <summary>Gets the server's name for messages.</summary>
    public string Server => Http.Server;

    /// <summary>Gets the clock.</summary>
    public TimeProvider Clock => context.Clock;

    /// <summary>Finds the service, the first time.</summary>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>Where it is, and of which version.</returns>
    /// <exception cref="CrmException">It is not found, or refuses the log-in.</exception>
    public async ValueTask<OrganizationSite> LocateAsync(CancellationToken cancellationToken)
    {
        if (site is { } known)
            return known;
        await locating.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return site ??= await FindAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            locating.Release();
        }
    }

    /// <summary>Sends a message.</summary>
    /// <param name="request">The message.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <param name="user">The user to do it as; null for whoever is free.</param>
    /// <returns>The answer, a success.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public async ValueTask<OrganizationAnswer> SendAsync(OrganizationRequest request, CancellationToken cancellationToken, CrmUser? user = null)
    {
        OrganizationAnswer answer = await TryAsync(request, cancellationToken, user).ConfigureAwait(false);
        return answer.Fault is { } fault ? throw FaultTable.Explain(fault, request.What, Server) : answer;
    }

    /// <summary>Sends a message whose refusal the caller understands.</summary>
    /// <inheritdoc cref="SendAsync(OrganizationRequest, CancellationToken, CrmUser?)"/>
    /// <returns>The answer, a success or a fault.</returns>
    public async ValueTask<OrganizationAnswer> TryAsync(OrganizationRequest request, CancellationToken cancellationToken, CrmUser? user = null)
    {
        OrganizationSite at = await LocateAsync(cancellationToken).ConfigureAwait(false);
        return await ExchangeAsync(at.Address, request, user, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sends several messages: in one where the server takes that, otherwise one after the other.</summary>
    /// <param name="requests">The messages; repeatable ones, in whose own name they are done.</param>
    /// <param name="what">What is asked for, in words.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The answers, in the order of the messages, successes and faults.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses them as a whole.</exception>
    public async ValueTask<IReadOnlyList<OrganizationAnswer>> SendAsync(
        IReadOnlyList<OrganizationRequest> requests, string what, CancellationToken cancellationToken)
    {
        OrganizationSite at = await LocateAsync(cancellationToken).ConfigureAwait(false);
        var answers = new List<OrganizationAnswer>();
        if (at.Version < UpdateRollup12 || requests.Count == 1)
        {
            foreach (OrganizationRequest request in requests)
                answers.Add(await ExchangeAsync(at.Address, request, null, cancellationToken).ConfigureAwait(false));
            return answers;
        }

        foreach (OrganizationRequest[] some in requests.Chunk(MaxMultiple))
        {
            OrganizationAnswer answer = await SendAsync(
                new OrganizationRequest("ExecuteMultiple", what) { IsRepeatable = Array.TrueForAll(some, r => r.IsRepeatable) }
                    .With("Requests", some).With("Settings", new MultipleSettings(ContinueOnError: true)),
                cancellationToken).ConfigureAwait(false);
            foreach (OrganizationAnswer? part in answer.Parts(some.Length, what))
                answers.Add(part ?? throw AnswerErrors.Unreadable(what, "a request has no answer"));
        }

        return answers;
    }

    /// <summary>Reads the rows of a query, all pages of it.</summary>
    /// <param name="query">The query.</param>
    /// <param name="what">What is asked for, in words.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The entities.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public async ValueTask<List<XElement>> RowsAsync(FetchQuery query, string what, CancellationToken cancellationToken)
    {
        var rows = new List<XElement>();
        await foreach (IReadOnlyList<XElement> page in PagesAsync(query, PageSize, what, cancellationToken).ConfigureAwait(false))
            rows.AddRange(page);
        return rows;
    }

    /// <summary>Reads the rows of a query page by page.</summary>
    /// <param name="query">The query.</param>
    /// <param name="pageSize">How many rows a page has.</param>
    /// <param name="what">What is asked for, in words.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The entities of each page.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public async IAsyncEnumerable<IReadOnlyList<XElement>> PagesAsync(
        FetchQuery query, int pageSize, string what, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? cookie = null;
        for (int page = 1; page <= MaxPages; page++)
        {
            OrganizationAnswer answer = await SendAsync(Fetch(query.Page(page, pageSize, cookie), what), cancellationToken).ConfigureAwait(false);
            XElement entities = Entities(answer, what);
            yield return [.. entities.Child("Entities")?.Elements() ?? []];
            if (entities.Child("MoreRecords")?.Value.Trim() is not ("true" or "1"))
                yield break;
            cookie = entities.Child("PagingCookie")?.Value;
        }

        throw AnswerErrors.Unreadable(what, "its pages do not end");
    }

    /// <summary>Makes the message that reads rows.</summary>
    /// <param name="query">The query.</param>
    /// <param name="what">What is asked for, in words.</param>
    /// <returns>The message.</returns>
    public static OrganizationRequest Fetch(FetchQuery query, string what) =>
        new OrganizationRequest("RetrieveMultiple", what) { IsRepeatable = true }.With("Query", new FetchExpression(query.ToString()));

    /// <summary>Finds the rows in the answer to <see cref="Fetch"/>.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="what">What was asked for, in words.</param>
    /// <returns>The collection.</returns>
    /// <exception cref="CrmException"><c>CrmAnswerUnreadable</c>.</exception>
    public static XElement Entities(OrganizationAnswer answer, string what) =>
        answer.Result("EntityCollection") ?? throw AnswerErrors.Unreadable(what, "it has no rows");

    /// <summary>Reads the rows in the answer to <see cref="Fetch"/>.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="what">What was asked for, in words.</param>
    /// <returns>The rows.</returns>
    /// <exception cref="CrmException"><c>CrmAnswerUnreadable</c>.</exception>
    public static IEnumerable<JsonElement> Rows(OrganizationAnswer answer, string what) =>
        (Entities(answer, what).Child("Entities")?.Elements() ?? []).Select(e => EntityRow.Read(e).ToElement());

    /// <inheritdoc/>
    public void Dispose()
    {
        Http.Dispose();
        locating.Dispose();
        dialect.Dispose();
    }

    private async ValueTask<OrganizationSite> FindAsync(CancellationToken cancellationToken)
    {
        CrmException? last = null;

        // A log-in that fails is no matter of where the service is.
        SoapLogin? login = await dialect.LogInAsync(Http, null, cancellationToken).ConfigureAwait(false);
        foreach (Uri address in Candidates())
        {
            try
            {
                OrganizationRequest request = dialect.Probe;
                OrganizationAnswer answer = await ExchangeAsync(address, request, null, cancellationToken).ConfigureAwait(false);
                return answer.Fault is { } fault ? throw FaultTable.Explain(fault, request.What, Server)
                    : new OrganizationSite(login?.Address ?? address, dialect.ReadVersion(answer));
            }
            catch (CrmException e) when (e.ErrorId is "CrmNotFound" or "CrmWebPage" or "CrmRedirected" or "CrmNotSupported")
            {
                last = e;
            }
        }

        throw new CrmException(
            last!.ErrorId,
            $"No service was found for {endpoint.Url} ({string.Join(", ", Candidates().Select(a => a.AbsolutePath))}). {last.Message}",
            "Enter the organization's address, e.g. https://crm.contoso.test/Contoso, or the server's with the organization's name. " +
            "CRM 2011 to 2015 have Organization.svc, CRM 4.0 has CrmService.asmx.",
            last);
    }

    /// <summary>The address is the service's own, the organization's, or the server's with the organization beside it.</summary>
    private IEnumerable<Uri> Candidates() => dialect.Paths(endpoint.Url.AbsolutePath.TrimEnd('/'), endpoint.Organization).Select(At);

    private Uri At(string path) => new UriBuilder(endpoint.Url) { Path = path, Query = string.Empty, Fragment = string.Empty }.Uri;

    private async ValueTask<OrganizationAnswer> ExchangeAsync(Uri address, OrganizationRequest request, CrmUser? user, CancellationToken cancellationToken)
    {
        if (!dialect.Knows(request))
            return OrganizationAnswer.Failed(new ServerFault(501, 0, $"This version has no {request.Name}."));
        SoapLogin? login = await dialect.LogInAsync(Http, null, cancellationToken).ConfigureAwait(false);
        try
        {
            OrganizationAnswer answer = await PostAsync(login?.Address ?? address, request, user, cancellationToken).ConfigureAwait(false);
            if (login is null || answer.Fault is not { } fault || !FaultTable.IsAboutTicket(fault))
                return answer;
        }
        catch (CrmException e) when (login is not null && e.ErrorId == "CrmLoginRefused")
        {
            // The web server may refuse it before the service does; nothing was done then either.
            context.ProtocolLog?.Report(e.Message);
        }

        context.ProtocolLog?.Report("the ticket was refused and is got anew");
        login = await dialect.LogInAsync(Http, login, cancellationToken).ConfigureAwait(false);
        return await PostAsync(login?.Address ?? address, request, user, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<OrganizationAnswer> PostAsync(Uri address, OrganizationRequest request, CrmUser? user, CancellationToken cancellationToken)
    {
        return await Http.ExchangeAsync(
            new CrmCall(
                HttpMethod.Post,
                address,
                request.What,
                () => new WrittenContent((stream, stop) => request.WriteAsync(stream, dialect, stop), dialect.ContentType(request)),
                [("SOAPAction", $"\"{dialect.Action(request)}\""), ("Accept", "text/xml, application/soap+xml")],
                request.IsRepeatable,
                () => request.FileFault?.Throw())
            {
                Note = string.Create(CultureInfo.InvariantCulture, $" ({request.Name})"),
            },
            user,
            async (response, stop) =>
            {
                ReadOnlyMemory<byte> body = await CrmHttp.ReadAsync(response, request.What, stop).ConfigureAwait(false);
                OrganizationAnswer answer = dialect.Read(CrmAnswer.From(response, body, context.Clock), request, Server);

                // What limits requests says so in a fault.
                return answer.Fault is { } fault && FaultTable.IsThrottle(fault) ? throw new ThrottledFault(fault.RetryAfter) : answer;
            },
            cancellationToken).ConfigureAwait(false);
    }
}

/// <summary>Where an Organization.svc is.</summary>
/// <param name="Address">The address messages go to.</param>
/// <param name="Version">The server's version: 5 is CRM 2011, 6 is 2013, 7 is 2015, 8 is 2016.</param>
internal sealed record OrganizationSite(Uri Address, Version Version);

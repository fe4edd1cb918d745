using System.Collections.Concurrent;
using System.Net;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse.Messages;
using EmailRouter.Lab.Dataverse.Metadata;
using EmailRouter.Lab.Dataverse.Model;
using EmailRouter.Lab.OData;
using EmailRouter.Lab.Dataverse.Rows;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.OAuth;
using EmailRouter.Lab.Organization;
using EmailRouter.Lab.Servers;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Lab.Dataverse;

/// <summary>
/// The Web API of Dataverse (OData 4.0) over an embedded CRM: rows of all tables with queries, ETags, deep inserts, batches with change sets; the messages of
/// email; metadata. Online addresses are <c>/api/data/v9.x/</c> (8.0 to 9.2), on-premises ones have the organization's name before that. Decisions about received email are
/// those of <see cref="TrackingOrganization"/>.
/// </summary>
/// <remarks>A request needs a token of the lab's token endpoint, for this server. Applications are users: <see cref="AddApplicationUserAsync"/>.</remarks>
public sealed class LabDataverseServer : LabHttpServer
{
    /// <summary>The greatest request in bytes unless said otherwise: an attachment of 128 MB in base64, and something around it.</summary>
    public const int DefaultMaxBody = 192 * 1024 * 1024;

    private static readonly string[] versions = ["v8.0", "v8.1", "v8.2", "v9.0", "v9.1", "v9.2"];

    private readonly EmbeddedCrm crm;
    private readonly LabTokenServer tokens;
    private readonly RowMessages rowMessages;
    private readonly DecisionMessages decisions;
    private readonly ServiceLimits limits;
    private readonly ConcurrentQueue<string> skipped = new();
    private DataverseModel? model;
    private int modelSize;

    /// <summary>Makes a server; <see cref="LabServer.Start"/> starts it.</summary>
    /// <param name="crm">The CRM; not disposed.</param>
    /// <param name="tokens">Whose tokens are taken.</param>
    /// <param name="clock">The clock; the system's when omitted.</param>
    /// <param name="options">Options; defaults when omitted.</param>
    public LabDataverseServer(EmbeddedCrm crm, LabTokenServer tokens, TimeProvider? clock = null, LabHttpOptions? options = null)
        : base(clock, options ?? new LabHttpOptions { MaxBody = DefaultMaxBody })
    {
        ArgumentNullException.ThrowIfNull(crm);
        ArgumentNullException.ThrowIfNull(tokens);
        this.crm = crm;
        this.tokens = tokens;
        limits = new ServiceLimits(Policy, Clock);
        rowMessages = new RowMessages(Policy);
        decisions = new DecisionMessages(crm, Clock, Policy);
    }

    /// <summary>Gets the rules by which requests are refused; none at the start.</summary>
    public LabDataversePolicy Policy { get; } = new();

    /// <summary>Gets the root of the newest version, in the clear, with a slash at the end.</summary>
    public Uri Root => new(Url, "api/data/v9.2/");

    /// <summary>Gets the address of the same organization's SOAP service, Organization.svc/web, which takes the same tokens and obeys the same <see cref="Policy"/>.</summary>
    public Uri OrganizationService => new(Url, "XRMServices/2011/Organization.svc/web");

    private protected override LabProtocol Protocol => LabProtocol.Dataverse;

    /// <summary>Makes the user that an application acts as, as an administrator does for an app registration.</summary>
    /// <param name="clientId">The application.</param>
    /// <param name="name">The user's name.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The user's id.</returns>
    /// <exception cref="CrmException">The CRM cannot be written.</exception>
    public async ValueTask<Guid> AddApplicationUserAsync(Guid clientId, string name, CancellationToken cancellationToken = default)
    {
        IReadOnlyList<CrmRecord> present = await crm.ReadAsync(
            work => work.Select(new RecordSelection("systemuser") { Conditions = [new RecordCondition("applicationid", [clientId])] }), cancellationToken);
        if (present.Count > 0)
            return present[0].Id;
        CrmRecord user = await crm.CreateRecordAsync(
            new CrmRecord("systemuser", Guid.Empty, new Dictionary<string, object?>
            {
                ["fullname"] = name,
                ["applicationid"] = clientId,
                ["accessmode"] = 4,
                ["incomingemaildeliverymethod"] = (int)DeliveryMethod.None,
                ["outgoingemaildeliverymethod"] = (int)DeliveryMethod.None,
            }),
            cancellationToken);
        return user.Id;
    }

    /// <summary>
    /// Gets the elements of SOAP requests that the service had no place for and skipped without a word, as the real one does: out of order, or unknown. Each with its parent.
    /// </summary>
    public IReadOnlyCollection<string> SkippedElements => skipped;

    /// <summary>Makes a user who logs in with a name and a password, as a service account of the domain does.</summary>
    /// <param name="userName">The user name, e.g. <c>CONTOSO\svc-router</c>.</param>
    /// <param name="password">The password.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The user's id.</returns>
    /// <exception cref="CrmException">The CRM cannot be written.</exception>
    public async ValueTask<Guid> AddServiceUserAsync(string userName, string password, CancellationToken cancellationToken = default)
    {
        tokens.AddUser(userName, password);
        CrmRecord user = await crm.CreateRecordAsync(
            new CrmRecord("systemuser", Guid.Empty, new Dictionary<string, object?>
            {
                ["fullname"] = userName.Split('\\')[^1],
                ["domainname"] = userName,
                ["accessmode"] = 4,
                ["incomingemaildeliverymethod"] = (int)DeliveryMethod.None,
                ["outgoingemaildeliverymethod"] = (int)DeliveryMethod.None,
            }),
            cancellationToken);
        return user.Id;
    }

    private protected override string KeyOf(LabHttpRequest request) => request.Header("Authorization");

    private protected override string KindOf(LabHttpRequest request)
    {
        if (IsOrganizationService(request))
            return OrganizationEndpoint.KindOf(request);
        (_, string? path, _) = Split(request);
        return path is null ? $"{request.Method} other" : $"{request.Method} {KindOf(path)}";
    }

    private protected override LabHttpAnswer Refuse(int status, string message, LabHttpRequest? request)
    {
        if (request is not null && status != 401 && IsOrganizationService(request))
            return OrganizationEndpoint.Refuse(status, status == 429 ? limits.TooMany : message, null, Clock.GetUtcNow());
        (_, _, bool isOld) = request is null ? default : Split(request);
        ODataException error = new((HttpStatusCode)status, status switch
        {
            401 => "0x80072560",
            429 => "0x80072322",
            413 => "0x80060890",
            503 => "0x80044150",
            _ => "0x80040216",
        }, status == 429 ? limits.TooMany : message);
        LabHttpAnswer answer = ODataAnswer.Error(error, Preferences.Parse(request?.Header("Prefer")), isOld);
        return status == 401 ? Challenge(request) : answer;
    }

    private protected override async ValueTask<LabHttpAnswer> HandleAsync(LabHttpRequest request, CancellationToken cancellationToken)
    {
        if (IsOrganizationService(request))
        {
            return OrganizationEndpoint.AnswerAnybody(request, Policy.VerifySignature is not null ? tokens.TrustMetadata : null)
                ?? (OrganizationEndpoint.IsWeb(request)
                    ? await HandleSoapAsync(request, null, cancellationToken)
                    : await HandleClaimsAsync(request, cancellationToken));
        }

        if (DiscoveryRequests.IsWebApi(request) && Policy.Discovery.HasFlag(LabDiscovery.WebApi))
            return await DiscoverAsync(request, isSoap: false, cancellationToken);
        if (DiscoveryRequests.IsSoap(request) && Policy.Discovery.HasFlag(LabDiscovery.Soap))
            return await DiscoverAsync(request, isSoap: true, cancellationToken);
        (string root, string? path, bool isOld) = Split(request);
        if (path is null)
            return LabHttpAnswer.OfText(404, "There is no service at this address.");
        LabAccessToken? token = tokens.Accept(request.BearerToken, Url.ToString(), TlsUrl.ToString(), request.BaseUrl);
        if (token is null)
            return Challenge(request);
        var parsed = new ODataRequest
        {
            Method = request.Method,
            Path = path,
            Query = request.Query,
            Root = root,
            Headers = request.Headers,
            Body = request.Body,
        };
        LabHttpAnswer answer;
        try
        {
            Caller caller = await IdentifyAsync(token, request.Header("CallerObjectId"), request.Header("MSCRMCallerID"), cancellationToken);
            using ServiceLimits.Entry entry = limits.Enter(caller.UserId, RunningOf(KeyOf(request)));
            answer = path == "$batch"
                ? await new BatchRequests(
                    parsed,
                    (part, own) => CarryOutAsync(part, own, cancellationToken),
                    parts => CarryOutTogetherAsync(parts, cancellationToken),
                    headers => CallerOfAsync(headers, token, caller, cancellationToken)).HandleAsync()
                : await CarryOutAsync(parsed, caller, cancellationToken);
            answer = entry.Tell(answer);
        }
        catch (ODataException e)
        {
            answer = ODataAnswer.Error(e, SafePreferences(parsed), isOld);
        }

        return answer.With("OData-Version", "4.0").With("REQ_ID", Guid.NewGuid().ToString()).With("x-ms-service-request-id", Guid.NewGuid().ToString());
    }

    /// <summary>Tells of the organization, to users who belong to it.</summary>
    private async ValueTask<LabHttpAnswer> DiscoverAsync(LabHttpRequest request, bool isSoap, CancellationToken cancellationToken)
    {
        if (tokens.Accept(request.BearerToken, Url.ToString(), TlsUrl.ToString(), request.BaseUrl) is not { } token)
            return Challenge(request);
        try
        {
            await IdentifyAsync(token, string.Empty, string.Empty, cancellationToken);
            OrganizationSettings settings = await crm.ReadAsync(work => work.ReadSettings(), cancellationToken);
            string name = Policy.UrlName ?? settings.Name;
            var discovery = new DiscoveryRequests(settings, $"{request.BaseUrl}/{(Policy.UrlName is null ? string.Empty : name + "/")}", name);
            return isSoap ? discovery.Execute(OrganizationEndpoint.OperationOf(request)) : discovery.List(request);
        }
        catch (ODataException e)
        {
            return isSoap ? OrganizationEndpoint.Fault(e, Clock.GetUtcNow()) : ODataAnswer.Error(e, Preferences.Parse(request.Header("Prefer")));
        }
    }

    private protected override LabHttpAnswer Throttled(TimeSpan? retryAfter, LabHttpRequest request) => IsOrganizationService(request)
        ? OrganizationEndpoint.Refuse(429, limits.TooMany, retryAfter, Clock.GetUtcNow())
        : base.Throttled(retryAfter, request);

    /// <summary>Carries out a message that a token within it logs in.</summary>
    private async ValueTask<LabHttpAnswer> HandleClaimsAsync(LabHttpRequest request, CancellationToken cancellationToken) =>
        ClaimsEndpoint.Open(
            request, tokens.FindIssued, Policy.VerifySignature!, Clock.GetUtcNow(), out LabAccessToken? token, out LabHttpAnswer? refusal) is { } opened
            ? ClaimsEndpoint.Wrap(await HandleSoapAsync(opened, token, cancellationToken))
            : refusal!;

    private async ValueTask<LabHttpAnswer> HandleSoapAsync(LabHttpRequest request, LabAccessToken? given, CancellationToken cancellationToken)
    {
        LabAccessToken? token = given is not null ? given
            : request.BasicLogin is { } login
            ? tokens.LogIn(login.UserName, login.Password)
            : tokens.Accept(request.BearerToken, Url.ToString(), TlsUrl.ToString(), request.BaseUrl);
        if (token is null)
            return Challenge(request).With("WWW-Authenticate", "Basic realm=\"CRM\"");
        try
        {
            if (OrganizationEndpoint.Open(request) is not { } opened)
                return OrganizationEndpoint.BadRequest();
            foreach (string element in opened.Skipped)
                skipped.Enqueue(element);
            Caller caller = await IdentifyAsync(token, string.Empty, opened.Caller?.ToString("D") ?? string.Empty, cancellationToken);
            using ServiceLimits.Entry entry = limits.Enter(caller.UserId, RunningOf(KeyOf(request)));
            return OrganizationEndpoint.Answer(await new OrganizationRequests(this, caller, $"{request.BaseUrl}/api/data/v9.2/").CarryOutAsync(opened.Operation, cancellationToken));
        }
        catch (CrmException e)
        {
            return OrganizationEndpoint.Fault(ODataAnswer.Explain(e), Clock.GetUtcNow());
        }
        catch (ODataException e)
        {
            return OrganizationEndpoint.Fault(e, Clock.GetUtcNow());
        }
        catch (SoapFault e)
        {
            return OrganizationEndpoint.Fault(e);
        }
    }

    /// <summary>Reads rows as a caller sees them.</summary>
    internal async ValueTask<T> ReadAsync<T>(Caller caller, Func<RowReader, CallerAccess, T> read, CancellationToken cancellationToken) =>
        await crm.ReadAsync(work => read(new RowReader(work, ModelOf(work), caller.UserId, Clock.GetUtcNow()), new CallerAccess(Policy, caller)), cancellationToken);

    /// <summary>Changes rows with a caller's rights, together or not at all.</summary>
    internal async ValueTask<T> ChangeAsync<T>(Caller caller, Func<RowReader, CallerAccess, T> change, CancellationToken cancellationToken) =>
        await crm.ChangeAsync(work => change(new RowReader(work, ModelOf(work), caller.UserId, Clock.GetUtcNow()), new CallerAccess(Policy, caller)), cancellationToken);

    private static Preferences SafePreferences(ODataRequest request) => Preferences.Parse(request.Header("Prefer"));

    /// <summary>Carries out one request, in a transaction of its own.</summary>
    internal async ValueTask<LabHttpAnswer> CarryOutAsync(ODataRequest request, Caller caller, CancellationToken cancellationToken)
    {
        try
        {
            if (MessageCall.Find(request) is { } call && await decisions.HandleAsync(call, new CallerAccess(Policy, caller), cancellationToken) is { } decided)
                return decided;
            return request.Method == "GET"
                ? await crm.ReadAsync(work => CarryOut(request, caller, work), cancellationToken)
                : await crm.ChangeAsync(work => CarryOut(request, caller, work), cancellationToken);
        }
        catch (CrmException e)
        {
            return ODataAnswer.Error(ODataAnswer.Explain(e), SafePreferences(request), request.IsOld);
        }
        catch (ODataException e)
        {
            return ODataAnswer.Error(e, SafePreferences(request), request.IsOld);
        }
    }

    /// <summary>Carries out a change set: all requests in one transaction. The first that fails takes everything back and is the answer.</summary>
    private async ValueTask<(IReadOnlyList<LabHttpAnswer> Answers, LabHttpAnswer? Error)> CarryOutTogetherAsync(
        IReadOnlyList<(Func<ODataRequest> Request, Caller Caller)> requests, CancellationToken cancellationToken)
    {
        try
        {
            return (await crm.ChangeAsync(work => requests.Select(r => CarryOut(r.Request(), r.Caller, work)).ToArray(), cancellationToken), null);
        }
        catch (CrmException e)
        {
            return ([], ODataAnswer.Error(ODataAnswer.Explain(e), requests[0].Request().Preferences));
        }
        catch (ODataException e)
        {
            return ([], ODataAnswer.Error(e, requests[0].Request().Preferences));
        }
    }

    /// <summary>Finds whom a part of a batch is done for: whom its own headers name, otherwise whom the batch is done for.</summary>
    private async ValueTask<Caller> CallerOfAsync(IReadOnlyDictionary<string, string> headers, LabAccessToken token, Caller caller, CancellationToken cancellationToken)
    {
        string objectId = headers.GetValueOrDefault("CallerObjectId", string.Empty);
        string callerId = headers.GetValueOrDefault("MSCRMCallerID", string.Empty);
        return objectId.Length == 0 && callerId.Length == 0 ? caller : await IdentifyAsync(token, objectId, callerId, cancellationToken);
    }

    private LabHttpAnswer CarryOut(ODataRequest request, Caller caller, CrmUnitOfWork work)
    {
        var rows = new RowReader(work, ModelOf(work), caller.UserId, Clock.GetUtcNow());
        var access = new CallerAccess(Policy, caller);
        if (request.Resource.Segments.Count == 0 || request.Resource.Segments[0].Name is "$metadata" or "EntityDefinitions")
            return new MetadataRequests(request, rows).Handle();
        return MessageCall.Find(request) is { } call ? rowMessages.Handle(call, request, rows, access) : new EntityRequests(request, rows, access).Handle();
    }

    private DataverseModel ModelOf(CrmUnitOfWork work)
    {
        IReadOnlyList<TableDefinition> tables = work.Tables;
        int size = tables.Sum(t => 1 + t.Columns.Count);
        DataverseModel? known = model;
        if (known is null || modelSize != size)
            (model, modelSize) = (known = new DataverseModel(tables), size);
        return known;
    }

    /// <summary>Finds the user whom a request is made by, or for (impersonation).</summary>
    private async ValueTask<Caller> IdentifyAsync(LabAccessToken token, string objectId, string callerId, CancellationToken cancellationToken)
    {
        CrmRecord user = token.UserName is { } name
            ? await FindUserAsync(name.Contains('\\', StringComparison.Ordinal) ? "domainname" : "internalemailaddress", name, cancellationToken)
            : await FindUserAsync("applicationid", Guid.TryParse(token.ClientId, out Guid application) ? application : Guid.Empty, cancellationToken);
        CheckEnabled(user);
        if (objectId.Length == 0 && callerId.Length == 0)
            return new Caller(user.Id, user.Id);
        if (!Guid.TryParse(objectId.Length > 0 ? objectId : callerId, out Guid asked))
            throw new ODataException(HttpStatusCode.BadRequest, "0x80040203", "The header that names the caller holds no GUID.");
        new CallerAccess(Policy, new Caller(user.Id, user.Id)).Check("prvActOnBehalfOfAnotherUser", "systemuser");
        CrmRecord other = objectId.Length > 0
            ? await FindUserAsync("azureactivedirectoryobjectid", asked, cancellationToken)
            : await FindUserAsync("systemuserid", asked, cancellationToken);
        CheckEnabled(other);
        return new Caller(other.Id, user.Id);
    }

    private async ValueTask<CrmRecord> FindUserAsync(string column, object value, CancellationToken cancellationToken)
    {
        IReadOnlyList<CrmRecord> found = await crm.ReadAsync(
            work => work.Select(new RecordSelection("systemuser") { Conditions = [new RecordCondition(column, [value])] }), cancellationToken);
        return found.Count > 0 ? found[0] : throw new ODataException(HttpStatusCode.Forbidden, "0x80072560", "The user is not a member of the organization.");
    }

    private static void CheckEnabled(CrmRecord user)
    {
        if (user["isdisabled"] is true)
            throw new ODataException(HttpStatusCode.Forbidden, "0x80040225", $"The specified user(Id = {user.Id}) is disabled. Consider enabling this user.");
    }

    private LabHttpAnswer Challenge(LabHttpRequest? request) => new LabHttpAnswer(401)
        .With("WWW-Authenticate", $"Bearer authorization_uri={tokens.Authority}/oauth2/authorize, resource_id={request?.BaseUrl ?? Url.ToString().TrimEnd('/')}/");

    /// <summary>Tells whether a request is for the Organization.svc of this organization.</summary>
    private bool IsOrganizationService(LabHttpRequest request) => OrganizationEndpoint.Takes(request, out string? organization) && IsOrganization(organization);

    private bool IsOrganization(string? name) =>
        Policy.UrlName is null || string.Equals(Uri.UnescapeDataString(name ?? string.Empty), Policy.UrlName, StringComparison.OrdinalIgnoreCase);

    private static string KindOf(string path) =>
        string.Join('/', path.Split('/', StringSplitOptions.RemoveEmptyEntries).Select(s => s.Split('(', '%')[0]).Where(s => s.Length > 0));

    /// <summary>Splits an address: the root, the path below it (null when it is not the service's), and whether the version is 8.</summary>
    private (string Root, string? Path, bool IsOld) Split(LabHttpRequest request)
    {
        string[] segments = request.Path.Split('/');
        int api = Array.IndexOf(segments, "api");
        if (api is not (1 or 2) || !IsOrganization(api == 2 ? segments[1] : null) || segments.Length < api + 3 || segments[api + 1] != "data" || !versions.Contains(segments[api + 2]))
            return (request.BaseUrl, null, false);
        string root = $"{request.BaseUrl}{string.Join('/', segments.Take(api + 3))}/";
        return (root, string.Join('/', segments.Skip(api + 3)), segments[api + 2].StartsWith("v8", StringComparison.Ordinal));
    }
}

/// <summary>Who makes a request.</summary>
/// <param name="UserId">The user in whose name it runs.</param>
/// <param name="LoggedInId">The user who logged in; another one when the caller is impersonated.</param>
internal sealed record Caller(Guid UserId, Guid LoggedInId);

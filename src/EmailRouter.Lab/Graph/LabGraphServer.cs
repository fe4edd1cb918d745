using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.OAuth;
using EmailRouter.Lab.Servers;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Graph;

/// <summary>Options of the lab's Graph endpoint.</summary>
public sealed record LabGraphOptions : LabHttpOptions
{
    /// <summary>Makes options with the service's limit of 4 MB for a request.</summary>
    public LabGraphOptions() => MaxBody = 4 * 1024 * 1024;

    /// <summary>Gets how many requests one application may have running for one mailbox. Defaults to 4.</summary>
    public int MailboxConcurrency { get; init; } = 4;

    /// <summary>Gets what is said in <c>Retry-After</c> to the next one. Defaults to 1 second.</summary>
    public TimeSpan ThrottleWait { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Gets the greatest attachment of an upload session in bytes. Defaults to 150 MB.</summary>
    public long MaxUpload { get; init; } = 150L * 1024 * 1024;
}

/// <summary>
/// The mail API of Microsoft Graph v1.0 over the lab's mailboxes: users, folders, messages with OData options, MIME, delta, drafts, attachments with upload sessions, sending,
/// inbox rules and batches; errors, ids, limits and permissions as the service has them. Tokens are those of a <see cref="LabTokenServer"/> for
/// <c>https://graph.microsoft.com</c> or for this server's own address.
/// </summary>
public sealed class LabGraphServer : LabHttpServer
{
    /// <summary>The resource that tokens are for.</summary>
    public const string Resource = "https://graph.microsoft.com";

    private readonly LabMailStore store;
    private readonly LabTokenServer tokens;
    private readonly LabGraphOptions options;
    private readonly GraphUploads uploads;
    private readonly ConcurrentDictionary<string, bool> onPremises = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Makes a server; <see cref="LabServer.Start"/> starts it.</summary>
    /// <param name="store">The mailboxes.</param>
    /// <param name="tokens">Who issues the tokens.</param>
    /// <param name="options">Options; defaults when omitted.</param>
    public LabGraphServer(LabMailStore store, LabTokenServer tokens, LabGraphOptions? options = null)
        : base((store ?? throw new ArgumentNullException(nameof(store))).Clock, options ??= new LabGraphOptions())
    {
        ArgumentNullException.ThrowIfNull(tokens);
        this.store = store;
        this.tokens = tokens;
        this.options = options;
        uploads = new GraphUploads(store.Clock, options.MaxUpload);
    }

    /// <summary>Gets the address that requests start with, in the clear, e.g. <c>http://127.0.0.1:1234/v1.0</c>.</summary>
    public Uri ServiceUrl => new(Url, "v1.0");

    /// <summary>Gets the address that requests start with, with TLS.</summary>
    public Uri TlsServiceUrl => new(TlsUrl, "v1.0");

    /// <summary>Gets what Exchange itself grants to applications or takes from them.</summary>
    public GraphPermissions Permissions { get; } = new();

    /// <summary>Makes a mailbox one that lies on-premises, so that the service has no REST for it.</summary>
    /// <param name="address">Its address.</param>
    public void MoveOnPremises(string address) => onPremises[address] = true;

    /// <summary>Gets the object id by which a mailbox's user can be named instead of its address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The id.</returns>
    public static string UserIdOf(string address) => LabTokenServer.ObjectIdOf(address);

    private protected override LabProtocol Protocol => LabProtocol.Graph;

    private protected override string KindOf(LabHttpRequest request)
    {
        if (request.Path.StartsWith(GraphUploads.Path, StringComparison.Ordinal))
            return $"{request.Method} upload";
        return $"{request.Method} {(Split(request).Path is { } path ? path.Template : "unknown")}";
    }

    private protected override string KeyOf(LabHttpRequest request) => $"{MailboxOf(request)} {Accept(request)?.ClientId}";

    private protected override string? MailboxOf(LabHttpRequest request) => Split(request).Path is { User: { } user } ? AddressOf(user, request) : null;

    private protected override LabHttpAnswer Refuse(int status, string message, LabHttpRequest? request)
    {
        GraphError error = status switch
        {
            401 => new GraphError(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."),
            413 => new GraphError(413, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size."),
            429 => new GraphError(429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit."),
            503 => new GraphError(503, "ErrorServerBusy", "The server cannot service this request right now. Try again later."),
            500 => new GraphError(500, "ErrorInternalServerError", message),
            _ => new GraphError(status, "BadRequest", message),
        };
        return Stamp(Show(error, request), request);
    }

    private protected override async ValueTask<LabHttpAnswer> HandleAsync(LabHttpRequest request, CancellationToken cancellationToken)
    {
        LabHttpAnswer answer;
        try
        {
            answer = await AnswerAsync(request, cancellationToken);
        }
        catch (GraphError e)
        {
            answer = Show(e, request);
        }
        catch (LabStoreException e)
        {
            answer = Show(GraphError.Of(e), request);
        }

        return Stamp(answer, request);
    }

    private async ValueTask<LabHttpAnswer> AnswerAsync(LabHttpRequest request, CancellationToken cancellationToken)
    {
        if (request.Path.StartsWith(GraphUploads.Path, StringComparison.Ordinal))
            return await uploads.HandleAsync(request, cancellationToken);
        (string version, GraphPath? path) = Split(request);
        if (path is null)
            throw GraphError.BadRequest($"Invalid version: {version}");
        LabAccessToken token = Authenticate(request);
        if (path is { User: null, Segments: ["$batch"] } && request.Method == "POST")
        {
            JsonObject body = GraphBody.Read(request);
            return await new GraphBatch(request, version, HandlePartAsync).RunAsync(body, cancellationToken);
        }

        if (path.User is not { } user)
            throw GraphError.NoResource(path.Segments.Count > 0 ? path.Segments[0] : string.Empty);
        if (user == "me" && token.UserName is null)
            throw GraphError.BadRequest("/me request is only valid with delegated authentication flow.");
        string? address = AddressOf(user, request);
        LabMailbox mailbox = (address is null ? null : store.Find(address)) ?? throw (path.Segments.Count == 0
            ? new GraphError(404, "Request_ResourceNotFound", $"Resource '{user}' does not exist or one of its queried reference-property objects are not present.")
            : new GraphError(404, "ErrorInvalidUser", $"The requested user '{user}' is invalid."));
        bool isBasic = Permissions.Check(token, mailbox, request.Method, path.Segments);
        if (path.Segments.Count > 0 && onPremises.ContainsKey(mailbox.Address))
            throw new GraphError(404, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise.");
        if (RunningOf(KeyOf(request)) > options.MailboxConcurrency)
            return Refuse(429, string.Empty, request).WithRetryAfter(options.ThrottleWait);
        var call = new GraphCall(request, $"{request.BaseUrl}/{version}", path, mailbox, token) { IsBasic = isBasic };
        LabHttpAnswer answer = await RouteAsync(call, cancellationToken);
        return call.PreferencesApplied is { Length: > 0 } applied ? answer.With("Preference-Applied", applied) : answer;
    }

    private async ValueTask<LabHttpAnswer> RouteAsync(GraphCall call, CancellationToken stop)
    {
        var messages = new GraphMessages(call, store);
        var folders = new GraphFolders(call);
        string method = call.Request.Method;
        IReadOnlyList<string> path = call.Path.Segments;

        // A message may be named within its folder; it must lie there.
        if (path is ["mailFolders", var within, "messages", var inner, ..] && inner is not ("delta" or "$count"))
        {
            if (GraphIds.Message(call.Mailbox, inner).FolderId != GraphIds.FolderOf(call.Mailbox, within).Id)
                throw GraphError.NotFound();
            path = [.. path.Skip(2)];
        }

        switch (method, path)
        {
            case ("GET", []):
                return LabHttpAnswer.OfJson(200, ShowUser(call));
            case ("POST", ["sendMail"]):
                return await messages.SendMailAsync(stop);
            case ("POST", ["translateExchangeIds"]):
                return GraphTranslation.Run(call);

            case ("GET", ["mailFolders"]):
                return folders.List(null);
            case ("POST", ["mailFolders"]):
                return folders.Create(null);
            case ("GET", ["mailFolders", var folder, "childFolders"]):
                return folders.List(folder);
            case ("POST", ["mailFolders", var folder, "childFolders"]):
                return folders.Create(folder);
            case ("GET", ["mailFolders", var folder]):
                return folders.Get(folder);
            case ("PATCH", ["mailFolders", var folder]):
                return folders.Update(folder);
            case ("DELETE", ["mailFolders", var folder]):
                return folders.Delete(folder);
            case ("POST", ["mailFolders", var folder, "move"]):
                return folders.Move(folder);
            case ("POST", ["mailFolders", var folder, "permanentDelete"]):
                return folders.DeleteForGood(folder);

            case (_, ["mailFolders", var folder, "messageRules", ..]):
                return Rules(call, folder, method, [.. path.Skip(3)]);

            case ("GET", ["mailFolders", var folder, "messages", "delta"]):
                return new GraphDelta(call).Get(folder);
            case ("GET", ["mailFolders", var folder, "messages"]):
                return messages.List(folder);
            case ("GET", ["mailFolders", var folder, "messages", "$count"]):
                return messages.Count(folder);
            case ("POST", ["mailFolders", var folder, "messages"]):
                return await messages.CreateAsync(folder, stop);

            case ("GET", ["messages"]):
                return messages.List(null);
            case ("GET", ["messages", "$count"]):
                return messages.Count(null);
            case ("GET", ["messages", "delta"]):
                throw GraphError.BadRequest("Change tracking is supported for the messages of one folder.");
            case ("POST", ["messages"]):
                return await messages.CreateAsync(null, stop);
            case ("GET", ["messages", var id]):
                return messages.Get(id);
            case ("PATCH", ["messages", var id]):
                return await messages.UpdateAsync(id, stop);
            case ("DELETE", ["messages", var id]):
                return messages.Delete(id);
            case ("GET", ["messages", var id, "$value"]):
                return messages.GetMime(id);
            case ("POST", ["messages", var id, "move"]):
                return messages.Move(id);
            case ("POST", ["messages", var id, "copy"]):
                return messages.Copy(id);
            case ("POST", ["messages", var id, "permanentDelete"]):
                return messages.DeleteForGood(id);
            case ("POST", ["messages", var id, "send"]):
                return messages.Send(id);
            case ("POST", ["messages", var id, "reply" or "replyAll" or "forward" or "createReply" or "createReplyAll" or "createForward"]):
                return await messages.RespondAsync(id, path[2], stop);

            case ("GET", ["messages", var id, "attachments"]):
                return messages.Attachments(id);
            case ("POST", ["messages", var id, "attachments"]):
                return await messages.AttachAsync(id, stop);
            case ("POST", ["messages", var id, "attachments", "createUploadSession"]):
                return uploads.Create(call, messages.FindDraft(id));
            case ("GET", ["messages", var id, "attachments", var attachment]):
                return messages.Attachment(id, attachment);
            case ("GET", ["messages", var id, "attachments", var attachment, "$value"]):
                return messages.AttachmentContent(id, attachment);
            case ("DELETE", ["messages", var id, "attachments", var attachment]):
                return await messages.DetachAsync(id, attachment, stop);
            default:
                throw GraphError.NoResource(path[^1]);
        }
    }

    private LabHttpAnswer Rules(GraphCall call, string folder, string method, IReadOnlyList<string> rest)
    {
        if (GraphIds.FolderOf(call.Mailbox, folder).WellKnownName != LabFolderNames.Inbox)
            throw GraphError.Invalid("Rules belong to the Inbox.");
        var rules = new GraphRules(call, store.NextId);
        return (method, rest) switch
        {
            ("GET", []) => rules.List(),
            ("POST", []) => rules.Create(),
            ("GET", [var id]) => rules.Get(id),
            ("PATCH", [var id]) => rules.Update(id),
            ("DELETE", [var id]) => rules.Delete(id),
            _ => throw GraphError.NoResource("messageRules"),
        };
    }

    private static JsonObject ShowUser(GraphCall call)
    {
        LabMailbox mailbox = call.Mailbox;
        var json = new JsonObject
        {
            ["@odata.context"] = $"{call.Root}/$metadata#users/$entity",
            ["id"] = UserIdOf(mailbox.Address),
            ["displayName"] = mailbox.DisplayName,
            ["mail"] = mailbox.Address,
            ["userPrincipalName"] = mailbox.Address,
        };
        if (call.Query.Select is { } select)
        {
            foreach (string name in json.Select(p => p.Key).Where(n => !n.StartsWith('@') && !select.Contains(n, StringComparer.OrdinalIgnoreCase)).ToList())
                json.Remove(name);
        }

        return json;
    }

    private static (string Version, GraphPath? Path) Split(LabHttpRequest request)
    {
        string[] parts = request.Path.Split('/', 3);
        string version = parts.Length > 1 ? parts[1] : string.Empty;
        return (version, version is "v1.0" or "beta" ? GraphPath.Parse(parts.Length > 2 ? parts[2] : string.Empty) : null);
    }

    private string? AddressOf(string user, LabHttpRequest request)
    {
        if (user == "me")
            return Accept(request)?.UserName;
        return Guid.TryParse(user, out _) ? store.Mailboxes.FirstOrDefault(m => UserIdOf(m.Address).Equals(user, StringComparison.OrdinalIgnoreCase))?.Address : user;
    }

    private LabAccessToken? Accept(LabHttpRequest request) =>
        tokens.Accept(request.BearerToken, Resource, "00000003-0000-0000-c000-000000000000", Url.AbsoluteUri, TlsUrl.AbsoluteUri);

    private LabAccessToken Authenticate(LabHttpRequest request)
    {
        if (request.BearerToken is not { Length: > 0 } bearer)
            throw new GraphError(401, "InvalidAuthenticationToken", "Access token is empty.");
        return Accept(request) ?? throw new GraphError(
            401,
            "InvalidAuthenticationToken",
            bearer.Count(c => c == '.') != 2 ? "CompactToken parsing failed with error code: 80049217" : "Access token validation failure. Invalid audience, or the token is expired.");
    }

    private LabHttpAnswer Show(GraphError error, LabHttpRequest? request)
    {
        LabHttpAnswer answer = LabHttpAnswer.OfJson(error.Status, new JsonObject
        {
            ["error"] = new JsonObject
            {
                ["code"] = error.Code,
                ["message"] = error.Message,
                ["innerError"] = new JsonObject
                {
                    ["date"] = Clock.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture),
                    ["request-id"] = string.Empty,
                    ["client-request-id"] = request?.Header("client-request-id") ?? string.Empty,
                },
            },
        });
        return error.Status == 401
            ? answer.With("WWW-Authenticate", $"Bearer realm=\"\", authorization_uri=\"{tokens.TlsUrl}common/oauth2/authorize\", client_id=\"00000003-0000-0000-c000-000000000000\"")
            : answer;
    }

    /// <summary>Adds what every answer has: the ids by which it can be found again.</summary>
    private static LabHttpAnswer Stamp(LabHttpAnswer answer, LabHttpRequest? request)
    {
        if (answer.Headers.Any(h => h.Key == "request-id"))
            return answer;
        string id = Guid.NewGuid().ToString();
        string clientId = request?.Header("client-request-id") is { Length: > 0 } given ? given : id;
        if (answer.Status >= 400 && JsonNode.Parse(answer.Body.Span) is JsonObject json && json["error"]?["innerError"] is JsonObject inner)
        {
            inner["request-id"] = id;
            inner["client-request-id"] = clientId;
            answer = answer with { Body = System.Text.Encoding.UTF8.GetBytes(json.ToJsonString()) };
        }

        return answer.With("request-id", id).With("client-request-id", clientId).With("OData-Version", "4.0").With("Cache-Control", "private");
    }
}

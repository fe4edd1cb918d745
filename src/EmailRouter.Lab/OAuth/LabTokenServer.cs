using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.Servers;

namespace EmailRouter.Lab.OAuth;

/// <summary>Options of the lab's token endpoint.</summary>
public sealed record LabTokenOptions : LabHttpOptions
{
    /// <summary>Gets the tenant's id.</summary>
    public string TenantId { get; init; } = "7b6b1f5c-5e3c-4a2f-9d0a-1f6f0c6f9a01";

    /// <summary>Gets the tenant's domain, which names it as well as its id does. Defaults to <c>contoso.test</c>.</summary>
    public string TenantDomain { get; init; } = "contoso.test";

    /// <summary>Gets how long access tokens are valid. Defaults to one hour.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Gets how long a device code waits for its person. Defaults to 15 minutes.</summary>
    public TimeSpan DeviceCodeLifetime { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Gets how often a client may ask whether the person has signed in. Defaults to 1 second; it is told, not enforced.</summary>
    public TimeSpan DeviceCodeInterval { get; init; } = TimeSpan.FromSeconds(1);
}

/// <summary>
/// A token endpoint that speaks as Microsoft Entra's v2.0 does (OAuth 2.0: RFC 6749, 7523, 8628): client credentials with a secret or a signed assertion, device codes, user name
/// and password, refresh tokens; the provider's description and keys. Client libraries insist on https, so give them <see cref="Authority"/> and trust
/// the server's certificate. The path segment <c>adfs</c> in the tenant's place works as AD FS. Tokens are real (RS256); endpoints of the same lab ask <see cref="Accept"/>.
/// </summary>
public sealed class LabTokenServer : LabHttpServer
{
    private readonly LabTokenOptions options;
    private readonly ConcurrentDictionary<string, LabOAuthClient> clients = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, LabAccessToken> tokens = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, RefreshToken> refreshTokens = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, PendingDevice> devices = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> passwords = new(StringComparer.OrdinalIgnoreCase);
    private readonly LabTrustService trust = new();
    private long lastId;

    /// <summary>Makes a server; <see cref="LabServer.Start"/> starts it.</summary>
    /// <param name="clock">The clock that tokens are stamped with; the system's when omitted.</param>
    /// <param name="options">Options; defaults when omitted.</param>
    public LabTokenServer(TimeProvider? clock = null, LabTokenOptions? options = null)
        : base(clock, options ??= new LabTokenOptions()) => this.options = options;

    /// <summary>Gets the tenant's id.</summary>
    public string TenantId => options.TenantId;

    /// <summary>Gets the authority for client libraries: https, with the tenant.</summary>
    public Uri Authority => new(TlsUrl, TenantId);

    /// <summary>Gets the token endpoint in the clear, for clients that need no https.</summary>
    public Uri TokenUrl => new(Url, $"{TenantId}/oauth2/v2.0/token");

    /// <summary>Gets or sets the moment before which tokens count as expired, whatever they say; null for none. A test sets it to the present to expire all tokens at once.</summary>
    public DateTimeOffset? RefuseIssuedBefore { get; set; }

    /// <summary>Gets the device codes that wait for a person.</summary>
    public IReadOnlyList<LabDeviceCode> WaitingDevices => [.. devices.Values.Where(d => d.UserName is null && !d.IsDeclined).Select(d => new LabDeviceCode(d.UserCode, d.ClientId))];

    /// <summary>Gets or sets who signs in with every device code as soon as it is shown; null when a test calls <see cref="SignIn"/> itself.</summary>
    public string? SignInAtOnce { get; set; }

    /// <summary>Registers an application, or replaces one.</summary>
    /// <param name="client">The application.</param>
    public void Register(LabOAuthClient client)
    {
        ArgumentNullException.ThrowIfNull(client);
        clients[client.ClientId] = client;
    }

    /// <summary>Adds a user who may log in with a password (RFC 6749 4.3), and enter a device code on the page of this server.</summary>
    /// <param name="userName">The user.</param>
    /// <param name="password">The password.</param>
    public void AddUser(string userName, string password) => passwords[userName] = password;

    /// <summary>Gets where the AD FS of this server describes its token service (WS-Trust), which takes user names with passwords.</summary>
    public Uri TrustMetadata => new(TlsUrl, "adfs/services/trust/mex");

    /// <summary>Adds a service for which AD FS gives tokens (a relying party).</summary>
    /// <param name="address">Its address; those that begin so are meant too.</param>
    public void AddRelyingParty(Uri address) => trust.AddParty(address);

    /// <summary>Finds a token of WS-Trust.</summary>
    internal LabIssuedToken? FindIssued(string cipherText) =>
        trust.Find(cipherText) is { } token && !(RefuseIssuedBefore is { } moment && token.Content.IssuedOn < moment) ? token : null;

    /// <summary>Signs a person in with a device code.</summary>
    /// <param name="userCode">The code.</param>
    /// <param name="userName">The person's user name.</param>
    /// <exception cref="ArgumentException">No device waits with this code.</exception>
    public void SignIn(string userCode, string userName) => Waiting(userCode).UserName = userName;

    /// <summary>Lets a person decline.</summary>
    /// <param name="userCode">The code.</param>
    /// <exception cref="ArgumentException">No device waits with this code.</exception>
    public void Decline(string userCode) => Waiting(userCode).IsDeclined = true;

    /// <summary>Issues a token without asking anybody, for tests and benchmarks.</summary>
    /// <param name="audience">The resource, e.g. <c>https://graph.microsoft.com</c>.</param>
    /// <param name="clientId">The application; it need not be registered.</param>
    /// <param name="roles">Application permissions.</param>
    /// <param name="userName">The user; null for an application that acts for itself.</param>
    /// <param name="scopes">Delegated permissions.</param>
    /// <returns>The token.</returns>
    public string Issue(string audience, string clientId = "lab", IReadOnlyList<string>? roles = null, string? userName = null, IReadOnlyList<string>? scopes = null)
    {
        ArgumentNullException.ThrowIfNull(audience);
        DateTimeOffset now = Clock.GetUtcNow();
        var token = new LabAccessToken(audience.TrimEnd('/'), clientId, TenantId, now, now + options.Lifetime) { UserName = userName, Roles = roles ?? [], Scopes = scopes ?? [] };
        var claims = new JsonObject
        {
            ["aud"] = token.Audience,
            ["iss"] = $"https://sts.windows.net/{TenantId}/",
            ["iat"] = now.ToUnixTimeSeconds(),
            ["nbf"] = now.ToUnixTimeSeconds(),
            ["exp"] = token.ExpiresOn.ToUnixTimeSeconds(),
            ["appid"] = clientId,
            ["idtyp"] = userName is null ? "app" : "user",
            ["oid"] = ObjectIdOf(userName ?? clientId),
            ["sub"] = ObjectIdOf(userName ?? clientId),
            ["tid"] = TenantId,
            ["uti"] = Interlocked.Increment(ref lastId).ToString("x", CultureInfo.InvariantCulture),
            ["ver"] = "1.0",
        };
        if (token.Roles.Count > 0)
            claims["roles"] = new JsonArray([.. token.Roles.Select(r => (JsonNode)r)]);
        if (userName is not null)
        {
            claims["upn"] = userName;
            claims["unique_name"] = userName;
            claims["scp"] = string.Join(' ', token.Scopes);
        }

        string text = LabJwt.Sign(claims);
        tokens[text] = token;
        return text;
    }

    /// <summary>Says what a token is good for.</summary>
    /// <param name="token">The token; null for none.</param>
    /// <param name="audiences">The resources that the endpoint is known by; a slash at the end does not matter.</param>
    /// <returns>The token's content; null when it is not of this lab, expired, refused by <see cref="RefuseIssuedBefore"/>, or for another resource.</returns>
    public LabAccessToken? Accept(string? token, params IReadOnlyList<string> audiences)
    {
        if (token is null || !tokens.TryGetValue(token, out LabAccessToken? known))
            return null;
        if (known.ExpiresOn <= Clock.GetUtcNow() || (RefuseIssuedBefore is { } moment && known.IssuedOn < moment))
            return null;
        return audiences.Any(a => string.Equals(a.TrimEnd('/'), known.Audience, StringComparison.OrdinalIgnoreCase)) ? known : null;
    }

    /// <summary>Logs a user in by password, for endpoints that take one themselves (<c>Authorization: Basic</c>).</summary>
    /// <param name="userName">The user.</param>
    /// <param name="password">The password.</param>
    /// <returns>What a token of the user's would say; null when the password is wrong.</returns>
    internal LabAccessToken? LogIn(string userName, string password) => passwords.TryGetValue(userName, out string? known) && known == password
        ? new LabAccessToken(string.Empty, string.Empty, TenantId, Clock.GetUtcNow(), Clock.GetUtcNow() + options.Lifetime) { UserName = userName }
        : null;

    private protected override LabProtocol Protocol => LabProtocol.OAuth;

    private protected override string KindOf(LabHttpRequest request) =>
        EndpointOf(request) is "token" && LabHttpForm.Parse(request.Text).GetValueOrDefault("grant_type") is { } grant ? grant.Split(':')[^1] : EndpointOf(request);

    private protected override LabHttpAnswer Refuse(int status, string message, LabHttpRequest? request) => status switch
    {
        429 or 503 => Error(status, "temporarily_unavailable", 90033, "A transient error has occurred. Please try again."),
        401 => Error(401, "invalid_client", 7000215, "Invalid client secret provided."),
        500 => Error(500, "server_error", 90000, message),
        _ => Error(status, "invalid_request", 900144, message),
    };

    private protected override ValueTask<LabHttpAnswer> HandleAsync(LabHttpRequest request, CancellationToken cancellationToken) => ValueTask.FromResult(Answer(request));

    private LabHttpAnswer Answer(LabHttpRequest request)
    {
        string tenant = TenantOf(request);
        if (tenant is "common" or "organizations" || tenant.Equals(options.TenantDomain, StringComparison.OrdinalIgnoreCase) || tenant == "adfs")
            tenant = tenant == "adfs" ? tenant : TenantId;
        if (tenant != "adfs" && !tenant.Equals(TenantId, StringComparison.OrdinalIgnoreCase))
            return Error(400, "invalid_request", 90002, $"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.");
        return (request.Method, EndpointOf(request)) switch
        {
            ("GET", "openid-configuration") => LabHttpAnswer.OfJson(200, Describe(request, tenant)),
            ("GET", "keys") => LabHttpAnswer.OfJson(200, LabJwt.KeySet()),
            ("POST", "usernamemixed") when tenant == "adfs" && request.IsSecure => trust.Answer(request, LogIn, Clock.GetUtcNow()),
            ("POST", "token") => Token(request),
            ("POST", "devicecode") => Device(request),
            ("GET", "deviceauth") => LabDevicePage.Form(200, null, string.Empty),
            ("POST", "deviceauth") => Enter(LabHttpForm.Parse(request.Text)),
            _ => Error(404, "invalid_request", 900561, "The endpoint does not exist or does not accept this method."),
        };
    }

    private static string TenantOf(LabHttpRequest request) => request.Path.Trim('/').Split('/')[0].ToLowerInvariant();

    private static string EndpointOf(LabHttpRequest request) => request.Path[(request.Path.LastIndexOf('/') + 1)..].ToLowerInvariant();

    private static JsonObject Describe(LabHttpRequest request, string tenant)
    {
        string root = tenant == "adfs" ? $"{request.BaseUrl}/adfs" : $"{request.BaseUrl}/{tenant}";
        string oauth = tenant == "adfs" ? $"{root}/oauth2" : $"{root}/oauth2/v2.0";
        return new JsonObject
        {
            ["issuer"] = tenant == "adfs" ? root : $"{root}/v2.0",
            ["authorization_endpoint"] = $"{oauth}/authorize",
            ["token_endpoint"] = $"{oauth}/token",
            ["device_authorization_endpoint"] = $"{oauth}/devicecode",
            ["jwks_uri"] = tenant == "adfs" ? $"{root}/discovery/keys" : $"{root}/discovery/v2.0/keys",
            ["token_endpoint_auth_methods_supported"] = new JsonArray("client_secret_post", "private_key_jwt", "client_secret_basic"),
            ["response_types_supported"] = new JsonArray("code", "id_token"),
            ["subject_types_supported"] = new JsonArray("pairwise"),
            ["id_token_signing_alg_values_supported"] = new JsonArray("RS256"),
            ["scopes_supported"] = new JsonArray("openid", "profile", "email", "offline_access"),
        };
    }

    private LabHttpAnswer Token(LabHttpRequest request)
    {
        IReadOnlyDictionary<string, string> form = LabHttpForm.Parse(request.Text);
        (string id, string? secret) = ClientOf(request, form);
        if (id.Length == 0)
            return Error(400, "invalid_request", 900144, "The request body must contain the following parameter: 'client_id'.");
        if (!clients.TryGetValue(id, out LabOAuthClient? client))
            return Error(400, "unauthorized_client", 700016, $"Application with identifier '{id}' was not found in the directory '{options.TenantDomain}'.");
        string grant = form.GetValueOrDefault("grant_type", string.Empty);
        if (grant == "client_credentials" || secret is not null || form.ContainsKey("client_assertion"))
        {
            if (Authenticate(request, client, secret, form) is { } refusal)
                return refusal;
        }

        return grant switch
        {
            "client_credentials" => ClientCredentials(client, form),
            "urn:ietf:params:oauth:grant-type:device_code" or "device_code" => PollDevice(client, form),
            "refresh_token" => Refresh(client, form),
            "password" => Password(client, form),
            "" => Error(400, "invalid_request", 900144, "The request body must contain the following parameter: 'grant_type'."),
            _ => Error(400, "unsupported_grant_type", 70003, $"The app requested an unsupported grant type '{grant}'."),
        };
    }

    private static (string Id, string? Secret) ClientOf(LabHttpRequest request, IReadOnlyDictionary<string, string> form)
    {
        string header = request.Header("Authorization");
        if (header.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase))
        {
            byte[] bytes = new byte[header.Length];
            if (Convert.TryFromBase64String(header[6..].Trim(), bytes, out int length) && Encoding.UTF8.GetString(bytes, 0, length).Split(':', 2) is [var user, var password])
                return (System.Net.WebUtility.UrlDecode(user), System.Net.WebUtility.UrlDecode(password));
        }

        return (form.GetValueOrDefault("client_id", string.Empty), form.GetValueOrDefault("client_secret"));
    }

    private LabHttpAnswer? Authenticate(LabHttpRequest request, LabOAuthClient client, string? secret, IReadOnlyDictionary<string, string> form)
    {
        if (form.TryGetValue("client_assertion", out string? assertion))
        {
            if (form.GetValueOrDefault("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
                return Error(400, "invalid_request", 50027, "The client assertion type is not supported.");
            string? wrong = LabJwt.Judge(assertion, client.ClientId, client.Certificates, a => IsAudience(a, request), Clock.GetUtcNow());
            return wrong is null ? null : Error(401, "invalid_client", 700027, $"The certificate with identifier used to sign the client assertion is not registered on application. {wrong}");
        }

        if (secret is null)
            return Error(401, "invalid_client", 7000216, "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.");
        return client.Secret is { } right && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(right), Encoding.UTF8.GetBytes(secret))
            ? null
            : Error(401, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.");
    }

    /// <summary>An assertion names the token endpoint, or the authority, by the address the client used.</summary>
    private static bool IsAudience(string audience, LabHttpRequest request) =>
        Uri.TryCreate(audience, UriKind.Absolute, out Uri? url) && string.Equals(url.Authority, request.Authority, StringComparison.OrdinalIgnoreCase) &&
        url.AbsolutePath.Split('/')[1].Equals(request.Path.Split('/')[1], StringComparison.OrdinalIgnoreCase);

    private LabHttpAnswer ClientCredentials(LabOAuthClient client, IReadOnlyDictionary<string, string> form)
    {
        string scope = form.GetValueOrDefault("scope", string.Empty);
        if (form.TryGetValue("resource", out string? resource))
            scope = resource.TrimEnd('/') + "/.default";
        const string Suffix = "/.default";
        if (!scope.EndsWith(Suffix, StringComparison.Ordinal) || scope.Contains(' ', StringComparison.Ordinal))
            return Error(400, "invalid_scope", 1002012, $"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).");
        return Success(Issue(scope[..^Suffix.Length], client.ClientId, client.Roles));
    }

    private LabHttpAnswer Device(LabHttpRequest request)
    {
        IReadOnlyDictionary<string, string> form = LabHttpForm.Parse(request.Text);
        string id = form.GetValueOrDefault("client_id", string.Empty);
        if (!clients.ContainsKey(id))
            return Error(400, "unauthorized_client", 700016, $"Application with identifier '{id}' was not found in the directory '{options.TenantDomain}'.");
        var device = new PendingDevice(
            Convert.ToHexString(RandomNumberGenerator.GetBytes(4)), id, form.GetValueOrDefault("scope", string.Empty), Clock.GetUtcNow() + options.DeviceCodeLifetime)
        {
            UserName = SignInAtOnce,
        };
        string code = LabJwt.Encode(RandomNumberGenerator.GetBytes(24));
        devices[code] = device;
        string url = $"{request.BaseUrl}/common/oauth2/deviceauth";
        return LabHttpAnswer.OfJson(200, new JsonObject
        {
            ["user_code"] = device.UserCode,
            ["device_code"] = code,
            ["verification_uri"] = url,
            ["expires_in"] = (int)options.DeviceCodeLifetime.TotalSeconds,
            ["interval"] = (int)Math.Ceiling(options.DeviceCodeInterval.TotalSeconds),
            ["message"] = $"To sign in, use a web browser to open the page {url} and enter the code {device.UserCode} to authenticate.",
        });
    }

    /// <summary>A person has filled in the page: who knows a code and a password may sign in or decline.</summary>
    private LabHttpAnswer Enter(IReadOnlyDictionary<string, string> form)
    {
        string code = form.GetValueOrDefault("user_code", string.Empty).Trim().ToUpperInvariant();
        string user = form.GetValueOrDefault("username", string.Empty).Trim();
        PendingDevice? device = devices.Values.FirstOrDefault(d => d.UserCode == code && d.UserName is null && !d.IsDeclined && d.ExpiresOn > Clock.GetUtcNow());
        if (device is null)
            return LabDevicePage.Form(400, "No device waits with this code.", string.Empty);
        if (form.GetValueOrDefault("decision") == "decline")
        {
            device.IsDeclined = true;
            return LabDevicePage.Done("Nobody was signed in. You can close this page.");
        }

        if (!passwords.TryGetValue(user, out string? password) || password != form.GetValueOrDefault("password"))
            return LabDevicePage.Form(401, "The mailbox or its password is wrong.", code);
        device.UserName = user;
        return LabDevicePage.Done($"{user} is signed in. You can close this page.");
    }

    private LabHttpAnswer PollDevice(LabOAuthClient client, IReadOnlyDictionary<string, string> form)
    {
        string code = form.GetValueOrDefault("device_code") ?? form.GetValueOrDefault("code", string.Empty);
        if (!devices.TryGetValue(code, out PendingDevice? device) || device.ClientId != client.ClientId)
            return Error(400, "bad_verification_code", 70018, "The verification code is not valid.");
        if (device.ExpiresOn <= Clock.GetUtcNow())
            return Error(400, "expired_token", 70020, "The provided value for the 'device_code' has expired.");
        if (device.IsDeclined)
            return Error(400, "authorization_declined", 70019, "The user declined the sign-in.");
        if (device.UserName is not { } user)
            return Error(400, "authorization_pending", 70016, "OAuth 2.0 device flow error. Authorization is pending. Continue polling.");
        devices.TryRemove(code, out _);
        return Delegated(client, user, device.Scope);
    }

    private LabHttpAnswer Refresh(LabOAuthClient client, IReadOnlyDictionary<string, string> form)
    {
        if (!refreshTokens.TryGetValue(form.GetValueOrDefault("refresh_token", string.Empty), out RefreshToken? token) || token.ClientId != client.ClientId)
            return Error(400, "invalid_grant", 9002313, "The refresh token is malformed or invalid.");
        return token.IsRevoked
            ? Error(400, "invalid_grant", 50173, "The provided grant has expired due to it being revoked, a fresh auth token is needed.")
            : Delegated(client, token.UserName, form.GetValueOrDefault("scope", token.Scope));
    }

    /// <summary>Takes every refresh token back, as a change of the password does.</summary>
    public void RevokeRefreshTokens()
    {
        foreach (RefreshToken token in refreshTokens.Values)
            token.IsRevoked = true;
    }

    private LabHttpAnswer Password(LabOAuthClient client, IReadOnlyDictionary<string, string> form)
    {
        string user = form.GetValueOrDefault("username", string.Empty);
        if (!passwords.TryGetValue(user, out string? password) || password != form.GetValueOrDefault("password"))
            return Error(400, "invalid_grant", 50126, "Error validating credentials due to invalid username or password.");
        string scope = form.TryGetValue("resource", out string? resource) ? resource.TrimEnd('/') + "/user_impersonation" : form.GetValueOrDefault("scope", string.Empty);
        return Delegated(client, user, scope);
    }

    private LabHttpAnswer Delegated(LabOAuthClient client, string user, string scope)
    {
        string[] asked = scope.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string[] ofResource = [.. asked.Where(s => s.Contains("://", StringComparison.Ordinal))];
        string audience = ofResource.Length > 0 ? ofResource[0][..ofResource[0].LastIndexOf('/')] : "https://graph.microsoft.com";
        string[] names = [.. asked.Except(["openid", "profile", "offline_access", "email"]).Select(s => s[(s.LastIndexOf('/') + 1)..]).Where(s => s.Length > 0)];
        if (names.Contains(".default"))
            names = [.. client.Scopes ?? ["user_impersonation"]];
        if (client.Scopes is { } consented && names.Except(consented, StringComparer.OrdinalIgnoreCase).FirstOrDefault() is { } missing)
            return Error(400, "invalid_grant", 65001, $"The user or administrator has not consented to use the application with ID '{client.ClientId}' ({missing}). Send an interactive authorization request for this user and resource.");
        string access = Issue(audience, client.ClientId, [], user, names);
        string refresh = LabJwt.Encode(RandomNumberGenerator.GetBytes(32));
        refreshTokens[refresh] = new RefreshToken(client.ClientId, user, scope);
        DateTimeOffset now = Clock.GetUtcNow();
        string oid = ObjectIdOf(user);
        LabHttpAnswer answer = Success(access, body =>
        {
            body["scope"] = string.Join(' ', asked);
            body["refresh_token"] = refresh;
            body["client_info"] = LabJwt.Encode(Encoding.UTF8.GetBytes(new JsonObject { ["uid"] = oid, ["utid"] = TenantId }.ToJsonString()));
            body["id_token"] = LabJwt.Sign(new JsonObject
            {
                ["aud"] = client.ClientId,
                ["iss"] = $"{Authority}/v2.0",
                ["iat"] = now.ToUnixTimeSeconds(),
                ["nbf"] = now.ToUnixTimeSeconds(),
                ["exp"] = (now + options.Lifetime).ToUnixTimeSeconds(),
                ["name"] = user,
                ["preferred_username"] = user,
                ["upn"] = user,
                ["oid"] = oid,
                ["sub"] = oid,
                ["tid"] = TenantId,
                ["ver"] = "2.0",
            });
        });
        return answer;
    }

    private LabHttpAnswer Success(string token, Action<JsonObject>? more = null)
    {
        var body = new JsonObject
        {
            ["token_type"] = "Bearer",
            ["expires_in"] = (int)options.Lifetime.TotalSeconds,
            ["ext_expires_in"] = (int)options.Lifetime.TotalSeconds,
            ["access_token"] = token,
        };
        more?.Invoke(body);
        return LabHttpAnswer.OfJson(200, body).With("Cache-Control", "no-store");
    }

    private LabHttpAnswer Error(int status, string error, int code, string description)
    {
        string trace = Guid.NewGuid().ToString();
        string correlation = Guid.NewGuid().ToString();
        string now = Clock.GetUtcNow().ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        return LabHttpAnswer.OfJson(status, new JsonObject
        {
            ["error"] = error,
            ["error_description"] = $"AADSTS{code}: {description} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}",
            ["error_codes"] = new JsonArray(code),
            ["timestamp"] = now,
            ["trace_id"] = trace,
            ["correlation_id"] = correlation,
        });
    }

    private PendingDevice Waiting(string userCode) =>
        devices.Values.FirstOrDefault(d => d.UserCode == userCode) ?? throw new ArgumentException($"No device waits with the code {userCode}.", nameof(userCode));

    /// <summary>Makes the object id of a user or application; the same name has the same everywhere in the lab.</summary>
    internal static string ObjectIdOf(string name) => new Guid(SHA256.HashData(Encoding.UTF8.GetBytes(name.ToUpperInvariant())).AsSpan(0, 16)).ToString();

    private sealed class PendingDevice(string userCode, string clientId, string scope, DateTimeOffset expiresOn)
    {
        public string UserCode => userCode;

        public string ClientId => clientId;

        public string Scope => scope;

        public DateTimeOffset ExpiresOn => expiresOn;

        public string? UserName { get; set; }

        public bool IsDeclined { get; set; }
    }

    private sealed class RefreshToken(string clientId, string userName, string scope)
    {
        public string ClientId => clientId;

        public string UserName => userName;

        public string Scope => scope;

        public bool IsRevoked { get; set; }
    }
}

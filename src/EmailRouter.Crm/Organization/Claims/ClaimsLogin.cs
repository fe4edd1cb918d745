using System.Xml.Linq;
using EmailRouter.Crm.Organization.Soap;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Organization.Claims;

/// <summary>
/// The claims-based log-in of an Organization.svc: finds out once whether the service wants it, and keeps the token by which messages log in.
/// </summary>
/// <remarks>Safe for use by many at once; they share the token.</remarks>
/// <param name="endpoint">Where the service is.</param>
/// <param name="login">Who logs in.</param>
internal sealed class ClaimsLogin(CrmEndpoint endpoint, CrmPassword login) : IDisposable
{
    // A description that is missing may be so for a while only.
    private static readonly TimeSpan askAgain = TimeSpan.FromMinutes(5);

    // For so long a refused password is not sent again: requests that fail one after the other would lock the account.
    private static readonly TimeSpan refusalAge = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim getting = new(1, 1);
    private volatile IssuedToken? current;
    private Uri? service;
    private TokenService? tokens;
    private CrmException? refusal;
    private DateTimeOffset refusedOn;

    // Until when HTTP logs in, in ticks of UTC.
    private long otherUntil;

    /// <summary>Gets the token in use; null before the first, and where another log-in is spoken.</summary>
    public IssuedToken? Current => current;

    /// <summary>Makes the log-in of an endpoint.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <returns>The log-in; null where the credential is no user name with a password.</returns>
    public static ClaimsLogin? For(CrmEndpoint endpoint) => endpoint.Credentials is [CrmPassword login] ? new ClaimsLogin(endpoint, login) : null;

    /// <summary>Gets a token, if the service takes one.</summary>
    /// <param name="http">What carries requests.</param>
    /// <param name="paths">The paths at which the service's endpoint may be.</param>
    /// <param name="refused">A token that the service no longer takes; null for none.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The token there is, or another when that ends soon or is the refused one; null where HTTP logs in.</returns>
    /// <exception cref="CrmException">The log-in is refused or of a kind that is not spoken, or a server cannot be reached.</exception>
    public async ValueTask<IssuedToken?> GetAsync(CrmHttp http, IEnumerable<string> paths, SoapLogin? refused, CancellationToken cancellationToken)
    {
        if (IsOther(http))
            return null;
        if (Usable(http, refused) is { } ready)
            return ready;
        await getting.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (tokens is null && !IsOther(http))
                await FindAsync(http, paths, cancellationToken).ConfigureAwait(false);
            return tokens is null ? null : Usable(http, refused) ?? (current = await IssueAsync(http, tokens, cancellationToken).ConfigureAwait(false));
        }
        finally
        {
            getting.Release();
        }
    }

    /// <summary>Says whether the service refused a message for its token, and explains it.</summary>
    /// <param name="fault">The fault.</param>
    /// <param name="date">The server's time; null when it does not say.</param>
    /// <param name="server">The server's name.</param>
    /// <param name="now">The time.</param>
    /// <returns>The error; null for a fault about something else.</returns>
    public CrmException? Refusal(XElement fault, DateTimeOffset? date, string server, DateTimeOffset now)
    {
        if (current is null)
            return null;
        SecurityFault security = SecurityFault.Read(fault);
        if (!security.IsSecurity)
            return null;
        string words = $"{server} refused the token of {login.UserName}: {FaultTable.Cut(security.Reason)} ({string.Join(", ", security.Codes)})";
        return AnswerErrors.ClockWords(date, now) is { } clock
            ? new CrmException("CrmLoginRefused", $"{words}; {clock}.", AnswerErrors.SetClock)
            : new CrmException(
                "CrmLoginRefused",
                words,
                "Check that the deployment's address is the one that AD FS gives tokens for, that AD FS and the CRM agree about certificates and time, and that " +
                "the user exists in the organization and is enabled.");
    }

    /// <inheritdoc/>
    public void Dispose() => getting.Dispose();

    private bool IsOther(CrmHttp http) => http.Clock.GetUtcNow().UtcTicks < Volatile.Read(ref otherUntil);

    private IssuedToken? Usable(CrmHttp http, SoapLogin? refused) =>
        current is { } known && !ReferenceEquals(known, refused) && http.Clock.GetUtcNow() < known.RenewOn ? known : null;

    private async ValueTask<IssuedToken> IssueAsync(CrmHttp http, TokenService from, CancellationToken cancellationToken)
    {
        if (refusal is { } known && http.Clock.GetUtcNow() - refusedOn < refusalAge)
            throw new CrmException(known.ErrorId, known.Message, known.Remedy, known) { IsTransient = known.IsTransient };
        try
        {
            return await from.IssueAsync(http, service!, cancellationToken).ConfigureAwait(false);
        }
        catch (CrmException e) when (e.ErrorId == "CrmLoginRefused")
        {
            refusedOn = http.Clock.GetUtcNow();
            refusal = e;
            throw;
        }
    }

    private async ValueTask FindAsync(CrmHttp http, IEnumerable<string> paths, CancellationToken cancellationToken)
    {
        var reader = new PolicyReader(http);
        foreach (string path in paths)
        {
            Uri address = new UriBuilder(endpoint.Url) { Path = ServiceOf(path), Query = string.Empty, Fragment = string.Empty }.Uri;
            if (await reader.ReadAsync(address, cancellationToken).ConfigureAwait(false) is not { } policy)
                continue;
            if (policy.IsOnline)
            {
                throw new CrmException(
                    "CrmNotSupported",
                    $"{http.Server} wants a log-in of the former CRM Online ({policy.Kind}), which is no longer spoken.",
                    "Use the system Dataverse with OAuth for organizations in Microsoft's cloud.");
            }

            if (policy.Kind != ServicePolicy.Federation)
            {
                Volatile.Write(ref otherUntil, long.MaxValue);
                return;
            }

            tokens = new TokenService(
                policy.TokenService ??
                    throw AnswerErrors.Unreadable("the service's description", "it wants tokens and names no service that gives them"),
                login);
            service = address;
            return;
        }

        Volatile.Write(ref otherUntil, (http.Clock.GetUtcNow() + askAgain).UtcTicks);
    }

    /// <summary>The endpoint for SOAP 1.1 stands below the service, which takes tokens.</summary>
    private static string ServiceOf(string path) => path.EndsWith("/web", StringComparison.OrdinalIgnoreCase) ? path[..^"/web".Length] : path;
}

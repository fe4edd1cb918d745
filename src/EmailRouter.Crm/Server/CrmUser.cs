using System.Net;

namespace EmailRouter.Crm.Server;

/// <summary>One user the router logs in as: its connections, and until when the server wants to be left alone by it.</summary>
internal sealed class CrmUser : IDisposable
{
    private int inFlight;

    /// <summary>Initializes a user; connects with the first request.</summary>
    /// <param name="credential">The credential.</param>
    /// <param name="context">What makes handlers.</param>
    public CrmUser(CrmCredential credential, CrmContext context)
    {
        Credential = credential;
        HttpMessageHandler handler = context.Http(credential);
        if (handler is SocketsHttpHandler sockets)
        {
            // Cookies would tie all requests to one web server of many.
            sockets.UseCookies = false;
            sockets.AutomaticDecompression = DecompressionMethods.All;
            sockets.Credentials ??= credential switch
            {
                CrmPassword password => Split(password),
                CrmProcessAccount => CredentialCache.DefaultNetworkCredentials,
                _ => null,
            };
        }

        Client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>Gets the credential.</summary>
    public CrmCredential Credential { get; }

    /// <summary>Gets the connections.</summary>
    public HttpClient Client { get; }

    /// <summary>Gets or sets until when the server wants to be left alone by this user.</summary>
    public DateTimeOffset WaitsUntil { get; set; }

    /// <summary>Gets the number of requests under way.</summary>
    public int InFlight => Volatile.Read(ref inFlight);

    /// <summary>Notes that a request begins.</summary>
    public void Begin() => Interlocked.Increment(ref inFlight);

    /// <summary>Notes that a request has ended.</summary>
    public void End() => Interlocked.Decrement(ref inFlight);

    /// <inheritdoc/>
    public void Dispose() => Client.Dispose();

    private static NetworkCredential Split(CrmPassword password)
    {
        int slash = password.UserName.IndexOf('\\', StringComparison.Ordinal);
        return slash > 0
            ? new NetworkCredential(password.UserName[(slash + 1)..], password.Secret, password.UserName[..slash])
            : new NetworkCredential(password.UserName, password.Secret);
    }
}

using System.Net;

namespace EmailRouter.Mail.Net.Http;

/// <summary>Makes the platform's HTTP handler over the router's own connections, so that pins, step reports and scripted networks hold for HTTP too.</summary>
public static class HttpHandlers
{
    /// <summary>Makes a handler. It follows no redirects and keeps no cookies beside those of its own connections.</summary>
    /// <param name="endpoint">Pins and how certificates are judged. Its host is not looked at: each request names its own.</param>
    /// <param name="context">The network, its time limits and whoever watches the steps.</param>
    /// <param name="windows">The credential for Negotiate and NTLM; null when there is none.</param>
    /// <returns>The handler; the caller disposes it.</returns>
    public static HttpMessageHandler Create(MailEndpoint endpoint, MailContext context, NetworkCredential? windows)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentNullException.ThrowIfNull(context);
        return new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.All,
            UseCookies = true,
            Credentials = windows is null ? null : new WindowsCredentials(windows),
            PreAuthenticate = windows is not null,
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            MaxConnectionsPerServer = 16,
            ConnectTimeout = Timeout.InfiniteTimeSpan,       // the transport has its own limits, by its own clock
            ConnectCallback = async (connecting, cancellationToken) =>
            {
                Stream stream = await context.Transport.ConnectAsync(connecting.DnsEndPoint.Host, connecting.DnsEndPoint.Port, context, cancellationToken).ConfigureAwait(false);
                if (connecting.InitialRequestMessage.RequestUri?.Scheme != Uri.UriSchemeHttps)
                    return stream;

                // An SslStream is taken as it is (SocketsHttpHandler secures other streams itself), and NTLM finds its channel binding in it.
                return await context.Transport.SecureAsync(stream, endpoint with { Host = connecting.DnsEndPoint.Host }, context, cancellationToken).ConfigureAwait(false);
            },
        };
    }

    /// <summary>Makes the credential of a Windows log-in.</summary>
    /// <param name="userName">The user name, as <c>DOMAIN\user</c> or <c>user@domain</c>.</param>
    /// <param name="password">The password.</param>
    /// <returns>The credential.</returns>
    public static NetworkCredential WindowsLogin(string userName, string password)
    {
        ArgumentNullException.ThrowIfNull(userName);
        int slash = userName.IndexOf('\\', StringComparison.Ordinal);
        return slash > 0 ? new NetworkCredential(userName[(slash + 1)..], password, userName[..slash]) : new NetworkCredential(userName, password);
    }

    /// <summary>Offers a credential for Negotiate and NTLM only: Basic would send the password to whoever asks.</summary>
    private sealed class WindowsCredentials(NetworkCredential credential) : ICredentials
    {
        public NetworkCredential? GetCredential(Uri uri, string authType) =>
            authType.Equals("Negotiate", StringComparison.OrdinalIgnoreCase) || authType.Equals("NTLM", StringComparison.OrdinalIgnoreCase) ? credential : null;
    }
}

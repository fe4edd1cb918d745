using System.Net.Security;
using System.Net.Sockets;

namespace EmailRouter.Mail.Net;

/// <summary>TCP and TLS of the platform.</summary>
public sealed class TcpTransport : ITransport
{
    private TcpTransport()
    {
    }

    /// <summary>Gets the instance.</summary>
    public static TcpTransport Instance { get; } = new();

    /// <inheritdoc/>
    public async ValueTask<Stream> ConnectAsync(string host, int port, MailContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(host, port, cancellationToken).ConfigureAwait(false);
        return new NetworkStream(socket, ownsSocket: true);
    }

    /// <inheritdoc/>
    public async ValueTask<Stream> SecureAsync(Stream plain, MailEndpoint endpoint, MailContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        var tls = new SslStream(plain);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = endpoint.Host }, cancellationToken).ConfigureAwait(false);
        return tls;
    }
}

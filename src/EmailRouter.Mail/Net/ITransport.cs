namespace EmailRouter.Mail.Net;

/// <summary>The network as the clients see it: a stream that can be secured. Tests script it.</summary>
public interface ITransport
{
    /// <summary>Resolves and connects.</summary>
    /// <param name="host">Host name or address.</param>
    /// <param name="port">Port.</param>
    /// <param name="context">Deadlines and whoever watches the steps.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The stream of bytes; the caller disposes it.</returns>
    /// <exception cref="MailConnectionException">The host is unknown, unreachable, refuses, or takes too long.</exception>
    ValueTask<Stream> ConnectAsync(string host, int port, MailContext context, CancellationToken cancellationToken);

    /// <summary>Secures a connection as a TLS client (TLS 1.2 or later, SNI = host).</summary>
    /// <param name="plain">The stream to secure; owned by the result.</param>
    /// <param name="endpoint">Host name to verify, pins.</param>
    /// <param name="context">Deadlines and whoever watches the steps.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The secured stream.</returns>
    /// <exception cref="MailTlsException">The handshake failed or the certificate was refused.</exception>
    ValueTask<Stream> SecureAsync(Stream plain, MailEndpoint endpoint, MailContext context, CancellationToken cancellationToken);
}

using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace EmailRouter.Mail.Net;

/// <summary>TCP and TLS of the platform.</summary>
public sealed class TcpTransport : ITransport
{
    /// <summary>How long an address may keep silent before the next one is tried beside it (RFC 8305 section 5).</summary>
    private static readonly TimeSpan HeadStart = TimeSpan.FromMilliseconds(250);

    private TcpTransport()
    {
    }

    /// <summary>Gets the instance.</summary>
    public static TcpTransport Instance { get; } = new();

    /// <inheritdoc/>
    public async ValueTask<Stream> ConnectAsync(string host, int port, MailContext context, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(host);
        ArgumentNullException.ThrowIfNull(context);
        using var deadline = new CancellationTokenSource(context.Deadlines.Connect, context.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        IPAddress[] addresses = await MailSteps.RunAsync(
            context,
            MailStep.Resolve,
            async () =>
            {
                IPAddress[] found = await ResolveAsync(host, port, context, either.Token, cancellationToken).ConfigureAwait(false);
                return (found, string.Join(", ", found.Select(a => a.ToString())));
            }).ConfigureAwait(false);
        return await MailSteps.RunAsync<Stream>(
            context,
            MailStep.Connect,
            async () =>
            {
                Socket socket = await RaceAsync(addresses, host, port, context, either.Token, cancellationToken).ConfigureAwait(false);
                return (new NetworkStream(socket, ownsSocket: true), $"{socket.RemoteEndPoint}");
            }).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<Stream> SecureAsync(Stream plain, MailEndpoint endpoint, MailContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plain);
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentNullException.ThrowIfNull(context);
        return await MailSteps.RunAsync<SslStream>(
            context,
            MailStep.Tls,
            () => HandshakeAsync(plain, endpoint, context, cancellationToken),
            (report, tls) => tls.RemoteCertificate is X509Certificate2 certificate
                ? report with { CertificateExpiresOn = new DateTimeOffset(certificate.NotAfter.ToUniversalTime()) }
                : report).ConfigureAwait(false);
    }

    private static async ValueTask<IPAddress[]> ResolveAsync(
        string host, int port, MailContext context, CancellationToken either, CancellationToken caller)
    {
        if (IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? literal))
            return [literal];
        try
        {
            IPAddress[] found = await Dns.GetHostAddressesAsync(host, either).ConfigureAwait(false);
            if (found.Length > 0)
                return Interleave(found);
            throw NotFound(host, port, null, transient: false);
        }
        catch (OperationCanceledException e)
        {
            caller.ThrowIfCancellationRequested();
            throw TimedOut(host, port, MailStep.Resolve, $"The name {host} was not resolved", context.Deadlines.Connect, e);
        }
        catch (SocketException e)
        {
            throw NotFound(host, port, e, transient: e.SocketErrorCode is SocketError.TryAgain);
        }
        catch (ArgumentException e)
        {
            throw NotFound(host, port, e, transient: false);
        }
    }

    /// <summary>
    /// Alternates the address families, the resolver's first family first, so that one dead family costs one head start and not all of the time.
    /// </summary>
    private static IPAddress[] Interleave(IPAddress[] found)
    {
        IPAddress[] first = [.. found.Where(a => a.AddressFamily == found[0].AddressFamily)];
        IPAddress[] second = [.. found.Where(a => a.AddressFamily != found[0].AddressFamily)];
        var result = new List<IPAddress>(found.Length);
        for (int i = 0; i < Math.Max(first.Length, second.Length); i++)
        {
            if (i < first.Length)
                result.Add(first[i]);
            if (i < second.Length)
                result.Add(second[i]);
        }

        return [.. result];
    }

    private static async ValueTask<Socket> RaceAsync(
        IPAddress[] addresses, string host, int port, MailContext context, CancellationToken either, CancellationToken caller)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(either);
        var running = new List<Task<Socket>>();
        var failures = new List<(IPAddress Address, SocketException Error)>();
        var targets = new Dictionary<Task, IPAddress>();
        int next = 0;
        try
        {
            while (true)
            {
                if (next < addresses.Length)
                {
                    Task<Socket> attempt = OpenAsync(addresses[next], port, over.Token);
                    targets[attempt] = addresses[next++];
                    running.Add(attempt);
                }
                else if (running.Count == 0)
                {
                    throw Unreachable(host, port, failures);
                }

                Task<Task<Socket>> any = Task.WhenAny(running);
                if (next < addresses.Length)
                {
                    using var rest = CancellationTokenSource.CreateLinkedTokenSource(over.Token);
                    Task pause = Task.Delay(HeadStart, context.Clock, rest.Token);
                    await Task.WhenAny(any, pause).ConfigureAwait(false);
                    await rest.CancelAsync().ConfigureAwait(false);
                    if (!any.IsCompleted)
                    {
                        either.ThrowIfCancellationRequested();
                        continue;
                    }
                }

                Task<Socket> done = await any.ConfigureAwait(false);
                running.Remove(done);
                try
                {
                    return await done.ConfigureAwait(false);
                }
                catch (SocketException e)
                {
                    failures.Add((targets[done], e));
                }
            }
        }
        catch (OperationCanceledException e)
        {
            caller.ThrowIfCancellationRequested();
            string tried = string.Join(", ", addresses.Select(a => a.ToString()));
            throw TimedOut(host, port, MailStep.Connect, $"{tried} did not answer", context.Deadlines.Connect, e);
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
            foreach (Task<Socket> loser in running)
                _ = loser.ContinueWith(DisposeLoser, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    private static void DisposeLoser(Task<Socket> loser)
    {
        if (loser.IsCompletedSuccessfully)
            loser.Result.Dispose();
        else
            _ = loser.Exception;    // seen, so that nobody reports it as unobserved: another address has won
    }

    private static async Task<Socket> OpenAsync(IPAddress address, int port, CancellationToken cancellationToken)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address, port, cancellationToken).ConfigureAwait(false);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    [SuppressMessage("Security", "CA5398:Avoid hardcoded SslProtocols values", Justification = "Older platforms still offer TLS 1.0 and 1.1 by default.")]
    private static async ValueTask<(SslStream Stream, string Detail)> HandshakeAsync(
        Stream plain, MailEndpoint endpoint, MailContext context, CancellationToken cancellationToken)
    {
        var judge = new CertificateJudge(endpoint);
        var tls = new SslStream(plain, leaveInnerStreamOpen: false);
        using var deadline = new CancellationTokenSource(context.Deadlines.Tls, context.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            var options = new SslClientAuthenticationOptions
            {
                TargetHost = endpoint.Host,
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                CertificateRevocationCheckMode = endpoint.CheckRevocation ? X509RevocationMode.Online : X509RevocationMode.NoCheck,
                RemoteCertificateValidationCallback = judge.Validate,
            };
            await tls.AuthenticateAsClientAsync(options, either.Token).ConfigureAwait(false);
            return (tls, $"{tls.SslProtocol}, {tls.NegotiatedCipherSuite}; {judge.Verdict}");
        }
        catch (Exception e)
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            if (e is OperationCanceledException)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw TimedOut(endpoint.Host, endpoint.Port, MailStep.Tls, "The TLS handshake did not end", context.Deadlines.Tls, e);
            }

            if (judge.Refusal is { } refusal)
            {
                throw new MailTlsException(
                    "MailCertificateRefused", $"The certificate of {Where(endpoint.Host, endpoint.Port)} was refused: {refusal}", judge.Remedy, e);
            }

            if (e is AuthenticationException or IOException or SocketException or NotSupportedException)
            {
                throw new MailTlsException(
                    "MailTlsFailed",
                    $"No TLS connection with {Where(endpoint.Host, endpoint.Port)}: {Innermost(e).Message}",
                    "Check that this port speaks TLS from the first byte (implicit TLS) or choose STARTTLS, and that the server offers TLS 1.2 or later.",
                    e)
                {
                    IsTransient = e is IOException { InnerException: SocketException },
                };
            }

            throw;
        }
    }

    private static Exception Innermost(Exception e)
    {
        while (e.InnerException is { } inner)
            e = inner;
        return e;
    }

    private static string Where(string host, int? port) => port is null ? host : $"{host}:{port}";

    private static MailConnectionException NotFound(string host, int port, Exception? cause, bool transient) => new(
        "MailHostNotFound",
        MailStep.Resolve,
        $"The host name of {host}:{port} cannot be resolved{(cause is null ? string.Empty : ": " + cause.Message)}.",
        "Check the spelling of the host name and the name servers of this machine.",
        cause)
    {
        IsTransient = transient,
    };

    private static MailConnectionException TimedOut(string host, int? port, MailStep step, string what, TimeSpan limit, Exception cause) => new(
        "MailTimeout",
        step,
        $"{Where(host, port)}: {what} within {limit.TotalSeconds:0.#} s.",
        "Check that the server runs, that no firewall drops the packets, and that host and port are right.",
        cause)
    {
        IsTransient = true,
    };

    private static MailConnectionException Unreachable(string host, int port, List<(IPAddress Address, SocketException Error)> failures)
    {
        bool refused = failures.Exists(f => f.Error.SocketErrorCode == SocketError.ConnectionRefused);
        string each = string.Join("; ", failures.Select(f => $"{f.Address}: {f.Error.Message}"));
        return new MailConnectionException(
            refused ? "MailConnectionRefused" : "MailHostUnreachable",
            MailStep.Connect,
            $"{host}:{port} cannot be reached ({each}).",
            refused
                ? $"Check that the mail server runs and listens on port {port}, and that no firewall refuses the connection."
                : "Check the network, the route and the firewall between this machine and the server.",
            failures.Count > 0 ? failures[0].Error : null)
        {
            IsTransient = true,
        };
    }
}

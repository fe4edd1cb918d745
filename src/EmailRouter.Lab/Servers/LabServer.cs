using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Servers;

/// <summary>Options that the lab's servers share.</summary>
public record LabServerOptions
{
    /// <summary>Gets the faults; an own, empty set when omitted.</summary>
    public LabFaults Faults { get; init; } = new();

    /// <summary>Gets capabilities that the server does not announce and does not know, e.g. <c>PIPELINING</c> or <c>8BITMIME</c>.</summary>
    public IReadOnlySet<string> Without { get; init; } = new HashSet<string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>Gets a value indicating whether a login before TLS is refused. Defaults to false: it is all loopback.</summary>
    public bool RequireTlsForLogin { get; init; }

    /// <summary>Gets how long a session may be silent before it is closed. Defaults to 10 minutes (RFC 1939 3).</summary>
    public TimeSpan IdleLimit { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Gets who is told each line of each session (<c>C:</c>, <c>S:</c>), passwords masked; null when nobody asks.</summary>
    public Action<string>? Trace { get; init; }
}

/// <summary>
/// A server on loopback, on two ports that the system chooses: one that starts in the clear and may be upgraded to TLS, one with TLS from the
/// first byte. It runs from <see cref="Start"/> until it is disposed.
/// </summary>
public abstract class LabServer : IAsyncDisposable
{
    private readonly TcpListener plainListener = new(IPAddress.Loopback, 0);
    private readonly TcpListener tlsListener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stop = new();
    private readonly object gate = new();
    private readonly HashSet<Task> sessions = [];
    private readonly X509Certificate2 certificate;
    private readonly Lazy<X509Certificate2> expired;
    private Task[] acceptors = [];
    private int connections;
    private bool isDisposed;

    private protected LabServer(TimeProvider clock, LabServerOptions options)
    {
        Clock = clock;
        CommonOptions = options;
        DateTimeOffset now = clock.GetUtcNow();
        certificate = LabCertificate.Create(now.AddDays(-1), now.AddYears(1));
        expired = new Lazy<X509Certificate2>(() => LabCertificate.Create(now.AddYears(-1), now.AddDays(-1)));
        CertificatePin = LabCertificate.PinOf(certificate);
    }

    /// <summary>Gets the clock.</summary>
    public TimeProvider Clock { get; }

    /// <summary>Gets the faults.</summary>
    public LabFaults Faults => CommonOptions.Faults;

    /// <summary>Gets the host: the IPv4 loopback address.</summary>
    public string Host { get; } = "127.0.0.1";

    /// <summary>Gets the port that starts in the clear.</summary>
    public int Port { get; private set; }

    /// <summary>Gets the port with TLS from the first byte.</summary>
    public int TlsPort { get; private set; }

    /// <summary>Gets the pin of the server's certificate: SHA-256 over the SubjectPublicKeyInfo, lower-case hex.</summary>
    public string CertificatePin { get; }

    /// <summary>Gets the server's certificate in PEM form, for clients that want a file.</summary>
    public string CertificatePem => certificate.ExportCertificatePem();

    /// <summary>Gets how many connections were accepted so far.</summary>
    public int ConnectionCount => Volatile.Read(ref connections);

    private protected LabServerOptions CommonOptions { get; }

    /// <summary>Starts listening.</summary>
    /// <exception cref="InvalidOperationException">It was started before.</exception>
    public void Start()
    {
        ObjectDisposedException.ThrowIf(isDisposed, this);
        if (acceptors.Length > 0)
            throw new InvalidOperationException("The server runs already.");
        plainListener.Start();
        tlsListener.Start();
        Port = ((IPEndPoint)plainListener.LocalEndpoint).Port;
        TlsPort = ((IPEndPoint)tlsListener.LocalEndpoint).Port;
        acceptors = [AcceptAsync(plainListener, implicitTls: false), AcceptAsync(tlsListener, implicitTls: true)];
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (isDisposed)
            return;
        isDisposed = true;
        GC.SuppressFinalize(this);
        await stop.CancelAsync();
        plainListener.Stop();
        tlsListener.Stop();
        await Task.WhenAll(acceptors);
        Task[] running;
        lock (gate)
            running = [.. sessions];
        await Task.WhenAll(running);
        certificate.Dispose();
        if (expired.IsValueCreated)
            expired.Value.Dispose();
        stop.Dispose();
    }

    private protected abstract LabProtocol Protocol { get; }

    private protected abstract Task ServeAsync(LabConnection connection, CancellationToken stop);

    /// <summary>Chooses the certificate of a handshake.</summary>
    private protected X509Certificate2 ChooseCertificate() =>
        Faults.Take(Protocol, "TLS", null, LabFaultKind.ExpiredCertificate) is null ? certificate : expired.Value;

    private async Task AcceptAsync(TcpListener listener, bool implicitTls)
    {
        while (!stop.IsCancellationRequested)
        {
            Socket socket;
            try
            {
                socket = await listener.AcceptSocketAsync(stop.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                if (stop.IsCancellationRequested)
                    return;
                continue;
            }

            Interlocked.Increment(ref connections);
            Task session = RunAsync(socket, implicitTls);
            lock (gate)
                sessions.Add(session);
            _ = session.ContinueWith(
                done =>
                {
                    lock (gate)
                        sessions.Remove(done);
                },
                CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default);
        }
    }

    private async Task RunAsync(Socket socket, bool implicitTls)
    {
        await Task.Yield();
        socket.NoDelay = true;
        await using var connection = new LabConnection(new NetworkStream(socket, ownsSocket: true), Clock, CommonOptions.Trace);
        try
        {
            if (implicitTls && Faults.Take(Protocol, "TLS", null, LabFaultKind.Stall) is not null)
                await Task.Delay(Timeout.InfiniteTimeSpan, stop.Token);
            if (!implicitTls || await connection.SecureAsync(ChooseCertificate(), stop.Token))
                await ServeAsync(connection, stop.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The client hung up, was silent for too long, or the server stops: either way this session is over and the others go on.
            CommonOptions.Trace?.Invoke($"* session ended: {e.Message}");
        }
    }
}

/// <summary>A server of a mail protocol over the lab's mailboxes.</summary>
public abstract class LabMailServer : LabServer
{
    private protected LabMailServer(LabMailStore store, LabServerOptions options)
        : base((store ?? throw new ArgumentNullException(nameof(store))).Clock, options) => Store = store;

    /// <summary>Gets the mailboxes it serves.</summary>
    public LabMailStore Store { get; }
}

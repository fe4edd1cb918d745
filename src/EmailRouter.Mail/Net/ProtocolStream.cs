using System.Buffers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace EmailRouter.Mail.Net;

/// <summary>
/// One connection of a line protocol: a single buffered reader, a writer that gathers commands, a deadline on every wait, a log with secrets masked.
/// Lines may end in CRLF or LF when read; they always end in CRLF when written.
/// </summary>
/// <remarks>
/// After a cancellation, a time-out, a lost connection or a protocol error the connection is dead: what is in flight cannot be known any more. Every
/// later call repeats the reason.
/// </remarks>
internal sealed partial class ProtocolStream : IAsyncDisposable
{
    private const int LineBufferSize = 8 * 1024;
    private const int DataBufferSize = 64 * 1024;

    private readonly MailEndpoint endpoint;
    private readonly MailContext context;

    // One source per connection suffices for deadlines and cancellations: either way the connection is dead afterwards.
    private readonly CancellationTokenSource abort;
    private readonly ArrayBufferWriter<byte> output = new(512);
    private Stream stream;
    private byte[] input = ArrayPool<byte>.Shared.Rent(LineBufferSize);
    private int start;
    private int end;
    private string? deathReason;
    private bool writeFailed;
    private bool disposed;

    private ProtocolStream(Stream stream, MailEndpoint endpoint, int port, string mailbox, MailContext context, bool secure)
    {
        this.stream = stream;
        this.endpoint = endpoint;
        this.context = context;
        IsSecure = secure;
        Port = port;
        Where = mailbox.Length > 0 ? $"{mailbox} at {endpoint.Host}:{port}" : $"{endpoint.Host}:{port}";
        abort = new CancellationTokenSource(Timeout.InfiniteTimeSpan, context.Clock);
        Log = new ProtocolLog(context.ProtocolLog);
    }

    /// <summary>Gets whom one talks to, for messages: the mailbox, host and port.</summary>
    public string Where { get; }

    /// <summary>Gets the server's name.</summary>
    public string Host => endpoint.Host;

    /// <summary>Gets the server's port.</summary>
    public int Port { get; }

    /// <summary>Gets the log.</summary>
    public ProtocolLog Log { get; }

    /// <summary>Gets the local end of the TCP connection; null when the stream is not one.</summary>
    public System.Net.IPEndPoint? LocalEndPoint { get; private init; }

    /// <summary>Gets a value indicating whether TLS is on.</summary>
    public bool IsSecure { get; private set; }

    /// <summary>Gets a value indicating whether the connection can no longer be used.</summary>
    public bool IsDead => deathReason is not null || disposed;

    /// <summary>Gets a value indicating whether the last line ended in a bare LF.</summary>
    public bool LastLineHadBareLf { get; private set; }

    /// <summary>Gets the step that is going on.</summary>
    public MailStep CurrentStep => Step;

    private MailStep Step { get; set; } = MailStep.Greeting;

    private string Doing { get; set; } = "the greeting";

    /// <summary>Connects, and secures the connection when TLS is implicit.</summary>
    /// <param name="endpoint">The server.</param>
    /// <param name="port">The port to use.</param>
    /// <param name="mailbox">Whose mailbox, for messages; may be empty.</param>
    /// <param name="context">Network, clock, limits.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The connection, before the greeting was read.</returns>
    public static async ValueTask<ProtocolStream> OpenAsync(
        MailEndpoint endpoint, int port, string mailbox, MailContext context, CancellationToken cancellationToken)
    {
        Stream stream = await context.Transport.ConnectAsync(endpoint.Host, port, context, cancellationToken).ConfigureAwait(false);
        System.Net.IPEndPoint? local = (stream as NetworkStream)?.Socket.LocalEndPoint as System.Net.IPEndPoint;
        if (endpoint.Tls == TlsMode.Implicit)
        {
            try
            {
                stream = await context.Transport.SecureAsync(stream, endpoint with { Port = port }, context, cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                await stream.DisposeAsync().ConfigureAwait(false);
                throw;
            }
        }

        return new ProtocolStream(stream, endpoint with { Port = port }, port, mailbox, context, endpoint.Tls == TlsMode.Implicit) { LocalEndPoint = local };
    }

    /// <summary>Says what is going on from here, for deadlines and errors.</summary>
    /// <param name="step">The step.</param>
    /// <param name="doing">What is waited for, e.g. <c>the answer to UIDL</c>.</param>
    public void Enter(MailStep step, string doing)
    {
        Step = step;
        Doing = doing;
    }

    /// <summary>Puts a command into the output. Nothing leaves before <see cref="FlushAsync(CancellationToken)"/>.</summary>
    /// <param name="line">The command without its line end.</param>
    /// <param name="shown">How the log shows it where it holds a secret; null to show it as it is.</param>
    /// <exception cref="MailCommandException">The command holds a CR, LF or NUL: an argument tries to be a second command.</exception>
    public void Write(string line, string? shown = null)
    {
        ThrowIfDead();
        if (line.AsSpan().IndexOfAny('\r', '\n', '\0') >= 0)
        {
            throw new MailCommandException(
                "MailInvalidArgument",
                Step,
                $"{Where}: the command {shown ?? CommandArgument.Show(line)} was not sent: an argument holds a line break or a NUL.",
                "Remove the line break from the user name, password or address.")
            {
                Conversation = Log.Lines,
            };
        }

        Encoding.UTF8.GetBytes(line, output);
        output.Write("\r\n"u8);
        Log.Client(shown ?? line);
    }

    /// <summary>Puts bytes into the output as they are, so that they leave in one write with the commands behind them.</summary>
    /// <param name="data">The bytes.</param>
    public void Put(ReadOnlySpan<byte> data)
    {
        ThrowIfDead();
        output.Write(data);
    }

    /// <summary>Sends the commands written so far.</summary>
    /// <param name="cancellationToken">Stops the sending; the connection is dead then.</param>
    /// <returns>A task that ends when the bytes have left.</returns>
    public ValueTask FlushAsync(CancellationToken cancellationToken) => FlushAsync(context.Deadlines.Command, cancellationToken);

    /// <summary>Sends what was put and written so far.</summary>
    /// <param name="limit">The deadline.</param>
    /// <param name="cancellationToken">Stops the sending; the connection is dead then.</param>
    /// <returns>A task that ends when the bytes have left.</returns>
    public async ValueTask FlushAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        if (output.WrittenCount == 0)
            return;
        await WriteDataAsync(output.WrittenMemory, limit, cancellationToken).ConfigureAwait(false);
        output.ResetWrittenCount();
    }

    /// <summary>Sends bytes as they are.</summary>
    /// <param name="data">The bytes.</param>
    /// <param name="limit">The deadline.</param>
    /// <param name="cancellationToken">Stops the sending; the connection is dead then.</param>
    /// <returns>A task that ends when the bytes have left.</returns>
    public async ValueTask WriteDataAsync(ReadOnlyMemory<byte> data, TimeSpan limit, CancellationToken cancellationToken)
    {
        ThrowIfDead();
        CancellationTokenRegistration registration = Arm(limit, cancellationToken);
        try
        {
            await stream.WriteAsync(data, abort.Token).ConfigureAwait(false);
            await stream.FlushAsync(abort.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (IsNetworkFailure(e))
        {
            writeFailed = !abort.IsCancellationRequested;
            throw Broken(e, limit, cancellationToken);
        }
        finally
        {
            await registration.DisposeAsync().ConfigureAwait(false);
            Disarm();
        }
    }

    /// <summary>
    /// Lets a connection that died while writing be read once more: servers that refuse something in the middle say why before they close, and that
    /// lies in the receive buffer already.
    /// </summary>
    /// <returns>True when reading may be tried; the connection must be given up with <see cref="Kill"/> afterwards.</returns>
    public bool TryReadLastWords()
    {
        if (!writeFailed || disposed)
            return false;
        writeFailed = false;
        deathReason = null;
        return true;
    }

    /// <summary>Reads one line.</summary>
    /// <param name="longest">The longest line that is accepted, in bytes.</param>
    /// <param name="limit">The deadline for the whole line.</param>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    /// <returns>The line without its end; valid until the next call.</returns>
    /// <exception cref="MailConnectionException">The server closed the connection or took too long.</exception>
    /// <exception cref="MailProtocolException">The line is too long.</exception>
    public ValueTask<ReadOnlyMemory<byte>> ReadLineAsync(int longest, TimeSpan limit, CancellationToken cancellationToken)
    {
        ThrowIfDead();
        return TryTakeLine(0, longest, out ReadOnlyMemory<byte> line)
            ? ValueTask.FromResult(line)
            : ReadLineSlowlyAsync(longest, limit, cancellationToken);
    }

    /// <summary>Turns the connection into a TLS connection. Refused when the server has already sent more than it should.</summary>
    /// <param name="cancellationToken">Stops the attempt; the connection is dead then.</param>
    /// <returns>A task that ends when the handshake has.</returns>
    /// <exception cref="MailProtocolException">
    /// Bytes in plain text follow the answer to the command: somebody on the way injected them to be taken for protected ones.
    /// </exception>
    public async ValueTask SecureAsync(CancellationToken cancellationToken)
    {
        ThrowIfDead();
        if (start != end)
        {
            throw Protocol(
                "MailStartTlsInjection",
                $"{end - start} bytes in plain text follow the answer to STARTTLS",
                "Somebody on the network may be tampering with the connection. Use implicit TLS, and have the network examined.",
                MailStep.Tls);
        }

        Stream plain = stream;
        try
        {
            stream = await context.Transport.SecureAsync(plain, endpoint, context, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            deathReason = "the TLS handshake failed";
            throw;
        }

        IsSecure = true;
        Log.Note("TLS");
    }

    /// <summary>Computes the <c>tls-server-end-point</c> channel binding (RFC 5929 4).</summary>
    /// <returns>The hash of the server's certificate; null without TLS, or where the certificate's signature names no single hash.</returns>
    public byte[]? GetEndPointBinding() =>
        stream is SslStream { RemoteCertificate: X509Certificate2 certificate } ? CertificateJudge.EndPointBinding(certificate) : null;

    /// <summary>Makes the exception for something the protocol does not allow, and the connection dead.</summary>
    /// <param name="errorId">The stable id.</param>
    /// <param name="what">What the server did.</param>
    /// <param name="remedy">What to do about it; null for the usual advice.</param>
    /// <param name="step">The step; null for the current one.</param>
    /// <returns>The exception to throw.</returns>
    public MailProtocolException Protocol(string errorId, string what, string? remedy = null, MailStep? step = null)
    {
        deathReason = what;
        return new MailProtocolException(
            errorId,
            step ?? Step,
            $"{Where}: {what}.",
            remedy ?? "Check that host, port and protocol belong together; the last lines of the conversation show what the server said.")
        {
            Conversation = Log.Lines,
        };
    }

    /// <summary>Makes the exception for a connection that the server closed, and the connection dead.</summary>
    /// <param name="inner">The cause; null when the stream just ended.</param>
    /// <returns>The exception to throw.</returns>
    public MailConnectionException Lost(Exception? inner = null)
    {
        string reason = $"the connection was closed while waiting for {Doing}";
        deathReason = reason;
        return new MailConnectionException(
            "MailConnectionLost",
            Step,
            $"{Where}: {reason}{(inner is null ? string.Empty : " (" + inner.Message + ")")}.",
            "The server or something on the way closed the connection; it is tried again. When it happens always, look into the server's log.",
            inner)
        {
            IsTransient = true,
            Conversation = Log.Lines,
        };
    }

    /// <summary>Gives the connection up without a word.</summary>
    /// <param name="reason">Why.</param>
    public void Kill(string reason) => deathReason ??= reason;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (disposed)
            return;
        disposed = true;
        try
        {
            await stream.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (IsNetworkFailure(e))
        {
            Log.Note("closed: " + e.Message);      // closing TLS writes; a dead peer is no news here
        }

        // Closing the stream ends a read that still waits; nobody wants to hear how.
        _ = arrival?.ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        abort.Dispose();
        if (arrival is { IsCompleted: false })
            return;     // it may still write into the buffer
        byte[] buffer = input;
        input = [];
        start = end = 0;
        if (buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(buffer);
    }

    private static bool IsNetworkFailure(Exception e) =>
        e is OperationCanceledException or IOException or SocketException or ObjectDisposedException or InvalidOperationException;

    private async ValueTask<ReadOnlyMemory<byte>> ReadLineSlowlyAsync(int longest, TimeSpan limit, CancellationToken cancellationToken)
    {
        long deadline = context.Clock.GetTimestamp();
        ReadOnlyMemory<byte> line;
        int searched;
        do
        {
            searched = end - start;
            TimeSpan rest = limit - context.Clock.GetElapsedTime(deadline);
            if (!await FillAsync(rest, limit, cancellationToken).ConfigureAwait(false))
                throw Lost();
        }
        while (!TryTakeLine(searched, longest, out line));
        return line;
    }

    private bool TryTakeLine(int searched, int longest, out ReadOnlyMemory<byte> line)
    {
        int found = input.AsSpan(start + searched, end - start - searched).IndexOf((byte)'\n');
        if ((found < 0 ? end - start : searched + found) > longest + 1)
            throw Protocol("MailLineTooLong", $"a line of {Doing} is longer than {longest} bytes");
        if (found < 0)
        {
            line = default;
            return false;
        }

        int length = searched + found;
        bool crlf = length > 0 && input[start + length - 1] == (byte)'\r';
        LastLineHadBareLf = !crlf;
        line = input.AsMemory(start, crlf ? length - 1 : length);
        start += length + 1;
        return true;
    }

    /// <summary>Reads more bytes behind those in the buffer.</summary>
    private async ValueTask<bool> FillAsync(TimeSpan rest, TimeSpan limit, CancellationToken cancellationToken)
    {
        if (arrival is not null)
        {
            int arrived = await TakeArrivalAsync(rest, limit, cancellationToken).ConfigureAwait(false);
            if (arrived >= 0)
            {
                end += arrived;
                return arrived > 0;
            }
        }

        MakeRoom();
        int read = await ReceiveAsync(input.AsMemory(end), rest, limit, cancellationToken).ConfigureAwait(false);
        end += read;
        return read > 0;
    }

    /// <summary>Reads from the network into memory.</summary>
    private async ValueTask<int> ReceiveAsync(Memory<byte> room, TimeSpan rest, TimeSpan limit, CancellationToken cancellationToken)
    {
        CancellationTokenRegistration registration = Arm(rest, cancellationToken);
        try
        {
            return await stream.ReadAsync(room, abort.Token).ConfigureAwait(false);
        }
        catch (InvalidDataException e) when (IsCompressed)
        {
            throw CompressionBroken(e.Message);
        }
        catch (Exception e) when (IsNetworkFailure(e))
        {
            throw Broken(e, limit, cancellationToken);
        }
        finally
        {
            await registration.DisposeAsync().ConfigureAwait(false);
            Disarm();
        }
    }

    private void MakeRoom()
    {
        if (start == end)
            start = end = 0;
        if (end < input.Length)
            return;
        if (start > 0)
        {
            input.AsSpan(start, end - start).CopyTo(input);
            end -= start;
            start = 0;
            return;
        }

        Resize(input.Length * 2);
    }

    private void Resize(int size)
    {
        byte[] larger = ArrayPool<byte>.Shared.Rent(size);
        input.AsSpan(start, end - start).CopyTo(larger);
        end -= start;
        start = 0;
        ArrayPool<byte>.Shared.Return(input);
        input = larger;
    }

    private CancellationTokenRegistration Arm(TimeSpan limit, CancellationToken cancellationToken)
    {
        if (limit > TimeSpan.Zero)
            abort.CancelAfter(limit);
        else
            abort.Cancel();
        return cancellationToken.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), abort);
    }

    private void Disarm()
    {
        if (!abort.IsCancellationRequested)
            abort.CancelAfter(Timeout.InfiniteTimeSpan);
    }

    private Exception Broken(Exception cause, TimeSpan limit, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            deathReason = "the operation was cancelled";
            return new OperationCanceledException($"{Where}: cancelled while waiting for {Doing}.", cause, cancellationToken);
        }

        if (!abort.IsCancellationRequested)
            return Lost(cause);

        deathReason = $"{Doing} did not come in time";
        return new MailConnectionException(
            "MailTimeout",
            Step,
            $"{Where}: waited {limit.TotalSeconds:0.#} s for {Doing}.",
            "The server is slow or stuck; it is tried again. When it happens always, check the server's load and the firewalls on the way.",
            cause)
        {
            IsTransient = true,
            Conversation = Log.Lines,
        };
    }

    private void ThrowIfDead()
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (deathReason is null)
            return;
        throw new MailConnectionException(
            "MailConnectionLost", Step, $"{Where}: the connection can no longer be used since {deathReason}.", "Open another connection.")
        {
            IsTransient = true,
            Conversation = Log.Lines,
        };
    }
}

using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace EmailRouter.Lab.Servers;

/// <summary>The server's end of one connection: lines in, buffered bytes out, and the faults that concern bytes.</summary>
internal sealed class LabConnection(Stream stream, TimeProvider clock, Action<string>? trace) : IAsyncDisposable
{
    /// <summary>RFC 4954 4 allows AUTH lines of 12 288 octets; nothing else is longer.</summary>
    private const int MaxLine = 12_290;

    private readonly MemoryStream output = new();
    private Stream stream = stream;
    private byte[] input = new byte[16_384];
    private int start;
    private int end;
    private LabFault? answerFault;

    /// <summary>Gets a value indicating whether the connection is secured.</summary>
    public bool IsSecure { get; private set; }

    /// <summary>Gets a value indicating whether a fault has ended the connection.</summary>
    public bool IsDropped { get; private set; }

    /// <summary>Gets a value indicating whether bytes of the client wait to be read.</summary>
    public bool HasInput => end > start;

    /// <summary>
    /// Secures the connection. Whatever the client sent in the clear after asking for it is an injection (RFC 3207 4.2) and ends the connection.
    /// </summary>
    public async Task<bool> SecureAsync(X509Certificate2 certificate, CancellationToken stop)
    {
        if (HasInput)
        {
            IsDropped = true;
            return false;
        }

        var tls = new SslStream(stream);
        stream = tls;
        try
        {
            await tls.AuthenticateAsServerAsync(
                new SslServerAuthenticationOptions
                {
                    ServerCertificate = certificate,
                    EnabledSslProtocols = SslProtocols.None,
                    CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                },
                stop);
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            // The client did not like the certificate, or is gone; there is nobody left to talk to.
            trace?.Invoke($"* TLS failed: {e.Message}");
            IsDropped = true;
            return false;
        }

        IsSecure = true;
        return true;
    }

    /// <summary>Gets a value indicating whether a fault waits for the next answer.</summary>
    public bool IsArmed => answerFault is not null;

    /// <summary>Arms a fault for the next answer.</summary>
    public void Arm(LabFault fault) => answerFault = fault;

    /// <summary>Reads a line without its line end; null at the end of the stream or when the line is too long.</summary>
    public async Task<string?> ReadLineAsync(CancellationToken stop)
    {
        int scanned = start;
        while (true)
        {
            int at = Array.IndexOf(input, (byte)'\n', scanned, end - scanned);
            if (at >= 0)
            {
                int length = at - start;
                if (length > 0 && input[at - 1] == '\r')
                    length--;
                string line = Encoding.UTF8.GetString(input, start, length);
                start = at + 1;
                return line;
            }

            scanned = end - start;
            if (scanned > MaxLine || !await FillAsync(stop))
                return null;
            scanned += start;
        }
    }

    /// <summary>Reads the bytes of SMTP's DATA up to CRLF.CRLF and nothing else, without dot-stuffing. Null when the stream ends before.</summary>
    /// <param name="limit">How many bytes to keep; the rest is read and thrown away.</param>
    /// <param name="stop">Stops the reading.</param>
    public async Task<(byte[] Content, long Size)?> ReadDataAsync(long limit, CancellationToken stop)
    {
        using var content = new MemoryStream();
        long size = 0;

        // How much of CRLF.CRLF has been seen; the message starts at the beginning of a line.
        var state = DotState.LineStart;
        while (true)
        {
            if (!HasInput && !await FillAsync(stop))
                return null;
            int from = start;
            while (start < end)
            {
                byte b = input[start++];
                switch (state)
                {
                    case DotState.LineStart when b == '.':
                        Keep(from, start - 1);
                        from = start;
                        state = DotState.Dot;
                        continue;
                    case DotState.Dot when b == '\r':
                        state = DotState.DotCr;
                        continue;
                    case DotState.DotCr when b == '\n':
                        return (content.ToArray(), size);
                    case DotState.DotCr:
                        // The dot was stuffing before a lone CR, which is content.
                        content.WriteByte((byte)'\r');
                        size++;
                        from = start - 1;
                        break;
                }

                state = b switch
                {
                    (byte)'\r' => DotState.Cr,
                    (byte)'\n' when state == DotState.Cr => DotState.LineStart,
                    _ => DotState.Text,
                };
            }

            // A CR after a dot is kept back until the next byte says what it is.
            if (state != DotState.DotCr)
                Keep(from, end);
        }

        void Keep(int from, int to)
        {
            size += to - from;
            if (size <= limit)
                content.Write(input, from, to - from);
        }
    }

    /// <summary>Reads bytes as they come; 0 at the end of the stream.</summary>
    public async Task<int> ReadAsync(Memory<byte> into, CancellationToken stop)
    {
        if (!HasInput && !await FillAsync(stop))
            return 0;
        int length = Math.Min(into.Length, end - start);
        input.AsMemory(start, length).CopyTo(into);
        start += length;
        return length;
    }

    /// <summary>Adds bytes to the answer.</summary>
    public void Write(ReadOnlySpan<byte> bytes) => output.Write(bytes);

    /// <summary>Adds a line to the answer.</summary>
    public void WriteLine(string line)
    {
        trace?.Invoke("S: " + line);
        output.Write(Encoding.UTF8.GetBytes(line));
        output.Write("\r\n"u8);
    }

    /// <summary>Adds the lines of a message to the answer, dot-stuffed, with the final dot (RFC 1939 3).</summary>
    public void WriteMultiLine(ReadOnlySpan<byte> content)
    {
        // Every line feed begins a line here, a bare one too, so that a client that ends lines at it finds no dot of its own.
        ReadOnlySpan<byte> rest = content;
        while (!rest.IsEmpty)
        {
            if (rest[0] == '.')
                output.WriteByte((byte)'.');
            int length = rest.IndexOf("\n."u8) is >= 0 and int at ? at + 1 : rest.Length;
            output.Write(rest[..length]);
            rest = rest[length..];
        }

        if (!content.EndsWith("\r\n"u8) && content.Length > 0)
            output.Write("\r\n"u8);
        output.Write(".\r\n"u8);
        trace?.Invoke($"S: ({content.Length} octets)");
    }

    /// <summary>Gets how many bytes wait to be flushed.</summary>
    public long PendingOutput => output.Length;

    /// <summary>Sends the answer. A fault that was armed strikes here.</summary>
    /// <returns>False when the connection is over.</returns>
    public async Task<bool> FlushAsync(CancellationToken stop)
    {
        if (IsDropped)
            return false;
        LabFault? fault = answerFault;
        answerFault = null;
        Memory<byte> bytes = output.GetBuffer().AsMemory(0, (int)output.Length);
        switch (fault?.Kind)
        {
            case LabFaultKind.Drop:
                bytes = bytes[..Math.Min(fault.AfterBytes, bytes.Length)];
                IsDropped = true;
                break;
            case LabFaultKind.LoseAnswer:
                bytes = default;
                IsDropped = true;
                break;
            case LabFaultKind.HalfLine:
                bytes = bytes[..(Math.Max(bytes.Span.IndexOf((byte)'\r'), 0) / 2)];
                IsDropped = true;
                break;
        }

        if (fault?.Kind == LabFaultKind.SlowBytes)
        {
            for (int i = 0; i < bytes.Length; i++)
            {
                await Task.Delay(fault.Delay, clock, stop);
                await stream.WriteAsync(bytes.Slice(i, 1), stop);
                await stream.FlushAsync(stop);
            }
        }
        else if (!bytes.IsEmpty)
        {
            await stream.WriteAsync(bytes, stop);
            await stream.FlushAsync(stop);
        }

        output.SetLength(0);
        return !IsDropped;
    }

    public ValueTask DisposeAsync() => stream.DisposeAsync();

    private async Task<bool> FillAsync(CancellationToken stop)
    {
        if (start == end)
        {
            start = end = 0;
        }
        else if (end == input.Length)
        {
            if (start > 0)
                input.AsSpan(start, end - start).CopyTo(input);
            else
                Array.Resize(ref input, input.Length * 2);
            end -= start;
            start = 0;
        }

        int read = await stream.ReadAsync(input.AsMemory(end), stop);
        end += read;
        return read > 0;
    }

    private enum DotState
    {
        Text,
        Cr,
        LineStart,
        Dot,
        DotCr,
    }
}

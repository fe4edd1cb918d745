using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EmailRouter.Lab.Servers;

namespace EmailRouter.Lab.Tests.Servers;

/// <summary>A client that knows nothing of mail: it writes lines and reads lines. Every wait ends after 20 seconds at the latest.</summary>
internal sealed class LineClient : IAsyncDisposable
{
    private readonly CancellationTokenSource limit = new(TimeSpan.FromSeconds(20));
    private readonly TcpClient tcp = new();
    private Stream stream = Stream.Null;

    public static async Task<LineClient> ConnectAsync(LabServer server, bool tls = false)
    {
        var client = new LineClient();
        await client.tcp.ConnectAsync(server.Host, tls ? server.TlsPort : server.Port, client.limit.Token);
        client.stream = client.tcp.GetStream();
        if (tls)
            await client.SecureAsync();
        return client;
    }

    public async Task SecureAsync()
    {
        var secured = new SslStream(stream, false, (_, certificate, _, _) =>
        {
            ServerCertificateExpiry = (certificate as X509Certificate2)?.NotAfter;
            return certificate is not null;
        });
        await secured.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost" }, limit.Token);
        stream = secured;
    }

    public DateTimeOffset? ServerCertificateExpiry { get; private set; }

    public async Task WriteAsync(string text) => await stream.WriteAsync(Encoding.UTF8.GetBytes(text), limit.Token);

    /// <summary>Reads a line with its line end; what there is when the server closes; null when there is nothing.</summary>
    public async Task<string?> ReadAsync()
    {
        var bytes = new List<byte>();
        byte[] one = new byte[1];
        while (await stream.ReadAsync(one, limit.Token) == 1)
        {
            bytes.Add(one[0]);
            if (one[0] == '\n')
                break;
        }

        return bytes.Count == 0 ? null : Encoding.UTF8.GetString([.. bytes]);
    }

    public async Task<string?> SendAsync(string line)
    {
        await WriteAsync(line + "\r\n");
        return (await ReadAsync())?.TrimEnd('\r', '\n');
    }

    public async Task<List<string>> ReadMultiAsync()
    {
        var lines = new List<string>();
        while (await ReadAsync() is { } line && line != ".\r\n")
            lines.Add(line);
        return lines;
    }

    public async ValueTask DisposeAsync()
    {
        await stream.DisposeAsync();
        tcp.Dispose();
        limit.Dispose();
    }
}

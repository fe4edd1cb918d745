using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EmailRouter.Mail.Net;
using EmailRouter.Mail.Tests.Scripting;

namespace EmailRouter.Mail.Tests.Net;

public sealed class TcpTransportTests : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly List<MailStepReport> steps = [];

    public TcpTransportTests() => listener.Start();

    private int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    private MailContext Context => new() { Steps = new Collector(steps) };

    public void Dispose() => listener.Dispose();

    [Fact]
    public async Task Each_step_is_reported_with_what_was_found()
    {
        await using Stream stream = await TcpTransport.Instance.ConnectAsync("127.0.0.1", Port, Context, default);

        Assert.Equal([MailStep.Resolve, MailStep.Connect], steps.Select(s => s.Step));
        Assert.All(steps, s => Assert.True(s.Success));
        Assert.Equal($"127.0.0.1:{Port}", steps[1].Detail);
    }

    [Fact]
    public async Task A_name_with_several_addresses_is_tried_until_one_answers()
    {
        // The listener has IPv4 only; "localhost" commonly resolves to ::1 first.
        await using Stream stream = await TcpTransport.Instance.ConnectAsync("localhost", Port, Context, default);

        Assert.True(((NetworkStream)stream).Socket.Connected);
    }

    [Fact]
    public async Task A_refused_connection_names_host_port_and_remedy()
    {
        int port = Port;
        listener.Stop();

        MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(
            async () => await TcpTransport.Instance.ConnectAsync("127.0.0.1", port, Context, default));

        Assert.Equal("MailConnectionRefused", e.ErrorId);
        Assert.Equal(MailStep.Connect, e.Step);
        Assert.True(e.IsTransient);
        Assert.Contains($"127.0.0.1:{port}", e.Message, StringComparison.Ordinal);
        Assert.Contains($"{port}", e.Remedy, StringComparison.Ordinal);
        Assert.False(steps[^1].Success);
    }

    [Fact]
    public async Task An_unknown_host_is_a_resolve_error()
    {
        MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(
            async () => await TcpTransport.Instance.ConnectAsync("no-such-host.invalid", 995, Context, default));

        Assert.Equal("MailHostNotFound", e.ErrorId);
        Assert.Equal(MailStep.Resolve, e.Step);
        Assert.Contains("no-such-host.invalid:995", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancelled_connection_is_a_cancellation()
    {
        using var source = new CancellationTokenSource();
        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await TcpTransport.Instance.ConnectAsync("127.0.0.1", Port, Context, source.Token));
    }

    [Fact]
    public async Task A_server_that_stays_silent_in_the_handshake_is_a_time_out()
    {
        var clock = new ManualClock();
        MailContext context = Context with { Clock = clock };
        Stream plain = await TcpTransport.Instance.ConnectAsync("127.0.0.1", Port, context, default);
        using TcpClient silent = await listener.AcceptTcpClientAsync();

        Task handshake = TcpTransport.Instance.SecureAsync(plain, Endpoint(), context, default).AsTask();
        byte[] hello = new byte[1];
        await silent.GetStream().ReadExactlyAsync(hello);
        clock.Advance(TimeSpan.FromMinutes(1));

        MailConnectionException e = await Assert.ThrowsAsync<MailConnectionException>(() => handshake);
        Assert.Equal("MailTimeout", e.ErrorId);
        Assert.Equal(MailStep.Tls, e.Step);
    }

    [Fact]
    public async Task A_self_signed_certificate_is_refused_with_chain_names_and_pin()
    {
        using X509Certificate2 certificate = SelfSigned("mail.example.test", DateTimeOffset.UtcNow.AddDays(5));

        MailTlsException e = await Assert.ThrowsAsync<MailTlsException>(async () => await HandshakeAsync(certificate, Endpoint()));

        Assert.Equal("MailCertificateRefused", e.ErrorId);
        Assert.Contains("not for 127.0.0.1", e.Message, StringComparison.Ordinal);
        Assert.Contains("subject CN=mail.example.test; issuer CN=mail.example.test; valid", e.Message, StringComparison.Ordinal);
        Assert.Contains("names: mail.example.test", e.Message, StringComparison.Ordinal);
        Assert.Contains(CertificateJudge.Pin(certificate), e.Message, StringComparison.Ordinal);
        Assert.Contains(CertificateJudge.Pin(certificate), e.Remedy, StringComparison.Ordinal);
        Assert.False(e.IsTransient);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_pinned_key_is_accepted_however_the_pin_is_written(bool grouped)
    {
        using X509Certificate2 certificate = SelfSigned("mail.example.test", DateTimeOffset.UtcNow.AddDays(5));
        string pin = CertificateJudge.Pin(certificate);
        if (grouped)
            pin = string.Join(':', pin.Chunk(2).Select(c => new string(c))).ToUpperInvariant();

        await HandshakeAsync(certificate, Endpoint() with { CertificatePins = ["00", pin] });

        Assert.Contains("accepted by its pin", steps[^1].Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_key_than_the_pinned_one_is_refused()
    {
        using X509Certificate2 certificate = SelfSigned("127.0.0.1", DateTimeOffset.UtcNow.AddDays(5));
        using X509Certificate2 other = SelfSigned("127.0.0.1", DateTimeOffset.UtcNow.AddDays(5));

        MailTlsException e = await Assert.ThrowsAsync<MailTlsException>(
            async () => await HandshakeAsync(certificate, Endpoint() with { CertificatePins = [CertificateJudge.Pin(other)] }));

        Assert.Contains("none of the 1 pins", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_pin_is_that_of_the_public_key_and_survives_a_renewed_certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 first = SelfSigned("a.example.test", DateTimeOffset.UtcNow.AddDays(5), key);
        using X509Certificate2 renewed = SelfSigned("b.example.test", DateTimeOffset.UtcNow.AddDays(9), key);

        Assert.Equal(CertificateJudge.Pin(first), CertificateJudge.Pin(renewed));
        Assert.Equal(Convert.ToHexString(SHA256.HashData(key.ExportSubjectPublicKeyInfo())).ToLowerInvariant(), CertificateJudge.Pin(first));
    }

    [Fact]
    public async Task A_port_that_does_not_speak_tls_says_so()
    {
        Task<TcpClient> accepted = listener.AcceptTcpClientAsync();
        Stream plain = await TcpTransport.Instance.ConnectAsync("127.0.0.1", Port, Context, default);
        using TcpClient server = await accepted;
        await server.GetStream().WriteAsync("+OK POP3 ready, in plain text\r\n"u8.ToArray());

        MailTlsException e = await Assert.ThrowsAsync<MailTlsException>(
            async () => await TcpTransport.Instance.SecureAsync(plain, Endpoint(), Context, default));

        Assert.Equal("MailTlsFailed", e.ErrorId);
        Assert.Contains("STARTTLS", e.Remedy, StringComparison.Ordinal);
    }

    private static MailEndpoint Endpoint() => new() { Host = "127.0.0.1" };

    private static X509Certificate2 SelfSigned(string name, DateTimeOffset until, ECDsa? key = null)
    {
        using ECDsa? own = key is null ? ECDsa.Create(ECCurve.NamedCurves.nistP256) : null;
        var request = new CertificateRequest("CN=" + name, key ?? own!, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), until);
    }

    private async Task HandshakeAsync(X509Certificate2 certificate, MailEndpoint endpoint)
    {
        Task server = ServeAsync(certificate);
        Stream plain = await TcpTransport.Instance.ConnectAsync("127.0.0.1", Port, Context, default);
        try
        {
            await using Stream tls = await TcpTransport.Instance.SecureAsync(plain, endpoint, Context, default);
        }
        finally
        {
            await server;
        }
    }

    private async Task ServeAsync(X509Certificate2 certificate)
    {
        using TcpClient client = await listener.AcceptTcpClientAsync();
        await using var tls = new SslStream(client.GetStream());
        try
        {
            await tls.AuthenticateAsServerAsync(certificate);
            await tls.ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: false);
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            // The client refuses the certificate; that is what the test is about.
        }
    }

    private sealed class Collector(List<MailStepReport> target) : IProgress<MailStepReport>
    {
        public void Report(MailStepReport value) => target.Add(value);
    }
}

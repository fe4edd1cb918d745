using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Tests.Net;

public sealed class CertificateReportTests
{
    [Fact]
    public async Task The_report_of_the_handshake_says_when_the_certificate_expires()
    {
        var end = new DateTimeOffset(2031, 5, 6, 7, 8, 9, TimeSpan.Zero);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=mail.example.test", key, HashAlgorithmName.SHA256);
        using X509Certificate2 fresh = request.CreateSelfSigned(DateTimeOffset.UnixEpoch.AddYears(50), end);
        using X509Certificate2 certificate = X509CertificateLoader.LoadPkcs12(fresh.Export(X509ContentType.Pkcs12), null);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Task server = AnswerAsync(listener, certificate);
        var reports = new List<MailStepReport>();
        var endpoint = new MailEndpoint { Host = "mail.example.test", CertificatePins = [Convert.ToHexStringLower(SHA256.HashData(fresh.PublicKey.ExportSubjectPublicKeyInfo()))] };
        var context = new MailContext { Steps = new Collector(reports) };

        Stream plain = await TcpTransport.Instance.ConnectAsync("127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port, context, default);
        await using (await TcpTransport.Instance.SecureAsync(plain, endpoint, context, default))
        {
        }

        await server;
        Assert.Equal([null, null, end], reports.Select(r => r.CertificateExpiresOn));
        Assert.Equal(MailStep.Tls, reports[^1].Step);
    }

    private static async Task AnswerAsync(TcpListener listener, X509Certificate2 certificate)
    {
        using TcpClient client = await listener.AcceptTcpClientAsync();
        await using var tls = new SslStream(client.GetStream());
        await tls.AuthenticateAsServerAsync(certificate);
    }

    private sealed class Collector(List<MailStepReport> reports) : IProgress<MailStepReport>
    {
        public void Report(MailStepReport value) => reports.Add(value);
    }
}

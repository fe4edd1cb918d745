using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace EmailRouter.Routing.Tests.Configuration.Tokens;

/// <summary>An application's certificate in a file, made for one test.</summary>
internal sealed class Certificate(X509Certificate2 certificate, string path, string? password) : IDisposable
{
    public string Path { get; } = path;

    public string? Password { get; } = password;

    public DateTimeOffset ExpiresOn => certificate.NotAfter;

    public static Certificate Make(TemporaryFolder folder, string kind, DateTimeOffset? expiresOn = null)
    {
        DateTimeOffset end = expiresOn ?? DateTimeOffset.UtcNow.AddDays(400);
        using RSA key = RSA.Create(2048);
        var request = new CertificateRequest("CN=router", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        X509Certificate2 certificate = request.CreateSelfSigned(end.AddDays(-800), end);
        string path = folder[$"app.{kind}"];
        string? password = kind is "pfx" or "encrypted.pem" ? "p4ss" : null;
        var encryption = new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000);
        switch (kind)
        {
            case "pfx":
                File.WriteAllBytes(path, certificate.Export(X509ContentType.Pfx, password));
                break;
            case "pem":
                File.WriteAllText(path, certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem());
                break;
            case "encrypted.pem":
                File.WriteAllText(path, certificate.ExportCertificatePem() + "\n" + key.ExportEncryptedPkcs8PrivateKeyPem(password, encryption));
                break;
            default:
                File.WriteAllText(path, certificate.ExportCertificatePem());
                break;
        }

        return new Certificate(certificate, path, password);
    }

    /// <summary>Tells whether a JWT was signed by its key, with RSASSA-PSS as Entra takes it.</summary>
    public bool Signed(string jwt)
    {
        string[] parts = jwt.Split('.');
        byte[] signature = Convert.FromBase64String(parts[2].Replace('-', '+').Replace('_', '/').PadRight((parts[2].Length + 3) / 4 * 4, '='));
        using RSA key = certificate.GetRSAPublicKey()!;
        return key.VerifyData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pss);
    }

    public void Dispose() => certificate.Dispose();
}

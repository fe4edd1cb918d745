using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EmailRouter.Lab.Servers;

/// <summary>Certificates that the lab signs itself, for localhost and the loopback addresses.</summary>
public static class LabCertificate
{
    /// <summary>Creates a self-signed certificate with a new key.</summary>
    /// <param name="notBefore">From when it is valid.</param>
    /// <param name="notAfter">Until when it is valid.</param>
    /// <returns>The certificate with its private key; the caller disposes it.</returns>
    public static X509Certificate2 Create(DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        // Clients that trust several of them by file tell them apart by name.
        string name = Convert.ToHexString(RandomNumberGenerator.GetBytes(8));
        var request = new CertificateRequest($"CN=localhost, O=EmailRouter lab, OU={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.IPv6Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        using X509Certificate2 ephemeral = request.CreateSelfSigned(notBefore, notAfter);

        // Windows' TLS cannot use a key that lives in memory only; the way over PKCS#12 gives it one that it can.
        return new X509Certificate2(ephemeral.Export(X509ContentType.Pkcs12), (string?)null, X509KeyStorageFlags.Exportable);
    }

    /// <summary>Computes the pin of a certificate's public key.</summary>
    /// <param name="certificate">The certificate.</param>
    /// <returns>SHA-256 over the SubjectPublicKeyInfo, lower-case hex.</returns>
    public static string PinOf(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        return Convert.ToHexString(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo())).ToLowerInvariant();
    }
}

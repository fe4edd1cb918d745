using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace EmailRouter.Mail.Net;

/// <summary>
/// Decides whether a server's certificate is accepted: its chain and names are right, or its public key is pinned. Keeps what it saw, so that a refusal
/// shows the administrator the chain, the reason and the pin to copy.
/// </summary>
internal sealed class CertificateJudge(MailEndpoint endpoint)
{
    /// <summary>Gets what was accepted, in one line; empty before the handshake.</summary>
    public string Verdict { get; private set; } = string.Empty;

    /// <summary>Gets why the certificate was refused, with the chain; null when it was not.</summary>
    public string? Refusal { get; private set; }

    /// <summary>Gets what to do about a refusal.</summary>
    public string Remedy { get; private set; } = string.Empty;

    /// <summary>Computes the pin of a certificate: SHA-256 over its SubjectPublicKeyInfo (RFC 7469 2.4), lower-case hex.</summary>
    /// <param name="certificate">The certificate.</param>
    /// <returns>The pin.</returns>
    public static string Pin(X509Certificate2 certificate) =>
        Convert.ToHexString(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo())).ToLowerInvariant();

    /// <summary>Computes the channel binding of a certificate (RFC 5929 4.1): its hash by its signature's function, at least SHA-256.</summary>
    /// <param name="certificate">The certificate.</param>
    /// <returns>The hash; null where the signature names no single hash function.</returns>
    public static byte[]? EndPointBinding(X509Certificate2 certificate) => certificate.SignatureAlgorithm.Value switch
    {
        // MD5 and SHA-1 with RSA, DSA and ECDSA count as SHA-256, and SHA-256 itself.
        "1.2.840.113549.1.1.4" or "1.2.840.113549.1.1.5" or "1.2.840.10040.4.3" or "1.2.840.10045.4.1"
            or "1.2.840.113549.1.1.11" or "1.2.840.10045.4.3.2" or "2.16.840.1.101.3.4.3.2" => SHA256.HashData(certificate.RawDataMemory.Span),
        "1.2.840.113549.1.1.12" or "1.2.840.10045.4.3.3" => SHA384.HashData(certificate.RawDataMemory.Span),
        "1.2.840.113549.1.1.13" or "1.2.840.10045.4.3.4" => SHA512.HashData(certificate.RawDataMemory.Span),
        _ => null,
    };

    /// <summary>The callback of <see cref="SslStream"/>.</summary>
    public bool Validate(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null)
        {
            Refusal = "the server sent none.";
            Remedy = "Install a certificate on the server.";
            return false;
        }

        // On a modern runtime the callback always gets the second-generation type; the constructor only covers what the signature permits.
        X509Certificate2 leaf = certificate as X509Certificate2 ?? new X509Certificate2(certificate);
        string pin = Pin(leaf);
        if (errors == SslPolicyErrors.None)
        {
            Verdict = $"certificate {leaf.Subject}, issued by {leaf.Issuer}, valid until {Day(leaf.NotAfter)}, pin {pin}";
            return true;
        }

        if (endpoint.CertificatePins.Any(p => string.Equals(Normalise(p), pin, StringComparison.Ordinal)))
        {
            Verdict = $"certificate {leaf.Subject} accepted by its pin {pin}";
            return true;
        }

        Refusal = Describe(leaf, chain, errors, pin);
        Remedy = $"Install a certificate for {endpoint.Host} whose issuer this machine trusts, or, if this is the right server, pin its public key: {pin}";
        return false;
    }

    private static string Normalise(string pin) => pin.Replace(":", string.Empty, StringComparison.Ordinal).Trim().ToLowerInvariant();

    private static string Day(DateTime date) => date.ToUniversalTime().ToString("yyyy-MM-dd HH:mm'Z'", CultureInfo.InvariantCulture);

    private static string Names(X509Certificate2 certificate)
    {
        X509SubjectAlternativeNameExtension? names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().FirstOrDefault();
        if (names is null)
            return "none";
        try
        {
            return string.Join(", ", names.EnumerateDnsNames().Concat(names.EnumerateIPAddresses().Select(a => a.ToString())));
        }
        catch (CryptographicException e)
        {
            return $"unreadable ({e.Message})";
        }
    }

    private string Describe(X509Certificate2 leaf, X509Chain? chain, SslPolicyErrors errors, string pin)
    {
        var text = new StringBuilder();
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
            text.Append(CultureInfo.InvariantCulture, $"it is not for {endpoint.Host}; ");
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors))
        {
            string[] reasons = [.. (chain?.ChainStatus ?? []).Select(s => s.StatusInformation.Trim().TrimEnd('.')).Where(s => s.Length > 0).Distinct()];
            text.Append(reasons.Length > 0 ? string.Join(", ", reasons) : "its chain is not trusted").Append("; ");
        }

        if (endpoint.CertificatePins.Count > 0)
            text.Append(CultureInfo.InvariantCulture, $"none of the {endpoint.CertificatePins.Count} pins is that of its key; ");
        text.Length -= 2;
        text.AppendLine(".");
        IEnumerable<X509Certificate2> certificates = chain is { ChainElements.Count: > 0 } ? chain.ChainElements.Select(e => e.Certificate) : [leaf];
        int depth = 0;
        foreach (X509Certificate2 each in certificates)
        {
            string valid = $"{Day(each.NotBefore)} to {Day(each.NotAfter)}";
            text.AppendLine(CultureInfo.InvariantCulture, $"  {depth++}: subject {each.Subject}; issuer {each.Issuer}; valid {valid}");
        }

        text.AppendLine(CultureInfo.InvariantCulture, $"  names: {Names(leaf)}");
        text.Append(CultureInfo.InvariantCulture, $"  pin: {pin}");
        return text.ToString();
    }
}

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EmailRouter.Routing.Configuration;

/// <summary>Finds the certificate by which an application logs in: in a PKCS #12 or PEM file, or in a store by its thumbprint.</summary>
internal static class ClientCertificate
{
    private const int MaximumSize = 1024 * 1024;

    /// <summary>Tells whether a setting is a thumbprint and no path.</summary>
    /// <param name="certificate">The setting.</param>
    /// <returns>True for 40 (SHA-1) or 64 (SHA-256) hexadecimal digits.</returns>
    public static bool IsThumbprint(string? certificate) => certificate is { Length: 40 or 64 } && certificate.All(char.IsAsciiHexDigit);

    /// <summary>Tells whether a file was replaced.</summary>
    /// <param name="oauth">The settings.</param>
    /// <returns>When the file was written; 0 where there is none.</returns>
    public static long StampOf(OAuthConfiguration oauth) =>
        oauth is { Flow: OAuthFlow.Certificate, Certificate: { } path } && !IsThumbprint(path) && File.Exists(path) ? File.GetLastWriteTimeUtc(path).Ticks : 0;

    /// <summary>Loads the certificate with its private key.</summary>
    /// <param name="oauth">The settings.</param>
    /// <param name="secrets">What decrypts the file's password.</param>
    /// <returns>The certificate; the caller disposes it.</returns>
    /// <exception cref="TokenException">There is none, or it cannot be used.</exception>
    /// <exception cref="RouterException">The password cannot be decrypted.</exception>
    public static X509Certificate2 Load(OAuthConfiguration oauth, ISecretProtector secrets)
    {
        string named = oauth.Certificate ?? string.Empty;
        X509Certificate2 certificate = IsThumbprint(named) ? FromStore(named) : FromFile(named, oauth.CertificatePassword is { } password ? secrets.Unprotect(password) : null);
        if (certificate.HasPrivateKey)
            return certificate;
        certificate.Dispose();
        throw Unusable(named, "it comes without its private key", "Name a file that holds certificate and private key (PKCS #12, or PEM with both), readable by the router's account.");
    }

    private static X509Certificate2 FromFile(string path, string? password)
    {
        try
        {
            if (new FileInfo(path).Length > MaximumSize)
                throw Unusable(path, "the file is too large for one", "Name a PKCS #12 or PEM file.");
            byte[] content = File.ReadAllBytes(path);
            if (content.AsSpan().IndexOf("-----BEGIN "u8) >= 0)
            {
                string text = System.Text.Encoding.UTF8.GetString(content);
                return password is null ? X509Certificate2.CreateFromPem(text, text) : X509Certificate2.CreateFromEncryptedPem(text, text, password);
            }

            // macOS keeps private keys in a keychain only.
            X509KeyStorageFlags flags = OperatingSystem.IsMacOS() ? X509KeyStorageFlags.DefaultKeySet : X509KeyStorageFlags.EphemeralKeySet;
            return new X509Certificate2(content, password, flags);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw Unusable(path, e.Message, "Name the full path of a PKCS #12 or PEM file that the router's account may read.", e);
        }
        catch (CryptographicException e)
        {
            throw Unusable(path, e.Message, "Check that it is a PKCS #12 or PEM file with certificate and private key, and enter its password again.", e);
        }
    }

    private static X509Certificate2 FromStore(string thumbprint)
    {
        var found = new List<X509Certificate2>();
        HashAlgorithmName hash = thumbprint.Length == 40 ? HashAlgorithmName.SHA1 : HashAlgorithmName.SHA256;
        foreach (StoreLocation location in new[] { StoreLocation.CurrentUser, StoreLocation.LocalMachine })
        {
            try
            {
                using var store = new X509Store(StoreName.My, location);
                store.Open(OpenFlags.ReadOnly | OpenFlags.OpenExistingOnly);
                found.AddRange(store.Certificates.Where(c => c.GetCertHashString(hash).Equals(thumbprint, StringComparison.OrdinalIgnoreCase)));
            }
            catch (CryptographicException)
            {
                // Not every system has this store; what matters is whether the certificate is in one of them.
            }
        }

        return found.OrderByDescending(c => c.HasPrivateKey).FirstOrDefault() ?? throw Unusable(
            thumbprint,
            "it is neither in the store of the router's account nor in that of the machine",
            "Import it with its private key into the store My of the account or machine, give the router's account the right to the key, or name a file.");
    }

    private static TokenException Unusable(string named, string why, string remedy, Exception? cause = null) =>
        new("Refused", $"the certificate {named} cannot be used: {why.TrimEnd('.')}", remedy, cause);
}

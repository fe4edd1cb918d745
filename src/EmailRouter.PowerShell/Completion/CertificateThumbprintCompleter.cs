using System.Collections;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EmailRouter.PowerShell.Completion;

/// <summary>Completes the thumbprints of certificates that have a private key, in the stores of the account and the machine.</summary>
public sealed class CertificateThumbprintCompleter : RouterCompleter
{
    /// <inheritdoc/>
    private protected override Task<IReadOnlyList<Suggestion>> FindAsync(string configurationPath, IDictionary bound, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<Suggestion>>([.. new[] { StoreLocation.CurrentUser, StoreLocation.LocalMachine }.SelectMany(Find).DistinctBy(one => one.Text)]);

    private static List<Suggestion> Find(StoreLocation location)
    {
        try
        {
            using X509Store store = new(StoreName.My, location);
            store.Open(OpenFlags.ReadOnly | OpenFlags.OpenExistingOnly);
            return [.. store.Certificates.Where(certificate => certificate.HasPrivateKey).Select(certificate => new Suggestion(
                certificate.Thumbprint,
                string.Create(CultureInfo.InvariantCulture, $"{certificate.Subject}, until {certificate.NotAfter:yyyy-MM-dd}")))];
        }
        catch (CryptographicException)
        {
            // Not every system has this store.
            return [];
        }
    }
}

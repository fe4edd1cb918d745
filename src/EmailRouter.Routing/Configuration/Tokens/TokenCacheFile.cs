using System.Text;
using Microsoft.Identity.Client;

namespace EmailRouter.Routing.Configuration;

/// <summary>
/// Keeps the cached tokens of one profile or deployment in a file beside the configuration: protected as secrets are, readable by the owner only, and replaced in one step
/// so that a crash leaves the old one or the new one.
/// </summary>
/// <param name="path">The file.</param>
/// <param name="secrets">What protects it.</param>
internal sealed class TokenCacheFile(string path, ISecretProtector secrets)
{
    /// <summary>Lets the identity library keep its cache here.</summary>
    /// <param name="cache">The library's cache.</param>
    public void Keep(ITokenCache cache)
    {
        cache.SetBeforeAccessAsync(async e => e.TokenCache.DeserializeMsalV3(await ReadAsync(e.CancellationToken).ConfigureAwait(false)));
        cache.SetAfterAccessAsync(async e =>
        {
            if (e.HasStateChanged)
                await WriteAsync(e.TokenCache.SerializeMsalV3(), e.CancellationToken).ConfigureAwait(false);
        });
    }

    /// <summary>Reads the cache.</summary>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The bytes; null when there is none, or none that this machine can read, so that tokens are got anew.</returns>
    public async ValueTask<byte[]?> ReadAsync(CancellationToken cancellationToken)
    {
        if (!File.Exists(path))
            return null;
        string text = await File.ReadAllTextAsync(path, cancellationToken).ConfigureAwait(false);
        try
        {
            return Convert.FromBase64String(secrets.Unprotect(text.Trim()));
        }
        catch (Exception e) when (e is RouterException or FormatException)
        {
            return null;        // a cache holds nothing that cannot be got again
        }
    }

    /// <summary>Writes the cache.</summary>
    /// <param name="content">The bytes.</param>
    /// <param name="cancellationToken">Stops the writing; the old cache stays.</param>
    /// <returns>A task that ends when it is on the disk.</returns>
    public async ValueTask WriteAsync(byte[] content, CancellationToken cancellationToken)
    {
        byte[] text = Encoding.ASCII.GetBytes(secrets.Protect(Convert.ToBase64String(content)) + "\n");
        await OwnerOnlyFile.WriteAsync(path, text, overwrite: true, cancellationToken).ConfigureAwait(false);
    }
}

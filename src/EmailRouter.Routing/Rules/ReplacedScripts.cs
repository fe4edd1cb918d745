using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Rules;

/// <summary>Keeps scripts of users before they are replaced, as files that only the router's account can read. Nothing is ever deleted there.</summary>
/// <param name="folder">The folder; made when it is needed.</param>
/// <param name="clock">The clock.</param>
internal sealed class ReplacedScripts(string folder, TimeProvider clock)
{
    /// <summary>Keeps a script.</summary>
    /// <param name="mailbox">The mailbox's address.</param>
    /// <param name="name">The script's name.</param>
    /// <param name="text">Its text.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The file.</returns>
    /// <exception cref="IOException">It cannot be written; then the script must not be replaced.</exception>
    public async ValueTask<string> SaveAsync(string mailbox, string name, string text, CancellationToken cancellationToken)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        string mark = Convert.ToHexString(SHA256.HashData(bytes).AsSpan(0, 4)).ToLowerInvariant();
        string time = clock.GetUtcNow().ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        string path = Path.Combine(folder, $"{Plain(mailbox)}.{Plain(name)}.{time}.{mark}.sieve");
        Directory.CreateDirectory(folder);
        await OwnerOnlyFile.WriteAsync(path, bytes, overwrite: true, cancellationToken).ConfigureAwait(false);
        return path;
    }

    private static string Plain(string text)
    {
        string plain = string.Concat(text.Take(80).Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '@' or '.' or '+' or '=' ? c : '_'));
        return plain.TrimStart('.').Length == 0 ? "_" : plain;
    }
}

using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace EmailRouter.Mail.Net.Sasl;

/// <summary>CRAM-MD5 (RFC 2195): the server sends a challenge, the client its digest keyed with the password.</summary>
internal sealed class SaslCramMd5(string userName, string password) : ISaslMechanism
{
    private bool answered;

    /// <inheritdoc/>
    public string Name => "CRAM-MD5";

    /// <inheritdoc/>
    public bool IsComplete => answered;

    /// <inheritdoc/>
    public bool RevealsSecret => false;

    /// <inheritdoc/>
    public ValueTask<byte[]?> StartAsync(CancellationToken cancellationToken) => ValueTask.FromResult<byte[]?>(null);

    /// <inheritdoc/>
    [SuppressMessage("Security", "CA5351:Do Not Use Broken Cryptographic Algorithms", Justification = "RFC 2195 demands it.")]
    public ValueTask<byte[]?> RespondAsync(ReadOnlyMemory<byte> challenge, CancellationToken cancellationToken)
    {
        // A digest of nothing could be replayed for ever.
        if (answered || challenge.IsEmpty)
            return ValueTask.FromResult<byte[]?>(null);
        answered = true;
        byte[] digest = HMACMD5.HashData(Encoding.UTF8.GetBytes(password), challenge.Span);
        return ValueTask.FromResult<byte[]?>(Encoding.UTF8.GetBytes($"{userName} {Convert.ToHexString(digest).ToLowerInvariant()}"));
    }
}

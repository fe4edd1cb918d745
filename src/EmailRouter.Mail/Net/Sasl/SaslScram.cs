using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace EmailRouter.Mail.Net.Sasl;

/// <summary>How a SCRAM exchange is bound to the TLS connection below it (RFC 5802 6).</summary>
internal enum ScramBinding
{
    /// <summary>Not at all (<c>n</c>).</summary>
    None,

    /// <summary>We could, but the server seems not to offer it (<c>y</c>).</summary>
    NotOffered,

    /// <summary>By the server's certificate (<c>p=tls-server-end-point</c>).</summary>
    EndPoint,
}

/// <summary>
/// SCRAM (RFC 5802, 7677): both sides prove that they know the password, and neither shows it. The <c>-PLUS</c> variants bind the proof to the server's
/// certificate (RFC 5929 4).
/// </summary>
/// <remarks><c>tls-exporter</c> (RFC 9266) would need keying material that <see cref="System.Net.Security.SslStream"/> does not give out.</remarks>
/// <param name="hash">The hash function.</param>
/// <param name="userName">The user name, prepared.</param>
/// <param name="password">The password, prepared.</param>
/// <param name="authorizationId">As whom to act; null for oneself.</param>
/// <param name="binding">How the exchange is bound.</param>
/// <param name="bindingData">The channel binding data of <see cref="ScramBinding.EndPoint"/>.</param>
[SuppressMessage("Security", "CA5350:Do Not Use Weak Cryptographic Algorithms", Justification = "SCRAM-SHA-1 is defined so; SHA-256 is preferred.")]
[SuppressMessage("Security", "CA5379:Ensure Key Derivation Function algorithm is sufficiently strong", Justification = "The mechanism names the hash.")]
internal sealed class SaslScram(
    HashAlgorithmName hash, string userName, string password, string? authorizationId = null,
    ScramBinding binding = ScramBinding.None, byte[]? bindingData = null)
    : ISaslMechanism
{
    /// <summary>More would let a server keep this machine busy for minutes.</summary>
    private const int MostIterations = 1_000_000;

    private string clientFirst = string.Empty;
    private byte[] serverSignature = [];
    private Phase phase;

    private enum Phase
    {
        Nothing,
        First,
        FirstTwice,
        Proof,
        Proven,
        Failed,
    }

    /// <inheritdoc/>
    public string Name => $"SCRAM-{(hash.Name == "SHA1" ? "SHA-1" : "SHA-" + hash.Name![3..])}{(binding == ScramBinding.EndPoint ? "-PLUS" : string.Empty)}";

    /// <inheritdoc/>
    public bool IsComplete => phase == Phase.Proven;

    /// <inheritdoc/>
    public bool RevealsSecret => false;

    /// <inheritdoc/>
    public string? Refutation { get; private set; }

    /// <inheritdoc/>
    public string Explanation { get; private set; } = string.Empty;

    /// <summary>Gets the fewest iterations the server may ask for. Defaults to 4096.</summary>
    public int FewestIterations { get; init; } = 4096;

    /// <summary>Gets the client's nonce: printable ASCII without a comma. Defaults to 24 random bytes.</summary>
    public string Nonce { get; init; } = Convert.ToBase64String(RandomNumberGenerator.GetBytes(24));

    private string Gs2Header
    {
        get
        {
            string flag = binding switch
            {
                ScramBinding.EndPoint => "p=tls-server-end-point",
                ScramBinding.NotOffered => "y",
                _ => "n",
            };
            return $"{flag},{(string.IsNullOrEmpty(authorizationId) ? string.Empty : "a=" + Escape(authorizationId))},";
        }
    }

    /// <inheritdoc/>
    public ValueTask<byte[]?> StartAsync(CancellationToken cancellationToken)
    {
        phase = Phase.First;
        clientFirst = $"n={Escape(userName)},r={Nonce}";
        return Message(Gs2Header + clientFirst);
    }

    /// <inheritdoc/>
    public ValueTask<byte[]?> RespondAsync(ReadOnlyMemory<byte> challenge, CancellationToken cancellationToken)
    {
        // Servers that do not know initial responses ask for it once more.
        if (phase == Phase.First && challenge.IsEmpty)
        {
            phase = Phase.FirstTwice;
            return Message(Gs2Header + clientFirst);
        }

        string text = Encoding.UTF8.GetString(challenge.Span);
        return phase switch
        {
            Phase.First or Phase.FirstTwice => Prove(text),
            Phase.Proof => Verify(text),

            // Some servers ask once more for the empty answer that ends the exchange.
            Phase.Proven when challenge.IsEmpty => Message(string.Empty),
            _ => Refute("it goes on after the end of the exchange"),
        };
    }

    private static string Escape(string text) => text.Replace("=", "=3D", StringComparison.Ordinal).Replace(",", "=2C", StringComparison.Ordinal);

    private static ValueTask<byte[]?> Message(string text) => ValueTask.FromResult<byte[]?>(Encoding.UTF8.GetBytes(text));

    private static string? Attribute(string[] attributes, char name)
    {
        string? found = Array.Find(attributes, a => a.Length >= 2 && a[0] == name && a[1] == '=');
        return found?[2..];
    }

    private ValueTask<byte[]?> Refute(string why)
    {
        phase = Phase.Failed;
        Refutation = why;
        return ValueTask.FromResult<byte[]?>(null);
    }

    private ValueTask<byte[]?> Prove(string serverFirst)
    {
        string[] attributes = serverFirst.Split(',');
        if (Attribute(attributes, 'e') is { } error)
        {
            Explanation = error;
            phase = Phase.Failed;
            return ValueTask.FromResult<byte[]?>(null);
        }

        if (serverFirst.StartsWith("m=", StringComparison.Ordinal))
            return Refute("it demands an extension that does not exist");
        string nonce = Attribute(attributes, 'r') ?? string.Empty;
        if (nonce.Length <= Nonce.Length || !nonce.StartsWith(Nonce, StringComparison.Ordinal))
            return Refute("its nonce does not continue ours");
        byte[] salt = new byte[serverFirst.Length];
        if (!Convert.TryFromBase64String(Attribute(attributes, 's') ?? "?", salt, out int saltLength) || saltLength == 0)
            return Refute("its salt is unreadable");
        if (!int.TryParse(Attribute(attributes, 'i'), NumberStyles.None, CultureInfo.InvariantCulture, out int iterations) || iterations < 1)
            return Refute("its iteration count is unreadable");
        if (iterations < FewestIterations)
            return Refute($"it asks for {iterations} iterations, which would make the password easy to guess; {FewestIterations} are the least");
        if (iterations > MostIterations)
            return Refute($"it asks for {iterations} iterations; {MostIterations} are the most");

        byte[] header = Encoding.UTF8.GetBytes(Gs2Header);
        byte[] bound = binding == ScramBinding.EndPoint ? [.. header, .. bindingData ?? []] : header;
        string clientFinal = $"c={Convert.ToBase64String(bound)},r={nonce}";
        byte[] authMessage = Encoding.UTF8.GetBytes($"{clientFirst},{serverFirst},{clientFinal}");
        byte[] salted = Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(password), salt.AsSpan(0, saltLength), iterations, hash, HashSize());
        byte[] clientKey = Hmac(salted, "Client Key"u8);
        byte[] proof = Hmac(Hash(clientKey), authMessage);
        for (int i = 0; i < proof.Length; i++)
            proof[i] ^= clientKey[i];
        serverSignature = Hmac(Hmac(salted, "Server Key"u8), authMessage);
        CryptographicOperations.ZeroMemory(salted);
        phase = Phase.Proof;
        return Message($"{clientFinal},p={Convert.ToBase64String(proof)}");
    }

    private ValueTask<byte[]?> Verify(string serverFinal)
    {
        string[] attributes = serverFinal.Split(',');
        if (Attribute(attributes, 'e') is { } error)
        {
            // The login is refused; the protocol's own reply follows (RFC 5802 7).
            Explanation = error;
            phase = Phase.Failed;
            return Message(string.Empty);
        }

        byte[] signature = new byte[serverFinal.Length];
        if (!Convert.TryFromBase64String(Attribute(attributes, 'v') ?? "?", signature, out int length)
            || !CryptographicOperations.FixedTimeEquals(signature.AsSpan(0, length), serverSignature))
            return Refute("its signature is wrong");
        phase = Phase.Proven;
        return Message(string.Empty);
    }

    private int HashSize() => hash.Name switch
    {
        "SHA1" => 20,
        "SHA256" => 32,
        _ => 64,
    };

    private byte[] Hash(byte[] data) => hash.Name switch
    {
        "SHA1" => SHA1.HashData(data),
        "SHA256" => SHA256.HashData(data),
        _ => SHA512.HashData(data),
    };

    private byte[] Hmac(byte[] key, ReadOnlySpan<byte> data) => hash.Name switch
    {
        "SHA1" => HMACSHA1.HashData(key, data),
        "SHA256" => HMACSHA256.HashData(key, data),
        _ => HMACSHA512.HashData(key, data),
    };
}

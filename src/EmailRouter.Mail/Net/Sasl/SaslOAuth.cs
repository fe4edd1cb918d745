using System.Globalization;
using System.Text;
using System.Text.Json;

namespace EmailRouter.Mail.Net.Sasl;

/// <summary>
/// What XOAUTH2 and OAUTHBEARER share: one message with a bearer token, and on failure a challenge that says why and must be answered before the server
/// refuses.
/// </summary>
/// <param name="credential">The user name and the source of tokens.</param>
internal abstract class SaslOAuth(TokenCredential credential) : ISaslMechanism
{
    private int said;
    private bool failed;

    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public bool IsComplete => said > 0 && !failed;

    /// <inheritdoc/>
    public bool RevealsSecret => true;

    /// <inheritdoc/>
    public string Explanation { get; private set; } = string.Empty;

    /// <summary>Gets what ends the exchange after the server has said why it failed.</summary>
    protected abstract byte[] EndOfFailure { get; }

    /// <inheritdoc/>
    public async ValueTask<byte[]?> StartAsync(CancellationToken cancellationToken)
    {
        AccessToken token = await credential.GetTokenAsync(cancellationToken).ConfigureAwait(false);
        said++;
        return Encoding.UTF8.GetBytes(Message(credential.UserName, token.Value));
    }

    /// <inheritdoc/>
    public ValueTask<byte[]?> RespondAsync(ReadOnlyMemory<byte> challenge, CancellationToken cancellationToken)
    {
        // An empty challenge from a server that does not know initial responses: it did not look at what came with the command.
        if (said == 1 && challenge.IsEmpty)
            return StartAsync(cancellationToken);
        if (failed)
            return ValueTask.FromResult<byte[]?>(null);
        failed = true;
        Explanation = Describe(challenge.Span);
        return ValueTask.FromResult<byte[]?>(EndOfFailure);
    }

    /// <summary>Makes the message.</summary>
    /// <param name="userName">The user name.</param>
    /// <param name="token">The token.</param>
    /// <returns>The message before base64.</returns>
    protected abstract string Message(string userName, string token);

    /// <summary>The server's JSON in a few words: RFC 7628 3.2.2 has status and scope, Google adds schemes.</summary>
    private static string Describe(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 4 });
            using JsonDocument document = JsonDocument.ParseValue(ref reader);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                IEnumerable<string> parts = document.RootElement.EnumerateObject()
                    .Where(p => p.Value.ValueKind == JsonValueKind.String && p.Value.GetString()!.Length > 0)
                    .Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Name} {p.Value.GetString()}"));
                return string.Join(", ", parts) is { Length: > 0 } text ? text : "the token was refused";
            }
        }
        catch (JsonException)
        {
            // Not what the specification says; then what was sent says nothing we could show.
            return "the token was refused";
        }

        return "the token was refused";
    }
}

/// <summary>XOAUTH2, the vendors' own format (Google, Microsoft).</summary>
/// <param name="credential">The user name and the source of tokens.</param>
internal sealed class SaslXOAuth2(TokenCredential credential) : SaslOAuth(credential)
{
    /// <inheritdoc/>
    public override string Name => "XOAUTH2";

    /// <inheritdoc/>
    protected override byte[] EndOfFailure => [];

    /// <inheritdoc/>
    protected override string Message(string userName, string token) => $"user={userName}\u0001auth=Bearer {token}\u0001\u0001";
}

/// <summary>OAUTHBEARER (RFC 7628).</summary>
/// <param name="credential">The user name and the source of tokens.</param>
/// <param name="host">The server's name.</param>
/// <param name="port">The server's port.</param>
internal sealed class SaslOAuthBearer(TokenCredential credential, string host, int port) : SaslOAuth(credential)
{
    /// <inheritdoc/>
    public override string Name => "OAUTHBEARER";

    /// <inheritdoc/>
    protected override byte[] EndOfFailure => [1];

    /// <inheritdoc/>
    protected override string Message(string userName, string token)
    {
        string user = userName.Replace("=", "=3D", StringComparison.Ordinal).Replace(",", "=2C", StringComparison.Ordinal);
        return string.Create(CultureInfo.InvariantCulture, $"n,a={user},\u0001host={host}\u0001port={port}\u0001auth=Bearer {token}\u0001\u0001");
    }
}

using System.Text;

namespace EmailRouter.Mail.Net.Sasl;

/// <summary>PLAIN (RFC 4616): user name and password in one message.</summary>
internal sealed class SaslPlain(string userName, string password, string? authorizationId = null) : ISaslMechanism
{
    private int said;

    /// <inheritdoc/>
    public string Name => "PLAIN";

    /// <inheritdoc/>
    public bool IsComplete => said > 0;

    /// <inheritdoc/>
    public bool RevealsSecret => true;

    /// <inheritdoc/>
    public ValueTask<byte[]?> StartAsync(CancellationToken cancellationToken)
    {
        said++;
        return ValueTask.FromResult<byte[]?>(Encoding.UTF8.GetBytes($"{authorizationId}\0{userName}\0{password}"));
    }

    /// <inheritdoc/>
    /// <remarks>Servers that do not know initial responses ask for it once more (RFC 4954 4 lets them); a third time is nonsense.</remarks>
    public ValueTask<byte[]?> RespondAsync(ReadOnlyMemory<byte> challenge, CancellationToken cancellationToken) =>
        said > 1 ? ValueTask.FromResult<byte[]?>(null) : StartAsync(cancellationToken);
}

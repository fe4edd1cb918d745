using System.Text;

namespace EmailRouter.Mail.Net.Sasl;

/// <summary>PLAIN (RFC 4616): user name and password in one message.</summary>
internal sealed class SaslPlain(string userName, string password) : ISaslMechanism
{
    private bool said;

    /// <inheritdoc/>
    public string Name => "PLAIN";

    /// <inheritdoc/>
    public bool IsComplete => said;

    /// <inheritdoc/>
    public ValueTask<byte[]?> StartAsync(CancellationToken cancellationToken)
    {
        said = true;
        return ValueTask.FromResult<byte[]?>(Encoding.UTF8.GetBytes($"\0{userName}\0{password}"));
    }

    /// <inheritdoc/>
    public ValueTask<byte[]?> RespondAsync(ReadOnlyMemory<byte> challenge, CancellationToken cancellationToken) =>
        said ? ValueTask.FromResult<byte[]?>(null) : StartAsync(cancellationToken);
}

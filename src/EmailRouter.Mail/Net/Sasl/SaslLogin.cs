using System.Text;

namespace EmailRouter.Mail.Net.Sasl;

/// <summary>LOGIN (never standardised, documented by Exchange): the server asks twice; what it asks varies, so only the order counts.</summary>
internal sealed class SaslLogin(string userName, string password) : ISaslMechanism
{
    private int answers;

    /// <inheritdoc/>
    public string Name => "LOGIN";

    /// <inheritdoc/>
    public bool IsComplete => answers == 2;

    /// <inheritdoc/>
    public bool RevealsSecret => true;

    /// <inheritdoc/>
    public ValueTask<byte[]?> StartAsync(CancellationToken cancellationToken) => ValueTask.FromResult<byte[]?>(null);

    /// <inheritdoc/>
    public ValueTask<byte[]?> RespondAsync(ReadOnlyMemory<byte> challenge, CancellationToken cancellationToken)
    {
        string? answer = answers++ switch
        {
            0 => userName,
            1 => password,
            _ => null,
        };
        return ValueTask.FromResult(answer is null ? null : Encoding.UTF8.GetBytes(answer));
    }
}

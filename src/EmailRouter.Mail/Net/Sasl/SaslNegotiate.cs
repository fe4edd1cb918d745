using System.Net;
using System.Net.Security;
using System.Text;

namespace EmailRouter.Mail.Net.Sasl;

/// <summary>The part of <see cref="NegotiateAuthentication"/> that the mechanisms use; tests script it.</summary>
internal interface ISecurityContext : IDisposable
{
    /// <summary>Gets a value indicating whether both sides are content.</summary>
    bool IsAuthenticated { get; }

    /// <summary>Takes a token and makes the next.</summary>
    /// <param name="incoming">The server's token; empty at the beginning.</param>
    /// <param name="outgoing">Ours; null when there is none.</param>
    /// <returns>Null while all is well, or what went wrong.</returns>
    string? Step(ReadOnlySpan<byte> incoming, out byte[]? outgoing);

    /// <summary>Signs a message.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The message with its signature; null when that failed.</returns>
    byte[]? Wrap(ReadOnlySpan<byte> message);

    /// <summary>Checks a signed message.</summary>
    /// <param name="wrapped">The message with its signature.</param>
    /// <returns>The message; null when it is not from the other side.</returns>
    byte[]? Unwrap(ReadOnlySpan<byte> wrapped);
}

/// <summary>NTLM, GSSAPI (Kerberos, RFC 4752) and GSS-SPNEGO through the platform (<see cref="NegotiateAuthentication"/>).</summary>
/// <param name="name">The mechanism's name.</param>
/// <param name="open">Opens the platform's context.</param>
/// <param name="securityLayer">Whether the mechanism ends by negotiating a security layer (RFC 4752 3.1); none is ever chosen, TLS is below.</param>
/// <param name="authorizationId">As whom to act; null for oneself.</param>
internal sealed class SaslNegotiate(string name, Func<ISecurityContext> open, bool securityLayer, string? authorizationId = null) : ISaslMechanism
{
    private ISecurityContext? context;
    private bool layerDone;
    private bool finished;

    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public bool IsComplete => securityLayer ? layerDone : finished;

    /// <inheritdoc/>
    public bool RevealsSecret => false;

    /// <inheritdoc/>
    public string Explanation { get; private set; } = string.Empty;

    /// <summary>Makes the mechanism for a credential.</summary>
    /// <param name="name">The mechanism's name.</param>
    /// <param name="credential">A user name and a password, or the process's own account.</param>
    /// <param name="context">The connection.</param>
    /// <returns>The mechanism.</returns>
    public static SaslNegotiate Create(string name, MailCredential credential, SaslContext context)
    {
        var password = credential as PasswordCredential;
        var options = new NegotiateAuthenticationClientOptions
        {
            Package = name switch
            {
                "NTLM" => "NTLM",
                "GSSAPI" => "Kerberos",
                _ => "Negotiate",
            },
            TargetName = $"{context.Service}/{context.Host}",
            Credential = password is null ? CredentialCache.DefaultNetworkCredentials : Account(password),
            RequiredProtectionLevel = name == "GSSAPI" ? ProtectionLevel.Sign : ProtectionLevel.None,
            RequireMutualAuthentication = name == "GSSAPI",
        };
        return new SaslNegotiate(name, () => new PlatformContext(options), securityLayer: name == "GSSAPI", password?.AuthorizationId);
    }

    /// <inheritdoc/>
    public ValueTask<byte[]?> StartAsync(CancellationToken cancellationToken) => ValueTask.FromResult(Step([]));

    /// <inheritdoc/>
    public ValueTask<byte[]?> RespondAsync(ReadOnlyMemory<byte> challenge, CancellationToken cancellationToken)
    {
        if (Explanation.Length > 0)
            return ValueTask.FromResult<byte[]?>(null);
        return ValueTask.FromResult(securityLayer && finished ? ChooseNoLayer(challenge.Span) : Step(challenge.Span));
    }

    /// <summary>DOMAIN\user, user@realm or a bare name.</summary>
    private static NetworkCredential Account(PasswordCredential credential)
    {
        int slash = credential.UserName.IndexOf('\\', StringComparison.Ordinal);
        return slash > 0
            ? new NetworkCredential(credential.UserName[(slash + 1)..], credential.Secret, credential.UserName[..slash])
            : new NetworkCredential(credential.UserName, credential.Secret);
    }

    private byte[]? Step(ReadOnlySpan<byte> incoming)
    {
        try
        {
            context ??= open();
            if (context.Step(incoming, out byte[]? outgoing) is { } error)
                return Fail(error);
            finished = context.IsAuthenticated;
            if (finished && !securityLayer)
                context.Dispose();
            return outgoing ?? [];
        }
        catch (Exception e) when (e is PlatformNotSupportedException or DllNotFoundException or TypeInitializationException or EntryPointNotFoundException)
        {
            return Fail($"this machine has no {name}: {e.Message}");
        }
    }

    /// <summary>RFC 4752 3.1: the server offers layers and a size; we want none, say so and name who we are.</summary>
    private byte[]? ChooseNoLayer(ReadOnlySpan<byte> challenge)
    {
        if (layerDone)
            return [];
        if (context!.Unwrap(challenge) is not { Length: >= 4 } offer)
            return Fail("the server's offer of security layers is not signed by it");
        if ((offer[0] & 1) == 0)
            return Fail("the server demands a security layer of its own beside TLS");
        byte[] wish = [1, 0, 0, 0, .. Encoding.UTF8.GetBytes(authorizationId ?? string.Empty)];
        if (context.Wrap(wish) is not { } signed)
            return Fail("the answer could not be signed");
        layerDone = true;
        context.Dispose();
        return signed;
    }

    private byte[]? Fail(string why)
    {
        Explanation = why;
        context?.Dispose();
        return null;
    }

    private sealed class PlatformContext(NegotiateAuthenticationClientOptions options) : ISecurityContext
    {
        private readonly NegotiateAuthentication inner = new(options);

        public bool IsAuthenticated => inner.IsAuthenticated;

        public string? Step(ReadOnlySpan<byte> incoming, out byte[]? outgoing)
        {
            outgoing = inner.GetOutgoingBlob(incoming, out NegotiateAuthenticationStatusCode status);
            return status is NegotiateAuthenticationStatusCode.Completed or NegotiateAuthenticationStatusCode.ContinueNeeded
                ? null
                : $"{options.Package} failed on this machine: {status}";
        }

        public byte[]? Wrap(ReadOnlySpan<byte> message)
        {
            var output = new System.Buffers.ArrayBufferWriter<byte>();
            return inner.Wrap(message, output, requestEncryption: false, out _) == NegotiateAuthenticationStatusCode.Completed
                ? output.WrittenSpan.ToArray()
                : null;
        }

        public byte[]? Unwrap(ReadOnlySpan<byte> wrapped)
        {
            var output = new System.Buffers.ArrayBufferWriter<byte>();
            return inner.Unwrap(wrapped, output, out _) == NegotiateAuthenticationStatusCode.Completed ? output.WrittenSpan.ToArray() : null;
        }

        public void Dispose() => inner.Dispose();
    }
}

namespace EmailRouter.Mail;

/// <summary>A mail server and how to talk to it.</summary>
public sealed record MailEndpoint
{
    /// <summary>Gets the host name or address. Systems reached by HTTP use <see cref="Url"/> instead, those that work on files <see cref="Path"/>.</summary>
    public required string Host { get; init; }

    /// <summary>Gets the port; null for the protocol's default under <see cref="Tls"/>.</summary>
    public int? Port { get; init; }

    /// <summary>Gets the service address of systems reached by HTTP; otherwise null.</summary>
    public Uri? Url { get; init; }

    /// <summary>Gets the folder of systems that work on files (<see cref="IMailSystem.IsLocal"/>), as <see cref="MailboxPath"/> describes it; otherwise null.</summary>
    public string? Path { get; init; }

    /// <summary>Gets how the connection is secured. Defaults to <see cref="TlsMode.Implicit"/>.</summary>
    public TlsMode Tls { get; init; } = TlsMode.Implicit;

    /// <summary>
    /// Gets the SHA-256 pins (hex) of the public keys (SubjectPublicKeyInfo) that are accepted although their chain is not trusted.
    /// Empty: the chain decides.
    /// </summary>
    public IReadOnlyList<string> CertificatePins { get; init; } = [];

    /// <summary>Gets a value indicating whether revocation is checked. Defaults to false: an unreachable CRL host must not stop the mail.</summary>
    public bool CheckRevocation { get; init; }

    /// <summary>Gets a value indicating whether a password may cross a connection without TLS. Defaults to false.</summary>
    public bool AllowPlainTextPassword { get; init; }

    /// <summary>Gets the SASL mechanisms to use, best first; empty for the client's own order.</summary>
    public IReadOnlyList<string> Mechanisms { get; init; } = [];

    /// <summary>Gets further settings of a mail system, e.g. of a plug-in, by name.</summary>
    public IReadOnlyDictionary<string, string> Options { get; init; } = new Dictionary<string, string>();
}

/// <summary>How a connection is secured.</summary>
public enum TlsMode
{
    /// <summary>TLS from the first byte (RFC 8314).</summary>
    Implicit,

    /// <summary>The connection is upgraded (STARTTLS, STLS) and refused when the server cannot.</summary>
    StartTls,

    /// <summary>Upgraded when the server offers it. An attacker can strip the offer.</summary>
    StartTlsWhenAvailable,

    /// <summary>No TLS.</summary>
    None,
}

/// <summary>Whose mailbox is opened and with which credential.</summary>
/// <param name="Mailbox">The mailbox's address, for messages to the administrator and for systems that open mailboxes by address.</param>
/// <param name="Credential">The credential; <see cref="MailCredential.Anonymous"/> for servers that ask for none.</param>
public sealed record MailLogin(string Mailbox, MailCredential Credential);

/// <summary>A credential for a mail server.</summary>
public abstract record MailCredential
{
    /// <summary>Gets the credential of nobody: no authentication is attempted.</summary>
    public static MailCredential Anonymous { get; } = new AnonymousCredential();

    /// <summary>A user name and a password.</summary>
    /// <param name="userName">The user name.</param>
    /// <param name="password">The password.</param>
    /// <returns>The credential.</returns>
    public static MailCredential Password(string userName, string password) => new PasswordCredential(userName, password);

    /// <summary>A user name and a source of OAuth access tokens.</summary>
    /// <param name="userName">The user name; for Exchange Online the mailbox, also a shared one.</param>
    /// <param name="getToken">Gets a token that is valid now, from a cache where there is one. Called once for each login.</param>
    /// <returns>The credential.</returns>
    public static MailCredential Token(string userName, Func<CancellationToken, ValueTask<AccessToken>> getToken) => new TokenCredential(userName, getToken);

    /// <summary>The account the process runs under: its Kerberos ticket or Windows logon (GSSAPI, GSS-SPNEGO, NTLM).</summary>
    /// <returns>The credential.</returns>
    public static MailCredential Process() => new ProcessCredential();
}

/// <summary>No credential.</summary>
public sealed record AnonymousCredential : MailCredential;

/// <summary>A user name and a password. Never shown: <see cref="ToString"/> leaves the password out.</summary>
/// <param name="UserName">The user name.</param>
/// <param name="Secret">The password.</param>
public sealed record PasswordCredential(string UserName, string Secret) : MailCredential
{
    /// <summary>Gets as whom to act after logging in, where a master user may (RFC 4616 2); null for oneself.</summary>
    public string? AuthorizationId { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"Password of {UserName}";
}

/// <summary>A user name and a source of OAuth access tokens, for XOAUTH2 and OAUTHBEARER (RFC 7628).</summary>
/// <param name="UserName">The user name.</param>
/// <param name="GetTokenAsync">Gets a token that is valid now. May throw a <see cref="MailException"/>; it passes through.</param>
public sealed record TokenCredential(string UserName, Func<CancellationToken, ValueTask<AccessToken>> GetTokenAsync) : MailCredential
{
    /// <summary>Gets what gets a new token past every cache, after a server refused one that should still be valid; null when nothing can.</summary>
    public Func<CancellationToken, ValueTask<AccessToken>>? RenewAsync { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"Token of {UserName}";
}

/// <summary>The account the process runs under.</summary>
public sealed record ProcessCredential : MailCredential;

/// <summary>An OAuth access token. Never shown: <see cref="ToString"/> leaves it out.</summary>
/// <param name="Value">The token.</param>
/// <param name="ExpiresOn">When it expires; null when unknown.</param>
public readonly record struct AccessToken(string Value, DateTimeOffset? ExpiresOn = null)
{
    /// <inheritdoc/>
    public override string ToString() => ExpiresOn is null ? "Token" : $"Token until {ExpiresOn:u}";
}

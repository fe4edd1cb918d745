namespace EmailRouter.Routing.Configuration;

/// <summary>How a profile or a deployment gets OAuth access tokens from an identity provider that speaks as Microsoft Entra does.</summary>
public sealed record OAuthConfiguration
{
    /// <summary>
    /// Gets the id of the application that is registered for the router; for <see cref="OAuthFlow.ManagedIdentity"/> that of a user-assigned identity, or empty for the
    /// machine's own. Empty for <see cref="OAuthFlow.Command"/>.
    /// </summary>
    public string ClientId { get; init; } = string.Empty;

    /// <summary>Gets the id or domain of the tenant. Together with the default authority it names who gives the tokens.</summary>
    public string? TenantId { get; init; }

    /// <summary>Gets who gives the tokens; null for <c>https://login.microsoftonline.com/</c> and the tenant. An address that ends in <c>/adfs</c> is AD FS.</summary>
    public Uri? Authority { get; init; }

    /// <summary>Gets how the router gets its first token. Defaults to <see cref="OAuthFlow.ClientCredentials"/>.</summary>
    public OAuthFlow Flow { get; init; }

    /// <summary>
    /// Gets the scopes. Empty: all rights of the application at the service of the profile or deployment (<c>https://service/.default</c>), or for flows in which a person signs in
    /// what the mail system or CRM needs of that person's rights.
    /// </summary>
    public IReadOnlyList<string> Scopes { get; init; } = [];

    /// <summary>Gets the application's secret, protected (<see cref="ISecretProtector"/>); only for <see cref="OAuthFlow.ClientCredentials"/>.</summary>
    public string? ClientSecret { get; init; }

    /// <summary>
    /// Gets the certificate of <see cref="OAuthFlow.Certificate"/>: the full path of a PKCS #12 or PEM file, or the thumbprint of one in the account's or machine's store.
    /// </summary>
    public string? Certificate { get; init; }

    /// <summary>Gets the password of the certificate's file, protected (<see cref="ISecretProtector"/>); null for none.</summary>
    public string? CertificatePassword { get; init; }

    /// <summary>
    /// Gets the account that signed in, when it is another than the mailbox; for <see cref="OAuthFlow.DeviceCode"/>, <see cref="OAuthFlow.Interactive"/> and <see cref="OAuthFlow.Command"/>.
    /// </summary>
    public string? UserName { get; init; }

    /// <summary>
    /// Gets the full path of the program or PowerShell script of <see cref="OAuthFlow.Command"/>. It prints a token to its standard output: bare, or as JSON with
    /// <c>access_token</c> and <c>expires_on</c> as <c>az account get-access-token</c> does. It is started without a shell, under the router's account, and finds what it may need also in
    /// environment variables: <c>EMAILROUTER_PROFILE</c> or <c>EMAILROUTER_DEPLOYMENT</c>, <c>EMAILROUTER_SERVER</c>, <c>EMAILROUTER_RESOURCE</c>, <c>EMAILROUTER_SCOPE</c>,
    /// <c>EMAILROUTER_TENANT</c>, and <c>EMAILROUTER_USER</c> if the arguments name <c>{user}</c>.
    /// </summary>
    public string? Command { get; init; }

    /// <summary>Gets the command's arguments. <c>{resource}</c>, <c>{scope}</c> and <c>{user}</c> in them stand for the service, the scopes and the mailbox or account.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>
    /// Gets the lines of a PowerShell script, in place of <see cref="Command"/>. It runs in a PowerShell of its own (<c>pwsh -NoProfile -NonInteractive</c>) under the router's account, with the
    /// same environment variables, and returns a token, or an object or JSON with <c>access_token</c> and <c>expires_on</c> or <c>expires_in</c>. A script that names
    /// <c>EMAILROUTER_USER</c> is run for each mailbox; any other one gives a token for all. The file is no place for secrets: the script takes them from where they are kept.
    /// </summary>
    public IReadOnlyList<string> Script { get; init; } = [];
}

/// <summary>How the router gets its first token.</summary>
public enum OAuthFlow
{
    /// <summary>The application logs in by its own secret; its rights say which mailboxes it may open.</summary>
    ClientCredentials,

    /// <summary>A person signs in once on another machine with a code; from then on the token is renewed.</summary>
    DeviceCode,

    /// <summary>The application logs in by its certificate.</summary>
    Certificate,

    /// <summary>The machine in Azure, or connected by Azure Arc, logs in by the identity it was given; there is no secret.</summary>
    ManagedIdentity,

    /// <summary>A person signs in once in a browser on this machine; from then on the token is renewed.</summary>
    Interactive,

    /// <summary>A program or script of the administrator's gets the token from wherever it is kept.</summary>
    Command,
}

namespace EmailRouter.Routing.Configuration;

/// <summary>How a profile gets OAuth access tokens from an identity provider that speaks as Microsoft Entra does.</summary>
public sealed record OAuthConfiguration
{
    /// <summary>Gets the id of the application that is registered for the router.</summary>
    public required string ClientId { get; init; }

    /// <summary>Gets the id or domain of the tenant. Together with the default authority it names who gives the tokens.</summary>
    public string? TenantId { get; init; }

    /// <summary>Gets who gives the tokens; null for <c>https://login.microsoftonline.com/</c> and the tenant.</summary>
    public Uri? Authority { get; init; }

    /// <summary>Gets how the router gets its first token. Defaults to <see cref="OAuthFlow.ClientCredentials"/>.</summary>
    public OAuthFlow Flow { get; init; }

    /// <summary>Gets the scopes. Empty: <c>https://outlook.office365.com/.default</c>.</summary>
    public IReadOnlyList<string> Scopes { get; init; } = [];

    /// <summary>Gets the application's secret, protected (<see cref="ISecretProtector"/>); only for <see cref="OAuthFlow.ClientCredentials"/>.</summary>
    public string? ClientSecret { get; init; }

    /// <summary>Gets the account that signed in, when it is another than the mailbox; only for <see cref="OAuthFlow.DeviceCode"/>.</summary>
    public string? UserName { get; init; }
}

/// <summary>How the router gets its first token.</summary>
public enum OAuthFlow
{
    /// <summary>The application logs in by its own secret; its rights say which mailboxes it may open.</summary>
    ClientCredentials,

    /// <summary>A person signs in once on another machine with a code; from then on the token is renewed.</summary>
    DeviceCode,
}

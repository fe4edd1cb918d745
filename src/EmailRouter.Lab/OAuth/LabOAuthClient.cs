using System.Security.Cryptography.X509Certificates;

namespace EmailRouter.Lab.OAuth;

/// <summary>An application that is registered in the lab's tenant.</summary>
/// <param name="ClientId">Its id.</param>
public sealed record LabOAuthClient(string ClientId)
{
    /// <summary>Gets its secret; null when it has none.</summary>
    public string? Secret { get; init; }

    /// <summary>Gets the certificates whose keys may sign its assertions; only the public half is used.</summary>
    public IReadOnlyList<X509Certificate2> Certificates { get; init; } = [];

    /// <summary>Gets its application permissions (<c>Mail.ReadWrite</c>, <c>full_access_as_app</c>); they become the claim <c>roles</c>.</summary>
    public IReadOnlyList<string> Roles { get; init; } = [];

    /// <summary>Gets the delegated permissions that were consented to; null for whatever is asked. They become the claim <c>scp</c>.</summary>
    public IReadOnlyList<string>? Scopes { get; init; }
}

/// <summary>What an access token of the lab says.</summary>
/// <param name="Audience">The resource it is for, without a slash at the end.</param>
/// <param name="ClientId">The application.</param>
/// <param name="TenantId">The tenant.</param>
/// <param name="IssuedOn">When it was issued.</param>
/// <param name="ExpiresOn">When it expires.</param>
public sealed record LabAccessToken(string Audience, string ClientId, string TenantId, DateTimeOffset IssuedOn, DateTimeOffset ExpiresOn)
{
    /// <summary>Gets the user's name; null for an application that acts for itself.</summary>
    public string? UserName { get; init; }

    /// <summary>Gets the application permissions.</summary>
    public IReadOnlyList<string> Roles { get; init; } = [];

    /// <summary>Gets the delegated permissions, without the resource.</summary>
    public IReadOnlyList<string> Scopes { get; init; } = [];
}

/// <summary>A code that waits for a person (RFC 8628).</summary>
/// <param name="UserCode">What the person enters.</param>
/// <param name="ClientId">The application that asks.</param>
public sealed record LabDeviceCode(string UserCode, string ClientId);

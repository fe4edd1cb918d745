using EmailRouter.Mail;
using Microsoft.Identity.Client;
using Microsoft.Identity.Client.AppConfig;

namespace EmailRouter.Routing.Configuration;

/// <summary>Tokens for the identity that a machine in Azure, or connected by Azure Arc, was given. The platform keeps them; there is no file.</summary>
internal sealed class ManagedIdentityGrant(TokenSubject subject, IMsalHttpClientFactory http) : ITokenGrant
{
    private readonly IManagedIdentityApplication application = ManagedIdentityApplicationBuilder
        .Create(subject.OAuth.ClientId is { Length: > 0 } id ? ManagedIdentityId.WithUserAssignedClientId(id) : ManagedIdentityId.SystemAssigned)
        .WithHttpClientFactory(http)
        .Build();

    /// <inheritdoc/>
    public bool IsPerUser => false;

    /// <inheritdoc/>
    public async ValueTask<AccessToken> GetAsync(string? user, bool renew, CancellationToken cancellationToken)
    {
        AuthenticationResult result = await application.AcquireTokenForManagedIdentity(subject.Resource).WithForceRefresh(renew).ExecuteAsync(cancellationToken).ConfigureAwait(false);
        return new AccessToken(result.AccessToken, result.ExpiresOn);
    }
}

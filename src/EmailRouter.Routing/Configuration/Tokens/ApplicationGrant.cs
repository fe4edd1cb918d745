using EmailRouter.Mail;
using Microsoft.Identity.Client;

namespace EmailRouter.Routing.Configuration;

/// <summary>Tokens for an application that logs in by its secret or its certificate (RFC 6749 4.4, RFC 7523).</summary>
internal sealed class ApplicationGrant : ITokenGrant
{
    private readonly IConfidentialClientApplication application;
    private readonly IReadOnlyList<string> scopes;

    /// <summary>Makes the grant.</summary>
    /// <param name="subject">Whom tokens are for.</param>
    /// <param name="secrets">What decrypts the secret.</param>
    /// <param name="cache">Where tokens are kept.</param>
    /// <param name="http">The HTTP client.</param>
    /// <exception cref="TokenException">The certificate cannot be used.</exception>
    /// <exception cref="RouterException">The secret cannot be decrypted.</exception>
    public ApplicationGrant(TokenSubject subject, ISecretProtector secrets, TokenCacheFile cache, IMsalHttpClientFactory http)
    {
        OAuthConfiguration oauth = subject.OAuth;
        var builder = ConfidentialClientApplicationBuilder.Create(oauth.ClientId).At(oauth).WithHttpClientFactory(http);
        if (!MsalAuthority.IsAdfs(oauth.Authority))
            builder = builder.WithInstanceDiscovery(false);
        application = (oauth.Flow == OAuthFlow.Certificate
            ? builder.WithCertificate(ClientCertificate.Load(oauth, secrets))
            : builder.WithClientSecret(secrets.Unprotect(oauth.ClientSecret ?? string.Empty))).Build();
        cache.Keep(application.AppTokenCache);
        scopes = subject.Scopes;
    }

    /// <inheritdoc/>
    public bool IsPerUser => false;

    /// <inheritdoc/>
    public async ValueTask<AccessToken> GetAsync(string? user, bool renew, CancellationToken cancellationToken)
    {
        AuthenticationResult result = await application.AcquireTokenForClient(scopes).WithForceRefresh(renew).ExecuteAsync(cancellationToken).ConfigureAwait(false);
        return new AccessToken(result.AccessToken, result.ExpiresOn);
    }
}

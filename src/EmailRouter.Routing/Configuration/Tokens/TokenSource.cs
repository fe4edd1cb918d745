using System.Collections.Concurrent;
using EmailRouter.Crm;
using EmailRouter.Mail;
using Microsoft.Identity.Client;

namespace EmailRouter.Routing.Configuration;

/// <summary>
/// Gets OAuth access tokens for profiles and deployments and keeps them: in memory, and protected in a file beside the configuration.
/// Safe for many callers at once.
/// </summary>
/// <param name="folder">Where the caches are kept.</param>
/// <param name="secrets">What decrypts the application's secret and protects the caches.</param>
/// <param name="systems">The mail systems, which know the scope of their servers' tokens; null when none is known.</param>
/// <param name="http">Makes the HTTP client; null for the platform's.</param>
public sealed class TokenSource(string folder, ISecretProtector secrets, RouterSystems? systems = null, Func<HttpClient>? http = null)
{
    private readonly ConcurrentDictionary<string, Lazy<KeptTokens>> kept = new(StringComparer.Ordinal);
    private readonly HttpFactory factory = new(http ?? (static () => new HttpClient()));

    /// <summary>Gets the clock of waits and of what is kept in memory. Defaults to the system's.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Makes the subject of a profile's tokens.</summary>
    /// <param name="profile">A profile whose credential source is <see cref="CredentialSource.OAuth"/>.</param>
    /// <returns>The subject.</returns>
    public TokenSubject SubjectOf(ProfileConfiguration profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        return TokenSubject.Of(profile, systems?.FindMail(profile.System));
    }

    /// <summary>Makes the credential of a mailbox: a token is got when the server is about to be logged in to.</summary>
    /// <param name="profile">A profile whose credential source is <see cref="CredentialSource.OAuth"/>.</param>
    /// <param name="mailbox">The mailbox's address, which is the user name.</param>
    /// <returns>The credential.</returns>
    public MailCredential CredentialOf(ProfileConfiguration profile, string mailbox)
    {
        TokenSubject subject = SubjectOf(profile);
        return new TokenCredential(mailbox, cancellationToken => GetAsync(subject, mailbox, renew: false, cancellationToken))
        {
            RenewAsync = cancellationToken => GetAsync(subject, mailbox, renew: true, cancellationToken),
        };
    }

    /// <summary>Makes the credential of one of a deployment's applications.</summary>
    /// <param name="subject">The subject (<see cref="TokenSubject.Of(DeploymentConfiguration, OAuthConfiguration?)"/>).</param>
    /// <returns>The credential; its tokens fail with a <see cref="CrmException"/>.</returns>
    /// <exception cref="CrmException">The application's certificate cannot be used.</exception>
    public CrmToken CredentialOf(TokenSubject subject)
    {
        ArgumentNullException.ThrowIfNull(subject);
        string name = subject.NeedsSignIn ? subject.OAuth.UserName ?? subject.Name : subject.OAuth.ClientId.Length > 0 ? subject.OAuth.ClientId : subject.Name;
        return new CrmToken(name, async (renew, cancellationToken) => (await GetAsync(subject, null, renew, cancellationToken).ConfigureAwait(false)).Value)
        {
            CertificateExpiresOn = CertificateExpiresOn(subject),
        };
    }

    /// <summary>Gets a token that is valid now: from the cache, by renewal, or anew by the application's secret.</summary>
    /// <param name="profile">The profile.</param>
    /// <param name="mailbox">The mailbox's address.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The token.</returns>
    /// <exception cref="MailAuthenticationException"><c>MailTokenSignInNeeded</c>: a person must sign in; or <c>MailTokenRefused</c>.</exception>
    /// <exception cref="MailConnectionException"><c>MailTokenUnavailable</c>: the provider cannot be reached now.</exception>
    public ValueTask<AccessToken> GetAsync(ProfileConfiguration profile, string mailbox, CancellationToken cancellationToken) =>
        GetAsync(SubjectOf(profile), mailbox, renew: false, cancellationToken);

    /// <summary>Gets a token that is valid now.</summary>
    /// <param name="subject">Whom it is for.</param>
    /// <param name="user">The mailbox's address; null for the only account that signed in, and where the application logs in itself.</param>
    /// <param name="renew">Whether to go past every cache, because a server refused the cached one.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The token.</returns>
    /// <exception cref="MailException">For profiles: <c>MailTokenSignInNeeded</c>, <c>MailTokenRefused</c> or <c>MailTokenUnavailable</c>.</exception>
    /// <exception cref="CrmException">For deployments: <c>CrmTokenSignInNeeded</c>, <c>CrmTokenRefused</c> or <c>CrmTokenUnavailable</c>.</exception>
    public async ValueTask<AccessToken> GetAsync(TokenSubject subject, string? user, bool renew, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(subject);
        string? account = subject.OAuth.UserName ?? user;
        try
        {
            return await TokensOf(subject).GetAsync(account, renew, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TokenException or MsalException or HttpRequestException)
        {
            throw TokenErrors.From(subject, account, e);
        }
    }

    /// <summary>Signs a person in, once: by device code (RFC 8628), or in the browser of this machine. Further sign-ins add accounts.</summary>
    /// <param name="subject">A subject that needs it (<see cref="TokenSubject.NeedsSignIn"/>).</param>
    /// <param name="show">Shows a device code.</param>
    /// <param name="openBrowser">Opens the page of the interactive flow; null for the system's browser.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>The account that signed in.</returns>
    /// <exception cref="MailException">For profiles: the provider refused, cannot be reached, or nobody signed in.</exception>
    /// <exception cref="CrmException">The same for deployments.</exception>
    public async Task<string> SignInAsync(TokenSubject subject, Func<DeviceCodePrompt, Task> show, Func<Uri, Task>? openBrowser, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentNullException.ThrowIfNull(show);
        try
        {
            KeptTokens tokens = TokensOf(subject);
            if (tokens.Grant is not UserGrant grant)
                throw new ArgumentException($"For {subject} nobody signs in: it gets its tokens by {subject.OAuth.Flow}.", nameof(subject));
            string user = await grant.SignInAsync(show, openBrowser, cancellationToken).ConfigureAwait(false);
            tokens.Clear();
            return user;
        }
        catch (Exception e) when (e is TokenException or MsalException or HttpRequestException)
        {
            throw TokenErrors.From(subject, subject.OAuth.UserName, e);
        }
    }

    /// <summary>Finds out when the certificate of an application expires.</summary>
    /// <param name="subject">The subject.</param>
    /// <returns>When; null where it logs in without one.</returns>
    /// <exception cref="MailException">For profiles: the certificate cannot be used.</exception>
    /// <exception cref="CrmException">The same for deployments.</exception>
    public DateTimeOffset? CertificateExpiresOn(TokenSubject subject)
    {
        ArgumentNullException.ThrowIfNull(subject);
        if (subject.OAuth.Flow != OAuthFlow.Certificate)
            return null;
        try
        {
            using var certificate = ClientCertificate.Load(subject.OAuth, secrets);
            return certificate.NotAfter;
        }
        catch (TokenException e)
        {
            throw TokenErrors.From(subject, null, e);
        }
    }

    /// <summary>A failure is not kept: what was missing may be there at the next attempt. A certificate file that was replaced is read again.</summary>
    private KeptTokens TokensOf(TokenSubject subject) => kept.GetOrAdd(
        $"{subject.Key}\n{ClientCertificate.StampOf(subject.OAuth)}\n{string.Join(' ', subject.Scopes)}",
        _ => new Lazy<KeptTokens>(() => new KeptTokens(GrantOf(subject), Clock), LazyThreadSafetyMode.PublicationOnly)).Value;

    private ITokenGrant GrantOf(TokenSubject subject) => subject.OAuth.Flow switch
    {
        OAuthFlow.ClientCredentials or OAuthFlow.Certificate => new ApplicationGrant(subject, secrets, CacheOf(subject), factory),
        OAuthFlow.DeviceCode or OAuthFlow.Interactive => new UserGrant(subject, CacheOf(subject), factory, Clock),
        OAuthFlow.ManagedIdentity => new ManagedIdentityGrant(subject, factory),
        OAuthFlow.Command => new CommandGrant(subject, Clock),
        _ => throw new TokenException("Refused", $"the flow {subject.OAuth.Flow} is not known", "Choose one of the flows that the router knows."),
    };

    private TokenCacheFile CacheOf(TokenSubject subject) => new(Path.Combine(folder, subject.CacheFile), secrets);

    private sealed class HttpFactory(Func<HttpClient> make) : IMsalHttpClientFactory
    {
        private readonly Lazy<HttpClient> client = new(make);

        public HttpClient GetHttpClient() => client.Value;
    }
}

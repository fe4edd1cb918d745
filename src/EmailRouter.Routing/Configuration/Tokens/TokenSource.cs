using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using EmailRouter.Mail;
using Microsoft.Identity.Client;

namespace EmailRouter.Routing.Configuration;

/// <summary>What a person needs to sign in on another machine.</summary>
/// <param name="UserCode">The code to enter.</param>
/// <param name="Url">Where to enter it.</param>
/// <param name="Message">The provider's own words for both.</param>
/// <param name="ExpiresOn">Until when the code works.</param>
public sealed record DeviceCodePrompt(string UserCode, string Url, string Message, DateTimeOffset ExpiresOn);

/// <summary>
/// Gets OAuth access tokens for profiles and keeps them: in memory, and protected in a file beside the configuration.
/// Safe for many callers at once.
/// </summary>
/// <param name="folder">Where the caches are kept.</param>
/// <param name="secrets">What decrypts the application's secret and protects the caches.</param>
/// <param name="http">Makes the HTTP client; null for the platform's.</param>
public sealed class TokenSource(string folder, ISecretProtector secrets, Func<HttpClient>? http = null)
{
    private const string DefaultScope = "https://outlook.office365.com/.default";

    private readonly ConcurrentDictionary<string, Lazy<IClientApplicationBase>> applications = new(StringComparer.Ordinal);

    /// <summary>Makes the credential of a mailbox: a token is got when the server is about to be logged in to.</summary>
    /// <param name="profile">A profile whose credential source is <see cref="CredentialSource.OAuth"/>.</param>
    /// <param name="mailbox">The mailbox's address, which is the user name.</param>
    /// <returns>The credential.</returns>
    public MailCredential CredentialOf(ProfileConfiguration profile, string mailbox)
    {
        ArgumentNullException.ThrowIfNull(profile);
        return MailCredential.Token(mailbox, cancellationToken => GetAsync(profile, mailbox, cancellationToken));
    }

    /// <summary>Gets a token that is valid now: from the cache, by renewal, or anew by the application's secret.</summary>
    /// <param name="profile">The profile.</param>
    /// <param name="mailbox">The mailbox's address.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The token.</returns>
    /// <exception cref="MailAuthenticationException"><c>MailTokenSignInNeeded</c>: a person must sign in; or <c>MailTokenRefused</c>.</exception>
    /// <exception cref="MailConnectionException"><c>MailTokenUnavailable</c>: the provider cannot be reached now.</exception>
    public async ValueTask<AccessToken> GetAsync(ProfileConfiguration profile, string mailbox, CancellationToken cancellationToken)
    {
        OAuthConfiguration oauth = Require(profile);
        try
        {
            AuthenticationResult result;
            if (Application(profile, oauth) is IConfidentialClientApplication confidential)
            {
                result = await confidential.AcquireTokenForClient(Scopes(oauth)).ExecuteAsync(cancellationToken).ConfigureAwait(false);
            }
            else
            {
                var application = (IPublicClientApplication)Application(profile, oauth);
                string user = oauth.UserName ?? mailbox;
                IEnumerable<IAccount> accounts = await application.GetAccountsAsync().ConfigureAwait(false);
                IAccount account = accounts.FirstOrDefault(a => string.Equals(a.Username, user, StringComparison.OrdinalIgnoreCase))
                    ?? throw SignInNeeded(profile, user, null);
                result = await application.AcquireTokenSilent(Scopes(oauth), account).ExecuteAsync(cancellationToken).ConfigureAwait(false);
            }

            return new AccessToken(result.AccessToken, result.ExpiresOn);
        }
        catch (MsalUiRequiredException e)
        {
            throw SignInNeeded(profile, oauth.UserName ?? mailbox, e);
        }
        catch (Exception e) when (e is MsalException or HttpRequestException)
        {
            throw Failed(profile, e);
        }
    }

    /// <summary>Signs in by device code (RFC 8628): shows a code and waits until a person has entered it elsewhere.</summary>
    /// <param name="profile">A profile whose flow is <see cref="OAuthFlow.DeviceCode"/>.</param>
    /// <param name="show">Shows the code.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>The account that signed in.</returns>
    /// <exception cref="MailException">The provider refused, or cannot be reached.</exception>
    public async Task<string> SignInAsync(ProfileConfiguration profile, Func<DeviceCodePrompt, Task> show, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(show);
        OAuthConfiguration oauth = Require(profile);
        if (Application(profile, oauth) is not IPublicClientApplication application)
            throw new ArgumentException($"The profile {profile.Name} logs in by the application's secret; nobody signs in.", nameof(profile));
        try
        {
            AuthenticationResult result = await application
                .AcquireTokenWithDeviceCode(
                    Scopes(oauth), code => show(new DeviceCodePrompt(code.UserCode, code.VerificationUrl, code.Message, code.ExpiresOn)))
                .ExecuteAsync(cancellationToken).ConfigureAwait(false);
            return result.Account.Username;
        }
        catch (Exception e) when (e is MsalException or HttpRequestException)
        {
            throw Failed(profile, e);
        }
    }

    private static OAuthConfiguration Require(ProfileConfiguration profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        return profile.OAuth ?? throw new ArgumentException($"The profile {profile.Name} has no OAuth settings.", nameof(profile));
    }

    private static IEnumerable<string> Scopes(OAuthConfiguration oauth) => oauth.Scopes.Count > 0 ? oauth.Scopes : [DefaultScope];

    private static MailAuthenticationException SignInNeeded(ProfileConfiguration profile, string user, Exception? cause) => new(
        "MailTokenSignInNeeded",
        $"The profile {profile.Name} has no token of {user}, and none can be got without that person.",
        $"Sign in once as {user} with a device code.",
        cause);

    private static MailException Failed(ProfileConfiguration profile, Exception cause)
    {
        int status = (cause as MsalServiceException)?.StatusCode ?? 0;
        string reason = cause.Message.Split('\n', 2)[0].Trim();
        if (cause is HttpRequestException || status is 429 or >= 500)
        {
            return new MailConnectionException(
                "MailTokenUnavailable",
                MailStep.Authenticate,
                $"No token for the profile {profile.Name} now: {reason}",
                "The identity provider is busy or out of reach; it is tried again.",
                cause)
            {
                IsTransient = true,
                RetryAfter = (cause as MsalServiceException)?.Headers?.RetryAfter?.Delta,
            };
        }

        return new MailAuthenticationException(
            "MailTokenRefused",
            $"The identity provider refused a token for the profile {profile.Name}: {reason}",
            "Check tenant, application id and secret, and that the application has the mail server's permissions (e.g. IMAP.AccessAsApp) with consent.",
            cause);
    }

    private IClientApplicationBase Application(ProfileConfiguration profile, OAuthConfiguration oauth) =>
        applications.GetOrAdd($"{profile.Name}\n{oauth.ClientId}", _ => new Lazy<IClientApplicationBase>(() => Build(profile, oauth))).Value;

    private IClientApplicationBase Build(ProfileConfiguration profile, OAuthConfiguration oauth)
    {
        string authority = oauth.Authority?.AbsoluteUri ?? $"https://login.microsoftonline.com/{oauth.TenantId}";
        var factory = new HttpFactory(http ?? (static () => new HttpClient()));
        if (oauth.Flow == OAuthFlow.DeviceCode)
        {
            IPublicClientApplication application = PublicClientApplicationBuilder.Create(oauth.ClientId)
                .WithAuthority(authority, validateAuthority: false).WithInstanceDiscovery(false).WithHttpClientFactory(factory).Build();
            Keep(application.UserTokenCache, profile);
            return application;
        }

        IConfidentialClientApplication confidential = ConfidentialClientApplicationBuilder.Create(oauth.ClientId)
            .WithClientSecret(secrets.Unprotect(oauth.ClientSecret ?? string.Empty))
            .WithAuthority(authority, validateAuthority: false).WithInstanceDiscovery(false).WithHttpClientFactory(factory).Build();
        Keep(confidential.AppTokenCache, profile);
        return confidential;
    }

    private void Keep(ITokenCache cache, ProfileConfiguration profile)
    {
        // A name may hold anything; the file's name is made of what every file system takes.
        string name = new([.. profile.Name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '-')]);
        string mark = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(profile.Name.ToUpperInvariant())), 0, 4);
        var file = new TokenCacheFile(Path.Combine(folder, $"tokens.{name}.{mark}.dat"), secrets);
        cache.SetBeforeAccessAsync(async e => e.TokenCache.DeserializeMsalV3(await file.ReadAsync(e.CancellationToken).ConfigureAwait(false)));
        cache.SetAfterAccessAsync(async e =>
        {
            if (e.HasStateChanged)
                await file.WriteAsync(e.TokenCache.SerializeMsalV3(), e.CancellationToken).ConfigureAwait(false);
        });
    }

    private sealed class HttpFactory(Func<HttpClient> make) : IMsalHttpClientFactory
    {
        private readonly Lazy<HttpClient> client = new(make);

        public HttpClient GetHttpClient() => client.Value;
    }
}

using EmailRouter.Mail;
using Microsoft.Identity.Client;

namespace EmailRouter.Routing.Configuration;

/// <summary>Tokens for people who signed in once; from then on they are renewed without them.</summary>
internal sealed class UserGrant : ITokenGrant
{
    /// <summary>How long the browser is waited for; a device code has its own end.</summary>
    private static readonly TimeSpan BrowserLimit = TimeSpan.FromMinutes(10);

    private readonly IPublicClientApplication application;
    private readonly TokenSubject subject;
    private readonly TimeProvider clock;

    /// <summary>Makes the grant.</summary>
    /// <param name="subject">Whom tokens are for.</param>
    /// <param name="cache">Where tokens are kept.</param>
    /// <param name="http">The HTTP client.</param>
    /// <param name="clock">The clock of waits.</param>
    public UserGrant(TokenSubject subject, TokenCacheFile cache, IMsalHttpClientFactory http, TimeProvider clock)
    {
        this.subject = subject;
        this.clock = clock;
        var builder = PublicClientApplicationBuilder.Create(subject.OAuth.ClientId).At(subject.OAuth).WithHttpClientFactory(http);
        if (!MsalAuthority.IsAdfs(subject.OAuth.Authority))
            builder = builder.WithInstanceDiscovery(false);

        // The loopback address of native applications (RFC 8252 7.3); the port is chosen at sign-in.
        application = builder.WithRedirectUri("http://localhost").Build();
        cache.Keep(application.UserTokenCache);
    }

    /// <inheritdoc/>
    public bool IsPerUser => true;

    /// <inheritdoc/>
    public async ValueTask<AccessToken> GetAsync(string? user, bool renew, CancellationToken cancellationToken)
    {
        IAccount[] accounts = [.. await application.GetAccountsAsync().ConfigureAwait(false)];
        IAccount account = accounts.FirstOrDefault(a => string.Equals(a.Username, user, StringComparison.OrdinalIgnoreCase))
            ?? (user is null && accounts.Length == 1 ? accounts[0] : throw TokenErrors.SignInNeeded(subject, user, [.. accounts.Select(a => a.Username)]));
        AuthenticationResult result = await application.AcquireTokenSilent(subject.Scopes, account).WithForceRefresh(renew).ExecuteAsync(cancellationToken).ConfigureAwait(false);
        return new AccessToken(result.AccessToken, result.ExpiresOn);
    }

    /// <summary>Signs a person in.</summary>
    /// <inheritdoc cref="TokenSource.SignInAsync"/>
    public async Task<string> SignInAsync(Func<DeviceCodePrompt, Task> show, Func<Uri, Task>? openBrowser, CancellationToken cancellationToken)
    {
        if (subject.OAuth.Flow == OAuthFlow.DeviceCode)
        {
            AuthenticationResult entered = await application
                .AcquireTokenWithDeviceCode(subject.Scopes, code => show(new DeviceCodePrompt(code.UserCode, code.VerificationUrl, code.Message, code.ExpiresOn)))
                .ExecuteAsync(cancellationToken).ConfigureAwait(false);
            return entered.Account.Username;
        }

        using var limit = new CancellationTokenSource(BrowserLimit, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            AcquireTokenInteractiveParameterBuilder request = application.AcquireTokenInteractive(subject.Scopes)
                .WithUseEmbeddedWebView(false)
                .WithPrompt(Prompt.SelectAccount)
                .WithSystemWebViewOptions(new SystemWebViewOptions { OpenBrowserAsync = openBrowser });
            if (subject.OAuth.UserName is { } hint)
                request = request.WithLoginHint(hint);
            AuthenticationResult result = await request.ExecuteAsync(either.Token).ConfigureAwait(false);
            return result.Account.Username;
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TokenException("SignInNeeded", $"nobody signed in within {BrowserLimit.TotalMinutes:0} minutes", "Start the sign-in again; on a machine without a browser choose the device code.");
        }
    }
}

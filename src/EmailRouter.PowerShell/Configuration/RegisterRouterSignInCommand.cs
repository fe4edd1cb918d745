using System.Management.Automation;
using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.PowerShell.Completion;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Configuration;

/// <summary>Signs a person in for a profile or a deployment whose tokens are that person's. It is needed once; from then on the router renews the tokens.</summary>
/// <remarks>
/// <para>With a device code the cmdlet shows the code and where to enter it, on any machine; interactively it opens the browser of this one.</para>
/// <para>What is needed to renew the tokens is kept beside the configuration, encrypted: run the cmdlet under the account under which the router runs.</para>
/// </remarks>
/// <example>
/// <summary>Sign in for a profile</summary>
/// <code>Register-RouterSignIn -Profile Online-In</code>
/// <para>Shows a code, waits until it was entered, and reports the account. Repeat it for each mailbox that has an account of its own.</para>
/// </example>
/// <example>
/// <summary>Make a deployment and sign in for it</summary>
/// <code>New-RouterDeployment Contoso -Url https://contoso.crm4.dynamics.com -ClientId $app -TenantId contoso.com -Interactive | Register-RouterSignIn</code>
/// <para>Opens the browser; the router works with the rights of whoever signs in.</para>
/// </example>
[Cmdlet(VerbsLifecycle.Register, "RouterSignIn", DefaultParameterSetName = ProfileParameterSet)]
[OutputType(typeof(RouterSignInInfo))]
public sealed class RegisterRouterSignInCommand : RouterConfigurationCmdlet
{
    private const string ProfileParameterSet = "Profile";
    private const string DeploymentParameterSet = "Deployment";
    private const string ProfileObjectParameterSet = "ProfileObject";
    private const string DeploymentObjectParameterSet = "DeploymentObject";

    /// <summary>The profile.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ProfileParameterSet)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ProfileNameCompleter))]
    public string? Profile { get; set; }

    /// <summary>The deployment.</summary>
    [Parameter(Mandatory = true, ParameterSetName = DeploymentParameterSet)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(DeploymentNameCompleter))]
    public string? Deployment { get; set; }

    /// <summary>A profile as Get-RouterProfile and New-RouterProfile write it.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = ProfileObjectParameterSet)]
    [ValidateNotNull]
    public RouterProfileInfo? InputProfile { get; set; }

    /// <summary>A deployment as Get-RouterDeployment and New-RouterDeployment write it.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = DeploymentObjectParameterSet)]
    [ValidateNotNull]
    public RouterDeploymentInfo? InputDeployment { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        ConfigurationStore store = await OpenConfigurationAsync().ConfigureAwait(false);
        RouterConfiguration configuration = (await store.LoadAsync(cancellationToken).ConfigureAwait(false)).Configuration;
        TokenSource tokens = new(store.Folder, SecretProtector.For(store.Path), RouterHostOptions.BuiltInSystems()) { Clock = Clock };
        string? profile = Profile ?? InputProfile?.Name;
        string name = profile ?? Deployment ?? InputDeployment!.Name;
        try
        {
            if (await FindAsync(configuration, tokens, profile, name).ConfigureAwait(false) is not { } subject)
                return;
            string user = await tokens.SignInAsync(subject, ShowAsync, openBrowser: null, cancellationToken).ConfigureAwait(false);
            string? wanted = subject.OAuth.UserName;
            if (wanted is not null && !string.Equals(wanted, user, StringComparison.OrdinalIgnoreCase))
                await WarnAsync($"{user} signed in, and {name} works with {wanted}. Sign in again as {wanted}, or name {user} with -UserName.").ConfigureAwait(false);
            await EmitAsync(new RouterSignInInfo(profile is null ? null : subject.Name, profile is null ? subject.Name : null, user, [.. subject.Scopes], store.Path)).ConfigureAwait(false);
        }
        catch (Exception e) when (e is MailException or CrmException or RouterException)
        {
            await EmitErrorAsync(RouterErrors.From(e, "SignIn", name)).ConfigureAwait(false);
        }
    }

    private async Task<TokenSubject?> FindAsync(RouterConfiguration configuration, TokenSource tokens, string? profile, string name)
    {
        OAuthConfiguration? oauth;
        TokenSubject? subject = null;
        if (profile is not null)
        {
            ProfileConfiguration? found = configuration.Profiles.FirstOrDefault(one => string.Equals(one.Name, name, StringComparison.OrdinalIgnoreCase));
            if (found is null)
            {
                await EmitErrorAsync(RouterErrors.ProfileNotFound(name)).ConfigureAwait(false);
                return null;
            }

            oauth = found.OAuth;
            subject = oauth is null ? null : tokens.SubjectOf(found);
        }
        else
        {
            DeploymentConfiguration? found = configuration.Deployments.FirstOrDefault(one => string.Equals(one.Name, name, StringComparison.OrdinalIgnoreCase));
            if (found is null)
            {
                await EmitErrorAsync(RouterErrors.DeploymentNotFound(name)).ConfigureAwait(false);
                return null;
            }

            oauth = found.OAuth;
            subject = oauth is null ? null : TokenSubject.Of(found);
        }

        if (subject is { NeedsSignIn: true })
            return subject;
        await EmitErrorAsync(RouterErrors.SignInNotNeeded(name, oauth is null ? "no tokens" : $"tokens by {oauth.Flow}")).ConfigureAwait(false);
        return null;
    }

    private async Task ShowAsync(DeviceCodePrompt prompt) => await ShowAsync(
        $"Open {prompt.Url} and enter the code {prompt.UserCode} by {prompt.ExpiresOn.ToLocalTime():t}.").ConfigureAwait(false);
}

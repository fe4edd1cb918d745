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
/// <example>
/// <summary>Sign in again for one of several applications</summary>
/// <code>Register-RouterSignIn -Deployment Contoso -ClientId $second</code>
/// <para>Without -ClientId a sign-in is asked for each application of the deployment that needs one.</para>
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

    /// <summary>The application to sign in for, where the deployment has several; all of them that need it when left out.</summary>
    [Parameter(ParameterSetName = DeploymentParameterSet)]
    [Parameter(ParameterSetName = DeploymentObjectParameterSet)]
    [Alias("ApplicationId", "AppId")]
    [ValidateNotNullOrEmpty]
    public string? ClientId { get; set; }

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
            IReadOnlyList<TokenSubject> subjects = profile is null
                ? await OfDeploymentAsync(configuration, name).ConfigureAwait(false)
                : await OfProfileAsync(configuration, tokens, name).ConfigureAwait(false);
            foreach (TokenSubject subject in subjects)
                await SignInAsync(tokens, subject, profile is not null, subjects.Count > 1, store.Path, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is MailException or CrmException or RouterException)
        {
            await EmitErrorAsync(RouterErrors.From(e, "SignIn", name)).ConfigureAwait(false);
        }
    }

    private async Task SignInAsync(TokenSource tokens, TokenSubject subject, bool isProfile, bool isOneOfSeveral, string path, CancellationToken cancellationToken)
    {
        if (isOneOfSeveral)
            await ShowAsync($"Sign in for the application {subject.OAuth.ClientId} of {subject}.").ConfigureAwait(false);
        string user = await tokens.SignInAsync(subject, ShowAsync, openBrowser: null, cancellationToken).ConfigureAwait(false);
        string? wanted = subject.OAuth.UserName;
        if (wanted is not null && !string.Equals(wanted, user, StringComparison.OrdinalIgnoreCase))
            await WarnAsync($"{user} signed in, and {subject.Name} works with {wanted}. Sign in again as {wanted}, or name {user} with -UserName.").ConfigureAwait(false);
        await EmitAsync(new RouterSignInInfo(isProfile ? subject.Name : null, isProfile ? null : subject.Name, subject.OAuth.ClientId, user, [.. subject.Scopes], path)).ConfigureAwait(false);
    }

    private async Task<IReadOnlyList<TokenSubject>> OfProfileAsync(RouterConfiguration configuration, TokenSource tokens, string name)
    {
        ProfileConfiguration? found = configuration.Profiles.FirstOrDefault(one => string.Equals(one.Name, name, StringComparison.OrdinalIgnoreCase));
        if (found is { OAuth.Flow: OAuthFlow.DeviceCode or OAuthFlow.Interactive })
            return [tokens.SubjectOf(found)];
        await EmitErrorAsync(found is null ? RouterErrors.ProfileNotFound(name) : RouterErrors.SignInNotNeeded(name, found.OAuth is { } oauth ? $"tokens by {oauth.Flow}" : "no tokens"))
            .ConfigureAwait(false);
        return [];
    }

    private async Task<IReadOnlyList<TokenSubject>> OfDeploymentAsync(RouterConfiguration configuration, string name)
    {
        DeploymentConfiguration? found = configuration.Deployments.FirstOrDefault(one => string.Equals(one.Name, name, StringComparison.OrdinalIgnoreCase));
        if (found is null)
        {
            await EmitErrorAsync(RouterErrors.DeploymentNotFound(name)).ConfigureAwait(false);
            return [];
        }

        OAuthConfiguration[] applications = [.. found.FurtherApplications.Prepend(found.OAuth).OfType<OAuthConfiguration>()
            .Where(one => ClientId is null || string.Equals(one.ClientId, ClientId, StringComparison.OrdinalIgnoreCase))];
        TokenSubject[] subjects = [.. applications.Select(one => TokenSubject.Of(found, one)).Where(one => one.NeedsSignIn)];
        if (subjects.Length == 0)
        {
            await EmitErrorAsync(applications.Length == 0 && ClientId is not null
                ? RouterErrors.ParameterInvalid($"The deployment '{name}' has no application {ClientId}.", "List its applications with Get-RouterDeployment, or add one with Set-RouterDeployment -AddApplication.", name)
                : RouterErrors.SignInNotNeeded(name, applications.Length == 0 ? "no tokens" : $"tokens by {string.Join(", ", applications.Select(one => one.Flow).Distinct())}")).ConfigureAwait(false);
        }

        return subjects;
    }

    private async Task ShowAsync(DeviceCodePrompt prompt) => await ShowAsync(
        $"Open {prompt.Url} and enter the code {prompt.UserCode} by {prompt.ExpiresOn.ToLocalTime():t}.").ConfigureAwait(false);
}

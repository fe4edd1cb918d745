using System.Management.Automation;
using System.Net;
using System.Security;
using EmailRouter.PowerShell.Completion;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Configuration;

/// <summary>The base of the cmdlets that say how access tokens are got, for a profile or a deployment. Each flow is a parameter set, told by its own parameter.</summary>
public abstract class OAuthConfigurationCmdlet : RouterConfigurationCmdlet
{
    private protected const string ClientSecretParameterSet = "ClientSecret";
    private protected const string CertificatePathParameterSet = "CertificatePath";
    private protected const string CertificateThumbprintParameterSet = "CertificateThumbprint";
    private protected const string ManagedIdentityParameterSet = "ManagedIdentity";
    private protected const string DeviceCodeParameterSet = "DeviceCode";
    private protected const string InteractiveParameterSet = "Interactive";
    private protected const string TokenCommandParameterSet = "TokenCommand";
    private protected const string TokenScriptParameterSet = "TokenScript";

    /// <summary>The id of the application that is registered for the router; with -ManagedIdentity the client id of a user-assigned identity.</summary>
    [Parameter(ParameterSetName = ClientSecretParameterSet)]
    [Parameter(ParameterSetName = CertificatePathParameterSet)]
    [Parameter(ParameterSetName = CertificateThumbprintParameterSet)]
    [Parameter(ParameterSetName = ManagedIdentityParameterSet)]
    [Parameter(ParameterSetName = DeviceCodeParameterSet)]
    [Parameter(ParameterSetName = InteractiveParameterSet)]
    [Alias("ApplicationId", "AppId")]
    [ValidateNotNullOrEmpty]
    public string? ClientId { get; set; }

    /// <summary>The id or domain of the tenant. A token command or script finds it in $env:EMAILROUTER_TENANT.</summary>
    [Parameter(ParameterSetName = ClientSecretParameterSet)]
    [Parameter(ParameterSetName = CertificatePathParameterSet)]
    [Parameter(ParameterSetName = CertificateThumbprintParameterSet)]
    [Parameter(ParameterSetName = DeviceCodeParameterSet)]
    [Parameter(ParameterSetName = InteractiveParameterSet)]
    [Parameter(ParameterSetName = TokenCommandParameterSet)]
    [Parameter(ParameterSetName = TokenScriptParameterSet)]
    [Alias("Tenant")]
    [ValidateNotNullOrEmpty]
    public string? TenantId { get; set; }

    /// <summary>Who gives the tokens, when it is not Microsoft Entra ID of the public cloud: https://sts.example.com/adfs for AD FS, https://login.microsoftonline.us/tenant for a national cloud.</summary>
    [Parameter(ParameterSetName = ClientSecretParameterSet)]
    [Parameter(ParameterSetName = CertificatePathParameterSet)]
    [Parameter(ParameterSetName = CertificateThumbprintParameterSet)]
    [Parameter(ParameterSetName = DeviceCodeParameterSet)]
    [Parameter(ParameterSetName = InteractiveParameterSet)]
    [ValidateNotNull]
    public Uri? Authority { get; set; }

    /// <summary>The scopes to ask for; what the service needs when left out.</summary>
    [Parameter(ParameterSetName = ClientSecretParameterSet)]
    [Parameter(ParameterSetName = CertificatePathParameterSet)]
    [Parameter(ParameterSetName = CertificateThumbprintParameterSet)]
    [Parameter(ParameterSetName = ManagedIdentityParameterSet)]
    [Parameter(ParameterSetName = DeviceCodeParameterSet)]
    [Parameter(ParameterSetName = InteractiveParameterSet)]
    [Parameter(ParameterSetName = TokenCommandParameterSet)]
    [Parameter(ParameterSetName = TokenScriptParameterSet)]
    [ValidateNotNullOrEmpty]
    public string[]? Scope { get; set; }

    /// <summary>The application's secret, as a SecureString or as the password of a credential. It is encrypted in the configuration.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ClientSecretParameterSet)]
    [SecretTransformation]
    [ValidateNotNull]
    public SecureString? ClientSecret { get; set; }

    /// <summary>A PKCS #12 or PEM file with the application's certificate and its private key.</summary>
    [Parameter(Mandatory = true, ParameterSetName = CertificatePathParameterSet)]
    [ValidateNotNullOrEmpty]
    public string? CertificatePath { get; set; }

    /// <summary>The password of the certificate's file. It is encrypted in the configuration.</summary>
    [Parameter(ParameterSetName = CertificatePathParameterSet)]
    [SecretTransformation]
    [ValidateNotNull]
    public SecureString? CertificatePassword { get; set; }

    /// <summary>The thumbprint of the application's certificate in the store of the router's account or of the machine.</summary>
    [Parameter(Mandatory = true, ParameterSetName = CertificateThumbprintParameterSet)]
    [ValidatePattern("^([0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})$")]
    [ArgumentCompleter(typeof(CertificateThumbprintCompleter))]
    public string? CertificateThumbprint { get; set; }

    /// <summary>The machine, in Azure or connected by Azure Arc, logs in by the identity it was given; there is no secret.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ManagedIdentityParameterSet)]
    public SwitchParameter ManagedIdentity { get; set; }

    /// <summary>A person signs in once with a code on another machine: run Register-RouterSignIn afterwards.</summary>
    [Parameter(Mandatory = true, ParameterSetName = DeviceCodeParameterSet)]
    public SwitchParameter DeviceCode { get; set; }

    /// <summary>A person signs in once in the browser of this machine: run Register-RouterSignIn afterwards.</summary>
    [Parameter(Mandatory = true, ParameterSetName = InteractiveParameterSet)]
    public SwitchParameter Interactive { get; set; }

    /// <summary>The account that signs in, when it is another than the mailbox.</summary>
    [Parameter(ParameterSetName = DeviceCodeParameterSet)]
    [Parameter(ParameterSetName = InteractiveParameterSet)]
    [Parameter(ParameterSetName = TokenCommandParameterSet)]
    [Parameter(ParameterSetName = TokenScriptParameterSet)]
    [ValidateNotNullOrEmpty]
    public string? UserName { get; set; }

    /// <summary>
    /// A program or PowerShell script file that prints an access token, or JSON with access_token and expires_on as 'az account get-access-token' does. It finds the same environment variables
    /// as -TokenScript; EMAILROUTER_USER only if an argument names {user}.
    /// </summary>
    [Parameter(Mandatory = true, ParameterSetName = TokenCommandParameterSet)]
    [ValidateNotNullOrEmpty]
    public string? TokenCommand { get; set; }

    /// <summary>The command's arguments. {resource}, {scope} and {user} in them stand for the service, the scopes and the mailbox or account.</summary>
    [Parameter(ParameterSetName = TokenCommandParameterSet)]
    [ValidateNotNull]
    public string[]? TokenArgument { get; set; }

    /// <summary>
    /// A script that returns an access token, or an object or JSON with access_token and expires_on or expires_in. Its text is kept in the configuration and runs in a PowerShell of its own
    /// under the router's account, so nothing of this session is there: no variables, functions or profile. It finds what it needs in $env:EMAILROUTER_PROFILE or
    /// $env:EMAILROUTER_DEPLOYMENT, $env:EMAILROUTER_SERVER, $env:EMAILROUTER_RESOURCE, $env:EMAILROUTER_SCOPE, $env:EMAILROUTER_TENANT and $env:EMAILROUTER_USER (the mailbox or account).
    /// A script that names EMAILROUTER_USER runs for each mailbox, any other one gives a token for all. Do not write secrets into it.
    /// </summary>
    [Parameter(Mandatory = true, ParameterSetName = TokenScriptParameterSet)]
    [ValidateNotNull]
    public ScriptBlock? TokenScript { get; set; }

    /// <summary>Gets the flow that the parameters name; null when they name none.</summary>
    private protected OAuthFlow? Flow => ParameterSetName switch
    {
        ClientSecretParameterSet => OAuthFlow.ClientCredentials,
        CertificatePathParameterSet or CertificateThumbprintParameterSet => OAuthFlow.Certificate,
        ManagedIdentityParameterSet => OAuthFlow.ManagedIdentity,
        DeviceCodeParameterSet => OAuthFlow.DeviceCode,
        InteractiveParameterSet => OAuthFlow.Interactive,
        TokenCommandParameterSet or TokenScriptParameterSet => OAuthFlow.Command,
        _ => null,
    };

    /// <summary>Turns the paths among the parameters into full ones, and refuses a script that needs more than itself. Call it once, before <see cref="MakeOAuth"/>.</summary>
    /// <returns>A task that ends when they are.</returns>
    private protected async Task CheckOAuthAsync()
    {
        if (CertificatePath is { } certificate)
            CertificatePath = await ResolvePathAsync(certificate).ConfigureAwait(false);
        if (TokenCommand is { } command)
            TokenCommand = await FindCommandAsync(command).ConfigureAwait(false);
        if (TokenScript is { } script && TokenScriptText.OutsideVariables(script) is { Count: > 0 } outside)
            throw Terminating(RouterErrors.TokenScriptNotAlone(outside));
    }

    /// <summary>Makes the settings that the parameters name. Application and tenant that are not named stay.</summary>
    /// <param name="old">The settings there are; null for none.</param>
    /// <param name="store">The configuration, whose key protects secrets.</param>
    /// <returns>The settings; null when the parameters name no flow.</returns>
    private protected OAuthConfiguration? MakeOAuth(OAuthConfiguration? old, ConfigurationStore store)
    {
        if (Flow is not { } flow)
            return null;
        bool isSameFlow = old?.Flow == flow;
        bool keepsApplication = flow != OAuthFlow.Command && (flow == OAuthFlow.ManagedIdentity) == (old?.Flow == OAuthFlow.ManagedIdentity);
        bool keepsTenant = flow != OAuthFlow.ManagedIdentity && (flow != OAuthFlow.Command || isSameFlow);
        return new OAuthConfiguration
        {
            Flow = flow,
            ClientId = ClientId ?? (keepsApplication ? old?.ClientId : null) ?? string.Empty,
            TenantId = TenantId ?? (keepsTenant ? old?.TenantId : null),
            Authority = Authority ?? (keepsTenant && flow != OAuthFlow.Command && TenantId is null ? old?.Authority : null),
            Scopes = Scope ?? (isSameFlow ? old!.Scopes : []),
            ClientSecret = Protect(ClientSecret, store),
            Certificate = CertificatePath ?? CertificateThumbprint?.ToUpperInvariant(),
            CertificatePassword = Protect(CertificatePassword, store),
            UserName = UserName ?? (isSameFlow ? old!.UserName : null),
            Command = TokenCommand,
            Arguments = TokenArgument ?? [],
            Script = TokenScript is null ? [] : TokenScriptText.LinesOf(TokenScript),
        };
    }

    private static string? Protect(SecureString? secret, ConfigurationStore store) =>
        secret is null ? null : SecretProtector.For(store.Path).Protect(new NetworkCredential(string.Empty, secret).Password);

    /// <summary>A name without a folder is looked for as the shell does; the configuration gets the full path, because the router's account may have another PATH.</summary>
    private async Task<string> FindCommandAsync(string command)
    {
        if (command.IndexOfAny(['/', '\\']) >= 0)
            return await ResolvePathAsync(command).ConfigureAwait(false);
        return await OnPipelineThreadAsync(() => SessionState.InvokeCommand.GetCommand(command, CommandTypes.Application | CommandTypes.ExternalScript) switch
        {
            ApplicationInfo application => application.Path,
            ExternalScriptInfo script => script.Path,
            _ => GetUnresolvedProviderPathFromPSPath(command),
        }).ConfigureAwait(false);
    }
}

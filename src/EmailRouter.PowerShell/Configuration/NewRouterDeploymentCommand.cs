using System.Collections;
using System.Management.Automation;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.PowerShell.Completion;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Configuration;

/// <summary>Makes a deployment: how to reach one organization.</summary>
/// <remarks>
/// <para>An embedded CRM is one SQLite file, made with -Create.</para>
/// <para>
/// Other CRM systems are reached by their address: Dataverse (Dynamics 365 and CRM 2016 and later), Organization (CRM 2011 to 2015) and CrmService (CRM 4.0). How the router logs in is told
/// by one parameter: -ClientSecret, -CertificatePath, -CertificateThumbprint, -ManagedIdentity, -DeviceCode, -Interactive, -TokenCommand, -TokenScript, -Credential or -ProcessAccount.
/// </para>
/// </remarks>
/// <example>
/// <summary>Work for an embedded CRM</summary>
/// <code>New-RouterDeployment -Name Main -Path ./crm.db -Create -IncomingProfile Office-In -OutgoingProfile Office-Out</code>
/// <para>Mailboxes of this organization use the two profiles unless they are assigned others.</para>
/// </example>
/// <example>
/// <summary>Try something out beside the real thing</summary>
/// <code>New-RouterDeployment -Name Trial -Path ./trial.db -Create -OrganizationName 'Trial' -ConfigurationPath ./trial.json</code>
/// <para>Makes an empty embedded CRM and a configuration of its own, which other cmdlets take with the same parameter.</para>
/// </example>
/// <example>
/// <summary>Work for an organization of Dynamics 365 as an application user</summary>
/// <code>New-RouterDeployment Contoso -Url https://contoso.crm4.dynamics.com -ClientId $app -TenantId contoso.com -ClientSecret (Read-Host -AsSecureString)</code>
/// <para>The application must be an application user of the organization, with a security role.</para>
/// </example>
/// <example>
/// <summary>Work for a server in the own network with a Windows log-in</summary>
/// <code>New-RouterDeployment Contoso -System Organization -Url https://crm.contoso.test/ -OrganizationName Contoso -Credential (Get-Credential CONTOSO\router)</code>
/// <para>-ProcessAccount instead of the credential lets the router's own account log in.</para>
/// </example>
/// <example>
/// <summary>Use tokens of the Azure command line</summary>
/// <code>New-RouterDeployment Contoso -Url https://contoso.crm4.dynamics.com -TokenCommand az -TokenArgument account, get-access-token, --resource, '{resource}'</code>
/// <para>The command is run under the router's account, without a shell, whenever a token is needed.</para>
/// </example>
[Cmdlet(VerbsCommon.New, "RouterDeployment", SupportsShouldProcess = true, DefaultParameterSetName = EmbeddedParameterSet)]
[OutputType(typeof(RouterDeploymentInfo))]
public sealed class NewRouterDeploymentCommand : OAuthConfigurationCmdlet
{
    private const string EmbeddedParameterSet = "Embedded";
    private const string CredentialParameterSet = "Credential";
    private const string ProcessAccountParameterSet = "ProcessAccount";

    /// <summary>The name; unique without regard to case.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string Name { get; set; } = string.Empty;

    /// <summary>The SQLite file of an embedded CRM.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = EmbeddedParameterSet)]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = string.Empty;

    /// <summary>Makes the embedded CRM when there is no file yet.</summary>
    [Parameter(ParameterSetName = EmbeddedParameterSet)]
    public SwitchParameter Create { get; set; }

    /// <summary>The organization's name: of an embedded CRM that is made now (the deployment's name when left out); otherwise its unique name, where the address serves several.</summary>
    [Parameter]
    [Alias("Organization")]
    [ValidateNotNullOrEmpty]
    public string? OrganizationName { get; set; }

    /// <summary>The address of the organization, or of a server with several.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = CredentialParameterSet)]
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ProcessAccountParameterSet)]
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ClientSecretParameterSet)]
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = CertificatePathParameterSet)]
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = CertificateThumbprintParameterSet)]
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ManagedIdentityParameterSet)]
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = DeviceCodeParameterSet)]
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = InteractiveParameterSet)]
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = TokenCommandParameterSet)]
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = TokenScriptParameterSet)]
    [ValidateNotNull]
    public Uri? Url { get; set; }

    /// <summary>The CRM system at the address. Dataverse when left out.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = CredentialParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = ProcessAccountParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = ClientSecretParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = CertificatePathParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = CertificateThumbprintParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = ManagedIdentityParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = DeviceCodeParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = InteractiveParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = TokenCommandParameterSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = TokenScriptParameterSet)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(CrmSystemCompleter))]
    public string? System { get; set; }

    /// <summary>User name and password: a Windows log-in, or claims. The password is encrypted in the configuration.</summary>
    [Parameter(Mandatory = true, ParameterSetName = CredentialParameterSet)]
    [ValidateNotNull]
    [Credential]
    public PSCredential? Credential { get; set; }

    /// <summary>The account the router runs under logs in.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ProcessAccountParameterSet)]
    public SwitchParameter ProcessAccount { get; set; }

    /// <summary>Who decides what is promoted: the router, which can explain itself, or the server, as for the original product. The router when left out.</summary>
    [Parameter(ParameterSetName = CredentialParameterSet)]
    [Parameter(ParameterSetName = ProcessAccountParameterSet)]
    [Parameter(ParameterSetName = ClientSecretParameterSet)]
    [Parameter(ParameterSetName = CertificatePathParameterSet)]
    [Parameter(ParameterSetName = CertificateThumbprintParameterSet)]
    [Parameter(ParameterSetName = ManagedIdentityParameterSet)]
    [Parameter(ParameterSetName = DeviceCodeParameterSet)]
    [Parameter(ParameterSetName = InteractiveParameterSet)]
    [Parameter(ParameterSetName = TokenCommandParameterSet)]
    [Parameter(ParameterSetName = TokenScriptParameterSet)]
    public DecisionAuthority Decides { get; set; }

    /// <summary>SHA-256 pins (hexadecimal) of public keys that are accepted although their chain is not trusted.</summary>
    [Parameter(ParameterSetName = CredentialParameterSet)]
    [Parameter(ParameterSetName = ProcessAccountParameterSet)]
    [Parameter(ParameterSetName = ClientSecretParameterSet)]
    [Parameter(ParameterSetName = CertificatePathParameterSet)]
    [Parameter(ParameterSetName = CertificateThumbprintParameterSet)]
    [Parameter(ParameterSetName = ManagedIdentityParameterSet)]
    [Parameter(ParameterSetName = DeviceCodeParameterSet)]
    [Parameter(ParameterSetName = InteractiveParameterSet)]
    [Parameter(ParameterSetName = TokenCommandParameterSet)]
    [Parameter(ParameterSetName = TokenScriptParameterSet)]
    [ValidatePattern("^[0-9A-Fa-f]{64}$")]
    public string[] CertificatePin { get; set; } = [];

    /// <summary>Lets the log-in cross a connection without TLS.</summary>
    [Parameter(ParameterSetName = CredentialParameterSet)]
    [Parameter(ParameterSetName = ProcessAccountParameterSet)]
    [Parameter(ParameterSetName = ClientSecretParameterSet)]
    [Parameter(ParameterSetName = CertificatePathParameterSet)]
    [Parameter(ParameterSetName = CertificateThumbprintParameterSet)]
    [Parameter(ParameterSetName = ManagedIdentityParameterSet)]
    [Parameter(ParameterSetName = DeviceCodeParameterSet)]
    [Parameter(ParameterSetName = InteractiveParameterSet)]
    [Parameter(ParameterSetName = TokenCommandParameterSet)]
    [Parameter(ParameterSetName = TokenScriptParameterSet)]
    public SwitchParameter AllowPlainTextPassword { get; set; }

    /// <summary>Further settings of the CRM system, by name. CrmService has logIn: windows (when left out), or ifd for internet-facing deployments.</summary>
    [Parameter(ParameterSetName = CredentialParameterSet)]
    [Parameter(ParameterSetName = ProcessAccountParameterSet)]
    [Parameter(ParameterSetName = ClientSecretParameterSet)]
    [Parameter(ParameterSetName = CertificatePathParameterSet)]
    [Parameter(ParameterSetName = CertificateThumbprintParameterSet)]
    [Parameter(ParameterSetName = ManagedIdentityParameterSet)]
    [Parameter(ParameterSetName = DeviceCodeParameterSet)]
    [Parameter(ParameterSetName = InteractiveParameterSet)]
    [Parameter(ParameterSetName = TokenCommandParameterSet)]
    [Parameter(ParameterSetName = TokenScriptParameterSet)]
    [ValidateNotNull]
    public Hashtable Options { get; set; } = [];

    /// <summary>The addresses of forward mailboxes that the CRM itself does not know.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[] ForwardMailbox { get; set; } = [];

    /// <summary>The profile by which rules are deployed, for mailboxes that are assigned none.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(ProfileNameCompleter))]
    public string? RulesProfile { get; set; }

    /// <summary>The incoming profile of mailboxes that are assigned none.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ProfileNameCompleter))]
    public string? IncomingProfile { get; set; }

    /// <summary>The outgoing profile of mailboxes that are assigned none.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ProfileNameCompleter))]
    public string? OutgoingProfile { get; set; }

    /// <summary>Makes the deployment without using it yet.</summary>
    [Parameter]
    public SwitchParameter Disabled { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        ConfigurationStore store = await OpenConfigurationAsync().ConfigureAwait(false);
        await CheckOAuthAsync().ConfigureAwait(false);
        bool isEmbedded = ParameterSetName == EmbeddedParameterSet;
        DeploymentConfiguration deployment = new()
        {
            Name = Name,
            System = isEmbedded ? EmbeddedCrmSystem.SystemName : System ?? "Dataverse",
            Path = isEmbedded ? await ResolvePathAsync(Path).ConfigureAwait(false) : null,
            Url = Url,
            Organization = isEmbedded ? null : OrganizationName,
            Decides = Decides,
            Authentication = Credential is not null ? CrmAuthentication.Password : ProcessAccount ? CrmAuthentication.Process : CrmAuthentication.OAuth,
            OAuth = MakeOAuth(null, store),
            CertificatePins = [.. CertificatePin.Select(pin => pin.ToLowerInvariant())],
            AllowPlainTextPassword = AllowPlainTextPassword,
            Options = ProfileOptions.From(Options),
            ForwardMailboxes = ForwardMailbox,
            RulesProfile = NullIfEmpty(RulesProfile),
            IncomingProfile = NullIfEmpty(IncomingProfile),
            OutgoingProfile = NullIfEmpty(OutgoingProfile),
            Credential = Protect(Credential, store),
            Enabled = !Disabled,
        };
        if (deployment.Path is { } missing && !Create && !File.Exists(missing))
        {
            // A mistyped path must not look like an organization without records.
            await EmitErrorAsync(RouterErrors.CrmMissing(missing)).ConfigureAwait(false);
            return;
        }

        if (!await ConfirmAsync($"deployment '{Name}' in {store.Path}", "Make").ConfigureAwait(false))
        {
            return;
        }

        if (deployment.Path is { } path && !File.Exists(path) && !await MakeCrmAsync(path, cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        if (await ChangeAsync(store, configuration => configuration.AddDeployment(deployment), Name, cancellationToken).ConfigureAwait(false) is not null)
        {
            await EmitAsync(new RouterDeploymentInfo(deployment, store.Path)).ConfigureAwait(false);
        }
    }

    private async Task<bool> MakeCrmAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            Directory.CreateDirectory(global::System.IO.Path.GetDirectoryName(path)!);
            EmbeddedCrm crm = await EmbeddedCrm.OpenAsync(
                new EmbeddedCrmOptions { Path = path, Create = true, OrganizationName = OrganizationName ?? Name, Clock = Clock },
                cancellationToken).ConfigureAwait(false);
            await crm.DisposeAsync().ConfigureAwait(false);
            await ExplainAsync($"Made an embedded CRM in {path}.").ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is CrmException or IOException or UnauthorizedAccessException)
        {
            await EmitErrorAsync(RouterErrors.From(e, "MakeCrm", Name)).ConfigureAwait(false);
            return false;
        }
    }
}

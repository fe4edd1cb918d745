using System.Collections;
using System.Management.Automation;
using EmailRouter.PowerShell.Completion;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Configuration;

/// <summary>Changes a deployment. What is not given stays as it is.</summary>
/// <example>
/// <summary>Give a deployment other default profiles</summary>
/// <code>Set-RouterDeployment -Name Main -IncomingProfile Office-In -OutgoingProfile Office-Out</code>
/// <para>Mailboxes that were assigned profiles of their own keep them.</para>
/// </example>
/// <example>
/// <summary>Suspend all deployments</summary>
/// <code>Get-RouterDeployment | Set-RouterDeployment -Enabled $false -PassThru</code>
/// <para>The router leaves their mailboxes alone until the deployments are enabled again.</para>
/// </example>
/// <example>
/// <summary>Spread the work over two application users</summary>
/// <code>Set-RouterDeployment Contoso -AddApplication -ClientId $second -TenantId contoso.com -CertificateThumbprint $thumbprint</code>
/// <para>A server limits what each user may ask; -RemoveApplication takes one away again.</para>
/// </example>
[Cmdlet(VerbsCommon.Set, "RouterDeployment", SupportsShouldProcess = true, DefaultParameterSetName = SameLoginParameterSet)]
[OutputType(typeof(RouterDeploymentInfo))]
public sealed class SetRouterDeploymentCommand : OAuthConfigurationCmdlet
{
    private const string SameLoginParameterSet = "SameLogin";
    private const string CredentialParameterSet = "Credential";
    private const string ProcessAccountParameterSet = "ProcessAccount";

    /// <summary>The name of the deployment.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(DeploymentNameCompleter))]
    public string[] Name { get; set; } = [];

    /// <summary>The SQLite file of an embedded CRM.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Path { get; set; }

    /// <summary>The address of a CRM reached by HTTP.</summary>
    [Parameter]
    [ValidateNotNull]
    public Uri? Url { get; set; }

    /// <summary>The CRM system at the address.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(CrmSystemCompleter))]
    public string? System { get; set; }

    /// <summary>The organization's unique name, where the address serves several; an empty text for none.</summary>
    [Parameter]
    [Alias("Organization")]
    [AllowNull]
    [AllowEmptyString]
    public string? OrganizationName { get; set; }

    /// <summary>User name and password: a Windows log-in, or claims. The password is encrypted in the configuration.</summary>
    [Parameter(Mandatory = true, ParameterSetName = CredentialParameterSet)]
    [ValidateNotNull]
    [Credential]
    public PSCredential? Credential { get; set; }

    /// <summary>The account the router runs under logs in.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ProcessAccountParameterSet)]
    public SwitchParameter ProcessAccount { get; set; }

    /// <summary>What is said of an application is for a further one, beside those there are; work is spread over them.</summary>
    [Parameter(ParameterSetName = ClientSecretParameterSet)]
    [Parameter(ParameterSetName = CertificatePathParameterSet)]
    [Parameter(ParameterSetName = CertificateThumbprintParameterSet)]
    [Parameter(ParameterSetName = ManagedIdentityParameterSet)]
    [Parameter(ParameterSetName = DeviceCodeParameterSet)]
    [Parameter(ParameterSetName = InteractiveParameterSet)]
    [Parameter(ParameterSetName = TokenCommandParameterSet)]
    [Parameter(ParameterSetName = TokenScriptParameterSet)]
    public SwitchParameter AddApplication { get; set; }

    /// <summary>The ids of further applications that are no longer used.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[] RemoveApplication { get; set; } = [];

    /// <summary>Who decides what is promoted: the router, which can explain itself, or the server, as for the original product.</summary>
    [Parameter]
    public DecisionAuthority Decides { get; set; }

    /// <summary>SHA-256 pins (hexadecimal) of public keys that are accepted although their chain is not trusted; an empty list for none.</summary>
    [Parameter]
    [AllowEmptyCollection]
    [ValidatePattern("^[0-9A-Fa-f]{64}$")]
    public string[] CertificatePin { get; set; } = [];

    /// <summary>Whether the log-in may cross a connection without TLS.</summary>
    [Parameter]
    public bool AllowPlainTextPassword { get; set; }

    /// <summary>
    /// Further settings of the CRM system, by name; CrmService has logIn (windows, or ifd for internet-facing deployments). They replace those there are.
    /// </summary>
    [Parameter]
    [ValidateNotNull]
    public Hashtable? Options { get; set; }

    /// <summary>The addresses of forward mailboxes that the CRM itself does not know; an empty list for none.</summary>
    [Parameter]
    [AllowEmptyCollection]
    public string[] ForwardMailbox { get; set; } = [];

    /// <summary>The profile by which rules are deployed, for mailboxes that are assigned none; an empty text for none.</summary>
    [Parameter]
    [AllowNull]
    [AllowEmptyString]
    [ArgumentCompleter(typeof(ProfileNameCompleter))]
    public string? RulesProfile { get; set; }

    /// <summary>The incoming profile of mailboxes that are assigned none; an empty text for none.</summary>
    [Parameter]
    [AllowNull]
    [AllowEmptyString]
    [ArgumentCompleter(typeof(ProfileNameCompleter))]
    public string? IncomingProfile { get; set; }

    /// <summary>The outgoing profile of mailboxes that are assigned none; an empty text for none.</summary>
    [Parameter]
    [AllowNull]
    [AllowEmptyString]
    [ArgumentCompleter(typeof(ProfileNameCompleter))]
    public string? OutgoingProfile { get; set; }

    /// <summary>Whether the deployment is used.</summary>
    [Parameter]
    public bool Enabled { get; set; }

    /// <summary>Writes the changed deployment to the pipeline.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        ConfigurationStore store = await OpenConfigurationAsync().ConfigureAwait(false);
        await CheckOAuthAsync().ConfigureAwait(false);
        string? path = Path is null ? null : await ResolvePathAsync(Path).ConfigureAwait(false);
        foreach (string name in Name)
        {
            if (!await ConfirmAsync($"deployment '{name}' in {store.Path}", "Change").ConfigureAwait(false))
            {
                continue;
            }

            RouterConfiguration? changed = await ChangeAsync(
                store,
                configuration => configuration.ChangeDeployment(name, old => Change(old, path, store)),
                name,
                cancellationToken).ConfigureAwait(false);
            if (changed is not null && PassThru)
            {
                DeploymentConfiguration deployment = changed.Deployments.First(one => string.Equals(one.Name, name, StringComparison.OrdinalIgnoreCase));
                await EmitAsync(new RouterDeploymentInfo(deployment, store.Path)).ConfigureAwait(false);
            }
        }
    }

    private DeploymentConfiguration Change(DeploymentConfiguration old, string? path, ConfigurationStore store)
    {
        DeploymentConfiguration login = WithLogin(old, store);
        return login with
        {
            Path = path ?? old.Path,
            Url = Url ?? old.Url,
            System = System ?? old.System,
            Organization = IsGiven(nameof(OrganizationName)) ? NullIfEmpty(OrganizationName) : old.Organization,
            FurtherApplications = [.. login.FurtherApplications.Where(one => !RemoveApplication.Contains(one.ClientId, StringComparer.OrdinalIgnoreCase))],
            Decides = IsGiven(nameof(Decides)) ? Decides : old.Decides,
            CertificatePins = IsGiven(nameof(CertificatePin)) ? [.. CertificatePin.Select(pin => pin.ToLowerInvariant())] : old.CertificatePins,
            AllowPlainTextPassword = IsGiven(nameof(AllowPlainTextPassword)) ? AllowPlainTextPassword : old.AllowPlainTextPassword,
            Options = Options is null ? old.Options : ProfileOptions.From(Options),
            ForwardMailboxes = IsGiven(nameof(ForwardMailbox)) ? ForwardMailbox : old.ForwardMailboxes,
            RulesProfile = IsGiven(nameof(RulesProfile)) ? NullIfEmpty(RulesProfile) : old.RulesProfile,
            IncomingProfile = IsGiven(nameof(IncomingProfile)) ? NullIfEmpty(IncomingProfile) : old.IncomingProfile,
            OutgoingProfile = IsGiven(nameof(OutgoingProfile)) ? NullIfEmpty(OutgoingProfile) : old.OutgoingProfile,
            Enabled = IsGiven(nameof(Enabled)) ? Enabled : old.Enabled,
        };
    }

    private DeploymentConfiguration WithLogin(DeploymentConfiguration old, ConfigurationStore store)
    {
        switch (ParameterSetName)
        {
            case CredentialParameterSet:
                return old with { Authentication = CrmAuthentication.Password, Credential = Protect(Credential, store), OAuth = null, FurtherApplications = [] };
            case ProcessAccountParameterSet:
                return old with { Authentication = CrmAuthentication.Process, Credential = null, OAuth = null, FurtherApplications = [] };
            default:
                if (MakeOAuth(AddApplication ? null : old.OAuth, store) is not { } oauth)
                    return old;
                return AddApplication
                    ? old with { FurtherApplications = [.. old.FurtherApplications, oauth with { TenantId = oauth.TenantId ?? old.OAuth?.TenantId }] }
                    : old with { Authentication = CrmAuthentication.OAuth, Credential = null, OAuth = oauth };
        }
    }
}

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
[Cmdlet(VerbsCommon.Set, "RouterDeployment", SupportsShouldProcess = true)]
[OutputType(typeof(RouterDeploymentInfo))]
public sealed class SetRouterDeploymentCommand : RouterConfigurationCmdlet
{
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

    /// <summary>The credential for the CRM; $null for none. It is encrypted in the configuration.</summary>
    [Parameter]
    [AllowNull]
    [Credential]
    public PSCredential? Credential { get; set; }

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

    private DeploymentConfiguration Change(DeploymentConfiguration old, string? path, ConfigurationStore store) => old with
    {
        Path = path ?? old.Path,
        Url = Url ?? old.Url,
        Credential = IsGiven(nameof(Credential)) ? Protect(Credential, store) : old.Credential,
        IncomingProfile = IsGiven(nameof(IncomingProfile)) ? NullIfEmpty(IncomingProfile) : old.IncomingProfile,
        OutgoingProfile = IsGiven(nameof(OutgoingProfile)) ? NullIfEmpty(OutgoingProfile) : old.OutgoingProfile,
        Enabled = IsGiven(nameof(Enabled)) ? Enabled : old.Enabled,
    };
}

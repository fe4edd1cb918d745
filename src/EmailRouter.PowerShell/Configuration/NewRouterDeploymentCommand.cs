using System.Management.Automation;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.PowerShell.Completion;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Configuration;

/// <summary>Makes a deployment: how to reach one organization.</summary>
/// <remarks>An embedded CRM is one SQLite file, made with -Create. Other CRM systems are reached by their address.</remarks>
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
[Cmdlet(VerbsCommon.New, "RouterDeployment", SupportsShouldProcess = true, DefaultParameterSetName = EmbeddedParameterSet)]
[OutputType(typeof(RouterDeploymentInfo))]
public sealed class NewRouterDeploymentCommand : RouterConfigurationCmdlet
{
    private const string EmbeddedParameterSet = "Embedded";
    private const string ServiceParameterSet = "Service";

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

    /// <summary>The organization's name when the embedded CRM is made now; the deployment's name when left out.</summary>
    [Parameter(ParameterSetName = EmbeddedParameterSet)]
    [ValidateNotNullOrEmpty]
    public string? OrganizationName { get; set; }

    /// <summary>The address of a CRM reached by HTTP.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ServiceParameterSet)]
    [ValidateNotNull]
    public Uri? Url { get; set; }

    /// <summary>The CRM system at the address.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ServiceParameterSet)]
    [ValidateNotNullOrEmpty]
    public string System { get; set; } = "Embedded";

    /// <summary>The credential for the CRM. It is encrypted in the configuration.</summary>
    [Parameter(ParameterSetName = ServiceParameterSet)]
    [Credential]
    public PSCredential? Credential { get; set; }

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
        DeploymentConfiguration deployment = new()
        {
            Name = Name,
            System = System,
            Path = ParameterSetName == EmbeddedParameterSet ? await ResolvePathAsync(Path).ConfigureAwait(false) : null,
            Url = Url,
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

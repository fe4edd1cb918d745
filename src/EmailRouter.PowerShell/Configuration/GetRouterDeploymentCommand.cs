using System.Management.Automation;
using EmailRouter.PowerShell.Completion;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Configuration;

/// <summary>Lists the deployments: the organizations this router works for and how it reaches them.</summary>
/// <example>
/// <summary>List all deployments</summary>
/// <code>Get-RouterDeployment</code>
/// <para>Lists the deployments of this machine's configuration.</para>
/// </example>
/// <example>
/// <summary>Look at one deployment of another configuration</summary>
/// <code>Get-RouterDeployment -Name Main -ConfigurationPath ./router.json | Format-List</code>
/// <para>Shows all settings of the deployment Main. The secret of its credential is never shown.</para>
/// </example>
[Cmdlet(VerbsCommon.Get, "RouterDeployment")]
[OutputType(typeof(RouterDeploymentInfo))]
public sealed class GetRouterDeploymentCommand : RouterConfigurationCmdlet
{
    /// <summary>The names of the deployments; wildcards are allowed. All when left out.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Deployment")]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(DeploymentNameCompleter))]
    public string[] Name { get; set; } = ["*"];

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        ConfigurationStore store = await OpenConfigurationAsync().ConfigureAwait(false);
        RouterConfiguration configuration = (await store.LoadAsync(cancellationToken).ConfigureAwait(false)).Configuration;
        foreach (DeploymentConfiguration deployment in
            await MatchAsync(configuration.Deployments, deployment => deployment.Name, Name, RouterErrors.DeploymentNotFound).ConfigureAwait(false))
        {
            await EmitAsync(new RouterDeploymentInfo(deployment, store.Path)).ConfigureAwait(false);
        }
    }
}

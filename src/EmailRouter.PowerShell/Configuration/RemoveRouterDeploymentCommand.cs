using System.Management.Automation;
using EmailRouter.PowerShell.Completion;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Configuration;

/// <summary>Removes a deployment from the configuration.</summary>
/// <remarks>Its CRM, and the decisions about its mail, stay where they are.</remarks>
/// <example>
/// <summary>Remove one deployment</summary>
/// <code>Remove-RouterDeployment -Name Trial</code>
/// <para>Removes the deployment Trial, if nothing depends on it.</para>
/// </example>
/// <example>
/// <summary>Remove several deployments</summary>
/// <code>Get-RouterDeployment -Name Trial* | Remove-RouterDeployment -Force</code>
/// <para>Also removes what was set for mailboxes of these deployments.</para>
/// </example>
[Cmdlet(VerbsCommon.Remove, "RouterDeployment", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class RemoveRouterDeploymentCommand : RouterConfigurationCmdlet
{
    /// <summary>The name of the deployment.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(DeploymentNameCompleter))]
    public string[] Name { get; set; } = [];

    /// <summary>Also removes the settings of its mailboxes.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        ConfigurationStore store = await OpenConfigurationAsync().ConfigureAwait(false);
        foreach (string name in Name)
        {
            if (await ConfirmAsync($"deployment '{name}' in {store.Path}", "Remove").ConfigureAwait(false))
            {
                await ChangeAsync(
                    store, configuration => configuration.RemoveDeployment(name, withMailboxes: Force), name, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}

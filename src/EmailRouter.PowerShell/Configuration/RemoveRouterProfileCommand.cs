using System.Management.Automation;
using EmailRouter.PowerShell.Completion;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Configuration;

/// <summary>Removes a profile from the configuration.</summary>
/// <remarks>A profile that deployments or mailboxes use is kept unless -Force is given.</remarks>
/// <example>
/// <summary>Remove one profile</summary>
/// <code>Remove-RouterProfile -Name Trial</code>
/// <para>Removes the profile Trial, if nothing depends on it.</para>
/// </example>
/// <example>
/// <summary>Remove several profiles</summary>
/// <code>Get-RouterProfile -Direction Outgoing | Remove-RouterProfile -WhatIf</code>
/// <para>Says which profiles would be removed, and changes nothing.</para>
/// </example>
[Cmdlet(VerbsCommon.Remove, "RouterProfile", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class RemoveRouterProfileCommand : RouterConfigurationCmdlet
{
    /// <summary>The name of the profile.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ProfileNameCompleter))]
    public string[] Name { get; set; } = [];

    /// <summary>Also removes a profile that is used; deployments and mailboxes are left without one.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        ConfigurationStore store = await OpenConfigurationAsync().ConfigureAwait(false);
        foreach (string name in Name)
        {
            if (await ConfirmAsync($"profile '{name}' in {store.Path}", "Remove").ConfigureAwait(false))
            {
                await ChangeAsync(store, configuration => configuration.RemoveProfile(name, fromUsers: Force), name, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}

using System.Management.Automation;
using EmailRouter.PowerShell.Configuration;

namespace EmailRouter.PowerShell.Lab;

/// <summary>Stops labs that were started in this process. Temporary folders are deleted.</summary>
/// <example>
/// <summary>Stop all labs</summary>
/// <code>Stop-RouterLab</code>
/// <para>Stops every lab of this process.</para>
/// </example>
/// <example>
/// <summary>Stop one lab</summary>
/// <code>
/// $lab = Start-RouterLab
/// $lab | Stop-RouterLab
/// </code>
/// <para>The temporary folder of the lab is deleted.</para>
/// </example>
[Cmdlet(VerbsLifecycle.Stop, "RouterLab", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class StopRouterLabCommand : RouterConfigurationCmdlet
{
    /// <summary>The lab; all when left out.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [ValidateNotNull]
    public RouterLabInfo? Lab { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        string? path = Lab?.ConfigurationPath ?? (ConfigurationPath is null ? null : await ResolvePathAsync(ConfigurationPath).ConfigureAwait(false));
        string[] wanted = path is null ? [.. RunningLabs.Configurations] : [path];
        if (wanted.Length == 0)
        {
            await EmitErrorAsync(RouterErrors.LabNotRunning()).ConfigureAwait(false);
        }

        foreach (string one in wanted)
        {
            if (await ConfirmAsync($"lab of {one}", "Stop").ConfigureAwait(false) && !await RunningLabs.StopAsync(one).ConfigureAwait(false))
            {
                await EmitErrorAsync(RouterErrors.LabNotRunning()).ConfigureAwait(false);
            }
        }
    }
}

using System.Management.Automation;
using System.Reflection;
using EmailRouter.Loader;
using EmailRouter.PowerShell.Pipeline;

namespace EmailRouter.PowerShell.Lab;

/// <summary>Starts a lab in this process: POP3 and SMTP servers on free loopback ports over a small CRM with sample data, and a configuration for both.</summary>
/// <remarks>
/// The mailboxes hold sample messages, unless -Empty is given. The lab runs until Stop-RouterLab, the end of the module or of the process. Its object carries the
/// configuration, so it can be piped into the other cmdlets.
/// </remarks>
/// <example>
/// <summary>See the router work</summary>
/// <code>
/// $lab = Start-RouterLab
/// $lab | Invoke-RouterPoll | Format-Table
/// $lab | Send-CrmEmailActivity | Format-Table
/// $lab | Get-RouterDecision | Format-Table
/// $lab | Stop-RouterLab
/// </code>
/// <para>Routes sample mail into the CRM, sends the CRM's pending mail, and says why.</para>
/// </example>
/// <example>
/// <summary>Use a lab as the configuration of all cmdlets</summary>
/// <code>$PSDefaultParameterValues['*-Router*:ConfigurationPath'] = (Start-RouterLab -Path ./lab).ConfigurationPath</code>
/// <para>The folder keeps the CRM, the configuration and the state.</para>
/// </example>
[Cmdlet(VerbsLifecycle.Start, "RouterLab", SupportsShouldProcess = true)]
[OutputType(typeof(RouterLabInfo))]
public sealed class StartRouterLabCommand : RouterCmdlet
{
    private const string AssemblyPath = "lab/EmailRouter.Lab.dll";

    /// <summary>The folder for the CRM, the configuration and the state; a temporary one, deleted with the lab, when left out.</summary>
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    public string? Path { get; set; }

    /// <summary>Leaves the mailboxes empty.</summary>
    [Parameter]
    public SwitchParameter Empty { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        string? folder = Path is null ? null : await ResolvePathAsync(Path).ConfigureAwait(false);
        if (!await ConfirmAsync(folder ?? "a temporary folder", "Start a lab").ConfigureAwait(false))
        {
            return;
        }

        Assembly assembly = Load();
        object options = Activator.CreateInstance(Type(assembly, "LabOptions"))!;
        options.GetType().GetProperty("Folder")!.SetValue(options, folder);
        dynamic starting = Type(assembly, "LabSession").GetMethod("StartAsync")!.Invoke(null, [options, cancellationToken])!;
        await ((Task)starting).ConfigureAwait(false);
        dynamic session = starting.Result;
        RouterLabInfo lab = new((object)session);
        RunningLabs.Add(lab.ConfigurationPath, (IAsyncDisposable)session);
        if (!Empty)
        {
            session.Deliver(1);
        }

        await EmitAsync(lab).ConfigureAwait(false);
    }

    private static Assembly Load()
    {
        try
        {
            return ModuleLifetime.LoadPart(AssemblyPath);
        }
        catch (FileNotFoundException e)
        {
            throw Terminating(RouterErrors.LabNotInstalled(AssemblyPath, e));
        }
    }

    private static Type Type(Assembly assembly, string name) => assembly.GetType($"EmailRouter.Lab.{name}", throwOnError: true)!;
}

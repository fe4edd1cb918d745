using System.Management.Automation;
using System.Reflection;
using EmailRouter.Loader;
using EmailRouter.PowerShell.Pipeline;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Lab;

/// <summary>
/// Starts a lab in this process: POP3, SMTP, Exchange and Microsoft Graph servers on free loopback ports over a small CRM with sample data, and a configuration for them.
/// </summary>
/// <remarks>
/// The mailboxes hold sample messages, unless -Empty is given. The lab runs until Stop-RouterLab, the end of the module or of the process. Until then the other
/// cmdlets use its configuration, because the environment variable EMAILROUTER_CONFIGURATION names it; a configuration given by parameter goes before it. Mailboxes are
/// read by POP3; the profiles Lab Exchange and Lab Graph reach the same mailboxes by Exchange Web Services and Microsoft Graph, also for inbox rules.
/// </remarks>
/// <example>
/// <summary>See the router work</summary>
/// <code>
/// Start-RouterLab
/// Invoke-RouterPoll | Format-Table
/// Send-CrmEmailActivity | Format-Table
/// Get-RouterDecision | Format-Table
/// Stop-RouterLab
/// </code>
/// <para>Routes sample mail into the CRM, sends the CRM's pending mail, and says why.</para>
/// </example>
/// <example>
/// <summary>Keep what the lab does</summary>
/// <code>
/// $lab = Start-RouterLab -Path ./lab
/// $lab | Get-RouterMailbox -Queue | Invoke-RouterPoll
/// </code>
/// <para>The folder keeps the CRM, the configuration and the state. The lab's object can be piped into the other cmdlets.</para>
/// </example>
/// <example>
/// <summary>Try Exchange instead of POP3</summary>
/// <code>
/// Start-RouterLab
/// Set-RouterMailbox support@contoso.test -IncomingProfile 'Lab Exchange'
/// Invoke-RouterPoll support@contoso.test
/// </code>
/// <para>Format-List shows the addresses of the lab's servers. With Lab Graph the mailbox is read by Microsoft Graph.</para>
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
        await ExplainAsync($"Until the lab is stopped $env:{ConfigurationLocation.Variable} is {lab.ConfigurationPath}.").ConfigureAwait(false);
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

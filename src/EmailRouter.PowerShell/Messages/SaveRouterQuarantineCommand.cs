using System.Management.Automation;
using EmailRouter.PowerShell.Mailboxes;
using EmailRouter.Routing;
using EmailRouter.Routing.State;

namespace EmailRouter.PowerShell.Messages;

/// <summary>Writes messages that were set aside into .eml files, byte for byte as they were received.</summary>
/// <example>
/// <summary>Save everything that was set aside</summary>
/// <code>Get-RouterQuarantine | Save-RouterQuarantine -Destination ./aside</code>
/// <para>Each file is named after the message's id in the quarantine. The folder is made when it is missing.</para>
/// </example>
/// <example>
/// <summary>Save one message</summary>
/// <code>Save-RouterQuarantine -Id 2f6c1b64-6f0e-4d0a-9a0e-5c1d2b3a4f50 -Destination . -Force</code>
/// <para>Writes over a file that is there already.</para>
/// </example>
[Cmdlet(VerbsData.Save, "RouterQuarantine", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class SaveRouterQuarantineCommand : RouterConnectedCmdlet
{
    /// <summary>The ids of the messages in the quarantine.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    public Guid[] Id { get; set; } = [];

    /// <summary>The folder for the files.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [ValidateNotNullOrEmpty]
    public string Destination { get; set; } = string.Empty;

    /// <summary>Writes over files that are there already.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        Router router = await OpenRouterAsync(cancellationToken).ConfigureAwait(false);
        string folder = await ResolvePathAsync(Destination).ConfigureAwait(false);
        IRouterState state = await router.GetStateAsync(cancellationToken).ConfigureAwait(false);
        foreach (Guid id in Id)
        {
            string path = Path.Combine(folder, $"{id}.eml");
            if (await ConfirmAsync(path, "Write").ConfigureAwait(false))
            {
                await ReportingAsync("Save", id, () => SaveAsync(state, id, path, cancellationToken)).ConfigureAwait(false);
            }
        }
    }

    private async Task SaveAsync(IRouterState state, Guid id, string path, CancellationToken cancellationToken)
    {
        if (await state.ReadQuarantinedAsync(id, cancellationToken).ConfigureAwait(false) is not { } content)
        {
            await EmitErrorAsync(RouterErrors.QuarantineNotFound(id)).ConfigureAwait(false);
            return;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        FileStream file = new(path, Force ? FileMode.Create : FileMode.CreateNew, FileAccess.Write);
        await using (file.ConfigureAwait(false))
        {
            await file.WriteAsync(content, cancellationToken).ConfigureAwait(false);
        }

        await EmitAsync(new FileInfo(path)).ConfigureAwait(false);
    }
}

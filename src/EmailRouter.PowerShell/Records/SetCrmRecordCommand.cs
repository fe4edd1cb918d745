using System.Collections;
using System.Management.Automation;
using EmailRouter.Crm.Embedded;
using EmailRouter.PowerShell.Completion;
using EmailRouter.Routing;

namespace EmailRouter.PowerShell.Records;

/// <summary>Changes records of an embedded CRM. Columns that are not given stay as they are.</summary>
/// <example>
/// <summary>Change an address</summary>
/// <code>Get-CrmRecord contact 'Lea Koch' | Set-CrmRecord -Attributes @{ emailaddress1 = 'lea@example.test' }</code>
/// <para>Mail from the new address is recognised from now on.</para>
/// </example>
/// <example>
/// <summary>Let nobody be mailed</summary>
/// <code>Get-CrmRecord lead -Attributes @{ statecode = 1 } | Set-CrmRecord -Attributes @{ donotemail = $true } -PassThru</code>
/// <para>Shows the changed records.</para>
/// </example>
[Cmdlet(VerbsCommon.Set, "CrmRecord", SupportsShouldProcess = true)]
[OutputType(typeof(CrmRecord))]
public sealed class SetCrmRecordCommand : CrmCmdlet
{
    /// <summary>The table, e.g. contact.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Table")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(CrmTableCompleter))]
    public string LogicalName { get; set; } = string.Empty;

    /// <summary>The ids of the records.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    public Guid[] Id { get; set; } = [];

    /// <summary>The values to change, by column; $null empties one.</summary>
    [Parameter(Mandatory = true)]
    [ValidateNotNull]
    public Hashtable Attributes { get; set; } = [];

    /// <summary>Writes the changed record to the pipeline.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        (Router router, string deployment, EmbeddedCrm crm) = await OpenCrmAsync(cancellationToken).ConfigureAwait(false);
        foreach (Guid id in Id)
        {
            if (await ConfirmAsync($"{LogicalName} {id} in {deployment}", "Change").ConfigureAwait(false))
            {
                await ReportingAsync("Change", $"{LogicalName} {id}", async () =>
                {
                    CrmRecord record = new(LogicalName, id, ToAttributes(Attributes));
                    CrmRecord changed = await crm.UpdateRecordAsync(record, cancellationToken).ConfigureAwait(false);
                    if (PassThru)
                    {
                        await EmitFromAsync(changed, router, deployment).ConfigureAwait(false);
                    }
                }).ConfigureAwait(false);
            }
        }
    }
}

using System.Collections;
using System.Management.Automation;
using EmailRouter.Crm.Embedded;
using EmailRouter.PowerShell.Completion;
using EmailRouter.Routing;

namespace EmailRouter.PowerShell.Records;

/// <summary>Makes a record in an embedded CRM.</summary>
/// <example>
/// <summary>Make a contact</summary>
/// <code>New-CrmRecord contact @{ firstname = 'Lea'; lastname = 'Koch'; emailaddress1 = 'lea.koch@example.test' }</code>
/// <para>Columns bear the names that Dataverse uses.</para>
/// </example>
/// <example>
/// <summary>Make a user and a queue that the user owns</summary>
/// <code>
/// $user = New-CrmRecord systemuser @{ fullname = 'Max Weber'; internalemailaddress = 'max@example.test'; incomingemaildeliverymethod = 'Router' }
/// New-CrmRecord queue @{ name = 'Support'; emailaddress = 'support@example.test'; incomingemaildeliverymethod = 'Router'; ownerid = $user }
/// </code>
/// <para>Options are given by number or by name; a record stands for its id. New addresses wait for approval: Set-RouterMailbox -Approve.</para>
/// </example>
[Cmdlet(VerbsCommon.New, "CrmRecord", SupportsShouldProcess = true)]
[OutputType(typeof(CrmRecord))]
public sealed class NewCrmRecordCommand : CrmCmdlet
{
    /// <summary>The table, e.g. contact.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [Alias("Table")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(CrmTableCompleter))]
    public string LogicalName { get; set; } = string.Empty;

    /// <summary>The values by column.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true)]
    [ValidateNotNull]
    public Hashtable Attributes { get; set; } = [];

    /// <summary>The id; the CRM chooses one when left out.</summary>
    [Parameter]
    public Guid Id { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        (Router router, string deployment, EmbeddedCrm crm) = await OpenCrmAsync(cancellationToken).ConfigureAwait(false);
        if (await ConfirmAsync($"{LogicalName} in {deployment}", "Make").ConfigureAwait(false))
        {
            await ReportingAsync("Make", LogicalName, async () => await EmitFromAsync(
                await crm.CreateRecordAsync(new CrmRecord(LogicalName, Id, ToAttributes(Attributes)), cancellationToken).ConfigureAwait(false),
                router,
                deployment).ConfigureAwait(false)).ConfigureAwait(false);
        }
    }
}

using System.Collections;
using System.Management.Automation;
using EmailRouter.Crm.Embedded;
using EmailRouter.PowerShell.Completion;
using EmailRouter.Routing;

namespace EmailRouter.PowerShell.Records;

/// <summary>Finds records of an embedded CRM: users, queues, contacts, accounts, leads, and those of tables of one's own.</summary>
/// <remarks>The columns of a record are its properties, by the names that Dataverse uses.</remarks>
/// <example>
/// <summary>List contacts</summary>
/// <code>Get-CrmRecord contact | Format-Table fullname, emailaddress1</code>
/// <para>Lists all contacts.</para>
/// </example>
/// <example>
/// <summary>Find out who has an address</summary>
/// <code>'contact', 'account', 'lead' | ForEach-Object { Get-CrmRecord $_ -Address info@example.test }</code>
/// <para>Looks in all address columns of the three tables.</para>
/// </example>
[Cmdlet(VerbsCommon.Get, "CrmRecord", DefaultParameterSetName = FilterParameterSet)]
[OutputType(typeof(CrmRecord))]
public sealed class GetCrmRecordCommand : CrmCmdlet
{
    private const string FilterParameterSet = "Filter";
    private const string IdParameterSet = "Id";

    /// <summary>The table, e.g. contact.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Table")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(CrmTableCompleter))]
    public string LogicalName { get; set; } = string.Empty;

    /// <summary>The ids of the records.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = IdParameterSet)]
    public Guid[] Id { get; set; } = [];

    /// <summary>The primary name; wildcards are allowed.</summary>
    [Parameter(Position = 1, ParameterSetName = FilterParameterSet)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string? Name { get; set; }

    /// <summary>An address that one of the address columns holds.</summary>
    [Parameter(ParameterSetName = FilterParameterSet)]
    [ValidateNotNullOrEmpty]
    public string? Address { get; set; }

    /// <summary>Values that columns must have, by column.</summary>
    [Parameter(ParameterSetName = FilterParameterSet)]
    [ValidateNotNull]
    public Hashtable Attributes { get; set; } = [];

    /// <summary>The greatest number of records; all when left out.</summary>
    [Parameter(ParameterSetName = FilterParameterSet)]
    [ValidateRange(1, int.MaxValue)]
    public int? First { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        (Router router, string deployment, EmbeddedCrm crm) = await OpenCrmAsync(cancellationToken).ConfigureAwait(false);
        await ReportingAsync("Find", LogicalName, async () =>
        {
            foreach (CrmRecord record in ParameterSetName == IdParameterSet
                ? await FindByIdAsync(crm, cancellationToken).ConfigureAwait(false)
                : await crm.FindRecordsAsync(
                    new RecordFilter { LogicalName = LogicalName, Name = Name, Address = Address, Attributes = ToAttributes(Attributes), Top = First },
                    cancellationToken).ConfigureAwait(false))
            {
                await EmitFromAsync(record, router, deployment).ConfigureAwait(false);
            }
        }).ConfigureAwait(false);
    }

    private async Task<IReadOnlyList<CrmRecord>> FindByIdAsync(EmbeddedCrm crm, CancellationToken cancellationToken)
    {
        List<CrmRecord> found = [];
        foreach (Guid id in Id)
        {
            if (await crm.GetRecordAsync(LogicalName, id, cancellationToken).ConfigureAwait(false) is { } record)
            {
                found.Add(record);
            }
            else
            {
                await EmitErrorAsync(RouterErrors.RecordNotFound(LogicalName, id)).ConfigureAwait(false);
            }
        }

        return found;
    }
}

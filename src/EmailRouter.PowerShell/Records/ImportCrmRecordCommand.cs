using System.Management.Automation;
using EmailRouter.Crm.Embedded;
using EmailRouter.PowerShell.Completion;
using EmailRouter.Routing;

namespace EmailRouter.PowerShell.Records;

/// <summary>Makes records in an embedded CRM from objects, one each: lines of a CSV file, results of a query.</summary>
/// <remarks>
/// Properties are columns; empty ones are left out, and so are those that the table does not have when -IgnoreUnknown is given. A property Id, or the table's
/// primary key, sets the id. An object that cannot be imported is an error; the others go on.
/// </remarks>
/// <example>
/// <summary>Import contacts from a CSV file</summary>
/// <code>Import-Csv ./contacts.csv | Import-CrmRecord contact</code>
/// <para>The first line of the file names the columns: firstname,lastname,emailaddress1.</para>
/// </example>
/// <example>
/// <summary>Copy accounts from one embedded CRM to another</summary>
/// <code>Get-CrmRecord account -Deployment Main | Select-Object name, emailaddress1 | Import-CrmRecord account -Deployment Trial -PassThru</code>
/// <para>Shows the records as they are stored.</para>
/// </example>
[Cmdlet(VerbsData.Import, "CrmRecord", SupportsShouldProcess = true)]
[OutputType(typeof(CrmRecord))]
public sealed class ImportCrmRecordCommand : CrmCmdlet
{
    private TableDefinition? table;
    private int done;

    /// <summary>The table, e.g. contact.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [Alias("Table")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(CrmTableCompleter))]
    public string LogicalName { get; set; } = string.Empty;

    /// <summary>The objects.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true)]
    [ValidateNotNull]
    public PSObject[] InputObject { get; set; } = [];

    /// <summary>Leaves properties out that are no columns of the table.</summary>
    [Parameter]
    public SwitchParameter IgnoreUnknown { get; set; }

    /// <summary>Writes the records to the pipeline.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        (Router router, string deployment, EmbeddedCrm crm) = await OpenCrmAsync(cancellationToken).ConfigureAwait(false);
        table ??= (await crm.GetTablesAsync(cancellationToken).ConfigureAwait(false))
            .FirstOrDefault(one => string.Equals(one.LogicalName, LogicalName, StringComparison.OrdinalIgnoreCase));
        foreach (PSObject input in InputObject)
        {
            CrmRecord record = await OnPipelineThreadAsync(() => ToRecord(input)).ConfigureAwait(false);
            if (!await ConfirmAsync($"{LogicalName} in {deployment}", "Import").ConfigureAwait(false))
            {
                continue;
            }

            await ReportingAsync("Import", input, async () =>
            {
                CrmRecord made = await crm.CreateRecordAsync(record, cancellationToken).ConfigureAwait(false);
                if (PassThru)
                {
                    await EmitFromAsync(made, router, deployment).ConfigureAwait(false);
                }
            }).ConfigureAwait(false);
            ReportProgress($"{LogicalName}: {++done}", done, null);
        }
    }

    private CrmRecord ToRecord(PSObject input)
    {
        // The properties of objects may be computed by scripts, which run on the pipeline thread only.
        Guid id = Guid.Empty;
        Dictionary<string, object?> attributes = new(StringComparer.OrdinalIgnoreCase);
        foreach (PSPropertyInfo property in input.Properties)
        {
            object? value = Plain(property.Value);
            bool isKey = string.Equals(property.Name, "Id", StringComparison.OrdinalIgnoreCase)
                || string.Equals(property.Name, table?.PrimaryIdColumn, StringComparison.OrdinalIgnoreCase);
            if (isKey)
            {
                _ = value is Guid given ? (id = given) != Guid.Empty : Guid.TryParse(value?.ToString(), out id);
            }
            else if (value is not (null or "") && !(IgnoreUnknown && table?.Find(property.Name) is null))
            {
                attributes[property.Name] = value;
            }
        }

        return new CrmRecord(LogicalName, id, attributes);
    }
}

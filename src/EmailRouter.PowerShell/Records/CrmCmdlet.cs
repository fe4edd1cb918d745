using System.Collections;
using System.Management.Automation;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.PowerShell.Completion;
using EmailRouter.PowerShell.Mailboxes;
using EmailRouter.Routing;

namespace EmailRouter.PowerShell.Records;

/// <summary>The base of the cmdlets that look into a CRM and fill it.</summary>
public abstract class CrmCmdlet : RouterConnectedCmdlet
{
    /// <summary>The deployment; not needed when there is only one.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(DeploymentNameCompleter))]
    public string? Deployment { get; set; }

    /// <summary>Opens the embedded CRM of the current input object.</summary>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The router, the deployment's name, and its CRM.</returns>
    private protected async Task<(Router Router, string Deployment, EmbeddedCrm Crm)> OpenCrmAsync(CancellationToken cancellationToken)
    {
        Router router = await OpenRouterAsync(cancellationToken).ConfigureAwait(false);
        return (router, router.FindDeployment(Deployment).Name, await router.GetEmbeddedCrmAsync(Deployment, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Writes a record or an email activity to the pipeline, with the deployment and the configuration it came from.</summary>
    /// <param name="value">The object.</param>
    /// <param name="router">The router.</param>
    /// <param name="deployment">The deployment's name.</param>
    /// <returns>A task that ends when the object is on its way.</returns>
    private protected ValueTask EmitFromAsync(object value, Router router, string deployment)
    {
        // A record's columns are properties too, as users of PowerShell expect.
        IEnumerable<KeyValuePair<string, object?>> columns = value is CrmRecord record ? record.Attributes : [];
        return EmitAsync(WithNotes(value, [new(nameof(Deployment), deployment), new(nameof(ConfigurationPath), router.Store.Path), .. columns]));
    }

    /// <summary>Turns a hashtable into the values of a record.</summary>
    /// <param name="table">The hashtable.</param>
    /// <returns>The values by column.</returns>
    private protected static Dictionary<string, object?> ToAttributes(IDictionary table) =>
        table.Cast<DictionaryEntry>().ToDictionary(entry => entry.Key.ToString()!, entry => Plain(entry.Value), StringComparer.OrdinalIgnoreCase);

    /// <summary>Takes a value out of what PowerShell wraps around it, and makes a record a reference to it.</summary>
    /// <param name="value">The value.</param>
    /// <returns>The value for the CRM.</returns>
    private protected static object? Plain(object? value) => value switch
    {
        PSObject wrapped => Plain(wrapped.BaseObject),
        CrmRecord record => record.ToReference(),
        SwitchParameter given => given.IsPresent,
        DateTime time => new DateTimeOffset(time),
        _ => value,
    };

    /// <summary>Understands what a user means by a record: a record, a reference, or what carries an id and a table.</summary>
    /// <param name="value">The value.</param>
    /// <returns>The reference; null for nothing.</returns>
    private protected static RecordReference? ToReference(object? value) => Plain(value) switch
    {
        null => null,
        RecordReference reference => reference,
        EmailActivity email => email.Regarding,
        string { Length: > 0 } text when text.Split(':') is [string table, string id] && Guid.TryParse(id, out Guid parsed) =>
            new RecordReference(table, parsed),
        string { Length: 0 } => null,
        object other => throw Terminating(RouterErrors.ParameterInvalid(
            $"'{other}' is no record.", "Give a record of Get-CrmRecord, or text of the form contact:00000000-0000-0000-0000-000000000000.", other)),
    };
}

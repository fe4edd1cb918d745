using System.Management.Automation;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.PowerShell.Completion;
using EmailRouter.Routing;

namespace EmailRouter.PowerShell.Records;

/// <summary>Makes outgoing email activities in an embedded CRM from objects, one each: lines of a CSV file, results of a query.</summary>
/// <remarks>
/// The properties From, To, Cc, Bcc, Subject, Body, MimeType, Regarding and Attachment are used. To, Cc, Bcc and Attachment may name several, separated by
/// semicolons. An object that cannot be imported is an error; the others go on.
/// </remarks>
/// <example>
/// <summary>Write to many customers</summary>
/// <code>Import-Csv ./letters.csv | Import-CrmEmailActivity -Send</code>
/// <para>The first line of the file names the properties: From,To,Subject,Body.</para>
/// </example>
/// <example>
/// <summary>Write the same to all contacts</summary>
/// <code>Get-CrmRecord contact | Select-Object @{ n = 'To'; e = { $_.emailaddress1 } } | Import-CrmEmailActivity -From sales@example.test -Subject 'News' -Body 'Dear customer' -Send</code>
/// <para>What all have in common is given as parameters.</para>
/// </example>
[Cmdlet(VerbsData.Import, "CrmEmailActivity", SupportsShouldProcess = true)]
[OutputType(typeof(EmailActivity))]
public sealed class ImportCrmEmailActivityCommand : EmailActivityCmdlet
{
    private int done;

    /// <summary>The user or queue in whose name it is sent: the address, or the name.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(MailboxNameCompleter))]
    public string From { get; set; } = string.Empty;

    /// <summary>The recipients: addresses or records. A text may name several addresses, separated by semicolons.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public object[] To { get; set; } = [];

    /// <summary>The recipients of a copy: addresses or records.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    [AllowEmptyCollection]
    public object[]? Cc { get; set; }

    /// <summary>The recipients of a blind copy: addresses or records.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    [AllowEmptyCollection]
    public object[]? Bcc { get; set; }

    /// <summary>The subject. The tracking token is added when it is sent.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string Subject { get; set; } = string.Empty;

    /// <summary>The body, of the type that -MimeType says.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("Description")]
    public string Body { get; set; } = string.Empty;

    /// <summary>The type of the body. HTML when left out.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ValidateSet("text/html", "text/plain")]
    public string MimeType { get; set; } = "text/html";

    /// <summary>The record it is regarding: a record, or text of the form contact:id.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public object? Regarding { get; set; }

    /// <summary>The files to attach.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    [AllowEmptyCollection]
    [AllowEmptyString]
    public string[]? Attachment { get; set; }

    /// <summary>Writes the email activities to the pipeline.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        (Router Router, string Deployment, EmbeddedCrm Crm) opened = await OpenCrmAsync(cancellationToken).ConfigureAwait(false);
        if (!await ConfirmAsync($"email activity \"{Subject}\" in {opened.Deployment}", "Import").ConfigureAwait(false))
        {
            return;
        }

        List<string> files = [];
        foreach (string path in (Attachment ?? []).SelectMany(one =>
            (one ?? string.Empty).Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)))
        {
            files.Add(await ResolvePathAsync(path).ConfigureAwait(false));
        }

        RecordReference? regarding = ToReference(Regarding);
        EmailActivity? made = await MakeAsync(
            opened,
            From,
            draft => draft with
            {
                To = EmailDraftMaker.Recipients(To),
                Cc = EmailDraftMaker.Recipients(Cc),
                Bcc = EmailDraftMaker.Recipients(Bcc),
                Subject = Subject,
                Description = Body,
                MimeType = MimeType,
                Regarding = regarding,
            },
            files,
            cancellationToken).ConfigureAwait(false);
        ReportProgress(Subject, ++done, null);
        if (made is not null && PassThru)
        {
            await EmitFromAsync(made, opened.Router, opened.Deployment).ConfigureAwait(false);
        }
    }
}

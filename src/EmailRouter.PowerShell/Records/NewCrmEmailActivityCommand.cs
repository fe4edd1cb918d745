using System.Management.Automation;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.PowerShell.Completion;
using EmailRouter.Routing;

namespace EmailRouter.PowerShell.Records;

/// <summary>Makes an outgoing email activity in an embedded CRM: a draft, or with -Send one that the router is to send.</summary>
/// <example>
/// <summary>Write to a customer</summary>
/// <code>New-CrmEmailActivity -From support@example.test -To lea.koch@example.test -Subject 'Your question' -Body 'It is solved.' -PlainText -Send</code>
/// <para>The email activity is pending; Send-CrmEmailActivity or the service sends it.</para>
/// </example>
/// <example>
/// <summary>Write to a record about another, with a file</summary>
/// <code>
/// $account = Get-CrmRecord account 'Fabrikam'
/// New-CrmEmailActivity -From 'Max Weber' -To $account -Subject 'Offer' -Body '&lt;p&gt;See the file.&lt;/p&gt;' -Regarding $account -Attachment ./offer.pdf
/// </code>
/// <para>Makes a draft.</para>
/// </example>
[Cmdlet(VerbsCommon.New, "CrmEmailActivity", SupportsShouldProcess = true)]
[OutputType(typeof(EmailActivity))]
public sealed class NewCrmEmailActivityCommand : EmailActivityCmdlet
{
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
    [Parameter]
    public string Subject { get; set; } = string.Empty;

    /// <summary>The body, HTML unless -PlainText is given.</summary>
    [Parameter]
    [Alias("Description")]
    public string Body { get; set; } = string.Empty;

    /// <summary>The body is plain text.</summary>
    [Parameter]
    public SwitchParameter PlainText { get; set; }

    /// <summary>The record it is regarding.</summary>
    [Parameter]
    public object? Regarding { get; set; }

    /// <summary>The files to attach; wildcards are allowed.</summary>
    [Parameter]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Attachment { get; set; } = [];

    /// <summary>The priority.</summary>
    [Parameter]
    public EmailPriority Priority { get; set; } = EmailPriority.Normal;

    /// <summary>The email activity that this one answers.</summary>
    [Parameter]
    public Guid? InReplyTo { get; set; }

    /// <summary>It is not sent before this time.</summary>
    [Parameter]
    public DateTimeOffset? SendAfter { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        (Router Router, string Deployment, EmbeddedCrm Crm) opened = await OpenCrmAsync(cancellationToken).ConfigureAwait(false);
        List<string> files = [];
        foreach (string pattern in Attachment)
        {
            files.AddRange(await OnPipelineThreadAsync(() => WildcardPattern.ContainsWildcardCharacters(pattern)
                ? GetResolvedProviderPathFromPSPath(pattern, out _)
                : [GetUnresolvedProviderPathFromPSPath(pattern)]).ConfigureAwait(false));
        }

        if (!await ConfirmAsync($"email activity \"{Subject}\" in {opened.Deployment}", "Make").ConfigureAwait(false))
        {
            return;
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
                MimeType = PlainText ? "text/plain" : "text/html",
                Regarding = regarding,
                Priority = Priority,
                ParentActivityId = InReplyTo,
                DelayedSendTime = SendAfter,
            },
            files,
            cancellationToken).ConfigureAwait(false);
        if (made is not null)
        {
            await EmitFromAsync(made, opened.Router, opened.Deployment).ConfigureAwait(false);
        }
    }
}

using System.Management.Automation;
using EmailRouter.Crm;
using EmailRouter.Routing;

namespace EmailRouter.PowerShell.Records;

/// <summary>Finds email activities of a CRM. Newest first.</summary>
/// <remarks>
/// Works on every deployment whose CRM lets email activities be listed. What is meant is looked for in the CRM, page by page, so a large organization costs no more
/// than what is asked for.
/// </remarks>
/// <example>
/// <summary>See what came in today</summary>
/// <code>Get-CrmEmailActivity -Direction Incoming -Since (Get-Date).Date</code>
/// <para>Shows one line an email activity; Format-List shows more.</para>
/// </example>
/// <example>
/// <summary>See the correspondence with a customer</summary>
/// <code>Get-CrmEmailActivity -Address lea.koch@example.test | Format-Table CreatedOn, Status, Subject</code>
/// <para>Finds the address in any role: sender, recipient, copy.</para>
/// </example>
/// <example>
/// <summary>Show a message of a stranger in a browser</summary>
/// <code>(Get-CrmEmailActivity -First 1 -Direction Incoming).SafeDescription | Set-Content mail.html</code>
/// <para>The text without scripts, forms and pictures from elsewhere; Description has it as it was sent.</para>
/// </example>
[Cmdlet(VerbsCommon.Get, "CrmEmailActivity", DefaultParameterSetName = FilterParameterSet)]
[OutputType(typeof(EmailActivity))]
public sealed class GetCrmEmailActivityCommand : CrmCmdlet
{
    private const string FilterParameterSet = "Filter";
    private const string IdParameterSet = "Id";

    /// <summary>The ids of the email activities.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true, ParameterSetName = IdParameterSet)]
    [Alias("Id")]
    public Guid[] ActivityId { get; set; } = [];

    /// <summary>The statuses.</summary>
    [Parameter(ParameterSetName = FilterParameterSet)]
    [ValidateNotNullOrEmpty]
    public EmailStatus[]? Status { get; set; }

    /// <summary>The direction.</summary>
    [Parameter(ParameterSetName = FilterParameterSet)]
    public MailDirection? Direction { get; set; }

    /// <summary>The earliest time of creation.</summary>
    [Parameter(ParameterSetName = FilterParameterSet)]
    public DateTimeOffset? Since { get; set; }

    /// <summary>The subject; wildcards are allowed.</summary>
    [Parameter(ParameterSetName = FilterParameterSet)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string? Subject { get; set; }

    /// <summary>The Message-ID.</summary>
    [Parameter(ParameterSetName = FilterParameterSet)]
    [ValidateNotNullOrEmpty]
    public string? MessageId { get; set; }

    /// <summary>The tracking token.</summary>
    [Parameter(ParameterSetName = FilterParameterSet)]
    [ValidateNotNullOrEmpty]
    public string? TrackingToken { get; set; }

    /// <summary>An address of any sender or recipient.</summary>
    [Parameter(ParameterSetName = FilterParameterSet)]
    [ValidateNotNullOrEmpty]
    public string? Address { get; set; }

    /// <summary>The record that they are regarding: a record, or its id.</summary>
    [Parameter(ParameterSetName = FilterParameterSet)]
    [RecordIdTransformation]
    public Guid? Regarding { get; set; }

    /// <summary>The queue that they are in: a record, or its id.</summary>
    [Parameter(ParameterSetName = FilterParameterSet)]
    [RecordIdTransformation]
    public Guid? Queue { get; set; }

    /// <summary>The greatest number of email activities; all when left out.</summary>
    [Parameter(ParameterSetName = FilterParameterSet)]
    [ValidateRange(1, int.MaxValue)]
    public int? First { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        Router router = await OpenRouterAsync(cancellationToken).ConfigureAwait(false);
        string deployment = router.FindDeployment(Deployment).Name;
        IEmailActivities crm = await router.GetEmailActivitiesAsync(deployment, cancellationToken).ConfigureAwait(false);
        if (ParameterSetName == IdParameterSet)
        {
            foreach (Guid id in ActivityId)
            {
                if (await crm.GetEmailAsync(id, cancellationToken).ConfigureAwait(false) is { } email)
                {
                    await EmitFromAsync(email, router, deployment).ConfigureAwait(false);
                }
                else
                {
                    await EmitErrorAsync(RouterErrors.RecordNotFound("email", id)).ConfigureAwait(false);
                }
            }

            return;
        }

        EmailFilter filter = new()
        {
            Statuses = Status,
            IsOutgoing = Direction is { } direction ? direction == MailDirection.Outgoing : null,
            Since = Since,
            Subject = Subject,
            MessageId = MessageId,
            TrackingToken = TrackingToken,
            Address = Address,
            RegardingId = Regarding,
            QueueId = Queue,
            Top = First,
        };
        await foreach (EmailActivity email in crm.FindEmailsAsync(filter, cancellationToken).ConfigureAwait(false))
        {
            await EmitFromAsync(email, router, deployment).ConfigureAwait(false);
        }
    }
}

using System.Management.Automation;
using EmailRouter.PowerShell.Completion;
using EmailRouter.PowerShell.Mailboxes;
using EmailRouter.Routing;
using EmailRouter.Routing.State;

namespace EmailRouter.PowerShell.Messages;

/// <summary>Finds the decisions that the router has taken: what it did with each message and why. Newest first.</summary>
/// <example>
/// <summary>See the latest decisions</summary>
/// <code>Get-RouterDecision -First 20</code>
/// <para>One line a message; Format-List shows the evidence.</para>
/// </example>
/// <example>
/// <summary>Find out what became of a message</summary>
/// <code>Get-RouterDecision -From *@example.test -Subject invoice -Since (Get-Date).AddDays(-2) | Format-List</code>
/// <para>Shows the decisions about messages of the sender, with everything that was looked at.</para>
/// </example>
[Cmdlet(VerbsCommon.Get, "RouterDecision")]
[OutputType(typeof(Decision))]
public sealed class GetRouterDecisionCommand : RouterConnectedCmdlet
{
    /// <summary>The address of the mailbox; wildcards are allowed.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Address")]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(MailboxNameCompleter))]
    public string? Mailbox { get; set; }

    /// <summary>The deployment.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(DeploymentNameCompleter))]
    public string? Deployment { get; set; }

    /// <summary>The direction of the message.</summary>
    [Parameter]
    public MailDirection? Direction { get; set; }

    /// <summary>What was done.</summary>
    [Parameter]
    public DecisionAction? Action { get; set; }

    /// <summary>The reason code, e.g. NoCorrelationMatch.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ReasonCompleter))]
    public string? Reason { get; set; }

    /// <summary>The Message-ID, with or without angle brackets.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? MessageId { get; set; }

    /// <summary>Text within the subject.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Subject { get; set; }

    /// <summary>The address of the sender; wildcards are allowed.</summary>
    [Parameter]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string? From { get; set; }

    /// <summary>The email activity.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public Guid? ActivityId { get; set; }

    /// <summary>The earliest time.</summary>
    [Parameter]
    public DateTimeOffset? Since { get; set; }

    /// <summary>The latest time.</summary>
    [Parameter]
    public DateTimeOffset? Until { get; set; }

    /// <summary>The greatest number of decisions; all when left out.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? First { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        Router router = await OpenRouterAsync(cancellationToken).ConfigureAwait(false);
        if (!File.Exists(router.Store.Resolve(router.Configuration.StatePath)))
        {
            // Nothing was decided yet, and looking makes no file.
            return;
        }

        DecisionQuery query = new()
        {
            Deployment = Deployment,
            Mailbox = Mailbox,
            Direction = Direction,
            Action = Action,
            Reason = Reason,
            MessageId = MessageId,
            Subject = Subject,
            From = From,
            ActivityId = ActivityId,
            Since = Since,
            Until = Until,
            First = First,
        };
        IRouterState state = await router.GetStateAsync(cancellationToken).ConfigureAwait(false);
        await foreach (Decision decision in state.FindDecisionsAsync(query, cancellationToken).ConfigureAwait(false))
        {
            await EmitFromAsync(decision, router).ConfigureAwait(false);
        }
    }
}

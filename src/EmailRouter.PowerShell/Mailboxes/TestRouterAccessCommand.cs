using System.Management.Automation;
using EmailRouter.Crm;
using EmailRouter.PowerShell.Completion;
using EmailRouter.PowerShell.Pipeline;
using EmailRouter.Routing;
using EmailRouter.Routing.Access;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.State;

namespace EmailRouter.PowerShell.Mailboxes;

/// <summary>Tests step by step whether the router can work on mailboxes, and says what to do where it cannot. Changes nothing.</summary>
/// <remarks>
/// Each mailbox is tested in the directions in which the CRM leaves its mail to the router, or in the direction asked for. The test goes from the configuration
/// over the CRM and the connection to the listing of the mailbox, or to the point where a message could be offered.
/// </remarks>
/// <example>
/// <summary>Test a mailbox and see each step</summary>
/// <code>Test-RouterAccess support@example.test | Select-Object -ExpandProperty Steps | Format-Table</code>
/// <para>A step that failed has a remedy; the pin of a certificate that was refused is in its detail.</para>
/// </example>
/// <example>
/// <summary>Decide by the test in a script</summary>
/// <code>if (-not (Get-RouterMailbox -Queue | Test-RouterAccess -Direction Incoming -Quiet)) { Write-Warning 'A queue cannot be read.' }</code>
/// <para>With -Quiet there is one answer: true when all tests succeeded.</para>
/// </example>
[Cmdlet(VerbsDiagnostic.Test, "RouterAccess")]
[OutputType(typeof(AccessTestResult), typeof(bool))]
public sealed class TestRouterAccessCommand : RouterConnectedCmdlet
{
    private readonly HashSet<(Router Router, string Deployment, string Address, MailDirection Direction)> taken = [];
    private readonly Dictionary<Router, AccessTester> testers = [];
    private ThrottledWork? work;
    private int tested;
    private int failed;

    /// <summary>Addresses, or names of users and queues; wildcards are allowed. All mailboxes when left out.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Address")]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(MailboxNameCompleter))]
    public string[]? Mailbox { get; set; }

    /// <summary>Only mailboxes of this deployment; wildcards are allowed.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(DeploymentNameCompleter))]
    public string? Deployment { get; set; }

    /// <summary>The direction to test; those that the CRM leaves to the router when left out.</summary>
    [Parameter]
    public MailDirection? Direction { get; set; }

    /// <summary>How many mailboxes are tested at once.</summary>
    [Parameter]
    [ValidateRange(1, 256)]
    public int ThrottleLimit { get; set; } = 8;

    /// <summary>Answers with one true or false instead of the results.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    /// <inheritdoc/>
    protected override async Task BeginProcessingAsync(CancellationToken cancellationToken)
    {
        await base.BeginProcessingAsync(cancellationToken).ConfigureAwait(false);
        work = new ThrottledWork(ThrottleLimit);
    }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        Router router = await OpenRouterAsync(cancellationToken).ConfigureAwait(false);
        if (!testers.TryGetValue(router, out AccessTester? tester))
        {
            tester = router.CreateAccessTester();
            testers.Add(router, tester);
        }

        IReadOnlyList<EffectiveMailbox> mailboxes = await FindMailboxesAsync(router, Deployment, Mailbox, cancellationToken).ConfigureAwait(false);
        if (mailboxes.Count == 0)
        {
            // The error says why nothing could be tested; it is no success.
            Interlocked.Increment(ref failed);
        }

        foreach (EffectiveMailbox mailbox in mailboxes)
        {
            foreach (MailDirection direction in DirectionsOf(mailbox))
            {
                if (taken.Add((router, mailbox.Deployment, mailbox.Address.ToUpperInvariant(), direction)))
                {
                    Track(await work!.StartAsync(
                        () => GuardedAsync("Test", mailbox.Address, () => TestAsync(router, tester, mailbox.Key, direction, cancellationToken)),
                        cancellationToken).ConfigureAwait(false));
                }
            }
        }
    }

    /// <inheritdoc/>
    protected override async Task EndProcessingAsync(CancellationToken cancellationToken)
    {
        await work!.WhenAllAsync().ConfigureAwait(false);
        if (Quiet)
        {
            await EmitAsync(failed == 0 && tested > 0).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        work?.Dispose();
        base.Dispose(disposing);
    }

    private MailDirection[] DirectionsOf(EffectiveMailbox mailbox)
    {
        if (Direction is { } asked)
        {
            return [asked];
        }

        List<MailDirection> routed = [];
        if (mailbox.Crm.IncomingDelivery == DeliveryMethod.Router)
        {
            routed.Add(MailDirection.Incoming);
        }

        if (mailbox.Crm.OutgoingDelivery == DeliveryMethod.Router)
        {
            routed.Add(MailDirection.Outgoing);
        }

        return routed.Count > 0 ? [.. routed] : [MailDirection.Incoming];
    }

    private async Task TestAsync(Router router, AccessTester tester, MailboxKey mailbox, MailDirection direction, CancellationToken cancellationToken)
    {
        AccessTestResult result = await tester.TestAsync(mailbox, direction, cancellationToken).ConfigureAwait(false);
        int done = Interlocked.Increment(ref tested);
        ReportProgress($"{mailbox.Address} {direction}", done, null);
        foreach (AccessStep step in result.Steps)
        {
            string outcome = step.Success ? "ok" : "FAILED";
            await ExplainAsync($"{mailbox.Address} {direction} {step.Name}: {outcome} {step.Detail} {step.Remedy}".TrimEnd()).ConfigureAwait(false);
        }

        if (!result.Success)
        {
            Interlocked.Increment(ref failed);
        }

        if (!Quiet)
        {
            await EmitFromAsync(result, router).ConfigureAwait(false);
        }
    }
}

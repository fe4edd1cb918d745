using System.Management.Automation;
using EmailRouter.Crm;
using EmailRouter.PowerShell.Completion;
using EmailRouter.PowerShell.Pipeline;
using EmailRouter.Routing;
using EmailRouter.Routing.Access;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.State;

namespace EmailRouter.PowerShell.Mailboxes;

/// <summary>Tests step by step whether the router can work on deployments and their mailboxes, and says what to do where it cannot. Changes nothing.</summary>
/// <remarks>
/// <para>
/// Each deployment is tested once: reaching its CRM, logging in, who the router is there, which privileges it lacks, and which settings contradict its work. That
/// result comes first where no mailbox is named; where mailboxes are named it comes only when something is wrong with the deployment.
/// </para>
/// <para>
/// Each mailbox is tested in the directions in which the CRM leaves its mail to the router, or in the direction asked for. The test goes from the configuration
/// over the CRM and the connection to the listing of the mailbox, or to the point where a message could be offered.
/// </para>
/// </remarks>
/// <example>
/// <summary>Test a mailbox and see each step</summary>
/// <code>Test-RouterAccess support@example.test | Select-Object -ExpandProperty Steps | Format-Table</code>
/// <para>A step that failed has a remedy; the pin of a certificate that was refused is in its detail.</para>
/// </example>
/// <example>
/// <summary>Test a CRM, and what the router may do there</summary>
/// <code>Test-RouterAccess -Deployment Main | Where-Object Scope -eq Deployment | Format-List</code>
/// <para>Shows who the router is in the CRM, privileges it lacks by name, and settings that stand against its work, each with what to do about it.</para>
/// </example>
/// <example>
/// <summary>Decide by the test in a script</summary>
/// <code>if (-not (Get-RouterMailbox -Queue | Test-RouterAccess -Direction Incoming -Quiet)) { Write-Warning 'A queue cannot be read.' }</code>
/// <para>With -Quiet there is one answer: true when all tests succeeded.</para>
/// </example>
[Cmdlet(VerbsDiagnostic.Test, "RouterAccess")]
[OutputType(typeof(DeploymentTestResult), typeof(AccessTestResult), typeof(bool))]
public sealed class TestRouterAccessCommand : RouterConnectedCmdlet
{
    private readonly HashSet<(Router Router, string Deployment, string Address, MailDirection Direction)> taken = [];
    private readonly HashSet<(Router Router, string Deployment)> shown = [];
    private readonly Dictionary<Router, AccessTester> testers = [];
    private ThrottledWork? work;
    private int tested;
    private int failed;

    /// <summary>Addresses, or names of users and queues; wildcards are allowed. The deployments and all their mailboxes when left out.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Address")]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(MailboxNameCompleter))]
    public string[]? Mailbox { get; set; }

    /// <summary>Only this deployment and its mailboxes; wildcards are allowed. All that are enabled when left out.</summary>
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
        AccessTester tester = TesterOf(router);
        IReadOnlyList<EffectiveMailbox> mailboxes = await FindMailboxesAsync(router, Deployment, Mailbox, cancellationToken).ConfigureAwait(false);
        if (mailboxes.Count == 0)
        {
            // The error, or the deployment's result, says why nothing could be tested; it is no success.
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

    /// <summary>Takes the mailboxes from the test of the deployment, so that a CRM that cannot be reached is a result with a step that failed.</summary>
    /// <inheritdoc/>
    private protected override async Task<IReadOnlyList<EffectiveMailbox>?> LoadMailboxesAsync(
        Router router, DeploymentConfiguration deployment, CancellationToken cancellationToken)
    {
        AccessTester tester = TesterOf(router);
        DeploymentTestResult result = await tester.TestDeploymentAsync(deployment, cancellationToken).ConfigureAwait(false);
        if ((Mailbox is null || !result.Success) && shown.Add((router, deployment.Name)))
        {
            await ShowAsync(router, deployment.Name, result, result.Steps, result.Success).ConfigureAwait(false);
        }

        return await tester.GetMailboxesAsync(deployment, cancellationToken).ConfigureAwait(false);
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

    private AccessTester TesterOf(Router router)
    {
        if (!testers.TryGetValue(router, out AccessTester? tester))
        {
            tester = router.CreateAccessTester();
            testers.Add(router, tester);
        }

        return tester;
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
        await ShowAsync(router, $"{mailbox.Address} {direction}", result, result.Steps, result.Success).ConfigureAwait(false);
    }

    private async Task ShowAsync(Router router, string subject, object result, IReadOnlyList<AccessStep> steps, bool success)
    {
        ReportProgress(subject, Interlocked.Increment(ref tested), null);
        foreach (AccessStep step in steps)
        {
            string outcome = step.Success ? "ok" : "FAILED";
            await ExplainAsync($"{subject} {step.Name}: {outcome} {step.Detail} {step.Remedy}".TrimEnd()).ConfigureAwait(false);
        }

        if (!success)
        {
            Interlocked.Increment(ref failed);
        }

        if (!Quiet)
        {
            await EmitFromAsync(result, router).ConfigureAwait(false);
        }
    }
}

using System.Management.Automation;
using EmailRouter.PowerShell.Completion;
using EmailRouter.PowerShell.Mailboxes;
using EmailRouter.PowerShell.Pipeline;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Rules;

namespace EmailRouter.PowerShell.Rules;

/// <summary>The base of the cmdlets about rules of mailboxes: they work on many mailboxes side by side, and what goes wrong with one is reported for it alone.</summary>
public abstract class InboxRuleCmdlet : RouterConnectedCmdlet
{
    private readonly HashSet<(Router Router, string Deployment, string Address)> taken = [];
    private readonly Dictionary<Router, RuleDeployer> deployers = [];
    private ThrottledWork? work;

    /// <summary>Addresses, or names of users and queues; wildcards are allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Address")]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(MailboxNameCompleter))]
    public string[] Mailbox { get; set; } = [];

    /// <summary>Only mailboxes of this deployment; wildcards are allowed.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(DeploymentNameCompleter))]
    public string? Deployment { get; set; }

    /// <summary>How many mailboxes are worked on at once.</summary>
    [Parameter]
    [ValidateRange(1, 256)]
    public int ThrottleLimit { get; set; } = 8;

    /// <summary>Gets the step for the error records.</summary>
    private protected abstract string Step { get; }

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
        if (!deployers.TryGetValue(router, out RuleDeployer? deployer))
        {
            deployer = router.CreateRuleDeployer();
            deployers.Add(router, deployer);
        }

        foreach (EffectiveMailbox mailbox in await FindMailboxesAsync(router, Deployment, Mailbox, cancellationToken).ConfigureAwait(false))
        {
            if (!taken.Add((router, mailbox.Deployment, mailbox.Address.ToUpperInvariant())))
            {
                continue;
            }

            Permission permission = await AskAsync(mailbox).ConfigureAwait(false);
            if (permission != Permission.Refused)
            {
                Track(await work!.StartAsync(
                    () => GuardedAsync(Step, mailbox.Address, () => WorkAsync(router, deployer, mailbox, permission == Permission.DryRun, cancellationToken)),
                    cancellationToken).ConfigureAwait(false));
            }
        }
    }

    /// <inheritdoc/>
    protected override Task EndProcessingAsync(CancellationToken cancellationToken) => work!.WhenAllAsync();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        work?.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Asks whether to work on a mailbox; without a question nothing is changed.</summary>
    /// <param name="mailbox">The mailbox.</param>
    /// <returns>The answer.</returns>
    private protected virtual Task<Permission> AskAsync(EffectiveMailbox mailbox) => Task.FromResult(Permission.Granted);

    /// <summary>Works on a mailbox.</summary>
    /// <param name="router">The router.</param>
    /// <param name="deployer">What knows rules.</param>
    /// <param name="mailbox">The mailbox.</param>
    /// <param name="isDryRun">Whether only to say what would be done.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>A task that ends with the work.</returns>
    private protected abstract Task WorkAsync(Router router, RuleDeployer deployer, EffectiveMailbox mailbox, bool isDryRun, CancellationToken cancellationToken);

    /// <summary>Writes what was done, or in a dry run says what would be.</summary>
    /// <param name="router">The router.</param>
    /// <param name="result">The result.</param>
    /// <returns>A task that ends when it is on its way.</returns>
    private protected async Task ShowAsync(Router router, RuleResult result)
    {
        await ExplainAsync($"{result.Mailbox}: {result.Change}. {result.Detail}").ConfigureAwait(false);
        foreach (string warning in result.Warnings)
        {
            await WarnAsync($"{result.Mailbox}: {warning}").ConfigureAwait(false);
        }

        await EmitFromAsync(result, router).ConfigureAwait(false);
    }
}

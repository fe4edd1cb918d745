using System.Management.Automation;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Rules;

namespace EmailRouter.PowerShell.Rules;

/// <summary>Lists the rules by which the servers of mailboxes forward mail: the router's own and, with -All, those of others. Changes nothing.</summary>
/// <remarks>A mailbox without such a rule writes nothing.</remarks>
/// <example>
/// <summary>See which mailboxes forward their mail</summary>
/// <code>Get-RouterMailbox -User | Get-DeployedInboxRule | Format-Table</code>
/// <para>Shows where the router's rule of each mailbox forwards to, and whether it is switched on.</para>
/// </example>
/// <example>
/// <summary>Find mail that leaves by rules of users</summary>
/// <code>Get-RouterMailbox | Get-DeployedInboxRule -All | Where-Object { -not $_.IsOurs }</code>
/// <para>Lists redirects and forwarding rules that somebody else made.</para>
/// </example>
[Cmdlet(VerbsCommon.Get, "DeployedInboxRule")]
[OutputType(typeof(DeployedRule))]
public sealed class GetDeployedInboxRuleCommand : InboxRuleCmdlet
{
    /// <summary>Lists the rules of others too, as far as they forward mail.</summary>
    [Parameter]
    public SwitchParameter All { get; set; }

    /// <inheritdoc/>
    private protected override string Step => "ListRules";

    /// <inheritdoc/>
    private protected override async Task WorkAsync(Router router, RuleDeployer deployer, EffectiveMailbox mailbox, bool isDryRun, CancellationToken cancellationToken)
    {
        foreach (DeployedRule rule in await deployer.ListAsync(mailbox, cancellationToken).ConfigureAwait(false))
        {
            if (All || rule.IsOurs)
            {
                await EmitFromAsync(rule, router).ConfigureAwait(false);
            }
        }
    }
}

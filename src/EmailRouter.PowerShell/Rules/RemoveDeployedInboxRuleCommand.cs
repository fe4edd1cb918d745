using System.Management.Automation;
using EmailRouter.PowerShell.Pipeline;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Rules;

namespace EmailRouter.PowerShell.Rules;

/// <summary>Takes the router's forwarding rule out of mailboxes. Rules of others stay as they are, and a Sieve script is as it was before.</summary>
/// <remarks>A mailbox without the rule is no error. With -WhatIf the server is asked, and nothing is written.</remarks>
/// <example>
/// <summary>Stop forwarding the mail of a user</summary>
/// <code>Remove-DeployedInboxRule sue@example.test</code>
/// <para>Set the incoming delivery method in the CRM to what is to count from now on.</para>
/// </example>
/// <example>
/// <summary>Remove the rule everywhere</summary>
/// <code>Get-RouterMailbox | Get-DeployedInboxRule | Remove-DeployedInboxRule -Confirm:$false</code>
/// <para>Only the mailboxes that have the rule are changed.</para>
/// </example>
[Cmdlet(VerbsCommon.Remove, "DeployedInboxRule", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(RuleResult))]
public sealed class RemoveDeployedInboxRuleCommand : InboxRuleCmdlet
{
    /// <summary>Lets rules be lost that only a mail program applies, where Exchange can keep only one kind. Without it such mailboxes are refused.</summary>
    [Parameter]
    public SwitchParameter DropClientSideRules { get; set; }

    /// <summary>Removes also a rule that forwards to an address which is no forward mailbox of the deployment, as that of another router does.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    private protected override string Step => "RemoveRule";

    /// <inheritdoc/>
    private protected override Task<Permission> AskAsync(EffectiveMailbox mailbox) => PermitAsync(
        $"Remove the forwarding rule from {mailbox.Address} of {mailbox.Deployment}.", $"Remove the forwarding rule from {mailbox.Address} of {mailbox.Deployment}?", "Remove");

    /// <inheritdoc/>
    private protected override async Task WorkAsync(Router router, RuleDeployer deployer, EffectiveMailbox mailbox, bool isDryRun, CancellationToken cancellationToken)
    {
        RuleRequest how = new() { DropClientSideRules = DropClientSideRules, Force = Force, DryRun = isDryRun };
        await ShowAsync(router, await deployer.RemoveAsync(mailbox, how, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
    }
}

using System.Management.Automation;
using EmailRouter.Mail;
using EmailRouter.PowerShell.Pipeline;
using EmailRouter.Routing;
using EmailRouter.Routing.Access;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Rules;

namespace EmailRouter.PowerShell.Rules;

/// <summary>Deploys to mailboxes the rule by which their server forwards mail to a forward mailbox, which the router then reads instead of each mailbox.</summary>
/// <remarks>
/// Deploying again changes nothing where the rule is right. Other rules of the mailbox stay as they are; a Sieve script is kept in the folder replaced-scripts beside the
/// router's state before it is replaced. With -WhatIf the server is asked, and nothing is written.
/// </remarks>
/// <example>
/// <summary>Deploy the rule to all whose mail comes through the forward mailbox</summary>
/// <code>Get-RouterMailbox | Where-Object IncomingDelivery -eq ForwardMailbox | Deploy-InboxRule -WhatIf</code>
/// <para>Shows for each mailbox what would change; without -WhatIf it is done.</para>
/// </example>
/// <example>
/// <summary>Deploy a rule and see whether mail comes through</summary>
/// <code>Deploy-InboxRule sue@example.test -ForwardTo crm@example.test -Verify | Select-Object -ExpandProperty Steps</code>
/// <para>Sends a marked message to the mailbox and waits for its copy in the forward mailbox, where it is removed. It is never promoted.</para>
/// </example>
[Cmdlet("Deploy", "InboxRule", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(RuleResult))]
public sealed class DeployInboxRuleCommand : InboxRuleCmdlet
{
    /// <summary>The address of the forward mailbox; the deployment's only one when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? ForwardTo { get; set; }

    /// <summary>How copies are made: Attachment (a new message with the original attached) or Redirect (the message itself). The best the server can when left out.</summary>
    [Parameter]
    [ValidateSet(nameof(ForwardingKinds.Attachment), nameof(ForwardingKinds.Redirect))]
    public string? Kind { get; set; }

    /// <summary>Forwards to an address of its own for each mailbox, as crm+sue=example.com@example.com, by which its copies are known. The forward mailbox's server must deliver such addresses.</summary>
    [Parameter]
    public SwitchParameter UsePlusAddress { get; set; }

    /// <summary>Forwards automatic answers too, such as out-of-office replies.</summary>
    [Parameter]
    public SwitchParameter IncludeAutomaticMail { get; set; }

    /// <summary>Lets rules be lost that only a mail program applies, where Exchange can keep only one kind. Without it such mailboxes are refused.</summary>
    [Parameter]
    public SwitchParameter DropClientSideRules { get; set; }

    /// <summary>Replaces also a rule that forwards to an address which is no forward mailbox of the deployment, as that of another router does.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>How the rule stands beside the user's own Sieve script: as a Block in it, in a script that does Include it, or Automatic.</summary>
    [Parameter]
    public ForwardingPlacement Placement { get; set; }

    /// <summary>Sends a marked message to each mailbox and waits until its copy is in the forward mailbox.</summary>
    [Parameter]
    public SwitchParameter Verify { get; set; }

    /// <summary>The time in seconds after which the copy of -Verify counts as lost.</summary>
    [Parameter]
    [ValidateRange(1, 86400)]
    public int VerifyTimeoutSeconds { get; set; } = 300;

    /// <inheritdoc/>
    private protected override string Step => "Deploy";

    /// <inheritdoc/>
    private protected override Task<Permission> AskAsync(EffectiveMailbox mailbox) => PermitAsync(
        $"Deploy the forwarding rule to {mailbox.Address} of {mailbox.Deployment}.", $"Deploy the forwarding rule to {mailbox.Address} of {mailbox.Deployment}?", "Deploy");

    /// <inheritdoc/>
    private protected override async Task WorkAsync(Router router, RuleDeployer deployer, EffectiveMailbox mailbox, bool isDryRun, CancellationToken cancellationToken)
    {
        RuleRequest request = new()
        {
            ForwardTo = ForwardTo,
            Kind = Kind is null ? null : Enum.Parse<ForwardingKinds>(Kind, ignoreCase: true),
            UsePlusAddress = UsePlusAddress,
            ForwardAutomaticMail = IncludeAutomaticMail,
            DropClientSideRules = DropClientSideRules,
            Force = Force,
            Placement = Placement,
            DryRun = isDryRun,
        };
        RuleResult result = await deployer.DeployAsync(mailbox, request, cancellationToken).ConfigureAwait(false);
        if (!Verify || isDryRun)
        {
            await ShowAsync(router, result).ConfigureAwait(false);
            return;
        }

        ReportProgress($"{mailbox.Address}: waiting for the copy of the test message", 0, null);
        TimeSpan deadline = TimeSpan.FromSeconds(VerifyTimeoutSeconds);
        RuleProbeTiming timing = new() { Deadline = deadline };
        IReadOnlyList<AccessStep> steps = await deployer.VerifyAsync(mailbox, ForwardTo, timing, cancellationToken).ConfigureAwait(false);
        foreach (AccessStep step in steps)
        {
            await ExplainAsync($"{mailbox.Address} {step.Name}: {(step.Success ? "ok" : "FAILED")} {step.Detail} {step.Remedy}".TrimEnd()).ConfigureAwait(false);
        }

        AccessStep? failed = steps.FirstOrDefault(step => !step.Success);
        await ShowAsync(router, result with { Steps = steps, Verified = failed is null }).ConfigureAwait(false);
        if (failed is not null)
        {
            RouterError error = new(failed.ErrorId ?? "RouterProbeFailed", failed.Name, failed.Detail, failed.Remedy, IsTransient: false);
            await EmitErrorAsync(RouterErrors.From(error, mailbox.Address)).ConfigureAwait(false);
        }
    }
}

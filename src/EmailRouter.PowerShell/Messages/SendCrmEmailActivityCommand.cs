using System.Management.Automation;
using EmailRouter.PowerShell.Completion;
using EmailRouter.PowerShell.Mailboxes;
using EmailRouter.PowerShell.Pipeline;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Outgoing;

namespace EmailRouter.PowerShell.Messages;

/// <summary>Sends email activities that are pending in the CRM, and writes back what became of them.</summary>
/// <remarks>
/// <para>
/// Without -Id all pending email activities of the deployment are sent, of all enabled deployments when none is named. One object a deployment says what
/// was done.
/// </para>
/// <para>With -WhatIf the email activities are looked at and composed, and nothing is claimed, sent or changed.</para>
/// </remarks>
/// <example>
/// <summary>Send what is pending</summary>
/// <code>Send-CrmEmailActivity -Deployment Main | Format-Table</code>
/// <para>Sends all pending email activities, eight at once.</para>
/// </example>
/// <example>
/// <summary>Send certain email activities</summary>
/// <code>Get-CrmEmailActivity -Deployment Main -Status PendingSend -Subject 'Offer*' | Send-CrmEmailActivity -Detailed</code>
/// <para>Shows the decision about each one.</para>
/// </example>
[Cmdlet(VerbsCommunications.Send, "CrmEmailActivity", SupportsShouldProcess = true)]
[OutputType(typeof(SendResult), typeof(Decision))]
public sealed class SendCrmEmailActivityCommand : RouterConnectedCmdlet
{
    private readonly Dictionary<(Router Router, string Deployment), List<Guid>?> wanted = [];
    private long started;

    /// <summary>The email activities; all that are pending when left out.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Id")]
    [ValidateNotNullOrEmpty]
    public Guid[]? ActivityId { get; set; }

    /// <summary>The deployment; all that are enabled when left out.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(DeploymentNameCompleter))]
    public string? Deployment { get; set; }

    /// <summary>
    /// How many email activities are on their way at once. Best is twice the connections of the profile (8 by default): what waits for a connection is announced to the mail server while it is still
    /// answering, which makes a distant one half as fast again.
    /// </summary>
    [Parameter]
    [ValidateRange(1, 256)]
    public int ThrottleLimit { get; set; } = 16;

    /// <summary>The greatest number of email activities sent.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? MaxMessages { get; set; }

    /// <summary>The time in seconds after which no further email activity is begun.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? MaxDurationSeconds { get; set; }

    /// <summary>Sends those whose outcome is unknown again, with the same Message-ID; only together with -Id.</summary>
    [Parameter]
    public SwitchParameter SendAgain { get; set; }

    /// <summary>Writes the decision about each email activity instead of one object a deployment.</summary>
    [Parameter]
    public SwitchParameter Detailed { get; set; }

    /// <inheritdoc/>
    protected override async Task BeginProcessingAsync(CancellationToken cancellationToken)
    {
        await base.BeginProcessingAsync(cancellationToken).ConfigureAwait(false);
        started = Clock.GetTimestamp();
    }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        if (SendAgain && ActivityId is null)
        {
            throw Terminating(RouterErrors.ParameterInvalid("-SendAgain needs -Id.", "Name the email activities that are to be sent again.", null));
        }

        Router router = await OpenRouterAsync(cancellationToken).ConfigureAwait(false);
        IReadOnlyList<DeploymentConfiguration> deployments = ActivityId is not null && Deployment is null
            ? [router.FindDeployment(null)]
            : await FindDeploymentsAsync(router, Deployment).ConfigureAwait(false);
        foreach (DeploymentConfiguration deployment in deployments)
        {
            // Collected, because the sender is fair and quick only over all of them.
            if (ActivityId is null)
            {
                wanted[(router, deployment.Name)] = null;
            }
            else if (!wanted.TryGetValue((router, deployment.Name), out List<Guid>? ids))
            {
                wanted.Add((router, deployment.Name), [.. ActivityId]);
            }
            else
            {
                ids?.AddRange(ActivityId);
            }
        }
    }

    /// <inheritdoc/>
    protected override async Task EndProcessingAsync(CancellationToken cancellationToken)
    {
        foreach (((Router router, string deployment), List<Guid>? ids) in wanted)
        {
            string what = ids is null ? "all pending email activities" : $"{ids.Count} email activities";
            Permission permission = await PermitAsync($"Send {what} of {deployment}.", $"Send {what} of {deployment}?", "Send").ConfigureAwait(false);
            if (permission != Permission.Refused)
            {
                await ReportingAsync("Send", deployment, () =>
                    SendAsync(router, deployment, ids, permission == Permission.DryRun, cancellationToken)).ConfigureAwait(false);
            }
        }
    }

    private async Task SendAsync(Router router, string deployment, List<Guid>? ids, bool isDryRun, CancellationToken cancellationToken)
    {
        int done = 0;
        SendResult result = await router.SendAsync(
            deployment,
            new SendOptions
            {
                ActivityIds = ids?.Distinct().ToList(),
                MaxMessages = MaxMessages,
                MaxDuration = MaxDurationSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) - Clock.GetElapsedTime(started) : null,
                ThrottleLimit = ThrottleLimit,
                SendAgainWhenUncertain = SendAgain,
                DryRun = isDryRun,
                Decisions = new Observer<Decision>(decision =>
                    ReportProgress($"{decision.Mailbox}: {decision.Subject}", Interlocked.Increment(ref done), ids?.Count)),
                ProtocolLog = ProtocolLog,
            },
            cancellationToken).ConfigureAwait(false);
        foreach (Decision decision in result.Decisions)
        {
            await ShowAsync(router, decision, isDryRun).ConfigureAwait(false);
        }

        if (!Detailed)
        {
            await EmitFromAsync(result, router).ConfigureAwait(false);
        }

        foreach (RouterError error in result.Errors)
        {
            await EmitErrorAsync(RouterErrors.From(error, deployment)).ConfigureAwait(false);
        }
    }

    private async Task ShowAsync(Router router, Decision decision, bool isDryRun)
    {
        string sentence = $"\"{decision.Subject}\" to {string.Join(", ", decision.To)}: {decision.Action} ({decision.Reason}). {decision.Explanation}";
        if (isDryRun)
        {
            await PermitAsync(sentence, sentence, "Send").ConfigureAwait(false);
        }
        else
        {
            await ExplainAsync(sentence).ConfigureAwait(false);
        }

        if (Detailed)
        {
            await EmitFromAsync(decision, router).ConfigureAwait(false);
        }

        if (decision.Action == DecisionAction.Failed && !isDryRun)
        {
            await EmitErrorAsync(RouterErrors.EmailFailed(decision)).ConfigureAwait(false);
        }
        else if (decision.Action == DecisionAction.Uncertain)
        {
            string advice = $"Find out whether it arrived; to send it again use Send-CrmEmailActivity -Id {decision.ActivityId} -SendAgain.";
            await WarnAsync($"{sentence} {advice}").ConfigureAwait(false);
        }
    }
}

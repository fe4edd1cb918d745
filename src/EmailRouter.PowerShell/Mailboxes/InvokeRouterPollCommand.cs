using System.Globalization;
using System.Management.Automation;
using EmailRouter.PowerShell.Completion;
using EmailRouter.PowerShell.Pipeline;
using EmailRouter.Routing;
using EmailRouter.Routing.Access;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;

namespace EmailRouter.PowerShell.Mailboxes;

/// <summary>Polls mailboxes once: reads what is new, decides about each message, and promotes what is to be promoted into email activities.</summary>
/// <remarks>
/// <para>
/// One object a mailbox says what was done. What goes wrong with one mailbox is an error of that mailbox; the others go on, and the next poll takes up the
/// rest.
/// </para>
/// <para>
/// With -WhatIf the messages are read, decided about and explained, and nothing is changed: not on the mail server, not in the CRM, not in the router's
/// state.
/// </para>
/// <para>Without -Mailbox and without input all mailboxes that the router reads are polled.</para>
/// </remarks>
/// <example>
/// <summary>Poll everything</summary>
/// <code>Invoke-RouterPoll | Format-Table</code>
/// <para>Polls all mailboxes of all enabled deployments, several at once.</para>
/// </example>
/// <example>
/// <summary>Say what a poll would do</summary>
/// <code>Invoke-RouterPoll -Mailbox support@example.test -WhatIf -Detailed | Format-List</code>
/// <para>Shows the decision about each new message, with the evidence, and changes nothing anywhere.</para>
/// </example>
/// <example>
/// <summary>Poll from a runbook with a time limit</summary>
/// <code>Get-RouterMailbox -Queue | Invoke-RouterPoll -ThrottleLimit 8 -MaxDurationSeconds 900</code>
/// <para>After a quarter of an hour no further message is begun; the status Incomplete says where more is waiting.</para>
/// </example>
[Cmdlet(VerbsLifecycle.Invoke, "RouterPoll", SupportsShouldProcess = true)]
[OutputType(typeof(PollResult), typeof(Decision))]
public sealed class InvokeRouterPollCommand : RouterConnectedCmdlet
{
    private readonly HashSet<(Router Router, string Deployment, string Address)> taken = [];
    private ThrottledWork? work;
    private long started;
    private int ended;

    /// <summary>Addresses, or names of users and queues; wildcards are allowed. All mailboxes that the router reads when left out.</summary>
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

    /// <summary>The direction of an access test that is piped in; tests of the outgoing direction are passed over.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public MailDirection? Direction { get; set; }

    /// <summary>What an access test that is piped in is of; tests of whole deployments are passed over.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public AccessScope? Scope { get; set; }

    /// <summary>How many mailboxes are polled at once.</summary>
    [Parameter]
    [ValidateRange(1, 256)]
    public int ThrottleLimit { get; set; } = 8;

    /// <summary>The greatest number of new messages handled in each mailbox; the rest follows in the next poll.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? MaxMessages { get; set; }

    /// <summary>The time in seconds after which no further message and no further mailbox is begun.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? MaxDurationSeconds { get; set; }

    /// <summary>Writes the decision about each message instead of one object a mailbox.</summary>
    [Parameter]
    public SwitchParameter Detailed { get; set; }

    /// <inheritdoc/>
    protected override async Task BeginProcessingAsync(CancellationToken cancellationToken)
    {
        await base.BeginProcessingAsync(cancellationToken).ConfigureAwait(false);
        work = new ThrottledWork(ThrottleLimit);
        started = Clock.GetTimestamp();
    }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        if (Direction == MailDirection.Outgoing)
        {
            await ExplainAsync($"{string.Join(", ", Mailbox ?? [])}: passed over, because the test was of the outgoing direction.").ConfigureAwait(false);
            return;
        }

        if (Scope == AccessScope.Deployment)
        {
            await ExplainAsync($"{Deployment}: passed over, because the test was of the deployment, not of a mailbox.").ConfigureAwait(false);
            return;
        }

        Router router = await OpenRouterAsync(cancellationToken).ConfigureAwait(false);
        foreach (EffectiveMailbox mailbox in await FindMailboxesAsync(router, Deployment, Mailbox, cancellationToken).ConfigureAwait(false))
        {
            // Of those that were not named only the usable ones are meant, and nobody is polled twice in one go.
            if ((Mailbox is null && !mailbox.Incoming.IsUsable) || !taken.Add((router, mailbox.Deployment, mailbox.Address.ToUpperInvariant())))
            {
                continue;
            }

            Permission permission = await PermitAsync(
                $"Poll the mailbox {mailbox.Address} of {mailbox.Deployment}: read, decide and explain.",
                $"Poll the mailbox {mailbox.Address} of {mailbox.Deployment}?", "Poll").ConfigureAwait(false);
            if (permission != Permission.Refused)
            {
                Track(await work!.StartAsync(
                    () => GuardedAsync("Poll", mailbox.Address, () => PollAsync(router, mailbox, permission == Permission.DryRun, cancellationToken)),
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

    private async Task PollAsync(Router router, EffectiveMailbox mailbox, bool isDryRun, CancellationToken cancellationToken)
    {
        TimeSpan? left = MaxDurationSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) - Clock.GetElapsedTime(started) : null;
        PollResult result = left <= TimeSpan.Zero
            ? new PollResult { Deployment = mailbox.Deployment, Mailbox = mailbox.Address, Status = PollStatus.Incomplete, IsDryRun = isDryRun }
            : await router.PollAsync(
                mailbox,
                new PollOptions
                {
                    MaxMessages = MaxMessages,
                    MaxDuration = left,
                    DryRun = isDryRun,
                    ProtocolLog = ProtocolLog,
                    Progress = new Observer<PollProgress>(progress => ReportProgress(
                        string.Create(
                            CultureInfo.CurrentCulture, $"{progress.Mailbox}: {progress.Done:N0} of {progress.Total:N0} messages; {ended:N0} mailboxes done"),
                        progress.Done,
                        null)),
                },
                cancellationToken).ConfigureAwait(false);
        Interlocked.Increment(ref ended);
        await ShowAsync(router, result).ConfigureAwait(false);
    }

    private async Task ShowAsync(Router router, PollResult result)
    {
        foreach (Decision decision in result.Decisions)
        {
            string sentence = $"{result.Mailbox}: \"{decision.Subject}\" from {decision.From}: {decision.Action} ({decision.Reason}). {decision.Explanation}";
            if (result.IsDryRun)
            {
                // The way -WhatIf speaks.
                await PermitAsync(sentence, sentence, "Poll").ConfigureAwait(false);
            }
            else
            {
                await ExplainAsync(sentence).ConfigureAwait(false);
            }

            if (Detailed)
            {
                await EmitFromAsync(decision, router).ConfigureAwait(false);
            }
        }

        if (!Detailed)
        {
            await EmitFromAsync(result, router).ConfigureAwait(false);
        }

        if (result.Error is { } error)
        {
            await EmitErrorAsync(RouterErrors.From(error, result.Mailbox)).ConfigureAwait(false);
        }
        else if (result.Status == PollStatus.Busy)
        {
            await EmitErrorAsync(RouterErrors.MailboxBusy(result.Mailbox)).ConfigureAwait(false);
        }

        if (result.Quarantined > 0)
        {
            string aside = $"{result.Quarantined} message(s) failed too often and were set aside";
            await WarnAsync($"{result.Mailbox}: {aside}. Look at them with Get-RouterQuarantine.").ConfigureAwait(false);
        }
    }
}

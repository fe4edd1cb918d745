using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming.Forwarding;
using EmailRouter.Routing.Scheduling;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Incoming;

/// <summary>
/// Polls one mailbox: list → fetch → validate → check → deliver → record → settle → cursor. A message is settled on its server only after the CRM and the
/// router's state have it, so a crash anywhere repeats work and never effects.
/// </summary>
/// <param name="organization">Where the messages go.</param>
/// <param name="state">What is remembered between polls.</param>
/// <param name="routerName">The name of this router.</param>
/// <param name="options">Settings of the pipelines.</param>
/// <param name="context">Clock, network and limits for the mail side.</param>
public sealed class IncomingPipeline(
    IOrganization organization, IRouterState state, string routerName, RoutingOptions options, MailContext context)
{
    /// <summary>How many messages are fetched before their decisions are made durable and their settlements are told to the server.</summary>
    private const int ChunkSize = 64;

    private readonly CorrespondentRate rates = new(options.MaxPerCorrespondentPerHour, state, context.Clock);
    private readonly LoopGuard loops = new(routerName, options.MaxReceivedHeaders);

    /// <summary>Polls a mailbox once.</summary>
    /// <param name="target">The mailbox.</param>
    /// <param name="poll">How to go about it.</param>
    /// <param name="cancellationToken">Stops the poll; what is done stays done.</param>
    /// <returns>What was done. Errors of the mail server and the CRM are in the result, not thrown.</returns>
    /// <exception cref="OperationCanceledException">The poll was stopped.</exception>
    public async Task<PollResult> PollAsync(PollTarget target, PollOptions poll, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(poll);
        var tally = new PollTally(target.Policy.Key, poll.DryRun, context.Clock);
        string step = "Lease";
        try
        {
            HeldLease? lease = null;
            if (!poll.DryRun)
            {
                lease = await HeldLease.TryAcquireAsync(state, $"mailbox:{target.Policy.Key.Deployment}:{target.Policy.Key.Address.ToLowerInvariant()}", context.Clock, cancellationToken)
                    .ConfigureAwait(false);
                if (lease is null)
                    return tally.Finish(PollStatus.Busy, BusyError(target.Policy.Key));
            }

            await using (lease)
            {
                step = "Settings";
                OrganizationSettings settings = await organization.GetSettingsAsync(cancellationToken).ConfigureAwait(false);
                ForwardMailbox? forward = target.Policy.IsForwardMailbox
                    ? await ForwardMailbox.LoadAsync(organization, target.Policy.Key.Address, cancellationToken).ConfigureAwait(false) : null;
                step = "Open";
                MailContext mail = context with { ProtocolLog = poll.ProtocolLog ?? context.ProtocolLog };
                IMailboxSession session = await target.System.OpenMailboxAsync(target.Endpoint, target.Login, mail, cancellationToken).ConfigureAwait(false);
                await using (session.ConfigureAwait(false))
                {
                    step = "Settle";
                    RequireSettlements(session, target);
                    step = "List";
                    MailboxListing listing = await MailboxListing.ReadAsync(session, state, target.Policy.Key, poll.MaxMessages ?? options.MaxMessagesPerPoll, cancellationToken)
                        .ConfigureAwait(false);
                    tally.Listed = listing.Ids.Count;
                    tally.New = listing.New.Count;
                    step = "Process";
                    var processor = new MessageProcessor(organization, poll.DryRun ? null : state, target.Policy, settings, options, loops, rates, context.Clock, forward);
                    bool inTime = await ProcessAsync(target, poll, session, listing, processor, tally, lease, cancellationToken).ConfigureAwait(false);
                    return tally.Finish(inTime && !listing.HasMore ? PollStatus.Completed : PollStatus.Incomplete, null);
                }
            }
        }
        catch (Exception failure) when (failure is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            return tally.Finish(PollStatus.Failed, RouterError.From(failure, step));
        }
    }

    private async ValueTask<bool> ProcessAsync(
        PollTarget target,
        PollOptions poll,
        IMailboxSession session,
        MailboxListing listing,
        MessageProcessor processor,
        PollTally tally,
        HeldLease? lease,
        CancellationToken cancellationToken)
    {
        var settled = new List<string>();
        bool inTime = true;
        bool allDone = true;

        // Settlements that an earlier session promised and the server did not confirm.
        foreach ((MessageRef message, DecisionAction action) in listing.Unsettled)
        {
            if (!poll.DryRun && await SettleAsync(session, message, action, target, cancellationToken).ConfigureAwait(false))
                settled.Add(message.Id);
        }

        foreach (MessageRef[] chunk in listing.New.Chunk(ChunkSize))
        {
            if (poll.MaxDuration is { } limit && tally.Elapsed >= limit)
            {
                inTime = false;
                break;
            }

            if (lease is not null)
                await lease.KeepAsync(cancellationToken).ConfigureAwait(false);

            var window = new DeliveryWindow(processor, tally);
            try
            {
                await foreach (FetchedMessage fetched in session.FetchAsync(chunk, cancellationToken).ConfigureAwait(false))
                {
                    await window.AddAsync(fetched, cancellationToken).ConfigureAwait(false);
                    poll.Progress?.Report(new PollProgress(target.Policy.Key.Address, tally.Done, listing.New.Count));
                }
            }
            finally
            {
                // Also when the connection or the CRM broke: what is in the CRM by now is recorded, so that its decision is known.
                IReadOnlyList<ProcessedMessage> processed = await window.DrainAsync().ConfigureAwait(false);
                tally.Add(processed);
                if (!poll.DryRun && processed.Count > 0)
                    await RecordAsync(target.Policy.Key, processed).ConfigureAwait(false);
            }

            window.ThrowIfBroken();
            allDone &= window.IsComplete;
            if (poll.DryRun)
                continue;
            foreach (ProcessedMessage message in window.Finished)
            {
                if (!message.IsSettled && await SettleAsync(session, listing[message.MessageKey], message.Decision.Action, target, cancellationToken).ConfigureAwait(false))
                    settled.Add(message.MessageKey);
            }
        }

        await session.CompleteAsync(cancellationToken).ConfigureAwait(false);
        if (poll.DryRun)
            return inTime;
        if (settled.Count > 0)
            await state.MarkSettledAsync(target.Policy.Key, settled, cancellationToken).ConfigureAwait(false);
        if (inTime && allDone && listing.EndCursor is { } cursor)
            await state.RecordAsync(target.Policy.Key, [], cursor, cancellationToken).ConfigureAwait(false);

        // What a whole listing does not name is deleted on the server, or lies before the cursor that was listed from: either way it does not come again.
        if (listing.IsComplete)
            await state.ForgetAllButAsync(target.Policy.Key, listing.Ids, cancellationToken).ConfigureAwait(false);
        return inTime;
    }

    /// <summary>Deferred messages are decided but not done: their decisions are kept, they themselves come again.</summary>
    private async ValueTask RecordAsync(MailboxKey mailbox, IReadOnlyList<ProcessedMessage> processed)
    {
        // Not cancellable: the CRM has these messages, and a decision that is not written down cannot be explained later.
        List<ProcessedMessage> done = [.. processed.Where(p => p.Decision.Action is not (DecisionAction.Deferred or DecisionAction.Quarantined))];
        if (done.Count > 0)
            await state.RecordAsync(mailbox, done, null, CancellationToken.None).ConfigureAwait(false);
        List<Decision> deferred = [.. processed.Where(p => p.Decision.Action == DecisionAction.Deferred).Select(p => p.Decision)];
        if (deferred.Count > 0)
            await state.RecordDecisionsAsync(deferred, CancellationToken.None).ConfigureAwait(false);
    }

    private static async ValueTask<bool> SettleAsync(IMailboxSession session, MessageRef message, DecisionAction action, PollTarget target, CancellationToken cancellationToken)
    {
        Settlement how = target.Policy.SettlementAfter(action);
        if (how.Kind != SettlementKinds.Keep)
            await session.SettleAsync(message, how, cancellationToken).ConfigureAwait(false);
        return true;
    }

    private static void RequireSettlements(IMailboxSession session, PollTarget target)
    {
        foreach (Settlement how in (Settlement[])[target.Policy.Settlement, target.Policy.UntrackedSettlement, target.Policy.UndeliverableSettlement])
        {
            if (!session.Settlements.HasFlag(how.Kind))
            {
                throw new RouterException(new RouterError(
                    "RouterSettlementUnsupported",
                    "Settle",
                    $"The mail server of {target.Policy.Key.Address} ({target.System.Name}) cannot do the settlement {how.Kind}; it can do: {session.Settlements}.",
                    "Choose another settlement in the incoming profile.",
                    false));
            }
        }
    }

    private static RouterError BusyError(MailboxKey mailbox) => new(
        "RouterMailboxBusy",
        "Lease",
        $"Another router is polling {mailbox.Address} of deployment {mailbox.Deployment}.",
        "Wait for it to end; a lease that nobody renews ends by itself within two minutes.",
        true);
}

using System.Collections.Concurrent;
using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Outgoing;

/// <summary>
/// Sends the pending emails of one deployment: claim → journal → compose → send → write back. The journal is written before the first byte and before the
/// last one, so that after a crash it is known of every email whether it was accepted, was not, or cannot be known.
/// </summary>
/// <param name="deployment">The deployment's name.</param>
/// <param name="organization">Where the emails wait.</param>
/// <param name="state">Journal and decisions.</param>
/// <param name="composer">Makes the messages.</param>
/// <param name="routeOf">Finds the way out for an email by its sender.</param>
/// <param name="options">Attempts, delays, policy.</param>
/// <param name="retries">When to try again.</param>
/// <param name="context">Clock, network and limits for the mail side.</param>
public sealed class OutgoingPipeline(
    string deployment,
    IOrganization organization,
    IRouterState state,
    MessageComposer composer,
    Func<PendingEmail, CancellationToken, ValueTask<SendRoute>> routeOf,
    RoutingOptions options,
    RetrySchedule retries,
    MailContext context)
{
    private const int ClaimSize = 100;

    /// <summary>Sends what is pending.</summary>
    /// <param name="send">Which and how.</param>
    /// <param name="cancellationToken">Stops the sending; claimed emails that were not begun go back to Pending Send.</param>
    /// <returns>What was done. Errors of mail servers are in the result, not thrown.</returns>
    /// <exception cref="CrmException">The organization cannot be reached at all.</exception>
    /// <exception cref="OperationCanceledException">The sending was stopped.</exception>
    public async Task<SendResult> SendAsync(SendOptions send, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(send);
        long started = context.Clock.GetTimestamp();
        var run = new SendRun(send);
        OrganizationSettings settings = await organization.GetSettingsAsync(cancellationToken).ConfigureAwait(false);
        SenderPool pool = new(context with { ProtocolLog = send.ProtocolLog ?? context.ProtocolLog });
        await using (pool.ConfigureAwait(false))
        {
            RoutingOptions policy = Policy(send);
            var sender = new EmailSender(state, composer, new EarlierAttempt(policy, pool), new ReceiptJudge(policy, retries), pool);
            while (run.Room(ClaimSize) is > 0 and int room && (send.MaxDuration is not { } limit || context.Clock.GetElapsedTime(started) < limit))
            {
                IReadOnlyList<PendingEmail> claimed = await organization.ClaimPendingAsync(Request(send, room, run), cancellationToken).ConfigureAwait(false);
                if (claimed.Count == 0)
                    break;
                run.Claimed += claimed.Count;
                await SendClaimedAsync(claimed, settings, sender, send, run, cancellationToken).ConfigureAwait(false);
                if (send.DryRun)
                    break;
            }
        }

        return run.Finish(deployment, context.Clock.GetElapsedTime(started));
    }

    private RoutingOptions Policy(SendOptions send) => send.SendAgainWhenUncertain ? options with { WhenUncertain = UncertainPolicy.SendAgain } : options;

    private ClaimRequest Request(SendOptions send, int room, SendRun run) => new()
    {
        MaxCount = room,

        // Whoever waits shares the claim, by turns. Nobody's part is smaller than what is free: a claim costs requests to the CRM.
        MaxPerSender = room,
        ActivityIds = send.ActivityIds,
        Senders = send.Senders,
        StuckAfter = send.SendAgainWhenUncertain ? TimeSpan.Zero : options.StuckAfter,
        PeekOnly = send.DryRun,
        ExceptActivityIds = [.. run.Released.Keys],
    };

    private async Task SendClaimedAsync(
        IReadOnlyList<PendingEmail> claimed, OrganizationSettings settings, EmailSender sender, SendOptions send, SendRun run, CancellationToken cancellationToken)
    {
        var open = new ConcurrentDictionary<Guid, PendingEmail>(claimed.Select(c => KeyValuePair.Create(c.ActivityId, c)));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var writeBacks = new ConcurrentBag<Task>();
        try
        {
            IReadOnlyList<SendAttempt> attempts = await PrepareAsync(claimed, send, cancellationToken).ConfigureAwait(false);
            var degree = new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, send.ThrottleLimit), CancellationToken = stop.Token };
            try
            {
                // The next email does not wait until this one is written back, so an organization on the network is told of many at once. What the answer was
                // is in the journal by then.
                await Parallel.ForEachAsync(attempts, degree, async (attempt, token) =>
                    writeBacks.Add(WriteBackAsync(attempt, await OneAsync(attempt, settings, sender, send.DryRun, run, token).ConfigureAwait(false)))).ConfigureAwait(false);
            }
            finally
            {
                await Task.WhenAll(writeBacks).ConfigureAwait(false);
            }
        }
        finally
        {
            // Stopped or broken: what was claimed and not begun must not wait until it counts as stuck.
            if (!send.DryRun)
            {
                foreach (PendingEmail email in open.Values)
                    await organization.CompleteAsync(email, new SendOutcome.Released(), CancellationToken.None).ConfigureAwait(false);
            }
        }

        async Task WriteBackAsync(SendAttempt attempt, SendConclusion conclusion)
        {
            // A held email may count as stuck again before a long run ends; it is looked up once in each.
            if (conclusion.Outcome is SendOutcome.Uncertain)
                run.Released[attempt.Email.ActivityId] = true;
            try
            {
                // Not cancellable: the mail server has answered, and the answer must not be lost.
                if (!send.DryRun)
                    await organization.CompleteAsync(attempt.Email, conclusion.Outcome, CancellationToken.None).ConfigureAwait(false);
                open.TryRemove(attempt.Email.ActivityId, out _);
                run.Add(conclusion.Decision);
            }
            catch
            {
                // What cannot be written back should not become more.
                await stop.CancelAsync().ConfigureAwait(false);
                throw;
            }
        }
    }

    /// <summary>
    /// Reads what the journal says of the claimed emails and, where nothing was accepted and nothing is open, fixes their Message-IDs in it: all of them in
    /// one transaction, before the first byte of any.
    /// </summary>
    private async ValueTask<IReadOnlyList<SendAttempt>> PrepareAsync(IReadOnlyList<PendingEmail> claimed, SendOptions send, CancellationToken cancellationToken)
    {
        IReadOnlyDictionary<Guid, SendJournalEntry> journal =
            await state.GetJournalAsync(deployment, [.. claimed.Select(c => c.ActivityId)], cancellationToken).ConfigureAwait(false);
        List<SendAttempt> attempts = [.. claimed.Select(c => new SendAttempt(deployment, c, journal.GetValueOrDefault(c.ActivityId), context.Clock))];
        bool mayReopen = Policy(send).WhenUncertain == UncertainPolicy.SendAgain;
        List<SendJournalEntry> prepared =
            [.. attempts.Where(a => a.Earlier?.Phase is not SendPhase.Accepted && (mayReopen || a.Earlier?.Phase is not SendPhase.Committing)).Select(a => a.Entry(SendPhase.Prepared))];
        if (!send.DryRun && prepared.Count > 0)
            await state.WriteJournalAsync(prepared, [], cancellationToken).ConfigureAwait(false);
        return attempts;
    }

    private async ValueTask<SendConclusion> OneAsync(
        SendAttempt attempt, OrganizationSettings settings, EmailSender sender, bool dryRun, SendRun run, CancellationToken cancellationToken)
    {
        SendRoute route;
        try
        {
            route = await routeOf(attempt.Email, cancellationToken).ConfigureAwait(false);
        }
        catch (RouterException noRoute)
        {
            return await HoldUpAsync(attempt, noRoute.Error, dryRun, run).ConfigureAwait(false);
        }

        if (run.IsBroken(route, out RouterError? broken))
            return await HoldUpAsync(attempt, broken, dryRun, run).ConfigureAwait(false);
        if (dryRun)
            return new SendConclusion(new SendOutcome.Released(), EmailSender.Foresee(attempt, settings, route));

        try
        {
            return await sender.SendAsync(attempt, settings, route, cancellationToken).ConfigureAwait(false);
        }
        catch (RouterException notFound) when (notFound.Error.ErrorId == EarlierAttempt.LookUpFailedId)
        {
            return await HoldUpAsync(attempt, notFound.Error, dryRun, run).ConfigureAwait(false);
        }
        catch (Exception serverFault) when (serverFault is MailException or RouterException { Error.ErrorId: SentCopyTarget.RefusedId })
        {
            // The server, not the email, is to blame: the route rests for this run, and no attempt is counted.
            RouterError error = RouterError.From(serverFault, "Send");
            run.Break(route, error);
            return await HoldUpAsync(attempt, error, dryRun, run).ConfigureAwait(false);
        }
    }

    private async ValueTask<SendConclusion> HoldUpAsync(SendAttempt attempt, RouterError error, bool dryRun, SendRun run)
    {
        run.Note(error);
        run.Released[attempt.Email.ActivityId] = true;
        Decision decision = attempt.Decide(DecisionAction.Deferred, DecisionReasons.DeferredByServer, $"It waits: {error.Message}") with { Error = error };
        if (!dryRun)
            await state.RecordDecisionsAsync([decision], CancellationToken.None).ConfigureAwait(false);
        return new SendConclusion(new SendOutcome.Released(), decision);
    }
}

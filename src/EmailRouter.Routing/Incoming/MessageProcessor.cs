using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Mime;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming.Forwarding;
using EmailRouter.Routing.State;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Incoming;

/// <summary>
/// Validates, checks and delivers single messages of a mailbox, and says what is to happen when one of them fails. Without a state it is a dry run: it
/// decides and delivers nothing.
/// </summary>
internal sealed class MessageProcessor(
    IOrganization organization,
    IRouterState? state,
    MailboxPolicy policy,
    OrganizationSettings settings,
    RoutingOptions options,
    LoopGuard loops,
    CorrespondentRate? rates,
    TimeProvider clock,
    ForwardMailbox? forward = null)
{
    /// <summary>
    /// Gets how many messages may be worked on at once. Smart matching finds stored emails by likeness, which no id announces, so it needs them in order.
    /// </summary>
    public int MaxConcurrency => settings.EnableSmartMatching ? 1 : organization.MaxConcurrency;

    /// <summary>Reads and validates a message; costs no round trip.</summary>
    /// <exception cref="MailException">This machine, not the message, is to blame: the next one could not be kept either.</exception>
    public PreparedMessage Prepare(FetchedMessage fetched)
    {
        if (fetched.Error is { } error)
        {
            return error.ErrorId switch
            {
                MailException.SpoolFailed => throw error,
                MailException.MessageGone => Decided(fetched, null, DecisionAction.NotTracked, DecisionReasons.MessageGone, "The message disappeared from the mailbox before it was fetched.", []),
                MailException.MessageTooLarge => Decided(fetched, null, forward is null ? DecisionAction.NotTracked : DecisionAction.Undeliverable, DecisionReasons.MessageTooLarge, error.Message, [], RouterError.From(error, "Fetch")),
                _ => new PreparedMessage(fetched) { Failure = error },
            };
        }

        try
        {
            return Read(fetched);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // The parser never fails on bad input; if reading fails all the same, this message is poison and the others are not.
            return new PreparedMessage(fetched) { Failure = failure };
        }
    }

    /// <summary>Checks and delivers a message that validation let through.</summary>
    /// <exception cref="CrmException">The organization, not the message, is to blame.</exception>
    public async ValueTask<Decision> DecideAsync(PreparedMessage prepared, CancellationToken cancellationToken)
    {
        if (prepared.Failure is { } failure)
            return await FailAsync(prepared, RouterError.From(failure, "Fetch"), cancellationToken).ConfigureAwait(false);

        IncomingEmail email = prepared.Email!;
        string step = "Check";
        var evidence = new List<Evidence>(prepared.Evidence);
        try
        {
            if (prepared.Bounce is { } bounce)
            {
                step = "Bounce";
                BounceResult result = await new BounceHandler(organization, state, policy.Key.Deployment, clock).ReportAsync(bounce, cancellationToken).ConfigureAwait(false);
                evidence.AddRange(result.Evidence);
                (string code, string words) = BounceHandler.Explain(result);
                if (!IsAccepted(email))
                    return Decide(email, DecisionAction.NotTracked, code, words, evidence) with { ActivityId = result.ActivityId };
                evidence.Add(new Evidence(code, EvidenceVerdict.Note, words));
                step = "Check";
            }

            MailboxKey read = policy.Key with { Address = prepared.ForwardedBy?.Address ?? policy.Key.Address };
            if (rates is not null && await rates.FindAsync(read, email, counts: state is not null, cancellationToken).ConfigureAwait(false) is { } tooMany)
            {
                evidence.Add(tooMany);
                return Decide(email, DecisionAction.NotTracked, DecisionReasons.CorrespondentRate, $"It looks like two machines answering each other: {tooMany.Text}.", evidence);
            }

            CheckResult check = await organization.CheckAsync(email, cancellationToken).ConfigureAwait(false);
            evidence.AddRange(check.Evidence);
            if (check.Reason == CheckReason.Unknown)
                throw new CrmException("CrmCheckUnknown", "The organization gave no reason for its decision.", "Look into the CRM server's log.") { IsAboutRecord = true };
            if (!check.ShouldDeliver && check.Reason != CheckReason.Duplicate)
                return Decide(email, DecisionAction.NotTracked, check.Reason.ToString(), Explain(check.Reason, evidence), evidence);

            bool duplicate = check.Reason == CheckReason.Duplicate;
            if (state is null)
            {
                return duplicate
                    ? Decide(email, DecisionAction.Duplicate, check.Reason.ToString(), Explain(check.Reason, evidence), evidence) with { ActivityId = check.ExistingActivityId }
                    : Decide(email, DecisionAction.Promoted, check.Reason.ToString(), Explain(check.Reason, evidence), evidence);
            }

            step = "Deliver";
            DeliverResult delivered = await organization.DeliverAsync(email, check, cancellationToken).ConfigureAwait(false);
            evidence.AddRange(delivered.Evidence);
            duplicate |= !delivered.Created;
            string reason = duplicate ? nameof(CheckReason.Duplicate) : check.Reason.ToString();
            return Decide(
                email,
                duplicate ? DecisionAction.Duplicate : DecisionAction.Promoted,
                reason,
                check.Reason != CheckReason.Duplicate && duplicate ? DecisionWords.Explain(CheckReason.Duplicate) : Explain(check.Reason, evidence),
                evidence) with { ActivityId = delivered.ActivityId };
        }
        catch (OperationCanceledException)
        {
            throw;
        }
        catch (CrmException crm) when (!crm.IsAboutRecord)
        {
            throw;      // every other message would fail as well: the poll ends, nothing is counted against this one
        }
        catch (Exception poison)
        {
            return await FailAsync(prepared, RouterError.From(poison, step), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Makes the record of a message that has its decision.</summary>
    public ProcessedMessage Finish(MessageRef message, Decision decision) =>
        new(message.Id, decision with { MessageKey = message.Id }, decision.Action == DecisionAction.Deferred || policy.SettlementAfter(decision).Kind == SettlementKinds.Keep);

    private bool IsAccepted(IncomingEmail email) => settings.AcceptedMessageClasses.Contains(email.MessageClass, StringComparer.OrdinalIgnoreCase);

    private PreparedMessage Read(FetchedMessage fetched)
    {
        MimeMessage message = MimeMessage.Parse(fetched.Content!.Memory);
        var evidence = new List<Evidence>();
        if (policy.Probes is { } probes && probes.IsOn(message))
            return Decided(fetched, Email(message), DecisionAction.NotTracked, DecisionReasons.Probe, "It is the router's own test of a rule; whoever made the test removes it.", evidence);

        bool isWrapped = false;
        CrmMailbox? owner = null;
        if (forward is not null)
        {
            if (loops.FindHops(message) is { } hops)
            {
                evidence.Add(hops);
                return Decided(fetched, Email(message), DecisionAction.Undeliverable, DecisionReasons.MailLoop, $"It goes round in circles: {hops.Text}.", evidence);
            }

            ForwardedMail found = forward.Read(message, evidence);
            (message, isWrapped, owner) = (found.Message, found.IsWrapped, found.Owner);
            if (policy.Probes?.IsOn(message) == true)
                return Decided(fetched, Email(message), DecisionAction.NotTracked, DecisionReasons.Probe, "It is the router's own test of a rule, forwarded; whoever made the test removes it.", evidence);
            if (owner is null)
                return Decided(fetched, Email(message), DecisionAction.Undeliverable, found.Reason, found.Explanation, evidence);
        }

        // What the server says of a wrapper is not what it would have said of the mail in it.
        MessageClassification classification = MessageClassifier.Classify(message, isWrapped ? null : fetched.Message.MessageClass);
        if (classification.Evidence is { } seen)
            evidence.Add(seen);
        IncomingEmail email = IncomingEmailReader.Read(
            message, classification, settings, owner?.Owner ?? policy.Owner, isWrapped ? null : fetched.Message.ReceivedOn, clock.GetUtcNow(), evidence);

        if (policy.ReceivedAfter is { } start && (fetched.Message.ReceivedOn ?? email.ReceivedOn) < start)
        {
            return Decided(
                fetched, email, DecisionAction.NotTracked, DecisionReasons.ReceivedTooEarly, $"It was received on {email.ReceivedOn:u}; the profile reads mail from {start:u} on.", evidence);
        }

        if (loops.Find(message, owner?.Address ?? policy.Key.Address) is { } loop)
        {
            evidence.Add(loop);
            if (loop.Verdict == EvidenceVerdict.Reject)
                return Decided(fetched, email, DecisionAction.NotTracked, DecisionReasons.MailLoop, $"It goes round in circles: {loop.Text}.", evidence);
        }

        if (email.MessageClass.Equals(MessageClassifier.NonDelivery, StringComparison.OrdinalIgnoreCase) && options.Bounces != BounceHandling.Ignore && BounceReader.Read(message, settings, evidence) is { } bounce)
            return new PreparedMessage(fetched) { Email = email, Evidence = evidence, Bounce = bounce, ForwardedBy = owner };

        if (!IsAccepted(email))
        {
            return Decided(
                fetched, email, DecisionAction.NotTracked, DecisionReasons.MessageClassNotTracked, $"Messages of class {email.MessageClass} are not promoted.", evidence);
        }

        return new PreparedMessage(fetched) { Email = email, Evidence = evidence, Threads = Threads(email), ForwardedBy = owner };
    }

    /// <summary>Reads a message that is decided already, for what its decision tells.</summary>
    private IncomingEmail Email(MimeMessage message) =>
        IncomingEmailReader.Read(message, MessageClassifier.Classify(message), settings, null, null, clock.GetUtcNow(), new List<Evidence>());

    /// <summary>An engine of ours says itself in one sentence what came out; of a server that decides only the code is known.</summary>
    private static string Explain(CheckReason reason, List<Evidence> evidence) =>
        evidence.FindLast(e => e.Rule == TrackingRules.Outcome)?.Text ?? DecisionWords.Explain(reason);

    private static HashSet<string> Threads(IncomingEmail email)
    {
        var threads = new HashSet<string>(StringComparer.Ordinal) { email.MessageId };
        threads.UnionWith(email.InReplyTo);
        threads.UnionWith(email.References);
        if (email.ConversationId is { } conversation)
            threads.Add(conversation.ToString("N"));
        return threads;
    }

    private async ValueTask<Decision> FailAsync(PreparedMessage prepared, RouterError error, CancellationToken cancellationToken)
    {
        if (state is null)
            return Decide(prepared, DecisionAction.Deferred, DecisionReasons.TransientError, $"It failed: {error.Message}", error);

        int failures = await state.CountFailureAsync(policy.Key, prepared.Fetched.Message.Id, error, cancellationToken).ConfigureAwait(false);
        if (failures < options.FailuresUntilQuarantine)
        {
            return Decide(
                prepared, DecisionAction.Deferred, DecisionReasons.TransientError, $"It failed {failures} of {options.FailuresUntilQuarantine} times: {error.Message}", error);
        }

        Decision decision = Decide(
            prepared, DecisionAction.Quarantined, DecisionReasons.RepeatedFailure, $"It failed {failures} times and was set aside: {error.Message}", error);
        await state.QuarantineAsync(
            policy.Key, new ProcessedMessage(prepared.Fetched.Message.Id, decision, true), prepared.Fetched.Content?.Memory ?? default, cancellationToken).ConfigureAwait(false);
        return decision;
    }

    private PreparedMessage Decided(
        FetchedMessage fetched, IncomingEmail? email, DecisionAction action, string reason, string explanation, IReadOnlyList<Evidence> evidence, RouterError? error = null) =>
        new(fetched) { Decision = Compose(fetched.Message.Id, email, action, reason, explanation, evidence, error) };

    private Decision Decide(PreparedMessage prepared, DecisionAction action, string reason, string explanation, RouterError error) =>
        Compose(prepared.Fetched.Message.Id, prepared.Email, action, reason, explanation, prepared.Evidence, error);

    private Decision Decide(IncomingEmail email, DecisionAction action, string reason, string explanation, IReadOnlyList<Evidence> evidence) =>
        Compose(null, email, action, reason, explanation, evidence, null);

    private Decision Compose(
        string? messageKey, IncomingEmail? email, DecisionAction action, string reason, string explanation, IReadOnlyList<Evidence> evidence, RouterError? error) => new()
    {
        Id = Guid.NewGuid(),
        On = clock.GetUtcNow(),
        Direction = MailDirection.Incoming,
        Deployment = policy.Key.Deployment,
        Mailbox = policy.Key.Address,
        MessageKey = messageKey,
        MessageId = email?.MessageId,
        Subject = email?.Subject,
        From = email?.From?.Address,
        To = email is null ? [] : [.. email.To.Concat(email.Cc).Select(a => a.Address)],
        Action = action,
        Reason = reason,
        Explanation = explanation,
        Evidence = evidence,
        Error = error,
    };
}

using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Mime;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Outgoing;

/// <summary>Takes one claimed email from its journal to its outcome.</summary>
internal sealed class EmailSender(
    string deployment,
    IOrganization organization,
    IRouterState state,
    MessageComposer composer,
    RoutingOptions options,
    RetrySchedule retries,
    TimeProvider clock,
    SenderPool pool)
{
    private const string JournalRule = "SendJournal";
    private const string ServerRule = "MailServer";
    private const string HeldWords = "It left completely and no answer came back; it stays in Sending until somebody decides.";

    /// <summary>Says what would be done with a pending email, and changes nothing.</summary>
    public Decision Foresee(PendingEmail email, OrganizationSettings settings, SendRoute route)
    {
        var evidence = new List<Evidence>();
        RecipientPolicy.Apply(email, settings, evidence, out (string Reason, string Explanation)? refusal);
        return refusal is { } refused
            ? Decide(email, null, DecisionAction.Failed, refused.Reason, refused.Explanation, evidence)
            : Decide(email, null, DecisionAction.Sent, DecisionReasons.Accepted, $"It would be offered to {route.Endpoint.Path ?? route.Endpoint.Host} (profile {route.Profile}).", evidence);
    }

    /// <summary>Sends an email and writes back what became of it.</summary>
    /// <exception cref="MailException">The server, not the email, is to blame; the claim is still open.</exception>
    public async ValueTask<Decision> SendAsync(PendingEmail email, OrganizationSettings settings, SendRoute route, CancellationToken cancellationToken)
    {
        var evidence = new List<Evidence>();
        string messageId = MessageComposer.MessageIdOf(email);
        SendJournalEntry? journal = await state.GetJournalAsync(deployment, email.ActivityId, cancellationToken).ConfigureAwait(false);
        if (await SettledByJournalAsync(email, journal, evidence, route, cancellationToken).ConfigureAwait(false) is { } settled)
            return settled;

        IReadOnlyList<string> recipients = RecipientPolicy.Apply(email, settings, evidence, out (string Reason, string Explanation)? refusal);
        if (refusal is { } refused)
            return await CompleteAsync(email, new SendOutcome.Failed(refused.Explanation), Decide(email, messageId, DecisionAction.Failed, refused.Reason, refused.Explanation, evidence)).ConfigureAwait(false);

        IReadOnlyList<string> acceptedBefore = journal?.AcceptedRecipients ?? [];
        var entry = new SendJournalEntry(deployment, email.ActivityId, messageId, email.DeliveryAttempts + 1, SendPhase.Prepared, clock.GetUtcNow(), null) { AcceptedRecipients = acceptedBefore };
        MessageBuffer content;
        try
        {
            content = await composer.ComposeAsync(email, messageId, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception unfit) when (unfit is MessageTooLargeException or ArgumentException)
        {
            return await CompleteAsync(
                email, new SendOutcome.Failed(unfit.Message), Decide(email, messageId, DecisionAction.Failed, DecisionReasons.Rejected, $"It cannot be composed: {unfit.Message}", evidence)).ConfigureAwait(false);
        }

        catch (CrmException record) when (record.IsAboutRecord)
        {
            string why = $"It cannot be composed: {record.Message}";
            return await CompleteAsync(
                email,
                new SendOutcome.Failed(why),
                Decide(email, messageId, DecisionAction.Failed, DecisionReasons.Rejected, why, evidence) with { Error = RouterError.From(record, "Compose") }).ConfigureAwait(false);
        }

        using (content)
        {
            await state.WriteJournalAsync(entry, cancellationToken).ConfigureAwait(false);
            SendReceipt receipt;
            try
            {
                receipt = await OfferAsync(email, entry, recipients, content, route, cancellationToken).ConfigureAwait(false);
            }
            catch (MailCommandException address) when (address.ErrorId == MailException.InvalidAddress)
            {
                return await CompleteAsync(
                    email,
                    new SendOutcome.Failed(address.Message),
                    Decide(email, messageId, DecisionAction.Failed, DecisionReasons.RecipientNotAllowed, address.Message, evidence) with { Error = RouterError.From(address, "Send") }).ConfigureAwait(false);
            }

            return await WriteBackAsync(email, entry, receipt, evidence).ConfigureAwait(false);
        }
    }

    /// <summary>What the journal of an earlier attempt already settles.</summary>
    private async ValueTask<Decision?> SettledByJournalAsync(
        PendingEmail email, SendJournalEntry? journal, List<Evidence> evidence, SendRoute route, CancellationToken cancellationToken)
    {
        switch (journal?.Phase)
        {
            case SendPhase.Accepted:
                evidence.Add(new Evidence(JournalRule, EvidenceVerdict.Reject, $"attempt {journal.Attempt} of {journal.On:u} was accepted: {journal.Reply}"));
                return await CompleteAsync(
                    email,
                    new SendOutcome.Sent(journal.MessageId, journal.On),
                    Decide(email, journal.MessageId, DecisionAction.Sent, DecisionReasons.AlreadySent, "An earlier attempt was accepted; it was not sent again.", evidence)).ConfigureAwait(false);
            case SendPhase.Committing when options.WhenUncertain != UncertainPolicy.SendAgain:
                evidence.Add(new Evidence(JournalRule, EvidenceVerdict.Reject, $"attempt {journal.Attempt} of {journal.On:u} was cut off while the last byte was on its way"));
                return await LookUpAsync(email, journal, evidence, route, cancellationToken).ConfigureAwait(false);
            default:
                evidence.Add(new Evidence(JournalRule, EvidenceVerdict.Match, journal is null ? "no earlier attempt" : $"attempt {journal.Attempt} was not accepted: {journal.Reply}"));
                return null;
        }
    }

    /// <summary>Asks the mail system whether a message of unknown outcome was accepted. Null: it was not, and may be sent again.</summary>
    private async ValueTask<Decision?> LookUpAsync(PendingEmail email, SendJournalEntry journal, List<Evidence> evidence, SendRoute route, CancellationToken cancellationToken)
    {
        bool? found = await FindSentAsync(journal.MessageId, route, cancellationToken).ConfigureAwait(false);
        if (found == false && clock.GetUtcNow() - journal.On < options.StuckAfter)
        {
            // The message may still be on its way to where it was looked for.
            evidence.Add(new Evidence(ServerRule, EvidenceVerdict.NoMatch, $"{journal.MessageId} is not among what was sent yet"));
            return await CompleteAsync(email, Held(journal.MessageId), Decide(email, journal.MessageId, DecisionAction.Uncertain, DecisionReasons.AnswerLost, HeldWords, evidence)).ConfigureAwait(false);
        }

        switch (found)
        {
            case true:
                evidence.Add(new Evidence(ServerRule, EvidenceVerdict.Match, $"{journal.MessageId} was found among what was sent"));
                return await CompleteAsync(
                    email,
                    new SendOutcome.Sent(journal.MessageId, journal.On),
                    Decide(email, journal.MessageId, DecisionAction.Sent, DecisionReasons.AlreadySent, "An earlier attempt had been accepted; it was not sent again.", evidence)).ConfigureAwait(false);
            case false:
                evidence.Add(new Evidence(ServerRule, EvidenceVerdict.NoMatch, $"{journal.MessageId} is not among what was sent, so it is sent now"));
                return null;
            default:
                evidence.Add(new Evidence(ServerRule, EvidenceVerdict.Skipped, "this mail system cannot tell whether a message was sent"));
                return await CompleteAsync(email, Held(journal.MessageId), Decide(email, journal.MessageId, DecisionAction.Uncertain, DecisionReasons.AnswerLost, HeldWords, evidence)).ConfigureAwait(false);
        }
    }

    private async ValueTask<bool?> FindSentAsync(string messageId, SendRoute route, CancellationToken cancellationToken)
    {
        if (pool.CopiesOf(route) is { } copies)
            return await copies.WasSentAsync(messageId, cancellationToken).ConfigureAwait(false);

        SenderPool.Rented rented = await pool.RentAsync(route, cancellationToken).ConfigureAwait(false);
        await using (rented.ConfigureAwait(false))
        {
            bool? found = rented.Sender is ISentLookup lookup ? await lookup.WasSentAsync(messageId, cancellationToken).ConfigureAwait(false) : null;
            rented.Keep();
            return found;
        }
    }

    private async ValueTask<SendReceipt> OfferAsync(
        PendingEmail email, SendJournalEntry entry, IReadOnlyList<string> recipients, MessageBuffer content, SendRoute route, CancellationToken cancellationToken)
    {
        bool committing = false;
        List<string> open = [.. recipients.Except(entry.AcceptedRecipients, StringComparer.OrdinalIgnoreCase)];
        string? copy = route.SentCopy is { } target && !open.Contains(target.Address, StringComparer.OrdinalIgnoreCase) ? target.Address : null;
        var message = new OutgoingMessage
        {
            EnvelopeFrom = email.FromAddress,
            Recipients = copy is null ? open : [copy, .. open],
            MessageId = entry.MessageId,
            Content = content,
            EnvelopeId = email.ActivityId.ToString("N"),
            Notify = email.DeliveryReceiptRequested ? DeliveryNotifications.Success | DeliveryNotifications.Failure : DeliveryNotifications.Default,
            BeforeCommit = (taken, stop) =>
            {
                if (copy is not null && !taken.Contains(copy, StringComparer.OrdinalIgnoreCase))
                    throw SentCopyRefused(copy, route);
                if (!open.Exists(o => taken.Contains(o, StringComparer.OrdinalIgnoreCase)))
                    return ValueTask.CompletedTask;      // only the copy would leave: nothing that must not happen twice
                committing = true;
                return state.WriteJournalAsync(entry with { Phase = SendPhase.Committing, On = clock.GetUtcNow() }, stop);
            },
        };

        SenderPool.Rented rented = await pool.RentAsync(route, cancellationToken).ConfigureAwait(false);
        await using (rented.ConfigureAwait(false))
        {
            try
            {
                SendReceipt receipt = await rented.Sender.SendAsync(message, cancellationToken).ConfigureAwait(false);
                if (receipt.Status != SendStatus.Uncertain)
                    rented.Keep();
                return copy is null ? receipt : WithoutCopy(receipt, copy);
            }
            catch when (committing)
            {
                // An exception means that nothing was accepted, so the journal must not leave it open.
                await state.WriteJournalAsync(entry with { Phase = SendPhase.NotAccepted, On = clock.GetUtcNow(), Reply = "stopped before the last byte" }, CancellationToken.None)
                    .ConfigureAwait(false);
                throw;
            }
        }
    }

    private static RouterException SentCopyRefused(string copy, SendRoute route) => new(new RouterError(
        "RouterSentCopyRefused",
        "Send",
        $"{route.Endpoint.Host} does not take mail for {copy}, the mailbox of sent copies of the profile {route.Profile}, so nothing is sent through it.",
        "Correct the mailbox of sent copies, or remove it from the profile.",
        true));

    /// <summary>The copy is the router's own business; the outcome is that of the recipients.</summary>
    private static SendReceipt WithoutCopy(SendReceipt receipt, string copy)
    {
        List<RecipientResult> own = [.. receipt.Recipients.Where(r => !r.Address.Equals(copy, StringComparison.OrdinalIgnoreCase))];
        bool refused = receipt.Status == SendStatus.Accepted && own.TrueForAll(r => r.Status != SendStatus.Accepted);
        return receipt with
        {
            Recipients = own,
            Status = !refused ? receipt.Status : own.Exists(r => r.Status == SendStatus.Deferred) ? SendStatus.Deferred : SendStatus.Rejected,
            Reply = refused && own.Count > 0 ? own[0].Reply : receipt.Reply,
        };
    }

    private async ValueTask<Decision> WriteBackAsync(PendingEmail email, SendJournalEntry entry, SendReceipt receipt, List<Evidence> evidence)
    {
        foreach (RecipientResult recipient in receipt.Recipients)
            evidence.Add(new Evidence(ServerRule, recipient.Status == SendStatus.Accepted ? EvidenceVerdict.Match : EvidenceVerdict.Reject, $"{recipient.Address}: {recipient.Status}: {recipient.Reply}"));

        DateTimeOffset now = clock.GetUtcNow();
        List<string> accepted = [.. entry.AcceptedRecipients, .. receipt.Recipients.Where(r => r.Status == SendStatus.Accepted).Select(r => r.Address)];
        bool someDeferred = receipt.Recipients.Any(r => r.Status == SendStatus.Deferred);
        bool someRejected = receipt.Recipients.Any(r => r.Status == SendStatus.Rejected);

        if (receipt.Status == SendStatus.Uncertain)
        {
            if (options.WhenUncertain == UncertainPolicy.SendAgain)
                return await RetryAsync(email, entry, receipt, evidence, DecisionReasons.AnswerLost).ConfigureAwait(false);
            return await CompleteAsync(email, Held(entry.MessageId), Decide(email, entry.MessageId, DecisionAction.Uncertain, DecisionReasons.AnswerLost, HeldWords, evidence)).ConfigureAwait(false);
        }

        SendPhase phase = receipt.Status == SendStatus.Accepted && !someDeferred ? SendPhase.Accepted : SendPhase.NotAccepted;
        SendJournalEntry answered = entry with { Phase = phase, On = now, Reply = receipt.Reply, AcceptedRecipients = accepted };
        await state.WriteJournalAsync(answered, CancellationToken.None).ConfigureAwait(false);

        if (someDeferred || receipt.Status == SendStatus.Deferred)
            return await RetryAsync(email, answered, receipt, evidence, DecisionReasons.DeferredByServer).ConfigureAwait(false);
        if (accepted.Count == 0 && IsPolicy(receipt))
            return await RetryAsync(email, answered, receipt, evidence, DecisionReasons.RefusedByPolicy).ConfigureAwait(false);
        if (accepted.Count == 0)
        {
            string why = $"The mail server refused it: {receipt.Reply}";
            return await CompleteAsync(email, new SendOutcome.Failed(why), Decide(email, entry.MessageId, DecisionAction.Failed, DecisionReasons.Rejected, why, evidence)).ConfigureAwait(false);
        }

        return await CompleteAsync(
            email,
            new SendOutcome.Sent(entry.MessageId, now),
            Decide(
                email,
                entry.MessageId,
                DecisionAction.Sent,
                someRejected ? DecisionReasons.PartlyAccepted : DecisionReasons.Accepted,
                someRejected ? $"The mail server accepted it for {accepted.Count} recipients and refused the others." : $"The mail server accepted it: {receipt.Reply}",
                evidence)).ConfigureAwait(false);
    }

    /// <summary>Enhanced codes x.7.y are about permission (RFC 3463 3.8): a person changes it at the server, and then the same message goes through.</summary>
    private static bool IsPolicy(SendReceipt receipt) => receipt.Recipients.Count > 0 && receipt.Recipients.All(r => r.Reply.Contains(" 5.7.", StringComparison.Ordinal));

    private async ValueTask<Decision> RetryAsync(PendingEmail email, SendJournalEntry entry, SendReceipt receipt, List<Evidence> evidence, string reason)
    {
        int attempts = email.DeliveryAttempts + 1;
        if (attempts >= options.MaxDeliveryAttempts)
        {
            string spent = $"All {attempts} attempts are used up; the last answer was: {receipt.Reply}";
            return await CompleteAsync(email, new SendOutcome.Failed(spent), Decide(email, entry.MessageId, DecisionAction.Failed, DecisionReasons.AttemptsExhausted, spent, evidence)).ConfigureAwait(false);
        }

        DateTimeOffset next = retries.Next(attempts, receipt.RetryAfter);
        return await CompleteAsync(
            email,
            new SendOutcome.Retry(entry.MessageId, next, receipt.Reply),
            Decide(email, entry.MessageId, DecisionAction.Deferred, reason, $"Attempt {attempts} of {options.MaxDeliveryAttempts}: {receipt.Reply}; again at {next:u}.", evidence)).ConfigureAwait(false);
    }

    private static SendOutcome.Uncertain Held(string messageId) => new(messageId, HeldWords);

    // Not cancellable: the mail server has answered, and the answer must not be lost.
    private async ValueTask<Decision> CompleteAsync(PendingEmail email, SendOutcome outcome, Decision decision)
    {
        await organization.CompleteAsync(email, outcome, CancellationToken.None).ConfigureAwait(false);
        await state.RecordDecisionsAsync([decision], CancellationToken.None).ConfigureAwait(false);
        return decision;
    }

    private Decision Decide(PendingEmail email, string? messageId, DecisionAction action, string reason, string explanation, IReadOnlyList<Evidence> evidence) =>
        OutgoingDecision.Compose(deployment, email, messageId, action, reason, explanation, evidence, clock.GetUtcNow());
}

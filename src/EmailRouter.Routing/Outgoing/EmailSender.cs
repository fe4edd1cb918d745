using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Mime;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Outgoing;

/// <summary>Takes one claimed email from its journal to its outcome.</summary>
internal sealed class EmailSender(IRouterState state, MessageComposer composer, EarlierAttempt earlier, ReceiptJudge judge, SenderPool pool)
{
    /// <summary>Says what would be done with a pending email, and changes nothing.</summary>
    public static Decision Foresee(SendAttempt attempt, OrganizationSettings settings, SendRoute route)
    {
        RecipientPolicy.Apply(attempt.Email, settings, attempt.Evidence, out (string Reason, string Explanation)? refusal);
        return refusal is { } refused
            ? attempt.Decide(DecisionAction.Failed, refused.Reason, refused.Explanation)
            : attempt.Decide(
                DecisionAction.Sent, DecisionReasons.Accepted, $"It would be offered to {route.Endpoint.Path ?? route.Endpoint.Host} (profile {route.Profile}).");
    }

    /// <summary>Sends an email and journals what became of it, for the caller to write back. Its journal says "prepared" already.</summary>
    /// <exception cref="MailException">The server, not the email, is to blame; the claim is still open.</exception>
    public async ValueTask<SendConclusion> SendAsync(SendAttempt attempt, OrganizationSettings settings, SendRoute route, CancellationToken cancellationToken)
    {
        SendConclusion conclusion = await earlier.SettleAsync(attempt, route, cancellationToken).ConfigureAwait(false)
            ?? await ConcludeAsync(attempt, settings, route, cancellationToken).ConfigureAwait(false);

        // Not cancellable: the mail server has answered, and the answer must not be lost. The journal comes before the CRM: should that fail, it knows next time.
        await state.WriteJournalAsync(conclusion.Answer is { } answer ? [answer] : [], [conclusion.Decision], CancellationToken.None).ConfigureAwait(false);
        return conclusion;
    }

    private async ValueTask<SendConclusion> ConcludeAsync(
        SendAttempt attempt, OrganizationSettings settings, SendRoute route, CancellationToken cancellationToken)
    {
        IReadOnlyList<string> recipients = RecipientPolicy.Apply(attempt.Email, settings, attempt.Evidence, out (string Reason, string Explanation)? refusal);
        if (refusal is { } refused)
            return attempt.Failed(refused.Reason, refused.Explanation);

        if (attempt.AcceptedBefore.Count > 0 && !recipients.Except(attempt.AcceptedBefore, StringComparer.OrdinalIgnoreCase).Any())
        {
            // Sent once more after it came back from somebody who is no recipient any more.
            attempt.Note("SendJournal", EvidenceVerdict.Reject, "earlier attempts were accepted for every recipient");
            return attempt.Sent(attempt.Now, DecisionReasons.AlreadySent, "Earlier attempts were accepted for every recipient; it was not sent again.") with
            {
                Answer = attempt.Entry(SendPhase.Accepted, attempt.Earlier?.Reply),
            };
        }

        MessageBuffer content;
        try
        {
            content = await composer.ComposeAsync(attempt.Email, attempt.MessageId, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception unfit) when (unfit is MessageTooLargeException or ArgumentException or CrmException { IsAboutRecord: true })
        {
            return attempt.Failed(DecisionReasons.Rejected, $"It cannot be composed: {unfit.Message}", RouterError.From(unfit, "Compose"));
        }

        using (content)
        {
            try
            {
                return judge.Judge(attempt, await OfferAsync(attempt, recipients, content, route, cancellationToken).ConfigureAwait(false));
            }
            catch (MailCommandException address) when (address.ErrorId == MailException.InvalidAddress)
            {
                return attempt.Failed(DecisionReasons.RecipientNotAllowed, address.Message, RouterError.From(address, "Send"));
            }
        }
    }

    private async ValueTask<SendReceipt> OfferAsync(
        SendAttempt attempt, IReadOnlyList<string> recipients, MessageBuffer content, SendRoute route, CancellationToken cancellationToken)
    {
        bool committing = false;
        PendingEmail email = attempt.Email;
        List<string> open = [.. recipients.Except(attempt.AcceptedBefore, StringComparer.OrdinalIgnoreCase)];
        string? copy = route.SentCopy is { } target && !open.Contains(target.Address, StringComparer.OrdinalIgnoreCase) ? target.Address : null;
        var message = new OutgoingMessage
        {
            EnvelopeFrom = email.FromAddress,
            Recipients = copy is null ? open : [copy, .. open],
            MessageId = attempt.MessageId,
            Content = content,
            EnvelopeId = email.ActivityId.ToString("N"),
            Notify = email.DeliveryReceiptRequested ? DeliveryNotifications.Success | DeliveryNotifications.Failure : DeliveryNotifications.Default,
            IsRepeated = attempt.Earlier is not null,
            BeforeCommit = (taken, stop) =>
            {
                if (copy is not null && !taken.Contains(copy, StringComparer.OrdinalIgnoreCase))
                    throw SentCopyTarget.Refused(copy, route);
                if (!open.Exists(o => taken.Contains(o, StringComparer.OrdinalIgnoreCase)))
                    return ValueTask.CompletedTask;      // only the copy would leave: nothing that must not happen twice
                committing = true;
                return state.WriteJournalAsync([attempt.Entry(SendPhase.Committing)], [], stop);
            },
        };

        if (route.Pace is { } pace)
            await pace.WaitAsync(message.Recipients.Count, state, cancellationToken).ConfigureAwait(false);
        SenderPool.Rented rented = await pool.RentAsync(route, message, cancellationToken).ConfigureAwait(false);
        await using (rented.ConfigureAwait(false))
        {
            try
            {
                SendReceipt receipt = await rented.SendAsync(message, cancellationToken).ConfigureAwait(false);
                if (receipt.Status != SendStatus.Uncertain)
                    rented.Keep();
                return copy is null ? receipt : SentCopyTarget.Without(copy, receipt);
            }
            catch when (committing)
            {
                // An exception means that nothing was accepted, so the journal must not leave it open.
                SendJournalEntry stopped = attempt.Entry(SendPhase.NotAccepted, "stopped before the last byte");
                await state.WriteJournalAsync([stopped], [], CancellationToken.None).ConfigureAwait(false);
                throw;
            }
        }
    }
}

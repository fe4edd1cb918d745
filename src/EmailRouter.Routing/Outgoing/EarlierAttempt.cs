using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Outgoing;

/// <summary>Settles what became of an earlier attempt, so that nothing is sent that may have left already.</summary>
internal sealed class EarlierAttempt(RoutingOptions options, SenderPool pool)
{
    /// <summary>The id of the error that the place where sent copies lie cannot be read.</summary>
    public const string LookUpFailedId = "RouterSentLookUpFailed";

    private const string JournalRule = "SendJournal";
    private const string ServerRule = "MailServer";

    /// <summary>Looks into the journal and, where that does not know, asks the mail system.</summary>
    /// <returns>The conclusion; null when the email was certainly not sent and may be sent now.</returns>
    /// <exception cref="MailException">The mail system that sends cannot be reached.</exception>
    /// <exception cref="RouterException"><see cref="LookUpFailedId"/>: the mailbox or folder of sent copies cannot be read, which keeps no other email from being sent.</exception>
    public async ValueTask<SendConclusion?> SettleAsync(SendAttempt attempt, SendRoute route, CancellationToken cancellationToken)
    {
        switch (attempt.Earlier)
        {
            case { Phase: SendPhase.Accepted } accepted:
                attempt.Note(JournalRule, EvidenceVerdict.Reject, $"attempt {accepted.Attempt} of {accepted.On:u} was accepted: {accepted.Reply}");
                return attempt.Sent(accepted.On, DecisionReasons.AlreadySent, "An earlier attempt was accepted; it was not sent again.");
            case { Phase: SendPhase.Committing } open when options.WhenUncertain != UncertainPolicy.SendAgain:
                attempt.Note(JournalRule, EvidenceVerdict.Reject, $"attempt {open.Attempt} of {open.On:u} was cut off while the last byte was on its way");
                return await LookUpAsync(attempt, open, route, cancellationToken).ConfigureAwait(false);
            case { } other:
                attempt.Note(JournalRule, EvidenceVerdict.Match, $"attempt {other.Attempt} was not accepted: {other.Reply}");
                return null;
            default:
                attempt.Note(JournalRule, EvidenceVerdict.Match, "no earlier attempt");
                return null;
        }
    }

    private async ValueTask<SendConclusion?> LookUpAsync(SendAttempt attempt, SendJournalEntry open, SendRoute route, CancellationToken cancellationToken)
    {
        switch (await FindSentAsync(open.MessageId, route, cancellationToken).ConfigureAwait(false))
        {
            case true:
                attempt.Note(ServerRule, EvidenceVerdict.Match, $"{open.MessageId} was found among what was sent");
                return attempt.Sent(open.On, DecisionReasons.AlreadySent, "An earlier attempt had been accepted; it was not sent again.");
            case false when attempt.Now - open.On < options.StuckAfter:
                // The message may still be on its way to where it was looked for.
                attempt.Note(ServerRule, EvidenceVerdict.NoMatch, $"{open.MessageId} is not among what was sent yet");
                return attempt.Held();
            case false:
                attempt.Note(ServerRule, EvidenceVerdict.NoMatch, $"{open.MessageId} is not among what was sent, so it is sent now");
                return null;
            default:
                attempt.Note(ServerRule, EvidenceVerdict.Skipped, route.SentFolder is { Login.Mailbox: { } mailbox }
                    ? $"{open.MessageId} is not in the folder of sent mail of {mailbox}, which does not prove that it was not sent"
                    : "this mail system cannot tell whether a message was sent");
                return attempt.Held();
        }
    }

    private async ValueTask<bool?> FindSentAsync(string messageId, SendRoute route, CancellationToken cancellationToken)
    {
        if (((ISentLookup?)pool.CopiesOf(route) ?? pool.FolderOf(route)) is { } elsewhere)
        {
            try
            {
                return await elsewhere.WasSentAsync(messageId, cancellationToken).ConfigureAwait(false);
            }
            catch (MailException e)
            {
                throw new RouterException(
                    new RouterError(LookUpFailedId, "LookUp", $"Whether {messageId} was sent cannot be looked up: {e.Message}", e.Remedy, e.IsTransient), e);
            }
        }

        SenderPool.Rented rented = await pool.RentAsync(route, null, cancellationToken).ConfigureAwait(false);
        await using (rented.ConfigureAwait(false))
        {
            bool? found = rented.Sender is ISentLookup lookup ? await lookup.WasSentAsync(messageId, cancellationToken).ConfigureAwait(false) : null;
            rented.Keep();
            return found;
        }
    }
}

using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Outgoing;

/// <summary>Judges what the mail server answered: sent, again later, or never.</summary>
internal sealed class ReceiptJudge(RoutingOptions options, RetrySchedule retries)
{
    private const string Rule = "MailServer";

    /// <summary>Draws the conclusion.</summary>
    public SendConclusion Judge(SendAttempt attempt, SendReceipt receipt)
    {
        foreach (RecipientResult recipient in receipt.Recipients)
        {
            EvidenceVerdict verdict = recipient.Status == SendStatus.Accepted ? EvidenceVerdict.Match : EvidenceVerdict.Reject;
            attempt.Note(Rule, verdict, $"{recipient.Address}: {recipient.Status}: {recipient.Reply}");
        }

        // The journal keeps saying "committing": nobody knows more than that.
        if (receipt.Status == SendStatus.Uncertain)
            return options.WhenUncertain == UncertainPolicy.SendAgain ? Again(attempt, receipt, DecisionReasons.AnswerLost) : attempt.Held();

        bool someDeferred = receipt.Recipients.Any(r => r.Status == SendStatus.Deferred);
        SendPhase phase = receipt.Status == SendStatus.Accepted && !someDeferred ? SendPhase.Accepted : SendPhase.NotAccepted;
        List<string> accepted = [.. attempt.AcceptedBefore, .. receipt.Recipients.Where(r => r.Status == SendStatus.Accepted).Select(r => r.Address)];
        SendJournalEntry answer = attempt.Entry(phase, receipt.Reply) with { AcceptedRecipients = accepted };
        return Conclude(attempt, receipt, accepted.Count, someDeferred) with { Answer = answer };
    }

    private SendConclusion Conclude(SendAttempt attempt, SendReceipt receipt, int accepted, bool someDeferred)
    {
        if (someDeferred || receipt.Status == SendStatus.Deferred)
            return Again(attempt, receipt, DecisionReasons.DeferredByServer);
        if (accepted == 0)
        {
            return IsPolicy(receipt)
                ? Again(attempt, receipt, DecisionReasons.RefusedByPolicy)
                : attempt.Failed(DecisionReasons.Rejected, $"The mail server refused it: {receipt.Reply}");
        }

        return receipt.Recipients.Any(r => r.Status == SendStatus.Rejected)
            ? attempt.Sent(attempt.Now, DecisionReasons.PartlyAccepted, $"The mail server accepted it for {accepted} recipients and refused the others.")
            : attempt.Sent(attempt.Now, DecisionReasons.Accepted, $"The mail server accepted it: {receipt.Reply}");
    }

    private SendConclusion Again(SendAttempt attempt, SendReceipt receipt, string reason)
    {
        if (attempt.Number >= options.MaxDeliveryAttempts)
        {
            return attempt.Failed(
                DecisionReasons.AttemptsExhausted, $"All {attempt.Number} attempts are used up; the last answer was: {receipt.Reply}");
        }

        DateTimeOffset next = retries.Next(attempt.Number, receipt.RetryAfter);
        return attempt.Retry(
            next, reason, receipt.Reply, $"Attempt {attempt.Number} of {options.MaxDeliveryAttempts}: {receipt.Reply}; again at {next:u}.");
    }

    /// <summary>
    /// Enhanced codes x.7.y are about permission (RFC 3463 3.8): a person changes it at the server, and then the same message goes through.
    /// </summary>
    private static bool IsPolicy(SendReceipt receipt) =>
        receipt.Recipients.Count > 0 && receipt.Recipients.All(r => r.Reply.Contains(" 5.7.", StringComparison.Ordinal));
}

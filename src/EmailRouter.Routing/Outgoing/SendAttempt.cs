using EmailRouter.Crm;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Outgoing;

/// <summary>One claimed email on its way out: what the journal says of it, and what is learned as it goes.</summary>
internal sealed class SendAttempt(string deployment, PendingEmail email, SendJournalEntry? earlier, TimeProvider clock)
{
    private const string HeldWords = "It left completely and no answer came back; it stays in Sending until somebody decides.";

    public PendingEmail Email => email;

    /// <summary>Gets what the journal says of earlier attempts; null when there was none.</summary>
    public SendJournalEntry? Earlier => earlier;

    public string MessageId { get; } = MessageComposer.MessageIdOf(email);

    public int Number => email.DeliveryAttempts + 1;

    /// <summary>Gets the recipients that an earlier attempt got accepted.</summary>
    public IReadOnlyList<string> AcceptedBefore => earlier?.AcceptedRecipients ?? [];

    public List<Evidence> Evidence { get; } = [];

    public DateTimeOffset Now => clock.GetUtcNow();

    public void Note(string rule, EvidenceVerdict verdict, string text) => Evidence.Add(new Evidence(rule, verdict, text));

    /// <summary>Makes the journal's entry for a phase.</summary>
    public SendJournalEntry Entry(SendPhase phase, string? reply = null) =>
        new(deployment, email.ActivityId, MessageId, Number, phase, Now, reply) { AcceptedRecipients = AcceptedBefore };

    public SendConclusion Sent(DateTimeOffset on, string reason, string explanation) =>
        new(new SendOutcome.Sent(MessageId, on), Decide(DecisionAction.Sent, reason, explanation));

    public SendConclusion Failed(string reason, string explanation, RouterError? error = null) =>
        new(new SendOutcome.Failed(explanation), Decide(DecisionAction.Failed, reason, explanation) with { Error = error });

    public SendConclusion Retry(DateTimeOffset next, string reason, string reply, string explanation) =>
        new(new SendOutcome.Retry(MessageId, next, reply), Decide(DecisionAction.Deferred, reason, explanation));

    public SendConclusion Held() =>
        new(new SendOutcome.Uncertain(MessageId, HeldWords), Decide(DecisionAction.Uncertain, DecisionReasons.AnswerLost, HeldWords));

    public Decision Decide(DecisionAction action, string reason, string explanation) => new()
    {
        Id = Guid.NewGuid(),
        On = Now,
        Direction = MailDirection.Outgoing,
        Deployment = deployment,
        Mailbox = email.FromAddress,
        MessageId = MessageId,
        Subject = email.Subject,
        From = email.FromAddress,
        To = [.. email.Parties.Where(IsRecipient).Select(p => p.AddressUsed ?? p.Party?.ToString() ?? string.Empty)],
        Action = action,
        Reason = reason,
        Explanation = explanation,
        Evidence = Evidence,
        ActivityId = email.ActivityId,
    };

    private static bool IsRecipient(ActivityParty party) => party.Role is ParticipationType.To or ParticipationType.Cc or ParticipationType.Bcc;
}

/// <summary>How an attempt ends: what is written into the journal, what is written back to the CRM, and the decision.</summary>
/// <param name="Outcome">For the CRM.</param>
/// <param name="Decision">For the record.</param>
internal sealed record SendConclusion(SendOutcome Outcome, Decision Decision)
{
    /// <summary>Gets the journal's entry about the server's answer; null when no server was asked.</summary>
    public SendJournalEntry? Answer { get; init; }
}

using EmailRouter.Crm;

namespace EmailRouter.Routing.Outgoing;

/// <summary>Makes the decisions about outgoing email.</summary>
internal static class OutgoingDecision
{
    public static Decision Compose(
        string deployment, PendingEmail email, string? messageId, DecisionAction action, string reason, string explanation, IReadOnlyList<Evidence> evidence, DateTimeOffset now) => new()
    {
        Id = Guid.NewGuid(),
        On = now,
        Direction = MailDirection.Outgoing,
        Deployment = deployment,
        Mailbox = email.FromAddress,
        MessageId = messageId ?? email.MessageId,
        Subject = email.Subject,
        From = email.FromAddress,
        To = [.. email.Parties.Where(p => p.Role is ParticipationType.To or ParticipationType.Cc or ParticipationType.Bcc).Select(p => p.AddressUsed ?? p.Party?.ToString() ?? string.Empty)],
        Action = action,
        Reason = reason,
        Explanation = explanation,
        Evidence = evidence,
        ActivityId = email.ActivityId,
    };
}

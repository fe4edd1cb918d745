using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking;

/// <summary>Is the email promoted already? One email that reached several mailboxes is one activity.</summary>
internal static class DuplicateCheck
{
    /// <returns>The incoming email activity that holds the message already, or null.</returns>
    public static StoredEmail? Run(TrackingContext context)
    {
        IncomingEmail email = context.Email;
        EvidenceLog log = context.Log;
        string id = email.IsMessageIdSynthesised ? $"{email.MessageId} (synthesised: the message has none)" : email.MessageId;
        if (!context.Lookup.ByMessageId.TryGetValue(email.MessageId, out StoredEmail? stored))
        {
            log.Note(TrackingRules.DuplicateMessageId, $"No email activity holds Message-ID {id}.");
            return null;
        }

        if (stored.IsOutgoing && stored.ActivityId != email.ActivityId)
        {
            log.Note(
                TrackingRules.DuplicateMessageId,
                $"Message-ID {id} is that of {EvidenceLog.Describe(stored)}: the sender's copy. The copy that is received becomes an activity of its own.");
            return null;
        }

        // The id covers the content: the same Message-ID with another id is another content, or an activity that somebody else created.
        string content = stored.ActivityId == email.ActivityId
            ? "its content is the same"
            : "its content differs (a mailing list's footer, another program that promoted it, or a forged Message-ID)";
        log.Reject(TrackingRules.DuplicateMessageId, $"Message-ID {id} is held by {EvidenceLog.Describe(stored)}; {content}.");
        return stored;
    }
}

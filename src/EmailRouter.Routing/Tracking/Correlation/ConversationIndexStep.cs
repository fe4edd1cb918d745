using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking.Correlation;

/// <summary>Correlation by the conversation id in Thread-Index, which Outlook and Exchange hand on in replies.</summary>
internal static class ConversationIndexStep
{
    public static CorrelationResult? Run(TrackingContext context)
    {
        EvidenceLog log = context.Log;
        if (context.Email.ConversationId is not { } conversation)
        {
            log.NoMatch(
                TrackingRules.CorrelationConversationIndex,
                context.Email.ConversationIndex is null ? "The message has no Thread-Index." : "Thread-Index holds no conversation id that can be read.");
            return null;
        }

        if (context.Lookup.ByConversation is not { } stored || context.IsSelf(stored))
        {
            log.NoMatch(TrackingRules.CorrelationConversationIndex, $"No email activity belongs to conversation {conversation}.");
            return null;
        }

        log.Match(
            TrackingRules.CorrelationConversationIndex,
            $"Thread-Index names conversation {conversation}, as does {EvidenceLog.Describe(stored)}; {Correspondents.Describe(context, stored)}.");
        return new CorrelationResult(CorrelationMethod.ConversationIndex, CorrelationStep.ConversationIndex, stored);
    }
}

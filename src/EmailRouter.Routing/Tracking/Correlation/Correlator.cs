using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking.Correlation;

/// <summary>Runs the steps of correlation in the organization's order until one leads to a stored email.</summary>
internal static class Correlator
{
    public static CorrelationResult Run(TrackingContext context)
    {
        OrganizationSettings settings = context.Settings;
        EvidenceLog log = context.Log;
        CorrelationStep[] order = [.. settings.CorrelationOrder.Distinct()];
        if (context.Email.IsForward && settings.DoNotCorrelateForwards)
        {
            log.Note(TrackingRules.CorrelationForward, "The message forwards another, and the organization does not take forwarded email for replies.");
            log.Skip(Enum.GetValues<CorrelationStep>().Select(RuleOf), "Forwarded email is not correlated.");
            return new CorrelationResult(CorrelationMethod.Skipped);
        }

        log.Note(
            TrackingRules.CorrelationForward,
            context.Email.IsForward ? "The message forwards another; it is correlated like a reply." : "The message is no forward.");
        CorrelationResult? result = null;
        bool wasAsked = false;
        foreach (CorrelationStep step in order)
        {
            if (result is not null)
            {
                log.Skip(RuleOf(step), "An earlier step matched.");
            }
            else if (WhyOff(step, settings) is { } off)
            {
                log.Skip(RuleOf(step), off);
            }
            else
            {
                wasAsked = true;
                result = Ask(step, context);
            }
        }

        log.Skip(Enum.GetValues<CorrelationStep>().Except(order).Select(RuleOf), "The organization's correlation order leaves this step out.");
        return result ?? new CorrelationResult(wasAsked ? CorrelationMethod.None : CorrelationMethod.Skipped);
    }

    public static string RuleOf(CorrelationStep step) => step switch
    {
        CorrelationStep.InReplyTo => TrackingRules.CorrelationInReplyTo,
        CorrelationStep.References => TrackingRules.CorrelationReferences,
        CorrelationStep.TrackingToken => TrackingRules.CorrelationTrackingToken,
        CorrelationStep.ConversationIndex => TrackingRules.CorrelationConversationIndex,
        CorrelationStep.SmartMatching => TrackingRules.CorrelationSmartMatching,
        _ => throw new ArgumentOutOfRangeException(nameof(step), step, "There is no such step."),
    };

    private static CorrelationResult? Ask(CorrelationStep step, TrackingContext context) => step switch
    {
        CorrelationStep.InReplyTo => HeaderSteps.InReplyTo(context),
        CorrelationStep.References => HeaderSteps.References(context),
        CorrelationStep.TrackingToken => TrackingTokenStep.Run(context),
        CorrelationStep.ConversationIndex => ConversationIndexStep.Run(context),
        CorrelationStep.SmartMatching => SmartMatchingStep.Run(context),
        _ => throw new ArgumentOutOfRangeException(nameof(step), step, "There is no such step."),
    };

    private static string? WhyOff(CorrelationStep step, OrganizationSettings settings) => step switch
    {
        CorrelationStep.InReplyTo or CorrelationStep.References or CorrelationStep.ConversationIndex when !settings.EmailCorrelationEnabled =>
            "The organization does not correlate by headers.",
        CorrelationStep.InReplyTo or CorrelationStep.References or CorrelationStep.ConversationIndex when settings.IgnoreConversationIndexAndInReplyTo =>
            "The organization ignores In-Reply-To, References and Thread-Index.",
        CorrelationStep.TrackingToken when !settings.UseTrackingToken => "The organization does not use tracking tokens.",
        CorrelationStep.SmartMatching when !settings.EnableSmartMatching => "The organization has smart matching switched off.",
        _ => null,
    };
}

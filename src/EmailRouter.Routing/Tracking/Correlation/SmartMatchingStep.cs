using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking.Correlation;

/// <summary>Correlation by likeness: the same subject words among the same people, not too long ago.</summary>
internal static class SmartMatchingStep
{
    public static CorrelationResult? Run(TrackingContext context)
    {
        EvidenceLog log = context.Log;
        OrganizationSettings settings = context.Settings;
        SmartMatchKeys keys = SmartMatchKeys.Compute(context.Email.Subject, context.Participants, settings);
        int minWords = Math.Max(1, settings.SmartMatchingMinWords);
        if (keys.Words.Count < minWords)
        {
            log.NoMatch(
                TrackingRules.CorrelationSmartMatching, $"The subject has {keys.Words.Count} significant words; smart matching needs at least {minWords}.");
            return null;
        }

        if (keys.Addresses.Count < settings.HashMinAddressCount)
        {
            log.NoMatch(
                TrackingRules.CorrelationSmartMatching,
                $"The message has {keys.Addresses.Count} different addresses; smart matching needs at least {settings.HashMinAddressCount}.");
            return null;
        }

        SmartMatch[] matches = [.. context.Lookup.SmartMatches.Where(m => !context.IsSelf(m.Email))];
        if (matches.Length == 0)
        {
            log.NoMatch(
                TrackingRules.CorrelationSmartMatching,
                $"No email of the last {settings.SmartMatchingMaxAge.TotalDays:0} days has the same subject words " +
                $"(at most {settings.HashDeltaSubjectCount} different) and at least {settings.HashMinAddressCount} of the same addresses.");
            return null;
        }

        SmartMatch best = matches[0];
        log.Match(
            TrackingRules.CorrelationSmartMatching,
            $"It resembles {EvidenceLog.Describe(best.Email)}: {best.SharedWords} of {keys.Words.Count} subject words " +
            $"and {best.SharedAddresses} of {keys.Addresses.Count} addresses are the same" +
            $"{(matches.Length > 1 ? $"; it is the newest of {matches.Length} such emails" : string.Empty)}. This is likeness, no proof.");
        return new CorrelationResult(CorrelationMethod.SmartMatching, CorrelationStep.SmartMatching, best.Email);
    }
}

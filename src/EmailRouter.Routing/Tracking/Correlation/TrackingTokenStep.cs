using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking.Correlation;

/// <summary>Correlation by a tracking token in the subject. A token counts only when a stored outgoing email bears it: others may use the same
/// prefix.</summary>
internal static class TrackingTokenStep
{
    public static CorrelationResult? Run(TrackingContext context)
    {
        EvidenceLog log = context.Log;
        IReadOnlyList<string> tokens = TrackingToken.Find(context.Email.Subject, context.Settings);
        if (tokens.Count == 0)
        {
            log.NoMatch(TrackingRules.CorrelationTrackingToken, "The subject bears no tracking token.");
            return null;
        }

        var bearers = new List<Bearer>();
        foreach (string token in tokens)
        {
            StoredEmail[] emails = [.. BearersOf(context, token)];
            if (emails.Length == 0)
            {
                log.NoMatch(
                    TrackingRules.CorrelationTrackingToken,
                    $"The token {token} in the subject belongs to no outgoing email of this organization: " +
                    "it is another CRM's, or the email was deleted. It counts for nothing.");
            }

            bearers.AddRange(emails.Select((e, i) => new Bearer(token, e, i, Correspondents.Compare(context, e))));
        }

        // Counters wrap and subjects collect tokens, so common correspondents weigh more than position and age. MaxBy takes the first of equals.
        if (bearers.MaxBy(b => b.Correspondence) is not { } best)
            return null;
        log.Match(TrackingRules.CorrelationTrackingToken, Explain(context, best, bearers));
        return new CorrelationResult(CorrelationMethod.TrackingToken, CorrelationStep.TrackingToken, best.Email) { TrackingToken = best.Token };
    }

    private static IEnumerable<StoredEmail> BearersOf(TrackingContext context, string token)
    {
        RecordLookup lookup = context.Lookup;
        IEnumerable<StoredEmail> newest = lookup.ByTrackingToken.TryGetValue(token, out StoredEmail? stored) ? [stored] : [];
        IEnumerable<StoredEmail> earlier = lookup.EarlierByTrackingToken.TryGetValue(token, out IReadOnlyList<StoredEmail>? more) ? more : [];
        return newest.Concat(earlier).Where(e => e.IsOutgoing && e.ActivityId != context.Email.ActivityId);
    }

    private static string Explain(TrackingContext context, Bearer best, List<Bearer> bearers)
    {
        string text = $"The token {best.Token} in the subject is that of {EvidenceLog.Describe(best.Email)}; {Correspondents.Describe(context, best.Email)}.";
        int same = bearers.Count(b => b.Token == best.Token);
        if (same > 1)
        {
            text += best.Age == 0
                ? $" It is the newest of {same} emails with this token (the counter has wrapped)."
                : $" {same} emails bear this token (the counter has wrapped); this older one was chosen because of its correspondents.";
        }
        else if (best.Correspondence == Correspondence.None && best.Email.Addresses.Count > 0)
        {
            text += " If that is the wrong email, the token's counter may have wrapped.";
        }

        string[] others = [.. bearers.Select(b => b.Token).Where(t => t != best.Token).Distinct()];
        return others.Length == 0 ? text : $"{text} Also in the subject: {EvidenceLog.List(others)}.";
    }

    private sealed record Bearer(string Token, StoredEmail Email, int Age, Correspondence Correspondence);
}

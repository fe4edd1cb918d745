using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking.Correlation;

/// <summary>Correlation by the Message-IDs in In-Reply-To and References (RFC 5322 section 3.6.4).</summary>
internal static class HeaderSteps
{
    /// <summary>In-Reply-To: the ids as they stand.</summary>
    public static CorrelationResult? InReplyTo(TrackingContext context) =>
        Find(context, CorrelationStep.InReplyTo, "In-Reply-To", context.Email.InReplyTo);

    /// <summary>References: from right to left, so that the nearest ancestor that is stored wins.</summary>
    public static CorrelationResult? References(TrackingContext context) =>
        Find(context, CorrelationStep.References, "References", [.. context.Email.References.Reverse().Take(TrackingQuery.MaxReferences)]);

    private static CorrelationResult? Find(TrackingContext context, CorrelationStep step, string header, IReadOnlyList<string> ids)
    {
        string rule = Correlator.RuleOf(step);
        if (ids.Count == 0)
        {
            context.Log.NoMatch(rule, $"The message has no {header}.");
            return null;
        }

        foreach (string id in ids)
        {
            // A message that answers itself answers nothing.
            if (string.Equals(id, context.Email.MessageId, StringComparison.Ordinal))
                continue;
            if (context.Lookup.ByMessageId.TryGetValue(id, out StoredEmail? stored) && !context.IsSelf(stored))
            {
                context.Log.Match(rule, $"{header} names {id}, the Message-ID of {EvidenceLog.Describe(stored)}; {Correspondents.Describe(context, stored)}.");
                return new CorrelationResult(CorrelationMethod.InReplyTo, step, stored);
            }
        }

        context.Log.NoMatch(
            rule, $"{header} names {EvidenceLog.List(ids, 3)}; no email activity has {(ids.Count == 1 ? "this Message-ID" : "one of these Message-IDs")}.");
        return null;
    }
}

using EmailRouter.Crm;
using EmailRouter.Routing.Tracking.Correlation;

namespace EmailRouter.Routing.Tracking;

/// <summary>Asks each candidate's filter. The first that accepts is the accepting entity; the others are asked all the same, because queues that accept get a
/// queue item.</summary>
internal static class Filter
{
    public static IReadOnlyList<Acceptance> Run(TrackingContext context, IReadOnlyList<Candidate> candidates, CorrelationResult correlation) =>
        [.. candidates.Select(c => Ask(context, c, correlation)).OfType<Acceptance>()];

    private static Acceptance? Ask(TrackingContext context, Candidate candidate, CorrelationResult correlation)
    {
        EvidenceLog log = context.Log;
        string name = EvidenceLog.Describe(candidate.Mailbox);
        switch (candidate.Mailbox.Filter)
        {
            case FilteringMethod.All:
                log.Match(TrackingRules.FilterAll, $"The {name} accepts all email.");
                return new Acceptance(candidate, CheckReason.AcceptAll);

            case FilteringMethod.InResponse when correlation.Email is { } stored:
                log.Match(TrackingRules.FilterInResponse, $"The {name} accepts responses to CRM email, and this is one: to {EvidenceLog.Describe(stored)}.");
                return new Acceptance(candidate, CheckReason.CorrelationMatch);

            case FilteringMethod.InResponse:
                log.NoMatch(TrackingRules.FilterInResponse, $"The {name} accepts responses to CRM email only, and this is none.");
                return null;

            case FilteringMethod.FromLeadsContactsAccounts:
                return AskSender(
                    context,
                    candidate,
                    TrackingRules.FilterFromLeadsContactsAccounts,
                    "leads, contacts and accounts",
                    o => o.Record.LogicalName is "lead" or "contact" or "account");

            case FilteringMethod.FromEmailEnabledRecords:
                return AskSender(context, candidate, TrackingRules.FilterFromEmailEnabledRecords, "records that are email enabled", _ => true);

            case FilteringMethod.None:
                log.NoMatch(TrackingRules.FilterNone, $"The {name} accepts no email.");
                return null;

            default:
                log.NoMatch(TrackingRules.FilterNone, $"The {name} has the unknown filter {(int)candidate.Mailbox.Filter}; it accepts no email.");
                return null;
        }
    }

    private static Acceptance? AskSender(TrackingContext context, Candidate candidate, string rule, string what, Func<AddressOwner, bool> isKind)
    {
        string name = EvidenceLog.Describe(candidate.Mailbox);
        AddressOwner[] owners = [.. context.OwnersOf(context.SenderAddress).Where(isKind)];
        AddressOwner? known = owners.FirstOrDefault(o => o.IsActive) ?? (context.Settings.ResolveInactiveRecords ? owners.FirstOrDefault() : null);
        if (known is not null)
        {
            context.Log.Match(rule, $"The {name} accepts email from {what}, and {context.SenderAddress} is that of {EvidenceLog.Describe(known.Record)}.");
            return new Acceptance(candidate, CheckReason.SenderMatch);
        }

        string why = owners.Length > 0
            ? $"{EvidenceLog.Describe(owners[0].Record)} with {context.SenderAddress} is inactive"
            : $"no such record has {context.SenderAddress}";
        context.Log.NoMatch(rule, $"The {name} accepts email from {what} only, and {why}.");
        return null;
    }
}

/// <summary>A candidate that accepts the email, and why.</summary>
internal sealed record Acceptance(Candidate Candidate, CheckReason Reason);

using EmailRouter.Crm;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Incoming;

/// <summary>Tells the organization about an email that came back, and lets it be sent again to those whom it did not reach. Without a state it only looks.</summary>
internal sealed class BounceHandler(IOrganization organization, IRouterState? state, string deployment, TimeProvider clock)
{
    /// <summary>Explains a result.</summary>
    public static (string Reason, string Explanation) Explain(BounceResult result) => result switch
    {
        { Match: BounceMatch.None } => (DecisionReasons.BounceUnmatched, "A mail server could not deliver a message that is no email of the CRM."),
        { Match: BounceMatch.TrackingToken } =>
            (DecisionReasons.BounceUnmatched, "A mail server could not deliver a message with the tracking token of an email of the CRM; a token alone proves nothing."),
        { Recipients.Count: 0 } => (DecisionReasons.BounceUnmatched, "A mail server reports about an email of the CRM, but names nobody who is its recipient."),
        { Changed: true } => (DecisionReasons.BounceMatched, $"An email of the CRM could not be delivered to {string.Join(", ", result.Recipients)}; it is marked failed."),
        _ => (DecisionReasons.BounceMatched, $"An email of the CRM could not be delivered to {string.Join(", ", result.Recipients)}; nothing is to be changed."),
    };

    /// <summary>Reports.</summary>
    /// <exception cref="CrmException">The organization cannot be reached, or refuses.</exception>
    public async ValueTask<BounceResult> ReportAsync(BounceReport report, CancellationToken cancellationToken)
    {
        BounceResult foreseen = await organization.ReportBounceAsync(report with { PeekOnly = true }, cancellationToken).ConfigureAwait(false);
        if (state is null || !foreseen.Changed || foreseen.ActivityId is not { } activity)
            return foreseen;

        // First the journal: when the author sends the email again, it must not count as sent already for those who did not get it.
        IReadOnlyDictionary<Guid, SendJournalEntry> journals = await state.GetJournalAsync(deployment, [activity], cancellationToken).ConfigureAwait(false);
        if (journals.GetValueOrDefault(activity) is { Phase: SendPhase.Accepted or SendPhase.NotAccepted } journal)
        {
            SendJournalEntry returned = journal with
            {
                Phase = SendPhase.NotAccepted,
                On = clock.GetUtcNow(),
                Reply = $"came back from {string.Join(", ", foreseen.Recipients)}",
                AcceptedRecipients = [.. journal.AcceptedRecipients.Except(foreseen.Recipients, StringComparer.OrdinalIgnoreCase)],
            };
            await state.WriteJournalAsync([returned], [], cancellationToken).ConfigureAwait(false);
        }

        return await organization.ReportBounceAsync(report, cancellationToken).ConfigureAwait(false);
    }
}

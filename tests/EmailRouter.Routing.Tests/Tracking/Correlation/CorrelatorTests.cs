using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking.Correlation;

public sealed class CorrelatorTests
{
    private static readonly string[] steps =
    [
        TrackingRules.CorrelationInReplyTo, TrackingRules.CorrelationReferences, TrackingRules.CorrelationTrackingToken,
        TrackingRules.CorrelationConversationIndex, TrackingRules.CorrelationSmartMatching,
    ];

    private readonly Office office = new();

    [Fact]
    public async Task After_a_match_the_further_steps_are_skipped_and_named()
    {
        TrackingCheckResult check = await office.Check(Office.Message(Office.Carl, Office.Anna, "RE: CRM:0001001"));

        Assert.Equal(
            [EvidenceVerdict.NoMatch, EvidenceVerdict.NoMatch, EvidenceVerdict.Match, EvidenceVerdict.Skipped, EvidenceVerdict.Skipped],
            steps.Select(s => Assert.Single(check.Evidence, e => e.Rule == s).Verdict));
    }

    [Fact]
    public async Task A_step_left_out_of_the_order_is_named_as_skipped()
    {
        office.Set(s => s with { CorrelationOrder = [CorrelationStep.TrackingToken, CorrelationStep.TrackingToken] });

        TrackingCheckResult check = await office.Check(Office.Message(Office.Carl, Office.Anna) with { InReplyTo = [Office.SentMessageId] });

        Assert.Equal(CheckReason.NoCorrelationMatch, check.Reason);
        Assert.Contains(
            "leaves this step out", Assert.Single(check.Evidence, e => e.Rule == TrackingRules.CorrelationInReplyTo).Text, StringComparison.Ordinal);
        Assert.Single(check.Evidence, e => e.Rule == TrackingRules.CorrelationTrackingToken);
    }

    [Fact]
    public async Task With_every_step_off_correlation_counts_as_skipped()
    {
        office.Set(s => s with { EmailCorrelationEnabled = false, UseTrackingToken = false });

        Assert.Equal(CorrelationMethod.Skipped, (await office.Check(Office.Message(Office.Carl, Office.Support))).Plan!.Correlation.Method);
    }

    [Fact]
    public async Task All_email_is_correlated_too_so_that_it_is_regarding_something()
    {
        office.Filters(Office.AnnaRecord, FilteringMethod.All);

        TrackingCheckResult check = await office.Check(Office.Message(Office.Carl, Office.Anna) with { InReplyTo = [Office.SentMessageId] });

        Assert.Equal(CheckReason.AcceptAll, check.Reason);
        Assert.Equal(Office.CaseRecord, check.Plan!.Regarding);
    }
}

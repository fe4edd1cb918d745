using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking.Correlation;

public sealed class TrackingTokenStepTests
{
    private static readonly Guid newer = new("10000000-0000-0000-0000-0000000000cc");

    private readonly Office office = new();

    [Fact]
    public async Task A_token_that_is_somebody_else_s_is_named_and_counts_for_nothing()
    {
        TrackingCheckResult check = await office.Check(Office.Message(Office.Carl, Office.Anna, "Offer CRM:0999999"));

        Evidence evidence = Assert.Single(check.Evidence, e => e.Rule == TrackingRules.CorrelationTrackingToken);
        Assert.Equal(EvidenceVerdict.NoMatch, evidence.Verdict);
        Assert.Contains("CRM:0999999", evidence.Text, StringComparison.Ordinal);
        Assert.Contains("another CRM's", evidence.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrapped_token_leads_to_the_email_with_the_same_correspondents()
    {
        StoreNewerWithSameToken(Office.Anna, Office.Lena);

        TrackingCheckResult check = await office.Check(Office.Message(Office.Carl, Office.Anna, "RE: Quote for pump CRM:0001001"));

        Assert.Equal(Office.SentId, check.Plan!.Correlation.Email!.ActivityId);
        Assert.Contains("the counter has wrapped", Text(check), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_emails_with_the_same_token_and_correspondents_the_newest_wins()
    {
        StoreNewerWithSameToken(Office.Anna, Office.Carl);

        TrackingCheckResult check = await office.Check(Office.Message(Office.Carl, Office.Anna, "RE: Quote for pump CRM:0001001"));

        Assert.Equal(newer, check.Plan!.Correlation.Email!.ActivityId);
        Assert.Contains("the newest of 2", Text(check), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_among_other_people_matches_with_a_warning()
    {
        TrackingCheckResult check = await office.Check(Office.Message(Office.Lena, Office.Anna, "RE: Quote for pump CRM:0001001"));

        Assert.Equal(CheckReason.CorrelationMatch, check.Reason);
        Assert.Contains("may have wrapped", Text(check), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unresolved_token_does_not_hide_a_resolved_one()
    {
        TrackingCheckResult check = await office.Check(Office.Message(Office.Carl, Office.Anna, "RE: CRM:0001001 Quote CRM:0999999"));

        Assert.Equal(Office.SentId, check.Plan!.Correlation.Email!.ActivityId);
        Assert.Equal("CRM:0001001", check.Plan.Correlation.TrackingToken);
        Assert.Contains(check.Evidence, e => e.Rule == TrackingRules.CorrelationTrackingToken && e.Verdict == EvidenceVerdict.NoMatch);
    }

    private void StoreNewerWithSameToken(params string[] addresses) => office.StoreEmail(new StoredEmail
    {
        ActivityId = newer, Subject = "Other CRM:0001001", IsOutgoing = true, TrackingToken = Office.Token, CreatedOn = Office.Now, Addresses = addresses,
    });

    private static string Text(TrackingCheckResult check) =>
        Assert.Single(check.Evidence, e => e.Rule == TrackingRules.CorrelationTrackingToken && e.Verdict == EvidenceVerdict.Match).Text;
}

using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking.Correlation;

public sealed class SmartMatchingStepTests
{
    private readonly Office office = new Office().Set(s => s with { EnableSmartMatching = true, UseTrackingToken = false });

    [Fact]
    public async Task The_newest_of_several_is_taken_and_likeness_is_called_likeness()
    {
        Guid latest = Guid.NewGuid();
        Store(Guid.NewGuid(), Office.Now.AddDays(-5));
        Store(latest, Office.Now.AddDays(-1));

        TrackingCheckResult check = await office.Check(Office.Message(Office.Carl, Office.Anna, "RE: Order 17"));

        Assert.Equal(latest, check.Plan!.Correlation.Email!.ActivityId);
        string text = Text(check);
        Assert.Contains("2 of 2 subject words and 2 of 2 addresses", text, StringComparison.Ordinal);
        Assert.Contains("newest of 2", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Hello", "needs at least 2")]
    [InlineData("Order 17", "No email of the last 90 days")]
    public async Task Why_nothing_matches_is_said(string subject, string words) =>
        Assert.Contains(words, Text(await office.Check(Office.Message(Office.Carl, Office.Anna, subject))), StringComparison.Ordinal);

    [Fact]
    public async Task Too_few_addresses_are_said() =>
        Assert.Contains("1 different addresses", Text(await office.Check(Office.Message(Office.Anna, Office.Anna, "Order 17"))), StringComparison.Ordinal);

    [Fact]
    public async Task A_broken_expression_filters_nothing_and_stops_nothing()
    {
        office.Set(s => s with { HashFilterKeywords = "([" });
        Store(Guid.NewGuid(), Office.Now.AddDays(-1));

        Assert.Equal(CheckReason.CorrelationMatch, (await office.Check(Office.Message(Office.Carl, Office.Anna, "Order 17"))).Reason);
    }

    private void Store(Guid id, DateTimeOffset on) => office.StoreEmail(new StoredEmail
    {
        ActivityId = id, Subject = "Order 17", IsOutgoing = true, CreatedOn = on, Addresses = [Office.Anna, Office.Carl],
    });

    private static string Text(TrackingCheckResult check) => Assert.Single(check.Evidence, e => e.Rule == TrackingRules.CorrelationSmartMatching).Text;
}

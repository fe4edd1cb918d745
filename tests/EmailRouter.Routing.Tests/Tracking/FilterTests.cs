using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking;

public sealed class FilterTests
{
    private readonly Office office = new();

    [Fact]
    public async Task Every_candidate_is_asked_and_the_first_that_accepts_gives_the_reason()
    {
        office.Filters(Office.AnnaRecord, FilteringMethod.FromLeadsContactsAccounts).Filters(Office.BenRecord, FilteringMethod.None);

        TrackingCheckResult check = await office.Check(
            Office.Message(Office.Carl, $"{Office.Ben};{Office.Anna};{Office.Support}") with { Mailbox = Office.AnnaRecord });

        Assert.Equal(CheckReason.SenderMatch, check.Reason);
        Assert.Equal(
            [TrackingRules.FilterFromLeadsContactsAccounts, TrackingRules.FilterAll, TrackingRules.FilterNone],
            check.Evidence.Where(e => e.Rule.StartsWith("Filter.", StringComparison.Ordinal)).Select(e => e.Rule));
    }

    [Fact]
    public async Task An_inactive_sender_counts_where_the_organization_resolves_inactive_records()
    {
        office.Store.Owners[Office.Carl] = [new AddressOwner { Record = Office.CarlRecord, IsActive = false, Column = "emailaddress1" }];
        office.Filters(Office.AnnaRecord, FilteringMethod.FromLeadsContactsAccounts);
        TrackingCheckResult ignored = await office.Check(Office.Message(Office.Carl, Office.Anna));
        Assert.Equal(CheckReason.NoCorrelationMatch, ignored.Reason);
        Assert.Contains("is inactive", ignored.Evidence.Single(e => e.Rule == TrackingRules.FilterFromLeadsContactsAccounts).Text, StringComparison.Ordinal);

        office.Set(s => s with { ResolveInactiveRecords = true });
        await office.Organization.RefreshAsync(CancellationToken.None);

        Assert.Equal(CheckReason.SenderMatch, (await office.Check(Office.Message(Office.Carl, Office.Anna))).Reason);
    }

    [Fact]
    public async Task A_filter_that_nobody_knows_accepts_nothing()
    {
        office.Filters(Office.AnnaRecord, (FilteringMethod)9);

        Assert.Equal(CheckReason.NoCorrelationMatch, (await office.Check(Office.Message(Office.Carl, Office.Anna))).Reason);
    }
}

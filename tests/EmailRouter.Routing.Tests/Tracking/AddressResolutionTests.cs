using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking;

public sealed class AddressResolutionTests
{
    private const string shared = "shared@customer.test";

    private static readonly string[] precedence = ["systemuser", "contact", "account", "lead", "equipment", "team", "businessunit", "queue", "new_site"];

    private readonly Office office = new();

    public static IEnumerable<object[]> Neighbours => precedence[..^2].Zip(precedence[1..], (winner, other) => new object[] { winner, other });

    [Theory]
    [MemberData(nameof(Neighbours))]
    public async Task The_sender_is_the_first_by_precedence(string winner, string other)
    {
        office.Add(shared, new(other, Guid.NewGuid())).Add(shared, new(winner, Guid.NewGuid()));

        Assert.Equal(winner, (await Plan()).Sender!.LogicalName);
    }

    [Fact]
    public async Task Among_equals_the_record_owned_by_the_owner_of_the_accepting_mailbox_is_preferred()
    {
        var bens = new RecordReference("contact", Guid.NewGuid(), "Ben's");
        office.Add(shared, Office.CarlRecord, ownerId: Office.AnnaRecord.Id).Add(shared, bens, ownerId: Office.BenRecord.Id);

        TrackingCheckResult check = await Check();

        Assert.Equal(bens, check.Plan!.Sender);
        Assert.Contains("the owner of the accepting mailbox owns", Text(check), StringComparison.Ordinal);
        Assert.Contains("Carl Customer", Text(check), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Precedence_counts_more_than_ownership()
    {
        office.Add(shared, Office.LenaRecord, ownerId: Office.BenRecord.Id).Add(shared, Office.CarlRecord);

        Assert.Equal(Office.CarlRecord, (await Plan()).Sender);
    }

    [Fact]
    public async Task An_active_lead_comes_before_an_inactive_contact()
    {
        office.Add(shared, Office.CarlRecord, isActive: false).Add(shared, Office.LenaRecord);

        Assert.Equal(Office.LenaRecord, (await Plan()).Sender);
    }

    [Fact]
    public async Task A_single_record_is_taken_whatever_its_state()
    {
        office.Add(shared, Office.CarlRecord, isActive: false);

        TrackingCheckResult check = await Check();

        Assert.Equal(Office.CarlRecord, check.Plan!.Sender);
        Assert.Contains("inactive", Text(check), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, null)]
    [InlineData(true, "contact")]
    public async Task Several_inactive_records_resolve_only_where_the_organization_says_so(bool resolveInactive, string? expected)
    {
        office.Add(shared, Office.LenaRecord, isActive: false).Add(shared, Office.CarlRecord, isActive: false).Set(
            s => s with { ResolveInactiveRecords = resolveInactive });

        Assert.Equal(expected, (await Plan()).Sender?.LogicalName);
    }

    [Theory]
    [InlineData(100, true)]
    [InlineData(101, false)]
    public async Task More_than_a_hundred_records_are_left_unresolved(int count, bool isResolved)
    {
        for (int i = 0; i < count; i++)
            office.Add(shared, new("contact", Guid.NewGuid(), $"Contact {i}"));

        PromotionPlan plan = await Plan();

        Assert.Equal(isResolved, plan.Sender is not null);
        Assert.Equal(!isResolved, plan.IsDuplicateSenderUnresolved);
    }

    [Fact]
    public async Task An_ambiguous_sender_is_left_unresolved_where_the_organization_wants_no_guess()
    {
        office.Add(shared, Office.CarlRecord).Add(shared, Office.LenaRecord).Set(s => s with { UnresolveSenderIfMultipleMatch = true });

        PromotionPlan plan = await Plan();

        Assert.Null(plan.Sender);
        Assert.True(plan.IsDuplicateSenderUnresolved);
        Assert.Null(plan.Parties[0].Party);
    }

    [Fact]
    public async Task An_inactive_second_record_makes_no_sender_ambiguous()
    {
        office.Add(shared, Office.CarlRecord).Add(shared, Office.LenaRecord, isActive: false).Set(s => s with { UnresolveSenderIfMultipleMatch = true });

        Assert.Equal(Office.CarlRecord, (await Plan()).Sender);
    }

    [Fact]
    public async Task A_record_with_the_address_in_two_columns_is_one_record()
    {
        office.Add(shared, Office.CarlRecord).Add(shared, Office.CarlRecord, column: "emailaddress2").Set(
            s => s with { UnresolveSenderIfMultipleMatch = true });

        Assert.Equal(Office.CarlRecord, (await Plan()).Sender);
    }

    [Fact]
    public async Task A_recipient_resolves_to_all_records_that_have_its_address()
    {
        office.Add(shared, Office.CarlRecord, doNotEmail: true).Add(shared, Office.FabrikamRecord).Add(shared, Office.LenaRecord, isActive: false);

        PromotionPlan plan = (await office.Check(Office.Message(Office.Carl, $"{Office.Support};{shared}"))).Plan!;

        ActivityParty[] parties = [.. plan.Parties.Where(p => p.AddressUsed == shared)];
        Assert.Equal([Office.CarlRecord, Office.FabrikamRecord], parties.Select(p => p.Party));
        Assert.Equal([true, false], parties.Select(p => p.DoNotEmail));
        Assert.All(parties, p => Assert.Equal(ParticipationType.To, p.Role));
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 1)]
    public async Task Inactive_recipients_resolve_only_where_the_organization_says_so(bool resolveInactive, int resolved)
    {
        office.Add(shared, Office.CarlRecord, isActive: false).Set(s => s with { ResolveInactiveRecords = resolveInactive });

        PromotionPlan plan = (await office.Check(Office.Message(Office.Carl, $"{Office.Support};{shared}"))).Plan!;

        Assert.Equal(resolved, plan.Parties.Count(p => p.AddressUsed == shared && p.Party is not null));
    }

    [Fact]
    public async Task Ambiguous_recipients_are_left_unresolved_where_the_organization_wants_no_guess()
    {
        office.Add(shared, Office.CarlRecord).Add(shared, Office.FabrikamRecord).Set(s => s with { UnresolveRecipientsIfMultipleMatch = true });

        PromotionPlan plan = (await office.Check(
            Office.Message(Office.Carl, Office.Support) with { Cc = [new EmailAddress(shared, "Shared Box")] })).Plan!;

        ActivityParty party = Assert.Single(plan.Parties, p => p.AddressUsed == shared);
        Assert.Null(party.Party);
        Assert.Equal("Shared Box", party.UnresolvedPartyName);
        Assert.Equal(ParticipationType.Cc, party.Role);
    }

    [Fact]
    public async Task A_recipient_named_twice_is_one_party_and_in_to_and_cc_two()
    {
        PromotionPlan plan = (await office.Check(
            Office.Message(Office.Carl, $"{Office.Support};{Office.Lena};LENA@prospect.test") with { Cc = [new EmailAddress(Office.Lena)] })).Plan!;

        Assert.Equal([ParticipationType.To, ParticipationType.Cc], plan.Parties.Where(p => p.Party == Office.LenaRecord).Select(p => p.Role));
    }

    [Fact]
    public async Task An_unknown_recipient_stays_with_address_and_name()
    {
        PromotionPlan plan = (await office.Check(Office.Message(Office.Stranger, Office.Support) with { Cc = [new EmailAddress("who@x.test")] })).Plan!;

        Assert.Equal(new ActivityParty(ParticipationType.Cc, "who@x.test") { UnresolvedPartyName = "who@x.test" }, plan.Parties[^1]);
        Assert.Equal(new ActivityParty(ParticipationType.Sender, Office.Stranger) { UnresolvedPartyName = Office.Stranger }, plan.Parties[0]);
    }

    private async Task<PromotionPlan> Plan() => (await Check()).Plan!;

    private Task<TrackingCheckResult> Check() => office.Check(Office.Message(shared, Office.Support));

    private static string Text(TrackingCheckResult check) => Assert.Single(check.Evidence, e => e.Rule == TrackingRules.ResolutionSender).Text;
}

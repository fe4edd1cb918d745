using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking;

public sealed class RecipientResolutionTests
{
    private readonly Office office = new();

    [Fact]
    public async Task The_polled_mailbox_is_asked_first_then_queues_then_users()
    {
        office.Filters(Office.AnnaRecord, FilteringMethod.All).Filters(Office.BenRecord, FilteringMethod.All);

        Assert.Equal(Office.BenRecord, await Accepting(Office.Message(Office.Carl, $"{Office.Anna};{Office.Support}") with { Mailbox = Office.BenRecord }));
        Assert.Equal(Office.SupportRecord, await Accepting(Office.Message(Office.Carl, $"{Office.Anna};{Office.Support}")));
        Assert.Equal(Office.AnnaRecord, await Accepting(Office.Message(Office.Carl, $"{Office.Anna};{Office.Ben}")));
    }

    [Theory]
    [InlineData(TrackingRules.RecipientActive)]
    [InlineData(TrackingRules.RecipientDeliveryMethod)]
    [InlineData(TrackingRules.RecipientApproval)]
    public async Task Why_a_mailbox_s_filter_does_not_count_is_said_with_its_name(string rule)
    {
        office.Change(Office.SupportRecord, m => rule switch
        {
            TrackingRules.RecipientActive => m with { IsActive = false },
            TrackingRules.RecipientDeliveryMethod => m with { IncomingDelivery = DeliveryMethod.Outlook },
            _ => m with { Approval = AccessApproval.Pending },
        });

        TrackingCheckResult check = await office.Check(Office.Message(Office.Carl, Office.Support));

        Evidence evidence = Assert.Single(check.Evidence, e => e.Rule == rule);
        Assert.Equal(EvidenceVerdict.NoMatch, evidence.Verdict);
        Assert.Contains("queue \"Support\" <support@contoso.test>", evidence.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mailbox_named_twice_is_asked_once()
    {
        TrackingCheckResult check = await office.Check(
            Office.Message(Office.Carl, $"{Office.Support};SUPPORT@CONTOSO.TEST") with
            {
                Cc = [new EmailAddress(Office.Support)],
                Mailbox = Office.SupportRecord,
            });

        Assert.Single(check.Evidence, e => e.Rule == TrackingRules.FilterAll);
        Assert.Single(check.Plan!.QueueIds);
    }

    [Fact]
    public async Task Two_queues_with_one_address_are_both_asked()
    {
        var second = new RecordReference("queue", Guid.NewGuid(), "Second");
        office.Store.Mailboxes.Add(Office.Queue(second, Office.Support, Office.AnnaRecord.Id));

        TrackingCheckResult check = await office.Check(Office.Message(Office.Carl, Office.Support));

        Assert.Equal([Office.SupportRecord.Id, second.Id], check.Plan!.QueueIds);
    }

    [Fact]
    public async Task Setting_others_aside_is_said()
    {
        office.Set(s => s with { UseOnlyPolledMailboxFilter = true });

        TrackingCheckResult check = await office.Check(Office.Message(Office.Carl, $"{Office.Anna};{Office.Support}") with { Mailbox = Office.AnnaRecord });

        Assert.Contains("Support", Assert.Single(check.Evidence, e => e.Rule == TrackingRules.PolledMailboxOnly).Text, StringComparison.Ordinal);
        Assert.DoesNotContain(check.Evidence, e => e.Rule == TrackingRules.FilterAll);
    }

    [Fact]
    public async Task A_thousand_recipients_do_not_push_out_the_sender()
    {
        string many = string.Join(';', Enumerable.Range(0, 3000).Select(i => $"r{i}@customer.test").Append(Office.Support));

        TrackingCheckResult check = await office.Check(Office.Message(Office.Carl, many));

        Assert.Equal(CheckReason.AcceptAll, check.Reason);
        Assert.Equal(Office.CarlRecord, check.Plan!.Sender);
        Assert.Equal(TrackingQuery.MaxAddresses, office.Store.Queries[0].Addresses.Count);
        Assert.Equal(3002, check.Plan.Parties.Count);
        Assert.True(check.Evidence.Count < 100);
    }

    private async Task<RecordReference> Accepting(IncomingEmail email) => (await office.Check(email)).Plan!.AcceptingMailbox.Owner;
}

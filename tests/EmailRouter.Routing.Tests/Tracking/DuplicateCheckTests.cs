using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking;

public sealed class DuplicateCheckTests
{
    private readonly Office office = new();

    [Fact]
    public async Task The_same_message_from_another_mailbox_names_the_activity_that_holds_it()
    {
        DeliverResult first = await office.Deliver(Office.Message(Office.Carl, Office.Support));

        TrackingCheckResult check = await office.Check(Office.Message(Office.Carl, Office.Support) with { Mailbox = Office.AnnaRecord });

        Assert.Equal(CheckReason.Duplicate, check.Reason);
        Assert.Equal(first.ActivityId, check.ExistingActivityId);
        Assert.False(check.ShouldDeliver);
        Assert.Contains("its content is the same", Text(check), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_message_id_with_other_content_is_a_duplicate_that_says_so()
    {
        await office.Deliver(Office.Message(Office.Carl, Office.Support));

        TrackingCheckResult check = await office.Check(Office.Message(Office.Carl, Office.Support) with { ActivityId = Guid.NewGuid() });

        Assert.Equal(CheckReason.Duplicate, check.Reason);
        Assert.Contains("its content differs", Text(check), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Message_ids_are_compared_verbatim()
    {
        await office.Deliver(Office.Message(Office.Carl, Office.Support, messageId: "<Id@customer.test>"));

        Assert.Equal(CheckReason.AcceptAll, (await office.Check(Office.Message(Office.Carl, Office.Support, messageId: "<id@customer.test>"))).Reason);
    }

    [Fact]
    public async Task The_sender_s_copy_of_internal_email_does_not_stand_in_the_way_of_the_received_one()
    {
        IncomingEmail email = Office.Message(Office.Anna, Office.Support, messageId: Office.SentMessageId);

        DeliverResult result = await office.Deliver(email);

        Assert.True(result.Created);
        Assert.NotEqual(Office.SentId, result.ActivityId);
    }

    [Fact]
    public async Task A_synthesised_message_id_is_called_so() =>
        Assert.Contains(
            "synthesised",
            Text(await office.Check(Office.Message(Office.Carl, Office.Support) with { IsMessageIdSynthesised = true })),
            StringComparison.Ordinal);

    private static string Text(TrackingCheckResult check) => Assert.Single(check.Evidence, e => e.Rule == TrackingRules.DuplicateMessageId).Text;
}

using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking;

public sealed class TrackingQueryTests
{
    private static readonly OrganizationSettings settings = new() { OrganizationId = Guid.Empty };

    [Fact]
    public void Everything_is_asked_for_once()
    {
        RecordQuery query = TrackingQuery.Build(
            Office.Message(Office.Carl, $"{Office.Anna};ANNA@contoso.test", "CRM:0001001 crm:0001001") with
            {
                InReplyTo = ["<a@x.test>"],
                References = ["<b@x.test>", "<a@x.test>"],
                DeliveredTo = [Office.Support],
                ConversationId = Office.Conversation,
            },
            settings);

        Assert.Equal(["<m1@customer.test>", "<a@x.test>", "<b@x.test>"], query.MessageIds);
        Assert.Single(query.TrackingTokens);
        Assert.Equal([Office.Carl, Office.Support, Office.Anna], query.Addresses);
        Assert.Equal(Office.Conversation, query.ConversationId);
        Assert.Null(query.SmartMatch);
    }

    [Fact]
    public void Of_endless_references_the_last_are_asked_for()
    {
        RecordQuery query = TrackingQuery.Build(
            Office.Message(Office.Carl, Office.Anna) with { References = [.. Enumerable.Range(0, 5000).Select(i => $"<{i}@x.test>")] }, settings);

        Assert.Equal(TrackingQuery.MaxReferences + 1, query.MessageIds.Count);
        Assert.Contains("<4999@x.test>", query.MessageIds);
        Assert.DoesNotContain("<0@x.test>", query.MessageIds);
    }

    [Fact]
    public void A_subject_full_of_tokens_is_asked_for_few() =>
        Assert.InRange(
            TrackingQuery.Build(
                Office.Message(Office.Carl, Office.Anna, string.Join(' ', Enumerable.Range(1, 500).Select(i => $"CRM:0001{i:000}"))),
                settings).TrackingTokens.Count,
            1,
            20);

    [Theory]
    [InlineData("Order 17", true)]
    [InlineData("Order", false)]
    [InlineData("", false)]
    public void Smart_matching_is_asked_for_when_the_subject_has_enough_words(string subject, bool isAsked) =>
        Assert.Equal(
            isAsked,
            TrackingQuery.Build(Office.Message(Office.Carl, Office.Anna, subject), settings with { EnableSmartMatching = true }).SmartMatch is not null);

    [Fact]
    public void Smart_matching_looks_back_from_when_the_message_was_received() =>
        Assert.Equal(
            Office.Now.AddDays(-90),
            TrackingQuery.Build(Office.Message(Office.Carl, Office.Anna, "Order 17"), settings with { EnableSmartMatching = true }).SmartMatch!.NotBefore);

    [Fact]
    public void A_time_before_time_does_not_disturb() =>
        Assert.Equal(
            DateTimeOffset.MinValue,
            TrackingQuery.Build(
                Office.Message(Office.Carl, Office.Anna, "Order 17") with { ReceivedOn = DateTimeOffset.MinValue },
                settings with { EnableSmartMatching = true }).SmartMatch!.NotBefore);
}

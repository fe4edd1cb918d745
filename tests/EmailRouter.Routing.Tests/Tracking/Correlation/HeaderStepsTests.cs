using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking.Correlation;

public sealed class HeaderStepsTests
{
    private static readonly Guid newer = new("10000000-0000-0000-0000-0000000000bb");

    private readonly Office office = new();

    [Fact]
    public async Task References_are_looked_at_from_right_to_left()
    {
        StoreNewer();

        TrackingCheckResult check = await office.Check(
            Office.Message(Office.Carl, Office.Anna) with { References = [Office.SentMessageId, "<newer@contoso.test>", "<gone@x.test>"] });

        Assert.Equal(newer, check.Plan!.Correlation.Email!.ActivityId);
        Assert.Equal(CorrelationStep.References, check.Plan.Correlation.Step);
        Assert.Equal(CorrelationMethod.InReplyTo, check.Plan.Correlation.Method);
    }

    [Fact]
    public async Task In_reply_to_comes_before_references()
    {
        StoreNewer();

        TrackingCheckResult check = await office.Check(
            Office.Message(Office.Carl, Office.Anna) with { InReplyTo = [Office.SentMessageId], References = [Office.SentMessageId, "<newer@contoso.test>"] });

        Assert.Equal(Office.SentId, check.Plan!.Correlation.Email!.ActivityId);
    }

    [Fact]
    public async Task A_received_email_can_be_answered_too()
    {
        DeliverResult first = await office.Deliver(Office.Message(Office.Carl, Office.Support, messageId: "<first@customer.test>"));

        TrackingCheckResult check = await office.Check(Office.Message(Office.Lena, Office.Anna) with { InReplyTo = ["<first@customer.test>"] });

        Assert.Equal(first.ActivityId, check.Plan!.Correlation.Email!.ActivityId);
    }

    [Fact]
    public async Task A_message_that_answers_itself_answers_nothing()
    {
        TrackingCheckResult check = await office.Check(
            Office.Message(Office.Carl, Office.Anna, messageId: Office.SentMessageId) with
            {
                InReplyTo = [Office.SentMessageId],
                References = [Office.SentMessageId],
            });

        Assert.Equal(CheckReason.NoCorrelationMatch, check.Reason);
    }

    [Theory]
    [InlineData(Office.Carl, "the sender took part in it")]
    [InlineData(Office.Lena, "none of the correspondents outside took part in it")]
    public async Task The_evidence_says_whether_the_correspondents_are_the_same(string sender, string words)
    {
        TrackingCheckResult check = await office.Check(Office.Message(sender, Office.Anna) with { InReplyTo = [Office.SentMessageId] });

        Assert.Contains(words, Assert.Single(check.Evidence, e => e.Rule == TrackingRules.CorrelationInReplyTo).Text, StringComparison.Ordinal);
    }

    private void StoreNewer() => office.StoreEmail(new StoredEmail
    {
        ActivityId = newer, MessageId = "<newer@contoso.test>", Subject = "Newer", IsOutgoing = true, CreatedOn = Office.Now,
    });
}

using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking.Correlation;

public sealed class ConversationIndexStepTests
{
    private readonly Office office = new();

    [Theory]
    [InlineData(null, null, "has no Thread-Index")]
    [InlineData("AQ==", null, "no conversation id that can be read")]
    [InlineData("AQ==", "11000000-0000-0000-0000-000000000099", "No email activity belongs")]
    public async Task What_is_missing_is_said(string? index, string? conversation, string words)
    {
        TrackingCheckResult check = await office.Check(
            Office.Message(Office.Carl, Office.Anna) with { ConversationIndex = index, ConversationId = conversation is null ? null : new Guid(conversation) });

        Assert.Contains(words, Assert.Single(check.Evidence, e => e.Rule == TrackingRules.CorrelationConversationIndex).Text, StringComparison.Ordinal);
        Assert.Equal(CheckReason.NoCorrelationMatch, check.Reason);
    }
}

using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking;

public sealed class SubjectComparisonTests
{
    private static readonly OrganizationSettings settings = new() { OrganizationId = Guid.Empty };

    [Theory]
    [InlineData("RE: Order 17", "Order 17")]
    [InlineData("Re[2]: AW: order  17", "Order 17")]
    [InlineData("FW (3): Order 17", "Order 17")]
    [InlineData("回复：Order 17", "Order 17")]
    [InlineData("Automatic reply: Order 17", "Order 17")]
    [InlineData("RE: Order 17 CRM:0001001", "Order 17")]
    [InlineData("Order 17", "Order 17 CRM:0001001")]
    [InlineData("", "")]
    [InlineData("Re:", "")]
    public void Replying_and_forwarding_do_not_change_a_subject(string subject, string earlier) => Assert.False(
        SubjectComparison.IsChanged(subject, earlier, settings));

    [Theory]
    [InlineData("Order 18", "Order 17")]
    [InlineData("Invoice: 17", "Order: 17")]
    [InlineData("RE: Order 17 - new question", "Order 17")]
    [InlineData("RE[a]: Order 17", "Order 17")]
    [InlineData("", "Order 17")]
    public void Another_subject_is_changed(string subject, string earlier) => Assert.True(SubjectComparison.IsChanged(subject, earlier, settings));
}

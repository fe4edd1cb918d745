using System.Reflection;
using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking;

public sealed class TrackingRulesTests
{
    private static readonly string[] all =
        [.. typeof(TrackingRules).GetFields(BindingFlags.Public | BindingFlags.Static).Where(f => f.IsLiteral).Select(f => (string)f.GetRawConstantValue()!)];

    private readonly Office office = new();

    [Fact]
    public void Names_are_unique() => Assert.Equal(all.Length, all.Distinct().Count());

    [Fact]
    public async Task Evidence_of_a_promotion_comes_in_the_order_of_the_data()
    {
        TrackingCheckResult check = await office.Check(
            Office.Message(Office.Carl, Office.Anna) with { Mailbox = Office.AnnaRecord, InReplyTo = [Office.SentMessageId] });

        Assert.Equal(
            [
                "Sender.Address", "Duplicate.MessageId", "Recipients.PolledMailbox", "Recipients.Addresses", "InternalMail.Sender", "InternalMail.Policy",
                "Correlation.Forward", "Correlation.InReplyTo", "Correlation.References", "Correlation.TrackingToken", "Correlation.ConversationIndex",
                "Correlation.SmartMatching", "Filter.InResponse", "Resolution.Sender", "Resolution.Recipients", "Promotion.Owner", "Promotion.Regarding",
                "Promotion.QueueItems", "Promotion.SenderRecord", "Outcome",
            ],
            check.Evidence.Select(e => e.Rule));
    }

    [Theory]
    [InlineData("invalid sender")]
    [InlineData("duplicate")]
    [InlineData("no recipient")]
    [InlineData("internal")]
    [InlineData("no correlation")]
    public async Task A_rejection_names_the_rules_it_skipped_and_ends_with_the_outcome(string why)
    {
        office.Set(s => s with { IgnoreInternalEmail = true });
        if (why == "duplicate")
            await office.Deliver(Office.Message(Office.Carl, Office.Support));
        TrackingCheckResult check = await office.Check(why switch
        {
            "invalid sender" => Office.Message("nobody", Office.Support),
            "duplicate" => Office.Message(Office.Carl, Office.Support),
            "no recipient" => Office.Message(Office.Carl, Office.Lena),
            "internal" => Office.Message(Office.Ben, Office.Anna),
            _ => Office.Message(Office.Carl, Office.Anna),
        });

        string[] rules = [.. check.Evidence.Select(e => e.Rule).Distinct()];
        Assert.All(
            ["Sender.Address", "Duplicate.MessageId", "Recipients.Addresses", "InternalMail.Policy", "Correlation.InReplyTo", "Resolution.Sender"],
            r => Assert.Contains(r, rules));
        Assert.All(rules, r => Assert.Contains(r, all));
        Assert.Contains(rules, r => r.StartsWith("Filter.", StringComparison.Ordinal));
        Assert.Equal("Outcome", check.Evidence[^1].Rule);
        Assert.Equal(EvidenceVerdict.Reject, check.Evidence[^1].Verdict);
    }

    [Fact]
    public void The_document_names_every_rule_and_every_reason()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "EmailRouter.slnx")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The solution is above the tests.");
        string document = File.ReadAllText(Path.Combine(folder, "docs", "tracking.md"));

        Assert.All(all, rule => Assert.Contains($"`{rule}`", document, StringComparison.Ordinal));
        Assert.All(Enum.GetNames<CheckReason>(), reason => Assert.Contains(reason, document, StringComparison.Ordinal));
    }
}

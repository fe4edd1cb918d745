using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking;

public sealed class EvidenceLogTests
{
    [Fact]
    public void What_one_rule_says_a_thousand_times_is_counted_beside_it()
    {
        var log = new EvidenceLog();
        for (int i = 0; i < 1000; i++)
            log.NoMatch("A", $"{i}");
        log.Match("A", "the one");
        log.Note("B", "last");

        IReadOnlyList<Evidence> entries = log.Entries;

        Assert.Equal(EvidenceLog.MaxSame + 3, entries.Count);
        Assert.Equal("The same 980 times more, for others.", entries[EvidenceLog.MaxSame].Text);
        Assert.Equal(["the one", "last"], entries.Skip(EvidenceLog.MaxSame + 1).Select(e => e.Text));
    }

    [Fact]
    public void Records_are_named_in_the_words_of_administrators()
    {
        Assert.Equal("user \"Anna Berg\"", EvidenceLog.Describe(Office.AnnaRecord));
        Assert.Equal("queue \"Support\" <support@contoso.test>", EvidenceLog.Describe(Office.Queue(Office.SupportRecord, Office.Support, Guid.Empty)));
        Assert.Equal("contact 0e000000-0000-0000-0000-000000000001", EvidenceLog.Describe(Office.CarlRecord with { Name = null }));
    }

    [Fact]
    public void Long_lists_are_cut_with_a_count() => Assert.Equal("a, b and 2 more", EvidenceLog.List(["a", "b", "c", "d"], 2));
}

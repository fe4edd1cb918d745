using EmailRouter.Crm.Outbox;

namespace EmailRouter.Crm.Tests.Outbox;

public sealed class DeficitRoundRobinTests
{
    [Fact]
    public void Senders_take_turns()
    {
        List<Item> taken = DeficitRoundRobin.Take([Share("a", 5), Share("b", 2), Share("c", 1)], 100);

        Assert.Equal("a b c a b a a a", string.Join(' ', taken.Select(t => t.Sender)));
    }

    [Fact]
    public void A_large_item_uses_up_several_turns()
    {
        SenderShare<Item> large = Share("a", 2, size: 3 * DeficitRoundRobin.Quantum);

        List<Item> taken = DeficitRoundRobin.Take([large, Share("b", 8)], 100);

        Assert.Equal("b b a b b b a b b b", string.Join(' ', taken.Select(t => t.Sender)));
    }

    [Fact]
    public void What_is_saved_up_and_whose_turn_it_is_is_kept()
    {
        SenderShare<Item> large = Share("a", 1, size: 2 * DeficitRoundRobin.Quantum);
        SenderShare<Item> small = Share("b", 5);

        Assert.Equal("b", Assert.Single(DeficitRoundRobin.Take([large, small], 1)).Sender);
        Assert.Equal(DeficitRoundRobin.Quantum, large.Deficit);
        Assert.Equal("a", Assert.Single(DeficitRoundRobin.Take([large, small], 1)).Sender);
    }

    [Fact]
    public void Every_sender_is_served_however_small_the_calls()
    {
        List<SenderShare<Item>> shares = [.. Enumerable.Range(0, 7).Select(i => Share(((char)('a' + i)).ToString(), 3))];

        List<string> served = [.. Enumerable.Range(0, 7).SelectMany(_ => DeficitRoundRobin.Take(shares, 1)).Select(t => t.Sender)];

        Assert.Equal(["a", "b", "c", "d", "e", "f", "g"], served);
    }

    [Fact]
    public void The_most_urgent_of_new_senders_begins()
    {
        SenderShare<Item> urgent = new(Guid.NewGuid(), [new Item("urgent", 1, EmailPriority.High, DateTimeOffset.UnixEpoch.AddDays(1))]);

        Assert.Equal(["urgent", "a"], DeficitRoundRobin.Take([Share("a", 1), urgent], 10).Select(t => t.Sender));
    }

    [Fact]
    public void Nothing_to_take_is_nothing_taken()
    {
        Assert.Empty(DeficitRoundRobin.Take(Array.Empty<SenderShare<Item>>(), 10));
        Assert.Empty(DeficitRoundRobin.Take([Share("a", 0)], 10));
        Assert.Empty(DeficitRoundRobin.Take([Share("a", 3)], 0));
    }

    private static SenderShare<Item> Share(string sender, int count, long size = 1) => new(
        new Guid(sender[0], 0, 0, new byte[8]), Enumerable.Range(0, count).Select(_ => new Item(sender, size, EmailPriority.Normal, DateTimeOffset.UnixEpoch)));

    private sealed record Item(string Sender, long Size, EmailPriority Priority, DateTimeOffset CreatedOn) : ISendCost;
}

namespace EmailRouter.Crm.Outbox;

/// <summary>
/// Takes work from several queues fairly: the queues take turns, each turn is worth one usual item, and an item that is larger uses up several turns. Whose
/// turn it is, and what is saved up for a large item, is kept from call to call, so a small call does not always serve the same ones.
/// </summary>
internal static class DeficitRoundRobin
{
    /// <summary>What a turn is worth, in bytes; smaller items cost as much.</summary>
    public const long Quantum = 256 * 1024;

    /// <summary>Takes items.</summary>
    /// <typeparam name="T">The items.</typeparam>
    /// <param name="shares">The queues. Those visited have their turn and deficit changed.</param>
    /// <param name="maxCount">The greatest number of items to take.</param>
    /// <returns>The items in the order they were taken.</returns>
    public static List<T> Take<T>(IEnumerable<SenderShare<T>> shares, int maxCount)
        where T : ISendCost
    {
        var taken = new List<T>();
        List<SenderShare<T>> waiting =
        [
            .. shares.Where(s => s.Items.Count > 0).OrderBy(s => s.Turn).ThenByDescending(s => s.Items.Peek().Priority).ThenBy(s => s.Items.Peek().CreatedOn)
                .ThenBy(s => s.SenderId),
        ];
        long turn = waiting.Select(s => s.Turn).DefaultIfEmpty().Max();
        while (waiting.Count > 0 && taken.Count < maxCount)
        {
            foreach (SenderShare<T> share in waiting)
            {
                if (taken.Count >= maxCount)
                    break;
                share.Turn = ++turn;
                share.Deficit += Quantum;
                share.IsVisited = true;
                while (taken.Count < maxCount && share.Items.TryPeek(out T? item) && Cost(item) <= share.Deficit)
                {
                    share.Deficit -= Cost(item);
                    taken.Add(share.Items.Dequeue());
                }

                if (share.Items.Count == 0)
                    share.Deficit = 0;
            }

            waiting.RemoveAll(s => s.Items.Count == 0);
        }

        return taken;
    }

    private static long Cost<T>(T item)
        where T : ISendCost => Math.Max(Quantum, item.Size);
}

/// <summary>What taking an item is judged by.</summary>
internal interface ISendCost
{
    /// <summary>Gets its size in bytes.</summary>
    long Size { get; }

    /// <summary>Gets its priority.</summary>
    EmailPriority Priority { get; }

    /// <summary>Gets when it was created.</summary>
    DateTimeOffset CreatedOn { get; }
}

/// <summary>One sender's queue.</summary>
/// <typeparam name="T">The items.</typeparam>
internal sealed class SenderShare<T>(Guid senderId, IEnumerable<T> items)
{
    public Guid SenderId { get; } = senderId;

    public Queue<T> Items { get; } = new(items);

    /// <summary>Gets or sets what is saved up, in bytes.</summary>
    public long Deficit { get; set; }

    /// <summary>Gets or sets the number of the last turn; 0 for none yet.</summary>
    public long Turn { get; set; }

    public bool IsVisited { get; set; }
}

using EmailRouter.Mail;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Incoming;

/// <summary>What a mailbox holds, held against what is remembered: the messages to handle, and those whose settlement the server still owes.</summary>
internal sealed class MailboxListing
{
    private const int BatchSize = 500;
    private const int SmallestBatch = 16;

    private readonly Dictionary<string, MessageRef> byId = [];
    private readonly List<MessageRef> fresh = [];
    private readonly List<(MessageRef Message, DecisionAction Action)> unsettled = [];

    private MailboxListing()
    {
    }

    /// <summary>Gets all ids that were listed.</summary>
    public List<string> Ids { get; } = [];

    /// <summary>Gets the messages to handle, in the order of the mailbox.</summary>
    public IReadOnlyList<MessageRef> New => fresh;

    /// <summary>Gets the messages that are done but whose settlement the server did not confirm, with what was done.</summary>
    public IReadOnlyList<(MessageRef Message, DecisionAction Action)> Unsettled => unsettled;

    /// <summary>Gets a value indicating whether more new messages wait than were asked for.</summary>
    public bool HasMore { get; private set; }

    /// <summary>
    /// Gets a value indicating whether the server listed to the end. Where it did not, an id that is missing may well be in the mailbox, and nothing may be forgotten.
    /// </summary>
    public bool IsComplete { get; private set; } = true;

    /// <summary>Gets the cursor that is right once all of <see cref="New"/> is done; null where the server has no position, or has not moved on.</summary>
    public MailboxCursor? EndCursor { get; private set; }

    /// <summary>Gets a message of <see cref="New"/> or <see cref="Unsettled"/>.</summary>
    /// <param name="id">Its id.</param>
    public MessageRef this[string id] => byId[id];

    public static async ValueTask<MailboxListing> ReadAsync(IMailboxSession session, IRouterState state, MailboxKey mailbox, int maxNew, CancellationToken cancellationToken)
    {
        var listing = new MailboxListing();
        MailboxCursor since = await state.GetCursorAsync(mailbox, cancellationToken).ConfigureAwait(false);
        var batch = new List<MessageRef>();
        bool hasPositions = false;
        await foreach (MessageRef message in session.ListAsync(since, cancellationToken).ConfigureAwait(false))
        {
            batch.Add(message);
            hasPositions |= message.Cursor is not null || session.Position is not null;

            // Where there are positions nearly everything listed is new, so there is no need to look far beyond what is wanted.
            if (batch.Count < (hasPositions ? Math.Clamp(maxNew - listing.fresh.Count + 1, SmallestBatch, BatchSize) : BatchSize))
                continue;
            await listing.SortAsync(batch, state, mailbox, maxNew, cancellationToken).ConfigureAwait(false);
            batch.Clear();
            if (hasPositions && listing.HasMore)
            {
                listing.IsComplete = false;
                break;
            }
        }

        await listing.SortAsync(batch, state, mailbox, maxNew, cancellationToken).ConfigureAwait(false);
        if (listing.IsComplete && !listing.HasMore && session.Position is { } position)
            listing.EndCursor = position;
        if (listing.EndCursor == since)
            listing.EndCursor = null;       // most polls find nothing new; they must not cost a write
        return listing;
    }

    private async ValueTask SortAsync(List<MessageRef> batch, IRouterState state, MailboxKey mailbox, int maxNew, CancellationToken cancellationToken)
    {
        if (batch.Count == 0)
            return;
        IReadOnlyDictionary<string, SeenMessage> seen = await state.GetSeenAsync(mailbox, [.. batch.Select(m => m.Id)], cancellationToken).ConfigureAwait(false);
        foreach (MessageRef message in batch)
        {
            Ids.Add(message.Id);
            SeenMessage? known = seen.GetValueOrDefault(message.Id);
            if (known?.Action is { } action)
            {
                if (!known.IsSettled && byId.TryAdd(message.Id, message))
                    unsettled.Add((message, action));
                if (!HasMore)
                    EndCursor = message.Cursor ?? EndCursor;
                continue;
            }

            if (fresh.Count == maxNew)
            {
                HasMore = true;
                continue;
            }

            // Servers that derive ids from content list two identical messages under one id (mail-protocols 1): one of them is enough.
            if (byId.TryAdd(message.Id, message))
                fresh.Add(message);
            if (!HasMore)
                EndCursor = message.Cursor ?? EndCursor;
        }
    }
}

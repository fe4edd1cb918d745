namespace EmailRouter.Shared.Locks;

/// <summary>Lets one promotion at a time go on for each Message-ID, so that two polls of copies of one email do not race to the organization.</summary>
internal sealed class MessageLocks
{
    private readonly Dictionary<string, Entry> entries = new(StringComparer.Ordinal);

    /// <summary>Gets how many Message-IDs are being worked on.</summary>
    public int Count
    {
        get
        {
            lock (entries)
                return entries.Count;
        }
    }

    public async ValueTask<IDisposable> EnterAsync(string messageId, CancellationToken cancellationToken)
    {
        Entry? entry;
        lock (entries)
        {
            if (!entries.TryGetValue(messageId, out entry))
                entries.Add(messageId, entry = new Entry());
            entry.Users++;
        }

        try
        {
            await entry.Gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            Leave(messageId, entry);
            throw;
        }

        return new Holder(this, messageId, entry);
    }

    private void Leave(string messageId, Entry entry)
    {
        lock (entries)
        {
            if (--entry.Users > 0)
                return;
            entries.Remove(messageId);
        }

        entry.Gate.Dispose();
    }

    private sealed class Entry
    {
        public SemaphoreSlim Gate { get; } = new(1, 1);

        public int Users { get; set; }
    }

    private sealed class Holder(MessageLocks locks, string messageId, Entry entry) : IDisposable
    {
        private bool isReleased;

        public void Dispose()
        {
            if (isReleased)
                return;
            isReleased = true;
            entry.Gate.Release();
            locks.Leave(messageId, entry);
        }
    }
}

namespace EmailRouter.Shared.Caching;

/// <summary>A value that is read again when it has become older than a limit. Concurrent readers share one reading.</summary>
internal sealed class CachedValue<T>(TimeProvider time, TimeSpan maxAge, Func<CancellationToken, ValueTask<T>> read) : IDisposable
    where T : class
{
    private readonly SemaphoreSlim reading = new(1, 1);
    private Entry? current;

    public async ValueTask<T> GetAsync(CancellationToken cancellationToken)
    {
        if (Fresh(Volatile.Read(ref current)) is { } known)
            return known;

        await reading.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return Fresh(current) ?? await ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            reading.Release();
        }
    }

    public async ValueTask<T> RefreshAsync(CancellationToken cancellationToken)
    {
        await reading.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            reading.Release();
        }
    }

    public void Dispose() => reading.Dispose();

    private T? Fresh(Entry? entry) => entry is not null && time.GetElapsedTime(entry.ReadAt) < maxAge ? entry.Value : null;

    private async ValueTask<T> ReadAsync(CancellationToken cancellationToken)
    {
        // The age counts from before the reading: what changed while it was read may have been missed.
        long readAt = time.GetTimestamp();
        T value = await read(cancellationToken).ConfigureAwait(false);
        Volatile.Write(ref current, new Entry(value, readAt));
        return value;
    }

    private sealed record Entry(T Value, long ReadAt);
}

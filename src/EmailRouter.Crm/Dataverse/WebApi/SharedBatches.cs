using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse.WebApi;

/// <summary>
/// Lets the small batches of several callers travel in one request. So many requests may be under way at once; a batch that finds one free leaves at once,
/// those that come while all are taken wait and leave together. So nobody waits for company, and the busier the router is, the fewer requests it takes.
/// </summary>
/// <remarks>
/// A shared request that fails for anything but the server's passing trouble is sent again, each batch by itself: whose fault it was, only that one is told. So
/// what travels here must be repeatable (<see cref="WebApiBatch.IsRepeatable"/>). Safe for use by many at once.
/// </remarks>
/// <param name="connection">The connection.</param>
/// <param name="maxAtOnce">How many requests may be under way at once.</param>
/// <param name="maxTogether">How many batches may share one request. Servers work through a request one part after the other, so more is not always
/// faster.</param>
/// <param name="linger">How long the first batch waits for others; zero: not at all.</param>
internal sealed class SharedBatches(WebApiConnection connection, int maxAtOnce, int maxTogether, TimeSpan linger = default) : IAsyncDisposable
{
    // Larger ones are better sent by themselves: they wait for the line, not for the server.
    private const long MaxBodySize = 2 * 1024 * 1024;

    private readonly object gate = new();
    private readonly Queue<Ride> waiting = new();
    private readonly Task?[] lanes = new Task?[maxAtOnce];

    /// <summary>Sends a batch, with others where that saves a request.</summary>
    /// <param name="batch">The batch; repeatable.</param>
    /// <param name="cancellationToken">Stops the attempt. What is under way with others is waited for, since it reads what the batch carries.</param>
    /// <returns>The answers to this batch, as of <see cref="WebApiConnection.SendAsync(WebApiBatch, CancellationToken)"/>.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses the batch as a whole.</exception>
    public async ValueTask<IReadOnlyList<IReadOnlyList<CrmAnswer>>> SendAsync(WebApiBatch batch, CancellationToken cancellationToken)
    {
        if (!batch.IsRepeatable)
            throw new ArgumentException("Only what may be sent again can travel with others.", nameof(batch));
        var ride = new Ride(batch, cancellationToken);
        lock (gate)
        {
            waiting.Enqueue(ride);
            int free = Array.IndexOf(lanes, null);
            if (free >= 0)
                lanes[free] = Task.Run(() => DriveAsync(free), CancellationToken.None);
        }

        using CancellationTokenRegistration stop = cancellationToken.UnsafeRegister(static r => ((Ride)r!).GiveUp(), ride);
        return await ride.Done.Task.ConfigureAwait(false);
    }

    /// <summary>Waits until everything is sent.</summary>
    /// <returns>A task that ends when nothing is under way.</returns>
    public async ValueTask DisposeAsync()
    {
        Task[] last;
        lock (gate)
            last = [.. lanes.OfType<Task>()];
        await Task.WhenAll(last).ConfigureAwait(false);
    }

    private async Task DriveAsync(int lane)
    {
        while (true)
        {
            if (linger > TimeSpan.Zero && IsRoomLeft())
                await Task.Delay(linger, connection.Clock).ConfigureAwait(false);
            List<Ride> rides;
            lock (gate)
            {
                rides = TakeRides();
                if (rides.Count == 0)
                {
                    lanes[lane] = null;
                    return;
                }
            }

            if (rides.Count == 1 || !await TrySendTogetherAsync(rides).ConfigureAwait(false))
                await Task.WhenAll(rides.Select(SendAloneAsync)).ConfigureAwait(false);
        }
    }

    private bool IsRoomLeft()
    {
        lock (gate)
            return waiting.Count > 0 && waiting.Count < maxTogether;
    }

    private List<Ride> TakeRides()
    {
        var rides = new List<Ride>();
        long size = 0;
        int requests = 0;
        while (rides.Count < maxTogether && waiting.TryPeek(out Ride? next))
        {
            size += next.Batch.BodySize;
            requests += next.Batch.RequestCount;
            if (rides.Count > 0 && (size > MaxBodySize || requests > WebApiBatch.MaxRequests))
                break;
            waiting.Dequeue();
            if (next.TryLeave())
                rides.Add(next);
        }

        return rides;
    }

    /// <returns>False when each has to be sent by itself.</returns>
    private async Task<bool> TrySendTogetherAsync(List<Ride> rides)
    {
        using var stop = new CancellationTokenSource();
        int aboard = rides.Count;
        CancellationTokenRegistration[] leavers = [.. rides.Select(r => r.Token.UnsafeRegister(
            _ =>
            {
                if (Interlocked.Decrement(ref aboard) == 0)
                    stop.Cancel();
            },
            null))];
        try
        {
            IReadOnlyList<IReadOnlyList<CrmAnswer>> answers =
                await connection.SendAsync(WebApiBatch.Join([.. rides.Select(r => r.Batch)]), stop.Token).ConfigureAwait(false);
            int at = 0;
            foreach (Ride ride in rides)
            {
                ride.Done.TrySetResult([.. answers.Skip(at).Take(ride.Batch.Count)]);
                at += ride.Batch.Count;
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            foreach (Ride ride in rides)
                ride.Done.TrySetCanceled(ride.Token);
        }
        catch (CrmException e) when (e.IsTransient && e.ErrorId != "CrmTimeout")
        {
            foreach (Ride ride in rides)
                ride.Done.TrySetException(e);
        }
        catch (Exception)
        {
            // It may be one of them (a file that cannot be read, a request too long or too slow for the server); by itself, each learns what it is.
            return false;
        }
        finally
        {
            // Disposing waits for a callback under way, which uses what is disposed next.
            foreach (CancellationTokenRegistration leaver in leavers)
                await leaver.DisposeAsync().ConfigureAwait(false);
        }

        return true;
    }

    private async Task SendAloneAsync(Ride ride)
    {
        try
        {
            ride.Done.TrySetResult(await connection.SendAsync(ride.Batch, ride.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (ride.Token.IsCancellationRequested)
        {
            ride.Done.TrySetCanceled(ride.Token);
        }
        catch (Exception e)
        {
            ride.Done.TrySetException(e);
        }
    }

    /// <summary>A batch on its way; whoever takes it out of the queue and whoever gives it up agree on which of the two it was.</summary>
    private sealed class Ride(WebApiBatch batch, CancellationToken token)
    {
        private int hasLeft;

        public WebApiBatch Batch { get; } = batch;

        public CancellationToken Token { get; } = token;

        public TaskCompletionSource<IReadOnlyList<IReadOnlyList<CrmAnswer>>> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool TryLeave() => Interlocked.Exchange(ref hasLeft, 1) == 0;

        public void GiveUp()
        {
            if (TryLeave())
                Done.TrySetCanceled(Token);
        }
    }
}

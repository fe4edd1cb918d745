namespace EmailRouter.PowerShell.Pipeline;

/// <summary>Works on several input objects at once while the pipeline hands over further ones.</summary>
/// <param name="limit">How many at once.</param>
internal sealed class ThrottledWork(int limit) : IDisposable
{
    private readonly SemaphoreSlim slots = new(limit);
    private readonly List<Task> running = [];

    /// <summary>Starts a job as soon as one of those before it has left room.</summary>
    /// <param name="job">The job. It reports what it expects to go wrong by itself; what it throws ends the cmdlet.</param>
    /// <param name="cancellationToken">Stops the waiting; jobs get the same token from whoever made them.</param>
    /// <returns>The job's task, to be watched over, once it runs.</returns>
    public async Task<Task> StartAsync(Func<Task> job, CancellationToken cancellationToken)
    {
        await slots.WaitAsync(cancellationToken).ConfigureAwait(false);
        await ThrowIfFailedAsync().ConfigureAwait(false);
        Task task = Task.Run(async () =>
        {
            try
            {
                await job().ConfigureAwait(false);
            }
            finally
            {
                slots.Release();
            }
        }, CancellationToken.None);
        running.Add(task);
        return task;
    }

    /// <summary>Waits for all jobs.</summary>
    /// <returns>A task that ends when all have ended, and fails when one has failed.</returns>
    public Task WhenAllAsync() => Task.WhenAll(running);

    /// <inheritdoc/>
    public void Dispose() => slots.Dispose();

    private async Task ThrowIfFailedAsync()
    {
        foreach (Task task in running.FindAll(task => task.IsCompleted))
        {
            await task.ConfigureAwait(false);
            running.Remove(task);
        }
    }
}

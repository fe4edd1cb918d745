using EmailRouter.Mail;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Incoming;

/// <summary>
/// Lets several messages of one chunk be decided and delivered at the same time, in order where order matters: a message waits for those before it that it
/// belongs to (same Message-ID, an answer to it, the same conversation), so that correlation finds them.
/// </summary>
internal sealed class DeliveryWindow(MessageProcessor processor, PollTally tally)
{
    private readonly List<Task<ProcessedMessage?>> entries = [];
    private readonly List<(Task Work, IReadOnlyCollection<string> Threads)> running = [];
    private readonly List<FetchedMessage> withheld = [];
    private Exception? broken;

    /// <summary>Gets the messages that are done, in their order; complete after <see cref="DrainAsync"/>.</summary>
    public IReadOnlyList<ProcessedMessage> Finished { get; private set; } = [];

    /// <summary>Gets a value indicating whether no message of the chunk has to come again.</summary>
    public bool IsComplete { get; private set; } = true;

    /// <summary>Takes a message; returns when there is room for the next.</summary>
    /// <remarks>
    /// That a message could not be fetched for now says something about the message only when the server went on to hand out another one. Until then it may be the
    /// server's trouble, which is no reason to set the whole mailbox aside, message by message.
    /// </remarks>
    /// <param name="fetched">The message; disposed when it is done.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="Exception">What broke the work on an earlier message of the window.</exception>
    public async ValueTask AddAsync(FetchedMessage fetched, CancellationToken cancellationToken)
    {
        if (fetched.Error is { IsTransient: true })
        {
            withheld.Add(fetched);
            return;
        }

        foreach (FetchedMessage earlier in withheld)
            await TakeAsync(earlier, cancellationToken).ConfigureAwait(false);
        withheld.Clear();
        await TakeAsync(fetched, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits for everything that was begun.</summary>
    /// <returns>The messages that are done, in their order.</returns>
    public async ValueTask<IReadOnlyList<ProcessedMessage>> DrainAsync()
    {
        ProcessedMessage?[] results = await Task.WhenAll(entries).ConfigureAwait(false);
        if (withheld.Count > 0)
            broken ??= withheld[0].Error;
        foreach (FetchedMessage failed in withheld)
            failed.Dispose();
        withheld.Clear();
        Finished = [.. results.OfType<ProcessedMessage>()];
        IsComplete = broken is null && Finished.All(f => f.Decision.Action != DecisionAction.Deferred);
        return Finished;
    }

    /// <summary>Reports what broke the work, if anything did.</summary>
    public void ThrowIfBroken()
    {
        if (broken is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(broken);
    }

    private async ValueTask TakeAsync(FetchedMessage fetched, CancellationToken cancellationToken)
    {
        tally.CountFetched(fetched.Content?.Length ?? 0);
        PreparedMessage prepared = processor.Prepare(fetched);
        if (prepared.Decision is { } decided)
        {
            fetched.Dispose();
            entries.Add(Task.FromResult<ProcessedMessage?>(processor.Finish(fetched.Message, decided)));
            return;
        }

        try
        {
            while (running.Count >= processor.MaxConcurrency || running.Exists(r => r.Threads.Any(prepared.Threads.Contains)))
            {
                await Task.WhenAny(running.Select(r => r.Work)).ConfigureAwait(false);
                running.RemoveAll(r => r.Work.IsCompleted);
                ThrowIfBroken();
            }
        }
        catch
        {
            prepared.Dispose();
            throw;
        }

        Task<ProcessedMessage?> work = WorkAsync(prepared, cancellationToken);
        entries.Add(work);
        running.Add((work, prepared.Threads));
    }

    private async Task<ProcessedMessage?> WorkAsync(PreparedMessage prepared, CancellationToken cancellationToken)
    {
        using (prepared)
        {
            try
            {
                return processor.Finish(prepared.Fetched.Message, await processor.DecideAsync(prepared, cancellationToken).ConfigureAwait(false));
            }
            catch (Exception failure)
            {
                // Kept for the one who drains the window: the messages beside this one must first be recorded.
                Interlocked.CompareExchange(ref broken, failure, null);
                return null;
            }
        }
    }
}

using System.Runtime.ExceptionServices;
using System.Threading.Channels;

namespace EmailRouter.PowerShell.Pipeline;

/// <summary>
/// Carries what asynchronous work wants to say to the one thread that may say it: PowerShell takes output, errors and questions only on the pipeline
/// thread and only while a cmdlet is in one of its processing methods.
/// </summary>
/// <remarks>
/// The channel is bounded, so a slow consumer down the pipeline slows the work. It lives as long as the cmdlet, so work started for one input object may
/// go on while the next one is taken; after <see cref="Close"/> every further write is refused.
/// </remarks>
/// <param name="capacity">How many writes may wait.</param>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Design", "CA1001", Justification = "The token must stay usable for work that does not leave in time; its source has no timer and no handle to release.")]
internal sealed class PipelinePump(int capacity = 256)
{
    private readonly Channel<Action> writes = Channel.CreateBounded<Action>(new BoundedChannelOptions(capacity) { SingleReader = true });
    private readonly CancellationTokenSource stop = new();
    private readonly TaskCompletionSource stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task<bool>? readable;
    private bool left;

    /// <summary>Gets the time that work gets to leave after a stop. PowerShell expects a stop to take effect within a second.</summary>
    public static TimeSpan Grace { get; } = TimeSpan.FromMilliseconds(600);

    /// <summary>Gets the token that every piece of work must descend from.</summary>
    public CancellationToken Stop => stop.Token;

    /// <summary>Signals the stop. May be called on any thread and returns at once.</summary>
    public void RequestStop()
    {
        if (!stopped.TrySetResult())
        {
            return;
        }

        // Callbacks of the token may do work of their own, and the caller must not wait for them.
        _ = Task.Run(stop.Cancel);
    }

    /// <summary>Has something written on the pipeline thread. Waits while the consumer is behind.</summary>
    /// <param name="write">What to do on the pipeline thread.</param>
    /// <returns>A task that ends when the write is queued.</returns>
    /// <exception cref="InvalidOperationException">The cmdlet has ended.</exception>
    /// <exception cref="OperationCanceledException">The cmdlet is being stopped.</exception>
    public async ValueTask WriteAsync(Action write)
    {
        try
        {
            await writes.Writer.WriteAsync(write, stop.Token).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw Late();
        }
    }

    /// <summary>Has something written on the pipeline thread if there is room; what is only nice to know must not slow the work.</summary>
    /// <param name="write">What to do on the pipeline thread.</param>
    /// <returns>False when it was dropped.</returns>
    public bool TryWrite(Action write) => !stop.IsCancellationRequested && writes.Writer.TryWrite(write);

    /// <summary>Asks something on the pipeline thread and waits for the answer.</summary>
    /// <typeparam name="T">The type of the answer.</typeparam>
    /// <param name="question">What to ask on the pipeline thread.</param>
    /// <returns>The answer.</returns>
    /// <exception cref="OperationCanceledException">The cmdlet is being stopped.</exception>
    public async Task<T> AskAsync<T>(Func<T> question)
    {
        TaskCompletionSource<T> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await WriteAsync(() =>
        {
            try
            {
                answer.TrySetResult(question());
            }
            catch (Exception e)
            {
                // The one who asked gets it, and with it a halt that the user answered; it comes back to this thread when the work ends by it.
                answer.TrySetException(e);
            }
        }).ConfigureAwait(false);
        return await answer.Task.WaitAsync(stop.Token).ConfigureAwait(false);
    }

    /// <summary>On the pipeline thread: does the writes that wait, without waiting for more.</summary>
    public void Drain()
    {
        while (!stopped.Task.IsCompleted && writes.Reader.TryRead(out Action? write))
        {
            write();
        }
    }

    /// <summary>On the pipeline thread: does the writes as they come until a task has ended and nothing it wrote is left.</summary>
    /// <param name="work">The task.</param>
    /// <exception cref="OperationCanceledException">A stop was requested; the task was given <see cref="Grace"/> to leave.</exception>
    public void DrainUntil(Task work)
    {
        try
        {
            while (true)
            {
                bool ended = work.IsCompleted;
                Drain();
                if (stopped.Task.IsCompleted)
                {
                    throw new OperationCanceledException(stop.Token);
                }

                if (ended)
                {
                    break;
                }

                if (readable is null || readable.IsCompleted)
                {
                    readable = writes.Reader.WaitToReadAsync().AsTask();
                }

                Task.WaitAny(work, readable, stopped.Task);
            }
        }
        catch
        {
            // Either a stop, or a consumer down the pipeline has had enough, or a question was answered with a halt.
            Leave(work);
            throw;
        }

        if (work.Exception is { } failure)
        {
            // The original, not the aggregate around it.
            ExceptionDispatchInfo.Throw(failure.InnerExceptions[0]);
        }

        if (work.IsCanceled)
        {
            throw new OperationCanceledException();
        }
    }

    /// <summary>On the pipeline thread: stops the work and gives it a moment to leave, but only once.</summary>
    /// <param name="work">The work.</param>
    public void Leave(Task work)
    {
        RequestStop();
        if (!left)
        {
            left = true;
            Task.WaitAny([work], Grace);
        }
    }

    /// <summary>Refuses everything that is written from now on.</summary>
    public void Close() => writes.Writer.TryComplete();

    private static InvalidOperationException Late() => new("Written after the cmdlet ended.");
}

namespace EmailRouter.Lab.Store;

/// <summary>What happened in a mailbox, in order. Used under the mailbox's lock.</summary>
internal sealed class LabChangeLog
{
    private readonly List<LabChange> changes = [];
    private TaskCompletionSource waiting = New();
    private long forgottenUntil;

    /// <summary>Gets the number of the last change.</summary>
    public long Sequence { get; private set; }

    /// <summary>Gets the position before the first change that is known.</summary>
    public long Start => forgottenUntil;

    /// <summary>Gets what completes with the next change.</summary>
    public Task Next => waiting.Task;

    /// <summary>Takes the number of a change that is about to be written.</summary>
    public long Take() => ++Sequence;

    public void Add(LabChange change)
    {
        changes.Add(change);
        TaskCompletionSource told = waiting;
        waiting = New();
        told.SetResult();
    }

    /// <summary>Forgets everything so far: positions before now are no longer known.</summary>
    public void Forget()
    {
        changes.Clear();
        forgottenUntil = Take();
    }

    public bool Knows(long sequence) => sequence >= forgottenUntil && sequence <= Sequence;

    /// <summary>Lists what happened after a position; null when that is no longer (or not yet) known.</summary>
    public IEnumerable<LabChange>? Since(long sequence) => Knows(sequence) ? changes.Skip(FirstAfter(sequence)) : null;

    private int FirstAfter(long sequence)
    {
        int low = 0;
        int high = changes.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (changes[middle].Sequence <= sequence)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

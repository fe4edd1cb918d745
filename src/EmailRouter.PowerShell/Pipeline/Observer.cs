namespace EmailRouter.PowerShell.Pipeline;

/// <summary>Hands on what the engine reports, on the thread that reports it. <see cref="Progress{T}"/> would reorder it.</summary>
/// <typeparam name="T">What is reported.</typeparam>
/// <param name="report">Who is told.</param>
internal sealed class Observer<T>(Action<T> report) : IProgress<T>
{
    /// <inheritdoc/>
    public void Report(T value) => report(value);
}

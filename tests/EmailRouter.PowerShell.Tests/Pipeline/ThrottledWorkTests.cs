using EmailRouter.PowerShell.Pipeline;

namespace EmailRouter.PowerShell.Tests.Pipeline;

public sealed class ThrottledWorkTests
{
    [Fact]
    public async Task No_more_jobs_run_at_once_than_allowed()
    {
        using ThrottledWork work = new(2);
        TaskCompletionSource gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await work.StartAsync(() => gate.Task, default);
        await work.StartAsync(() => gate.Task, default);

        Task third = work.StartAsync(() => Task.CompletedTask, default);

        Assert.False(third.IsCompleted);
        gate.SetResult();
        await third;
        await work.WhenAllAsync();
    }

    [Fact]
    public async Task The_failure_of_a_job_comes_out()
    {
        using ThrottledWork work = new(1);
        await work.StartAsync(() => throw new FormatException("bad"), default);

        await Assert.ThrowsAsync<FormatException>(async () =>
        {
            await work.StartAsync(() => Task.CompletedTask, default);
            await work.WhenAllAsync();
        });
    }

    [Fact]
    public async Task Waiting_for_room_can_be_stopped()
    {
        using ThrottledWork work = new(1);
        using CancellationTokenSource stop = new();
        TaskCompletionSource gate = new();
        await work.StartAsync(() => gate.Task, default);
        Task waiting = work.StartAsync(() => Task.CompletedTask, stop.Token);

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        gate.SetResult();
        await work.WhenAllAsync();
    }
}

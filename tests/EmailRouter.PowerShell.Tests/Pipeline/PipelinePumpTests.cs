using EmailRouter.PowerShell.Pipeline;

namespace EmailRouter.PowerShell.Tests.Pipeline;

public sealed class PipelinePumpTests
{
    [Fact]
    public void Everything_written_is_done_on_the_draining_thread_and_in_order()
    {
        PipelinePump pump = new(4);
        List<int> done = [];
        HashSet<int> threads = [];

        pump.DrainUntil(Task.Run(async () =>
        {
            for (int i = 0; i < 1000; i++)
            {
                int number = i;
                await pump.WriteAsync(() =>
                {
                    done.Add(number);
                    threads.Add(Environment.CurrentManagedThreadId);
                });
            }
        }));

        Assert.Equal(Enumerable.Range(0, 1000), done);
        Assert.Equal([Environment.CurrentManagedThreadId], threads);
    }

    [Fact]
    public void The_work_waits_while_the_channel_is_full()
    {
        PipelinePump pump = new(2);
        Assert.True(pump.TryWrite(() => { }));
        Assert.True(pump.TryWrite(() => { }));

        ValueTask third = pump.WriteAsync(() => { });

        Assert.False(third.IsCompleted);
        Assert.False(pump.TryWrite(() => { }));
        pump.Drain();
        pump.DrainUntil(third.AsTask());
    }

    [Fact]
    public void A_question_is_answered_on_the_draining_thread()
    {
        PipelinePump pump = new();
        int asked = 0;

        Task<int> work = Task.Run(() => pump.AskAsync(() => asked = Environment.CurrentManagedThreadId));
        pump.DrainUntil(work);

        Assert.Equal(Environment.CurrentManagedThreadId, asked);
        Assert.True(work.IsCompletedSuccessfully);
    }

    [Fact]
    public void The_original_exception_comes_out_after_what_was_written_before()
    {
        PipelinePump pump = new();
        bool written = false;

        FormatException thrown = Assert.Throws<FormatException>(() => pump.DrainUntil(Task.Run(async () =>
        {
            await pump.WriteAsync(() => written = true);
            throw new FormatException("bad");
        })));

        Assert.Equal("bad", thrown.Message);
        Assert.True(written);
    }

    [Fact]
    public async Task A_stop_reaches_the_work_and_ends_the_draining()
    {
        PipelinePump pump = new();
        Task work = Task.Run(() => Task.Delay(Timeout.Infinite, pump.Stop));
        Task stopper = Task.Run(pump.RequestStop);

        Assert.ThrowsAny<OperationCanceledException>(() => pump.DrainUntil(work));

        Assert.True(pump.Stop.IsCancellationRequested);
        await stopper;
    }

    [Fact]
    public async Task A_stop_wakes_a_writer_that_waits_for_room_and_one_that_waits_for_an_answer()
    {
        PipelinePump pump = new(1);
        Task question = pump.AskAsync(() => 1);
        Task write = pump.WriteAsync(() => { }).AsTask();

        pump.RequestStop();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => question);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => write);
    }

    [Fact]
    public void An_exception_of_the_consumer_stops_the_work_and_comes_out()
    {
        PipelinePump pump = new();
        Task work = Task.Run(async () =>
        {
            await pump.WriteAsync(() => throw new InvalidDataException("enough"));
            await Task.Delay(Timeout.Infinite, pump.Stop);
        });

        Assert.Throws<InvalidDataException>(() => pump.DrainUntil(work));

        Assert.True(work.IsCanceled || pump.Stop.IsCancellationRequested);
    }

    [Fact]
    public async Task What_is_written_after_the_end_is_refused()
    {
        PipelinePump pump = new();

        pump.Close();

        await Assert.ThrowsAsync<InvalidOperationException>(async () => await pump.WriteAsync(() => { }));
        Assert.False(pump.TryWrite(() => { }));
    }
}

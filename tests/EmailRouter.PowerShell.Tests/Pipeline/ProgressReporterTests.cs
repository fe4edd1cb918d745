using EmailRouter.PowerShell.Pipeline;

namespace EmailRouter.PowerShell.Tests.Pipeline;

public sealed class ProgressReporterTests
{
    private readonly ManualClock clock = new();

    [Fact]
    public void Short_work_shows_nothing_and_completes_nothing()
    {
        ProgressReporter reporter = new(1, "Polling", clock);

        clock.Advance(TimeSpan.FromMilliseconds(249));

        Assert.Null(reporter.Next("one", 1, 10));
        Assert.Null(reporter.Completed());
    }

    [Fact]
    public void Records_are_a_quarter_of_a_second_apart()
    {
        ProgressReporter reporter = new(1, "Polling", clock);
        int shown = 0;

        for (int i = 0; i < 1000; i++)
        {
            clock.Advance(TimeSpan.FromMilliseconds(10));
            shown += reporter.Next("one", i, 1000) is null ? 0 : 1;
        }

        Assert.Equal(40, shown);
    }

    [Fact]
    public void What_was_shown_is_completed_once()
    {
        ProgressReporter reporter = new(1, "Polling", clock);
        clock.Advance(TimeSpan.FromSeconds(1));

        Assert.NotNull(reporter.Next(string.Empty, 0, null));
        Assert.NotNull(reporter.Completed());
        Assert.Null(reporter.Completed());
    }
}

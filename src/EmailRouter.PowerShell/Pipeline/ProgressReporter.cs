using System.Management.Automation;

namespace EmailRouter.PowerShell.Pipeline;

/// <summary>Decides which progress records are worth showing: none for short work, at most four a second, and always a completed one at the end.</summary>
/// <param name="activityId">The progress record's id, one for each cmdlet.</param>
/// <param name="activity">What the cmdlet does, in words.</param>
/// <param name="clock">The clock.</param>
internal sealed class ProgressReporter(int activityId, string activity, TimeProvider clock)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);
    private readonly object gate = new();
    private readonly long started = clock.GetTimestamp();
    private long last;
    private bool shown;

    /// <summary>Makes the record for a state of the work.</summary>
    /// <param name="status">What is being worked on.</param>
    /// <param name="done">How much is done.</param>
    /// <param name="total">How much there is; null when that is unknown.</param>
    /// <returns>The record; null when it is not yet time for one.</returns>
    public ProgressRecord? Next(string status, long done, long? total)
    {
        lock (gate)
        {
            if (clock.GetElapsedTime(shown ? last : started) < Interval)
            {
                return null;
            }

            shown = true;
            last = clock.GetTimestamp();
            int percent = total is > 0 and { } all ? (int)Math.Clamp(done * 100 / all, 0, 100) : -1;
            return new ProgressRecord(activityId, activity, string.IsNullOrEmpty(status) ? " " : status) { PercentComplete = percent };
        }
    }

    /// <summary>Makes the record that takes the progress off the screen.</summary>
    /// <returns>The record; null when none was shown.</returns>
    public ProgressRecord? Completed()
    {
        lock (gate)
        {
            if (!shown)
            {
                return null;
            }

            shown = false;
            return new ProgressRecord(activityId, activity, "Completed") { RecordType = ProgressRecordType.Completed };
        }
    }
}

using System.Diagnostics;
using System.Globalization;

namespace EmailRouter.Routing.Scheduling;

/// <summary>
/// This process as a holder of leases. The name says machine and process, so that the leases of a process that was killed can be taken over at once
/// by a router on the same machine instead of waiting for their end.
/// </summary>
public static class RouterInstance
{
    private static readonly string process = Describe();
    private static long acquisitions;

    /// <summary>Makes a name under which one part of this process holds a lease; two parts of one process exclude each other too.</summary>
    /// <returns>The name: machine, process number, start time, and a number of its own.</returns>
    public static string NewHolder() => string.Create(CultureInfo.InvariantCulture, $"{process}/{Interlocked.Increment(ref acquisitions)}");

    /// <summary>Tells whether the holder of a lease is known to be gone.</summary>
    /// <param name="holder">The name of a holder.</param>
    /// <returns>True when it was a process of this machine that no longer runs; false when it runs or nobody can know.</returns>
    public static bool IsGone(string holder)
    {
        ArgumentNullException.ThrowIfNull(holder);
        string[] parts = holder.Split('/');
        if (parts.Length != 4
            || parts[0] != Environment.MachineName
            || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int id)
            || !long.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out long started))
        {
            return false;
        }

        try
        {
            using Process other = Process.GetProcessById(id);

            // Another process may have got the number since. Two readings of one start time may differ by a second: it is computed from the boot time.
            return other.HasExited || Math.Abs(StartOf(other) - started) > 2;
        }
        catch (Exception gone) when (gone is ArgumentException or InvalidOperationException)
        {
            return true;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;       // it runs, but under an account that may not be looked at
        }
    }

    private static string Describe()
    {
        using Process self = Process.GetCurrentProcess();
        return string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}/{self.Id}/{StartOf(self)}");
    }

    private static long StartOf(Process process) => process.StartTime.ToUniversalTime().Ticks / TimeSpan.TicksPerSecond;
}

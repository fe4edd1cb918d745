namespace EmailRouter.Mail.Files;

/// <summary>Waits until something appears in a folder. What it says only means "look sooner".</summary>
internal static class FolderWatch
{
    /// <summary>Waits.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="filter">Which names count, e.g. <c>*.eml</c>.</param>
    /// <param name="atMost">How long to wait.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>True when a file appeared; false when the time was up, or at once where this folder cannot be watched.</returns>
    public static async ValueTask<bool> WaitAsync(string folder, string filter, TimeSpan atMost, TimeProvider clock, CancellationToken cancellationToken)
    {
        var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        FileSystemWatcher watcher;
        try
        {
            watcher = new FileSystemWatcher(folder, filter) { NotifyFilter = NotifyFilters.FileName };
            watcher.Created += (_, _) => seen.TrySetResult();
            watcher.Renamed += (_, _) => seen.TrySetResult();
            watcher.Error += (_, _) => seen.TrySetResult();      // something was missed: looking tells
            watcher.EnableRaisingEvents = true;
        }
        catch (Exception e) when (e is ArgumentException or PlatformNotSupportedException || FileErrors.IsFileError(e))
        {
            // Network drives, or no watch left on this machine (fs.inotify.max_user_watches).
            return false;
        }

        using (watcher)
        {
            try
            {
                await seen.Task.WaitAsync(atMost, clock, cancellationToken).ConfigureAwait(false);
                return true;
            }
            catch (TimeoutException)
            {
                return false;
            }
        }
    }
}

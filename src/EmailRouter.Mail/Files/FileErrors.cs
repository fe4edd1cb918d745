namespace EmailRouter.Mail.Files;

/// <summary>Turns what the file system refuses into exceptions with stable ids and remedies.</summary>
internal static class FileErrors
{
    /// <summary>Whether an exception is the file system's, and not a fault of the program.</summary>
    /// <param name="e">The exception.</param>
    /// <returns>True for refusals and failures of the file system.</returns>
    public static bool IsFileError(Exception e) => e is IOException or UnauthorizedAccessException or System.Security.SecurityException;

    /// <summary>Whether something is not there (any more).</summary>
    /// <param name="e">The exception.</param>
    /// <returns>True when a file or a folder of its path is missing.</returns>
    public static bool IsMissing(Exception e) => e is FileNotFoundException or DirectoryNotFoundException;

    /// <summary>Whether a disk, or the account's share of it, is full.</summary>
    /// <param name="e">The exception.</param>
    /// <returns>True for ENOSPC and EDQUOT, and ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL of Windows.</returns>
    public static bool IsFull(Exception e) => e is IOException && (OperatingSystem.IsWindows() ? (e.HResult & 0xFFFF) is 39 or 112 : e.HResult is 28 or 122 or 69);

    /// <summary>A folder that cannot be worked on.</summary>
    /// <param name="e">Why.</param>
    /// <param name="step">The step.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="what">What was to be done, e.g. "listed".</param>
    /// <returns>The exception to throw.</returns>
    public static MailException Folder(Exception e, MailStep step, string folder, string what)
    {
        if (IsMissing(e))
            return Missing(step, folder, "it does not exist", e);
        if (IsFull(e))
        {
            return new MailConnectionException(
                "MailDiskFull", step, $"{folder} cannot be {what}: {e.Message}", "Make room on the disk of the folder; nothing is lost, it is tried again.", e)
            {
                IsTransient = true,
            };
        }

        return e is IOException
            ? new MailConnectionException(
                "MailFolderFailed", step, $"{folder} cannot be {what}: {e.Message}", "See what the operating system says; a network drive may be away. It is tried again.", e)
            {
                IsTransient = true,
            }
            : new MailConnectionException(
                "MailFolderDenied", step, $"{folder} cannot be {what}: {e.Message}", "Give the router's account the right to read, change and remove files in the folder.", e);
    }

    /// <summary>A folder that is not there, or is not what it should be.</summary>
    /// <param name="step">The step.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="why">What is wrong with it.</param>
    /// <param name="inner">The cause.</param>
    /// <returns>The exception to throw.</returns>
    public static MailException Missing(MailStep step, string folder, string why, Exception? inner = null) => new MailConnectionException(
        "MailFolderMissing", step, $"The folder {folder} cannot be used: {why}.", "Correct the path of the profile, make the folder, or mount the drive it is on.", inner);

    /// <summary>A target that lies outside of the mailbox.</summary>
    /// <param name="folder">The target's name.</param>
    /// <param name="root">The mailbox's folder.</param>
    /// <param name="why">What is wrong with it.</param>
    /// <returns>The exception to throw.</returns>
    public static MailCommandException Outside(string folder, string root, string why) => new(
        "MailFolderOutside", MailStep.Settle, $"Messages of {root} cannot be moved to \"{folder}\": {why}.", "Name a folder below that of the mailbox in the profile's settlement.");

    /// <summary>A settlement that failed for one message; the others go on.</summary>
    /// <param name="message">Which message.</param>
    /// <param name="file">Its file.</param>
    /// <param name="e">Why.</param>
    /// <returns>The exception to throw when the session ends.</returns>
    public static MailCommandException NotSettled(MessageRef message, string file, Exception e) => new(
        "MailSettlementFailed",
        MailStep.Settle,
        $"Message {message.Id} could not be settled ({file}): {e.Message}",
        "Give the router's account the right to change and remove files in the folder. Nothing is lost: it is recognised and settled next time.",
        e)
    {
        IsTransient = true,
    };

    /// <summary>A message that is gone, or whose file is no longer the one that was listed.</summary>
    /// <param name="message">Which message.</param>
    /// <param name="why">What happened.</param>
    /// <param name="inner">The cause.</param>
    /// <returns>The error to hand to whoever asked for the message.</returns>
    public static MailCommandException Gone(MessageRef message, string why, Exception? inner = null) => new(
        MailException.MessageGone, MailStep.Fetch, $"Message {message.Id} cannot be fetched: {why}.", "Nothing is to be done; a changed file is listed again as another message.", inner);

    /// <summary>A message that could not be read or kept.</summary>
    /// <param name="message">Which message.</param>
    /// <param name="file">Its file.</param>
    /// <param name="e">Why.</param>
    /// <returns>The error to hand to whoever asked for the message.</returns>
    public static MailCommandException Message(MessageRef message, string file, Exception e) => e switch
    {
        Mime.MessageTooLargeException => new(
            MailException.MessageTooLarge,
            MailStep.Fetch,
            $"Message {message.Id} was not fetched ({file}): {e.Message}",
            "Raise the size limit, or have the file removed.",
            e),
        _ when IsMissing(e) => Gone(message, "its file has been removed since it was listed", e),
        _ when IsFull(e) => new(
            "MailSpoolFailed", MailStep.Fetch, $"Message {message.Id} could not be kept: {e.Message}", "Make room on the disk of the temporary folder, or choose another folder.", e)
        {
            IsTransient = true,
        },
        _ => new(
            "MailMessageUnavailable",
            MailStep.Fetch,
            $"Message {message.Id} cannot be read ({file}): {e.Message}",
            "Give the router's account the right to read the file, or let the program that holds it open close it.",
            e)
        {
            IsTransient = e is IOException,
        },
    };
}

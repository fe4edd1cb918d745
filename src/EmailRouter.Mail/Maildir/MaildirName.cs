namespace EmailRouter.Mail.Maildir;

/// <summary>The name of a message's file in a Maildir: what never changes, and the flags behind it.</summary>
/// <param name="Unique">The unique name; it stays the same wherever the message goes.</param>
/// <param name="Flags">The flags, e.g. <c>FS</c>: D draft, F flagged, P passed, R replied, S seen, T trashed, and others in lower case.</param>
internal readonly record struct MaildirName(string Unique, string Flags)
{
    /// <summary>What stands before the information; a colon cannot be in a name on Windows, where a semicolon took its place.</summary>
    private static readonly char Separator = OperatingSystem.IsWindows() ? ';' : ':';

    /// <summary>Gets a value indicating whether a person is writing it, or has thrown it away: such a message is not there to be read.</summary>
    public bool IsDraftOrTrashed => Flags.Contains('D', StringComparison.Ordinal) || Flags.Contains('T', StringComparison.Ordinal);

    /// <summary>Reads a file name.</summary>
    /// <param name="fileName">The name.</param>
    /// <returns>Its parts. Information of another version than 2 is kept out of the unique name and counts as no flags.</returns>
    public static MaildirName Parse(string fileName)
    {
        int at = fileName.LastIndexOf(Separator);
        if (at <= 0)
            return new MaildirName(fileName, string.Empty);
        ReadOnlySpan<char> info = fileName.AsSpan(at + 1);
        return new MaildirName(fileName[..at], info.StartsWith("2,") ? info[2..].ToString() : string.Empty);
    }

    /// <summary>Adds a flag.</summary>
    /// <param name="flag">The flag.</param>
    /// <returns>The name with all flags in the order of ASCII, each once.</returns>
    public MaildirName With(char flag) => this with { Flags = string.Concat(Flags.Append(flag).Distinct().Order()) };

    /// <summary>Makes the file name for the folder <c>cur</c>.</summary>
    /// <returns>The file name.</returns>
    public override string ToString() => $"{Unique}{Separator}2,{Flags}";
}

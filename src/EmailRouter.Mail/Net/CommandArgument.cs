namespace EmailRouter.Mail.Net;

/// <summary>How arguments of commands are shown.</summary>
internal static class CommandArgument
{
    /// <summary>Shows a command by its first word only, since what follows cannot be trusted to be one line.</summary>
    /// <param name="line">The command.</param>
    /// <returns>The first word.</returns>
    public static string Show(string line)
    {
        int end = line.AsSpan().IndexOfAny(" \r\n\0");
        return end < 0 ? line : line[..end];
    }
}

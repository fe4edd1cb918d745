using EmailRouter.Sqlite;

namespace EmailRouter.Routing.State;

/// <summary>The errors of the router's state, each with its remedy.</summary>
internal static class RouterStateErrors
{
    private const string Step = "State";

    /// <summary>Puts a fault of the file into the router's words.</summary>
    /// <param name="fault">The kind of fault.</param>
    /// <param name="message">What happened, with the file.</param>
    /// <param name="inner">The cause.</param>
    /// <returns>The exception to throw.</returns>
    public static Exception Translate(SqliteFault fault, string message, Exception? inner)
    {
        (string id, string words, string remedy, bool isTransient) = fault switch
        {
            SqliteFault.Locked => (
                "RouterStateLocked",
                "The router's state is locked by another process.",
                "Wait until the other router process has ended its work, or end it if it hangs; then try again.",
                true),
            SqliteFault.Corrupt => (
                "RouterStateCorrupt",
                "The router's state is damaged or is no database.",
                "Stop all router processes, keep a copy of the file, and put a backup in its place. Without a backup remove the file: mailboxes are then read " +
                "from the start, and messages that were promoted already are recognized as duplicates.",
                false),
            SqliteFault.Full => ("RouterStateFull", "The disk that holds the router's state is full.", "Make room on the disk, or remove old decisions; then try again.", true),
            SqliteFault.Denied => (
                "RouterStateDenied",
                "The router's state cannot be opened or written.",
                "Give the router's account read and write access to the file and its folder, or set another StatePath in the configuration.",
                false),
            SqliteFault.Newer => (
                "RouterStateNewer",
                "The router's state was written by a newer version of the router.",
                "Use the newer version of the router, or put back the backup made before its installation.",
                false),
            SqliteFault.Foreign => (
                "RouterStateForeign",
                "The file is not a router's state.",
                "Set StatePath in the configuration to a file of its own, not to that of an embedded CRM or of another program.",
                false),
            _ => ("RouterStateFailed", "The router's state could not be read or written.", "Check the disk and its cables, mounts and quota; then try again.", true),
        };
        return new RouterException(new RouterError(id, Step, $"{words} {message}", remedy, isTransient), inner);
    }

    /// <summary>The row cannot be understood.</summary>
    /// <param name="what">Which row and what is wrong with it.</param>
    /// <param name="inner">The cause.</param>
    /// <returns>The exception to throw.</returns>
    public static Exception Damaged(string what, Exception inner) => Translate(SqliteFault.Corrupt, what, inner);
}

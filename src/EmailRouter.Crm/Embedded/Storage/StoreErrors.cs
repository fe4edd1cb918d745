using EmailRouter.Sqlite;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>Turns the faults of the file into errors an administrator can act on.</summary>
internal static class StoreErrors
{
    /// <summary>Explains a fault.</summary>
    /// <param name="store">The path of the file, or what stands for it.</param>
    /// <param name="fault">What kind of fault it is.</param>
    /// <param name="detail">What SQLite said.</param>
    /// <param name="cause">The cause.</param>
    /// <returns>The explained error.</returns>
    public static CrmException Explain(string store, SqliteFault fault, string detail, Exception? cause) => fault switch
    {
        SqliteFault.Locked => new CrmException(
            "CrmStoreLocked",
            $"The CRM store '{store}' is locked by another process ({detail}).",
            "Try again; if it stays locked, end the program that holds a transaction open on the file.",
            cause)
        { IsTransient = true },

        // Transient like the 452 of a mail server: no record is at fault, and space comes back.
        SqliteFault.Full => new CrmException(
            "CrmStoreFull",
            $"The CRM store '{store}' cannot grow: the disk is full, or the store has reached its greatest size ({detail}).",
            "Free disk space or raise the store's greatest size.",
            cause)
        { IsTransient = true },
        SqliteFault.Denied when Directory.Exists(store) =>
            new CrmException("CrmStoreDenied", $"'{store}' is a folder, not a CRM store.", "Name a file in that folder.", cause),
        SqliteFault.Denied => new CrmException(
            "CrmStoreDenied",
            $"The account '{Environment.UserName}' may not read and write the CRM store '{store}' ({detail}).",
            $"Give the account '{Environment.UserName}' the right to read and write the file and its folder (SQLite keeps -wal and -shm files beside it).",
            cause),
        SqliteFault.Corrupt => new CrmException(
            "CrmStoreCorrupt", $"The CRM store '{store}' is damaged or is no SQLite database ({detail}).",
            "Restore the file from a backup, or name another file.", cause),
        SqliteFault.Newer => new CrmException(
            "CrmStoreNewer", $"The CRM store '{store}' was written by a later version ({detail})", "Use the version that wrote it, or a later one.", cause),
        SqliteFault.Foreign => new CrmException(
            "CrmStoreForeign", $"'{store}' is a SQLite database, but not a CRM store.", "Name the file of a CRM store, or a new file.", cause),
        _ when cause is SqliteException { SqliteErrorCode: raw.SQLITE_CONSTRAINT } => new CrmException(
            "CrmRecordInvalid", $"A record breaks a rule of the CRM store '{store}' ({detail}).", "Correct the record's values.", cause)
        { IsAboutRecord = true },
        _ => new CrmException(
            "CrmStoreFailed", $"The CRM store '{store}' cannot be used ({detail}).", "Look at the disk and the file system that holds the file.", cause),
    };

    /// <summary>The file is not there and must not be created.</summary>
    public static CrmException Missing(string store) => new(
        "CrmStoreMissing", $"There is no CRM store '{store}'.", "Correct the path, or allow the store to be created.");

    /// <summary>A record that a caller names does not exist.</summary>
    public static CrmException RecordMissing(string table, Guid id) => new(
        "CrmRecordMissing", $"There is no {table} with the id {id}.", "Name an existing record.")
    { IsAboutRecord = true };

    /// <summary>A record cannot be as a caller wants it.</summary>
    public static CrmException RecordInvalid(string message, string remedy) => new("CrmRecordInvalid", message, remedy) { IsAboutRecord = true };

    /// <summary>A record is there already.</summary>
    public static CrmException RecordExists(string table, Guid id) => new(
        "CrmRecordExists", $"There is a {table} with the id {id} already.", "Update it, or leave the id to the CRM.") { IsAboutRecord = true };

    /// <summary>A record is not any more as its reader saw it.</summary>
    public static CrmException RecordChanged(string table, Guid id, long expected, long present) => new(
        "CrmRecordChanged", $"The {table} {id} has version {present}, not {expected}: somebody has changed it.", "Read the record again.") { IsAboutRecord = true };
}

using Microsoft.Data.Sqlite;

namespace EmailRouter.Sqlite;

/// <summary>How a <see cref="SqliteFile"/> is opened.</summary>
internal sealed record SqliteFileOptions
{
    /// <summary>The <see cref="Path"/> of a database in memory, gone when it is closed.</summary>
    public const string InMemory = ":memory:";

    /// <summary>Gets the file; its folder is made when missing.</summary>
    public required string Path { get; init; }

    /// <summary>Gets the number in the file's header that says whose file it is (<c>PRAGMA application_id</c>), so that one kind of file is never taken for another.</summary>
    public required int ApplicationId { get; init; }

    /// <summary>Gets the scripts that bring an empty file to the newest version, one for each version (<c>PRAGMA user_version</c>). Only ever appended to.</summary>
    public required IReadOnlyList<string> Migrations { get; init; }

    /// <summary>Gets what turns a fault into the exception of the room that uses the file.</summary>
    public required Func<SqliteFault, string, Exception?, Exception> Translate { get; init; }

    /// <summary>Gets how long to wait for another process to end its transaction. Defaults to 30 s.</summary>
    public TimeSpan BusyTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Gets what to do with each new connection, e.g. to add functions; null for nothing.</summary>
    public Action<SqliteConnection>? Configure { get; init; }
}

/// <summary>What can go wrong with a SQLite file, as far as the remedies differ.</summary>
internal enum SqliteFault
{
    /// <summary>Another process holds its transaction too long.</summary>
    Locked,

    /// <summary>The file is damaged, or no database at all.</summary>
    Corrupt,

    /// <summary>The disk is full.</summary>
    Full,

    /// <summary>The file or its folder may not be read or written.</summary>
    Denied,

    /// <summary>A newer version of the product has changed the file's tables.</summary>
    Newer,

    /// <summary>It is a database of something else.</summary>
    Foreign,

    /// <summary>Anything else: the disk failed, a constraint, a defect.</summary>
    Failed,
}

using System.Collections.Concurrent;
using System.Globalization;
using System.Threading.Channels;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace EmailRouter.Sqlite;

/// <summary>
/// One SQLite file that several processes may share: write-ahead log, every commit synced to disk, versioned tables, and group commit. All writes of a
/// process go through one connection; those that wait together run in one transaction, each within its own savepoint, so that a hundred callers pay for
/// one sync. Reads run beside them on connections of their own.
/// </summary>
/// <remarks>
/// Source shared by the rooms that keep such a file, compiled into each: neither owns it, and no public type or assembly comes of it.
/// SQLite's own calls block; they run on the thread pool.
/// </remarks>
internal sealed class SqliteFile : IAsyncDisposable
{
    private const int MaxGroup = 256;
    private const int MaxWaitingJobs = 4096;
    private const int MaxIdleReaders = 4;

    // SQLite waits this long at a time; between the waits cancelled jobs leave.
    private static readonly TimeSpan BusySlice = TimeSpan.FromMilliseconds(200);

    private readonly SqliteFileOptions options;
    private readonly bool isInMemory;
    private readonly SqliteSession writer;
    private readonly ConcurrentBag<SqliteSession> idleReaders = [];
    private readonly Channel<Job> jobs = Channel.CreateBounded<Job>(new BoundedChannelOptions(MaxWaitingJobs) { SingleReader = true });
    private readonly Task loop;
    private int disposed;

    private SqliteFile(SqliteFileOptions options, SqliteSession writer)
    {
        this.options = options;
        isInMemory = IsInMemory(options);
        this.writer = writer;
        loop = Task.Run(RunAsync);
    }

    /// <summary>Opens the file; makes it, or brings its tables to the newest version, when needed.</summary>
    /// <param name="options">Which file, and its tables.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The open file.</returns>
    public static Task<SqliteFile> OpenAsync(SqliteFileOptions options, CancellationToken cancellationToken) =>
        Task.Run(() => Open(options, cancellationToken), cancellationToken);

    /// <summary>Writes. The task ends when the job's transaction is durable, or the job had no effect at all.</summary>
    /// <typeparam name="T">What the job returns.</typeparam>
    /// <param name="job">
    /// The work; it must not keep the session. It runs a second time when the transaction it shared with others was lost, so its only effects are those in the file.
    /// </param>
    /// <param name="cancellationToken">Takes the job back while it has not begun; afterwards it runs to its end.</param>
    /// <returns>What the job returned.</returns>
    public async Task<T> WriteAsync<T>(Func<SqliteSession, T> job, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(disposed != 0, this);
        var entry = new Job<T>(job, cancellationToken);
        try
        {
            await jobs.Writer.WriteAsync(entry, cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException closed)
        {
            throw new ObjectDisposedException(nameof(SqliteFile), closed);
        }

        return await entry.Result.ConfigureAwait(false);
    }

    /// <summary>Reads one consistent state, beside whatever is being written.</summary>
    /// <typeparam name="T">What is read.</typeparam>
    /// <param name="read">The work; it must not keep the session.</param>
    /// <param name="cancellationToken">Stops the reading before it begins.</param>
    /// <returns>What was read.</returns>
    public Task<T> ReadAsync<T>(Func<SqliteSession, T> read, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(disposed != 0, this);

        // A database in memory belongs to its one connection.
        return isInMemory ? WriteAsync(read, cancellationToken) : Task.Run(() => Read(read), cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0)
            return;
        jobs.Writer.TryComplete();
        await loop.ConfigureAwait(false);
        while (idleReaders.TryTake(out SqliteSession? reader))
            reader.Dispose();
        writer.Dispose();
    }

    private static SqliteFile Open(SqliteFileOptions options, CancellationToken cancellationToken)
    {
        Batteries_V2.Init();
        SqliteSession? session = null;
        try
        {
            if (!IsInMemory(options))
                PrepareFile(options.Path);
            session = Connect(options);
            ExecuteWhenFree(session, "PRAGMA journal_mode = WAL", options, cancellationToken);
            Execute(session, "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864");
            Migrate(session, options, cancellationToken);
            var file = new SqliteFile(options, session);
            session = null;
            return file;
        }
        catch (SqliteException e)
        {
            throw Translate(options, e);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw options.Translate(SqliteFault.Denied, $"{options.Path}: {e.Message}", e);
        }
        finally
        {
            session?.Dispose();
        }
    }

    private static bool IsInMemory(SqliteFileOptions options) => options.Path == SqliteFileOptions.InMemory;

    /// <summary>Makes folder and file for their owner only; SQLite gives its log files the same mode.</summary>
    private static void PrepareFile(string path)
    {
        string full = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        if (!OperatingSystem.IsWindows() && !File.Exists(full) && !Directory.Exists(full))
        {
            // Open or create: another process may be first, and its file must not be cut off.
            new FileStream(full, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.Write,
                Share = FileShare.ReadWrite | FileShare.Delete,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }).Dispose();
        }
    }

    private static SqliteSession Connect(SqliteFileOptions options)
    {
        var text = new SqliteConnectionStringBuilder
        {
            DataSource = IsInMemory(options) ? options.Path : Path.GetFullPath(options.Path),
            Mode = SqliteOpenMode.ReadWriteCreate,
            Pooling = false,
            DefaultTimeout = Math.Max(1, (int)options.BusyTimeout.TotalSeconds),
        };
        var connection = new SqliteConnection(text.ToString());
        try
        {
            connection.Open();
            _ = raw.sqlite3_busy_timeout(connection.Handle!, (int)BusySlice.TotalMilliseconds);
            options.Configure?.Invoke(connection);
            return new SqliteSession(connection);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static void Migrate(SqliteSession session, SqliteFileOptions options, CancellationToken cancellationToken)
    {
        if (ReadNumber(session, "PRAGMA application_id") == options.ApplicationId && ReadNumber(session, "PRAGMA user_version") == options.Migrations.Count)
            return;
        ExecuteWhenFree(session, "BEGIN IMMEDIATE", options, cancellationToken);
        try
        {
            long owner = ReadNumber(session, "PRAGMA application_id");
            if (owner != options.ApplicationId && (owner != 0 || ReadNumber(session, "SELECT count(*) FROM sqlite_schema") != 0))
                throw options.Translate(SqliteFault.Foreign, $"{options.Path} is a database of another kind.", null);
            long version = ReadNumber(session, "PRAGMA user_version");
            if (version > options.Migrations.Count)
                throw options.Translate(SqliteFault.Newer, $"{options.Path} has version {version}; this program knows versions up to {options.Migrations.Count}.", null);
            for (int i = (int)version; i < options.Migrations.Count; i++)
                Execute(session, options.Migrations[i]);
            Execute(session, string.Create(
                CultureInfo.InvariantCulture, $"PRAGMA application_id = {options.ApplicationId}; PRAGMA user_version = {options.Migrations.Count}; COMMIT"));
        }
        catch
        {
            RollBack(session);
            throw;
        }
    }

    private static long ReadNumber(SqliteSession session, string sql)
    {
        using SqliteCommand command = session.Connection.CreateCommand();
#pragma warning disable CA2100 // Constants.
        command.CommandText = sql;
#pragma warning restore CA2100
        return Convert.ToInt64(command.ExecuteScalar(), CultureInfo.InvariantCulture);
    }

    // Not through SqliteCommand: that one waits on its own when the file is busy, and cannot be stopped.
    private static void Execute(SqliteSession session, string sql) =>
        SqliteException.ThrowExceptionForRC(raw.sqlite3_exec(session.Connection.Handle!, sql), session.Connection.Handle!);

    private static void ExecuteWhenFree(SqliteSession session, string sql, SqliteFileOptions options, CancellationToken cancellationToken)
    {
        for (TimeSpan waited = TimeSpan.Zero; ; waited += BusySlice)
        {
            int code = raw.sqlite3_exec(session.Connection.Handle!, sql);
            if (code == raw.SQLITE_OK)
                return;
            if (!IsBusy(code) || waited >= options.BusyTimeout)
                SqliteException.ThrowExceptionForRC(code, session.Connection.Handle!);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private static bool IsBusy(int code) => (code & 0xFF) is raw.SQLITE_BUSY or raw.SQLITE_LOCKED;

    private static bool IsInTransaction(SqliteSession session) => raw.sqlite3_get_autocommit(session.Connection.Handle!) == 0;

    private static void RollBack(SqliteSession session)
    {
        // SQLite has rolled back on its own after a full disk, a failed read or write, and the like.
        if (IsInTransaction(session))
            _ = raw.sqlite3_exec(session.Connection.Handle!, "ROLLBACK");
    }

    private static Exception Translate(SqliteFileOptions options, Exception exception) => exception is not SqliteException e
        ? exception
        : options.Translate(
            e.SqliteErrorCode switch
            {
                raw.SQLITE_BUSY or raw.SQLITE_LOCKED => SqliteFault.Locked,
                raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => SqliteFault.Corrupt,
                raw.SQLITE_FULL => SqliteFault.Full,
                raw.SQLITE_CANTOPEN or raw.SQLITE_READONLY or raw.SQLITE_PERM or raw.SQLITE_AUTH => SqliteFault.Denied,
                _ => SqliteFault.Failed,
            },
            $"{options.Path}: {e.Message} (code {e.SqliteExtendedErrorCode})",
            e);

    private T Read<T>(Func<SqliteSession, T> read)
    {
        SqliteSession? session = null;
        try
        {
            if (!idleReaders.TryTake(out session))
            {
                session = Connect(options);
                Execute(session, "PRAGMA query_only = ON");
            }

            Execute(session, "BEGIN");
            T result = read(session);
            Execute(session, "COMMIT");
            if (idleReaders.Count < MaxIdleReaders && disposed == 0)
            {
                idleReaders.Add(session);
                session = null;
            }

            return result;
        }
        catch (SqliteException e)
        {
            throw Translate(options, e);
        }
        finally
        {
            // After an exception its transaction may be in any state; a new connection costs little.
            session?.Dispose();
        }
    }

    private async Task RunAsync()
    {
        var group = new List<Job>();
        while (await jobs.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            while (group.Count < MaxGroup && jobs.Reader.TryRead(out Job? job))
                group.Add(job);
            try
            {
                RunGroup(group);
            }
            catch (Exception e)
            {
                // The loop itself must outlive any fault: whoever asked is told, and the next group gets its own chance.
                RollBack(writer);
                FailOrSeparate(group, e);
            }

            group.Clear();
        }
    }

    /// <summary>
    /// One job of a lost transaction is to blame (its big row filled the disk), so each gets a transaction of its own. A busy file would only be waited for again.
    /// </summary>
    private void FailOrSeparate(List<Job> group, Exception fault)
    {
        if (group.Count == 1 || (fault is SqliteException e && IsBusy(e.SqliteErrorCode)))
        {
            foreach (Job job in group)
                job.Fail(Translate(options, fault));
            return;
        }

        foreach (Job job in group.Where(j => !j.IsFinished))
        {
            try
            {
                RunGroup([job]);
            }
            catch (Exception own)
            {
                RollBack(writer);
                job.Fail(Translate(options, own));
            }
        }
    }

    private void RunGroup(List<Job> group)
    {
        if (!Begin(group))
            return;
        foreach (Job job in group)
        {
            if (job.IsFinished || job.LeaveWhenCancelled())
                continue;
            Execute(writer, "SAVEPOINT job");
            try
            {
                job.Run(writer);
            }
            catch (Exception e) when (IsInTransaction(writer))
            {
                Execute(writer, "ROLLBACK TO job");
                job.Fail(Translate(options, e));
            }

            Execute(writer, "RELEASE job");
        }

        Execute(writer, "COMMIT");
        foreach (Job job in group)
            job.Succeed();
    }

    /// <summary>Begins the transaction; false when all jobs left while another process held the file.</summary>
    private bool Begin(List<Job> group)
    {
        for (TimeSpan waited = TimeSpan.Zero; ; waited += BusySlice)
        {
            int code = raw.sqlite3_exec(writer.Connection.Handle!, "BEGIN IMMEDIATE");
            if (code == raw.SQLITE_OK)
                return true;
            if (!IsBusy(code) || waited >= options.BusyTimeout)
                SqliteException.ThrowExceptionForRC(code, writer.Connection.Handle!);
            bool allLeft = true;
            foreach (Job job in group)
                allLeft &= job.LeaveWhenCancelled();
            if (allLeft)
                return false;
        }
    }

    private abstract class Job
    {
        public abstract bool IsFinished { get; }

        public abstract void Run(SqliteSession session);

        public abstract void Succeed();

        public abstract void Fail(Exception exception);

        public abstract bool LeaveWhenCancelled();
    }

    private sealed class Job<T>(Func<SqliteSession, T> work, CancellationToken cancellationToken) : Job
    {
        private readonly TaskCompletionSource<T> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T result = default!;

        public Task<T> Result => completion.Task;

        public override bool IsFinished => completion.Task.IsCompleted;

        public override void Run(SqliteSession session) => result = work(session);

        public override void Succeed() => completion.TrySetResult(result);

        public override void Fail(Exception exception) => completion.TrySetException(exception);

        public override bool LeaveWhenCancelled()
        {
            if (cancellationToken.IsCancellationRequested)
                completion.TrySetCanceled(cancellationToken);
            return IsFinished;
        }
    }
}

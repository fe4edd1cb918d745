using EmailRouter.Sqlite;

namespace EmailRouter.Routing.Tests.State;

public sealed class SqliteFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Jobs_that_wait_together_share_a_transaction()
    {
        await using SqliteFile file = await OpenAsync();
        var gate = new TaskCompletionSource();
        Task<long> first = HoldWriterAsync(file, gate);
        Task<long>[] rest = [.. Enumerable.Range(0, 20).Select(i => file.WriteAsync(s => InsertAndCountOthers(s, i), default))];

        gate.SetResult();
        await first;

        // Each but the first sees the uncommitted rows of those before it, and a reader would see none.
        Assert.Equal(Enumerable.Range(0, 20).Select(i => (long)i), await Task.WhenAll(rest));
        Assert.Equal(2, await CommitsAsync(file));
    }

    [Fact]
    public async Task A_job_that_fails_takes_only_its_own_changes_with_it()
    {
        await using SqliteFile file = await OpenAsync();
        var gate = new TaskCompletionSource();
        Task<long> first = HoldWriterAsync(file, gate);
        Task<long> before = file.WriteAsync(s => InsertAndCountOthers(s, 1), default);
        Task<long> broken = file.WriteAsync<long>(
            s =>
            {
                InsertAndCountOthers(s, 2);
                throw new FormatException("no");
            },
            default);
        Task<long> constraint = file.WriteAsync(s => InsertAndCountOthers(s, 1), default);
        Task<long> after = file.WriteAsync(s => InsertAndCountOthers(s, 3), default);

        gate.SetResult();
        await first;

        await before;
        await Assert.ThrowsAsync<FormatException>(() => broken);
        Assert.Equal("Failed", (await Assert.ThrowsAsync<InvalidDataException>(() => constraint)).Message);
        await after;
        Assert.Equal("1,3", await ValuesAsync(file));
    }

    [Fact]
    public async Task A_job_cancelled_while_it_waits_never_runs()
    {
        await using SqliteFile file = await OpenAsync();
        using var stop = new CancellationTokenSource();
        var gate = new TaskCompletionSource();
        Task<long> first = HoldWriterAsync(file, gate);
        Task<long> cancelled = file.WriteAsync(s => InsertAndCountOthers(s, 1), stop.Token);
        Task<long> other = file.WriteAsync(s => InsertAndCountOthers(s, 2), default);

        await stop.CancelAsync();
        gate.SetResult();
        await first;

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        await other;
        Assert.Equal("2", await ValuesAsync(file));
    }

    [Fact]
    public async Task Closing_finishes_what_was_asked_for()
    {
        SqliteFile file = await OpenAsync();
        Task<long>[] writes = [.. Enumerable.Range(0, 50).Select(i => file.WriteAsync(s => InsertAndCountOthers(s, i), default))];

        await file.DisposeAsync();

        await Task.WhenAll(writes);
        await using SqliteFile again = await OpenAsync();
        Assert.Equal(string.Join(',', Enumerable.Range(0, 50)), await ValuesAsync(again));
    }

    [Fact]
    public async Task Readers_cannot_write()
    {
        await using SqliteFile file = await OpenAsync();

        InvalidDataException e = await Assert.ThrowsAsync<InvalidDataException>(() => file.ReadAsync(s => InsertAndCountOthers(s, 1), default));

        Assert.Equal("Denied", e.Message);
        Assert.Equal(string.Empty, await ValuesAsync(file));
    }

    [Fact]
    public async Task An_older_file_is_brought_to_the_newest_version_and_keeps_its_rows()
    {
        await using (SqliteFile old = await OpenAsync())
            await old.WriteAsync(s => InsertAndCountOthers(s, 7), default);

        await using SqliteFile file = await OpenAsync("ALTER TABLE number ADD COLUMN name TEXT DEFAULT 'seven'");

        Assert.Equal("seven", await file.ReadAsync(s => s.Statement("SELECT name FROM number").ExecuteScalar() as string, default));
    }

    [Fact]
    public async Task A_migration_that_fails_leaves_the_file_as_it_was()
    {
        await using (SqliteFile old = await OpenAsync())
            await old.WriteAsync(s => InsertAndCountOthers(s, 7), default);

        await Assert.ThrowsAsync<InvalidDataException>(() => OpenAsync("CREATE TABLE more (id); INSERT INTO nowhere VALUES (1)"));

        await using SqliteFile file = await OpenAsync("CREATE TABLE more (id)");
        Assert.Equal("7", await ValuesAsync(file));
    }

    private static Task<long> HoldWriterAsync(SqliteFile file, TaskCompletionSource gate)
    {
        var begun = new TaskCompletionSource();
        Task<long> job = file.WriteAsync(
            _ =>
            {
                begun.SetResult();
                gate.Task.Wait();
                return 0L;
            },
            default);
        begun.Task.Wait();
        return job;
    }

    private static long InsertAndCountOthers(SqliteSession session, int value)
    {
        long count = (long)session.Statement("SELECT count(*) FROM number").ExecuteScalar()!;
        session.Statement("INSERT INTO number (value) VALUES ($value)").Bind("$value", value).ExecuteNonQuery();
        return count;
    }

    private static Task<string> ValuesAsync(SqliteFile file) =>
        file.ReadAsync(s => (string)s.Statement("SELECT coalesce(group_concat(value, ',' ORDER BY value), '') FROM number").ExecuteScalar()!, default);

    /// <summary>Frames of the log that end a transaction: one for each commit since the file was opened first.</summary>
    private Task<int> CommitsAsync(SqliteFile file) => file.ReadAsync(
        _ =>
        {
            using var wal = new FileStream(folder["test.db-wal"], FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            byte[] bytes = new byte[wal.Length];
            wal.ReadExactly(bytes);
            int commits = 0;
            for (int at = 32; at + 24 <= bytes.Length; at += 24 + 4096)
                commits += System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at + 4)) != 0 ? 1 : 0;
            return commits;
        },
        default);

    private Task<SqliteFile> OpenAsync(params string[] further) => SqliteFile.OpenAsync(
        new SqliteFileOptions
        {
            Path = folder["test.db"],
            ApplicationId = 42,
            Migrations = ["CREATE TABLE number (value INTEGER PRIMARY KEY)", .. further],
            Translate = (fault, _, inner) => new InvalidDataException(fault.ToString(), inner),
        },
        default);
}

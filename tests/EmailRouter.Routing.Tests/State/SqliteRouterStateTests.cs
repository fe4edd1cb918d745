using EmailRouter.Mail;
using EmailRouter.Routing.State;
using Microsoft.Data.Sqlite;

namespace EmailRouter.Routing.Tests.State;

public sealed class SqliteRouterStateTests : RouterStateContract, IDisposable
{
    private static readonly MailboxKey Other = new("Contoso", "other@example.test");
    private readonly TemporaryFolder folder = new();

    private string File => folder["state/state.db"];

    // After DisposeAsync, which closes the state.
    public void Dispose() => folder.Dispose();

    protected override async Task<IRouterState> OpenAsync() => await SqliteRouterState.OpenAsync(File, Clock, default);

    [Fact]
    public async Task After_a_crash_everything_before_the_last_completed_call_is_there()
    {
        await State.RecordAsync(Other, [new("uid1", Sample(1), false)], new MailboxCursor("1"), default);
        await State.WriteJournalAsync([new("Contoso", Guid.Empty, "<1@example.test>", 1, SendPhase.Committing, Clock.GetUtcNow(), null)], [], default);

        // The files as they lie on the disk while the state is still open: what a power failure leaves.
        await using SqliteRouterState after = await SqliteRouterState.OpenAsync(CopyFiles(), Clock, default);

        Assert.Equal("1", (await after.GetCursorAsync(Other, default)).Value);
        Assert.Single(await after.FindDecisionsAsync(new DecisionQuery(), default).ToListAsync());
        Assert.Equal(SendPhase.Committing, (await after.GetJournalAsync("Contoso", [Guid.Empty], default))[Guid.Empty].Phase);
    }

    [Fact]
    public async Task After_a_crash_within_a_transaction_nothing_of_it_is_there()
    {
        await State.RecordAsync(Other, [], new MailboxCursor("1"), default);
        string copy = string.Empty;
        await ((SqliteRouterState)State).File.WriteAsync(
            session =>
            {
                session.Statement("UPDATE mailbox SET cursor = '2'").ExecuteNonQuery();
                copy = CopyFiles();
                return 0;
            },
            default);

        await using SqliteRouterState after = await SqliteRouterState.OpenAsync(copy, Clock, default);

        Assert.Equal("1", (await after.GetCursorAsync(Other, default)).Value);
        Assert.Equal("2", (await State.GetCursorAsync(Other, default)).Value);
    }

    [Fact]
    public async Task A_killed_process_loses_nothing_it_reported_as_done()
    {
        using OtherProcess other = await OtherProcess.StartAsync(File, "record");
        string? last = null;
        for (int i = 0; i < 50; i++)
        {
            last = await other.ReadLineAsync();
            await State.RecordDecisionsAsync([Sample(i)], default);
        }

        await other.KillAsync();

        Assert.NotNull(last);
        int done = int.Parse(last, System.Globalization.CultureInfo.InvariantCulture);
        string[] keys = [.. Enumerable.Range(0, done + 1).Select(i => $"uid{i}")];
        Assert.Equal(keys.Length, (await State.GetSeenAsync(Other, keys, default)).Count);
        int cursor = int.Parse((await State.GetCursorAsync(Other, default)).Value, System.Globalization.CultureInfo.InvariantCulture);
        int decisions = (await FindAsync(new DecisionQuery { Mailbox = Other.Address })).Count;
        Assert.True(cursor >= done, $"{cursor} {done}");
        Assert.Equal(cursor + 1, decisions);
        Assert.Equal(50, (await FindAsync(new DecisionQuery { Mailbox = "support@example.test" })).Count);
    }

    [Fact]
    public async Task The_unfinished_transaction_of_a_killed_process_is_undone_and_its_lock_is_gone()
    {
        using OtherProcess other = await OtherProcess.StartAsync(File, "hold");
        await using SqliteRouterState impatient = await SqliteRouterState.OpenAsync(File, Clock, TimeSpan.FromMilliseconds(1), default);
        RouterException locked = await Assert.ThrowsAsync<RouterException>(async () => await impatient.RecordAsync(Other, [], new MailboxCursor("mine"), default));
        Assert.Equal("RouterStateLocked", locked.Error.ErrorId);
        Assert.True(locked.Error.IsTransient);
        Assert.True((await impatient.GetCursorAsync(Other, default)).IsStart);

        await other.KillAsync();

        await impatient.RecordAsync(Other, [], new MailboxCursor("mine"), default);
        Assert.Equal("mine", (await State.GetCursorAsync(Other, default)).Value);
    }

    [Fact]
    public async Task Waiting_for_another_process_can_be_cancelled()
    {
        using SqliteConnection other = Connect(File);
        Execute(other, "BEGIN IMMEDIATE");
        using var stop = new CancellationTokenSource();

        ValueTask waiting = State.RecordAsync(Other, [], new MailboxCursor("1"), stop.Token);
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await waiting);
        Execute(other, "ROLLBACK");
        await State.RecordAsync(Other, [], new MailboxCursor("2"), default);
        Assert.Equal("2", (await State.GetCursorAsync(Other, default)).Value);
    }

    [Fact]
    public async Task A_file_that_is_no_database_is_reported_and_left_as_it_is()
    {
        string path = folder["garbage.db"];
        await System.IO.File.WriteAllTextAsync(path, new string('x', 5000));

        await AssertOpenFailsAsync(path, "RouterStateCorrupt");

        Assert.Equal(new string('x', 5000), await System.IO.File.ReadAllTextAsync(path));
    }

    [Fact]
    public async Task A_damaged_file_is_reported()
    {
        await State.RecordDecisionsAsync([.. Enumerable.Range(0, 500).Select(Sample)], default);
        await State.DisposeAsync();
        byte[] bytes = await System.IO.File.ReadAllBytesAsync(File);
        bytes.AsSpan(4096).Fill(0x5A);
        await System.IO.File.WriteAllBytesAsync(File, bytes);

        await using SqliteRouterState damaged = await SqliteRouterState.OpenAsync(File, Clock, default);

        RouterException e = await Assert.ThrowsAsync<RouterException>(async () => await damaged.RecordDecisionsAsync([Sample(1)], default));
        Assert.Equal("RouterStateCorrupt", e.Error.ErrorId);
        e = await Assert.ThrowsAsync<RouterException>(async () => await damaged.FindDecisionsAsync(new DecisionQuery(), default).ToListAsync());
        Assert.Equal("RouterStateCorrupt", e.Error.ErrorId);
    }

    [Fact]
    public async Task A_row_that_cannot_be_understood_is_reported()
    {
        await State.RecordDecisionsAsync([Sample(1)], default);
        using SqliteConnection other = Connect(File);
        Execute(other, "UPDATE decision SET evidence = '{'");

        RouterException e = await Assert.ThrowsAsync<RouterException>(async () => await FindAsync(new DecisionQuery()));

        Assert.Equal("RouterStateCorrupt", e.Error.ErrorId);
    }

    [Fact]
    public async Task A_file_of_a_newer_version_is_refused_and_left_as_it_is()
    {
        using SqliteConnection other = Connect(File);
        Execute(other, "PRAGMA user_version = 1000");

        await AssertOpenFailsAsync(File, "RouterStateNewer");

        using SqliteCommand version = other.CreateCommand();
        version.CommandText = "PRAGMA user_version";
        Assert.Equal(1000L, version.ExecuteScalar());
    }

    [Fact]
    public async Task The_database_of_another_program_is_refused()
    {
        string path = folder["crm.db"];
        using SqliteConnection other = Connect(path);
        Execute(other, "CREATE TABLE contact (id)");

        await AssertOpenFailsAsync(path, "RouterStateForeign");
    }

    [Fact]
    public async Task A_path_that_cannot_be_opened_is_reported()
    {
        await AssertOpenFailsAsync(folder.Path, "RouterStateDenied");
        await System.IO.File.WriteAllTextAsync(folder["file"], string.Empty);
        await AssertOpenFailsAsync(Path.Combine(folder["file"], "state.db"), "RouterStateDenied");
    }

    [Fact]
    public async Task A_full_disk_is_reported_and_nothing_is_half_recorded()
    {
        await ((SqliteRouterState)State).File.WriteAsync(
            session =>
            {
                using SqliteCommand limit = session.Connection.CreateCommand();
                limit.CommandText = "PRAGMA max_page_count = 1";  // SQLite takes the present size as the least.
                return limit.ExecuteScalar();
            },
            default);
        Decision large = Sample(1) with { Explanation = new string('x', 1_000_000) };

        RouterException e = await Assert.ThrowsAsync<RouterException>(
            async () => await State.RecordAsync(Other, [new("uid1", Sample(2), false), new("uid2", large, false)], new MailboxCursor("1"), default));

        Assert.Equal("RouterStateFull", e.Error.ErrorId);
        Assert.True((await State.GetCursorAsync(Other, default)).IsStart);
        Assert.Empty(await FindAsync(new DecisionQuery()));
    }

    [Fact]
    public async Task Several_open_a_new_file_at_once()
    {
        string path = folder["new/state.db"];

        SqliteRouterState[] states = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => SqliteRouterState.OpenAsync(path, Clock, default)));

        await Task.WhenAll(states.Select(async (s, i) => await s.RecordDecisionsAsync([Sample(i)], default)));
        Assert.Equal(6, (await states[0].FindDecisionsAsync(new DecisionQuery(), default).ToListAsync()).Count);
        foreach (SqliteRouterState state in states)
            await state.DisposeAsync();
    }

    [Fact]
    public async Task Only_the_owner_can_read_the_files()
    {
        await State.RecordDecisionsAsync([Sample(1)], default);
        if (OperatingSystem.IsWindows())
            return;

        foreach (string path in Directory.GetFiles(Path.GetDirectoryName(File)!))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(path));
    }

    [Fact]
    public async Task Queries_by_mailbox_message_activity_and_time_use_an_index()
    {
        string plan = await ((SqliteRouterState)State).File.ReadAsync(
            session =>
            {
                var lines = new List<string>();
                foreach (string where in (string[])["mailbox_key = 'a'", "message_id_key = 'a'", "activity_id = x'00'", "taken_on >= 5"])
                {
                    using SqliteCommand explain = session.Connection.CreateCommand();
#pragma warning disable CA2100 // Constants.
                    explain.CommandText = $"EXPLAIN QUERY PLAN SELECT * FROM decision WHERE TRUE AND {where} ORDER BY taken_on DESC, number DESC LIMIT 10";
#pragma warning restore CA2100
                    using SqliteDataReader reader = explain.ExecuteReader();
                    reader.Read();
                    lines.Add(reader.GetString(3));
                }

                return string.Join('\n', lines);
            },
            default);

        Assert.Equal(
            """
            SEARCH decision USING INDEX decision_mailbox (mailbox_key=?)
            SEARCH decision USING INDEX decision_message_id (message_id_key=?)
            SEARCH decision USING INDEX decision_activity (activity_id=?)
            SEARCH decision USING INDEX decision_taken_on (taken_on>?)
            """,
            plan,
            ignoreLineEndingDifferences: true);
    }

    private static SqliteConnection Connect(string path)
    {
        var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        return connection;
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Constants.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    private async Task AssertOpenFailsAsync(string path, string errorId)
    {
        RouterException e = await Assert.ThrowsAsync<RouterException>(() => SqliteRouterState.OpenAsync(path, Clock, default));
        Assert.Equal(errorId, e.Error.ErrorId);
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
        Assert.NotEmpty(e.Error.Remedy);
    }

    private string CopyFiles()
    {
        string copy = folder["copy"];
        Directory.CreateDirectory(copy);
        foreach (string path in Directory.GetFiles(Path.GetDirectoryName(File)!))
        {
            // The shared-memory index is rebuilt from the log; after a power failure it is gone.
            if (!path.EndsWith("-shm", StringComparison.Ordinal))
                System.IO.File.Copy(path, Path.Combine(copy, Path.GetFileName(path)));
        }

        return Path.Combine(copy, "state.db");
    }
}

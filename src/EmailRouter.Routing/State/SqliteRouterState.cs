using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using EmailRouter.Mail;
using EmailRouter.Sqlite;
using Microsoft.Data.Sqlite;

namespace EmailRouter.Routing.State;

/// <summary>The router's state in one SQLite file. Several processes on one machine may share it; it must not lie on a network share.</summary>
public sealed class SqliteRouterState : IRouterState
{
    private const int PageSize = 256;
    private const int PruneSize = 5000;

    // Up to here ids are looked up one by one; more of them mean the listing of a whole mailbox, of which all rows are needed anyway.
    private const int MaxSingleLookups = 256;

    private readonly SqliteFile file;
    private readonly TimeProvider clock;

    private SqliteRouterState(SqliteFile file, TimeProvider clock)
    {
        this.file = file;
        this.clock = clock;
    }

    /// <summary>Gets the file, for tests of its faults.</summary>
    internal SqliteFile File => file;

    /// <summary>Opens the state; makes it, readable for its owner only, or brings it to the newest version, when needed.</summary>
    /// <param name="path">The file; its folder is made when missing.</param>
    /// <param name="clock">The clock, for leases.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The state; the caller disposes it.</returns>
    /// <exception cref="RouterException">
    /// <c>RouterStateLocked</c>, <c>RouterStateCorrupt</c>, <c>RouterStateFull</c>, <c>RouterStateDenied</c>, <c>RouterStateNewer</c>, <c>RouterStateForeign</c> or
    /// <c>RouterStateFailed</c>. All other members throw the same.
    /// </exception>
    public static Task<SqliteRouterState> OpenAsync(string path, TimeProvider clock, CancellationToken cancellationToken) =>
        OpenAsync(path, clock, TimeSpan.FromSeconds(30), cancellationToken);

    /// <summary>Opens the state.</summary>
    /// <param name="path">The file.</param>
    /// <param name="clock">The clock, for leases.</param>
    /// <param name="busyTimeout">How long to wait for the transaction of another process.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The state.</returns>
    internal static async Task<SqliteRouterState> OpenAsync(string path, TimeProvider clock, TimeSpan busyTimeout, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        ArgumentNullException.ThrowIfNull(clock);
        var options = new SqliteFileOptions
        {
            Path = path,
            ApplicationId = RouterStateSchema.ApplicationId,
            Migrations = RouterStateSchema.Migrations,
            Translate = RouterStateErrors.Translate,
            BusyTimeout = busyTimeout,
            Configure = DecisionRows.AddFunctions,
        };
        return new SqliteRouterState(await SqliteFile.OpenAsync(options, cancellationToken).ConfigureAwait(false), clock);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => file.DisposeAsync();

    /// <inheritdoc/>
    public async ValueTask<MailboxCursor> GetCursorAsync(MailboxKey mailbox, CancellationToken cancellationToken)
    {
        string? text = await file.ReadAsync(
            session => session.Statement("SELECT cursor FROM mailbox WHERE deployment_key = $deployment AND address_key = $address").BindMailbox(mailbox).ExecuteScalar() as string,
            cancellationToken).ConfigureAwait(false);
        return new MailboxCursor(text ?? string.Empty);
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyDictionary<string, SeenMessage>> GetSeenAsync(
        MailboxKey mailbox, IReadOnlyCollection<string> messageKeys, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messageKeys);
        return await file.ReadAsync(session => ReadSeen(session, mailbox, messageKeys), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask RecordAsync(MailboxKey mailbox, IReadOnlyList<ProcessedMessage> messages, MailboxCursor? cursor, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messages);
        if (messages.Count == 0 && cursor is null)
            return;
        await file.WriteAsync(
            session =>
            {
                long id = NeedMailbox(session, mailbox);
                foreach (ProcessedMessage message in messages)
                    WriteProcessed(session, id, message);
                if (cursor is { } position)
                    session.Statement("UPDATE mailbox SET cursor = $cursor WHERE id = $id").Bind("$cursor", position.Value ?? string.Empty).Bind("$id", id).ExecuteNonQuery();
                return messages.Count;
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask MarkSettledAsync(MailboxKey mailbox, IReadOnlyCollection<string> messageKeys, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messageKeys);
        if (messageKeys.Count == 0)
            return;
        await file.WriteAsync(
            session => FindMailbox(session, mailbox) is { } id
                ? ForEach(session, "UPDATE seen SET settled = 1 WHERE mailbox = $mailbox AND message_key = $key", id, messageKeys)
                : 0,
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<int> ForgetAllButAsync(MailboxKey mailbox, IReadOnlyCollection<string> listed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(listed);
        IReadOnlySet<string> keep = listed as IReadOnlySet<string> ?? new HashSet<string>(listed, StringComparer.Ordinal);
        List<string> gone = await file.ReadAsync(session => ReadGone(session, mailbox, keep), cancellationToken).ConfigureAwait(false);

        // Most polls find nothing gone; they must not cost a write.
        return gone.Count == 0
            ? 0
            : await file.WriteAsync(
                session => FindMailbox(session, mailbox) is { } id ? ForEach(session, "DELETE FROM seen WHERE mailbox = $mailbox AND message_key = $key", id, gone) : 0,
                cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask ResetMailboxAsync(MailboxKey mailbox, CancellationToken cancellationToken) => await file.WriteAsync(
        session => FindMailbox(session, mailbox) is { } id
            ? session.Statement("DELETE FROM seen WHERE mailbox = $id").Bind("$id", id).ExecuteNonQuery() +
                session.Statement("DELETE FROM mailbox WHERE id = $id").Bind("$id", id).ExecuteNonQuery()
            : 0,
        cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask<int> CountFailureAsync(MailboxKey mailbox, string messageKey, RouterError error, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messageKey);
        ArgumentNullException.ThrowIfNull(error);
        const string Sql =
            """
            INSERT INTO seen (mailbox, message_key, failures, error) VALUES ($mailbox, $key, 1, $error)
            ON CONFLICT (mailbox, message_key) DO UPDATE SET failures = failures + 1, error = excluded.error
            RETURNING failures
            """;
        return await file.WriteAsync(
            session => (int)(long)session.Statement(Sql)
                .Bind("$mailbox", NeedMailbox(session, mailbox))
                .Bind("$key", messageKey)
                .Bind("$error", RouterStateJson.Write(error))
                .ExecuteScalar()!,
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask QuarantineAsync(MailboxKey mailbox, ProcessedMessage message, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        byte[] bytes = MemoryMarshal.TryGetArray(content, out ArraySegment<byte> whole) && whole.Array is { } array && whole.Count == array.Length ? array : content.ToArray();
        RouterError error = message.Decision.Error ?? new RouterError("RouterMessageQuarantined", "Quarantine", message.Decision.Explanation, "Look at the message's bytes.", false);
        const string Sql =
            """
            INSERT INTO quarantine (id, deployment, address, message_key, set_aside_on, size, subject, error)
            VALUES ($id, $deployment, $address, $key, $on, $size, $subject, $error)
            ON CONFLICT (id) DO NOTHING
            """;
        await file.WriteAsync(
            session =>
            {
                WriteProcessed(session, NeedMailbox(session, mailbox), message);
                byte[] id = DecisionRows.Blob(message.Decision.Id);
                int rows = session.Statement(Sql)
                    .Bind("$id", id)
                    .Bind("$deployment", mailbox.Deployment)
                    .Bind("$address", mailbox.Address)
                    .Bind("$key", message.MessageKey)
                    .Bind("$on", message.Decision.On.UtcTicks)
                    .Bind("$size", (long)bytes.Length)
                    .Bind("$subject", message.Decision.Subject)
                    .Bind("$error", RouterStateJson.Write(error))
                    .ExecuteNonQuery();
                if (rows == 0)
                    return 0;

                // Not a kept statement: it would keep the bytes as well.
                using SqliteCommand insert = session.Connection.CreateCommand();
                insert.CommandText = "INSERT INTO quarantine_content (id, content) VALUES ($id, $content)";
                return insert.Bind("$id", id).Bind("$content", bytes).ExecuteNonQuery();
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<QuarantinedMessage> GetQuarantineAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        (long On, long Number)? after = null;
        while (true)
        {
            List<(QuarantinedMessage Message, long Number)> page = await file.ReadAsync(session => ReadQuarantine(session, after), cancellationToken).ConfigureAwait(false);
            foreach ((QuarantinedMessage message, long number) in page)
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return message;
                after = (message.On.UtcTicks, number);
            }

            if (page.Count < PageSize)
                yield break;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<byte[]?> ReadQuarantinedAsync(Guid id, CancellationToken cancellationToken) => await file.ReadAsync(
        session => session.Statement("SELECT content FROM quarantine_content WHERE id = $id").Bind("$id", DecisionRows.Blob(id)).ExecuteScalar() as byte[],
        cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask RecordDecisionsAsync(IReadOnlyList<Decision> decisions, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(decisions);
        if (decisions.Count == 0)
            return;
        await file.WriteAsync(
            session =>
            {
                foreach (Decision decision in decisions)
                    DecisionRows.Insert(session, decision);
                return decisions.Count;
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<Decision> FindDecisionsAsync(DecisionQuery query, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        int left = query.First ?? int.MaxValue;
        (long On, long Number)? after = null;
        while (left > 0)
        {
            // Page by page: a slow consumer must not hold a transaction, which would let the write-ahead log grow.
            int count = Math.Min(left, PageSize);
            List<(Decision Decision, long Number)> page =
                await file.ReadAsync(session => DecisionRows.ReadPage(session, query, after, count), cancellationToken).ConfigureAwait(false);
            foreach ((Decision decision, long number) in page)
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return decision;
                after = (decision.On.UtcTicks, number);
            }

            if (page.Count < count)
                yield break;
            left -= count;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<int> PruneDecisionsAsync(DateTimeOffset before, CancellationToken cancellationToken)
    {
        // In steps, so that the pipelines get their turns between them.
        const string Sql = "DELETE FROM decision WHERE number IN (SELECT number FROM decision WHERE taken_on < $before LIMIT $count)";
        for (int total = 0; ;)
        {
            int count = await file.WriteAsync(
                session => session.Statement(Sql).Bind("$before", before.UtcTicks).Bind("$count", PruneSize).ExecuteNonQuery(), cancellationToken).ConfigureAwait(false);
            total += count;
            if (count < PruneSize)
                return total;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyDictionary<Guid, SendJournalEntry>> GetJournalAsync(
        string deployment, IReadOnlyCollection<Guid> activityIds, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        ArgumentNullException.ThrowIfNull(activityIds);
        return await file.ReadAsync(
            session => activityIds.Distinct().Select(id => ReadJournal(session, deployment, id)).OfType<SendJournalEntry>().ToDictionary(e => e.ActivityId),
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask WriteJournalAsync(IReadOnlyList<SendJournalEntry> entries, IReadOnlyList<Decision> decisions, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(entries);
        ArgumentNullException.ThrowIfNull(decisions);
        await file.WriteAsync(
            session =>
            {
                foreach (SendJournalEntry entry in entries)
                    WriteJournal(session, entry);
                foreach (Decision decision in decisions)
                    DecisionRows.Insert(session, decision);
                return entries.Count + decisions.Count;
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<TallyResult> CountAsync(Tally tally, long limit, TimeSpan window, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tally);
        ArgumentOutOfRangeException.ThrowIfNegative(tally.Amount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(window, TallyRows.Longest);
        return tally.Amount == 0
            ? await file.ReadAsync(session => TallyRows.Count(session, tally, limit, window, clock.GetUtcNow()), cancellationToken).ConfigureAwait(false)
            : await file.WriteAsync(session => TallyRows.Count(session, tally, limit, window, clock.GetUtcNow()), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<Lease> AcquireLeaseAsync(string name, string holder, TimeSpan duration, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentException.ThrowIfNullOrEmpty(holder);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(duration, TimeSpan.Zero);

        // One statement under the write lock: of two that come together one finds the other's row.
        const string Take =
            """
            INSERT INTO lease (name, holder, epoch, expires_on) VALUES ($name, $holder, 1, $expires)
            ON CONFLICT (name) DO UPDATE SET epoch = epoch + (holder IS NOT excluded.holder), holder = excluded.holder, expires_on = excluded.expires_on
            WHERE holder IS NULL OR holder = excluded.holder OR expires_on <= $now
            """;
        return await file.WriteAsync(
            session =>
            {
                DateTimeOffset now = clock.GetUtcNow();
                session.Statement(Take)
                    .Bind("$name", name)
                    .Bind("$holder", holder)
                    .Bind("$expires", (now + duration).UtcTicks)
                    .Bind("$now", now.UtcTicks)
                    .ExecuteNonQuery();
                using SqliteDataReader reader = session.Statement("SELECT holder, epoch, expires_on FROM lease WHERE name = $name").Bind("$name", name).ExecuteReader();
                reader.Read();
                string by = reader.GetString(0);
                return new Lease(name, by, reader.GetInt64(1), DecisionRows.Time(reader, 2), string.Equals(by, holder, StringComparison.Ordinal));
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask ReleaseLeaseAsync(string name, string holder, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentException.ThrowIfNullOrEmpty(holder);

        // The row stays, so that the epoch goes on growing.
        await file.WriteAsync(
            session => session.Statement("UPDATE lease SET holder = NULL, expires_on = 0 WHERE name = $name AND holder = $holder")
                .Bind("$name", name)
                .Bind("$holder", holder)
                .ExecuteNonQuery(),
            cancellationToken).ConfigureAwait(false);
    }

    private static long? FindMailbox(SqliteSession session, MailboxKey mailbox) =>
        session.Statement("SELECT id FROM mailbox WHERE deployment_key = $deployment AND address_key = $address").BindMailbox(mailbox).ExecuteScalar() as long?;

    private static long NeedMailbox(SqliteSession session, MailboxKey mailbox) => FindMailbox(session, mailbox) ??
        (long)session.Statement("INSERT INTO mailbox (deployment_key, address_key) VALUES ($deployment, $address) RETURNING id").BindMailbox(mailbox).ExecuteScalar()!;

    private static int ForEach(SqliteSession session, string sql, long mailbox, IReadOnlyCollection<string> messageKeys)
    {
        SqliteCommand statement = session.Statement(sql).Bind("$mailbox", mailbox);
        int count = 0;
        foreach (string key in messageKeys)
            count += statement.Bind("$key", key).ExecuteNonQuery();
        return count;
    }

    private static void WriteProcessed(SqliteSession session, long mailbox, ProcessedMessage message)
    {
        const string Sql =
            """
            INSERT INTO seen (mailbox, message_key, action, settled) VALUES ($mailbox, $key, $action, $settled)
            ON CONFLICT (mailbox, message_key) DO UPDATE SET action = excluded.action, settled = excluded.settled
            """;
        bool isDone = message.Decision.Action != DecisionAction.Deferred;
        session.Statement(Sql)
            .Bind("$mailbox", mailbox)
            .Bind("$key", message.MessageKey)
            .Bind("$action", isDone ? message.Decision.Action.ToString() : null)
            .Bind("$settled", isDone && message.IsSettled ? 1 : 0)
            .ExecuteNonQuery();
        DecisionRows.Insert(session, message.Decision);
    }

    private static Dictionary<string, SeenMessage> ReadSeen(SqliteSession session, MailboxKey mailbox, IReadOnlyCollection<string> messageKeys)
    {
        var seen = new Dictionary<string, SeenMessage>(StringComparer.Ordinal);
        if (messageKeys.Count == 0 || FindMailbox(session, mailbox) is not { } id)
            return seen;
        if (messageKeys.Count <= MaxSingleLookups)
        {
            SqliteCommand single = session.Statement("SELECT message_key, failures, action, settled FROM seen WHERE mailbox = $mailbox AND message_key = $key").Bind("$mailbox", id);
            foreach (string key in messageKeys)
            {
                using SqliteDataReader reader = single.Bind("$key", key).ExecuteReader();
                if (reader.Read())
                    seen[key] = Seen(reader);
            }

            return seen;
        }

        IReadOnlySet<string> wanted = messageKeys as IReadOnlySet<string> ?? new HashSet<string>(messageKeys, StringComparer.Ordinal);
        using SqliteDataReader all = session.Statement("SELECT message_key, failures, action, settled FROM seen WHERE mailbox = $mailbox").Bind("$mailbox", id).ExecuteReader();
        while (all.Read())
        {
            if (wanted.Contains(all.GetString(0)))
                seen[all.GetString(0)] = Seen(all);
        }

        return seen;
    }

    private static SeenMessage Seen(SqliteDataReader reader)
    {
        string? text = DecisionRows.Text(reader, 2);
        DecisionAction? action = text is null ? null : Enum.TryParse(text, out DecisionAction known)
            ? known
            : throw RouterStateErrors.Damaged($"Message {reader.GetString(0)} has the unknown action {text}.", new FormatException(text));
        return new SeenMessage(reader.GetString(0), reader.GetInt32(1), action, reader.GetInt64(3) != 0);
    }

    private static List<string> ReadGone(SqliteSession session, MailboxKey mailbox, IReadOnlySet<string> keep)
    {
        var gone = new List<string>();
        if (FindMailbox(session, mailbox) is not { } id)
            return gone;
        using SqliteDataReader reader = session.Statement("SELECT message_key FROM seen WHERE mailbox = $mailbox").Bind("$mailbox", id).ExecuteReader();
        while (reader.Read())
        {
            if (!keep.Contains(reader.GetString(0)))
                gone.Add(reader.GetString(0));
        }

        return gone;
    }

    private static List<(QuarantinedMessage Message, long Number)> ReadQuarantine(SqliteSession session, (long On, long Number)? after)
    {
        const string Sql =
            """
            SELECT id, deployment, address, message_key, set_aside_on, size, subject, error, rowid FROM quarantine
            WHERE (set_aside_on, rowid) < ($on, $number) ORDER BY set_aside_on DESC, rowid DESC LIMIT $count
            """;
        using SqliteDataReader reader = session.Statement(Sql)
            .Bind("$on", after?.On ?? long.MaxValue)
            .Bind("$number", after?.Number ?? long.MaxValue)
            .Bind("$count", PageSize)
            .ExecuteReader();
        var page = new List<(QuarantinedMessage, long)>();
        while (reader.Read())
        {
            try
            {
                page.Add((
                    new QuarantinedMessage(
                        DecisionRows.Id(reader, 0),
                        new MailboxKey(reader.GetString(1), reader.GetString(2)),
                        reader.GetString(3),
                        DecisionRows.Time(reader, 4),
                        reader.GetInt64(5),
                        DecisionRows.Text(reader, 6),
                        RouterStateJson.ReadError(reader.GetString(7))!),
                    reader.GetInt64(8)));
            }
            catch (JsonException e)
            {
                throw RouterStateErrors.Damaged($"The quarantine's row {reader.GetInt64(8)} cannot be read: {e.Message}", e);
            }
        }

        return page;
    }

    private static void WriteJournal(SqliteSession session, SendJournalEntry entry)
    {
        const string Sql =
            """
            INSERT INTO journal (deployment_key, activity_id, deployment, message_id, attempt, phase, written_on, reply, accepted_recipients)
            VALUES ($key, $activity, $deployment, $messageId, $attempt, $phase, $on, $reply, $accepted)
            ON CONFLICT (deployment_key, activity_id) DO UPDATE SET deployment = excluded.deployment, message_id = excluded.message_id, attempt = excluded.attempt,
                phase = excluded.phase, written_on = excluded.written_on, reply = excluded.reply, accepted_recipients = excluded.accepted_recipients
            """;
        session.Statement(Sql)
                .Bind("$key", DecisionRows.Key(entry.Deployment))
                .Bind("$activity", DecisionRows.Blob(entry.ActivityId))
                .Bind("$deployment", entry.Deployment)
                .Bind("$messageId", entry.MessageId)
                .Bind("$attempt", entry.Attempt)
                .Bind("$phase", entry.Phase.ToString())
                .Bind("$on", entry.On.UtcTicks)
                .Bind("$reply", entry.Reply)
                .Bind("$accepted", RouterStateJson.Write(entry.AcceptedRecipients))
                .ExecuteNonQuery();
    }

    private static SendJournalEntry? ReadJournal(SqliteSession session, string deployment, Guid activityId)
    {
        const string Sql =
            """
            SELECT deployment, message_id, attempt, phase, written_on, reply, accepted_recipients FROM journal
            WHERE deployment_key = $deployment AND activity_id = $activity
            """;
        using SqliteDataReader reader = session.Statement(Sql)
            .Bind("$deployment", DecisionRows.Key(deployment))
            .Bind("$activity", DecisionRows.Blob(activityId))
            .ExecuteReader();
        if (!reader.Read())
            return null;
        try
        {
            return new SendJournalEntry(
                reader.GetString(0), activityId, reader.GetString(1), reader.GetInt32(2), Enum.Parse<SendPhase>(reader.GetString(3)), DecisionRows.Time(reader, 4), DecisionRows.Text(reader, 5))
            {
                AcceptedRecipients = RouterStateJson.ReadTexts(DecisionRows.Text(reader, 6)),
            };
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw RouterStateErrors.Damaged($"The journal's entry of activity {activityId} cannot be read: {e.Message}", e);
        }
    }

}

/// <summary>Binding of what many statements have.</summary>
file static class MailboxBinding
{
    /// <summary>Binds a mailbox's key.</summary>
    public static SqliteCommand BindMailbox(this SqliteCommand command, MailboxKey mailbox) =>
        command.Bind("$deployment", DecisionRows.Key(mailbox.Deployment)).Bind("$address", DecisionRows.Key(mailbox.Address));
}

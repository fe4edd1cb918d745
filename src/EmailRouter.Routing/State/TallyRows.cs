using EmailRouter.Sqlite;
using Microsoft.Data.Sqlite;

namespace EmailRouter.Routing.State;

/// <summary>The counts of the state: an amount for each minute, so that a day of a busy sender is at most 1 440 rows.</summary>
internal static class TallyRows
{
    /// <summary>The longest window; older rows are deleted.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromHours(24);

    /// <summary>Counts, or says why not.</summary>
    /// <param name="session">The transaction.</param>
    /// <param name="tally">What is counted.</param>
    /// <param name="limit">The most there may be within the window.</param>
    /// <param name="window">The window.</param>
    /// <param name="now">The time.</param>
    /// <returns>What became of it.</returns>
    public static TallyResult Count(SqliteSession session, Tally tally, long limit, TimeSpan window, DateTimeOffset now)
    {
        // A minute belongs to the window as long as its last moment does.
        List<(long Minute, long Amount)> rows = Read(session, tally.What, Minute(now - window));
        long total = rows.Sum(r => r.Amount);
        if (total + tally.Amount > limit)
            return new TallyResult(false, total, RoomOn(rows, total + tally.Amount - limit, window));
        if (tally.Amount > 0)
            Add(session, tally, now);
        return new TallyResult(true, total, null);
    }

    private static long Minute(DateTimeOffset time) => time.UtcTicks / TimeSpan.TicksPerMinute;

    private static List<(long Minute, long Amount)> Read(SqliteSession session, string what, long since)
    {
        var rows = new List<(long, long)>();
        using SqliteDataReader reader = session.Statement("SELECT minute, amount FROM tally WHERE what = $what AND minute >= $since ORDER BY minute")
            .Bind("$what", what)
            .Bind("$since", since)
            .ExecuteReader();
        while (reader.Read())
            rows.Add((reader.GetInt64(0), reader.GetInt64(1)));
        return rows;
    }

    private static DateTimeOffset? RoomOn(List<(long Minute, long Amount)> rows, long needed, TimeSpan window)
    {
        foreach ((long minute, long amount) in rows)
        {
            needed -= amount;
            if (needed <= 0)
                return new DateTimeOffset((minute + 1) * TimeSpan.TicksPerMinute, TimeSpan.Zero) + window;
        }

        return null;
    }

    private static void Add(SqliteSession session, Tally tally, DateTimeOffset now)
    {
        const string Sql = "INSERT INTO tally (what, minute, amount) VALUES ($what, $minute, $amount) ON CONFLICT (what, minute) DO UPDATE SET amount = amount + excluded.amount";
        session.Statement(Sql).Bind("$what", tally.What).Bind("$minute", Minute(tally.On)).Bind("$amount", tally.Amount).ExecuteNonQuery();
        session.Statement("DELETE FROM tally WHERE minute < $before").Bind("$before", Minute(now - Longest)).ExecuteNonQuery();
    }
}

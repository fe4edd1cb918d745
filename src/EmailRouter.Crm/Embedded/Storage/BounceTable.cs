using EmailRouter.Crm.Outbox;
using EmailRouter.Sqlite;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>Sent emails that came back.</summary>
internal static class BounceTable
{
    /// <summary>Finds the email of a report and says what is to be done. Changes nothing.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="report">The report.</param>
    /// <returns>What was found, the email that is to be changed, and the reason it is to get.</returns>
    public static (BounceResult Result, BouncedEmail? Email, string? Reason) Find(SqliteSession session, BounceReport report) => BounceJudge.Judge(
        report,
        report.MessageId is { Length: > 0 } id ? One(session, "messageid = @value", id) : null,
        report.ActivityId is { } activity ? One(session, "activityid = @value", activity) : null,
        token => One(session, "trackingtoken = @value COLLATE NOCASE", token));

    /// <summary>Marks the email of a report as failed.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="report">The report.</param>
    /// <param name="now">The time.</param>
    /// <returns>What was found and done.</returns>
    public static BounceResult Report(SqliteSession session, BounceReport report, DateTimeOffset now)
    {
        (BounceResult result, BouncedEmail? email, string? reason) = Find(session, report);
        if (result.Changed)
        {
            session.Execute(
                """
                UPDATE email SET statuscode = @status, statecode = @state, emailrouter_failurereason = @reason, versionnumber = versionnumber + 1, modifiedon = @now
                WHERE activityid = @id
                """,
                ("status", EmailStatus.Failed),
                ("state", EmailTransitions.StateOf(EmailStatus.Failed)),
                ("reason", reason),
                ("now", now),
                ("id", email!.Id));
        }

        return result;
    }

    private static BouncedEmail? One(SqliteSession session, string where, object value) => session.Query(
        $"SELECT emailkey, activityid, statuscode, senton, emailrouter_failurereason FROM email WHERE directioncode = 1 AND {where} ORDER BY createdon DESC, emailkey DESC LIMIT 1",
        row => (Key: row.GetInt64(0), Email: new BouncedEmail(row.Guid(1), (EmailStatus)row.Int(2), row.TimeOrNull(3), row.TextOrNull(4), [])),
        ("value", value)) is [var found] ? found.Email with { Parties = EmailTable.ReadParties(session, found.Key) } : null;
}

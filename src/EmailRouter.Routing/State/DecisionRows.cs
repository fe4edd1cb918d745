using System.Text;
using System.Text.Json;
using EmailRouter.Sqlite;
using Microsoft.Data.Sqlite;

namespace EmailRouter.Routing.State;

/// <summary>Decisions as rows, and queries for them as SQL.</summary>
internal static class DecisionRows
{
    private const string Columns =
        "number, id, taken_on, direction, deployment, mailbox, message_key, message_id, subject, sender, action, reason, explanation, activity_id, recipients, evidence, error";

    private const string InsertSql =
        """
        INSERT INTO decision (id, taken_on, direction, deployment, deployment_key, mailbox, mailbox_key, message_key, message_id, message_id_key, subject, sender, sender_key,
            action, reason, explanation, activity_id, recipients, evidence, error)
        VALUES ($id, $on, $direction, $deployment, $deploymentKey, $mailbox, $mailboxKey, $messageKey, $messageId, $messageIdKey, $subject, $sender, $senderKey,
            $action, $reason, $explanation, $activity, $recipients, $evidence, $error)
        ON CONFLICT (id) DO NOTHING
        """;

    /// <summary>Adds the functions that the queries use.</summary>
    /// <param name="connection">A new connection.</param>
    public static void AddFunctions(SqliteConnection connection)
    {
        // SQLite compares letters without regard to case for ASCII only.
        connection.CreateFunction(
            "contains_text", (string? text, string part) => text is not null && text.Contains(part, StringComparison.OrdinalIgnoreCase), isDeterministic: true);
    }

    /// <summary>The form in which addresses and names are compared.</summary>
    /// <param name="text">An address or a deployment's name.</param>
    /// <returns>The key.</returns>
    public static string Key(string text) => text.Trim().ToLowerInvariant();

    /// <summary>Inserts a decision unless its id is there already.</summary>
    /// <param name="session">The writing session.</param>
    /// <param name="decision">The decision.</param>
    public static void Insert(SqliteSession session, Decision decision)
    {
        session.Statement(InsertSql)
            .Bind("$id", Blob(decision.Id))
            .Bind("$on", decision.On.UtcTicks)
            .Bind("$direction", decision.Direction.ToString())
            .Bind("$deployment", decision.Deployment)
            .Bind("$deploymentKey", Key(decision.Deployment))
            .Bind("$mailbox", decision.Mailbox)
            .Bind("$mailboxKey", Key(decision.Mailbox))
            .Bind("$messageKey", decision.MessageKey)
            .Bind("$messageId", decision.MessageId)
            .Bind("$messageIdKey", decision.MessageId is null ? null : MessageIdKey(decision.MessageId))
            .Bind("$subject", decision.Subject)
            .Bind("$sender", decision.From)
            .Bind("$senderKey", decision.From is null ? null : Key(decision.From))
            .Bind("$action", decision.Action.ToString())
            .Bind("$reason", decision.Reason)
            .Bind("$explanation", decision.Explanation)
            .Bind("$activity", decision.ActivityId is { } activity ? Blob(activity) : null)
            .Bind("$recipients", RouterStateJson.Write(decision.To))
            .Bind("$evidence", RouterStateJson.Write(decision.Evidence))
            .Bind("$error", RouterStateJson.Write(decision.Error))
            .ExecuteNonQuery();
    }

    /// <summary>Reads one page of what a query finds, newest first.</summary>
    /// <param name="session">A reading session.</param>
    /// <param name="query">The query.</param>
    /// <param name="after">The last row of the page before; null for the first page.</param>
    /// <param name="count">The greatest number of rows.</param>
    /// <returns>The decisions and where they stand.</returns>
    public static List<(Decision Decision, long Number)> ReadPage(SqliteSession session, DecisionQuery query, (long On, long Number)? after, int count)
    {
        using SqliteCommand command = Find(session.Connection, query, after, count);
        using SqliteDataReader reader = command.ExecuteReader();
        var page = new List<(Decision, long)>();
        while (reader.Read())
            page.Add((Read(reader), reader.GetInt64(0)));
        return page;
    }

    /// <summary>An id as it lies in the file: 16 bytes in the order of the text form.</summary>
    /// <param name="id">The id.</param>
    /// <returns>The bytes.</returns>
    public static byte[] Blob(Guid id) => id.ToByteArray(bigEndian: true);

    /// <summary>Reads an id.</summary>
    /// <param name="reader">The row.</param>
    /// <param name="column">The column.</param>
    /// <returns>The id.</returns>
    public static Guid Id(SqliteDataReader reader, int column) => new((byte[])reader.GetValue(column), bigEndian: true);

    /// <summary>Reads a time.</summary>
    /// <param name="reader">The row.</param>
    /// <param name="column">The column.</param>
    /// <returns>The time in UTC.</returns>
    public static DateTimeOffset Time(SqliteDataReader reader, int column) => new(reader.GetInt64(column), TimeSpan.Zero);

    /// <summary>Reads a text that may be missing.</summary>
    /// <param name="reader">The row.</param>
    /// <param name="column">The column.</param>
    /// <returns>The text or null.</returns>
    public static string? Text(SqliteDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetString(column);

    private static string MessageIdKey(string messageId) => messageId.Trim().TrimStart('<').TrimEnd('>');

    private static SqliteCommand Find(SqliteConnection connection, DecisionQuery query, (long On, long Number)? after, int count)
    {
        SqliteCommand command = connection.CreateCommand();
        var sql = new StringBuilder($"SELECT {Columns} FROM decision WHERE TRUE");

        void Require(string condition, string parameter, object value)
        {
            sql.Append(" AND ").Append(condition);
            command.Bind(parameter, value);
        }

        void RequireAddress(string column, string parameter, string pattern)
        {
            string key = Key(pattern);
            if (key.AsSpan().ContainsAny('*', '?'))
                Require($"{column} LIKE {parameter} ESCAPE '\\'", parameter, LikePattern(key));
            else
                Require($"{column} = {parameter}", parameter, key);
        }

        if (query.Deployment is { } deployment)
            Require("deployment_key = $deployment", "$deployment", Key(deployment));
        if (query.Mailbox is { } mailbox)
            RequireAddress("mailbox_key", "$mailbox", mailbox);
        if (query.Direction is { } direction)
            Require("direction = $direction", "$direction", direction.ToString());
        if (query.Action is { } action)
            Require("action = $action", "$action", action.ToString());
        if (query.Reason is { } reason)
            Require("reason = $reason COLLATE NOCASE", "$reason", reason);
        if (query.MessageId is { } messageId)
            Require("message_id_key = $messageId", "$messageId", MessageIdKey(messageId));
        if (query.Subject is { } subject)
            Require("contains_text(subject, $subject)", "$subject", subject);
        if (query.From is { } from)
            RequireAddress("sender_key", "$from", from);
        if (query.ActivityId is { } activity)
            Require("activity_id = $activity", "$activity", Blob(activity));
        if (query.Since is { } since)
            Require("taken_on >= $since", "$since", since.UtcTicks);
        if (query.Until is { } until)
            Require("taken_on <= $until", "$until", until.UtcTicks);
        if (after is { } position)
        {
            Require("(taken_on, number) < ($lastOn, $lastNumber)", "$lastOn", position.On);
            command.Bind("$lastNumber", position.Number);
        }

        sql.Append(" ORDER BY taken_on DESC, number DESC LIMIT $count");
        command.Bind("$count", count);
#pragma warning disable CA2100 // Made of the constants above; values travel as parameters.
        command.CommandText = sql.ToString();
#pragma warning restore CA2100
        return command;
    }

    private static string LikePattern(string key)
    {
        var pattern = new StringBuilder(key.Length + 8);
        foreach (char c in key)
        {
            pattern.Append(c switch
            {
                '*' => "%",
                '?' => "_",
                '%' or '_' or '\\' => $"\\{c}",
                _ => c.ToString(),
            });
        }

        return pattern.ToString();
    }

    private static Decision Read(SqliteDataReader reader)
    {
        try
        {
            return new Decision
            {
                Id = Id(reader, 1),
                On = Time(reader, 2),
                Direction = Enum.Parse<MailDirection>(reader.GetString(3)),
                Deployment = reader.GetString(4),
                Mailbox = reader.GetString(5),
                MessageKey = Text(reader, 6),
                MessageId = Text(reader, 7),
                Subject = Text(reader, 8),
                From = Text(reader, 9),
                Action = Enum.Parse<DecisionAction>(reader.GetString(10)),
                Reason = reader.GetString(11),
                Explanation = reader.GetString(12),
                ActivityId = reader.IsDBNull(13) ? null : Id(reader, 13),
                To = RouterStateJson.ReadTexts(Text(reader, 14)),
                Evidence = RouterStateJson.ReadEvidence(Text(reader, 15)),
                Error = RouterStateJson.ReadError(Text(reader, 16)),
            };
        }
        catch (Exception e) when (e is JsonException or ArgumentException or OverflowException or InvalidCastException)
        {
            throw RouterStateErrors.Damaged($"Decision number {reader.GetInt64(0)} cannot be read: {e.Message}", e);
        }
    }
}

using EmailRouter.Sqlite;
using Microsoft.Data.Sqlite;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>What rows of emails have in common, whoever writes or reads them.</summary>
internal static class EmailTable
{
    private const string StoredColumns =
        "emailkey, activityid, messageid, subject, directioncode, trackingtoken, createdon, regardingobjectid, regardingobjecttypecode, regardingobjectidname";

    // Counting how common a word is stops here.
    private const int EnoughToBeCommon = 2000;

    private enum HashType
    {
        Word,
        Address,
    }

    /// <summary>Finds an email's key.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="activityId">The email.</param>
    /// <returns>The key; null when there is no such email.</returns>
    public static long? FindKey(SqliteSession session, Guid activityId) =>
        session.Scalar("SELECT emailkey FROM email WHERE activityid = @id", ("id", activityId)) as long?;

    /// <summary>Finds the received email that a new one would be a copy of.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="email">The new email.</param>
    /// <returns>The id of the email with the same id, or of the incoming one with the same Message-ID; null for none.</returns>
    public static Guid? FindExisting(SqliteSession session, NewEmail email)
    {
        object? id = session.Scalar("SELECT activityid FROM email WHERE activityid = @id", ("id", email.ActivityId)) ??
            session.Scalar("SELECT activityid FROM email WHERE directioncode = 0 AND messageid = @messageId", ("messageId", email.MessageId));
        return id is string text ? Guid.Parse(text) : null;
    }

    /// <summary>Adds parties to an email.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="emailKey">The email.</param>
    /// <param name="parties">The parties, in order.</param>
    public static void InsertParties(SqliteSession session, long emailKey, IEnumerable<ActivityParty> parties)
    {
        foreach (ActivityParty party in parties)
        {
            session.Insert(
                "activityparty",
                ("emailkey", emailKey),
                ("participationtypemask", party.Role),
                ("addressused", party.AddressUsed),
                ("partyid", party.Party?.Id),
                ("partyobjecttypecode", party.Party?.LogicalName),
                ("partyidname", party.Party?.Name),
                ("unresolvedpartyname", party.UnresolvedPartyName),
                ("donotemail", party.DoNotEmail));
        }
    }

    /// <summary>Reads an email's parties in order.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="emailKey">The email.</param>
    /// <returns>The parties.</returns>
    public static List<ActivityParty> ReadParties(SqliteSession session, long emailKey) => session.Query(
        """
        SELECT participationtypemask, addressused, partyid, partyobjecttypecode, partyidname, unresolvedpartyname, donotemail FROM activityparty
        WHERE emailkey = @key ORDER BY activitypartyid
        """,
        row => new ActivityParty((ParticipationType)row.Int(0), row.TextOrNull(1), row.ReferenceOrNull(2)) { UnresolvedPartyName = row.TextOrNull(5),
            DoNotEmail = row.Flag(6) },
        ("key", emailKey));

    /// <summary>Makes the words and addresses of an email known to smart matching.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="emailKey">The email.</param>
    /// <param name="keys">Its hashed words and addresses.</param>
    /// <param name="createdOn">When the email was created.</param>
    public static void InsertHashes(SqliteSession session, long emailKey, SmartMatchKeys keys, DateTimeOffset createdOn)
    {
        void Insert(HashType type, IReadOnlyList<long> hashes)
        {
            foreach (long hash in hashes)
            {
                session.Execute(
                    "INSERT OR IGNORE INTO emailhash (hashtype, hash, createdon, emailkey) VALUES (@type, @hash, @createdOn, @key)",
                    ("type", type),
                    ("hash", hash),
                    ("createdOn", createdOn.ToUnixTimeMilliseconds()),
                    ("key", emailKey));
            }
        }

        Insert(HashType.Word, keys.Words);
        Insert(HashType.Address, keys.Addresses);
        session.Execute("UPDATE email SET emailrouter_subjectwords = @count WHERE emailkey = @key", ("count", keys.Words.Count), ("key", emailKey));
    }

    /// <summary>Puts an email into a queue where it is not yet.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="emailKey">The email.</param>
    /// <param name="queueId">The queue.</param>
    /// <param name="newId">The id of a new queue item.</param>
    /// <param name="now">The time.</param>
    /// <returns>True when this call made the queue item.</returns>
    /// <exception cref="CrmException">There is no such queue.</exception>
    public static bool AddToQueue(SqliteSession session, long emailKey, Guid queueId, Guid newId, DateTimeOffset now)
    {
        if (!session.Any("SELECT 1 FROM queue WHERE queueid = @id", ("id", queueId)))
            throw StoreErrors.RecordMissing("queue", queueId);
        return session.Execute(
            """
            INSERT OR IGNORE INTO queueitem (queueitemid, queueid, objectid, objecttypecode, title, sender, torecipients, priority, enteredon, statecode,
            statuscode)
            SELECT @id, @queue, activityid, 'email', subject, sender, torecipients, 0, @now, 0, 1 FROM email WHERE emailkey = @key
            """,
            ("id", newId),
            ("queue", queueId),
            ("now", now),
            ("key", emailKey)) > 0;
    }

    /// <summary>Finds emails by Message-ID; incoming ones win over outgoing ones.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="messageIds">The Message-IDs.</param>
    /// <returns>The emails found.</returns>
    public static Dictionary<string, StoredEmail> FindByMessageId(SqliteSession session, IReadOnlyList<string> messageIds)
    {
        var found = new Dictionary<string, StoredEmail>(StringComparer.Ordinal);
        foreach ((long key, StoredEmail email) in session.Query(
            $"SELECT {StoredColumns} FROM email WHERE messageid IN (SELECT value FROM json_each(@ids)) ORDER BY directioncode DESC, createdon, emailkey",
            ReadStored, ("ids", messageIds)))
        {
            found[email.MessageId!] = Complete(session, key, email);
        }

        return found;
    }

    /// <summary>Finds the outgoing emails that bear a token.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="token">The token.</param>
    /// <returns>The emails, newest first, at most ten.</returns>
    public static List<StoredEmail> FindByToken(SqliteSession session, string token) =>
    [
        .. session.Query(
            $"SELECT {StoredColumns} FROM email WHERE trackingtoken = @token COLLATE NOCASE AND directioncode = 1 ORDER BY createdon DESC, emailkey DESC LIMIT 10", ReadStored, ("token", token))
            .Select(e => Complete(session, e.Key, e.Email)),
    ];

    /// <summary>Finds the newest email of a conversation; drafts do not count.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="conversationId">The conversation.</param>
    /// <returns>The email; null for none.</returns>
    public static StoredEmail? FindByConversation(SqliteSession session, Guid conversationId) => session.Query(
        $"SELECT {StoredColumns} FROM email WHERE emailrouter_conversationid = @id AND statuscode <> 1 ORDER BY createdon DESC, emailkey DESC LIMIT 1",
        ReadStored, ("id", conversationId))
        .Select(e => Complete(session, e.Key, e.Email)).FirstOrDefault();

    /// <summary>Finds emails that resemble another.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="query">What to match.</param>
    /// <returns>The matches, newest first, at most ten.</returns>
    public static List<SmartMatch> FindSmartMatches(SqliteSession session, SmartMatchQuery query)
    {
        int words = query.Keys.Words.Count;
        int addresses = query.Keys.Addresses.Count;

        // A subject without words would match every other one.
        if (words == 0 || addresses < query.MinAddressCount)
            return [];

        // A match misses at most so many words and addresses, so it has one of any set that is larger by one. The rarest make the shortest list to look through.
        List<(long Hash, long Count)> rareWords = Rarest(session, HashType.Word, query.Keys.Words, Math.Min(query.DeltaSubjectCount + 1, words),
            query.NotBefore);
        List<(long Hash, long Count)> rareAddresses =
            query.MinAddressCount <= 0 ? [] : Rarest(session, HashType.Address, query.Keys.Addresses, addresses - query.MinAddressCount + 1, query.NotBefore);
        bool byAddress = rareAddresses.Count > 0 && rareAddresses.Sum(h => h.Count) < rareWords.Sum(h => h.Count);
        List<(long Key, StoredEmail Email, int Words, int Addresses)> found = session.Query(
            $"""
            WITH candidate AS (
                SELECT DISTINCT emailkey AS candidatekey, createdon AS candidateon FROM emailhash
                WHERE hashtype = @type AND hash IN (SELECT value FROM json_each(@rare)) AND createdon >= @notBefore),
            counted AS MATERIALIZED (
                SELECT candidatekey,
                    (SELECT count(*) FROM json_each(@words) w JOIN emailhash h ON h.hashtype = 0 AND h.hash = w.value AND h.createdon = candidateon
                    AND h.emailkey = candidatekey) AS sharedwords,
                    (SELECT count(*) FROM json_each(@addresses) a JOIN emailhash h ON h.hashtype = 1 AND h.hash = a.value AND h.createdon = candidateon
                    AND h.emailkey = candidatekey) AS sharedaddresses
                FROM candidate)
            SELECT {StoredColumns}, sharedwords, sharedaddresses FROM counted JOIN email ON emailkey = candidatekey
            WHERE sharedaddresses >= @minAddresses AND sharedwords > 0 AND abs(emailrouter_subjectwords - @count) <= @delta
            AND sharedwords >= max(@count, emailrouter_subjectwords) - @delta
            ORDER BY createdon DESC, emailkey DESC LIMIT 10
            """,
            row => (row.GetInt64(0), ReadStored(row).Email, row.Int(10), row.Int(11)),
            ("type", byAddress ? HashType.Address : HashType.Word),
            ("rare", (byAddress ? rareAddresses : rareWords).Select(h => h.Hash)),
            ("words", query.Keys.Words),
            ("addresses", query.Keys.Addresses),
            ("notBefore", query.NotBefore.ToUnixTimeMilliseconds()),
            ("count", words),
            ("delta", query.DeltaSubjectCount),
            ("minAddresses", query.MinAddressCount));
        return [.. found.Select(m => new SmartMatch(Complete(session, m.Key, m.Email), m.Words, m.Addresses))];
    }

    private static List<(long Hash, long Count)> Rarest(SqliteSession session, HashType type, IReadOnlyList<long> hashes, int take, DateTimeOffset notBefore) =>
    [
        .. hashes.Select(hash => (hash, Count: (long)session.Scalar(
            "SELECT count(*) FROM (SELECT 1 FROM emailhash WHERE hashtype = @type AND hash = @hash AND createdon >= @notBefore LIMIT @enough)",
            ("type", type),
            ("hash", hash),
            ("notBefore", notBefore.ToUnixTimeMilliseconds()),
            ("enough", EnoughToBeCommon))!)).OrderBy(h => h.Count).Take(take),
    ];

    private static (long Key, StoredEmail Email) ReadStored(SqliteDataReader row) => (
        row.GetInt64(0),
        new StoredEmail
        {
            ActivityId = row.Guid(1),
            MessageId = row.TextOrNull(2),
            Subject = row.GetString(3),
            IsOutgoing = row.Flag(4),
            TrackingToken = row.TextOrNull(5),
            CreatedOn = row.Time(6),
            Regarding = row.ReferenceOrNull(7),
        });

    private static StoredEmail Complete(SqliteSession session, long key, StoredEmail email) => email with
    {
        Addresses = session.Query("SELECT addressused FROM activityparty WHERE emailkey = @key AND addressused IS NOT NULL ORDER BY activitypartyid",
            row => row.GetString(0), ("key", key)),
        QueueIds = session.Query("SELECT queueid FROM queueitem WHERE objectid = @id ORDER BY enteredon, queueid", row => row.Guid(0),
            ("id", email.ActivityId)),
    };
}

namespace EmailRouter.Routing.State;

/// <summary>
/// The tables of the state. Times are UTC ticks (100 ns since 0001-01-01). Columns ending in <c>_key</c> hold what is compared: addresses and deployments in
/// lower case, Message-IDs without angle brackets; the columns beside them hold what is shown.
/// </summary>
internal static class RouterStateSchema
{
    /// <summary>"EmRS" in the file's header.</summary>
    public const int ApplicationId = 0x456D5253;

    /// <summary>One script for each version; only ever appended to.</summary>
    public static IReadOnlyList<string> Migrations { get; } =
    [
        """
        CREATE TABLE mailbox (
            id INTEGER PRIMARY KEY,
            deployment_key TEXT NOT NULL,
            address_key TEXT NOT NULL,
            cursor TEXT NOT NULL DEFAULT '',
            UNIQUE (deployment_key, address_key)
        ) STRICT;

        CREATE TABLE seen (
            mailbox INTEGER NOT NULL,
            message_key TEXT NOT NULL,
            failures INTEGER NOT NULL DEFAULT 0,
            action TEXT,
            settled INTEGER NOT NULL DEFAULT 0,
            error TEXT,
            PRIMARY KEY (mailbox, message_key)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE decision (
            number INTEGER PRIMARY KEY,
            id BLOB NOT NULL UNIQUE,
            taken_on INTEGER NOT NULL,
            direction TEXT NOT NULL,
            deployment TEXT NOT NULL,
            deployment_key TEXT NOT NULL,
            mailbox TEXT NOT NULL,
            mailbox_key TEXT NOT NULL,
            message_key TEXT,
            message_id TEXT,
            message_id_key TEXT,
            subject TEXT,
            sender TEXT,
            sender_key TEXT,
            action TEXT NOT NULL,
            reason TEXT NOT NULL,
            explanation TEXT NOT NULL,
            activity_id BLOB,
            recipients TEXT,
            evidence TEXT,
            error TEXT
        ) STRICT;
        CREATE INDEX decision_taken_on ON decision (taken_on);
        CREATE INDEX decision_mailbox ON decision (mailbox_key, taken_on);
        CREATE INDEX decision_message_id ON decision (message_id_key) WHERE message_id_key IS NOT NULL;
        CREATE INDEX decision_activity ON decision (activity_id) WHERE activity_id IS NOT NULL;

        CREATE TABLE quarantine (
            id BLOB PRIMARY KEY,
            deployment TEXT NOT NULL,
            address TEXT NOT NULL,
            message_key TEXT NOT NULL,
            set_aside_on INTEGER NOT NULL,
            size INTEGER NOT NULL,
            subject TEXT,
            error TEXT NOT NULL
        ) STRICT;
        CREATE INDEX quarantine_set_aside_on ON quarantine (set_aside_on);

        CREATE TABLE quarantine_content (
            id BLOB PRIMARY KEY,
            content BLOB NOT NULL
        ) STRICT;

        CREATE TABLE journal (
            deployment_key TEXT NOT NULL,
            activity_id BLOB NOT NULL,
            deployment TEXT NOT NULL,
            message_id TEXT NOT NULL,
            attempt INTEGER NOT NULL,
            phase TEXT NOT NULL,
            written_on INTEGER NOT NULL,
            reply TEXT,
            accepted_recipients TEXT,
            PRIMARY KEY (deployment_key, activity_id)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE lease (
            name TEXT PRIMARY KEY,
            holder TEXT,
            epoch INTEGER NOT NULL,
            expires_on INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """,
        """
        CREATE TABLE tally (
            what TEXT NOT NULL,
            minute INTEGER NOT NULL,
            amount INTEGER NOT NULL,
            PRIMARY KEY (what, minute)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX tally_minute ON tally (minute);
        """,
    ];
}

using EmailRouter.Sqlite;
using Microsoft.Data.Sqlite;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>Users, queues and forward mailboxes as mailboxes.</summary>
internal static class MailboxTable
{
    private const string Users = """
        SELECT u.systemuserid, 'systemuser', u.fullname, u.internalemailaddress, u.incomingemaildeliverymethod, u.outgoingemaildeliverymethod,
            s.incomingemailfilteringmethod, u.emailrouteraccessapproval, u.isdisabled = 0, u.systemuserid, u.queueid, s.autocreatecontactonpromote,
            s.issendasallowed
        FROM systemuser u JOIN usersettings s ON s.systemuserid = u.systemuserid
        """;

    private const string Queues = """
        SELECT queueid, 'queue', name, emailaddress, incomingemaildeliverymethod, outgoingemaildeliverymethod,
            incomingemailfilteringmethod, emailrouteraccessapproval, statecode = 0, ownerid, NULL, 0, 0
        FROM queue
        """;

    private const string Forward = """
        SELECT mailboxid, 'mailbox', name, emailaddress, incomingemaildeliverymethod, 0, 0, emailrouteraccessapproval, statecode = 0, ownerid, NULL, 0, 0
        FROM mailbox WHERE isforwardmailbox = 1 AND emailaddress > ''
        """;

    /// <summary>Lists the mailboxes that have an address, in the order of their addresses.</summary>
    /// <param name="session">The connection.</param>
    /// <returns>The mailboxes.</returns>
    public static List<CrmMailbox> List(SqliteSession session) =>
        session.Query($"{Users} WHERE u.internalemailaddress > '' UNION ALL {Queues} WHERE emailaddress > '' UNION ALL {Forward} ORDER BY 4, 1", Read);

    /// <summary>Finds the mailbox of a user or queue, with or without an address.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="owner">The user or queue.</param>
    /// <returns>The mailbox, its address empty when it has none; null when there is no such user or queue.</returns>
    public static CrmMailbox? Find(SqliteSession session, RecordReference owner) => owner.LogicalName switch
    {
        "systemuser" => session.Query($"{Users} WHERE u.systemuserid = @id", Read, ("id", owner.Id)).FirstOrDefault(),
        "queue" => session.Query($"{Queues} WHERE queueid = @id", Read, ("id", owner.Id)).FirstOrDefault(),
        _ => null,
    };

    private static CrmMailbox Read(SqliteDataReader row) => new()
    {
        Owner = new RecordReference(row.GetString(1), row.Guid(0), row.TextOrNull(2)),
        Kind = row.GetString(1) switch { "systemuser" => CrmMailboxKind.User, "queue" => CrmMailboxKind.Queue, _ => CrmMailboxKind.Forward },
        Address = row.TextOrNull(3) ?? string.Empty,
        IncomingDelivery = (DeliveryMethod)row.Int(4),
        OutgoingDelivery = (DeliveryMethod)row.Int(5),
        Filter = (FilteringMethod)row.Int(6),
        Approval = (AccessApproval)row.Int(7),
        IsActive = row.Flag(8),
        OwnerUserId = row.GuidOrNull(9) ?? Guid.Empty,
        DefaultQueueId = row.GuidOrNull(10),
        AutoCreate = (AutoCreate)row.Int(11),
        IsSendAsAllowed = row.Flag(12),
    };
}

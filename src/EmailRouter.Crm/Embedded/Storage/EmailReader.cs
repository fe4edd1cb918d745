using EmailRouter.Sqlite;
using Microsoft.Data.Sqlite;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>Reads whole email activities.</summary>
internal static class EmailReader
{
    private const string Columns = """
        emailkey, activityid, subject, description, mimetype, directioncode, statecode, statuscode, messageid, inreplyto, conversationindex,
        emailrouter_conversationid,
        trackingtoken, correlationmethod, correlatedactivityid, parentactivityid, correlatedsubjectchanged, acceptingentityid, acceptingentitytypecode,
        acceptingentityidname,
        receivingmailboxid, receivingmailboxtypecode, receivingmailboxidname, emailsender, emailsenderobjecttypecode, emailsendername,
        isduplicatesenderunresolved, sender,
        submittedby, torecipients, regardingobjectid, regardingobjecttypecode, regardingobjectidname, ownerid, prioritycode, senton, emailrouter_receivedon,
        delayedemailsendtime, postponeemailprocessinguntil, deliveryattempts, emailrouter_failurereason, notifications, internetmessageheaders, createdon,
        modifiedon,
        versionnumber
        """;

    private const string QueueItemColumns =
        "i.queueitemid, i.queueid, 'queue', q.name, i.objectid, i.title, i.sender, i.torecipients, i.enteredon FROM queueitem i JOIN queue q ON q.queueid = i.queueid";

    /// <summary>Reads one email.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="activityId">The email.</param>
    /// <returns>The email; null when there is none.</returns>
    public static EmailActivity? Find(SqliteSession session, Guid activityId) =>
        session.Query($"SELECT {Columns} FROM email WHERE activityid = @id", ReadRow, ("id", activityId)).Select(e => Complete(session, e.Key, e.Email))
            .FirstOrDefault();

    /// <summary>Reads a page of emails, newest first.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="filter">Which.</param>
    /// <param name="before">The key of the last email of the page before; null for the first page.</param>
    /// <param name="count">The greatest number of emails.</param>
    /// <returns>The emails with their keys.</returns>
    public static List<(long Key, EmailActivity Email)> Page(SqliteSession session, EmailFilter filter, long? before, int count)
    {
        var conditions = new List<string> { "1 = 1" };
        var parameters = new List<(string Name, object? Value)> { ("count", count) };
        void Where(string condition, string name, object? value)
        {
            if (value is null)
                return;
            conditions.Add(condition);
            parameters.Add((name, value));
        }

        Where("emailkey < @before", "before", before);
        Where("statuscode IN (SELECT value FROM json_each(@statuses))", "statuses", filter.Statuses?.Select(s => (long)s));
        Where("directioncode = @outgoing", "outgoing", filter.IsOutgoing);
        Where("createdon >= @since", "since", filter.Since);
        Where("subject LIKE @subject ESCAPE '\\'", "subject", filter.Subject is null ? null : StoreSql.LikePattern(filter.Subject));
        Where("messageid = @messageid", "messageid", filter.MessageId);
        Where("trackingtoken = @token COLLATE NOCASE", "token", filter.TrackingToken);
        Where("emailkey IN (SELECT emailkey FROM activityparty WHERE addressused = @address COLLATE NOCASE)", "address", filter.Address?.Trim());
        Where("regardingobjectid = @regarding", "regarding", filter.RegardingId);
        Where("activityid IN (SELECT objectid FROM queueitem WHERE queueid = @queue)", "queue", filter.QueueId);
        Where("emailsender = @sender", "sender", filter.SenderId);
        Where("ownerid = @owner", "owner", filter.OwnerId);
        return
        [
            .. session.QueryOnce($"SELECT {Columns} FROM email WHERE {string.Join(" AND ", conditions)} ORDER BY emailkey DESC LIMIT @count", ReadRow,
                parameters)
                .Select(e => (e.Key, Complete(session, e.Key, e.Email))),
        ];
    }

    /// <summary>Reads queue items, newest first.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="queueId">The queue; null for all.</param>
    /// <returns>The queue items.</returns>
    public static List<QueueItem> QueueItems(SqliteSession session, Guid? queueId) => session.Query(
        $"SELECT {QueueItemColumns} WHERE @queue IS NULL OR i.queueid = @queue ORDER BY i.enteredon DESC, i.queueitemid", ReadQueueItem, ("queue", queueId));

    /// <summary>Reads an email's attachments, in order.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="emailKey">The email.</param>
    /// <returns>The attachments with the keys of their contents.</returns>
    public static List<(AttachmentInfo Info, long ContentKey)> Attachments(SqliteSession session, long emailKey) => session.Query(
        """
        SELECT activitymimeattachmentid, filename, mimetype, filesize, attachmentcontentid, attachmentkey FROM activitymimeattachment
        WHERE emailkey = @key ORDER BY attachmentnumber
        """,
        row => (new AttachmentInfo(row.Guid(0), row.GetString(1), row.GetString(2), row.GetInt64(3), row.TextOrNull(4)), row.GetInt64(5)),
        ("key", emailKey));

    private static EmailActivity Complete(SqliteSession session, long key, EmailActivity email) => email with
    {
        Parties = EmailTable.ReadParties(session, key),
        Attachments = [.. Attachments(session, key).Select(a => a.Info)],
        QueueItems = session.Query($"SELECT {QueueItemColumns} WHERE i.objectid = @id ORDER BY i.enteredon, q.name", ReadQueueItem, ("id", email.ActivityId)),
    };

    private static QueueItem ReadQueueItem(SqliteDataReader row) => new(
        row.Guid(0), new RecordReference("queue", row.Guid(1), row.TextOrNull(3)), row.Guid(4), row.GetString(5), row.TextOrNull(6), row.TextOrNull(7),
        row.Time(8));

    private static (long Key, EmailActivity Email) ReadRow(SqliteDataReader row) => (
        row.GetInt64(0),
        new EmailActivity
        {
            ActivityId = row.Guid(1),
            Subject = row.GetString(2),
            Description = row.GetString(3),
            MimeType = row.GetString(4),
            IsOutgoing = row.Flag(5),
            State = (EmailState)row.Int(6),
            Status = (EmailStatus)row.Int(7),
            MessageId = row.TextOrNull(8),
            InReplyTo = row.TextOrNull(9),
            ConversationIndex = row.TextOrNull(10),
            ConversationId = row.GuidOrNull(11),
            TrackingToken = row.TextOrNull(12),
            CorrelationMethod = (CorrelationMethod)row.Int(13),
            CorrelatedActivityId = row.GuidOrNull(14),
            ParentActivityId = row.GuidOrNull(15),
            CorrelatedSubjectChanged = row.Flag(16),
            AcceptingEntity = row.ReferenceOrNull(17),
            ReceivingMailbox = row.ReferenceOrNull(20),
            EmailSender = row.ReferenceOrNull(23),
            IsDuplicateSenderUnresolved = row.Flag(26),
            Sender = row.TextOrNull(27),
            SubmittedBy = row.TextOrNull(28),
            ToRecipients = row.TextOrNull(29),
            Regarding = row.ReferenceOrNull(30),
            OwnerId = row.GuidOrNull(33),
            Priority = (EmailPriority)row.Int(34),
            SentOn = row.TimeOrNull(35),
            ReceivedOn = row.TimeOrNull(36),
            DelayedSendTime = row.TimeOrNull(37),
            PostponedUntil = row.TimeOrNull(38),
            DeliveryAttempts = row.Int(39),
            FailureReason = row.TextOrNull(40),
            Notification = (EmailNotification)row.Int(41),
            InternetMessageHeaders = row.TextOrNull(42),
            CreatedOn = row.Time(43),
            ModifiedOn = row.Time(44),
            VersionNumber = row.GetInt64(45),
            Parties = [],
            Attachments = [],
            QueueItems = [],
        });
}

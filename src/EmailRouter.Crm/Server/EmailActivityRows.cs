using System.Text.Json;

namespace EmailRouter.Crm.Server;

/// <summary>How rows become email activities that are looked at, whatever the protocol.</summary>
internal static class EmailActivityRows
{
    // What emails have had in every version, and what is asked for only where the organization's definitions name it.
    private static readonly string[] columns =
    [
        "activityid", "subject", "description", "directioncode", "statecode", "statuscode", "messageid", "trackingtoken", "sender", "torecipients",
        "regardingobjectid", "ownerid", "prioritycode", "senton", "deliveryattempts", "createdon", "modifiedon", "versionnumber",
    ];

    private static readonly string[] newerColumns =
    [
        "safedescription", "mimetype", "inreplyto", "conversationindex", "correlationmethod", "correlatedactivityid", "parentactivityid",
        "correlatedsubjectchanged", "acceptingentityid", "receivingmailboxid", "emailsender", "isduplicatesenderunresolved", "submittedby",
        "delayedemailsendtime", "postponeemailprocessinguntil", "notifications", "internetmessageheaders",
    ];

    private static readonly HashSet<string> lookups =
        ["regardingobjectid", "ownerid", "correlatedactivityid", "parentactivityid", "acceptingentityid", "receivingmailboxid", "emailsender"];

    /// <summary>Names the columns to read.</summary>
    /// <param name="email">The table of emails.</param>
    /// <returns>Those that it has.</returns>
    public static IEnumerable<string> Columns(TableInfo email) =>
        columns.Where(c => email.Has(c)).Concat(newerColumns.Where(c => email.Has(c, unlessKnown: false)));

    /// <summary>Says whether a column refers to a record.</summary>
    /// <param name="column">The column.</param>
    /// <returns>True for a lookup.</returns>
    public static bool IsLookup(string column) => lookups.Contains(column);

    /// <summary>Reads an email.</summary>
    /// <param name="row">Its row, with its parties, attachments and queue items.</param>
    /// <param name="what">What was asked for, in words.</param>
    /// <returns>The email.</returns>
    /// <exception cref="CrmException"><c>CrmAnswerUnreadable</c>: it has no id.</exception>
    public static EmailActivity Read(JsonElement row, string what)
    {
        Guid id = row.Id("activityid") ?? throw AnswerErrors.Unreadable(what, "an email has no activityid");
        return new EmailActivity
        {
            ActivityId = id,
            Subject = row.Text("subject") ?? string.Empty,
            Description = row.Text("description") ?? string.Empty,
            SafeDescription = row.Text("safedescription"),
            MimeType = row.Text("mimetype") is { Length: > 0 } type ? type : "text/html",
            IsOutgoing = row.Flag("directioncode") ?? true,
            State = (EmailState)(row.Number("statecode") ?? 0),
            Status = (EmailStatus)(row.Number("statuscode") ?? (int)EmailStatus.Draft),
            MessageId = row.Text("messageid"),
            InReplyTo = row.Text("inreplyto"),
            ConversationIndex = row.Text("conversationindex"),
            TrackingToken = row.Text("trackingtoken"),
            CorrelationMethod = (CorrelationMethod)(row.Number("correlationmethod") ?? 0),
            CorrelatedActivityId = row.Id("_correlatedactivityid_value"),
            ParentActivityId = row.Id("_parentactivityid_value"),
            CorrelatedSubjectChanged = row.Flag("correlatedsubjectchanged") == true,
            AcceptingEntity = row.Lookup("acceptingentityid"),
            ReceivingMailbox = row.Lookup("receivingmailboxid", "mailbox"),
            EmailSender = row.Lookup("emailsender"),
            IsDuplicateSenderUnresolved = row.Flag("isduplicatesenderunresolved") == true,
            Sender = row.Text("sender"),
            SubmittedBy = row.Text("submittedby"),
            ToRecipients = row.Text("torecipients"),
            Regarding = row.Lookup("regardingobjectid"),
            OwnerId = row.Id("_ownerid_value"),
            Priority = (EmailPriority)(row.Number("prioritycode") ?? (int)EmailPriority.Normal),
            SentOn = row.Time("senton"),
            DelayedSendTime = row.Time("delayedemailsendtime"),
            PostponedUntil = row.Time("postponeemailprocessinguntil"),
            DeliveryAttempts = row.Number("deliveryattempts") ?? 0,
            Notification = (EmailNotification)(row.Number("notifications") ?? 0),
            InternetMessageHeaders = row.Text("internetmessageheaders"),
            CreatedOn = row.Time("createdon") ?? DateTimeOffset.MinValue,
            ModifiedOn = row.Time("modifiedon") ?? DateTimeOffset.MinValue,
            VersionNumber = row.Long("versionnumber") ?? 0,
            Parties = EmailRows.ReadParties(row),
            Attachments =
            [
                .. row.Expanded("email_activity_mime_attachment").OrderBy(a => a.Number("attachmentnumber") ?? int.MaxValue)
                    .Select(a => new AttachmentInfo(
                        a.Id("activitymimeattachmentid") ?? Guid.Empty, a.Text("filename") ?? string.Empty, a.Text("mimetype") ?? "application/octet-stream",
                        a.Long("filesize") ?? 0, a.Text("attachmentcontentid")?.Trim('<', '>'))),
            ],
            QueueItems =
            [
                .. row.Expanded("Email_QueueItem").OrderBy(q => q.Time("enteredon"))
                    .Where(q => q.Id("_queueid_value") is not null)
                    .Select(q => new QueueItem(
                        q.Id("queueitemid") ?? Guid.Empty, q.Lookup("queueid", "queue")!, id, q.Text("title") ?? string.Empty, q.Text("sender"),
                        q.Text("torecipients"), q.Time("enteredon") ?? DateTimeOffset.MinValue)),
            ],
        };
    }
}

using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.RegularExpressions;
using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse;

/// <summary>Finds email activities with one query, page by page, and reads them whole.</summary>
/// <param name="connection">The connection.</param>
/// <param name="tables">The tables, for the columns that this organization has.</param>
internal sealed class EmailFinder(WebApiConnection connection, TableDirectory tables)
{
    private const string What = "email activities";
    private const string QueueItems = "Email_QueueItem($select=queueitemid,title,sender,torecipients,enteredon,_queueid_value)";

    // With their texts, which may have a mebibyte each; an answer has its limit.
    private const int PageSize = 50;

    private static readonly TimeSpan PatternLimit = TimeSpan.FromSeconds(1);

    // What emails have had since the Web API is there, and what is asked for only where the organization's definitions name it.
    private static readonly string[] columns =
    [
        "activityid", "subject", "description", "directioncode", "statecode", "statuscode", "messageid", "trackingtoken", "sender", "torecipients",
        "_regardingobjectid_value", "_ownerid_value", "prioritycode", "senton", "deliveryattempts", "createdon", "modifiedon", "versionnumber",
    ];

    private static readonly string[] newerColumns =
    [
        "safedescription", "mimetype", "inreplyto", "conversationindex", "correlationmethod", "_correlatedactivityid_value", "_parentactivityid_value",
        "correlatedsubjectchanged", "_acceptingentityid_value", "_receivingmailboxid_value", "_emailsender_value", "isduplicatesenderunresolved", "submittedby",
        "delayedemailsendtime", "postponeemailprocessinguntil", "notifications", "internetmessageheaders",
    ];

    /// <summary>Reads one.</summary>
    /// <param name="activityId">The email activity.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The email activity; null when there is none.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public async ValueTask<EmailActivity?> GetAsync(Guid activityId, CancellationToken cancellationToken)
    {
        await foreach (JsonElement row in connection.RowsAsync(Request([$"activityid%20eq%20{activityId:D}"], 1), cancellationToken).ConfigureAwait(false))
            return await ReadAsync(row, cancellationToken).ConfigureAwait(false);
        return null;
    }

    /// <summary>Finds some, newest first.</summary>
    /// <param name="filter">Which.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <returns>The email activities.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public async IAsyncEnumerable<EmailActivity> FindAsync(EmailFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        int left = filter.Top ?? int.MaxValue;
        if (left <= 0 || filter.Statuses is { Count: 0 })
            yield break;
        Regex? subject = filter.Subject is { } pattern ? PatternOf(pattern) : null;
        WebApiRequest request = Request([.. Conditions(filter)], subject is null ? Math.Min(left, PageSize) : PageSize);
        await foreach (JsonElement row in connection.RowsAsync(request, cancellationToken).ConfigureAwait(false))
        {
            // The server was asked for parts of the subject only: its own wildcards are others.
            if (subject is not null && !subject.IsMatch(row.Text("subject") ?? string.Empty))
                continue;
            if (await ReadAsync(row, cancellationToken).ConfigureAwait(false) is not { } email)
                continue;
            yield return email;
            if (--left == 0)
                yield break;
        }
    }

    /// <summary>Writes a filter as conditions that all hold, encoded.</summary>
    private static IEnumerable<string> Conditions(EmailFilter filter)
    {
        if (filter.Statuses is { } statuses)
            yield return ODataText.AnyOf(["statuscode"], statuses.Distinct().Select(s => ((int)s).ToString(CultureInfo.InvariantCulture)));
        if (filter.IsOutgoing is { } outgoing)
            yield return $"directioncode%20eq%20{(outgoing ? "true" : "false")}";
        if (filter.Since is { } since)
            yield return $"createdon%20ge%20{ODataText.Time(since)}";
        foreach (string part in (filter.Subject ?? string.Empty).Split(['*', '?', '[', ']', '%', '_'], StringSplitOptions.RemoveEmptyEntries).Take(5))
            yield return $"contains(subject,{ODataText.Quote(part)})";
        if (filter.MessageId is { } messageId)
            yield return $"messageid%20eq%20{ODataText.Quote(messageId)}";
        if (filter.TrackingToken is { } token)
            yield return $"trackingtoken%20eq%20{ODataText.Quote(token)}";
        if (filter.Address is { } address)
            yield return $"email_activity_parties/any(p:p/addressused%20eq%20{ODataText.Quote(address.Trim())})";
        if (filter.RegardingId is { } regarding)
            yield return $"_regardingobjectid_value%20eq%20{regarding:D}";
        if (filter.QueueId is { } queue)
            yield return $"Email_QueueItem/any(q:q/_queueid_value%20eq%20{queue:D})";
        if (filter.SenderId is { } sender)
            yield return $"_emailsender_value%20eq%20{sender:D}";
        if (filter.OwnerId is { } owner)
            yield return $"_ownerid_value%20eq%20{owner:D}";
    }

    private static Regex PatternOf(string pattern) => new(
        $"^{Regex.Escape(pattern).Replace(@"\*", ".*", StringComparison.Ordinal).Replace(@"\?", ".", StringComparison.Ordinal)}$",
        RegexOptions.IgnoreCase | RegexOptions.Singleline | RegexOptions.CultureInvariant,
        PatternLimit);

    private WebApiRequest Request(IReadOnlyCollection<string> conditions, int pageSize)
    {
        IEnumerable<string> known = columns.Where(c => tables.Email.Has(LogicalName(c)))
            .Concat(newerColumns.Where(c => tables.Email.Has(LogicalName(c), unlessKnown: false)));
        string filter = conditions.Count == 0 ? string.Empty : $"&$filter={string.Join("%20and%20", conditions)}";
        return WebApiRequest.Get(
            $"emails?$select={string.Join(',', known)}&$expand={EmailColumns.Parties},{EmailColumns.Attachments},{QueueItems}{filter}" +
            "&$orderby=createdon%20desc,activityid%20desc",
            What) with
        {
            Prefer = $"{WebApiRequest.LookupAnnotations},odata.maxpagesize={pageSize.ToString(CultureInfo.InvariantCulture)}",
        };
    }

    /// <summary>The column's name without what the Web API puts around that of a lookup.</summary>
    private static string LogicalName(string column) => column.StartsWith('_') ? column[1..^"_value".Length] : column;

    /// <summary>Reads an email; null for one that was deleted meanwhile.</summary>
    private async ValueTask<EmailActivity?> ReadAsync(JsonElement row, CancellationToken cancellationToken) =>
        await ExpandedLists.CompleteAsync(connection, [row], What, cancellationToken).ConfigureAwait(false) is [{ } whole] ? Read(whole) : null;

    private static EmailActivity Read(JsonElement row)
    {
        Guid id = row.Id("activityid") ?? throw AnswerErrors.Unreadable(What, "an email has no activityid");
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

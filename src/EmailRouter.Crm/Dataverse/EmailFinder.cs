using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
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
        SubjectPattern? subject = filter.Subject is { } pattern ? new SubjectPattern(pattern) : null;
        WebApiRequest request = Request([.. Conditions(filter)], subject is null ? Math.Min(left, PageSize) : PageSize);
        await foreach (JsonElement row in connection.RowsAsync(request, cancellationToken).ConfigureAwait(false))
        {
            // The server was asked for parts of the subject only: its own wildcards are others.
            if (subject is not null && !subject.Fits(row.Text("subject")))
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
        foreach (string part in filter.Subject is { } pattern ? new SubjectPattern(pattern).Parts : [])
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

    private WebApiRequest Request(IReadOnlyCollection<string> conditions, int pageSize)
    {
        IEnumerable<string> known = EmailActivityRows.Columns(tables.Email).Select(c => EmailActivityRows.IsLookup(c) ? $"_{c}_value" : c);
        string filter = conditions.Count == 0 ? string.Empty : $"&$filter={string.Join("%20and%20", conditions)}";
        return WebApiRequest.Get(
            $"emails?$select={string.Join(',', known)}&$expand={EmailColumns.Parties},{EmailColumns.Attachments},{QueueItems}{filter}" +
            "&$orderby=createdon%20desc,activityid%20desc",
            What) with
        {
            Prefer = $"{WebApiRequest.LookupAnnotations},odata.maxpagesize={pageSize.ToString(CultureInfo.InvariantCulture)}",
        };
    }

    /// <summary>Reads an email; null for one that was deleted meanwhile.</summary>
    private async ValueTask<EmailActivity?> ReadAsync(JsonElement row, CancellationToken cancellationToken) =>
        await ExpandedLists.CompleteAsync(connection, [row], What, cancellationToken).ConfigureAwait(false) is [{ } whole]
            ? EmailActivityRows.Read(whole, What)
            : null;
}

using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using EmailRouter.Crm.Organization.Soap;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Organization;

/// <summary>Finds email activities page by page, and reads them whole: three queries a page.</summary>
/// <param name="connection">The connection.</param>
/// <param name="tables">The tables, for the columns that this organization has.</param>
internal sealed class EmailSearch(OrganizationConnection connection, TableDirectory tables)
{
    private const string What = "email activities";

    // With their texts, which may have a mebibyte each; an answer has its limit.
    private const int PageSize = 50;

    /// <summary>Reads one.</summary>
    /// <param name="activityId">The email activity.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The email activity; null when there is none.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public async ValueTask<EmailActivity?> GetAsync(Guid activityId, CancellationToken cancellationToken)
    {
        FetchQuery query = Emails().Where("activityid", "eq", activityId.ToString("D"));
        await foreach (EmailActivity email in ReadAsync(query, 1, null, cancellationToken).ConfigureAwait(false))
            return email;
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
        FetchQuery query = Query(filter, subject);
        int pageSize = subject is null ? Math.Min(left, PageSize) : PageSize;
        await foreach (EmailActivity email in ReadAsync(query, pageSize, subject, cancellationToken).ConfigureAwait(false))
        {
            yield return email;
            if (--left == 0)
                yield break;
        }
    }

    private FetchQuery Emails() => new FetchQuery("email", [.. EmailActivityRows.Columns(tables.Email), "from", "to", "cc", "bcc"])
        .By("createdon", isDescending: true).By("activityid", isDescending: true);

    private FetchQuery Query(EmailFilter filter, SubjectPattern? subject)
    {
        FetchQuery query = Emails();
        if (filter.Statuses is { } statuses)
            query.WhereAny(["statuscode"], statuses.Distinct().Select(s => ((int)s).ToString(CultureInfo.InvariantCulture)));
        if (filter.IsOutgoing is { } outgoing)
            query.Where("directioncode", "eq", outgoing ? "1" : "0");
        if (filter.Since is { } since)
            query.Where("createdon", "ge", ColumnText.Time(since));
        foreach (string part in subject?.Parts ?? [])
            query.Where("subject", "like", $"%{part}%");
        if (filter.MessageId is { } messageId)
            query.Where("messageid", "eq", messageId);
        if (filter.TrackingToken is { } token)
            query.Where("trackingtoken", "eq", token);
        if (filter.RegardingId is { } regarding)
            query.Where("regardingobjectid", "eq", regarding.ToString("D"));
        if (filter.OwnerId is { } owner)
            query.Where("ownerid", "eq", owner.ToString("D"));
        if (filter.Address is { } address)
            query.Join("activityparty", "activityid", "activityid", null, [], ("addressused", "in", [address.Trim()]));
        if (filter.SenderId is { } sender)
            query.Join("activityparty", "activityid", "activityid", null, [], ("participationtypemask", "in", ["1"]),
                ("partyid", "in", [sender.ToString("D")]));
        if (filter.QueueId is { } queue)
            query.Join("queueitem", "objectid", "activityid", null, [], ("queueid", "in", [queue.ToString("D")]));
        return query;
    }

    private async IAsyncEnumerable<EmailActivity> ReadAsync(
        FetchQuery query, int pageSize, SubjectPattern? subject, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // An email with the address in several roles comes once for each.
        var known = new HashSet<Guid>();
        await foreach (IReadOnlyList<XElement> page in connection.PagesAsync(query, pageSize, What, cancellationToken).ConfigureAwait(false))
        {
            List<JsonObject> rows = [.. page.Select(e => EntityRow.Read(e)).Where(r => Guid.TryParse((string?)r["activityid"], out Guid id) && known.Add(id))];

            // The server was asked for parts of the subject only: its own wildcards are others.
            rows.RemoveAll(r => subject?.Fits((string?)r["subject"]) == false);
            await EmailLists.AddAttachmentsAsync(connection, rows, tables.Find("activitymimeattachment"), cancellationToken).ConfigureAwait(false);
            await EmailLists.AddQueueItemsAsync(connection, rows, cancellationToken).ConfigureAwait(false);
            foreach (JsonElement row in rows.Select(r => r.ToElement()))
                yield return EmailActivityRows.Read(row, What);
        }
    }
}

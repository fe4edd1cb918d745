using System.Text.Json.Nodes;
using System.Xml.Linq;
using EmailRouter.Crm.Organization.Soap;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Organization;

/// <summary>
/// What belongs to emails and stands in tables of its own: attachments, without their contents, and queue items. One query for some hundred emails.
/// </summary>
internal static class EmailLists
{
    private const int MaxNamed = 100;

    /// <summary>Adds what is known of attachments.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="rows">The rows of the emails.</param>
    /// <param name="table">The table of attachments, for columns that older versions lack; null for those alone that all have.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>A task that ends when the rows have them.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public static ValueTask AddAttachmentsAsync(
        OrganizationConnection connection, IReadOnlyList<JsonObject> rows, TableInfo? table, CancellationToken cancellationToken)
    {
        string[] columns = ["activitymimeattachmentid", "attachmentnumber", "filename", "mimetype", "filesize", "objectid"];
        if (table?.Has("attachmentcontentid", unlessKnown: false) == true)
            columns = [.. columns, "attachmentcontentid"];
        return AddAsync(connection, rows, "email_activity_mime_attachment", new("activitymimeattachment", columns), "the attachments", cancellationToken);
    }

    /// <summary>Adds queue items.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="rows">The rows of the emails.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>A task that ends when the rows have them.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public static ValueTask AddQueueItemsAsync(
        OrganizationConnection connection, IReadOnlyList<JsonObject> rows, CancellationToken cancellationToken) => AddAsync(
        connection,
        rows,
        "Email_QueueItem",
        new("queueitem", ["queueitemid", "title", "sender", "torecipients", "enteredon", "queueid", "objectid"]),
        "the queue items",
        cancellationToken);

    private static async ValueTask AddAsync(
        OrganizationConnection connection, IReadOnlyList<JsonObject> rows, string list, (string Table, string[] Columns) of,
        string what, CancellationToken cancellationToken)
    {
        Dictionary<Guid, JsonObject> byId = rows.Where(r => Guid.TryParse((string?)r["activityid"], out _))
            .GroupBy(r => Guid.Parse((string)r["activityid"]!)).ToDictionary(g => g.Key, g => g.First());
        foreach (Guid[] some in byId.Keys.Chunk(MaxNamed))
        {
            FetchQuery query = new FetchQuery(of.Table, of.Columns).WhereAny(["objectid"], some.Select(i => i.ToString("D"))).By(of.Columns[0]);
            foreach (XElement entity in await connection.RowsAsync(query, what, cancellationToken).ConfigureAwait(false))
            {
                JsonObject row = EntityRow.Read(entity);
                if (!Guid.TryParse((string?)row["_objectid_value"], out Guid owner) || !byId.TryGetValue(owner, out JsonObject? email))
                    continue;
                if (email[list] is not JsonArray items)
                    email[list] = items = [];
                items.Add(row);
            }
        }
    }
}

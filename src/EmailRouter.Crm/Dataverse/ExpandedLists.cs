using System.Text.Json;
using System.Text.Json.Nodes;
using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse;

/// <summary>
/// Completes rows whose expanded lists came as links. Servers of version 8 and early 9.0 answer a list of rows with empty expansions and the address of each;
/// later ones do so for what goes beyond a page. Without what stands there an email would lose recipients or attachments.
/// </summary>
internal static class ExpandedLists
{
    private const string LinkSuffix = "@odata.nextLink";
    private const int MaxPages = 200;

    /// <summary>Follows the links, those of all rows together: one batch, and one more for each further page. No request where no row has a link.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="what">What they are, in words.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The rows in the same order; null for one that was deleted meanwhile.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses; a list that does not end.</exception>
    public static async ValueTask<IReadOnlyList<JsonElement?>> CompleteAsync(
        WebApiConnection connection, IReadOnlyList<JsonElement> rows, string what, CancellationToken cancellationToken)
    {
        var open = new List<OpenList>();
        var whole = new Dictionary<int, JsonObject>();
        for (int i = 0; i < rows.Count; i++)
        {
            foreach (JsonProperty property in rows[i].EnumerateObject())
            {
                if (!property.Name.EndsWith(LinkSuffix, StringComparison.Ordinal) || property.Value.GetString() is not { } link)
                    continue;
                if (!whole.TryGetValue(i, out JsonObject? row))
                    whole[i] = row = JsonObject.Create(rows[i])!;
                string navigation = property.Name[..^LinkSuffix.Length];

                // A link that does not say where to go on from leads to the whole list.
                JsonArray list = IsContinuation(link) && row[navigation] is JsonArray begun ? begun : [];
                row[navigation] = list;
                row.Remove(property.Name);
                open.Add(new OpenList(i, list, link));
            }
        }

        var gone = new HashSet<int>();
        for (int page = 0; open.Count > 0; page++)
        {
            if (page == MaxPages)
                throw AnswerErrors.Unreadable(what, "the pages of its lists do not end");
            var next = new List<OpenList>();
            foreach (OpenList[] some in open.Chunk(WebApiBatch.MaxRequests))
                next.AddRange(await ReadAsync(connection, some, gone, what, cancellationToken).ConfigureAwait(false));
            open = next;
        }

        return
        [
            .. rows.Select((row, i) => gone.Contains(i) ? null
                : whole.TryGetValue(i, out JsonObject? completed) ? JsonSerializer.SerializeToElement(completed) : (JsonElement?)row),
        ];
    }

    private static async ValueTask<List<OpenList>> ReadAsync(
        WebApiConnection connection, OpenList[] lists, HashSet<int> gone, string what, CancellationToken cancellationToken)
    {
        var batch = new WebApiBatch(what);
        foreach (OpenList list in lists)
            batch.Add(WebApiRequest.Get(connection.NextPath(list.Link, what), what));
        IReadOnlyList<IReadOnlyList<CrmAnswer>> answers = await connection.SendAsync(batch, cancellationToken).ConfigureAwait(false);
        var next = new List<OpenList>();
        for (int i = 0; i < lists.Length; i++)
        {
            CrmAnswer answer = answers[i][0];
            if (!answer.IsSuccess)
            {
                CrmException refused = AnswerErrors.Explain(answer, what, connection.Server);
                if (refused.ErrorId != "CrmRecordMissing")
                    throw refused;
                gone.Add(lists[i].Row);
                continue;
            }

            foreach (JsonElement entry in answer.Rows(what))
                lists[i].Entries.Add(JsonObject.Create(entry));
            if (answer.NextLink(what) is { } link)
                next.Add(lists[i] with { Link = link });
        }

        return next;
    }

    private static bool IsContinuation(string link) =>
        link.Contains("$skiptoken", StringComparison.OrdinalIgnoreCase) || link.Contains("%24skiptoken", StringComparison.OrdinalIgnoreCase);

    private sealed record OpenList(int Row, JsonArray Entries, string Link);
}

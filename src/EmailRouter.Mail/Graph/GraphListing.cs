using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace EmailRouter.Mail.Graph;

/// <summary>Lists what came into folders since a position, by delta queries ("Get incremental changes to messages in a folder").</summary>
/// <remarks>
/// Folders come one after the other, pages in the service's order, and within a page the oldest message first: a delta query promises no order, and waiting for
/// all pages would mean to hold them all. It may also repeat messages, and tells of changed ones; the router knows their ids. Removed ones are left out.
/// </remarks>
internal sealed class GraphListing(GraphClient client, GraphFolders folders)
{
    private const int MaximumPages = 1_000_000;
    private const int MaximumEmptyPages = 1000;

    private const string ItemClass = "String 0x001A";
    private const int ItemClassTag = 0x001A;

    /// <summary>Gets the position behind everything, once a listing has ended.</summary>
    public MailboxCursor? Position { get; private set; }

    /// <summary>Lists.</summary>
    /// <param name="chosen">The folders.</param>
    /// <param name="since">The position.</param>
    /// <param name="cancellationToken">Stops the listing.</param>
    /// <returns>The messages. The last one of a page has the position behind the page.</returns>
    public async IAsyncEnumerable<MessageRef> ReadAsync(IReadOnlyList<GraphFolder> chosen, MailboxCursor since, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Position = null;
        GraphCursor positions = GraphCursor.Parse(since, client.Service);
        positions.Keep(chosen.Select(f => f.Key));
        foreach (GraphFolder folder in chosen)
        {
            string? next = Usable(positions.Find(folder.Key));
            bool rich = true;
            bool restarted = false;
            int empty = 0;
            for (int pages = 0; ; pages++)
            {
                string asked = next ?? First(folder, rich);
                GraphPage page;
                try
                {
                    page = await ReadPageAsync(asked, cancellationToken).ConfigureAwait(false);
                }
                catch (GraphRefusedException e) when (next is not null && !restarted && e.Fault is GraphFault.PositionLost or GraphFault.BadRequest)
                {
                    // The service has forgotten the position (410, sometimes 400). What was seen before is known by its id.
                    positions.Set(folder.Key, null);
                    next = null;
                    restarted = true;
                    continue;
                }
                catch (GraphRefusedException e) when (next is null && rich && e.Fault == GraphFault.BadRequest)
                {
                    // Not every cloud takes the item class or the kind of change in a delta query.
                    rich = false;
                    continue;
                }
                catch (GraphRefusedException e) when (e.Fault == GraphFault.ItemGone)
                {
                    throw FolderGone(folder, e);
                }

                empty = page.Messages.Count > 0 ? 0 : empty + 1;
                if (!page.IsLast && (new Uri(client.Service, page.Link) == new Uri(client.Service, asked) || pages >= MaximumPages || empty > MaximumEmptyPages))
                    throw Endless(folder);
                positions.Set(folder.Key, page.Link);
                for (int i = 0; i < page.Messages.Count; i++)
                    yield return i < page.Messages.Count - 1 ? page.Messages[i] : page.Messages[i] with { Cursor = positions.ToCursor() };
                if (page.IsLast)
                    break;
                next = page.Link;
            }
        }

        Position = positions.ToCursor();
    }

    private static MessageRef? ToMessage(JsonElement item)
    {
        if (GraphJson.Text(item, "id") is not { Length: > 0 } id || item.TryGetProperty("@removed", out _) || GraphJson.Flag(item, "isDraft") == true)
            return null;
        string? messageClass = GraphJson.Objects(item, "singleValueExtendedProperties")
            .Where(p => IsItemClass(GraphJson.Text(p, "id")))
            .Select(p => GraphJson.Text(p, "value"))
            .FirstOrDefault(v => !string.IsNullOrEmpty(v));
        return new MessageRef(id) { ReceivedOn = GraphJson.Moment(item, "receivedDateTime"), MessageClass = messageClass };
    }

    /// <summary>The service answers with its own spelling of the property's name: <c>String 0x1a</c>.</summary>
    private static bool IsItemClass(string? id) => id?.Split(" 0x", 2) is [var type, var tag] && type.Equals("String", StringComparison.OrdinalIgnoreCase)
        && int.TryParse(tag, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int number) && number == ItemClassTag;

    private string First(GraphFolder folder, bool rich)
    {
        string query = "$select=id,receivedDateTime,isDraft";
        if (rich)
            query += "&changeType=created&$expand=" + Uri.EscapeDataString($"singleValueExtendedProperties($filter=id eq '{ItemClass}')");
        return $"{folders.PathOf(folder.Key)}/messages/delta?{query}";
    }

    /// <summary>A position kept under another address of the service is none.</summary>
    private string? Usable(string? link) => link is not null && Uri.TryCreate(client.Service, link, out Uri? url) && client.Owns(url) ? link : null;

    private async ValueTask<GraphPage> ReadPageAsync(string path, CancellationToken cancellationToken)
    {
        var request = new GraphRequest { Step = MailStep.List, What = "delta", Path = path, Prefer = $"odata.maxpagesize={client.Options.PageSize}" };
        return await client.GetAsync(request, Read, cancellationToken).ConfigureAwait(false);

        GraphPage Read(JsonElement body)
        {
            string? nextLink = GraphJson.Text(body, "@odata.nextLink");
            string? link = nextLink ?? GraphJson.Text(body, "@odata.deltaLink");
            if (string.IsNullOrEmpty(link))
                throw client.Malformed(request, "the page of the listing says neither how it goes on nor that it is the last");
            if (!Uri.TryCreate(client.Service, link, out Uri? url) || !client.Owns(url))
                throw client.Malformed(request, "the page of the listing goes on at another server, which is not followed");
            List<MessageRef> messages = [.. GraphJson.Objects(body, "value").Select(ToMessage).OfType<MessageRef>().OrderBy(m => m.ReceivedOn ?? DateTimeOffset.MinValue)];
            return new GraphPage(messages, link, nextLink is null);
        }
    }

    private MailCommandException FolderGone(GraphFolder folder, GraphRefusedException cause) => new(
        "MailFolderNotFound",
        MailStep.List,
        $"{client.Where("delta")}: the folder \"{folder.Name}\" is not there: {cause.Error}",
        GraphErrorCodes.Describe(GraphFault.FolderMissing, MailStep.List).Remedy,
        cause)
    {
        Conversation = client.Conversation,
    };

    private MailProtocolException Endless(GraphFolder folder) => new(
        "MailProtocolError",
        MailStep.List,
        $"{client.Where("delta")}: the listing of \"{folder.Name}\" does not end: the service names the same page again and again, or pages with nothing in them.",
        "It is tried again later; report it when it stays.")
    {
        IsTransient = true,
        Conversation = client.Conversation,
    };

    private sealed record GraphPage(IReadOnlyList<MessageRef> Messages, string Link, bool IsLast);
}

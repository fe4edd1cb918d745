using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.OAuth;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Graph;

/// <summary>What changed in a folder since a position (messages/delta). All options of the first request are kept in the token.</summary>
internal sealed class GraphDelta(GraphCall call)
{
    private const int MaximumFiltered = 5_000;

    private readonly LabMailbox mailbox = call.Mailbox;

    public LabHttpAnswer Get(string folderId)
    {
        LabFolder folder = GraphIds.FolderOf(mailbox, folderId);
        State state = call.Query.Values.GetValueOrDefault("$skiptoken") is { } skip ? Read(skip, folder)
            : call.Query.Values.GetValueOrDefault("$deltatoken") is { } delta ? Read(delta, folder)
            : First(folder);
        int size = call.PageSize ?? state.PageSize ?? 10;
        LabChangePage page = mailbox.ChangesIn(folder.Id, state.Sequence, size) ?? throw GraphError.SyncState();
        var value = new JsonArray();
        int told = state.Told;
        foreach (LabChange change in page.Changes)
        {
            if (Show(change, state) is not { } item)
                continue;
            if (state.Filter is not null && ++told > MaximumFiltered)
                break;
            value.Add(item);
        }

        State next = state with { Sequence = page.Sequence, Told = page.IsComplete ? 0 : told, Filter = page.IsComplete ? null : state.Filter };
        return LabHttpAnswer.OfJson(200, new JsonObject
        {
            ["@odata.context"] = $"{call.Root}/$metadata#Collection(message)",
            ["value"] = value,
            [page.IsComplete ? "@odata.deltaLink" : "@odata.nextLink"] = call.Link($"{(page.IsComplete ? "$deltatoken" : "$skiptoken")}={Write(next)}"),
        });
    }

    private JsonObject? Show(LabChange change, State state)
    {
        bool isWanted = state.ChangeType is null || state.ChangeType == (change.Kind switch
        {
            LabChangeKind.Created => "created",
            LabChangeKind.Deleted => "deleted",
            _ => "updated",
        });
        if (!isWanted)
            return null;
        string id = call.Immutable ? GraphIds.OfImmutable(change.MessageId) : GraphIds.OfEntry(change.EntryId);
        LabMessage? message = mailbox.FindMessage(change.MessageId);
        if (change.Kind == LabChangeKind.Deleted || message is null)
            return new JsonObject { ["@odata.type"] = "#microsoft.graph.message", ["id"] = id, ["@removed"] = new JsonObject { ["reason"] = "deleted" } };
        var item = new GraphItem(mailbox, message, call);
        if (state.Filter is { } filter && change.Kind == LabChangeKind.Created && !GraphFilter.Parse(filter).Holds(item.Resolve))
            return null;
        return item.Show(change.Kind == LabChangeKind.ReadFlag ? ["isRead"] : state.Select, withType: true, expand: state.Expand);
    }

    private State First(LabFolder folder)
    {
        GraphQuery query = call.Query;
        if (query.Values.GetValueOrDefault("$filter") is { } filter && !(query.Filter!.Paths is [var only] && only.Equals("receivedDateTime", StringComparison.OrdinalIgnoreCase) &&
            (filter.Contains(" ge ", StringComparison.Ordinal) || filter.Contains(" gt ", StringComparison.Ordinal))))
            throw GraphError.BadRequest("The only supported $filter expressions of delta are receivedDateTime ge and receivedDateTime gt.");
        if (query.OrderBy.Count > 0 && query.OrderBy is not [("receivedDateTime", true)])
            throw GraphError.BadRequest("The only supported $orderby expression of delta is receivedDateTime desc.");
        string? type = query.Values.GetValueOrDefault("changeType");
        if (type is not (null or "created" or "updated" or "deleted"))
            throw GraphError.BadRequest($"The changeType '{type}' is not valid.");
        return new State(folder.Id, 0, query.Select, type, query.Top, query.Values.GetValueOrDefault("$filter"), 0, query.Expand);
    }

    private static string Write(State state) => LabJwt.Encode(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(state)));

    private static State Read(string token, LabFolder folder)
    {
        try
        {
            string base64 = token.Replace('-', '+').Replace('_', '/');
            byte[] bytes = Convert.FromBase64String(base64.PadRight((base64.Length + 3) / 4 * 4, '='));
            if (JsonSerializer.Deserialize<State>(bytes) is { } state && state.Folder == folder.Id)
                return state;
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            // Not a token of this endpoint; the same answer as for one that is too old.
        }

        throw GraphError.SyncState();
    }

    private sealed record State(string Folder, long Sequence, IReadOnlyList<string>? Select, string? ChangeType, int? PageSize, string? Filter, int Told, string? Expand = null);
}

using System.Text.Json.Nodes;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Graph;

/// <summary>Turns one kind of id into another (translateExchangeIds).</summary>
internal static class GraphTranslation
{
    private const int MaximumIds = 1000;

    public static LabHttpAnswer Run(GraphCall call)
    {
        JsonObject body = call.Body;
        JsonArray ids = (body["inputIds"] ?? body["InputIds"]) as JsonArray ?? throw GraphError.Invalid("The parameter 'InputIds' is required.");
        if (ids.Count > MaximumIds)
            throw GraphError.Invalid($"No more than {MaximumIds} ids can be translated at once.");
        string target = GraphDraft.Text(body["targetIdType"] ?? body["TargetIdType"], "targetIdType") ?? string.Empty;
        if (target is not ("restId" or "restImmutableEntryId"))
            throw GraphError.Invalid($"The id type '{target}' is not supported here.");
        var value = new JsonArray();
        foreach (string? id in ids.Select(i => GraphDraft.Text(i, "inputIds")))
        {
            LabMessage message = GraphIds.Message(call.Mailbox, id ?? string.Empty);
            value.Add(new JsonObject { ["sourceId"] = id, ["targetId"] = GraphIds.OfMessage(message, target == "restImmutableEntryId") });
        }

        return LabHttpAnswer.OfJson(200, new JsonObject { ["@odata.context"] = $"{call.Root}/$metadata#Collection(microsoft.graph.convertIdResult)", ["value"] = value });
    }
}

using System.Text;
using System.Text.Json.Nodes;
using EmailRouter.Lab.Http;

namespace EmailRouter.Lab.Graph;

/// <summary>Several requests in one ($batch). Every part has a status of its own, and the answers come in any order.</summary>
internal sealed class GraphBatch(LabHttpRequest outer, string version, Func<LabHttpRequest, CancellationToken, ValueTask<LabHttpAnswer>> handle)
{
    private const int MaximumParts = 20;

    private readonly Dictionary<string, int> statuses = new(StringComparer.Ordinal);

    public async ValueTask<LabHttpAnswer> RunAsync(JsonObject body, CancellationToken cancellationToken)
    {
        JsonArray requests = body["requests"] as JsonArray ?? throw GraphError.BadRequest("Invalid batch payload format.");
        if (requests.Count is 0 or > MaximumParts)
            throw new GraphError(400, "MaximumValueExceeded", $"Number of batch request steps exceeds the maximum value of {MaximumParts}, or there is none.");
        string[] ids = [.. requests.Select(r => GraphDraft.Text(r?["id"], "id") is { Length: > 0 } id ? id : throw GraphError.BadRequest("A request of the batch has no id."))];
        if (ids.Distinct(StringComparer.OrdinalIgnoreCase).Count() != ids.Length)
            throw GraphError.BadRequest("The ids of the batch are not unique.");
        var responses = new List<JsonNode>();
        foreach (JsonNode? request in requests)
            responses.Add(await RunAsync(request!.AsObject(), ids, cancellationToken));

        // Nobody may rely on the order of the requests.
        responses.Reverse();
        return LabHttpAnswer.OfJson(200, new JsonObject { ["responses"] = new JsonArray([.. responses]) });
    }

    private async ValueTask<JsonObject> RunAsync(JsonObject request, string[] ids, CancellationToken cancellationToken)
    {
        string id = request["id"]!.GetValue<string>();
        string[] before = request["dependsOn"] is JsonArray names ? [.. names.Select(n => GraphDraft.Text(n, "dependsOn") ?? string.Empty)] : [];
        if (before.FirstOrDefault(b => !ids.Contains(b)) is { } unknown)
            throw GraphError.BadRequest($"The request {id} depends on {unknown}, which is not in the batch.");
        if (before.Any(b => !statuses.TryGetValue(b, out int status)))
            throw GraphError.BadRequest($"The request {id} depends on one that comes after it.");
        LabHttpAnswer answer = before.Any(b => statuses[b] >= 400)
            ? LabHttpAnswer.OfJson(424, new JsonObject { ["error"] = new JsonObject { ["code"] = "FailedDependency", ["message"] = "Failed Dependency" } })
            : await handle(Part(id, request), cancellationToken);
        statuses[id] = answer.Status;
        var headers = new JsonObject();
        foreach ((string name, string value) in answer.Headers)
            headers[name] = value;
        var response = new JsonObject { ["id"] = id, ["status"] = answer.Status, ["headers"] = headers };
        if (answer.Body.Length > 0)
        {
            bool isJson = answer.Headers.Any(h => h.Key == "Content-Type" && h.Value.StartsWith("application/json", StringComparison.Ordinal));
            response["body"] = isJson ? JsonNode.Parse(answer.Body.Span) : Convert.ToBase64String(answer.Body.Span);
        }

        return response;
    }

    private LabHttpRequest Part(string id, JsonObject request)
    {
        string url = GraphDraft.Text(request["url"], "url") ?? throw GraphError.BadRequest($"The request {id} has no url.");
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["Host"] = outer.Authority,
            ["Authorization"] = outer.Header("Authorization"),
        };
        foreach ((string name, JsonNode? value) in request["headers"] as JsonObject ?? [])
            headers[name] = GraphDraft.Text(value, name) ?? string.Empty;
        JsonNode? body = request["body"];
        if (body is not null && !headers.ContainsKey("Content-Type"))
            throw GraphError.BadRequest($"The request {id} has a body and no Content-Type.");
        byte[] bytes = body switch
        {
            null => [],
            JsonValue text when text.TryGetValue(out string? content) => Encoding.UTF8.GetBytes(content),
            _ => Encoding.UTF8.GetBytes(body.ToJsonString()),
        };
        string method = (GraphDraft.Text(request["method"], "method") ?? "GET").ToUpperInvariant();
        return outer.Part(method, $"/{version}/{url.TrimStart('/')}", headers, bytes);
    }
}

using System.Text.Json;
using System.Text.Json.Nodes;
using EmailRouter.Lab.Http;

namespace EmailRouter.Lab.Graph;

/// <summary>Reads the JSON body of a request.</summary>
internal static class GraphBody
{
    /// <exception cref="GraphError">There is none, or it is no object.</exception>
    public static JsonObject Read(LabHttpRequest request)
    {
        if (request.Body.IsEmpty)
            throw GraphError.Body("The request body is empty.");
        try
        {
            return JsonNode.Parse(request.Body.Span) as JsonObject ?? throw GraphError.Body("The request body is no JSON object.");
        }
        catch (JsonException)
        {
            throw GraphError.Body("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.");
        }
    }
}

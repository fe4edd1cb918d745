using System.Globalization;
using System.Net;
using System.Text.Json;
using EmailRouter.Shared.Http;

namespace EmailRouter.Mail.Graph;

/// <summary>One request within a batch.</summary>
/// <param name="Method">The method.</param>
/// <param name="Path">The address below the service's.</param>
/// <param name="Body">Writes the body; null for none.</param>
/// <param name="IfMatch">The version that must still hold; null for any.</param>
internal sealed record GraphPart(HttpMethod Method, string Path, Action<Utf8JsonWriter>? Body = null, string? IfMatch = null);

/// <summary>The answer to a part.</summary>
/// <param name="Error">Why not; null when it was done.</param>
/// <param name="Body">The body, independent of the answer it came in; undefined when there is none.</param>
internal sealed record GraphPartAnswer(GraphError? Error, JsonElement Body);

/// <summary>Sends requests together ("Combine multiple HTTP requests using JSON batching"): 20 at a time, and those that were told to come later once more.</summary>
internal sealed class GraphBatch(GraphClient client)
{
    /// <summary>How many requests a batch takes.</summary>
    public const int Size = 20;

    private const int MaximumAttempts = 12;

    /// <summary>Does all parts. Every one must be such that doing it twice is doing it once.</summary>
    /// <param name="step">The step they belong to.</param>
    /// <param name="what">What is done, for messages.</param>
    /// <param name="parts">The parts, independent of each other.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>An answer for each part.</returns>
    /// <exception cref="GraphRefusedException">The batch as a whole was refused, or parts are told to come later again and again.</exception>
    public async ValueTask<IReadOnlyList<GraphPartAnswer>> RunAsync(MailStep step, string what, IReadOnlyList<GraphPart> parts, CancellationToken cancellationToken)
    {
        var answers = new GraphPartAnswer?[parts.Count];
        foreach (int[] some in Enumerable.Range(0, parts.Count).Chunk(Size))
        {
            TimeSpan patience = client.Context.Deadlines.Command;
            int[] open = some;
            for (int attempt = 1; open.Length > 0; attempt++)
            {
                await SendAsync(step, what, parts, open, answers, cancellationToken).ConfigureAwait(false);
                open = [.. open.Where(i => IsLater(answers[i]))];
                if (open.Length == 0)
                    break;

                // One answer stands for all: the longest wait any of them asks for.
                GraphError error = open.Select(i => answers[i]?.Error).OfType<GraphError>().OrderByDescending(e => e.RetryAfter ?? TimeSpan.Zero).FirstOrDefault()
                    ?? new GraphError(HttpStatusCode.ServiceUnavailable, [], "a part of the batch was not answered");
                client.Refused(error.RetryAfter);
                if (attempt == MaximumAttempts)
                    throw new GraphRefusedException(error, step, client.Where(what), null, client.Conversation);
                patience -= await client.PauseAsync(step, client.Where(what), patience, error, cancellationToken).ConfigureAwait(false);
            }
        }

        return [.. answers.Select(a => a!)];
    }

    private static bool IsLater(GraphPartAnswer? answer) => answer is null || answer.Error is { Fault: GraphFault.Throttled or GraphFault.Unavailable };

    private async ValueTask SendAsync(
        MailStep step, string what, IReadOnlyList<GraphPart> parts, int[] open, GraphPartAnswer?[] answers, CancellationToken cancellationToken)
    {
        var request = new GraphRequest
        {
            Step = step,
            What = what,
            Method = HttpMethod.Post,
            Path = "$batch",
            Content = GraphClient.Json(json => Write(json, parts, open)),
        };
        foreach (int i in open)
            answers[i] = null;
        await client.GetAsync(request, Read, cancellationToken).ConfigureAwait(false);

        bool Read(JsonElement body)
        {
            if (body.ValueKind != JsonValueKind.Object || !body.TryGetProperty("responses", out JsonElement list) || list.ValueKind != JsonValueKind.Array)
                throw client.Malformed(request, "the answer to the batch has no responses");
            foreach (JsonElement answer in GraphJson.Objects(body, "responses"))
            {
                // Answers come in any order; one that answers nothing that was asked is nobody's.
                if (int.TryParse(GraphJson.Text(answer, "id"), NumberStyles.None, CultureInfo.InvariantCulture, out int index) && open.Contains(index))
                    answers[index] = ReadPart(answer);
            }

            return true;
        }
    }

    private static GraphPartAnswer? ReadPart(JsonElement answer)
    {
        if (GraphJson.Number(answer, "status") is not { } status)
            return null;
        JsonElement body = GraphJson.Object(answer, "body") is { } found ? found.Clone() : default;
        if (status is >= 200 and < 300)
            return new GraphPartAnswer(null, body);
        TimeSpan? retryAfter = GraphJson.Object(answer, "headers") is { } headers ? ReadRetryAfter(headers) : null;
        return new GraphPartAnswer(GraphError.Read((HttpStatusCode)status, body) with { RetryAfter = retryAfter }, default);
    }

    private static TimeSpan? ReadRetryAfter(JsonElement headers)
    {
        JsonProperty header = headers.EnumerateObject().FirstOrDefault(h => h.Name.Equals("Retry-After", StringComparison.OrdinalIgnoreCase));
        string? text = header.Value.ValueKind switch
        {
            JsonValueKind.String => header.Value.GetString(),
            JsonValueKind.Number => header.Value.GetRawText(),
            _ => null,
        };
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) ? RetryAfter.Limit(TimeSpan.FromSeconds(seconds)) : null;
    }

    private static void Write(Utf8JsonWriter json, IReadOnlyList<GraphPart> parts, int[] open)
    {
        json.WriteStartObject();
        json.WriteStartArray("requests");
        foreach (int i in open)
        {
            GraphPart part = parts[i];
            json.WriteStartObject();
            json.WriteString("id", i.ToString(CultureInfo.InvariantCulture));
            json.WriteString("method", part.Method.Method);
            json.WriteString("url", "/" + part.Path);
            json.WriteStartObject("headers");
            json.WriteString("Prefer", "IdType=\"ImmutableId\"");
            if (part.IfMatch is { } version)
                json.WriteString("If-Match", version);
            if (part.Body is not null)
                json.WriteString("Content-Type", "application/json");
            json.WriteEndObject();
            if (part.Body is { } body)
            {
                json.WriteStartObject("body");
                body(json);
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}

using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace EmailRouter.Lab.Http;

/// <summary>What an endpoint answers.</summary>
/// <param name="Status">The status.</param>
public sealed record LabHttpAnswer(int Status)
{
    /// <summary>Gets the headers; the server adds <c>Content-Length</c> and <c>Date</c>.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>Gets the body.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>
    /// Gets what writes the body piece by piece (<c>Transfer-Encoding: chunked</c>) instead of <see cref="Body"/>; null for a body that is there at once. It is
    /// given what sends a piece, which says whether the client is still there.
    /// </summary>
    public Func<Func<ReadOnlyMemory<byte>, ValueTask<bool>>, CancellationToken, Task>? Pieces { get; init; }

    /// <summary>Makes an answer with a text body.</summary>
    /// <param name="status">The status.</param>
    /// <param name="text">The body, sent as UTF-8.</param>
    /// <param name="mediaType">Its media type.</param>
    /// <returns>The answer.</returns>
    public static LabHttpAnswer OfText(int status, string text, string mediaType = "text/plain; charset=utf-8") =>
        OfBytes(status, Encoding.UTF8.GetBytes(text), mediaType);

    /// <summary>Makes an answer with a JSON body.</summary>
    /// <param name="status">The status.</param>
    /// <param name="value">The body.</param>
    /// <param name="mediaType">Its media type.</param>
    /// <returns>The answer.</returns>
    public static LabHttpAnswer OfJson(int status, JsonNode value, string mediaType = "application/json; charset=utf-8")
    {
        ArgumentNullException.ThrowIfNull(value);
        return OfText(status, value.ToJsonString(), mediaType);
    }

    /// <summary>Makes an answer with a body.</summary>
    /// <param name="status">The status.</param>
    /// <param name="body">The body.</param>
    /// <param name="mediaType">Its media type.</param>
    /// <returns>The answer.</returns>
    public static LabHttpAnswer OfBytes(int status, ReadOnlyMemory<byte> body, string mediaType) =>
        new LabHttpAnswer(status) { Body = body }.With("Content-Type", mediaType);

    /// <summary>Adds a header.</summary>
    /// <param name="name">The name.</param>
    /// <param name="value">The value.</param>
    /// <returns>A copy with it.</returns>
    public LabHttpAnswer With(string name, string value) => this with { Headers = [.. Headers, new(name, value)] };

    /// <summary>Adds <c>Retry-After</c> in whole seconds, rounded up.</summary>
    /// <param name="wait">The wait; null adds nothing.</param>
    /// <returns>A copy with it.</returns>
    public LabHttpAnswer WithRetryAfter(TimeSpan? wait) =>
        wait is { } known ? With("Retry-After", Math.Ceiling(known.TotalSeconds).ToString(CultureInfo.InvariantCulture)) : this;
}

using System.Globalization;
using System.Text;
using System.Text.Json;
using EmailRouter.Lab.OData;

namespace EmailRouter.Lab.Dataverse;

/// <summary>One request to the service, come by itself or in a batch.</summary>
internal sealed class ODataRequest
{
    private Preferences? preferences;
    private QueryOptions? options;
    private ResourcePath? path;

    public required string Method { get; init; }

    /// <summary>Gets the path below the service root, encoded.</summary>
    public required string Path { get; init; }

    /// <summary>Gets the query, encoded, without the question mark.</summary>
    public required string Query { get; init; }

    /// <summary>Gets the service root with a slash at the end.</summary>
    public required string Root { get; init; }

    public required IReadOnlyDictionary<string, string> Headers { get; init; }

    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Gets the addresses of rows by the Content-ID of the requests that made them, within a change set.</summary>
    public Dictionary<string, string> ContentIds { get; init; } = [];

    public Preferences Preferences => preferences ??= Preferences.Parse(Header("Prefer"));

    public QueryOptions Options => options ??= QueryOptions.Parse(Query);

    public ResourcePath Resource => path ??= ResourcePath.Parse(Path);

    /// <summary>Gets a value indicating whether it came to an address of version 8.</summary>
    public bool IsOld => Root.Contains("/data/v8.", StringComparison.Ordinal);

    public string? Header(string name) => Headers.GetValueOrDefault(name);

    /// <summary>Reads the body as JSON.</summary>
    /// <returns>The JSON; an empty object for no body.</returns>
    public JsonElement ReadJson()
    {
        if (Body.IsEmpty)
            return JsonSerializer.SerializeToElement(new Dictionary<string, string>());
        return ReadJson(Body, Resource.Segments.Count > 0 ? Resource.Segments[0].Name : string.Empty);
    }

    /// <summary>Reads JSON that stands in the URL.</summary>
    /// <param name="text">The JSON.</param>
    /// <param name="name">What it is, for messages.</param>
    /// <returns>The JSON.</returns>
    public static JsonElement ReadJson(string text, string name) => ReadJson(Encoding.UTF8.GetBytes(text), name);

    private static JsonElement ReadJson(ReadOnlyMemory<byte> json, string name)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 32 });
            return document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw ODataException.Payload(name, string.Create(CultureInfo.InvariantCulture, $"It is no JSON: {e.Message}"));
        }
    }
}

using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using EmailRouter.Lab.OData;
using EmailRouter.Lab.Dataverse.Rows;
using EmailRouter.Lab.Http;

namespace EmailRouter.Lab.Dataverse.Messages;

/// <summary>A call of a function or an action: its name, the row it is bound to, its arguments.</summary>
internal sealed class MessageCall
{
    private const string Prefix = "Microsoft.Dynamics.CRM.";

    private readonly ODataRequest request;
    private readonly PathSegment segment;
    private readonly JsonElement body;

    private MessageCall(ODataRequest request, PathSegment segment, MessageDefinition definition)
    {
        this.request = request;
        this.segment = segment;
        Definition = definition;
        body = definition.IsFunction ? default : request.ReadJson();
        if (!definition.IsFunction && body.ValueKind != JsonValueKind.Object)
            throw ODataException.Payload(definition.Name, "The parameters of an action are a JSON object.");
        IReadOnlyList<PathSegment> segments = request.Resource.Segments;
        BoundId = segments.Count > 1 && segments[^2].Arguments is [var key] && Guid.TryParse(key, out Guid id) ? id : null;
    }

    public MessageDefinition Definition { get; }

    /// <summary>Gets the id of the row that the message is bound to; null for none.</summary>
    public Guid? BoundId { get; }

    /// <summary>Recognises a call.</summary>
    /// <param name="request">The request.</param>
    /// <returns>The call; null when the request is for something else.</returns>
    public static MessageCall? Find(ODataRequest request)
    {
        if (request.Resource.Segments is not [.., var last])
            return null;
        string name = last.Name.StartsWith(Prefix, StringComparison.Ordinal) ? last.Name[Prefix.Length..] : last.Name;
        if (MessageCatalog.All.FirstOrDefault(m => m.Name == name) is not { } definition)
        {
            return last.Name.StartsWith(Prefix, StringComparison.Ordinal) && !name.EndsWith("Metadata", StringComparison.Ordinal)
                ? throw ODataException.NoSegment(last.Name)
                : null;
        }

        if (definition.IsFunction != request.Method is "GET")
            throw ODataException.Method(request.Method);
        if ((request.Resource.Segments.Count > 1) != (definition.BoundTo is not null))
            throw ODataException.NoSegment(last.Name);
        return new MessageCall(request, last, definition);
    }

    /// <summary>Gets a text argument.</summary>
    /// <returns>The text; null when it is missing, null or empty.</returns>
    public string? Text(string name) => Argument(name) switch
    {
        string { Length: > 0 } text => text,
        JsonElement { ValueKind: JsonValueKind.String } element when element.GetString() is { Length: > 0 } text => text,
        _ => null,
    };

    /// <summary>Gets a text argument that must be there.</summary>
    public string Required(string name) => Text(name) ?? throw ODataException.Syntax($"Required field '{name}' is missing for the message '{Definition.Name}'.");

    /// <summary>Gets a switch.</summary>
    public bool Flag(string name, bool missing) => Argument(name) switch
    {
        bool flag => flag,
        JsonElement { ValueKind: JsonValueKind.True } => true,
        JsonElement { ValueKind: JsonValueKind.False } => false,
        _ => missing,
    };

    /// <summary>Gets a number.</summary>
    public long? Number(string name) => Argument(name) switch
    {
        long number => number,
        JsonElement { ValueKind: JsonValueKind.Number } element when element.TryGetInt64(out long number) => number,
        _ => null,
    };

    /// <summary>Gets a point in time.</summary>
    public DateTimeOffset? Time(string name) => Text(name) is { } text &&
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTimeOffset time) ? time : null;

    /// <summary>Gets an argument that is JSON; undefined when it is missing.</summary>
    public JsonElement Json(string name) => Argument(name) is JsonElement element ? element : default;

    /// <summary>Makes the answer of the message.</summary>
    public LabHttpAnswer Answer(params (string Name, object? Value)[] values)
    {
        if (Definition.Results.Count == 0)
            return new LabHttpAnswer(204);
        var json = new JsonObject { ["@odata.context"] = $"{request.Root}$metadata#{Prefix}{Definition.Name}Response" };
        foreach ((string name, object? value) in values)
            json[name] = value as JsonNode ?? RowWriter.ToJson(value);
        return ODataAnswer.Json(200, json, request);
    }

    private object? Argument(string name)
    {
        if (Definition.Parameters.All(p => p.Name != name))
            throw new ArgumentException($"The message {Definition.Name} has no parameter {name}.", nameof(name));
        if (!Definition.IsFunction)
            return body.TryGetProperty(name, out JsonElement value) ? value : null;
        if (!segment.Named.TryGetValue(name, out string? text))
            return null;
        if (text.StartsWith('@'))
            text = request.Options.Aliases.GetValueOrDefault(text) ?? throw ODataException.Syntax($"The parameter alias '{text}' has no value.");

        // Rows, complex values and lists are JSON (OData 4.0 Part 2, 5.1.1.6.4).
        return text.StartsWith('{') || text.StartsWith('[') ? ODataRequest.ReadJson(text, name) : ODataLiteral.Parse(text);
    }
}

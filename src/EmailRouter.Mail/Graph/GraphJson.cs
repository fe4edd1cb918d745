using System.Text.Json;

namespace EmailRouter.Mail.Graph;

/// <summary>Reads what Graph answers, without believing that it is of the right kind.</summary>
internal static class GraphJson
{
    /// <summary>Reads a text.</summary>
    /// <param name="element">The object.</param>
    /// <param name="name">The property.</param>
    /// <returns>The text; null when there is none.</returns>
    public static string? Text(JsonElement element, string name) => Property(element, name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    /// <summary>Reads a truth.</summary>
    /// <param name="element">The object.</param>
    /// <param name="name">The property.</param>
    /// <returns>True or false; null when it says neither.</returns>
    public static bool? Flag(JsonElement element, string name) => Property(element, name)?.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };

    /// <summary>Reads a number.</summary>
    /// <param name="element">The object.</param>
    /// <param name="name">The property.</param>
    /// <returns>The number; null when there is none.</returns>
    public static int? Number(JsonElement element, string name) =>
        Property(element, name) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt32(out int number) ? number : null;

    /// <summary>Reads a moment.</summary>
    /// <param name="element">The object.</param>
    /// <param name="name">The property.</param>
    /// <returns>The moment; null when there is none.</returns>
    public static DateTimeOffset? Moment(JsonElement element, string name) =>
        Property(element, name) is { ValueKind: JsonValueKind.String } value && value.TryGetDateTimeOffset(out DateTimeOffset moment) ? moment : null;

    /// <summary>Reads an object.</summary>
    /// <param name="element">The object around it.</param>
    /// <param name="name">The property.</param>
    /// <returns>The object; null when there is none.</returns>
    public static JsonElement? Object(JsonElement element, string name) => Property(element, name) is { ValueKind: JsonValueKind.Object } value ? value : null;

    /// <summary>Reads a list of objects.</summary>
    /// <param name="element">The object around it.</param>
    /// <param name="name">The property.</param>
    /// <returns>The objects; what is none is left out.</returns>
    public static IEnumerable<JsonElement> Objects(JsonElement element, string name) =>
        Property(element, name) is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray().Where(e => e.ValueKind == JsonValueKind.Object) : [];

    /// <summary>Reads a list of texts.</summary>
    /// <param name="element">The object around it.</param>
    /// <param name="name">The property.</param>
    /// <returns>The texts; what is none is left out.</returns>
    public static IReadOnlyList<string> Texts(JsonElement element, string name) => Property(element, name) is { ValueKind: JsonValueKind.Array } list
        ? [.. list.EnumerateArray().Where(e => e.ValueKind == JsonValueKind.String).Select(e => e.GetString()!)]
        : [];

    /// <summary>Writes JSON.</summary>
    /// <param name="write">Writes it.</param>
    /// <returns>The bytes.</returns>
    public static byte[] Write(Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
            write(writer);
        return stream.ToArray();
    }

    private static JsonElement? Property(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement value) ? value : null;
}

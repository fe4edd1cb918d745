using System.Text.Json;
using System.Text.Json.Serialization;
using EmailRouter.Crm;

namespace EmailRouter.Routing.State;

/// <summary>The parts of rows that are kept as JSON.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(IReadOnlyList<Evidence>))]
[JsonSerializable(typeof(IReadOnlyList<string>))]
[JsonSerializable(typeof(RouterError))]
internal sealed partial class RouterStateJson : JsonSerializerContext
{
    /// <summary>Writes evidence.</summary>
    /// <param name="evidence">The evidence.</param>
    /// <returns>The text; null for none.</returns>
    public static string? Write(IReadOnlyList<Evidence> evidence) => evidence.Count == 0 ? null : JsonSerializer.Serialize(evidence, Default.IReadOnlyListEvidence);

    /// <summary>Writes addresses or ids.</summary>
    /// <param name="texts">The texts.</param>
    /// <returns>The text; null for none.</returns>
    public static string? Write(IReadOnlyList<string> texts) => texts.Count == 0 ? null : JsonSerializer.Serialize(texts, Default.IReadOnlyListString);

    /// <summary>Writes an error.</summary>
    /// <param name="error">The error.</param>
    /// <returns>The text; null for none.</returns>
    public static string? Write(RouterError? error) => error is null ? null : JsonSerializer.Serialize(error, Default.RouterError);

    /// <summary>Reads evidence.</summary>
    /// <param name="text">What was written.</param>
    /// <returns>The evidence.</returns>
    public static IReadOnlyList<Evidence> ReadEvidence(string? text) => text is null ? [] : JsonSerializer.Deserialize(text, Default.IReadOnlyListEvidence) ?? [];

    /// <summary>Reads addresses or ids.</summary>
    /// <param name="text">What was written.</param>
    /// <returns>The texts.</returns>
    public static IReadOnlyList<string> ReadTexts(string? text) => text is null ? [] : JsonSerializer.Deserialize(text, Default.IReadOnlyListString) ?? [];

    /// <summary>Reads an error.</summary>
    /// <param name="text">What was written.</param>
    /// <returns>The error; null for none.</returns>
    public static RouterError? ReadError(string? text) => text is null ? null : JsonSerializer.Deserialize(text, Default.RouterError);
}

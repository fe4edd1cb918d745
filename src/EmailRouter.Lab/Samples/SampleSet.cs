using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace EmailRouter.Lab.Samples;

/// <summary>The sample messages of <c>samples/mail</c>. They are part of the assembly, so that they are there wherever it runs.</summary>
public static class SampleSet
{
    private const string Prefix = "samples/mail/";

    private static readonly JsonSerializerOptions json = new(JsonSerializerDefaults.Web)
    {
        ReadCommentHandling = JsonCommentHandling.Skip,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Gets the names of the sample files.</summary>
    public static IReadOnlyList<string> FileNames =>
        [.. typeof(SampleSet).Assembly.GetManifestResourceNames()
            .Where(n => n.StartsWith(Prefix, StringComparison.Ordinal) && n.EndsWith(".eml", StringComparison.Ordinal))
            .Select(n => n[Prefix.Length..])
            .Order(StringComparer.Ordinal)];

    /// <summary>Loads all samples in the order in which they are delivered.</summary>
    /// <returns>The samples.</returns>
    /// <exception cref="InvalidDataException">An entry of <c>expected.json</c> has no file.</exception>
    /// <exception cref="JsonException"><c>expected.json</c> is malformed.</exception>
    public static IReadOnlyList<SampleMessage> Load()
    {
        List<SampleMessage> entries = JsonSerializer.Deserialize<List<SampleMessage>>(Read("expected.json"), json) ?? [];
        return [.. entries.Select(e => e with { Template = Read(e.File) })];
    }

    private static byte[] Read(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Prefix + name) ??
            throw new InvalidDataException($"samples/mail has no file {name}.");
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}

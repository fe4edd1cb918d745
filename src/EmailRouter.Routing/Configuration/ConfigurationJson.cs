using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace EmailRouter.Routing.Configuration;

/// <summary>The configuration as JSON: camelCase, enums by name; comments and trailing commas are read, and unknown settings refused.</summary>
/// <remarks>
/// By reflection and not by the source generator: code generated for .NET 8 sets every init-only property, so that a setting left out of the file would
/// lose its default.
/// </remarks>
public static class ConfigurationJson
{
    /// <summary>Gets the rules of reading and writing.</summary>
    public static JsonSerializerOptions Options { get; } = MakeOptions();

    /// <summary>Writes a configuration.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <returns>UTF-8 text.</returns>
    public static byte[] Write(RouterConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return [.. JsonSerializer.SerializeToUtf8Bytes(configuration, Options), (byte)'\n'];
    }

    /// <summary>Reads a configuration.</summary>
    /// <param name="text">UTF-8 text, with or without a byte order mark.</param>
    /// <param name="path">Where it comes from, for messages.</param>
    /// <returns>The configuration; not yet validated.</returns>
    /// <exception cref="RouterException"><c>RouterConfigurationMalformed</c>: the message names line and setting.</exception>
    public static RouterConfiguration Read(ReadOnlySpan<byte> text, string path)
    {
        ReadOnlySpan<byte> mark = [0xEF, 0xBB, 0xBF];
        if (text.StartsWith(mark))
            text = text[mark.Length..];
        try
        {
            return Complete(JsonSerializer.Deserialize<RouterConfiguration>(text, Options) ?? throw ConfigurationErrors.Malformed(path, 1, "it is only null.", null), path);
        }
        catch (JsonException e)
        {
            throw ConfigurationErrors.Malformed(path, e.LineNumber + 1, Describe(e), e);
        }
    }

    private static JsonSerializerOptions MakeOptions()
    {
        var options = new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            PropertyNameCaseInsensitive = true,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            ReadCommentHandling = JsonCommentHandling.Skip,
            AllowTrailingCommas = true,
            WriteIndented = true,

            // The file is for people: umlauts and apostrophes stay readable. It is never embedded in HTML.
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            Converters = { new JsonStringEnumConverter(namingPolicy: null, allowIntegerValues: false) },
            TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
        };
        options.MakeReadOnly();
        return options;
    }

    private static string Describe(JsonException e)
    {
        string place = e.Path is null or "$" ? string.Empty : $"{e.Path[1..].TrimStart('.')}: ";

        // Up to here the serializer's sentence; after it come path and line once more.
        string sentence = e.Message.Split(" Path: $", 2)[0].TrimEnd();
        if (sentence.Contains("could not be mapped to any .NET member", StringComparison.Ordinal))
            sentence = "There is no such setting.";
        else if (sentence.Contains("missing required properties", StringComparison.Ordinal))
            sentence = $"Settings are missing: {sentence[(sentence.LastIndexOf(':') + 1)..].Trim().TrimEnd('.').Replace("'", string.Empty, StringComparison.Ordinal)}.";
        else if (sentence.StartsWith("The JSON value could not be converted to ", StringComparison.Ordinal))
            sentence = $"The value is no {Kind(sentence["The JSON value could not be converted to ".Length..].TrimEnd('.'))}.";
        return place + sentence;
    }

    private static string Kind(string type)
    {
        if (type.Contains('`', StringComparison.Ordinal))
            return "list of the right form";
        string name = type[(type.LastIndexOf('.') + 1)..];
        Type? known = typeof(ConfigurationJson).Assembly.GetType(type) ?? typeof(Mail.IMailSystem).Assembly.GetType(type);
        return known is { IsEnum: true } ? $"{name} ({string.Join(", ", Enum.GetNames(known))})" : name switch
        {
            "Int32" => "whole number of the allowed size",
            "Boolean" => "true or false",
            "TimeSpan" => "time span like \"00:05:00\"",
            "DateTimeOffset" => "time like \"2026-03-01T08:00:00Z\"",
            "Uri" => "address like \"https://crm.example.test/\"",
            "String" => "text",
            _ => name,
        };
    }

    /// <summary>Gives what is null in the file its default, and refuses nulls within lists.</summary>
    private static RouterConfiguration Complete(RouterConfiguration read, string path)
    {
        var defaults = new RouterConfiguration();
        return read with
        {
            RouterName = read.RouterName ?? defaults.RouterName,
            StatePath = read.StatePath ?? defaults.StatePath,
            Routing = read.Routing ?? defaults.Routing,
            Deployments =
            [
                .. List(read.Deployments, "deployments", path).Select(deployment => deployment with
                {
                    OAuth = Complete(deployment.OAuth, path),
                    FurtherApplications = [.. List(deployment.FurtherApplications, "furtherApplications", path).Select(application => Complete(application, path)!)],
                    CertificatePins = List(deployment.CertificatePins, "certificatePins", path),
                    ForwardMailboxes = List(deployment.ForwardMailboxes, "forwardMailboxes", path),
                    Options = deployment.Options ?? new Dictionary<string, string>(),
                }),
            ],
            Mailboxes = List(read.Mailboxes, "mailboxes", path),
            Profiles =
            [
                .. List(read.Profiles, "profiles", path).Select(profile => profile with
                {
                    CertificatePins = List(profile.CertificatePins, "certificatePins", path),
                    OAuth = Complete(profile.OAuth, path),
                    Options = profile.Options ?? new Dictionary<string, string>(),
                    Settlement = profile.Settlement ?? Mail.Settlement.Keep,
                    UntrackedSettlement = profile.UntrackedSettlement ?? Mail.Settlement.Keep,
                }),
            ],
        };
    }

    private static OAuthConfiguration? Complete(OAuthConfiguration? read, string path) => read is null ? null : read with
    {
        ClientId = read.ClientId ?? string.Empty,
        Scopes = List(read.Scopes, "scopes", path),
        Arguments = List(read.Arguments, "arguments", path),
        Script = List(read.Script, "script", path),
    };

    private static IReadOnlyList<T> List<T>(IReadOnlyList<T>? list, string name, string path)
        where T : class
    {
        if (list is null)
            return [];
        for (int i = 0; i < list.Count; i++)
        {
            if (list[i] is null)
                throw ConfigurationErrors.Malformed(path, null, $"{name}[{i}] is null.", null);
        }

        return list;
    }
}

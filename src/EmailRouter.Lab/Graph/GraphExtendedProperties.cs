using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Graph;

/// <summary>MAPI properties of messages by the names that Graph gives them: what was set on the message, and what its headers say.</summary>
internal static partial class GraphExtendedProperties
{
    /// <summary>Brings a name into the form in which the service shows it: tags in lower case without leading zeros, GUIDs in lower case.</summary>
    /// <exception cref="GraphError">It names no property.</exception>
    public static string Normalize(string id)
    {
        Match tag = Tag().Match(id);
        if (tag.Success)
            return string.Create(CultureInfo.InvariantCulture, $"{tag.Groups[1].Value} 0x{Convert.ToInt32(tag.Groups[2].Value, 16):x}");
        Match named = Named().Match(id);
        if (!named.Success || !Guid.TryParse(named.Groups[2].Value, out Guid set))
            throw new GraphError(400, "ErrorInvalidProperty", $"The extended property '{id}' has no valid name.");
        return $"{named.Groups[1].Value} {{{set}}} {named.Groups[3].Value} {named.Groups[4].Value}";
    }

    /// <summary>Finds the value of a property; null when the message has none.</summary>
    public static string? Find(LabMessage message, string id)
    {
        string name = Normalize(id);
        foreach ((string known, IReadOnlyList<string> values) in message.Properties)
        {
            if (known.Equals(name, StringComparison.OrdinalIgnoreCase) || (TryNormalize(known) is { } same && same.Equals(name, StringComparison.OrdinalIgnoreCase)))
                return values.Count > 0 ? values[0] : null;
        }

        if (Named().Match(name) is { Success: true } named)
        {
            // Headers beyond those that have properties of their own are kept in the set of internet headers.
            return named.Groups[2].Value == "00020386-0000-0000-c000-000000000046" ? message.Mime.Headers[named.Groups[4].Value] : null;
        }

        return name switch
        {
            "String 0x1a" => message.ItemClass,
            "String 0x37" => message.Mime.Subject,
            "String 0x7d" => message.IsDraft ? null : HeadersOf(message),
            "Binary 0x71" => message.Mime.ThreadIndex,
            "String 0x1035" => message.InternetMessageId,
            "String 0x1039" => message.Mime.Headers["References"],
            "String 0x1042" => message.Mime.Headers["In-Reply-To"],
            "Integer 0xe08" or "Long 0xe08" => message.Content.Length.ToString(CultureInfo.InvariantCulture),
            _ => null,
        };
    }

    /// <summary>Lists those of some properties that a message has.</summary>
    public static JsonArray Show(LabMessage message, IEnumerable<string> ids) => new(
        [.. ids.Distinct(StringComparer.OrdinalIgnoreCase).Select(id => (Id: id, Value: Find(message, id))).Where(p => p.Value is not null)
            .Select(p => new JsonObject { ["id"] = Normalize(p.Id), ["value"] = p.Value })]);

    /// <summary>Takes over the properties of a request.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<string>> Merge(IReadOnlyDictionary<string, IReadOnlyList<string>> known, JsonNode? given)
    {
        if (given is null)
            return known;
        var merged = new Dictionary<string, IReadOnlyList<string>>(known, StringComparer.OrdinalIgnoreCase);
        foreach (JsonNode? each in given as JsonArray ?? throw GraphError.Body("singleValueExtendedProperties is a collection."))
        {
            string id = Normalize(each?["id"]?.GetValue<string>() ?? throw GraphError.Body("An extended property needs an id."));
            string value = each["value"]?.GetValue<string>() ?? throw GraphError.Body("An extended property needs a value.");
            merged[id] = [value];
        }

        return merged;
    }

    /// <summary>Lists the literals of an expression such as <c>id eq 'String 0x7D' or id eq 'Binary 0x71'</c>.</summary>
    public static IReadOnlyList<string> IdsIn(string expression) => [.. Literal().Matches(expression).Select(m => m.Groups[1].Value.Replace("''", "'", StringComparison.Ordinal))];

    private static string HeadersOf(LabMessage message)
    {
        ReadOnlySpan<byte> source = message.Content.Span;
        int end = source.IndexOf("\r\n\r\n"u8);
        return Encoding.UTF8.GetString(end < 0 ? source : source[..(end + 2)]);
    }

    private static string? TryNormalize(string id) => Tag().IsMatch(id) || Named().IsMatch(id) ? Normalize(id) : null;

    [GeneratedRegex(@"^(\w+) 0x([0-9A-Fa-f]{1,7})$", RegexOptions.None, 250)]
    private static partial Regex Tag();

    [GeneratedRegex(@"^(\w+) \{([0-9A-Fa-f-]+)\} (Name|Id) (.+)$", RegexOptions.None, 250)]
    private static partial Regex Named();

    [GeneratedRegex("'((?:[^']|'')*)'", RegexOptions.None, 250)]
    private static partial Regex Literal();
}

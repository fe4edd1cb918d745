using System.Text.Json;

namespace EmailRouter.Mail.Graph;

/// <summary>A rule of a mailbox as Graph describes it (messageRule), as far as the router looks at it.</summary>
internal sealed record GraphRule
{
    private const string AttachmentAction = "forwardAsAttachmentTo";
    private const string RedirectAction = "redirectTo";
    private const string ForwardAction = "forwardTo";

    private static readonly string[] AutomaticMail = ["isAutomaticForward", "isNonDeliveryReport", "isAutomaticReply"];

    /// <summary>Gets the id.</summary>
    public required string Id { get; init; }

    /// <summary>Gets the name.</summary>
    public required string Name { get; init; }

    /// <summary>Gets its place among the rules; null when the service does not say.</summary>
    public int? Sequence { get; init; }

    /// <summary>Gets a value indicating whether it is switched on.</summary>
    public bool IsEnabled { get; init; }

    /// <summary>Gets a value indicating whether it cannot be changed.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>Gets a value indicating whether the service says that it does not work.</summary>
    public bool HasError { get; init; }

    /// <summary>Gets a value indicating whether rules behind it are not looked at when it holds.</summary>
    public bool StopsOthers { get; init; }

    /// <summary>Gets what it does beside stopping others: the action's name with its targets, all in lower case and sorted, so that two can be compared.</summary>
    public IReadOnlyList<string> Actions { get; init; } = [];

    /// <summary>Gets its conditions, made comparable as <see cref="Actions"/>.</summary>
    public IReadOnlyList<string> Conditions { get; init; } = [];

    /// <summary>Gets its exceptions, made comparable as <see cref="Actions"/>.</summary>
    public IReadOnlyList<string> Exceptions { get; init; } = [];

    /// <summary>Gets how it forwards; <see cref="ForwardingKinds.None"/> when it copies the text into a message of the mailbox's own, or does not forward.</summary>
    public ForwardingKinds Kind { get; init; }

    /// <summary>Gets the addresses it forwards to.</summary>
    public IReadOnlyList<string> Targets { get; init; } = [];

    /// <summary>Reads a rule.</summary>
    /// <param name="json">The rule.</param>
    /// <returns>The rule; null when it has no id.</returns>
    public static GraphRule? Read(JsonElement json)
    {
        if (GraphJson.Text(json, "id") is not { Length: > 0 } id)
            return null;
        JsonElement actions = GraphJson.Object(json, "actions") ?? default;
        string[] attached = [.. Addresses(actions, AttachmentAction)];
        string[] redirected = [.. Addresses(actions, RedirectAction)];
        string[] forwarded = [.. Addresses(actions, ForwardAction)];
        return new GraphRule
        {
            Id = id,
            Name = GraphJson.Text(json, "displayName") ?? string.Empty,
            Sequence = GraphJson.Number(json, "sequence"),
            IsEnabled = GraphJson.Flag(json, "isEnabled") ?? true,
            IsReadOnly = GraphJson.Flag(json, "isReadOnly") ?? false,
            HasError = GraphJson.Flag(json, "hasError") ?? false,
            StopsOthers = GraphJson.Flag(actions, "stopProcessingRules") ?? false,
            Actions = Flatten(actions),
            Conditions = Flatten(GraphJson.Object(json, "conditions") ?? default),
            Exceptions = Flatten(GraphJson.Object(json, "exceptions") ?? default),
            Kind = (attached.Length > 0 ? ForwardingKinds.Attachment : ForwardingKinds.None) | (redirected.Length > 0 ? ForwardingKinds.Redirect : ForwardingKinds.None),
            Targets = [.. attached.Concat(redirected).Concat(forwarded).Distinct(StringComparer.OrdinalIgnoreCase)],
        };
    }

    /// <summary>Writes the properties of a rule of the router's, complete: the service replaces conditions, exceptions and actions as a whole.</summary>
    /// <param name="json">Takes them.</param>
    /// <param name="rule">The rule.</param>
    public static void Write(Utf8JsonWriter json, ForwardingRule rule)
    {
        json.WriteString("displayName", rule.Name);
        json.WriteBoolean("isEnabled", true);
        json.WriteStartObject("conditions");
        json.WriteEndObject();
        json.WriteStartObject("exceptions");
        if (!rule.ForwardAutomaticMail)
        {
            foreach (string predicate in AutomaticMail)
                json.WriteBoolean(predicate, true);
        }

        if (rule.LoopHeader is { Length: > 0 } header)
        {
            json.WriteStartArray("headerContains");
            json.WriteStringValue($"{header}: {rule.LoopValue}".TrimEnd());
            json.WriteEndArray();
        }

        json.WriteEndObject();
        json.WriteStartObject("actions");
        json.WriteStartArray(rule.Kind == ForwardingKinds.Redirect ? RedirectAction : AttachmentAction);
        json.WriteStartObject();
        json.WriteStartObject("emailAddress");
        json.WriteString("name", rule.Target);
        json.WriteString("address", rule.Target);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteBoolean("stopProcessingRules", false);
        json.WriteEndObject();
    }

    /// <summary>Says whether this rule does what another one is to do.</summary>
    /// <param name="wanted">The other rule.</param>
    /// <returns>True when nothing need be changed. The place among the rules is the user's to choose.</returns>
    public bool Does(ForwardingRule wanted)
    {
        byte[] bytes = GraphJson.Write(json =>
        {
            json.WriteStartObject();
            json.WriteString("id", Id);
            Write(json, wanted);
            json.WriteEndObject();
        });
        using JsonDocument document = JsonDocument.Parse(bytes);
        GraphRule other = Read(document.RootElement)!;
        return IsEnabled && !HasError && StopsOthers == other.StopsOthers
            && Actions.SequenceEqual(other.Actions) && Conditions.SequenceEqual(other.Conditions) && Exceptions.SequenceEqual(other.Exceptions);
    }

    private static IEnumerable<string> Addresses(JsonElement actions, string name) =>
        GraphJson.Objects(actions, name).Select(r => GraphJson.Object(r, "emailAddress") is { } email ? GraphJson.Text(email, "address") : null).OfType<string>().Where(a => a.Length > 0);

    /// <summary>The service may change the case of what it was given, and adds empty and false properties (Create rule).</summary>
    private static IReadOnlyList<string> Flatten(JsonElement json)
    {
        var parts = new SortedSet<string>(StringComparer.Ordinal);
        if (json.ValueKind != JsonValueKind.Object)
            return [];
        foreach (JsonProperty property in json.EnumerateObject().Where(p => p.Name != "stopProcessingRules" && !p.Name.StartsWith('@')))
        {
            switch (property.Value.ValueKind)
            {
                case JsonValueKind.True:
                    parts.Add(property.Name);
                    break;
                case JsonValueKind.Array:
                    foreach (JsonElement value in property.Value.EnumerateArray())
                        parts.Add($"{property.Name} {ValueOf(value)}".ToUpperInvariant());
                    break;
                case JsonValueKind.Object or JsonValueKind.String or JsonValueKind.Number:
                    parts.Add($"{property.Name} {property.Value.GetRawText()}".ToUpperInvariant());
                    break;
            }
        }

        return [.. parts];
    }

    private static string ValueOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object when GraphJson.Object(value, "emailAddress") is { } email => GraphJson.Text(email, "address") ?? string.Empty,
        JsonValueKind.String => value.GetString()!.Trim(),
        _ => value.GetRawText(),
    };
}

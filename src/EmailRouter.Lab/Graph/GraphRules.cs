using System.Reflection;
using System.Text.Json.Nodes;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.Store;
using EmailRouter.Mime;

namespace EmailRouter.Lab.Graph;

/// <summary>Inbox rules (microsoft.graph.messageRule).</summary>
internal sealed class GraphRules(GraphCall call, Func<string> newId)
{
    // What both sides call the same, apart from the first letter: texts, flags and addresses.
    private static readonly PropertyInfo[] Predicates =
    [
        .. typeof(LabRulePredicates).GetProperties().Where(p => p.Name is not (
            nameof(LabRulePredicates.SubjectOrBodyContains) or nameof(LabRulePredicates.ItemClasses) or nameof(LabRulePredicates.FlaggedForAction) or
            nameof(LabRulePredicates.MinimumSize) or nameof(LabRulePredicates.MaximumSize) or nameof(LabRulePredicates.ReceivedAfter) or
            nameof(LabRulePredicates.ReceivedBefore) or "EqualityContract")),
    ];

    private readonly LabMailbox mailbox = call.Mailbox;

    public LabHttpAnswer List() => LabHttpAnswer.OfJson(200, call.Query.Apply(
        mailbox.Rules.Select(Show), GraphValue.Find, static rule => rule, call, "mailFolders('inbox')/messageRules"));

    public LabHttpAnswer Get(string id) => Entity(200, Find(id));

    public LabHttpAnswer Create()
    {
        JsonObject json = call.Body;
        foreach (string required in new[] { "displayName", "sequence", "actions" })
        {
            if (json[required] is null)
                throw GraphError.Invalid($"The property '{required}' is required.");
        }

        LabInboxRule rule = Merge(new LabInboxRule { Id = newId(), Name = string.Empty }, json);
        mailbox.ChangeRules(rules => [.. rules, rule]);
        return Entity(201, rule);
    }

    public LabHttpAnswer Update(string id)
    {
        LabInboxRule changed = Merge(Writable(id), call.Body);
        mailbox.ChangeRules(rules => rules.Select(r => r.Id == changed.Id ? changed : r));
        return Entity(200, changed);
    }

    public LabHttpAnswer Delete(string id)
    {
        string gone = Find(id).Id;
        mailbox.ChangeRules(rules => rules.Where(r => r.Id != gone));
        return new LabHttpAnswer(204);
    }

    private static string Id(LabInboxRule rule) => "AQAAA" + rule.Id + "=";

    private LabInboxRule Find(string id) => mailbox.Rules.FirstOrDefault(r => Id(r) == id)
        ?? throw new GraphError(404, "ErrorItemNotFound", "The specified rule was not found.");

    private LabInboxRule Writable(string id) => Find(id) is { IsNotSupported: false } rule ? rule : throw new GraphError(403, "ErrorAccessDenied", "The rule is read-only.");

    private LabHttpAnswer Entity(int status, LabInboxRule rule)
    {
        var json = new JsonObject { ["@odata.context"] = call.Context("mailFolders('inbox')/messageRules/$entity") };
        foreach ((string name, JsonNode? value) in Show(rule))
            json[name] = value?.DeepClone();
        return LabHttpAnswer.OfJson(status, json);
    }

    private LabInboxRule Merge(LabInboxRule rule, JsonObject json) => rule with
    {
        Name = GraphDraft.Text(json["displayName"], "displayName") ?? rule.Name,
        Sequence = json["sequence"] is { } sequence ? Number(sequence, "sequence") : rule.Sequence,
        IsEnabled = json["isEnabled"] is { } enabled ? Flag(enabled, "isEnabled") : rule.IsEnabled,
        Conditions = json.ContainsKey("conditions") ? ReadPredicates(json["conditions"] as JsonObject) : rule.Conditions,
        Exceptions = json.ContainsKey("exceptions") ? ReadPredicates(json["exceptions"] as JsonObject) : rule.Exceptions,
        Actions = json.ContainsKey("actions") ? ReadActions(json["actions"] as JsonObject) : rule.Actions,
    };

    private static JsonObject Show(LabInboxRule rule)
    {
        var json = new JsonObject
        {
            ["id"] = Id(rule),
            ["displayName"] = rule.Name,
            ["sequence"] = rule.Sequence,
            ["isEnabled"] = rule.IsEnabled,
            ["hasError"] = rule.HasError,
            ["isReadOnly"] = rule.IsNotSupported,
        };
        if (ShowPredicates(rule.Conditions) is { Count: > 0 } conditions)
            json["conditions"] = conditions;
        if (ShowPredicates(rule.Exceptions) is { Count: > 0 } exceptions)
            json["exceptions"] = exceptions;
        json["actions"] = ShowActions(rule.Actions);
        return json;
    }

    private static LabRulePredicates ReadPredicates(JsonObject? json)
    {
        object predicates = new LabRulePredicates();
        foreach ((string name, JsonNode? value) in json ?? [])
        {
            if (value is null || name.StartsWith('@'))
                continue;
            PropertyInfo? property = Predicates.FirstOrDefault(p => GraphName(p) == name);
            switch (name)
            {
                case "bodyOrSubjectContains":
                    Set(nameof(LabRulePredicates.SubjectOrBodyContains), Texts(value, name));
                    break;
                case "messageActionFlag":
                    Set(nameof(LabRulePredicates.FlaggedForAction), GraphDraft.Text(value, name));
                    break;
                case "withinSizeRange":
                    Set(nameof(LabRulePredicates.MinimumSize), value["minimumSize"] is { } minimum ? Number(minimum, name) : null);
                    Set(nameof(LabRulePredicates.MaximumSize), value["maximumSize"] is { } maximum ? Number(maximum, name) : null);
                    break;
                case var _ when property is null:
                    throw GraphError.Body($"The property '{name}' does not exist on type 'microsoft.graph.messageRulePredicates'.");
                case var _ when property.PropertyType == typeof(bool?):
                    property.SetValue(predicates, Flag(value, name));
                    break;
                case var _ when property.PropertyType == typeof(string):
                    property.SetValue(predicates, GraphDraft.Text(value, name));
                    break;
                case var _ when property.PropertyType == typeof(IReadOnlyList<MailAddress>):
                    property.SetValue(predicates, GraphDraft.Addresses(value, name));
                    break;
                default:
                    property.SetValue(predicates, Texts(value, name));
                    break;
            }
        }

        return (LabRulePredicates)predicates;

        void Set(string property, object? value) => typeof(LabRulePredicates).GetProperty(property)!.SetValue(predicates, value);
    }

    private static JsonObject ShowPredicates(LabRulePredicates predicates)
    {
        var json = new JsonObject();
        foreach (PropertyInfo property in Predicates)
        {
            switch (property.GetValue(predicates))
            {
                case bool flag:
                    json[GraphName(property)] = flag;
                    break;
                case string text:
                    json[GraphName(property)] = text;
                    break;
                case IReadOnlyList<string> { Count: > 0 } texts:
                    // The service keeps texts of addresses in capitals.
                    json[GraphName(property)] = Texts(property.Name is "SenderContains" or "RecipientContains" ? texts.Select(t => t.ToUpperInvariant()) : texts);
                    break;
                case IReadOnlyList<MailAddress> { Count: > 0 } addresses:
                    json[GraphName(property)] = GraphItem.Recipients(addresses);
                    break;
            }
        }

        if (predicates.SubjectOrBodyContains.Count > 0)
            json["bodyOrSubjectContains"] = Texts(predicates.SubjectOrBodyContains);
        if (predicates.FlaggedForAction is { } action)
            json["messageActionFlag"] = action;
        if (predicates.MinimumSize is not null || predicates.MaximumSize is not null)
            json["withinSizeRange"] = new JsonObject { ["minimumSize"] = predicates.MinimumSize ?? 0, ["maximumSize"] = predicates.MaximumSize ?? int.MaxValue };
        return json;
    }

    private LabRuleActions ReadActions(JsonObject? json)
    {
        var actions = new LabRuleActions();
        foreach ((string name, JsonNode? value) in json ?? [])
        {
            if (value is null || name.StartsWith('@'))
                continue;
            actions = name switch
            {
                "forwardTo" => actions with { ForwardTo = GraphDraft.Addresses(value, name) },
                "forwardAsAttachmentTo" => actions with { ForwardAsAttachmentTo = GraphDraft.Addresses(value, name) },
                "redirectTo" => actions with { RedirectTo = GraphDraft.Addresses(value, name) },
                "moveToFolder" => actions with { MoveToFolder = GraphIds.FolderOf(mailbox, GraphDraft.Text(value, name)!).Id },
                "copyToFolder" => actions with { CopyToFolder = GraphIds.FolderOf(mailbox, GraphDraft.Text(value, name)!).Id },
                "delete" => actions with { Delete = Flag(value, name) },
                "permanentDelete" => actions with { PermanentDelete = Flag(value, name) },
                "markAsRead" => actions with { MarkAsRead = Flag(value, name) },
                "markImportance" => actions with { MarkImportance = GraphDraft.Text(value, name) },
                "assignCategories" => actions with { AssignCategories = Texts(value, name) },
                "stopProcessingRules" => actions with { StopProcessingRules = Flag(value, name) },
                _ => throw GraphError.Body($"The property '{name}' does not exist on type 'microsoft.graph.messageRuleActions'."),
            };
        }

        return actions;
    }

    private static JsonObject ShowActions(LabRuleActions actions)
    {
        var json = new JsonObject();
        if (actions.MoveToFolder is { } move)
            json["moveToFolder"] = GraphIds.OfFolder(move);
        if (actions.CopyToFolder is { } copy)
            json["copyToFolder"] = GraphIds.OfFolder(copy);
        if (actions.Delete)
            json["delete"] = true;
        if (actions.PermanentDelete)
            json["permanentDelete"] = true;
        if (actions.MarkAsRead)
            json["markAsRead"] = true;
        if (actions.MarkImportance is { } importance)
            json["markImportance"] = importance;
        if (actions.AssignCategories.Count > 0)
            json["assignCategories"] = Texts(actions.AssignCategories);
        json["stopProcessingRules"] = actions.StopProcessingRules;
        if (actions.ForwardTo.Count > 0)
            json["forwardTo"] = GraphItem.Recipients(actions.ForwardTo);
        if (actions.ForwardAsAttachmentTo.Count > 0)
            json["forwardAsAttachmentTo"] = GraphItem.Recipients(actions.ForwardAsAttachmentTo);
        if (actions.RedirectTo.Count > 0)
            json["redirectTo"] = GraphItem.Recipients(actions.RedirectTo);
        return json;
    }

    private static string GraphName(PropertyInfo property) => char.ToLowerInvariant(property.Name[0]) + property.Name[1..];

    private static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(t => (JsonNode)t)]);

    private static IReadOnlyList<string> Texts(JsonNode value, string name) =>
        [.. (value as JsonArray ?? throw GraphError.Body($"{name} is a collection.")).Select(t => GraphDraft.Text(t, name) ?? throw GraphError.Body($"{name} holds texts."))];

    private static bool Flag(JsonNode value, string name) => value is JsonValue known && known.TryGetValue(out bool flag)
        ? flag
        : throw GraphError.Body($"Cannot convert the value of '{name}' to the expected type 'Edm.Boolean'.");

    private static int Number(JsonNode value, string name) => value is JsonValue known && known.TryGetValue(out int number)
        ? number
        : throw GraphError.Body($"Cannot convert the value of '{name}' to the expected type 'Edm.Int32'.");
}

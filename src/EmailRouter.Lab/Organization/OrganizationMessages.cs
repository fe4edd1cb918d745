using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using EmailRouter.Lab.Dataverse.Messages;
using EmailRouter.Lab.OData;
using static EmailRouter.Lab.Organization.OrganizationXml;

namespace EmailRouter.Lab.Organization;

/// <summary>Puts the messages of Organization.svc into the words of the Web API, which carries them out, and its results into typed values.</summary>
internal static class OrganizationMessages
{
    /// <summary>What the Web API binds to a row comes here as a parameter of its own.</summary>
    private static readonly Dictionary<string, (string Set, string Parameter)> bound = new(StringComparer.Ordinal)
    {
        ["RetrieveUserPrivileges"] = ("systemusers", "UserId"),
        ["RetrieveUserPrivilegeByPrivilegeName"] = ("systemusers", "UserId"),
        ["DeliverPromoteEmail"] = ("emails", "EmailId"),
        ["SendEmail"] = ("emails", "EmailId"),
        ["AddToQueue"] = ("queues", "DestinationQueueId"),
    };

    /// <summary>Finds a message.</summary>
    /// <exception cref="ODataException">The service has none of that name.</exception>
    public static MessageDefinition Find(string name) => MessageCatalog.All.FirstOrDefault(m => m.Name == name) is { } found &&
        (found.BoundTo is null or "Collection(mscrm.email)" || bound.ContainsKey(name)) &&
            (found.Results.Count == 0 || found.Results.All(r => Types.Contains(r.Type)))
            ? found
            : throw new ODataException(HttpStatusCode.NotImplemented, "0x80040203", $"The lab's Organization.svc has no message {name}.");

    private static IReadOnlyList<string> Types { get; } = ["Edm.Boolean", "Edm.Int32", "Edm.Guid", "Edm.String", "Collection(mscrm.RolePrivilege)"];

    /// <summary>Makes the request of the Web API.</summary>
    /// <param name="definition">The message.</param>
    /// <param name="parameters">Its parameters.</param>
    /// <param name="read">Reads a parameter that is a row, or refers to one, into JSON.</param>
    /// <returns>Method, path, query and body.</returns>
    /// <exception cref="ODataException">A parameter is missing, or of the wrong type.</exception>
    public static (string Method, string Path, string Query, JsonObject? Body) ToWebApi(
        MessageDefinition definition, IReadOnlyDictionary<string, XElement> parameters, Func<XElement, JsonNode> read)
    {
        string prefix = string.Empty;
        if (bound.TryGetValue(definition.Name, out (string Set, string Parameter) to))
        {
            string id = parameters.GetValueOrDefault(to.Parameter)?.Value ??
                throw new ODataException(
                    HttpStatusCode.BadRequest, "0x80040203", $"Required field '{to.Parameter}' is missing for the message '{definition.Name}'.");
            prefix = $"{to.Set}({id})/Microsoft.Dynamics.CRM.";
        }
        else if (definition.BoundTo is not null)
        {
            prefix = "emails/Microsoft.Dynamics.CRM.";
        }

        if (!definition.IsFunction)
        {
            var body = new JsonObject();
            foreach ((string parameter, string type) in definition.Parameters.Where(p => parameters.ContainsKey(p.Name)))
                body[parameter] = ToJson(parameters[parameter], type, read);
            return ("POST", prefix + definition.Name, string.Empty, body);
        }

        (string Name, string Text)[] given = [.. definition.Parameters.Where(p => parameters.TryGetValue(p.Name, out XElement? value) && !value.IsNil())
            .Select(p => (p.Name, p.Type switch
            {
                "Edm.String" => $"'{parameters[p.Name].Value.Replace("'", "''", StringComparison.Ordinal)}'",
                _ when p.Type.StartsWith("mscrm.", StringComparison.Ordinal) => read(parameters[p.Name]).ToJsonString(),
                _ => parameters[p.Name].Value,
            }))];
        string arguments = string.Join(',', given.Select((g, i) => $"{g.Name}=@p{i}"));
        string values = string.Join('&', given.Select((g, i) => $"@p{i}={Uri.EscapeDataString(g.Text)}"));
        return ("GET", $"{prefix}{definition.Name}({arguments})", values, null);
    }

    /// <summary>Reads the answer of the Web API.</summary>
    public static List<(string Key, XElement Value)> Results(MessageDefinition definition, JsonNode? answer) =>
        [.. definition.Results.Where(r => answer?[r.Name] is not null).Select(r => (r.Name, ToValue(answer![r.Name]!, r.Type)))];

    private static JsonNode? ToJson(XElement value, string type, Func<XElement, JsonNode> read)
    {
        if (value.IsNil())
            return null;
        return type switch
        {
            "Edm.Boolean" => value.Value.Trim() is "true" or "1",
            "Edm.Int32" or "Edm.Int64" => long.Parse(value.Value, CultureInfo.InvariantCulture),
            "mscrm.crmbaseentity" => read(value),
            _ when type.StartsWith("Collection", StringComparison.Ordinal) => new JsonArray([.. (value.Child("Entities")?.Elements() ?? []).Select(read)]),
            _ => value.Value,
        };
    }

    private static XElement ToValue(JsonNode node, string type) => type switch
    {
        "Edm.Boolean" => Simple(node.GetValue<bool>()),
        "Edm.Int32" => Simple(node.GetValue<int>()),
        "Edm.Guid" => Simple(Guid.Parse(node.GetValue<string>())),
        "Edm.String" => Simple(node.GetValue<string>()),
        _ => Value(Messages, "ArrayOfRolePrivilege", node.AsArray().Select(p => new XElement(
            Messages + "RolePrivilege",
            new XElement(Messages + "BusinessUnitId", (string?)p!["BusinessUnitId"]),
            new XElement(Messages + "Depth", (string?)p["Depth"]),
            new XElement(Messages + "PrivilegeId", (string?)p["PrivilegeId"])))),
    };
}

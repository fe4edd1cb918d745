using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Xml;
using System.Xml.Linq;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse;
using EmailRouter.Lab.Dataverse.Messages;
using EmailRouter.Lab.Dataverse.Model;
using EmailRouter.Lab.Dataverse.Rows;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.OData;
using static EmailRouter.Lab.Organization.OrganizationXml;

namespace EmailRouter.Lab.Organization;

/// <summary>
/// The requests of Organization.svc/web (SOAP 1.1): a second language for the rows and messages of the Web API. Changes and messages become its requests, so that
/// both obey the same rights, plug-ins and limits; queries are read from the same rows.
/// </summary>
/// <param name="server">The server of the Web API.</param>
/// <param name="caller">Whose rights count.</param>
/// <param name="root">The address of the Web API.</param>
internal sealed class OrganizationRequests(LabDataverseServer server, Caller caller, string root)
{
    private const string MediaType = "text/xml; charset=utf-8";
    private const int MaxMultiple = 1000;

    /// <summary>Reads the envelope of a request.</summary>
    /// <exception cref="ODataException">It is none.</exception>
    public static (Guid? Caller, XElement Operation) Open(ReadOnlyMemory<byte> content)
    {
        try
        {
            using var stream = new MemoryStream(content.ToArray(), writable: false);
            using var reader = XmlReader.Create(stream, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
            var envelope = XElement.Load(reader);
            XElement operation = envelope.Child("Body")?.Elements().FirstOrDefault() ?? throw EntityXml.Invalid("The envelope has no body.");
            return (Guid.TryParse(envelope.Child("Header")?.Child("CallerId")?.Value, out Guid id) ? id : null, operation);
        }
        catch (XmlException e)
        {
            throw EntityXml.Invalid($"The request is no XML: {e.Message}");
        }
    }

    /// <summary>Answers an error: a fault with its code.</summary>
    public static LabHttpAnswer Fault(ODataException error) => Envelope(500, new XElement(
        OrganizationXml.Envelope + "Fault",
        new XElement("faultcode", "s:Client"),
        new XElement("faultstring", error.Message),
        new XElement("detail", FaultOf(Contracts + "OrganizationServiceFault", error))));

    /// <summary>Carries an operation out.</summary>
    public async ValueTask<LabHttpAnswer> HandleAsync(XElement operation, CancellationToken cancellationToken)
    {
        string kind = operation.Name.LocalName;
        (string name, Dictionary<string, XElement> parameters) = Parse(kind, operation);
        List<(string Key, XElement Value)> results = await ExecuteAsync(name, parameters, cancellationToken);
        XElement? only = results.Count == 1 ? results[0].Value : null;
        var result = kind == "Execute" ? new XElement(Services + "ExecuteResult", ResponseOf(name, results))
            : only is null ? null : new XElement(Services + $"{kind}Result", only.Nodes());
        return Envelope(200, new XElement(Services + $"{kind}Response", result));
    }

    private static (string Name, Dictionary<string, XElement> Parameters) Parse(string kind, XElement operation)
    {
        XElement Part(string name) => operation.Child(name) ?? throw EntityXml.Invalid($"The request {kind} has no {name}.");
        XElement Target() => new("value", new XElement("LogicalName", Part("entityName").Value), new XElement("Id", Part("id").Value));
        return kind switch
        {
            "Execute" => Parse(Part("request")),
            "Create" or "Update" => (kind, new() { ["Target"] = Part("entity") }),
            "Delete" => (kind, new() { ["Target"] = Target() }),
            "Retrieve" => (kind, new() { ["Target"] = Target(), ["ColumnSet"] = Part("columnSet") }),
            "RetrieveMultiple" => (kind, new() { ["Query"] = Part("query") }),
            _ => throw new ODataException(HttpStatusCode.NotImplemented, "0x80040203", $"The lab's Organization.svc has no {kind}."),
        };
    }

    private static (string Name, Dictionary<string, XElement> Parameters) Parse(XElement request) => (
        request.Child("RequestName")?.Value ?? throw EntityXml.Invalid("The request has no RequestName."),
        (request.Child("Parameters")?.Elements() ?? []).Where(p => p.Child("key") is not null && p.Child("value") is not null)
            .ToDictionary(p => p.Child("key")!.Value, p => p.Child("value")!, StringComparer.Ordinal));

    private async ValueTask<List<(string Key, XElement Value)>> ExecuteAsync(string name, Dictionary<string, XElement> parameters, CancellationToken cancellationToken)
    {
        XElement Parameter(string parameter) => parameters.GetValueOrDefault(parameter) ?? throw EntityXml.Invalid($"Required field '{parameter}' is missing for the message '{name}'.");
        switch (name)
        {
            case "Create":
                (EntityType type, Guid id, JsonObject row) = await ReadAsync(Parameter("Target"), cancellationToken);
                if (id != Guid.Empty)
                    row[type.Key] = id.ToString("D");
                LabHttpAnswer created = await SendAsync("POST", type.SetName, row, cancellationToken);
                string address = created.Headers.First(h => h.Key == "OData-EntityId").Value;
                return [("id", Simple(Guid.Parse(address.Split('(', ')')[^2])))];
            case "Update":
                (type, id, row) = await ReadAsync(Parameter("Target"), cancellationToken);
                row.Remove(type.Key);
                await SendAsync("PATCH", $"{type.SetName}({id:D})", row, cancellationToken, ("If-Match", "*"));
                return [];
            case "Delete":
                await SendAsync("DELETE", await PathAsync(Parameter("Target"), cancellationToken), null, cancellationToken);
                return [];
            case "SetState":
                row = new JsonObject { ["statecode"] = Option(Parameter("State")), ["statuscode"] = Option(Parameter("Status")) };
                await SendAsync("PATCH", await PathAsync(Parameter("EntityMoniker"), cancellationToken), row, cancellationToken, ("If-Match", "*"));
                return [];
            case "Retrieve":
                return [("Entity", await server.ReadAsync(caller, (rows, access) => Retrieve(rows, access, Parameter("Target"), Parameter("ColumnSet")), cancellationToken))];
            case "RetrieveMultiple":
                string query = Parameter("Query").Child("Query")?.Value ?? throw EntityXml.Invalid("The lab's RetrieveMultiple takes a FetchExpression.");
                object[] found = await server.ReadAsync(caller, (rows, access) => new FetchExpression(rows, access).Read(query), cancellationToken);
                return [("EntityCollection", Value(Contracts, "EntityCollection", found))];
            case "RetrieveEntity":
                string table = Parameter("LogicalName").Value;
                return [("EntityMetadata", await server.ReadAsync(caller, (rows, _) => Describe(EntityXml.TypeOf(rows.Model, table)), cancellationToken))];
            case "ExecuteMultiple":
                return await ExecuteMultipleAsync(Parameter("Requests"), Parameter("Settings"), cancellationToken);
            case "BackgroundSendEmail":
                return await server.ChangeAsync(caller, (rows, access) => HandOut(rows, access, Parameter("Query")), cancellationToken);
            default:
                return await CallAsync(name, parameters, cancellationToken);
        }
    }

    /// <summary>Calls a message of the Web API; its results are typed as its definition says.</summary>
    private async ValueTask<List<(string Key, XElement Value)>> CallAsync(string name, Dictionary<string, XElement> parameters, CancellationToken cancellationToken)
    {
        MessageDefinition definition = MessageCatalog.All.FirstOrDefault(m => m.Name == name) ??
            throw new ODataException(HttpStatusCode.NotImplemented, "0x80040203", $"The lab's Organization.svc has no message {name}.");
        string prefix = definition.BoundTo switch
        {
            null => string.Empty,
            "mscrm.systemuser" => $"systemusers({parameters.GetValueOrDefault("UserId")?.Value})/Microsoft.Dynamics.CRM.",
            "Collection(mscrm.email)" => "emails/Microsoft.Dynamics.CRM.",
            _ => throw new ODataException(HttpStatusCode.NotImplemented, "0x80040203", $"The lab's Organization.svc has no message {name}."),
        };
        LabHttpAnswer answer;
        if (definition.IsFunction)
        {
            (string Name, string Text)[] given = [.. definition.Parameters.Where(p => parameters.ContainsKey(p.Name) && !parameters[p.Name].IsNil())
                .Select(p => (p.Name, p.Type == "Edm.String" ? $"'{parameters[p.Name].Value.Replace("'", "''", StringComparison.Ordinal)}'" : parameters[p.Name].Value))];
            string arguments = string.Join(',', given.Select((g, i) => $"{g.Name}=@p{i}"));
            string values = string.Join('&', given.Select((g, i) => $"@p{i}={Uri.EscapeDataString(g.Text)}"));
            answer = await SendAsync("GET", $"{prefix}{name}({arguments})", null, cancellationToken, query: values);
        }
        else
        {
            var body = new JsonObject();
            foreach ((string parameter, string type) in definition.Parameters.Where(p => parameters.ContainsKey(p.Name)))
                body[parameter] = ToJson(parameters[parameter], type);
            answer = await SendAsync("POST", prefix + name, body, cancellationToken);
        }

        JsonNode? json = answer.Body.IsEmpty ? null : JsonNode.Parse(answer.Body.Span);
        return [.. definition.Results.Where(r => json?[r.Name] is not null).Select(r => (r.Name, ToValue(json![r.Name]!, r.Type, name)))];
    }

    private static JsonNode? ToJson(XElement value, string type)
    {
        if (value.IsNil())
            return null;
        return type switch
        {
            "Edm.Boolean" => value.Value.Trim() is "true" or "1",
            "Edm.Int32" or "Edm.Int64" => long.Parse(value.Value, CultureInfo.InvariantCulture),
            _ when type.StartsWith("Collection", StringComparison.Ordinal) => new JsonArray([.. (value.Child("Entities")?.Elements() ?? []).Select(e => (JsonNode)new JsonObject(
                (e.Child("Attributes")?.Elements() ?? []).Select(p => KeyValuePair.Create(p.Child("key")!.Value, (JsonNode?)p.Child("value")!.Value))))]),
            _ => value.Value,
        };
    }

    private static XElement ToValue(JsonNode node, string type, string message) => type switch
    {
        "Edm.Boolean" => Simple(node.GetValue<bool>()),
        "Edm.Int32" => Simple(node.GetValue<int>()),
        "Edm.Guid" => Simple(Guid.Parse(node.GetValue<string>())),
        "Edm.String" => Simple(node.GetValue<string>()),
        "Collection(mscrm.RolePrivilege)" => Value(Messages, "ArrayOfRolePrivilege", node.AsArray().Select(p => new XElement(
            Messages + "RolePrivilege",
            new XElement(Messages + "BusinessUnitId", (string?)p!["BusinessUnitId"]),
            new XElement(Messages + "Depth", (string?)p["Depth"]),
            new XElement(Messages + "PrivilegeId", (string?)p["PrivilegeId"])))),
        _ => throw new ODataException(HttpStatusCode.NotImplemented, "0x80040203", $"The lab's Organization.svc has no message {message}."),
    };

    private async ValueTask<List<(string Key, XElement Value)>> ExecuteMultipleAsync(XElement requests, XElement settings, CancellationToken cancellationToken)
    {
        XElement[] all = [.. requests.Elements()];
        if (all.Length > MaxMultiple)
            throw EntityXml.Invalid($"ExecuteMultiple Request batch size exceeded the maximum batch size allowed: {MaxMultiple}.");
        bool goesOn = settings.Child("ContinueOnError")?.Value.Trim() is "true" or "1";
        var items = new List<XElement>();
        bool isFaulted = false;
        for (int i = 0; i < all.Length && (goesOn || !isFaulted); i++)
        {
            (string name, Dictionary<string, XElement> parameters) = Parse(all[i]);
            XElement fault = Nil(Contracts2012 + "Fault");
            XElement response = Nil(Contracts2012 + "Response");
            try
            {
                if (name == "ExecuteMultiple")
                    throw EntityXml.Invalid("ExecuteMultiple requests cannot contain another.");
                response = new XElement(Contracts2012 + "Response", ResponseOf(name, await ExecuteAsync(name, parameters, cancellationToken)));
            }
            catch (ODataException e)
            {
                fault = FaultOf(Contracts2012 + "Fault", e);
                isFaulted = true;
            }

            items.Add(new XElement(Contracts2012 + "ExecuteMultipleResponseItem", fault, new XElement(Contracts2012 + "RequestIndex", i), response));
        }

        return [("IsFaulted", Simple(isFaulted)), ("Responses", Value(Contracts2012, "ExecuteMultipleResponseItemCollection", items))];
    }

    private static XElement Retrieve(RowReader rows, CallerAccess access, XElement target, XElement columns)
    {
        EntityType type = EntityXml.TypeOf(rows.Model, target.Child("LogicalName")?.Value ?? string.Empty);
        access.Check(PrivilegeKind.Read, type);
        Guid id = Guid.TryParse(target.Child("Id")?.Value, out Guid given) ? given : Guid.Empty;
        CrmRecord row = rows.Find(type.LogicalName, id) ?? throw ODataException.NoRow(type.LogicalName, id);
        XElement entity = EntityXml.Write(Contracts + "Entity", rows, type, row, ColumnsOf(columns));
        return Value(Contracts, "Entity", entity.Elements());
    }

    /// <summary>Hands pending emails out: they are in Sending from here on, so that nobody else gets them.</summary>
    private static List<(string Key, XElement Value)> HandOut(RowReader rows, CallerAccess access, XElement query)
    {
        EntityType type = rows.Model.Of("email");
        access.Check(PrivilegeKind.Read, type);
        access.Check(PrivilegeKind.Write, type);
        XElement condition = query.Child("Criteria")?.Child("Conditions")?.Elements().SingleOrDefault() ?? throw EntityXml.Invalid("The lab's BackgroundSendEmail takes one condition.");
        if (condition.Child("AttributeName")?.Value != "activityid" || condition.Child("Operator")?.Value is not ("In" or "Equal"))
            throw EntityXml.Invalid("The lab's BackgroundSendEmail takes a condition on activityid.");
        IReadOnlyCollection<string>? columns = ColumnsOf(query.Child("ColumnSet") ?? throw EntityXml.Invalid("The query has no ColumnSet."));
        var handed = new List<XElement>();
        var attached = new List<XElement>();
        foreach (XElement value in condition.Child("Values")?.Elements() ?? [])
        {
            if (!Guid.TryParse(value.Value, out Guid id) || rows.Crm.Find("email", id) is not { } email || email["statuscode"] is not (int)EmailStatus.PendingSend || email["directioncode"] is not true)
                continue;
            CrmRecord sending = rows.Crm.Update(new CrmRecord("email", id, new Dictionary<string, object?> { ["statuscode"] = (int)EmailStatus.Sending }));
            handed.Add(EntityXml.Write(Contracts + "Entity", rows, type, sending, columns));
            attached.Add(new XElement(Arrays + "boolean", rows.Related(type.FindNavigation("email_activity_mime_attachment")!, sending).Any()));
        }

        return
        [
            ("EntityCollection", Value(Contracts, "EntityCollection", FetchExpression.Collection("email", handed))),
            ("HasAttachments", Value(Arrays, "ArrayOfboolean", attached)),
        ];
    }

    private static XElement Describe(EntityType type)
    {
        IEnumerable<(string Name, bool Creates, bool Updates)> columns = type.Properties.Select(p => (EntityXml.ColumnOf(p), p.Column?.IsReadOnly != true, p.Column is { IsReadOnly: false }));
        if (type.IsActivity)
            columns = columns.Concat(EntityXml.PartyLists.Select(l => (l, true, true)));
        return Value(
            Metadata,
            "EntityMetadata",
            new XElement(Metadata + "Attributes", columns.Select(c => new XElement(
                Metadata + "AttributeMetadata",
                new XElement(Metadata + "IsValidForCreate", c.Creates),
                new XElement(Metadata + "IsValidForRead", true),
                new XElement(Metadata + "IsValidForUpdate", c.Updates),
                new XElement(Metadata + "LogicalName", c.Name)))),
            new XElement(Metadata + "LogicalName", type.LogicalName));
    }

    private static List<string>? ColumnsOf(XElement columns) =>
        columns.Child("AllColumns")?.Value.Trim() is "true" or "1" ? null : [.. (columns.Child("Columns")?.Elements() ?? []).Select(c => c.Value)];

    private static JsonNode Option(XElement value) =>
        int.TryParse(value.Child("Value")?.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) ? number : throw EntityXml.Invalid("A state is an OptionSetValue.");

    private ValueTask<(EntityType Type, Guid Id, JsonObject Payload)> ReadAsync(XElement entity, CancellationToken cancellationToken) =>
        server.ReadAsync(caller, (rows, _) => EntityXml.Read(entity, rows.Model), cancellationToken);

    private async ValueTask<string> PathAsync(XElement reference, CancellationToken cancellationToken)
    {
        string table = reference.Child("LogicalName")?.Value ?? string.Empty;
        return $"{await server.ReadAsync(caller, (rows, _) => EntityXml.TypeOf(rows.Model, table).SetName, cancellationToken)}({reference.Child("Id")?.Value})";
    }

    /// <summary>Has the Web API carry a request out.</summary>
    /// <exception cref="ODataException">It refuses.</exception>
    private async ValueTask<LabHttpAnswer> SendAsync(
        string method, string path, JsonObject? body, CancellationToken cancellationToken, (string Name, string Value)? header = null, string query = "")
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        if (header is { } one)
            headers[one.Name] = one.Value;
        LabHttpAnswer answer = await server.CarryOutAsync(
            new ODataRequest
            {
                Method = method,
                Path = path,
                Query = query,
                Root = root,
                Headers = headers,
                Body = body is null ? default : Encoding.UTF8.GetBytes(body.ToJsonString()),
            },
            caller,
            cancellationToken);
        if (answer.Status < 400)
            return answer;
        JsonNode? error = JsonNode.Parse(answer.Body.Span)?["error"];
        throw new ODataException((HttpStatusCode)answer.Status, (string?)error?["code"] ?? "0x80040216", (string?)error?["message"] ?? "The server gives no reason.");
    }

    private static object[] ResponseOf(string name, List<(string Key, XElement Value)> results) =>
        [new XElement(Contracts + "ResponseName", name), new XElement(Contracts + "Results", results.Select(r => Pair(r.Key, r.Value)))];

    private static XElement FaultOf(XName name, ODataException error)
    {
        int code = unchecked((int)Convert.ToUInt32(error.Code, 16));
        XElement[] details = error.RetryAfter is { } wait ? [Pair("Retry-After", Value(Serialization, "duration", XmlConvert.ToString(wait)))] : [];
        return new XElement(
            name,
            new XElement(Contracts + "ErrorCode", code),
            new XElement(Contracts + "ErrorDetails", details),
            new XElement(Contracts + "Message", error.Message),
            new XElement(Contracts + "Timestamp", "0001-01-01T00:00:00Z"),
            Nil(Contracts + "InnerFault"),
            Nil(Contracts + "TraceText"));
    }

    /// <summary>Makes an answer of what its body holds.</summary>
    public static LabHttpAnswer Envelope(int status, XElement body)
    {
        var envelope = new XElement(OrganizationXml.Envelope + "Envelope", new XAttribute(XNamespace.Xmlns + "s", OrganizationXml.Envelope.NamespaceName), new XElement(OrganizationXml.Envelope + "Body", body));
        var settings = new XmlWriterSettings { Encoding = new UTF8Encoding(false), CheckCharacters = false };
        using var stream = new MemoryStream();
        using (var xml = XmlWriter.Create(stream, settings))
            envelope.Save(xml);
        return LabHttpAnswer.OfBytes(status, stream.ToArray(), MediaType);
    }
}

using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Xml.Linq;
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
/// Carries the operations of IOrganizationService out: a second language for the rows and messages of the Web API. Changes and messages become its
/// requests, so that both obey the same rights, plug-ins and limits; queries are read from the same rows.
/// </summary>
/// <param name="server">The server of the Web API.</param>
/// <param name="caller">Whose rights count.</param>
/// <param name="root">The address of the Web API.</param>
internal sealed class OrganizationRequests(LabDataverseServer server, Caller caller, string root)
{
    private const int MaxMultiple = 1000;

    /// <summary>Carries an operation out.</summary>
    /// <param name="operation">The operation, e.g. <c>Create</c>, with what the service reads of it.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>Its response.</returns>
    /// <exception cref="ODataException">The organization refuses.</exception>
    public async ValueTask<XElement> CarryOutAsync(XElement operation, CancellationToken cancellationToken)
    {
        string kind = operation.Name.LocalName;
        (string name, Dictionary<string, XElement> parameters) = Parse(kind, operation);
        List<(string Key, XElement Value)> results = await ExecuteAsync(name, parameters, cancellationToken);
        XElement? only = results.Count == 1 ? results[0].Value : null;
        var result = kind == "Execute" ? new XElement(Services + "ExecuteResult", ResponseOf(name, results))
            : only is null ? null : new XElement(Services + $"{kind}Result", only.Nodes());
        return new XElement(Services + $"{kind}Response", result);
    }

    /// <summary>Makes the content of an <c>OrganizationServiceFault</c>.</summary>
    public static XElement FaultOf(XName name, ODataException error, DateTimeOffset now)
    {
        int code = unchecked((int)Convert.ToUInt32(error.Code, 16));
        XElement[] details = error.RetryAfter is { } wait ? [Pair("Retry-After", Value(Serialization, "duration", System.Xml.XmlConvert.ToString(wait)))] : [];
        return new XElement(
            name,
            new XElement(Contracts + "ErrorCode", code),
            new XElement(Contracts + "ErrorDetails", details),
            new XElement(Contracts + "Message", error.Message),
            new XElement(Contracts + "Timestamp", now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture)),
            Nil(Contracts + "InnerFault"),
            Nil(Contracts + "TraceText"));
    }

    private static (string Name, Dictionary<string, XElement> Parameters) Parse(string kind, XElement operation)
    {
        XElement Part(string name) =>
            operation.Child(name) is { } part && !part.IsNil() ? part
                : throw FetchReader.Invalid($"Required field '{name}' is missing for the operation '{kind}'.");
        XElement Target(string id) => new("value", new XElement("LogicalName", Part("entityName").Value), new XElement("Id", Part(id).Value));
        return kind switch
        {
            "Execute" => Parse(Part("request")),
            "Create" or "Update" => (kind, new() { ["Target"] = Part("entity") }),
            "Delete" => (kind, new() { ["Target"] = Target("id") }),
            "Retrieve" => (kind, new() { ["Target"] = Target("id"), ["ColumnSet"] = Part("columnSet") }),
            "RetrieveMultiple" => (kind, new() { ["Query"] = Part("query") }),
            _ => (kind, new() { ["Target"] = Target("entityId"), ["Relationship"] = Part("relationship"), ["RelatedEntities"] = Part("relatedEntities") }),
        };
    }

    private static (string Name, Dictionary<string, XElement> Parameters) Parse(XElement request) => (
        request.Child("RequestName")?.Value is { Length: > 0 } name ? name : throw FetchReader.Invalid("The request has no RequestName."),
        (request.Child("Parameters")?.Elements() ?? []).Where(p => p.Child("key") is not null && p.Child("value") is { } value && !value.IsNil())
            .ToDictionary(p => p.Child("key")!.Value, p => p.Child("value")!, StringComparer.Ordinal));

    private async ValueTask<List<(string Key, XElement Value)>> ExecuteAsync(
        string name, Dictionary<string, XElement> parameters, CancellationToken cancellationToken)
    {
        XElement Parameter(string parameter) =>
            parameters.GetValueOrDefault(parameter) ?? throw FetchReader.Invalid($"Required field '{parameter}' is missing for the message '{name}'.");
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
                await ChangeAsync($"{type.SetName}({(id == Guid.Empty ? (string?)row[type.Key] : id.ToString("D"))})", row, type.Key, cancellationToken);
                return [];
            case "Delete":
                await SendAsync("DELETE", await PathAsync(Parameter("Target"), cancellationToken), null, cancellationToken);
                return [];
            case "SetState":
                row = new JsonObject { ["statecode"] = Option(Parameter("State")), ["statuscode"] = Option(Parameter("Status")) };
                await ChangeAsync(await PathAsync(Parameter("EntityMoniker"), cancellationToken), row, null, cancellationToken);
                return [];
            case "Assign":
                string assignee = await PathAsync(Parameter("Assignee"), cancellationToken);
                (type, string path) = await server.ReadAsync(
                    caller, (rows, _) => (EntityXml.TypeOf(rows.Model, TableOf(Parameter("Target"))), PathOf(rows, Parameter("Target"))), cancellationToken);
                Navigation owner = type.NavigationOf("ownerid", TableOf(Parameter("Assignee"))) ??
                    throw FetchReader.Invalid($"Rows of '{type.LogicalName}' have no such owner.");
                await ChangeAsync(path, new JsonObject { [owner.Name + "@odata.bind"] = "/" + assignee }, null, cancellationToken);
                return [];
            case "Associate" or "Disassociate":
                await LinkAsync(name == "Associate", Parameter("Target"), Parameter("Relationship"), Parameter("RelatedEntities"), cancellationToken);
                return [];
            case "Retrieve":
                return [("Entity",
                    await server.ReadAsync(caller, (rows, access) => Retrieve(rows, access, Parameter("Target"), Parameter("ColumnSet")), cancellationToken))];
            case "RetrieveMultiple":
                XElement fetch = QueryXml.ToFetch(Parameter("Query"));
                object[] found = await server.ReadAsync(caller, (rows, access) => EntityXml.Collection(rows, new FetchReader(rows, access).Read(fetch)),
                    cancellationToken);
                return [("EntityCollection", Value(Contracts, "EntityCollection", found))];
            case "QueryExpressionToFetchXml":
                return [("FetchXml", Simple(QueryXml.ToFetch(Parameter("Query")).ToString(SaveOptions.DisableFormatting)))];
            case "RetrieveUserQueues":
                return [("EntityCollection", await server.ReadAsync(caller, (rows, access) => Queues(rows, access, parameters), cancellationToken))];
            case "RetrieveEntity" or "RetrieveAllEntities" or "RetrieveMetadataChanges":
                return await server.ReadAsync(caller, (rows, access) => Definitions(name, rows, access, Parameter), cancellationToken);
            case "ExecuteMultiple":
                return await ExecuteMultipleAsync(Parameter("Requests"), Parameter("Settings"), cancellationToken);
            case "BackgroundSendEmail":
                return await server.ChangeAsync(caller, (rows, access) => HandOut(rows, access, Parameter("Query")), cancellationToken);
            default:
                return await CallAsync(OrganizationMessages.Find(name), parameters, cancellationToken);
        }
    }

    /// <summary>Calls a message of the Web API.</summary>
    private async ValueTask<List<(string Key, XElement Value)>> CallAsync(
        MessageDefinition definition, Dictionary<string, XElement> parameters, CancellationToken cancellationToken)
    {
        (string method, string path, string query, JsonObject? body) = await server.ReadAsync(
            caller, (rows, _) => OrganizationMessages.ToWebApi(definition, parameters, value => EntityXml.ToJson(value, rows.Model)), cancellationToken);
        LabHttpAnswer answer = await SendAsync(method, path, body, cancellationToken, query: query);
        return OrganizationMessages.Results(definition, answer.Body.IsEmpty ? null : JsonNode.Parse(answer.Body.Span));
    }

    private async ValueTask<List<(string Key, XElement Value)>> ExecuteMultipleAsync(XElement requests, XElement settings, CancellationToken cancellationToken)
    {
        XElement[] all = [.. requests.Elements()];
        if (all.Length > MaxMultiple)
            throw FetchReader.Invalid($"ExecuteMultiple Request batch size exceeded the maximum batch size allowed: {MaxMultiple}.");
        bool goesOn = settings.Child("ContinueOnError")?.Value.Trim() is "true" or "1";
        bool answersAll = settings.Child("ReturnResponses")?.Value.Trim() is "true" or "1";
        var items = new List<XElement>();
        bool isFaulted = false;
        for (int i = 0; i < all.Length && (goesOn || !isFaulted); i++)
        {
            XElement fault = Nil(Contracts2012 + "Fault");
            XElement response = Nil(Contracts2012 + "Response");
            bool isRefused = false;
            try
            {
                (string name, Dictionary<string, XElement> parameters) = Parse(all[i]);
                if (name == "ExecuteMultiple")
                    throw FetchReader.Invalid("ExecuteMultiple requests cannot contain another.");
                response = new XElement(Contracts2012 + "Response", ResponseOf(name, await ExecuteAsync(name, parameters, cancellationToken)));
            }
            catch (ODataException e)
            {
                fault = FaultOf(Contracts2012 + "Fault", e, server.Clock.GetUtcNow());
                isRefused = isFaulted = true;
            }

            if (answersAll || isRefused)
                items.Add(new XElement(Contracts2012 + "ExecuteMultipleResponseItem", fault, new XElement(Contracts2012 + "RequestIndex", i), response));
        }

        return [("IsFaulted", Simple(isFaulted)), ("Responses", Value(Contracts2012, "OrganizationResponseCollection", items))];
    }

    private static List<(string Key, XElement Value)> HandOut(RowReader rows, CallerAccess access, XElement query)
    {
        (FetchPage emails, IReadOnlyList<bool> hasAttachments) = PendingClaim.HandOut(rows, access, QueryXml.ToFetch(query));
        return
        [
            ("EntityCollection", Value(Contracts, "EntityCollection", EntityXml.Collection(rows, emails))),
            ("HasAttachments", Value(Arrays, "ArrayOfboolean", hasAttachments.Select(h => new XElement(Arrays + "boolean", h)))),
        ];
    }

    private static XElement Retrieve(RowReader rows, CallerAccess access, XElement target, XElement columns)
    {
        EntityType type = EntityXml.TypeOf(rows.Model, TableOf(target));
        access.Check(PrivilegeKind.Read, type);
        List<string>? asked = columns.Child("AllColumns")?.Value.Trim() is "true" or "1" ? null
            : [.. (columns.Child("Columns")?.Elements() ?? []).Select(c => c.Value)];
        asked?.ForEach(type.CheckColumn);
        Guid id = Guid.TryParse(target.Child("Id")?.Value, out Guid given) ? given : Guid.Empty;
        CrmRecord row = rows.Find(type.LogicalName, id) ?? throw ODataException.NoRow(type.LogicalName, id);
        return Value(Contracts, "Entity", EntityXml.Write(Contracts + "Entity", rows, type, row, asked).Elements());
    }

    private static XElement Queues(RowReader rows, CallerAccess access, Dictionary<string, XElement> parameters)
    {
        access.Check(PrivilegeKind.Read, rows.Model.Of("queue"));
        Guid owner = Guid.TryParse(parameters.GetValueOrDefault("UserId")?.Value, out Guid id) ? id : rows.CallerId;
        bool isPublic = parameters.GetValueOrDefault("IncludePublic")?.Value.Trim() is "true" or "1";
        EntityType type = rows.Model.Of("queue");
        return Value(Contracts, "EntityCollection", EntityXml.Collection(
            type.LogicalName, RowMessages.QueuesOf(rows, owner, isPublic).Select(q => EntityXml.Write(Contracts + "Entity", rows, type, q, null))));
    }

    private static List<(string Key, XElement Value)> Definitions(string name, RowReader rows, CallerAccess access, Func<string, XElement> parameter)
    {
        access.Check("prvReadEntity", "entity");
        switch (name)
        {
            case "RetrieveEntity":
                EntityType type = EntityXml.TypeOf(rows.Model, parameter("LogicalName").Value);
                return [("EntityMetadata", Value(Metadata, "EntityMetadata", MetadataXml.Describe(type, parameter("EntityFilters").Value)))];
            case "RetrieveAllEntities":
                IEnumerable<XElement> all = rows.Model.Types.Select(
                    t => new XElement(Metadata + "EntityMetadata", MetadataXml.Describe(t, parameter("EntityFilters").Value)));
                return [("EntityMetadata", Value(Metadata, "ArrayOfEntityMetadata", all)), ("Timestamp", Simple(Stamp(rows)))];
            default:
                return
                [
                    ("EntityMetadata", Value(Contracts, "EntityMetadataCollection",
                        MetadataXml.Find(rows.Model, parameter("Query")).Select(e => new XElement(Contracts + "EntityMetadata", e.Nodes())))),
                    ("ServerVersionStamp", Simple(Stamp(rows))),
                ];
        }
    }

    private static string Stamp(RowReader rows) => $"{rows.Model.Types.Sum(t => t.Table.Columns.Count)}!{rows.Now:MM/dd/yyyy HH:mm:ss}";

    /// <summary>Links rows by a relationship, or takes links away.</summary>
    private async ValueTask LinkAsync(bool isLinked, XElement target, XElement relationship, XElement related, CancellationToken cancellationToken)
    {
        string schemaName = relationship.Child("SchemaName")?.Value ?? string.Empty;
        (string path, Navigation navigation) = await server.ReadAsync(
            caller,
            (rows, _) => (PathOf(rows, target), EntityXml.TypeOf(rows.Model, TableOf(target)).Navigations.FirstOrDefault(n =>
                string.Equals(n.IsCollection ? n.Name : n.Partner, schemaName, StringComparison.OrdinalIgnoreCase)) ??
                throw new ODataException(HttpStatusCode.BadRequest, "0x80040217", $"Could not find an entity relationship with name '{schemaName}'.")),
            cancellationToken);
        foreach (XElement reference in related.Elements())
        {
            string other = await PathAsync(reference, cancellationToken);
            if (isLinked)
            {
                var link = new JsonObject { ["@odata.id"] = root + other };
                await SendAsync(navigation.IsCollection ? "POST" : "PUT", $"{path}/{navigation.Name}/$ref", link, cancellationToken);
            }
            else
            {
                string member = navigation.IsCollection ? $"({reference.Child("Id")?.Value})" : string.Empty;
                await SendAsync("DELETE", $"{path}/{navigation.Name}{member}/$ref", null, cancellationToken);
            }
        }
    }

    private static JsonNode Option(XElement value) =>
        int.TryParse(value.Child("Value")?.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number)
            ? number : throw FetchReader.Invalid("A state is an OptionSetValue.");

    private static string TableOf(XElement reference) => reference.Child("LogicalName")?.Value ?? string.Empty;

    private static string PathOf(RowReader rows, XElement reference) =>
        $"{EntityXml.TypeOf(rows.Model, TableOf(reference)).SetName}({reference.Child("Id")?.Value.Trim('{', '}')})";

    private ValueTask<(EntityType Type, Guid Id, JsonObject Payload)> ReadAsync(XElement entity, CancellationToken cancellationToken) =>
        server.ReadAsync(caller, (rows, _) => EntityXml.Read(entity, rows.Model), cancellationToken);

    private ValueTask<string> PathAsync(XElement reference, CancellationToken cancellationToken) =>
        server.ReadAsync(caller, (rows, _) => PathOf(rows, reference), cancellationToken);

    /// <summary>Changes a row that is there.</summary>
    private async ValueTask ChangeAsync(string path, JsonObject row, string? key, CancellationToken cancellationToken)
    {
        if (key is not null)
            row.Remove(key);
        await SendAsync("PATCH", path, row, cancellationToken, ("If-Match", "*"));
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
        throw new ODataException(
            (HttpStatusCode)answer.Status, (string?)error?["code"] ?? "0x80040216", (string?)error?["message"] ?? "The server gives no reason.");
    }

    private static object[] ResponseOf(string name, List<(string Key, XElement Value)> results) =>
        [new XElement(Contracts + "ResponseName", name), new XElement(Contracts + "Results", results.Select(r => Pair(r.Key, r.Value)))];
}

using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml;
using System.Xml.Linq;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse.Model;
using EmailRouter.Lab.OData;
using EmailRouter.Lab.Dataverse.Rows;
using EmailRouter.Lab.Http;

namespace EmailRouter.Lab.Dataverse;

/// <summary>Carries out requests for rows within one transaction: reading, creating, changing, deleting, linking.</summary>
/// <param name="request">The request.</param>
/// <param name="rows">The transaction and the model.</param>
/// <param name="access">Says whether the caller may.</param>
internal sealed class EntityRequests(ODataRequest request, RowReader rows, CallerAccess access)
{
    private readonly RowWriter writer = new(rows, request.Root, request.Preferences);

    /// <summary>Carries the request out.</summary>
    /// <returns>The answer.</returns>
    public LabHttpAnswer Handle()
    {
        IReadOnlyList<PathSegment> segments = request.Resource.Segments;
        EntityType type = rows.Model.Set(segments[0].Name);
        if (segments[0].Arguments is null)
        {
            return segments.Count switch
            {
                1 => request.Method switch
                {
                    "GET" => ReadSet(type, null, type.SetName),
                    "POST" => Create(type, null),
                    _ => throw ODataException.Method(request.Method),
                },
                2 when segments[1].Name == "$count" => ReadCount(type, null),
                _ => throw ODataException.NoSegment(segments[1].Name),
            };
        }

        Guid? id = KeyOf(type, segments[0]);
        if (segments.Count == 1)
        {
            return request.Method switch
            {
                "GET" => ReadOne(type, Existing(type, id)),
                "PATCH" or "MERGE" or "PUT" => Patch(type, id),
                "DELETE" => Delete(type, Existing(type, id)),
                _ => throw ODataException.Method(request.Method),
            };
        }

        CrmRecord row = Existing(type, id);
        access.Check(PrivilegeKind.Read, type);
        for (int i = 1; i < segments.Count - 1 && type.FindNavigation(segments[i].Name) is { } step && segments[i + 1].Name is not ("$ref" or "$count"); i++)
        {
            row = step.IsCollection
                ? rows.Related(step, row).FirstOrDefault(r => segments[i].Arguments is { Count: 1 } && r.Id == KeyOf(step.Target, segments[i])) ?? throw ODataException.NoSegment(segments[i].Name)
                : rows.Related(step, row).FirstOrDefault() ?? throw ODataException.NoSegment(segments[i].Name);
            type = step.Target;
        }

        int last = segments.Count - 1;
        return segments[last].Name switch
        {
            "$ref" => Link(type, row, segments[last - 1]),
            "$count" => ReadCount(Collection(type, segments[last - 1].Name).Target, rows.Related(Collection(type, segments[last - 1].Name), row)),
            "$value" => ReadValue(type.Property(segments[last - 1].Name), row),
            var name when type.FindProperty(name) is { } property => Property(type, property, row),
            var name when type.FindNavigation(name) is { } navigation => Follow(navigation, row, segments[last]),
            var name => throw ODataException.NoSegment(name),
        };
    }

    private LabHttpAnswer ReadSet(EntityType type, IEnumerable<CrmRecord>? within, string context)
    {
        access.Check(PrivilegeKind.Read, type);
        QueryOptions options = request.Options;
        if (options.FetchXml is { } fetchXml)
        {
            bool isAlone = within is null && options is { Select: null, Filter: null, Apply: null, Top: null, SkipToken: null, Count: false, Expand.Count: 0, OrderBy.Count: 0 };
            return isAlone
                ? ReadByFetch(type, fetchXml)
                : throw new ODataException(HttpStatusCode.BadRequest, "0x80060888", "The query parameter fetchXml is not used together with others, nor for related rows.");
        }

        if (options.Apply is { } apply)
        {
            IReadOnlyList<JsonObject> groups = new ApplyReader(rows, writer, type).Read(ApplyQuery.Parse(apply, options.Aliases), options, within);
            var answer = new JsonObject { ["@odata.context"] = $"{request.Root}$metadata#{type.SetName}" };
            if (options.Count)
                answer["@odata.count"] = groups.Count;
            answer["value"] = new JsonArray([.. groups]);
            return Answer(200, answer);
        }

        CheckNames(type, options);
        List<CrmRecord> found = rows.Query(type, options, within, RowReader.ColumnsOf(type, options));
        int total = found.Count;
        int size = Math.Min(request.Preferences.MaxPageSize ?? RowReader.MaxPageSize, RowReader.MaxPageSize);

        // Dataverse gives no pages of a query with $top.
        if (options.Top is { } top)
            (found, size) = ([.. found.Take(top)], RowReader.MaxPageSize);
        SkipToken start = SkipToken.Parse(options.SkipToken);
        int first = start.FirstIn(found);
        List<CrmRecord> page = [.. found.Skip(first).Take(size)];
        var json = new JsonObject { ["@odata.context"] = $"{request.Root}$metadata#{(within is null ? RowWriter.ContextOf(type, options) : context)}" };
        if (options.Count)
            json["@odata.count"] = Math.Min(total, RowReader.MaxPageSize);
        json["value"] = new JsonArray([.. page.Select(r => (JsonNode)writer.Write(type, r, options, access.LinksExpandedLists))]);
        if (first + page.Count < found.Count)
        {
            string query = string.Join('&', request.Query.Split('&', StringSplitOptions.RemoveEmptyEntries)
                .Where(q => !q.StartsWith("$skiptoken", StringComparison.Ordinal) && !q.StartsWith("%24skiptoken", StringComparison.Ordinal)));
            json["@odata.nextLink"] = $"{request.Root}{request.Path}?{query}{(query.Length > 0 ? "&" : string.Empty)}$skiptoken={Uri.EscapeDataString(start.Next(first + page.Count, page[^1].Id))}";
        }

        return Answer(200, json);
    }

    private LabHttpAnswer ReadByFetch(EntityType type, string fetchXml)
    {
        XElement fetch = FetchReader.Parse(fetchXml);
        FetchPage page = new FetchReader(rows, access).Read(fetch);
        if (page.Type != type)
            throw new ODataException(HttpStatusCode.BadRequest, "0x80060888", $"The entity of the fetch is '{page.Type.LogicalName}', and the address is that of '{type.LogicalName}'.");
        return Answer(200, new FetchWriter(writer, request.Preferences, request.IsOld).Write(page, FetchWriter.NumberOf(fetch), request.Root));
    }

    private LabHttpAnswer ReadOne(EntityType type, CrmRecord row)
    {
        access.Check(PrivilegeKind.Read, type);
        CheckNames(type, request.Options);
        string? etag = RowWriter.ETagOf(row);
        if (etag is not null && request.Header("If-None-Match") is { } known && known.Split(',', StringSplitOptions.TrimEntries).Contains(etag))
            return new LabHttpAnswer(304).With("ETag", etag);
        var json = new JsonObject { ["@odata.context"] = $"{request.Root}$metadata#{RowWriter.ContextOf(type, request.Options)}/$entity" };
        foreach ((string name, JsonNode? value) in writer.Write(type, row, request.Options).ToArray())
            json[name] = value?.DeepClone();
        LabHttpAnswer answer = Answer(200, json);
        return etag is null ? answer : answer.With("ETag", etag);
    }

    private LabHttpAnswer ReadCount(EntityType type, IEnumerable<CrmRecord>? within)
    {
        access.Check(PrivilegeKind.Read, type);
        int count = rows.Query(type, request.Options, within).Count;
        return LabHttpAnswer.OfText(200, Math.Min(count, RowReader.MaxPageSize).ToString(CultureInfo.InvariantCulture), "text/plain; charset=utf-8");
    }

    private LabHttpAnswer ReadValue(EntityProperty property, CrmRecord row)
    {
        if (property.Kind == EdmKind.Binary)
            return LabHttpAnswer.OfBytes(200, rows.Crm.ReadAttachment(row.Id) ?? [], "application/octet-stream");
        return RowWriter.ToJson(property.ValueOf(row)) is { } value ? LabHttpAnswer.OfText(200, value.ToString()) : new LabHttpAnswer(204);
    }

    private LabHttpAnswer Property(EntityType type, EntityProperty property, CrmRecord row)
    {
        switch (request.Method)
        {
            case "GET":
                JsonNode? value = property.Kind == EdmKind.Binary
                    ? Convert.ToBase64String(rows.Crm.ReadAttachment(row.Id) ?? [])
                    : RowWriter.ToJson(property.ValueOf(row));
                return value is null
                    ? new LabHttpAnswer(204)
                    : Answer(200, new JsonObject { ["@odata.context"] = $"{request.Root}$metadata#{type.SetName}({row.Id})/{property.Name}", ["value"] = value });
            case "PUT" or "DELETE":
                access.Check(PrivilegeKind.Write, type);
                JsonElement body = request.Method == "PUT" && request.ReadJson().TryGetProperty("value", out JsonElement given) ? given : default;
                var wrapped = new JsonObject { [property.Name] = body.ValueKind == JsonValueKind.Undefined ? null : JsonNode.Parse(body.GetRawText()) };
                Apply(RowChange.Read(type, JsonSerializer.SerializeToElement(wrapped), Resolve), row.Id, Version(row));
                return new LabHttpAnswer(204);
            default:
                throw ODataException.Method(request.Method);
        }
    }

    private LabHttpAnswer Follow(Navigation navigation, CrmRecord row, PathSegment segment)
    {
        if (navigation.IsCollection && segment.Arguments is null)
        {
            return request.Method switch
            {
                "GET" => ReadSet(navigation.Target, rows.Related(navigation, row), navigation.Target.SetName),
                "POST" => Create(navigation.Target, change => change.Attributes[navigation.Column] =
                    RowChange.ReferenceFor(navigation.Target, navigation.Column, row.LogicalName, row.Id)),
                _ => throw ODataException.Method(request.Method),
            };
        }

        CrmRecord? related = navigation.IsCollection
            ? rows.Related(navigation, row).FirstOrDefault(r => r.Id == KeyOf(navigation.Target, segment))
            : rows.Related(navigation, row).FirstOrDefault();
        if (request.Method != "GET")
            throw ODataException.Method(request.Method);
        return related is null ? new LabHttpAnswer(204) : ReadOne(navigation.Target, related);
    }

    /// <summary>Links rows, and takes links away.</summary>
    private LabHttpAnswer Link(EntityType type, CrmRecord row, PathSegment segment)
    {
        Navigation navigation = type.FindNavigation(segment.Name) ?? throw ODataException.NoSegment(segment.Name);
        IEnumerable<CrmRecord> related = rows.Related(navigation, row);
        if (request.Method == "GET")
        {
            JsonObject Reference(CrmRecord r) => new() { ["@odata.id"] = $"{request.Root}{navigation.Target.SetName}({r.Id})" };
            string context = $"{request.Root}$metadata#{(navigation.IsCollection ? "Collection($ref)" : "$ref")}";
            if (navigation.IsCollection)
                return Answer(200, new JsonObject { ["@odata.context"] = context, ["value"] = new JsonArray([.. related.Select(r => (JsonNode)Reference(r))]) });
            return related.FirstOrDefault() is { } one ? Answer(200, new JsonObject { ["@odata.context"] = context, ["@odata.id"] = Reference(one)["@odata.id"]!.DeepClone() }) : new LabHttpAnswer(204);
        }

        access.Check(PrivilegeKind.Write, type);
        Guid? target = null;
        if (request.Method is "PUT" or "POST")
        {
            if (!request.ReadJson().TryGetProperty("@odata.id", out JsonElement address) || address.ValueKind != JsonValueKind.String)
                throw ODataException.Payload(type.SetName, "The body of a link is an object with '@odata.id'.");
            target = Resolve(address.GetString()!).Id;
        }
        else if (request.Method != "DELETE")
        {
            throw ODataException.Method(request.Method);
        }

        Guid? member = segment.Arguments is { Count: > 0 } ? KeyOf(navigation.Target, segment)
            : request.Query.Contains("$id=", StringComparison.Ordinal) ? Resolve(QueryOptions.Decode(request.Query.Split("$id=")[1].Split('&')[0])).Id : target;
        if (navigation.IsCollection)
        {
            CrmRecord other = rows.Find(navigation.Target.LogicalName, member ?? throw ODataException.Syntax("The link does not say which row.")) ??
                throw ODataException.NoRow(navigation.Target.LogicalName, member.Value);
            object? value = target is null ? null : RowChange.ReferenceFor(navigation.Target, navigation.Column, row.LogicalName, row.Id);
            rows.Crm.Update(new CrmRecord(other.LogicalName, other.Id, new Dictionary<string, object?> { [navigation.Column] = value }));
        }
        else
        {
            object? value = target is { } id ? RowChange.ReferenceFor(type, navigation.Column, navigation.Target.LogicalName, id) : null;
            rows.Crm.Update(new CrmRecord(row.LogicalName, row.Id, new Dictionary<string, object?> { [navigation.Column] = value }), Version(row));
        }

        return new LabHttpAnswer(204);
    }

    private LabHttpAnswer Create(EntityType type, Action<RowChange>? complete, Guid? id = null)
    {
        access.Check(PrivilegeKind.Create, type);
        RowChange change = RowChange.Read(type, request.ReadJson(), Resolve);
        complete?.Invoke(change);
        if (string.Equals(request.Header("MSCRM.SuppressDuplicateDetection"), "false", StringComparison.OrdinalIgnoreCase))
            access.CheckDuplicates(rows, change);
        CrmRecord row = Insert(change, id ?? change.Id);
        return Written(type, row, created: true);
    }

    private LabHttpAnswer Patch(EntityType type, Guid? id)
    {
        if (id is not { } key)
            throw ODataException.NoSegment(type.SetName);
        string? match = request.Header("If-Match");
        CrmRecord? present = rows.FindNow(type.LogicalName, key);
        if (present is null)
        {
            if (match is not null)
                throw ODataException.NoRow(type.LogicalName, key);
            return Create(type, null, key);
        }

        if (request.Header("If-None-Match") == "*")
            throw new ODataException(HttpStatusCode.PreconditionFailed, "0x80040237", "A record with matching key values already exists.");
        access.Check(PrivilegeKind.Write, type);
        RowChange change = RowChange.Read(type, request.ReadJson(), Resolve);
        return Written(type, Apply(change, key, Version(present)), created: false);
    }

    private LabHttpAnswer Delete(EntityType type, CrmRecord row)
    {
        access.Check(PrivilegeKind.Delete, type);
        if (type.LogicalName == DerivedMailboxes.Table && rows.Crm.Find(type.LogicalName, row.Id) is null)
            throw new ODataException(HttpStatusCode.BadRequest, "0x80040203", "The mailbox of a user or queue is not deleted by itself.");
        rows.Crm.Delete(type.LogicalName, row.Id, Version(row));
        return new LabHttpAnswer(204);
    }

    private CrmRecord Insert(RowChange change, Guid? id)
    {
        EntityType type = change.Type;
        foreach ((Navigation navigation, RowChange child) in change.Children.Where(c => !c.Navigation.IsCollection))
            change.Refer(navigation, Insert(child, child.Id).Id);
        access.CheckPlugIns(type.LogicalName);

        // What a user makes is the user's.
        if (type.Table.Find("ownerid") is not null)
            change.Attributes.TryAdd("ownerid", rows.CallerId);
        DerivedMailboxes.Resolve(rows.Crm, change.Attributes);
        CrmRecord row = type.LogicalName == "activitymimeattachment" ? InsertAttachment(change, id) : rows.Crm.Create(new CrmRecord(type.LogicalName, id ?? Guid.Empty, change.Attributes));
        InsertCollections(change, row);
        return rows.FindNow(type.LogicalName, row.Id)!;
    }

    private void InsertCollections(RowChange change, CrmRecord row)
    {
        foreach ((Navigation navigation, RowChange child) in change.Children.Where(c => c.Navigation.IsCollection))
        {
            child.Attributes[navigation.Column] = RowChange.ReferenceFor(child.Type, navigation.Column, row.LogicalName, row.Id);
            Insert(child, child.Id);
        }
    }

    /// <summary>Makes an attachment whose content came in blocks.</summary>
    /// <param name="target">The attachment's row.</param>
    /// <param name="content">Its content.</param>
    /// <returns>The row as it is stored.</returns>
    public CrmRecord CreateAttachment(JsonElement target, byte[] content)
    {
        RowChange change = RowChange.Read(rows.Model.Of("activitymimeattachment"), target, Resolve);
        change.Content = content;
        return Insert(change, change.Id);
    }

    private CrmRecord InsertAttachment(RowChange change, Guid? id)
    {
        if (change.Attributes.GetValueOrDefault("objectid") is not RecordReference email)
            throw new ODataException(HttpStatusCode.BadRequest, "0x80040203", "The activitymimeattachment needs objectid_email@odata.bind or objectid_activitypointer@odata.bind.");
        string name = change.Attributes.GetValueOrDefault("filename") as string ?? "attachment";
        CrmRecord row = rows.Crm.AddAttachment(
            email.Id,
            new EmailAttachment(name, change.Attributes.GetValueOrDefault("mimetype") as string ?? "application/octet-stream", change.Content?.Length ?? 0, _ => throw new NotSupportedException())
            {
                ContentId = change.Attributes.GetValueOrDefault("attachmentcontentid") as string,
            },
            change.Content ?? [],
            id);
        return change.Attributes.GetValueOrDefault("subject") is string subject
            ? rows.Crm.Update(new CrmRecord(row.LogicalName, row.Id, new Dictionary<string, object?> { ["subject"] = subject }))
            : row;
    }

    private CrmRecord Apply(RowChange change, Guid id, long? version)
    {
        access.CheckPlugIns(change.Type.LogicalName);
        if (change.Children.Exists(c => !c.Navigation.IsCollection))
            throw ODataException.Payload(change.Type.SetName, "A row is not made by changing another; use @odata.bind.");
        if (change.Type.LogicalName == DerivedMailboxes.Table && rows.Crm.Find(DerivedMailboxes.Table, id) is null)
        {
            rows.Crm.Update(DerivedMailboxes.ChangeOf(rows.FindNow(DerivedMailboxes.Table, id)!, change.Attributes), version);
            return rows.FindNow(DerivedMailboxes.Table, id)!;
        }

        DerivedMailboxes.Resolve(rows.Crm, change.Attributes);
        CrmRecord row = rows.Crm.Update(new CrmRecord(change.Type.LogicalName, id, change.Attributes), version);

        // The parties of an email are its own: a list of them replaces the one that is there.
        if (change.Children.Exists(c => c.Navigation.Target.LogicalName == "activityparty"))
        {
            foreach (CrmRecord party in rows.Related(change.Type.FindNavigation("email_activity_parties")!, row).ToArray())
                rows.Crm.Delete("activityparty", party.Id);
        }

        InsertCollections(change, row);
        return rows.FindNow(change.Type.LogicalName, id)!;
    }

    private LabHttpAnswer Written(EntityType type, CrmRecord row, bool created)
    {
        string address = $"{request.Root}{type.SetName}({row.Id})";
        if (request.Header("Content-ID") is { } contentId)
            request.ContentIds[contentId] = $"{type.SetName}({row.Id})";
        LabHttpAnswer answer = request.Preferences.ReturnRepresentation ? ReadOne(type, row) with { Status = created ? 201 : 200 } : new LabHttpAnswer(204);
        if (created && request.Preferences.ReturnRepresentation)
            answer = answer.With("Location", address);
        return answer.With("OData-EntityId", address);
    }

    /// <summary>Gives the version that the request insists on; null when it takes any.</summary>
    private long? Version(CrmRecord row)
    {
        string? match = request.Header("If-Match");
        if (match is null or "*")
            return null;
        string[] tags = [.. match.Split(',', StringSplitOptions.TrimEntries)];
        if (!tags.Contains(RowWriter.ETagOf(row)))
            throw ODataException.Version();
        return row["versionnumber"] as int?;
    }

    private CrmRecord Existing(EntityType type, Guid? id) =>
        (id is { } key ? rows.FindNow(type.LogicalName, key) : null) ?? (id is { } missing
            ? throw ODataException.NoRow(type.LogicalName, missing)
            : throw new ODataException(HttpStatusCode.NotFound, "0x80060891", "A record with the specified key values does not exist in " + type.LogicalName + " entity"));

    /// <summary>Gives the key of a segment: a GUID, the primary key by name, or the values of other columns that only one row has.</summary>
    private Guid? KeyOf(EntityType type, PathSegment segment)
    {
        if (segment.Arguments is [var single] && Guid.TryParse(single, out Guid id))
            return id;
        if (segment.Named.Count == 0 || segment.Named.Count != segment.Arguments!.Count)
            throw ODataException.Syntax($"Unrecognized 'Edm.String' literal '{string.Join(',', segment.Arguments ?? [])}' at '0' in '{segment.Name}'.");
        if (segment.Named.TryGetValue(type.Key, out string? key))
            return Guid.TryParse(key, out id) ? id : throw ODataException.Syntax($"'{key}' is no GUID.");
        var conditions = segment.Named.Select(n => (FilterNode)new FilterNode.Comparison("eq", new FilterNode.Path([type.Property(n.Key).Name]), new FilterNode.Literal(
            ODataLiteral.Parse(n.Value.StartsWith('@') ? request.Options.Aliases.GetValueOrDefault(n.Value, "null") : n.Value)))).ToArray();
        FilterNode filter = conditions.Aggregate((a, b) => new FilterNode.Logical(IsAnd: true, a, b));
        List<CrmRecord> found = rows.Query(type, new QueryOptions { Filter = filter });
        return found switch
        {
            [] => null,
            [var one] => one.Id,
            _ => throw new ODataException(HttpStatusCode.BadRequest, "0x80060892", $"The specified key attributes are not a defined key for the {type.LogicalName} entity"),
        };
    }

    /// <summary>Resolves the address of a row: absolute, from the root of the host, relative, or a Content-ID.</summary>
    private (EntityType Type, Guid Id) Resolve(string address)
    {
        string relative = address.StartsWith(request.Root, StringComparison.OrdinalIgnoreCase) ? address[request.Root.Length..] : address;
        string rootPath = new Uri(request.Root).AbsolutePath;
        if (relative.StartsWith(rootPath, StringComparison.OrdinalIgnoreCase))
            relative = relative[rootPath.Length..];
        relative = relative.TrimStart('/');
        if (relative.StartsWith('$') && request.ContentIds.TryGetValue(relative[1..], out string? made))
            relative = made;
        if (ResourcePath.Parse(relative).Segments is not [{ Arguments.Count: > 0 } segment])
            throw ODataException.Syntax($"The address '{address}' names no row.");
        EntityType type = rows.Model.Set(segment.Name);
        Guid id = KeyOf(type, segment) ?? throw ODataException.NoSegment(segment.Name);
        return (type, id);
    }

    private static Navigation Collection(EntityType type, string name) =>
        type.FindNavigation(name) is { IsCollection: true } navigation ? navigation : throw ODataException.NoSegment(name);

    /// <summary>Checks that the options name what there is, so that wrong ones are refused though there are no rows.</summary>
    private static void CheckNames(EntityType type, QueryOptions options)
    {
        foreach (string name in options.Select ?? [])
        {
            if (name != "*" && type.FindNavigation(name) is null)
                type.Property(name);
        }

        foreach (ExpandItem item in options.Expand)
        {
            Navigation navigation = type.FindNavigation(item.Name) ?? throw ODataException.Syntax($"Could not find a property named '{item.Name}' on type '{type.FullName}'.");
            CheckNames(navigation.Target, item.Options);
        }
    }

    private LabHttpAnswer Answer(int status, JsonObject json) => ODataAnswer.Json(status, json, request);
}

/// <summary>Where the next page of a query begins. Rows that vanish between pages neither repeat nor skip others.</summary>
/// <param name="Page">The number of the page, from 1.</param>
/// <param name="First">How many rows the pages before had.</param>
/// <param name="After">The last row of the page before.</param>
internal sealed record SkipToken(int Page, int First, Guid After)
{
    public static SkipToken Parse(string? token)
    {
        if (token is null)
            return new SkipToken(1, 0, Guid.Empty);
        try
        {
            using var reader = XmlReader.Create(new StringReader(token), new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit });
            var cookie = XElement.Load(reader);
            return new SkipToken((int)cookie.Attribute("pagenumber")!, (int)cookie.Attribute("first")!, (Guid)cookie.Attribute("last")!);
        }
        catch (Exception e) when (e is XmlException or FormatException or ArgumentNullException or OverflowException)
        {
            throw new ODataException(HttpStatusCode.BadRequest, "0x80060888", "Malformed XML in the Paging Cookie");
        }
    }

    public int FirstIn(List<CrmRecord> rows)
    {
        int last = After == Guid.Empty ? -1 : rows.FindIndex(r => r.Id == After);
        return last >= 0 ? last + 1 : Math.Min(First, rows.Count);
    }

    public string Next(int first, Guid last) =>
        new XElement("cookie", new XAttribute("pagenumber", Page + 1), new XAttribute("first", first), new XAttribute("last", last)).ToString(SaveOptions.DisableFormatting);
}

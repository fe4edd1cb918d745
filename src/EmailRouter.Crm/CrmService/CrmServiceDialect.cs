using System.Globalization;
using System.Xml;
using System.Xml.Linq;
using EmailRouter.Crm.Organization.Soap;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.CrmService;

/// <summary>
/// The messages in the form of CrmService.asmx of CRM 4.0 (2007): each has an XML type of its own, rows are DynamicEntity, queries QueryExpression, and the
/// organization stands in a header ("CrmAuthenticationToken", SDK of Dynamics CRM 4.0).
/// </summary>
/// <param name="organization">The organization's name.</param>
/// <param name="tickets">What gives tickets for an internet-facing deployment; null where Windows logs in. Disposed with this.</param>
internal sealed class CrmServiceDialect(string organization, CrmTickets? tickets = null) : SoapDialect
{
    private const string Service = "MSCRMServices/2007/CrmService.asmx";
    private const string Web2006 = "http://schemas.microsoft.com/crm/2006/WebServices";
    private const string Web2007 = "http://schemas.microsoft.com/crm/2007/WebServices";
    private const string Core = "http://schemas.microsoft.com/crm/2007/CoreTypes";
    private const string Query = "http://schemas.microsoft.com/crm/2006/Query";

    // AuthenticationType: AD and SPLA; 1 is Passport, of CRM Online then.
    private const string ActiveDirectory = "0";
    private const string InternetFacing = "2";

    // These versions do not tell theirs; 4.0 it is for every server that has this service alone.
    private static readonly Version version = new(4, 0);

    /// <inheritdoc/>
    public override OrganizationRequest Probe => new("WhoAmI", "who the router is") { IsRepeatable = true };

    /// <inheritdoc/>
    public override IEnumerable<string> Paths(string path, string? name)
    {
        if (path.Contains("CrmService.asmx", StringComparison.OrdinalIgnoreCase))
            yield return path;
        else
            yield return $"{(path.EndsWith("/" + organization, StringComparison.OrdinalIgnoreCase) ? path[..^(organization.Length + 1)] : path)}/{Service}";
    }

    /// <inheritdoc/>
    public override string Action(OrganizationRequest request) => $"{Web2007}/{Operation(request)}";

    /// <inheritdoc/>
    public override Version ReadVersion(OrganizationAnswer answer) =>
        answer.Id("UserId") is not null ? version : throw AnswerErrors.Unreadable(Probe.What, "it has no UserId");

    /// <inheritdoc/>
    public override bool Knows(OrganizationRequest request) => 
        request.Name is not ("RetrieveEntity" or "RetrieveAllEntities" or "RetrieveMetadataChanges" or "ExecuteMultiple" or "Delete") &&
            !(request.Name == "Create" && request["Target"] is SoapEntity { LogicalName: not "annotation" });

    /// <inheritdoc/>
    public override async Task WriteAsync(OrganizationRequest request, XmlWriter xml, CancellationToken cancellationToken)
    {
        xml.WriteStartElement("soap", "Envelope", SoapNames.Envelope);
        xml.WriteAttributeString("xmlns", "xsi", null, SoapNames.Instance);
        xml.WriteAttributeString("xmlns", "q", null, Query);
        xml.WriteAttributeString("xmlns", "w", null, Web2006);
        xml.WriteStartElement("Header", SoapNames.Envelope);
        xml.WriteStartElement(string.Empty, "CrmAuthenticationToken", Web2007);
        xml.WriteElementString("AuthenticationType", Core, tickets is null ? ActiveDirectory : InternetFacing);
        if (tickets?.Current is { } ticket)
            xml.WriteElementString("CrmTicket", Core, ticket.Text);
        xml.WriteElementString("OrganizationName", Core, organization);
        xml.WriteElementString("CallerId", Core, (request.Caller ?? Guid.Empty).ToString("D"));
        xml.WriteEndElement();
        xml.WriteEndElement();
        xml.WriteStartElement("Body", SoapNames.Envelope);
        string operation = Operation(request);
        xml.WriteStartElement(string.Empty, operation, Web2007);
        if (operation == "Execute")
            await WriteRequestAsync(request, xml, cancellationToken).ConfigureAwait(false);
        else
            await WriteEntityAsync(xml, "entity", Web2007, (SoapEntity)request["Target"]!, request, cancellationToken).ConfigureAwait(false);
        xml.WriteEndElement();
        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    /// <inheritdoc/>
    public override OrganizationAnswer Read(CrmAnswer answer, OrganizationRequest request, string server)
    {
        XElement body = SoapBody.Read(answer, request.What, server);
        if (body.Name.LocalName == "Fault")
        {
            ServerFault fault = FaultOf(body);
            return OrganizationAnswer.Failed(tickets is null ? fault : fault with { Message = tickets.Mask(fault.Message) });
        }

        var results = new Dictionary<string, XElement>(StringComparer.Ordinal);
        foreach (XElement result in (body.Child("Response") ?? body).Elements())
        {
            if (result.Name.LocalName == "BusinessEntityCollection")
                results["EntityCollection"] = DynamicEntities.ReadCollection(result);
            else
                results[result.Name.LocalName] = result;
        }

        if (request.Name == "Retrieve" && results.TryGetValue("EntityCollection", out XElement? found) &&
            found.Descendants("Entity").FirstOrDefault() is { } entity)
            results["Entity"] = entity;
        return OrganizationAnswer.Succeeded(results);
    }

    /// <inheritdoc/>
    public override async ValueTask<SoapLogin?> LogInAsync(CrmHttp http, SoapLogin? refused, CancellationToken cancellationToken) =>
        tickets is null ? null : await tickets.GetAsync(http, refused, cancellationToken).ConfigureAwait(false);

    /// <summary>Reads a fault as all services of CRM 4.0 tell it.</summary>
    /// <param name="fault">The element of the body.</param>
    /// <returns>Code and description; where they are missing the fault's own words.</returns>
    internal static ServerFault FaultOf(XElement fault)
    {
        XElement? error = fault.Child("detail")?.Child("error");
        string code = error?.Child("code")?.Value.Trim() ?? string.Empty;
        if (code.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            code = code[2..];
        uint number = code.Length == 8 && uint.TryParse(code, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint value) ? value : 0;
        return new ServerFault(0, number, (error?.Child("description")?.Value ?? fault.Child("faultstring")?.Value ?? "The server gives no reason.").Trim());
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        tickets?.Dispose();
        base.Dispose(disposing);
    }

    private static string Operation(OrganizationRequest request) => request.Name is "Create" or "Update" ? request.Name : "Execute";

    private static async Task WriteRequestAsync(OrganizationRequest request, XmlWriter xml, CancellationToken cancellationToken)
    {
        string type = request.Name switch { "SetState" => "SetStateEmailRequest", "Retrieve" => "RetrieveMultipleRequest", _ => request.Name + "Request" };
        xml.WriteStartElement("Request", Web2007);
        xml.WriteAttributeString("type", SoapNames.Instance, type);
        switch (request.Name)
        {
            case "RetrieveMultiple":
                WriteRowsAsDynamic(xml);
                WriteQuery(xml, XElement.Parse(((FetchExpression)request["Query"]!).Query));
                break;
            case "Retrieve":
                var target = (RecordReference)request["Target"]!;
                WriteRowsAsDynamic(xml);
                FetchQuery one = new FetchQuery(target.LogicalName, ((ColumnSet)request["ColumnSet"]!).Columns)
                    .Where(target.LogicalName + "id", "eq", target.Id.ToString("D"));
                WriteQuery(xml, XElement.Parse(one.ToString()));
                break;
            case "BackgroundSendEmail":
                var emails = (EmailsById)request["Query"]!;
                WriteRowsAsDynamic(xml);
                FetchQuery pending = new FetchQuery("email", [.. emails.Columns]).WhereAny(["activityid"], emails.Ids.Select(i => i.ToString("D")));
                WriteQuery(xml, XElement.Parse(pending.ToString()));
                break;
            case "SetState":
                xml.WriteElementString("EntityId", Web2007, ((RecordReference)request["EntityMoniker"]!).Id.ToString("D"));
                xml.WriteElementString("EmailState", Web2007, ((EmailState)((OptionSetValue)request["State"]!).Value).ToString());
                xml.WriteElementString("EmailStatus", Web2007, Text(((OptionSetValue)request["Status"]!).Value));
                break;
            default:
                foreach ((string name, object? value) in request.Parameters.Where(p => p.Name != "ValidateBeforeCreate"))
                    await WriteParameterAsync(xml, name, value, request, cancellationToken).ConfigureAwait(false);
                break;
        }

        xml.WriteEndElement();
    }

    private static async Task WriteParameterAsync(XmlWriter xml, string name, object? value, OrganizationRequest request, CancellationToken cancellationToken)
    {
        xml.WriteStartElement(name, Web2007);
        if (value is SoapEntities entities)
        {
            xml.WriteAttributeString("EntityName", entities.LogicalName);
            xml.WriteStartElement("BusinessEntities", Web2006);
            foreach (SoapEntity entity in entities.Entities)
                await WriteEntityAsync(xml, "BusinessEntity", Web2006, entity, request, cancellationToken).ConfigureAwait(false);
            xml.WriteEndElement();
        }
        else
        {
            xml.WriteString(Text(value));
        }

        xml.WriteEndElement();
    }

    private static async Task WriteEntityAsync(
        XmlWriter xml, string element, string space, SoapEntity entity, OrganizationRequest request, CancellationToken cancellationToken)
    {
        xml.WriteStartElement(element, space);
        xml.WriteAttributeString("type", SoapNames.Instance, "w:DynamicEntity");
        xml.WriteAttributeString("Name", entity.LogicalName);
        xml.WriteStartElement("Properties", Web2006);
        if (entity.Id is { } id)
            WriteProperty(xml, "Key", entity.LogicalName == "email" ? "activityid" : entity.LogicalName + "id", id.ToString("D"));
        foreach ((string column, object? value) in entity.Attributes)
        {
            switch (value)
            {
                case null:
                    break;
                case EmailAttachment file:
                    xml.WriteStartElement("Property", Web2006);
                    xml.WriteAttributeString("type", SoapNames.Instance, "w:StringProperty");
                    xml.WriteAttributeString("Name", column);
                    xml.WriteStartElement("Value", Web2006);
                    await request.WriteFileAsync(xml, file, cancellationToken).ConfigureAwait(false);
                    xml.WriteEndElement();
                    xml.WriteEndElement();
                    break;
                case RecordReference record:
                    WriteProperty(xml, "Lookup", column, record.Id.ToString("D"), record.LogicalName);
                    break;
                case string text when column == "objecttypecode":
                    WriteProperty(xml, "EntityNameReference", column, text);
                    break;
                default:
                    string kind = value switch
                    {
                        int => "CrmNumber",
                        bool => "CrmBoolean",
                        DateTimeOffset => "CrmDateTime",
                        OptionSetValue => "Picklist",
                        _ => "String",
                    };
                    WriteProperty(xml, kind, column, Text(value));
                    break;
            }
        }

        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private static void WriteProperty(XmlWriter xml, string kind, string name, string value, string? type = null)
    {
        xml.WriteStartElement("Property", Web2006);
        xml.WriteAttributeString("type", SoapNames.Instance, $"w:{kind}Property");
        xml.WriteAttributeString("Name", name);
        xml.WriteStartElement("Value", Web2006);
        if (type is not null)
            xml.WriteAttributeString("type", type);
        xml.WriteString(value);
        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private static string Text(object? value) => value switch
    {
        null => string.Empty,
        string text => OrganizationRequest.Clean(text),
        bool flag => XmlConvert.ToString(flag),
        Guid id => id.ToString("D"),
        DateTimeOffset time => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
        OptionSetValue option => Text(option.Value),
        int number => number.ToString(CultureInfo.InvariantCulture),
        _ => throw new ArgumentException($"A {value.GetType().Name} is no value of a request.", nameof(value)),
    };

    private static void WriteRowsAsDynamic(XmlWriter xml) => xml.WriteAttributeString("ReturnDynamicEntities", "true");

    /// <summary>A query in FetchXML as QueryExpression, whose parts stand in the order of their type.</summary>
    private static void WriteQuery(XmlWriter xml, XElement fetch)
    {
        XElement entity = fetch.Element("entity")!;

        // What an attachment belongs to has another name here.
        if ((string)entity.Attribute("name")! == DynamicEntities.AttachmentTable)
        {
            foreach (XAttribute column in entity.Descendants().Attributes().Where(a => a.Value == "objectid"))
                column.Value = "activityid";
        }

        xml.WriteStartElement("Query", Web2007);
        xml.WriteAttributeString("type", SoapNames.Instance, "q:QueryExpression");
        xml.WriteElementString("EntityName", Query, (string)entity.Attribute("name")!);
        xml.WriteStartElement("ColumnSet", Query);

        // Rows of these servers have no versions that could be read.
        string[] columns = [.. entity.Elements("attribute").Select(a => (string)a.Attribute("name")!).Where(c => c != "versionnumber")];
        xml.WriteAttributeString("type", SoapNames.Instance, columns.Length == 0 ? "q:AllColumns" : "q:ColumnSet");
        if (columns.Length > 0)
        {
            xml.WriteStartElement("Attributes", Query);
            foreach (string column in columns)
                xml.WriteElementString("Attribute", Query, column);
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
        xml.WriteElementString("Distinct", Query, "false");
        xml.WriteStartElement("PageInfo", Query);
        xml.WriteElementString("PageNumber", Query, (string?)fetch.Attribute("page") ?? "1");
        xml.WriteElementString("Count", Query, (string?)fetch.Attribute("count") ?? "5000");
        if ((string?)fetch.Attribute("paging-cookie") is { } cookie)
            xml.WriteElementString("PagingCookie", Query, cookie);
        xml.WriteEndElement();
        xml.WriteStartElement("LinkEntities", Query);
        foreach (XElement link in entity.Elements("link-entity"))
        {
            xml.WriteStartElement("LinkEntity", Query);
            xml.WriteElementString("LinkFromAttributeName", Query, (string)link.Attribute("to")!);
            xml.WriteElementString("LinkFromEntityName", Query, (string)entity.Attribute("name")!);
            xml.WriteElementString("LinkToEntityName", Query, (string)link.Attribute("name")!);
            xml.WriteElementString("LinkToAttributeName", Query, (string)link.Attribute("from")!);
            xml.WriteElementString("JoinOperator", Query, (string?)link.Attribute("link-type") == "outer" ? "LeftOuter" : "Inner");
            if (link.Element("filter") is { } own)
                WriteFilter(xml, "LinkCriteria", own);
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
        if (entity.Element("filter") is { } filter)
            WriteFilter(xml, "Criteria", filter);
        xml.WriteStartElement("Orders", Query);
        foreach (XElement order in entity.Elements("order"))
        {
            xml.WriteStartElement("Order", Query);
            xml.WriteElementString("AttributeName", Query, (string)order.Attribute("attribute")!);
            xml.WriteElementString("OrderType", Query, (string?)order.Attribute("descending") == "true" ? "Descending" : "Ascending");
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private static void WriteFilter(XmlWriter xml, string element, XElement filter)
    {
        xml.WriteStartElement(element, Query);
        xml.WriteElementString("FilterOperator", Query, (string?)filter.Attribute("type") == "or" ? "Or" : "And");
        xml.WriteStartElement("Conditions", Query);
        foreach (XElement condition in filter.Elements("condition"))
        {
            xml.WriteStartElement("Condition", Query);
            xml.WriteElementString("AttributeName", Query, (string)condition.Attribute("attribute")!);
            xml.WriteElementString("Operator", Query, (string)condition.Attribute("operator")! switch
            {
                "eq" => "Equal",
                "ne" => "NotEqual",
                "in" => "In",
                "not-in" => "NotIn",
                "like" => "Like",
                "null" => "Null",
                "not-null" => "NotNull",
                "le" => "LessEqual",
                "ge" => "GreaterEqual",
                string other => throw new ArgumentException($"The operator {other} has no name here.", nameof(filter)),
            });
            string[] values = (string?)condition.Attribute("value") is { } one ? [one] : [.. condition.Elements("value").Select(v => v.Value)];
            if (values.Length > 0)
            {
                xml.WriteStartElement("Values", Query);
                foreach (string value in values)
                {
                    xml.WriteStartElement("Value", Query);
                    xml.WriteAttributeString("xmlns", "x", null, SoapNames.Schema);
                    xml.WriteAttributeString("type", SoapNames.Instance, "x:string");
                    xml.WriteString(OrganizationRequest.Clean(value));
                    xml.WriteEndElement();
                }

                xml.WriteEndElement();
            }

            xml.WriteEndElement();
        }

        xml.WriteEndElement();
        xml.WriteStartElement("Filters", Query);
        foreach (XElement inner in filter.Elements("filter"))
            WriteFilter(xml, "Filter", inner);
        xml.WriteEndElement();
        xml.WriteEndElement();
    }
}

using System.Net;
using System.Text;
using System.Xml.Linq;
using EmailRouter.Crm.Tests.Dataverse;

namespace EmailRouter.Crm.Tests.Organization;

/// <summary>An Organization.svc that says what real ones say, in their own form, and remembers the messages it got.</summary>
internal sealed class ScriptedOrganizationService
{
    public const string Address = "https://contoso.crm.example.test/XRMServices/2011/Organization.svc/web";

    private static readonly XNamespace a = "http://schemas.microsoft.com/xrm/2011/Contracts";
    private static readonly XNamespace b = "http://schemas.datacontract.org/2004/07/System.Collections.Generic";

    public ScriptedOrganizationService() => Http.Answer = asked => Respond(asked);

    public ScriptedServer Http { get; } = new() { KnowsVersion = false };

    /// <summary>Gets or sets the server's version.</summary>
    public string Version { get; set; } = "7.0.1.129";

    /// <summary>Gets the rows by table; FetchXML is not evaluated beyond the table's name unless <see cref="Rows"/> does.</summary>
    public Dictionary<string, List<string>> Tables { get; } = [];

    /// <summary>Gets or sets what rows a query finds; null for all of the table.</summary>
    public Func<XElement, IEnumerable<string>?> Rows { get; set; } = _ => null;

    /// <summary>Gets or sets what answers a message otherwise: the results, or a fault by <see cref="Fault"/>; null for the usual answer.</summary>
    public Func<Message, string?> Answer { get; set; } = _ => null;

    /// <summary>Gets the messages, those within one message too.</summary>
    public List<Message> Messages { get; } = [];

    public static string Result(string key, string type, string content) => $"""<a:KeyValuePairOfstringanyType><b:key>{key}</b:key><b:value i:type="{type}">{content}</b:value></a:KeyValuePairOfstringanyType>""";

    public static string Text(string key, string value) => Result(key, "c:string", WebUtility.HtmlEncode(value));

    public static string Option(string key, int value) => Result(key, "a:OptionSetValue", $"<a:Value>{value}</a:Value>");

    public static string Lookup(string key, string table, Guid id, string name = "") =>
        Result(key, "a:EntityReference", $"<a:Id>{id}</a:Id><a:LogicalName>{table}</a:LogicalName><a:Name>{name}</a:Name>");

    public static string Parties(string key, params string[] parties) => Result(key, "a:EntityCollection", $"<a:Entities>{string.Concat(parties)}</a:Entities><a:EntityName>activityparty</a:EntityName>");

    public static string Entity(string table, Guid id, params string[] attributes) =>
        $"<a:Entity><a:Attributes>{string.Concat(attributes)}</a:Attributes><a:EntityState i:nil=\"true\"/><a:FormattedValues/><a:Id>{id}</a:Id><a:LogicalName>{table}</a:LogicalName><a:RelatedEntities/></a:Entity>";

    public static string Fault(int code, string message, string inner = "") =>
        $"""<f:fault xmlns:f="test"><a:ErrorCode>{code}</a:ErrorCode><a:ErrorDetails/><a:Message>{WebUtility.HtmlEncode(message)}</a:Message><a:Timestamp>2026-01-31T08:00:00Z</a:Timestamp>{inner}</f:fault>""";

    public static HttpResponseMessage Xml(string text, HttpStatusCode status = HttpStatusCode.OK) => new(status) { Content = new StringContent(text, Encoding.UTF8, "text/xml") };

    public static string Envelope(string body) => $"""
        <s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><ExecuteResponse xmlns="http://schemas.microsoft.com/xrm/2011/Contracts/Services"
        xmlns:a="http://schemas.microsoft.com/xrm/2011/Contracts" xmlns:b="http://schemas.datacontract.org/2004/07/System.Collections.Generic"
        xmlns:c="http://www.w3.org/2001/XMLSchema" xmlns:d="http://schemas.microsoft.com/2003/10/Serialization/" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">{body}</ExecuteResponse></s:Body></s:Envelope>
        """;

    private HttpResponseMessage Respond(Asked asked)
    {
        XElement request = XElement.Parse(asked.Text).Descendants().First(e => e.Name.LocalName == "request");
        if (!asked.Address.AbsoluteUri.Equals(Address, StringComparison.Ordinal))
            return new HttpResponseMessage(HttpStatusCode.NotFound) { Content = new StringContent("<html><title>404</title></html>", Encoding.UTF8, "text/html") };
        (string? results, string? fault) = Do(request);
        return fault is null
            ? Xml(Envelope($"<ExecuteResult><a:ResponseName>x</a:ResponseName><a:Results>{results}</a:Results></ExecuteResult>"))
            : Xml(
                $"""
                <s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring xml:lang="en-US">Short words.</faultstring><detail>
                <OrganizationServiceFault xmlns:a="http://schemas.microsoft.com/xrm/2011/Contracts">{XElement.Parse(fault.Replace("<f:fault xmlns:f=\"test\">", "<f:fault xmlns:f=\"test\" xmlns:a=\"http://schemas.microsoft.com/xrm/2011/Contracts\">", StringComparison.Ordinal)).Elements().Aggregate(string.Empty, (t, e) => t + e)}</OrganizationServiceFault>
                </detail></s:Fault></s:Body></s:Envelope>
                """,
                HttpStatusCode.InternalServerError);
    }

    private (string? Results, string? Fault) Do(XElement request)
    {
        var message = new Message(
            request.Element(a + "RequestName")!.Value,
            request.Element(a + "Parameters")!.Elements().ToDictionary(p => p.Element(b + "key")!.Value, p => p.Element(b + "value")!));
        if (message.Name == "ExecuteMultiple")
        {
            var items = new StringBuilder();
            int index = 0;
            foreach (XElement part in message.Parameters["Requests"].Elements())
            {
                (string? results, string? fault) = Do(part);
                string said = fault is null
                    ? $"<l:Fault i:nil=\"true\"/><l:RequestIndex>{index}</l:RequestIndex><l:Response><a:ResponseName>x</a:ResponseName><a:Results>{results}</a:Results></l:Response>"
                    : $"{fault.Replace("f:fault xmlns:f=\"test\"", "l:Fault", StringComparison.Ordinal).Replace("f:fault", "l:Fault", StringComparison.Ordinal)}<l:RequestIndex>{index}</l:RequestIndex><l:Response i:nil=\"true\"/>";
                items.Append("<l:ExecuteMultipleResponseItem>").Append(said).Append("</l:ExecuteMultipleResponseItem>");
                index++;
            }

            Messages.Add(message);
            return ($"""<a:KeyValuePairOfstringanyType><b:key>Responses</b:key><b:value i:type="l:ExecuteMultipleResponseItemCollection" xmlns:l="http://schemas.microsoft.com/xrm/2012/Contracts">{items}</b:value></a:KeyValuePairOfstringanyType>""", null);
        }

        Messages.Add(message);
        string? own = Answer(message);
        if (own?.StartsWith("<f:fault", StringComparison.Ordinal) == true)
            return (null, own);
        return (own ?? Usual(message), null);
    }

    private string Usual(Message message)
    {
        switch (message.Name)
        {
            case "RetrieveVersion":
                return Text("Version", Version);
            case "RetrieveMultiple":
                XElement fetch = message.Fetch;
                string table = (string)fetch.Element("entity")!.Attribute("name")!;
                IEnumerable<string> rows = Rows(fetch) ?? Tables.GetValueOrDefault(table) ?? [];
                return Result("EntityCollection", "a:EntityCollection", $"<a:Entities>{string.Concat(rows)}</a:Entities><a:EntityName>{table}</a:EntityName><a:MoreRecords>false</a:MoreRecords><a:PagingCookie i:nil=\"true\"/>");
            case "RetrieveEntity":
                return Result("EntityMetadata", "m:EntityMetadata\" xmlns:m=\"http://schemas.microsoft.com/xrm/2011/Metadata", "<m:Attributes>" + string.Concat(
                    ((string[])["activityid", "subject", "messageid", "trackingtoken", "conversationindex", "statuscode", "versionnumber", "description", "from", "to", "cc", "bcc", "directioncode", "createdon", "regardingobjectid", "prioritycode", "deliveryattempts", "mimetype"])
                    .Select(c => $"<m:AttributeMetadata><m:IsValidForCreate>{(c is not "conversationindex" ? "true" : "false")}</m:IsValidForCreate><m:IsValidForUpdate>true</m:IsValidForUpdate><m:LogicalName>{c}</m:LogicalName></m:AttributeMetadata>")) + "</m:Attributes>");
            default:
                return string.Empty;
        }
    }
}

/// <summary>A message that came.</summary>
internal sealed record Message(string Name, IReadOnlyDictionary<string, XElement> Parameters)
{
    public string this[string parameter] => Parameters[parameter].Value;

    public XElement Fetch => XElement.Parse(Parameters["Query"].Value);

    public string Table => Name == "RetrieveMultiple" ? (string)Fetch.Element("entity")!.Attribute("name")! : string.Empty;

    /// <summary>Gets the table of the row that is created or changed.</summary>
    public string Target => Parameters["Target"].Elements().First(e => e.Name.LocalName == "LogicalName").Value;

    /// <summary>Gets a column of the row that is created or changed.</summary>
    public XElement? Column(string name) => Parameters["Target"].Elements().First(e => e.Name.LocalName == "Attributes").Elements()
        .FirstOrDefault(p => p.Elements().First().Value == name)?.Elements().Last();
}

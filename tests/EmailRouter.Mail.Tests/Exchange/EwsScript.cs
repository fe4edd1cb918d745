using System.Net;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using System.Xml.Schema;
using EmailRouter.Mail.Exchange;
using EmailRouter.Mail.Tests.Scripting;

namespace EmailRouter.Mail.Tests.Exchange;

/// <summary>
/// An Exchange server that answers as told. Where the environment variable <c>EMAILROUTER_EWS_XSD</c> names a folder with <c>messages.xsd</c> and <c>types.xsd</c> (every Exchange server publishes
/// them beside its service), each request is held against them too.
/// </summary>
internal sealed class EwsScript
{
    public static readonly XNamespace M = "http://schemas.microsoft.com/exchange/services/2006/messages";
    public static readonly XNamespace T = "http://schemas.microsoft.com/exchange/services/2006/types";

    private const string Prefixes =
        "xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\" " +
        "xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" xmlns:e=\"http://schemas.microsoft.com/exchange/services/2006/errors\"";

    private static readonly Lazy<XmlSchemaSet?> Schema = new(LoadSchema);

    public ScriptedHttp Http { get; } = new();

    public ManualClock Clock => Http.Clock;

    public MailContext Context => Http.Context;

    public MailEndpoint Endpoint { get; init; } = new() { Host = string.Empty, Url = new Uri("https://mail.example.com/ews/exchange.asmx") };

    public MailLogin Login { get; init; } = new("box@example.com", MailCredential.Password("box@example.com", "secret"));

    /// <summary>The operations asked for so far.</summary>
    public IEnumerable<string> Operations => Http.Requests.Select(r => OperationOf(r).Name.LocalName);

    public static string Envelope(string body) =>
        $"<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope {Prefixes}><s:Header><t:ServerVersionInfo MajorVersion=\"15\" MinorVersion=\"2\" MajorBuildNumber=\"1544\" " +
        $"MinorBuildNumber=\"4\" Version=\"V2017_07_11\"/></s:Header><s:Body>{body}</s:Body></s:Envelope>";

    /// <summary>An operation's answer of several response messages.</summary>
    public static string Answer(string operation, params string[] messages) =>
        Envelope($"<m:{operation}Response><m:ResponseMessages>{string.Concat(messages)}</m:ResponseMessages></m:{operation}Response>");

    public static string Success(string operation, string content = "") =>
        $"<m:{operation}ResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>{content}</m:{operation}ResponseMessage>";

    public static string Error(string operation, string code, string text = "Words of the server.", string details = "", string kind = "Error") =>
        $"<m:{operation}ResponseMessage ResponseClass=\"{kind}\"><m:MessageText>{text}</m:MessageText><m:ResponseCode>{code}</m:ResponseCode>" +
        $"<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>{details}</m:{operation}ResponseMessage>";

    public static string Fault(string code, string details = "") => Envelope(
        $"<s:Fault><faultcode xmlns:a=\"http://schemas.microsoft.com/exchange/services/2006/types\">a:{code}</faultcode><faultstring>Words of the fault.</faultstring>" +
        $"<detail><e:ResponseCode>{code}</e:ResponseCode><e:Message>Words of the fault.</e:Message>{details}</detail></s:Fault>");

    public static string BackOff(int milliseconds, string prefix) => $"<{prefix}:MessageXml><t:Value Name=\"BackOffMilliseconds\">{milliseconds}</t:Value></{prefix}:MessageXml>";

    public static string Folder(string id = "F1", string? name = null) =>
        $"<t:Folder><t:FolderId Id=\"{id}\" ChangeKey=\"AQ\"/>{(name is null ? string.Empty : $"<t:DisplayName>{name}</t:DisplayName>")}</t:Folder>";

    /// <summary>An item with its MIME content.</summary>
    public static string Item(string id, string? mime, string more = "", string element = "Message") =>
        Success("GetItem", $"<m:Items><t:{element}>{(mime is null ? string.Empty : $"<t:MimeContent CharacterSet=\"UTF-8\">{Convert.ToBase64String(Encoding.UTF8.GetBytes(mime))}</t:MimeContent>")}" +
            $"<t:ItemId Id=\"{id}\" ChangeKey=\"CQ\"/>{more}</t:{element}></m:Items>");

    public static string Page(string state, bool isLast, params string[] changes) => Answer("SyncFolderItems", Success(
        "SyncFolderItems",
        $"<m:SyncState>{state}</m:SyncState><m:IncludesLastItemInRange>{(isLast ? "true" : "false")}</m:IncludesLastItemInRange><m:Changes>{string.Concat(changes)}</m:Changes>"));

    public static string Create(string id, string received = "2026-01-05T07:00:00Z", string kind = "IPM.Note", int size = 1000, string element = "Message") =>
        $"<t:Create><t:{element}><t:ItemId Id=\"{id}\" ChangeKey=\"CQ\"/><t:ItemClass>{kind}</t:ItemClass><t:DateTimeReceived>{received}</t:DateTimeReceived><t:Size>{size}</t:Size></t:{element}></t:Create>";

    public static XElement OperationOf(SentRequest request) => XElement.Parse(request.Body).Elements().Last().Elements().Single();

    public XElement Request(int index) => OperationOf(Http.Requests[index]);

    /// <summary>Expects an operation and answers it.</summary>
    public EwsScript On(string operation, string answer, HttpStatusCode status = HttpStatusCode.OK)
    {
        Http.Then(request =>
        {
            Check(operation, request);
            return ScriptedHttp.Answer(status, answer);
        });
        return this;
    }

    /// <summary>Expects an operation and answers it in its own way.</summary>
    public EwsScript On(string operation, Func<SentRequest, CancellationToken, Task<HttpResponseMessage>> answer)
    {
        Http.Then((request, stop) =>
        {
            Check(operation, request);
            return answer(request, stop);
        });
        return this;
    }

    /// <summary>Answers the request that opens the Inbox, or Sent Items.</summary>
    public EwsScript OnOpen() => On("GetFolder", Answer("GetFolder", Success("GetFolder", $"<m:Folders>{Folder()}</m:Folders>")));

    public EwsScript With(string option, string value) =>
        new() { Endpoint = Endpoint with { Options = new Dictionary<string, string>(Endpoint.Options) { [option] = value } }, Login = Login };

    public ValueTask<IMailboxSession> OpenAsync(ExchangeSystem? system = null) => (system ?? new ExchangeSystem()).OpenMailboxAsync(Endpoint, Login, Context, default);

    public ValueTask<IMailSender> OpenSenderAsync() => new ExchangeSystem().OpenSenderAsync(Endpoint, Login, Context, default);

    public ValueTask<IInboxRules> OpenRulesAsync() => new ExchangeSystem().OpenRulesAsync(Endpoint, Login, Context, default);

    private static void Check(string operation, SentRequest request)
    {
        XElement asked = OperationOf(request);
        Assert.Equal(operation, asked.Name.LocalName);
        Assert.Equal("text/xml; charset=utf-8", request.Headers["Content-Type"]);
        if (Schema.Value is { } schema)
            new XDocument(asked).Validate(schema, (_, e) => Assert.Fail($"{operation} is not as the schema says: {e.Message}\n{asked}"));
    }

    private static XmlSchemaSet? LoadSchema()
    {
        if (Environment.GetEnvironmentVariable("EMAILROUTER_EWS_XSD") is not { Length: > 0 } folder)
            return null;
        var schema = new XmlSchemaSet { XmlResolver = new XmlUrlResolver() };
        schema.Add(null, Path.Combine(folder, "types.xsd"));
        schema.Add(null, Path.Combine(folder, "messages.xsd"));
        schema.Compile();
        return schema;
    }
}

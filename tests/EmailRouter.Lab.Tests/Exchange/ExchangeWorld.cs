using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Xml.Linq;
using EmailRouter.Lab.Exchange;
using EmailRouter.Lab.OAuth;
using EmailRouter.Lab.Servers;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Tests.Exchange;

/// <summary>An Exchange server with two mailboxes and a service account, and a client that speaks raw SOAP to it.</summary>
internal sealed class ExchangeWorld : IAsyncDisposable
{
    public const string Anna = "anna@contoso.test";
    public const string Bert = "bert@contoso.test";
    public static readonly XNamespace M = "http://schemas.microsoft.com/exchange/services/2006/messages";
    public static readonly XNamespace T = "http://schemas.microsoft.com/exchange/services/2006/types";
    public static readonly XNamespace S = "http://schemas.xmlsoap.org/soap/envelope/";
    public static readonly XNamespace E = "http://schemas.microsoft.com/exchange/services/2006/errors";

    private ExchangeWorld(EwsVersion version)
    {
        Faults = new LabFaults();
        Tokens = new LabTokenServer();
        Server = new LabExchangeServer(Store, new LabExchangeOptions { Faults = Faults, Tokens = Tokens, Version = version });
        Mailbox = Store.AddMailbox(Anna, "secret");
        Store.AddMailbox(Bert, "geheim");
        Store.AddAccount("svc-crm", "service").AllowImpersonation(Anna);
        Server.Start();
        Client = new HttpClient(Server.CreateHandler());
    }

    public LabMailStore Store { get; } = new();

    public LabFaults Faults { get; }

    public LabTokenServer Tokens { get; }

    public LabExchangeServer Server { get; }

    public LabMailbox Mailbox { get; }

    public HttpClient Client { get; }

    public string Version { get; set; } = "Exchange2013_SP1";

    public string Inbox => Mailbox.FolderOf(LabFolderNames.Inbox).Id;

    public static ExchangeWorld Start(EwsVersion version = EwsVersion.Exchange2016) => new(version);

    public LabMessage Deliver(string text, string address = Anna) => Store.Deliver(address, Encoding.UTF8.GetBytes(text));

    public static AuthenticationHeaderValue Basic(string user, string password) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")));

    /// <summary>Sends an operation as Anna (or as told) and returns the body's element.</summary>
    public async Task<XElement> CallAsync(string operation, string? impersonate = null, AuthenticationHeaderValue? login = null)
    {
        (HttpStatusCode status, XDocument answer) = await PostAsync(operation, impersonate, login);
        XElement body = answer.Root!.Element(S + "Body")!.Elements().Single();
        Assert.Equal(body.Name == S + "Fault" ? HttpStatusCode.InternalServerError : HttpStatusCode.OK, status);
        return body;
    }

    public async Task<(HttpStatusCode Status, XDocument Answer)> PostAsync(string operation, string? impersonate = null, AuthenticationHeaderValue? login = null)
    {
        using HttpResponseMessage answer = await SendAsync(operation, impersonate, login);
        return (answer.StatusCode, XDocument.Parse(await answer.Content.ReadAsStringAsync()));
    }

    public async Task<HttpResponseMessage> SendAsync(
        string operation, string? impersonate = null, AuthenticationHeaderValue? login = null, HttpCompletionOption until = HttpCompletionOption.ResponseContentRead)
    {
        string header = (Version.Length == 0 ? string.Empty : $"<t:RequestServerVersion Version=\"{Version}\"/>") +
            (impersonate is null ? string.Empty
                : $"<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>{impersonate}</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>");
        string envelope = $"<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"{S}\" xmlns:m=\"{M}\" xmlns:t=\"{T}\"><s:Header>{header}</s:Header><s:Body>{operation}</s:Body></s:Envelope>";
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(Server.Url, "ews/exchange.ASMX")) { Content = new StringContent(envelope, Encoding.UTF8, "text/xml") };
        request.Headers.Authorization = login ?? Basic(Anna, "secret");
        return await Client.SendAsync(request, until);
    }

    /// <summary>The response codes of an answer, or the code of its fault.</summary>
    public static string[] Codes(XElement answer) => answer.Name == S + "Fault"
        ? [answer.Descendants(E + "ResponseCode").Single().Value]
        : [.. answer.DescendantsAndSelf().Elements(M + "ResponseCode").Select(c => c.Value)];

    public static string Inner(XElement answer, string name) => answer.Descendants(T + name).First().Value;

    public static string Id(XElement answer, string name = "ItemId") => answer.Descendants(T + name).First().Attribute("Id")!.Value;

    /// <summary>The ids and change key of the first item of an answer, as an element.</summary>
    public static string ItemId(XElement answer)
    {
        XElement id = answer.Descendants(T + "ItemId").First();
        return $"<t:ItemId Id=\"{id.Attribute("Id")!.Value}\" ChangeKey=\"{id.Attribute("ChangeKey")!.Value}\"/>";
    }

    public Task<XElement> FindAsync(string folder = "inbox", string more = "", string view = "<m:IndexedPageItemView MaxEntriesReturned=\"100\" Offset=\"0\" BasePoint=\"Beginning\"/>", string shape = "IdOnly") => CallAsync(
        $"<m:FindItem Traversal=\"Shallow\"><m:ItemShape><t:BaseShape>{shape}</t:BaseShape></m:ItemShape>{view}{more}<m:ParentFolderIds><t:DistinguishedFolderId Id=\"{folder}\"/></m:ParentFolderIds></m:FindItem>");

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
        await Tokens.DisposeAsync();
    }
}

using System.Text.Json.Nodes;
using System.Xml;
using System.Xml.Linq;
using EmailRouter.Lab.Http;

namespace EmailRouter.Lab.Exchange;

/// <summary>Autodiscover: where a mailbox has its web services.</summary>
internal sealed class LabAutodiscover(LabExchangeServer server)
{
    private static readonly XNamespace PoxRequest = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006";
    private static readonly XNamespace PoxAnswer = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";
    private static readonly XNamespace PoxSettings = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";
    private static readonly XNamespace A = "http://schemas.microsoft.com/exchange/2010/Autodiscover";

    private static readonly string[] Protocols = ["EXCH", "EXPR"];

    /// <summary>Answers a request in plain XML.</summary>
    public LabHttpAnswer Pox(LabHttpRequest request)
    {
        string? address = Read(request)?.Root?.Element(PoxRequest + "Request")?.Element(PoxRequest + "EMailAddress")?.Value.Trim();
        if (string.IsNullOrEmpty(address))
            return Error(600, "Invalid Request");
        if (server.Redirections.TryGetValue(address, out string? elsewhere))
        {
            bool isUrl = elsewhere.Contains("://", StringComparison.Ordinal);
            return Account(
                new XElement(PoxSettings + "Action", isUrl ? "redirectUrl" : "redirectAddr"), new XElement(PoxSettings + (isUrl ? "RedirectUrl" : "RedirectAddr"), elsewhere));
        }

        if (server.Store.Find(address) is not { } mailbox)
            return Error(500, "The email address can't be found.");
        string url = UrlFor(request);
        return Account(
            new XElement(PoxSettings + "AccountType", "email"),
            new XElement(PoxSettings + "Action", "settings"),
            Protocols.Select(type => new XElement(
                PoxSettings + "Protocol", new XElement(PoxSettings + "Type", type), new XElement(PoxSettings + "Server", server.Host), new XElement(PoxSettings + "EwsUrl", url))));

        LabHttpAnswer Account(params object[] content) => Answer(new XElement(
            PoxAnswer + "Autodiscover",
            new XElement(
                PoxSettings + "Response",
                new XElement(PoxSettings + "User", new XElement(PoxSettings + "DisplayName", server.Store.Find(address)?.DisplayName ?? address), new XElement(PoxSettings + "AutoDiscoverSMTPAddress", address)),
                new XElement(PoxSettings + "Account", content))));

        LabHttpAnswer Error(int code, string text) => Answer(new XElement(
            PoxAnswer + "Autodiscover",
            new XElement(
                PoxAnswer + "Response",
                new XElement(PoxAnswer + "Error", new XAttribute("Time", "00:00:00"), new XAttribute("Id", "1"), new XElement(PoxAnswer + "ErrorCode", code), new XElement(PoxAnswer + "Message", text)))));
    }

    /// <summary>Answers GetUserSettings.</summary>
    public LabHttpAnswer Soap(LabHttpRequest request)
    {
        XElement? message = Read(request)?.Root?.Element(EwsNames.Soap + "Body")?.Element(A + "GetUserSettingsRequestMessage")?.Element(A + "Request");
        string[] users = [.. message?.Descendants(A + "Mailbox").Select(m => m.Value.Trim()) ?? []];
        string[] settings = [.. message?.Descendants(A + "Setting").Select(s => s.Value) ?? []];
        string code = users.Length == 0 || settings.Length == 0 ? "InvalidRequest" : "NoError";
        return Answer(new XElement(
            EwsNames.Soap + "Envelope",
            new XElement(EwsNames.Soap + "Body", new XElement(
                A + "GetUserSettingsResponseMessage",
                new XElement(
                    A + "Response",
                    new XElement(A + "ErrorCode", code),
                    new XElement(A + "ErrorMessage", code == "NoError" ? string.Empty : "The request has no user or no setting."),
                    new XElement(A + "UserResponses", users.Select(u => User(u, settings, UrlFor(request)))))))));
    }

    /// <summary>Answers the form that needs no log-in.</summary>
    public LabHttpAnswer Json(LabHttpRequest request)
    {
        string address = Uri.UnescapeDataString(request.Path[(request.Path.LastIndexOf('/') + 1)..]);
        if (!request.QueryValues.GetValueOrDefault("Protocol", string.Empty).Equals("EWS", StringComparison.OrdinalIgnoreCase))
            return LabHttpAnswer.OfJson(400, new JsonObject { ["ErrorCode"] = "InvalidProtocol", ["ErrorMessage"] = "The lab knows the protocol EWS." });
        return server.Store.Find(address) is null
            ? LabHttpAnswer.OfJson(404, new JsonObject { ["ErrorCode"] = "UserNotFound", ["ErrorMessage"] = "The given user is not found." })
            : LabHttpAnswer.OfJson(200, new JsonObject { ["Protocol"] = "EWS", ["Url"] = UrlFor(request) });
    }

    private XElement User(string address, string[] settings, string url)
    {
        if (server.Redirections.TryGetValue(address, out string? elsewhere))
        {
            return new XElement(
                A + "UserResponse",
                new XElement(A + "ErrorCode", elsewhere.Contains("://", StringComparison.Ordinal) ? "RedirectUrl" : "RedirectAddress"),
                new XElement(A + "ErrorMessage", "The user is elsewhere."),
                new XElement(A + "RedirectTarget", elsewhere));
        }

        if (server.Store.Find(address) is not { } mailbox)
            return new XElement(A + "UserResponse", new XElement(A + "ErrorCode", "InvalidUser"), new XElement(A + "ErrorMessage", $"Invalid user: '{address}'"));
        XNamespace i = "http://www.w3.org/2001/XMLSchema-instance";
        return new XElement(
            A + "UserResponse",
            new XElement(A + "ErrorCode", "NoError"),
            new XElement(A + "ErrorMessage", "No error."),
            new XElement(A + "UserSettingErrors"),
            new XElement(A + "UserSettings", settings.Select(s => (Name: s, Value: Setting(s))).Where(s => s.Value is not null).Select(s => new XElement(
                A + "UserSetting",
                new XAttribute(XNamespace.Xmlns + "i", i),
                new XAttribute(i + "type", "StringSetting"),
                new XElement(A + "Name", s.Name),
                new XElement(A + "Value", s.Value)))));

        string? Setting(string name) => name switch
        {
            "ExternalEwsUrl" or "InternalEwsUrl" => url,
            "EwsSupportedSchemas" => "Exchange2007, Exchange2007_SP1, Exchange2010, Exchange2010_SP1, Exchange2010_SP2, Exchange2013, Exchange2013_SP1, Exchange2015",
            "UserDisplayName" => mailbox.DisplayName,
            "AutoDiscoverSMTPAddress" => mailbox.Address,
            "GroupingInformation" => "Lab",
            _ => null,
        };
    }

    private static string UrlFor(LabHttpRequest request) => request.BaseUrl + "/EWS/Exchange.asmx";

    private static XDocument? Read(LabHttpRequest request)
    {
        try
        {
            using var reader = XmlReader.Create(new MemoryStream(request.Body.ToArray()), new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
            return XDocument.Load(reader);
        }
        catch (XmlException)
        {
            return null;       // Answered as an invalid request.
        }
    }

    private static LabHttpAnswer Answer(XElement root) =>
        LabHttpAnswer.OfText(200, new XDeclaration("1.0", "utf-8", null) + root.ToString(SaveOptions.DisableFormatting), "text/xml; charset=utf-8");
}

using System.Text;
using System.Xml;
using System.Xml.Linq;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.Servers;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Exchange;

/// <summary>
/// An Exchange server on loopback, as far as its web services go: EWS (<c>/EWS/Exchange.asmx</c>) and Autodiscover (POX, SOAP and JSON) over the lab's
/// mailboxes. It takes passwords (Basic) and tokens (Bearer), checks requests against the schema, and answers with the response codes that Exchange gives.
/// </summary>
/// <remarks>
/// Requests are counted by operation (<c>GetItem</c>). <see cref="LabFaultKind.Throttle"/> answers ErrorServerBusy with BackOffMilliseconds,
/// <see cref="LabFaultKind.ResponseCode"/> any other fault, <see cref="LabFaultKind.ItemError"/> the code of one item.
/// </remarks>
public sealed class LabExchangeServer : LabHttpServer
{
    private static readonly XNamespace M = EwsNames.M;
    private static readonly XNamespace T = EwsNames.T;

    private static readonly Dictionary<string, Func<EwsCall, XElement>> Operations = new(StringComparer.Ordinal)
    {
        ["GetFolder"] = EwsFolderOperations.Get,
        ["FindFolder"] = EwsFolderOperations.Find,
        ["CreateFolder"] = EwsFolderOperations.Create,
        ["UpdateFolder"] = EwsFolderOperations.Update,
        ["MoveFolder"] = EwsFolderOperations.Move,
        ["DeleteFolder"] = EwsFolderOperations.Delete,
        ["EmptyFolder"] = EwsFolderOperations.Empty,
        ["GetItem"] = EwsItemOperations.Get,
        ["FindItem"] = EwsItemOperations.Find,
        ["CreateItem"] = EwsItemOperations.Create,
        ["SendItem"] = EwsItemOperations.Send,
        ["UpdateItem"] = EwsItemOperations.Update,
        ["MoveItem"] = EwsItemOperations.Move,
        ["CopyItem"] = EwsItemOperations.Copy,
        ["DeleteItem"] = EwsItemOperations.Delete,
        ["MarkAllItemsAsRead"] = EwsItemOperations.MarkAllAsRead,
        ["SyncFolderItems"] = EwsSyncOperations.Items,
        ["SyncFolderHierarchy"] = EwsSyncOperations.Hierarchy,
        ["GetAttachment"] = EwsAttachmentOperations.Get,
        ["CreateAttachment"] = EwsAttachmentOperations.Create,
        ["DeleteAttachment"] = EwsAttachmentOperations.Delete,
        ["GetInboxRules"] = EwsRuleOperations.Get,
        ["UpdateInboxRules"] = EwsRuleOperations.Update,
        ["ResolveNames"] = EwsDirectoryOperations.ResolveNames,
        ["ConvertId"] = EwsDirectoryOperations.ConvertId,
        ["GetServerTimeZones"] = EwsDirectoryOperations.TimeZones,
        ["GetUserConfiguration"] = EwsDirectoryOperations.NotThere,
    };

    private readonly LabExchangeOptions options;
    private readonly EwsSubscriptions subscriptions;
    private readonly LabAutodiscover autodiscover;

    /// <summary>Makes a server; <see cref="LabServer.Start"/> starts it.</summary>
    /// <param name="store">The mailboxes.</param>
    /// <param name="options">Options; defaults when omitted.</param>
    public LabExchangeServer(LabMailStore store, LabExchangeOptions? options = null)
        : base((store ?? throw new ArgumentNullException(nameof(store))).Clock, options ??= new LabExchangeOptions())
    {
        Store = store;
        this.options = options;
        subscriptions = new EwsSubscriptions(this);
        autodiscover = new LabAutodiscover(this);
    }

    /// <summary>Gets the mailboxes.</summary>
    public LabMailStore Store { get; }

    /// <summary>Gets the address of EWS in the clear.</summary>
    public Uri EwsUrl => new(Url, "EWS/Exchange.asmx");

    /// <summary>Gets the address of EWS with TLS.</summary>
    public Uri EwsTlsUrl => new(TlsUrl, "EWS/Exchange.asmx");

    /// <summary>Gets or sets how many rows FindItem and FindFolder give at most; 1 000 (with a restriction 250) as Exchange when null.</summary>
    public int? FindRows { get; set; }

    /// <summary>Gets or sets how many subscriptions a mailbox may have. Defaults to 5 000.</summary>
    public int MaxSubscriptions { get; set; } = 5_000;

    /// <summary>Gets or sets after how long a stream says that it lives. Defaults to 30 seconds.</summary>
    public TimeSpan Heartbeat { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Gets or sets how large the rules of a mailbox may be, in characters. Defaults to 65 536.</summary>
    public int RulesQuota { get; set; } = 65_536;

    /// <summary>Gets the number of subscriptions.</summary>
    public int SubscriptionCount => subscriptions.Count;

    /// <summary>Gets the addresses that Autodiscover sends elsewhere, with where: another address, or a URL.</summary>
    public IDictionary<string, string> Redirections { get; } = new System.Collections.Concurrent.ConcurrentDictionary<string, string>(StringComparer.OrdinalIgnoreCase);

    private protected override LabProtocol Protocol => LabProtocol.Ews;

    /// <summary>Forgets all subscriptions, as a fail-over does.</summary>
    public void ForgetSubscriptions() => subscriptions.Clear();

    internal int MaxFindRows(bool restricted) => FindRows ?? (restricted ? 250 : 1_000);

    private protected override string KindOf(LabHttpRequest request) =>
        IsEws(request) && request.Method == "POST" ? EwsEnvelope.Of(request).Operation?.Name.LocalName ?? "nonsense" : base.KindOf(request);

    private protected override string? MailboxOf(LabHttpRequest request) =>
        (IsEws(request) ? EwsEnvelope.Of(request).ImpersonatedAddress : null) ??
        (request.Header("X-AnchorMailbox") is { Length: > 0 } anchor ? anchor : UserOf(request));

    private protected override string KeyOf(LabHttpRequest request) => MailboxOf(request) ?? string.Empty;

    private protected override LabHttpAnswer Refuse(int status, string message, LabHttpRequest? request)
    {
        LabHttpAnswer answer = LabHttpAnswer.OfText(status, status == 401 ? string.Empty : message);
        if (status != 401)
            return answer;
        if (options.AllowBasic)
            answer = answer.With("WWW-Authenticate", "Basic realm=\"Exchange\"");
        if (options.Tokens is not null)
        {
            bool isInvalid = request?.BearerToken is not null;
            answer = answer.With("WWW-Authenticate", "Bearer client_id=\"00000002-0000-0ff1-ce00-000000000000\"" + (isInvalid ? ", error=\"invalid_token\"" : string.Empty));
        }

        return answer;
    }

    private protected override LabHttpAnswer Throttled(TimeSpan? retryAfter, LabHttpRequest request) => IsEws(request)
        ? Fault(new EwsException("ErrorServerBusy", "The server cannot service this request right now. Try again later.")
        {
            Details = retryAfter is { } wait ? [new XElement(T + "Value", new XAttribute("Name", "BackOffMilliseconds"), (long)wait.TotalMilliseconds)] : [],
        })
        : base.Throttled(retryAfter, request);

    private protected override async ValueTask<LabHttpAnswer> HandleAsync(LabHttpRequest request, CancellationToken cancellationToken)
    {
        string path = request.Path.ToLowerInvariant();
        if (path.StartsWith("/autodiscover/autodiscover.json", StringComparison.Ordinal))
            return autodiscover.Json(request);
        if (path is not ("/ews/exchange.asmx" or "/autodiscover/autodiscover.xml" or "/autodiscover/autodiscover.svc"))
            return LabHttpAnswer.OfText(404, "There is nothing here.");
        if (LogIn(request) is not { } account)
            return Refuse(401, string.Empty, request);
        if (path != "/ews/exchange.asmx")
            return path.EndsWith(".xml", StringComparison.Ordinal) ? autodiscover.Pox(request) : autodiscover.Soap(request);
        if (request.Method != "POST")
            return LabHttpAnswer.OfText(200, "<html><head><title>Service</title></head><body>You have created a service.</body></html>", "text/html; charset=utf-8");
        if (request.MediaType is not "text/xml")
            return LabHttpAnswer.OfText(415, "Cannot process the message because the content type was not the expected type 'text/xml; charset=utf-8'.");
        await Task.CompletedTask;
        return Execute(request, account);
    }

    private static bool IsEws(LabHttpRequest request) => request.Path.Equals("/ews/exchange.asmx", StringComparison.OrdinalIgnoreCase);

    /// <summary>Gets the user of a Basic log-in; a domain before the name is left out.</summary>
    private static string? UserOf(LabHttpRequest request) => request.BasicLogin?.UserName.Split('\\')[^1];

    private LabAccount? LogIn(LabHttpRequest request)
    {
        if (options.AllowBasic && request.BasicLogin is { } given)
        {
            string name = UserOf(request)!;
            if (Store.FindAccount(name) is null)
                name = Store.Mailboxes.FirstOrDefault(m => m.Address.StartsWith(name + "@", StringComparison.OrdinalIgnoreCase))?.Address ?? name;
            return Store.LogIn(name, given.Password);
        }

        if (options.Tokens?.Accept(request.BearerToken, [.. options.Audiences, Url.ToString().TrimEnd('/'), TlsUrl.ToString().TrimEnd('/')]) is not { } token)
            return null;
        if (token.UserName is { } user)
            return Store.FindAccount(user);
        LabAccount application = Store.FindAccount(token.ClientId) ?? Store.AddAccount(token.ClientId, null);
        if (token.Roles.Contains("full_access_as_app"))
            application.ImpersonatesAll = true;
        return application;
    }

    private LabHttpAnswer Execute(LabHttpRequest request, LabAccount account)
    {
        try
        {
            if (Faults.Take(Protocol, KindOf(request), MailboxOf(request), request, 0, LabFaultKind.ResponseCode) is { } fault)
                throw new EwsException(fault.Reply ?? "ErrorInternalServerError", "The lab was told to refuse this request.");
            EwsEnvelope envelope = EwsEnvelope.Of(request);
            if (envelope.Operation is not { } operation)
                throw new EwsException("ErrorInvalidRequest", envelope.Nonsense is { } nonsense ? $"The request is invalid: {nonsense}" : "The request has no operation.");
            EwsVersion version = VersionOf(envelope.Version);
            (account, LabMailbox? mailbox) = Impersonate(envelope, account);
            EwsSchema.Check(operation, version);
            var call = new EwsCall(this, operation, account, mailbox, version, () => ItemError(request));
            string name = operation.Name.LocalName;
            if (operation.Name.Namespace != M)
                throw EwsException.Schema(operation, $"The element '{name}' in namespace '{operation.Name.Namespace}' is no operation.");
            if (name == "GetStreamingEvents")
            {
                return new LabHttpAnswer(200)
                {
                    Pieces = (write, stop) => subscriptions.StreamAsync(call, body => write(Write(Envelope(body))), stop),
                }.With("Content-Type", "text/xml; charset=utf-8");
            }

            XElement answer = name switch
            {
                "Subscribe" => subscriptions.Subscribe(call),
                "Unsubscribe" => subscriptions.Unsubscribe(call),
                "GetEvents" => subscriptions.GetEvents(call),
                _ when Operations.TryGetValue(name, out Func<EwsCall, XElement>? execute) => execute(call),
                _ => throw new EwsException("ErrorInvalidRequest", $"The lab does not know the operation {name}."),
            };
            return Answer(200, Envelope(answer));
        }
        catch (EwsException e)
        {
            return Fault(e);
        }
        catch (LabStoreException e)
        {
            return Fault(EwsCall.Of(e));
        }
    }

    private EwsVersion VersionOf(string? named)
    {
        if (named is null)
            return EwsVersion.Exchange2007;
        if (named.StartsWith("V20", StringComparison.Ordinal) && options.Version >= EwsVersion.Exchange2016)
            return options.Version;
        if (Enum.TryParse(named.Replace("_SP", "SP", StringComparison.Ordinal), out EwsVersion version) && Enum.IsDefined(version) && !char.IsAsciiDigit(named[0]) && version <= options.Version)
            return version;
        throw new EwsException("ErrorInvalidServerVersion", "The specified server version is invalid.");
    }

    private (LabAccount Account, LabMailbox? Mailbox) Impersonate(EwsEnvelope envelope, LabAccount account)
    {
        if (envelope.Impersonated is null)
            return (account, Store.Find(account.Name));
        if (envelope.ImpersonatedAddress is not { Length: > 0 } address || envelope.Impersonated.Element(T + "ConnectingSID")!.Elements().Count() != 1)
            throw new EwsException("ErrorInvalidExchangeImpersonationHeaderData", "The ExchangeImpersonation header is not valid.");
        LabMailbox mailbox = Store.Find(address) ?? throw new EwsException("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.");
        if (!account.CanImpersonate(mailbox))
            throw new EwsException("ErrorImpersonateUserDenied", "The account does not have permission to impersonate the requested user.");
        return (Store.FindAccount(mailbox.Address)!, mailbox);
    }

    private EwsException? ItemError(LabHttpRequest request) =>
        Faults.Take(Protocol, KindOf(request), MailboxOf(request), request, 0, LabFaultKind.ItemError) is { } fault
            ? new EwsException(fault.Reply ?? "ErrorItemNotFound", "The lab was told to refuse this item.") : null;

    private XDocument Envelope(XElement body) => new(
        new XDeclaration("1.0", "utf-8", null),
        new XElement(
            EwsNames.Soap + "Envelope",
            new XAttribute(XNamespace.Xmlns + "s", EwsNames.Soap),
            new XElement(EwsNames.Soap + "Header", ServerVersion()),
            new XElement(EwsNames.Soap + "Body", new XAttribute(XNamespace.Xmlns + "m", M), new XAttribute(XNamespace.Xmlns + "t", T), body)));

    private XElement ServerVersion()
    {
        (int major, int minor, int build, string shown) = options.Version switch
        {
            <= EwsVersion.Exchange2007SP1 => (8, 3, 83, "Exchange2007_SP1"),
            EwsVersion.Exchange2010 => (14, 0, 639, "Exchange2010"),
            EwsVersion.Exchange2010SP1 => (14, 1, 218, "Exchange2010_SP1"),
            EwsVersion.Exchange2010SP2 => (14, 3, 123, "Exchange2010_SP2"),
            EwsVersion.Exchange2013 => (15, 0, 620, "Exchange2013"),
            EwsVersion.Exchange2013SP1 => (15, 0, 1497, "V2_23"),
            _ => (15, 2, 1544, "V2017_07_11"),
        };
        return new XElement(
            T + "ServerVersionInfo",
            new XAttribute(XNamespace.Xmlns + "t", T),
            new XAttribute("MajorVersion", major),
            new XAttribute("MinorVersion", minor),
            new XAttribute("MajorBuildNumber", build),
            new XAttribute("MinorBuildNumber", 4),
            new XAttribute("Version", shown));
    }

    private static LabHttpAnswer Fault(EwsException e)
    {
        var body = new XElement(
            EwsNames.Soap + "Fault",
            new XElement("faultcode", new XAttribute(XNamespace.Xmlns + "a", T), $"a:{e.Code}"),
            new XElement("faultstring", EwsText.Clean(e.Message)),
            new XElement(
                "detail",
                new XElement(EwsNames.E + "ResponseCode", new XAttribute(XNamespace.Xmlns + "e", EwsNames.E), e.Code),
                new XElement(EwsNames.E + "Message", new XAttribute(XNamespace.Xmlns + "e", EwsNames.E), EwsText.Clean(e.Message)),
                e.Details.Count == 0 ? null : new XElement(T + "MessageXml", new XAttribute(XNamespace.Xmlns + "t", T), e.Details)));
        return Answer(500, new XDocument(
            new XDeclaration("1.0", "utf-8", null),
            new XElement(EwsNames.Soap + "Envelope", new XAttribute(XNamespace.Xmlns + "s", EwsNames.Soap), new XElement(EwsNames.Soap + "Body", body))));
    }

    private static LabHttpAnswer Answer(int status, XDocument document) => LabHttpAnswer.OfBytes(status, Write(document), "text/xml; charset=utf-8");

    // Control characters leave as references, as Exchange writes them.
    private static byte[] Write(XDocument document)
    {
        using var output = new MemoryStream();
        using (var writer = XmlWriter.Create(output, new XmlWriterSettings { Encoding = new UTF8Encoding(false), CheckCharacters = false }))
            document.Save(writer);
        return output.ToArray();
    }
}

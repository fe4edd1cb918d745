using System.Xml;
using System.Xml.Linq;
using EmailRouter.Mail.Exchange.Soap;

namespace EmailRouter.Mail.Exchange.Autodiscover;

/// <summary>What Autodiscover said about a mailbox.</summary>
/// <param name="Url">The address of Exchange Web Services; null when it said something else.</param>
/// <param name="RedirectAddress">Under which other address to ask.</param>
/// <param name="RedirectUrl">Where else to ask.</param>
/// <param name="Failure">Why it knows nothing.</param>
internal sealed record AutodiscoverAnswer(Uri? Url = null, string? RedirectAddress = null, Uri? RedirectUrl = null, string? Failure = null)
{
    private const string PoxRequest = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006";
    private const string PoxResponse = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";
    private const string SoapNamespace = "http://schemas.microsoft.com/exchange/2010/Autodiscover";
    private const string Addressing = "http://www.w3.org/2005/08/addressing";

    /// <summary>Writes the question as plain XML (POX).</summary>
    /// <param name="address">The mailbox.</param>
    /// <returns>The request.</returns>
    public static string WritePox(string address)
    {
        XNamespace n = PoxRequest;
        return new XElement(n + "Autodiscover", new XElement(n + "Request", new XElement(n + "EMailAddress", address), new XElement(n + "AcceptableResponseSchema", PoxResponse)))
            .ToString(SaveOptions.DisableFormatting);
    }

    /// <summary>Writes the question as SOAP (GetUserSettings).</summary>
    /// <param name="address">The mailbox.</param>
    /// <param name="url">Where it is asked.</param>
    /// <returns>The request.</returns>
    public static string WriteSoap(string address, Uri url)
    {
        XNamespace s = EwsNames.Soap;
        XNamespace a = SoapNamespace;
        XNamespace w = Addressing;
        return new XElement(
            s + "Envelope",
            new XAttribute(XNamespace.Xmlns + "s", s),
            new XAttribute(XNamespace.Xmlns + "a", a),
            new XAttribute(XNamespace.Xmlns + "wsa", w),
            new XElement(
                s + "Header",
                new XElement(a + "RequestedServerVersion", "Exchange2010"),
                new XElement(w + "Action", SoapNamespace + "/Autodiscover/GetUserSettings"),
                new XElement(w + "To", url.AbsoluteUri)),
            new XElement(
                s + "Body",
                new XElement(
                    a + "GetUserSettingsRequestMessage",
                    new XElement(
                        a + "Request",
                        new XElement(a + "Users", new XElement(a + "User", new XElement(a + "Mailbox", address))),
                        new XElement(a + "RequestedSettings", new XElement(a + "Setting", "ExternalEwsUrl"), new XElement(a + "Setting", "InternalEwsUrl"))))))
            .ToString(SaveOptions.DisableFormatting);
    }

    /// <summary>Reads an answer of either kind.</summary>
    /// <param name="text">The answer.</param>
    /// <returns>What it says; something that is no answer is a failure.</returns>
    public static AutodiscoverAnswer Read(string text)
    {
        XElement root;
        try
        {
            XmlReaderSettings settings = EwsResponseReader.Settings(EwsCall.UsualLimit);
            settings.Async = false;
            using var reader = XmlReader.Create(new StringReader(text), settings);
            root = XElement.Load(reader);
        }
        catch (XmlException e)
        {
            return new AutodiscoverAnswer(Failure: $"the answer is no XML ({e.Message})");
        }

        return root.Name.LocalName switch
        {
            "Autodiscover" => ReadPox(root.Child("Response")),
            "Envelope" => ReadSoap(root.Child("Body")),
            var other => new AutodiscoverAnswer(Failure: $"the answer is a {other}"),
        };
    }

    private static AutodiscoverAnswer ReadPox(XElement? response)
    {
        if (response.Child("Error") is { } error)
            return new AutodiscoverAnswer(Failure: $"error {error.Child("ErrorCode")?.Value}: {error.Child("Message")?.Value}");
        XElement? account = response.Child("Account");
        switch (account.Child("Action")?.Value.Trim().ToUpperInvariant())
        {
            case "REDIRECTADDR" when account.Child("RedirectAddr")?.Value.Trim() is { Length: > 0 } address:
                return new AutodiscoverAnswer(RedirectAddress: address);
            case "REDIRECTURL" when Address(account.Child("RedirectUrl")?.Value) is { } url:
                return new AutodiscoverAnswer(RedirectUrl: url);
        }

        ILookup<string, Uri> found = account.Children("Protocol")
            .Select(p => (Type: p.Child("Type")?.Value.Trim().ToUpperInvariant() ?? string.Empty, Url: Address(p.Child("EwsUrl")?.Value ?? p.Child("ASUrl")?.Value)))
            .Where(p => p.Url is not null)
            .ToLookup(p => p.Type, p => p.Url!);
        Uri? best = found["EXPR"].Concat(found["EXHTTP"]).Concat(found["EXCH"]).FirstOrDefault();
        return best is null ? new AutodiscoverAnswer(Failure: "the answer names no https address of Exchange Web Services") : new AutodiscoverAnswer(best);
    }

    private static AutodiscoverAnswer ReadSoap(XElement? body)
    {
        if (body.Child("Fault") is { } fault)
            return new AutodiscoverAnswer(Failure: $"fault: {fault.Child("faultstring")?.Value ?? fault.Child("Reason")?.Value}");
        XElement? response = body?.Elements().FirstOrDefault().Child("Response");
        XElement? user = response.Child("UserResponses").Child("UserResponse");
        string overall = response.Child("ErrorCode")?.Value.Trim() ?? "no answer";
        string code = user.Child("ErrorCode")?.Value.Trim() ?? overall;
        string target = user.Child("RedirectTarget")?.Value.Trim() ?? string.Empty;
        if (code == "RedirectAddress" && target.Length > 0)
            return new AutodiscoverAnswer(RedirectAddress: target);
        if (code == "RedirectUrl" && Address(target) is { } url)
            return new AutodiscoverAnswer(RedirectUrl: url);
        if (overall != "NoError" || code != "NoError")
        {
            string words = (user.Child("ErrorMessage") ?? response.Child("ErrorMessage"))?.Value.Trim() ?? string.Empty;
            return new AutodiscoverAnswer(Failure: $"{(overall != "NoError" ? overall : code)}: {words}");
        }

        Dictionary<string, Uri> settings = [];
        foreach (XElement setting in user.Child("UserSettings").Children("UserSetting"))
        {
            if (setting.Child("Name")?.Value.Trim() is { Length: > 0 } name && Address(setting.Child("Value")?.Value) is { } value)
                settings[name] = value;
        }

        return (settings.GetValueOrDefault("ExternalEwsUrl") ?? settings.GetValueOrDefault("InternalEwsUrl")) is { } ews
            ? new AutodiscoverAnswer(ews)
            : new AutodiscoverAnswer(Failure: "the answer names no https address of Exchange Web Services");
    }

    private static Uri? Address(string? text) => Uri.TryCreate(text?.Trim(), UriKind.Absolute, out Uri? url) && url.Scheme == Uri.UriSchemeHttps ? url : null;
}

using System.Globalization;
using System.Text;
using System.Xml.Linq;
using EmailRouter.Crm.Organization.Soap;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.CrmService;

/// <summary>
/// Gets the tickets by which an internet-facing deployment (IFD) of CRM 4.0 logs in: its CrmDiscoveryService takes user name and password and gives a ticket
/// that stands in the header of each request ("Web Form (IFD) Authentication", SDK of Dynamics CRM 4.0).
/// </summary>
/// <remarks>Safe for use by many at once; they share the ticket.</remarks>
/// <param name="endpoint">Where the deployment is.</param>
/// <param name="login">The user; its name is <c>DOMAIN\user</c>.</param>
/// <param name="organization">The organization's name.</param>
internal sealed class CrmTickets(CrmEndpoint endpoint, CrmPassword login, string organization) : IDisposable
{
    private const string Services = "/MSCRMServices/";
    private const string Service = Services + "2007/SPLA/CrmDiscoveryService.asmx";
    private const string Discovery = "http://schemas.microsoft.com/crm/2007/CrmDiscoveryService";
    private const string ListWhat = "the user's organizations";
    private const string TicketWhat = "a ticket";
    private const string NotInternetFacing =
        "Check the address. If the server is no internet-facing deployment, remove the option logIn, so that the log-in is Windows'.";

    // What remains of a ticket when the next is got: so much, or a tenth of its life.
    private static readonly TimeSpan margin = TimeSpan.FromMinutes(5);

    // For so long a refused password is not sent again: requests that fail one after the other would lock the account.
    private static readonly TimeSpan refusalAge = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim getting = new(1, 1);
    private volatile CrmTicket? current;
    private bool isMember;
    private CrmException? refusal;
    private DateTimeOffset refusedOn;

    /// <summary>Gets the ticket in use; null before the first.</summary>
    public CrmTicket? Current => current;

    /// <summary>Gets a ticket.</summary>
    /// <param name="http">What carries requests.</param>
    /// <param name="refused">A ticket that the server no longer takes; null for none.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The ticket there is, or another when that ends soon or is the refused one.</returns>
    /// <exception cref="CrmException"><c>CrmLoginRefused</c>, <c>CrmOrganizationUnknown</c>, <c>CrmNotSupported</c>: the server has no such service; or it
    /// cannot be reached.</exception>
    public async ValueTask<CrmTicket> GetAsync(CrmHttp http, SoapLogin? refused, CancellationToken cancellationToken)
    {
        if (Usable(http, refused) is { } ready)
            return ready;
        await getting.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (Usable(http, refused) is { } meanwhile)
                return meanwhile;
            if (refusal is { } known && http.Clock.GetUtcNow() - refusedOn < refusalAge)
                throw new CrmException(known.ErrorId, known.Message, known.Remedy, known) { IsTransient = known.IsTransient };
            return current = await RetrieveAsync(http, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            getting.Release();
        }
    }

    /// <summary>Takes password and ticket out of a server's words.</summary>
    /// <param name="text">The words.</param>
    /// <returns>The words without them.</returns>
    public string Mask(string text)
    {
        foreach (string? secret in new[] { login.Secret, current?.Text })
        {
            if (!string.IsNullOrEmpty(secret))
                text = text.Replace(secret, "***", StringComparison.Ordinal);
        }

        return text;
    }

    /// <inheritdoc/>
    public void Dispose() => getting.Dispose();

    private CrmTicket? Usable(CrmHttp http, SoapLogin? refused) =>
        current is { } known && !ReferenceEquals(known, refused) && http.Clock.GetUtcNow() < known.RenewOn ? known : null;

    private async ValueTask<CrmTicket> RetrieveAsync(CrmHttp http, CancellationToken cancellationToken)
    {
        if (!isMember)
        {
            // The list tells a wrong name from a wrong password, for which documentation names no codes.
            (XElement list, _) = await AskAsync(http, "RetrieveOrganizationsRequest", ListWhat, [], cancellationToken).ConfigureAwait(false);
            string[] names = [.. list.Descendants().Where(e => e.Name.LocalName == "OrganizationName").Select(e => e.Value.Trim())];
            if (!names.Contains(organization, StringComparer.OrdinalIgnoreCase))
            {
                throw new CrmException(
                    "CrmOrganizationUnknown",
                    $"{http.Server} knows no organization {organization} of {login.UserName}; " +
                    (names.Length == 0 ? "it has none for this user." : $"it has {FaultTable.Cut(string.Join(", ", names))}."),
                    "Correct the organization's name in the deployment (its unique name, not the one shown), or make the user one of the organization.");
            }

            isMember = true;
        }

        (XElement answer, DateTimeOffset? date) = await AskAsync(
            http, "RetrieveCrmTicketRequest", TicketWhat, [new XElement(XName.Get("OrganizationName", Discovery), OrganizationRequest.Clean(organization))],
            cancellationToken).ConfigureAwait(false);
        string text = answer.Child("CrmTicket")?.Value.Trim() ?? string.Empty;
        if (text.Length == 0)
            throw AnswerErrors.Unreadable(TicketWhat, "it has no CrmTicket");
        DateTimeOffset now = http.Clock.GetUtcNow();
        return new CrmTicket(text, RenewOn(answer.Child("ExpirationDate")?.Value, now, date ?? now))
        {
            Address = AddressOf(answer.Child("OrganizationDetail")?.Child("CrmServiceUrl")?.Value.Trim()),
        };
    }

    /// <summary>
    /// When to get the next. How long the ticket is good for is measured on the server's clock. The form of the date is not documented; a ticket whose end
    /// cannot be read, or is past when it comes, is used until it is refused.
    /// </summary>
    private static DateTimeOffset RenewOn(string? expires, DateTimeOffset now, DateTimeOffset serverNow)
    {
        const DateTimeStyles form = DateTimeStyles.AssumeUniversal | DateTimeStyles.AllowWhiteSpaces;
        if (!DateTimeOffset.TryParse(expires, CultureInfo.InvariantCulture, form, out DateTimeOffset end) || end <= serverNow)
            return DateTimeOffset.MaxValue;
        TimeSpan life = end - serverNow;
        TimeSpan used = life - (life / 10 < margin ? life / 10 : margin);
        return used < DateTimeOffset.MaxValue - now ? now + used : DateTimeOffset.MaxValue;
    }

    /// <summary>The service's address as the server names it, unless the deployment names the service itself, or TLS would be given up.</summary>
    private Uri? AddressOf(string? named) =>
        !endpoint.Url.AbsolutePath.Contains("CrmService.asmx", StringComparison.OrdinalIgnoreCase) &&
        Uri.TryCreate(named, UriKind.Absolute, out Uri? address) &&
        (address.Scheme == Uri.UriSchemeHttps || (address.Scheme == Uri.UriSchemeHttp && endpoint.Url.Scheme == Uri.UriSchemeHttp)) ? address : null;

    private Uri DiscoveryAddress()
    {
        string path = endpoint.Url.AbsolutePath.TrimEnd('/');
        int services = path.IndexOf(Services, StringComparison.OrdinalIgnoreCase);
        if (services >= 0)
            path = path[..services];
        else if (path.EndsWith("/" + Uri.EscapeDataString(organization), StringComparison.OrdinalIgnoreCase))
            path = path[..path.LastIndexOf('/')];
        return new UriBuilder(endpoint.Url) { Path = path + Service, Query = string.Empty, Fragment = string.Empty }.Uri;
    }

    private async ValueTask<(XElement Answer, DateTimeOffset? Date)> AskAsync(
        CrmHttp http, string type, string what, XElement[] parameters, CancellationToken cancellationToken)
    {
        byte[] envelope = Envelope(type, parameters);
        var call = new CrmCall(
            HttpMethod.Post,
            DiscoveryAddress(),
            what,
            () => new WrittenContent((stream, stop) => stream.WriteAsync(envelope, stop).AsTask(), "text/xml; charset=utf-8"),
            [("SOAPAction", $"\"{Discovery}/Execute\""), ("Accept", "text/xml")],
            IsRepeatable: true)
        {
            Note = $" ({type})",
        };
        XElement body;
        DateTimeOffset? date;
        try
        {
            (body, date) = await http.ExchangeAsync(
                call,
                null,
                async (response, stop) =>
                {
                    var answer = CrmAnswer.From(response, await CrmHttp.ReadAsync(response, what, stop).ConfigureAwait(false), http.Clock);
                    return (SoapBody.Read(answer, what, http.Server), answer.Date);
                },
                cancellationToken).ConfigureAwait(false);
        }
        catch (CrmException e) when (e.ErrorId is "CrmNotFound" or "CrmRedirected" or "CrmWebPage" or "CrmNotSupported")
        {
            throw new CrmException("CrmNotSupported", $"{http.Server} gives no tickets for internet-facing deployments. {e.Message}", NotInternetFacing, e);
        }
        catch (CrmException e) when (e.ErrorId == "CrmLoginRefused")
        {
            // Refused before the service was asked: its folder has to be open, since the ticket is what logs in.
            throw new CrmException(
                e.ErrorId, e.Message,
                $"Let the web server take requests to {call.Address.AbsolutePath} without a log-in (anonymous), or check the credential of the deployment.", e);
        }

        if (body.Name.LocalName == "Fault")
        {
            refusedOn = http.Clock.GetUtcNow();
            throw refusal = Refused(CrmServiceDialect.FaultOf(body), what, http.Server);
        }

        return (body.Child("Response") ?? throw AnswerErrors.Unreadable(what, $"it is {body.Name.LocalName} and has no Response"), date);
    }

    private byte[] Envelope(string type, XElement[] parameters)
    {
        XNamespace soap = SoapNames.Envelope, own = Discovery, instance = SoapNames.Instance;
        var envelope = new XElement(
            soap + "Envelope",
            new XAttribute(XNamespace.Xmlns + "soap", soap),
            new XAttribute(XNamespace.Xmlns + "xsi", instance),
            new XElement(
                soap + "Body",
                new XElement(
                    own + "Execute",
                    new XAttribute("xmlns", Discovery),
                    new XElement(
                        own + "Request",
                        new XAttribute(instance + "type", type),
                        parameters,
                        new XElement(own + "UserId", OrganizationRequest.Clean(login.UserName)),
                        new XElement(own + "Password", OrganizationRequest.Clean(login.Secret))))));
        return Encoding.UTF8.GetBytes(envelope.ToString(SaveOptions.DisableFormatting));
    }

    private CrmException Refused(ServerFault fault, string what, string server)
    {
        fault = fault with { Message = Mask(fault.Message) };
        CrmException error = FaultTable.Explain(fault, what, server);
        return error.ErrorId is "CrmUserDisabled" or "CrmUserUnknown" or "CrmOrganizationReadOnly"
            ? error
            : new CrmException(
                "CrmLoginRefused",
                $"{server} refused the log-in ({login}): {FaultTable.Cut(fault.Message)}{(fault.Code == 0 ? string.Empty : $" (0x{fault.Code:X8})")}",
                "Check user name (as DOMAIN\\user) and password of the deployment, and that the user exists in the organization and is enabled.");
    }
}

/// <summary>A ticket.</summary>
/// <param name="text">What the server gave; a secret.</param>
/// <param name="renewOn">When the next is got.</param>
internal sealed class CrmTicket(string text, DateTimeOffset renewOn) : SoapLogin
{
    /// <summary>Gets what stands in the headers; a secret.</summary>
    public string Text { get; } = text;

    /// <summary>Gets when the next is got, though it is not refused.</summary>
    public DateTimeOffset RenewOn { get; } = renewOn;
}

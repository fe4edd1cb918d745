using System.Net;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using EmailRouter.Lab.Dataverse.Rows;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.OData;
using static EmailRouter.Lab.Organization.OrganizationXml;

namespace EmailRouter.Lab.Organization;

/// <summary>
/// The address of Organization.svc, with or without the organization's name before it: its description, and the endpoint <c>/web</c> (SOAP 1.1, with
/// log-ins by HTTP). <see cref="ClaimsEndpoint"/> is the one that takes tokens.
/// </summary>
internal static class OrganizationEndpoint
{
    private const string MediaType = "text/xml; charset=utf-8";

    /// <summary>Says whether a request is for Organization.svc.</summary>
    /// <param name="request">The request.</param>
    /// <param name="organization">The organization's name before the service, encoded; null for none.</param>
    /// <returns>True when it is.</returns>
    public static bool Takes(LabHttpRequest request, out string? organization)
    {
        organization = request.Path.Split('/', StringSplitOptions.RemoveEmptyEntries) is [var first, ..] && !first.Equals("XRMServices", StringComparison.OrdinalIgnoreCase) ? first : null;
        return Locate(request) is not null;
    }

    /// <summary>Names the kind of a request: the operation, and the message of an Execute.</summary>
    public static string KindOf(LabHttpRequest request) =>
        request.Method == "POST" ? request.Header("SOAPAction").Trim('"').Split('/')[^1] : $"{request.Method} Organization.svc";

    /// <summary>Answers what needs no log-in: the description, and what the endpoint does not take.</summary>
    /// <param name="request">The request.</param>
    /// <param name="tokenService">Where the token service of a claims-based deployment describes itself; null for another log-in.</param>
    /// <returns>The answer; null for an operation.</returns>
    public static LabHttpAnswer? AnswerAnybody(LabHttpRequest request, Uri? tokenService)
    {
        (string service, bool isWeb) = Locate(request)!.Value;
        if (request.Method == "GET")
        {
            return ServiceDescription.Answer(request, service, tokenService) ?? LabHttpAnswer.OfText(
                200,
                $"<html><head><title>OrganizationService Service</title></head><body><p>You have created a service.</p><pre>{service}?wsdl</pre></body></html>",
                "text/html; charset=utf-8");
        }

        if (request.Method != "POST")
            return LabHttpAnswer.OfText(405, "The service takes POST alone.");
        if (!isWeb)
        {
            return tokenService is not null ? null
                : LabHttpAnswer.OfText(400, "The endpoint without /web takes messages with WS-Security, and only of a claims-based deployment in the lab.");
        }

        return request.MediaType == "text/xml" ? null
            : LabHttpAnswer.OfText(
                415, $"Cannot process the message because the content type '{request.Header("Content-Type")}' was not the expected type '{MediaType}'.");
    }

    /// <summary>Says whether a request is for the endpoint <c>/web</c>.</summary>
    public static bool IsWeb(LabHttpRequest request) => Locate(request)!.Value.IsWeb;

    /// <summary>Reads the envelope of a request.</summary>
    /// <returns>In whose name it is made, the operation, and what of it the service does not read; null when it is no envelope.</returns>
    /// <exception cref="SoapFault">It holds what the service cannot read.</exception>
    public static (Guid? Caller, XElement Operation, IReadOnlyList<string> Skipped)? Open(LabHttpRequest request)
    {
        if (Parse(request) is not { } envelope || OperationOf(envelope) is not { } operation)
            return null;
        if (request.Header("SOAPAction").Trim('"') is { Length: > 0 } action &&
            action != $"{Services.NamespaceName}/IOrganizationService/{operation.Name.LocalName}")
            throw SoapFault.NoAction(XName.Get(action.Split('/')[^1], Services.NamespaceName));
        var reading = new ContractReader();
        reading.Read(operation);
        string? caller = envelope.Element(Envelope + "Header")?.Element(Contracts + "CallerId")?.Value;
        return (Guid.TryParse(caller, out Guid id) && id != Guid.Empty ? id : null, operation, reading.Skipped);
    }

    /// <summary>Reads the operation of a request to a service like this one.</summary>
    /// <exception cref="ODataException">The request is no envelope.</exception>
    public static XElement OperationOf(LabHttpRequest request) =>
        Parse(request) is { } envelope && OperationOf(envelope) is { } operation ? operation : throw FetchReader.Invalid("The request is no envelope.");

    /// <summary>Makes the answer of an operation.</summary>
    public static LabHttpAnswer Answer(XElement response) => Enclose(200, response);

    /// <summary>Makes the answer to a request that is no envelope.</summary>
    public static LabHttpAnswer BadRequest() => LabHttpAnswer.OfText(400, string.Empty);

    /// <summary>Answers an error of the organization: a fault with its code.</summary>
    public static LabHttpAnswer Fault(ODataException error, DateTimeOffset now) => Enclose(500, new XElement(
        Envelope + "Fault",
        new XElement("faultcode", "s:Client"),
        Words(error.Message),
        new XElement("detail", OrganizationRequests.FaultOf(Contracts + "OrganizationServiceFault", error, now))));

    /// <summary>Answers a fault of the service's framework.</summary>
    public static LabHttpAnswer Fault(SoapFault fault) => Enclose(500, new XElement(
        Envelope + "Fault",
        new XElement("faultcode", new XAttribute(XNamespace.Xmlns + "a", fault.Codes.NamespaceName), "a:" + fault.Code),
        Words(fault.Message)));

    /// <summary>Refuses a request before anybody looks at it.</summary>
    /// <param name="status">The status: 429 and 500 are faults, others the web server's.</param>
    /// <param name="message">Why.</param>
    /// <param name="retryAfter">How long to wait; null for nothing said.</param>
    /// <param name="now">The time.</param>
    public static LabHttpAnswer Refuse(int status, string message, TimeSpan? retryAfter, DateTimeOffset now) => status switch
    {
        429 => Fault(new ODataException((HttpStatusCode)429, "0x80072322", message) { RetryAfter = retryAfter }, now),
        500 => Fault(new ODataException(HttpStatusCode.InternalServerError, "0x80040216", message), now),
        _ => LabHttpAnswer.OfText(
            status,
            $"<html><body><h2>{(HttpStatusCode)status}</h2><p>{WebUtility.HtmlEncode(message)}</p></body></html>",
            "text/html; charset=utf-8"),
    };

    private static XElement? Parse(LabHttpRequest request)
    {
        try
        {
            using var stream = new MemoryStream(request.Body.ToArray(), writable: false);
            using var reader = XmlReader.Create(stream, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
            return XElement.Load(reader);
        }
        catch (XmlException)
        {
            return null;
        }
    }

    private static XElement? OperationOf(XElement envelope) =>
        envelope.Name == Envelope + "Envelope" ? envelope.Element(Envelope + "Body")?.Elements().FirstOrDefault() : null;

    private static XElement Words(string text) => new("faultstring", new XAttribute(XNamespace.Xml + "lang", "en-US"), text);

    /// <summary>Finds the service's address as the client names it, and whether the request is for its endpoint.</summary>
    private static (string Service, bool IsWeb)? Locate(LabHttpRequest request)
    {
        string[] segments = request.Path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        int at = Array.FindIndex(segments, s => s.Equals("XRMServices", StringComparison.OrdinalIgnoreCase));
        return at is 0 or 1 && segments[(at + 1)..] is ["2011", var service, .. var rest] &&
            service.Equals("Organization.svc", StringComparison.OrdinalIgnoreCase) &&
            (rest.Length == 0 || (rest.Length == 1 && rest[0].Equals("web", StringComparison.OrdinalIgnoreCase)))
                ? ($"{request.BaseUrl}/{string.Join('/', segments.Take(at + 3))}", rest.Length == 1)
                : null;
    }

    private static LabHttpAnswer Enclose(int status, XElement body)
    {
        var envelope = new XElement(
            Envelope + "Envelope",
            new XAttribute(XNamespace.Xmlns + "s", Envelope.NamespaceName),
            new XElement(Envelope + "Body", body));
        var settings = new XmlWriterSettings { Encoding = new UTF8Encoding(false), CheckCharacters = false };
        using var stream = new MemoryStream();
        using (var xml = XmlWriter.Create(stream, settings))
            envelope.Save(xml);
        return LabHttpAnswer.OfBytes(status, stream.ToArray(), MediaType);
    }
}

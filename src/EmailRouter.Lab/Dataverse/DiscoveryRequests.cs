using System.Net;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using EmailRouter.Crm;
using EmailRouter.Lab.Dataverse.Messages;
using EmailRouter.Lab.Dataverse.Rows;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.OData;
using EmailRouter.Lab.Organization;

namespace EmailRouter.Lab.Dataverse;

/// <summary>
/// Discovery: which organizations the user belongs to. By the Web API (<c>api/discovery/v9.x/Instances</c>, and v2.0 as the global discovery service has it)
/// and by Discovery.svc (SOAP 1.1), as servers on premises have it. Here there is one organization.
/// </summary>
/// <param name="settings">The organization.</param>
/// <param name="url">The address of its pages, with a slash at the end.</param>
/// <param name="urlName">Its name in addresses.</param>
internal sealed class DiscoveryRequests(OrganizationSettings settings, string url, string urlName)
{
    private static readonly XNamespace discovery = "http://schemas.microsoft.com/xrm/2011/Contracts/Discovery";

    /// <summary>Tells whether a request is for the discovery of the Web API.</summary>
    public static bool IsWebApi(LabHttpRequest request) => request.Path.Split('/', StringSplitOptions.RemoveEmptyEntries) is
        ["api", "discovery", "v2.0" or "v8.0" or "v8.1" or "v8.2" or "v9.0" or "v9.1" or "v9.2", var instances] &&
        instances.StartsWith("Instances", StringComparison.OrdinalIgnoreCase);

    /// <summary>Tells whether a request is for Discovery.svc.</summary>
    public static bool IsSoap(LabHttpRequest request) =>
        request.Path.Split('/', StringSplitOptions.RemoveEmptyEntries) is [var services, "2011", var service, ..] segments &&
        segments.Length is 3 or 4 && (segments.Length == 3 || segments[3] == "web") &&
        services.Equals("XRMServices", StringComparison.OrdinalIgnoreCase) && service.Equals("Discovery.svc", StringComparison.OrdinalIgnoreCase);

    /// <summary>Answers with the list of organizations, or with the one that the address names in brackets.</summary>
    public LabHttpAnswer List(LabHttpRequest request)
    {
        if (request.Method != "GET")
            throw ODataException.Method(request.Method);
        string context = $"{request.BaseUrl}{request.Path.Split('(')[0].Replace("/Instances", "/$metadata#Instances", StringComparison.OrdinalIgnoreCase)}";
        string name = Uri.UnescapeDataString(request.Path);
        if (name.IndexOf('(', StringComparison.Ordinal) is not (var bracket and > 0))
            return Json(new JsonObject { ["@odata.context"] = context, ["value"] = new JsonArray(Describe(new JsonObject())) });
        bool isKnown = name.EndsWith($"(UniqueName='{settings.Name}')", StringComparison.OrdinalIgnoreCase) ||
            name.EndsWith($"({settings.OrganizationId})", StringComparison.OrdinalIgnoreCase);
        return isKnown ? Json(Describe(new JsonObject { ["@odata.context"] = context + "/$entity" })) : throw ODataException.NoSegment(name[bracket..]);
    }

    /// <summary>Answers RetrieveOrganizations and RetrieveOrganization.</summary>
    public LabHttpAnswer Execute(XElement operation)
    {
        XElement asked = operation.Child("request") ?? throw FetchReader.Invalid("The request is missing.");
        string type = asked.TypeName();
        switch (type)
        {
            case "RetrieveOrganizationsRequest":
                return Respond("RetrieveOrganizationsResponse", new XElement(discovery + "Details", Detail("OrganizationDetail")));
            case "RetrieveOrganizationRequest":
                string? name = asked.Child("UniqueName")?.Value;
                if (!string.Equals(name, settings.Name, StringComparison.OrdinalIgnoreCase))
                    throw new ODataException(HttpStatusCode.NotFound, "0x8004a101", $"The organization {name} does not exist or you have no access to it.");
                return Respond("RetrieveOrganizationResponse", Detail("Detail"));
            default:
                throw new ODataException(HttpStatusCode.NotImplemented, "0x80040203", $"The lab's Discovery.svc has no {type}.");
        }
    }

    private static LabHttpAnswer Json(JsonObject json) => LabHttpAnswer.OfJson(200, json, "application/json; odata.metadata=minimal");

    private JsonObject Describe(JsonObject row)
    {
        row["Id"] = settings.OrganizationId.ToString();
        row["UniqueName"] = settings.Name;
        row["UrlName"] = urlName;
        row["FriendlyName"] = settings.Name;
        row["State"] = 0;
        row["Version"] = RowMessages.Version;
        row["Url"] = url;
        row["ApiUrl"] = url;
        return row;
    }

    private static LabHttpAnswer Respond(string type, XElement content) => OrganizationEndpoint.Answer(new XElement(
        discovery + "ExecuteResponse",
        new XElement(
            discovery + "ExecuteResult",
            new XAttribute(XNamespace.Xmlns + "i", OrganizationXml.Instance.NamespaceName),
            new XAttribute(OrganizationXml.Instance + "type", type),
            content)));

    /// <summary>Describes the organization: its elements in the order of the contract.</summary>
    private XElement Detail(string element)
    {
        XElement Endpoint(string key, string path) => new(
            discovery + "KeyValuePairOfEndpointTypestringztYlk6OT",
            new XElement(OrganizationXml.Collections + "key", key),
            new XElement(OrganizationXml.Collections + "value", url + path));
        return new XElement(
            discovery + element,
            new XElement(
                discovery + "Endpoints",
                new XAttribute(XNamespace.Xmlns + "b", OrganizationXml.Collections.NamespaceName),
                Endpoint("OrganizationService", "XRMServices/2011/Organization.svc"),
                Endpoint("OrganizationDataService", "XRMServices/2011/OrganizationData.svc"),
                Endpoint("WebApplication", string.Empty)),
            new XElement(discovery + "FriendlyName", settings.Name),
            new XElement(discovery + "OrganizationId", settings.OrganizationId.ToString("D")),
            new XElement(discovery + "OrganizationVersion", RowMessages.Version),
            new XElement(discovery + "State", "Enabled"),
            new XElement(discovery + "UniqueName", settings.Name),
            new XElement(discovery + "UrlName", urlName));
    }
}

using System.Text;
using System.Xml.Linq;
using EmailRouter.Crm.Organization.Soap;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse.WebApi;

/// <summary>
/// Discovery.svc, by which servers on premises tell the organizations a user belongs to (<c>IDiscoveryService</c>, RetrieveOrganizations), at its endpoint for
/// SOAP 1.1. Online it is gone, and the global discovery service has its place.
/// </summary>
internal static class DiscoveryService
{
    /// <summary>The SOAP action.</summary>
    public const string Action = Discovery + "/IDiscoveryService/Execute";

    private const string Discovery = "http://schemas.microsoft.com/xrm/2011/Contracts/Discovery";
    private const string Server = "the discovery service";

    /// <summary>Gets the envelope that asks for all organizations of the user who logs in.</summary>
    public static byte[] Envelope { get; } = Encoding.UTF8.GetBytes(
        $"<s:Envelope xmlns:s=\"{SoapNames.Envelope}\"><s:Body><Execute xmlns=\"{Discovery}\">" +
        $"<request i:type=\"RetrieveOrganizationsRequest\" xmlns:i=\"{SoapNames.Instance}\">" +
        "<AccessType>Default</AccessType><Release>Current</Release></request></Execute></s:Body></s:Envelope>");

    /// <summary>Gives the service's address.</summary>
    /// <param name="server">Any address of the server.</param>
    /// <returns>The address.</returns>
    public static Uri At(Uri server) => new(server, "/XRMServices/2011/Discovery.svc/web");

    /// <summary>Reads the organizations.</summary>
    /// <param name="answer">What the server answered.</param>
    /// <param name="what">What was asked for, in words.</param>
    /// <returns>Unique names, names in addresses, and the addresses of the organizations; null when the server has no such service or answers with a
    /// fault.</returns>
    public static List<(string Name, Uri Url)>? Read(CrmAnswer answer, string what)
    {
        if (!answer.IsSuccess || answer.IsWebPage)
            return null;
        var found = new List<(string Name, Uri Url)>();
        foreach (XElement organization in SoapBody.Read(answer, what, Server).Descendants().Where(e => e.Name.LocalName == "OrganizationDetail"))
        {
            string? address = organization.Child("Endpoints")?.Elements().FirstOrDefault(e => e.Child("key")?.Value == "WebApplication")?.Child("value")?.Value;
            if (!Uri.TryCreate(address, UriKind.Absolute, out Uri? url))
                continue;
            IEnumerable<string?> names = [organization.Child("UniqueName")?.Value, organization.Child("UrlName")?.Value];
            found.AddRange(names.OfType<string>().Distinct(StringComparer.OrdinalIgnoreCase).Select(n => (n, url)));
        }

        return found;
    }
}

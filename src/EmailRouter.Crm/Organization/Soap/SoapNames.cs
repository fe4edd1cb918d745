using System.Xml.Linq;

namespace EmailRouter.Crm.Organization.Soap;

/// <summary>The namespaces of Organization.svc ("Use the Organization service", SDK of Dynamics CRM 2011 to 2016).</summary>
internal static class SoapNames
{
    /// <summary>SOAP 1.1.</summary>
    public const string Envelope = "http://schemas.xmlsoap.org/soap/envelope/";

    /// <summary>The operations.</summary>
    public const string Services = "http://schemas.microsoft.com/xrm/2011/Contracts/Services";

    /// <summary>The data.</summary>
    public const string Contracts = "http://schemas.microsoft.com/xrm/2011/Contracts";

    /// <summary>Data that came with Update Rollup 12 of CRM 2011: several requests in one.</summary>
    public const string Contracts2012 = "http://schemas.microsoft.com/xrm/2012/Contracts";

    /// <summary>Definitions of tables.</summary>
    public const string Metadata = "http://schemas.microsoft.com/xrm/2011/Metadata";

    /// <summary>Names with values.</summary>
    public const string Collections = "http://schemas.datacontract.org/2004/07/System.Collections.Generic";

    /// <summary>Lists of values.</summary>
    public const string Arrays = "http://schemas.microsoft.com/2003/10/Serialization/Arrays";

    /// <summary>Types without one in XML Schema, such as GUIDs.</summary>
    public const string Serialization = "http://schemas.microsoft.com/2003/10/Serialization/";

    /// <summary>Types and nil.</summary>
    public const string Instance = "http://www.w3.org/2001/XMLSchema-instance";

    /// <summary>XML Schema.</summary>
    public const string Schema = "http://www.w3.org/2001/XMLSchema";

    /// <summary>Finds a child whatever its namespace: servers of different versions disagree about some.</summary>
    /// <param name="element">The parent.</param>
    /// <param name="localName">The child's name.</param>
    /// <returns>The child; null for none.</returns>
    public static XElement? Child(this XElement element, string localName) => element.Elements().FirstOrDefault(e => e.Name.LocalName == localName);

    /// <summary>Says whether an element stands for null.</summary>
    /// <param name="element">The element.</param>
    /// <returns>True for null.</returns>
    public static bool IsNil(this XElement element) => (string?)element.Attribute(XName.Get("nil", Instance)) is "true" or "1";

    /// <summary>Gets the type an element names, without its prefix.</summary>
    /// <param name="element">The element.</param>
    /// <returns>The type; empty when it names none.</returns>
    public static string TypeName(this XElement element) => ((string?)element.Attribute(XName.Get("type", Instance)) ?? string.Empty).Split(':')[^1];
}

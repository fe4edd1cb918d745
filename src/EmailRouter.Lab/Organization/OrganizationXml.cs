using System.Globalization;
using System.Xml.Linq;

namespace EmailRouter.Lab.Organization;

/// <summary>The namespaces of Organization.svc and its typed values (Organization service SOAP 1.1, <c>IOrganizationService</c>).</summary>
internal static class OrganizationXml
{
    public static readonly XNamespace Envelope = "http://schemas.xmlsoap.org/soap/envelope/";
    public static readonly XNamespace Services = "http://schemas.microsoft.com/xrm/2011/Contracts/Services";
    public static readonly XNamespace Contracts = "http://schemas.microsoft.com/xrm/2011/Contracts";
    public static readonly XNamespace Contracts2012 = "http://schemas.microsoft.com/xrm/2012/Contracts";
    public static readonly XNamespace Messages = "http://schemas.microsoft.com/crm/2011/Contracts";
    public static readonly XNamespace Metadata = "http://schemas.microsoft.com/xrm/2011/Metadata";
    public static readonly XNamespace Collections = "http://schemas.datacontract.org/2004/07/System.Collections.Generic";
    public static readonly XNamespace Arrays = "http://schemas.microsoft.com/2003/10/Serialization/Arrays";
    public static readonly XNamespace Serialization = "http://schemas.microsoft.com/2003/10/Serialization/";
    public static readonly XNamespace Instance = "http://www.w3.org/2001/XMLSchema-instance";
    public static readonly XNamespace Schema = "http://www.w3.org/2001/XMLSchema";

    /// <summary>Finds a child by its local name.</summary>
    public static XElement? Child(this XElement element, string name) => element.Elements().FirstOrDefault(e => e.Name.LocalName == name);

    /// <summary>Tells whether an element is marked as null.</summary>
    public static bool IsNil(this XElement element) => (string?)element.Attribute(Instance + "nil") is "true" or "1";

    /// <summary>Gets the local name of a value's type; empty where it names none.</summary>
    public static string TypeName(this XElement element) => ((string?)element.Attribute(Instance + "type") ?? string.Empty).Split(':')[^1];

    /// <summary>Makes a value of a type: <c>value</c> with i:type, and the prefix of the type declared on it.</summary>
    public static XElement Value(XNamespace types, string type, params object?[] content) => new(
        Collections + "value",
        new XAttribute(XNamespace.Xmlns + "t", types.NamespaceName),
        new XAttribute(Instance + "type", "t:" + type),
        content);

    /// <summary>Makes a pair of a dictionary with values of any type.</summary>
    public static XElement Pair(string key, XElement value) => new(Contracts + "KeyValuePairOfstringanyType", new XElement(Collections + "key", key), value);

    /// <summary>Makes the value of a number, flag, time, id or text.</summary>
    public static XElement Simple(object value) => value switch
    {
        string text => Value(Schema, "string", text),
        bool flag => Value(Schema, "boolean", flag ? "true" : "false"),
        int number => Value(Schema, "int", number.ToString(CultureInfo.InvariantCulture)),
        long number => Value(Schema, "long", number.ToString(CultureInfo.InvariantCulture)),
        Guid id => Value(Serialization, "guid", id.ToString("D")),
        DateTimeOffset time => Value(Schema, "dateTime", time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)),
        _ => Value(Schema, "string", Convert.ToString(value, CultureInfo.InvariantCulture)),
    };

    /// <summary>Makes an element that is null.</summary>
    public static XElement Nil(XName name) => new(name, new XAttribute(Instance + "nil", "true"));
}

using System.Xml;
using System.Xml.Linq;
using System.Xml.Schema;
using static EmailRouter.Lab.Organization.OrganizationXml;

namespace EmailRouter.Lab.Organization;

/// <summary>
/// Reads requests as the service's serializer of data contracts does: an element that has no place where it stands, for its name or for the order, is
/// skipped without a word; a value or a type that cannot be is refused.
/// </summary>
internal sealed class ContractReader
{
    private static readonly XmlSchemaSet schemas = ServiceDescription.Schemas;
    private static readonly XmlQualifiedName anyType = new("anyType", Schema.NamespaceName);

    private readonly List<string> skipped = [];

    /// <summary>Gets the elements that were skipped, each with its parent.</summary>
    public IReadOnlyList<string> Skipped => skipped;

    /// <summary>Takes out of an operation what the service does not read.</summary>
    /// <param name="operation">The operation; changed.</param>
    /// <exception cref="SoapFault">There is no such operation, or a value or a type cannot be.</exception>
    public void Read(XElement operation)
    {
        if (schemas.GlobalElements[new XmlQualifiedName(operation.Name.LocalName, operation.Name.NamespaceName)] is not XmlSchemaElement element ||
            operation.Name.Namespace != Services)
            throw SoapFault.NoAction(operation.Name);
        Read(operation, element.ElementSchemaType!);
    }

    private void Read(XElement element, XmlSchemaType declared)
    {
        if (element.IsNil())
            return;
        XmlSchemaType type = TypeOf(element, declared);
        if (type is XmlSchemaSimpleType { Datatype: { } plain })
        {
            // The server takes ids in braces as well.
            if (type.QualifiedName.Name != "guid" || !Guid.TryParse(element.Value, out _))
                CheckValue(element, plain);
            return;
        }

        if (type is not XmlSchemaComplexType complex || complex.QualifiedName == anyType)
            return;
        List<XmlSchemaElement> places = [];
        Collect(complex.ContentTypeParticle, places);
        int place = 0;
        foreach (XElement child in element.Elements().ToArray())
        {
            int found = places.FindIndex(place, p => p.QualifiedName.Name == child.Name.LocalName && p.QualifiedName.Namespace == child.Name.NamespaceName);
            if (found < 0)
            {
                skipped.Add($"{element.Name.LocalName}/{child.Name.LocalName}");
                child.Remove();
                continue;
            }

            Read(child, places[found].ElementSchemaType!);
            place = places[found].MaxOccurs > 1 ? found : found + 1;
        }
    }

    private static void Collect(XmlSchemaParticle? particle, List<XmlSchemaElement> places)
    {
        if (particle is XmlSchemaElement element)
            places.Add(element);
        else if (particle is XmlSchemaGroupBase group)
        {
            foreach (XmlSchemaParticle part in group.Items.OfType<XmlSchemaParticle>())
                Collect(part, places);
        }
    }

    private static XmlSchemaType TypeOf(XElement element, XmlSchemaType declared)
    {
        if ((string?)element.Attribute(Instance + "type") is not { } text)
            return declared;
        string[] parts = text.Trim().Split(':', 2);
        XNamespace? space = parts.Length == 2 ? element.GetNamespaceOfPrefix(parts[0]) : element.GetDefaultNamespace();
        var name = new XmlQualifiedName(parts[^1], space?.NamespaceName ?? throw SoapFault.Unreadable($"The prefix of the type '{text}' is not declared."));
        if (schemas.GlobalTypes[name] is XmlSchemaType known)
            return known;
        if (name.Namespace == Schema.NamespaceName && XmlSchemaType.GetBuiltInSimpleType(name) is { } simple)
            return simple;

        // The SDK has a type for each request; all of them are written alike.
        return declared.QualifiedName.Name == "OrganizationRequest" && name.Name.EndsWith("Request", StringComparison.Ordinal)
            ? declared
            : throw SoapFault.Unreadable(
                $"Element '{element.Name}' contains data of the '{name.Namespace}:{name.Name}' data contract. " +
                "The deserializer has no knowledge of any type that maps to this contract.");
    }

    private static void CheckValue(XElement element, XmlSchemaDatatype type)
    {
        if (element.HasElements)
            throw SoapFault.Unreadable($"The element '{element.Name.LocalName}' holds elements where a value is to be.");
        try
        {
            type.ParseValue(element.Value, null, null);
        }
        catch (XmlSchemaException e)
        {
            throw SoapFault.Unreadable($"The value '{element.Value}' of '{element.Name.LocalName}' cannot be parsed. {e.Message}");
        }
    }
}

/// <summary>A fault of the service's framework: the request did not come as far as the organization.</summary>
internal sealed class SoapFault : Exception
{
    private SoapFault(string code, XNamespace codes, string message)
        : base(message) => (Code, Codes) = (code, codes);

    /// <summary>Gets the fault code.</summary>
    public string Code { get; }

    /// <summary>Gets the namespace of the fault code.</summary>
    public XNamespace Codes { get; }

    /// <summary>There is no such operation.</summary>
    public static SoapFault NoAction(XName operation) => new(
        "ActionNotSupported",
        "http://schemas.microsoft.com/ws/2005/05/addressing/none",
        $"The message with Action '{operation.NamespaceName}/IOrganizationService/{operation.LocalName}' cannot be processed at the receiver, " +
        "due to a ContractFilter mismatch at the EndpointDispatcher.");

    /// <summary>A value or a type cannot be read.</summary>
    public static SoapFault Unreadable(string why) => new(
        "DeserializationFailed",
        "http://schemas.microsoft.com/net/2005/12/windowscommunicationfoundation/dispatcher",
        $"The formatter threw an exception while trying to deserialize the message: {why}");
}

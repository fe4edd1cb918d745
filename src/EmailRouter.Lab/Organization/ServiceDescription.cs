using System.Text;
using System.Xml;
using System.Xml.Linq;
using System.Xml.Schema;
using EmailRouter.Lab.Http;

namespace EmailRouter.Lab.Organization;

/// <summary>
/// What the service tells of itself: its WSDL 1.1 with the schemas of its data contracts (<c>?wsdl</c> and <c>?xsd=xsd0</c>, or all in one with
/// <c>?singleWsdl</c>). Names, order and nullability of the elements are those of the SDK's contracts.
/// </summary>
internal static class ServiceDescription
{
    private static readonly XNamespace wsdl = "http://schemas.xmlsoap.org/wsdl/";
    private static readonly XNamespace soap = "http://schemas.xmlsoap.org/wsdl/soap/";
    private static readonly XNamespace xs = "http://www.w3.org/2001/XMLSchema";

    private static readonly string[] schemaNames =
    [
        "Services", "Contracts", "Contracts2012", "Messages", "Metadata", "Metadata2013", "MetadataQuery", "Collections", "Arrays", "Serialization",
    ];

    private static readonly Lazy<XElement[]> schemas = new(() => [.. schemaNames.Select(n => Load(n + ".xsd"))]);
    private static readonly Lazy<XmlSchemaSet> compiled = new(Compile);

    /// <summary>Gets the schemas, compiled.</summary>
    public static XmlSchemaSet Schemas => compiled.Value;

    /// <summary>Answers a question for the description.</summary>
    /// <param name="request">The request.</param>
    /// <param name="service">The address of Organization.svc as the client names it.</param>
    /// <param name="tokenService">Where the token service of a claims-based deployment describes itself; null for another log-in.</param>
    /// <returns>The answer; null when the request asks for something else.</returns>
    public static LabHttpAnswer? Answer(LabHttpRequest request, string service, Uri? tokenService)
    {
        if (request.Query.Equals("wsdl", StringComparison.OrdinalIgnoreCase))
            return Xml(Describe(service, isWhole: false, tokenService));
        if (request.Query.Equals("wsdl=wsdl0", StringComparison.OrdinalIgnoreCase) && tokenService is not null)
        {
            return Xml(new XElement(
                wsdl + "definitions", new XAttribute("targetNamespace", OrganizationXml.Contracts.NamespaceName), ClaimsEndpoint.Policy(tokenService)));
        }

        if (request.Query.Equals("singleWsdl", StringComparison.OrdinalIgnoreCase))
            return Xml(Describe(service, isWhole: true, tokenService));
        if (!request.QueryValues.TryGetValue("xsd", out string? asked))
            return null;
        return asked.StartsWith("xsd", StringComparison.Ordinal) && int.TryParse(asked[3..], out int index) && index >= 0 && index < schemaNames.Length
            ? Xml(Located(schemas.Value[index], service))
            : LabHttpAnswer.OfText(404, "There is no such schema.");
    }

    private static XElement Describe(string service, bool isWhole, Uri? tokenService)
    {
        XElement description = Load("Organization.wsdl");
        if (tokenService is not null)
        {
            // The policy stands in a document of its own, as WCF writes it.
            description.AddFirst(isWhole
                ? ClaimsEndpoint.Policy(tokenService)
                : new XElement(
                    wsdl + "import",
                    new XAttribute("namespace", OrganizationXml.Contracts.NamespaceName),
                    new XAttribute("location", service + "?wsdl=wsdl0")));
        }

        description.Element(wsdl + "types")!.Add(isWhole
            ? schemas.Value.Select(s => new XElement(s))
            : new XElement(xs + "schema", new XAttribute(XNamespace.Xmlns + "xs", xs.NamespaceName),
                schemas.Value.Select((s, i) => Import((string)s.Attribute("targetNamespace")!, service, i))));
        description.Descendants(soap + "address").Single().SetAttributeValue("location", service + "/web");
        return description;
    }

    /// <summary>Says in a schema where those are that it imports.</summary>
    private static XElement Located(XElement schema, string service)
    {
        var copy = new XElement(schema);
        foreach (XElement import in copy.Elements(xs + "import"))
        {
            int index = Array.FindIndex(schemas.Value, s => (string?)s.Attribute("targetNamespace") == (string?)import.Attribute("namespace"));
            import.SetAttributeValue("schemaLocation", Location(service, index));
        }

        return copy;
    }

    private static XElement Import(string name, string service, int index) =>
        new(xs + "import", new XAttribute("schemaLocation", Location(service, index)), new XAttribute("namespace", name));

    private static string Location(string service, int index) => $"{service}?xsd=xsd{index}";

    private static XmlSchemaSet Compile()
    {
        var set = new XmlSchemaSet { XmlResolver = null };
        foreach (XElement schema in schemas.Value)
        {
            using XmlReader reader = schema.CreateReader();
            set.Add(null, reader);
        }

        set.Compile();
        return set;
    }

    private static XElement Load(string name)
    {
        using Stream stream = typeof(ServiceDescription).Assembly.GetManifestResourceStream("organization/" + name) ??
            throw new InvalidOperationException($"The resource {name} is missing.");
        return XElement.Load(stream);
    }

    private static LabHttpAnswer Xml(XElement document) => LabHttpAnswer.OfBytes(
        200,
        Encoding.UTF8.GetBytes("<?xml version=\"1.0\" encoding=\"utf-8\"?>" + document.ToString(SaveOptions.DisableFormatting)),
        "text/xml; charset=utf-8");
}

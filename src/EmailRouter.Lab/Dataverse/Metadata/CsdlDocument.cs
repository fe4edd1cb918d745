using System.Xml.Linq;
using EmailRouter.Lab.Dataverse.Messages;
using EmailRouter.Lab.Dataverse.Model;

namespace EmailRouter.Lab.Dataverse.Metadata;

/// <summary>The metadata document (OData CSDL 4.0): every table, its properties and links, and the messages.</summary>
internal static class CsdlDocument
{
    private static readonly XNamespace edmx = "http://docs.oasis-open.org/odata/ns/edmx";
    private static readonly XNamespace edm = "http://docs.oasis-open.org/odata/ns/edm";

    /// <summary>Writes the document.</summary>
    /// <param name="model">The tables.</param>
    /// <returns>The document.</returns>
    public static string Write(DataverseModel model)
    {
        var schema = new XElement(edm + "Schema", new XAttribute("Namespace", "Microsoft.Dynamics.CRM"), new XAttribute("Alias", "mscrm"));
        schema.Add(new XElement(edm + "EntityType", new XAttribute("Name", "crmbaseentity"), new XAttribute("Abstract", "true")));
        foreach (EntityType type in model.Types)
            schema.Add(Entity(type));
        schema.Add(
            MetadataType("EntityMetadata", new XElement(edm + "NavigationProperty", new XAttribute("Name", "Attributes"), new XAttribute("Type", "Collection(mscrm.AttributeMetadata)"),
                new XAttribute("ContainsTarget", "true")), MetadataRequests.EntityProperties),
            MetadataType("AttributeMetadata", null, MetadataRequests.AttributeProperties),
            Complex("OrganizationDetail", [("OrganizationId", "Edm.Guid"), ("FriendlyName", "Edm.String"), ("OrganizationVersion", "Edm.String"), ("EnvironmentId", "Edm.String"),
                ("UrlName", "Edm.String"), ("UniqueName", "Edm.String"), ("State", "Edm.String"), ("Endpoints", "mscrm.EndpointCollection")]),
            Complex("EndpointCollection", [("Count", "Edm.Int32"), ("IsReadOnly", "Edm.Boolean"), ("Keys", "Collection(Edm.String)"), ("Values", "Collection(Edm.String)")]),
            Complex("RolePrivilege", [("Depth", "Edm.String"), ("PrivilegeId", "Edm.Guid"), ("BusinessUnitId", "Edm.Guid"), ("PrivilegeName", "Edm.String")]),
            new XElement(edm + "ComplexType", new XAttribute("Name", "QueryBase"), new XAttribute("Abstract", "true")),
            Derived("FetchExpression", "mscrm.QueryBase", [("Query", "Edm.String")]),
            Complex("StringFormatName", [("Value", "Edm.String")]));
        foreach (MessageDefinition message in MessageCatalog.All)
            schema.Add(Operation(message));
        schema.Add(Container(model));
        var document = new XElement(edmx + "Edmx", new XAttribute("Version", "4.0"), new XAttribute(XNamespace.Xmlns + "edmx", edmx), new XElement(edmx + "DataServices", schema));
        return "<?xml version=\"1.0\" encoding=\"utf-8\"?>" + document.ToString(SaveOptions.DisableFormatting);
    }

    private static XElement Entity(EntityType type)
    {
        var element = new XElement(edm + "EntityType", new XAttribute("Name", type.LogicalName), new XAttribute("BaseType", "mscrm.crmbaseentity"),
            new XElement(edm + "Key", new XElement(edm + "PropertyRef", new XAttribute("Name", type.Key))));
        foreach (EntityProperty property in type.Properties)
            element.Add(Property(property.Name, "Edm." + property.Kind, property.IsKey ? false : null));
        foreach (Navigation navigation in type.Navigations)
        {
            string target = "mscrm." + navigation.Target.LogicalName;
            var link = new XElement(edm + "NavigationProperty", new XAttribute("Name", navigation.Name),
                new XAttribute("Type", navigation.IsCollection ? $"Collection({target})" : target));
            if (navigation.Partner.Length > 0)
                link.Add(new XAttribute("Partner", navigation.Partner));
            if (!navigation.IsCollection)
            {
                link.Add(new XElement(edm + "ReferentialConstraint", new XAttribute("Property", $"_{navigation.Column}_value"),
                    new XAttribute("ReferencedProperty", navigation.Target.Key)));
            }

            element.Add(link);
        }

        return element;
    }

    private static XElement MetadataType(string name, XElement? navigation, IReadOnlyList<(string Name, string Type)> properties) => new(
        edm + "EntityType", new XAttribute("Name", name), new XElement(edm + "Key", new XElement(edm + "PropertyRef", new XAttribute("Name", "MetadataId"))),
        properties.Select(p => Property(p.Name, p.Type, p.Name == "MetadataId" ? false : null)), navigation);

    private static XElement Complex(string name, IReadOnlyList<(string Name, string Type)> properties) =>
        new(edm + "ComplexType", new XAttribute("Name", name), properties.Select(p => Property(p.Name, p.Type, p.Type.StartsWith("Collection", StringComparison.Ordinal) ? false : null)));

    private static XElement Derived(string name, string parent, IReadOnlyList<(string Name, string Type)> properties)
    {
        XElement type = Complex(name, properties);
        type.Add(new XAttribute("BaseType", parent));
        return type;
    }

    private static XElement Property(string name, string type, bool? isNullable)
    {
        var property = new XElement(edm + "Property", new XAttribute("Name", name), new XAttribute("Type", type));
        if (isNullable is false)
            property.Add(new XAttribute("Nullable", "false"));
        return property;
    }

    private static IEnumerable<XElement> Operation(MessageDefinition message)
    {
        bool returnsRows = message.Name == "RetrieveUserQueues";
        string response = message.Name + "Response";

        // Complex types hold no entities; Dataverse's own documents say so all the same of messages that return rows.
        IReadOnlyList<(string Name, string Type)> results = [.. message.Results.Where(r => !r.Type.Contains("mscrm.crmbaseentity", StringComparison.Ordinal))];
        if (results.Count > 0)
            yield return Complex(response, results);
        var operation = new XElement(edm + (message.IsFunction ? "Function" : "Action"), new XAttribute("Name", message.Name));
        if (message.BoundTo is { } bound)
        {
            operation.Add(new XAttribute("IsBound", "true"));
            operation.Add(new XElement(edm + "Parameter", new XAttribute("Name", "entity"), new XAttribute("Type", bound), new XAttribute("Nullable", "false")));
        }

        foreach ((string name, string type) in message.Parameters)
            operation.Add(new XElement(edm + "Parameter", new XAttribute("Name", name), new XAttribute("Type", type)));
        if (returnsRows)
            operation.Add(new XElement(edm + "ReturnType", new XAttribute("Type", "Collection(mscrm.queue)"), new XAttribute("Nullable", "false")));
        else if (results.Count > 0)
            operation.Add(new XElement(edm + "ReturnType", new XAttribute("Type", "mscrm." + response), new XAttribute("Nullable", "false")));
        yield return operation;
    }

    private static XElement Container(DataverseModel model)
    {
        var container = new XElement(edm + "EntityContainer", new XAttribute("Name", "System"));
        foreach (EntityType type in model.Types)
        {
            container.Add(new XElement(edm + "EntitySet", new XAttribute("Name", type.SetName), new XAttribute("EntityType", "Microsoft.Dynamics.CRM." + type.LogicalName),
                type.Navigations.Select(n => new XElement(edm + "NavigationPropertyBinding", new XAttribute("Path", n.Name), new XAttribute("Target", n.Target.SetName)))));
        }

        container.Add(new XElement(edm + "EntitySet", new XAttribute("Name", "EntityDefinitions"), new XAttribute("EntityType", "Microsoft.Dynamics.CRM.EntityMetadata")));
        foreach (MessageDefinition message in MessageCatalog.All.Where(m => m.BoundTo is null))
        {
            string kind = message.IsFunction ? "Function" : "Action";
            container.Add(new XElement(edm + (kind + "Import"), new XAttribute("Name", message.Name), new XAttribute(kind, "Microsoft.Dynamics.CRM." + message.Name)));
        }

        return container;
    }
}

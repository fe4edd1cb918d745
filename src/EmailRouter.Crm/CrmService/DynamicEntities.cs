using System.Xml.Linq;
using EmailRouter.Crm.Organization.Soap;

namespace EmailRouter.Crm.CrmService;

/// <summary>
/// Brings the rows of CrmService.asmx (DynamicEntity) into the form of those of Organization.svc (Entity), so that what reads these reads both.
/// </summary>
internal static class DynamicEntities
{
    /// <summary>The table of attachments; what they belong to has the name <c>activityid</c> here and <c>objectid</c> later.</summary>
    public const string AttachmentTable = "activitymimeattachment";

    private static readonly string[] states = ["Open", "Completed", "Canceled"];

    /// <summary>Reads a collection.</summary>
    /// <param name="collection">The BusinessEntityCollection.</param>
    /// <returns>The collection in the other form.</returns>
    public static XElement ReadCollection(XElement collection) => new(
        "EntityCollection",
        new XElement("Entities", collection.Child("BusinessEntities")?.Elements().Select(Read)),
        new XElement("MoreRecords", (string?)collection.Attribute("MoreRecords") ?? "false"),
        new XElement("PagingCookie", (string?)collection.Attribute("PagingCookie")));

    private static XElement Read(XElement entity)
    {
        var attributes = new XElement("Attributes");
        bool isAttachment = (string?)entity.Attribute("Name") == AttachmentTable;
        foreach (XElement property in entity.Child("Properties")?.Elements() ?? [])
        {
            if ((string?)property.Attribute("Name") is { } name && property.Child("Value") is { } value &&
                (string?)value.Attribute("IsNull") is not ("true" or "1") && Value(property.TypeName(), value) is { } read)
            {
                attributes.Add(isAttachment && name == "activityid"
                    ? new XElement("Attribute", new XElement("key", "objectid"),
                        Typed("EntityReference", new XElement("Id", value.Value.Trim()), new XElement("LogicalName", "email")))
                    : new XElement("Attribute", new XElement("key", name), read));
            }
        }

        // Rows without versions: the claim is the server's, and needs none.
        attributes.Add(new XElement("Attribute", new XElement("key", "versionnumber"), Typed("long", "0")));
        return new XElement("Entity", attributes, new XElement("LogicalName", (string?)entity.Attribute("Name")));
    }

    private static XElement? Value(string kind, XElement value) => kind switch
    {
        "PicklistProperty" or "StatusProperty" => Typed("OptionSetValue", new XElement("Value", value.Value)),
        "StateProperty" => Array.IndexOf(states, value.Value.Trim()) is var state and >= 0 ? Typed("OptionSetValue", new XElement("Value", state))
            : Typed("OptionSetValue", new XElement("Value", value.Value.Trim() == "Active" ? 0 : 1)),
        "CrmNumberProperty" or "CrmFloatProperty" or "CrmDecimalProperty" or "CrmMoneyProperty" => Typed("decimal", value.Value),
        "CrmBooleanProperty" => Typed("boolean", value.Value),
        "LookupProperty" or "CustomerProperty" or "OwnerProperty" when (string?)value.Attribute("type") is { Length: > 0 } table =>
            Typed("EntityReference", new XElement("Id", value.Value.Trim()), new XElement("LogicalName", table),
                new XElement("Name", (string?)value.Attribute("name"))),
        "LookupProperty" or "CustomerProperty" or "OwnerProperty" => null,
        "DynamicEntityArrayProperty" => Typed("EntityCollection", new XElement("Entities", value.Elements().Select(Read))),
        _ => Typed("string", value.Value),
    };

    private static XElement Typed(string type, params object[] content) => new("value", new XAttribute(XName.Get("type", SoapNames.Instance), type), content);
}

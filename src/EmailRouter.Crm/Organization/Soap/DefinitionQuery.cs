using System.Xml;

namespace EmailRouter.Crm.Organization.Soap;

/// <summary>
/// A query for the definitions of tables that email can be addressed to, and of some others (EntityQueryExpression, "Retrieve and detect changes to metadata").
/// </summary>
/// <param name="Tables">The others.</param>
/// <param name="Properties">What is asked of tables.</param>
/// <param name="ColumnProperties">What is asked of their columns.</param>
internal sealed record DefinitionQuery(IReadOnlyList<string> Tables, IReadOnlyList<string> Properties, IReadOnlyList<string> ColumnProperties)
{
    private const string Query = "http://schemas.microsoft.com/xrm/2011/Metadata/Query";

    /// <summary>Writes it as the value of a parameter.</summary>
    /// <param name="xml">Where to: within the element of the value.</param>
    public void Write(XmlWriter xml)
    {
        xml.WriteAttributeString("xmlns", "q", null, Query);
        xml.WriteAttributeString("type", SoapNames.Instance, "q:EntityQueryExpression");
        xml.WriteStartElement("Criteria", Query);
        xml.WriteStartElement("Conditions", Query);
        Condition(xml, "Equals", "IsActivityParty", () =>
        {
            xml.WriteAttributeString("type", SoapNames.Instance, "c:boolean");
            xml.WriteString("true");
        });
        Condition(xml, "In", "LogicalName", () =>
        {
            xml.WriteAttributeString("type", SoapNames.Instance, "e:ArrayOfstring");
            Texts(xml, Tables);
        });
        xml.WriteEndElement();
        xml.WriteElementString("FilterOperator", Query, "Or");
        xml.WriteEndElement();
        Asked(xml, Properties);
        xml.WriteStartElement("AttributeQuery", Query);
        Asked(xml, ColumnProperties);
        xml.WriteEndElement();
    }

    private static void Condition(XmlWriter xml, string operation, string property, Action writeValue)
    {
        xml.WriteStartElement("MetadataConditionExpression", Query);
        xml.WriteElementString("ConditionOperator", Query, operation);
        xml.WriteElementString("PropertyName", Query, property);
        xml.WriteStartElement("Value", Query);
        writeValue();
        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private static void Asked(XmlWriter xml, IReadOnlyList<string> names)
    {
        xml.WriteStartElement("Properties", Query);
        xml.WriteElementString("AllProperties", Query, "false");
        xml.WriteStartElement("PropertyNames", Query);
        Texts(xml, names);
        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private static void Texts(XmlWriter xml, IReadOnlyList<string> texts)
    {
        foreach (string text in texts)
            xml.WriteElementString("string", SoapNames.Arrays, text);
    }
}

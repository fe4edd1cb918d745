using System.Xml.Linq;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Exchange;

/// <summary>What a request wants to see of items.</summary>
internal sealed class EwsItemShape
{
    private static readonly XNamespace T = EwsNames.T;

    private readonly HashSet<EwsItemField> fields = [];
    private readonly List<EwsExtendedProperty> extended = [];
    private readonly string bodyType;
    private readonly bool inList;

    private EwsItemShape(XElement? shape, bool inList)
    {
        this.inList = inList;
        bodyType = shape?.Element(T + "BodyType")?.Value ?? "Best";
        EwsShapes wanted = shape?.Element(T + "BaseShape")?.Value switch
        {
            "Default" => EwsShapes.Default,
            "AllProperties" => EwsShapes.All,
            _ => EwsShapes.None,
        };
        fields.UnionWith(EwsItemFields.All.Where(f => (f.Shapes & wanted) != 0 || f.Uri == "item:ItemId"));
        if (EwsNames.IsTrue(shape?.Element(T + "IncludeMimeContent")?.Value))
            fields.Add(EwsItemFields.All[0]);
        foreach (XElement path in shape?.Element(T + "AdditionalProperties")?.Elements() ?? [])
        {
            if (path.Name == T + "ExtendedFieldURI")
                extended.Add(EwsExtendedProperty.Parse(path));
            else if (path.Name == T + "FieldURI" && EwsItemFields.Find(path) is { } field)
                fields.Add(field);
        }
    }

    public static EwsItemShape Parse(XElement? shape, bool inList = false) => new(shape, inList);

    /// <summary>Shows a message.</summary>
    public XElement Render(LabMailbox mailbox, LabMessage message)
    {
        var view = new EwsItemView(mailbox, message, bodyType);
        var element = new XElement(T + EwsItemFields.ElementOf(message.ItemClass));
        foreach (EwsItemField field in EwsItemFields.All)
        {
            // The schema puts extended properties between those of ItemType that every version has.
            if (field.Uri == "item:EffectiveRights")
                element.Add(extended.Select(p => p.Render(message)));
            if (fields.Contains(field) && !(inList && field.Shapes.HasFlag(EwsShapes.NotInLists)))
            {
                element.Add(field.Read(view) switch
                {
                    XElement read => read,
                    string text => new XElement(T + field.Element, EwsText.Clean(text)),
                    _ => null,
                });
            }
        }

        return element;
    }
}

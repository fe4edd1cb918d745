using System.Globalization;
using System.Text.Json;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse.Model;
using EmailRouter.Lab.OData;

namespace EmailRouter.Lab.Dataverse.Rows;

/// <summary>What the body of a POST or PATCH says about a row and the rows that are made with it.</summary>
internal sealed class RowChange
{
    private const string Bind = "@odata.bind";

    private RowChange(EntityType type) => Type = type;

    public EntityType Type { get; }

    /// <summary>Gets the primary key that the body gives; null for none.</summary>
    public Guid? Id { get; private set; }

    /// <summary>Gets the values by column.</summary>
    public Dictionary<string, object?> Attributes { get; } = new(StringComparer.Ordinal);

    /// <summary>Gets the content of an attachment; null when the body gives none.</summary>
    public byte[]? Content { get; set; }

    /// <summary>Gets the rows to make with this one (deep insert).</summary>
    public List<(Navigation Navigation, RowChange Row)> Children { get; } = [];

    /// <summary>Reads a body.</summary>
    /// <param name="type">The row's type.</param>
    /// <param name="json">The body.</param>
    /// <param name="resolve">Resolves a link to the row it names.</param>
    /// <returns>The change.</returns>
    public static RowChange Read(EntityType type, JsonElement json, Func<string, (EntityType Type, Guid Id)> resolve)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw ODataException.Payload(type.SetName, "The body is no JSON object.");
        var change = new RowChange(type);
        foreach (JsonProperty member in json.EnumerateObject())
            change.Read(member, resolve);
        return change;
    }

    private void Read(JsonProperty member, Func<string, (EntityType Type, Guid Id)> resolve)
    {
        string name = member.Name;
        if (name.EndsWith(Bind, StringComparison.Ordinal) && name.Length > Bind.Length)
        {
            BindTo(name[..^Bind.Length], member.Value, resolve);
            return;
        }

        // Other annotations say nothing about the row, save the type of a row where several are possible.
        if (name.Contains('@', StringComparison.Ordinal))
            return;
        if (Type.FindNavigation(name) is { } navigation)
        {
            ReadChildren(navigation, member.Value, resolve);
            return;
        }

        EntityProperty property = Type.FindProperty(name) ?? throw ODataException.Payload(Type.SetName,
            $"An undeclared property '{name}' which only has property annotations in the payload but no property value was found in the payload. In OData, only declared navigation properties and declared named streams can be represented as properties without values.");
        if (property.IsLookup)
            throw ODataException.Payload(Type.SetName, "CRM do not support direct update of Entity Reference properties, Use Navigation properties instead.");
        if (property.IsKey)
            Id = Convert(property, member.Value) as Guid?;
        else if (property.Kind == EdmKind.Binary)
            Content = Convert(property, member.Value) as byte[];
        else
            Attributes[property.Column!.Name] = Convert(property, member.Value);
    }

    private void BindTo(string name, JsonElement value, Func<string, (EntityType Type, Guid Id)> resolve)
    {
        Navigation navigation = Type.FindNavigation(name) ?? throw ODataException.Payload(Type.SetName,
            $"An undeclared property '{name}' which only has property annotations in the payload but no property value was found in the payload. In OData, only declared navigation properties and declared named streams can be represented as properties without values.");
        if (navigation.IsCollection)
            throw ODataException.Payload(Type.SetName, $"The navigation property '{name}' leads to many rows and cannot be bound here.");
        if (value.ValueKind == JsonValueKind.Null)
        {
            Attributes[navigation.Column] = null;
            return;
        }

        if (value.ValueKind != JsonValueKind.String)
            throw ODataException.Payload(Type.SetName, $"The value of '{name}{Bind}' must be the address of a row.");
        (EntityType target, Guid id) = resolve(value.GetString()!);
        if (target.LogicalName != navigation.Target.LogicalName)
            throw ODataException.Payload(Type.SetName, $"The navigation property '{name}' takes rows of '{navigation.Target.SetName}', not of '{target.SetName}'.");
        Refer(navigation, id);
    }

    /// <summary>Lets a navigation property of this row lead to another.</summary>
    public void Refer(Navigation navigation, Guid id) => Attributes[navigation.Column] = ReferenceFor(Type, navigation.Column, navigation.Target.LogicalName, id);

    /// <summary>Makes the value of a column that refers to a row.</summary>
    public static object ReferenceFor(EntityType type, string column, string target, Guid id) =>
        type.Table.Find(column)?.Type == ColumnType.Lookup ? new RecordReference(target, id) : id;

    private void ReadChildren(Navigation navigation, JsonElement value, Func<string, (EntityType Type, Guid Id)> resolve)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Array when navigation.IsCollection:
                foreach (JsonElement element in value.EnumerateArray())
                    Children.Add((navigation, Read(navigation.Target, element, resolve)));
                break;
            case JsonValueKind.Object when !navigation.IsCollection:
                Children.Add((navigation, Read(navigation.Target, value, resolve)));
                break;
            case JsonValueKind.Null when !navigation.IsCollection:
                Attributes[navigation.Column] = null;
                break;
            default:
                throw ODataException.Payload(Type.SetName, $"The value of the navigation property '{navigation.Name}' does not fit.");
        }
    }

    private object? Convert(EntityProperty property, JsonElement value)
    {
        object? converted = (property.Kind, value.ValueKind) switch
        {
            (_, JsonValueKind.Null) => null,
            (EdmKind.String, JsonValueKind.String) => value.GetString(),
            (EdmKind.Boolean, JsonValueKind.True or JsonValueKind.False) => value.GetBoolean(),
            (EdmKind.Int32, JsonValueKind.Number) when value.TryGetInt32(out int number) => number,
            (EdmKind.Int64, JsonValueKind.Number) when value.TryGetInt64(out long number) => number,
            (EdmKind.Guid, JsonValueKind.String) when value.TryGetGuid(out Guid id) => id,
            (EdmKind.DateTimeOffset, JsonValueKind.String) when DateTimeOffset.TryParse(value.GetString(), CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTimeOffset time) => time,
            (EdmKind.Binary, JsonValueKind.String) when value.TryGetBytesFromBase64(out byte[]? bytes) => bytes,
            _ => this,
        };
        return ReferenceEquals(converted, this)
            ? throw ODataException.Payload(Type.SetName, $"Cannot convert the value of the property '{property.Name}' to the expected type 'Edm.{property.Kind}'.")
            : converted;
    }
}

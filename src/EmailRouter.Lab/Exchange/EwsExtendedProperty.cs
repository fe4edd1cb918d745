using System.Globalization;
using System.Text;
using System.Xml.Linq;
using EmailRouter.Lab.Store;
using EmailRouter.Mime;

namespace EmailRouter.Lab.Exchange;

/// <summary>The path of an extended property (MAPI), and how its value is read off a message.</summary>
internal sealed class EwsExtendedProperty
{
    private const string InternetHeaders = "{00020386-0000-0000-c000-000000000046}";

    private static readonly Dictionary<string, string> Sets = new(StringComparer.Ordinal)
    {
        ["PublicStrings"] = "{00020329-0000-0000-c000-000000000046}",
        ["InternetHeaders"] = InternetHeaders,
        ["Common"] = "{00062008-0000-0000-c000-000000000046}",
        ["Address"] = "{00062004-0000-0000-c000-000000000046}",
        ["Appointment"] = "{00062002-0000-0000-c000-000000000046}",
        ["Task"] = "{00062003-0000-0000-c000-000000000046}",
        ["Meeting"] = "{6ed8da90-450b-101b-98da-00aa003f1305}",
        ["CalendarAssistant"] = "{11000e07-b51b-40d6-af21-caa85edab1d0}",
        ["Sharing"] = "{00062040-0000-0000-c000-000000000046}",
        ["UnifiedMessaging"] = "{4442858e-a9e3-4e80-b900-317a210cc15b}",
    };

    private readonly XElement path;
    private readonly int? tag;
    private readonly string? set;
    private readonly string? name;

    private EwsExtendedProperty(XElement path)
    {
        this.path = path;
        Type = path.Attribute("PropertyType")?.Value ?? throw EwsException.Schema(path, "The required attribute 'PropertyType' is missing.");
        string? tagText = path.Attribute("PropertyTag")?.Value;
        string? distinguished = path.Attribute("DistinguishedPropertySetId")?.Value;
        string? setId = path.Attribute("PropertySetId")?.Value;
        string? id = path.Attribute("PropertyId")?.Value;
        name = path.Attribute("PropertyName")?.Value;
        if (tagText is not null)
        {
            if (distinguished is not null || setId is not null || id is not null || name is not null || !TryNumber(tagText, out int number))
                throw Invalid();
            if (number >= 0x8000)
                throw new EwsException("ErrorNoPropertyTagForCustomProperties", "Custom properties have no property tag.");
            tag = number;
            Key = string.Create(CultureInfo.InvariantCulture, $"{Type} 0x{number:X4}");
            return;
        }

        set = distinguished is not null && Sets.TryGetValue(distinguished, out string? known) ? known
            : setId is not null && Guid.TryParse(setId, out Guid guid) ? guid.ToString("B") : throw Invalid();
        if ((name is null) == (id is null))
            throw Invalid();
        Key = name is not null ? $"{Type} {set} Name {name}"
            : TryNumber(id!, out int dispid) ? string.Create(CultureInfo.InvariantCulture, $"{Type} {set} Id 0x{dispid:X4}") : throw Invalid();
    }

    public string Type { get; }

    /// <summary>The name under which the store keeps it (<see cref="LabMessage.Properties"/>).</summary>
    public string Key { get; }

    /// <summary>The types of several values end in "Array".</summary>
    public bool IsArray => Type.EndsWith("Array", StringComparison.Ordinal);

    public static EwsExtendedProperty Parse(XElement path) => new(path);

    /// <summary>The values that a message has; null when it has none.</summary>
    public IReadOnlyList<string>? Read(LabMessage message)
    {
        if (message.Properties.TryGetValue(Key, out IReadOnlyList<string>? kept))
            return kept;
        string? value = tag is { } number ? ReadTag(message, number) : set == InternetHeaders && name is not null ? message.Mime.Headers[name] : null;
        return value is null ? null : [value];
    }

    /// <summary>The element that shows it, the tag as Exchange writes it: lower-case hex without leading zeros.</summary>
    public XElement? Render(LabMessage message)
    {
        if (Read(message) is not { } values)
            return null;
        var shown = new XElement(EwsNames.T + "ExtendedFieldURI", path.Attributes().Where(a => !a.IsNamespaceDeclaration));
        if (tag is { } number)
            shown.SetAttributeValue("PropertyTag", string.Create(CultureInfo.InvariantCulture, $"0x{number:x}"));
        return new XElement(
            EwsNames.T + "ExtendedProperty",
            shown,
            IsArray
                ? new XElement(EwsNames.T + "Values", values.Select(v => new XElement(EwsNames.T + "Value", EwsText.Clean(v))))
                : new XElement(EwsNames.T + "Value", EwsText.Clean(values[0])));
    }

    private static bool TryNumber(string text, out int number) => text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
        ? int.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private static string? Base64(string? text) => text is null ? null : Convert.ToBase64String(Encoding.Unicode.GetBytes(text));

    private static string? ReadTag(LabMessage message, int tag) => tag switch
    {
        0x001A => message.ItemClass,
        0x0037 => message.Mime.Subject,
        0x007D => string.Concat(message.Mime.Headers.Select(h => $"{h.Name}: {h.Value}\r\n")),
        0x0070 => EwsText.TopicOf(message.Mime.Subject),
        0x0071 => message.Mime.ThreadIndex,
        0x0C1A => message.Mime.From is [{ DisplayName: { } sender }, ..] ? sender : null,
        0x0E04 => string.Join("; ", message.Mime.To.Select(a => a.DisplayName ?? a.Address)),
        0x0E06 => EwsNames.Date(message.ReceivedOn),
        0x0E07 => EwsNames.Number((message.IsRead ? 1 : 0) | (message.IsDraft ? 8 : 0) | (message.Mime.Attachments.Count > 0 ? 0x10 : 0)),
        0x0E08 => EwsNames.Number(message.Content.Length),
        0x0E1D => EwsText.TopicOf(message.Mime.Subject),
        0x0E23 => EwsNames.Number(message.Place),
        0x0E69 => EwsNames.Bool(message.IsRead),
        0x0FF9 => Base64(message.EntryId),
        0x300B => Base64(message.Id),
        0x3007 => EwsNames.Date(message.CreatedOn),
        0x3008 => EwsNames.Date(message.ModifiedOn),
        0x1035 => message.InternetMessageId,
        0x1039 => message.Mime.References.Count > 0 ? string.Join(" ", message.Mime.References) : null,
        0x1042 => message.Mime.InReplyTo is [var parent, ..] ? parent : null,
        0x0005 => message.Mime.Headers.Contains(LabRuleForwarding.LoopHeader) ? "true" : null,
        0x3FDF => message.Mime.Headers["X-Auto-Response-Suppress"] is { } suppress ? (suppress.Contains("All", StringComparison.OrdinalIgnoreCase) ? "-1" : "0") : null,
        0x5D01 => (message.Mime.Sender ?? AuthorOf(message))?.Address,
        0x5D02 => AuthorOf(message)?.Address,
        _ => null,
    };

    private static MailAddress? AuthorOf(LabMessage message) => message.Mime.From is [var author, ..] ? author : null;

    private static EwsException Invalid() => new("ErrorInvalidExtendedProperty", "The extended property has attributes that do not go together.");
}

using System.Globalization;
using System.Text;

namespace EmailRouter.Mime.Reports;

/// <summary>Finds the parts of a <c>multipart/report</c> (RFC 6522): the fields and the returned original.</summary>
internal static class ReportParts
{
    private const int MaximumHeaders = 1 << 20;

    /// <summary>Finds the first part of a type, whatever stands around it: gateways turn reports into ordinary multiparts.</summary>
    public static MimePart? Find(MimeMessage message, string subtype, string globalSubtype)
    {
        foreach (MimePart part in message.AllParts())
        {
            if (part.ContentType.Is("message", subtype) || part.ContentType.Is("message", globalSubtype))
                return part;
        }

        return null;
    }

    /// <summary>The returned message, or one of its headers alone; null when the report returns neither.</summary>
    public static MimeMessage? Original(MimeMessage message)
    {
        foreach (MimePart part in message.AllParts())
        {
            if (part.EmbeddedMessage is { } embedded)
                return embedded;
            ContentType type = part.ContentType;
            if (type.Is("text", "rfc822-headers") || type.Is("message", "rfc822-headers") || type.Is("message", "global-headers"))
                return MimeMessage.Parse(part.DecodeStart(MaximumHeaders));
        }

        return null;
    }

    /// <summary>Splits <c>rfc822; ann@example.com</c> into type and value. The type is missing in some reports.</summary>
    public static (string? Type, string Value) Typed(string text)
    {
        int semicolon = text.IndexOf(';', StringComparison.Ordinal);
        return semicolon < 0 ? (null, text.Trim()) : (text[..semicolon].Trim().ToLowerInvariant(), text[(semicolon + 1)..].Trim());
    }

    /// <summary>The address of a typed field, without angle brackets; characters written as <c>\x{20AC}</c> (RFC 6533 3) are put in.</summary>
    public static string? Address(string? field)
    {
        if (field is null)
            return null;
        (string? type, string value) = Typed(field);
        value = MessageIds.TrimBrackets(value);
        if (value.Length == 0)
            return null;
        return type == "utf-8" ? Unescape(value) : value;
    }

    private static string Unescape(string value)
    {
        var text = new StringBuilder(value.Length);
        int position = 0;
        while (true)
        {
            int start = value.IndexOf(@"\x{", position, StringComparison.Ordinal);
            int end = start < 0 ? -1 : value.IndexOf('}', start);
            if (end < 0)
                return text.Append(value, position, value.Length - position).ToString();
            text.Append(value, position, start - position);
            bool known = int.TryParse(value.AsSpan(start + 3, end - start - 3), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code)
                && Rune.IsValid(code) && code >= ' ';
            text.Append(known ? new Rune(code).ToString() : value[start..(end + 1)]);
            position = end + 1;
        }
    }
}

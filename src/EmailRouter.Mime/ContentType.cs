using System.Text;
using EmailRouter.Mime.Headers;
using EmailRouter.Mime.Parsing;

namespace EmailRouter.Mime;

/// <summary>What a part is (RFC 2045 5): type, subtype and parameters.</summary>
public sealed class ContentType
{
    private ContentType(string type, string subtype, ParameterList parameters)
    {
        Type = type;
        Subtype = subtype;
        Parameters = parameters;
    }

    /// <summary>Gets the type in lower case, e.g. <c>text</c>.</summary>
    public string Type { get; }

    /// <summary>Gets the subtype in lower case, e.g. <c>plain</c>.</summary>
    public string Subtype { get; }

    /// <summary>Gets type and subtype, e.g. <c>text/plain</c>.</summary>
    public string MediaType => string.Concat(Type, "/", Subtype);

    /// <summary>Gets the decoded parameters.</summary>
    public ParameterList Parameters { get; }

    /// <summary>Gets the <c>charset</c> parameter as it was sent, or null.</summary>
    public string? Charset => Parameters["charset"] is { Length: > 0 } charset ? charset : null;

    /// <summary>Gets the <c>boundary</c> parameter without trailing white space, or null.</summary>
    public string? Boundary => Parameters["boundary"]?.TrimEnd(' ', '\t') is { Length: > 0 } boundary ? boundary : null;

    /// <summary>Gets the <c>name</c> parameter, or null.</summary>
    public string? Name => Parameters["name"] is { Length: > 0 } name ? name : null;

    internal static ContentType Text { get; } = new("text", "plain", ParameterList.Empty);

    internal static ContentType Message { get; } = new("message", "rfc822", ParameterList.Empty);

    /// <summary>Reads a Content-Type value. What cannot be understood becomes <c>text/plain</c>, as RFC 2045 5.2 wants.</summary>
    /// <param name="value">The header's value.</param>
    /// <returns>The content type.</returns>
    public static ContentType Parse(string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return Parse(Encoding.UTF8.GetBytes(value), MimeLimits.Default, null, 0);
    }

    /// <summary>Compares with a type and subtype.</summary>
    /// <param name="type">The type, or <c>*</c> for any.</param>
    /// <param name="subtype">The subtype, or <c>*</c> for any.</param>
    /// <returns>Whether both match; case does not matter.</returns>
    public bool Is(string type, string subtype) =>
        (type == "*" || Type.Equals(type, StringComparison.OrdinalIgnoreCase))
            && (subtype == "*" || Subtype.Equals(subtype, StringComparison.OrdinalIgnoreCase));

    /// <inheritdoc/>
    public override string ToString() => MediaType;

    internal static ContentType Parse(ReadOnlySpan<byte> raw, MimeLimits limits, DiagnosticList? diagnostics, long offset)
    {
        (string value, ParameterList parameters) = MediaHeaderParser.Parse(raw, limits, diagnostics, offset);
        string[] names = value.ToLowerInvariant().Split('/', 4, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        string type = names.Length > 0 && IsToken(names[0]) ? names[0] : "text";
        // "multipart/multipart/mixed" has been seen; so have "text" and "image".
        string? subtype = names.Length > 2 && names[1] == type ? names[2] : names.Length > 1 ? names[1] : null;
        if (subtype is null || !IsToken(subtype))
        {
            (type, subtype) = type switch
            {
                "multipart" => ("multipart", "mixed"),
                "message" => ("message", "rfc822"),
                "html" => ("text", "html"),
                "application" or "image" or "audio" or "video" => (type, "octet-stream"),
                _ => ("text", "plain"),
            };
        }

        return new ContentType(type, subtype, parameters);
    }

    private static bool IsToken(string text)
    {
        foreach (char character in text)
        {
            if (character is <= ' ' or >= '\x7f' or '(' or ')' or '<' or '>' or '@' or ',' or ';' or ':' or '\\' or '"' or '/' or '[' or ']' or '?' or '=')
                return false;
        }

        return text.Length > 0;
    }
}

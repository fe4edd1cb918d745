using System.Text;
using EmailRouter.Mime.Headers;
using EmailRouter.Mime.Parsing;

namespace EmailRouter.Mime;

/// <summary>How a part is meant to be shown (RFC 2183).</summary>
public sealed class ContentDisposition
{
    private ContentDisposition(string value, ParameterList parameters)
    {
        Value = value;
        Parameters = parameters;
    }

    /// <summary>Gets the disposition in lower case: <c>inline</c>, <c>attachment</c> or another word.</summary>
    public string Value { get; }

    /// <summary>Gets the decoded parameters.</summary>
    public ParameterList Parameters { get; }

    /// <summary>Gets the <c>filename</c> parameter, or null.</summary>
    public string? FileName => Parameters["filename"] is { Length: > 0 } name ? name : null;

    /// <summary>Gets a value indicating whether the part is an attachment. Unknown words count as such (RFC 2183 2.8).</summary>
    public bool IsAttachment => Value is not ("inline" or "");

    /// <summary>Gets a value indicating whether the part is explicitly inline.</summary>
    public bool IsInline => Value == "inline";

    /// <summary>Gets the mark of a part that has none.</summary>
    internal static ContentDisposition None { get; } = new(string.Empty, ParameterList.Empty);

    /// <summary>Reads a Content-Disposition value.</summary>
    /// <param name="value">The header's value.</param>
    /// <returns>The disposition.</returns>
    public static ContentDisposition Parse(string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return Parse(Encoding.UTF8.GetBytes(value), MimeLimits.Default, null, 0);
    }

    /// <inheritdoc/>
    public override string ToString() => Value;

    internal static ContentDisposition Parse(ReadOnlySpan<byte> raw, MimeLimits limits, DiagnosticList? diagnostics, long offset)
    {
        (string value, ParameterList parameters) = MediaHeaderParser.Parse(raw, limits, diagnostics, offset);
        return new ContentDisposition(value.ToLowerInvariant(), parameters);
    }
}

using System.Globalization;
using System.Xml.Linq;
using EmailRouter.Mime;
using EmailRouter.Shared.Http;

namespace EmailRouter.Mail.Exchange.Soap;

/// <summary>One answer of the service: about one of the ids that were sent, or about the whole request where it failed as a whole.</summary>
/// <param name="Element">The element; of a fault its detail.</param>
internal sealed class EwsMessage(XElement Element) : IDisposable
{
    /// <summary>The code of success.</summary>
    public const string NoError = "NoError";

    /// <summary>Gets the element.</summary>
    public XElement Element { get; } = Element;

    /// <summary>Gets a value indicating whether the operation succeeded, possibly with a warning.</summary>
    public bool IsSuccess { get; init; }

    /// <summary>Gets the response code; <see cref="NoError"/> on success.</summary>
    public required string Code { get; init; }

    /// <summary>Gets the server's words; empty when it has none.</summary>
    public string Text { get; init; } = string.Empty;

    /// <summary>Gets how long the server asks to wait; null when it does not say.</summary>
    public TimeSpan? BackOff { get; init; }

    /// <summary>Gets the MIME content; null when the answer holds none. Disposed with this unless taken.</summary>
    public MessageBuffer? Mime { get; private set; }

    /// <summary>Gets why the MIME content could not be kept; null when it could.</summary>
    public Exception? MimeFailure { get; init; }

    /// <summary>Gets the items or folders the answer holds.</summary>
    public IEnumerable<XElement> Items => (Element.Child("Items") ?? Element.Child("Folders"))?.Elements() ?? [];

    /// <summary>Reads an answer.</summary>
    /// <param name="element">The response message, or an answer that is none but looks alike (inbox rules).</param>
    /// <param name="mime">The MIME content that came with it.</param>
    /// <param name="mimeFailure">Why that could not be kept.</param>
    /// <returns>The answer.</returns>
    public static EwsMessage Read(XElement element, MessageBuffer? mime = null, Exception? mimeFailure = null)
    {
        string code = element.Child("ResponseCode")?.Value.Trim() ?? string.Empty;
        string kind = (string?)element.Attribute("ResponseClass") ?? string.Empty;
        bool success = kind is "Success" or "Warning" || (kind.Length == 0 && code == NoError);
        return new EwsMessage(element)
        {
            IsSuccess = success && code != "ErrorBatchProcessingStopped",
            Code = Inner(code.Length > 0 ? code : success ? NoError : "ErrorWithoutCode", element.Child("MessageXml")),
            Text = element.Child("MessageText")?.Value.Trim() ?? string.Empty,
            BackOff = ReadBackOff(element.Child("MessageXml")),
            Mime = mime,
            MimeFailure = mimeFailure,
        };
    }

    /// <summary>Reads a SOAP fault.</summary>
    /// <param name="fault">The element <c>Fault</c>.</param>
    /// <returns>The answer.</returns>
    public static EwsMessage ReadFault(XElement fault)
    {
        XElement? detail = fault.Child("detail");
        string name = (fault.Child("faultcode")?.Value ?? string.Empty).Trim();
        string code = detail.Child("ResponseCode")?.Value.Trim() is { Length: > 0 } given ? given : name[(name.IndexOf(':', StringComparison.Ordinal) + 1)..];
        return new EwsMessage(detail ?? fault)
        {
            Code = Inner(code.Length > 0 ? code : "Fault", detail.Child("MessageXml")),
            Text = (detail.Child("Message")?.Value ?? fault.Child("faultstring")?.Value ?? string.Empty).Trim(),
            BackOff = ReadBackOff(detail.Child("MessageXml")),
        };
    }

    /// <summary>Hands the MIME content over.</summary>
    /// <returns>The content; the caller disposes it.</returns>
    public MessageBuffer? TakeMime()
    {
        MessageBuffer? taken = Mime;
        Mime = null;
        return taken;
    }

    /// <inheritdoc/>
    public void Dispose() => Mime?.Dispose();

    /// <summary>A general error may carry the one that tells more.</summary>
    private static string Inner(string code, XElement? details) =>
        code is "ErrorInternalServerError" or "ErrorInternalServerTransientError" && Value(details, "InnerErrorResponseCode") is { Length: > 0 } inner ? inner : code;

    private static TimeSpan? ReadBackOff(XElement? details) =>
        double.TryParse(Value(details, "BackOffMilliseconds"), NumberStyles.Float, CultureInfo.InvariantCulture, out double wait) && wait is >= 0 and < 1e12
            ? RetryAfter.Limit(TimeSpan.FromMilliseconds(wait)) : null;

    private static string? Value(XElement? details, string name) =>
        details?.Descendants().FirstOrDefault(e => e.Name.LocalName == "Value" && (string?)e.Attribute("Name") == name)?.Value.Trim();
}

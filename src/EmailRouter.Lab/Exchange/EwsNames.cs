using System.Globalization;
using System.Xml.Linq;

namespace EmailRouter.Lab.Exchange;

/// <summary>The namespaces of Exchange Web Services.</summary>
internal static class EwsNames
{
    public static readonly XNamespace Soap = "http://schemas.xmlsoap.org/soap/envelope/";
    public static readonly XNamespace M = "http://schemas.microsoft.com/exchange/services/2006/messages";
    public static readonly XNamespace T = "http://schemas.microsoft.com/exchange/services/2006/types";
    public static readonly XNamespace E = "http://schemas.microsoft.com/exchange/services/2006/errors";

    public static string Date(DateTimeOffset date) => date.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    public static string Bool(bool value) => value ? "true" : "false";

    public static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Reads xs:boolean.</summary>
    public static bool IsTrue(string? value) => value?.Trim() is "true" or "1";
}

/// <summary>A response code of EWS: of the whole request as a SOAP fault, or of one item.</summary>
internal sealed class EwsException(string code, string message) : Exception(message)
{
    public string Code { get; } = code;

    /// <summary>Elements of MessageXml in the types namespace, e.g. what was violated where.</summary>
    public IReadOnlyList<XElement> Details { get; init; } = [];

    /// <summary>Further elements of the response message in the messages namespace.</summary>
    public IReadOnlyList<XElement> Payload { get; init; } = [];

    public static EwsException Schema(XElement at, string violation)
    {
        var position = (System.Xml.IXmlLineInfo)at;
        return new EwsException("ErrorSchemaValidation", "The request failed schema validation.")
        {
            Details =
            [
                new XElement(EwsNames.T + "LineNumber", position.LineNumber),
                new XElement(EwsNames.T + "LinePosition", position.LinePosition),
                new XElement(EwsNames.T + "Violation", violation),
            ],
        };
    }
}

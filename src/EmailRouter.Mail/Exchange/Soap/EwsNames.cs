using System.Xml.Linq;

namespace EmailRouter.Mail.Exchange.Soap;

/// <summary>The namespaces of Exchange Web Services. Many published pages show them with https, which is wrong.</summary>
internal static class EwsNames
{
    /// <summary>SOAP 1.1.</summary>
    public const string Soap = "http://schemas.xmlsoap.org/soap/envelope/";

    /// <summary>Operations and their answers.</summary>
    public static readonly XNamespace Messages = "http://schemas.microsoft.com/exchange/services/2006/messages";

    /// <summary>Items, folders and everything in them.</summary>
    public static readonly XNamespace Types = "http://schemas.microsoft.com/exchange/services/2006/types";

    /// <summary>Finds the first child with a name, whatever its namespace: servers and their documentation disagree about some.</summary>
    /// <param name="parent">The parent; null finds nothing.</param>
    /// <param name="name">The local name.</param>
    /// <returns>The child; null when there is none.</returns>
    public static XElement? Child(this XElement? parent, string name) => parent?.Elements().FirstOrDefault(e => e.Name.LocalName == name);

    /// <summary>Finds the children with a name, whatever their namespace.</summary>
    /// <param name="parent">The parent; null finds nothing.</param>
    /// <param name="name">The local name.</param>
    /// <returns>The children.</returns>
    public static IEnumerable<XElement> Children(this XElement? parent, string name) => parent?.Elements().Where(e => e.Name.LocalName == name) ?? [];

    /// <summary>Says whether an element is true, as XML Schema writes it.</summary>
    /// <param name="element">The element; null is false.</param>
    /// <returns>True for <c>true</c> and <c>1</c>.</returns>
    public static bool IsTrue(this XElement? element) => element?.Value.Trim() is "true" or "1" or "True";
}

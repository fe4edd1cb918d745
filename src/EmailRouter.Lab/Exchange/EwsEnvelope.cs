using System.Runtime.CompilerServices;
using System.Xml;
using System.Xml.Linq;
using EmailRouter.Lab.Http;

namespace EmailRouter.Lab.Exchange;

/// <summary>A SOAP request taken apart: what is asked, in whose name, in which version.</summary>
internal sealed class EwsEnvelope
{
    private static readonly ConditionalWeakTable<LabHttpRequest, EwsEnvelope> Known = [];

    private EwsEnvelope(LabHttpRequest request)
    {
        try
        {
            var settings = new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null };
            using var reader = XmlReader.Create(new MemoryStream(request.Body.ToArray()), settings);
            XElement? root = XDocument.Load(reader, LoadOptions.SetLineInfo).Root;
            XElement? header = root?.Element(EwsNames.Soap + "Header");
            Operation = root?.Name == EwsNames.Soap + "Envelope" ? root.Element(EwsNames.Soap + "Body")?.Elements().FirstOrDefault() : null;
            Version = header?.Element(EwsNames.T + "RequestServerVersion")?.Attribute("Version")?.Value;
            Impersonated = header?.Element(EwsNames.T + "ExchangeImpersonation");
        }
        catch (XmlException e)
        {
            Nonsense = e.Message;
        }
    }

    /// <summary>The element of the operation; null when there is none.</summary>
    public XElement? Operation { get; }

    public string? Version { get; }

    public XElement? Impersonated { get; }

    public string? ImpersonatedAddress => Impersonated?.Element(EwsNames.T + "ConnectingSID")?.Elements().FirstOrDefault()?.Value.Trim();

    /// <summary>Why the body is no XML; null when it is.</summary>
    public string? Nonsense { get; }

    public static EwsEnvelope Of(LabHttpRequest request) => Known.GetValue(request, static r => new EwsEnvelope(r));
}

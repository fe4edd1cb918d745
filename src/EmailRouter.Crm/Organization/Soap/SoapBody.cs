using System.Xml;
using System.Xml.Linq;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Organization.Soap;

/// <summary>Reads what stands in the body of a SOAP answer, of every version of the CRM.</summary>
internal static class SoapBody
{
    /// <summary>Reads it.</summary>
    /// <param name="answer">What came.</param>
    /// <param name="what">What was asked for, in words.</param>
    /// <param name="server">The server's name.</param>
    /// <returns>The first element of the body: the answer, or a fault.</returns>
    /// <exception cref="CrmException">It is no SOAP: a web page, an error of the web server, or broken.</exception>
    public static XElement Read(CrmAnswer answer, string what, string server)
    {
        if (answer.IsWebPage)
            throw answer.Status == 404 ? FaultTable.Explain(new ServerFault(404, 0, string.Empty), what, server) : AnswerErrors.Page(answer, what);
        if (!answer.IsSuccess && (answer.Body.Length == 0 || answer.MediaType?.Contains("xml", StringComparison.OrdinalIgnoreCase) != true))
            throw FaultTable.Explain(new ServerFault(answer.Status, 0, string.Empty) { RetryAfter = answer.RetryAfter }, what, server);
        try
        {
            using var stream = new MemoryStream(answer.Body.ToArray(), writable: false);
            using var reader = XmlReader.Create(
                stream, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, CheckCharacters = false });
            XElement? body = XElement.Load(reader).Elements().FirstOrDefault(e => e.Name.LocalName == "Body");
            return body?.Elements().FirstOrDefault() ?? throw AnswerErrors.Unreadable(what, "it is no SOAP envelope with a body");
        }
        catch (XmlException e)
        {
            throw AnswerErrors.Unreadable(what, e.Message, e);
        }
    }
}

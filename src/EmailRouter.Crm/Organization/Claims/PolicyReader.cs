using System.Xml;
using System.Xml.Linq;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Organization.Claims;

/// <summary>Reads the policy of an Organization.svc out of its description (<c>?wsdl</c>) and the documents that it imports.</summary>
/// <param name="http">What carries requests.</param>
internal sealed class PolicyReader(CrmHttp http)
{
    private const string What = "the service's description";
    private const int MaxDocuments = 8;

    /// <summary>Reads it.</summary>
    /// <param name="service">The address of Organization.svc.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The policy; null when there is no description, or it says nothing of log-ins.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses the log-in.</exception>
    public async ValueTask<ServicePolicy?> ReadAsync(Uri service, CancellationToken cancellationToken)
    {
        var queries = new List<string> { "wsdl" };
        for (int i = 0; i < queries.Count && i < MaxDocuments; i++)
        {
            if (await DocumentAsync(new UriBuilder(service) { Query = queries[i] }.Uri, cancellationToken).ConfigureAwait(false) is not { } document)
                return null;
            if (ServicePolicy.Find(document) is { } policy)
                return policy;

            // Of an import's address only the query counts: it may name the server by a name that is known within its farm alone, and nobody else is believed.
            queries.AddRange(document.Elements().Where(e => e.Name.LocalName == "import")
                .Select(e => Uri.TryCreate(service, (string?)e.Attribute("location"), out Uri? at) ? at.Query.TrimStart('?') : string.Empty)
                .Where(q => q.StartsWith("wsdl", StringComparison.OrdinalIgnoreCase)).Except(queries).ToArray());
        }

        return null;
    }

    private async ValueTask<XElement?> DocumentAsync(Uri address, CancellationToken cancellationToken)
    {
        try
        {
            return await http.ExchangeAsync(
                new CrmCall(HttpMethod.Get, address, What, () => null, [("Accept", "text/xml, */*")], IsRepeatable: true),
                null,
                async (response, stop) =>
                {
                    var answer = CrmAnswer.From(response, await CrmHttp.ReadAsync(response, What, stop).ConfigureAwait(false), http.Clock);
                    return answer.IsSuccess && !answer.IsWebPage ? Parse(answer) : null;
                },
                cancellationToken).ConfigureAwait(false);
        }
        catch (CrmException e) when (e.ErrorId == "CrmRedirected")
        {
            // Some servers hide their description behind a form; then the messages themselves tell what is wrong.
            return null;
        }
    }

    private static XElement? Parse(CrmAnswer answer)
    {
        try
        {
            using var stream = new MemoryStream(answer.Body.ToArray(), writable: false);
            using var reader = XmlReader.Create(stream, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
            return XElement.Load(reader);
        }
        catch (XmlException)
        {
            // What is no XML describes nothing.
            return null;
        }
    }
}

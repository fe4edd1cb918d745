using System.Xml;
using System.Xml.Linq;
using EmailRouter.Crm.Organization.Claims;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Organization.Soap;

/// <summary>How a version of the CRM writes the messages: where its service is, and how envelopes look.</summary>
internal abstract class SoapDialect : IDisposable
{
    /// <summary>Gets a message that a service which is there answers.</summary>
    public abstract OrganizationRequest Probe { get; }

    /// <summary>Names the paths at which the service may be.</summary>
    /// <param name="path">The path entered, without a slash at its end.</param>
    /// <param name="name">The organization's name; null when the path tells.</param>
    /// <returns>The paths, the likeliest first.</returns>
    public abstract IEnumerable<string> Paths(string path, string? name);

    /// <summary>Gets the SOAPAction of a message.</summary>
    /// <param name="request">The message.</param>
    /// <returns>The action.</returns>
    public abstract string Action(OrganizationRequest request);

    /// <summary>Gets the media type of a message with its parameters. Defaults to that of SOAP 1.1.</summary>
    /// <param name="request">The message.</param>
    /// <returns>The media type.</returns>
    public virtual string ContentType(OrganizationRequest request) => "text/xml; charset=utf-8";

    /// <summary>Reads the server's version.</summary>
    /// <param name="answer">The answer to <see cref="Probe"/>.</param>
    /// <returns>The version.</returns>
    /// <exception cref="CrmException"><c>CrmAnswerUnreadable</c>.</exception>
    public abstract Version ReadVersion(OrganizationAnswer answer);

    /// <summary>Says whether a message is known.</summary>
    /// <param name="request">The message.</param>
    /// <returns>True when it can be sent.</returns>
    public abstract bool Knows(OrganizationRequest request);

    /// <summary>Writes the envelope.</summary>
    /// <param name="request">The message.</param>
    /// <param name="xml">Where to.</param>
    /// <param name="cancellationToken">Stops the writing.</param>
    /// <returns>A task that ends when it is written.</returns>
    public abstract Task WriteAsync(OrganizationRequest request, XmlWriter xml, CancellationToken cancellationToken);

    /// <summary>Reads an answer.</summary>
    /// <param name="answer">What came.</param>
    /// <param name="request">The message it answers.</param>
    /// <param name="server">The server's name.</param>
    /// <returns>The answer.</returns>
    /// <exception cref="CrmException">It is no SOAP: a web page, an error of the web server, or broken.</exception>
    public abstract OrganizationAnswer Read(CrmAnswer answer, OrganizationRequest request, string server);

    /// <summary>Gets ready what logs in within the envelopes. Defaults to nothing: HTTP logs in.</summary>
    /// <param name="http">What carries requests.</param>
    /// <param name="refused">What the server no longer takes, so that another is got; null for the first attempt.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>What logs in; null where HTTP does.</returns>
    /// <exception cref="CrmException">The log-in is refused, or the server cannot be reached.</exception>
    public virtual ValueTask<SoapLogin?> LogInAsync(CrmHttp http, SoapLogin? refused, CancellationToken cancellationToken) => default;

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Ends what the log-in needs.</summary>
    /// <param name="disposing">Always true.</param>
    protected virtual void Dispose(bool disposing)
    {
    }
}

/// <summary>What logs in within envelopes; good for a time, or until it is refused.</summary>
internal abstract class SoapLogin
{
    /// <summary>Gets the service's address as the log-in names it; null where it names none.</summary>
    public Uri? Address { get; init; }
}

/// <summary>The messages in the form of Organization.svc (2011).</summary>
/// <param name="endpoint">Where the service is, and who logs in.</param>
/// <param name="clock">The clock.</param>
internal sealed class OrganizationDialect(CrmEndpoint endpoint, TimeProvider clock) : SoapDialect
{
    private const string Service = "XRMServices/2011/Organization.svc";

    private readonly ClaimsLogin? claims = ClaimsLogin.For(endpoint);

    /// <inheritdoc/>
    public override OrganizationRequest Probe => new("RetrieveVersion", "the server's version") { IsRepeatable = true };

    /// <inheritdoc/>
    public override IEnumerable<string> Paths(string path, string? name)
    {
        if (path.Contains("Organization.svc", StringComparison.OrdinalIgnoreCase))
        {
            yield return path.EndsWith("/web", StringComparison.OrdinalIgnoreCase) ? path : path + "/web";
            yield break;
        }

        if (name is not null && !path.EndsWith("/" + name, StringComparison.OrdinalIgnoreCase))
            yield return $"{path}/{Uri.EscapeDataString(name)}/{Service}/web";
        yield return $"{path}/{Service}/web";
    }

    /// <inheritdoc/>
    public override string Action(OrganizationRequest request) => SoapNames.Services + "/IOrganizationService/Execute";

    /// <inheritdoc/>
    public override Version ReadVersion(OrganizationAnswer answer)
    {
        string text = answer.Result("Version")?.Value.Trim() ?? string.Empty;
        return Version.TryParse(text, out Version? version) ? version : throw AnswerErrors.Unreadable(Probe.What, $"\"{FaultTable.Cut(text)}\" is no version");
    }

    /// <inheritdoc/>
    public override bool Knows(OrganizationRequest request) => true;

    /// <inheritdoc/>
    public override string ContentType(OrganizationRequest request) =>
        claims?.Current is null ? base.ContentType(request) : $"application/soap+xml; charset=utf-8; action=\"{Action(request)}\"";

    /// <inheritdoc/>
    public override Task WriteAsync(OrganizationRequest request, XmlWriter xml, CancellationToken cancellationToken) => request.WriteEnvelopeAsync(
        xml, claims?.Current is { } token ? x => SecurityHeader.Write(x, token, Action(request), clock.GetUtcNow()) : null, cancellationToken);

    /// <inheritdoc/>
    public override OrganizationAnswer Read(CrmAnswer answer, OrganizationRequest request, string server)
    {
        XElement body = SoapBody.Read(answer, request.What, server);
        return body.Name.LocalName == "Fault" && claims?.Refusal(body, answer.Date, server, clock.GetUtcNow()) is { } refusal
            ? throw refusal : OrganizationAnswer.Read(body, request.What);
    }

    /// <inheritdoc/>
    public override async ValueTask<SoapLogin?> LogInAsync(CrmHttp http, SoapLogin? refused, CancellationToken cancellationToken) => claims is null ? null
        : await claims.GetAsync(http, Paths(endpoint.Url.AbsolutePath.TrimEnd('/'), endpoint.Organization), refused, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        claims?.Dispose();
    }
}

using System.Security.Cryptography;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using EmailRouter.Crm.Organization.Soap;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Organization.Claims;

/// <summary>Asks a token service, mostly AD FS, for tokens with user name and password (WS-Trust 1.3, <c>usernamemixed</c>).</summary>
/// <param name="address">Its endpoint for user names.</param>
/// <param name="login">Who logs in.</param>
internal sealed class TokenService(Uri address, CrmPassword login)
{
    private const string What = "a token";
    private const string Issue = ClaimsNames.Trust + "/Issue";
    private const string Action = ClaimsNames.Trust + "/RST/Issue";
    private const int KeyBits = 256;

    /// <summary>Gets a token.</summary>
    /// <param name="http">What carries requests; it refuses to send a password without TLS.</param>
    /// <param name="service">The address of the Organization.svc that the token is for.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The token.</returns>
    /// <exception cref="CrmException"><c>CrmLoginRefused</c>, <c>CrmRelyingPartyUnknown</c>, <c>CrmNotSupported</c>, or it cannot be
    /// reached.</exception>
    public async ValueTask<IssuedToken> IssueAsync(CrmHttp http, Uri service, CancellationToken cancellationToken)
    {
        byte[] entropy = RandomNumberGenerator.GetBytes(KeyBits / 8);
        var call = new CrmCall(
            HttpMethod.Post,
            address,
            $"{What} of {address.Authority}",
            () => new WrittenContent(
                (stream, stop) => stream.WriteAsync(Envelope(service, entropy, http.Clock.GetUtcNow()), stop).AsTask(), "application/soap+xml; charset=utf-8"),
            [("Accept", "application/soap+xml")],
            IsRepeatable: true)
        {
            Note = $" ({address.Authority})",
        };
        try
        {
            (XElement body, DateTimeOffset? date) = await http.ExchangeAsync(
                call,
                null,
                async (response, stop) =>
                {
                    var answer = CrmAnswer.From(response, await CrmHttp.ReadAsync(response, call.What, stop).ConfigureAwait(false), http.Clock);
                    return (SoapBody.Read(answer, call.What, address.Authority), answer.Date);
                },
                cancellationToken).ConfigureAwait(false);
            return body.Name.LocalName == "Fault"
                ? throw Refused(SecurityFault.Read(body), service, date, http.Clock.GetUtcNow())
                : IssuedToken.Read(body, entropy, service, http.Clock.GetUtcNow());
        }
        catch (CrmException e) when (e.ErrorId is "CrmNotFound" or "CrmRedirected" or "CrmWebPage" or "CrmNotSupported" or "CrmAccessDenied")
        {
            throw new CrmException(
                "CrmNotSupported",
                $"{address.Authority}, which gives the tokens for {http.Server}, takes no user names at {address.AbsolutePath}. {e.Message}",
                $"Enable the endpoint {address.AbsolutePath} in AD FS, also for its proxy where the router comes by that one.", e);
        }
    }

    private byte[] Envelope(Uri service, byte[] entropy, DateTimeOffset now)
    {
        using var stream = new MemoryStream();
        using (var xml = XmlWriter.Create(stream, new XmlWriterSettings { Encoding = new UTF8Encoding(false) }))
        {
            xml.WriteStartElement("s", "Envelope", ClaimsNames.Envelope);
            xml.WriteAttributeString("xmlns", "a", null, ClaimsNames.Addressing);
            xml.WriteStartElement("Header", ClaimsNames.Envelope);
            SecurityHeader.WriteAddressing(xml, Action, address);
            SecurityHeader.WriteStart(xml);
            xml.WriteRaw(SecurityHeader.Timestamp(now));
            xml.WriteStartElement("UsernameToken", ClaimsNames.Security);
            xml.WriteElementString("Username", ClaimsNames.Security, OrganizationRequest.Clean(login.UserName));
            xml.WriteStartElement("Password", ClaimsNames.Security);
            xml.WriteAttributeString("Type", ClaimsNames.PasswordText);
            xml.WriteString(OrganizationRequest.Clean(login.Secret));
            xml.WriteEndElement();
            xml.WriteEndElement();
            xml.WriteEndElement();
            xml.WriteEndElement();
            xml.WriteStartElement("Body", ClaimsNames.Envelope);
            WriteRequest(xml, service, entropy);
            xml.WriteEndElement();
            xml.WriteEndElement();
        }

        return stream.ToArray();
    }

    private static void WriteRequest(XmlWriter xml, Uri service, byte[] entropy)
    {
        xml.WriteStartElement("t", "RequestSecurityToken", ClaimsNames.Trust);
        xml.WriteStartElement("p", "AppliesTo", ClaimsNames.Policy);
        xml.WriteStartElement("EndpointReference", ClaimsNames.Addressing);
        xml.WriteElementString("Address", ClaimsNames.Addressing, service.AbsoluteUri);
        xml.WriteEndElement();
        xml.WriteEndElement();
        xml.WriteStartElement("Entropy", ClaimsNames.Trust);
        xml.WriteStartElement("BinarySecret", ClaimsNames.Trust);
        xml.WriteAttributeString("Type", ClaimsNames.Trust + "/Nonce");
        xml.WriteString(Convert.ToBase64String(entropy));
        xml.WriteEndElement();
        xml.WriteEndElement();
        xml.WriteElementString("KeySize", ClaimsNames.Trust, XmlConvert.ToString(KeyBits));
        xml.WriteElementString("KeyType", ClaimsNames.Trust, ClaimsNames.Trust + "/SymmetricKey");
        xml.WriteElementString("RequestType", ClaimsNames.Trust, Issue);
        xml.WriteEndElement();
    }

    private CrmException Refused(SecurityFault fault, Uri service, DateTimeOffset? date, DateTimeOffset now)
    {
        string said = fault.Reason.Length == 0 ? string.Join(", ", fault.Codes) : fault.Reason;
        if (login.Secret.Length > 0)
            said = said.Replace(login.Secret, "***", StringComparison.Ordinal);
        if (fault.IsUnknownParty)
        {
            return new CrmException(
                "CrmRelyingPartyUnknown",
                $"{address.Authority} gives no token for {service.AbsoluteUri}: {FaultTable.Cut(said)}",
                "Enter the organization's address as AD FS knows it, or add it to the identifiers of the CRM's relying party trust in AD FS.");
        }

        string words = $"{address.Authority} refused the log-in ({login}): {FaultTable.Cut(said)}";
        return AnswerErrors.ClockWords(date, now) is { } clock
            ? new CrmException("CrmLoginRefused", $"{words}; {clock}.", AnswerErrors.SetClock)
            : new CrmException(
                "CrmLoginRefused", words, "Check user name (as DOMAIN\\user or user@domain) and password of the deployment, and that the account may log in.");
    }
}

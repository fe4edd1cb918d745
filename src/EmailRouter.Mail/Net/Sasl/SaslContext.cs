namespace EmailRouter.Mail.Net.Sasl;

/// <summary>What mechanisms need to know of the connection they log in on.</summary>
/// <param name="Service">The service's registered GSSAPI name: <c>smtp</c>, <c>imap</c>, <c>pop</c>, <c>sieve</c>.</param>
/// <param name="Host">The server's name.</param>
/// <param name="Port">The server's port.</param>
/// <param name="IsSecure">Whether TLS is on.</param>
/// <param name="EndPointBinding">The <c>tls-server-end-point</c> channel binding (RFC 5929 4); null where there is none.</param>
internal sealed record SaslContext(string Service, string Host, int Port, bool IsSecure, byte[]? EndPointBinding)
{
    /// <summary>Describes a connection.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="service">The service's registered GSSAPI name.</param>
    /// <returns>What mechanisms need to know.</returns>
    public static SaslContext Of(ProtocolStream stream, string service) =>
        new(service, stream.Host, stream.Port, stream.IsSecure, stream.IsSecure ? stream.GetEndPointBinding() : null);
}

using System.Security.Cryptography;

namespace EmailRouter.Mail.Net.Sasl;

/// <summary>
/// Chooses the mechanisms to try with a server: those first that give the least away. A token is not a password; SCRAM proves both sides and shows the server
/// nothing it could use elsewhere; PLAIN and LOGIN hand the password over and need TLS. CRAM-MD5 and NTLM make the server keep the password or its equal,
/// and whoever listens can guess it at leisure: they come before PLAIN only where there is no TLS.
/// </summary>
internal static class SaslSelection
{
    private static readonly string[] Strong =
    [
        "SCRAM-SHA-512-PLUS", "SCRAM-SHA-512", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1",
    ];

    private static readonly string[] UnderTls = ["OAUTHBEARER", "XOAUTH2", "GSSAPI", "GSS-SPNEGO", .. Strong, "PLAIN", "LOGIN", "CRAM-MD5", "NTLM"];
    private static readonly string[] InTheClear = ["OAUTHBEARER", "XOAUTH2", "GSSAPI", "GSS-SPNEGO", .. Strong, "CRAM-MD5", "NTLM", "PLAIN", "LOGIN"];

    /// <summary>Chooses.</summary>
    /// <param name="offered">What the server offers.</param>
    /// <param name="stream">The connection.</param>
    /// <param name="endpoint">The order the administrator wishes, if any, and what may cross a line without TLS.</param>
    /// <param name="credential">The credential.</param>
    /// <param name="service">The service's registered GSSAPI name: <c>smtp</c>, <c>imap</c>, <c>pop</c>, <c>sieve</c>.</param>
    /// <returns>The mechanisms to try, best first.</returns>
    /// <exception cref="MailAuthenticationException">All that would do reveal the password, and the connection has no TLS.</exception>
    public static IReadOnlyList<ISaslMechanism> Choose(
        IEnumerable<string> offered, ProtocolStream stream, MailEndpoint endpoint, MailCredential credential, string service)
    {
        IReadOnlyList<ISaslMechanism> usable = Choose(offered, SaslContext.Of(stream, service), endpoint, credential);
        if (stream.IsSecure || endpoint.AllowPlainTextPassword)
            return usable;
        ISaslMechanism[] harmless = [.. usable.Where(m => !m.RevealsSecret)];
        if (harmless.Length == 0 && usable.Count > 0)
            RequireProtection(stream, endpoint);
        return harmless;
    }

    /// <summary>Chooses without regard to what may cross a line without TLS.</summary>
    /// <param name="offered">What the server offers.</param>
    /// <param name="context">The connection.</param>
    /// <param name="endpoint">The order the administrator wishes, if any.</param>
    /// <param name="credential">The credential.</param>
    /// <returns>The mechanisms to try, best first.</returns>
    public static IReadOnlyList<ISaslMechanism> Choose(IEnumerable<string> offered, SaslContext context, MailEndpoint endpoint, MailCredential credential)
    {
        var available = new HashSet<string>(offered, StringComparer.OrdinalIgnoreCase);
        IEnumerable<string> order = endpoint.Mechanisms.Count > 0 ? endpoint.Mechanisms : context.IsSecure ? UnderTls : InTheClear;
        bool wished = endpoint.Mechanisms.Count > 0;
        return
        [
            .. order.Where(available.Contains)
                .Select(name => Create(name.ToUpperInvariant(), credential, context, available, wished))
                .OfType<ISaslMechanism>(),
        ];
    }

    /// <summary>Refuses to send a password over a line that everybody can read, unless the administrator allowed it.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="endpoint">What the administrator allowed.</param>
    /// <exception cref="MailAuthenticationException">The connection has no TLS.</exception>
    public static void RequireProtection(ProtocolStream stream, MailEndpoint endpoint)
    {
        if (stream.IsSecure || endpoint.AllowPlainTextPassword)
            return;
        throw new MailAuthenticationException(
            "MailPasswordNeedsTls",
            $"{stream.Where}: the password was not sent, because the connection has no TLS.",
            "Use implicit TLS or STARTTLS; or allow plain text passwords for this server if the network between is yours.")
        {
            Conversation = stream.Log.Lines,
        };
    }

    private static ISaslMechanism? Create(string name, MailCredential credential, SaslContext context, HashSet<string> offered, bool wished) =>
        (name, credential) switch
        {
            ("PLAIN", PasswordCredential p) => new SaslPlain(p.UserName, p.Secret, p.AuthorizationId),
            ("LOGIN", PasswordCredential p) => new SaslLogin(p.UserName, p.Secret),
            ("CRAM-MD5", PasswordCredential p) => new SaslCramMd5(p.UserName, p.Secret),
            ("NTLM", PasswordCredential or ProcessCredential) => SaslNegotiate.Create(name, credential, context),

            // A user name and a password would be asked of a realm's key distribution center that there mostly is none of: only on the administrator's wish.
            ("GSSAPI" or "GSS-SPNEGO", PasswordCredential) when wished => SaslNegotiate.Create(name, credential, context),
            ("GSSAPI" or "GSS-SPNEGO", ProcessCredential) => SaslNegotiate.Create(name, credential, context),
            ("XOAUTH2", TokenCredential t) => new SaslXOAuth2(t),
            ("OAUTHBEARER", TokenCredential t) => new SaslOAuthBearer(t, context.Host, context.Port),
            ("SCRAM-SHA-1" or "SCRAM-SHA-1-PLUS", PasswordCredential p) => Scram(HashAlgorithmName.SHA1, name, p, context, offered),
            ("SCRAM-SHA-256" or "SCRAM-SHA-256-PLUS", PasswordCredential p) => Scram(HashAlgorithmName.SHA256, name, p, context, offered),
            ("SCRAM-SHA-512" or "SCRAM-SHA-512-PLUS", PasswordCredential p) => Scram(HashAlgorithmName.SHA512, name, p, context, offered),
            _ => null,
        };

    private static SaslScram? Scram(HashAlgorithmName hash, string name, PasswordCredential credential, SaslContext context, HashSet<string> offered)
    {
        bool plus = name.EndsWith("-PLUS", StringComparison.Ordinal);
        if (plus && context.EndPointBinding is null)
            return null;
        if (!SaslPrep.TryPrepare(credential.UserName, out string user) || !SaslPrep.TryPrepare(credential.Secret, out string password))
            return null;        // RFC 5802 cannot carry it; another mechanism may

        // "y" says that we could bind and the server seems not to offer it: if somebody removed the offer on the way, the server finds out (RFC 5802 6).
        bool removed = context.EndPointBinding is not null && !offered.Any(o => o.EndsWith("-PLUS", StringComparison.OrdinalIgnoreCase));
        ScramBinding binding = plus ? ScramBinding.EndPoint : removed ? ScramBinding.NotOffered : ScramBinding.None;
        return new SaslScram(hash, user, password, credential.AuthorizationId, binding, context.EndPointBinding)
        {
            // Over a clear line the hash can be guessed at by whoever listens, so there the server must not make it cheap (RFC 5802 5.1).
            FewestIterations = context.IsSecure ? 1 : 4096,
        };
    }
}

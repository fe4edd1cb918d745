namespace EmailRouter.Mail.Net.Sasl;

/// <summary>Chooses the mechanisms to try with a server.</summary>
internal static class SaslSelection
{
    /// <summary>The client's own order, best first.</summary>
    private static readonly string[] Preferred = ["PLAIN", "LOGIN"];

    /// <summary>Chooses.</summary>
    /// <param name="offered">What the server offers.</param>
    /// <param name="endpoint">The order the administrator wishes, if any.</param>
    /// <param name="credential">The credential.</param>
    /// <returns>The mechanisms to try, best first.</returns>
    public static IReadOnlyList<ISaslMechanism> Choose(IEnumerable<string> offered, MailEndpoint endpoint, MailCredential credential)
    {
        var available = new HashSet<string>(offered, StringComparer.OrdinalIgnoreCase);
        IEnumerable<string> order = endpoint.Mechanisms.Count > 0 ? endpoint.Mechanisms : Preferred;
        return [.. order.Where(available.Contains).Select(name => Create(name, credential)).OfType<ISaslMechanism>()];
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

    private static ISaslMechanism? Create(string name, MailCredential credential) => (name.ToUpperInvariant(), credential) switch
    {
        ("PLAIN", PasswordCredential p) => new SaslPlain(p.UserName, p.Secret),
        ("LOGIN", PasswordCredential p) => new SaslLogin(p.UserName, p.Secret),
        _ => null,
    };
}

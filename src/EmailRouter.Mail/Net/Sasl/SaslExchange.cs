using System.Text;

namespace EmailRouter.Mail.Net.Sasl;

/// <summary>What a server said within a SASL exchange.</summary>
/// <typeparam name="TReply">The protocol's own reply.</typeparam>
/// <param name="Reply">The reply.</param>
/// <param name="Challenge">The challenge as text, when the exchange goes on; null when the reply ends it.</param>
/// <param name="Final">The last message of the mechanism where the protocol lets it come with the success (RFC 5804 2.1); otherwise null.</param>
internal readonly record struct SaslTurn<TReply>(TReply Reply, string? Challenge, string? Final = null);

/// <summary>How a SASL exchange ended.</summary>
/// <typeparam name="TReply">The protocol's own reply.</typeparam>
/// <param name="Reply">The last reply.</param>
/// <param name="CredentialSent">Whether anything of the credential was sent; if not, another mechanism may be tried without counting as a failed login.</param>
/// <param name="ServerProven">Whether the mechanism is content with the server.</param>
internal readonly record struct SaslOutcome<TReply>(TReply Reply, bool CredentialSent, bool ServerProven);

/// <summary>Runs a SASL exchange over a line protocol. POP3 (RFC 5034), SMTP (RFC 4954), IMAP and ManageSieve differ only in how a turn looks.</summary>
internal static class SaslExchange
{
    private const int MostTurns = 10;

    /// <summary>Shorter messages cannot be told from the server's own words when it repeats them.</summary>
    private const int ShortestHidden = 8;

    /// <summary>Runs the exchange.</summary>
    /// <typeparam name="TReply">The protocol's own reply.</typeparam>
    /// <param name="mechanism">The mechanism.</param>
    /// <param name="initialResponse">Whether the first message may go with the command.</param>
    /// <param name="stream">The connection, for its log and errors.</param>
    /// <param name="say">Sends a message and reads the reply.</param>
    /// <param name="cancellationToken">Stops the exchange.</param>
    /// <returns>How it ended.</returns>
    /// <exception cref="MailProtocolException">The server failed to prove itself, or goes on asking without end.</exception>
    public static async ValueTask<SaslOutcome<TReply>> RunAsync<TReply>(
        ISaslMechanism mechanism,
        bool initialResponse,
        ProtocolStream stream,
        Func<SaslMessage, CancellationToken, ValueTask<SaslTurn<TReply>>> say,
        CancellationToken cancellationToken)
    {
        byte[]? first = initialResponse ? await mechanism.StartAsync(cancellationToken).ConfigureAwait(false) : null;
        bool sent = first is not null;
        Hide(stream, first);
        SaslTurn<TReply> turn = await say(new SaslMessage(mechanism.Name, first), cancellationToken).ConfigureAwait(false);
        bool started = initialResponse;
        for (int turns = 0; turn.Challenge is { } challenge; turns++)
        {
            if (turns == MostTurns)
                throw stream.Protocol("MailProtocolError", $"the server goes on asking after {MostTurns} answers to {mechanism.Name}");
            byte[]? answer = null;
            if (!started)
            {
                started = true;
                answer = await mechanism.StartAsync(cancellationToken).ConfigureAwait(false);
            }

            answer ??= await mechanism.RespondAsync(Decode(challenge), cancellationToken).ConfigureAwait(false);
            ThrowIfRefuted(mechanism, stream);
            sent |= answer is not null;
            Hide(stream, answer);
            turn = await say(new SaslMessage(null, answer), cancellationToken).ConfigureAwait(false);
        }

        if (turn.Final is { } final)
        {
            await mechanism.RespondAsync(Decode(final), cancellationToken).ConfigureAwait(false);
            ThrowIfRefuted(mechanism, stream);
        }

        return new SaslOutcome<TReply>(turn.Reply, sent, mechanism.IsComplete);
    }

    /// <summary>The texts that must not appear in the log when a server repeats what it was sent.</summary>
    /// <param name="credential">The credential.</param>
    /// <returns>The password, plain and as the mechanisms encode it.</returns>
    public static string[] Secrets(MailCredential credential) => credential is PasswordCredential { Secret.Length: > 0 } p
        ?
        [
            p.Secret,
            Convert.ToBase64String(Encoding.UTF8.GetBytes(p.Secret)),
            Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{p.UserName}\0{p.Secret}")),
        ]
        : [];

    private static void Hide(ProtocolStream stream, byte[]? data)
    {
        if (data is { Length: >= ShortestHidden })
            stream.Log.HideAlso(Convert.ToBase64String(data));
    }

    private static void ThrowIfRefuted(ISaslMechanism mechanism, ProtocolStream stream)
    {
        if (mechanism.Refutation is not { } why)
            return;
        throw stream.Protocol(
            "MailServerNotProven",
            $"the server could not prove with {mechanism.Name} that it knows the password: {why}",
            "This may not be the right server, or somebody sits in between. Check host, port and certificate; the password itself was not sent.",
            MailStep.Authenticate);
    }

    /// <summary>Decodes a challenge; some servers put words there (MailKit #268), which only PLAIN and LOGIN meet and ignore.</summary>
    private static byte[] Decode(string challenge)
    {
        byte[] bytes = new byte[challenge.Length];
        return Convert.TryFromBase64String(challenge, bytes, out int length) ? bytes[..length] : [];
    }
}

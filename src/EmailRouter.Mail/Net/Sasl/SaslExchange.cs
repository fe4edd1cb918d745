using System.Text;

namespace EmailRouter.Mail.Net.Sasl;

/// <summary>What a server said within a SASL exchange.</summary>
/// <typeparam name="TReply">The protocol's own reply.</typeparam>
/// <param name="Reply">The reply.</param>
/// <param name="Challenge">The challenge as text, when the exchange goes on; null when the reply ends it.</param>
internal readonly record struct SaslTurn<TReply>(TReply Reply, string? Challenge);

/// <summary>How a SASL exchange ended.</summary>
/// <typeparam name="TReply">The protocol's own reply.</typeparam>
/// <param name="Reply">The last reply.</param>
/// <param name="CredentialSent">Whether anything of the credential was sent; if not, another mechanism may be tried without counting as a failed login.</param>
/// <param name="ServerProven">Whether the mechanism is content with the server.</param>
internal readonly record struct SaslOutcome<TReply>(TReply Reply, bool CredentialSent, bool ServerProven);

/// <summary>Runs a SASL exchange over a line protocol. POP3 (RFC 5034) and SMTP (RFC 4954) differ only in how a turn looks.</summary>
internal static class SaslExchange
{
    private const int MostTurns = 10;

    /// <summary>Runs the exchange.</summary>
    /// <typeparam name="TReply">The protocol's own reply.</typeparam>
    /// <param name="mechanism">The mechanism.</param>
    /// <param name="initialResponse">Whether the first message may go with the command.</param>
    /// <param name="stream">The connection, for its log and errors.</param>
    /// <param name="say">Sends a line, shown in the log as the second argument, and reads the reply.</param>
    /// <param name="cancellationToken">Stops the exchange.</param>
    /// <returns>How it ended.</returns>
    public static async ValueTask<SaslOutcome<TReply>> RunAsync<TReply>(
        ISaslMechanism mechanism,
        bool initialResponse,
        ProtocolStream stream,
        Func<string, string?, CancellationToken, ValueTask<SaslTurn<TReply>>> say,
        CancellationToken cancellationToken)
    {
        bool sent = false;
        string command = "AUTH " + mechanism.Name;
        byte[]? first = initialResponse ? await mechanism.StartAsync(cancellationToken).ConfigureAwait(false) : null;
        SaslTurn<TReply> turn;
        if (first is null)
        {
            turn = await say(command, null, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            sent = true;
            string encoded = first.Length == 0 ? "=" : Convert.ToBase64String(first);     // RFC 4954 4: an empty response is "="
            turn = await say($"{command} {encoded}", $"{command} {ProtocolLog.Mask}", cancellationToken).ConfigureAwait(false);
        }

        bool started = initialResponse;
        for (int turns = 0; turn.Challenge is { } challenge; turns++)
        {
            if (turns == MostTurns)
                throw stream.Protocol("MailProtocolError", $"the server goes on asking after {MostTurns} answers to AUTH {mechanism.Name}");
            byte[]? answer = null;
            if (!started)
            {
                started = true;
                answer = await mechanism.StartAsync(cancellationToken).ConfigureAwait(false);
            }

            answer ??= await mechanism.RespondAsync(Decode(challenge), cancellationToken).ConfigureAwait(false);
            sent |= answer is not null;
            turn = answer is null
                ? await say("*", null, cancellationToken).ConfigureAwait(false)
                : await say(Convert.ToBase64String(answer), ProtocolLog.Mask, cancellationToken).ConfigureAwait(false);
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

    /// <summary>Decodes a challenge; some servers put words there (MailKit #268), which only PLAIN and LOGIN meet and ignore.</summary>
    private static byte[] Decode(string challenge)
    {
        byte[] bytes = new byte[challenge.Length];
        return Convert.TryFromBase64String(challenge, bytes, out int length) ? bytes[..length] : [];
    }
}

using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Pop3;

/// <summary>Turns negative answers of POP3 servers into exceptions with stable ids and remedies.</summary>
internal static class Pop3Errors
{
    /// <summary>Words by which servers without response codes say that another session holds the mailbox.</summary>
    private static readonly string[] LockWords = ["lock", "in use", "busy", "already open", "another session", "already logged"];

    /// <summary>Words by which servers say that there is no such message any more.</summary>
    private static readonly string[] GoneWords =
        ["no such", "no message", "deleted", "not exist", "not found", "unknown message", "invalid message", "expunged", "gone"];

    /// <summary>A refused login. Only bad credentials are an authentication error: a locked mailbox is nobody's wrong password.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="response">The answer.</param>
    /// <param name="mechanism">How the login was tried.</param>
    /// <param name="capabilities">What the server announced, for its login delay.</param>
    /// <param name="explanation">What was said about it within the exchange.</param>
    /// <returns>The exception to throw.</returns>
    public static MailCommandException Login(
        ProtocolStream stream, Pop3Response response, string mechanism, Pop3Capabilities capabilities, string explanation = "")
    {
        bool locked = response.Code.Length == 0 && Array.Exists(LockWords, w => response.Text.Contains(w, StringComparison.OrdinalIgnoreCase));
        if (locked || response.Code is "IN-USE" or "LOGIN-DELAY" or "SYS/TEMP" or "SYS/PERM")
            return Refused(stream, locked ? response with { Code = "IN-USE" } : response, MailStep.OpenMailbox, "the login", capabilities);
        string why = explanation.Length > 0 ? $" ({stream.Log.Clean(System.Text.Encoding.UTF8.GetBytes(explanation))})" : string.Empty;
        return new MailAuthenticationException(
            "MailAuthenticationFailed",
            $"{stream.Where}: the server refused the login with {mechanism}: {Show(stream, response)}{why}",
            "Check user name and password, whether the account is locked or needs an app password, and whether POP3 is enabled for it.")
        {
            Reply = Show(stream, response),
            Conversation = stream.Log.Lines,
        };
    }

    /// <summary>A refused command.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="response">The answer.</param>
    /// <param name="step">The step.</param>
    /// <param name="what">What was refused.</param>
    /// <param name="capabilities">What the server announced, for its login delay.</param>
    /// <returns>The exception to throw.</returns>
    public static MailCommandException Refused(
        ProtocolStream stream, Pop3Response response, MailStep step, string what, Pop3Capabilities? capabilities = null)
    {
        (string id, string remedy, bool transient, TimeSpan? after) = response.Code switch
        {
            "IN-USE" => ("MailMailboxInUse", "Another session holds the mailbox; it is tried again. Stop other programs that poll it.", true, (TimeSpan?)null),
            "LOGIN-DELAY" => ("MailLoginDelay", "The server wants more time between logins; poll this mailbox less often.", true, capabilities?.LoginDelay),
            "SYS/TEMP" => ("MailServerTemporarilyUnavailable", "The server has a passing problem; it is tried again.", true, null),
            "SYS/PERM" => ("MailServerRefused", "The server has a lasting problem with this mailbox; ask its administrator.", false, null),
            "AUTH" => ("MailAuthenticationFailed", "Check user name and password.", false, null),
            _ => ("MailServerRefused", "See what the server says; ask its administrator if it stays.", false, null),
        };
        return new MailCommandException(id, step, $"{stream.Where}: the server refused {what}: {Show(stream, response)}", remedy)
        {
            Reply = Show(stream, response),
            IsTransient = transient,
            RetryAfter = after,
            Conversation = stream.Log.Lines,
        };
    }

    /// <summary>A message that the server will not hand out: gone since it was listed, or damaged.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="response">The answer.</param>
    /// <param name="message">Which message.</param>
    /// <returns>The error to hand to whoever asked for the message.</returns>
    public static MailCommandException Message(ProtocolStream stream, Pop3Response response, MessageRef message)
    {
        bool temporary = response.Code is "SYS/TEMP" or "IN-USE";
        bool gone = !temporary && Array.Exists(GoneWords, w => response.Text.Contains(w, StringComparison.OrdinalIgnoreCase));
        (string id, string remedy) = (temporary, gone) switch
        {
            (true, _) => ("MailServerTemporarilyUnavailable", "It is tried again."),
            (_, true) => (MailException.MessageGone, "Somebody else has removed it since it was listed; nothing is to be done."),
            _ => ("MailMessageUnavailable", "It may be damaged on the server; have its administrator look at it."),
        };
        return new MailCommandException(id, MailStep.Fetch, $"{stream.Where}: message {message.Id} cannot be fetched: {Show(stream, response)}", remedy)
        {
            Reply = Show(stream, response),
            IsTransient = temporary,
            Conversation = stream.Log.Lines,
        };
    }

    private static string Show(ProtocolStream stream, Pop3Response response) => stream.Log.Clean(System.Text.Encoding.UTF8.GetBytes(response.ToString()));
}

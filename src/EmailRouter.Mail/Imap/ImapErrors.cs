using System.Text;
using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Imap;

/// <summary>Turns negative answers of IMAP servers (RFC 9051 7.1, RFC 5530) into exceptions with stable ids and remedies.</summary>
internal static class ImapErrors
{
    /// <summary>A refused login. Only a bad credential is an authentication error: a server that is busy is nobody's wrong password.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="response">The answer.</param>
    /// <param name="mechanism">How the login was tried.</param>
    /// <param name="explanation">What was said about it within the exchange.</param>
    /// <returns>The exception to throw.</returns>
    public static MailCommandException Login(ProtocolStream stream, ImapResponse response, string mechanism, string explanation = "")
    {
        if (response.Code is "UNAVAILABLE" or "INUSE" or "LIMIT" or "SERVERBUG" or "THROTTLED" or "CONTACTADMIN")
            return Refused(stream, response, MailStep.OpenMailbox, "the login");
        (string id, string remedy) = response.Code switch
        {
            "PRIVACYREQUIRED" => ("MailPasswordNeedsTls", "The server wants TLS before a password; use implicit TLS or STARTTLS."),
            "EXPIRED" => ("MailAuthenticationFailed", "The password has expired; set another and store it."),
            "AUTHORIZATIONFAILED" => ("MailAuthenticationFailed", "The credential is right, but it may not open this mailbox; check the permissions."),
            _ => ("MailAuthenticationFailed", "Check user name and password, whether the account is locked or needs an app password, and whether IMAP is enabled for it."),
        };
        string why = explanation.Length > 0 ? $" ({stream.Log.Clean(Encoding.UTF8.GetBytes(explanation))})" : string.Empty;
        return new MailAuthenticationException(id, $"{stream.Where}: the server refused the login with {mechanism}: {Show(stream, response)}{why}", remedy)
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
    /// <returns>The exception to throw.</returns>
    public static MailCommandException Refused(ProtocolStream stream, ImapResponse response, MailStep step, string what)
    {
        (string id, string remedy, bool transient) = response.Code switch
        {
            "UNAVAILABLE" or "SERVERBUG" => ("MailServerTemporarilyUnavailable", "The server has a passing problem; it is tried again.", true),
            "INUSE" => ("MailMailboxInUse", "Another session holds the mailbox; it is tried again.", true),
            "LIMIT" or "THROTTLED" => ("MailServerThrottled", "The server wants fewer connections or commands; poll less often, or with fewer connections.", true),
            "OVERQUOTA" => ("MailMailboxFull", "The mailbox is over its quota; make room, or delete messages instead of moving them.", true),
            "NONEXISTENT" or "TRYCREATE" => ("MailFolderNotFound", "Check the folder's name in the profile.", false),
            "NOPERM" or "CONTACTADMIN" => ("MailServerRefused", "The server has a lasting problem with this; ask its administrator.", false),
            _ => ("MailServerRefused", "See what the server says; ask its administrator if it stays.", false),
        };
        return new MailCommandException(id, step, $"{stream.Where}: the server refused {what}: {Show(stream, response)}", remedy)
        {
            Reply = Show(stream, response),
            IsTransient = transient,
            Conversation = stream.Log.Lines,
        };
    }

    /// <summary>A folder that keeps no such keyword.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="keyword">The keyword.</param>
    /// <returns>The exception to throw.</returns>
    public static MailCommandException NoKeyword(ProtocolStream stream, string folder, string keyword) => new(
        "MailSettlementNotSupported",
        MailStep.Settle,
        $"{stream.Where}: the server keeps no keyword {keyword} in {folder}.",
        "Choose a category that the server knows, or another settlement.")
    {
        Conversation = stream.Log.Lines,
    };

    /// <summary>The server closes the connection.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="response">Its last words.</param>
    /// <returns>The exception to throw.</returns>
    public static MailConnectionException Bye(ProtocolStream stream, ImapResponse response)
    {
        stream.Kill("the server said BYE");
        return new MailConnectionException(
            "MailConnectionLost",
            stream.CurrentStep,
            $"{stream.Where}: the server closed the connection: {Show(stream, response)}",
            "It is tried again. When it happens always, look into the server's log.")
        {
            IsTransient = true,
            Conversation = stream.Log.Lines,
        };
    }

    /// <summary>A message that the server no longer has.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="message">Which message.</param>
    /// <returns>The error to hand to whoever asked for the message.</returns>
    public static MailCommandException Gone(ProtocolStream stream, MessageRef message) => new(
        MailException.MessageGone,
        MailStep.Fetch,
        $"{stream.Where}: message {message.Id} is no longer there.",
        "Somebody else has moved or removed it since it was listed; nothing is to be done.")
    {
        Conversation = stream.Log.Lines,
    };

    /// <summary>A message that the server will not hand out, or hands out wrongly.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="message">Which message.</param>
    /// <param name="why">What happened.</param>
    /// <param name="response">The answer, where there was one.</param>
    /// <returns>The error to hand to whoever asked for the message.</returns>
    public static MailCommandException Unavailable(ProtocolStream stream, MessageRef message, string why, ImapResponse? response = null)
    {
        bool temporary = response?.Code is "UNAVAILABLE" or "INUSE" or "SERVERBUG" or "LIMIT" or "THROTTLED";
        return new MailCommandException(
            temporary ? "MailServerTemporarilyUnavailable" : "MailMessageUnavailable",
            MailStep.Fetch,
            $"{stream.Where}: message {message.Id} cannot be fetched: {why}",
            temporary ? "It is tried again." : "It may be damaged on the server; have its administrator look at it.")
        {
            Reply = response is { } given ? Show(stream, given) : string.Empty,
            IsTransient = temporary,
            Conversation = stream.Log.Lines,
        };
    }

    /// <summary>Shows an answer without secrets.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="response">The answer.</param>
    /// <returns>The text.</returns>
    public static string Show(ProtocolStream stream, ImapResponse response) => stream.Log.Clean(Encoding.UTF8.GetBytes(response.ToString()));
}

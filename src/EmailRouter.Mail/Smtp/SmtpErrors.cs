using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Smtp;

/// <summary>Turns replies of SMTP servers that concern the connection, not a message, into exceptions with stable ids and remedies.</summary>
internal static class SmtpErrors
{
    /// <summary>The server does not want to talk to this machine, or not now.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="response">The reply.</param>
    /// <param name="step">The step.</param>
    /// <returns>The exception to throw.</returns>
    public static MailConnectionException TurnedAway(ProtocolStream stream, SmtpResponse response, MailStep step) => new(
        response.IsAboutConnections() ? MailException.TooManyConnections : "MailServerRefusedConnection",
        step,
        $"{stream.Where}: the server turned the connection away: {response}",
        "The server may be overloaded, limit the connections of one machine, or refuse this machine's address; ask its administrator if it stays.")
    {
        IsTransient = response.Code < 500,
        RetryAfter = response.FindRetryAfter(),
        Conversation = stream.Log.Lines,
    };

    /// <summary>A refused login.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="response">The reply.</param>
    /// <param name="mechanism">How the login was tried.</param>
    /// <param name="explanation">What was said about it within the exchange.</param>
    /// <returns>The exception to throw.</returns>
    public static MailCommandException Login(ProtocolStream stream, SmtpResponse response, string mechanism, string explanation)
    {
        string reply = Show(stream, response)
            + (explanation.Length > 0 ? $" ({stream.Log.Clean(System.Text.Encoding.UTF8.GetBytes(explanation))})" : string.Empty);
        if (response.Code < 500)
        {
            return new MailCommandException(
                response.IsAboutConnections() ? MailException.TooManyConnections : "MailServerTemporarilyUnavailable",
                MailStep.Authenticate,
                $"{stream.Where}: the server cannot check the login with {mechanism} now: {reply}",
                "The server has a passing problem, or there were too many attempts; it is tried again later.")
            {
                Reply = reply,
                IsTransient = true,
                RetryAfter = response.FindRetryAfter(),
                Conversation = stream.Log.Lines,
            };
        }

        return new MailAuthenticationException(
            "MailAuthenticationFailed",
            $"{stream.Where}: the server refused the login with {mechanism}: {reply}",
            "Check user name and password, whether the account is locked or needs an app password, and whether it may send by SMTP.")
        {
            Reply = reply,
            Conversation = stream.Log.Lines,
        };
    }

    /// <summary>The server wants a login or TLS first (530), which is a matter of the profile and not of the message.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="response">The reply.</param>
    /// <returns>The exception to throw.</returns>
    public static MailAuthenticationException Required(ProtocolStream stream, SmtpResponse response) => new(
        "MailAuthenticationRequired",
        $"{stream.Where}: the server takes no message from us as we are: {response}",
        "Give the profile a credential, and TLS where the server asks for it.")
    {
        Reply = response.ToString(),
        Conversation = stream.Log.Lines,
    };

    /// <summary>A refused command that is no part of a message.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="response">The reply.</param>
    /// <param name="step">The step.</param>
    /// <param name="what">What was refused.</param>
    /// <returns>The exception to throw.</returns>
    public static MailCommandException Refused(ProtocolStream stream, SmtpResponse response, MailStep step, string what) => new(
        "MailServerRefused", step, $"{stream.Where}: the server refused {what}: {response}", "See what the server says; ask its administrator if it stays.")
    {
        Reply = response.ToString(),
        IsTransient = response.Code < 500,
        RetryAfter = response.FindRetryAfter(),
        Conversation = stream.Log.Lines,
    };

    private static string Show(ProtocolStream stream, SmtpResponse response) => stream.Log.Clean(System.Text.Encoding.UTF8.GetBytes(response.ToString()));
}

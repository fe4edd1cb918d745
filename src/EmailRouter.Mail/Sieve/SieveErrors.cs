using System.Text;
using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Sieve;

/// <summary>Turns negative answers of ManageSieve servers into exceptions with stable ids and remedies (response codes: RFC 5804 1.3).</summary>
internal static class SieveErrors
{
    /// <summary>The server does not want to talk to this machine, or sends it elsewhere.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="response">The answer.</param>
    /// <param name="step">The step.</param>
    /// <returns>The exception to throw.</returns>
    public static MailConnectionException TurnedAway(ProtocolStream stream, SieveResponse response, MailStep step) => new(
        "MailServerRefusedConnection",
        step,
        $"{stream.Where}: the server ended the connection: {Show(stream, response)}",
        response.Code == "REFERRAL"
            ? $"The server refers to {string.Join(' ', response.CodeArguments)}: enter that host."
            : "The server may be overloaded or refuse this machine's address; ask its administrator if it stays.")
    {
        IsTransient = response.Code != "REFERRAL",
        Conversation = stream.Log.Lines,
    };

    /// <summary>A refused login.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="response">The answer.</param>
    /// <param name="mechanism">How the login was tried.</param>
    /// <param name="explanation">What was said about it within the exchange.</param>
    /// <returns>The exception to throw.</returns>
    public static MailException Login(ProtocolStream stream, SieveResponse response, string mechanism, string explanation)
    {
        if (response.Status == "BYE")
            return TurnedAway(stream, response, MailStep.Authenticate);
        if (response.Code == "TRYLATER")
            return Refused(stream, response, MailStep.Authenticate, "the login");
        string why = explanation.Length > 0 ? $" ({stream.Log.Clean(Encoding.UTF8.GetBytes(explanation))})" : string.Empty;
        string remedy = response.Code switch
        {
            "ENCRYPT-NEEDED" => "The server wants TLS first: choose STARTTLS.",
            "AUTH-TOO-WEAK" => "The server wants a stronger mechanism than this one; see which it offers.",
            "TRANSITION-NEEDED" => "The account must be logged in to once by PLAIN, so that the server can make the secrets of other mechanisms.",
            _ => "Check user name and password, whether the account is locked, and whether ManageSieve is enabled for it.",
        };
        return new MailAuthenticationException(
            "MailAuthenticationFailed", $"{stream.Where}: the server refused the login with {mechanism}: {Show(stream, response)}{why}", remedy)
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
    public static MailException Refused(ProtocolStream stream, SieveResponse response, MailStep step, string what)
    {
        if (response.Status == "BYE")
            return TurnedAway(stream, response, step);
        (string id, string remedy) = response.Code switch
        {
            "NONEXISTENT" => ("MailScriptMissing", "Somebody has removed or renamed the script meanwhile; try again."),
            "ALREADYEXISTS" => ("MailScriptExists", "Choose another name."),
            "ACTIVE" => ("MailScriptActive", "Activate another script first."),
            "TRYLATER" => ("MailServerTemporarilyUnavailable", "The server has a passing problem; try again."),
            _ when response.Code.StartsWith("QUOTA", StringComparison.Ordinal) =>
                ("MailScriptQuota", "Remove scripts from the mailbox, or have the server's administrator allow more."),
            _ => ("MailServerRefused", "See what the server says; ask its administrator if it stays."),
        };
        return new MailCommandException(id, step, $"{stream.Where}: the server refused {what}: {Show(stream, response)}", remedy)
        {
            Reply = Show(stream, response),
            IsTransient = response.Code == "TRYLATER",
            Conversation = stream.Log.Lines,
        };
    }

    private static string Show(ProtocolStream stream, SieveResponse response) => stream.Log.Clean(Encoding.UTF8.GetBytes(response.ToString()));
}

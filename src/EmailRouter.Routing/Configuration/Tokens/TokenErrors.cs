using System.Globalization;
using System.Text.RegularExpressions;
using EmailRouter.Crm;
using EmailRouter.Mail;
using Microsoft.Identity.Client;

namespace EmailRouter.Routing.Configuration;

/// <summary>No token, in words; becomes an error of the mail side or the CRM side, whichever asked.</summary>
/// <param name="kind"><c>SignInNeeded</c>, <c>Refused</c> or <c>Unavailable</c>.</param>
/// <param name="message">Why, to stand after a colon.</param>
/// <param name="remedy">What to do about it.</param>
/// <param name="inner">The cause.</param>
internal sealed class TokenException(string kind, string message, string remedy, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Gets the kind.</summary>
    public string Kind { get; } = kind;

    /// <summary>Gets what to do about it.</summary>
    public string Remedy { get; } = remedy;

    /// <summary>Gets how long to wait, where the provider says so.</summary>
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>Puts what identity providers answer into words. Their codes: "Microsoft Entra authentication and authorization error codes".</summary>
internal static partial class TokenErrors
{
    private const string SignIn = "SignInNeeded";
    private const string Refused = "Refused";
    private const string Unavailable = "Unavailable";

    /// <summary>Says that a person must sign in.</summary>
    /// <param name="subject">Whom the token is for.</param>
    /// <param name="user">Who; null when that is open.</param>
    /// <param name="others">Who has signed in.</param>
    /// <returns>The exception to throw.</returns>
    public static TokenException SignInNeeded(TokenSubject subject, string? user, IReadOnlyList<string> others) => new(
        SignIn,
        others.Count == 0 ? $"{user ?? "nobody"} has not signed in" : $"{user ?? "one account"} is needed, and signed in are: {string.Join(", ", others)}",
        $"Sign in once{(user is null ? string.Empty : $" as {user}")} with {Command(subject)}" + (others.Count > 0 ? ", or name the account that is to be used with -UserName." : "."));

    /// <summary>Makes the exception for whoever asked.</summary>
    /// <param name="subject">Whom the token is for.</param>
    /// <param name="user">Whose it is; null for the application's.</param>
    /// <param name="cause">What happened.</param>
    /// <returns>A <see cref="MailException"/> or <see cref="CrmException"/>.</returns>
    public static Exception From(TokenSubject subject, string? user, Exception cause)
    {
        TokenException known = cause as TokenException ?? Explain(subject, user, cause);
        string message = $"No token for {subject}: {known.Message.TrimEnd('.')}.";
        bool isTransient = known.Kind == Unavailable;
        if (subject.IsDeployment)
            return new CrmException($"CrmToken{known.Kind}", message, known.Remedy, cause) { IsTransient = isTransient, RetryAfter = known.RetryAfter };
        return isTransient
            ? new MailConnectionException($"MailToken{known.Kind}", MailStep.Authenticate, message, known.Remedy, cause) { IsTransient = true, RetryAfter = known.RetryAfter }
            : new MailAuthenticationException($"MailToken{known.Kind}", message, known.Remedy, cause);
    }

    private static TokenException Explain(TokenSubject subject, string? user, Exception cause)
    {
        int status = (cause as MsalServiceException)?.StatusCode ?? 0;
        string said = cause.Message.Split('\n', 2)[0].Trim();
        int code = Code().Match(cause.Message) is { Success: true } match ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : 0;
        string who = user ?? "the account";
        OAuthConfiguration oauth = subject.OAuth;
        string tenant = oauth.Authority?.AbsoluteUri ?? oauth.TenantId ?? string.Empty;
        (string? Kind, string Why, string Remedy) found = code switch
        {
            7000215 => (Refused, "the application's secret is wrong", "Enter the secret's value, not its id, again; it is shown only once, right after it is made."),
            7000222 => (Refused, "the application's secret has expired", $"Make a new secret for the application {oauth.ClientId} in its registration and enter it with {SetCommand(subject)} -ClientSecret."),
            700016 or 700038 or 90009 => (Refused, $"the tenant {tenant} knows no application {oauth.ClientId}", "Check the application's id and the tenant; the application must be registered, or consented to, in that tenant."),
            7000112 => (Refused, $"the application {oauth.ClientId} is disabled", "Enable it in the tenant's enterprise applications."),
            90002 or 900021 or 900023 or 50020 or 50059 => (Refused, $"the identity provider knows no tenant {tenant}", "Check the tenant's id or domain; for national clouds also name the authority, e.g. https://login.microsoftonline.us/tenant."),
            65001 or 90094 or 65004 or 650056 or 650052 => (Refused, "the application lacks consent to the rights it asks for", $"Let an administrator of the tenant add the permissions for {subject.Resource} to the application and grant consent."),
            500011 or 500014 or 50001 => (Refused, $"the tenant {tenant} knows no service {subject.Resource}", "Check the service's address and the tenant: the service must belong to the tenant that gives the token."),
            70011 or 1002012 or 28002 or 28003 => (Refused, $"the scopes are not valid: {string.Join(' ', subject.Scopes)}", "An application that logs in itself asks for https://service/.default only; remove the scopes for the default."),
            700027 or 50012 or 700023 or 7000217 => (Refused, "the identity provider does not accept the application's certificate", $"Upload the certificate (its public part) to the registration of the application {oauth.ClientId}; the one used here must be the same."),
            700024 => (Refused, "the log-in by certificate came outside its time", "Set this machine's clock; it must agree with the world's to five minutes."),
            7000218 => (Refused, "the application is not allowed to sign people in without a secret", "Allow public client flows in the application's registration (Authentication)."),
            500113 or 50011 => (Refused, "the application's registration does not list the address http://localhost", "Add the platform \"Mobile and desktop applications\" with the redirect address http://localhost to its registration."),
            50076 or 50079 or 50074 or 50072 or 50158 => (SignIn, $"{who} must prove the identity with a second factor", $"Sign in again with {Command(subject)}; for unattended work use a secret, a certificate or a managed identity."),
            50173 or 700082 or 700084 or 70008 or 70043 or 50078 => (SignIn, $"the sign-in of {who} has expired or was revoked", $"Sign in again with {Command(subject)}."),
            50057 => (Refused, $"{who} is disabled", "Enable the account, or sign in as another."),
            50034 => (Refused, $"{who} does not exist in the tenant", "Check the account and the tenant."),
            50126 => (Refused, "user name or password is wrong", "Sign in again with the right password."),
            50055 or 50144 => (Refused, $"the password of {who} has expired", "Change it, then sign in again."),
            50053 => (Refused, $"{who} is locked after too many attempts", "Wait, or let an administrator unlock the account."),
            50105 => (Refused, $"{who} is not assigned to the application", "Assign the account to the application, or remove its demand for assignments."),
            53000 or 53001 or 53002 or 53003 or 530003 or 530004 or 530035 => (Refused, "the tenant's conditional access forbids the sign-in from here", "Let an administrator look at the sign-in log, and except the router's application or this machine's address."),
            _ => (null, said, string.Empty),
        };
        if (found.Kind is not null)
            return new TokenException(found.Kind, $"{found.Why} (AADSTS{code})", found.Remedy, cause);
        return (cause as MsalException)?.ErrorCode switch
        {
            _ when cause is HttpRequestException || status is 429 or >= 500 => new TokenException(Unavailable, said, "The identity provider is busy or out of reach; it is tried again.", cause)
            {
                RetryAfter = (cause as MsalServiceException)?.Headers?.RetryAfter?.Delta,
            },
            MsalError.ManagedIdentityUnreachableNetwork or MsalError.ManagedIdentityRequestFailed or MsalError.UserAssignedManagedIdentityNotSupported
                or MsalError.UserAssignedManagedIdentityNotConfigurableAtRuntime => new TokenException(
                    Refused, said, "Assign an identity to this machine in Azure and check its client id; elsewhere use a secret or a certificate.", cause),
            "code_expired" or "expired_token" or "device_code_expired" => new TokenException(SignIn, "the code expired before anybody entered it", $"Sign in with {Command(subject)} and enter the code within its time.", cause),
            "authorization_declined" or "access_denied" or MsalError.AuthenticationCanceledError => new TokenException(SignIn, "the sign-in was declined", $"Sign in again with {Command(subject)} and accept.", cause),
            _ when cause is MsalUiRequiredException && subject.NeedsSignIn => new TokenException(SignIn, $"none can be got without {who}: {said}", $"Sign in once with {Command(subject)}.", cause),
            _ => new TokenException(
                Refused,
                $"the identity provider refused it: {said}",
                "Check tenant, application id and secret, and that the application has the service's permissions (e.g. IMAP.AccessAsApp) with consent.",
                cause),
        };
    }

    private static string Command(TokenSubject subject) => $"Register-RouterSignIn -{(subject.IsDeployment ? "Deployment" : "Profile")} '{subject.Name}'";

    private static string SetCommand(TokenSubject subject) => $"Set-Router{(subject.IsDeployment ? "Deployment" : "Profile")} '{subject.Name}'";

    [GeneratedRegex(@"\bAADSTS(\d{4,8})\b")]
    private static partial Regex Code();
}

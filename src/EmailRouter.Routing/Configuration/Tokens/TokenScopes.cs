namespace EmailRouter.Routing.Configuration;

/// <summary>Which scopes are asked for where the configuration names none.</summary>
internal static class TokenScopes
{
    private const string AllRights = "/.default";

    /// <summary>Finds the scopes.</summary>
    /// <param name="oauth">How tokens are got.</param>
    /// <param name="applicationScope">All rights of an application at the service.</param>
    /// <param name="system">The name of the mail system or CRM system.</param>
    /// <returns>The configured scopes, or the default: at least one.</returns>
    public static IReadOnlyList<string> For(OAuthConfiguration oauth, string applicationScope, string system)
    {
        if (oauth.Scopes.Count > 0)
            return oauth.Scopes;
        if (oauth.Flow is not (OAuthFlow.DeviceCode or OAuthFlow.Interactive) || !applicationScope.EndsWith(AllRights, StringComparison.Ordinal))
            return [applicationScope];

        // A person is asked for consent to exactly these; all rights would be those that an administrator has entered in the application's registration before.
        string service = applicationScope[..^AllRights.Length];
        IReadOnlyList<string> rights = Delegated(system, oauth.UserName is not null);
        return rights.Count == 0 ? [applicationScope] : [.. rights.Select(right => $"{service}/{right}")];
    }

    /// <summary>Names of delegated permissions ("Authenticate an IMAP, POP or SMTP connection using OAuth", Microsoft Graph permissions reference, Dataverse).</summary>
    private static IReadOnlyList<string> Delegated(string system, bool forOthers) => system.ToUpperInvariant() switch
    {
        "IMAP" => ["IMAP.AccessAsUser.All"],
        "POP3" => ["POP.AccessAsUser.All"],
        "SMTP" => ["SMTP.Send"],
        "EXCHANGE" => ["EWS.AccessAsUser.All"],

        // Not MailboxSettings.ReadWrite: a profile does not know whether rules are to be deployed, and a person should not consent to more than is used.
        "GRAPH" => forOthers ? ["Mail.ReadWrite.Shared", "Mail.Send.Shared"] : ["Mail.ReadWrite", "Mail.Send"],
        "DATAVERSE" or "ORGANIZATION" => ["user_impersonation"],
        _ => [],
    };
}

using EmailRouter.Crm.Organization;

namespace EmailRouter.Crm.CrmService;

/// <summary>
/// An organization of Dynamics CRM 4.0 by CrmService.asmx. Its server decides what is promoted, by CheckIncomingEmail and DeliverIncomingEmail; pending email
/// is handed out by BackgroundSendEmail. Everything above the form of the messages is that of <see cref="OrganizationServiceOrganization"/>.
/// </summary>
public static class CrmServiceOrganization
{
    /// <summary>The option that names the log-in: <c>windows</c> (the default), or <c>ifd</c> for internet-facing deployments.</summary>
    public const string LoginOption = "logIn";

    private const string Windows = "windows";
    private const string InternetFacing = "ifd";

    /// <summary>Makes the organization; nothing is asked yet.</summary>
    /// <param name="endpoint">
    /// Where the server is, which organization, and as whom to log in: Windows, or one user with a password at an internet-facing deployment
    /// (<see cref="LoginOption"/>); these servers take no tokens of OAuth.
    /// </param>
    /// <param name="context">Clock, network and limits.</param>
    /// <returns>The organization; disposing it ends its connections.</returns>
    /// <exception cref="CrmException"><c>CrmOrganizationMissing</c>: neither the address nor the endpoint names the organization. <c>CrmNotSupported</c>: there
    /// is no such log-in, or not with this credential.</exception>
    public static OrganizationServiceOrganization Create(CrmEndpoint endpoint, CrmContext context)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        string path = endpoint.Url.AbsolutePath.Trim('/');
        string? name = endpoint.Organization ?? (path.Length > 0 && !path.Contains('/', StringComparison.Ordinal) ? Uri.UnescapeDataString(path) : null);
        if (name is null)
        {
            throw new CrmException(
                "CrmOrganizationMissing", $"{endpoint.Url} does not say which organization is meant.",
                "Name the organization in the deployment; CRM 4.0 has it in a header and not in the address.");
        }

        // Which log-in a server wants does not show without trying, and one sends the password to the server.
        CrmTickets? tickets = LoginProblem(endpoint.Options, endpoint.Credentials is [CrmPassword]) is { } problem
            ? throw new CrmException("CrmNotSupported", $"{endpoint.Url}: {problem}", "Correct the option logIn, or the log-in, of the deployment.")
            : IsInternetFacing(endpoint.Options) ? new CrmTickets(endpoint, (CrmPassword)endpoint.Credentials[0], name) : null;
        return new OrganizationServiceOrganization(new OrganizationServiceStore(endpoint, context, null, new CrmServiceDialect(name, tickets)));
    }

    /// <summary>Says whether settings ask for the log-in of internet-facing deployments.</summary>
    /// <param name="options">The settings.</param>
    /// <returns>True for <c>ifd</c>.</returns>
    public static bool IsInternetFacing(IReadOnlyDictionary<string, string> options) =>
        Login(options).Equals(InternetFacing, StringComparison.OrdinalIgnoreCase);

    /// <summary>Says what is wrong with the log-in that settings name.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="hasPassword">Whether one user with a password logs in.</param>
    /// <returns>What is wrong, in a sentence; null for nothing.</returns>
    public static string? LoginProblem(IReadOnlyDictionary<string, string> options, bool hasPassword)
    {
        if (IsInternetFacing(options))
            return hasPassword ? null : "An internet-facing deployment takes a user name and a password only.";
        return Login(options).Equals(Windows, StringComparison.OrdinalIgnoreCase) ? null : $"The log-in is {Windows} or {InternetFacing}.";
    }

    private static string Login(IReadOnlyDictionary<string, string> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.FirstOrDefault(o => string.Equals(o.Key, LoginOption, StringComparison.OrdinalIgnoreCase)).Value?.Trim() ?? Windows;
    }
}

using EmailRouter.Crm.Organization;

namespace EmailRouter.Crm.CrmService;

/// <summary>
/// An organization of Dynamics CRM 4.0 by CrmService.asmx. Its server decides what is promoted, by CheckIncomingEmail and DeliverIncomingEmail; pending email
/// is handed out by BackgroundSendEmail. Everything above the form of the messages is that of <see cref="OrganizationServiceOrganization"/>.
/// </summary>
public static class CrmServiceOrganization
{
    /// <summary>Makes the organization; nothing is asked yet.</summary>
    /// <param name="endpoint">Where the server is, which organization, and as whom to log in (Windows only; these servers take no tokens).</param>
    /// <param name="context">Clock, network and limits.</param>
    /// <returns>The organization; disposing it ends its connections.</returns>
    /// <exception cref="CrmException"><c>CrmOrganizationMissing</c>: neither the address nor the endpoint names the organization.</exception>
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

        return new OrganizationServiceOrganization(new OrganizationServiceStore(endpoint, context, null, new CrmServiceDialect(name)));
    }
}

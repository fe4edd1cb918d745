using EmailRouter.Crm;
using EmailRouter.Crm.CrmService;
using EmailRouter.Crm.Organization;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing;

/// <summary>Dynamics CRM 4.0 by CrmService.asmx. The server decides what is promoted; its deployments have to say so.</summary>
public sealed class CrmServiceSystem : ICrmSystem
{
    /// <summary>The name in deployments.</summary>
    public const string SystemName = "CrmService";

    /// <inheritdoc/>
    public string Name => SystemName;

    /// <inheritdoc/>
    /// <remarks>CRM 4.0 has no way to promote an email as the router decides.</remarks>
    public IReadOnlyCollection<DecisionAuthority> Authorities => [DecisionAuthority.Server];

    /// <inheritdoc/>
    /// <exception cref="CrmException"><c>CrmServerMustDecide</c>: the deployment has the router decide, or the service is not found or refuses the log-in.</exception>
    public async ValueTask<IOrganization> OpenAsync(DeploymentConfiguration deployment, DeploymentContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        ArgumentNullException.ThrowIfNull(context);
        if (!Authorities.Contains(deployment.Decides))
        {
            throw new CrmException(
                "CrmServerMustDecide", $"The deployment {deployment.Name} has the router decide, and CRM 4.0 has no way to promote an email as the router decides.",
                "Set who decides to Server.");
        }

        OrganizationServiceOrganization organization = CrmServiceOrganization.Create(deployment.ToEndpoint(context), deployment.ToCrmContext(context));
        try
        {
            await organization.GetSettingsAsync(cancellationToken).ConfigureAwait(false);
            return organization;
        }
        catch (CrmException e) when (
            e.ErrorId is "CrmLoginRefused" or "CrmRedirected" or "CrmWebPage" && !CrmServiceOrganization.IsInternetFacing(deployment.Options))
        {
            await organization.DisposeAsync().ConfigureAwait(false);
            throw new CrmException(
                e.ErrorId, e.Message,
                $"{e.Remedy} If the server is an internet-facing deployment (IFD), " +
                $"set the option {CrmServiceOrganization.LoginOption} of the deployment to ifd.",
                e);
        }
        catch
        {
            await organization.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}

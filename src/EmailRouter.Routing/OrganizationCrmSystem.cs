using EmailRouter.Crm;
using EmailRouter.Crm.Organization;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing;

/// <summary>
/// Dynamics CRM 2011, 2013 and 2015 by Organization.svc. Who decides what is promoted is the deployment's choice: the router's own engine over the organization's
/// records, or the server.
/// </summary>
public sealed class OrganizationCrmSystem : ICrmSystem
{
    /// <summary>The name in deployments.</summary>
    public const string SystemName = "Organization";

    /// <inheritdoc/>
    public string Name => SystemName;

    /// <inheritdoc/>
    /// <remarks>The service is looked for and the log-in tried here, so that a wrong address or credential is told at once.</remarks>
    public async ValueTask<IOrganization> OpenAsync(DeploymentConfiguration deployment, DeploymentContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        ArgumentNullException.ThrowIfNull(context);
        var store = new OrganizationServiceStore(deployment.ToEndpoint(context), deployment.ToCrmContext(context));
        try
        {
            await store.GetSettingsAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await store.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        return deployment.Decides == DecisionAuthority.Server ? new OrganizationServiceOrganization(store) : new TrackingOrganization(store, context.Mail.Clock);
    }
}

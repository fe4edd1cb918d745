using EmailRouter.Crm;
using EmailRouter.Crm.Dataverse;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing;

/// <summary>
/// Dataverse, Dynamics 365 and Dynamics CRM 2016 and later by the Web API. Who decides what is promoted is the deployment's choice: the router's own engine over the
/// organization's records, or the server.
/// </summary>
public sealed class DataverseCrmSystem : ICrmSystem
{
    /// <summary>The name in deployments.</summary>
    public const string SystemName = "Dataverse";

    /// <inheritdoc/>
    public string Name => SystemName;

    /// <inheritdoc/>
    /// <remarks>The organization is looked for and the log-in tried here, so that a wrong address or credential is told at once.</remarks>
    public async ValueTask<IOrganization> OpenAsync(DeploymentConfiguration deployment, DeploymentContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        ArgumentNullException.ThrowIfNull(context);
        var store = new DataverseStore(deployment.ToEndpoint(context), deployment.ToCrmContext(context));
        try
        {
            await store.GetSettingsAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await store.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        return deployment.Decides == DecisionAuthority.Server ? new DataverseOrganization(store) : new TrackingOrganization(store, context.Mail.Clock);
    }
}

using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing;

/// <summary>The embedded CRM as an organization: a file of records, and the router's own engine that decides over them.</summary>
public sealed class EmbeddedCrmSystem : ICrmSystem
{
    /// <summary>The name in deployments.</summary>
    public const string SystemName = "Embedded";

    /// <inheritdoc/>
    public string Name => SystemName;

    /// <inheritdoc/>
    /// <remarks>A file of records has no server that could decide.</remarks>
    public IReadOnlyCollection<DecisionAuthority> Authorities => [DecisionAuthority.Router];

    /// <inheritdoc/>
    public async ValueTask<IOrganization> OpenAsync(DeploymentConfiguration deployment, DeploymentContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        ArgumentNullException.ThrowIfNull(context);
        if (string.IsNullOrWhiteSpace(deployment.Path))
        {
            throw new RouterException(new RouterError(
                "RouterDeploymentIncomplete", "Open", $"The deployment {deployment.Name} names no file for its embedded CRM.", "Set its path with Set-RouterDeployment.", false));
        }

        // Not created here: a mistyped path must not look like an organization without records.
        var options = new EmbeddedCrmOptions
        {
            Path = Path.GetFullPath(deployment.Path, context.Folder),
            Create = false,
            Clock = context.Mail.Clock,
            MakeSafe = HtmlSanitizer.Sanitize,
        };
        return new TrackingOrganization(await EmbeddedCrm.OpenAsync(options, cancellationToken).ConfigureAwait(false), context.Mail.Clock);
    }
}

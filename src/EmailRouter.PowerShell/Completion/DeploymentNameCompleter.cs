using System.Collections;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Completion;

/// <summary>Completes the names of deployments.</summary>
public sealed class DeploymentNameCompleter : RouterCompleter
{
    /// <inheritdoc/>
    private protected override async Task<IReadOnlyList<Suggestion>> FindAsync(string configurationPath, IDictionary bound, CancellationToken cancellationToken)
    {
        RouterConfiguration configuration = await LoadConfigurationAsync(configurationPath, cancellationToken).ConfigureAwait(false);
        return [.. configuration.Deployments.Select(deployment =>
            new Suggestion(deployment.Name, $"{deployment.System} {deployment.Path ?? deployment.Url?.ToString()}"))];
    }
}

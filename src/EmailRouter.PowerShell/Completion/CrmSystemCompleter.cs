using System.Collections;
using EmailRouter.Routing;

namespace EmailRouter.PowerShell.Completion;

/// <summary>Completes the names of CRM systems.</summary>
public sealed class CrmSystemCompleter : RouterCompleter
{
    /// <inheritdoc/>
    private protected override Task<IReadOnlyList<Suggestion>> FindAsync(string configurationPath, IDictionary bound, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<Suggestion>>([.. RouterHostOptions.BuiltInSystems().CrmSystems.Select(system => new Suggestion(system.Name, $"CRM system {system.Name}"))]);
}

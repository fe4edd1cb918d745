using System.Collections;
using System.Reflection;
using EmailRouter.Crm;
using EmailRouter.Routing;

namespace EmailRouter.PowerShell.Completion;

/// <summary>Completes reason codes of decisions.</summary>
public sealed class ReasonCompleter : RouterCompleter
{
    /// <inheritdoc/>
    private protected override Task<IReadOnlyList<Suggestion>> FindAsync(string configurationPath, IDictionary bound, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<Suggestion>>(
        [
            .. Enum.GetNames<CheckReason>().Select(name => new Suggestion(name, "Reason of a check")),
            .. typeof(DecisionReasons).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => new Suggestion(field.Name, "Reason of the router")),
        ]);
}

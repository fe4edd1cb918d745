using System.Collections;
using EmailRouter.Crm.Embedded;
using EmailRouter.Routing;

namespace EmailRouter.PowerShell.Completion;

/// <summary>Completes the names of tables of an embedded CRM.</summary>
public sealed class CrmTableCompleter : RouterCompleter
{
    /// <inheritdoc/>
    private protected override async Task<IReadOnlyList<Suggestion>> FindAsync(string configurationPath, IDictionary bound, CancellationToken cancellationToken)
    {
        Router router = await Router.OpenAsync(new RouterHostOptions { ConfigurationPath = configurationPath }, cancellationToken).ConfigureAwait(false);
        await using (router.ConfigureAwait(false))
        {
            EmbeddedCrm crm = await router.GetEmbeddedCrmAsync(Text(bound, "Deployment"), cancellationToken).ConfigureAwait(false);
            return [.. (await crm.GetTablesAsync(cancellationToken).ConfigureAwait(false)).Select(table =>
                new Suggestion(table.LogicalName, table.IsCustom ? "Table of one's own" : "Table"))];
        }
    }

    /// <inheritdoc/>
    private protected override string KeyOf(string configurationPath, IDictionary bound) => $"{configurationPath}|{Text(bound, "Deployment")}";
}

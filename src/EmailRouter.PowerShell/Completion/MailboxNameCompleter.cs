using System.Collections;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Completion;

/// <summary>Completes the addresses of mailboxes.</summary>
public sealed class MailboxNameCompleter : RouterCompleter
{
    /// <inheritdoc/>
    private protected override async Task<IReadOnlyList<Suggestion>> FindAsync(string configurationPath, IDictionary bound, CancellationToken cancellationToken)
    {
        Router router = await Router.OpenAsync(new RouterHostOptions { ConfigurationPath = configurationPath }, cancellationToken).ConfigureAwait(false);
        await using (router.ConfigureAwait(false))
        {
            List<Suggestion> found = [];
            await foreach (EffectiveMailbox mailbox in router.GetMailboxesAsync(Text(bound, "Deployment"), cancellationToken).ConfigureAwait(false))
            {
                found.Add(new Suggestion(mailbox.Address, $"{mailbox.Kind} {mailbox.Crm.Owner.Name} of {mailbox.Deployment}"));
            }

            return found;
        }
    }

    /// <inheritdoc/>
    private protected override string KeyOf(string configurationPath, IDictionary bound) => $"{configurationPath}|{Text(bound, "Deployment")}";
}

using System.Collections.Concurrent;
using EmailRouter.Crm;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Access;

/// <summary>What access tests need of the CRMs, read once for each deployment however many mailboxes are tested at the same time.</summary>
/// <param name="configuration">The configuration.</param>
/// <param name="open">Opens the organization of a deployment.</param>
/// <param name="clock">The clock.</param>
internal sealed class AccessCrm(
    RouterConfiguration configuration, Func<DeploymentConfiguration, CancellationToken, ValueTask<IOrganizationDirectory>> open, TimeProvider clock)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private readonly ConcurrentDictionary<string, Lazy<Task<Reading>>> readings = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads the settings and mailboxes of a deployment, or waits for whoever is reading them.</summary>
    /// <param name="deployment">The deployment.</param>
    /// <param name="cancellationToken">Stops the waiting; the reading serves other tests as well and has its own limit.</param>
    /// <returns>What was read.</returns>
    public Task<Reading> ReadAsync(DeploymentConfiguration deployment, CancellationToken cancellationToken) =>
        readings.GetOrAdd(deployment.Name, _ => new Lazy<Task<Reading>>(() => ReadNowAsync(deployment))).Value.WaitAsync(cancellationToken);

    private async Task<Reading> ReadNowAsync(DeploymentConfiguration deployment)
    {
        using var limit = new CancellationTokenSource(Limit, clock);
        try
        {
            IOrganizationDirectory organization = await open(deployment, limit.Token).ConfigureAwait(false);
            await using (organization.ConfigureAwait(false))
            {
                OrganizationSettings settings = await organization.GetSettingsAsync(limit.Token).ConfigureAwait(false);
                var mailboxes = new List<EffectiveMailbox>();
                await foreach (EffectiveMailbox mailbox in MailboxCatalog.GetAsync(configuration, deployment, organization, limit.Token).ConfigureAwait(false))
                    mailboxes.Add(mailbox);
                return new Reading(settings, mailboxes);
            }
        }
        catch (OperationCanceledException e)
        {
            throw new CrmException("CrmTimeout", $"The CRM of {deployment.Name} did not answer within {Limit.TotalMinutes:0} minutes.", "Check that it runs and can be reached.", e)
            {
                IsTransient = true,
            };
        }
    }

    /// <summary>What was read of one deployment.</summary>
    public sealed class Reading(OrganizationSettings settings, IReadOnlyList<EffectiveMailbox> mailboxes)
    {
        private readonly Dictionary<string, EffectiveMailbox> byAddress = mailboxes
            .GroupBy(m => m.Address, StringComparer.OrdinalIgnoreCase)
            .ToDictionary(g => g.Key, g => g.FirstOrDefault(m => m.Incoming.IsUsable || m.Outgoing.IsUsable) ?? g.First(), StringComparer.OrdinalIgnoreCase);

        /// <summary>Gets the organization's settings.</summary>
        public OrganizationSettings Settings => settings;

        /// <summary>Gets how many mailboxes there are.</summary>
        public int Count => mailboxes.Count;

        /// <summary>Finds a mailbox; of several with the same address one that is used.</summary>
        /// <param name="address">The address.</param>
        /// <returns>The mailbox; null when there is none.</returns>
        public EffectiveMailbox? Find(string address) => byAddress.GetValueOrDefault(address.Trim());
    }
}

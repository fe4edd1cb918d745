using System.Runtime.CompilerServices;
using EmailRouter.Crm;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Configuration;

/// <summary>The mailboxes of an organization as the router sees them.</summary>
public static class MailboxCatalog
{
    /// <summary>Lists the mailboxes of an organization, also those that the router does not use, each with the reason.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="deployment">Which deployment.</param>
    /// <param name="organization">Its organization.</param>
    /// <param name="cancellationToken">Stops the listing.</param>
    /// <returns>The mailboxes in the organization's order.</returns>
    /// <exception cref="CrmException">The organization cannot be read.</exception>
    public static async IAsyncEnumerable<EffectiveMailbox> GetAsync(
        RouterConfiguration configuration,
        DeploymentConfiguration deployment,
        IOrganizationDirectory organization,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(deployment);
        ArgumentNullException.ThrowIfNull(organization);
        OrganizationSettings settings = await organization.GetSettingsAsync(cancellationToken).ConfigureAwait(false);
        Dictionary<string, MailboxConfiguration> configured = configuration.Mailboxes
            .Where(m => string.Equals(m.Deployment, deployment.Name, StringComparison.OrdinalIgnoreCase))
            .GroupBy(m => m.Address, StringComparer.OrdinalIgnoreCase)
            .ToDictionary(g => g.Key, g => g.First(), StringComparer.OrdinalIgnoreCase);
        Dictionary<string, ProfileConfiguration> profiles = configuration.Profiles
            .GroupBy(p => p.Name, StringComparer.OrdinalIgnoreCase)
            .ToDictionary(g => g.Key, g => g.First(), StringComparer.OrdinalIgnoreCase);
        var polled = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var forward = new HashSet<string>(deployment.ForwardMailboxes, StringComparer.OrdinalIgnoreCase);
        await foreach (CrmMailbox mailbox in WithForwardMailboxesAsync(organization, forward, cancellationToken).ConfigureAwait(false))
        {
            var view = new View(deployment, settings, profiles, mailbox, configured.GetValueOrDefault(mailbox.Address));
            MailboxRoute incoming = view.Route(MailDirection.Incoming);

            // One message must not be read twice because a user and a queue have the same address.
            if (incoming.IsUsable && !polled.Add(mailbox.Address))
            {
                incoming = incoming with
                {
                    Status = MailboxStatus.SharedAddress,
                    StatusText = "Another mailbox of the organization has the same address and is read already.",
                    Remedy = "Give each user and queue an address of its own.",
                };
            }

            MailboxRoute outgoing = view.Route(MailDirection.Outgoing);
            yield return new EffectiveMailbox
            {
                Deployment = deployment.Name,
                Crm = mailbox,
                Incoming = incoming,
                Outgoing = outgoing,
                SentFolder = view.SentFolderRoute(outgoing.Profile),
                Rules = view.RulesRoute(),
            };
        }
    }

    /// <summary>The organization's mailboxes, and behind them the forward mailboxes that only the configuration knows.</summary>
    private static async IAsyncEnumerable<CrmMailbox> WithForwardMailboxesAsync(
        IOrganizationDirectory organization, HashSet<string> configured, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (CrmMailbox mailbox in organization.GetMailboxesAsync(cancellationToken).ConfigureAwait(false))
        {
            if (mailbox.Kind == CrmMailboxKind.Forward)
                configured.Remove(mailbox.Address);
            yield return mailbox;
        }

        foreach (string address in configured.Order(StringComparer.OrdinalIgnoreCase))
        {
            yield return new CrmMailbox
            {
                Owner = new RecordReference("mailbox", DeterministicGuid.CreateV5(Guid.Empty, $"forward mailbox:{address.ToLowerInvariant()}"), address),
                Kind = CrmMailboxKind.Forward,
                Address = address,
                IncomingDelivery = DeliveryMethod.Router,
                OutgoingDelivery = DeliveryMethod.None,
                Filter = FilteringMethod.None,
                Approval = AccessApproval.Approved,
                IsActive = true,
                OwnerUserId = Guid.Empty,
            };
        }
    }

    private sealed class View(
        DeploymentConfiguration deployment,
        OrganizationSettings settings,
        Dictionary<string, ProfileConfiguration> profiles,
        CrmMailbox mailbox,
        MailboxConfiguration? configured)
    {
        private static (MailboxStatus Status, string Text, string Remedy) Ready => (MailboxStatus.Usable, "Ready.", string.Empty);

        private string What => mailbox.Kind switch
        {
            CrmMailboxKind.User => "user",
            CrmMailboxKind.Queue => "queue",
            _ => "forward mailbox",
        };

        public MailboxRoute Route(MailDirection direction)
        {
            (string? name, DeliveryMethod method) = direction == MailDirection.Incoming
                ? (configured?.IncomingProfile ?? deployment.IncomingProfile, mailbox.IncomingDelivery)
                : (configured?.OutgoingProfile ?? deployment.OutgoingProfile, mailbox.OutgoingDelivery);
            MailboxRoute route = Route(direction, name, JudgeMailbox(direction, method));

            // Without its folder of sent mail an email could not be looked up later, so that belongs to what sending needs.
            if (!route.IsUsable || SentFolderRoute(route.Profile) is not { IsUsable: false } folder)
                return route;
            string text = $"For the folder of sent mail: {folder.StatusText}";
            return route with { Status = folder.Status, StatusText = text, Remedy = folder.Remedy, Connection = (folder.Status, text, folder.Remedy) };
        }

        /// <summary>The folder is read whether or not the mailbox's incoming mail is.</summary>
        public MailboxRoute? SentFolderRoute(ProfileConfiguration? outgoing) =>
            outgoing?.SentCopy is { InSentFolder: true } copy ? Route(MailDirection.Incoming, copy.Profile, JudgeSwitches()) : null;

        /// <summary>Rules are deployed before mail flows, so neither delivery methods nor approval matter.</summary>
        public MailboxRoute RulesRoute() => Route(
            MailDirection.Incoming,
            configured?.RulesProfile ?? deployment.RulesProfile ?? configured?.IncomingProfile ?? deployment.IncomingProfile,
            JudgeSwitches());

        private MailboxRoute Route(MailDirection direction, string? name, (MailboxStatus Status, string Text, string Remedy) verdict)
        {
            ProfileConfiguration? profile = name is null ? null : profiles.GetValueOrDefault(name);
            if (profile is not null && profile.Direction != direction)
                profile = null;
            StoredCredential? credential = FindCredential(profile);
            (MailboxStatus Status, string Text, string Remedy) connection = JudgeConnection(direction, name, profile, credential);
            if (verdict.Status == MailboxStatus.Usable)
                verdict = connection;
            return new MailboxRoute
            {
                Direction = direction,
                Status = verdict.Status,
                StatusText = verdict.Text,
                Remedy = verdict.Remedy,
                Profile = profile,
                Credential = credential,
                Connection = connection,
            };
        }

        private static string Word(MailDirection direction) => direction == MailDirection.Incoming ? "incoming" : "outgoing";

        private StoredCredential? FindCredential(ProfileConfiguration? profile)
        {
            StoredCredential? stored = profile?.CredentialSource switch
            {
                CredentialSource.Profile => profile.Credential,
                CredentialSource.Mailbox => configured?.Credential,
                _ => null,
            };
            return stored is null or { Secret: null or "" } ? null : string.IsNullOrEmpty(stored.UserName) ? stored with { UserName = mailbox.Address } : stored;
        }

        /// <summary>Whether anybody has switched it off.</summary>
        private (MailboxStatus Status, string Text, string Remedy) JudgeSwitches()
        {
            if (!deployment.Enabled)
                return (MailboxStatus.DeploymentDisabled, $"The deployment {deployment.Name} is disabled.", "Enable the deployment.");
            if (configured is { Enabled: false })
                return (MailboxStatus.Disabled, "The mailbox is disabled in the router's configuration.", "Enable the mailbox.");
            if (!mailbox.IsActive)
                return (MailboxStatus.Inactive, $"The {What} is not active in the CRM.", $"Activate the {What} in the CRM.");
            return Ready;
        }

        /// <summary>Whether the CRM and the administrator want the router to use it.</summary>
        private (MailboxStatus Status, string Text, string Remedy) JudgeMailbox(MailDirection direction, DeliveryMethod method)
        {
            string which = Word(direction);
            if (JudgeSwitches() is { Status: not MailboxStatus.Usable } off)
                return off;
            switch (method)
            {
                case DeliveryMethod.Router:
                case DeliveryMethod.ForwardMailbox when mailbox.Kind == CrmMailboxKind.Forward:
                    break;
                case DeliveryMethod.Outlook:
                    return (
                        MailboxStatus.DeliveredByOutlook, $"The {which} delivery method is CRM for Outlook.", $"Set the {which} delivery method of the {What} to the router in the CRM.");
                case DeliveryMethod.ForwardMailbox:
                    return (
                        MailboxStatus.DeliveredByForwardMailbox,
                        "Mail of this address comes through the forward mailbox.",
                        $"Nothing, when that is intended; otherwise set the {which} delivery method of the {What} to the router in the CRM.");
                default:
                    return (MailboxStatus.DeliveryMethodNone, $"The {which} delivery method is None.", $"Set the {which} delivery method of the {What} to the router in the CRM.");
            }

            bool isApprovalRequired = mailbox.Kind switch
            {
                CrmMailboxKind.User => settings.RequireApprovalForUsers,
                CrmMailboxKind.Queue => settings.RequireApprovalForQueues,
                _ => false,
            };
            if (isApprovalRequired && mailbox.Approval != AccessApproval.Approved)
            {
                return (
                    MailboxStatus.NotApproved,
                    $"The organization requires approved addresses, and the approval of this one is {mailbox.Approval}.",
                    "Approve the address in the CRM or with Set-RouterMailbox.");
            }

            return Ready;
        }

        /// <summary>Whether there is all that a connection to the mail server needs.</summary>
        private (MailboxStatus Status, string Text, string Remedy) JudgeConnection(
            MailDirection direction, string? name, ProfileConfiguration? profile, StoredCredential? credential)
        {
            string which = Word(direction);
            if (name is null)
                return (MailboxStatus.NoProfile, $"Neither the mailbox nor the deployment has an {which} profile.", $"Assign an {which} profile.");
            if (profile is null)
            {
                return (
                    MailboxStatus.ProfileInvalid,
                    profiles.ContainsKey(name) ? $"The profile {name} is not {which}." : $"There is no profile {name}.",
                    $"Assign another {which} profile, or create {name}.");
            }

            if (credential is null && profile.CredentialSource == CredentialSource.Profile)
                return (MailboxStatus.NoCredential, $"The profile {profile.Name} has no credential.", $"Set the credential of the profile {profile.Name}.");
            if (credential is null && profile.CredentialSource == CredentialSource.Mailbox)
                return (MailboxStatus.NoCredential, "The mailbox has no credential.", "Set the mailbox's credential, or let the profile give one for all.");
            return Ready;
        }
    }
}

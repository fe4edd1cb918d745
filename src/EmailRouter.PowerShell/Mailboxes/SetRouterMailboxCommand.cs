using System.Management.Automation;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.PowerShell.Completion;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Mailboxes;

/// <summary>Changes what is set for mailboxes: profiles, credential, whether the router works on them, and their approval in the CRM.</summary>
/// <remarks>
/// What is not given stays as it is. Profiles, credential and -Enabled are kept in the configuration. Approval, delivery methods and filter belong to the CRM
/// and are written there where the CRM is an embedded one; another CRM keeps them to its own administrators, and then nothing at all is changed and an error says so.
/// Mailboxes from the pipeline are changed together when the pipeline has ended: the configuration is written once.
/// </remarks>
/// <example>
/// <summary>Give a mailbox its credential</summary>
/// <code>Set-RouterMailbox support@example.test -Credential (Get-Credential support)</code>
/// <para>The password is encrypted in the configuration file and never shown.</para>
/// </example>
/// <example>
/// <summary>Approve all queues and assign a profile</summary>
/// <code>Get-RouterMailbox -Queue | Set-RouterMailbox -Approve -IncomingProfile Office-In -PassThru</code>
/// <para>Shows the mailboxes as they are now.</para>
/// </example>
[Cmdlet(VerbsCommon.Set, "RouterMailbox", SupportsShouldProcess = true)]
[OutputType(typeof(RouterMailboxInfo))]
public sealed class SetRouterMailboxCommand : RouterConnectedCmdlet
{
    private readonly List<Wanted> wanted = [];

    /// <summary>Addresses, or names of users and queues; wildcards are allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Address")]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(MailboxNameCompleter))]
    public string[] Mailbox { get; set; } = [];

    /// <summary>Only mailboxes of this deployment.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(DeploymentNameCompleter))]
    public string? Deployment { get; set; }

    /// <summary>The incoming profile; an empty text for the deployment's.</summary>
    [Parameter]
    [AllowNull]
    [AllowEmptyString]
    [ArgumentCompleter(typeof(ProfileNameCompleter))]
    public string? IncomingProfile { get; set; }

    /// <summary>The outgoing profile; an empty text for the deployment's.</summary>
    [Parameter]
    [AllowNull]
    [AllowEmptyString]
    [ArgumentCompleter(typeof(ProfileNameCompleter))]
    public string? OutgoingProfile { get; set; }

    /// <summary>The credential for the mail server; $null for none. It is encrypted in the configuration.</summary>
    [Parameter]
    [AllowNull]
    [Credential]
    public PSCredential? Credential { get; set; }

    /// <summary>Whether the router works on the mailbox.</summary>
    [Parameter]
    public bool Enabled { get; set; }

    /// <summary>Approves the address in the CRM.</summary>
    [Parameter]
    public SwitchParameter Approve { get; set; }

    /// <summary>How incoming email is handled. Written to the CRM.</summary>
    [Parameter]
    public DeliveryMethod? IncomingDelivery { get; set; }

    /// <summary>How outgoing email is handled. Written to the CRM.</summary>
    [Parameter]
    public DeliveryMethod? OutgoingDelivery { get; set; }

    /// <summary>Which incoming email is promoted. Written to the CRM.</summary>
    [Parameter]
    public FilteringMethod? Filter { get; set; }

    /// <summary>Writes the changed mailbox to the pipeline.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private bool ChangesConfiguration => IsGiven(nameof(IncomingProfile)) || IsGiven(nameof(OutgoingProfile)) || IsGiven(nameof(Credential))
        || IsGiven(nameof(Enabled));

    private bool ChangesCrm => Approve || IncomingDelivery is not null || OutgoingDelivery is not null || Filter is not null;

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        Router router = await OpenRouterAsync(cancellationToken).ConfigureAwait(false);
        foreach (EffectiveMailbox mailbox in await FindMailboxesAsync(router, Deployment, Mailbox, cancellationToken).ConfigureAwait(false))
        {
            if (!await ConfirmAsync($"mailbox {mailbox.Address} of {mailbox.Deployment}", "Change").ConfigureAwait(false))
            {
                continue;
            }

            // Asked for first: what cannot be done as a whole is not begun.
            await ReportingAsync("Change", mailbox.Address, async () =>
            {
                EmbeddedCrm? crm = ChangesCrm ? await OpenChangeableAsync(router, mailbox, cancellationToken).ConfigureAwait(false) : null;
                wanted.Add(new Wanted(router, mailbox, crm));
            }).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    protected override async Task EndProcessingAsync(CancellationToken cancellationToken)
    {
        // The configuration is written once for all, so that a thousand mailboxes are one change of the file.
        foreach (IGrouping<Router, Wanted> group in wanted.GroupBy(one => one.Router))
        {
            Wanted[] all = [.. group];
            if (ChangesConfiguration && !await ChangeConfigurationAsync(group.Key, all, cancellationToken).ConfigureAwait(false))
            {
                continue;
            }

            List<EffectiveMailbox> changed = [];
            foreach (Wanted one in all)
            {
                if (await ReportingAsync("Change", one.Mailbox.Address, () => ChangeCrmAsync(one, cancellationToken)).ConfigureAwait(false))
                {
                    changed.Add(one.Mailbox);
                }
            }

            if (PassThru)
            {
                await ShowAsync(group.Key.Store.Path, changed, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private Task<bool> ChangeConfigurationAsync(Router router, Wanted[] all, CancellationToken cancellationToken)
    {
        string[] addresses = [.. all.Select(one => one.Mailbox.Address)];
        StoredCredential?[] credentials = [.. all.Select(_ => Protect(Credential, router.Store))];
        return ReportingAsync("Change", addresses.Length == 1 ? addresses[0] : addresses, async () => await router.Store.UpdateAsync(
            configuration =>
            {
                for (int i = 0; i < all.Length; i++)
                {
                    StoredCredential? credential = credentials[i];
                    configuration = configuration.ChangeMailbox(all[i].Mailbox.Deployment, all[i].Mailbox.Address, old => Change(old, credential));
                }

                return configuration;
            },
            cancellationToken).ConfigureAwait(false));
    }

    private async Task ChangeCrmAsync(Wanted one, CancellationToken cancellationToken)
    {
        if (one.Crm is not { } crm)
        {
            return;
        }

        MailboxChange change = new()
        {
            Approval = Approve ? AccessApproval.Approved : null,
            IncomingDelivery = IncomingDelivery,
            OutgoingDelivery = OutgoingDelivery,
            Filter = Filter,
        };
        await crm.UpdateMailboxAsync(one.Mailbox.Crm.Owner, change, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Shows the mailboxes from a router that has read the changed configuration.</summary>
    private async Task ShowAsync(string path, IReadOnlyList<EffectiveMailbox> changed, CancellationToken cancellationToken)
    {
        Router fresh = await Router.OpenAsync(new RouterHostOptions { ConfigurationPath = path }, cancellationToken).ConfigureAwait(false);
        await using (fresh.ConfigureAwait(false))
        {
            HashSet<string> keys = new(changed.Select(mailbox => $"{mailbox.Deployment} {mailbox.Address}"), StringComparer.OrdinalIgnoreCase);
            foreach (string deployment in changed.Select(mailbox => mailbox.Deployment).Distinct(StringComparer.OrdinalIgnoreCase))
            {
                await foreach (EffectiveMailbox mailbox in fresh.GetMailboxesAsync(deployment, cancellationToken).ConfigureAwait(false))
                {
                    if (keys.Contains($"{mailbox.Deployment} {mailbox.Address}"))
                    {
                        await EmitAsync(new RouterMailboxInfo(mailbox, path)).ConfigureAwait(false);
                    }
                }
            }
        }
    }

    private static async Task<EmbeddedCrm> OpenChangeableAsync(Router router, EffectiveMailbox mailbox, CancellationToken cancellationToken)
    {
        try
        {
            return await router.GetEmbeddedCrmAsync(mailbox.Deployment, cancellationToken).ConfigureAwait(false);
        }
        catch (RouterException e) when (e.Error.ErrorId == "RouterDeploymentNotEmbedded")
        {
            string system = router.FindDeployment(mailbox.Deployment).System;
            throw new RouterException(
                new RouterError(
                    "RouterMailboxChangeNotSupported",
                    "Change",
                    $"Approval, delivery methods and filter of {mailbox.Address} are kept in the CRM of {mailbox.Deployment} ({system}) and cannot be changed from here. Nothing was changed.",
                    $"Change the record of {mailbox.Crm.Owner} in the CRM: an administrator approves its email address there and sets its delivery methods and filter.",
                    IsTransient: false),
                e);
        }
    }

    private MailboxConfiguration Change(MailboxConfiguration old, StoredCredential? credential) => old with
    {
        IncomingProfile = IsGiven(nameof(IncomingProfile)) ? NullIfEmpty(IncomingProfile) : old.IncomingProfile,
        OutgoingProfile = IsGiven(nameof(OutgoingProfile)) ? NullIfEmpty(OutgoingProfile) : old.OutgoingProfile,
        Credential = IsGiven(nameof(Credential)) ? credential : old.Credential,
        Enabled = IsGiven(nameof(Enabled)) ? Enabled : old.Enabled,
    };

    /// <summary>A mailbox that is to be changed; its CRM where something is to be changed there.</summary>
    private sealed record Wanted(Router Router, EffectiveMailbox Mailbox, EmbeddedCrm? Crm);
}

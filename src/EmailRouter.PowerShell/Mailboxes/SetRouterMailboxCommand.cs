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
    private readonly List<(string ConfigurationPath, EffectiveMailbox Mailbox)> changed = [];

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
            if (await ConfirmAsync($"mailbox {mailbox.Address} of {mailbox.Deployment}", "Change").ConfigureAwait(false))
            {
                await ChangeAsync(router, mailbox, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <inheritdoc/>
    protected override async Task EndProcessingAsync(CancellationToken cancellationToken)
    {
        // Shown only now, from a router that has read the changed configuration.
        foreach (IGrouping<string, EffectiveMailbox> group in changed.GroupBy(one => one.ConfigurationPath, one => one.Mailbox))
        {
            Router fresh = await Router.OpenAsync(new RouterHostOptions { ConfigurationPath = group.Key }, cancellationToken).ConfigureAwait(false);
            await using (fresh.ConfigureAwait(false))
            {
                HashSet<string> keys = new(group.Select(mailbox => $"{mailbox.Deployment} {mailbox.Address}"), StringComparer.OrdinalIgnoreCase);
                foreach (string deployment in group.Select(mailbox => mailbox.Deployment).Distinct(StringComparer.OrdinalIgnoreCase))
                {
                    await foreach (EffectiveMailbox mailbox in fresh.GetMailboxesAsync(deployment, cancellationToken).ConfigureAwait(false))
                    {
                        if (keys.Contains($"{mailbox.Deployment} {mailbox.Address}"))
                        {
                            await EmitAsync(new RouterMailboxInfo(mailbox, group.Key)).ConfigureAwait(false);
                        }
                    }
                }
            }
        }
    }

    private async Task ChangeAsync(Router router, EffectiveMailbox mailbox, CancellationToken cancellationToken)
    {
        bool done = await ReportingAsync("Change", mailbox.Address, async () =>
        {
            // Asked for first: what cannot be done as a whole is not begun.
            EmbeddedCrm? crm = ChangesCrm ? await OpenChangeableAsync(router, mailbox, cancellationToken).ConfigureAwait(false) : null;
            if (ChangesConfiguration)
            {
                StoredCredential? credential = Protect(Credential, router.Store);
                await router.Store.UpdateAsync(
                    configuration => configuration.ChangeMailbox(mailbox.Deployment, mailbox.Address, old => Change(old, credential)),
                    cancellationToken).ConfigureAwait(false);
            }

            if (crm is not null)
            {
                MailboxChange change = new()
                {
                    Approval = Approve ? AccessApproval.Approved : null,
                    IncomingDelivery = IncomingDelivery,
                    OutgoingDelivery = OutgoingDelivery,
                    Filter = Filter,
                };
                await crm.UpdateMailboxAsync(mailbox.Crm.Owner, change, cancellationToken).ConfigureAwait(false);
            }
        }).ConfigureAwait(false);
        if (done && PassThru)
        {
            changed.Add((router.Store.Path, mailbox));
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
}

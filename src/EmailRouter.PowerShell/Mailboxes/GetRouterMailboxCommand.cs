using System.Management.Automation;
using EmailRouter.Crm;
using EmailRouter.PowerShell.Completion;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Mailboxes;

/// <summary>Lists the mailboxes: the users and queues of the CRM with an address, and whether the router reads them and sends for them.</summary>
/// <remarks>
/// What the CRM says is read from the CRM; profiles and credentials come from the configuration. Of a mailbox that is not used the reason is shown.
/// </remarks>
/// <example>
/// <summary>List the queues</summary>
/// <code>Get-RouterMailbox -Queue</code>
/// <para>Shows the mailboxes of all queues in all deployments.</para>
/// </example>
/// <example>
/// <summary>Find out why mailboxes are not read</summary>
/// <code>Get-RouterMailbox -User | Where-Object Incoming -ne Usable | Format-List Address, IncomingText</code>
/// <para>The text says what to do about it.</para>
/// </example>
/// <example>
/// <summary>Test all queues and poll those that can be reached</summary>
/// <code>Get-RouterMailbox -Queue | Test-RouterAccess | Where-Object Success | Invoke-RouterPoll -ThrottleLimit 8 | Format-Table</code>
/// <para>Tests and polls run side by side.</para>
/// </example>
[Cmdlet(VerbsCommon.Get, "RouterMailbox", DefaultParameterSetName = AnyParameterSet)]
[OutputType(typeof(RouterMailboxInfo))]
public sealed class GetRouterMailboxCommand : RouterConnectedCmdlet
{
    private const string AnyParameterSet = "Any";
    private const string UserParameterSet = "User";
    private const string QueueParameterSet = "Queue";

    /// <summary>Addresses, or names of users and queues; wildcards are allowed. All when left out.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Mailbox", "Address")]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(MailboxNameCompleter))]
    public string[]? Name { get; set; }

    /// <summary>Only mailboxes of this deployment; wildcards are allowed. All that are enabled when left out.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(DeploymentNameCompleter))]
    public string? Deployment { get; set; }

    /// <summary>Only mailboxes of users.</summary>
    [Parameter(Mandatory = true, ParameterSetName = UserParameterSet)]
    public SwitchParameter User { get; set; }

    /// <summary>Only mailboxes of queues.</summary>
    [Parameter(Mandatory = true, ParameterSetName = QueueParameterSet)]
    public SwitchParameter Queue { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        Router router = await OpenRouterAsync(cancellationToken).ConfigureAwait(false);
        foreach (EffectiveMailbox mailbox in await FindMailboxesAsync(router, Deployment, Name, cancellationToken).ConfigureAwait(false))
        {
            if ((!User || mailbox.Kind == CrmMailboxKind.User) && (!Queue || mailbox.Kind == CrmMailboxKind.Queue))
            {
                await EmitAsync(new RouterMailboxInfo(mailbox, router.Store.Path)).ConfigureAwait(false);
            }
        }
    }
}

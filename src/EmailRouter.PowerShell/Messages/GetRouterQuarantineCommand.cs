using System.Management.Automation;
using EmailRouter.PowerShell.Completion;
using EmailRouter.PowerShell.Mailboxes;
using EmailRouter.Routing;
using EmailRouter.Routing.State;

namespace EmailRouter.PowerShell.Messages;

/// <summary>Lists the messages that failed too often and were set aside with their bytes. Newest first.</summary>
/// <example>
/// <summary>See what was set aside</summary>
/// <code>Get-RouterQuarantine</code>
/// <para>Shows each message with the error that it kept causing.</para>
/// </example>
/// <example>
/// <summary>Save a message and find out what is wrong with it</summary>
/// <code>Get-RouterQuarantine -Mailbox support@example.test | Save-RouterQuarantine -Destination ./aside | Trace-RouterMessage</code>
/// <para>Writes the messages as .eml files and says what would happen to them now.</para>
/// </example>
[Cmdlet(VerbsCommon.Get, "RouterQuarantine")]
[OutputType(typeof(QuarantinedMessage))]
public sealed class GetRouterQuarantineCommand : RouterConnectedCmdlet
{
    /// <summary>The address of the mailbox; wildcards are allowed.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Address")]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(MailboxNameCompleter))]
    public string Mailbox { get; set; } = "*";

    /// <summary>The deployment; wildcards are allowed.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(DeploymentNameCompleter))]
    public string Deployment { get; set; } = "*";

    /// <inheritdoc/>
    protected override async Task ProcessRecordAsync(CancellationToken cancellationToken)
    {
        Router router = await OpenRouterAsync(cancellationToken).ConfigureAwait(false);
        if (!File.Exists(router.Store.Resolve(router.Configuration.StatePath)))
        {
            return;
        }

        WildcardPattern mailbox = WildcardPattern.Get(Mailbox, WildcardOptions.IgnoreCase);
        WildcardPattern deployment = WildcardPattern.Get(Deployment, WildcardOptions.IgnoreCase);
        IRouterState state = await router.GetStateAsync(cancellationToken).ConfigureAwait(false);
        await foreach (QuarantinedMessage message in state.GetQuarantineAsync(cancellationToken).ConfigureAwait(false))
        {
            if (mailbox.IsMatch(message.Mailbox.Address) && deployment.IsMatch(message.Mailbox.Deployment))
            {
                await EmitFromAsync(message, router).ConfigureAwait(false);
            }
        }
    }
}

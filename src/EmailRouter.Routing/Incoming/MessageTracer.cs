using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Mime;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming.Forwarding;

namespace EmailRouter.Routing.Incoming;

/// <summary>Says what would happen to a message and why, with the very code that a poll runs, and changes nothing.</summary>
/// <param name="organization">Where the message would go.</param>
/// <param name="routerName">The name of this router.</param>
/// <param name="options">Settings of the pipelines.</param>
/// <param name="clock">The clock.</param>
public sealed class MessageTracer(IOrganization organization, string routerName, RoutingOptions options, TimeProvider clock)
{
    /// <summary>Traces a message.</summary>
    /// <param name="content">Its bytes; the caller disposes them.</param>
    /// <param name="policy">The mailbox it came to, or would come to.</param>
    /// <param name="cancellationToken">Stops the tracing.</param>
    /// <returns>The decision a poll would take, with all evidence.</returns>
    /// <exception cref="CrmException">The organization cannot be reached.</exception>
    public async Task<Decision> TraceAsync(MessageBuffer content, MailboxPolicy policy, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentNullException.ThrowIfNull(policy);
        OrganizationSettings settings = await organization.GetSettingsAsync(cancellationToken).ConfigureAwait(false);
        ForwardMailbox? forward = policy.IsForwardMailbox ? await ForwardMailbox.LoadAsync(organization, policy.Key.Address, cancellationToken).ConfigureAwait(false) : null;
        var processor = new MessageProcessor(organization, null, policy, settings, options, new LoopGuard(routerName, options.MaxReceivedHeaders), rates: null, clock, forward);
        PreparedMessage prepared = processor.Prepare(new FetchedMessage(new MessageRef(string.Empty), content));
        return prepared.Decision ?? await processor.DecideAsync(prepared, cancellationToken).ConfigureAwait(false);
    }
}

using EmailRouter.Crm;
using EmailRouter.Lab.Seed;
using EmailRouter.Lab.Servers;
using EmailRouter.Mail;
using EmailRouter.Mail.Pop3;
using EmailRouter.Mail.Smtp;
using EmailRouter.Mime;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.Outgoing;
using EmailRouter.Routing.State;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Lab.Demo;

/// <summary>The pipelines over a lab.</summary>
internal sealed class DemoRouter : IAsyncDisposable
{
    private readonly LabSession session;
    private readonly TrackingOrganization organization;
    private readonly SqliteRouterState state;
    private readonly IncomingPipeline incoming;
    private readonly OutgoingPipeline outgoing;

    private DemoRouter(LabSession session, SqliteRouterState state, TimeProvider clock)
    {
        this.session = session;
        this.state = state;
        organization = new TrackingOrganization(session.Crm, clock);
        var options = new RoutingOptions();
        var context = new MailContext { Clock = clock };
        incoming = new IncomingPipeline(organization, state, LabSession.RouterName, options, context);
        var composer = new MessageComposer(new LoopGuard(LabSession.RouterName, 25), MessageBufferOptions.Default, clock);
        outgoing = new OutgoingPipeline(
            LabSession.Deployment, organization, state, composer, (e, _) => ValueTask.FromResult(Route(e)), options, new RetrySchedule(options, clock, () => 0.5), context);
    }

    public static async Task<DemoRouter> OpenAsync(LabSession session, TimeProvider clock, CancellationToken cancellationToken) =>
        new(session, await SqliteRouterState.OpenAsync(Path.Combine(session.Folder, "state.db"), clock, cancellationToken), clock);

    public async Task<IReadOnlyList<PollResult>> PollAsync(CancellationToken cancellationToken)
    {
        var results = new List<PollResult>();
        await foreach (CrmMailbox mailbox in organization.GetMailboxesAsync(cancellationToken))
        {
            if (!mailbox.IsActive || mailbox.IncomingDelivery != DeliveryMethod.Router || mailbox.Approval != AccessApproval.Approved)
                continue;
            results.Add(await incoming.PollAsync(
                new PollTarget(
                    new MailboxPolicy { Key = new MailboxKey(LabSession.Deployment, mailbox.Address), Owner = mailbox.Owner }, new Pop3System(), Endpoint(session.Pop3), Login(mailbox.Address)),
                new PollOptions(),
                cancellationToken));
        }

        return results;
    }

    public Task<SendResult> SendAsync(CancellationToken cancellationToken) => outgoing.SendAsync(new SendOptions(), cancellationToken);

    public ValueTask DisposeAsync() => state.DisposeAsync();

    private SendRoute Route(PendingEmail email) => new(LabSession.OutgoingProfile, new SmtpSystem(), Endpoint(session.Smtp), Login(email.FromAddress), 4);

    private static MailLogin Login(string address) => new(address, MailCredential.Password(address, SeedOrganization.PasswordOf(address)));

    private static MailEndpoint Endpoint(LabServer server) => new()
    {
        Host = server.Host,
        Port = server.TlsPort,
        Tls = TlsMode.Implicit,
        CertificatePins = [server.CertificatePin],
    };
}

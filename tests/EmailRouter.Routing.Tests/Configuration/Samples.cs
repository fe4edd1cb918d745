using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Tests.Configuration;

/// <summary>A configuration without faults, and the systems it names.</summary>
internal static class Samples
{
    public static RouterConfiguration Configuration { get; } = new()
    {
        RouterName = "router1",
        Deployments = [new() { Name = "Contoso", Path = "crm.db", IncomingProfile = "Pop", OutgoingProfile = "Relay" }],
        Profiles =
        [
            new() { Name = "Pop", Direction = MailDirection.Incoming, System = "Pop3", Host = "pop.example.test" },
            new()
            {
                Name = "Relay",
                Direction = MailDirection.Outgoing,
                System = "Smtp",
                Host = "smtp.example.test",
                CredentialSource = CredentialSource.Profile,
                Credential = new("relay", "aesgcm1:AAAA"),
            },
        ],
        Mailboxes = [new() { Deployment = "Contoso", Address = "support@example.test", Credential = new("support", "aesgcm1:BBBB") }],
    };

    public static RouterSystems Systems { get; } = Known();

    /// <summary>Gets the systems, and those that reach their servers by HTTP or serve rules only.</summary>
    public static RouterSystems AllSystems { get; } = Known()
        .Add(new NamedMailSystem("Exchange", MailDoors.Mailbox | MailDoors.Sender | MailDoors.Rules, findsServer: true))
        .Add(new NamedMailSystem("Graph", MailDoors.Mailbox | MailDoors.Sender | MailDoors.Rules, findsServer: true))
        .Add(new NamedMailSystem("Sieve", MailDoors.Rules))
        .Add(new NamedMailSystem("Imap", MailDoors.Mailbox, findsSent: true))
        .Add(new NamedCrmSystem("Dataverse"))
        .Add(new CrmServiceSystem());

    private static RouterSystems Known() => new RouterSystems()
        .Add(new NamedMailSystem("Pop3", MailDoors.Mailbox))
        .Add(new NamedMailSystem("Smtp", MailDoors.Sender))
        .Add(new NamedMailSystem("Maildir", MailDoors.Mailbox, isLocal: true))
        .Add(new EmbeddedCrmSystem())
        .Add(new NamedCrmSystem("Other"));

    /// <summary>A mail system that only has a name.</summary>
    private sealed class NamedMailSystem(string name, MailDoors doors, bool isLocal = false, bool findsServer = false, bool findsSent = false) : IMailSystem
    {
        public string Name => name;

        public MailDoors Doors => doors;

        public bool IsLocal => isLocal;

        public bool FindsServer => findsServer;

        public bool FindsSent => findsSent;

        public ValueTask<IMailboxSession> OpenMailboxAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<IMailSender> OpenSenderAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
            throw new NotSupportedException();
    }

    private sealed class NamedCrmSystem(string name) : ICrmSystem
    {
        public string Name => name;

        public ValueTask<IOrganization> OpenAsync(DeploymentConfiguration deployment, DeploymentContext context, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}

using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse;
using EmailRouter.Lab.Exchange;
using EmailRouter.Lab.Graph;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.OAuth;
using EmailRouter.Lab.Samples;
using EmailRouter.Lab.Seed;
using EmailRouter.Lab.Servers;
using EmailRouter.Lab.Store;
using EmailRouter.Mail;
using EmailRouter.Mime;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Lab;

/// <summary>Where a lab keeps its files, and what it takes from outside.</summary>
public sealed record LabOptions
{
    /// <summary>
    /// Gets the folder of the CRM and the router's configuration and state; null for a temporary one that is deleted with the session. A folder of an earlier
    /// lab is used again: its CRM goes on, its configuration gets the new ports.
    /// </summary>
    public string? Folder { get; init; }

    /// <summary>Gets the clock. Defaults to the system's.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Gets who is told each line of the mail protocols, passwords masked; null when nobody asks.</summary>
    public Action<string>? Trace { get; init; }
}

/// <summary>
/// A running lab: SMTP, POP3, Exchange, Graph and token servers on loopback with a mailbox for every user and queue, an embedded CRM with
/// <see cref="SeedOrganization"/>, and the router's configuration over both. The demo, tests and <c>Start-RouterLab</c> use it.
/// </summary>
public sealed class LabSession : IAsyncDisposable
{
    /// <summary>The name of the deployment in the configuration.</summary>
    public const string Deployment = "Lab";

    /// <summary>The name of the incoming profile.</summary>
    public const string IncomingProfile = "Lab POP3";

    /// <summary>The name of the outgoing profile.</summary>
    public const string OutgoingProfile = "Lab SMTP";

    /// <summary>The name of the incoming profile by which the same mailboxes are reached by Exchange Web Services; it serves for rules too.</summary>
    public const string ExchangeProfile = "Lab Exchange";

    /// <summary>The name of the incoming profile by which the same mailboxes are reached by Microsoft Graph; it serves for rules too.</summary>
    public const string GraphProfile = "Lab Graph";

    /// <summary>The file beside the configuration that prints tokens for <see cref="GraphProfile"/>: a script, because token libraries do not take the lab's certificate.</summary>
    public const string GraphTokenFile = "graph-token.ps1";

    /// <summary>The id of the router's application at the token endpoint, with application permissions for mail and rules.</summary>
    public const string ClientId = "4d8f7a52-0c1e-4b8e-9a35-6f1f5d1c0b11";

    /// <summary>The secret of the router's application.</summary>
    public const string ClientSecret = "the lab's secret";

    /// <summary>The name of the router in the lab's configuration.</summary>
    public const string RouterName = "lab";

    private readonly bool ownsFolder;
    private bool isDisposed;

    private LabSession(LabOptions options)
    {
        ownsFolder = options.Folder is null;
        Folder = options.Folder is null ? Directory.CreateTempSubdirectory("emailrouter-lab-").FullName : Directory.CreateDirectory(options.Folder).FullName;
        Mail = new LabMailStore(options.Clock);
        Faults = new LabFaults();
        Pop3 = new LabPop3Server(Mail, new LabServerOptions { Faults = Faults, Trace = options.Trace });
        Smtp = new LabSmtpServer(Mail, new LabSmtpOptions { Faults = Faults, Trace = options.Trace, HostName = "mail.contoso.test" });
        Tokens = new LabTokenServer(options.Clock, new LabTokenOptions { Faults = Faults, Trace = options.Trace });
        Tokens.Register(new LabOAuthClient(ClientId)
        {
            Secret = ClientSecret,
            Roles = ["full_access_as_app", "Mail.ReadWrite", "Mail.Send", "MailboxSettings.ReadWrite", "User.Read.All"],
        });
        Exchange = new LabExchangeServer(Mail, new LabExchangeOptions { Faults = Faults, Trace = options.Trace, Tokens = Tokens });
        Graph = new LabGraphServer(Mail, Tokens, new LabGraphOptions { Faults = Faults, Trace = options.Trace });
    }

    /// <summary>Gets the folder of the CRM and the router's configuration and state.</summary>
    public string Folder { get; }

    /// <summary>Gets the path of the router's configuration.</summary>
    public string ConfigurationPath => Path.Combine(Folder, ConfigurationLocation.FileName);

    /// <summary>Gets the path of the embedded CRM's file.</summary>
    public string CrmPath => Path.Combine(Folder, "crm.db");

    /// <summary>Gets the mailboxes, and everything the SMTP server accepted.</summary>
    public LabMailStore Mail { get; }

    /// <summary>Gets the faults of all servers; none is on at the start.</summary>
    public LabFaults Faults { get; }

    /// <summary>Gets the POP3 server.</summary>
    public LabPop3Server Pop3 { get; }

    /// <summary>Gets the SMTP server.</summary>
    public LabSmtpServer Smtp { get; }

    /// <summary>Gets the token endpoint, which knows the router's application (<see cref="ClientId"/>).</summary>
    public LabTokenServer Tokens { get; }

    /// <summary>Gets the Exchange server: EWS and Autodiscover.</summary>
    public LabExchangeServer Exchange { get; }

    /// <summary>Gets the Graph endpoint.</summary>
    public LabGraphServer Graph { get; }

    /// <summary>Gets the Web API of Dataverse over <see cref="Crm"/>; the router's application (<see cref="ClientId"/>) is a user of it.</summary>
    public LabDataverseServer Dataverse { get; private set; } = null!;

    /// <summary>Gets the address of Organization.svc, the SOAP service that stands beside <see cref="Dataverse"/> and shares its users and rights.</summary>
    public Uri Organization => Dataverse.OrganizationService;

    /// <summary>Gets the CRM.</summary>
    public EmbeddedCrm Crm { get; private set; } = null!;

    /// <summary>Starts a lab. Mailboxes are empty; <see cref="Deliver"/> fills them.</summary>
    /// <param name="options">Where, and how; defaults when omitted.</param>
    /// <param name="cancellationToken">Stops the start.</param>
    /// <returns>The session; the caller disposes it.</returns>
    /// <exception cref="EmailRouter.Crm.CrmException">The CRM's file cannot be written, or holds part of a lab.</exception>
    /// <exception cref="RouterException">The configuration cannot be written.</exception>
    public static async Task<LabSession> StartAsync(LabOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new LabOptions();
        var session = new LabSession(options);
        try
        {
            session.Pop3.Start();
            session.Smtp.Start();
            session.Tokens.Start();
            session.Exchange.Start();
            session.Graph.Start();
            foreach (string address in SeedOrganization.Users.Select(u => u.Address).Concat(SeedOrganization.Queues.Select(q => q.Address)))
            {
                session.Mail.AddMailbox(address, SeedOrganization.PasswordOf(address));
                session.Tokens.AddUser(address, SeedOrganization.PasswordOf(address));
            }

            session.Mail.AddLocalDomain(SeedOrganization.DomainWithoutMailboxes);
            session.Crm = await EmbeddedCrm.OpenAsync(
                new EmbeddedCrmOptions { Path = session.CrmPath, OrganizationName = SeedOrganization.Name, Clock = options.Clock }, cancellationToken);
            if (!await LabSeed.IsFilledAsync(session.Crm, cancellationToken))
                await LabSeed.FillAsync(session.Crm, cancellationToken);
            session.Dataverse = new LabDataverseServer(
                session.Crm, session.Tokens, options.Clock, new LabHttpOptions { Faults = session.Faults, Trace = options.Trace, MaxBody = LabDataverseServer.DefaultMaxBody });
            session.Dataverse.Start();
            await session.Dataverse.AddApplicationUserAsync(Guid.Parse(ClientId), "Email Router", cancellationToken);
            await session.ConfigureAsync(options.Clock, cancellationToken);
            return session;
        }
        catch
        {
            await session.DisposeAsync();
            throw;
        }
    }

    /// <summary>Opens a router over the lab's configuration.</summary>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The router; the caller disposes it.</returns>
    /// <exception cref="RouterException">The configuration cannot be read.</exception>
    public Task<Router> OpenRouterAsync(CancellationToken cancellationToken = default) => Router.OpenAsync(
        new RouterHostOptions { ConfigurationPath = ConfigurationPath, Mail = new MailContext { Clock = Mail.Clock } }, cancellationToken);

    /// <summary>Delivers the samples of a phase to their mailboxes. Those of phase 2 answer what the SMTP server has accepted.</summary>
    /// <param name="phase">1 or 2.</param>
    /// <returns>The samples, each with the POP3 ids of its copies by mailbox.</returns>
    /// <exception cref="InvalidOperationException">A sample answers an email that has not been sent.</exception>
    public IReadOnlyList<DeliveredSample> Deliver(int phase)
    {
        Dictionary<string, MimeMessage> sent = SentByKey();
        var delivered = new List<DeliveredSample>();
        foreach (SampleMessage sample in SampleSet.Load().Where(s => s.Phase == phase))
        {
            byte[] content = SampleTemplate.Fill(sample.Template.Span, (name, key) => name == "router" ? RouterName : Resolve(name, key, sent));
            Dictionary<string, string> uidls = sample.Mailboxes.ToDictionary(m => m, m => Mail.Deliver(m, content).Uidl, StringComparer.OrdinalIgnoreCase);
            delivered.Add(new DeliveredSample(sample, uidls));
        }

        return delivered;
    }

    /// <summary>Finds what the SMTP server accepted of a seeded email.</summary>
    /// <param name="email">The email.</param>
    /// <returns>The messages: none, one, or more if it left more than once.</returns>
    public IReadOnlyList<LabSentMessage> FindSent(SeedEmail email)
    {
        ArgumentNullException.ThrowIfNull(email);
        return [.. Mail.Sent.Where(s => MimeMessage.Parse(s.Content).Subject.StartsWith(email.Subject, StringComparison.Ordinal))];
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (isDisposed)
            return;
        isDisposed = true;
        await Pop3.DisposeAsync();
        await Smtp.DisposeAsync();
        await Exchange.DisposeAsync();
        await Graph.DisposeAsync();
        await Tokens.DisposeAsync();
        if (Dataverse is not null)
            await Dataverse.DisposeAsync();
        if (Crm is not null)
            await Crm.DisposeAsync();
        if (ownsFolder && Directory.Exists(Folder))
            Directory.Delete(Folder, recursive: true);
    }

    /// <summary>Writes the router's configuration: one deployment, a profile in each direction and those to try, and every mailbox with its own credential.</summary>
    private async Task ConfigureAsync(TimeProvider clock, CancellationToken cancellationToken)
    {
        ISecretProtector secrets = SecretProtector.For(ConfigurationPath);
        string tokens = Path.Combine(Folder, GraphTokenFile);
        await File.WriteAllTextAsync(
            tokens,
            $$"""
            # Prints a token of the lab's application for the lab's Graph endpoint.
            $body = @{ grant_type = 'client_credentials'; client_id = '{{ClientId}}'; client_secret = '{{ClientSecret.Replace("'", "''", StringComparison.Ordinal)}}'; scope = '{{LabGraphServer.Resource}}/.default' }
            Invoke-RestMethod -Method Post -Uri '{{Tokens.Authority}}/oauth2/v2.0/token' -Body $body -SkipCertificateCheck | ConvertTo-Json
            """,
            cancellationToken);
        await new ConfigurationStore(ConfigurationPath, clock).UpdateAsync(
            configuration => configuration with
            {
                RouterName = RouterName,
                Routing = configuration.Routing with { Bounces = BounceHandling.MarkFailed },
                Deployments =
                [
                    new DeploymentConfiguration
                    {
                        Name = Deployment,
                        Path = Path.GetFileName(CrmPath),
                        IncomingProfile = IncomingProfile,
                        OutgoingProfile = OutgoingProfile,
                    },
                ],
                Profiles =
                [
                    Profile(IncomingProfile, MailDirection.Incoming, "Pop3", Pop3, TlsMode.Implicit),
                    Profile(OutgoingProfile, MailDirection.Outgoing, "Smtp", Smtp, TlsMode.StartTls),
                    new ProfileConfiguration
                    {
                        Name = ExchangeProfile,
                        Direction = MailDirection.Incoming,
                        System = "Exchange",
                        Url = Exchange.EwsTlsUrl,
                        CertificatePins = [Exchange.CertificatePin],
                    },
                    new ProfileConfiguration
                    {
                        Name = GraphProfile,
                        Direction = MailDirection.Incoming,
                        System = "Graph",
                        Url = Graph.TlsServiceUrl,
                        CertificatePins = [Graph.CertificatePin],
                        CredentialSource = CredentialSource.OAuth,
                        OAuth = new OAuthConfiguration { Flow = OAuthFlow.Command, Command = tokens },
                    },
                ],
                Mailboxes = [.. Mail.Mailboxes.Select(m => new MailboxConfiguration
                {
                    Deployment = Deployment,
                    Address = m.Address,
                    Credential = new StoredCredential(m.Address, secrets.Protect(m.Password)),
                })],
            },
            cancellationToken);
    }

    private static ProfileConfiguration Profile(string name, MailDirection direction, string system, LabServer server, TlsMode tls) => new()
    {
        Name = name,
        Direction = direction,
        System = system,
        Host = server.Host,
        Port = tls == TlsMode.Implicit ? server.TlsPort : server.Port,
        Tls = tls,
        CertificatePins = [server.CertificatePin],
    };

    private Dictionary<string, MimeMessage> SentByKey()
    {
        var found = new Dictionary<string, MimeMessage>(StringComparer.Ordinal);
        foreach (SeedEmail email in SeedOrganization.Emails)
        {
            if (FindSent(email) is [var first, ..])
                found[email.Key] = MimeMessage.Parse(first.Content);
        }

        return found;
    }

    private static string? Resolve(string name, string key, Dictionary<string, MimeMessage> sent)
    {
        if (name is not ("messageid" or "subject" or "token"))
            return null;
        if (!sent.TryGetValue(key, out MimeMessage? message))
            throw new InvalidOperationException($"A customer is to answer the email {key}, but it was not sent.");
        return name switch
        {
            "messageid" => message.MessageId,
            "subject" => message.Subject,
            _ => message.Subject[(message.Subject.LastIndexOf(' ') + 1)..],
        };
    }
}

/// <summary>A sample message that was delivered.</summary>
/// <param name="Sample">The sample.</param>
/// <param name="Uidls">The POP3 ids of its copies, by mailbox.</param>
public sealed record DeliveredSample(SampleMessage Sample, IReadOnlyDictionary<string, string> Uidls);

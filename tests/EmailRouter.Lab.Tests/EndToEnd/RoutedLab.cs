using System.Text;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.Store;
using EmailRouter.Lab.Tests.Organization;
using EmailRouter.Mail;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.Outgoing;

namespace EmailRouter.Lab.Tests.EndToEnd;

/// <summary>A lab whose mailboxes the router reaches by Exchange Server or Exchange Online, and the router over its configuration.</summary>
internal sealed class RoutedLab : IAsyncDisposable
{
    public const string Anna = "anna.berg@contoso.test";
    public const string Ben = "ben.ortiz@contoso.test";
    public const string Carla = "carla.nunez@contoso.test";
    public const string Forward = "crm.forward@contoso.test";
    public const string ServiceAccount = "svc-router";
    public const string ClaimsSecret = "its <secret> & more";
    public const string Exchange = "Exchange";
    public const string Graph = "Graph";
    public const string Pop3 = "Pop3";
    public const string Smtp = "Smtp";

    private readonly List<Router> routers = [];
    private LabDataverseServer? dataverse;

    private RoutedLab(LabSession session) => Session = session;

    public LabSession Session { get; }

    public LabMailStore Mail => Session.Mail;

    public EmbeddedCrm Crm => Session.Crm;

    public WaitSkippingClock Clock { get; } = new();

    public Router Router => routers[^1];

    public LabDataverseServer Dataverse => dataverse ?? throw new InvalidOperationException("The lab has no Dataverse.");

    /// <summary>Starts a lab.</summary>
    /// <param name="incoming">The system by which mail is read.</param>
    /// <param name="outgoing">The system by which it is sent.</param>
    /// <param name="change">Changes the configuration further.</param>
    public static async Task<RoutedLab> StartAsync(
        string incoming, string outgoing = Smtp, Func<RoutedLab, RouterConfiguration, RouterConfiguration>? change = null)
    {
        var lab = new RoutedLab(await LabSession.StartAsync());
        lab.Mail.AddAccount(ServiceAccount, "service's secret").ImpersonatesAll = true;
        await lab.ChangeAsync(c => c with
        {
            Deployments = [.. c.Deployments.Select(d => d with
            {
                IncomingProfile = NameOf(incoming, MailDirection.Incoming),
                OutgoingProfile = NameOf(outgoing, MailDirection.Outgoing),
            })],
            Profiles =
            [
                .. c.Profiles.Select(p => p with { Name = p.System }),
                .. new[] { Exchange, Graph }.SelectMany(system => new[] { lab.Profile(system, MailDirection.Incoming), lab.Profile(system, MailDirection.Outgoing) }),
            ],
        });
        if (change is not null)
            await lab.ChangeAsync(c => change(lab, c));
        await lab.OpenAsync();
        return lab;
    }

    /// <summary>The name of the profile of a system in a direction.</summary>
    public static string NameOf(string system, MailDirection direction) => system is Exchange or Graph ? $"{system} {direction}" : system;

    /// <summary>How a profile of the lab reaches Exchange or Graph.</summary>
    public ProfileConfiguration Profile(string system, MailDirection direction)
    {
        var profile = new ProfileConfiguration { Name = NameOf(system, direction), Direction = direction, System = system };
        return system switch
        {
            Exchange => profile with
            {
                Url = Session.Exchange.EwsTlsUrl,
                CertificatePins = [Session.Exchange.CertificatePin],
                CredentialSource = CredentialSource.Profile,
                Credential = new StoredCredential(ServiceAccount, Protect("service's secret")),
            },
            Graph => profile with
            {
                Url = Session.Graph.TlsServiceUrl,
                CertificatePins = [Session.Graph.CertificatePin],
                CredentialSource = CredentialSource.OAuth,
                OAuth = Application(),
            },
            _ => profile,
        };
    }

    /// <summary>How the router's application gets its tokens.</summary>
    public OAuthConfiguration Application() =>
        new() { ClientId = LabSession.ClientId, Authority = Session.Tokens.Authority, ClientSecret = Protect(LabSession.ClientSecret) };

    public string Protect(string secret) => SecretProtector.For(Session.ConfigurationPath).Protect(secret);

    public async Task ChangeAsync(Func<RouterConfiguration, RouterConfiguration> change) =>
        await new ConfigurationStore(Session.ConfigurationPath, TimeProvider.System).UpdateAsync(change, default);

    /// <summary>Changes one profile.</summary>
    public static RouterConfiguration With(RouterConfiguration configuration, string profile, Func<ProfileConfiguration, ProfileConfiguration> change) =>
        configuration with { Profiles = [.. configuration.Profiles.Select(p => p.Name == profile ? change(p) : p)] };

    /// <summary>Starts a Dataverse over the lab's CRM, and makes the deployment use it.</summary>
    public Task UseDataverseAsync(DecisionAuthority decides) => UseServerAsync(DataverseCrmSystem.SystemName, decides);

    /// <summary>Starts an Organization.svc over the lab's CRM, and makes the deployment use it.</summary>
    public Task UseOrganizationAsync(DecisionAuthority decides) => UseServerAsync(OrganizationCrmSystem.SystemName, decides);

    /// <summary>Starts an Organization.svc of a claims-based deployment over the lab's CRM, and makes the deployment use it with a password.</summary>
    public async Task UseClaimsAsync(DecisionAuthority decides, string secret = ClaimsSecret, bool isParty = true)
    {
        const string Account = @"CONTOSO\svc-crm";
        await UseOrganizationAsync(decides);
        await Dataverse.AddServiceUserAsync(Account, ClaimsSecret);
        Dataverse.Policy.VerifySignature = TimestampVerifier.Verify;
        if (isParty)
            Session.Tokens.AddRelyingParty(Dataverse.TlsUrl);
        await ChangeAsync(c => c with
        {
            Deployments = [.. c.Deployments.Select(d => d with
            {
                Authentication = CrmAuthentication.Password,
                OAuth = null,
                Credential = new StoredCredential(Account, Protect(secret)),
                CertificatePins = [Dataverse.CertificatePin, Session.Tokens.CertificatePin],
            })],
        });
        await OpenAsync();
    }

    private async Task UseServerAsync(string system, DecisionAuthority decides)
    {
        dataverse = new LabDataverseServer(Crm, Session.Tokens, null, new LabHttpOptions { Faults = Session.Faults, MaxBody = 192 * 1024 * 1024 });
        dataverse.Start();
        await dataverse.AddApplicationUserAsync(Guid.Parse(LabSession.ClientId), "Email Router");
        await DecideAsync(decides, system);
    }

    public async Task DecideAsync(DecisionAuthority decides, string system = DataverseCrmSystem.SystemName)
    {
        await ChangeAsync(c => c with
        {
            Deployments = [.. c.Deployments.Select(d => d with
            {
                System = system,
                Path = null,
                Url = Dataverse.TlsUrl,
                CertificatePins = [Dataverse.CertificatePin],
                OAuth = Application(),
                Decides = decides,
            })],
        });
        await OpenAsync();
    }

    /// <summary>Opens another router over the configuration as it is now.</summary>
    public async Task OpenAsync() => routers.Add(await Router.OpenAsync(
        new RouterHostOptions
        {
            ConfigurationPath = Session.ConfigurationPath,
            Mail = new MailContext { Clock = Clock },
            TokenHttp = () => new HttpClient(Session.Tokens.CreateHandler()),
        },
        default));

    public LabMessage Deliver(string mailbox, int number, string from = "kim.abel@adatum.test", string more = "", string body = "Hello") => Mail.Deliver(
        mailbox,
        Encoding.UTF8.GetBytes($"From: <{from}>\r\nTo: <{mailbox}>\r\nSubject: Mail {number}\r\nMessage-ID: <{number}@adatum.test>\r\nDate: Fri, 20 Nov 2026 08:15:00 +0000\r\n{more}\r\n{body} {number}\r\n"));

    public async Task<EffectiveMailbox> FindAsync(string address) => await Router.GetMailboxesAsync(null, default).SingleAsync(m => m.Address == address);

    public async Task<PollResult> PollAsync(string address) => await Router.PollAsync(await FindAsync(address), new PollOptions(), default);

    /// <summary>Polls a mailbox and expects that it went well.</summary>
    public async Task<PollResult> PollWellAsync(string address)
    {
        PollResult result = await PollAsync(address);
        Assert.True(result.Status == PollStatus.Completed, $"{result.Status}: {result.Error}");
        return result;
    }

    /// <summary>Polls a mailbox and expects that an error ended it which says what to do.</summary>
    public async Task<RouterError> PollBadlyAsync(string address)
    {
        PollResult result = await PollAsync(address);
        Assert.Equal(PollStatus.Failed, result.Status);
        Assert.NotNull(result.Error);
        Assert.NotEmpty(result.Error.Remedy);
        return result.Error;
    }

    public async Task<SendResult> SendAsync(params Guid[] ids) =>
        await Router.SendAsync(null, new SendOptions { ActivityIds = ids.Length == 0 ? null : ids }, default);

    /// <summary>The subjects of all received emails of the CRM.</summary>
    public async Task<string[]> ReceivedAsync() =>
        [.. (await Crm.FindEmailsAsync(new EmailFilter { IsOutgoing = false }, default).ToListAsync()).Select(e => e.Subject).Order(StringComparer.Ordinal)];

    public async ValueTask DisposeAsync()
    {
        foreach (Router router in routers)
            await router.DisposeAsync();
        if (dataverse is not null)
            await dataverse.DisposeAsync();
        await Session.DisposeAsync();
    }
}

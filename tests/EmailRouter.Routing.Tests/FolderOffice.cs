using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Mail;
using EmailRouter.Mail.Drop;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;

namespace EmailRouter.Routing.Tests;

/// <summary>A queue in an embedded CRM, a folder its mail comes from and a folder its mail goes to, and routers over them.</summary>
internal sealed class FolderOffice : IAsyncDisposable
{
    public const string Queue = "sales@example.test";

    private readonly TemporaryFolder folder = new();
    private readonly ManualClock clock = new(DateTimeOffset.UtcNow.AddHours(1));

    private FolderOffice()
    {
    }

    public EmbeddedCrm Crm { get; private set; } = null!;

    public RecordReference Sales { get; private set; } = null!;

    public RecordReference Ann { get; private set; } = null!;

    public RecordReference Bob { get; private set; } = null!;

    public DateTimeOffset Now => clock.GetUtcNow();

    public string Inbox => folder["in"];

    public string Outbox => folder["out"];

    public static async Task<FolderOffice> OpenAsync()
    {
        var office = new FolderOffice();
        Directory.CreateDirectory(office.Inbox);
        Directory.CreateDirectory(office.Outbox);
        office.Crm = await EmbeddedCrm.OpenAsync(new EmbeddedCrmOptions { Path = office.folder["crm.db"] }, default);
        RecordReference owner = await office.CreateAsync("systemuser", ("fullname", "Sue"));
        office.Ann = await office.CreateAsync("contact", ("fullname", "Ann"), ("emailaddress1", "ann@adatum.test"));
        office.Bob = await office.CreateAsync("contact", ("fullname", "Bob"), ("emailaddress1", "bob@adatum.test"));
        office.Sales = await office.CreateAsync(
            "queue",
            ("name", "Sales"),
            ("ownerid", owner.Id),
            ("emailaddress", Queue),
            ("incomingemaildeliverymethod", 2),
            ("outgoingemaildeliverymethod", 2),
            ("incomingemailfilteringmethod", 0),
            ("emailrouteraccessapproval", 1));
        return office;
    }

    public static async Task<PollResult> PollAsync(Router router) =>
        await router.PollAsync(await router.GetMailboxesAsync(null, default).SingleAsync(m => m.Address == Queue), new PollOptions(), default);

    /// <summary>Makes a pending email to Ann, with Bob in Bcc.</summary>
    public async Task<Guid> PendingAsync()
    {
        Guid id = await Crm.CreateDraftAsync(new EmailDraft { From = Sales, To = [Ann], Bcc = [Bob], Subject = "Angebot", Description = "<p>hello</p>" }, default);
        await Crm.SendEmailAsync(id, issueSend: true, default);
        return id;
    }

    public async Task<EmailActivity> EmailAsync(Guid id) =>
        (await Crm.FindEmailsAsync(new EmailFilter { IsOutgoing = true }, default).ToListAsync()).Single(e => e.ActivityId == id);

    public void Advance(TimeSpan time) => clock.Advance(time);

    public void Put(string name, string message) => File.WriteAllText(Path.Combine(Inbox, name), message);

    public async Task<Router> OpenRouterAsync(string system, string path, Settlement settlement, RoutingOptions? routing = null)
    {
        string file = folder[ConfigurationLocation.FileName];
        await new ConfigurationStore(file).UpdateAsync(
            _ => new RouterConfiguration
            {
                RouterName = "folders",
                Deployments = [new DeploymentConfiguration { Name = "Contoso", Path = "crm.db", IncomingProfile = "In", OutgoingProfile = "Out" }],
                Profiles =
                [
                    new ProfileConfiguration
                    {
                        Name = "In",
                        Direction = MailDirection.Incoming,
                        System = system,
                        Path = path,
                        CredentialSource = CredentialSource.Anonymous,
                        Settlement = settlement,
                    },
                    new ProfileConfiguration
                    {
                        Name = "Out",
                        Direction = MailDirection.Outgoing,
                        System = "DropFolder",
                        Path = Outbox,
                        CredentialSource = CredentialSource.Anonymous,
                        Options = new Dictionary<string, string> { [DropFolderSystem.EnvelopeOption] = "headers" },
                    },
                ],
                Routing = routing ?? new RoutingOptions(),
            },
            default);
        return await Router.OpenAsync(new RouterHostOptions { ConfigurationPath = file, Mail = new MailContext { Clock = clock } }, default);
    }

    /// <summary>Changes the configuration and opens another router over it.</summary>
    public async Task<Router> ReopenRouterAsync(Func<RouterConfiguration, RouterConfiguration> change, RouterSystems? systems = null)
    {
        string file = folder[ConfigurationLocation.FileName];
        await new ConfigurationStore(file).UpdateAsync(change, default);
        var options = new RouterHostOptions { ConfigurationPath = file, Mail = new MailContext { Clock = clock } };
        return await Router.OpenAsync(systems is null ? options : options with { Systems = systems }, default);
    }

    public async ValueTask DisposeAsync()
    {
        await Crm.DisposeAsync();
        folder.Dispose();
    }

    public async Task<RecordReference> CreateAsync(string table, params (string Column, object Value)[] values) =>
        (await Crm.CreateRecordAsync(new CrmRecord(table, Guid.Empty, values.ToDictionary(v => v.Column, v => (object?)v.Value)), default)).ToReference();
}

using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Mail;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Interop.Tests.Routing;

/// <summary>An embedded CRM with one queue, and a router configured for it; the mail servers are other people's.</summary>
internal sealed class Organization : IAsyncDisposable
{
    public const string Queue = "sales@example.test";

    private readonly string folder = Directory.CreateTempSubdirectory("emailrouter-interop-").FullName;

    public EmbeddedCrm Crm { get; private set; } = null!;

    public RecordReference Sales { get; private set; } = null!;

    private string ConfigurationPath => Path.Combine(folder, ConfigurationLocation.FileName);

    public static async Task<Organization> OpenAsync()
    {
        var organization = new Organization();
        organization.Crm = await EmbeddedCrm.OpenAsync(new EmbeddedCrmOptions { Path = Path.Combine(organization.folder, "crm.db") }, default);
        CrmRecord owner = await organization.CreateAsync("systemuser", ("fullname", "Sue"));
        organization.Sales = (await organization.CreateAsync(
            "queue",
            ("name", "Sales"),
            ("ownerid", owner.Id),
            ("emailaddress", Queue),
            ("incomingemaildeliverymethod", 2),
            ("outgoingemaildeliverymethod", 2),
            ("incomingemailfilteringmethod", 0),
            ("emailrouteraccessapproval", 1))).ToReference();
        return organization;
    }

    public async Task<CrmRecord> CreateAsync(string table, params (string Column, object Value)[] values) =>
        await Crm.CreateRecordAsync(new CrmRecord(table, Guid.Empty, values.ToDictionary(v => v.Column, v => (object?)v.Value)), default);

    /// <summary>Opens the router with one profile in one direction; over the CRM itself unless another way to it is given. The last word about the configuration has the test.</summary>
    public async Task<Router> OpenRouterAsync(
        ProfileConfiguration profile, string userName, string password, IMailSystem? system = null, ICrmSystem? crm = null, Func<RouterConfiguration, RouterConfiguration>? change = null,
        MailContext? mail = null)
    {
        ISecretProtector secrets = SecretProtector.For(ConfigurationPath);
        bool incoming = profile.Direction == MailDirection.Incoming;
        await new ConfigurationStore(ConfigurationPath).UpdateAsync(
            _ => (change ?? (static configuration => configuration))(new RouterConfiguration
            {
                RouterName = "interop",
                Deployments =
                [
                    new DeploymentConfiguration
                    {
                        Name = "Contoso",
                        System = crm?.Name ?? EmbeddedCrmSystem.SystemName,
                        Path = "crm.db",
                        IncomingProfile = incoming ? profile.Name : null,
                        OutgoingProfile = incoming ? null : profile.Name,
                    },
                ],
                Profiles = [profile],
                Mailboxes = [new MailboxConfiguration { Deployment = "Contoso", Address = Queue, Credential = new StoredCredential(userName, secrets.Protect(password)) }],
            }),
            default);
        RouterSystems systems = RouterHostOptions.BuiltInSystems();
        if (system is not null)
            systems.Add(system);
        if (crm is not null)
            systems.Add(crm);
        return await Router.OpenAsync(new RouterHostOptions { ConfigurationPath = ConfigurationPath, Systems = systems, Mail = mail ?? new MailContext() }, default);
    }

    public async ValueTask DisposeAsync()
    {
        await Crm.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }
}

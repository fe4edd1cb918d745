using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Tests.Configuration;

public sealed class MailboxCatalogTests
{
    private static readonly DeploymentConfiguration Contoso = Samples.Configuration.Deployments[0];

    [Fact]
    public async Task A_mailbox_that_is_ready_has_profiles_and_credentials()
    {
        EffectiveMailbox mailbox = await SingleAsync(Samples.Configuration, Support);

        Assert.Equal(("Contoso", "support@example.test", CrmMailboxKind.Queue), (mailbox.Deployment, mailbox.Address, mailbox.Kind));
        Assert.Equal(new MailboxKey("Contoso", "support@example.test"), mailbox.Key);
        Assert.True(mailbox.Incoming.IsUsable, mailbox.Incoming.StatusText);
        Assert.Equal(("Pop", "support"), (mailbox.Incoming.Profile!.Name, mailbox.Incoming.UserName));
        Assert.True(mailbox.Outgoing.IsUsable, mailbox.Outgoing.StatusText);
        Assert.Equal(("Relay", "relay"), (mailbox.Outgoing.Profile!.Name, mailbox.Outgoing.UserName));
        Assert.Same(mailbox.Incoming, mailbox.Route(MailDirection.Incoming));
        Assert.Same(mailbox.Outgoing, mailbox.Route(MailDirection.Outgoing));
    }

    [Fact]
    public async Task Forward_mailboxes_of_the_configuration_stand_behind_those_of_the_organization()
    {
        DeploymentConfiguration deployment = Contoso with { ForwardMailboxes = ["other@example.test", "CRM@example.test"] };
        RouterConfiguration configuration = Samples.Configuration with
        {
            Deployments = [deployment],
            Mailboxes = [Samples.Configuration.Mailboxes[0], Samples.Configuration.Mailboxes[0] with { Address = "other@example.test" }],
        };
        CrmMailbox known = Support with
        {
            Owner = new RecordReference("mailbox", Guid.NewGuid(), "CRM"),
            Kind = CrmMailboxKind.Forward,
            Address = "crm@example.test",
            IncomingDelivery = DeliveryMethod.ForwardMailbox,
        };

        List<EffectiveMailbox> mailboxes = await MailboxCatalog.GetAsync(configuration, deployment, new Directory(new() { OrganizationId = Guid.NewGuid() }, [known]), default).ToListAsync();

        Assert.Equal(["crm@example.test", "other@example.test"], mailboxes.Select(m => m.Address));
        Assert.All(mailboxes, m => Assert.Equal(CrmMailboxKind.Forward, m.Kind));
        Assert.Equal(MailboxStatus.NoCredential, mailboxes[0].Incoming.Status);
        Assert.Equal((MailboxStatus.Usable, MailboxStatus.DeliveryMethodNone), (mailboxes[1].Incoming.Status, mailboxes[1].Outgoing.Status));
    }

    [Fact]
    public async Task The_folder_of_sent_mail_is_read_with_the_credential_of_the_mailbox_and_belongs_to_what_sending_needs()
    {
        ProfileConfiguration imap = Samples.Configuration.Profiles[0] with { Name = "Imap", System = "Imap", CredentialSource = CredentialSource.Mailbox };
        RouterConfiguration configuration = Samples.Configuration with
        {
            Profiles = [.. Samples.Configuration.Profiles.Select(p => p.Name == "Relay" ? p with { SentCopy = new() { InSentFolder = true, Profile = "IMAP" } } : p), imap],
        };

        EffectiveMailbox mailbox = await SingleAsync(configuration, Support);
        EffectiveMailbox without = await SingleAsync(configuration with { Mailboxes = [] }, Support);

        Assert.True(mailbox.Outgoing.IsUsable, mailbox.Outgoing.StatusText);
        Assert.Equal(("Imap", "support"), (mailbox.SentFolder!.Profile!.Name, mailbox.SentFolder.UserName));
        Assert.Equal(MailboxStatus.NoCredential, without.Outgoing.Status);
        Assert.Equal("For the folder of sent mail: The mailbox has no credential.", without.Outgoing.StatusText);
        Assert.Null((await SingleAsync(Samples.Configuration, Support)).SentFolder);
    }

    [Fact]
    public async Task A_mailbox_names_its_own_profiles_over_those_of_the_deployment()
    {
        RouterConfiguration configuration = Samples.Configuration with
        {
            Profiles = [.. Samples.Configuration.Profiles, Samples.Configuration.Profiles[0] with { Name = "Own" }],
            Mailboxes = [Samples.Configuration.Mailboxes[0] with { IncomingProfile = "OWN", Address = "SUPPORT@example.test", Deployment = "CONTOSO" }],
        };

        Assert.Equal("Own", (await SingleAsync(configuration, Support)).Incoming.Profile!.Name);
    }

    [Fact]
    public async Task The_user_name_is_the_address_where_none_is_given()
    {
        RouterConfiguration configuration = Samples.Configuration with { Mailboxes = [Samples.Configuration.Mailboxes[0] with { Credential = new("", "aesgcm1:BBBB") }] };

        Assert.Equal("support@example.test", (await SingleAsync(configuration, Support)).Incoming.UserName);
    }

    [Theory]
    [InlineData("deployment off", MailboxStatus.DeploymentDisabled)]
    [InlineData("mailbox off", MailboxStatus.Disabled)]
    [InlineData("inactive", MailboxStatus.Inactive)]
    [InlineData("none", MailboxStatus.DeliveryMethodNone)]
    [InlineData("outlook", MailboxStatus.DeliveredByOutlook)]
    [InlineData("forward", MailboxStatus.DeliveredByForwardMailbox)]
    [InlineData("pending", MailboxStatus.NotApproved)]
    [InlineData("no profile", MailboxStatus.NoProfile)]
    [InlineData("lost profile", MailboxStatus.ProfileInvalid)]
    [InlineData("wrong direction", MailboxStatus.ProfileInvalid)]
    [InlineData("no entry", MailboxStatus.NoCredential)]
    [InlineData("profile without credential", MailboxStatus.NoCredential)]
    public async Task A_mailbox_that_is_not_used_says_why_and_what_to_do(string what, MailboxStatus expected)
    {
        RouterConfiguration c = Samples.Configuration;
        DeploymentConfiguration d = Contoso;
        CrmMailbox crm = Support;
        switch (what)
        {
            case "deployment off": d = d with { Enabled = false }; break;
            case "mailbox off": c = c with { Mailboxes = [c.Mailboxes[0] with { Enabled = false }] }; break;
            case "inactive": crm = crm with { IsActive = false }; break;
            case "none": crm = crm with { IncomingDelivery = DeliveryMethod.None }; break;
            case "outlook": crm = crm with { IncomingDelivery = DeliveryMethod.Outlook }; break;
            case "forward": crm = crm with { IncomingDelivery = DeliveryMethod.ForwardMailbox }; break;
            case "pending": crm = crm with { Approval = AccessApproval.Pending }; break;
            case "no profile": d = d with { IncomingProfile = null }; break;
            case "lost profile": d = d with { IncomingProfile = "Lost" }; break;
            case "wrong direction": d = d with { IncomingProfile = "Relay" }; break;
            case "no entry": c = c with { Mailboxes = [] }; break;
            default: c = c with { Profiles = [c.Profiles[0] with { CredentialSource = CredentialSource.Profile }] }; break;
        }

        MailboxRoute incoming = (await ListAsync(c, d, crm))[0].Incoming;

        Assert.Equal(expected, incoming.Status);
        Assert.False(incoming.IsUsable);
        Assert.NotEmpty(incoming.StatusText);
        Assert.NotEmpty(incoming.Remedy);
    }

    [Fact]
    public async Task One_direction_may_be_used_while_the_other_is_not()
    {
        EffectiveMailbox mailbox = await SingleAsync(Samples.Configuration, Support with { IncomingDelivery = DeliveryMethod.None });

        Assert.False(mailbox.Incoming.IsUsable);
        Assert.True(mailbox.Outgoing.IsUsable);
    }

    [Theory]
    [InlineData(CrmMailboxKind.User, true, false, MailboxStatus.NotApproved)]
    [InlineData(CrmMailboxKind.User, false, true, MailboxStatus.Usable)]
    [InlineData(CrmMailboxKind.Queue, true, false, MailboxStatus.Usable)]
    [InlineData(CrmMailboxKind.Queue, false, true, MailboxStatus.NotApproved)]
    [InlineData(CrmMailboxKind.Forward, true, true, MailboxStatus.Usable)]
    public async Task Approval_counts_where_the_organization_requires_it(CrmMailboxKind kind, bool users, bool queues, MailboxStatus expected)
    {
        var organization = new Directory(
            new OrganizationSettings { OrganizationId = Guid.NewGuid(), RequireApprovalForUsers = users, RequireApprovalForQueues = queues },
            [Support with { Kind = kind, Approval = AccessApproval.Empty }]);

        EffectiveMailbox mailbox = Assert.Single(await MailboxCatalog.GetAsync(Samples.Configuration, Contoso, organization, default).ToListAsync());

        Assert.Equal((expected, expected), (mailbox.Incoming.Status, mailbox.Outgoing.Status));
    }

    [Fact]
    public async Task An_address_shared_by_two_is_read_once_and_sends_for_both()
    {
        IReadOnlyList<EffectiveMailbox> mailboxes = await ListAsync(
            Samples.Configuration, Contoso, Support with { IsActive = false }, Support, Support with { Address = "SUPPORT@example.test", Kind = CrmMailboxKind.User });

        Assert.Equal([MailboxStatus.Inactive, MailboxStatus.Usable, MailboxStatus.SharedAddress], mailboxes.Select(m => m.Incoming.Status));
        Assert.True(mailboxes[2].Outgoing.IsUsable);
    }

    [Fact]
    public async Task The_login_has_the_decrypted_secret_and_does_not_show_it()
    {
        using var folder = new TemporaryFolder();
        ISecretProtector secrets = SecretProtector.For(folder["emailrouter.json"]);
        RouterConfiguration configuration = Samples.Configuration with
        {
            Mailboxes = [Samples.Configuration.Mailboxes[0] with { Credential = new("support", secrets.Protect("Passw0rd")) }],
        };
        EffectiveMailbox mailbox = await SingleAsync(configuration, Support);

        MailLogin login = mailbox.Incoming.Login(mailbox.Address, secrets);

        Assert.Equal(new MailLogin("support@example.test", MailCredential.Password("support", "Passw0rd")), login);
        Assert.DoesNotContain("Passw0rd", login.ToString() + mailbox, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_asks_for_no_credential_gets_none()
    {
        RouterConfiguration configuration = Samples.Configuration with
        {
            Profiles = [Samples.Configuration.Profiles[0], Samples.Configuration.Profiles[1] with { CredentialSource = CredentialSource.Anonymous }],
        };
        using var folder = new TemporaryFolder();

        MailboxRoute outgoing = (await SingleAsync(configuration, Support)).Outgoing;

        Assert.True(outgoing.IsUsable);
        Assert.Null(outgoing.UserName);
        Assert.Equal(MailCredential.Anonymous, outgoing.Login("support@example.test", SecretProtector.For(folder["x.json"])).Credential);
    }

    private static CrmMailbox Support { get; } = new()
    {
        Owner = new RecordReference("queue", Guid.NewGuid(), "Support"),
        Kind = CrmMailboxKind.Queue,
        Address = "support@example.test",
        IncomingDelivery = DeliveryMethod.Router,
        OutgoingDelivery = DeliveryMethod.Router,
        Filter = FilteringMethod.All,
        Approval = AccessApproval.Approved,
        IsActive = true,
        OwnerUserId = Guid.NewGuid(),
    };

    private static async Task<EffectiveMailbox> SingleAsync(RouterConfiguration configuration, CrmMailbox mailbox) => Assert.Single(await ListAsync(configuration, Contoso, mailbox));

    private static async Task<IReadOnlyList<EffectiveMailbox>> ListAsync(RouterConfiguration configuration, DeploymentConfiguration deployment, params CrmMailbox[] mailboxes) =>
        await MailboxCatalog.GetAsync(configuration, deployment, new Directory(new() { OrganizationId = Guid.NewGuid() }, mailboxes), default).ToListAsync();

    private sealed class Directory(OrganizationSettings settings, IReadOnlyList<CrmMailbox> mailboxes) : IOrganizationDirectory
    {
        public ValueTask<OrganizationSettings> GetSettingsAsync(CancellationToken cancellationToken) => ValueTask.FromResult(settings);

        public IAsyncEnumerable<CrmMailbox> GetMailboxesAsync(CancellationToken cancellationToken) => mailboxes.ToAsyncEnumerable();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

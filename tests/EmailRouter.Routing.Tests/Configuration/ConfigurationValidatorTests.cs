using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Tests.Configuration;

public sealed class ConfigurationValidatorTests
{
    /// <summary>Each case: what is changed, the element that must be named, and a word of the problem.</summary>
    public static TheoryData<string, string, string> Faults { get; } = new()
    {
        { "version", "version", "2" },
        { "router name", "routerName", "no name" },
        { "state path", "statePath", "empty" },
        { "deployment twice", "deployments[1], name", "twice" },
        { "deployment unnamed", "deployments[0], name", "empty" },
        { "deployment system", "deployment \"Contoso\", system", "knows no system \"Dataverse\"" },
        { "deployment url", "deployment \"Contoso\", url", "missing" },
        { "deployment path", "deployment \"Contoso\", path", "needs a file" },
        { "deployment state", "deployment \"Contoso\", path", "router's state" },
        { "deployment profile", "deployment \"Contoso\", incomingProfile", "There is no profile \"Nowhere\"" },
        { "deployment direction", "deployment \"Contoso\", outgoingProfile", "is Incoming" },
        { "profile twice", "profiles[2], name", "twice" },
        { "profile system", "profile \"Pop\", system", "knows no system \"Exchange\"" },
        { "profile door", "profile \"Pop\", system", "cannot read mailboxes" },
        { "profile no system", "profile \"Pop\", system", "empty" },
        { "profile no host", "profile \"Pop\", host", "missing" },
        { "profile bad host", "profile \"Pop\", host", "no host name" },
        { "profile bad port", "profile \"Pop\", port", "70000" },
        { "profile bad url", "profile \"Pop\", url", "no web address" },
        { "profile host and url", "profile \"Pop\", host", "Both host and url" },
        { "profile path of a server", "profile \"Pop\", path", "works on no folder" },
        { "folder no path", "profile \"Pop\", path", "missing" },
        { "folder relative path", "profile \"Pop\", path", "no full path" },
        { "folder placeholder", "profile \"Pop\", path", "brace" },
        { "folder host", "profile \"Pop\", host", "no server" },
        { "folder credential", "profile \"Pop\", credentialSource", "no credential" },
        { "profile plain", "profile \"Pop\", tls", "readable" },
        { "profile plain url", "profile \"Pop\", tls", "readable" },
        { "profile no credential", "profile \"Relay\", credential", "has none" },
        { "profile open secret", "profile \"Relay\", credential", "not encrypted" },
        { "profile lost secret", "profile \"Relay\", credential", "missing" },
        { "profile pin", "profile \"Pop\", certificatePins", "no pin" },
        { "profile connections", "profile \"Pop\", maxConnections", "few" },
        { "token nothing", "profile \"Pop\", oAuth", "does not say how" },
        { "token unused", "profile \"Pop\", oAuth", "no tokens are got" },
        { "token client", "profile \"Pop\", oAuth, clientId", "missing" },
        { "token tenant", "profile \"Pop\", oAuth, tenantId", "missing or no id" },
        { "token authority", "profile \"Pop\", oAuth, authority", "no https address" },
        { "token secret", "profile \"Pop\", oAuth, clientSecret", "missing" },
        { "token open secret", "profile \"Pop\", oAuth, clientSecret", "not encrypted" },
        { "token needless secret", "profile \"Pop\", oAuth, clientSecret", "not used by this flow" },
        { "token certificate", "profile \"Pop\", oAuth, certificate", "missing" },
        { "token certificate path", "profile \"Pop\", oAuth, certificate", "neither a full path nor a thumbprint" },
        { "token needless certificate", "profile \"Pop\", oAuth, certificate", "not used" },
        { "token thumbprint password", "profile \"Pop\", oAuth, certificatePassword", "not used" },
        { "token lost certificate password", "profile \"Pop\", oAuth, certificatePassword", "missing" },
        { "token open certificate password", "profile \"Pop\", oAuth, certificatePassword", "not encrypted" },
        { "token scopes", "profile \"Pop\", oAuth, scopes", "all its rights" },
        { "token user", "profile \"Pop\", oAuth, userName", "nobody signs in" },
        { "token command", "profile \"Pop\", oAuth, command", "no full path" },
        { "token needless command", "profile \"Pop\", oAuth, command", "not used" },
        { "token needless script", "profile \"Pop\", oAuth, script", "not used" },
        { "token script and command", "profile \"Pop\", oAuth, command", "script as well" },
        { "token empty script", "profile \"Pop\", oAuth, script", "empty" },
        { "exchange online", "profile \"Pop\", system", "no longer" },
        { "graph password", "profile \"Pop\", credentialSource", "tokens only" },
        { "graph host", "profile \"Pop\", host", "one address" },
        { "rules profile", "deployment \"Contoso\", rulesProfile", "There is no profile" },
        { "rules profile without rules", "deployment \"Contoso\", rulesProfile", "Pop3 knows none" },
        { "mailbox rules profile", "mailbox \"support@example.test\", rulesProfile", "There is no profile" },
        { "rules only", "deployment \"Contoso\", incomingProfile", "moves no mail" },
        { "embedded url", "deployment \"Contoso\", url", "no address" },
        { "embedded credential", "deployment \"Contoso\", authentication", "Nobody logs in" },
        { "embedded decides", "deployment \"Contoso\", decides", "cannot have the server decide" },
        { "crm path", "deployment \"Contoso\", path", "no file" },
        { "crm plain", "deployment \"Contoso\", url", "readable" },
        { "crm pin", "deployment \"Contoso\", certificatePins", "no pin" },
        { "crm no tokens", "deployment \"Contoso\", oAuth", "does not say how" },
        { "crm token client", "deployment \"Contoso\", oAuth, clientId", "missing" },
        { "crm no password", "deployment \"Contoso\", credential", "missing" },
        { "crm needless password", "deployment \"Contoso\", credential", "not used" },
        { "crm process password", "deployment \"Contoso\", credential", "not used" },
        { "crm needless tokens", "deployment \"Contoso\", oAuth", "no tokens are got" },
        { "crm online password", "deployment \"Contoso\", authentication", "tokens only" },
        { "crm 4 tokens", "deployment \"Contoso\", authentication", "knows no tokens" },
        { "crm 4 decides", "deployment \"Contoso\", decides", "cannot have the router decide" },
        { "crm 4 log-in", "deployment \"Contoso\", options, logIn", "windows or ifd" },
        { "crm 4 internet account", "deployment \"Contoso\", options, logIn", "password only" },
        { "crm further without first", "deployment \"Contoso\", furtherApplications", "no" },
        { "crm further twice", "deployment \"Contoso\", furtherApplications[0], clientId", "twice" },
        { "crm further secret", "deployment \"Contoso\", furtherApplications[0], clientSecret", "missing" },
        { "forward mailbox", "deployment \"Contoso\", forwardMailboxes", "no e-mail address" },
        { "pace few", "profile \"Relay\", maxMessagesPerMinute", "too few" },
        { "pace incoming", "profile \"Pop\", maxRecipientsPerDay", "incoming" },
        { "profile move", "profile \"Pop\", settlement", "needs a folder" },
        { "profile folder", "profile \"Pop\", untrackedSettlement", "needs no folder" },
        { "profile categorize", "profile \"Pop\", settlement", "needs a category" },
        { "profile category", "profile \"Pop\", untrackedSettlement", "needs no category" },
        { "profile two settlements", "profile \"Pop\", settlement", "not one thing" },
        { "profile out settlement", "profile \"Relay\", settlement", "outgoing" },
        { "profile out received", "profile \"Relay\", receivedAfter", "outgoing" },
        { "copy in", "profile \"Pop\", sentCopy", "incoming" },
        { "copy address", "profile \"Relay\", sentCopy, address", "no e-mail address" },
        { "copy profile", "profile \"Relay\", sentCopy, profile", "is Outgoing" },
        { "copy no profile", "profile \"Relay\", sentCopy, profile", "empty" },
        { "copy no credential", "profile \"Relay\", sentCopy, credential", "missing" },
        { "copy open secret", "profile \"Relay\", sentCopy, credential", "not encrypted" },
        { "copy nowhere", "profile \"Relay\", sentCopy, address", "no e-mail address" },
        { "copy folder and address", "profile \"Relay\", sentCopy, address", "own folder" },
        { "copy folder credential", "profile \"Relay\", sentCopy, credential", "sender's mailbox" },
        { "copy folder system", "profile \"Relay\", sentCopy, profile", "Pop3 cannot look" },
        { "mailbox address", "mailbox \"support\"", "no e-mail address" },
        { "mailbox deployment", "mailbox \"support@example.test\", deployment", "no deployment \"Nowhere\"" },
        { "mailbox twice", "mailbox \"SUPPORT@example.test\"", "twice" },
        { "mailbox profile", "mailbox \"support@example.test\", outgoingProfile", "is Incoming" },
        { "mailbox secret", "mailbox \"support@example.test\", credential", "not encrypted" },
        { "routing zero", "routing, maxMessagesPerPoll", "greater" },
        { "routing rate", "routing, maxPerCorrespondentPerHour", "greater" },
        { "routing delay", "routing, maxRetryDelay", "shorter" },
    };

    [Fact]
    public void A_right_configuration_has_no_faults()
    {
        Assert.Empty(ConfigurationValidator.Validate(Samples.Configuration, Samples.Systems));
        Assert.Empty(ConfigurationValidator.Validate(
            Outgoing(Samples.Configuration, p => p with { SentCopy = new() { Address = "sent@example.test", Profile = "Pop", Credential = new("sent", "aesgcm1:DDDD") } }), Samples.Systems));
        Assert.Empty(ConfigurationValidator.Validate(
            Imap(Outgoing(Samples.Configuration, p => p with { SentCopy = new() { InSentFolder = true, Profile = "Imap" } })), Samples.AllSystems));
        Assert.Empty(ConfigurationValidator.Validate(new RouterConfiguration { RouterName = "r" }, Samples.Systems));
        Assert.Empty(ConfigurationValidator.Validate(Incoming(Samples.Configuration, p => Token(p, OAuth)), Samples.Systems));
        foreach (OAuthConfiguration oauth in new[]
        {
            ByCertificate,
            ByCertificate with { CertificatePassword = "aesgcm1:EEEE", Authority = new("https://sts.example.test/adfs"), TenantId = null, Scopes = ["https://org.example.test/read"] },
            new OAuthConfiguration { Flow = OAuthFlow.ManagedIdentity },
            new OAuthConfiguration { Flow = OAuthFlow.Command, Command = Folder, Arguments = ["{resource}"], UserName = "x" },
            new OAuthConfiguration { Flow = OAuthFlow.Command, Script = ["Get-Token"], TenantId = "t" },
            new OAuthConfiguration { Flow = OAuthFlow.Interactive, ClientId = "app", TenantId = "t", UserName = "admin@example.test" },
        })
        {
            Assert.Empty(ConfigurationValidator.Validate(Incoming(Samples.Configuration, p => Token(p, oauth) with { System = "Graph", Host = null }), Samples.AllSystems));
            Assert.Empty(ConfigurationValidator.Validate(
                Crm(Samples.Configuration, r => r with { OAuth = oauth, FurtherApplications = [OAuth with { ClientId = "app-2" }], Decides = DecisionAuthority.Server }), Samples.AllSystems));
        }

        Assert.Empty(ConfigurationValidator.Validate(
            Samples.Configuration with
            {
                Deployments = [Samples.Configuration.Deployments[0] with { RulesProfile = "Rules", ForwardMailboxes = ["fwd@example.test"] }],
                Profiles = [.. Samples.Configuration.Profiles, Samples.Configuration.Profiles[0] with { Name = "Rules", System = "Sieve" }],
            },
            Samples.AllSystems));
        foreach (RouterSystems? systems in new[] { Samples.Systems, null })
            Assert.Empty(ConfigurationValidator.Validate(Incoming(Samples.Configuration, p => Maildir(p) with { Path = Folder + "{domain}" }), systems));
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_fault_names_its_element_and_the_remedy(string what, string element, string problem)
    {
        ConfigurationFault fault = Assert.Single(ConfigurationValidator.Validate(Break(what), what is "deployment system" or "profile system" ? Samples.Systems : Samples.AllSystems));

        Assert.Equal(element, fault.Element);
        Assert.Contains(problem, fault.Problem, StringComparison.Ordinal);
        Assert.NotEmpty(fault.Remedy);
    }

    [Fact]
    public void All_faults_come_at_once()
    {
        RouterConfiguration broken = Break("profile no host") with { RouterName = "my router", Routing = new() { MaxDeliveryAttempts = 0 } };

        Assert.Equal(["routerName", "profile \"Pop\", host", "routing, maxDeliveryAttempts"], ConfigurationValidator.Validate(broken, Samples.Systems).Select(f => f.Element));
    }

    [Fact]
    public void Names_of_systems_count_only_where_the_systems_are_known() => Assert.Empty(ConfigurationValidator.Validate(Break("profile system")));

    [Fact]
    public void A_password_without_TLS_is_right_where_the_administrator_says_so_or_there_is_none()
    {
        RouterConfiguration plain = Break("profile plain");

        Assert.Empty(ConfigurationValidator.Validate(Incoming(plain, p => p with { AllowPlainTextPassword = true }), Samples.Systems));
        Assert.Empty(ConfigurationValidator.Validate(Incoming(plain, p => p with { CredentialSource = CredentialSource.Anonymous }), Samples.Systems));
    }

    [Theory]
    [InlineData("ifd")]
    [InlineData("Windows")]
    public void A_password_logs_in_to_CRM_4_by_Windows_or_as_an_internet_facing_deployment_wants_it(string login)
    {
        RouterConfiguration right = Crm4(Samples.Configuration, login);
        DeploymentConfiguration deployment = right.Deployments[0] with { Authentication = CrmAuthentication.Password, Credential = new("crm", "aesgcm1:CCCC") };

        Assert.Empty(ConfigurationValidator.Validate(right with { Deployments = [deployment] }, Samples.AllSystems));
    }

    private static RouterConfiguration Incoming(RouterConfiguration c, Func<ProfileConfiguration, ProfileConfiguration> change) => c with { Profiles = [change(c.Profiles[0]), .. c.Profiles.Skip(1)] };

    private static RouterConfiguration Outgoing(RouterConfiguration c, Func<ProfileConfiguration, ProfileConfiguration> change) => c with { Profiles = [c.Profiles[0], change(c.Profiles[1])] };

    private static string Folder => Path.GetFullPath(Path.Combine(Path.GetTempPath(), "mail", "in"));

    private static ProfileConfiguration Maildir(ProfileConfiguration p) =>
        p with { System = "maildir", Host = null, Path = Folder, CredentialSource = CredentialSource.Anonymous };

    private static OAuthConfiguration OAuth => new() { ClientId = "app", TenantId = "example.test", ClientSecret = "aesgcm1:EEEE" };

    private static OAuthConfiguration ByCertificate => new() { ClientId = "app", TenantId = "example.test", Flow = OAuthFlow.Certificate, Certificate = Folder };

    private static RouterConfiguration Imap(RouterConfiguration c) => c with { Profiles = [.. c.Profiles, c.Profiles[0] with { Name = "Imap", System = "Imap" }] };

    private static RouterConfiguration Crm(RouterConfiguration c, Func<DeploymentConfiguration, DeploymentConfiguration> change) =>
        c with { Deployments = [change(c.Deployments[0] with { System = "Dataverse", Path = null, Url = new("https://org.example.test"), OAuth = OAuth })] };

    private static RouterConfiguration Crm4(RouterConfiguration c, string login) => Crm(c, r => r with
    {
        System = "CrmService",
        OAuth = null,
        Authentication = CrmAuthentication.Process,
        Decides = DecisionAuthority.Server,
        Options = new Dictionary<string, string> { ["login"] = login },
    });

    private static ProfileConfiguration Token(ProfileConfiguration p, OAuthConfiguration? oauth) =>
        p with { CredentialSource = CredentialSource.OAuth, OAuth = oauth, Credential = null };

    private static RouterConfiguration Break(string what)
    {
        RouterConfiguration c = Samples.Configuration;
        DeploymentConfiguration d = c.Deployments[0];
        MailboxConfiguration m = c.Mailboxes[0];
        var copy = new SentCopyConfiguration { Address = "sent@example.test", Profile = "Pop", Credential = new("sent", "aesgcm1:DDDD") };
        return what switch
        {
            "version" => c with { Version = 2 },
            "router name" => c with { RouterName = "my router" },
            "state path" => c with { StatePath = " " },
            "deployment twice" => c with { Deployments = [d, d with { Name = "CONTOSO" }] },
            "deployment unnamed" => c with { Deployments = [d with { Name = "" }, d] },
            "deployment system" => c with { Deployments = [d with { System = "Dataverse", Url = new("https://org.example.test"), Path = null, OAuth = OAuth }] },
            "deployment url" => c with { Deployments = [d with { System = "Other", Path = null }] },
            "deployment path" => c with { Deployments = [d with { Path = null }] },
            "deployment state" => c with { Deployments = [d with { Path = "state.db" }] },
            "deployment profile" => c with { Deployments = [d with { IncomingProfile = "Nowhere" }] },
            "deployment direction" => c with { Deployments = [d with { OutgoingProfile = "POP" }] },
            "profile twice" => c with { Profiles = [.. c.Profiles, c.Profiles[0] with { Name = "pop" }] },
            "profile system" => Incoming(c, p => p with { System = "Exchange" }),
            "profile door" => Incoming(c, p => p with { System = "Smtp" }),
            "profile no system" => Incoming(c, p => p with { System = " " }),
            "profile no host" => Incoming(c, p => p with { Host = null }),
            "profile bad host" => Incoming(c, p => p with { Host = "https://pop.example.test" }),
            "profile bad port" => Incoming(c, p => p with { Port = 70000 }),
            "profile bad url" => Incoming(c, p => p with { Host = null, Url = new("EWS/Exchange.asmx", UriKind.Relative) }),
            "profile host and url" => Incoming(c, p => p with { Url = new("https://mail.example.test/ews") }),
            "profile path of a server" => Incoming(c, p => p with { Path = Folder }),
            "folder no path" => Incoming(c, p => Maildir(p) with { Path = null }),
            "folder relative path" => Incoming(c, p => Maildir(p) with { Path = "mail/in" }),
            "folder placeholder" => Incoming(c, p => Maildir(p) with { Path = Folder + "{user}" }),
            "folder host" => Incoming(c, p => Maildir(p) with { Host = "mail.example.test" }),
            "folder credential" => Incoming(c, p => Maildir(p) with { CredentialSource = CredentialSource.Mailbox }),
            "profile plain" => Incoming(c, p => p with { Tls = TlsMode.None }),
            "profile plain url" => Incoming(c, p => p with { Host = null, Url = new("http://mail.example.test/ews") }),
            "profile no credential" => Outgoing(c, p => p with { Credential = null }),
            "profile open secret" => Outgoing(c, p => p with { Credential = new("relay", "Passw0rd") }),
            "profile lost secret" => Outgoing(c, p => p with { Credential = new("relay", "") }),
            "profile pin" => Incoming(c, p => p with { CertificatePins = ["abc"] }),
            "profile connections" => Incoming(c, p => p with { MaxConnections = 0 }),
            "token nothing" => Incoming(c, p => Token(p, null)),
            "token unused" => Incoming(c, p => p with { OAuth = OAuth }),
            "token client" => Incoming(c, p => Token(p, OAuth with { ClientId = " " })),
            "token tenant" => Incoming(c, p => Token(p, OAuth with { TenantId = "a/b" })),
            "token authority" => Incoming(c, p => Token(p, OAuth with { Authority = new("http://login.example.test/t") })),
            "token secret" => Incoming(c, p => Token(p, OAuth with { ClientSecret = "" })),
            "token open secret" => Incoming(c, p => Token(p, OAuth with { ClientSecret = "Passw0rd" })),
            "token needless secret" => Incoming(c, p => Token(p, OAuth with { Flow = OAuthFlow.DeviceCode })),
            "token certificate" => Incoming(c, p => Token(p, ByCertificate with { Certificate = null })),
            "token certificate path" => Incoming(c, p => Token(p, ByCertificate with { Certificate = "app.pfx" })),
            "token needless certificate" => Incoming(c, p => Token(p, OAuth with { Certificate = Folder })),
            "token thumbprint password" => Incoming(c, p => Token(p, ByCertificate with { Certificate = new string('A', 40), CertificatePassword = "aesgcm1:EEEE" })),
            "token lost certificate password" => Incoming(c, p => Token(p, ByCertificate with { CertificatePassword = "" })),
            "token open certificate password" => Incoming(c, p => Token(p, ByCertificate with { CertificatePassword = "Passw0rd" })),
            "token scopes" => Incoming(c, p => Token(p, OAuth with { Scopes = ["https://graph.microsoft.com/Mail.Read"] })),
            "token user" => Incoming(c, p => Token(p, OAuth with { UserName = "admin@example.test" })),
            "token command" => Incoming(c, p => Token(p, new OAuthConfiguration { Flow = OAuthFlow.Command, Command = "az" })),
            "token needless command" => Incoming(c, p => Token(p, OAuth with { Command = Folder })),
            "token needless script" => Incoming(c, p => Token(p, OAuth with { Script = ["'t'"] })),
            "token script and command" => Incoming(c, p => Token(p, new OAuthConfiguration { Flow = OAuthFlow.Command, Command = Folder, Script = ["'t'"] })),
            "token empty script" => Incoming(c, p => Token(p, new OAuthConfiguration { Flow = OAuthFlow.Command, Script = [" "] })),
            "exchange online" => Incoming(c, p => Token(p, OAuth) with { System = "Exchange", Url = new("https://outlook.office365.com/EWS/Exchange.asmx"), Host = null }),
            "graph password" => Incoming(c, p => p with { System = "Graph", Host = null }),
            "graph host" => Incoming(c, p => Token(p, OAuth) with { System = "Graph", Host = "graph.microsoft.com" }),
            "rules profile" => c with { Deployments = [d with { RulesProfile = "Nowhere" }] },
            "rules profile without rules" => c with { Deployments = [d with { RulesProfile = "Pop" }] },
            "mailbox rules profile" => c with { Mailboxes = [m with { RulesProfile = "Nowhere" }] },
            "rules only" => Incoming(c, p => p with { System = "Sieve" }),
            "embedded url" => c with { Deployments = [d with { Url = new("https://org.example.test") }] },
            "embedded credential" => c with { Deployments = [d with { Credential = new("crm", "aesgcm1:CCCC") }] },
            "embedded decides" => c with { Deployments = [d with { Decides = DecisionAuthority.Server }] },
            "crm path" => Crm(c, r => r with { Path = "crm.db" }),
            "crm plain" => Crm(c, r => r with { Url = new("http://org.example.test") }),
            "crm pin" => Crm(c, r => r with { CertificatePins = ["abc"] }),
            "crm no tokens" => Crm(c, r => r with { OAuth = null }),
            "crm token client" => Crm(c, r => r with { OAuth = OAuth with { ClientId = "" } }),
            "crm no password" => Crm(c, r => r with { OAuth = null, Authentication = CrmAuthentication.Password }),
            "crm needless password" => Crm(c, r => r with { Credential = new("crm", "aesgcm1:CCCC") }),
            "crm process password" => Crm(c, r => r with { OAuth = null, Authentication = CrmAuthentication.Process, Credential = new("crm", "aesgcm1:CCCC") }),
            "crm needless tokens" => Crm(c, r => r with { Authentication = CrmAuthentication.Process }),
            "crm online password" => Crm(c, r => r with { Url = new("https://contoso.crm4.dynamics.com"), OAuth = null, Authentication = CrmAuthentication.Process }),
            "crm 4 tokens" => Crm(c, r => r with { System = "CrmService", Decides = DecisionAuthority.Server }),
            "crm 4 log-in" => Crm4(c, "passport"),
            "crm 4 internet account" => Crm4(c, "ifd"),
            "crm 4 decides" => Crm(c, r => r with { System = "CrmService", OAuth = null, Authentication = CrmAuthentication.Process }),
            "crm further without first" => Crm(c, r => r with { OAuth = null, Authentication = CrmAuthentication.Process, FurtherApplications = [OAuth] }),
            "crm further twice" => Crm(c, r => r with { FurtherApplications = [OAuth with { ClientId = "APP" }] }),
            "crm further secret" => Crm(c, r => r with { FurtherApplications = [OAuth with { ClientId = "app-2", ClientSecret = null }] }),
            "forward mailbox" => c with { Deployments = [d with { ForwardMailboxes = ["fwd@example.test", "fwd"] }] },
            "pace few" => Outgoing(c, p => p with { MaxMessagesPerMinute = 0 }),
            "pace incoming" => Incoming(c, p => p with { MaxRecipientsPerDay = 5 }),
            "profile move" => Incoming(c, p => p with { Settlement = Settlement.MoveTo(" ") }),
            "profile folder" => Incoming(c, p => p with { UntrackedSettlement = new(SettlementKinds.Delete, "Trash") }),
            "profile categorize" => Incoming(c, p => p with { Settlement = Settlement.Categorize(" ") }),
            "profile category" => Incoming(c, p => p with { UntrackedSettlement = Settlement.Delete with { Category = "Done" } }),
            "profile two settlements" => Incoming(c, p => p with { Settlement = new(SettlementKinds.Keep | SettlementKinds.Delete) }),
            "profile out settlement" => Outgoing(c, p => p with { Settlement = Settlement.Delete }),
            "profile out received" => Outgoing(c, p => p with { ReceivedAfter = DateTimeOffset.UnixEpoch }),
            "copy in" => Incoming(c, p => p with { SentCopy = copy }),
            "copy address" => Outgoing(c, p => p with { SentCopy = copy with { Address = "sent" } }),
            "copy profile" => Outgoing(c, p => p with { SentCopy = copy with { Profile = "Relay" } }),
            "copy no profile" => Outgoing(c, p => p with { SentCopy = copy with { Profile = " " } }),
            "copy no credential" => Outgoing(c, p => p with { SentCopy = copy with { Credential = null } }),
            "copy nowhere" => Outgoing(c, p => p with { SentCopy = copy with { Address = null } }),
            "copy folder and address" => Imap(Outgoing(c, p => p with { SentCopy = copy with { InSentFolder = true, Profile = "Imap", Credential = null } })),
            "copy folder credential" => Imap(Outgoing(c, p => p with { SentCopy = copy with { InSentFolder = true, Profile = "Imap", Address = null } })),
            "copy folder system" => Outgoing(c, p => p with { SentCopy = new() { InSentFolder = true, Profile = "Pop" } }),
            "copy open secret" => Outgoing(c, p => p with { SentCopy = copy with { Credential = new("sent", "Passw0rd") } }),
            "mailbox address" => c with { Mailboxes = [m with { Address = "support" }] },
            "mailbox deployment" => c with { Mailboxes = [m with { Deployment = "Nowhere" }] },
            "mailbox twice" => c with { Mailboxes = [m, m with { Address = "SUPPORT@example.test" }] },
            "mailbox profile" => c with { Mailboxes = [m with { OutgoingProfile = "Pop" }] },
            "mailbox secret" => c with { Mailboxes = [m with { Credential = new("support", "Passw0rd") }] },
            "routing zero" => c with { Routing = new() { MaxMessagesPerPoll = 0 } },
            "routing rate" => c with { Routing = new() { MaxPerCorrespondentPerHour = 0 } },
            "routing delay" => c with { Routing = new() { MaxRetryDelay = TimeSpan.FromMinutes(1) } },
            _ => throw new ArgumentOutOfRangeException(nameof(what), what, null),
        };
    }
}

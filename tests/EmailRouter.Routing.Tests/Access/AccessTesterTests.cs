using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.Access;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.State;
using EmailRouter.Routing.Tests.Configuration.Tokens;

namespace EmailRouter.Routing.Tests.Access;

public sealed class AccessTesterTests : IDisposable
{
    private static readonly MailboxKey Support = new("contoso", "Support@example.test");

    private readonly TemporaryFolder folder = new();
    private readonly ManualClock clock = new();
    private readonly ReportingMailSystem pop = new("Pop3", MailDoors.Mailbox) { Messages = 3 };
    private readonly ReportingMailSystem imap = new("Imap", MailDoors.Mailbox) { FindsSent = true };
    private readonly ReportingMailSystem smtp = new("Smtp", MailDoors.Sender);
    private readonly ScriptedDirectory crm = new();
    private readonly ISecretProtector secrets;
    private RouterConfiguration configuration;

    public AccessTesterTests()
    {
        secrets = SecretProtector.For(folder["emailrouter.json"]);
        configuration = new RouterConfiguration
        {
            RouterName = "r",
            Deployments = [new() { Name = "Contoso", Path = "crm.db", IncomingProfile = "Pop", OutgoingProfile = "Relay" }],
            Profiles =
            [
                new() { Name = "Pop", Direction = MailDirection.Incoming, System = "Pop3", Host = "pop.example.test" },
                new() { Name = "Relay", Direction = MailDirection.Outgoing, System = "Smtp", Host = "smtp.example.test", CredentialSource = CredentialSource.Anonymous },
                new() { Name = "Unused and broken", Direction = MailDirection.Outgoing, System = "Smtp" },
            ],
            Mailboxes = [new() { Deployment = "Contoso", Address = "support@example.test", Credential = new("support", secrets.Protect("Passw0rd")) }],
        };
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_mailbox_that_can_be_read_passes_every_step()
    {
        AccessTestResult result = await TestAsync(MailDirection.Incoming);

        Assert.True(result.Success, result.Failure?.ToString());
        Assert.Null(result.Failure);
        Assert.Equal(
            ["Configuration", "Crm", "Mailbox", "Approval", "Credential", "Resolve", "Connect", "Tls", "Greeting", "Capabilities", "Authenticate", "OpenMailbox", "List", "Settlement", "Complete"],
            result.Steps.Select(s => s.Name));
        Assert.All(result.Steps, s => Assert.False(s.IsWarning, s.ToString()));
        Assert.Equal(3, result.MessageCount);
        Assert.Equal(("contoso", "Support@example.test", MailDirection.Incoming), (result.Deployment, result.Mailbox, result.Direction));
        Assert.Equal(MailCredential.Password("support", "Passw0rd"), Assert.Single(pop.Logins).Credential);
        Assert.Equal("pop.example.test", Assert.Single(pop.Endpoints).Host);
        Assert.Equal(["complete", "dispose"], pop.Calls);
        Assert.Equal(TimeSpan.FromMilliseconds(5), result.Steps.Single(s => s.Name == "Connect").Elapsed);
    }

    [Fact]
    public async Task A_sender_that_can_be_used_passes_every_step_and_nothing_is_sent()
    {
        AccessTestResult result = await TestAsync(MailDirection.Outgoing);

        Assert.True(result.Success, result.Failure?.ToString());
        Assert.Equal(
            ["Configuration", "Crm", "Mailbox", "Approval", "Credential", "Resolve", "Connect", "Tls", "Greeting", "Capabilities", "OpenSender"], result.Steps.Select(s => s.Name));
        Assert.Null(result.MessageCount);
        Assert.Equal(["dispose"], smtp.Calls);
    }

    [Fact]
    public async Task The_folder_of_sent_mail_is_looked_into_where_lost_answers_are_to_be_looked_up_there()
    {
        configuration = configuration with
        {
            Profiles =
            [
                .. configuration.Profiles.Select(p => p.Name == "Relay" ? p with { SentCopy = new() { InSentFolder = true, Profile = "Imap" } } : p),
                new() { Name = "Imap", Direction = MailDirection.Incoming, System = "Imap", Host = "imap.example.test" },
            ],
        };

        AccessTestResult result = await TestAsync(MailDirection.Outgoing);
        imap.FailAt = MailStep.Authenticate;
        imap.Failure = new MailAuthenticationException("MailAuthenticationFailed", "refused", "Check the password.");
        AccessStep failed = (await TestAsync(MailDirection.Outgoing)).Failure!;

        Assert.True(result.Success, result.Failure?.ToString());
        Assert.Equal(["OpenSender", "SentFolder"], result.Steps.Select(s => s.Name).TakeLast(2));
        Assert.Equal(MailCredential.Password("support", "Passw0rd"), imap.Logins[0].Credential);
        Assert.Equal(["look for <access-test@emailrouter.invalid>", "complete", "dispose"], imap.Calls);
        Assert.Equal(("SentFolder", "MailAuthenticationFailed", "refused", "Check the password."), (failed.Name, failed.ErrorId, failed.Detail, failed.Remedy));
    }

    [Fact]
    public async Task No_secret_is_shown()
    {
        AccessTestResult result = await TestAsync(MailDirection.Incoming);

        Assert.All(result.Steps, s => Assert.DoesNotContain("Passw0rd", s.ToString(), StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(MailStep.Resolve)]
    [InlineData(MailStep.Connect)]
    [InlineData(MailStep.Tls)]
    [InlineData(MailStep.Authenticate)]
    [InlineData(MailStep.List)]
    [InlineData(MailStep.Complete)]
    public async Task A_step_of_the_mail_server_that_fails_is_the_last_one_and_has_its_remedy(MailStep step)
    {
        foreach (bool silently in (bool[])[false, true])
        {
            pop.FailAt = step;
            pop.FailSilently = silently;
            pop.Failure = new MailException("MailFailed", step, "The server said no.", "Ask the server's administrator.");

            AccessTestResult result = await TestAsync(MailDirection.Incoming);

            Assert.False(result.Success);
            AccessStep failed = Assert.Single(result.Steps, s => !s.Success);
            Assert.Same(result.Steps[^1], failed);
            Assert.Same(result.Failure, failed);
            Assert.Equal((step.ToString(), "MailFailed", "The server said no.", "Ask the server's administrator."), (failed.Name, failed.ErrorId, failed.Detail, failed.Remedy));
        }
    }

    [Fact]
    public async Task The_mailbox_is_closed_after_a_failure()
    {
        pop.FailAt = MailStep.List;
        pop.Failure = new MailException("MailFailed", MailStep.List, "no", "ask");

        await TestAsync(MailDirection.Incoming);

        Assert.Equal(["dispose"], pop.Calls);
    }

    [Fact]
    public async Task A_defect_of_a_mail_system_is_a_failed_step()
    {
        pop.FailAt = MailStep.Greeting;
        pop.Failure = new InvalidOperationException("broken");
        pop.FailSilently = true;

        AccessStep failed = (await TestAsync(MailDirection.Incoming)).Failure!;

        Assert.Equal(("OpenMailbox", "RouterUnexpected"), (failed.Name, failed.ErrorId));
        Assert.Contains("broken", failed.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_time_out_of_a_mail_system_is_a_failed_step_and_the_users_own_stop_is_not()
    {
        pop.FailAt = MailStep.Greeting;
        pop.Failure = new TaskCanceledException("took too long");
        Assert.Equal("Greeting", (await TestAsync(MailDirection.Incoming)).Failure!.Name);

        using var stop = new CancellationTokenSource();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Tester().TestAsync(Support, MailDirection.Incoming, stop.Token));
    }

    [Theory]
    [InlineData(13, true, "expires on 2026-03-14")]
    [InlineData(-1, true, "expired on 2026-02-28")]
    [InlineData(15, false, "")]
    public async Task A_certificate_that_ends_soon_is_a_warning(int days, bool warns, string text)
    {
        pop.CertificateExpiresOn = clock.GetUtcNow().AddDays(days);

        AccessTestResult result = await TestAsync(MailDirection.Incoming);

        AccessStep tls = result.Steps.Single(s => s.Name == "Tls");
        Assert.True(result.Success);
        Assert.Equal(warns, tls.IsWarning);
        Assert.Contains(text, tls.Detail, StringComparison.Ordinal);
        Assert.Equal(warns, tls.Remedy.Length > 0);
    }

    [Theory]
    [InlineData(29, true, "expires on 2026-03-30")]
    [InlineData(-1, true, "expired on 2026-02-28")]
    [InlineData(31, false, "")]
    public async Task A_certificate_of_the_log_in_that_ends_soon_is_a_warning(int days, bool warns, string text)
    {
        using Certificate certificate = Certificate.Make(folder, "pem", clock.GetUtcNow().AddDays(days));
        var oauth = new OAuthConfiguration { ClientId = "app", TenantId = "t", Flow = OAuthFlow.Certificate, Certificate = certificate.Path };
        Change("Pop", p => p with { CredentialSource = CredentialSource.OAuth, OAuth = oauth });

        AccessTestResult result = await TestAsync(MailDirection.Incoming);

        Assert.True(result.Success, result.Failure?.ToString());
        AccessStep? warning = result.Steps.SingleOrDefault(s => s.IsWarning);
        Assert.Equal(warns ? "RouterClientCertificateExpires" : null, warning?.ErrorId);
        Assert.Contains(text, warning?.Detail ?? string.Empty, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_without_TLS_is_a_warning()
    {
        Change("Relay", p => p with { Tls = TlsMode.None });

        AccessTestResult result = await TestAsync(MailDirection.Outgoing);

        Assert.True(result.Success);
        Assert.Equal("RouterTlsMissing", result.Steps.Single(s => s.Name == "Tls").ErrorId);
    }

    [Fact]
    public async Task A_settlement_the_server_cannot_do_fails()
    {
        Change("Pop", p => p with { Settlement = Settlement.MoveTo("Done"), UntrackedSettlement = Settlement.Delete });

        AccessTestResult result = await TestAsync(MailDirection.Incoming);

        Assert.Equal(("Settlement", "RouterSettlementUnsupported"), (result.Failure!.Name, result.Failure.ErrorId));
        Assert.Contains("Move", result.Failure.Detail, StringComparison.Ordinal);
        Assert.Equal("Complete", result.Steps[^1].Name);
    }

    [Fact]
    public async Task Faults_of_what_the_mailbox_uses_are_all_shown_and_those_of_others_are_not()
    {
        Change("Pop", p => p with { Host = null, Port = 0 });

        AccessTestResult result = await TestAsync(MailDirection.Incoming);

        Assert.Equal(2, result.Steps.Count);
        Assert.All(result.Steps, s => Assert.Equal(("Configuration", false, "RouterConfigurationInvalid"), (s.Name, s.Success, s.ErrorId)));
        Assert.All(result.Steps, s => Assert.Contains("\"Pop\"", s.Detail, StringComparison.Ordinal));
        Assert.Equal(0, crm.Opened);
    }

    [Fact]
    public async Task An_unknown_deployment_or_mailbox_is_named()
    {
        AccessStep deployment = (await Tester().TestAsync(new("Nowhere", "a@example.test"), MailDirection.Incoming, default)).Failure!;
        AccessStep mailbox = (await Tester().TestAsync(new("Contoso", "nobody@example.test"), MailDirection.Incoming, default)).Failure!;

        Assert.Equal(("Configuration", "RouterDeploymentUnknown"), (deployment.Name, deployment.ErrorId));
        Assert.Equal(("Mailbox", "RouterMailboxUnknown"), (mailbox.Name, mailbox.ErrorId));
        Assert.Empty(pop.Logins);
    }

    [Fact]
    public async Task A_CRM_that_cannot_be_reached_is_a_failed_step()
    {
        crm.Failure = new CrmException("CrmStoreLocked", "The file is locked.", "Wait.");

        AccessTestResult result = await TestAsync(MailDirection.Incoming);

        Assert.Equal(("Crm", "CrmStoreLocked", "Wait."), (result.Failure!.Name, result.Failure.ErrorId, result.Failure.Remedy));
        Assert.Same(result.Steps[^1], result.Failure);
    }

    [Fact]
    public async Task The_CRM_is_read_once_for_many_tests()
    {
        AccessTester tester = Tester();

        await Task.WhenAll(Enumerable.Range(0, 10).Select(i => tester.TestAsync(Support, i % 2 == 0 ? MailDirection.Outgoing : MailDirection.Incoming, default)));

        Assert.Equal((1, 1), (crm.Opened, crm.Disposed));
    }

    [Fact]
    public async Task An_address_not_approved_fails_and_the_servers_are_tested_all_the_same()
    {
        crm.Mailbox = crm.Mailbox with { Approval = AccessApproval.Pending };

        AccessTestResult result = await TestAsync(MailDirection.Incoming);

        AccessStep failed = Assert.Single(result.Steps, s => !s.Success);
        Assert.Equal(("Approval", "RouterMailboxNotApproved"), (failed.Name, failed.ErrorId));
        Assert.Equal(3, result.MessageCount);
    }

    [Fact]
    public async Task A_mailbox_of_another_delivery_method_fails_and_the_servers_are_tested_all_the_same()
    {
        crm.Mailbox = crm.Mailbox with { IncomingDelivery = DeliveryMethod.Outlook };

        AccessTestResult result = await TestAsync(MailDirection.Incoming);

        Assert.Equal(("Mailbox", "RouterMailboxDeliveredByOutlook"), (result.Failure!.Name, result.Failure.ErrorId));
        Assert.Equal("Complete", result.Steps[^1].Name);
    }

    [Fact]
    public async Task A_missing_credential_is_shown_beside_a_missing_approval()
    {
        configuration = configuration with { Mailboxes = [] };
        crm.Mailbox = crm.Mailbox with { Approval = AccessApproval.Rejected };

        AccessTestResult result = await TestAsync(MailDirection.Incoming);

        Assert.Equal(["RouterMailboxNotApproved", "RouterMailboxNoCredential"], result.Steps.Where(s => !s.Success).Select(s => s.ErrorId));
        Assert.Empty(pop.Logins);
    }

    [Fact]
    public async Task A_secret_that_cannot_be_decrypted_is_a_failed_step()
    {
        configuration = configuration with { Mailboxes = [configuration.Mailboxes[0] with { Credential = new("support", "aesgcm1:AAAA") }] };

        AccessTestResult result = await TestAsync(MailDirection.Incoming);

        Assert.Equal("RouterSecretUnreadable", result.Failure!.ErrorId);
        Assert.Empty(pop.Logins);
    }

    [Fact]
    public async Task Whoever_watches_the_mail_servers_steps_is_told_as_well()
    {
        var watched = new List<MailStep>();

        await Tester(new Watcher(watched)).TestAsync(Support, MailDirection.Outgoing, default);

        Assert.Equal([MailStep.Resolve, MailStep.Connect, MailStep.Tls, MailStep.Greeting, MailStep.Capabilities], watched);
    }

    private Task<AccessTestResult> TestAsync(MailDirection direction) => Tester().TestAsync(Support, direction, default);

    private AccessTester Tester(IProgress<MailStepReport>? watcher = null) => new(
        configuration,
        new RouterSystems().Add(pop).Add(smtp).Add(imap).Add(new NoCrmSystem("Embedded")).Add(new NoCrmSystem("Other")),
        secrets,
        (_, _, _) => crm.OpenAsync(),
        new MailContext { Clock = clock, Steps = watcher },
        new TokenSource(folder.Path, secrets));

    private void Change(string profile, Func<ProfileConfiguration, ProfileConfiguration> change) =>
        configuration = configuration with { Profiles = [.. configuration.Profiles.Select(p => p.Name == profile ? change(p) : p)] };

    private sealed class Watcher(List<MailStep> steps) : IProgress<MailStepReport>
    {
        public void Report(MailStepReport value) => steps.Add(value.Step);
    }
}

using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.Access;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.State;
using EmailRouter.Routing.Tests.Configuration.Tokens;

namespace EmailRouter.Routing.Tests.Access;

public sealed class DeploymentTesterTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly ManualClock clock = new();
    private readonly ReportingDirectory crm = new();
    private readonly ISecretProtector secrets;
    private DeploymentConfiguration deployment = new() { Name = "Contoso", Path = "crm.db" };

    public DeploymentTesterTests() => secrets = SecretProtector.For(folder["emailrouter.json"]);

    private DeploymentConfiguration OnTheWeb => deployment with
    {
        System = "Other",
        Path = null,
        Url = new("https://org.example.test"),
        Authentication = CrmAuthentication.OAuth,
        OAuth = new OAuthConfiguration { ClientId = "app", TenantId = "t", Flow = OAuthFlow.ClientCredentials, ClientSecret = secrets.Protect("s") },
    };

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task What_the_CRM_finds_are_steps_with_result_text_and_remedy()
    {
        crm.Findings.AddRange(
        [
            new("CrmVersion", CrmFindingSeverity.Right, "Version 9.2."),
            new("CrmUser", CrmFindingSeverity.Right, "The user Router."),
            new("CrmPrivilegeMissing", CrmFindingSeverity.Error, "Router lacks prvReadQueue.", "Give it a role."),
            new("CrmAddressNotApproved", CrmFindingSeverity.Warning, "support@example.test is not approved.", "Approve it."),
        ]);

        DeploymentTestResult result = await TestAsync();

        Assert.Equal(["Configuration", "Crm", "WhoAmI", "WhoAmI", "WhoAmI", "Privileges", "Settings"], result.Steps.Select(s => s.Name));
        Assert.False(result.Success);
        Assert.Equal(
            ("Privileges", "CrmPrivilegeMissing", "Router lacks prvReadQueue.", "Give it a role."),
            (result.Failure!.Name, result.Failure.ErrorId, result.Failure.Detail, result.Failure.Remedy));
        AccessStep warning = Assert.Single(result.Steps, s => s.IsWarning);
        Assert.Equal(("Settings", "CrmAddressNotApproved", "Approve it."), (warning.Name, warning.ErrorId, warning.Remedy));
        Assert.Equal(("Contoso", "Embedded", "Contoso", "Router", "9.2.24", 1), (result.Deployment, result.System, result.Organization, result.User, result.Version, result.MailboxCount));
        Assert.Equal((1, 1), (crm.Opened, crm.Disposed));
    }

    [Fact]
    public async Task Warnings_alone_are_a_success()
    {
        crm.Findings.Add(new("CrmServerSideSync", CrmFindingSeverity.Warning, "Both synchronize.", "Choose one."));

        DeploymentTestResult result = await TestAsync();

        Assert.True(result.Success);
        Assert.Null(result.Failure);
    }

    [Fact]
    public async Task A_CRM_that_cannot_be_reached_is_a_result_and_its_mailboxes_are_unknown()
    {
        crm.Failure = new CrmException("CrmUnreachable", "org.example.test does not answer.", "Check the network.");
        deployment = OnTheWeb;
        AccessTester tester = Tester();

        DeploymentTestResult result = await tester.TestDeploymentAsync(deployment, default);

        Assert.Equal(("Connect", "CrmUnreachable", "Check the network."), (result.Failure!.Name, result.Failure.ErrorId, result.Failure.Remedy));
        Assert.Same(result.Steps[^1], result.Failure);
        Assert.Null(result.MailboxCount);
        Assert.Null(await tester.GetMailboxesAsync(deployment, default));
    }

    [Theory]
    [InlineData("CrmLoginRefused", "Authenticate")]
    [InlineData("CrmTokenRefused", "Authenticate")]
    [InlineData("CrmCertificateRefused", "Tls")]
    [InlineData("CrmPrivilegeMissing", "Privileges")]
    [InlineData("CrmAnswerUnreadable", "Crm")]
    public async Task A_log_in_that_fails_names_the_step_it_failed_at(string errorId, string step)
    {
        crm.Failure = new CrmException(errorId, "No.", "Do something.");
        deployment = OnTheWeb;

        Assert.Equal((step, errorId), ((await TestAsync()).Failure!.Name, (await TestAsync()).Failure!.ErrorId));
    }

    [Fact]
    public async Task The_steps_of_the_connection_are_in_the_result_once_each()
    {
        deployment = OnTheWeb;
        AccessTester tester = Tester((_, context, _) =>
        {
            foreach (MailStep step in (MailStep[])[MailStep.Resolve, MailStep.Connect, MailStep.Tls, MailStep.Resolve, MailStep.Connect, MailStep.Tls])
                context.Steps!.Report(new MailStepReport(step, true, "done", TimeSpan.Zero));
            return crm.OpenAsync();
        });

        DeploymentTestResult result = await tester.TestDeploymentAsync(deployment, default);

        Assert.Equal(["Configuration", "Resolve", "Connect", "Tls", "Authenticate", "Crm", "WhoAmI"], result.Steps.Select(s => s.Name));
        Assert.True(result.Success, result.Failure?.ToString());
    }

    [Fact]
    public async Task A_connection_that_succeeds_the_second_time_is_no_failure_and_one_that_breaks_later_is()
    {
        deployment = OnTheWeb;
        bool[] outcomes = [false, true];
        Task<DeploymentTestResult> Test() => Tester((_, context, _) =>
        {
            foreach (bool outcome in outcomes)
                context.Steps!.Report(new MailStepReport(MailStep.Connect, outcome, outcome ? "connected" : "refused", TimeSpan.Zero));
            return crm.OpenAsync();
        }).TestDeploymentAsync(deployment, default);

        Assert.True((await Test()).Success);
        outcomes = [true, false];
        crm.Failure = new CrmException("CrmUnreachable", "org.example.test does not answer.", "Check the network.");

        AccessStep failed = Assert.Single((await Test()).Steps, s => !s.Success);
        Assert.Equal(("Connect", "refused", "CrmUnreachable", "Check the network."), (failed.Name, failed.Detail, failed.ErrorId, failed.Remedy));
    }

    [Fact]
    public async Task An_address_without_TLS_is_a_warning()
    {
        deployment = OnTheWeb with { Url = new("http://org.example.test"), AllowPlainTextPassword = true };

        DeploymentTestResult result = await TestAsync();

        Assert.Equal("RouterTlsMissing", result.Steps.Single(s => s.Name == "Tls").ErrorId);
    }

    [Fact]
    public async Task A_report_that_fails_is_a_failed_step_and_the_mailboxes_are_tested_all_the_same()
    {
        crm.ReportFailure = new CrmException("CrmAccessDenied", "No.", "Ask.");
        AccessTester tester = Tester();

        DeploymentTestResult result = await tester.TestDeploymentAsync(deployment, default);

        Assert.Equal(("WhoAmI", "CrmAccessDenied"), (result.Failure!.Name, result.Failure.ErrorId));
        Assert.Single((await tester.GetMailboxesAsync(deployment, default))!);
        AccessTestResult mailbox = await tester.TestAsync(new MailboxKey("Contoso", "support@example.test"), MailDirection.Incoming, default);
        Assert.True(mailbox.Steps.Single(s => s.Name == "Crm").Success);
    }

    [Fact]
    public async Task Faults_of_the_deployments_configuration_are_told_and_the_CRM_is_not_asked()
    {
        deployment = deployment with { Path = null };

        DeploymentTestResult result = await TestAsync();

        Assert.All(result.Steps, s => Assert.Equal(("Configuration", "RouterConfigurationInvalid"), (s.Name, s.ErrorId)));
        Assert.NotEmpty(result.Steps);
        Assert.Equal(0, crm.Opened);
    }

    [Fact]
    public async Task The_deployment_and_its_mailboxes_are_tested_with_one_reading()
    {
        AccessTester tester = Tester();

        await Task.WhenAll(tester.TestDeploymentAsync(deployment, default), tester.TestAsync(new MailboxKey("contoso", "support@example.test"), MailDirection.Incoming, default));

        Assert.Equal((1, 1), (crm.Opened, crm.Disposed));
    }

    [Fact]
    public async Task A_certificate_of_the_log_in_that_is_missing_fails_and_one_that_ends_soon_is_a_warning_said_once()
    {
        deployment = OnTheWeb with { OAuth = new OAuthConfiguration { ClientId = "app", TenantId = "t", Flow = OAuthFlow.Certificate, Certificate = folder["missing.pfx"] } };
        AccessStep missing = (await TestAsync()).Failure!;
        Assert.Equal(("Authenticate", "CrmTokenRefused"), (missing.Name, missing.ErrorId));
        Assert.Contains("missing.pfx", missing.Detail, StringComparison.Ordinal);

        using Certificate certificate = Certificate.Make(folder, "pem", clock.GetUtcNow().AddDays(20));
        deployment = deployment with { OAuth = deployment.OAuth! with { Certificate = certificate.Path } };
        crm.Findings.Add(new("CrmCertificateExpires", CrmFindingSeverity.Warning, "It expires.", "Renew it."));

        DeploymentTestResult result = await TestAsync();

        Assert.True(result.Success, result.Failure?.ToString());
        AccessStep warning = Assert.Single(result.Steps, s => s.IsWarning);
        Assert.Equal(("Authenticate", "RouterClientCertificateExpires"), (warning.Name, warning.ErrorId));
    }

    private Task<DeploymentTestResult> TestAsync() => Tester().TestDeploymentAsync(deployment, default);

    private AccessTester Tester(OrganizationOpener? open = null) => new(
        new RouterConfiguration { RouterName = "r", Deployments = [deployment] },
        new RouterSystems().Add(new NoCrmSystem("Embedded")).Add(new NoCrmSystem("Other")),
        secrets,
        open ?? ((_, _, _) => crm.OpenAsync()),
        new MailContext { Clock = clock },
        new TokenSource(folder.Path, secrets));
}

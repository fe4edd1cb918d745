using System.Collections.Concurrent;
using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Access;

/// <summary>Tests the CRM side of deployments, each once however many mailboxes are tested at the same time, and keeps what was read of it for their tests.</summary>
/// <param name="configuration">The configuration.</param>
/// <param name="systems">The systems it names.</param>
/// <param name="open">Opens the organization of a deployment.</param>
/// <param name="context">Clock and network, and who else watches the steps.</param>
/// <param name="tokens">What gets tokens; null when nothing does.</param>
internal sealed class DeploymentTester(RouterConfiguration configuration, RouterSystems systems, OrganizationOpener open, MailContext context, TokenSource? tokens)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private readonly ConcurrentDictionary<string, Lazy<Task<TestedDeployment>>> tests = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Tests a deployment, or waits for whoever is testing it.</summary>
    /// <param name="deployment">The deployment.</param>
    /// <param name="cancellationToken">Stops the waiting; the test serves others as well and has its own limit.</param>
    /// <returns>What was found.</returns>
    public Task<TestedDeployment> TestAsync(DeploymentConfiguration deployment, CancellationToken cancellationToken) =>
        tests.GetOrAdd(deployment.Name, _ => new Lazy<Task<TestedDeployment>>(() => TestNowAsync(deployment))).Value.WaitAsync(cancellationToken);

    /// <summary>Where something ended that only its id tells: the mail side reports steps, the CRM side says what is wrong.</summary>
    private static string StepOf(Exception exception) => exception is not CrmException { ErrorId: string id } ? AccessStepNames.Crm : id switch
    {
        "CrmUnreachable" or "CrmTimeout" or "CrmUnavailable" or "CrmRedirected" => nameof(MailStep.Connect),
        "CrmCertificateRefused" => nameof(MailStep.Tls),
        "CrmLoginRefused" or "CrmPlainTextRefused" or "CrmUserUnknown" or "CrmUserDisabled" => nameof(MailStep.Authenticate),
        "CrmPrivilegeMissing" or "CrmAccessDenied" => AccessStepNames.Privileges,
        _ => id.StartsWith("CrmToken", StringComparison.Ordinal) ? nameof(MailStep.Authenticate) : AccessStepNames.Crm,
    };

    /// <summary>The step a finding belongs to; its id begins with what it is about.</summary>
    private static string StepOf(CrmFinding finding)
    {
        (string Start, string Step)[] subjects =
        [
            ("CrmUser", AccessStepNames.WhoAmI), ("CrmVersion", AccessStepNames.WhoAmI), ("CrmPrivilege", AccessStepNames.Privileges), ("CrmCertificate", nameof(MailStep.Authenticate)),
        ];
        return subjects.FirstOrDefault(s => finding.Id.StartsWith(s.Start, StringComparison.Ordinal)).Step ?? AccessStepNames.Settings;
    }

    private async Task<TestedDeployment> TestNowAsync(DeploymentConfiguration deployment)
    {
        using var limit = new CancellationTokenSource(Limit, context.Clock);
        var steps = new AccessSteps(context, CancellationToken.None) { EachOnce = true };
        CrmReading? reading = null;
        CrmAccess? access = null;
        try
        {
            AccessTester.CheckConfiguration(steps, configuration, systems, deployment, null);
            IOrganizationDirectory organization = await OpenAsync(steps, deployment, limit.Token).ConfigureAwait(false);
            await using (organization.ConfigureAwait(false))
            {
                reading = await steps.RunAsync(
                    AccessStepNames.Crm,
                    async () =>
                    {
                        CrmReading read = await InTimeAsync(deployment, () => ReadAsync(deployment, organization, limit.Token)).ConfigureAwait(false);
                        return (read, read.Summary(deployment));
                    },
                    stepOf: StepOf).ConfigureAwait(false);
                access = await ReportAsync(steps, deployment, organization, limit.Token).ConfigureAwait(false);
            }
        }
        catch (AccessEndException)
        {
            // The step that failed is recorded; those after it need it.
        }

        var result = new DeploymentTestResult
        {
            Deployment = deployment.Name,
            System = deployment.System,
            Steps = steps.ToList(),
            Organization = access?.Organization ?? reading?.Settings.Name,
            User = access?.User,
            Version = access?.Version,
            MailboxCount = reading?.Mailboxes.Count,
        };
        return new TestedDeployment(result, reading);
    }

    private async Task<IOrganizationDirectory> OpenAsync(AccessSteps steps, DeploymentConfiguration deployment, CancellationToken cancellationToken)
    {
        WarnOfCertificates(steps, deployment);
        IOrganizationDirectory organization = await steps.RunAsync(
            AccessStepNames.Crm,
            async () => (
                await InTimeAsync(deployment, async () => await open(deployment, context with { Steps = steps }, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false),
                string.Empty),
            isQuiet: true,
            StepOf).ConfigureAwait(false);
        if (deployment.Url is { } url)
        {
            if (url.Scheme != Uri.UriSchemeHttps)
                steps.WarnWithoutTls("Use the CRM's address with https, unless the network is one you trust.");
            steps.Pass(nameof(MailStep.Authenticate), $"{url.Host} accepts the log-in ({deployment.Authentication}).");
        }

        return organization;
    }

    private async Task<CrmReading> ReadAsync(DeploymentConfiguration deployment, IOrganizationDirectory organization, CancellationToken cancellationToken)
    {
        OrganizationSettings settings = await organization.GetSettingsAsync(cancellationToken).ConfigureAwait(false);
        var mailboxes = new List<EffectiveMailbox>();
        await foreach (EffectiveMailbox mailbox in MailboxCatalog.GetAsync(configuration, deployment, organization, cancellationToken).ConfigureAwait(false))
            mailboxes.Add(mailbox);
        return new CrmReading(settings, mailboxes);
    }

    private async Task<CrmAccess?> ReportAsync(AccessSteps steps, DeploymentConfiguration deployment, IOrganizationDirectory organization, CancellationToken cancellationToken)
    {
        if (organization.Offers<IAccessReport>() is not { } reporter)
        {
            steps.Pass(AccessStepNames.Privileges, $"The system {deployment.System} does not tell what the router may do.");
            return null;
        }

        CrmAccess access = await steps.RunAsync(
            AccessStepNames.WhoAmI,
            async () =>
            {
                CrmAccess report = await InTimeAsync(deployment, async () => await reporter.ReportAccessAsync(cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
                return (report, $"{report.User} in {report.Organization}, version {report.Version}");
            }).ConfigureAwait(false);
        foreach (CrmFinding finding in access.Findings)
        {
            // Said already, from the certificate itself.
            if (tokens is null || finding.Id != "CrmCertificateExpires")
                steps.Add(StepOf(finding), finding);
        }

        return access;
    }

    private void WarnOfCertificates(AccessSteps steps, DeploymentConfiguration deployment)
    {
        if (tokens is null || deployment is not { Authentication: CrmAuthentication.OAuth, Url: not null, OAuth: not null })
            return;
        foreach (OAuthConfiguration application in deployment.FurtherApplications.Prepend(deployment.OAuth))
            steps.WarnOfClientCertificate(nameof(MailStep.Authenticate), TokenSubject.Of(deployment, application), tokens);
    }

    private static async Task<T> InTimeAsync<T>(DeploymentConfiguration deployment, Func<Task<T>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            throw new CrmException("CrmTimeout", $"The CRM of {deployment.Name} did not answer within {Limit.TotalMinutes:0} minutes.", "Check that it runs and can be reached.", e)
            {
                IsTransient = true,
            };
        }
    }
}

/// <summary>Opens the organization of a deployment for a test.</summary>
/// <param name="deployment">The deployment.</param>
/// <param name="context">Clock and network; who watches the steps of connecting is in it.</param>
/// <param name="cancellationToken">Stops the attempt.</param>
/// <returns>The organization; whoever asked disposes it.</returns>
public delegate ValueTask<IOrganizationDirectory> OrganizationOpener(DeploymentConfiguration deployment, MailContext context, CancellationToken cancellationToken);

/// <summary>What testing a deployment found, and what was read meanwhile.</summary>
/// <param name="Result">The steps.</param>
/// <param name="Reading">Settings and mailboxes; null when they could not be read.</param>
internal sealed record TestedDeployment(DeploymentTestResult Result, CrmReading? Reading);

/// <summary>What was read of one deployment's CRM.</summary>
/// <param name="settings">The organization's settings.</param>
/// <param name="mailboxes">Its mailboxes.</param>
internal sealed class CrmReading(OrganizationSettings settings, IReadOnlyList<EffectiveMailbox> mailboxes)
{
    private readonly Dictionary<string, EffectiveMailbox> byAddress = mailboxes
        .GroupBy(m => m.Address, StringComparer.OrdinalIgnoreCase)
        .ToDictionary(g => g.Key, g => g.FirstOrDefault(m => m.Incoming.IsUsable || m.Outgoing.IsUsable) ?? g.First(), StringComparer.OrdinalIgnoreCase);

    /// <summary>Gets the organization's settings.</summary>
    public OrganizationSettings Settings => settings;

    /// <summary>Gets the mailboxes.</summary>
    public IReadOnlyList<EffectiveMailbox> Mailboxes => mailboxes;

    /// <summary>Says what was read.</summary>
    /// <param name="deployment">The deployment.</param>
    /// <returns>The organization and how many mailboxes it has.</returns>
    public string Summary(DeploymentConfiguration deployment) => $"{(settings.Name.Length > 0 ? settings.Name : deployment.Name)}: {mailboxes.Count} mailboxes";

    /// <summary>Finds a mailbox; of several with the same address one that is used.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The mailbox; null when there is none.</returns>
    public EffectiveMailbox? Find(string address) => byAddress.GetValueOrDefault(address.Trim());
}

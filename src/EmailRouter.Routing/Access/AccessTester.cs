using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Outgoing;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Access;

/// <summary>
/// Tests step by step whether the router can work on a deployment's CRM and its mailboxes: from the configuration over the CRM to the listing of the mailbox, or to the
/// point where a message could be offered. Changes nothing anywhere. A CRM is tested and read once for each tester.
/// </summary>
/// <param name="configuration">The configuration.</param>
/// <param name="systems">The systems it names.</param>
/// <param name="secrets">What decrypts its credentials.</param>
/// <param name="openOrganization">Opens the organization of a deployment; the tester disposes it.</param>
/// <param name="context">Clock, network and time limits; who watches the steps there is told as well.</param>
/// <param name="tokens">What gets tokens, for profiles that log in by them.</param>
public sealed class AccessTester(
    RouterConfiguration configuration,
    RouterSystems systems,
    ISecretProtector secrets,
    OrganizationOpener openOrganization,
    MailContext context,
    TokenSource? tokens = null)
{
    private readonly DeploymentTester crm = new(configuration, systems, openOrganization, context, tokens);

    /// <summary>Gets how long before its end a certificate is worth a warning: 14 days.</summary>
    public static TimeSpan CertificateWarning { get; } = TimeSpan.FromDays(14);

    /// <summary>Gets how long before its end the certificate by which an application logs in is worth a warning: 30 days, since a new one must be registered first.</summary>
    public static TimeSpan ClientCertificateWarning { get; } = TimeSpan.FromDays(30);

    /// <summary>Tests the CRM side of a deployment: reaching it, logging in, who the router is there, what it may do, and which settings stand against it.</summary>
    /// <param name="deployment">The deployment.</param>
    /// <param name="cancellationToken">Stops the waiting for the test.</param>
    /// <returns>The steps; whatever goes wrong is a step that failed, not an exception.</returns>
    public async Task<DeploymentTestResult> TestDeploymentAsync(DeploymentConfiguration deployment, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        return (await crm.TestAsync(deployment, cancellationToken).ConfigureAwait(false)).Result;
    }

    /// <summary>Lists the mailboxes as the test of their deployment found them.</summary>
    /// <param name="deployment">The deployment; it is tested when it was not yet.</param>
    /// <param name="cancellationToken">Stops the waiting for the test.</param>
    /// <returns>The mailboxes; null when they could not be read, which the test's result explains.</returns>
    public async Task<IReadOnlyList<EffectiveMailbox>?> GetMailboxesAsync(DeploymentConfiguration deployment, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        return (await crm.TestAsync(deployment, cancellationToken).ConfigureAwait(false)).Reading?.Mailboxes;
    }

    /// <summary>Tests one direction of a mailbox. May be called for many mailboxes at the same time.</summary>
    /// <param name="mailbox">The mailbox.</param>
    /// <param name="direction">The direction.</param>
    /// <param name="cancellationToken">Stops the test.</param>
    /// <returns>The steps; whatever goes wrong is a step that failed, not an exception.</returns>
    public async Task<AccessTestResult> TestAsync(MailboxKey mailbox, MailDirection direction, CancellationToken cancellationToken)
    {
        var steps = new AccessSteps(context, cancellationToken);
        int? messages = null;
        try
        {
            EffectiveRoute route = await PrepareAsync(steps, mailbox, direction, cancellationToken).ConfigureAwait(false);
            if (direction == MailDirection.Incoming)
                messages = await ListMailboxAsync(steps, route, cancellationToken).ConfigureAwait(false);
            else
                await TestSendingAsync(steps, route, cancellationToken).ConfigureAwait(false);
        }
        catch (AccessEndException)
        {
            // The step that failed is recorded; those after it need it.
        }

        return new AccessTestResult { Deployment = mailbox.Deployment, Mailbox = mailbox.Address, Direction = direction, Steps = steps.ToList(), MessageCount = messages };
    }

    /// <summary>Validates what a deployment, or one of its mailboxes, uses; faults of other elements are no business of it.</summary>
    /// <param name="steps">Where the faults are told.</param>
    /// <param name="configuration">The configuration.</param>
    /// <param name="systems">The systems it names.</param>
    /// <param name="deployment">The deployment.</param>
    /// <param name="own">What is set for the mailbox; null when nothing is, or no mailbox is meant.</param>
    /// <exception cref="AccessEndException">There are faults.</exception>
    internal static void CheckConfiguration(
        AccessSteps steps, RouterConfiguration configuration, RouterSystems systems, DeploymentConfiguration deployment, MailboxConfiguration? own)
    {
        string?[] names = [own?.IncomingProfile, own?.OutgoingProfile, own?.RulesProfile, deployment.IncomingProfile, deployment.OutgoingProfile, deployment.RulesProfile];
        ProfileConfiguration[] profiles = [.. configuration.Profiles.Where(p => names.Any(name => Same(name, p.Name)))];
        RouterConfiguration used = configuration with
        {
            Deployments = [deployment],
            Mailboxes = own is null ? [] : [own],
            Profiles = [.. configuration.Profiles.Where(p => profiles.Contains(p) || profiles.Any(user => Same(user.SentCopy?.Profile, p.Name)))],
        };
        IReadOnlyList<ConfigurationFault> faults = ConfigurationValidator.Validate(used, systems);
        foreach (ConfigurationFault fault in faults)
            steps.Fail(AccessStepNames.Configuration, "RouterConfigurationInvalid", $"{fault.Element}: {fault.Problem}", fault.Remedy);
        if (faults.Count > 0)
            throw new AccessEndException();
        steps.Pass(AccessStepNames.Configuration, "No faults.");
    }

    private static bool Same(string? a, string? b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);

    private static MailboxRoute CheckMailbox(AccessSteps steps, CrmReading reading, MailboxKey key, MailDirection direction)
    {
        if (reading.Find(key.Address) is not { } mailbox)
        {
            throw steps.End(
                AccessStepNames.Mailbox,
                "RouterMailboxUnknown",
                $"No user, queue or forward mailbox of {key.Deployment} has the address {key.Address}.",
                "Check the address, or give it to a user or queue in the CRM.");
        }

        // What is switched off, or not yet approved, does not keep the servers from being tested: often they are tested first.
        MailboxRoute route = mailbox.Route(direction);
        if (route.Status is MailboxStatus.DeploymentDisabled or MailboxStatus.Disabled or MailboxStatus.Inactive or MailboxStatus.DeliveryMethodNone or
            MailboxStatus.DeliveredByOutlook or MailboxStatus.DeliveredByForwardMailbox or MailboxStatus.SharedAddress)
        {
            steps.Fail(AccessStepNames.Mailbox, $"RouterMailbox{route.Status}", route.StatusText, route.Remedy);
        }
        else
        {
            steps.Pass(AccessStepNames.Mailbox, $"{mailbox.Kind} {mailbox.Crm.Owner.Name ?? mailbox.Address}");
        }

        if (route.Status == MailboxStatus.NotApproved)
            steps.Fail(AccessStepNames.Approval, $"RouterMailbox{route.Status}", route.StatusText, route.Remedy);
        else if (mailbox.Crm.Approval == AccessApproval.Approved)
            steps.Pass(AccessStepNames.Approval, "Approved.");
        return route;
    }

    private static async Task<int> ListMailboxAsync(AccessSteps steps, EffectiveRoute route, CancellationToken cancellationToken)
    {
        IMailboxSession session = await steps.RunAsync(
            nameof(MailStep.OpenMailbox),
            async () => (
                await route.System.OpenMailboxAsync(route.Profile.ToEndpoint(), route.Login, route.Watched, cancellationToken).ConfigureAwait(false),
                "The mailbox is open.")).ConfigureAwait(false);
        await using (session.ConfigureAwait(false))
        {
            steps.WarnWithoutTls(route.Profile);
            int count = await steps.RunAsync(
                nameof(MailStep.List),
                async () =>
                {
                    int found = 0;
                    await foreach (MessageRef message in session.ListAsync(MailboxCursor.Start, cancellationToken).ConfigureAwait(false))
                        found++;
                    return (found, $"{found} messages");
                }).ConfigureAwait(false);
            CheckSettlements(steps, session, route.Profile);
            await steps.RunAsync(
                nameof(MailStep.Complete),
                async () =>
                {
                    await session.CompleteAsync(cancellationToken).ConfigureAwait(false);
                    return (true, "The session ended in order; nothing was changed.");
                }).ConfigureAwait(false);
            return count;
        }
    }

    private static void CheckSettlements(AccessSteps steps, IMailboxSession session, ProfileConfiguration profile)
    {
        SettlementKinds missing = (profile.Settlement.Kind | profile.UntrackedSettlement.Kind) & ~session.Settlements;
        if (missing == SettlementKinds.None)
        {
            steps.Pass(AccessStepNames.Settlement, $"The server can do {session.Settlements}.");
            return;
        }

        steps.Fail(
            AccessStepNames.Settlement,
            "RouterSettlementUnsupported",
            $"The profile {profile.Name} asks for {missing}; {profile.System} on this server can only do {session.Settlements}.",
            "Choose another settlement in the profile, or another mail system.");
    }

    private static async Task TestSendingAsync(AccessSteps steps, EffectiveRoute route, CancellationToken cancellationToken)
    {
        await OpenSenderAsync(steps, route, cancellationToken).ConfigureAwait(false);
        if (route.SentFolder is { } folder)
            await LookIntoSentFolderAsync(steps, folder, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Looks for a message that does not exist: that the folder is there and can be searched is otherwise learned only when an answer was lost.</summary>
    private static async Task LookIntoSentFolderAsync(AccessSteps steps, EffectiveRoute folder, CancellationToken cancellationToken) => await steps.RunAsync(
        AccessStepNames.SentFolder,
        async () =>
        {
            var target = new SentFolderTarget(folder.System, folder.Profile.ToEndpoint(), folder.Login);
            try
            {
                await new SentFolder(target, folder.Watched).WasSentAsync("<access-test@emailrouter.invalid>", cancellationToken).ConfigureAwait(false);
                return (true, $"The folder of sent mail can be searched (profile {folder.Profile.Name}).");
            }
            catch (MailException e)
            {
                throw new RouterException(new RouterError(e.ErrorId, AccessStepNames.SentFolder, e.Message, e.Remedy, e.IsTransient), e);
            }
        }).ConfigureAwait(false);

    private static async Task OpenSenderAsync(AccessSteps steps, EffectiveRoute route, CancellationToken cancellationToken)
    {
        IMailSender sender = await steps.RunAsync(
            AccessStepNames.OpenSender,
            async () => (
                await route.System.OpenSenderAsync(route.Profile.ToEndpoint(), route.Login, route.Watched, cancellationToken).ConfigureAwait(false),
                "The server is ready to take messages; none was offered.")).ConfigureAwait(false);
        await sender.DisposeAsync().ConfigureAwait(false);
        steps.WarnWithoutTls(route.Profile);
    }

    /// <summary>Everything before the network of the mail server.</summary>
    private async Task<EffectiveRoute> PrepareAsync(AccessSteps steps, MailboxKey key, MailDirection direction, CancellationToken cancellationToken)
    {
        DeploymentConfiguration deployment = CheckConfiguration(steps, key);
        CrmReading reading = await ReadCrmAsync(steps, deployment, cancellationToken).ConfigureAwait(false);
        MailboxRoute route = CheckMailbox(steps, reading, key, direction);
        MailboxRoute? sent = direction == MailDirection.Outgoing ? reading.Find(key.Address)?.SentFolder : null;
        if (route.Connection.Status != MailboxStatus.Usable || route.Profile is not { } profile)
            throw steps.End(AccessStepNames.Credential, $"RouterMailbox{route.Connection.Status}", route.Connection.Text, route.Connection.Remedy);
        EffectiveRoute prepared = await steps.RunAsync(
            AccessStepNames.Credential,
            () =>
            {
                var ready = new EffectiveRoute(profile, systems.Mail(profile.System), route.Login(key.Address, secrets, tokens), context with { Steps = steps })
                {
                    // The steps of a second server would be taken for those of the first.
                    SentFolder = sent?.Profile is { } folder ? new EffectiveRoute(folder, systems.Mail(folder.System), sent.Login(key.Address, secrets, tokens), context) : null,
                };
                string who = route.UserName is { } user ? $"user {user}" : profile.CredentialSource switch
                {
                    CredentialSource.OAuth => $"tokens ({profile.OAuth?.Flow})",
                    CredentialSource.Process => "the account of the process",
                    _ => "no credential",
                };
                return ValueTask.FromResult((ready, $"Profile {profile.Name}: {profile.System} at {profile.Path ?? profile.Host ?? profile.Url?.Host ?? "its own address"}, {who}"));
            }).ConfigureAwait(false);
        if (tokens is not null && profile is { CredentialSource: CredentialSource.OAuth, OAuth: not null })
            steps.WarnOfClientCertificate(AccessStepNames.Credential, tokens.SubjectOf(profile), tokens);
        return prepared;
    }

    /// <summary>Takes what the deployment's test read; where it read nothing, the step that failed there is the one of this test.</summary>
    private async Task<CrmReading> ReadCrmAsync(AccessSteps steps, DeploymentConfiguration deployment, CancellationToken cancellationToken)
    {
        TestedDeployment tested = await crm.TestAsync(deployment, cancellationToken).ConfigureAwait(false);
        if (tested is { Reading: null, Result.Failure: { } failure })
            throw steps.End(AccessStepNames.Crm, failure.ErrorId ?? "RouterUnexpected", failure.Detail, failure.Remedy);
        steps.Pass(AccessStepNames.Crm, tested.Reading!.Summary(deployment));
        return tested.Reading;
    }

    private DeploymentConfiguration CheckConfiguration(AccessSteps steps, MailboxKey key)
    {
        DeploymentConfiguration deployment = configuration.Deployments.FirstOrDefault(d => Same(d.Name, key.Deployment)) ?? throw steps.End(
            AccessStepNames.Configuration,
            "RouterDeploymentUnknown",
            $"There is no deployment {key.Deployment}.",
            "Name one of the deployments of the configuration, or create it.");
        MailboxConfiguration? own = configuration.Mailboxes.FirstOrDefault(m => Same(m.Deployment, key.Deployment) && Same(m.Address, key.Address));
        CheckConfiguration(steps, configuration, systems, deployment, own);
        return deployment;
    }

    private sealed record EffectiveRoute(ProfileConfiguration Profile, IMailSystem System, MailLogin Login, MailContext Watched)
    {
        /// <summary>Gets how the folder of sent mail is read; null where it is not to be looked into.</summary>
        public EffectiveRoute? SentFolder { get; init; }
    }
}

using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Mail;
using EmailRouter.Mime;
using EmailRouter.Routing.Access;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.Outgoing;
using EmailRouter.Routing.Rules;
using EmailRouter.Routing.State;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing;

/// <summary>
/// The router over one configuration: opens organizations and the state when they are first needed, and polls, sends and traces. It is what cmdlets, the
/// service and the lab use. All members may be called from any thread.
/// </summary>
public sealed class Router : IAsyncDisposable
{
    private readonly RouterHostOptions options;
    private readonly ConcurrentDictionary<string, Task<IOrganization>> organizations = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, SemaphoreSlim> connections = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, SendingPace> paces = new(StringComparer.OrdinalIgnoreCase);
    private readonly SemaphoreSlim stateGate = new(1, 1);
    private SqliteRouterState? state;
    private SqliteRouterState? nothingRemembered;

    private Router(RouterHostOptions options, ConfigurationStore store, RouterConfiguration configuration)
    {
        this.options = options;
        Store = store;
        Configuration = configuration;
        Secrets = SecretProtector.For(store.Path);
        Tokens = new TokenSource(store.Folder, Secrets, options.Systems, options.TokenHttp) { Clock = options.Mail.Clock };
    }

    /// <summary>Gets the configuration's file.</summary>
    public ConfigurationStore Store { get; }

    /// <summary>Gets the configuration as it was when the router was opened.</summary>
    public RouterConfiguration Configuration { get; }

    /// <summary>Gets what decrypts the stored credentials.</summary>
    public ISecretProtector Secrets { get; }

    /// <summary>Gets what gets OAuth access tokens for the profiles and deployments that log in by them.</summary>
    public TokenSource Tokens { get; }

    /// <summary>Gets the systems the router knows.</summary>
    public RouterSystems Systems => options.Systems;

    /// <summary>Gets clock, network and limits of the mail side.</summary>
    public MailContext Mail => options.Mail with { Buffers = options.Mail.Buffers with { MaximumSize = Configuration.Routing.MaxMessageSize } };

    private TimeProvider Clock => options.Mail.Clock;

    private string StatePath => Store.Resolve(Configuration.StatePath);

    /// <summary>Reads the configuration; opens nothing else yet.</summary>
    /// <param name="options">What the router is made of.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The router; the caller disposes it.</returns>
    /// <exception cref="RouterException">The configuration cannot be read or has faults.</exception>
    public static async Task<Router> OpenAsync(RouterHostOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        var store = new ConfigurationStore(options.ConfigurationPath ?? ConfigurationLocation.Find(), options.Mail.Clock, options.Systems);
        LoadedConfiguration loaded = await store.LoadValidAsync(cancellationToken).ConfigureAwait(false);
        return new Router(options, store, loaded.Configuration);
    }

    /// <summary>Opens the state, once.</summary>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The state; the router disposes it.</returns>
    /// <exception cref="RouterException">The state cannot be opened.</exception>
    public async ValueTask<IRouterState> GetStateAsync(CancellationToken cancellationToken)
    {
        await stateGate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return state ??= await SqliteRouterState.OpenAsync(StatePath, Clock, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            stateGate.Release();
        }
    }

    /// <summary>Finds a deployment.</summary>
    /// <param name="name">Its name; null for the only one.</param>
    /// <returns>The deployment.</returns>
    /// <exception cref="RouterException"><c>RouterDeploymentNotFound</c>, or <c>RouterDeploymentAmbiguous</c> when there are several and none is named.</exception>
    public DeploymentConfiguration FindDeployment(string? name)
    {
        if (name is null)
        {
            return Configuration.Deployments.Count == 1
                ? Configuration.Deployments[0]
                : throw new RouterException(new RouterError(
                    Configuration.Deployments.Count == 0 ? "RouterDeploymentNotFound" : "RouterDeploymentAmbiguous",
                    "Configuration",
                    Configuration.Deployments.Count == 0 ? $"{Store.Path} names no deployment." : $"{Store.Path} names several deployments: {Names()}.",
                    Configuration.Deployments.Count == 0 ? "Create one with New-RouterDeployment." : "Say which one with -Deployment.",
                    false));
        }

        return Configuration.Deployments.FirstOrDefault(d => d.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? throw new RouterException(new RouterError(
                "RouterDeploymentNotFound", "Configuration", $"There is no deployment {name} in {Store.Path}.", $"Choose one of: {Names()}.", false));

        string Names() => string.Join(", ", Configuration.Deployments.Select(d => d.Name));
    }

    /// <summary>Opens the organization of a deployment, once.</summary>
    /// <param name="deployment">The deployment's name; null for the only one.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The organization; the router disposes it.</returns>
    /// <exception cref="CrmException">It cannot be reached, or refuses.</exception>
    /// <exception cref="RouterException">There is no such deployment, or its settings do not suffice.</exception>
    public async ValueTask<IOrganization> GetOrganizationAsync(string? deployment, CancellationToken cancellationToken)
    {
        DeploymentConfiguration found = FindDeployment(deployment);
        Task<IOrganization> opening = organizations.GetOrAdd(found.Name, _ => OpenAsync(found, Mail));
        try
        {
            return await opening.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch when (opening.IsFaulted)
        {
            // The next caller tries again.
            organizations.TryRemove(KeyValuePair.Create(found.Name, opening));
            throw;
        }
    }

    /// <summary>Opens the embedded CRM of a deployment, for looking into it and filling it.</summary>
    /// <param name="deployment">The deployment's name; null for the only one.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The CRM; the router disposes it.</returns>
    /// <exception cref="RouterException"><c>RouterDeploymentNotEmbedded</c>, or as <see cref="GetOrganizationAsync"/>.</exception>
    /// <exception cref="CrmException">It cannot be opened.</exception>
    public async ValueTask<EmbeddedCrm> GetEmbeddedCrmAsync(string? deployment, CancellationToken cancellationToken) =>
        await GetOrganizationAsync(deployment, cancellationToken).ConfigureAwait(false) is TrackingOrganization { Store: EmbeddedCrm crm }
            ? crm
            : throw new RouterException(new RouterError(
                "RouterDeploymentNotEmbedded",
                "Configuration",
                $"The deployment {FindDeployment(deployment).Name} is of the system {FindDeployment(deployment).System}: only the records of an embedded CRM can be looked at and changed from here.",
                "Name a deployment of the system Embedded, or use the CRM's own tools.",
                false));

    /// <summary>Opens the email activities of a deployment, for looking at them.</summary>
    /// <param name="deployment">The deployment's name; null for the only one.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The email activities.</returns>
    /// <exception cref="RouterException"><c>RouterDeploymentNotSupported</c>: its CRM does not let them be listed; or as <see cref="GetOrganizationAsync"/>.</exception>
    /// <exception cref="CrmException">It cannot be opened.</exception>
    public async ValueTask<IEmailActivities> GetEmailActivitiesAsync(string? deployment, CancellationToken cancellationToken)
    {
        IOrganization organization = await GetOrganizationAsync(deployment, cancellationToken).ConfigureAwait(false);
        return organization.Offers<IEmailActivities>() ?? throw new RouterException(new RouterError(
            "RouterDeploymentNotSupported",
            "Configuration",
            $"Email activities of the deployment {FindDeployment(deployment).Name} cannot be listed: its system {FindDeployment(deployment).System} has no way to do that.",
            "Look at them with the CRM's own tools.",
            false));
    }

    /// <summary>Lists the mailboxes of one or all deployments, also those that are not used, each with the reason.</summary>
    /// <param name="deployment">The deployment's name; null for all that are enabled.</param>
    /// <param name="cancellationToken">Stops the listing.</param>
    /// <returns>The mailboxes.</returns>
    /// <exception cref="CrmException">An organization cannot be reached.</exception>
    /// <exception cref="RouterException">There is no such deployment.</exception>
    public async IAsyncEnumerable<EffectiveMailbox> GetMailboxesAsync(string? deployment, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        IEnumerable<DeploymentConfiguration> deployments = deployment is null ? Configuration.Deployments.Where(d => d.Enabled) : [FindDeployment(deployment)];
        foreach (DeploymentConfiguration one in deployments)
        {
            IOrganization organization = await GetOrganizationAsync(one.Name, cancellationToken).ConfigureAwait(false);
            await foreach (EffectiveMailbox mailbox in MailboxCatalog.GetAsync(Configuration, one, organization, cancellationToken).ConfigureAwait(false))
                yield return mailbox;
        }
    }

    /// <summary>Makes what tests whether mailboxes can be used. It reads each CRM anew, once, through connections of its own.</summary>
    /// <returns>The tester, for many mailboxes at the same time.</returns>
    public AccessTester CreateAccessTester() =>
        new(Configuration, Systems, Secrets, async (deployment, mail, _) => await OpenAsync(deployment, mail).ConfigureAwait(false), Mail, Tokens);

    /// <summary>Makes what deploys, lists, removes and tests the rules by which mailboxes forward their mail.</summary>
    /// <returns>The deployer, for many mailboxes at the same time. It lists each organization's mailboxes once.</returns>
    public RuleDeployer CreateRuleDeployer() => new(this, Path.Combine(Path.GetDirectoryName(StatePath) ?? Store.Folder, "replaced-scripts"));

    /// <summary>Polls one mailbox once. Errors are in the result, not thrown.</summary>
    /// <param name="mailbox">The mailbox.</param>
    /// <param name="poll">How to go about it.</param>
    /// <param name="cancellationToken">Stops the poll; what is done stays done.</param>
    /// <returns>What was done.</returns>
    /// <exception cref="OperationCanceledException">The poll was stopped.</exception>
    public async Task<PollResult> PollAsync(EffectiveMailbox mailbox, PollOptions poll, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(mailbox);
        ArgumentNullException.ThrowIfNull(poll);
        if (!mailbox.Incoming.IsUsable)
            return PollFailed(mailbox, poll, new RouterError("RouterMailboxNotUsable", "Configuration", $"{mailbox.Address}: {mailbox.Incoming.StatusText}", mailbox.Incoming.Remedy, false));

        SemaphoreSlim places = connections.GetOrAdd(mailbox.Incoming.Profile!.Name, static (_, most) => new SemaphoreSlim(Math.Max(1, most)), mailbox.Incoming.Profile.MaxConnections);
        await places.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            PollTarget target = TargetOf(mailbox);
            IOrganization organization = await GetOrganizationAsync(mailbox.Deployment, cancellationToken).ConfigureAwait(false);
            IRouterState remembered = await RememberedAsync(poll.DryRun, cancellationToken).ConfigureAwait(false);
            return await new IncomingPipeline(organization, remembered, Configuration.RouterName, Configuration.Routing, Mail).PollAsync(target, poll, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is RouterException or CrmException)
        {
            return PollFailed(mailbox, poll, RouterError.From(failure, "Open"));
        }
        finally
        {
            places.Release();
        }
    }

    /// <summary>Polls mailboxes side by side, each once; one mailbox's errors do not hold up the others.</summary>
    /// <param name="mailboxes">The mailboxes.</param>
    /// <param name="poll">How to go about it.</param>
    /// <param name="throttleLimit">How many at once, at least 1.</param>
    /// <param name="cancellationToken">Stops the polls.</param>
    /// <returns>The results as they come.</returns>
    public async IAsyncEnumerable<PollResult> PollAsync(
        IEnumerable<EffectiveMailbox> mailboxes, PollOptions poll, int throttleLimit, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Channel<PollResult> results = Channel.CreateBounded<PollResult>(16);
        using var abandoned = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task work = Task.Run(
            async () =>
            {
                try
                {
                    var degree = new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, throttleLimit), CancellationToken = abandoned.Token };
                    await Parallel.ForEachAsync(mailboxes, degree, async (mailbox, stop) =>
                        await results.Writer.WriteAsync(await PollAsync(mailbox, poll, stop).ConfigureAwait(false), stop).ConfigureAwait(false)).ConfigureAwait(false);
                    results.Writer.Complete();
                }
                catch (Exception failure)
                {
                    results.Writer.Complete(failure);       // thrown where the results are read
                }
            },
            CancellationToken.None);
        try
        {
            await foreach (PollResult result in results.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                yield return result;
        }
        finally
        {
            await abandoned.CancelAsync().ConfigureAwait(false);
            await work.ConfigureAwait(false);
        }
    }

    /// <summary>Sends the pending emails of a deployment. Errors of mail servers are in the result, not thrown.</summary>
    /// <param name="deployment">The deployment's name; null for the only one.</param>
    /// <param name="send">Which and how.</param>
    /// <param name="cancellationToken">Stops the sending.</param>
    /// <returns>What was done.</returns>
    /// <exception cref="CrmException">The organization cannot be reached.</exception>
    /// <exception cref="RouterException">There is no such deployment, or the state cannot be opened.</exception>
    /// <exception cref="OperationCanceledException">The sending was stopped.</exception>
    public async Task<SendResult> SendAsync(string? deployment, SendOptions send, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(send);
        DeploymentConfiguration found = FindDeployment(deployment);
        IOrganization organization = await GetOrganizationAsync(found.Name, cancellationToken).ConfigureAwait(false);
        var mailboxes = new Dictionary<Guid, EffectiveMailbox>();
        await foreach (EffectiveMailbox mailbox in GetMailboxesAsync(found.Name, cancellationToken).ConfigureAwait(false))
            mailboxes[mailbox.Crm.Owner.Id] = mailbox;

        RoutingOptions routing = Configuration.Routing;
        var pipeline = new OutgoingPipeline(
            found.Name,
            organization,
            await RememberedAsync(send.DryRun, cancellationToken).ConfigureAwait(false),
            new MessageComposer(new LoopGuard(Configuration.RouterName, routing.MaxReceivedHeaders), Mail.Buffers, Clock),
            (email, _) => ValueTask.FromResult(RouteOf(email, mailboxes)),
            routing,
            new RetrySchedule(routing, Clock, options.Random),
            Mail);
        return await pipeline.SendAsync(send, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Says what would happen to a message and why; changes nothing.</summary>
    /// <param name="content">Its bytes; the caller disposes them.</param>
    /// <param name="deployment">The deployment's name; null for the only one.</param>
    /// <param name="mailbox">The mailbox it came to; null when that is to be left open.</param>
    /// <param name="cancellationToken">Stops the tracing.</param>
    /// <returns>The decision that a poll would take.</returns>
    /// <exception cref="CrmException">The organization cannot be reached.</exception>
    /// <exception cref="RouterException">There is no such deployment.</exception>
    public async Task<Decision> TraceAsync(MessageBuffer content, string? deployment, EffectiveMailbox? mailbox, CancellationToken cancellationToken)
    {
        DeploymentConfiguration found = FindDeployment(mailbox?.Deployment ?? deployment);
        IOrganization organization = await GetOrganizationAsync(found.Name, cancellationToken).ConfigureAwait(false);
        MailboxPolicy policy = mailbox is null ? new MailboxPolicy { Key = new MailboxKey(found.Name, string.Empty) } : PolicyOf(mailbox);
        return await new MessageTracer(organization, Configuration.RouterName, Configuration.Routing, Clock).TraceAsync(content, policy, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Says what would happen to a message in a mailbox and why; changes nothing.</summary>
    /// <param name="mailbox">The mailbox.</param>
    /// <param name="messageKey">The message's id on the mail server, or its Message-ID.</param>
    /// <param name="cancellationToken">Stops the tracing.</param>
    /// <returns>The decision that a poll would take.</returns>
    /// <exception cref="MailException">The mailbox cannot be read.</exception>
    /// <exception cref="CrmException">The organization cannot be reached.</exception>
    /// <exception cref="RouterException"><c>RouterMessageNotFound</c>, or the mailbox is not usable.</exception>
    public async Task<Decision> TraceAsync(EffectiveMailbox mailbox, string messageKey, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(mailbox);
        ArgumentException.ThrowIfNullOrEmpty(messageKey);
        if (!mailbox.Incoming.IsUsable)
            throw new RouterException(new RouterError("RouterMailboxNotUsable", "Configuration", $"{mailbox.Address}: {mailbox.Incoming.StatusText}", mailbox.Incoming.Remedy, false));

        PollTarget target = TargetOf(mailbox);
        IMailboxSession session = await target.System.OpenMailboxAsync(target.Endpoint, target.Login, Mail, cancellationToken).ConfigureAwait(false);
        await using (session.ConfigureAwait(false))
        {
            MessageRef message = await MessageSearch.FindAsync(session, mailbox.Address, messageKey, cancellationToken).ConfigureAwait(false);
            Decision? decision = null;
            await foreach (FetchedMessage fetched in session.FetchAsync([message], cancellationToken).ConfigureAwait(false))
            {
                using (fetched)
                {
                    if (fetched.Error is { } error)
                        throw error;
                    decision = await TraceAsync(fetched.Content!, mailbox.Deployment, mailbox, cancellationToken).ConfigureAwait(false);
                }
            }

            if (decision is not null)
            {
                await session.CompleteAsync(cancellationToken).ConfigureAwait(false);
                return decision with { MessageKey = message.Id };
            }
        }

        throw MessageSearch.NotFound(mailbox.Address, messageKey);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (Task<IOrganization> opening in organizations.Values)
        {
            if (opening.IsCompletedSuccessfully)
                await (await opening.ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
        }

        if (state is not null)
            await state.DisposeAsync().ConfigureAwait(false);
        if (nothingRemembered is not null)
            await nothingRemembered.DisposeAsync().ConfigureAwait(false);
        foreach (SemaphoreSlim places in connections.Values)
            places.Dispose();
        stateGate.Dispose();
    }

    private static PollResult PollFailed(EffectiveMailbox mailbox, PollOptions poll, RouterError error) =>
        new() { Deployment = mailbox.Deployment, Mailbox = mailbox.Address, Status = PollStatus.Failed, IsDryRun = poll.DryRun, Error = error };

    private MailboxPolicy PolicyOf(EffectiveMailbox mailbox)
    {
        ProfileConfiguration? profile = mailbox.Incoming.Profile;
        bool isForward = mailbox.Kind == CrmMailboxKind.Forward;
        return new MailboxPolicy
        {
            Key = mailbox.Key,
            Owner = mailbox.Crm.Owner,
            Settlement = How(profile?.Settlement),
            UntrackedSettlement = How(profile?.UntrackedSettlement),
            UndeliverableSettlement = isForward && profile?.UndeliverableFolder() is { } folder ? Settlement.MoveTo(folder) : Settlement.Keep,
            ReceivedAfter = profile?.ReceivedAfter,
            IsForwardMailbox = isForward,
            Probes = new ProbeMark(Secrets),
        };

        // As in the original product: what a forward mailbox holds are copies that nobody reads there, so what is done goes.
        Settlement How(Settlement? said) => said is null or { Kind: SettlementKinds.Keep } ? isForward ? Settlement.Delete : Settlement.Keep : said;
    }

    private PollTarget TargetOf(EffectiveMailbox mailbox) =>
        new(PolicyOf(mailbox), Systems.Mail(mailbox.Incoming.Profile!.System), mailbox.Incoming.Profile.ToEndpoint(), mailbox.Incoming.Login(mailbox.Address, Secrets, Tokens));

    private SendRoute RouteOf(PendingEmail email, Dictionary<Guid, EffectiveMailbox> mailboxes)
    {
        if (!mailboxes.TryGetValue(email.From.Id, out EffectiveMailbox? mailbox))
        {
            throw new RouterException(new RouterError(
                "RouterSenderUnknown", "Route", $"{email.FromAddress}: the sender {email.From} is no mailbox of the organization.", "Give the user or queue an email address in the CRM.", false));
        }

        if (!mailbox.Outgoing.IsUsable)
            throw new RouterException(new RouterError("RouterMailboxNotUsable", "Route", $"{mailbox.Address}: {mailbox.Outgoing.StatusText}", mailbox.Outgoing.Remedy, false));
        ProfileConfiguration profile = mailbox.Outgoing.Profile!;
        return new SendRoute(profile.Name, Systems.Mail(profile.System), profile.ToEndpoint(), mailbox.Outgoing.Login(mailbox.Address, Secrets, Tokens), profile.MaxConnections)
        {
            SentCopy = profile.SentCopy is { Address: { } address } copy ? SentCopyOf(copy, address) : null,
            SentFolder = mailbox.SentFolder is { Profile: { } reading } folder
                ? new SentFolderTarget(Systems.Mail(reading.System), reading.ToEndpoint(), folder.Login(mailbox.Address, Secrets, Tokens))
                : null,
            Pace = PaceOf(profile),
        };
    }

    private SendingPace? PaceOf(ProfileConfiguration profile) => profile is { MaxMessagesPerMinute: null, MaxRecipientsPerDay: null }
        ? null
        : paces.GetOrAdd(profile.Name, _ => new SendingPace(profile.Name, profile.MaxMessagesPerMinute, profile.MaxRecipientsPerDay, Clock));

    private SentCopyTarget SentCopyOf(SentCopyConfiguration copy, string address)
    {
        ProfileConfiguration profile = Configuration.Profiles.First(p => p.Name.Equals(copy.Profile, StringComparison.OrdinalIgnoreCase));
        StoredCredential? credential = profile.CredentialSource switch
        {
            CredentialSource.Profile => profile.Credential,
            CredentialSource.Mailbox => copy.Credential,
            _ => null,
        };
        MailCredential login = profile.CredentialSource == CredentialSource.OAuth ? Tokens.CredentialOf(profile, address)
            : profile.CredentialSource == CredentialSource.Process ? MailCredential.Process()
            : credential is null ? MailCredential.Anonymous : MailCredential.Password(credential.UserName, Secrets.Unprotect(credential.Secret));
        return new SentCopyTarget(address, Systems.Mail(profile.System), profile.ToEndpoint(), new MailLogin(address, login));
    }

    private ValueTask<IRouterState> RememberedAsync(bool isDryRun, CancellationToken cancellationToken) =>
        isDryRun && !File.Exists(StatePath) ? OpenNothingRememberedAsync(cancellationToken) : GetStateAsync(cancellationToken);

    /// <summary>A dry run makes no file: where there is no state yet, nothing is remembered.</summary>
    private async ValueTask<IRouterState> OpenNothingRememberedAsync(CancellationToken cancellationToken)
    {
        await stateGate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return nothingRemembered ??= await SqliteRouterState.OpenAsync(":memory:", Clock, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            stateGate.Release();
        }
    }

    private async Task<IOrganization> OpenAsync(DeploymentConfiguration deployment, MailContext mail)
    {
        var context = new DeploymentContext { Mail = mail, Random = options.Random, Folder = Store.Folder, Secrets = Secrets, Tokens = Tokens };
        return await Systems.Crm(deployment.System).OpenAsync(deployment, context, CancellationToken.None).ConfigureAwait(false);
    }
}

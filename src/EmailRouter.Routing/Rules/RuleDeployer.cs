using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.Access;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.Incoming.Forwarding;

namespace EmailRouter.Routing.Rules;

/// <summary>
/// Deploys, lists, removes and tests the rule by which a mailbox forwards its mail to a forward mailbox. May be used for many mailboxes at the same time.
/// </summary>
public sealed class RuleDeployer
{
    /// <summary>
    /// The name of the router's rule in every mailbox. Every router uses it, so that those which share their work keep one rule; whose a rule is tells where it forwards to.
    /// </summary>
    public const string RuleName = "EmailRouter forward";

    private readonly Router router;
    private readonly ReplacedScripts replaced;
    private readonly Dictionary<string, Task<IReadOnlyList<EffectiveMailbox>>> catalogs = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Initializes a deployer.</summary>
    /// <param name="router">The router: configuration, systems, secrets and organizations.</param>
    /// <param name="scriptFolder">Where scripts of users are kept before they are replaced.</param>
    internal RuleDeployer(Router router, string scriptFolder)
    {
        this.router = router;
        replaced = new ReplacedScripts(scriptFolder, router.Mail.Clock);
    }

    /// <summary>Sees to it that a mailbox forwards its mail. Does nothing when it does already.</summary>
    /// <param name="mailbox">The mailbox.</param>
    /// <param name="request">Where to and how.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>What was done, or with <see cref="RuleRequest.DryRun"/> would be.</returns>
    /// <exception cref="RouterException">
    /// There is no forward mailbox, or no way to the mailbox's rules; <c>RouterRuleOfAnother</c> when the rule there forwards to where this deployment reads nothing.
    /// </exception>
    /// <exception cref="MailException">The server refuses.</exception>
    /// <exception cref="CrmException">The organization's mailboxes cannot be listed.</exception>
    public async Task<RuleResult> DeployAsync(EffectiveMailbox mailbox, RuleRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(mailbox);
        ArgumentNullException.ThrowIfNull(request);
        if (mailbox.Kind == CrmMailboxKind.Forward)
            throw RuleErrors.OnForwardMailbox(mailbox.Address);
        var warnings = new List<string>();
        IReadOnlyList<EffectiveMailbox> all = await ListMailboxesAsync(mailbox.Deployment, cancellationToken).ConfigureAwait(false);
        string target = FindTarget(mailbox, request, all);
        Warn(mailbox, target, all, warnings);

        IInboxRules rules = await OpenAsync(mailbox, router.Mail, cancellationToken).ConfigureAwait(false);
        await using (rules.ConfigureAwait(false))
        {
            ForwardingKinds kind = request.Kind ?? (rules.Kinds.HasFlag(ForwardingKinds.Attachment) ? ForwardingKinds.Attachment : ForwardingKinds.Redirect);
            if (kind is not (ForwardingKinds.Attachment or ForwardingKinds.Redirect) || !rules.Kinds.HasFlag(kind))
                throw RuleErrors.NoSuchKind(mailbox.Address, kind, rules.Kinds);
            if (!request.Force)
                await CheckOwnerAsync(rules, mailbox, all, target, cancellationToken).ConfigureAwait(false);
            var rule = new ForwardingRule
            {
                Name = RuleName,
                Target = request.UsePlusAddress ? PlusAddress.Make(target, mailbox.Address) : target,
                Kind = kind,
                LoopHeader = LoopGuard.MarkerHeader,
                LoopValue = router.Configuration.RouterName + " ",
                OriginHeader = ForwardOrigin.Header,
                OriginValue = mailbox.Address,
                ForwardAutomaticMail = request.ForwardAutomaticMail,
            };
            RuleChange change = await rules.DeployAsync(rule, How(mailbox, request), cancellationToken).ConfigureAwait(false);
            return new RuleResult
            {
                Deployment = mailbox.Deployment,
                Mailbox = mailbox.Address,
                Rule = RuleName,
                Change = change.Kind,
                Detail = change.Detail,
                Target = rule.Target,
                Kind = kind,
                Warnings = [.. change.Warnings, .. warnings],
                IsDryRun = request.DryRun,
            };
        }
    }

    /// <summary>Lists the rules of a mailbox that forward mail, whoever made them.</summary>
    /// <param name="mailbox">The mailbox.</param>
    /// <param name="cancellationToken">Stops the listing.</param>
    /// <returns>The rules in the server's order.</returns>
    /// <exception cref="RouterException">There is no way to the mailbox's rules.</exception>
    /// <exception cref="MailException">The rules cannot be read.</exception>
    public async Task<IReadOnlyList<DeployedRule>> ListAsync(EffectiveMailbox mailbox, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(mailbox);
        IReadOnlyList<EffectiveMailbox> all = await ListMailboxesAsync(mailbox.Deployment, cancellationToken).ConfigureAwait(false);
        IInboxRules rules = await OpenAsync(mailbox, router.Mail, cancellationToken).ConfigureAwait(false);
        await using (rules.ConfigureAwait(false))
        {
            IReadOnlyList<InboxRule> found = await rules.ListAsync(cancellationToken).ConfigureAwait(false);
            return [.. found.Select(rule => new DeployedRule(mailbox.Deployment, mailbox.Address, rule, rule.Name == RuleName && IsOurs(rule, all)))];
        }
    }

    /// <summary>Takes the router's rule out of a mailbox; other rules stay as they are.</summary>
    /// <param name="mailbox">The mailbox.</param>
    /// <param name="how">What may be done on the way; where to and how to forward does not matter.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>What was done, or with <see cref="RuleRequest.DryRun"/> would be.</returns>
    /// <exception cref="RouterException">There is no way to the mailbox's rules, or the rule is of another router (<c>RouterRuleOfAnother</c>).</exception>
    /// <exception cref="MailException">The server refuses.</exception>
    public async Task<RuleResult> RemoveAsync(EffectiveMailbox mailbox, RuleRequest how, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(mailbox);
        ArgumentNullException.ThrowIfNull(how);
        IReadOnlyList<EffectiveMailbox> all = how.Force ? [] : await ListMailboxesAsync(mailbox.Deployment, cancellationToken).ConfigureAwait(false);
        IInboxRules rules = await OpenAsync(mailbox, router.Mail, cancellationToken).ConfigureAwait(false);
        await using (rules.ConfigureAwait(false))
        {
            if (!how.Force)
                await CheckOwnerAsync(rules, mailbox, all, how.ForwardTo, cancellationToken).ConfigureAwait(false);
            RuleChange change = await rules.RemoveAsync(RuleName, How(mailbox, how), cancellationToken).ConfigureAwait(false);
            return new RuleResult
            {
                Deployment = mailbox.Deployment,
                Mailbox = mailbox.Address,
                Rule = RuleName,
                Change = change.Kind,
                Detail = change.Detail,
                Warnings = change.Warnings,
                IsDryRun = how.DryRun,
            };
        }
    }

    /// <summary>Tests the rule of a mailbox: sends it a marked message and waits for the copy in the forward mailbox, where it is removed.</summary>
    /// <remarks>The message itself stays in the mailbox for its owner to delete; it is never promoted.</remarks>
    /// <param name="mailbox">The mailbox.</param>
    /// <param name="forwardTo">The forward mailbox; null for the deployment's only one.</param>
    /// <param name="timing">How long to wait, and how often to look.</param>
    /// <param name="cancellationToken">Stops the test.</param>
    /// <returns>The steps; whatever goes wrong is a step that failed, not an exception.</returns>
    public async Task<IReadOnlyList<AccessStep>> VerifyAsync(EffectiveMailbox mailbox, string? forwardTo, RuleProbeTiming timing, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(mailbox);
        ArgumentNullException.ThrowIfNull(timing);
        var steps = new AccessSteps(router.Mail, cancellationToken);
        try
        {
            (IReadOnlyList<EffectiveMailbox> all, string target) = await steps.RunAsync(
                RuleStepNames.Target,
                async () =>
                {
                    IReadOnlyList<EffectiveMailbox> listed = await ListMailboxesAsync(mailbox.Deployment, cancellationToken).ConfigureAwait(false);
                    string found = FindTarget(mailbox, new RuleRequest { ForwardTo = forwardTo }, listed);
                    return ((listed, found), $"The forward mailbox is {found}.");
                }).ConfigureAwait(false);
            await CheckRuleAsync(steps, mailbox, target, cancellationToken).ConfigureAwait(false);
            await new RuleProbe(router, steps, mailbox, target, all, timing).RunAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (AccessEndException)
        {
            // The step that failed is recorded; those after it need it.
        }

        return steps.ToList();
    }

    private static string FindTarget(EffectiveMailbox mailbox, RuleRequest request, IReadOnlyList<EffectiveMailbox> all)
    {
        string[] known = [.. all.Where(m => m.Kind == CrmMailboxKind.Forward).Select(m => m.Address).Distinct(StringComparer.OrdinalIgnoreCase)];
        string target = request.ForwardTo?.Trim() ?? known.Length switch
        {
            1 => known[0],
            0 => throw RuleErrors.NoTarget(mailbox.Deployment),
            _ => throw RuleErrors.SeveralTargets(mailbox.Deployment, known),
        };
        if (!Mime.MailAddress.IsValidAddrSpec(target))
            throw RuleErrors.InvalidTarget(target);
        return target.Equals(mailbox.Address, StringComparison.OrdinalIgnoreCase) ? throw RuleErrors.ToItself(mailbox.Address) : target;
    }

    /// <summary>A rule is of this router when it forwards to a forward mailbox of the deployment, or to one that was named for it.</summary>
    private static bool IsOurs(InboxRule rule, IReadOnlyList<EffectiveMailbox> all, string? named = null)
    {
        IEnumerable<string> ours = all.Where(m => m.Kind == CrmMailboxKind.Forward).Select(m => m.Address);
        if (named is not null)
            ours = ours.Append(named.Trim());
        return rule.Targets.Count == 0 || ours.Any(address => rule.Targets.Any(t => Reaches(t, address)));
    }

    private static bool Reaches(string target, string address) => target.Equals(address, StringComparison.OrdinalIgnoreCase) || PlusAddress.Read(target, address) is not null;

    /// <summary>Routers with forward mailboxes of their own, such as one under test, leave each other's rules alone.</summary>
    private static async Task CheckOwnerAsync(IInboxRules rules, EffectiveMailbox mailbox, IReadOnlyList<EffectiveMailbox> all, string? named, CancellationToken cancellationToken)
    {
        IReadOnlyList<InboxRule> there = await rules.ListAsync(cancellationToken).ConfigureAwait(false);
        if (there.FirstOrDefault(rule => rule.Name == RuleName) is { } rule && !IsOurs(rule, all, named))
            throw RuleErrors.OfAnother(mailbox, rule.Targets);
    }

    /// <summary>What can be known beforehand of whether forwarded mail will be accepted, read and tracked.</summary>
    private static void Warn(EffectiveMailbox mailbox, string target, IReadOnlyList<EffectiveMailbox> all, List<string> warnings)
    {
        if (mailbox.Crm.IncomingDelivery != DeliveryMethod.ForwardMailbox)
        {
            warnings.Add(
                $"The incoming delivery method of {mailbox.Address} is {mailbox.Crm.IncomingDelivery}: what it forwards is left in the forward mailbox until the method is Forward Mailbox.");
        }

        if (all.FirstOrDefault(m => m.Kind == CrmMailboxKind.Forward && m.Address.Equals(target, StringComparison.OrdinalIgnoreCase)) is not { } forward)
            warnings.Add($"{target} is no forward mailbox of the deployment {mailbox.Deployment}, so this router does not read it.");
        else if (!forward.Incoming.IsUsable)
            warnings.Add($"The forward mailbox {target} is not read: {forward.Incoming.StatusText} {forward.Incoming.Remedy}");
        if (!DomainOf(mailbox.Address).Equals(DomainOf(target), StringComparison.OrdinalIgnoreCase))
        {
            warnings.Add(
                $"{target} is in another domain: many servers refuse automatic forwarding to outside (Exchange: remote domains and outbound spam policies). -Verify shows whether it works.");
        }
    }

    private static string DomainOf(string address) => address[(address.LastIndexOf('@') + 1)..];

    private async Task CheckRuleAsync(AccessSteps steps, EffectiveMailbox mailbox, string target, CancellationToken cancellationToken)
    {
        InboxRule? rule = await steps.RunAsync(
            RuleStepNames.Rule,
            async () =>
            {
                IInboxRules rules = await OpenAsync(mailbox, router.Mail with { Steps = steps }, cancellationToken).ConfigureAwait(false);
                await using (rules.ConfigureAwait(false))
                {
                    InboxRule? found = (await rules.ListAsync(cancellationToken).ConfigureAwait(false)).FirstOrDefault(r => r.Name == RuleName);
                    return (found, found is null ? "The rules can be read." : $"The rule forwards to {string.Join(", ", found.Targets)} by {found.Kind}.");
                }
            }).ConfigureAwait(false);
        if (rule is null)
            throw steps.End(RuleStepNames.Rule, "RouterRuleMissing", "The mailbox has no rule of the router.", "Deploy it with Deploy-InboxRule.");
        if (!rule.IsEnabled || rule.HasError)
        {
            throw steps.End(
                RuleStepNames.Rule, "RouterRuleBroken", rule.IsEnabled ? "The server says that the rule does not work." : "The rule is switched off.", "Deploy it again with Deploy-InboxRule.");
        }

        if (!rule.Targets.Any(t => Reaches(t, target)))
        {
            throw steps.End(
                RuleStepNames.Rule, "RouterRuleElsewhere", $"The rule forwards to {string.Join(", ", rule.Targets)}, not to {target}.", "Deploy it again with Deploy-InboxRule, or name the right forward mailbox.");
        }
    }

    private RuleDeployment How(EffectiveMailbox mailbox, RuleRequest request) => new()
    {
        DryRun = request.DryRun,
        DropClientSideRules = request.DropClientSideRules,
        Placement = request.Placement,
        SavePrevious = async (name, text, ct) => await replaced.SaveAsync(mailbox.Address, name, text, ct).ConfigureAwait(false),
    };

    private async ValueTask<IInboxRules> OpenAsync(EffectiveMailbox mailbox, MailContext context, CancellationToken cancellationToken)
    {
        if (!mailbox.Rules.IsUsable || mailbox.Rules.Profile is not { } profile)
            throw RuleErrors.NotUsable(mailbox.Address, mailbox.Rules.StatusText, mailbox.Rules.Remedy);
        IMailSystem system = router.Systems.Mail(profile.System);
        if (!system.Doors.HasFlag(MailDoors.Rules))
            throw RuleErrors.NoRules(mailbox.Address, profile.Name, system.Name);
        MailLogin login = mailbox.Rules.Login(mailbox.Address, router.Secrets, router.Tokens);
        return await system.OpenRulesAsync(profile.ToEndpoint(), login, context, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The mailboxes of a deployment, listed once for each deployer; a listing that failed is tried again.</summary>
    private async Task<IReadOnlyList<EffectiveMailbox>> ListMailboxesAsync(string deployment, CancellationToken cancellationToken)
    {
        Task<IReadOnlyList<EffectiveMailbox>>? listing;
        lock (catalogs)
        {
            if (!catalogs.TryGetValue(deployment, out listing) || listing.IsFaulted)
                catalogs[deployment] = listing = ReadAsync();
        }

        return await listing.WaitAsync(cancellationToken).ConfigureAwait(false);

        // Not stopped with the one who asked first: others may wait for the same listing.
        async Task<IReadOnlyList<EffectiveMailbox>> ReadAsync()
        {
            var all = new List<EffectiveMailbox>();
            await foreach (EffectiveMailbox one in router.GetMailboxesAsync(deployment, CancellationToken.None).ConfigureAwait(false))
                all.Add(one);
            return all;
        }
    }
}

/// <summary>The steps of testing a rule; those of the mail servers are named as in <see cref="MailStep"/>.</summary>
public static class RuleStepNames
{
    /// <summary>Finding the forward mailbox.</summary>
    public const string Target = nameof(Target);

    /// <summary>The rule, as the server tells it.</summary>
    public const string Rule = nameof(Rule);

    /// <summary>Looking into the forward mailbox before the test.</summary>
    public const string Before = nameof(Before);

    /// <summary>Sending the test message to the mailbox.</summary>
    public const string Send = nameof(Send);

    /// <summary>The copy in the forward mailbox.</summary>
    public const string Arrive = nameof(Arrive);

    /// <summary>Whether the copy tells whose it is.</summary>
    public const string Owner = nameof(Owner);

    /// <summary>Removing the copy.</summary>
    public const string Remove = nameof(Remove);
}

/// <summary>How long a test of a rule waits.</summary>
public sealed record RuleProbeTiming
{
    /// <summary>Gets the time after which the copy counts as lost. Defaults to 5 minutes.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Gets the wait between looks into the forward mailbox. Defaults to 10 seconds.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(10);
}

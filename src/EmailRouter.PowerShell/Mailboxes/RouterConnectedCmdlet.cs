using System.Management.Automation;
using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.PowerShell.Configuration;
using EmailRouter.PowerShell.Pipeline;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.PowerShell.Mailboxes;

/// <summary>The base of the cmdlets that need the router itself: its organizations, mail servers or state.</summary>
public abstract class RouterConnectedCmdlet : RouterConfigurationCmdlet
{
    private readonly Dictionary<string, Router> routers = new(StringComparer.Ordinal);
    private readonly Dictionary<(Router Router, string Deployment), IReadOnlyList<EffectiveMailbox>> catalogs = [];
    private bool watchesProtocol;

    /// <summary>Gets who is told the lines of the mail protocols; null unless -Debug is on.</summary>
    private protected IProgress<string>? ProtocolLog => watchesProtocol ? new Observer<string>(LogProtocol) : null;

    /// <inheritdoc/>
    protected override async Task BeginProcessingAsync(CancellationToken cancellationToken) =>
        watchesProtocol = await OnPipelineThreadAsync<bool>(() => MyInvocation.BoundParameters.TryGetValue("Debug", out object? debug)
            ? ((SwitchParameter)debug).IsPresent
            : GetVariableValue("DebugPreference") is ActionPreference and not ActionPreference.SilentlyContinue).ConfigureAwait(false);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        // Closing files takes no time worth mentioning; a network that does not answer must not hold the shell.
        Task closing = Task.WhenAll(routers.Values.Select(router => Task.Run(async () => await router.DisposeAsync().ConfigureAwait(false))));
        routers.Clear();
        Task.WaitAny([closing], PipelinePump.Grace);
        base.Dispose(disposing);
    }

    /// <summary>Opens the router over the configuration of the current input object, once for each configuration.</summary>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The router.</returns>
    /// <exception cref="RouterException">The configuration cannot be read or has faults.</exception>
    private protected async Task<Router> OpenRouterAsync(CancellationToken cancellationToken)
    {
        ConfigurationStore store = await OpenConfigurationAsync().ConfigureAwait(false);
        if (!routers.TryGetValue(store.Path, out Router? router))
        {
            RouterHostOptions options = new() { ConfigurationPath = store.Path };
            if (ProtocolLog is { } log)
            {
                options = options with { Mail = options.Mail with { ProtocolLog = log } };
            }

            router = await Router.OpenAsync(options, cancellationToken).ConfigureAwait(false);
            routers.Add(store.Path, router);
        }

        return router;
    }

    /// <summary>Lists the deployments meant by a name.</summary>
    /// <param name="router">The router.</param>
    /// <param name="name">A name, possibly with wildcards; null for all that are enabled.</param>
    /// <returns>The deployments; a name without wildcards that matches nothing is reported.</returns>
    private protected async Task<IReadOnlyList<DeploymentConfiguration>> FindDeploymentsAsync(Router router, string? name) => name is null
        ? [.. router.Configuration.Deployments.Where(deployment => deployment.Enabled)]
        : await MatchAsync(router.Configuration.Deployments, deployment => deployment.Name, [name], RouterErrors.DeploymentNotFound).ConfigureAwait(false);

    /// <summary>Loads the mailboxes of a deployment from its CRM, once.</summary>
    /// <param name="router">The router.</param>
    /// <param name="deployment">The deployment.</param>
    /// <param name="cancellationToken">Stops the loading.</param>
    /// <returns>The mailboxes; null when they cannot be loaded, which is reported.</returns>
    private protected virtual async Task<IReadOnlyList<EffectiveMailbox>?> LoadMailboxesAsync(
        Router router, DeploymentConfiguration deployment, CancellationToken cancellationToken)
    {
        if (catalogs.TryGetValue((router, deployment.Name), out IReadOnlyList<EffectiveMailbox>? known))
        {
            return known;
        }

        try
        {
            List<EffectiveMailbox> mailboxes = [];
            await foreach (EffectiveMailbox mailbox in router.GetMailboxesAsync(deployment.Name, cancellationToken).ConfigureAwait(false))
            {
                mailboxes.Add(mailbox);
                ReportProgress($"{deployment.Name}: {mailboxes.Count} mailboxes", mailboxes.Count, null);
            }

            catalogs.Add((router, deployment.Name), mailboxes);
            return mailboxes;
        }
        catch (Exception e) when (e is CrmException or RouterException)
        {
            await EmitErrorAsync(RouterErrors.From(e, "LoadMailboxes", deployment.Name)).ConfigureAwait(false);
            return null;
        }
    }

    /// <summary>Finds the mailboxes that names and wildcards mean.</summary>
    /// <param name="router">The router.</param>
    /// <param name="deployment">The deployment's name, possibly with wildcards; null for all.</param>
    /// <param name="patterns">Addresses or names, possibly with wildcards; null for all.</param>
    /// <param name="cancellationToken">Stops the loading.</param>
    /// <returns>The mailboxes, each once; names without wildcards that match nothing in any deployment are reported.</returns>
    private protected async Task<IReadOnlyList<EffectiveMailbox>> FindMailboxesAsync(
        Router router, string? deployment, IReadOnlyList<string>? patterns, CancellationToken cancellationToken)
    {
        List<EffectiveMailbox> all = [];
        bool isComplete = true;
        foreach (DeploymentConfiguration one in await FindDeploymentsAsync(router, deployment).ConfigureAwait(false))
        {
            IReadOnlyList<EffectiveMailbox>? loaded = await LoadMailboxesAsync(router, one, cancellationToken).ConfigureAwait(false);
            isComplete &= loaded is not null;
            all.AddRange(loaded ?? []);
        }

        if (patterns is null)
        {
            return all;
        }

        List<EffectiveMailbox> found = [];
        foreach (string pattern in patterns)
        {
            WildcardPattern wildcard = WildcardPattern.Get(pattern, WildcardOptions.IgnoreCase);
            List<EffectiveMailbox> matches = all.FindAll(mailbox =>
                wildcard.IsMatch(mailbox.Address) || wildcard.IsMatch(mailbox.Crm.Owner.Name ?? string.Empty)
                    || mailbox.Address.Equals(pattern, StringComparison.OrdinalIgnoreCase));
            if (matches.Count == 0 && isComplete && !WildcardPattern.ContainsWildcardCharacters(pattern))
            {
                await EmitErrorAsync(RouterErrors.MailboxNotFound(pattern)).ConfigureAwait(false);
            }

            found.AddRange(matches.Where(match => !found.Contains(match)));
        }

        return found;
    }

    /// <summary>Writes an object of the engine to the pipeline, with the configuration it came from, so that the next cmdlet uses the same.</summary>
    /// <param name="value">The object.</param>
    /// <param name="router">The router.</param>
    /// <returns>A task that ends when the object is on its way.</returns>
    private protected ValueTask EmitFromAsync(object value, Router router) => EmitAsync(WithNotes(value, [new(nameof(ConfigurationPath), router.Store.Path)]));

    /// <summary>Adds properties to an object of the engine.</summary>
    /// <param name="value">The object.</param>
    /// <param name="notes">The properties; those the object has itself are left out.</param>
    /// <returns>The object for PowerShell.</returns>
    private protected static PSObject WithNotes(object value, IEnumerable<KeyValuePair<string, object?>> notes)
    {
        PSObject result = PSObject.AsPSObject(value);
        foreach ((string name, object? note) in notes)
        {
            if (result.Properties[name] is null)
            {
                result.Properties.Add(new PSNoteProperty(name, note));
            }
        }

        return result;
    }

    /// <summary>Does a job beside others; whatever goes wrong is reported for it, so that the others go on.</summary>
    /// <param name="step">The step, in words.</param>
    /// <param name="target">The mailbox or record.</param>
    /// <param name="job">The job.</param>
    /// <returns>A task that ends with the job.</returns>
    private protected async Task GuardedAsync(string step, object target, Func<Task> job)
    {
        try
        {
            await job().ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException && !StopToken.IsCancellationRequested)
        {
            await EmitErrorAsync(RouterErrors.From(e, step, target)).ConfigureAwait(false);
        }
    }

    /// <summary>Does something about one object; what goes wrong is reported for it and does not end the invocation.</summary>
    /// <param name="step">The step, in words.</param>
    /// <param name="target">The mailbox or record.</param>
    /// <param name="work">The work.</param>
    /// <returns>True when it succeeded.</returns>
    private protected async Task<bool> ReportingAsync(string step, object? target, Func<Task> work)
    {
        try
        {
            await work().ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is CrmException or RouterException or MailException or IOException or UnauthorizedAccessException)
        {
            await EmitErrorAsync(RouterErrors.From(e, step, target)).ConfigureAwait(false);
            return false;
        }
    }
}

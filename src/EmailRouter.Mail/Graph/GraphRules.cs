using System.Globalization;
using System.Text.Json;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Graph;

/// <summary>The rules of one mailbox's inbox ("messageRule resource type"). Rules of mail programs are not touched by these requests, so none can be lost.</summary>
internal sealed class GraphRules(GraphClient client) : IInboxRules
{
    private const int MaximumPages = 100;

    private static readonly string ExternalForwarding =
        "The target is in another domain: Exchange Online blocks automatic forwarding to the outside by default (550 5.7.520, outbound spam policy). Allow it for this mailbox in the policy.";

    /// <inheritdoc/>
    public ForwardingKinds Kinds => ForwardingKinds.Attachment | ForwardingKinds.Redirect;

    private string RulesPath => client.User + "/mailFolders/inbox/messageRules";

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<InboxRule>> ListAsync(CancellationToken cancellationToken) =>
    [
        .. (await ReadAsync(cancellationToken).ConfigureAwait(false)).Where(r => r.Targets.Count > 0).OrderBy(r => r.Sequence ?? int.MaxValue).Select(r => new InboxRule
        {
            Name = r.Name,
            Id = r.Id,
            Kind = r.Kind,
            Targets = r.Targets,
            IsEnabled = r.IsEnabled,
            HasError = r.HasError,
            Sequence = r.Sequence,
        }),
    ];

    /// <inheritdoc/>
    public async ValueTask<RuleChange> DeployAsync(ForwardingRule rule, RuleDeployment how, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(rule);
        ArgumentNullException.ThrowIfNull(how);
        if (rule.Kind is not (ForwardingKinds.Attachment or ForwardingKinds.Redirect))
            throw new MailCommandException("MailRulesUnsupported", MailStep.Rules, $"{client.Where("rules")}: a rule forwards as attachment or redirects, not {rule.Kind}.", "Choose one of both.");
        if (!MailAddress.IsValidAddrSpec(rule.Target))
            throw new MailCommandException(MailException.InvalidAddress, MailStep.Rules, $"{client.Where("rules")}: the target \"{rule.Target}\" is no address.", "Correct the forward mailbox's address.");
        if (string.IsNullOrWhiteSpace(rule.Name))
            throw new ArgumentException("A rule needs a name.", nameof(rule));

        IReadOnlyList<GraphRule> all = await ReadAsync(cancellationToken).ConfigureAwait(false);
        GraphRule[] ours = Find(all, rule.Name);
        GraphRule? current = ours.FirstOrDefault();
        List<string> warnings = Warn(rule, all, current);
        if (ours.FirstOrDefault(r => r.IsReadOnly) is { } locked && (ours.Length > 1 || !locked.Does(rule)))
            throw ReadOnly(locked);
        if (ours.Length == 1 && current!.Does(rule))
            return new RuleChange(RuleChangeKind.None, $"The rule \"{current.Name}\" forwards to {rule.Target} already.", warnings);

        RuleChangeKind kind = current is null ? RuleChangeKind.Added : RuleChangeKind.Updated;
        string detail = (current, how.DryRun) switch
        {
            (null, false) => $"The rule \"{rule.Name}\" was added: {Words(rule)}.",
            (null, true) => $"The rule \"{rule.Name}\" would be added: {Words(rule)}.",
            (_, false) => $"The rule \"{rule.Name}\" was changed: {Words(rule)}.",
            (_, true) => $"The rule \"{rule.Name}\" would be changed: {Words(rule)}.",
        };
        if (how.DryRun)
            return new RuleChange(kind, detail, warnings);

        if (current is { HasError: false })
        {
            await WriteAsync(rule, current, cancellationToken).ConfigureAwait(false);
            ours = ours[1..];
        }
        else
        {
            // A rule with an error cannot be relied on to take changes: the new one comes first, so that there is no moment without.
            await WriteAsync(rule, null, cancellationToken).ConfigureAwait(false);
        }

        foreach (GraphRule surplus in ours)
        {
            warnings.Add(surplus.HasError ? $"The rule \"{surplus.Name}\" had an error and was replaced." : $"A second rule named \"{surplus.Name}\" was removed.");
            await DeleteAsync(surplus, cancellationToken).ConfigureAwait(false);
        }

        return new RuleChange(kind, detail, warnings);
    }

    /// <inheritdoc/>
    public async ValueTask<RuleChange> RemoveAsync(string name, RuleDeployment how, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(how);
        GraphRule[] ours = Find(await ReadAsync(cancellationToken).ConfigureAwait(false), name);
        if (ours.Length == 0)
            return new RuleChange(RuleChangeKind.None, $"There is no rule \"{name}\".", []);
        if (ours.FirstOrDefault(r => r.IsReadOnly) is { } locked)
            throw ReadOnly(locked);
        if (how.DryRun)
            return new RuleChange(RuleChangeKind.Removed, $"The rule \"{name}\" would be removed.", []);
        foreach (GraphRule rule in ours)
            await DeleteAsync(rule, cancellationToken).ConfigureAwait(false);
        return new RuleChange(RuleChangeKind.Removed, $"The rule \"{name}\" was removed.", []);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        client.Dispose();
        return ValueTask.CompletedTask;
    }

    private static string Words(ForwardingRule rule) => rule.Kind == ForwardingKinds.Redirect ? $"it redirects to {rule.Target}" : $"it forwards to {rule.Target} as attachment";

    private static GraphRule[] Find(IEnumerable<GraphRule> all, string name) =>
        [.. all.Where(r => string.Equals(r.Name.Trim(), name.Trim(), StringComparison.OrdinalIgnoreCase)).OrderBy(r => r.HasError).ThenBy(r => r.Sequence ?? int.MaxValue)];

    private List<string> Warn(ForwardingRule rule, IReadOnlyList<GraphRule> all, GraphRule? current)
    {
        var warnings = new List<string>();
        if (MailAddress.IsValidAddrSpec(client.Mailbox) && !new MailAddress(client.Mailbox).Domain.Equals(new MailAddress(rule.Target).Domain, StringComparison.OrdinalIgnoreCase))
            warnings.Add(ExternalForwarding);
        if (current?.Sequence is { } place)
        {
            foreach (GraphRule other in all.Where(r => r is { IsEnabled: true, StopsOthers: true } && r.Sequence < place && r.Id != current.Id))
                warnings.Add($"The rule \"{other.Name}\" comes before it and stops all others when it holds: what it takes is not forwarded.");
        }

        return warnings;
    }

    private MailCommandException ReadOnly(GraphRule rule) => new(
        "MailRuleReadOnly", MailStep.Rules, $"{client.Where("rules")}: the rule \"{rule.Name}\" cannot be changed by others than the program that made it.", "Remove it in Outlook, or choose another name.")
    {
        Conversation = client.Conversation,
    };

    private async ValueTask<IReadOnlyList<GraphRule>> ReadAsync(CancellationToken cancellationToken)
    {
        var rules = new List<GraphRule>();
        string? next = RulesPath;
        for (int page = 0; next is not null; page++)
        {
            var request = new GraphRequest { Step = MailStep.Rules, What = "list rules", Path = next };
            if (page == MaximumPages)
                throw client.Malformed(request, "the list of rules does not end");
            next = await client.GetAsync(request, Read, cancellationToken).ConfigureAwait(false);

            string? Read(JsonElement body)
            {
                if (body.ValueKind != JsonValueKind.Object || !body.TryGetProperty("value", out JsonElement list) || list.ValueKind != JsonValueKind.Array)
                    throw client.Malformed(request, "the answer holds no list of rules");
                rules.AddRange(GraphJson.Objects(body, "value").Select(GraphRule.Read).OfType<GraphRule>());
                return GraphJson.Text(body, "@odata.nextLink");
            }
        }

        return rules;
    }

    private ValueTask WriteAsync(ForwardingRule rule, GraphRule? current, CancellationToken cancellationToken) => client.SendAsync(
        new GraphRequest
        {
            Step = MailStep.Rules,
            What = current is null ? "create rule" : "change rule",
            Method = current is null ? HttpMethod.Post : HttpMethod.Patch,
            Path = current is null ? RulesPath : PathOf(current),
            IsRepeatable = current is not null,
            Content = GraphClient.Json(json =>
            {
                json.WriteStartObject();

                // First, so that no other rule takes the message away before; where the user has put it since, it stays.
                if (current is null)
                    json.WriteNumber("sequence", 1);
                GraphRule.Write(json, rule);
                json.WriteEndObject();
            }),
        },
        cancellationToken);

    private async ValueTask DeleteAsync(GraphRule rule, CancellationToken cancellationToken)
    {
        try
        {
            await client.SendAsync(new GraphRequest { Step = MailStep.Rules, What = "remove rule", Method = HttpMethod.Delete, Path = PathOf(rule) }, cancellationToken).ConfigureAwait(false);
        }
        catch (GraphRefusedException e) when (e.Fault == GraphFault.ItemGone)
        {
            client.Note(string.Create(CultureInfo.InvariantCulture, $"the rule was gone already: {e.Error}"));
        }
    }

    private string PathOf(GraphRule rule) => $"{RulesPath}/{Uri.EscapeDataString(rule.Id)}";
}

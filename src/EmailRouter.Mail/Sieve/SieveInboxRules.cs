namespace EmailRouter.Mail.Sieve;

/// <summary>Deploys and removes forwarding rules on a ManageSieve server, and leaves the user's own script working.</summary>
/// <param name="client">The connection of the mailbox's owner, or of a master user who acts for them; disposed with this.</param>
public sealed class SieveInboxRules(SieveClient client) : IInboxRules
{
    /// <summary>The script that is made where the user has none, or that includes the user's.</summary>
    public const string OwnScript = "emailrouter";

    private const string Remedy = "Look at the script with a mail program that edits filters, or enter the rule there by hand.";

    /// <inheritdoc/>
    public ForwardingKinds Kinds => ForwardingKinds.Redirect;

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<InboxRule>> ListAsync(CancellationToken cancellationToken)
    {
        var rules = new List<InboxRule>();
        for (SieveScript? script = await ReadActiveAsync(cancellationToken).ConfigureAwait(false); script is not null;)
        {
            SieveScript read = script;
            foreach (ScriptRedirect redirect in Read(read, ForwardingScript.ListRedirects))
            {
                // A rule is one redirect; a redirect of the user is a rule of its own.
                rules.Add(new InboxRule
                {
                    Name = redirect.Rule ?? $"redirect in {read.Name}",
                    Id = read.Name,
                    Kind = ForwardingKinds.Redirect,
                    Targets = [redirect.Target],
                    Sequence = rules.Count + 1,
                });
            }

            string? included = read.Name == OwnScript ? ForwardingScript.FindIncluded(read.Text) : null;
            bool isThere = included is not null and not OwnScript && (await client.ListAsync(cancellationToken).ConfigureAwait(false)).Any(s => s.Name == included);
            script = isThere ? new SieveScript(included!, await client.GetAsync(included!, cancellationToken).ConfigureAwait(false)) : null;
        }

        return rules;
    }

    /// <inheritdoc/>
    public async ValueTask<RuleChange> DeployAsync(ForwardingRule rule, RuleDeployment how, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(rule);
        ArgumentNullException.ThrowIfNull(how);
        if (rule.Kind != ForwardingKinds.Redirect)
        {
            throw client.Wrong(
                "MailRulesUnsupported", "Sieve scripts redirect messages and cannot attach them to others (no server has RFC 5703 enclose)", "Deploy a rule that redirects.");
        }

        if (!client.Capabilities.Has("copy"))
        {
            throw client.Wrong(
                "MailRulesUnsupported",
                "the server's scripts cannot copy (RFC 3894), so a rule would take the mail away from the user",
                "Have the Sieve extension \"copy\" enabled on the server, or read the mailbox instead of forwarding.");
        }

        if (client.Capabilities.MaximumRedirects == 0)
            throw client.Wrong("MailRulesUnsupported", "the server allows no redirects", "Have redirects allowed on the server, or read the mailbox instead.");
        var warnings = new List<string>();
        if (rule.OriginHeader is { } header && !client.Capabilities.Has("editheader"))
        {
            rule = rule with { OriginHeader = null };
            warnings.Add(
                $"The server's scripts cannot add headers (RFC 5293), so its copies lack {header}: the forward mailbox must tell by other headers, or by a plus-address, whose they are.");
        }

        SieveScript? active = await ReadActiveAsync(cancellationToken).ConfigureAwait(false);
        (string name, string text, ForwardingPlacement chosen) = Compose(active, rule, how.Placement);
        if (active is not null && active.Name == name && AreSame(text, active.Text))
            return new RuleChange(RuleChangeKind.None, $"The script \"{name}\" holds the rule already.", warnings);
        RuleChangeKind change = active is not null && Holds(active, rule.Name) ? RuleChangeKind.Updated : RuleChangeKind.Added;
        await ReplaceAsync(active, name, text, how, warnings, cancellationToken).ConfigureAwait(false);
        string where = chosen == ForwardingPlacement.Include && active is not null && active.Name != name
            ? $"in the script \"{name}\", which includes the user's script \"{active.Name}\""
            : active is null ? $"in a new script \"{name}\"; the user had none" : $"as a block in the script \"{name}\"";
        string what = change == RuleChangeKind.Added ? "The rule" : "The rule, brought up to date,";
        return new RuleChange(change, $"{what} {(how.DryRun ? "would stand" : "stands")} {where}.", warnings);
    }

    /// <inheritdoc/>
    public async ValueTask<RuleChange> RemoveAsync(string name, RuleDeployment how, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(how);
        SieveScript? active = await ReadActiveAsync(cancellationToken).ConfigureAwait(false);
        if (active is null || !Holds(active, name))
            return new RuleChange(RuleChangeKind.None, active is null ? "No script is active." : $"The active script \"{active.Name}\" does not hold the rule.", []);
        string rest = ForwardingScript.Remove(active.Text, name);
        string? included = active.Name == OwnScript ? ForwardingScript.FindIncluded(active.Text) : null;
        bool othersLeft = ForwardingScript.ContainsAny(rest);
        if (active.Name == OwnScript && !othersLeft && (included is not null || string.IsNullOrWhiteSpace(rest)))
        {
            bool there = included is not null && (await client.ListAsync(cancellationToken).ConfigureAwait(false)).Any(s => s.Name == included);
            string after = there ? $"the user's script \"{included}\" is active again" : "no script is active";
            if (!how.DryRun)
            {
                await SaveAsync(active, how, cancellationToken).ConfigureAwait(false);
                await client.SetActiveAsync(there ? included : null, cancellationToken).ConfigureAwait(false);
                await client.DeleteAsync(OwnScript, cancellationToken).ConfigureAwait(false);
            }

            return new RuleChange(RuleChangeKind.Removed, how.DryRun ? $"The script \"{OwnScript}\" would go." : $"The script \"{OwnScript}\" is gone; {after}.", []);
        }

        var warnings = new List<string>();
        await ReplaceAsync(active, active.Name, rest, how, warnings, cancellationToken).ConfigureAwait(false);
        return new RuleChange(RuleChangeKind.Removed, $"The block {(how.DryRun ? "would go" : "is gone")} from the script \"{active.Name}\".", warnings);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => client.DisposeAsync();

    private static async ValueTask SaveAsync(SieveScript? active, RuleDeployment how, CancellationToken cancellationToken)
    {
        if (active is not null && how.SavePrevious is { } save)
            await save(active.Name, active.Text, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Servers may change line ends, and some add one at the end.</summary>
    private static bool AreSame(string sent, string kept) =>
        sent.ReplaceLineEndings("\n").TrimEnd() == kept.ReplaceLineEndings("\n").TrimEnd();

    private (string Name, string Text, ForwardingPlacement Placement) Compose(SieveScript? active, ForwardingRule rule, ForwardingPlacement placement)
    {
        try
        {
            if (active is null)
                return (OwnScript, ForwardingScript.Insert(string.Empty, rule), ForwardingPlacement.Block);
            bool master = active.Name == OwnScript && ForwardingScript.FindIncluded(active.Text) is not null;
            if (master)
                return (OwnScript, ForwardingScript.Insert(active.Text, rule), ForwardingPlacement.Include);
            if (placement != ForwardingPlacement.Include || active.Name == OwnScript)
            {
                if (active.Text.Contains('\uFFFD', StringComparison.Ordinal))
                    throw new FormatException("the script is not UTF-8 and would be damaged");
                return (active.Name, ForwardingScript.Insert(active.Text, rule), ForwardingPlacement.Block);
            }
        }
        catch (FormatException)
            when (placement == ForwardingPlacement.Automatic && client.Capabilities.Has("include") && active is not null && active.Name != OwnScript)
        {
            return (OwnScript, Master(active, rule), ForwardingPlacement.Include);
        }
        catch (FormatException e)
        {
            throw Unusable(active, e.Message);
        }

        if (!client.Capabilities.Has("include"))
            throw client.Wrong(
                "MailRulesUnsupported", "the server's scripts cannot include others (RFC 6609)",
                "Let the rule be a block in the user's script.");
        return (OwnScript, Master(active, rule), ForwardingPlacement.Include);
    }

    private string Master(SieveScript active, ForwardingRule rule)
    {
        try
        {
            return ForwardingScript.MakeMaster(active.Name, rule);
        }
        catch (FormatException e)
        {
            throw Unusable(active, e.Message);
        }
    }

    private MailCommandException Unusable(SieveScript? active, string why) => client.Wrong(
        "MailScriptUnusable",
        active is null ? $"the rule cannot be written: {why}" : $"the rule cannot be put into the script \"{active.Name}\": {why}", Remedy);

    private bool Holds(SieveScript script, string rule) => Read(script, text => ForwardingScript.Contains(text, rule));

    private T Read<T>(SieveScript script, Func<string, T> read)
    {
        try
        {
            return read(script.Text);
        }
        catch (FormatException e)
        {
            throw Unusable(script, e.Message);
        }
    }

    private async ValueTask<SieveScript?> ReadActiveAsync(CancellationToken cancellationToken)
    {
        SieveScriptEntry? entry = (await client.ListAsync(cancellationToken).ConfigureAwait(false)).FirstOrDefault(s => s.IsActive);
        return entry is null ? null : new SieveScript(entry.Name, await client.GetAsync(entry.Name, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Checks, saves, writes, activates, reads again and compares; what does not come back as it was sent is undone.</summary>
    private async ValueTask ReplaceAsync(
        SieveScript? active, string name, string text, RuleDeployment how, List<string> warnings, CancellationToken cancellationToken)
    {
        await client.RequireSpaceAsync(name, System.Text.Encoding.UTF8.GetByteCount(text), cancellationToken).ConfigureAwait(false);
        string said = await client.CheckAsync(text, cancellationToken).ConfigureAwait(false);
        if (!how.DryRun)
        {
            await SaveAsync(active, how, cancellationToken).ConfigureAwait(false);
            string more = await client.PutAsync(name, text, cancellationToken).ConfigureAwait(false);
            if (said.Length == 0)
                said = more;
            if (active?.Name != name)
                await client.SetActiveAsync(name, cancellationToken).ConfigureAwait(false);
            SieveScript? now = await ReadActiveAsync(cancellationToken).ConfigureAwait(false);
            if (now is null || now.Name != name || !AreSame(text, now.Text))
            {
                if (active?.Name == name)
                    await client.PutAsync(active.Name, active.Text, cancellationToken).ConfigureAwait(false);
                await client.SetActiveAsync(active?.Name, cancellationToken).ConfigureAwait(false);
                throw client.Wrong(
                    "MailScriptNotKept",
                    $"the server did not keep the script \"{name}\" as it was sent; the script before is in place again",
                    "Try again; when it happens always, another program edits the script, or the server changes it.");
            }
        }

        if (said.Length > 0)
            warnings.Add(said);
    }
}

namespace EmailRouter.Mail.Sieve;

/// <summary>Deploys and removes forwarding rules on a ManageSieve server, and leaves the user's own script working.</summary>
/// <param name="client">The connection of the mailbox's owner, or of a master user who acts for them.</param>
public sealed class ForwardingRules(SieveClient client)
{
    /// <summary>The script that is made where the user has none, or that includes the user's.</summary>
    public const string OwnScript = "emailrouter";

    private const string Remedy = "Look at the script with a mail program that edits filters, or enter the rule there by hand.";

    /// <summary>Sees to it that a rule works. Does nothing when it does already.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="placement">How it is to stand beside the user's script.</param>
    /// <param name="savePrevious">Keeps what is about to be replaced, awaited before anything is written; null when nobody wants to.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>What was done.</returns>
    /// <exception cref="MailException">The server lacks what is needed, refuses the script, or did not keep it as it was sent.</exception>
    public async ValueTask<ForwardingResult> DeployAsync(
        ForwardingRule rule,
        ForwardingPlacement placement,
        Func<SieveScript, CancellationToken, ValueTask>? savePrevious,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(rule);
        if (!client.Capabilities.Has("copy"))
        {
            throw client.Wrong(
                "MailRulesUnsupported",
                "the server's scripts cannot copy (RFC 3894), so a rule would take the mail away from the user",
                "Have the Sieve extension \"copy\" enabled on the server, or read the mailbox instead of forwarding.");
        }

        if (client.Capabilities.MaximumRedirects == 0)
            throw client.Wrong("MailRulesUnsupported", "the server allows no redirects", "Have redirects allowed on the server, or read the mailbox instead.");
        SieveScript? active = await ReadActiveAsync(cancellationToken).ConfigureAwait(false);
        (string name, string text, ForwardingPlacement chosen) = Compose(active, rule, placement);
        if (active is not null && active.Name == name && AreSame(text, active.Text))
            return new ForwardingResult(RuleChangeKind.None, chosen, name, active, string.Empty);
        RuleChangeKind change = active is not null && Holds(active, rule.Name) ? RuleChangeKind.Updated : RuleChangeKind.Added;
        string warnings = await ReplaceAsync(active, name, text, savePrevious, cancellationToken).ConfigureAwait(false);
        return new ForwardingResult(change, chosen, name, active, warnings);
    }

    /// <summary>Takes a rule away; the user's own script is as it was before.</summary>
    /// <param name="name">The rule's name.</param>
    /// <param name="savePrevious">Keeps what is about to be replaced, awaited before anything is written; null when nobody wants to.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>What was done.</returns>
    /// <exception cref="MailException">The server refuses, or the markers are damaged.</exception>
    public async ValueTask<ForwardingResult> RemoveAsync(
        string name, Func<SieveScript, CancellationToken, ValueTask>? savePrevious, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        SieveScript? active = await ReadActiveAsync(cancellationToken).ConfigureAwait(false);
        if (active is null || !Holds(active, name))
            return new ForwardingResult(RuleChangeKind.None, ForwardingPlacement.Block, active?.Name ?? string.Empty, active, string.Empty);
        string rest = ForwardingScript.Remove(active.Text, name);
        string? included = active.Name == OwnScript ? ForwardingScript.FindIncluded(active.Text) : null;
        bool othersLeft = ForwardingScript.ContainsAny(rest);
        if (active.Name == OwnScript && !othersLeft && (included is not null || string.IsNullOrWhiteSpace(rest)))
        {
            await SaveAsync(active, savePrevious, cancellationToken).ConfigureAwait(false);
            bool there = included is not null && (await client.ListAsync(cancellationToken).ConfigureAwait(false)).Any(s => s.Name == included);
            await client.SetActiveAsync(there ? included : null, cancellationToken).ConfigureAwait(false);
            await client.DeleteAsync(OwnScript, cancellationToken).ConfigureAwait(false);
            ForwardingPlacement was = included is null ? ForwardingPlacement.Block : ForwardingPlacement.Include;
            return new ForwardingResult(RuleChangeKind.Removed, was, active.Name, active, string.Empty);
        }

        string warnings = await ReplaceAsync(active, active.Name, rest, savePrevious, cancellationToken).ConfigureAwait(false);
        return new ForwardingResult(RuleChangeKind.Removed, ForwardingPlacement.Block, active.Name, active, warnings);
    }

    /// <summary>Tells whether a rule is there, whatever it says.</summary>
    /// <param name="name">The rule's name.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>True when the active script holds it.</returns>
    public async ValueTask<bool> IsDeployedAsync(string name, CancellationToken cancellationToken) =>
        await ReadActiveAsync(cancellationToken).ConfigureAwait(false) is { } active && Holds(active, name);

    private static async ValueTask SaveAsync(
        SieveScript? active, Func<SieveScript, CancellationToken, ValueTask>? savePrevious, CancellationToken cancellationToken)
    {
        if (active is not null && savePrevious is not null)
            await savePrevious(active, cancellationToken).ConfigureAwait(false);
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

    private bool Holds(SieveScript script, string rule)
    {
        try
        {
            return ForwardingScript.Contains(script.Text, rule);
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
    private async ValueTask<string> ReplaceAsync(
        SieveScript? active, string name, string text, Func<SieveScript, CancellationToken, ValueTask>? savePrevious, CancellationToken cancellationToken)
    {
        await client.RequireSpaceAsync(name, System.Text.Encoding.UTF8.GetByteCount(text), cancellationToken).ConfigureAwait(false);
        string warnings = await client.CheckAsync(text, cancellationToken).ConfigureAwait(false);
        await SaveAsync(active, savePrevious, cancellationToken).ConfigureAwait(false);
        string more = await client.PutAsync(name, text, cancellationToken).ConfigureAwait(false);
        if (active?.Name != name)
            await client.SetActiveAsync(name, cancellationToken).ConfigureAwait(false);
        SieveScript? now = await ReadActiveAsync(cancellationToken).ConfigureAwait(false);
        if (now is not null && now.Name == name && AreSame(text, now.Text))
            return warnings.Length > 0 ? warnings : more;

        if (active?.Name == name)
            await client.PutAsync(active.Name, active.Text, cancellationToken).ConfigureAwait(false);
        await client.SetActiveAsync(active?.Name, cancellationToken).ConfigureAwait(false);
        throw client.Wrong(
            "MailScriptNotKept",
            $"the server did not keep the script \"{name}\" as it was sent; the script before is in place again",
            "Try again; when it happens always, another program edits the script, or the server changes it.");
    }
}

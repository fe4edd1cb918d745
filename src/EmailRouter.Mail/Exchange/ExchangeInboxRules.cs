using System.Globalization;
using System.Xml.Linq;
using EmailRouter.Mail.Exchange.Soap;

namespace EmailRouter.Mail.Exchange;

/// <summary>The inbox rules of an Exchange mailbox (GetInboxRules, UpdateInboxRules). The router's are known by their name; no other is touched.</summary>
internal sealed class ExchangeInboxRules(EwsChannel channel) : IInboxRules
{
    private readonly Dictionary<string, string> resolved = new(StringComparer.OrdinalIgnoreCase);
    private bool disposed;

    /// <inheritdoc/>
    public ForwardingKinds Kinds => ForwardingKinds.Attachment | ForwardingKinds.Redirect;

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<InboxRule>> ListAsync(CancellationToken cancellationToken)
    {
        (IReadOnlyList<ExchangeRule> rules, _) = await ReadAsync(cancellationToken).ConfigureAwait(false);
        var list = new List<InboxRule>();
        foreach (ExchangeRule rule in rules.OrderBy(r => r.Priority))
        {
            if (rule.Kind is not { } kind)
                continue;
            list.Add(new InboxRule
            {
                Name = rule.Name,
                Id = rule.Id,
                Kind = kind,
                Targets = await TargetsAsync(rule, cancellationToken).ConfigureAwait(false),
                IsEnabled = rule.IsEnabled,
                HasError = rule.IsInError,
                Sequence = rule.Priority,
            });
        }

        return list;
    }

    /// <inheritdoc/>
    public async ValueTask<RuleChange> DeployAsync(ForwardingRule rule, RuleDeployment how, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(rule);
        ArgumentNullException.ThrowIfNull(how);
        if (rule.Kind is not (ForwardingKinds.Attachment or ForwardingKinds.Redirect))
            throw new ArgumentException("A rule forwards as an attachment or redirects.", nameof(rule));
        (IReadOnlyList<ExchangeRule> rules, bool isOutlooks) = await ReadAsync(cancellationToken).ConfigureAwait(false);
        ExchangeRule[] own = [.. rules.Where(r => IsNamed(r, rule.Name))];
        RefuseUnsupported(own);
        ExchangeRule? present = own.FirstOrDefault();
        IReadOnlyList<string> differences = present is null ? [] : present.Differences(rule, await TargetsAsync(present, cancellationToken).ConfigureAwait(false));
        if (present is not null && differences.Count == 0 && own.Length == 1)
            return new RuleChange(RuleChangeKind.None, $"The rule \"{rule.Name}\" forwards to {rule.Target} already.", []);

        RuleChangeKind change = present is null ? RuleChangeKind.Added : RuleChangeKind.Updated;
        string detail = present is null
            ? $"The rule \"{rule.Name}\" to {rule.Target} {(how.DryRun ? "would be added" : "was added")}."
            : $"The rule \"{rule.Name}\" {(how.DryRun ? "would be" : "was")} put right: {string.Join(", ", [.. differences, .. own.Length > 1 ? (string[])["it is there more than once"] : []])}.";
        List<string> warnings = await PrepareAsync(rules, isOutlooks, how, cancellationToken).ConfigureAwait(false);
        if (how.DryRun)
            return new RuleChange(change, detail, warnings);
        await UpdateAsync(
            isOutlooks,
            $"to deploy the rule \"{rule.Name}\"",
            w =>
            {
                w.Start(present is null ? "t:CreateRuleOperation" : "t:SetRuleOperation").Start("t:Rule");
                if (present is not null)
                    w.Element("t:RuleId", present.Id);
                w.Element("t:DisplayName", rule.Name)
                    .Element("t:Priority", (present?.Priority ?? 1).ToString(CultureInfo.InvariantCulture))
                    .Element("t:IsEnabled", "true");
                ExchangeRule.Write(w, rule);
                w.End().End();
                foreach (ExchangeRule extra in own.Skip(1))
                    w.Start("t:DeleteRuleOperation").Element("t:RuleId", extra.Id).End();
            },
            cancellationToken).ConfigureAwait(false);

        // What was accepted may still be broken; the server says so only when asked.
        (rules, _) = await ReadAsync(cancellationToken).ConfigureAwait(false);
        ExchangeRule? made = rules.FirstOrDefault(r => IsNamed(r, rule.Name));
        if (made is null)
            warnings.Add($"The server took the rule \"{rule.Name}\" and does not list it.");
        else if (made.IsInError)
            warnings.Add($"The server says that the rule \"{rule.Name}\" does not work; look at its target.");
        return new RuleChange(change, detail, warnings);
    }

    /// <inheritdoc/>
    public async ValueTask<RuleChange> RemoveAsync(string name, RuleDeployment how, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(how);
        (IReadOnlyList<ExchangeRule> rules, bool isOutlooks) = await ReadAsync(cancellationToken).ConfigureAwait(false);
        ExchangeRule[] own = [.. rules.Where(r => IsNamed(r, name))];
        if (own.Length == 0)
            return new RuleChange(RuleChangeKind.None, $"There is no rule \"{name}\".", []);
        List<string> warnings = await PrepareAsync(rules, isOutlooks, how, cancellationToken).ConfigureAwait(false);
        if (how.DryRun)
            return new RuleChange(RuleChangeKind.Removed, $"The rule \"{name}\" would be removed.", warnings);
        await UpdateAsync(
            isOutlooks,
            $"to remove the rule \"{name}\"",
            w =>
            {
                foreach (ExchangeRule rule in own)
                    w.Start("t:DeleteRuleOperation").Element("t:RuleId", rule.Id).End();
            },
            cancellationToken).ConfigureAwait(false);
        return new RuleChange(RuleChangeKind.Removed, $"The rule \"{name}\" was removed.", warnings);
    }

    /// <summary>Reads the rules.</summary>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The rules, and whether Outlook keeps some of its own that a change would drop.</returns>
    public async ValueTask<(IReadOnlyList<ExchangeRule> Rules, bool IsOutlooks)> ReadAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        var call = new EwsCall("GetInboxRules", MailStep.Rules, w =>
        {
            w.Start("m:GetInboxRules");
            WriteMailbox(w);
            w.End();
        });
        EwsMessage answer = await channel.AskOneAsync(call, "to list the inbox rules", cancellationToken).ConfigureAwait(false);
        return ([.. answer.Element.Child("InboxRules").Children("Rule").Select(r => new ExchangeRule(r))], answer.Element.Child("OutlookRuleBlobExists").IsTrue());
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        disposed = true;
        channel.Dispose();
        return ValueTask.CompletedTask;
    }

    private static bool IsNamed(ExchangeRule rule, string name) => rule.Name.Equals(name.Trim(), StringComparison.OrdinalIgnoreCase);

    private static void WriteMailbox(EwsRequestWriter writer)
    {
        // Whom the log-in or the impersonation stands for needs no name.
        if (writer.Mailbox is not null)
            writer.Element("m:MailboxSmtpAddress", writer.Mailbox);
    }

    private static string Words(string code) => code switch
    {
        "RecipientDoesNotExist" => "the recipient is not in the address book",
        "InvalidAddress" or "UnsupportedAddress" => "the address is none that rules forward to",
        "DuplicatedPriority" => "another rule has that place",
        "EmptyValueFound" => "a value is empty",
        "StringValueTooBig" => "a text is too long",
        "MissingAction" => "it does nothing",
        "RuleNotFound" => "the rule has gone meanwhile",
        "UnsupportedRule" => "EWS cannot write this rule",
        "ADOperationFailure" => "the directory does not answer",
        _ => "the server does not take it",
    };

    private void RefuseUnsupported(IEnumerable<ExchangeRule> own)
    {
        if (own.FirstOrDefault(r => r.IsNotSupported) is { } foreign)
        {
            throw new MailCommandException(
                "MailRulesRefused",
                MailStep.Rules,
                $"{channel.Where}: the rule \"{foreign.Name}\" holds something that Exchange Web Services cannot express, so it is no rule of the router and is not overwritten.",
                "Rename or delete that rule in Outlook.")
            {
                Conversation = channel.Conversation,
            };
        }
    }

    /// <summary>Any change makes the server drop what Outlook keeps beside its rules; that needs a word from the administrator.</summary>
    private async ValueTask<List<string>> PrepareAsync(IReadOnlyList<ExchangeRule> rules, bool isOutlooks, RuleDeployment how, CancellationToken cancellationToken)
    {
        if (!isOutlooks)
            return [];
        if (!how.DropClientSideRules && !how.DryRun)
        {
            throw new MailCommandException(
                "MailRulesClientSide",
                MailStep.Rules,
                $"{channel.Where}: Outlook keeps rules in this mailbox that only it applies or that are switched off; a change of the rules by Exchange Web Services would delete them.",
                "Export the rules from Outlook (Rules, Options, Export), then allow that client-side rules are dropped.")
            {
                Conversation = channel.Conversation,
            };
        }

        if (how.DryRun)
            return ["Outlook keeps rules in this mailbox that only it applies or that are switched off; they would be lost."];
        if (how.SavePrevious is { } save)
        {
            var all = new XElement(EwsNames.Messages + "InboxRules", rules.Select(r => r.Element));
            await save("inbox-rules.xml", all.ToString(), cancellationToken).ConfigureAwait(false);
        }

        return ["Rules that Outlook kept in this mailbox, which only it applied or which were switched off, are lost."];
    }

    private async ValueTask UpdateAsync(bool dropOutlooks, string what, Action<EwsRequestWriter> operations, CancellationToken cancellationToken)
    {
        var call = new EwsCall("UpdateInboxRules", MailStep.Rules, w =>
        {
            w.Start("m:UpdateInboxRules");
            WriteMailbox(w);
            if (dropOutlooks)
                w.Element("m:RemoveOutlookRuleBlob", "true");
            w.Start("m:Operations");
            operations(w);
            w.End().End();
        });
        EwsMessage answer = (await channel.AskAsync(call, cancellationToken).ConfigureAwait(false))[0];
        if (answer.IsSuccess)
            return;
        MailCommandException refused = channel.Refused(answer, MailStep.Rules, what);
        string[] reasons =
        [
            .. answer.Element.Child("RuleOperationErrors").Children("RuleOperationError").SelectMany(o => o.Child("ValidationErrors").Children("Error")).Select(e =>
            {
                string code = e.Child("ErrorCode")?.Value.Trim() ?? string.Empty;
                string value = e.Child("FieldValue")?.Value.Trim() ?? string.Empty;
                return $"{e.Child("FieldURI")?.Value.Trim()}: {Words(code)} ({code}{(value.Length > 0 ? $", \"{value}\"" : string.Empty)}): {e.Child("ErrorMessage")?.Value.Trim()}";
            }),
        ];
        throw reasons.Length == 0 ? refused : new MailCommandException(refused.ErrorId, MailStep.Rules, $"{refused.Message} {string.Join(" ", reasons)}", refused.Remedy)
        {
            Reply = refused.Reply,
            IsTransient = refused.IsTransient,
            RetryAfter = refused.RetryAfter,
            Conversation = refused.Conversation,
        };
    }

    /// <summary>The addresses a rule forwards to. For recipients inside the organization the server writes names of its directory, which it is asked to resolve.</summary>
    private async ValueTask<IReadOnlyList<string>> TargetsAsync(ExchangeRule rule, CancellationToken cancellationToken)
    {
        var targets = new List<string>();
        foreach ((string address, string routing) in rule.Recipients("ForwardAsAttachmentToRecipients").Concat(rule.Recipients("RedirectToRecipients")).Concat(rule.Recipients("ForwardToRecipients")))
        {
            if (!routing.Equals("EX", StringComparison.OrdinalIgnoreCase))
            {
                targets.Add(address);
                continue;
            }

            if (!resolved.TryGetValue(address, out string? smtp))
            {
                var call = new EwsCall("ResolveNames", MailStep.Rules, w => w
                    .Start("m:ResolveNames", ("ReturnFullContactData", "false"), ("SearchScope", "ActiveDirectory")).Element("m:UnresolvedEntry", address).End());
                EwsMessage answer = (await channel.AskAsync(call, cancellationToken).ConfigureAwait(false))[0];
                XElement? mailbox = answer.Element.Child("ResolutionSet").Children("Resolution").FirstOrDefault().Child("Mailbox");
                smtp = answer.IsSuccess && mailbox.Child("RoutingType") is null or { Value: "SMTP" } ? mailbox.Child("EmailAddress")?.Value.Trim() ?? address : address;
                resolved[address] = smtp;
            }

            targets.Add(smtp);
        }

        return targets;
    }
}

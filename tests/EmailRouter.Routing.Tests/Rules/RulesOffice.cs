using System.Runtime.CompilerServices;
using System.Text;
using EmailRouter.Mail;
using EmailRouter.Mime;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Tests.Incoming.Forwarding;

namespace EmailRouter.Routing.Tests.Rules;

/// <summary>A mail server in memory whose mailboxes have rules: what is sent to a mailbox is forwarded as its rule says.</summary>
internal sealed class RulesOffice : IMailSystem
{
    public const string Forward = "crm@example.test";
    public const string Help = "help@example.test";

    private int next;

    public string Name => "Office";

    public MailDoors Doors => MailDoors.Mailbox | MailDoors.Sender | MailDoors.Rules;

    public ForwardingKinds Kinds { get; set; } = ForwardingKinds.Attachment | ForwardingKinds.Redirect;

    public Dictionary<string, ForwardingRule> Rules { get; } = new(StringComparer.OrdinalIgnoreCase);

    public List<RuleDeployment> Deployments { get; } = [];

    public Dictionary<string, List<(string Id, byte[] Bytes)>> Boxes { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether forwarded mail is lost on the way, as a policy against automatic forwarding does it.</summary>
    public bool LosesForwarded { get; set; }

    public bool HasError { get; set; }

    /// <summary>What goes wrong when messages are fetched, one after the other; null where nothing does.</summary>
    public Queue<MailException?> Faults { get; } = new();

    /// <summary>Where the listings of mailboxes began.</summary>
    public List<string> Listings { get; } = [];

    /// <summary>Makes an office over a folder's CRM, with a queue whose mail comes through the forward mailbox.</summary>
    public static async Task<(FolderOffice Office, Router Router)> OpenAsync(RulesOffice system, Func<DeploymentConfiguration, DeploymentConfiguration>? change = null)
    {
        FolderOffice office = await FolderOffice.OpenAsync();
        await office.CreateAsync(
            "queue",
            ("name", "Help"),
            ("ownerid", (await office.CreateAsync("systemuser", ("fullname", "Hal"))).Id),
            ("emailaddress", Help),
            ("incomingemaildeliverymethod", 3),
            ("outgoingemaildeliverymethod", 2),
            ("incomingemailfilteringmethod", 0),
            ("emailrouteraccessapproval", 1));
        await using (await office.OpenRouterAsync("PickupFolder", office.Inbox, Settlement.Keep))
        {
            // Only for its configuration.
        }

        ProfileConfiguration Profile(string name, MailDirection direction) => new()
        {
            Name = name,
            Direction = direction,
            System = "Office",
            Host = "mail.example.test",
            CredentialSource = CredentialSource.Anonymous,
        };

        return (office, await office.ReopenRouterAsync(
            c => c with
            {
                Deployments = [(change ?? (d => d))(c.Deployments[0] with { ForwardMailboxes = [Forward] })],
                Profiles = [Profile("In", MailDirection.Incoming), Profile("Out", MailDirection.Outgoing)],
            },
            RouterHostOptions.BuiltInSystems().Add(system)));
    }

    public ValueTask<IMailboxSession> OpenMailboxAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IMailboxSession>(new Session(this, Box(login.Mailbox)));

    public ValueTask<IMailSender> OpenSenderAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IMailSender>(new Sender(this));

    public ValueTask<IInboxRules> OpenRulesAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IInboxRules>(new MailboxRules(this, login.Mailbox));

    public void Deliver(string address, string message)
    {
        Box(address).Add(($"m{++next}", Encoding.ASCII.GetBytes(message.ReplaceLineEndings("\r\n"))));
        if (!Rules.TryGetValue(address, out ForwardingRule? rule) || LosesForwarded)
            return;
        int plus = rule.Target.IndexOf('+', StringComparison.Ordinal);
        string box = plus < 0 ? rule.Target : rule.Target[..plus] + rule.Target[rule.Target.IndexOf('@', StringComparison.Ordinal)..];
        Deliver(box, rule.Kind == ForwardingKinds.Attachment
            ? ForwardMailboxTests.Wrap(message.ReplaceLineEndings("\n"), from: address, to: rule.Target)
            : $"Delivered-To: {rule.Target}\n" + message);
    }

    private List<(string Id, byte[] Bytes)> Box(string address)
    {
        if (!Boxes.TryGetValue(address, out List<(string, byte[])>? box))
            Boxes.Add(address, box = []);
        return box;
    }

    private sealed class MailboxRules(RulesOffice office, string mailbox) : IInboxRules
    {
        public ForwardingKinds Kinds => office.Kinds;

        public ValueTask<IReadOnlyList<InboxRule>> ListAsync(CancellationToken cancellationToken) => ValueTask.FromResult<IReadOnlyList<InboxRule>>(
            office.Rules.TryGetValue(mailbox, out ForwardingRule? rule)
                ? [new InboxRule { Name = rule.Name, Kind = rule.Kind, Targets = [rule.Target], HasError = office.HasError }, new InboxRule { Name = "mine", Kind = ForwardingKinds.Redirect, Targets = ["me@home.test"] }]
                : []);

        public async ValueTask<RuleChange> DeployAsync(ForwardingRule rule, RuleDeployment how, CancellationToken cancellationToken)
        {
            office.Deployments.Add(how);
            RuleChangeKind kind = !office.Rules.TryGetValue(mailbox, out ForwardingRule? old) ? RuleChangeKind.Added : old == rule ? RuleChangeKind.None : RuleChangeKind.Updated;
            if (!how.DryRun && kind != RuleChangeKind.None)
            {
                if (how.SavePrevious is { } save)
                    await save("user/script", "keep;", cancellationToken);
                office.Rules[mailbox] = rule;
            }

            return new RuleChange(kind, "The rule stands there.", []);
        }

        public ValueTask<RuleChange> RemoveAsync(string name, RuleDeployment how, CancellationToken cancellationToken)
        {
            bool there = office.Rules.TryGetValue(mailbox, out ForwardingRule? rule) && rule.Name == name;
            if (there && !how.DryRun)
                office.Rules.Remove(mailbox);
            return ValueTask.FromResult(new RuleChange(there ? RuleChangeKind.Removed : RuleChangeKind.None, there ? "Gone." : "There is none.", []));
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class Sender(RulesOffice office) : IMailSender
    {
        public ValueTask<SendReceipt> SendAsync(OutgoingMessage message, CancellationToken cancellationToken)
        {
            foreach (string recipient in message.Recipients)
                office.Deliver(recipient, Encoding.ASCII.GetString(message.Content.Memory.Span));
            return ValueTask.FromResult(ScriptedMailSystem.Accept(message));
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class Session(RulesOffice office, List<(string Id, byte[] Bytes)> box) : IMailboxSession
    {
        public MailboxCursor? Position { get; private set; }

        public SettlementKinds Settlements => SettlementKinds.Keep | SettlementKinds.Delete;

        public async IAsyncEnumerable<MessageRef> ListAsync(MailboxCursor since, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            office.Listings.Add(since.Value);
            int from = since.IsStart ? 0 : int.Parse(since.Value, System.Globalization.CultureInfo.InvariantCulture);
            foreach ((string id, byte[] bytes) in box.Where(m => int.Parse(m.Id.AsSpan(1), System.Globalization.CultureInfo.InvariantCulture) > from).ToList())
            {
                await Task.Yield();
                yield return new MessageRef(id) { Size = bytes.Length };
            }

            Position = new MailboxCursor(office.next.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        public async IAsyncEnumerable<FetchedMessage> FetchAsync(IReadOnlyList<MessageRef> messages, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            if (messages.Count > 0 && office.Faults.TryDequeue(out MailException? fault) && fault is not null)
                throw fault;
            foreach (MessageRef message in messages)
            {
                await Task.Yield();
                yield return new FetchedMessage(message, MessageBuffer.Wrap(box.Single(m => m.Id == message.Id).Bytes));
            }
        }

        public ValueTask<FetchedMessage> FetchHeaderAsync(MessageRef message, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask SettleAsync(MessageRef message, Settlement how, CancellationToken cancellationToken)
        {
            box.RemoveAll(m => m.Id == message.Id);
            return ValueTask.CompletedTask;
        }

        public ValueTask CompleteAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public ValueTask<bool> WaitForMailAsync(TimeSpan atMost, CancellationToken cancellationToken) => ValueTask.FromResult(false);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

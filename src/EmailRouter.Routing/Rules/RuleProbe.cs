using System.Globalization;
using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Mime;
using EmailRouter.Routing.Access;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming.Forwarding;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Rules;

/// <summary>One test of a rule: a marked message to the mailbox, and the wait for its copy in the forward mailbox.</summary>
internal sealed class RuleProbe(
    Router router, AccessSteps steps, EffectiveMailbox mailbox, string target, IReadOnlyList<EffectiveMailbox> all, RuleProbeTiming timing)
{
    private const string Subject = "Test of the rule that forwards your mail";

    /// <summary>A copy of the test is small; larger messages are not looked at.</summary>
    private const long LargestCopy = 1024 * 1024;

    private readonly Guid id = Guid.NewGuid();
    private readonly ProbeMark marks = new(router.Secrets);
    private readonly HashSet<string> known = new(StringComparer.Ordinal);

    /// <summary>Up to where the forward mailbox was looked through, where its system knows positions.</summary>
    private MailboxCursor seen = MailboxCursor.Start;

    private TimeProvider Clock => router.Mail.Clock;

    /// <exception cref="AccessEndException">A step failed and is recorded.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (all.FirstOrDefault(m => m.Kind == CrmMailboxKind.Forward && m.Address.Equals(target, StringComparison.OrdinalIgnoreCase)) is not { } forward)
        {
            throw steps.End(
                RuleStepNames.Before, "RouterForwardMailboxUnknown", $"{target} is no forward mailbox of {mailbox.Deployment}, so the router cannot look into it.",
                "Name it in the CRM or in the deployment's forwardMailboxes.");
        }

        if (forward.Incoming.Profile is not { } incoming || forward.Incoming.Connection.Status != MailboxStatus.Usable)
            throw steps.End(RuleStepNames.Before, "RouterMailboxNotUsable", $"{target}: {forward.Incoming.Connection.Text}", forward.Incoming.Connection.Remedy);
        if (mailbox.Outgoing.Profile is not { } outgoing || mailbox.Outgoing.Connection.Status != MailboxStatus.Usable)
            throw steps.End(RuleStepNames.Send, "RouterMailboxNotUsable", $"{mailbox.Address}: {mailbox.Outgoing.Connection.Text}", mailbox.Outgoing.Connection.Remedy);

        await steps.RunAsync(
            RuleStepNames.Before,
            async () =>
            {
                await LookAsync(forward, incoming, onFound: null, cancellationToken).ConfigureAwait(false);
                return (true, $"{known.Count} messages in {target}.");
            }).ConfigureAwait(false);
        await steps.RunAsync(RuleStepNames.Send, async () => (true, await SendAsync(outgoing, cancellationToken).ConfigureAwait(false))).ConfigureAwait(false);
        await WaitAsync(forward, incoming, cancellationToken).ConfigureAwait(false);
    }

    private async Task<string> SendAsync(ProfileConfiguration profile, CancellationToken cancellationToken)
    {
        var address = new MailAddress(mailbox.Address);
        string domain = address.ToAsciiDomain() is var ascii && ascii.LastIndexOf('@') is >= 0 and int at ? ascii[(at + 1)..] : "emailrouter.invalid";
        var draft = new MessageDraft
        {
            From = [address],
            To = [address],
            Subject = Subject,
            Date = Clock.GetLocalNow(),
            MessageId = string.Create(CultureInfo.InvariantCulture, $"<{id:N}.probe@{domain}>"),
            ExtraHeaders = [new(ProbeMark.Header, marks.Make(id))],
            TextBody = $"An administrator tests whether the mail of {mailbox.Address} reaches the CRM. You may delete this message.\r\n",
        };
        IMailSystem system = router.Systems.Mail(profile.System);
        using MessageBuffer content = await MimeWriter.ToBufferAsync(draft, MimeWriterOptions.Default with { Spool = router.Mail.Buffers }, cancellationToken).ConfigureAwait(false);
        IMailSender sender = await system.OpenSenderAsync(
            profile.ToEndpoint(), mailbox.Outgoing.Login(mailbox.Address, router.Secrets, router.Tokens), router.Mail, cancellationToken).ConfigureAwait(false);
        await using (sender.ConfigureAwait(false))
        {
            var message = new OutgoingMessage { EnvelopeFrom = mailbox.Address, Recipients = [mailbox.Address], MessageId = draft.MessageId, Content = content };
            SendReceipt receipt = await sender.SendAsync(message, cancellationToken).ConfigureAwait(false);
            return receipt.Status is SendStatus.Accepted or SendStatus.Uncertain
                ? $"Sent by {profile.Name}: {receipt.Reply}"
                : throw new RouterException(new RouterError(
                    "RouterProbeRefused", RuleStepNames.Send, $"The server refused the test message: {receipt.Reply}", "See what the server says; check the outgoing profile with Test-RouterAccess.",
                    receipt.Status == SendStatus.Deferred));
        }
    }

    /// <summary>Looks until the copy is there. What fails in passing meanwhile is tried again until the deadline, and is what is told then.</summary>
    private async Task WaitAsync(EffectiveMailbox forward, ProfileConfiguration profile, CancellationToken cancellationToken)
    {
        long started = Clock.GetTimestamp();
        while (true)
        {
            bool found = false;
            TimeSpan wait = timing.Interval;
            await steps.RunAsync(
                RuleStepNames.Arrive,
                async () =>
                {
                    try
                    {
                        await LookAsync(forward, profile, Found, cancellationToken).ConfigureAwait(false);
                    }
                    catch (MailException e) when (!found && e.IsTransient && Left() > TimeSpan.Zero)
                    {
                        if (e.RetryAfter is { } asked && asked > wait)
                            wait = asked;
                    }

                    return (true, string.Empty);

                    void Found(MimeMessage copy)
                    {
                        found = true;
                        steps.Pass(RuleStepNames.Arrive, $"The copy is there after {Clock.GetElapsedTime(started).TotalSeconds:0} seconds.");
                        Judge(copy);
                    }
                },
                isQuiet: true).ConfigureAwait(false);
            if (found)
                return;
            TimeSpan left = Left();
            if (left <= TimeSpan.Zero)
            {
                throw steps.End(
                    RuleStepNames.Arrive,
                    "RouterProbeTimeout",
                    $"No copy came within {timing.Deadline.TotalSeconds:0} seconds.",
                    $"Look whether the test message is in {mailbox.Address}; if so, the server does not forward: see its policy for automatic forwarding and the rule's conditions. "
                    + "If not, it was not delivered: see the mail server's log.");
            }

            await Task.Delay(left < wait ? left : wait, Clock, cancellationToken).ConfigureAwait(false);
        }

        TimeSpan Left() => timing.Deadline - Clock.GetElapsedTime(started);
    }

    /// <summary>Whether a poll would know whose mail it is.</summary>
    private void Judge(MimeMessage copy)
    {
        ForwardedMail read = new ForwardMailbox(target, new MailboxDirectory([.. all.Select(m => m.Crm)])).Read(copy, new List<Evidence>());
        string way = read.IsWrapped ? "attached to a message" : "sent on as it was";
        if (read.Owner is { } owner && owner.Address.Equals(mailbox.Address, StringComparison.OrdinalIgnoreCase))
            steps.Pass(RuleStepNames.Owner, $"The copy, {way}, is known as mail of {owner.Address}.");
        else if (read.Owner is { } other)
            steps.Fail(RuleStepNames.Owner, "RouterProbeMisassigned", $"The copy, {way}, is taken for mail of {other.Address}.", "Forward to a plus-address (-UsePlusAddress), so that each copy tells whose it is.");
        else
            steps.Fail(RuleStepNames.Owner, $"Router{read.Reason}", read.Explanation, "Set the incoming delivery method to Forward Mailbox, or forward to a plus-address (-UsePlusAddress).");
    }

    /// <summary>Looks at what is new in the forward mailbox; a copy of the test is told of and removed.</summary>
    private async Task LookAsync(EffectiveMailbox forward, ProfileConfiguration profile, Action<MimeMessage>? onFound, CancellationToken cancellationToken)
    {
        MailLogin login = forward.Incoming.Login(forward.Address, router.Secrets, router.Tokens);
        IMailboxSession session = await router.Systems.Mail(profile.System).OpenMailboxAsync(profile.ToEndpoint(), login, router.Mail, cancellationToken).ConfigureAwait(false);
        await using (session.ConfigureAwait(false))
        {
            var fresh = new List<MessageRef>();
            MailboxCursor reached = seen;
            await foreach (MessageRef message in session.ListAsync(seen, cancellationToken).ConfigureAwait(false))
            {
                reached = message.Cursor ?? reached;
                if (!known.Contains(message.Id))
                    fresh.Add(message);
            }

            MessageRef? copy = null;
            if (onFound is not null)
            {
                List<MessageRef> small = fresh.FindAll(m => m.Size is null or <= LargestCopy);
                await foreach (FetchedMessage fetched in session.FetchAsync(small, cancellationToken).ConfigureAwait(false))
                {
                    using (fetched)
                    {
                        if (copy is null && fetched.Content is { } content && MimeMessage.Parse(content.Memory) is var message && IsCopy(message))
                        {
                            copy = fetched.Message;
                            onFound(message);
                        }
                    }
                }
            }

            // Only what was looked at counts as seen: after a failure in between it comes again.
            known.UnionWith(fresh.Select(m => m.Id));
            seen = session.Position ?? reached;
            if (copy is not null)
                await RemoveAsync(session, copy, cancellationToken).ConfigureAwait(false);
            else
                await session.CompleteAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private bool IsCopy(MimeMessage message) => marks.Read(message) == id || ForwardWrapper.Embedded(message, new List<Evidence>()).Any(inner => marks.Read(inner) == id);

    private Task<bool> RemoveAsync(IMailboxSession session, MessageRef copy, CancellationToken cancellationToken) => steps.RunAsync(
        RuleStepNames.Remove,
        async () =>
        {
            if (!session.Settlements.HasFlag(SettlementKinds.Delete))
                return (false, "The mail system cannot delete; the copy stays, and polls leave it alone.");
            await session.SettleAsync(copy, Settlement.Delete, cancellationToken).ConfigureAwait(false);
            await session.CompleteAsync(cancellationToken).ConfigureAwait(false);
            return (true, "The copy is removed.");
        });
}

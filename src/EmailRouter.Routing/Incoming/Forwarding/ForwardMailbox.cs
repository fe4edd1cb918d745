using EmailRouter.Crm;
using EmailRouter.Mime;
using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Incoming.Forwarding;

/// <summary>
/// Reads what lies in a forward mailbox: takes mail out of the messages that rules wrapped it in, and finds out whose it is. What it cannot make out stays for a person.
/// </summary>
/// <param name="address">The forward mailbox's address.</param>
/// <param name="mailboxes">The organization's mailboxes.</param>
internal sealed class ForwardMailbox(string address, MailboxDirectory mailboxes)
{
    private const string Rule = "ForwardMailbox";

    /// <summary>How many rules may have wrapped a mail one after the other.</summary>
    private const int MostLevels = 5;

    /// <summary>Makes a reader over the mailboxes as the organization lists them now.</summary>
    /// <exception cref="CrmException">The organization cannot be read.</exception>
    public static async ValueTask<ForwardMailbox> LoadAsync(IOrganizationDirectory organization, string address, CancellationToken cancellationToken)
    {
        var all = new List<CrmMailbox>();
        await foreach (CrmMailbox mailbox in organization.GetMailboxesAsync(cancellationToken).ConfigureAwait(false))
            all.Add(mailbox);
        return new ForwardMailbox(address, new MailboxDirectory(all));
    }

    /// <summary>Reads a message. Costs no round trip and never fails on bad input.</summary>
    /// <param name="outer">The message as it lies in the mailbox.</param>
    /// <param name="evidence">Receives what was looked at.</param>
    /// <returns>The mail and its owner, or why there is none.</returns>
    public ForwardedMail Read(MimeMessage outer, ICollection<Evidence> evidence)
    {
        IReadOnlyList<MimeMessage> embedded = ForwardWrapper.Embedded(outer, evidence);
        MimeMessage? inner = null;
        if (embedded.Count > 0 && WhyNotWrapped(outer) is { } why)
        {
            evidence.Add(new Evidence(Rule, EvidenceVerdict.Note, $"An attached message is left where it is: {why}"));
        }
        else if (embedded.Count > 1)
        {
            return Refuse(
                outer, DecisionReasons.ForwardNotUnwrapped, $"It holds {embedded.Count} messages; a rule forwards one at a time.", evidence);
        }
        else if (embedded.Count == 1)
        {
            inner = Unwrap(embedded[0], evidence);
        }

        CrmMailbox? elsewhere = null;
        foreach (ForwardOrigin origin in ForwardOrigin.Find(outer, inner, address))
        {
            if (FindMailbox(origin) is not { } mailbox)
                continue;
            if (mailbox.IncomingDelivery == DeliveryMethod.ForwardMailbox)
                return Take(mailbox, origin.Source);
            elsewhere ??= mailbox;
            evidence.Add(new Evidence(Rule, EvidenceVerdict.NoMatch, $"{origin.Source} names {mailbox.Address}, whose mail does not come through a forward mailbox"));
        }

        MimeMessage mail = inner ?? outer;
        if (elsewhere is not null)
        {
            return Refuse(
                mail,
                DecisionReasons.ForwardOwnerElsewhere,
                $"It came from {elsewhere.Address}, whose incoming delivery method is {elsewhere.IncomingDelivery} and not Forward Mailbox.",
                evidence);
        }

        // The original product looked no further than here: whom the mail was written to.
        List<CrmMailbox> written = [.. mail.To.Concat(mail.Cc).SelectMany(a => mailboxes.ByAddress(a.Address)).Where(m => m.IncomingDelivery == DeliveryMethod.ForwardMailbox
            && m.Kind != CrmMailboxKind.Forward).Distinct()];
        if (written.Count == 1)
            return Take(written[0], "To and Cc");
        string many = written.Count > 1 ? $", and of its recipients {string.Join(", ", written.Select(m => m.Address))} each may have forwarded it" : string.Empty;
        return embedded.Count == 0 && IsAddressedHere(outer)
            ? Refuse(outer, DecisionReasons.ForwardNotUnwrapped, "It was written to the forward mailbox itself, with no message attached and no trace of a redirection.", evidence)
            : Refuse(mail, DecisionReasons.ForwardOwnerUnknown, $"Nothing in it names a mailbox of the organization that it came through{many}.", evidence);

        ForwardedMail Take(CrmMailbox owner, string source)
        {
            string how = inner is null ? "sent on as it is" : "attached to a message";
            evidence.Add(new Evidence(Rule, EvidenceVerdict.Note, $"It is mail of {owner.Address}, {how}; so says {source}"));
            return new ForwardedMail(inner ?? outer, inner is not null, owner);
        }
    }

    private static ForwardedMail Refuse(MimeMessage mail, string reason, string explanation, ICollection<Evidence> evidence)
    {
        evidence.Add(new Evidence(Rule, EvidenceVerdict.Reject, explanation.TrimEnd('.')));
        return new ForwardedMail(mail, false, null) { Reason = reason, Explanation = explanation };
    }

    private bool IsAddressedHere(MimeMessage message) => message.To.Concat(message.Cc).Any(a =>
        a.Address.Equals(address, StringComparison.OrdinalIgnoreCase) || PlusAddress.Read(a.Address, address) is not null);

    private bool IsFromMailbox(MimeMessage message) => message.From.Concat(message.Sender is { } sender ? [sender] : []).Any(a =>
        mailboxes.ByAddress(a.Address).Any(m => m.Kind != CrmMailboxKind.Forward));

    /// <summary>Why a message with another attached is not taken for a wrapper; null when it is one.</summary>
    private string? WhyNotWrapped(MimeMessage outer)
    {
        if (outer.Headers.Contains(LoopGuard.MarkerHeader))
            return $"the router itself sent the message ({LoopGuard.MarkerHeader})";
        bool here = IsAddressedHere(outer);
        bool own = IsFromMailbox(outer);
        if ((here && (own || ForwardWrapper.IsTouchedByRule(outer))) || (own && ForwardWrapper.IsGenerated(outer)))
            return null;
        return here
            ? $"it was sent by {(outer.From.Count > 0 ? outer.From[0].Address : "nobody")}, who is no user or queue of the organization"
            : "the message was not written to the forward mailbox, so it is somebody's mail as it is";
    }

    /// <summary>Goes on only where a rule of the organization wrapped again: a message that a person attached is part of the mail.</summary>
    private MimeMessage Unwrap(MimeMessage inner, ICollection<Evidence> evidence)
    {
        int level = 1;
        for (; level < MostLevels && ForwardWrapper.IsTouchedByRule(inner) && IsFromMailbox(inner) && !inner.Headers.Contains(LoopGuard.MarkerHeader); level++)
        {
            if (ForwardWrapper.Embedded(inner, evidence) is not [{ } next])
                break;
            inner = next;
        }

        if (level > 1)
            evidence.Add(new Evidence(Rule, EvidenceVerdict.Note, $"{level} rules forwarded it one after the other"));
        return inner;
    }

    private CrmMailbox? FindMailbox(ForwardOrigin origin)
    {
        IEnumerable<CrmMailbox> found = origin.Address.Contains('@', StringComparison.Ordinal)
            ? mailboxes.ByAddress(origin.Address)
            : OnlyOne(mailboxes.All.Where(m => m.Address.StartsWith(origin.Address + "@", StringComparison.OrdinalIgnoreCase)));
        return found.Where(m => m.Kind != CrmMailboxKind.Forward).OrderBy(m => m.IncomingDelivery == DeliveryMethod.ForwardMailbox ? 0 : 1).FirstOrDefault();
    }

    private static IEnumerable<CrmMailbox> OnlyOne(IEnumerable<CrmMailbox> found) => found.Take(2).ToList() is [{ } one] ? [one] : [];
}

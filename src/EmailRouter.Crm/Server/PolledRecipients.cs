namespace EmailRouter.Crm.Server;

/// <summary>
/// Whom a server that decides is told of beside the recipients that an email names. Its check has parameters for addresses alone, and none for the mailbox the
/// email lies in: of one that came blind or by a distribution list it could only say that nobody received it. So the mailbox's address is told among the blind
/// recipients.
/// </summary>
internal static class PolledRecipients
{
    /// <summary>Adds whoever received the email without being named: the owner of the mailbox it was read from, and those whom its trace headers
    /// name.</summary>
    /// <param name="email">The email.</param>
    /// <param name="mailboxes">The organization's mailboxes.</param>
    /// <returns>The email as the server is told of it, and the addresses that were added, in order.</returns>
    public static (IncomingEmail Email, IReadOnlyList<string> Added) Tell(IncomingEmail email, IReadOnlyList<CrmMailbox> mailboxes)
    {
        var named = email.To.Concat(email.Cc).Concat(email.Bcc).Select(a => a.Address.Trim()).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var added = new List<string>();
        if (email.Mailbox is { } polled)
            Add(mailboxes.FirstOrDefault(m => m.Owner == polled));
        foreach (string address in email.DeliveredTo)
            Add(mailboxes.FirstOrDefault(m => m.Address.Equals(address.Trim(), StringComparison.OrdinalIgnoreCase)));
        return added.Count == 0 ? (email, added) : (email with { Bcc = [.. email.Bcc, .. added.Select(a => new EmailAddress(a))] }, added);

        void Add(CrmMailbox? mailbox)
        {
            if (mailbox is { Kind: not CrmMailboxKind.Forward, Address.Length: > 0 } && named.Add(mailbox.Address))
                added.Add(mailbox.Address);
        }
    }
}

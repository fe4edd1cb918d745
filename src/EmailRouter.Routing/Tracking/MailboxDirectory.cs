using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking;

/// <summary>The organization's mailboxes, found by address and by owner.</summary>
internal sealed class MailboxDirectory
{
    private readonly Dictionary<string, List<CrmMailbox>> byAddress = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<RecordReference, CrmMailbox> byOwner = [];

    public MailboxDirectory(IReadOnlyList<CrmMailbox> mailboxes)
    {
        All = mailboxes;
        foreach (CrmMailbox mailbox in mailboxes)
        {
            byOwner.TryAdd(mailbox.Owner, mailbox);
            string address = mailbox.Address.Trim();
            if (!byAddress.TryGetValue(address, out List<CrmMailbox>? same))
                byAddress.Add(address, same = []);
            same.Add(mailbox);
        }
    }

    public IReadOnlyList<CrmMailbox> All { get; }

    public IReadOnlyList<CrmMailbox> ByAddress(string address) => byAddress.TryGetValue(address.Trim(), out List<CrmMailbox>? found) ? found : [];

    public CrmMailbox? ByOwner(RecordReference owner) => byOwner.GetValueOrDefault(owner);
}

using EmailRouter.Crm;

namespace EmailRouter.Routing.Tracking;

/// <summary>All that deciding about one email may look at. Nothing here can reach the organization: decisions are functions of this.</summary>
internal sealed class TrackingContext(IncomingEmail email, OrganizationSettings settings, MailboxDirectory mailboxes, RecordLookup lookup)
{
    public IncomingEmail Email { get; } = email;

    public OrganizationSettings Settings { get; } = settings;

    public MailboxDirectory Mailboxes { get; } = mailboxes;

    public RecordLookup Lookup { get; } = lookup;

    public EvidenceLog Log { get; } = new();

    /// <summary>Gets the sender's address; only after it was found to be valid.</summary>
    public string SenderAddress => Email.From?.Address.Trim() ?? string.Empty;

    /// <summary>Gets the records that carry an address.</summary>
    public IReadOnlyList<AddressOwner> OwnersOf(string address) =>
        Lookup.Owners.TryGetValue(address.Trim(), out IReadOnlyList<AddressOwner>? owners) ? owners : [];

    /// <summary>Says whether a stored email is this very email, promoted before.</summary>
    public bool IsSelf(StoredEmail stored) =>
        stored.ActivityId == Email.ActivityId || (!stored.IsOutgoing && string.Equals(stored.MessageId, Email.MessageId, StringComparison.Ordinal));

    /// <summary>Gets the addresses of the sender and all recipients in the message's headers.</summary>
    public IEnumerable<string> Participants => ParticipantsOf(Email);

    public static IEnumerable<string> ParticipantsOf(IncomingEmail email)
    {
        IEnumerable<EmailAddress> from = email.From is { } author ? [author] : [];
        return from.Concat(email.To).Concat(email.Cc).Concat(email.Bcc).Select(a => a.Address.Trim());
    }
}

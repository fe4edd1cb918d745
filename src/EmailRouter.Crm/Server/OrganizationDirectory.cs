namespace EmailRouter.Crm.Server;

/// <summary>Settings and mailboxes of the organization, read together.</summary>
/// <param name="Settings">The settings.</param>
/// <param name="Mailboxes">Users, queues and forward mailboxes that have an address, in the order of their addresses.</param>
/// <param name="SynchronizationChannel"><c>organization.emailconnectionchannel</c>: 0 server-side synchronization, 1 the router; null when unknown.</param>
internal sealed record OrganizationDirectory(OrganizationSettings Settings, IReadOnlyList<CrmMailbox> Mailboxes, int? SynchronizationChannel)
{
    /// <summary>How old it may be before it is read again, unless something else is asked for.</summary>
    public static readonly TimeSpan DefaultMaxAge = TimeSpan.FromMinutes(5);

    private readonly Dictionary<Guid, CrmMailbox> byOwner = Mailboxes.GroupBy(m => m.Owner.Id).ToDictionary(g => g.Key, g => g.First());

    /// <summary>Gets the teams that own queues; owners are users otherwise.</summary>
    public IReadOnlySet<Guid> Teams { get; init; } = new HashSet<Guid>();

    /// <summary>Gets the mailbox rows by the user or queue they belong to.</summary>
    public IReadOnlyDictionary<Guid, Guid> MailboxRows { get; init; } = new Dictionary<Guid, Guid>();

    /// <summary>Gets the object ids in Entra of the users, as far as the organization knows them.</summary>
    public IReadOnlyDictionary<Guid, Guid> ObjectIds { get; init; } = new Dictionary<Guid, Guid>();

    /// <summary>Finds the mailbox of a user or queue.</summary>
    /// <param name="owner">The user or queue.</param>
    /// <returns>The mailbox; null when there is none with an address.</returns>
    public CrmMailbox? Find(Guid owner) => byOwner.GetValueOrDefault(owner);
}

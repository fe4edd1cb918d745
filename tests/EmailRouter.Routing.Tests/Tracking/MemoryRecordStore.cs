using System.Runtime.CompilerServices;
using EmailRouter.Crm;

namespace EmailRouter.Routing.Tests.Tracking;

/// <summary>Records in memory, kept by the rules of the contract; counts what it is asked, and fails when told to.</summary>
internal sealed class MemoryRecordStore : IRecordStore
{
    private readonly Lock gate = new();

    public OrganizationSettings Settings { get; set; } = new() { OrganizationId = new Guid("0a000000-0000-0000-0000-000000000001"), Name = "Contoso" };

    public List<CrmMailbox> Mailboxes { get; } = [];

    public List<StoredEmail> Emails { get; } = [];

    public Dictionary<string, List<AddressOwner>> Owners { get; } = new(StringComparer.OrdinalIgnoreCase);

    public Dictionary<Guid, Guid> Conversations { get; } = [];

    public Dictionary<Guid, SmartMatchKeys> Keys { get; } = [];

    public List<NewEmail> Created { get; } = [];

    public List<RecordQuery> Queries { get; } = [];

    public List<(Guid Activity, Guid Queue)> QueueItems { get; } = [];

    public int SettingsReads { get; private set; }

    public int MailboxReads { get; private set; }

    public bool IsDisposed { get; private set; }

    public CrmException? Failure { get; set; }

    /// <summary>Runs inside each creation, before it is decided whether the email exists.</summary>
    public Func<Task>? DuringCreate { get; set; }

    public ValueTask<OrganizationSettings> GetSettingsAsync(CancellationToken cancellationToken)
    {
        ThrowIfFailing();
        SettingsReads++;
        return ValueTask.FromResult(Settings);
    }

    public async IAsyncEnumerable<CrmMailbox> GetMailboxesAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ThrowIfFailing();
        MailboxReads++;
        foreach (CrmMailbox mailbox in Mailboxes.ToArray())
            yield return mailbox;
        await Task.CompletedTask;
    }

    public ValueTask<RecordLookup> LookupAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        ThrowIfFailing();
        Queries.Add(query);
        var bearers = query.TrackingTokens.ToDictionary(
            t => t,
            t => Emails.Where(e => e.IsOutgoing && string.Equals(e.TrackingToken, t, StringComparison.OrdinalIgnoreCase))
                .OrderByDescending(e => e.CreatedOn).ToList(),
            StringComparer.OrdinalIgnoreCase);
        return ValueTask.FromResult(new RecordLookup
        {
            ByMessageId = query.MessageIds
                .Select(id => Emails.Where(e => e.MessageId == id).MinBy(e => e.IsOutgoing))
                .OfType<StoredEmail>().ToDictionary(e => e.MessageId!, StringComparer.Ordinal),
            ByTrackingToken = bearers.Where(b => b.Value.Count > 0).ToDictionary(b => b.Key, b => b.Value[0], StringComparer.OrdinalIgnoreCase),
            EarlierByTrackingToken = bearers.Where(b => b.Value.Count > 1)
                .ToDictionary(b => b.Key, b => (IReadOnlyList<StoredEmail>)[.. b.Value.Skip(1).Take(9)], StringComparer.OrdinalIgnoreCase),
            ByConversation = query.ConversationId is { } conversation
                ? Emails.Where(e => Conversations.GetValueOrDefault(e.ActivityId) == conversation).MaxBy(e => e.CreatedOn)
                : null,
            SmartMatches = query.SmartMatch is { } smart ? Resembling(smart) : [],
            Owners = query.Addresses.Where(Owners.ContainsKey).Distinct(StringComparer.OrdinalIgnoreCase)
                .ToDictionary(a => a, a => (IReadOnlyList<AddressOwner>)[.. Owners[a].Take(101)], StringComparer.OrdinalIgnoreCase),
        });
    }

    public async ValueTask<CreateEmailResult> CreateEmailAsync(NewEmail email, CancellationToken cancellationToken)
    {
        ThrowIfFailing();
        if (DuringCreate is { } during)
            await during();
        lock (gate)
        {
            if (Emails.Find(e => e.ActivityId == email.ActivityId || (!e.IsOutgoing && e.MessageId == email.MessageId)) is { } existing)
                return new CreateEmailResult(existing.ActivityId, false, []);
            Created.Add(email);
            Emails.Add(new StoredEmail
            {
                ActivityId = email.ActivityId,
                MessageId = email.MessageId,
                Subject = email.Subject,
                IsOutgoing = false,
                Regarding = email.Regarding,
                CreatedOn = email.ReceivedOn,
                Addresses = [.. email.Parties.Select(p => p.AddressUsed).OfType<string>()],
                QueueIds = email.QueueIds,
            });
            QueueItems.AddRange(email.QueueIds.Select(q => (email.ActivityId, q)));
            return new CreateEmailResult(email.ActivityId, true, email.QueueIds);
        }
    }

    public ValueTask<bool> AddToQueueAsync(Guid activityId, Guid queueId, CancellationToken cancellationToken)
    {
        ThrowIfFailing();
        bool isNew = !QueueItems.Contains((activityId, queueId));
        if (isNew)
            QueueItems.Add((activityId, queueId));
        return ValueTask.FromResult(isNew);
    }

    public ValueTask<IReadOnlyList<PendingEmail>> ClaimPendingAsync(ClaimRequest request, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<PendingEmail>>([]);

    public ValueTask CompleteAsync(PendingEmail email, SendOutcome outcome, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public ValueTask<BounceResult> ReportBounceAsync(BounceReport report, CancellationToken cancellationToken) =>
        ValueTask.FromResult(new BounceResult { Match = BounceMatch.None });

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return ValueTask.CompletedTask;
    }

    private List<SmartMatch> Resembling(SmartMatchQuery query) =>
    [
        .. Emails.Where(e => e.CreatedOn >= query.NotBefore && Keys.ContainsKey(e.ActivityId))
            .Select(e => (Email: e, Keys: Keys[e.ActivityId]))
            .Select(e => (
                e.Email,
                e.Keys,
                Words: e.Keys.Words.Intersect(query.Keys.Words).Count(),
                Addresses: e.Keys.Addresses.Intersect(query.Keys.Addresses).Count()))
            .Where(e => Math.Abs(e.Keys.Words.Count - query.Keys.Words.Count) <= query.DeltaSubjectCount
                && e.Words >= Math.Max(e.Keys.Words.Count, query.Keys.Words.Count) - query.DeltaSubjectCount
                && e.Addresses >= query.MinAddressCount)
            .OrderByDescending(e => e.Email.CreatedOn).Take(10)
            .Select(e => new SmartMatch(e.Email, e.Words, e.Addresses)),
    ];

    private void ThrowIfFailing()
    {
        if (Failure is { } failure)
            throw failure;
    }
}

using System.Runtime.CompilerServices;
using EmailRouter.Crm;
using EmailRouter.Shared.Caching;
using EmailRouter.Shared.Locks;

namespace EmailRouter.Routing.Tracking;

/// <summary>
/// An organization whose records are kept by a store and whose decisions are taken by the router's own engine: which email is promoted, what it responds to,
/// whom its addresses belong to. A check is one look-up and otherwise pure; a delivery is one creation.
/// </summary>
/// <remarks>Safe for use by many polls at once. Owns the store: disposing this disposes it.</remarks>
public sealed class TrackingOrganization : IOrganization
{
    private readonly IRecordStore store;
    private readonly CachedValue<OrganizationSettings> settings;
    private readonly CachedValue<MailboxDirectory> mailboxes;
    private readonly MessageLocks locks = new();

    /// <summary>Initializes an organization over a record store.</summary>
    /// <param name="store">The store.</param>
    /// <param name="timeProvider">The clock for the age of settings and mailboxes; null: the system's.</param>
    /// <param name="directoryMaxAge">How old settings and mailboxes may be before they are read again; null: 60 seconds. Zero: they are read every
    /// time.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="directoryMaxAge"/> is negative.</exception>
    public TrackingOrganization(IRecordStore store, TimeProvider? timeProvider = null, TimeSpan? directoryMaxAge = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        TimeSpan maxAge = directoryMaxAge ?? DefaultDirectoryMaxAge;
        ArgumentOutOfRangeException.ThrowIfLessThan(maxAge, TimeSpan.Zero, nameof(directoryMaxAge));
        TimeProvider time = timeProvider ?? TimeProvider.System;
        this.store = store;
        settings = new CachedValue<OrganizationSettings>(time, maxAge, store.GetSettingsAsync);
        mailboxes = new CachedValue<MailboxDirectory>(time, maxAge, ReadMailboxesAsync);
    }

    /// <summary>Gets the store whose records are decided over.</summary>
    public IRecordStore Store => store;

    /// <inheritdoc/>
    public int MaxConcurrency => store.MaxConcurrency;

    /// <summary>Gets how old settings and mailboxes may be unless said otherwise: 60 seconds.</summary>
    public static TimeSpan DefaultDirectoryMaxAge { get; } = TimeSpan.FromSeconds(60);

    /// <inheritdoc/>
    public ValueTask<OrganizationSettings> GetSettingsAsync(CancellationToken cancellationToken) => settings.GetAsync(cancellationToken);

    /// <inheritdoc/>
    public async IAsyncEnumerable<CrmMailbox> GetMailboxesAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        MailboxDirectory directory = await mailboxes.GetAsync(cancellationToken).ConfigureAwait(false);
        foreach (CrmMailbox mailbox in directory.All)
            yield return mailbox;
    }

    /// <summary>Reads settings and mailboxes again now, whatever their age, so that a change made in the CRM counts from the next check on.</summary>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>A task that ends when both are read.</returns>
    /// <exception cref="CrmException">The store cannot be read; what was known before stays in use until it is too old.</exception>
    public async ValueTask RefreshAsync(CancellationToken cancellationToken)
    {
        await settings.RefreshAsync(cancellationToken).ConfigureAwait(false);
        await mailboxes.RefreshAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<CheckResult> CheckAsync(IncomingEmail email, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(email);
        if (TrackingDecision.RejectInvalidSender(email) is { } rejected)
            return rejected;

        OrganizationSettings current = await settings.GetAsync(cancellationToken).ConfigureAwait(false);
        MailboxDirectory directory = await mailboxes.GetAsync(cancellationToken).ConfigureAwait(false);
        RecordLookup lookup = await store.LookupAsync(TrackingQuery.Build(email, current), cancellationToken).ConfigureAwait(false);
        return TrackingDecision.Decide(email, current, directory, lookup);
    }

    /// <inheritdoc/>
    /// <remarks>Delivering an email that is tracked already adds the queue items that are missing, if any (<see
    /// cref="TrackingCheckResult.LateQueueIds"/>).</remarks>
    /// <exception cref="ArgumentException"><paramref name="check"/> is not the result of checking this email here, or rejects it.</exception>
    public async ValueTask<DeliverResult> DeliverAsync(IncomingEmail email, CheckResult check, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(email);
        ArgumentNullException.ThrowIfNull(check);
        if (check is not TrackingCheckResult decided || decided.ActivityId != email.ActivityId)
            throw new ArgumentException("The check is not that of this email.", nameof(check));
        if (!decided.ShouldDeliver && decided.Reason != CheckReason.Duplicate)
            throw new ArgumentException($"The check rejects the email ({decided.Reason}).", nameof(check));

        using IDisposable turn = await locks.EnterAsync(email.MessageId, cancellationToken).ConfigureAwait(false);
        var log = new EvidenceLog();
        if (decided.Plan is not { } plan)
        {
            Guid existing = decided.ExistingActivityId ?? throw new ArgumentException("The check names neither a plan nor an activity.", nameof(check));
            log.Note(TrackingRules.DeliveryActivity, $"The email is tracked already, as activity {existing}.");
            await AddToQueuesAsync(existing, decided.LateQueueIds, log, cancellationToken).ConfigureAwait(false);
            return new DeliverResult(existing, Created: false, log.Entries);
        }

        OrganizationSettings current = await settings.GetAsync(cancellationToken).ConfigureAwait(false);
        NewEmail record = Promotion.ToNewEmail(email, plan, current);
        CreateEmailResult result = await store.CreateEmailAsync(record, cancellationToken).ConfigureAwait(false);
        if (result.Created)
            Report(email, plan, result, log);
        else
            await ReportExistingAsync(email, decided, result, log, cancellationToken).ConfigureAwait(false);
        return new DeliverResult(result.ActivityId, result.Created, log.Entries);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<PendingEmail>> ClaimPendingAsync(ClaimRequest request, CancellationToken cancellationToken) =>
        store.ClaimPendingAsync(request, cancellationToken);

    /// <inheritdoc/>
    public ValueTask CompleteAsync(PendingEmail email, SendOutcome outcome, CancellationToken cancellationToken) => store.CompleteAsync(
        email, outcome, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<BounceResult> ReportBounceAsync(BounceReport report, CancellationToken cancellationToken) => store.ReportBounceAsync(report, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        settings.Dispose();
        mailboxes.Dispose();
        await store.DisposeAsync().ConfigureAwait(false);
    }

    private static void Report(IncomingEmail email, PromotionPlan plan, CreateEmailResult result, EvidenceLog log)
    {
        log.Note(TrackingRules.DeliveryActivity, $"Email activity {result.ActivityId} was created.");
        if (plan.SenderRecord is { } sender)
        {
            log.Note(
                TrackingRules.DeliverySenderRecord,
                $"The {sender.LogicalName} \"{sender.FullName}\" stands for the sender {sender.Address}: created now, or by another promotion just before.");
        }

        if (result.MadeQueueItems.Count > 0)
            log.Note(TrackingRules.DeliveryQueueItems, $"Queue items were made in {EvidenceLog.List(result.MadeQueueItems.Select(q => $"queue {q}"))}.");
        if (email.Notification == EmailNotification.AttachmentsNotSaved)
            log.Note(TrackingRules.DeliveryActivity, "Some attachments were not saved; the activity says so.");
        else if (email.Notification == EmailNotification.BodyTruncated)
            log.Note(TrackingRules.DeliveryActivity, "The body was cut to the organization's limit; the activity says so.");
    }

    private async ValueTask ReportExistingAsync(
        IncomingEmail email, TrackingCheckResult decided, CreateEmailResult result, EvidenceLog log, CancellationToken cancellationToken)
    {
        log.Note(
            TrackingRules.DeliveryActivity,
            result.ActivityId == email.ActivityId
                ? $"Activity {result.ActivityId} existed already: another poll, or an earlier attempt, promoted the email."
                : $"Activity {result.ActivityId} with the same Message-ID existed already; its content differs.");
        await AddToQueuesAsync(result.ActivityId, decided.LateQueueIds, log, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask AddToQueuesAsync(Guid activityId, IReadOnlyList<Guid> queues, EvidenceLog log, CancellationToken cancellationToken)
    {
        foreach (Guid queue in queues)
        {
            bool isNew = await store.AddToQueueAsync(activityId, queue, cancellationToken).ConfigureAwait(false);
            log.Note(TrackingRules.DeliveryQueueItems, isNew ? $"A further queue item was made in queue {queue}." : $"Queue {queue} has a queue item already.");
        }
    }

    private async ValueTask<MailboxDirectory> ReadMailboxesAsync(CancellationToken cancellationToken)
    {
        var all = new List<CrmMailbox>();
        await foreach (CrmMailbox mailbox in store.GetMailboxesAsync(cancellationToken).ConfigureAwait(false))
            all.Add(mailbox);
        return new MailboxDirectory(all);
    }
}

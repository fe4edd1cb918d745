using System.Runtime.CompilerServices;
using EmailRouter.Shared.Caching;

namespace EmailRouter.Crm.Server;

/// <summary>
/// The records of a CRM server, as the router's own engine decides over them: keeps settings, mailboxes and definitions of tables for a while, and gives them to
/// whoever asks the server. How it is asked, a class for each protocol knows.
/// </summary>
/// <remarks>Safe for use by many at once.</remarks>
public abstract class ServerStore : IRecordStore, IAccessReport, IEmailActivities
{
    private readonly CachedValue<OrganizationDirectory> directory;
    private readonly CachedValue<TableDirectory> tables;

    private protected ServerStore(
        CrmContext context,
        TimeSpan? directoryMaxAge,
        Func<CancellationToken, ValueTask<OrganizationDirectory>> readDirectory,
        Func<CancellationToken, ValueTask<TableDirectory>> readTables)
    {
        directory = new CachedValue<OrganizationDirectory>(context.Clock, directoryMaxAge ?? OrganizationDirectory.DefaultMaxAge, readDirectory);
        tables = new CachedValue<TableDirectory>(context.Clock, TableDirectory.MaxAge, readTables);
    }

    /// <inheritdoc/>
    public virtual int MaxConcurrency => 8;

    /// <inheritdoc/>
    public async ValueTask<OrganizationSettings> GetSettingsAsync(CancellationToken cancellationToken) =>
        (await directory.GetAsync(cancellationToken).ConfigureAwait(false)).Settings;

    /// <inheritdoc/>
    public async IAsyncEnumerable<CrmMailbox> GetMailboxesAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (CrmMailbox mailbox in (await directory.GetAsync(cancellationToken).ConfigureAwait(false)).Mailboxes)
            yield return mailbox;
    }

    /// <inheritdoc/>
    public async ValueTask<RecordLookup> LookupAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        TableDirectory known = await tables.GetAsync(cancellationToken).ConfigureAwait(false);
        OrganizationSettings settings = query.SmartMatch is null
            ? new OrganizationSettings { OrganizationId = Guid.Empty }
            : await GetSettingsAsync(cancellationToken).ConfigureAwait(false);
        return await LookupAsync(query, known, settings, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<CreateEmailResult> CreateEmailAsync(NewEmail email, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(email);
        (TableDirectory known, OrganizationDirectory present) = await KnownAsync(cancellationToken).ConfigureAwait(false);
        return await CreateEmailAsync(email, known, present, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> AddToQueueAsync(Guid activityId, Guid queueId, CancellationToken cancellationToken)
    {
        (TableDirectory known, OrganizationDirectory present) = await KnownAsync(cancellationToken).ConfigureAwait(false);
        return await AddToQueueAsync(activityId, queueId, known, present, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<PendingEmail>> ClaimPendingAsync(ClaimRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        (TableDirectory known, OrganizationDirectory present) = await KnownAsync(cancellationToken).ConfigureAwait(false);
        return await ClaimPendingAsync(request, known, present, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask CompleteAsync(PendingEmail email, SendOutcome outcome, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(email);
        ArgumentNullException.ThrowIfNull(outcome);
        TableDirectory known = await tables.GetAsync(cancellationToken).ConfigureAwait(false);
        await CompleteAsync(email, outcome, known, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<BounceResult> ReportBounceAsync(BounceReport report, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(report);
        TableDirectory known = await tables.GetAsync(cancellationToken).ConfigureAwait(false);
        return await ReportBounceAsync(report, known, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<CrmAccess> ReportAccessAsync(CancellationToken cancellationToken) =>
        await ReportAccessAsync(await directory.RefreshAsync(cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask<EmailActivity?> GetEmailAsync(Guid activityId, CancellationToken cancellationToken) =>
        await GetEmailAsync(activityId, await tables.GetAsync(cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async IAsyncEnumerable<EmailActivity> FindEmailsAsync(EmailFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        TableDirectory known = await tables.GetAsync(cancellationToken).ConfigureAwait(false);
        await foreach (EmailActivity email in FindEmailsAsync(filter, known, cancellationToken).ConfigureAwait(false))
            yield return email;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await CloseAsync().ConfigureAwait(false);
        directory.Dispose();
        tables.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected abstract ValueTask<RecordLookup> LookupAsync(
        RecordQuery query, TableDirectory known, OrganizationSettings settings, CancellationToken cancellationToken);

    private protected abstract ValueTask<CreateEmailResult> CreateEmailAsync(
        NewEmail email, TableDirectory known, OrganizationDirectory present, CancellationToken cancellationToken);

    private protected abstract ValueTask<bool> AddToQueueAsync(
        Guid activityId, Guid queueId, TableDirectory known, OrganizationDirectory present, CancellationToken cancellationToken);

    private protected abstract ValueTask<IReadOnlyList<PendingEmail>> ClaimPendingAsync(
        ClaimRequest request, TableDirectory known, OrganizationDirectory present, CancellationToken cancellationToken);

    private protected abstract ValueTask CompleteAsync(PendingEmail email, SendOutcome outcome, TableDirectory known, CancellationToken cancellationToken);

    private protected abstract ValueTask<BounceResult> ReportBounceAsync(BounceReport report, TableDirectory known, CancellationToken cancellationToken);

    private protected abstract ValueTask<CrmAccess> ReportAccessAsync(OrganizationDirectory present, CancellationToken cancellationToken);

    private protected abstract ValueTask<EmailActivity?> GetEmailAsync(Guid activityId, TableDirectory known, CancellationToken cancellationToken);

    private protected abstract IAsyncEnumerable<EmailActivity> FindEmailsAsync(EmailFilter filter, TableDirectory known, CancellationToken cancellationToken);

    /// <summary>Ends what is under way and closes the connection.</summary>
    private protected abstract ValueTask CloseAsync();

    private async ValueTask<(TableDirectory Tables, OrganizationDirectory Directory)> KnownAsync(CancellationToken cancellationToken) =>
        (await tables.GetAsync(cancellationToken).ConfigureAwait(false), await directory.GetAsync(cancellationToken).ConfigureAwait(false));
}

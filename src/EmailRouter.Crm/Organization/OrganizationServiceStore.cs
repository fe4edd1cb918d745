using System.Runtime.CompilerServices;
using EmailRouter.Crm.Organization.Soap;
using EmailRouter.Crm.Server;
using EmailRouter.Shared.Caching;

namespace EmailRouter.Crm.Organization;

/// <summary>
/// An organization of Dynamics CRM 2011, 2013 or 2015 (and later ones that still have it) by Organization.svc, as the records that the router's own engine
/// decides over.
/// </summary>
/// <remarks>Safe for use by many at once.</remarks>
public sealed class OrganizationServiceStore : IRecordStore, IAccessReport, IEmailActivities
{
    private readonly CachedValue<OrganizationDirectory> directory;
    private readonly CachedValue<TableDirectory> tables;
    private readonly OrganizationOutbox outbox;

    /// <summary>Initializes a store; nothing is asked yet.</summary>
    /// <param name="endpoint">Where the organization is, and as whom to log in.</param>
    /// <param name="context">Clock, network and limits.</param>
    /// <param name="directoryMaxAge">How old settings and mailboxes may be before they are read again; null: 5 minutes. Zero: they are read every time.</param>
    public OrganizationServiceStore(CrmEndpoint endpoint, CrmContext context, TimeSpan? directoryMaxAge = null)
        : this(endpoint, context, directoryMaxAge, null)
    {
    }

    /// <summary>Initializes a store over a service of another version; nothing is asked yet.</summary>
    /// <param name="endpoint">Where the organization is, and as whom to log in.</param>
    /// <param name="context">Clock, network and limits.</param>
    /// <param name="directoryMaxAge">As above.</param>
    /// <param name="dialect">The form of its messages.</param>
    internal OrganizationServiceStore(CrmEndpoint endpoint, CrmContext context, TimeSpan? directoryMaxAge, SoapDialect? dialect)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentNullException.ThrowIfNull(context);
        Connection = new OrganizationConnection(endpoint, context, dialect);
        directory = new CachedValue<OrganizationDirectory>(
            context.Clock, directoryMaxAge ?? OrganizationDirectory.DefaultMaxAge, stop => OrganizationReader.ReadDirectoryAsync(Connection, stop));
        tables = new CachedValue<TableDirectory>(context.Clock, TableDirectory.MaxAge, stop => TableDefinitions.ReadAsync(Connection, stop));
        outbox = new OrganizationOutbox(Connection);
    }

    /// <summary>Gets the connection, for what is asked of the same organization beside its records.</summary>
    internal OrganizationConnection Connection { get; }

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
        return await new EmailQueries(Connection, known, settings).ReadAsync(query, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    /// <remarks>Not one transaction: these servers change one row at a time. An attempt that breaks off leaves a draft, which the next one deletes.</remarks>
    public async ValueTask<CreateEmailResult> CreateEmailAsync(NewEmail email, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(email);
        EmailCreation creation = await CreationAsync(cancellationToken).ConfigureAwait(false);
        return await creation.CreateAsync(email, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> AddToQueueAsync(Guid activityId, Guid queueId, CancellationToken cancellationToken)
    {
        EmailCreation creation = await CreationAsync(cancellationToken).ConfigureAwait(false);
        return await creation.AddToQueueAsync(activityId, queueId, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<PendingEmail>> ClaimPendingAsync(ClaimRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        TableDirectory known = await tables.GetAsync(cancellationToken).ConfigureAwait(false);
        OrganizationDirectory present = await directory.GetAsync(cancellationToken).ConfigureAwait(false);
        return await outbox.ClaimAsync(request, present, known, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask CompleteAsync(PendingEmail email, SendOutcome outcome, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(email);
        ArgumentNullException.ThrowIfNull(outcome);
        TableDirectory known = await tables.GetAsync(cancellationToken).ConfigureAwait(false);
        await outbox.CompleteAsync(email, outcome, known, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<BounceResult> ReportBounceAsync(BounceReport report, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(report);
        return outbox.ReportBounceAsync(report, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<CrmAccess> ReportAccessAsync(CancellationToken cancellationToken)
    {
        OrganizationDirectory present = await directory.RefreshAsync(cancellationToken).ConfigureAwait(false);
        return await new OrganizationAccess(Connection, present).ReportAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<EmailActivity?> GetEmailAsync(Guid activityId, CancellationToken cancellationToken)
    {
        TableDirectory known = await tables.GetAsync(cancellationToken).ConfigureAwait(false);
        return await new EmailSearch(Connection, known).GetAsync(activityId, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<EmailActivity> FindEmailsAsync(EmailFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        TableDirectory known = await tables.GetAsync(cancellationToken).ConfigureAwait(false);
        await foreach (EmailActivity email in new EmailSearch(Connection, known).FindAsync(filter, cancellationToken).ConfigureAwait(false))
            yield return email;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        outbox.Dispose();
        directory.Dispose();
        tables.Dispose();
        Connection.Dispose();
        return ValueTask.CompletedTask;
    }

    private async ValueTask<EmailCreation> CreationAsync(CancellationToken cancellationToken) => new(
        Connection,
        await tables.GetAsync(cancellationToken).ConfigureAwait(false),
        await directory.GetAsync(cancellationToken).ConfigureAwait(false));
}

using EmailRouter.Crm.Organization.Soap;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Organization;

/// <summary>
/// An organization of Dynamics CRM 2011, 2013 or 2015 (and later ones that still have it) by Organization.svc, as the records that the router's own engine
/// decides over.
/// </summary>
/// <remarks>
/// Promoting is not one transaction: these servers change one row at a time. An attempt that breaks off leaves a draft, which the next one deletes. Safe for use by
/// many at once.
/// </remarks>
public sealed class OrganizationServiceStore : ServerStore
{
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
        : this(new OrganizationConnection(endpoint, context, dialect), context, directoryMaxAge)
    {
    }

    private OrganizationServiceStore(OrganizationConnection connection, CrmContext context, TimeSpan? directoryMaxAge)
        : base(context, directoryMaxAge, stop => OrganizationReader.ReadDirectoryAsync(connection, stop), stop => TableDefinitions.ReadAsync(connection, stop))
    {
        Connection = connection;
        outbox = new OrganizationOutbox(connection);
    }

    /// <summary>Gets the connection, for what is asked of the same organization beside its records.</summary>
    internal OrganizationConnection Connection { get; }

    private protected override ValueTask<RecordLookup> LookupAsync(
        RecordQuery query, TableDirectory known, OrganizationSettings settings, CancellationToken cancellationToken) =>
        new EmailQueries(Connection, known, settings).ReadAsync(query, cancellationToken);

    private protected override ValueTask<CreateEmailResult> CreateEmailAsync(
        NewEmail email, TableDirectory known, OrganizationDirectory present, CancellationToken cancellationToken) =>
        new EmailCreation(Connection, known, present).CreateAsync(email, cancellationToken);

    private protected override ValueTask<bool> AddToQueueAsync(
        Guid activityId, Guid queueId, TableDirectory known, OrganizationDirectory present, CancellationToken cancellationToken) =>
        new EmailCreation(Connection, known, present).AddToQueueAsync(activityId, queueId, cancellationToken);

    private protected override ValueTask<IReadOnlyList<PendingEmail>> ClaimPendingAsync(
        ClaimRequest request, TableDirectory known, OrganizationDirectory present, CancellationToken cancellationToken) =>
        outbox.ClaimAsync(request, present, known, cancellationToken);

    private protected override ValueTask CompleteAsync(PendingEmail email, SendOutcome outcome, TableDirectory known, CancellationToken cancellationToken) =>
        outbox.CompleteAsync(email, outcome, known, cancellationToken);

    private protected override ValueTask<BounceResult> ReportBounceAsync(BounceReport report, TableDirectory known, CancellationToken cancellationToken) =>
        outbox.ReportBounceAsync(report, cancellationToken);

    private protected override ValueTask<CrmAccess> ReportAccessAsync(OrganizationDirectory present, CancellationToken cancellationToken) =>
        new OrganizationAccess(Connection, present).ReportAsync(cancellationToken);

    private protected override ValueTask<EmailActivity?> GetEmailAsync(Guid activityId, TableDirectory known, CancellationToken cancellationToken) =>
        new EmailSearch(Connection, known).GetAsync(activityId, cancellationToken);

    private protected override IAsyncEnumerable<EmailActivity> FindEmailsAsync(EmailFilter filter, TableDirectory known, CancellationToken cancellationToken) =>
        new EmailSearch(Connection, known).FindAsync(filter, cancellationToken);

    private protected override ValueTask CloseAsync()
    {
        outbox.Dispose();
        Connection.Dispose();
        return ValueTask.CompletedTask;
    }
}

using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse;

/// <summary>
/// An organization of Dataverse, Dynamics 365 or Dynamics CRM 2016 and later by the Web API, as the records that the router's own engine decides over.
/// </summary>
/// <remarks>
/// Deciding about an email costs at most one request and promoting it one, once settings and definitions are known; the more emails are worked on at once, the
/// more of them share a request. Safe for use by many at once. Not every fact has a column: see the documentation of smart matching, of reasons for failures
/// and of conversations in the project's documentation of Dataverse.
/// </remarks>
public sealed class DataverseStore : ServerStore
{
    // The service takes 52 requests of a user at once; others want to work there too.
    private const int RequestsAtOnce = 8;

    // The server works through a request one part after the other: a few messages save round trips, many would wait for one another.
    private const int MessagesPerRequest = 4;

    private readonly PendingReader pending;
    private readonly OutcomeWriter outcomes;
    private readonly SharedBatches promotions;

    /// <summary>Initializes a store; nothing is asked yet.</summary>
    /// <param name="endpoint">Where the organization is, and as whom to log in.</param>
    /// <param name="context">Clock, network and limits.</param>
    /// <param name="directoryMaxAge">How old settings and mailboxes may be before they are read again; null: 5 minutes. Zero: they are read every time.</param>
    public DataverseStore(CrmEndpoint endpoint, CrmContext context, TimeSpan? directoryMaxAge = null)
        : this(new WebApiConnection(endpoint, context), context, directoryMaxAge)
    {
    }

    private DataverseStore(WebApiConnection connection, CrmContext context, TimeSpan? directoryMaxAge)
        : base(context, directoryMaxAge, stop => MailboxReader.ReadAsync(connection, stop), stop => TableReader.ReadAsync(connection, stop))
    {
        Connection = connection;
        pending = new PendingReader(connection);
        outcomes = new OutcomeWriter(connection, pending);
        promotions = new SharedBatches(connection, RequestsAtOnce * connection.Users.Count, MessagesPerRequest);
    }

    /// <inheritdoc/>
    public override int MaxConcurrency => RequestsAtOnce * MessagesPerRequest;

    /// <summary>Gets the connection, for what is asked of the same organization beside its records.</summary>
    internal WebApiConnection Connection { get; }

    private protected override ValueTask<RecordLookup> LookupAsync(
        RecordQuery query, TableDirectory known, OrganizationSettings settings, CancellationToken cancellationToken) =>
        new LookupReader(Connection, promotions, known, settings).ReadAsync(query, cancellationToken);

    private protected override ValueTask<CreateEmailResult> CreateEmailAsync(
        NewEmail email, TableDirectory known, OrganizationDirectory present, CancellationToken cancellationToken) =>
        new EmailWriter(Connection, promotions, known, present).CreateAsync(email, cancellationToken);

    private protected override ValueTask<bool> AddToQueueAsync(
        Guid activityId, Guid queueId, TableDirectory known, OrganizationDirectory present, CancellationToken cancellationToken) =>
        new EmailWriter(Connection, promotions, known, present).AddToQueueAsync(activityId, queueId, cancellationToken);

    private protected override ValueTask<IReadOnlyList<PendingEmail>> ClaimPendingAsync(
        ClaimRequest request, TableDirectory known, OrganizationDirectory present, CancellationToken cancellationToken) =>
        pending.ClaimAsync(request, present, known, cancellationToken);

    private protected override ValueTask CompleteAsync(PendingEmail email, SendOutcome outcome, TableDirectory known, CancellationToken cancellationToken) =>
        new(outcomes.WriteAsync(email, outcome, known, cancellationToken));

    private protected override ValueTask<BounceResult> ReportBounceAsync(BounceReport report, TableDirectory known, CancellationToken cancellationToken) =>
        new BounceWriter(Connection, known).ReportAsync(report, cancellationToken);

    private protected override ValueTask<CrmAccess> ReportAccessAsync(OrganizationDirectory present, CancellationToken cancellationToken) =>
        new AccessReporter(Connection, present).ReportAsync(cancellationToken);

    private protected override ValueTask<EmailActivity?> GetEmailAsync(Guid activityId, TableDirectory known, CancellationToken cancellationToken) =>
        new EmailFinder(Connection, known).GetAsync(activityId, cancellationToken);

    private protected override IAsyncEnumerable<EmailActivity> FindEmailsAsync(EmailFilter filter, TableDirectory known, CancellationToken cancellationToken) =>
        new EmailFinder(Connection, known).FindAsync(filter, cancellationToken);

    private protected override async ValueTask CloseAsync()
    {
        await outcomes.DisposeAsync().ConfigureAwait(false);
        await promotions.DisposeAsync().ConfigureAwait(false);
        pending.Dispose();
        Connection.Dispose();
    }
}

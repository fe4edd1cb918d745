using System.Runtime.CompilerServices;
using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Server;
using EmailRouter.Shared.Caching;

namespace EmailRouter.Crm.Dataverse;

/// <summary>
/// An organization of Dataverse, Dynamics 365 or Dynamics CRM 2016 and later by the Web API, as the records that the router's own engine decides over.
/// </summary>
/// <remarks>
/// Deciding about an email costs at most one request and promoting it one, once settings and definitions are known; the more emails are worked on at once, the
/// more of them share a request. Safe for use by many at once. Not every fact has a column: see the documentation of smart matching, of reasons for failures
/// and of conversations in the project's documentation of Dataverse.
/// </remarks>
public sealed class DataverseStore : IRecordStore, IAccessReport, IEmailActivities
{
    // The service takes 52 requests of a user at once; others want to work there too.
    private const int RequestsAtOnce = 8;

    // The server works through a request one part after the other: a few messages save round trips, many would wait for one another.
    private const int MessagesPerRequest = 4;

    private readonly WebApiConnection connection;
    private readonly CachedValue<OrganizationDirectory> directory;
    private readonly CachedValue<TableDirectory> tables;
    private readonly PendingReader pending;
    private readonly OutcomeWriter outcomes;
    private readonly SharedBatches promotions;

    /// <summary>Initializes a store; nothing is asked yet.</summary>
    /// <param name="endpoint">Where the organization is, and as whom to log in.</param>
    /// <param name="context">Clock, network and limits.</param>
    /// <param name="directoryMaxAge">How old settings and mailboxes may be before they are read again; null: 5 minutes. Zero: they are read every time.</param>
    public DataverseStore(CrmEndpoint endpoint, CrmContext context, TimeSpan? directoryMaxAge = null)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentNullException.ThrowIfNull(context);
        connection = new WebApiConnection(endpoint, context);
        directory = new CachedValue<OrganizationDirectory>(
            context.Clock, directoryMaxAge ?? OrganizationDirectory.DefaultMaxAge, stop => MailboxReader.ReadAsync(connection, stop));
        tables = new CachedValue<TableDirectory>(context.Clock, TableDirectory.MaxAge, stop => TableReader.ReadAsync(connection, stop));
        pending = new PendingReader(connection);
        outcomes = new OutcomeWriter(connection, pending);
        promotions = new SharedBatches(connection, RequestsAtOnce * endpoint.Credentials.Count, MessagesPerRequest);
    }

    /// <inheritdoc/>
    public int MaxConcurrency => RequestsAtOnce * MessagesPerRequest;

    /// <summary>Gets the connection, for what is asked of the same organization beside its records.</summary>
    internal WebApiConnection Connection => connection;

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
        return await new LookupReader(connection, promotions, known, settings).ReadAsync(query, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<CreateEmailResult> CreateEmailAsync(NewEmail email, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(email);
        EmailWriter writer = await WriterAsync(cancellationToken).ConfigureAwait(false);
        return await writer.CreateAsync(email, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> AddToQueueAsync(Guid activityId, Guid queueId, CancellationToken cancellationToken)
    {
        EmailWriter writer = await WriterAsync(cancellationToken).ConfigureAwait(false);
        return await writer.AddToQueueAsync(activityId, queueId, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<PendingEmail>> ClaimPendingAsync(ClaimRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        TableDirectory known = await tables.GetAsync(cancellationToken).ConfigureAwait(false);
        OrganizationDirectory present = await directory.GetAsync(cancellationToken).ConfigureAwait(false);
        return await pending.ClaimAsync(request, present, known, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    /// <remarks>Completions that come at about the same time travel together.</remarks>
    public async ValueTask CompleteAsync(PendingEmail email, SendOutcome outcome, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(email);
        ArgumentNullException.ThrowIfNull(outcome);
        TableDirectory known = await tables.GetAsync(cancellationToken).ConfigureAwait(false);
        await outcomes.WriteAsync(email, outcome, known, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<BounceResult> ReportBounceAsync(BounceReport report, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(report);
        TableDirectory known = await tables.GetAsync(cancellationToken).ConfigureAwait(false);
        return await new BounceWriter(connection, known).ReportAsync(report, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<CrmAccess> ReportAccessAsync(CancellationToken cancellationToken)
    {
        OrganizationDirectory present = await directory.RefreshAsync(cancellationToken).ConfigureAwait(false);
        return await new AccessReporter(connection, present).ReportAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<EmailActivity?> GetEmailAsync(Guid activityId, CancellationToken cancellationToken)
    {
        var finder = new EmailFinder(connection, await tables.GetAsync(cancellationToken).ConfigureAwait(false));
        return await finder.GetAsync(activityId, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<EmailActivity> FindEmailsAsync(EmailFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        var finder = new EmailFinder(connection, await tables.GetAsync(cancellationToken).ConfigureAwait(false));
        await foreach (EmailActivity email in finder.FindAsync(filter, cancellationToken).ConfigureAwait(false))
            yield return email;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await outcomes.DisposeAsync().ConfigureAwait(false);
        await promotions.DisposeAsync().ConfigureAwait(false);
        pending.Dispose();
        directory.Dispose();
        tables.Dispose();
        connection.Dispose();
    }

    private async ValueTask<EmailWriter> WriterAsync(CancellationToken cancellationToken) => new(
        connection,
        promotions,
        await tables.GetAsync(cancellationToken).ConfigureAwait(false),
        await directory.GetAsync(cancellationToken).ConfigureAwait(false));
}

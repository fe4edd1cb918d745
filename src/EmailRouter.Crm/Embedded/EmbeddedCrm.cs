using System.Runtime.CompilerServices;
using EmailRouter.Crm.Embedded.Storage;
using EmailRouter.Sqlite;

namespace EmailRouter.Crm.Embedded;

/// <summary>
/// A small CRM in one SQLite file, or in memory: organization settings, users, queues, accounts, contacts, leads, email-enabled tables of one's own, email
/// activities, queue items. Tables and columns have their names from Dataverse. It is the default organization, the lab's, and the reference behaviour.
/// </summary>
/// <remarks>
/// Every task that writes ends when the write is on the disk; writes that wait together share one flush. Several processes may use the file at the same
/// time. All members may be called from any thread.
/// </remarks>
public sealed partial class EmbeddedCrm : IRecordStore, IEmailActivities, IAccessReport
{
    private readonly SqliteFile file;
    private readonly EmbeddedCrmOptions options;
    private readonly object randomGate = new();

    private EmbeddedCrm(SqliteFile file, EmbeddedCrmOptions options)
    {
        this.file = file;
        this.options = options;
    }

    /// <summary>Opens an embedded CRM; creates it, or brings its schema up to date, when needed.</summary>
    /// <param name="options">Where, and how.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The open CRM.</returns>
    /// <exception cref="CrmException">
    /// <c>CrmStoreMissing</c>, <c>CrmStoreDenied</c>, <c>CrmStoreLocked</c>, <c>CrmStoreFull</c>, <c>CrmStoreCorrupt</c>, <c>CrmStoreForeign</c> (a database of
    /// another program), <c>CrmStoreNewer</c> (written by a later version), <c>CrmStoreFailed</c>.
    /// </exception>
    public static async ValueTask<EmbeddedCrm> OpenAsync(EmbeddedCrmOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        string store = options.Path is null ? "(in memory)" : Path.GetFullPath(options.Path);
        if (options.Path is not null && !options.Create && !File.Exists(store) && !Directory.Exists(store))
            throw StoreErrors.Missing(store);
        SqliteFile file = await SqliteFile.OpenAsync(
            new SqliteFileOptions
            {
                Path = options.Path is null ? SqliteFileOptions.InMemory : store,
                ApplicationId = Schema.ApplicationId,
                Migrations = Schema.Migrations,
                BusyTimeout = options.LockTimeout,
                Translate = (fault, detail, cause) => StoreErrors.Explain(store, fault, detail, cause),
                Configure = connection => StoreSql.Configure(connection, options.MaxSize),
            },
            cancellationToken).ConfigureAwait(false);
        var crm = new EmbeddedCrm(file, options);
        try
        {
            if (!await file.ReadAsync(s => s.Any("SELECT 1 FROM organization"), cancellationToken).ConfigureAwait(false))
                await file.WriteAsync(s => OrganizationTable.Ensure(s, crm.NewId(), options.OrganizationName, crm.Now),
                    cancellationToken).ConfigureAwait(false);
            return crm;
        }
        catch
        {
            await file.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Gets the path of the file; null for a CRM in memory.</summary>
    public string? FilePath => options.Path is null ? null : Path.GetFullPath(options.Path);

    internal DateTimeOffset Now => options.Clock.GetUtcNow();

    /// <inheritdoc/>
    public async ValueTask<OrganizationSettings> GetSettingsAsync(CancellationToken cancellationToken) =>
        await file.ReadAsync(OrganizationTable.Read, cancellationToken).ConfigureAwait(false);

    /// <summary>Reads the organization's settings by name: columns of <c>organization</c>, switches of <c>orgdborgsettings</c>, and the router's own.</summary>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>All settings with their values, those left at their defaults too.</returns>
    /// <exception cref="CrmException">The store cannot be read.</exception>
    public async ValueTask<IReadOnlyDictionary<string, object?>> GetOrganizationAsync(CancellationToken cancellationToken) =>
        await file.ReadAsync(OrganizationTable.ReadAll, cancellationToken).ConfigureAwait(false);

    /// <summary>Changes settings of the organization.</summary>
    /// <param name="settings">
    /// The new values by name; null brings a default back. A new <c>trackingprefix</c> keeps the earlier ones as its history. Lists are separated by
    /// semicolons.
    /// </param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when the change is on the disk.</returns>
    /// <exception cref="CrmException"><c>CrmColumnUnknown</c>, <c>CrmRecordInvalid</c>, or the store cannot be written.</exception>
    public async ValueTask SetOrganizationAsync(IReadOnlyDictionary<string, object?> settings, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(settings);
        await WriteAsync(s => OrganizationTable.Write(s, settings), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<CrmMailbox> GetMailboxesAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (CrmMailbox mailbox in await file.ReadAsync(s => MailboxTable.List(s), cancellationToken).ConfigureAwait(false))
            yield return mailbox;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => file.DisposeAsync();

    internal Guid NewId()
    {
        if (options.Random is not { } random)
            return Guid.NewGuid();
        byte[] bytes = new byte[16];
        lock (randomGate)
            random.NextBytes(bytes);
        bytes[7] = (byte)((bytes[7] & 0x0F) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes);
    }

    private async ValueTask WriteAsync(Action<SqliteSession> write, CancellationToken cancellationToken) => await file.WriteAsync(
        s =>
        {
            write(s);
            return true;
        },
        cancellationToken).ConfigureAwait(false);
}

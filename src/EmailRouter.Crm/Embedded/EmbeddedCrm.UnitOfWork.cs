namespace EmailRouter.Crm.Embedded;

/// <content>Several reads or changes as one.</content>
public sealed partial class EmbeddedCrm
{
    /// <summary>Runs several changes as one: all of them happen, or none.</summary>
    /// <typeparam name="T">What the work returns.</typeparam>
    /// <param name="work">
    /// The work. It must not keep the unit of work, and its only effects are those in the CRM: it runs a second time when a transaction shared with others
    /// was lost. An exception takes back everything it did.
    /// </param>
    /// <param name="cancellationToken">Takes the work back while it has not begun.</param>
    /// <returns>What the work returned.</returns>
    /// <exception cref="CrmException">A change was refused, or the store cannot be written.</exception>
    public async ValueTask<T> ChangeAsync<T>(Func<CrmUnitOfWork, T> work, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(work);
        return await file.WriteAsync(s => work(new CrmUnitOfWork(this, s, isReadOnly: false)), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads several things from one consistent state.</summary>
    /// <typeparam name="T">What the work returns.</typeparam>
    /// <param name="work">The work; it must not keep the unit of work.</param>
    /// <param name="cancellationToken">Stops the reading before it begins.</param>
    /// <returns>What the work returned.</returns>
    /// <exception cref="CrmException">The store cannot be read.</exception>
    public async ValueTask<T> ReadAsync<T>(Func<CrmUnitOfWork, T> work, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(work);
        return await file.ReadAsync(s => work(new CrmUnitOfWork(this, s, isReadOnly: true)), cancellationToken).ConfigureAwait(false);
    }
}

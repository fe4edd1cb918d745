namespace EmailRouter.Crm;

/// <summary>
/// An organization whose email activities can be looked at. An <see cref="IOrganization"/> or <see cref="IRecordStore"/> implements it beside its own contract.
/// </summary>
public interface IEmailActivities
{
    /// <summary>Reads an email activity with its parties, the names of its attachments, and its queue items.</summary>
    /// <param name="activityId">The email activity.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The email activity; null when there is none.</returns>
    /// <exception cref="CrmException">The organization cannot be read.</exception>
    ValueTask<EmailActivity?> GetEmailAsync(Guid activityId, CancellationToken cancellationToken);

    /// <summary>Finds email activities, newest first. They are read in pages while the caller goes on.</summary>
    /// <param name="filter">Which.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <returns>The email activities, as complete as those of <see cref="GetEmailAsync"/>.</returns>
    /// <exception cref="CrmException">The organization cannot be read.</exception>
    IAsyncEnumerable<EmailActivity> FindEmailsAsync(EmailFilter filter, CancellationToken cancellationToken);
}

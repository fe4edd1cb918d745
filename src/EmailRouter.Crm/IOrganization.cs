namespace EmailRouter.Crm;

/// <summary>What is known about an organization without asking about a message: its settings and its mailboxes.</summary>
public interface IOrganizationDirectory : IAsyncDisposable
{
    /// <summary>Reads the organization's email settings.</summary>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The settings.</returns>
    /// <exception cref="CrmException">The organization cannot be read.</exception>
    ValueTask<OrganizationSettings> GetSettingsAsync(CancellationToken cancellationToken);

    /// <summary>Lists users, queues and forward mailboxes that have an address, active ones and others.</summary>
    /// <param name="cancellationToken">Stops the listing.</param>
    /// <returns>The mailboxes.</returns>
    /// <exception cref="CrmException">The organization cannot be read.</exception>
    IAsyncEnumerable<CrmMailbox> GetMailboxesAsync(CancellationToken cancellationToken);
}

/// <summary>Where pending emails wait to be sent.</summary>
public interface IOutbox
{
    /// <summary>
    /// Claims pending emails: each goes from Pending Send to Sending with a change that only one claimer can win, and gets a tracking token when the
    /// organization uses tokens and it has none. Emails stuck in Sending longer than <see cref="ClaimRequest.StuckAfter"/> are taken back first.
    /// </summary>
    /// <param name="request">How many, whose, and the time limits.</param>
    /// <param name="cancellationToken">Stops the claim.</param>
    /// <returns>The claimed emails, fairly over the senders: highest priority, then oldest first within a sender.</returns>
    /// <exception cref="CrmException">The organization cannot be reached, or refuses.</exception>
    ValueTask<IReadOnlyList<PendingEmail>> ClaimPendingAsync(ClaimRequest request, CancellationToken cancellationToken);

    /// <summary>Writes back what became of a claimed email. Doing it twice changes nothing.</summary>
    /// <param name="email">An email of <see cref="ClaimPendingAsync"/>.</param>
    /// <param name="outcome">What became of it.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task that ends when the organization has confirmed.</returns>
    /// <exception cref="CrmException">The organization cannot be reached, or refuses.</exception>
    ValueTask CompleteAsync(PendingEmail email, SendOutcome outcome, CancellationToken cancellationToken);

    /// <summary>
    /// Finds the sent email that a mail server reports as undeliverable, and marks it failed with the reason for each recipient. Only an email in Sent (or failed by an
    /// earlier report) whose Message-ID or id the report names exactly is changed, and only for recipients it has. Doing it twice changes nothing.
    /// </summary>
    /// <param name="report">What the server reports.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>What was found and done.</returns>
    /// <exception cref="CrmException">The organization cannot be reached, or refuses.</exception>
    ValueTask<BounceResult> ReportBounceAsync(BounceReport report, CancellationToken cancellationToken);
}

/// <summary>
/// One CRM instance as the router uses it. The original product asked the CRM server to decide (CheckIncomingEmail, DeliverIncomingEmail); servers that
/// still offer that stay the authority, for the others the router's own engine decides over an <see cref="IRecordStore"/>.
/// </summary>
public interface IOrganization : IOrganizationDirectory, IOutbox
{
    /// <summary>Gets how many emails of one mailbox are worth working on at once. Defaults to 8; more where round trips are shared.</summary>
    int MaxConcurrency => 8;

    /// <summary>Decides whether an email is to be promoted. Changes nothing.</summary>
    /// <param name="email">The email.</param>
    /// <param name="cancellationToken">Stops the check.</param>
    /// <returns>The decision with its evidence.</returns>
    /// <exception cref="CrmException">The organization cannot be reached, or refuses.</exception>
    ValueTask<CheckResult> CheckAsync(IncomingEmail email, CancellationToken cancellationToken);

    /// <summary>Promotes an email that <see cref="CheckAsync"/> accepted. Doing it twice makes one record.</summary>
    /// <param name="email">The email.</param>
    /// <param name="check">The result of the check of this very email.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The email activity's id and what was left out of it.</returns>
    /// <exception cref="CrmException">The organization cannot be reached, or refuses.</exception>
    ValueTask<DeliverResult> DeliverAsync(IncomingEmail email, CheckResult check, CancellationToken cancellationToken);
}

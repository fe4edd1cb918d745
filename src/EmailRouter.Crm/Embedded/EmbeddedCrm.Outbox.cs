using EmailRouter.Crm.Embedded.Storage;

namespace EmailRouter.Crm.Embedded;

/// <content>Pending email: claimed, sent, given back.</content>
public sealed partial class EmbeddedCrm
{
    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<PendingEmail>> ClaimPendingAsync(ClaimRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.MaxCount <= 0 || !await file.ReadAsync(s => OutboxTable.HasWork(s, request, Now), cancellationToken).ConfigureAwait(false))
            return [];
        return await file.WriteAsync(
            s => request.PeekOnly ? OutboxTable.Peek(s, request, Now, NewId, Opener) : OutboxTable.Claim(s, request, Now, NewId, Opener), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask CompleteAsync(PendingEmail email, SendOutcome outcome, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(email);
        ArgumentNullException.ThrowIfNull(outcome);
        await WriteAsync(s => OutboxTable.Complete(s, email, outcome, Now), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<BounceResult> ReportBounceAsync(BounceReport report, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(report);
        BounceResult seen = await file.ReadAsync(s => BounceTable.Find(s, report).Result, cancellationToken).ConfigureAwait(false);
        return report.PeekOnly || !seen.Changed ? seen : await file.WriteAsync(s => BounceTable.Report(s, report, Now), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Says why an email can or cannot be claimed for sending now: its status, its sender, its times.</summary>
    /// <param name="activityId">The email.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>One line for each condition; the email can be claimed when none rejects.</returns>
    /// <exception cref="CrmException"><c>CrmRecordMissing</c>, or the store cannot be read.</exception>
    public async ValueTask<IReadOnlyList<Evidence>> ExplainPendingAsync(Guid activityId, CancellationToken cancellationToken) =>
        await file.ReadAsync(s => OutboxTable.Explain(s, activityId, Now), cancellationToken).ConfigureAwait(false);

    private Func<CancellationToken, ValueTask<Stream>> Opener(long attachmentKey, long size) =>
        _ => ValueTask.FromResult<Stream>(new AttachmentStream(file, attachmentKey, size));
}

namespace EmailRouter.Crm.Embedded;

/// <content>Pending email: claimed, sent, given back.</content>
public sealed partial class EmbeddedCrm
{
    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<PendingEmail>> ClaimPendingAsync(ClaimRequest request, CancellationToken cancellationToken) => ValueTask.FromResult<IReadOnlyList<PendingEmail>>([]);

    /// <inheritdoc/>
    public ValueTask CompleteAsync(PendingEmail email, SendOutcome outcome, CancellationToken cancellationToken) => ValueTask.CompletedTask;
}

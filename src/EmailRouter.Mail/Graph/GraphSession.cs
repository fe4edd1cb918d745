using System.Runtime.CompilerServices;
using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Graph;

/// <summary>One open mailbox: one or more of its folders.</summary>
/// <remarks>
/// Settlements are noted and done together by <see cref="CompleteAsync"/>. Nothing is kept open between requests, so there is nothing that could be lost.
/// </remarks>
internal sealed class GraphSession(GraphClient client, GraphFolders folders, IReadOnlyList<GraphFolder> chosen) : IMailboxSession
{
    private readonly GraphListing listing = new(client, folders);
    private readonly GraphFetcher fetcher = new(client);
    private readonly GraphSettler settler = new(client, folders);
    private bool fetching;
    private bool completed;

    /// <inheritdoc/>
    public SettlementKinds Settlements =>
        SettlementKinds.Keep | SettlementKinds.MarkRead | SettlementKinds.Delete | SettlementKinds.Move | SettlementKinds.Categorize;

    /// <inheritdoc/>
    public MailboxCursor? Position => listing.Position;

    /// <inheritdoc/>
    public IAsyncEnumerable<MessageRef> ListAsync(MailboxCursor since, CancellationToken cancellationToken)
    {
        EnsureIdle();
        return listing.ReadAsync(chosen, since, cancellationToken);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<FetchedMessage> FetchAsync(IReadOnlyList<MessageRef> messages, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messages);
        EnsureIdle();
        fetching = true;
        try
        {
            await foreach (FetchedMessage fetched in fetcher.ReadAsync(messages, cancellationToken).ConfigureAwait(false))
                yield return fetched;
        }
        finally
        {
            fetching = false;
        }
    }

    /// <inheritdoc/>
    public ValueTask<FetchedMessage> FetchHeaderAsync(MessageRef message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        EnsureIdle();
        return fetcher.FetchHeaderAsync(message, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask SettleAsync(MessageRef message, Settlement how, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(how);
        cancellationToken.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(completed, this);
        if (how.Kind == SettlementKinds.None || !Settlements.HasFlag(how.Kind))
        {
            throw new MailCommandException(
                "MailSettlementNotSupported", MailStep.Settle, $"{client.Where("settle")}: this mailbox can {Settlements}, not {how.Kind}.", "Choose another settlement in the profile.");
        }

        if (how.Kind == SettlementKinds.Move && string.IsNullOrWhiteSpace(how.Folder))
            throw new ArgumentException("A move needs a folder.", nameof(how));
        if (how.Kind == SettlementKinds.Categorize && string.IsNullOrWhiteSpace(how.Category))
            throw new ArgumentException("A category needs a name.", nameof(how));
        if (how.Kind != SettlementKinds.Keep)
            settler.Note(message, how);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public async ValueTask CompleteAsync(CancellationToken cancellationToken)
    {
        EnsureIdle();
        completed = true;
        int count = settler.Count;
        await MailSteps.RunAsync(
            client.Context,
            MailStep.Complete,
            async () => await settler.RunAsync(cancellationToken).ConfigureAwait(false) is { } refused ? throw refused : (true, $"{count} settled")).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    /// <remarks>Always false at once: the service announces mail only to an address that it can reach itself (change notifications).</remarks>
    public ValueTask<bool> WaitForMailAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        EnsureIdle();
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(false);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        completed = true;
        client.Dispose();
        return ValueTask.CompletedTask;
    }

    private void EnsureIdle()
    {
        ObjectDisposedException.ThrowIf(completed, this);
        if (fetching)
            throw new InvalidOperationException("The session is fetching; finish that first, or end its enumeration.");
    }
}

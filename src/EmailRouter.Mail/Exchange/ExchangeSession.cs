using System.Runtime.CompilerServices;
using EmailRouter.Mail.Exchange.Soap;
using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Exchange;

/// <summary>One open Exchange mailbox: one or more of its folders.</summary>
/// <remarks>Settlements are noted and done a hundred at a time, the last of them by <see cref="CompleteAsync"/>. Doing one again is harmless.</remarks>
internal sealed class ExchangeSession(
    EwsChannel channel, ExchangeFolders paths, IReadOnlyList<(string Name, ExchangeFolderId Folder)> folders, ExchangeOptions options, MailContext context) : IMailboxSession
{
    private readonly ExchangeListing listing = new(channel);
    private readonly ExchangeSettler settler = new(channel, paths, options);
    private readonly ExchangePush push = new(channel, context);
    private bool completed;
    private bool fetching;

    /// <inheritdoc/>
    public SettlementKinds Settlements =>
        SettlementKinds.Keep | SettlementKinds.MarkRead | SettlementKinds.Delete | SettlementKinds.Move | SettlementKinds.Categorize;

    /// <inheritdoc/>
    public MailboxCursor? Position => listing.Position;

    /// <inheritdoc/>
    public IAsyncEnumerable<MessageRef> ListAsync(MailboxCursor since, CancellationToken cancellationToken)
    {
        EnsureIdle();
        return listing.ReadAsync(folders, since, cancellationToken);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<FetchedMessage> FetchAsync(IReadOnlyList<MessageRef> messages, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messages);
        EnsureIdle();
        fetching = true;
        try
        {
            await foreach (FetchedMessage fetched in new ExchangeFetcher(channel, context).ReadAsync(messages, cancellationToken).ConfigureAwait(false))
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
        return new ExchangeFetcher(channel, context).ReadHeaderAsync(message, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask SettleAsync(MessageRef message, Settlement how, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(how);
        cancellationToken.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(completed, this);
        if (how.Kind == SettlementKinds.None || !Settlements.HasFlag(how.Kind))
        {
            throw new MailCommandException(
                "MailSettlementNotSupported", MailStep.Settle, $"{channel.Where}: this mailbox can {Settlements}, not {how.Kind}.", "Choose another settlement in the profile.");
        }

        if (how.Kind == SettlementKinds.Move && string.IsNullOrWhiteSpace(how.Folder))
            throw new ArgumentException("A move needs a folder.", nameof(how));
        if (how.Kind == SettlementKinds.Categorize && string.IsNullOrWhiteSpace(how.Category))
            throw new ArgumentException("A category needs a name.", nameof(how));
        if (how.Kind == SettlementKinds.Keep)
            return;
        settler.Note(message, how);
        if (settler.IsFull)
            await settler.RunAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask CompleteAsync(CancellationToken cancellationToken)
    {
        EnsureIdle();
        completed = true;
        await MailSteps.RunAsync(
            context,
            MailStep.Complete,
            async () =>
            {
                await settler.RunAsync(cancellationToken).ConfigureAwait(false);
                await EndPushAsync(cancellationToken).ConfigureAwait(false);
                return settler.Refusal() is { } refused ? throw refused : (settler.Count, $"{settler.Count} settled");
            }).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> WaitForMailAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        EnsureIdle();
        long started = context.Clock.GetTimestamp();
        try
        {
            if (!push.IsSubscribed)
            {
                await push.SubscribeAsync(folders.Select(f => f.Folder), cancellationToken).ConfigureAwait(false);

                // What came between the listing and the subscription is announced by nobody.
                if (listing.Position is not null && await listing.HasArrivalsAsync(folders, cancellationToken).ConfigureAwait(false))
                    return true;
            }

            TimeSpan rest = atMost - context.Clock.GetElapsedTime(started);
            return rest > TimeSpan.Zero && await push.WaitAsync(rest, cancellationToken).ConfigureAwait(false);
        }
        catch (MailException e)
        {
            // The next poll meets the same trouble and reports it; here it only means that nothing is announced.
            channel.Note($"waiting for mail: {e.Message}");
            push.Forget();
            return false;
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        completed = true;
        channel.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>A subscription that is not ended ends by itself after half an hour, so trouble with that is none.</summary>
    private async ValueTask EndPushAsync(CancellationToken cancellationToken)
    {
        try
        {
            await push.UnsubscribeAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (MailException e)
        {
            channel.Note($"ending the subscription: {e.Message}");
        }
    }

    private void EnsureIdle()
    {
        ObjectDisposedException.ThrowIf(completed, this);
        if (fetching)
            throw new InvalidOperationException("The session is fetching; finish that first, or end its enumeration.");
    }
}

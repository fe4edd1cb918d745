using System.Globalization;
using System.Runtime.CompilerServices;
using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Imap;

/// <summary>One open IMAP mailbox: one or more of its folders.</summary>
/// <remarks>
/// Settlements are noted and done together by <see cref="CompleteAsync"/>. A connection that is lost in between leaves messages as they were, or moved;
/// doing it again is harmless either way.
/// </remarks>
internal sealed class ImapSession(ImapClient client, ImapFolderNames names, IReadOnlyList<string> folders, string sentFolder, MailContext context)
    : IMailboxSession, ISentLookup
{
    private readonly ImapWatch? watch = folders.Count > 1 ? new ImapWatch(folders) : null;
    private ImapListing? listed;
    private readonly ImapSettler settler = new(client, names);
    private bool fetching;
    private bool completed;

    /// <inheritdoc/>
    public SettlementKinds Settlements { get; } = Possible(client.Selected);

    private ProtocolStream Stream => client.Stream;

    private ImapListing Listing => listed ??= new ImapListing(client, watch);

    /// <inheritdoc/>
    public IAsyncEnumerable<MessageRef> ListAsync(MailboxCursor since, CancellationToken cancellationToken)
    {
        EnsureIdle();
        return Listing.ReadAsync(folders, since, cancellationToken);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<FetchedMessage> FetchAsync(
        IReadOnlyList<MessageRef> messages, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messages);
        EnsureIdle();
        fetching = true;
        try
        {
            for (int i = 0; i < messages.Count;)
            {
                ImapLocation first = Locate(messages[i]);
                var together = new List<(MessageRef, uint)>();
                for (; i < messages.Count && Locate(messages[i]) is var place && place with { Uid = first.Uid } == first; i++)
                    together.Add((messages[i], place.Uid));
                if (!await SelectAsync(first, cancellationToken).ConfigureAwait(false))
                {
                    foreach ((MessageRef message, _) in together)
                        yield return new FetchedMessage(message, null, ImapErrors.Gone(Stream, message));
                    continue;
                }

                await foreach (FetchedMessage fetched in new ImapFetcher(client, context).ReadAsync(together, cancellationToken).ConfigureAwait(false))
                    yield return fetched;
            }
        }
        finally
        {
            fetching = false;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<FetchedMessage> FetchHeaderAsync(MessageRef message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        EnsureIdle();
        ImapLocation place = Locate(message);
        if (!await SelectAsync(place, cancellationToken).ConfigureAwait(false))
            return new FetchedMessage(message, null, ImapErrors.Gone(Stream, message));
        FetchedMessage? header = null;
        bool seen = false;
        client.KeepBodies(true);
        string command = string.Create(CultureInfo.InvariantCulture, $"UID FETCH {place.Uid} (UID BODY.PEEK[HEADER])");
        ImapResponse response = await client.ExecuteAsync(MailStep.Fetch, command, Take, cancellationToken).ConfigureAwait(false);
        client.KeepBodies(false);
        if (header is not null)
            return header;
        if (!response.IsOk)
            return new FetchedMessage(message, null, ImapErrors.Unavailable(Stream, message, ImapErrors.Show(Stream, response), response));
        return new FetchedMessage(
            message, null, seen ? ImapErrors.Unavailable(Stream, message, "the server sent it without its header") : ImapErrors.Gone(Stream, message));

        void Take(ImapEvent next)
        {
            if (next.Fetch is not { } data || (data.Uid ?? place.Uid) != place.Uid)
                return;
            seen = true;
            if (data.BodyFailure is { } failure)
                header ??= new FetchedMessage(message, null, MessageErrors.NotKept(Stream, message, failure));
            else if (header is null && data.TakeBody() is { } body)
                header = new FetchedMessage(message, body);
        }
    }

    /// <inheritdoc/>
    public ValueTask SettleAsync(MessageRef message, Settlement how, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(how);
        cancellationToken.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(completed, this);
        if (!Settlements.HasFlag(how.Kind) || how.Kind == SettlementKinds.None)
        {
            throw new MailCommandException(
                "MailSettlementNotSupported",
                MailStep.Settle,
                $"{Stream.Where}: this mailbox can {Settlements}, not {how.Kind}.",
                "Choose another settlement in the profile, or give the account the permission to change the mailbox.");
        }

        if (how.Kind == SettlementKinds.Move && string.IsNullOrWhiteSpace(how.Folder))
            throw new ArgumentException("A move needs a folder.", nameof(how));
        if (how.Kind == SettlementKinds.Categorize && string.IsNullOrWhiteSpace(how.Category))
            throw new ArgumentException("A keyword needs a name.", nameof(how));
        if (how.Kind != SettlementKinds.Keep)
            settler.Note(Locate(message), how);
        return ValueTask.CompletedTask;
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
                MailCommandException? refused = await settler.RunAsync(cancellationToken).ConfigureAwait(false);
                ImapResponse bye = await client.LogoutAsync(cancellationToken).ConfigureAwait(false);
                return refused is null ? (bye, $"{settler.Count} settled, {ImapErrors.Show(Stream, bye)}") : throw refused;
            }).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> WaitForMailAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        EnsureIdle();

        // Only the selected folder is watched by IDLE (RFC 2177 3), so that is the first of the profile; the others by NOTIFY or by asking.
        if (client.Selected?.Name != folders[0])
        {
            ImapFolder first = await client.SelectAsync(folders[0], null, cancellationToken).ConfigureAwait(false);
            watch?.Take(first.Name, first.UidNext);
        }

        return await client.WaitForMailAsync(watch, atMost, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool?> WasSentAsync(string messageId, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messageId);
        EnsureIdle();
        return await new ImapSentFolder(client, names, sentFolder).HasAsync(messageId, cancellationToken).ConfigureAwait(false) ? true : null;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        completed = true;
        return client.DisposeAsync();
    }

    private static SettlementKinds Possible(ImapFolder? folder) => folder is null or { IsReadOnly: true }
        ? SettlementKinds.Keep
        : SettlementKinds.Keep | SettlementKinds.Delete | SettlementKinds.Move
            | (folder.CanKeep(@"\Seen") ? SettlementKinds.MarkRead : SettlementKinds.None)
            | (folder.CanKeepKeywords ? SettlementKinds.Categorize : SettlementKinds.None);

    private ImapLocation Locate(MessageRef message) =>
        Listing.Locate(message) ?? throw new ArgumentException($"{message.Id} is no message of this session.", nameof(message));

    /// <summary>Selects the folder of a message; false when the folder's UIDs have changed their meaning.</summary>
    private async ValueTask<bool> SelectAsync(ImapLocation place, CancellationToken cancellationToken)
    {
        ImapFolder folder = client.Selected is { } selected && selected.Name == place.Folder
            ? selected
            : await client.SelectAsync(place.Folder, null, cancellationToken).ConfigureAwait(false);
        return folder.UidValidity == place.UidValidity;
    }

    private void EnsureIdle()
    {
        ObjectDisposedException.ThrowIf(completed, this);
        if (fetching)
            throw new InvalidOperationException("The session is fetching; finish that first, or end its enumeration.");
    }
}

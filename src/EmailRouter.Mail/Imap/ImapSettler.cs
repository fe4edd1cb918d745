namespace EmailRouter.Mail.Imap;

/// <summary>Does what was noted to happen to messages: together, folder by folder, so that a thousand messages cost a few commands.</summary>
internal sealed class ImapSettler(ImapClient client, ImapFolderNames names)
{
    private const int BatchSize = 500;

    private readonly SortedDictionary<(string Folder, uint UidValidity), Dictionary<uint, Settlement>> noted = [];
    private MailCommandException? failure;

    /// <summary>Gets how many messages are noted.</summary>
    public int Count => noted.Values.Sum(n => n.Count);

    /// <summary>Notes what is to happen to a message; what was noted before is void.</summary>
    /// <param name="location">Where the message lies.</param>
    /// <param name="how">What is to happen.</param>
    public void Note(ImapLocation location, Settlement how)
    {
        (string, uint) folder = (location.Folder, location.UidValidity);
        if (!noted.TryGetValue(folder, out Dictionary<uint, Settlement>? messages))
            noted.Add(folder, messages = []);
        messages[location.Uid] = how;
    }

    /// <summary>A category as a keyword: what an atom cannot hold (RFC 9051 9, without the backslash of system flags) becomes <c>_</c>.</summary>
    /// <param name="category">The category's name.</param>
    /// <returns>The keyword.</returns>
    public static string Keyword(string category) =>
        string.Concat(category.Trim().Select(c => c is > ' ' and <= '~' && !@"(){%*""\]".Contains(c, StringComparison.Ordinal) ? c : '_'));

    /// <summary>Does it all. What the server refuses does not keep the rest from being done.</summary>
    /// <param name="cancellationToken">Stops the attempt; the connection is dead then.</param>
    /// <returns>The exception to throw when the session has ended; null when the server did everything.</returns>
    public async ValueTask<MailCommandException?> RunAsync(CancellationToken cancellationToken)
    {
        foreach (((string folder, uint validity), Dictionary<uint, Settlement> messages) in noted)
        {
            ImapFolder selected = client.Selected is { } open && open.Name == folder
                ? open
                : await client.SelectAsync(folder, null, cancellationToken).ConfigureAwait(false);
            if (selected.UidValidity != validity)
                continue;       // other messages have these UIDs now; the mailbox is listed anew next time
            foreach (IGrouping<Settlement, uint> group in messages.GroupBy(m => m.Value, m => m.Key))
            {
                List<uint> uids = [.. group.Order()];
                foreach ((string set, _) in ImapUidSet.Split(uids, BatchSize))
                    await SettleAsync(selected, set, group.Key, cancellationToken).ConfigureAwait(false);
            }
        }

        return failure;
    }

    private async ValueTask SettleAsync(ImapFolder folder, string set, Settlement how, CancellationToken cancellationToken)
    {
        switch (how.Kind)
        {
            case SettlementKinds.MarkRead:
                await DoAsync($@"UID STORE {set} +FLAGS.SILENT (\Seen)", "to mark messages as read", cancellationToken).ConfigureAwait(false);
                break;
            case SettlementKinds.Categorize:
                string keyword = Keyword(how.Category!);
                if (folder.CanKeep(keyword))
                    await DoAsync($"UID STORE {set} +FLAGS.SILENT ({keyword})", $"to give messages the keyword {keyword}", cancellationToken).ConfigureAwait(false);
                else
                    failure ??= ImapErrors.NoKeyword(client.Stream, folder.Name, keyword);
                break;
            case SettlementKinds.Delete:
                await DeleteAsync(set, cancellationToken).ConfigureAwait(false);
                break;
            case SettlementKinds.Move:
                await MoveAsync(set, await names.ToServerAsync(how.Folder!, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
                break;
        }
    }

    /// <summary>
    /// Without UIDPLUS the mark is all: EXPUNGE would also remove what others have marked (RFC 4315 1). Listings leave marked messages out.
    /// </summary>
    private async ValueTask DeleteAsync(string set, CancellationToken cancellationToken)
    {
        bool marked = await DoAsync($@"UID STORE {set} +FLAGS.SILENT (\Deleted)", "to delete messages", cancellationToken).ConfigureAwait(false);
        if (marked && client.Capabilities.Has(ImapFeatures.UidPlus))
            await DoAsync($"UID EXPUNGE {set}", "to delete messages", cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask MoveAsync(string set, string target, CancellationToken cancellationToken)
    {
        bool canMove = client.Capabilities.Has(ImapFeatures.Move);
        string command = $"UID {(canMove ? "MOVE" : "COPY")} {set} {client.Name(target)}";
        ImapResponse response = await client.ExecuteAsync(MailStep.Settle, command, null, cancellationToken).ConfigureAwait(false);
        if (response.Status == ImapStatus.No && await CreateAsync(response, target, cancellationToken).ConfigureAwait(false))
            response = await client.ExecuteAsync(MailStep.Settle, command, null, cancellationToken).ConfigureAwait(false);
        if (!response.IsOk)
            Refuse(response, $"to move messages to {target}");
        else if (!canMove)
            await DeleteAsync(set, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Creates the target when it is missing. Not every server says so by TRYCREATE (RFC 9051 6.4.7), so without a code it is just tried.</summary>
    private async ValueTask<bool> CreateAsync(ImapResponse response, string target, CancellationToken cancellationToken)
    {
        if (response.Code is not ("TRYCREATE" or "NONEXISTENT" or ""))
            return false;
        ImapResponse created = await client.ExecuteAsync(MailStep.Settle, "CREATE " + client.Name(target), null, cancellationToken).ConfigureAwait(false);
        if (!created.IsOk)
            return false;

        // Without it mail programs do not show the folder; a server that refuses has it anyway.
        await client.ExecuteAsync(MailStep.Settle, "SUBSCRIBE " + client.Name(target), null, cancellationToken).ConfigureAwait(false);
        return true;
    }

    private async ValueTask<bool> DoAsync(string command, string what, CancellationToken cancellationToken)
    {
        ImapResponse response = await client.ExecuteAsync(MailStep.Settle, command, null, cancellationToken).ConfigureAwait(false);
        if (!response.IsOk)
            Refuse(response, what);
        return response.IsOk;
    }

    private void Refuse(ImapResponse response, string what) => failure ??= ImapErrors.Refused(client.Stream, response, MailStep.Settle, what);
}

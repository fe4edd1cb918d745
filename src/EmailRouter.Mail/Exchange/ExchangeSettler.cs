using EmailRouter.Mail.Exchange.Soap;

namespace EmailRouter.Mail.Exchange;

/// <summary>Does what was noted to happen to items: together, so that a hundred cost one request. Items that are gone are no error.</summary>
internal sealed class ExchangeSettler(EwsChannel channel, ExchangeFolders folders, ExchangeOptions options)
{
    private const int BatchSize = 100;

    private readonly List<(MessageRef Message, Settlement How)> noted = [];
    private EwsMessage? refused;
    private string refusal = string.Empty;

    /// <summary>Gets how many items have been settled.</summary>
    public int Count { get; private set; }

    /// <summary>Gets a value indicating whether as many are noted as one request takes.</summary>
    public bool IsFull => noted.Count >= BatchSize;

    /// <summary>Notes what is to happen to an item; what was noted before is void.</summary>
    /// <param name="message">The item.</param>
    /// <param name="how">What is to happen.</param>
    public void Note(MessageRef message, Settlement how)
    {
        noted.RemoveAll(n => n.Message.Id == message.Id);
        noted.Add((message, how));
    }

    /// <summary>Does what is noted. What the server refuses does not keep the rest from being done.</summary>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>A task.</returns>
    /// <exception cref="MailException">A request failed as a whole, or the server is busy.</exception>
    public async ValueTask RunAsync(CancellationToken cancellationToken)
    {
        foreach (IGrouping<Settlement, MessageRef> group in noted.GroupBy(n => n.How, n => n.Message).ToArray())
        {
            foreach (MessageRef[] batch in group.Chunk(BatchSize))
            {
                await SettleAsync(batch, group.Key, cancellationToken).ConfigureAwait(false);
                noted.RemoveAll(n => batch.Contains(n.Message));
                Count += batch.Length;
            }
        }
    }

    /// <summary>Makes the exception for the first item the server refused.</summary>
    /// <returns>The exception; null when it refused none.</returns>
    public MailCommandException? Refusal() => refused is null ? null : channel.Refused(refused, MailStep.Settle, refusal);

    /// <summary>The schema wants a field within an element of the item's own kind; null for items that cannot be read or unread.</summary>
    private static string? ElementOf(MessageRef message) => message.MessageClass?.ToUpperInvariant() switch
    {
        null => "t:Message",
        var c when c.StartsWith("IPM.SCHEDULE.MEETING.REQUEST", StringComparison.Ordinal) => "t:MeetingRequest",
        var c when c.StartsWith("IPM.SCHEDULE.MEETING.CANCELED", StringComparison.Ordinal) => "t:MeetingCancellation",
        var c when c.StartsWith("IPM.SCHEDULE.MEETING.RESP", StringComparison.Ordinal) => "t:MeetingResponse",
        "IPM.APPOINTMENT" or "IPM.CONTACT" or "IPM.DISTLIST" or "IPM.TASK" or "IPM.STICKYNOTE" or "IPM.ACTIVITY" => null,
        _ => "t:Message",
    };

    private async ValueTask SettleAsync(MessageRef[] batch, Settlement how, CancellationToken cancellationToken)
    {
        switch (how.Kind)
        {
            case SettlementKinds.MarkRead:
                await UpdateAsync(
                    [.. batch.Where(m => ElementOf(m) is not null)],
                    "to mark messages as read",
                    (w, m) => w.Field("message:IsRead").Start(ElementOf(m)!).Element("t:IsRead", "true").End(),
                    cancellationToken).ConfigureAwait(false);
                break;
            case SettlementKinds.Categorize:
                await CategorizeAsync(batch, how.Category!, cancellationToken).ConfigureAwait(false);
                break;
            case SettlementKinds.Move:
                ExchangeFolderId target = await folders.FindAsync(how.Folder!, create: true, MailStep.Settle, cancellationToken).ConfigureAwait(false);
                await DoAsync("MoveItem", $"to move messages to {how.Folder}", batch, (w, these) =>
                    w.Start("m:MoveItem").Start("m:ToFolderId").Folder(target).End().ItemIds(these.Select(m => m.Id)).End(), cancellationToken).ConfigureAwait(false);
                break;
            case SettlementKinds.Delete:
                await DoAsync("DeleteItem", "to delete messages", batch, (w, these) =>
                    w.Start("m:DeleteItem", ("DeleteType", options.DeleteType), ("SendMeetingCancellations", "SendToNone"), ("AffectedTaskOccurrences", "AllOccurrences"))
                        .ItemIds(these.Select(m => m.Id)).End(), cancellationToken).ConfigureAwait(false);
                break;
        }
    }

    /// <summary>Writing categories replaces them all, so they are read first.</summary>
    private async ValueTask CategorizeAsync(MessageRef[] batch, string category, CancellationToken cancellationToken)
    {
        var merged = new Dictionary<string, string[]>(StringComparer.Ordinal);
        await DoAsync(
            "GetItem",
            "to read the categories of messages",
            batch,
            (w, these) => w.Start("m:GetItem").ItemShape(false, "item:Categories").ItemIds(these.Select(m => m.Id)).End(),
            cancellationToken,
            (message, answer) =>
            {
                string[] before = [.. answer.Items.FirstOrDefault().Child("Categories").Children("String").Select(c => c.Value)];
                if (!before.Contains(category, StringComparer.OrdinalIgnoreCase))
                    merged[message.Id] = [.. before, category];
            }).ConfigureAwait(false);
        await UpdateAsync(
            [.. batch.Where(m => merged.ContainsKey(m.Id))],
            $"to give messages the category {category}",
            (w, m) =>
            {
                w.Field("item:Categories").Start(ElementOf(m) ?? "t:Item").Start("t:Categories");
                foreach (string name in merged[m.Id])
                    w.Element("t:String", name);
                w.End().End();
            },
            cancellationToken).ConfigureAwait(false);
    }

    private ValueTask UpdateAsync(MessageRef[] batch, string what, Action<EwsRequestWriter, MessageRef> field, CancellationToken cancellationToken) =>
        DoAsync("UpdateItem", what, batch, (w, these) =>
        {
            // Without the attribute reading sends the receipts senders ask for; Exchange 2010 does not know it.
            (string, string)[] silent = w.Version >= EwsVersion.Exchange2013 ? [("SuppressReadReceipts", "true")] : [];
            bool hasMeetings = these.Any(m => m.MessageClass?.StartsWith("IPM.Schedule", StringComparison.OrdinalIgnoreCase) == true);
            (string, string)[] meetings = hasMeetings ? [("SendMeetingInvitationsOrCancellations", "SendToNone")] : [];
            w.Start("m:UpdateItem", [("MessageDisposition", "SaveOnly"), ("ConflictResolution", "AlwaysOverwrite"), .. meetings, .. silent]).Start("m:ItemChanges");
            foreach (MessageRef message in these)
            {
                w.Start("t:ItemChange").Empty("t:ItemId", ("Id", message.Id)).Start("t:Updates").Start("t:SetItemField");
                field(w, message);
                w.End().End().End();
            }

            w.End().End();
        }, cancellationToken);

    private async ValueTask DoAsync(
        string operation, string what, MessageRef[] batch, Action<EwsRequestWriter, MessageRef[]> write, CancellationToken cancellationToken, Action<MessageRef, EwsMessage>? take = null)
    {
        if (batch.Length == 0)
            return;
        var call = new EwsCall(operation, MailStep.Settle, w => write(w, batch));
        IReadOnlyList<EwsMessage> answers = await channel.AskAsync(call, cancellationToken).ConfigureAwait(false);
        if (answers.Count < batch.Length && !answers.Any(a => a.Code == "ErrorBatchProcessingStopped"))
            throw channel.Malformed(call, $"it says something about {answers.Count} of {batch.Length} messages", null);
        for (int i = 0; i < batch.Length; i++)
        {
            EwsMessage? answer = i < answers.Count ? answers[i] : null;
            if (answer is null or { Code: "ErrorBatchProcessingStopped" })
            {
                // An earlier message stopped the batch: the rest by itself, which is shorter each time.
                if (i == 0)
                    throw channel.Refused(answers[0], MailStep.Settle, what);
                await DoAsync(operation, what, batch[i..], write, cancellationToken, take).ConfigureAwait(false);
                return;
            }

            if (answer.IsSuccess)
            {
                take?.Invoke(batch[i], answer);
                continue;
            }

            if (ExchangeResponseCodes.Find(answer.Code) is { ErrorId: "MailServerThrottled" })
                throw channel.Refused(answer, MailStep.Settle, what);
            if (!ExchangeResponseCodes.IsGone(answer.Code))
            {
                refused ??= answer;
                refusal = refused == answer ? what : refusal;
            }
        }
    }
}

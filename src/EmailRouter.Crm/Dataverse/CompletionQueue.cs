using System.Text.Json;
using System.Text.Json.Nodes;
using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse;

/// <summary>
/// Writes back what became of claimed emails. Completions that come at about the same time travel in one batch: the first waits a moment for others, those that come
/// while a batch is under way wait for the next, and a full batch leaves at once. Every caller is told about its own email when the server has confirmed.
/// </summary>
/// <param name="connection">The connection.</param>
/// <param name="pending">Where stuck emails are given back.</param>
internal sealed class CompletionQueue(WebApiConnection connection, PendingReader pending) : IAsyncDisposable
{
    private const int MaxBatch = 100;
    private const int MaxRounds = 4;
    private const string What = "what became of sent emails";

    /// <summary>How long the first of a batch waits for others.</summary>
    private static readonly TimeSpan linger = TimeSpan.FromMilliseconds(100);

    private readonly object gate = new();
    private readonly Queue<Item> waiting = new();
    private Task? flushing;

    /// <summary>Writes back one email.</summary>
    /// <param name="email">The email.</param>
    /// <param name="outcome">What became of it.</param>
    /// <param name="tables">The tables, for which columns can be written.</param>
    /// <param name="cancellationToken">Stops waiting; what is handed over is written nevertheless.</param>
    /// <returns>A task that ends when the server has confirmed.</returns>
    /// <exception cref="CrmException"><c>CrmClaimLost</c>, or the server cannot be reached, or refuses.</exception>
    public Task CompleteAsync(PendingEmail email, SendOutcome outcome, TableDirectory tables, CancellationToken cancellationToken)
    {
        // A stuck email whose journal nobody has looked at must stay known as stuck, for which Dataverse has no column: it stays in Sending.
        if (outcome is SendOutcome.Released && email.WasStuck)
        {
            pending.ReleaseStuck(email.ActivityId);
            return Task.CompletedTask;
        }

        var item = new Item(email, outcome, ClaimStamp.Parse(email.ClaimVersion), Columns(email, outcome, tables), Note(outcome, tables));
        lock (gate)
        {
            waiting.Enqueue(item);
            flushing ??= Task.Run(FlushAsync, CancellationToken.None);
        }

        return item.Done.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Writes back what is still waiting.</summary>
    /// <returns>A task that ends when nothing is waiting.</returns>
    public async ValueTask DisposeAsync()
    {
        Task? last;
        lock (gate)
            last = flushing;
        if (last is not null)
            await last.ConfigureAwait(false);
    }

    private async Task FlushAsync()
    {
        while (true)
        {
            bool isFull;
            lock (gate)
            {
                if (waiting.Count == 0)
                {
                    flushing = null;
                    return;
                }

                isFull = waiting.Count >= MaxBatch;
            }

            if (!isFull)
                await Task.Delay(linger, connection.Clock).ConfigureAwait(false);
            var batch = new List<Item>();
            lock (gate)
            {
                while (batch.Count < MaxBatch && waiting.TryDequeue(out Item? item))
                    batch.Add(item);
            }

            try
            {
                await WriteAsync(batch).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                // Every caller is told; the queue goes on with what came meanwhile.
                foreach (Item item in batch)
                    item.Done.TrySetException(e);
            }
        }
    }

    private async Task WriteAsync(List<Item> items)
    {
        List<Item> left = items;
        for (int round = 0; left.Count > 0 && round < MaxRounds; round++)
        {
            var batch = new WebApiBatch(What);
            foreach (Item item in left)
            {
                WebApiRequest patch = WebApiRequest.Patch($"emails({item.Email.ActivityId:D})", (JsonObject)item.Columns.DeepClone(), item.ETag, $"the email {item.Email.ActivityId}");
                if (item.Note is not { } note)
                    batch.Add(patch);
                else
                    batch.AddChangeSet([patch, NoteWriter.Create(item.Email.ActivityId, note.Subject, note.Text)], isRepeatable: true);
            }

            IReadOnlyList<IReadOnlyList<CrmAnswer>> answers = await connection.SendAsync(batch, CancellationToken.None).ConfigureAwait(false);
            var changed = new List<Item>();
            var unnoted = new List<Item>();
            for (int i = 0; i < left.Count; i++)
            {
                CrmAnswer? refused = answers[i].FirstOrDefault(a => !a.IsSuccess);
                if (refused is null)
                    left[i].Done.TrySetResult();
                else if (refused.Status == 412)
                    changed.Add(left[i]);
                else if (AnswerErrors.Explain(refused, $"the email {left[i].Email.ActivityId}", connection.Server) is var error && left[i].Note is not null && !error.IsTransient)
                    unnoted.Add(left[i]);
                else
                    left[i].Done.TrySetException(error);
            }

            // The answer does not say which of the two was refused; without the right to write notes the email must be written back nevertheless.
            foreach (Item item in unnoted)
                item.Note = null;
            left = [.. unnoted, .. await StillOwnAsync(changed).ConfigureAwait(false)];
        }

        foreach (Item item in left)
            item.Done.TrySetException(OutcomeState.Lost(item.Email.ActivityId, "changed again and again"));
    }

    /// <summary>
    /// Looks why emails are not as they were claimed: done already (a second call, or an answer that was lost), changed by a plug-in or an earlier
    /// <see cref="SendOutcome.Uncertain"/>, or claimed by somebody else. Nobody else can have claimed an email in Sending before it counts as stuck.
    /// </summary>
    private async Task<List<Item>> StillOwnAsync(List<Item> items)
    {
        if (items.Count == 0)
            return [];
        var batch = new WebApiBatch(What);
        foreach (Item item in items)
            batch.Add(WebApiRequest.Get($"emails?$select=activityid,statuscode,messageid&$filter=activityid%20eq%20{item.Email.ActivityId:D}", What));
        IReadOnlyList<IReadOnlyList<CrmAnswer>> answers = await connection.SendAsync(batch, CancellationToken.None).ConfigureAwait(false);
        DateTimeOffset now = connection.Clock.GetUtcNow();
        var own = new List<Item>();
        for (int i = 0; i < items.Count; i++)
        {
            Item item = items[i];
            if (!answers[i][0].IsSuccess)
            {
                item.Done.TrySetException(AnswerErrors.Explain(answers[i][0], $"the email {item.Email.ActivityId}", connection.Server));
                continue;
            }

            JsonElement row = answers[i][0].Rows(What).FirstOrDefault();
            if (row.ValueKind != JsonValueKind.Object)
            {
                item.Done.TrySetException(OutcomeState.Missing(item.Email.ActivityId));
                continue;
            }

            var status = (EmailStatus)(row.Number("statuscode") ?? 0);
            bool isDone = OutcomeState.IsWritten(item.Outcome, status, row.Text("messageid"));
            if (isDone)
            {
                item.Done.TrySetResult();
            }
            else if (status is EmailStatus.Sending or EmailStatus.PendingSend && now - item.Stamp.ClaimedOn < pending.StuckAfter && row.ETag() is { } etag)
            {
                item.ETag = etag;
                own.Add(item);
            }
            else
            {
                item.Done.TrySetException(OutcomeState.Lost(item.Email.ActivityId, $"{status} now"));
            }
        }

        return own;
    }

    private static JsonObject Columns(PendingEmail email, SendOutcome outcome, TableDirectory tables)
    {
        int attempts = email.DeliveryAttempts + 1;
        JsonObject json = outcome switch
        {
            SendOutcome.Sent sent => State(EmailState.Completed, EmailStatus.Sent, attempts, sent.MessageId),
            SendOutcome.Failed => State(EmailState.Open, EmailStatus.Failed, attempts, null),
            SendOutcome.Retry retry => State(EmailState.Completed, EmailStatus.PendingSend, attempts, retry.MessageId),
            SendOutcome.Uncertain uncertain => new JsonObject { ["messageid"] = uncertain.MessageId },
            _ => new JsonObject { ["statecode"] = (int)EmailState.Completed, ["statuscode"] = (int)EmailStatus.PendingSend },
        };
        if (outcome is SendOutcome.Retry later)
            json["delayedemailsendtime"] = ColumnText.Time(later.NotBefore);
        if (outcome is SendOutcome.Sent done && tables.Email.UpdateColumns?.Contains("senton") == true)
            json["senton"] = ColumnText.Time(done.SentOn);
        return json;
    }

    private static JsonObject State(EmailState state, EmailStatus status, int attempts, string? messageId)
    {
        var json = new JsonObject { ["statecode"] = (int)state, ["statuscode"] = (int)status, ["deliveryattempts"] = attempts };
        if (messageId is not null)
            json["messageid"] = messageId;
        return json;
    }

    /// <summary>
    /// Emails have no column for why they failed; a note on the email tells its author. What is tried again leaves none, or a day without network would fill emails with notes.
    /// </summary>
    private static (string Subject, string Text)? Note(SendOutcome outcome, TableDirectory tables) => tables.Find("annotation") is null ? null : outcome switch
    {
        SendOutcome.Failed failed => ("Not sent", failed.Reason),
        SendOutcome.Uncertain uncertain => ("Perhaps sent", uncertain.Reason),
        _ => null,
    };

    private sealed class Item(PendingEmail email, SendOutcome outcome, ClaimStamp stamp, JsonObject columns, (string Subject, string Text)? note)
    {
        public PendingEmail Email { get; } = email;

        public SendOutcome Outcome { get; } = outcome;

        public ClaimStamp Stamp { get; } = stamp;

        public string ETag { get; set; } = stamp.ETag;

        public JsonObject Columns { get; } = columns;

        public (string Subject, string Text)? Note { get; set; } = note;

        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

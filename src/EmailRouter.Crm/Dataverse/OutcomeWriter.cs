using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse;

/// <summary>
/// Writes back what became of claimed emails. Those that come at about the same time travel together: the first waits a moment for others, those that come
/// while a request is under way wait for the next.
/// </summary>
/// <param name="connection">The connection.</param>
/// <param name="pending">Where stuck emails are given back.</param>
internal sealed class OutcomeWriter(WebApiConnection connection, PendingReader pending) : IAsyncDisposable
{
    private const int MaxTogether = 100;
    private const int MaxRounds = 4;
    private const string What = "what became of sent emails";

    private static readonly TimeSpan linger = TimeSpan.FromMilliseconds(100);

    private readonly SharedBatches batches = new(connection, maxAtOnce: 1, MaxTogether, linger);
    private readonly ConcurrentDictionary<Task, object?> running = new();

    /// <summary>Writes back one email.</summary>
    /// <param name="email">The email.</param>
    /// <param name="outcome">What became of it.</param>
    /// <param name="tables">The tables, for which columns can be written.</param>
    /// <param name="cancellationToken">Stops waiting; what is handed over is written nevertheless.</param>
    /// <returns>A task that ends when the server has confirmed.</returns>
    /// <exception cref="CrmException"><c>CrmClaimLost</c>, or the server cannot be reached, or refuses.</exception>
    public async Task WriteAsync(PendingEmail email, SendOutcome outcome, TableDirectory tables, CancellationToken cancellationToken)
    {
        // A stuck email whose journal nobody has looked at must stay known as stuck, for which Dataverse has no column: it stays in Sending.
        if (outcome is SendOutcome.Released && email.WasStuck)
        {
            pending.ReleaseStuck(email.ActivityId);
            return;
        }

        Task work = WriteAsync(email, outcome, tables);
        running.TryAdd(work, null);
        _ = work.ContinueWith(
            done => running.TryRemove(done, out _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        await work.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Writes back what is still waiting.</summary>
    /// <returns>A task that ends when nothing is waiting.</returns>
    public async ValueTask DisposeAsync()
    {
        // Whoever handed an email over has been told how it went; here it only has to have ended.
        await Task.WhenAll(running.Keys).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default)
            .ConfigureAwait(false);
        await batches.DisposeAsync().ConfigureAwait(false);
    }

    private async Task WriteAsync(PendingEmail email, SendOutcome outcome, TableDirectory tables)
    {
        var stamp = ClaimStamp.Parse(email.ClaimVersion);
        string etag = stamp.ETag;
        (string Subject, string Text)? note = Note(outcome, tables);
        for (int round = 0; round < MaxRounds; round++)
        {
            var batch = new WebApiBatch(What);
            WebApiRequest patch = WebApiRequest.Patch($"emails({email.ActivityId:D})", Columns(email, outcome, tables), etag, $"the email {email.ActivityId}");
            if (note is { } text)
                batch.AddChangeSet([patch, NoteWriter.Create(email.ActivityId, text.Subject, text.Text)], isRepeatable: true);
            else
                batch.Add(patch);
            IReadOnlyList<IReadOnlyList<CrmAnswer>> answers = await batches.SendAsync(batch, CancellationToken.None).ConfigureAwait(false);
            if (answers[0].FirstOrDefault(a => !a.IsSuccess) is not { } refused)
                return;
            if (refused.Status == 412)
            {
                if (await FindOwnAsync(email.ActivityId, outcome, stamp).ConfigureAwait(false) is not { } current)
                    return;
                etag = current;
                continue;
            }

            // The answer does not say which of the two was refused; without the right to write notes the email must be written back nevertheless.
            CrmException error = AnswerErrors.Explain(refused, $"the email {email.ActivityId}", connection.Server);
            if (note is null || error.IsTransient)
                throw error;
            note = null;
        }

        throw OutcomeState.Lost(email.ActivityId, "changed again and again");
    }

    /// <summary>
    /// Looks why an email is not as it was claimed: done already (a second call, or an answer that was lost), changed by a plug-in or an earlier
    /// <see cref="SendOutcome.Uncertain"/>, or claimed by somebody else. Nobody else can have claimed an email in Sending before it counts as stuck.
    /// </summary>
    /// <returns>The version to change now; null when it is done.</returns>
    private async Task<string?> FindOwnAsync(Guid activityId, SendOutcome outcome, ClaimStamp stamp)
    {
        var batch = new WebApiBatch(What);
        batch.Add(WebApiRequest.Get($"emails?$select=activityid,statuscode,messageid&$filter=activityid%20eq%20{activityId:D}", What));
        CrmAnswer answer = (await batches.SendAsync(batch, CancellationToken.None).ConfigureAwait(false))[0][0];
        if (!answer.IsSuccess)
            throw AnswerErrors.Explain(answer, $"the email {activityId}", connection.Server);
        JsonElement row = answer.Rows(What).FirstOrDefault();
        if (row.ValueKind != JsonValueKind.Object)
            throw OutcomeState.Missing(activityId);
        var status = (EmailStatus)(row.Number("statuscode") ?? 0);
        if (OutcomeState.IsWritten(outcome, status, row.Text("messageid")))
            return null;
        bool isOwn = status is EmailStatus.Sending or EmailStatus.PendingSend && connection.Clock.GetUtcNow() - stamp.ClaimedOn < pending.StuckAfter;
        return isOwn && row.ETag() is { } etag ? etag : throw OutcomeState.Lost(activityId, $"{status} now");
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
    /// Emails have no column for why they failed; a note on the email tells its author. What is tried again leaves none, or a day without network would fill
    /// emails with notes.
    /// </summary>
    private static (string Subject, string Text)? Note(SendOutcome outcome, TableDirectory tables) => tables.Find("annotation") is null ? null : outcome switch
    {
        SendOutcome.Failed failed => ("Not sent", failed.Reason),
        SendOutcome.Uncertain uncertain => ("Perhaps sent", uncertain.Reason),
        _ => null,
    };
}

using System.Text.Json;
using System.Text.Json.Nodes;
using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Outbox;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Dataverse;

/// <summary>Marks sent emails that came back as failed; why, a note on the email tells.</summary>
/// <param name="connection">The connection.</param>
/// <param name="tables">The tables.</param>
internal sealed class BounceWriter(WebApiConnection connection, TableDirectory tables)
{
    private const string What = "the email that came back";

    /// <summary>Finds the email and marks it.</summary>
    /// <param name="report">What the mail server reports.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>What was found and done.</returns>
    /// <exception cref="CrmException">The server cannot be reached, or refuses.</exception>
    public async ValueTask<BounceResult> ReportAsync(BounceReport report, CancellationToken cancellationToken)
    {
        var conditions = new List<string>();
        if (report.MessageId is { Length: > 0 } messageId)
            conditions.Add($"messageid%20eq%20{ODataText.Quote(messageId)}");
        if (report.ActivityId is { } activityId)
            conditions.Add($"activityid%20eq%20{activityId:D}");
        conditions.AddRange(report.TrackingTokens.Select(t => $"trackingtoken%20eq%20{ODataText.Quote(t)}"));
        if (conditions.Count == 0)
            return BounceJudge.Judge(report, null, null, _ => null).Result;
        var batch = new WebApiBatch(What);
        foreach (string condition in conditions)
        {
            batch.Add(WebApiRequest.Get(
                $"emails?$select=activityid,messageid,trackingtoken,statuscode,senton&$expand={EmailColumns.Parties}" +
                $"&$filter={condition}%20and%20directioncode%20eq%20true&$orderby=createdon%20desc&$top=1",
                What));
        }

        IReadOnlyList<IReadOnlyList<CrmAnswer>> answers = await connection.SendAsync(batch, cancellationToken).ConfigureAwait(false);
        var rows = new List<JsonElement>();
        for (int i = 0; i < answers.Count; i++)
        {
            if (!answers[i][0].IsSuccess)
                throw AnswerErrors.Explain(answers[i][0], What, connection.Server);
            rows.AddRange(answers[i][0].Rows(What).Take(1));
        }

        IReadOnlyList<JsonElement?> whole = await ExpandedLists.CompleteAsync(connection, rows, What, cancellationToken).ConfigureAwait(false);
        rows = [.. whole.OfType<JsonElement>()];
        Dictionary<Guid, string> reasons = await ReadReasonsAsync(rows, cancellationToken).ConfigureAwait(false);
        (BounceResult result, BouncedEmail? email, string? reason) = BouncedRows.Judge(report, rows, id => reasons.GetValueOrDefault(id));
        if (report.PeekOnly || !result.Changed)
            return result;
        string etag = rows.First(r => r.Id("activityid") == email!.Id).ETag() ?? throw AnswerErrors.Unreadable(What, "it has no version");

        // What earlier notes say is not said again.
        string news = email!.Reason is { } earlier && reason!.StartsWith(earlier + '\n', StringComparison.Ordinal) ? reason[(earlier.Length + 1)..] : reason!;
        await MarkAsync(email.Id, etag, news, cancellationToken).ConfigureAwait(false);
        return result;
    }

    /// <summary>Reads why emails failed that are Failed already: a further report must add its recipients, and the same one nothing.</summary>
    private async ValueTask<Dictionary<Guid, string>> ReadReasonsAsync(List<JsonElement> rows, CancellationToken cancellationToken)
    {
        var reasons = new Dictionary<Guid, string>();
        Guid[] failed = [.. rows.Where(r => r.Number("statuscode") == (int)EmailStatus.Failed).Select(r => r.Id("activityid")).OfType<Guid>().Distinct()];
        if (failed.Length == 0 || tables.Find("annotation") is null)
            return reasons;
        var batch = new WebApiBatch("the notes");
        foreach (Guid id in failed)
            batch.Add(NoteWriter.Undelivered(id));
        IReadOnlyList<IReadOnlyList<CrmAnswer>> answers = await connection.SendAsync(batch, cancellationToken).ConfigureAwait(false);
        for (int i = 0; i < failed.Length; i++)
        {
            // Without the right to read notes the judgement goes by the report alone.
            if (answers[i][0].IsSuccess && answers[i][0].Rows("the notes").Select(r => r.Text("notetext")).OfType<string>().ToArray() is { Length: > 0 } texts)
                reasons[failed[i]] = string.Join('\n', texts);
        }

        return reasons;
    }

    private async ValueTask MarkAsync(Guid id, string etag, string reason, CancellationToken cancellationToken)
    {
        var failed = new JsonObject { ["statecode"] = (int)EmailState.Open, ["statuscode"] = (int)EmailStatus.Failed };
        var mark = WebApiRequest.Patch($"emails({id:D})", failed, etag, What);
        CrmAnswer? refused = tables.Find("annotation") is null
            ? await TryAsync([mark], cancellationToken).ConfigureAwait(false)
            : await TryAsync([mark, NoteWriter.Create(id, NoteWriter.Undeliverable, reason)], cancellationToken).ConfigureAwait(false);
        if (refused is not null && refused.Status != 412 && !AnswerErrors.Explain(refused, What, connection.Server).IsTransient)
            refused = await TryAsync([mark], cancellationToken).ConfigureAwait(false);

        // 412: another report, or this one before its answer was lost, marked it meanwhile.
        if (refused is not null && refused.Status != 412)
            throw AnswerErrors.Explain(refused, What, connection.Server);
    }

    private async ValueTask<CrmAnswer?> TryAsync(IReadOnlyList<WebApiRequest> requests, CancellationToken cancellationToken)
    {
        var batch = new WebApiBatch(What);
        batch.AddChangeSet(requests, isRepeatable: true);
        IReadOnlyList<IReadOnlyList<CrmAnswer>> answers = await connection.SendAsync(batch, cancellationToken).ConfigureAwait(false);
        return answers[0].FirstOrDefault(a => !a.IsSuccess);
    }
}

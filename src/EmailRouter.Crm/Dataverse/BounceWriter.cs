using System.Text.Json;
using System.Text.Json.Nodes;
using EmailRouter.Crm.Dataverse.WebApi;
using EmailRouter.Crm.Outbox;

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
                $"emails?$select=activityid,messageid,trackingtoken,statuscode,senton&$expand={EmailRows.Parties}&$filter={condition}%20and%20directioncode%20eq%20true&$orderby=createdon%20desc&$top=1",
                What));
        }

        IReadOnlyList<IReadOnlyList<WebApiAnswer>> answers = await connection.SendAsync(batch, cancellationToken).ConfigureAwait(false);
        var rows = new List<JsonElement>();
        for (int i = 0; i < answers.Count; i++)
        {
            if (!answers[i][0].IsSuccess)
                throw WebApiErrors.Explain(answers[i][0], What, connection.Server);
            rows.AddRange(answers[i][0].Rows(What).Take(1));
        }

        IReadOnlyList<JsonElement?> whole = await ExpandedLists.CompleteAsync(connection, rows, What, cancellationToken).ConfigureAwait(false);
        rows = [.. whole.OfType<JsonElement>()];
        (BounceResult result, BouncedEmail? email, string? reason) = Judge(report, rows);
        if (report.PeekOnly || !result.Changed)
            return result;
        string etag = rows.First(r => r.Id("activityid") == email!.Id).ETag() ?? throw WebApiErrors.Unreadable(What, "it has no version");
        await MarkAsync(email!.Id, etag, reason!, cancellationToken).ConfigureAwait(false);
        return result;
    }

    /// <summary>Judges a report by the rows of the emails that it may be about.</summary>
    /// <param name="report">The report.</param>
    /// <param name="rows">The rows.</param>
    /// <returns>What was found, the email that is to be changed if any, and the reason it is to get.</returns>
    public static (BounceResult Result, BouncedEmail? Email, string? Reason) Judge(BounceReport report, List<JsonElement> rows)
    {
        JsonElement byMessageId = rows.Find(r => report.MessageId is { Length: > 0 } id && r.Text("messageid") == id);
        JsonElement byEnvelope = rows.Find(r => report.ActivityId is { } id && r.Id("activityid") == id);
        return BounceJudge.Judge(
            report,
            Read(byMessageId, report),
            Read(byEnvelope, report),
            token => Read(rows.Find(r => string.Equals(r.Text("trackingtoken"), token, StringComparison.OrdinalIgnoreCase)), report));
    }

    private static BouncedEmail? Read(JsonElement row, BounceReport report)
    {
        if (row.ValueKind != JsonValueKind.Object || row.Id("activityid") is not { } id)
            return null;
        var status = (EmailStatus)(row.Number("statuscode") ?? 0);

        // The reason stands in a note. What failed after it was sent is taken as failed for the reasons that are reported again.
        string? reason = status == EmailStatus.Failed ? string.Join('\n', report.Recipients.Select(r => r.Explanation)) : null;
        return new BouncedEmail(id, status, row.Time("senton"), reason, EmailRows.ReadParties(row));
    }

    private async ValueTask MarkAsync(Guid id, string etag, string reason, CancellationToken cancellationToken)
    {
        var mark = WebApiRequest.Patch($"emails({id:D})", new JsonObject { ["statecode"] = (int)EmailState.Open, ["statuscode"] = (int)EmailStatus.Failed }, etag, What);
        var requests = new List<WebApiRequest> { mark };
        if (tables.Find("annotation") is not null)
        {
            requests.Add(WebApiRequest.Post(
                "annotations", new JsonObject { ["subject"] = "Undeliverable", ["notetext"] = reason, ["objectid_email@odata.bind"] = $"/emails({id:D})" }, "the note"));
        }

        var batch = new WebApiBatch(What);
        batch.AddChangeSet(requests, isRepeatable: true);
        IReadOnlyList<IReadOnlyList<WebApiAnswer>> answers = await connection.SendAsync(batch, cancellationToken).ConfigureAwait(false);

        // 412: another report, or this one before its answer was lost, marked it meanwhile.
        if (answers[0].FirstOrDefault(a => !a.IsSuccess) is { } refused && refused.Status != 412)
            throw WebApiErrors.Explain(refused, What, connection.Server);
    }
}

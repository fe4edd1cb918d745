using System.Text.Json;
using EmailRouter.Crm.Outbox;

namespace EmailRouter.Crm.Server;

/// <summary>Judges reports of undelivered email by the rows of the emails.</summary>
internal static class BouncedRows
{
    /// <summary>Judges a report by the rows of the emails that it may be about.</summary>
    /// <param name="report">The report.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="reasonOf">Tells why an email failed, as its notes say; null for unknown.</param>
    /// <returns>What was found, the email that is to be changed if any, and the reason it is to get.</returns>
    public static (BounceResult Result, BouncedEmail? Email, string? Reason) Judge(
        BounceReport report, List<JsonElement> rows, Func<Guid, string?>? reasonOf = null)
    {
        JsonElement byMessageId = rows.Find(r => report.MessageId is { Length: > 0 } id && r.Text("messageid") == id);
        JsonElement byEnvelope = rows.Find(r => report.ActivityId is { } id && r.Id("activityid") == id);
        return BounceJudge.Judge(
            report,
            Read(byMessageId, report, reasonOf),
            Read(byEnvelope, report, reasonOf),
            token => Read(rows.Find(r => string.Equals(r.Text("trackingtoken"), token, StringComparison.OrdinalIgnoreCase)), report, reasonOf));
    }

    private static BouncedEmail? Read(JsonElement row, BounceReport report, Func<Guid, string?>? reasonOf)
    {
        if (row.ValueKind != JsonValueKind.Object || row.Id("activityid") is not { } id)
            return null;
        var status = (EmailStatus)(row.Number("statuscode") ?? 0);

        // The reason stands in notes. Where they cannot be read, what failed after it was sent is taken as failed for the reasons that are reported again.
        string? reason = status == EmailStatus.Failed ? reasonOf?.Invoke(id) ?? string.Join('\n', report.Recipients.Select(r => r.Explanation)) : null;
        return new BouncedEmail(id, status, row.Time("senton"), reason, EmailRows.ReadParties(row));
    }
}

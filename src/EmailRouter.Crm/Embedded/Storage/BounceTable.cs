using EmailRouter.Sqlite;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>Sent emails that came back.</summary>
internal static class BounceTable
{
    private const string Rule = "Bounce";
    private const int MaxReasonLength = 4000;

    /// <summary>Finds the email of a report and says what is to be done. Changes nothing.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="report">The report.</param>
    /// <returns>What was found, the key of the email that is to be changed, and the reason it is to get.</returns>
    public static (BounceResult Result, long Key, string? Reason) Find(SqliteSession session, BounceReport report)
    {
        var evidence = new List<Evidence>();
        (BounceMatch match, Row? found) = Locate(session, report, evidence);
        if (found is not { } email)
            return (new BounceResult { Match = BounceMatch.None, Evidence = evidence }, 0, null);

        List<ActivityParty> parties = [.. EmailTable.ReadParties(session, email.Key).Where(p => p.Role is ParticipationType.To or ParticipationType.Cc or ParticipationType.Bcc)];
        var recipients = new List<string>();
        var reasons = new List<string>();
        foreach (BouncedRecipient bounced in report.Recipients)
        {
            if (parties.Find(p => p.AddressUsed is { } address && bounced.Is(address))?.AddressUsed is not { } own)
            {
                evidence.Add(new Evidence(Rule, EvidenceVerdict.NoMatch, $"{bounced.Address} is no recipient of that email"));
                continue;
            }

            if (!recipients.Contains(own, StringComparer.OrdinalIgnoreCase))
                recipients.Add(own);
            evidence.Add(new Evidence(Rule, EvidenceVerdict.Match, $"{own} is a recipient of that email. {bounced.Explanation}"));
            if (!IsKnown(email.Reason, bounced) && !reasons.Contains(bounced.Explanation))
                reasons.Add(bounced.Explanation);
        }

        // An email that failed and has been sent before failed by a report; further reports add their recipients.
        bool open = email.Status == EmailStatus.Sent || (email.Status == EmailStatus.Failed && email.SentOn is not null);
        if (!open)
            evidence.Add(new Evidence(Rule, EvidenceVerdict.Note, $"The email is {email.Status}; nothing is changed"));
        else if (match == BounceMatch.TrackingToken)
            evidence.Add(new Evidence(Rule, EvidenceVerdict.Note, "A tracking token can be guessed; nothing is changed"));
        else if (recipients.Count > 0 && reasons.Count == 0)
            evidence.Add(new Evidence(Rule, EvidenceVerdict.Note, "The email is marked failed for this reason already"));

        bool changes = open && match != BounceMatch.TrackingToken && reasons.Count > 0;
        string reason = string.Join("\n", (email.Status == EmailStatus.Failed && email.Reason is { } earlier ? [earlier] : Array.Empty<string>()).Concat(reasons));
        var result = new BounceResult { Match = match, ActivityId = email.Id, Recipients = recipients, Changed = changes, Evidence = evidence };
        return (result, email.Key, reason.Length > MaxReasonLength ? reason[..MaxReasonLength] : reason);
    }

    /// <summary>Marks the email of a report as failed.</summary>
    /// <param name="session">The connection, in a write.</param>
    /// <param name="report">The report.</param>
    /// <param name="now">The time.</param>
    /// <returns>What was found and done.</returns>
    public static BounceResult Report(SqliteSession session, BounceReport report, DateTimeOffset now)
    {
        (BounceResult result, long key, string? reason) = Find(session, report);
        if (result.Changed)
        {
            session.Execute(
                """
                UPDATE email SET statuscode = @status, statecode = @state, emailrouter_failurereason = @reason, versionnumber = versionnumber + 1, modifiedon = @now
                WHERE emailkey = @key
                """,
                ("status", EmailStatus.Failed),
                ("state", EmailTransitions.StateOf(EmailStatus.Failed)),
                ("reason", reason),
                ("now", now),
                ("key", key));
        }

        return result;
    }

    private static bool IsKnown(string? reason, BouncedRecipient bounced) =>
        reason is not null && reason.Split('\n').Any(line => line.StartsWith($"Undeliverable to {bounced.OriginalAddress ?? bounced.Address}:", StringComparison.OrdinalIgnoreCase));

    private static (BounceMatch Match, Row? Email) Locate(SqliteSession session, BounceReport report, List<Evidence> evidence)
    {
        Row? byMessageId = report.MessageId is { Length: > 0 } id ? One(session, "messageid = @value", id) : null;
        Row? byEnvelope = report.ActivityId is { } activity ? One(session, "activityid = @value", activity) : null;
        if (report.MessageId is { } messageId)
            Note("Message-ID " + messageId, byMessageId);
        if (report.ActivityId is { } named)
            Note($"envelope id {named:N}", byEnvelope);
        if (byMessageId is { } one && byEnvelope is { } other && one.Key != other.Key)
        {
            evidence.Add(new Evidence(Rule, EvidenceVerdict.Reject, "Message-ID and envelope id are those of two different emails; the report is not believed"));
            return (BounceMatch.None, null);
        }

        if (byMessageId is not null)
            return (BounceMatch.MessageId, byMessageId);
        if (byEnvelope is not null)
            return (BounceMatch.EnvelopeId, byEnvelope);
        foreach (string token in report.TrackingTokens)
        {
            Row? byToken = One(session, "trackingtoken = @value COLLATE NOCASE", token);
            Note("tracking token " + token, byToken);
            if (byToken is not null)
                return (BounceMatch.TrackingToken, byToken);
        }

        return (BounceMatch.None, null);

        void Note(string what, Row? found) => evidence.Add(new Evidence(
            Rule,
            found is null ? EvidenceVerdict.NoMatch : EvidenceVerdict.Match,
            found is { } email ? $"The returned {what} is that of the outgoing email {email.Id}" : $"No outgoing email has the returned {what}"));
    }

    private static Row? One(SqliteSession session, string where, object value) => session.Query(
        $"SELECT emailkey, activityid, statuscode, senton, emailrouter_failurereason FROM email WHERE directioncode = 1 AND {where} ORDER BY createdon DESC, emailkey DESC LIMIT 1",
        row => new Row(row.GetInt64(0), row.Guid(1), (EmailStatus)row.Int(2), row.TimeOrNull(3), row.TextOrNull(4)),
        ("value", value)) is [var row] ? row : null;

    private sealed record Row(long Key, Guid Id, EmailStatus Status, DateTimeOffset? SentOn, string? Reason);
}

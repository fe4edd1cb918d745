namespace EmailRouter.Crm.Outbox;

/// <summary>What a mail server's report means for a sent email: whether it is believed, and what the email's author is told.</summary>
internal static class BounceJudge
{
    private const string Rule = "Bounce";
    private const int MaxReasonLength = 4000;

    /// <summary>Judges a report.</summary>
    /// <param name="report">The report.</param>
    /// <param name="byMessageId">The outgoing email with the Message-ID it names; null for none.</param>
    /// <param name="byEnvelope">The outgoing email with the id it names; null for none.</param>
    /// <param name="byToken">Finds the newest outgoing email that bears a token.</param>
    /// <returns>What was found, the email that is to be changed if any, and the reason it is to get.</returns>
    public static (BounceResult Result, BouncedEmail? Email, string? Reason) Judge(
        BounceReport report, BouncedEmail? byMessageId, BouncedEmail? byEnvelope, Func<string, BouncedEmail?> byToken)
    {
        var evidence = new List<Evidence>();
        (BounceMatch match, BouncedEmail? found) = Locate(report, byMessageId, byEnvelope, byToken, evidence);
        if (found is not { } email)
            return (new BounceResult { Match = BounceMatch.None, Evidence = evidence }, null, null);

        List<ActivityParty> parties = [.. email.Parties.Where(p => p.Role is ParticipationType.To or ParticipationType.Cc or ParticipationType.Bcc)];
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
        return (result, email, reason.Length > MaxReasonLength ? reason[..MaxReasonLength] : reason);
    }

    private static bool IsKnown(string? reason, BouncedRecipient bounced) =>
        reason is not null && reason.Split('\n').Any(line => line.StartsWith($"Undeliverable to {bounced.OriginalAddress ?? bounced.Address}:", StringComparison.OrdinalIgnoreCase));

    private static (BounceMatch Match, BouncedEmail? Email) Locate(
        BounceReport report, BouncedEmail? byMessageId, BouncedEmail? byEnvelope, Func<string, BouncedEmail?> byToken, List<Evidence> evidence)
    {
        if (report.MessageId is { } messageId)
            Note("Message-ID " + messageId, byMessageId);
        if (report.ActivityId is { } named)
            Note($"envelope id {named:N}", byEnvelope);
        if (byMessageId is { } one && byEnvelope is { } other && one.Id != other.Id)
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
            BouncedEmail? found = byToken(token);
            Note("tracking token " + token, found);
            if (found is not null)
                return (BounceMatch.TrackingToken, found);
        }

        return (BounceMatch.None, null);

        void Note(string what, BouncedEmail? found) => evidence.Add(new Evidence(
            Rule,
            found is null ? EvidenceVerdict.NoMatch : EvidenceVerdict.Match,
            found is { } email ? $"The returned {what} is that of the outgoing email {email.Id}" : $"No outgoing email has the returned {what}"));
    }
}

/// <summary>A sent email, as far as a report about it is judged by it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Status">Its status.</param>
/// <param name="SentOn">When it was sent; null for never.</param>
/// <param name="Reason">Why it failed; null for unknown.</param>
/// <param name="Parties">Its parties.</param>
internal sealed record BouncedEmail(Guid Id, EmailStatus Status, DateTimeOffset? SentOn, string? Reason, IReadOnlyList<ActivityParty> Parties);

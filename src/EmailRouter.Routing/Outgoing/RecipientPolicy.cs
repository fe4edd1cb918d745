using EmailRouter.Crm;
using EmailRouter.Mime;

namespace EmailRouter.Routing.Outgoing;

/// <summary>Decides to whom a pending email may go: everybody has an address, nobody has opted out, unresolved recipients only where the organization allows them.</summary>
public static class RecipientPolicy
{
    private const string Rule = "RecipientPolicy";

    /// <summary>Applies the policy.</summary>
    /// <param name="email">The email.</param>
    /// <param name="settings">The organization's settings.</param>
    /// <param name="evidence">Receives a line for each recipient.</param>
    /// <param name="refusal">Why the email may not be sent: one of <see cref="DecisionReasons"/> and a sentence; null when it may.</param>
    /// <returns>The envelope recipients, each once.</returns>
    public static IReadOnlyList<string> Apply(PendingEmail email, OrganizationSettings settings, ICollection<Evidence> evidence, out (string Reason, string Explanation)? refusal)
    {
        ArgumentNullException.ThrowIfNull(email);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(evidence);
        refusal = null;
        var recipients = new List<string>();
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (ActivityParty party in email.Parties.Where(p => p.Role is ParticipationType.To or ParticipationType.Cc or ParticipationType.Bcc))
        {
            string who = party.Party?.ToString() ?? party.AddressUsed ?? "a recipient without a name";
            string? problem = Problem(party, settings);
            if (problem is not null)
            {
                evidence.Add(new Evidence(Rule, EvidenceVerdict.Reject, $"{who} {problem}"));
                refusal ??= (DecisionReasons.RecipientNotAllowed, $"{who} {problem}.");
                continue;
            }

            evidence.Add(new Evidence(Rule, EvidenceVerdict.Match, $"{party.Role}: {party.AddressUsed}"));
            if (seen.Add(party.AddressUsed!))
                recipients.Add(party.AddressUsed!);
        }

        if (refusal is null && recipients.Count == 0)
            refusal = (DecisionReasons.NoRecipient, "It has no recipient.");
        return recipients;
    }

    private static string? Problem(ActivityParty party, OrganizationSettings settings)
    {
        if (string.IsNullOrWhiteSpace(party.AddressUsed))
            return "has no email address; add one to the record";
        if (!MailAddress.IsValidAddrSpec(party.AddressUsed))
            return $"has the malformed address \"{party.AddressUsed}\"; correct it in the record";
        if (party.DoNotEmail)
            return "does not want to be mailed (donotemail)";
        if (party.Party is null && !settings.AllowUnresolvedPartiesOnSend)
            return "is no record of the CRM, and the organization does not allow unresolved recipients";
        return null;
    }
}

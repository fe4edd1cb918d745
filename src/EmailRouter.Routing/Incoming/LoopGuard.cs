using EmailRouter.Crm;
using EmailRouter.Mime;

namespace EmailRouter.Routing.Incoming;

/// <summary>Recognises mail that goes round in circles: the marker this router puts on what it sends, and too many hops.</summary>
/// <param name="routerName">The name of this router, as in the marker.</param>
/// <param name="maxReceivedHeaders">How many Received headers are normal.</param>
public sealed class LoopGuard(string routerName, int maxReceivedHeaders)
{
    /// <summary>The header that marks what the router sends; its value is the router's name and the email activity.</summary>
    public const string MarkerHeader = "X-EmailRouter-Loop";

    private const string Rule = "LoopGuard";

    /// <summary>Makes the marker's value.</summary>
    /// <param name="activityId">The email activity that is sent.</param>
    /// <returns>The value.</returns>
    public string Marker(Guid activityId) => $"{routerName} {activityId:D}";

    /// <summary>Looks for too many hops.</summary>
    /// <param name="message">The message.</param>
    /// <returns>Rejecting evidence; null when the hops are within bounds.</returns>
    public Evidence? FindHops(MimeMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        int hops = message.Headers.GetAll("Received").Count;
        return hops > maxReceivedHeaders ? new Evidence(Rule, EvidenceVerdict.Reject, $"{hops} Received headers, more than {maxReceivedHeaders}") : null;
    }

    /// <summary>Looks for a loop.</summary>
    /// <param name="message">The message.</param>
    /// <param name="mailbox">The address of the mailbox it was read from.</param>
    /// <returns>
    /// Rejecting evidence of a loop; a note where this router sent the message to one of its own mailboxes, which is ordinary internal mail; null otherwise.
    /// </returns>
    public Evidence? Find(MimeMessage message, string mailbox)
    {
        if (FindHops(message) is { } hops)
            return hops;
        foreach (string marker in message.Headers.GetAll(MarkerHeader))
        {
            if (!marker.Trim().StartsWith(routerName + " ", StringComparison.OrdinalIgnoreCase))
                continue;
            bool cameBack = message.From.Any(from => from.Address.Equals(mailbox, StringComparison.OrdinalIgnoreCase));
            return cameBack
                ? new Evidence(Rule, EvidenceVerdict.Reject, $"this router sent it from {mailbox}, and it came back ({MarkerHeader}: {marker.Trim()})")
                : new Evidence(Rule, EvidenceVerdict.Note, $"this router sent it ({MarkerHeader}: {marker.Trim()})");
        }

        return null;
    }
}

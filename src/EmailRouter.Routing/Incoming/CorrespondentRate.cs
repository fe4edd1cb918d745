using EmailRouter.Crm;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Incoming;

/// <summary>
/// Counts the answers of each correspondent to each mailbox, so that two machines that answer each other are stopped. Only answers count (automatic replies, and mail
/// with In-Reply-To or References), by the time they were received: neither a shop's thousand orders nor a mailbox's old mail ever comes near it.
/// </summary>
/// <param name="maxPerHour">How many answers an hour are normal.</param>
/// <param name="clock">The clock.</param>
/// <remarks>Safe for use by many polls at once. Kept for the life of the process: a loop that is faster than the limit is one within it.</remarks>
public sealed class CorrespondentRate(int maxPerHour, TimeProvider clock)
{
    private const string Rule = "CorrespondentRate";
    private const int MaxCorrespondents = 4096;

    private static readonly TimeSpan Window = TimeSpan.FromHours(1);

    private readonly Dictionary<(string Deployment, string Mailbox, string Sender), Queue<DateTimeOffset>> answers = [];

    /// <summary>Counts an email.</summary>
    /// <param name="mailbox">The mailbox it came to.</param>
    /// <param name="email">The email.</param>
    /// <param name="counts">Whether it is counted; a dry run only looks.</param>
    /// <returns>Rejecting evidence when there were too many before it; null otherwise.</returns>
    public Evidence? Find(MailboxKey mailbox, IncomingEmail email, bool counts)
    {
        ArgumentNullException.ThrowIfNull(email);
        DateTimeOffset now = clock.GetUtcNow();
        bool isAnswer = email.MessageClass == MessageClassifier.OutOfOffice || email.InReplyTo.Count > 0 || email.References.Count > 0;
        if (!isAnswer || email.From is not { } sender || now - email.ReceivedOn >= Window)
            return null;

        (string, string, string) key = (mailbox.Deployment.ToUpperInvariant(), mailbox.Address.ToUpperInvariant(), sender.Address.ToUpperInvariant());
        lock (answers)
        {
            if (!answers.TryGetValue(key, out Queue<DateTimeOffset>? recent))
            {
                if (!counts)
                    return null;
                if (answers.Count >= MaxCorrespondents)
                    MakeRoom(now);
                answers[key] = recent = new Queue<DateTimeOffset>();
            }

            while (recent.TryPeek(out DateTimeOffset oldest) && now - oldest >= Window)
                recent.Dequeue();
            if (recent.Count >= maxPerHour)
                return new Evidence(Rule, EvidenceVerdict.Reject, $"{recent.Count} answers of {sender.Address} came to this mailbox within the last hour; {maxPerHour} are allowed");
            if (counts)
                recent.Enqueue(email.ReceivedOn > now ? now : email.ReceivedOn);
            return null;
        }
    }

    private void MakeRoom(DateTimeOffset now)
    {
        // Those that are quiet first; when everybody is loud, those with the fewest answers.
        foreach (var key in answers.Where(a => !a.Value.Any(on => now - on < Window)).Select(a => a.Key).ToList())
            answers.Remove(key);
        if (answers.Count < MaxCorrespondents)
            return;
        foreach (var key in answers.OrderBy(a => a.Value.Count).Take(MaxCorrespondents / 2).Select(a => a.Key).ToList())
            answers.Remove(key);
    }
}
